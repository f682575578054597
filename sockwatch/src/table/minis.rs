//! What is remembered of minisockets beyond their entries, and how they are found.
//!
//! Kept aside, so that the entries of full sockets stay small, and so that events of those look
//! nothing up here. Knows nothing of what follows from it.

use std::{collections::BTreeSet, num::NonZeroU32};

use rustc_hash::FxHashMap;

use super::{Entry, ends::Ends, slab::Slab};
use crate::model::{MonoNs, SocketInfo, TcpNumbers, TcpState};

/// Which [`Facts`] are those of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MiniNumber(NonZeroU32);

impl MiniNumber {
    fn new(number: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(number))
    }

    fn get(self) -> u32 {
        self.0.get() - 1
    }
}

/// A minisocket.
#[derive(Debug)]
pub(super) struct Facts {
    /// Its address, 0 while unknown.
    pub(super) address: u64,
    /// What it stands for.
    pub(super) stands: Stands,
    /// Whether a dump is all we have heard of it.
    pub(super) seeded: bool,
    /// When somebody should look at it, where nobody tells what becomes of it.
    look_at: Option<MonoNs>,
}

/// What a minisocket stands for.
#[derive(Debug)]
pub(super) enum Stands {
    /// A half-open connection.
    Request(Request),
    /// A connection that the process has left.
    TimeWait(Box<TimeWait>),
}

/// What is remembered of a `request_sock`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Request {
    /// Whether its listener was once known.
    pub(super) had_listener: bool,
    /// Whether it has ended, perhaps in the connection of a child that is not filled in yet.
    pub(super) ended: bool,
}

/// What is remembered of an `inet_timewait_sock`.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeWait {
    /// What it was last said to be, `FinWait2` or `TimeWait`. The entry follows when that is told.
    pub(super) substate: TcpState,
    /// When that was learnt.
    pub(super) learnt: MonoNs,
    /// Whether the full socket's change to `Close` is still to come.
    pub(super) waits: bool,
    /// Whether nothing was told yet of the entry's state.
    pub(super) untold: bool,
    /// What the socket carried.
    pub(super) info: SocketInfo,
    /// Its numbers at its end.
    pub(super) tcp: Option<TcpNumbers>,
}

impl Facts {
    pub(super) fn new(address: u64, stands: Stands) -> Self {
        Self {
            address,
            stands,
            seeded: false,
            look_at: None,
        }
    }

    /// Of a minisocket that a dump shows, which does not tell its address.
    pub(super) fn seeded(stands: Stands) -> Self {
        Self {
            seeded: true,
            ..Self::new(0, stands)
        }
    }

    /// Whether the minisocket at `address` may be this one; 0 is unknown.
    pub(super) fn may_be_at(&self, address: u64) -> bool {
        self.address == address || self.address == 0 || address == 0
    }

    pub(super) fn request_mut(&mut self) -> Option<&mut Request> {
        match &mut self.stands {
            Stands::Request(request) => Some(request),
            Stands::TimeWait(_) => None,
        }
    }

    pub(super) fn timewait(&self) -> Option<&TimeWait> {
        match &self.stands {
            Stands::TimeWait(timewait) => Some(timewait),
            Stands::Request(_) => None,
        }
    }

    pub(super) fn timewait_mut(&mut self) -> Option<&mut TimeWait> {
        match &mut self.stands {
            Stands::TimeWait(timewait) => Some(timewait),
            Stands::Request(_) => None,
        }
    }
}

/// All minisockets.
#[derive(Default)]
pub(super) struct Minis {
    facts: Slab<Facts>,
    /// Slots of half-open connections.
    requests: FxHashMap<Ends, u32>,
    /// Slots of connections that are TIME-WAIT or an orphan's FIN-WAIT-2, or about to be.
    timewaits: FxHashMap<Ends, u32>,
    /// When to look at what nobody tells of, and their slots.
    looks: BTreeSet<(MonoNs, u32)>,
}

impl Minis {
    /// Whether no half-open connection is known.
    pub(super) fn no_requests(&self) -> bool {
        self.requests.is_empty()
    }

    /// The slot of the half-open connection between these ends.
    pub(super) fn request(&self, ends: &Ends) -> Option<u32> {
        self.requests.get(ends).copied()
    }

    /// The slot of the TIME-WAIT or orphan's FIN-WAIT-2 between these ends.
    pub(super) fn timewait(&self, ends: &Ends) -> Option<u32> {
        self.timewaits.get(ends).copied()
    }

    /// The facts of an entry.
    pub(super) fn get(&self, entry: &Entry) -> Option<&Facts> {
        entry.mini.map(|number| self.facts.get(number.get()))
    }

    /// The same, to change them.
    pub(super) fn get_mut(&mut self, entry: &Entry) -> Option<&mut Facts> {
        entry.mini.map(|number| self.facts.get_mut(number.get()))
    }

    /// Gives the entry in `slot`, which has none, a minisocket. Its ends may not change after that,
    /// and no other entry may have the same.
    pub(super) fn attach(&mut self, slot: u32, entry: &mut Entry, facts: Facts) {
        let by_ends = match facts.stands {
            Stands::Request(_) => &mut self.requests,
            Stands::TimeWait(_) => &mut self.timewaits,
        };
        by_ends.insert(Ends::of_entry(entry), slot);
        entry.mini = Some(MiniNumber::new(self.facts.insert(facts)));
    }

    /// Takes the minisocket of the entry in `slot` away.
    pub(super) fn detach(&mut self, slot: u32, entry: &mut Entry) -> Option<Facts> {
        let facts = self.facts.remove(entry.mini.take()?.get());
        let by_ends = match facts.stands {
            Stands::Request(_) => &mut self.requests,
            Stands::TimeWait(_) => &mut self.timewaits,
        };
        by_ends.remove(&Ends::of_entry(entry));
        if let Some(at) = facts.look_at {
            self.looks.remove(&(at, slot));
        }
        Some(facts)
    }

    /// Wants somebody to look at the minisocket of the entry in `slot` at this moment, or nobody.
    pub(super) fn look(&mut self, slot: u32, entry: &Entry, at: Option<MonoNs>) {
        let Some(number) = entry.mini else { return };
        let facts = self.facts.get_mut(number.get());
        if let Some(before) = std::mem::replace(&mut facts.look_at, at) {
            self.looks.remove(&(before, slot));
        }
        if let Some(at) = at {
            self.looks.insert((at, slot));
        }
    }

    /// Whether nobody tells what becomes of the minisocket of this entry.
    pub(super) fn is_unwatched(&self, entry: &Entry) -> bool {
        self.get(entry).is_some_and(|facts| facts.look_at.is_some())
    }

    /// How many somebody should look at.
    pub(super) fn look_count(&self) -> usize {
        self.looks.len()
    }

    /// When to look, and the slots at which, soonest first.
    pub(super) fn looks(&self) -> impl Iterator<Item = (MonoNs, u32)> {
        self.looks.iter().copied()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
            && self.timewaits.is_empty()
            && self.looks.is_empty()
            && self.facts.is_empty()
    }
}
