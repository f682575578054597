//! Which minisockets to look at and when, and what a look means: those of which nobody tells, and
//! those of which nothing was heard when they must have come to an end.
//!
//! Looks at nothing itself.

use std::num::NonZeroU64;

use super::{
    Change, Follow, Table,
    ends::Ends,
    minis::{Facts, Stands, TimeWait, Watch},
    outcome::in_order,
    step::Step,
    waits::Span,
};
use crate::model::{Cause, MonoNs, Nanos, Observed, Proto, SocketInfo, SocketKey, TcpState, Tuple};

/// A minisocket that has to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToLookAt {
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
    /// Whether somebody should have told of it, and was not heard.
    pub overdue: bool,
}

impl ToLookAt {
    /// That a look showed `found` of it at `at`.
    pub fn seen(&self, found: Option<Found>, at: MonoNs) -> Look {
        Look {
            key: self.key,
            due: self.due,
            found,
            at,
        }
    }
}

/// What a look at a minisocket showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Its identity.
    pub key: SocketKey,
    /// When the look was due. If it is due at another time now, something was heard meanwhile, or
    /// the identity, which can be an address, is another's.
    pub due: MonoNs,
    /// What is between its ends, with its cookie if that is known; `None` if nothing is.
    pub found: Option<Found>,
    /// When that was seen.
    pub at: MonoNs,
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its state; half-open is `SynRecv`.
    pub state: TcpState,
    /// Its cookie, unless the kernel does not tell.
    pub cookie: Option<NonZeroU64>,
    /// How long it has left, where it is a minisocket and that is known.
    pub left: Option<Nanos>,
}

impl Found {
    fn is_timewait(&self) -> bool {
        match self.state {
            TcpState::TimeWait => true,
            // Or a process has it.
            TcpState::FinWait2 => self.left.is_some(),
            _ => false,
        }
    }
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
    /// left out. Which these are: what is only inferred (see [`super::Followed`]), `fin-wait-2`
    /// whose FIN is not watched for, and whatever must be over by now and was not said to be.
    pub fn to_look_at(&self, now: MonoNs, limit: usize) -> impl Iterator<Item = ToLookAt> {
        self.minis
            .looks()
            .take(limit)
            .take_while(move |(due, _)| *due <= now)
            .map(|(due, slot)| {
                let entry = self.slots.get(slot);
                let facts = self.minis.get(entry);
                ToLookAt {
                    key: entry.key,
                    tuple: entry.tuple,
                    netns: entry.netns(),
                    ifindex: facts.map_or(0, Facts::ifindex),
                    state: entry.state,
                    due,
                    overdue: !self.minis.is_polled(entry),
                }
            })
    }

    /// When the next look is due, unless something is heard before.
    pub fn look_due(&self) -> Option<MonoNs> {
        self.minis.looks().next().map(|(due, _)| due)
    }

    /// Takes in what a look showed at one of [`Table::to_look_at`]. Says what changes that means, in
    /// their order.
    pub fn looked(&mut self, look: &Look) -> [Option<Change>; 2] {
        let Some(slot) = self.slot(look.key) else {
            // Somebody has told meanwhile.
            return [None; 2];
        };
        let Some(facts) = self.minis.get(self.slots.get(slot)) else {
            return [None; 2];
        };
        if facts.watch == Watch::Done || facts.due != look.due {
            return [None; 2];
        }
        match (&facts.stands, look.found) {
            (_, None) => self.gone_unheard(slot, look.at),
            (Stands::Request(_), Some(found)) => self.found_request(slot, found, look.at),
            (Stands::TimeWait(_), Some(found)) => self.found_timewait(slot, found, look.at),
        }
    }

    /// The minisocket in `slot` was not there at `at`.
    fn gone_unheard(&mut self, slot: u32, at: MonoNs) -> [Option<Change>; 2] {
        let entry = *self.slots.get(slot);
        let substate = self.timewait_in(slot).map(|timewait| timewait.substate);
        // The event of the full socket that should have said so is lost.
        let last = match entry.state {
            TcpState::TimeWait => TcpState::TimeWait,
            state => substate.unwrap_or(state),
        };
        let missed = self.catch_up(slot, last, at);
        let step = Step {
            at,
            new: TcpState::Close,
            observed: Observed::Poll,
            cause: self.cause_unseen(slot, last, at),
        };
        let end = self.step(slot, step);
        self.remove(slot);
        in_order([missed, Some(end)])
    }

