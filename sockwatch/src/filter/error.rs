//! What is wrong with a filter, or doubtful: said with the place marked.
//!
//! Finding it is the parser's.

mod render;

use std::fmt;
use std::ops::Range;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// There is no filter.
    Error,
    /// The filter may mean something else than its author thinks.
    Warning,
}

/// Something to tell the author of a filter. Its `Display` is one line without the expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, safe for a terminal.
    pub message: String,
    /// The words joined by a space, or the line of the file; as given, so not safe for a terminal.
    pub text: String,
    /// Name of the file, and number of the line.
    pub line: Option<(String, usize)>,
    /// Which bytes of `text` are meant; empty at its end for something missing.
    pub span: Range<usize>,
    /// What could stand there, safe for a terminal.
    pub expected: Option<String>,
    /// What to write instead, safe for a terminal.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// Several lines: what is wrong, the expression with the place underlined, and the hint. Fits
    /// on a screen however long the expression is, and is safe for a terminal.
    pub fn render(&self, colour: bool) -> String {
        render::render(self, colour)
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, line)) = &self.line {
            write!(f, "{}:{line}: ", shown(name))?;
        }
        f.write_str(&self.message)?;
        if let Some(expected) = &self.expected {
            write!(f, ": {expected}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(Box<Diagnostic>);

impl FilterError {
    /// The details.
    pub fn diagnostic(&self) -> &Diagnostic {
        &self.0
    }

    /// As [`Diagnostic::render`].
    pub fn render(&self, colour: bool) -> String {
        self.0.render(colour)
    }
}

impl From<Diagnostic> for FilterError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(Box::new(diagnostic))
    }
}

/// Text of a filter for a message: safe for a terminal, and cut when it is long.
pub(super) fn shown(text: &str) -> String {
    /// Characters of a word that are enough to recognise it.
    const ENOUGH: usize = 48;
    let mut shown = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == ENOUGH {
            shown.push('…');
            break;
        }
        push_safe(c, &mut shown);
    }
    shown
}

/// All of a text, safe for a terminal.
pub(super) fn safe(text: &str) -> String {
    let mut safe = String::new();
    text.chars().for_each(|c| push_safe(c, &mut safe));
    safe
}

/// Appends a character so that a terminal shows it and does not obey it. A backslash means
/// something in filters, and stays one.
fn push_safe(c: char, out: &mut String) {
    if matches!(c, '\\' | '\'' | '"') {
        out.push(c);
    } else {
        out.extend(c.escape_debug());
    }
}
