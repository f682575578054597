//! Words to [`Filter`].
//!
//! The language is that of `ss`: predicates, strictly from left to right, `and` and `or` of one
//! rank, `not` bound to one term. What a value means is `value`'s.

#[cfg(test)]
mod fuzz;
mod hosts;
mod list;
mod mistakes;
mod mixed;
#[cfg(test)]
mod tests;

use super::error::{Diagnostic, FilterError};
use super::expr::Expr;
use super::lex::{Joined, Text};
use super::lookup::{Context, Lookup};
use super::states;
use super::value::{Names, Wrong};
use crate::model::StateSet;
use list::Parser;

/// Bytes of a filter, its file included.
const LONGEST: usize = 1 << 20;

/// The words of a filter, and its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// As given on the command line, states first.
    pub words: &'a [String],
    /// What `-F` names.
    pub file: Option<FilterFile<'a>>,
}

/// A file that continues the expression. Its lines follow the words as if with a blank between
/// them; those that begin with `#` are comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterFile<'a> {
    /// For errors.
    pub name: &'a str,
    /// What is in it.
    pub text: &'a str,
}

/// What the words mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The states asked for, which may be none; `None` when no words said so.
    pub states: Option<StateSet>,
    /// The expression.
    pub expr: Expr,
    /// What the author should know.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a filter. Host names are looked up after everything else has been found right, each once.
///
/// # Errors
/// What is wrong, where, and what to write instead.
pub fn parse(
    source: &Source<'_>,
    context: &Context,
    lookup: &mut dyn Lookup,
) -> Result<Filter, FilterError> {
    let joined = Joined::new(source.words);
    let mut text = Text::new(&joined);
    let bytes = joined.len() + source.file.map_or(0, |file| file.text.len());
    if bytes > LONGEST {
        let message = format!("the filter is longer than {LONGEST} bytes");
        return Err(text.error(text.nowhere(), Wrong::new("", message)));
    }
    let (states, taken) = states::states(&text)?;
    let tokens = text.tokens(taken, source);
    let names = Names {
        context,
        lookup: &mut *lookup,
    };
    let mut parsed = Parser::new(&text, &tokens, names).parse()?;
    hosts::fill(&mut parsed, &text, lookup)?;
    Ok(Filter {
        states,
        expr: parsed.expr,
        warnings: parsed.warning.into_iter().collect(),
    })
}
