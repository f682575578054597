//! What of a filter the kernel programs can apply themselves, so that a busy machine pays little for
//! a narrow filter.
//!
//! From a selection and an expression to necessary conditions: a few clauses of ranges and prefixes
//! that whatever matters satisfies, and a table of the state changes that matter. It may only be too
//! wide: terms that can't be judged in the kernel, or not before the connection's end, count as true
//! under either sign, and where clauses are too many, neighbours are merged. Left out on purpose,
//! though the socket carries them: device, mark and user, which a program can change at any time
//! (SO_BINDTODEVICE, SO_MARK, `sock_graft`).
//!
//! How the programs decide is [`sockwatch_common::filter`]'s; what is shown is still decided by the
//! whole filter.

mod address;
mod clause;
mod states;
mod terms;

use std::fmt;

use sockwatch_common::filter::{CLAUSES, Filter, Head, STATES};

use super::{Expr, Selection};
use clause::Clause;
pub use states::Matter;

/// Necessary conditions for an event to matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefilter {
    /// At most [`CLAUSES`].
    clauses: Vec<Clause>,
    kept: [u32; STATES],
}

impl Prefilter {
    /// The conditions that follow from `selection` and `expr`; `None` where everything can matter.
    pub fn new(selection: &Selection, expr: &Expr) -> Option<Self> {
        let prefilter = Self {
            clauses: terms::clauses(selection, expr, CLAUSES),
            kept: states::kept(selection),
        };
        let passes_all = prefilter.clauses.contains(&Clause::ANY);
        (!passes_all || prefilter.kept != Filter::NONE.kept).then_some(prefilter)
    }

    /// As the kernel programs take it.
    pub fn to_kernel(&self) -> Filter {
        let mut filter = Filter {
            head: Head {
                active: 1,
                clauses: 0,
                ..Filter::NONE.head
            },
            kept: self.kept,
            ..Filter::NONE
        };
        let slots = filter.tests.iter_mut().zip(&mut filter.prefixes);
        for (clause, (test, prefixes)) in self.clauses.iter().zip(slots) {
            (*test, *prefixes) = clause.to_kernel();
            filter.head.clauses += 1;
            filter.head.needs |= clause.needs();
        }
        filter
    }
}

/// One line for a person: what the programs let through.
impl fmt::Display for Prefilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.clauses.is_empty() {
            f.write_str("nothing")?;
        }
        for (index, clause) in self.clauses.iter().enumerate() {
            let or = if index == 0 { "" } else { " or " };
            write!(f, "{or}{clause}")?;
        }
        if self.kept != Filter::NONE.kept {
            f.write_str("; only state changes that matter to a shown one")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
