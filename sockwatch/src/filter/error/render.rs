//! A diagnostic as several lines, drawn by annotate-snippets.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Diagnostic, Severity, push_safe, shown};

/// Characters of the expression shown: one line of an ordinary terminal, with the number before it.
const WIDTH: usize = 68;
/// Of these, for the place itself.
const WITHIN: usize = 28;
/// Of these, for what follows the place, if there is so much.
const AFTER: usize = 16;

pub(super) fn render(diagnostic: &Diagnostic, colour: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()));
    if !diagnostic.text.is_empty() {
        let window = Window::of(diagnostic);
        let label = diagnostic.expected.as_deref();
        let place = AnnotationKind::Primary.span(window.span).label(label);
        let snippet = Snippet::source(window.text);
        let snippet = match &diagnostic.line {
            Some((name, line)) => snippet.path(shown(name)).line_start(*line),
            None => snippet.line_numbering(false),
        };
        group = group.element(snippet.annotation(place));
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer.render(&[group])
}

/// The expression around the place.
struct Window {
    text: String,
    span: std::ops::Range<usize>,
}

impl Window {
    fn of(diagnostic: &Diagnostic) -> Self {
        let text = &diagnostic.text;
        let start = text.floor_char_boundary(diagnostic.span.start);
        let end = text.ceil_char_boundary(diagnostic.span.end).max(start);
        let (before, within, after) = (&text[..start], &text[start..end], &text[end..]);
        let mut window = String::new();
        let space = WIDTH - within.chars().take(WITHIN).count();
        let kept = (space - after.chars().take(AFTER).count()).min(before.chars().count());
        push_last(before, kept, &mut window);
        let start = window.len();
        push_first(within, WITHIN, &mut window);
        let end = window.len();
        // What is missing at the end has a place of its own.
        if within.is_empty() {
            window.push(' ');
        }
        push_first(after, space - kept, &mut window);
        Self {
            text: window,
            span: start..end,
        }
    }
}

fn push_first(text: &str, count: usize, out: &mut String) {
    let cut = text.char_indices().nth(count).map(|(at, _)| at);
    let kept = &text[..cut.unwrap_or(text.len())];
    kept.chars().for_each(|c| push_safe(c, out));
    if cut.is_some() {
        out.push('…');
    }
}

fn push_last(text: &str, count: usize, out: &mut String) {
    let cut = text
        .char_indices()
        .rev()
        .nth(count)
        .map(|(at, c)| at + c.len_utf8());
    if cut.is_some() {
        out.push('…');
    }
    text[cut.unwrap_or(0)..]
        .chars()
        .for_each(|c| push_safe(c, out));
}
