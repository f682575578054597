//! `and` and `or` in one list without parentheses: how it is read.
//!
//! The reading itself is the parser's; this explains it.

use std::ops::Range;

use super::list::Join;
use crate::filter::error::{Diagnostic, Severity, safe};
use crate::filter::lex::{At, Text, Token};
use crate::filter::value::Wrong;

/// What a list was made of, in case it has to be explained.
#[derive(Default)]
pub(super) struct Joins {
    /// The tokens of each term.
    terms: Vec<Range<usize>>,
    /// What is before each but the first.
    before: Vec<Join>,
    /// Where the kind of join changes first.
    changes: Option<At>,
}

impl Joins {
    pub(super) fn of(first: Range<usize>) -> Self {
        Self {
            terms: vec![first],
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, join: Join, at: At, term: Range<usize>) {
        if self.changes.is_none() && self.before.last().is_some_and(|last| *last != join) {
            self.changes = Some(at);
        }
        self.before.push(join);
        self.terms.push(term);
    }

    pub(super) fn warning(&self, text: &Text<'_>, tokens: &[Token<'_>]) -> Option<Diagnostic> {
        let at = self.changes?;
        let message = "`and` and `or` without parentheses are read from left to right";
        let read = self.with_parentheses(text, tokens);
        let wrong = Wrong::new("", message).hint(match read {
            Some(read) => format!("it is read as `{read}`"),
            None => "put parentheses where you mean them".to_owned(),
        });
        Some(text.diagnostic(Severity::Warning, at, wrong))
    }

    /// The list as it is read; `None` when that is too long to be of help.
    fn with_parentheses(&self, text: &Text<'_>, tokens: &[Token<'_>]) -> Option<String> {
        const LONGEST: usize = 240;
        let changes = |pair: &&[Join]| pair[0] != pair[1];
        let mut read = "( ".repeat(self.before.windows(2).filter(changes).count());
        let mut last = None;
        for (index, term) in self.terms.iter().enumerate() {
            let join = index
                .checked_sub(1)
                .and_then(|before| self.before.get(before))
                .copied();
            if last.is_some() && last != join {
                read.push_str(" )");
            }
            read.push_str(match join {
                None => "",
                Some(Join::And) => " and ",
                Some(Join::Or) => " or ",
            });
            last = join;
            for (index, token) in tokens.get(term.clone())?.iter().enumerate() {
                read.push_str(if index > 0 { " " } else { "" });
                read.push_str(text.written(token.at));
                if read.len() > LONGEST {
                    return None;
                }
            }
        }
        Some(safe(&read))
    }
}
