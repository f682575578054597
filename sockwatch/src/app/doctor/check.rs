//! One line of the doctor's: a value, and how it is shown. Looks at nothing itself.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};

use crate::sink::escape::escape;

/// Columns of the state and of the name.
const STATE_WIDTH: usize = 4;
const NAME_WIDTH: usize = 14;

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Works.
    Ok,
    /// Works in a lesser way.
    Part,
    /// Does not work.
    No,
    /// Neither good nor bad.
    Info,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Part => "part",
            Self::No => "no",
            Self::Info => "info",
        }
    }

    const fn style(self) -> Style {
        match self {
            Self::Ok => AnsiColor::Green.on_default(),
            Self::Part => AnsiColor::Yellow.on_default(),
            Self::No => AnsiColor::Red.on_default().bold(),
            Self::Info => Style::new().dimmed(),
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) state: State,
    /// What was looked at.
    pub(super) name: &'static str,
    /// What was found.
    pub(super) finding: String,
    /// What to do about it.
    pub(super) cure: Option<String>,
}

impl Check {
    /// It works.
    pub(super) fn ok(name: &'static str, finding: impl Into<String>) -> Self {
        Self::new(State::Ok, name, finding.into(), None)
    }

    /// It works in a lesser way.
    pub(super) fn part(name: &'static str, finding: impl Into<String>) -> Self {
        Self::new(State::Part, name, finding.into(), None)
    }

    /// What to do about it.
    pub(super) fn with_cure(self, cure: impl Into<String>) -> Self {
        Self {
            cure: Some(cure.into()),
            ..self
        }
    }

    /// It does not work.
    pub(super) fn no(
        name: &'static str,
        finding: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self::new(State::No, name, finding.into(), Some(cure.into()))
    }

    /// It is good to know.
    pub(super) fn info(name: &'static str, finding: impl Into<String>) -> Self {
        Self::new(State::Info, name, finding.into(), None)
    }

    const fn new(state: State, name: &'static str, finding: String, cure: Option<String>) -> Self {
        Self {
            state,
            name,
            finding,
            cure,
        }
    }

    /// Finding and cure, for the line that says why nothing works.
    pub(super) fn reason(&self) -> String {
        format!("{}: {}{}", self.name, self.finding, self.cure_clause())
    }

    fn cure_clause(&self) -> String {
        self.cure
            .as_ref()
            .map_or_else(String::new, |cure| format!("; cure: {cure}"))
    }

    /// Appends the line.
    pub(super) fn render(&self, colour: bool, out: &mut Vec<u8>) {
        let word = self.state.word();
        let pad = STATE_WIDTH - word.len();
        let style = if colour {
            self.state.style()
        } else {
            Style::new()
        };
        // A Vec takes every byte.
        let _ = write!(out, "{style}{word}{style:#}{:pad$} ", "");
        let _ = write!(out, "{:NAME_WIDTH$} ", self.name);
        // Mount points and the kernel's answers are not ours.
        escape(self.finding.as_bytes(), out);
        escape(self.cure_clause().as_bytes(), out);
        out.push(b'\n');
    }
}
