//! What stands after a predicate: a text, made into a term or found wrong.
//!
//! Every name is looked up at once but those of hosts, which the caller asks for at the end: they
//! may cost seconds. Nothing here knows where in the expression the text stood.

mod address;
mod attached;
mod family;
mod host;
mod link;
mod netlink;
mod number;
mod ours;
mod port;
mod time;
mod vsock;

pub(super) use time::spelled;

use super::expr::{Compare, Expr, Term};
use super::lookup::{Context, Lookup};
use super::words::Predicate;
use crate::model::AddressFamily;

/// Why a text is not what it should be.
#[derive(Debug)]
pub(super) struct Wrong<'t> {
    /// Which part of the text.
    pub(super) part: &'t str,
    /// Safe for a terminal, as the others.
    pub(super) message: String,
    pub(super) expected: Option<String>,
    pub(super) hint: Option<String>,
}

impl<'t> Wrong<'t> {
    pub(super) fn new(part: &'t str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            part,
            message,
            expected: None,
            hint: None,
        }
    }

    pub(super) fn expected(self, expected: impl Into<String>) -> Self {
        Self {
            expected: Some(format!("expected {}", expected.into())),
            ..self
        }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// The same, with a hint if there is one.
    pub(super) fn maybe_hint(self, hint: Option<String>) -> Self {
        Self {
            hint: hint.or(self.hint),
            ..self
        }
    }
}

/// What names mean here, and who knows.
pub(super) struct Names<'a> {
    pub(super) context: &'a Context,
    pub(super) lookup: &'a mut dyn Lookup,
}

/// A host that has yet to be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct HostName<'t> {
    pub(super) name: &'t str,
    pub(super) family: Option<AddressFamily>,
}

/// A predicate with its value.
#[derive(Debug)]
pub(super) struct Made<'t> {
    /// One term, or `not` and one term.
    pub(super) expr: Expr,
    /// The host whose addresses the term's prefixes have to be.
    pub(super) host: Option<HostName<'t>>,
}

impl From<Term> for Made<'_> {
    fn from(term: Term) -> Self {
        Self {
            expr: Expr::Term(term),
            host: None,
        }
    }
}

/// The term that a predicate makes of its value.
pub(super) fn made<'t>(
    predicate: Predicate,
    compare: Compare,
    text: &'t str,
    names: &mut Names<'_>,
) -> Result<Made<'t>, Wrong<'t>> {
    Ok(match predicate {
        Predicate::Host(end) => host::host(end, text, names)?,
        Predicate::Port(end) => port::term(end, compare, text, names)?.into(),
        Predicate::Dev => attached::dev(compare, text, names)?.into(),
        Predicate::Mark => attached::mark(compare, text)?.into(),
        Predicate::Cgroup => attached::cgroup(compare, text, names)?.into(),
        Predicate::Autobound => Term::Autobound.into(),
        Predicate::Pid => Term::Pid(compare, ours::numbers(compare, text)?).into(),
        Predicate::Retrans => Term::Retrans(compare, ours::numbers(compare, text)?).into(),
        Predicate::Uid | Predicate::User => {
            Term::Uid(compare, ours::users(compare, text, names)?).into()
        }
        Predicate::Netns => Term::Netns(compare, ours::namespaces(text, names)?).into(),
        Predicate::Comm => Term::Comm(compare, ours::glob(text)).into(),
        Predicate::Container => Term::Container(compare, ours::glob(text)).into(),
        Predicate::Dwell => Term::Dwell(compare, time::time(text)?).into(),
        Predicate::Age => Term::Age(compare, time::time(text)?).into(),
        Predicate::Rtt => Term::Rtt(compare, time::time(text)?).into(),
        Predicate::Cause => Term::Cause(compare, ours::causes(text)?).into(),
    })
}
