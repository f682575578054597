//! Minisockets of which somebody tells, in the order in which they are overdue.
//!
//! One list for each span within which something must be heard. All of a list wait equally long, so
//! whoever comes last is last: among a million others it takes some ten nanoseconds to come and to
//! go, and no memory but in [`Facts`], through which the lists run. The clock of another CPU may be
//! ahead, and a dump is not; then some are found to be overdue a bit late.
//!
//! Does not know what follows from being overdue.

use super::{
    minis::{Facts, MiniNumber, Watch},
    slab::Slab,
};
use crate::model::{MonoNs, Nanos};

/// How long the timers of minisockets run, seconds, as far as that is told apart: that of a SYN-ACK
/// one second at first, and then twice as long each time up to `TCP_RTO_MAX`; TIME-WAIT a minute.
const SPANS: [u32; 8] = [1, 2, 4, 8, 16, 32, 60, 120];

/// By such a part of its time a timer may be late (`LVL_CLK_DIV` of the timer wheel); and what a busy
/// CPU may add to that.
const LATE: u64 = 8;
const SLACK: Nanos = Nanos(500_000_000);

/// How long a timer runs: a place in [`SPANS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(u8);

impl Span {
    /// That of the first SYN-ACK.
    pub(super) const SYN_ACK: Self = Self(0);
    /// `TCP_TIMEWAIT_LEN`. FIN-WAIT-2 is no longer in a minisocket as a rule: with a longer
    /// `tcp_fin_timeout` or `TCP_LINGER2` the full socket waits first (`tcp_close`).
    pub(super) const TIME_WAIT: Self = Self(6);
    const LONGEST: u8 = 7;

    /// The shortest one that is not shorter than `left`, else the longest.
    pub(super) fn of(left: Nanos) -> Self {
        let mut spans = (0..Self::LONGEST).map(Self);
        let enough = spans.find(|span| span.asked() >= left);
        enough.unwrap_or(Self(Self::LONGEST))
    }

    /// The next one, about twice as long.
    pub(super) fn next(self) -> Self {
        Self((self.0 + 1).min(Self::LONGEST))
    }

    /// What was asked of the timer.
    fn asked(self) -> Nanos {
        Nanos::from_ms(1_000 * SPANS[usize::from(self.0)])
    }

    /// How late the timer may be.
    pub(super) fn late(self) -> Nanos {
        Nanos(self.asked().0 / LATE + SLACK.0)
    }

    /// When a timer that was set at `now` has fired for certain.
    pub(super) fn over(self, now: MonoNs) -> MonoNs {
        let whole = self.asked().0 + self.late().0;
        MonoNs(now.0.saturating_add(whole))
    }
}

/// The neighbours in a list.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Neighbours {
    before: Option<MiniNumber>,
    after: Option<MiniNumber>,
}

#[derive(Clone, Copy, Default)]
struct List {
    first: Option<MiniNumber>,
    last: Option<MiniNumber>,
}

/// The lists.
#[derive(Default)]
pub(super) struct Waits {
    lists: [List; SPANS.len()],
}

impl Waits {
    /// Adds one, which waits in no list, with what it says in `watch` and `due`.
    pub(super) fn add(&mut self, all: &mut Slab<Facts>, number: MiniNumber, span: Span) {
        let list = &mut self.lists[usize::from(span.0)];
        let before = list.last.replace(number);
        match before {
            Some(before) => all.get_mut(before.get()).neighbours.after = Some(number),
            None => list.first = Some(number),
        }
        all.get_mut(number.get()).neighbours = Neighbours {
            before,
            after: None,
        };
    }

    /// Takes one out that waits in the list of `span`.
    pub(super) fn take(&mut self, all: &mut Slab<Facts>, number: MiniNumber, span: Span) {
        let list = &mut self.lists[usize::from(span.0)];
        let facts = all.get_mut(number.get());
        let Neighbours { before, after } = std::mem::take(&mut facts.neighbours);
        match before {
            Some(before) => all.get_mut(before.get()).neighbours.after = after,
            None => list.first = after,
        }
        match after {
            Some(after) => all.get_mut(after.get()).neighbours.before = before,
            None => list.last = before,
        }
    }

    /// When each is overdue, and its slot, soonest first.
    pub(super) fn iter(&self, all: &Slab<Facts>) -> impl Iterator<Item = (MonoNs, u32)> {
        let mut next = self.lists.map(|list| list.first);
        std::iter::from_fn(move || {
            let heads = next.iter().flatten().map(|number| all.get(number.get()));
            let soonest = heads.min_by_key(|facts| facts.due)?;
            let Watch::Told(span) = soonest.watch else {
                return None;
            };
            next[usize::from(span.0)] = soonest.neighbours.after;
            Some((soonest.due, soonest.slot))
        })
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let mut lists = self.lists.iter();
        lists.all(|list| list.first.is_none() && list.last.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_span_is_as_long_as_what_is_left() {
        let of = |ms| Span::of(Nanos::from_ms(ms)).asked().0 / SECOND;
        let asked = [0, 1_000, 1_001, 32_001, 60_000, 60_001, 540_000].map(of);
        assert_eq!(asked, [1, 1, 2, 60, 60, 120, 120]);
        assert_eq!(Span::TIME_WAIT.next().next().asked().0, 120 * SECOND);
        assert_eq!(Span::SYN_ACK.next().asked().0, 2 * SECOND);
        assert_eq!(Span::TIME_WAIT.asked().0, 60 * SECOND);
    }

    #[test]
    fn a_timer_may_be_late_by_an_eighth() {
        assert_eq!(Span::TIME_WAIT.over(MonoNs(1)), MonoNs(68 * SECOND + 1));
        assert_eq!(Span::TIME_WAIT.over(MonoNs(u64::MAX)), MonoNs(u64::MAX));
    }
}
