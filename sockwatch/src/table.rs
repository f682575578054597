//! The sockets that are known to exist, and what can only be said by remembering: how long a state
//! lasted, who owns a socket, why it was closed.
//!
//! Pure: no I/O and no clock; every item carries its own time, so the same input gives the same
//! output. It shows and hides nothing: selection is the filter's business.

mod cause;
mod listeners;
mod owner;
mod slots;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{
    Accepted, Cause, Errno, Mini, MonoNs, Nanos, Owner, Proto, Seen, SocketKey, TcpState,
    Transition, Tuple,
};
use listeners::Listeners;
use slots::Slots;

/// What the table remembers of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Identity.
    pub key: SocketKey,
    /// Transport protocol.
    pub proto: Proto,
    /// Both ends, as far as they are known.
    pub tuple: Tuple,
    /// Network namespace.
    pub netns: Option<u32>,
    /// Current state.
    pub state: TcpState,
    /// When it was entered.
    pub since: Seen,
    /// When the connection began.
    pub begin: Seen,
    /// Who owns it.
    pub owner: Option<Owner>,
}

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

/// The table.
pub struct Table {
    slots: Slots,
    by_key: FxHashMap<SocketKey, u32>,
    listeners: Listeners,
    /// Children between their first event and their second, by address of the `struct sock`:
    /// before 6.15 only the second carries the child's own cookie.
    newborn: FxHashMap<u64, SocketKey>,
    /// Sockets that went away while the dump was running: a row of theirs is out of date.
    gone_during_seed: Option<FxHashSet<SocketKey>>,
    capacity: usize,
    evicted: u64,
}

impl Table {
    /// A table for at most `capacity` sockets. Beyond that it forgets old ones, closed ones first,
    /// and counts them.
    pub fn new(capacity: usize) -> Self {
        Self {
            slots: Slots::default(),
            by_key: FxHashMap::default(),
            listeners: Listeners::default(),
            newborn: FxHashMap::default(),
            gone_during_seed: None,
            capacity: capacity.max(1),
            evicted: 0,
        }
    }

    /// How many sockets it knows.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// How many it forgot for want of room.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// What it knows of a socket.
    pub fn get(&self, key: SocketKey) -> Option<&Entry> {
        self.by_key.get(&key).map(|&slot| self.slots.get(slot))
    }

    /// A dump of existing sockets is under way: remember what ends meanwhile.
    pub fn begin_seed(&mut self) {
        self.gone_during_seed = Some(FxHashSet::default());
    }

    /// The last row of the dump has been given to [`Table::seed`].
    pub fn end_seed(&mut self) {
        self.gone_during_seed = None;
    }

    /// Takes in a socket of the dump. The stream knows better: a socket that it has already told
    /// of, or that has gone, is left as it is. Returns whether the row says anything new.
    pub fn seed(&mut self, entry: Entry) -> bool {
        let gone = self
            .gone_during_seed
            .as_ref()
            .is_some_and(|gone| gone.contains(&entry.key));
        if gone || self.by_key.contains_key(&entry.key) {
            return false;
        }
        self.insert(entry);
        true
    }

    /// Takes in a transition and says what it means.
    pub fn apply(&mut self, transition: &Transition) -> Outcome {
        let slot = self.find(transition);
        let previous = slot.map(|slot| *self.slots.get(slot));
        let applied = self.judge(transition, previous.as_ref());
        let entry = next_entry(transition, previous.as_ref(), &applied);
        let slot = match slot {
            Some(slot) => {
                self.listeners.forget(self.slots.get(slot), slot);
                *self.slots.get_mut(slot) = entry;
                self.listeners.learn(&entry, slot);
                slot
            }
            None => self.insert(entry),
        };
        if transition.is_child() {
            self.newborn.insert(transition.sk, entry.key);
        }
        // Only a `tcp_sock` tells of its end by itself.
        if entry.state == TcpState::Close && entry.proto != Proto::Tcp {
            self.remove(slot);
        }
        Outcome::Applied(applied)
    }

    /// Takes in what happened to a minisocket, and says what changes that means, in their order.
    pub fn mini(&mut self, _mini: &Mini) -> [Option<Change>; 2] {
        [None; 2]
    }

    /// Takes in who accepted a connection.
    pub fn accepted(&mut self, _accepted: &Accepted) {}

    /// The socket with this cookie (0: unknown) at this address is gone.
    pub fn destroy(&mut self, cookie: u64, sk: u64) {
        self.newborn.remove(&sk);
        let key = SocketKey::new(Proto::Tcp, cookie, sk);
        // The classic tracepoint makes a cookie just before it calls us: a socket that had none in
        // its life has one in its end.
        for key in [key, SocketKey::new(Proto::Tcp, 0, sk)] {
            if let Some(&slot) = self.by_key.get(&key) {
                self.remove(slot);
            }
        }
        if let Some(gone) = &mut self.gone_during_seed {
            gone.insert(key);
        }
    }

