//! Minisockets of which nobody tells: which of them to look at and when, and what a look means.
//!
//! Looks at nothing itself.

use super::{Change, Follow, Table, minis::TimeWait, step::Step};
use crate::model::{Cause, MonoNs, Nanos, Observed, SocketKey, TcpState, Tuple};

/// A minisocket that has to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwatched {
    /// Identity in the table; `sk` is no address.
    pub key: SocketKey,
    /// Both ends.
    pub tuple: Tuple,
    /// Network namespace.
    pub netns: Option<u32>,
    /// Bound device, 0 for none.
    pub ifindex: u32,
    /// The state that was told last.
    pub state: TcpState,
    /// When a look is due.
    pub due: MonoNs,
}

/// What a look at a minisocket showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Its identity.
    pub key: SocketKey,
    /// Its state; `None` if it is gone.
    pub found: Option<TcpState>,
    /// When that was seen.
    pub at: MonoNs,
}

/// How long after it was learnt a state is looked at first, and the longest time between two looks:
/// in between, half as long again as it has lasted.
const SOONEST: Nanos = Nanos(50_000_000);
const LATEST: Nanos = Nanos(500_000_000);
/// So many to look at are looked at every [`LATEST`], twice as many half as often, and so on.
const CROWD: usize = 4_096;
/// `TCP_TIMEWAIT_LEN`, less what may have passed of it before it was learnt.
const TIME_WAIT: Nanos = Nanos(60_000_000_000 - 2 * LATEST.0);

/// Told, and found.
const OUT_OF_DATE: (TcpState, TcpState) = (TcpState::TimeWait, TcpState::FinWait2);

impl Table {
    /// The first `limit` of those to look at, soonest first, with those that are not due at `now`
    /// left out. Which these are: what is only inferred (see [`super::Followed`]), and
    /// `fin-wait-2` whose FIN is not watched for.
    pub fn unwatched(&self, now: MonoNs, limit: usize) -> impl Iterator<Item = Unwatched> {
        self.minis
            .looks()
            .take(limit)
            .take_while(move |(due, _)| *due <= now)
            .map(|(due, slot)| {
                let entry = self.slots.get(slot);
                Unwatched {
                    key: entry.key,
                    tuple: entry.tuple,
                    netns: entry.netns,
                    ifindex: self
                        .timewait_in(slot)
                        .and_then(|timewait| timewait.info.ifindex)
                        .unwrap_or(0),
                    state: entry.state,
                    due,
                }
            })
    }

    /// When the next look is due.
    pub fn look_due(&self) -> Option<MonoNs> {
        self.minis.looks().next().map(|(due, _)| due)
    }

    /// Takes in what a look at `at` showed of one of [`Table::unwatched`]: its state, or nothing.
    /// Says what changes that means, in their order.
    pub fn looked(
        &mut self,
        key: SocketKey,
        found: Option<TcpState>,
        at: MonoNs,
    ) -> [Option<Change>; 2] {
        let slot = self.slot(key);
        let Some(slot) = slot.filter(|&slot| self.minis.is_unwatched(self.slots.get(slot))) else {
            // Somebody has told meanwhile.
            return [None; 2];
        };
        let step = |new, cause| Step {
            at,
            new,
            observed: Observed::Poll,
            cause,
        };
        match (self.slots.get(slot).state, found) {
            // A look may be older than what has been told since.
            (old, Some(new)) if old == new || (old, new) == OUT_OF_DATE => {
                self.look_next(slot, at);
                [None; 2]
            }
            (TcpState::FinWait2, Some(new @ TcpState::TimeWait)) => {
                let change = self.step(slot, step(new, None));
                self.learn_substate(slot, new, at);
                [Some(change), None]
            }
            (old, _) => {
                let change = self.step(
                    slot,
                    step(TcpState::Close, self.cause_unseen(slot, old, at)),
                );
                self.remove(slot);
                [Some(change), None]
            }
        }
    }

    /// Why a minisocket in state `old` is gone, as far as the time tells: what is gone before its
    /// time can have ended in many ways.
    fn cause_unseen(&self, slot: u32, old: TcpState, at: MonoNs) -> Option<Cause> {
        let learnt = self.timewait_in(slot)?.learnt;
        let over = old == TcpState::TimeWait && at.since(learnt) >= TIME_WAIT;
        over.then_some(Cause::Finished)
    }

    /// The minisocket in `slot` is in this state now, and nobody may be watching it any more.
    pub(super) fn learn_substate(&mut self, slot: u32, substate: TcpState, at: MonoNs) {
        let entry = *self.slots.get(slot);
        let facts = self.minis.get_mut(&entry);
        let Some(timewait) = facts.and_then(|facts| facts.timewait_mut()) else {
            return;
        };
        if timewait.substate != substate {
            (timewait.substate, timewait.learnt) = (substate, at);
        }
        // The end of a TIME-WAIT is told wherever minisockets are followed.
        if self.minis.is_unwatched(&entry) {
            if self.followed.timewaits == Follow::Told && substate == TcpState::TimeWait {
                self.minis.look(slot, &entry, None);
            } else {
                self.look_next(slot, at);
            }
        }
    }

    /// Wants a look at the minisocket in `slot`, `now` being the time of the last.
    pub(super) fn look_next(&mut self, slot: u32, now: MonoNs) {
        let due = match self.timewait_in(slot) {
            Some(&TimeWait {
                substate: TcpState::TimeWait,
                learnt,
                ..
            }) => {
                // At first, to see whether there was room for it; and when its time is over.
                let soon = later(now, LATEST);
                let over = later(learnt, TIME_WAIT).max(soon);
                let is_new = now <= learnt;
                if is_new {
                    soon
                } else {
                    later(now, self.patience()).min(over)
                }
            }
            Some(timewait) => {
                let lasted = now.since(timewait.learnt);
                later(now, Nanos(lasted.0 / 2).clamp(SOONEST, LATEST))
            }
            None => later(now, LATEST),
        };
        let entry = self.slots.get(slot);
        self.minis.look(slot, entry, Some(due));
    }

    /// From one look to the next at a TIME-WAIT whose time is not over: hardly any ends before, so
    /// that where there are many they are looked at as seldom as keeps the looks per second few.
    fn patience(&self) -> Nanos {
        let crowds = self.minis.look_count() / CROWD;
        Nanos(LATEST.0.saturating_mul(1 + crowds as u64))
    }

    pub(super) fn timewait_in(&self, slot: u32) -> Option<&TimeWait> {
        self.minis.get(self.slots.get(slot))?.timewait()
    }
}

fn later(at: MonoNs, span: Nanos) -> MonoNs {
    MonoNs(at.0.saturating_add(span.0))
}