    /// Why a minisocket in state `last` is gone, as far as the time tells: what is gone before its
    /// time can have ended in many ways.
    fn cause_unseen(&self, slot: u32, last: TcpState, at: MonoNs) -> Option<Cause> {
        let is_told = !self.minis.is_polled(self.slots.get(slot));
        let lasted = at.since(self.timewait_in(slot)?.learnt);
        let over = last == TcpState::TimeWait && (is_told || lasted >= TIME_WAIT);
        over.then_some(Cause::Finished)
    }

    fn found_timewait(&mut self, slot: u32, found: Found, at: MonoNs) -> [Option<Change>; 2] {
        let state = self.slots.get(slot).state;
        if !matches!(found.state, TcpState::FinWait2 | TcpState::TimeWait) {
            return self.gone_unheard(slot, at);
        }
        // A look may be older than what has been told since.
        if state == found.state || (state, found.state) == OUT_OF_DATE {
            self.look_again(slot, found.left, at);
            return [None; 2];
        }
        self.tell(slot);
        let change = self.catch_up(slot, found.state, at);
        self.learn_substate(slot, found.state, at);
        self.look_again(slot, found.left, at);
        [change, None]
    }

    fn found_request(&mut self, slot: u32, found: Found, at: MonoNs) -> [Option<Change>; 2] {
        if found.state == TcpState::SynRecv {
            self.look_again(slot, found.left, at);
            return [None; 2];
        }
        // It has become what was found. We may have heard of that; and what has no cookie is not to be
        // followed.
        let timewait = self.minis.timewait(&Ends::of_entry(self.slots.get(slot)));
        let key = |cookie: NonZeroU64| SocketKey::new(Proto::Tcp, cookie.get(), 0);
        let is_known = |key| self.slot(key).is_some_and(|other| other != slot);
        let key = found.cookie.map(key).filter(|&key| !is_known(key));
        let Some(key) = key.filter(|_| timewait.is_none()) else {
            self.remove(slot);
            return [None; 2];
        };
        let request = self.detach(slot);
        self.rename(slot, key);
        let step = Step {
            at,
            new: found.state,
            observed: Observed::Poll,
            cause: None,
        };
        let change = self.step(slot, step);
        if found.is_timewait() {
            let info = SocketInfo {
                ifindex: request.map(|request| request.ifindex()),
                ..change.transition.info
            };
            let timewait = TimeWait::new(found.state, at, info);
            self.attach(slot, Facts::new(0, Stands::TimeWait(Box::new(timewait))));
            if self.followed.timewaits == Follow::Told && found.state == TcpState::TimeWait {
                self.look_again(slot, found.left, at);
            } else {
                self.look_next(slot, at);
            }
        }
        [Some(change), None]
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
        if self.followed.timewaits == Follow::Told && substate == TcpState::TimeWait {
            self.minis.expect(&entry, at, Span::TIME_WAIT);
        } else if self.minis.is_polled(&entry) {
            self.look_next(slot, at);
        }
    }

    /// The minisocket in `slot` is there at `now`, and has `left` to go, as far as that is known.
    pub(super) fn look_again(&mut self, slot: u32, left: Option<Nanos>, now: MonoNs) {
        let entry = self.slots.get(slot);
        if self.minis.is_polled(entry) {
            self.look_next(slot, now);
        } else {
            self.minis
                .expect(entry, now, left.map_or(Span::TIME_WAIT, Span::of));
        }
    }

    /// Wants a look at the minisocket in `slot`, `now` being the time of the last: nobody tells of
    /// it.
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
        self.minis.poll(entry, due);
    }

    /// From one look to the next at a TIME-WAIT of which nobody tells and whose time is not over:
    /// hardly any ends before, so that where there are many they are looked at as seldom as keeps
    /// the looks per second few.
    fn patience(&self) -> Nanos {
        let crowds = self.minis.polled_count() / CROWD;
        Nanos(LATEST.0.saturating_mul(1 + crowds as u64))
    }

    pub(super) fn timewait_in(&self, slot: u32) -> Option<&TimeWait> {
        self.minis.get(self.slots.get(slot))?.timewait()
    }
}

pub(super) fn later(at: MonoNs, span: Nanos) -> MonoNs {
    MonoNs(at.0.saturating_add(span.0))
}
