//! The sockets that are known to exist, and what can only be said by remembering: how long a state
//! lasted, who owns a socket, why it was closed; and that a full socket and the minisockets before
//! and after it are one connection.
//!
//! Pure: no I/O and no clock; every item carries its own time, so the same input gives the same
//! output. It shows and hides nothing: selection is the filter's business.

mod cause;
mod ends;
mod entry;
mod infer;
mod leaving;
mod listeners;
mod look;
mod minis;
mod outcome;
mod owner;
mod requests;
mod seed;
mod slab;
mod slots;
mod step;
mod timewaits;
mod waits;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{Accepted, Mini, MiniKind, Proto, SocketKey, TcpState, Transition, Tuple};
use ends::Ends;
use entry::{begin_after, begins, merge_tuple};
use leaving::Met;
use listeners::Listeners;
use minis::{Facts, Minis};
use requests::Parked;
use slots::Slots;

pub use entry::Entry;
pub use look::{Found, Look, ToLookAt};
pub use outcome::{Applied, Change, Outcome};
pub use seed::Seed;

/// How the table learns of minisockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Half-open connections (`request_sock`).
    pub requests: Follow,
    /// TIME-WAIT, and FIN-WAIT-2 that no process holds (`inet_timewait_sock`).
    pub timewaits: Follow,
}

/// How the table learns of a kind of minisockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// All that happens to them is told.
    Told,
    /// Nothing is told: what the full socket's events allow is concluded, and somebody has to look.
    Inferred,
    /// Not at all: they matter to nothing that is shown.
    Ignored,
}

impl Followed {
    /// All are told of.
    pub const ALL: Self = Self {
        requests: Follow::Told,
        timewaits: Follow::Told,
    };

    /// None is told of.
    pub const NONE: Self = Self {
        requests: Follow::Inferred,
        timewaits: Follow::Inferred,
    };
}

/// The table.
pub struct Table {
    slots: Slots,
    by_key: FxHashMap<SocketKey, u32>,
    listeners: Listeners,
    minis: Minis,
    followed: Followed,
    /// Children between their first event and their second, by address of the `struct sock`:
    /// before 6.15 only the second carries the child's own cookie.
    newborn: FxHashMap<u64, SocketKey>,
    /// Half-open connections that have ended while such a child was there.
    parked: Parked,
    /// Sockets that went away while the dump was running: a row of theirs is out of date.
    gone_during_seed: Option<FxHashSet<SocketKey>>,
    capacity: usize,
    evicted: u64,
}

impl Table {
    /// A table for at most `capacity` sockets. Beyond that it forgets old ones, closed ones and
    /// minisockets first, and counts them.
    pub fn new(capacity: usize, followed: Followed) -> Self {
        Self {
            slots: Slots::default(),
            by_key: FxHashMap::default(),
            listeners: Listeners::default(),
            minis: Minis::default(),
            followed,
            newborn: FxHashMap::default(),
            parked: Parked::default(),
            gone_during_seed: None,
            capacity: capacity.max(1),
            evicted: 0,
        }
    }

