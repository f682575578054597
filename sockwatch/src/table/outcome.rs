//! What the table says of what it is told.

use crate::model::{Cause, Errno, Nanos, Owner, Transition, Tuple};

/// What the table adds to a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The tuple with all that is known of the connection.
    pub tuple: Tuple,
    /// Time spent in the old state; `None` when its begin was not seen.
    pub dwell: Option<Nanos>,
    /// Time since the connection began; `None` when that was not seen.
    pub age: Option<Nanos>,
    /// Who owns the socket.
    pub owner: Option<Owner>,
    /// Why it was closed; only on a transition to `Close`.
    pub cause: Option<Cause>,
    /// The error it was closed with.
    pub errno: Option<Errno>,
    /// The process that closed the socket with this transition, be it the owner or not.
    pub closer: Option<Owner>,
    /// From `established` to the first use by the process that accepted the connection; on leaving
    /// `established`.
    pub accept_wait: Option<Nanos>,
    /// SYN-ACKs sent again; on leaving `syn-recv`.
    pub synack_retrans: Option<u8>,
}

impl Applied {
    /// Nothing but what the transition says itself.
    pub const fn of(transition: &Transition) -> Self {
        Self {
            tuple: transition.tuple,
            dwell: None,
            age: None,
            owner: None,
            cause: None,
            errno: None,
            closer: None,
            accept_wait: None,
            synack_retrans: None,
        }
    }
}

/// A state change of a connection, and what the table adds to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// As an event of the kernel would tell it.
    pub transition: Transition,
    /// What the table knows.
    pub applied: Applied,
}

/// What an event of the kernel means for its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "boxing would allocate once per event"
)]
pub enum Outcome {
    /// What it says.
    Applied(Applied),
    /// Another change than it says.
    Instead(Change),
    /// No change.
    Merged,
}

/// At most two changes, in their order, without a gap.
pub(super) fn in_order(mut changes: [Option<Change>; 2]) -> [Option<Change>; 2] {
    if changes[0].is_none() {
        changes.swap(0, 1);
    }
    changes
}