    /// Finds the socket of a transition, and gives it the key that the transition carries.
    fn find(&mut self, transition: &Transition) -> Option<u32> {
        let key = transition.key;
        if transition.is_child() {
            return None;
        }
        // Where nothing is newborn, as on a client, there is nothing to look up.
        let newborn = if self.newborn.is_empty() {
            None
        } else {
            self.newborn.remove(&transition.sk)
        };
        if let Some(&slot) = self.by_key.get(&key) {
            return Some(slot);
        }
        let known_as = newborn
            .or_else(|| seeded_key(transition))
            .or_else(|| self.key_without_cookie(transition))?;
        let slot = self.by_key.remove(&known_as)?;
        self.slots.get_mut(slot).key = key;
        self.by_key.insert(key, slot);
        Some(slot)
    }

    /// The address, for a socket whose cookie somebody has asked for since its last event, where
    /// events don't make cookies themselves.
    fn key_without_cookie(&self, transition: &Transition) -> Option<SocketKey> {
        let key = SocketKey::new(transition.proto, 0, transition.sk);
        let entry = self.get(key)?;
        // The address may be another socket's by now.
        (entry.state == transition.old).then_some(key)
    }

    fn judge(&self, transition: &Transition, previous: Option<&Entry>) -> Applied {
        // A gap in the states means that an event was lost: then `since` is not this state's.
        let in_step = previous.filter(|entry| entry.state == transition.old);
        let since = in_step.and_then(|entry| entry.since.moment());
        let begin = begin_after(transition, previous);
        let inherited = || self.listeners.owner_for(transition, &self.slots);
        let (cause, errno) = cause::judge(transition);
        Applied {
            tuple: merge_tuple(transition, previous.filter(|_| !begins(transition))),
            dwell: since.map(|since| transition.at.since(since)),
            age: begin.map(|begin| transition.at.since(begin)),
            owner: owner::judge(
                transition,
                previous.and_then(|entry| entry.owner),
                inherited,
            ),
            cause,
            errno,
            closer: None,
            accept_wait: None,
            synack_retrans: None,
        }
    }

    fn insert(&mut self, entry: Entry) -> u32 {
        if let Some(&slot) = self.by_key.get(&entry.key) {
            // Without cookies an address is used again before we hear that its socket is gone.
            self.remove(slot);
        } else if self.by_key.len() >= self.capacity {
            self.evict();
        }
        let slot = self.slots.insert(entry);
        self.by_key.insert(entry.key, slot);
        self.listeners.learn(&entry, slot);
        slot
    }

    fn remove(&mut self, slot: u32) {
        let entry = self.slots.remove(slot);
        self.listeners.forget(&entry, slot);
        self.by_key.remove(&entry.key);
        if let Some(gone) = &mut self.gone_during_seed {
            gone.insert(entry.key);
        }
    }

    fn evict(&mut self) {
        if let Some(slot) = self.slots.victim() {
            self.remove(slot);
            self.evicted += 1;
        }
        if self.newborn.len() > self.capacity {
            self.newborn.clear();
        }
    }
}

/// Whether a connection, or a listener, begins its life with this event.
fn begins(transition: &Transition) -> bool {
    let opened = matches!(transition.new, TcpState::SynSent | TcpState::Listen);
    transition.is_child() || transition.old == TcpState::Close && opened
}

/// The key that the dump's row of this socket got, where that is not the event's own.
fn seeded_key(transition: &Transition) -> Option<SocketKey> {
    let cookie = transition.key.cookie?;
    let key = SocketKey::seeded(transition.proto, cookie.get(), &transition.tuple);
    (key != transition.key).then_some(key)
}

/// The event's tuple, and what it lacks from what was known before.
fn merge_tuple(transition: &Transition, previous: Option<&Entry>) -> Tuple {
    let mut tuple = transition.tuple;
    let Some(known) = previous.map(|entry| entry.tuple) else {
        return tuple;
    };
    if tuple.sport == 0 {
        tuple.sport = known.sport;
    }
    if tuple.src.is_unspecified() {
        tuple.src = known.src;
    }
    if !tuple.has_peer() {
        (tuple.dst, tuple.dport) = (known.dst, known.dport);
    }
    tuple
}

fn next_entry(transition: &Transition, previous: Option<&Entry>, applied: &Applied) -> Entry {
    // MPTCP tells of states that are not left (10→10, 7→7, 5→5).
    let stays = transition.old == transition.new;
    let since = if stays {
        previous.and_then(|entry| entry.since.moment())
    } else {
        Some(transition.at)
    };
    Entry {
        key: transition.key,
        proto: transition.proto,
        tuple: applied.tuple,
        netns: transition.info.netns,
        state: transition.new,
        since: since.into(),
        begin: begin_after(transition, previous).into(),
        owner: applied.owner,
    }
}

/// When the connection began, as known after this event.
fn begin_after(transition: &Transition, previous: Option<&Entry>) -> Option<MonoNs> {
    if begins(transition) {
        Some(transition.at)
    } else {
        previous?.begin.moment()
    }
}

#[cfg(test)]
mod tests;