    /// How many sockets it knows, minisockets included.
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
        self.slot(key).map(|slot| self.slots.get(slot))
    }

    /// Takes in a transition of a full socket and says what it means.
    pub fn apply(&mut self, transition: &Transition) -> Outcome {
        if transition.is_child() {
            return self.child(transition);
        }
        let mut slot = self.find(transition);
        if let Some(known) = slot
            && self.slots.get(known).is_minisocket()
        {
            slot = match self.meet_minisocket(transition, known) {
                Met::Merged(outcome) => return outcome,
                Met::Socket(slot) => slot,
            };
        }
        if leaving::may_leave_minisocket(transition)
            && let Some(outcome) = self.leave(transition, slot)
        {
            return outcome;
        }
        if transition.old == TcpState::SynRecv {
            match slot {
                Some(slot) => self.complete_child(transition, slot),
                None => slot = self.adopt(transition),
            }
        }
        let applied = self.put(transition, slot);
        // close() behind shutdown() sets the state that it finds (`tcp_close_state`), and MPTCP does
        // so, too: that is no change.
        if transition.old == transition.new {
            Outcome::Merged
        } else {
            Outcome::Applied(applied)
        }
    }

    /// Takes in what happened to a minisocket, and says what changes that means, in their order.
    pub fn mini(&mut self, mini: &Mini) -> [Option<Change>; 2] {
        self.unpark();
        match mini.kind {
            MiniKind::Request {
                listener,
                synack_retrans,
            } => self.request(mini, listener, synack_retrans),
            MiniKind::TimeWait { substate } => self.timewait(mini, substate),
        }
    }

    /// Takes in who accepted a connection.
    pub fn accepted(&mut self, accepted: &Accepted) {
        let Accepted { at, cookie, sk, by } = *accepted;
        let Some(slot) = self
            .slot(SocketKey::new(Proto::Tcp, cookie, sk))
            .or_else(|| self.slot(SocketKey::new(Proto::Tcp, 0, sk)))
        else {
            return;
        };
        let entry = self.slots.get_mut(slot);
        if entry.is_minisocket() || by.kernel_thread {
            return;
        }
        entry.owner = owner::accepted(entry.owner, by);
        if entry.state == TcpState::Established {
            entry.accepted = Some(at).into();
        }
    }

    /// The socket with this cookie (0: unknown) at this address is gone. A minisocket that took its
    /// place stays.
    pub fn destroy(&mut self, cookie: u64, sk: u64) {
        self.newborn.remove(&sk);
        let key = SocketKey::new(Proto::Tcp, cookie, sk);
        // The classic tracepoint makes a cookie just before it calls us: a socket that had none in
        // its life has one in its end.
        for key in [key, SocketKey::new(Proto::Tcp, 0, sk)] {
            if let Some(slot) = self.slot(key)
                && !self.slots.get(slot).is_minisocket()
            {
                self.remove(slot);
            }
        }
        self.note_gone(key);
        self.unpark();
    }

    fn slot(&self, key: SocketKey) -> Option<u32> {
        self.by_key.get(&key).copied()
    }

    /// Finds the socket of a transition, and gives it the key that the transition carries.
    fn find(&mut self, transition: &Transition) -> Option<u32> {
        let key = transition.key;
        // Where nothing is newborn, as on a client, there is nothing to look up.
        let newborn = if self.newborn.is_empty() {
            None
        } else {
            self.newborn.remove(&transition.sk)
        };
        if let Some(slot) = self.slot(key) {
            return Some(slot);
        }
        let known_as = newborn
            .or_else(|| seeded_key(transition))
            .or_else(|| self.key_without_cookie(transition))?;
        let slot = self.slot(known_as)?;
        self.rename(slot, key);
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

    /// Takes in what a transition says of the socket in `slot`, or of a new one.
    fn put(&mut self, transition: &Transition, slot: Option<u32>) -> Applied {
        let previous = slot.map(|slot| *self.slots.get(slot));
        let applied = self.judge(transition, previous.as_ref());
        let entry = Entry::after(transition, previous.as_ref(), &applied);
        let slot = match slot {
            Some(slot) => {
                self.listeners.forget(self.slots.get(slot), slot);
                *self.slots.get_mut(slot) = entry;
                self.listeners.learn(&entry, slot);
                slot
            }
            None => self.insert(entry),
        };
        // Only a `tcp_sock` tells of its end by itself.
        if entry.state == TcpState::Close && entry.proto != Proto::Tcp {
            self.remove(slot);
        }
        applied
    }

    fn judge(&self, transition: &Transition, previous: Option<&Entry>) -> Applied {
        // A gap in the states means that an event was lost: then `since` is not this state's.
        let in_step = previous.filter(|entry| entry.state == transition.old);
        let left = in_step.map(|entry| entry.on_leaving(transition.at));
        let left = left.unwrap_or_default();
        let begin = begin_after(transition, previous);
        let inherited = || {
            let ends = (&transition.tuple, transition.info.netns);
            self.listeners
                .owner_for(transition.proto, ends, &self.slots)
        };
        let known = previous.and_then(|entry| entry.owner);
        let owner = owner::judge(transition, known, inherited);
        let (cause, errno) = cause::judge(transition, self.followed.timewaits == Follow::Told);
        let stays = transition.old == transition.new;
        Applied {
            tuple: merge_tuple(transition, previous.filter(|_| !begins(transition))),
            dwell: left.dwell,
            age: begin.map(|begin| transition.at.since(begin)),
            owner: owner.owner,
            cause,
            errno,
            closer: owner.closer,
            accept_wait: left.accept_wait.filter(|_| !stays),
            synack_retrans: left.synack_retrans,
        }
    }

    fn insert(&mut self, entry: Entry) -> u32 {
        if let Some(slot) = self.slot(entry.key) {
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

    /// Gives the entry in `slot` another key. Whatever has that goes.
    fn rename(&mut self, slot: u32, key: SocketKey) {
        let old = self.slots.get(slot).key;
        if old == key {
            return;
        }
        if let Some(other) = self.slot(key) {
            self.remove(other);
        }
        self.by_key.remove(&old);
        self.by_key.insert(key, slot);
        self.slots.get_mut(slot).key = key;
    }

    /// The ends of the entry in `slot`, of which no more will be learnt: it is about to get a
    /// minisocket, which is found by them.
    fn settle(&mut self, slot: u32, tuple: Tuple, netns: Option<u32>) {
        self.listeners.forget(self.slots.get(slot), slot);
        let entry = self.slots.get_mut(slot);
        *entry = entry.between(tuple, netns);
    }

    /// Gives the entry in `slot` a minisocket. Whatever else has one between the same ends goes: it
    /// can't be there any more.
    fn attach(&mut self, slot: u32, facts: Facts) {
        let ends = Ends::of_entry(self.slots.get(slot));
        let other = match facts.timewait() {
            Some(_) => self.minis.timewait(&ends),
            None => self.minis.request(&ends),
        };
        if let Some(other) = other
            && other != slot
        {
            self.remove(other);
        }
        self.minis.attach(slot, self.slots.get_mut(slot), facts);
    }

    fn detach(&mut self, slot: u32) -> Option<Facts> {
        self.minis.detach(self.slots.get_mut(slot))
    }

    fn remove(&mut self, slot: u32) {
        self.detach(slot);
        let entry = self.slots.remove(slot);
        self.listeners.forget(&entry, slot);
        self.by_key.remove(&entry.key);
        self.note_gone(entry.key);
    }

    /// A row of the dump that is under way, if one is, is out of date.
    fn note_gone(&mut self, key: SocketKey) {
        if let Some(gone) = &mut self.gone_during_seed {
            gone.insert(key);
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

/// The key that the dump's row of this socket got, where that is not the event's own.
fn seeded_key(transition: &Transition) -> Option<SocketKey> {
    let cookie = transition.key.cookie?;
    let key = SocketKey::seeded(transition.proto, cookie.get(), &transition.tuple);
    (key != transition.key).then_some(key)
}

#[cfg(test)]
mod tests;
