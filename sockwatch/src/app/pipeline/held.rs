//! Transitions whose filter waits for a fact: the kernel chooses a port, or fills in the addresses,
//! after it has told of the change.
//!
//! Keeps them in order, at most one for each socket, and knows whose missing facts a dump could
//! show. Decides nothing and prints nothing.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    filter::view::Pending,
    model::{Family, MonoNs, Proto, TcpState, Transition, Tuple},
    source::diag::SeedSocket,
    table::Applied,
};

/// How many wait at most: about 30 MB.
const CAPACITY: usize = 65_536;

/// How many dumps are asked for the port of one socket. One shows it, unless it is gone or in a
/// namespace that we can't enter.
const LOOKS: u8 = 3;

/// A transition that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeldEvent {
    pub(super) transition: Transition,
    pub(super) applied: Applied,
    /// Dumps that did not show it.
    looks: u8,
}

impl HeldEvent {
    pub(super) fn new(transition: &Transition, applied: &Applied) -> Self {
        Self {
            transition: *transition,
            applied: *applied,
            looks: 0,
        }
    }

    /// Takes what `tuple`, learnt later, knows better.
    fn complete(&mut self, tuple: &Tuple) {
        let pending = pending(&self.transition, &self.applied.tuple);
        let known = &mut self.applied.tuple;
        if pending.sport {
            known.sport = tuple.sport;
        }
        if pending.src {
            known.src = tuple.src;
        }
        if pending.peer {
            (known.dst, known.dport) = (tuple.dst, tuple.dport);
        }
    }

    /// Whether `next`, the next event at its address, is of the same life of the same socket.
    fn goes_on_with(&self, next: &Transition) -> bool {
        let (ours, theirs) = (self.transition.key.cookie, next.key.cookie);
        let same_cookie = ours.is_none() || theirs.is_none() || ours == theirs;
        same_cookie
            && self.transition.proto == next.proto
            && next.old != TcpState::Close
            && !next.is_child()
    }

    /// Whether the kernel programs may drop what follows it, by ports and addresses.
    pub(super) fn can_be_dropped_after(&self) -> bool {
        self.transition.proto == Proto::Tcp && self.transition.new == TcpState::SynSent
    }

    /// Whether a dump can show its port.
    fn can_be_looked_up(&self) -> bool {
        let Transition {
            proto, key, info, ..
        } = &self.transition;
        *proto == Proto::Tcp
            && self.transition.new == TcpState::SynSent
            && key.cookie.is_some()
            && info.netns.is_some()
    }
}

/// What of `tuple` is still to come after `transition`.
///
/// connect() chooses the port after the change to `syn-sent`; an MPTCP socket gets its addresses
/// and ports from its first subflow; and a socket that comes from a listener is filled in after
/// its first event, before Linux 6.15 or if it is MPTCP.
pub(super) fn pending(transition: &Transition, tuple: &Tuple) -> Pending {
    let connects = transition.old == TcpState::Close && transition.new == TcpState::SynSent;
    let unfinished = transition.is_child() && !tuple.has_peer();
    Pending {
        sport: connects && tuple.sport == 0,
        src: (connects || unfinished) && tuple.src.is_unspecified(),
        peer: (connects || unfinished) && !tuple.has_peer(),
    }
}

/// Whose ports a dump should be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingSockets {
    /// Network namespaces, by inode number.
    pub netns: FxHashSet<u32>,
    /// Families.
    pub families: Vec<Family>,
}

/// Those that wait.
#[derive(Default)]
pub(super) struct Held {
    events: BTreeMap<u64, HeldEvent>,
    by_sk: FxHashMap<u64, u64>,
    /// Those that a dump may show.
    to_look_up: BTreeSet<u64>,
    /// Number of the next.
    next: u64,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Keeps an event, of a socket that has none here. Returns one that has to go for want of room.
    pub(super) fn push(&mut self, event: &HeldEvent) -> Option<HeldEvent> {
        let oldest = if self.events.len() < CAPACITY {
            None
        } else {
            self.pop()
        };
        let number = self.next;
        self.next += 1;
        if event.can_be_looked_up() {
            self.to_look_up.insert(number);
        }
        self.by_sk.insert(event.transition.sk, number);
        self.events.insert(number, *event);
        oldest
    }

    /// Takes out the oldest.
    pub(super) fn pop(&mut self) -> Option<HeldEvent> {
        let (number, event) = self.events.pop_first()?;
        self.to_look_up.remove(&number);
        self.by_sk.remove(&event.transition.sk);
        Some(event)
    }

    /// Takes out the event of the socket at this address.
    pub(super) fn take(&mut self, sk: u64) -> Option<HeldEvent> {
        let number = self.by_sk.remove(&sk)?;
        self.to_look_up.remove(&number);
        self.events.remove(&number)
    }

    /// Takes out the event of the socket that `next` is of, with what that one knows, and whether
    /// it is of the same life.
    pub(super) fn take_before(
        &mut self,
        next: &Transition,
        tuple: &Tuple,
    ) -> Option<(HeldEvent, bool)> {
        let mut event = self.take(next.sk)?;
        let goes_on = event.goes_on_with(next);
        if goes_on {
            event.complete(tuple);
        }
        Some((event, goes_on))
    }

    /// When the oldest happened that a dump may show.
    pub(super) fn oldest_to_look_up(&self) -> Option<MonoNs> {
        let number = self.to_look_up.first()?;
        Some(self.events.get(number)?.transition.at)
    }

    /// What such a dump has to cover.
    pub(super) fn to_look_up(&self) -> PendingSockets {
        let mut sockets = PendingSockets {
            netns: FxHashSet::default(),
            families: Vec::new(),
        };
        let events = self.to_look_up.iter();
        for event in events.filter_map(|number| self.events.get(number)) {
            sockets.netns.extend(event.transition.info.netns);
            let family = event.transition.tuple.family;
            if !sockets.families.contains(&family) {
                sockets.families.push(family);
            }
        }
        sockets
    }

    /// Takes out, oldest first, those that the rows of a dump complete, which began at `begun`. One
    /// that happened later is not meant: the row could be of the socket's life before.
    pub(super) fn look_up(&mut self, rows: &[SeedSocket], begun: MonoNs) -> Vec<HeldEvent> {
        let rows: FxHashMap<u64, &Tuple> = rows
            .iter()
            .filter(|row| row.tuple.sport != 0)
            .map(|row| (row.cookie, &row.tuple))
            .collect();
        let numbers: Vec<u64> = self.to_look_up.iter().copied().collect();
        let mut found = Vec::new();
        for number in numbers {
            let Some(event) = self.events.get_mut(&number) else {
                continue;
            };
            if event.transition.at >= begun {
                continue;
            }
            let cookie = event.transition.key.cookie.map_or(0, Into::into);
            let peer = (event.applied.tuple.dst, event.applied.tuple.dport);
            match rows.get(&cookie) {
                Some(tuple) if (tuple.dst, tuple.dport) == peer => {
                    event.complete(tuple);
                    let sk = event.transition.sk;
                    found.extend(self.take(sk));
                }
                _ => {
                    event.looks += 1;
                    if event.looks == LOOKS {
                        self.to_look_up.remove(&number);
                    }
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
