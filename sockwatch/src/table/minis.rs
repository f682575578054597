//! What is remembered of minisockets beyond their entries, and how they are found.
//!
//! Kept aside, so that the entries of full sockets stay small, and so that events of those look
//! nothing up here. Knows nothing of what follows from it.

use std::{collections::BTreeSet, num::NonZeroU32};

use rustc_hash::FxHashMap;

use super::{
    Entry,
    ends::Ends,
    slab::Slab,
    waits::{Neighbours, Span, Waits},
};
use crate::model::{MonoNs, SocketInfo, TcpNumbers, TcpState};

/// Which [`Facts`] are those of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MiniNumber(NonZeroU32);

impl MiniNumber {
    fn new(number: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(number))
    }

    pub(super) fn get(self) -> u32 {
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
    /// Who says what becomes of it.
    pub(super) watch: Watch,
    /// When somebody is to look at it; of no account without `watch`.
    pub(super) due: MonoNs,
    /// The slot of its entry; 0 until it has one.
    pub(super) slot: u32,
    /// Those that are overdue before and after it.
    pub(super) neighbours: Neighbours,
}

/// Who says what becomes of a minisocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    /// Nobody any more: it has ended.
    Done,
    /// Nobody: somebody has to look.
    Polled,
    /// It does itself, within such a span.
    Told(Span),
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
    /// Bound device, 0 for none.
    pub(super) ifindex: u32,
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

impl TimeWait {
    /// One of which its full socket tells no more.
    pub(super) fn new(substate: TcpState, learnt: MonoNs, info: SocketInfo) -> Self {
        Self {
            substate,
            learnt,
            waits: false,
            untold: false,
            info,
            tcp: None,
        }
    }
}

impl Facts {
    pub(super) fn new(address: u64, stands: Stands) -> Self {
        Self {
            address,
            stands,
            seeded: false,
            watch: Watch::Done,
            due: MonoNs::default(),
            slot: 0,
            neighbours: Neighbours::default(),
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

    /// Bound device, 0 for none.
    pub(super) fn ifindex(&self) -> u32 {
        match &self.stands {
            Stands::Request(request) => request.ifindex,
            Stands::TimeWait(timewait) => timewait.info.ifindex.unwrap_or(0),
        }
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
    polled: BTreeSet<(MonoNs, u32)>,
    /// What tells of itself.
    waits: Waits,
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
    /// and no other entry may have the same. Whoever watched it before does so again.
    pub(super) fn attach(&mut self, slot: u32, entry: &mut Entry, facts: Facts) {
        let by_ends = match facts.stands {
            Stands::Request(_) => &mut self.requests,
            Stands::TimeWait(_) => &mut self.timewaits,
        };
        by_ends.insert(Ends::of_entry(entry), slot);
        let number = MiniNumber::new(self.facts.insert(Facts { slot, ..facts }));
        entry.mini = Some(number);
        self.line_up(number);
    }

    /// Takes the minisocket of this entry away.
    pub(super) fn detach(&mut self, entry: &mut Entry) -> Option<Facts> {
        let number = entry.mini.take()?;
        self.step_out(number);
        let facts = self.facts.remove(number.get());
        let by_ends = match facts.stands {
            Stands::Request(_) => &mut self.requests,
            Stands::TimeWait(_) => &mut self.timewaits,
        };
        by_ends.remove(&Ends::of_entry(entry));
        Some(facts)
    }

    /// Wants somebody to look at the minisocket of this entry at this moment: nobody tells of it.
    pub(super) fn poll(&mut self, entry: &Entry, at: MonoNs) {
        self.watch(entry, Watch::Polled, at);
    }

    /// Expects to be told of the minisocket of this entry: it has a timer that was set `now`.
    pub(super) fn expect(&mut self, entry: &Entry, now: MonoNs, span: Span) {
        self.watch(entry, Watch::Told(span), span.over(now));
    }

    /// The minisocket of this entry is over.
    pub(super) fn expect_nothing(&mut self, entry: &Entry) {
        self.watch(entry, Watch::Done, MonoNs::default());
    }

    fn watch(&mut self, entry: &Entry, watch: Watch, due: MonoNs) {
        let Some(number) = entry.mini else { return };
        self.step_out(number);
        let facts = self.facts.get_mut(number.get());
        (facts.watch, facts.due) = (watch, due);
        self.line_up(number);
    }

    fn line_up(&mut self, number: MiniNumber) {
        let facts = self.facts.get(number.get());
        match facts.watch {
            Watch::Done => {}
            Watch::Polled => {
                self.polled.insert((facts.due, facts.slot));
            }
            Watch::Told(span) => self.waits.add(&mut self.facts, number, span),
        }
    }

    fn step_out(&mut self, number: MiniNumber) {
        let facts = self.facts.get(number.get());
        match facts.watch {
            Watch::Done => {}
            Watch::Polled => {
                self.polled.remove(&(facts.due, facts.slot));
            }
            Watch::Told(span) => self.waits.take(&mut self.facts, number, span),
        }
    }

    /// Whether nobody tells what becomes of the minisocket of this entry.
    pub(super) fn is_polled(&self, entry: &Entry) -> bool {
        self.get(entry).map(|facts| facts.watch) == Some(Watch::Polled)
    }

    /// How many nobody tells of.
    pub(super) fn polled_count(&self) -> usize {
        self.polled.len()
    }

    /// When to look, and the slots at which, soonest first: those that nobody tells of, and those of
    /// which nothing will have been heard in time.
    pub(super) fn looks(&self) -> impl Iterator<Item = (MonoNs, u32)> {
        let mut polled = self.polled.iter().copied().peekable();
        let mut told = self.waits.iter(&self.facts).peekable();
        std::iter::from_fn(move || match (polled.peek(), told.peek()) {
            (Some(poll), Some(overdue)) if poll > overdue => told.next(),
            (None, _) => told.next(),
            _ => polled.next(),
        })
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty()
            && self.timewaits.is_empty()
            && self.polled.is_empty()
            && self.waits.is_empty()
            && self.facts.is_empty()
    }
}
