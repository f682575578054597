//! From a full socket to the minisocket that takes its place. Its change to `Close` is then none of
//! the connection's.

use super::{
    Change, Entry, Follow, Outcome, Table,
    ends::Ends,
    entry::{begins, merge_tuple},
    infer,
    minis::{Facts, Stands, TimeWait},
};
use crate::model::{Proto, Seen, SocketInfo, TcpState, Transition};

/// What an event means that comes for an entry with a minisocket.
#[expect(
    clippy::large_enum_variant,
    reason = "boxing would allocate once per minisocket"
)]
pub(super) enum Met {
    /// This, and it has been taken in.
    Merged(Outcome),
    /// It is of a full socket, in this slot if it is known.
    Socket(Option<u32>),
}

/// Whether a minisocket may go on after this event of a full socket (`tcp_time_wait`).
pub(super) fn may_leave_minisocket(transition: &Transition) -> bool {
    transition.new == TcpState::Close
        && transition.proto == Proto::Tcp
        && matches!(
            transition.old,
            TcpState::FinWait1 | TcpState::FinWait2 | TcpState::Closing
        )
}

impl Table {
    /// An event of a full socket has come for the entry in `slot`, which has a minisocket.
    pub(super) fn meet_minisocket(&mut self, transition: &Transition, slot: u32) -> Met {
        let Some(facts) = self.minis.get(self.slots.get(slot)) else {
            return Met::Socket(Some(slot));
        };
        let seeded = facts.seeded;
        let Some(&timewait) = facts.timewait() else {
            // A dump shows some full sockets in `syn-recv`, too.
            self.detach(slot);
            return Met::Socket(Some(slot));
        };
        if timewait.waits && may_leave_minisocket(transition) {
            return Met::Merged(self.become_minisocket(transition, slot));
        }
        if begins(transition) && !seeded {
            self.part(slot);
            return Met::Socket(None);
        }
        if timewait.waits {
            self.detach(slot);
            return Met::Socket(Some(slot));
        }
        // The stream is behind the dump, or we have missed the end of the minisocket.
        self.remove(slot);
        Met::Socket(None)
    }

    /// The minisocket in `slot` goes on under a key of its own, while its socket, which a process
    /// still holds, is used for another connection with the same cookie.
    pub(super) fn part(&mut self, slot: u32) {
        let key = Ends::of_entry(self.slots.get(slot)).key();
        self.rename(slot, key);
    }

    /// What a change to `Close` means that [`may_leave_minisocket`], of the socket in `slot`, which
    /// has none that we know of. `None`: what it says.
    pub(super) fn leave(&mut self, transition: &Transition, slot: Option<u32>) -> Option<Outcome> {
        let slot = match self.followed.timewaits {
            Follow::Told => self.claim(transition, slot)?,
            Follow::Inferred => self.infer(transition, slot)?,
            Follow::Ignored => return None,
        };
        let outcome = self.become_minisocket(transition, slot);
        if self.followed.timewaits == Follow::Inferred {
            self.look_next(slot, transition.at);
        }
        Some(outcome)
    }

    /// Gives the socket the minisocket that must have taken its place.
    fn infer(&mut self, transition: &Transition, slot: Option<u32>) -> Option<u32> {
        let substate = infer::goes_on_in(transition)?;
        let previous = slot.map(|slot| *self.slots.get(slot));
        let tuple = merge_tuple(transition, previous.as_ref());
        let ends = (tuple, transition.info.netns);
        let slot = slot.unwrap_or_else(|| {
            let (key, proto) = (transition.key, transition.proto);
            self.insert(Entry::new(key, proto, ends, transition.old))
        });
        self.settle(slot, ends.0, ends.1);
        let timewait = TimeWait {
            waits: true,
            ..TimeWait::new(substate, transition.at, SocketInfo::default())
        };
        self.attach(slot, Facts::new(0, Stands::TimeWait(Box::new(timewait))));
        Some(slot)
    }

    /// Finds the minisocket that took the socket's place without its cookie: nobody had asked for
    /// one before.
    fn claim(&mut self, transition: &Transition, slot: Option<u32>) -> Option<u32> {
        let mini_slot = self.minis.timewait(&Ends::of_transition(transition))?;
        let entry = *self.slots.get(mini_slot);
        let waits = self.minis.get(&entry)?.timewait()?.waits;
        if !waits || Some(mini_slot) == slot {
            return None;
        }
        let Some(slot) = slot else {
            self.rename(mini_slot, transition.key);
            return Some(mini_slot);
        };
        let mut facts = self.detach(mini_slot)?;
        self.remove(mini_slot);
        self.settle(slot, entry.tuple, entry.netns());
        let known = self.slots.get_mut(slot);
        if let Some(timewait) = facts.timewait_mut() {
            if !timewait.untold {
                (known.state, known.since) = (entry.state, entry.since);
            }
            timewait.untold = false;
        }
        self.attach(slot, facts);
        Some(slot)
    }

    /// The full socket in `slot` has come to its end, and its minisocket goes on.
    fn become_minisocket(&mut self, transition: &Transition, slot: u32) -> Outcome {
        let previous = *self.slots.get(slot);
        let facts = self.minis.get_mut(&previous);
        let Some(timewait) = facts.and_then(|facts| facts.timewait_mut()) else {
            return Outcome::Merged;
        };
        let untold = std::mem::take(&mut timewait.untold);
        timewait.waits = false;
        timewait.info.update(&transition.info);
        timewait.tcp = transition.tcp;
        let new = timewait.substate;
        let stays = transition.old == new || !untold && previous.state == new;
        let outcome = if stays {
            if previous.state != new {
                let entry = self.slots.get_mut(slot);
                (entry.state, entry.since) = (new, Seen::NEVER);
            }
            Outcome::Merged
        } else {
            let transition = Transition { new, ..*transition };
            let applied = self.judge(&transition, Some(&previous));
            let entry = self.slots.get_mut(slot);
            (entry.state, entry.since) = (new, Some(transition.at).into());
            entry.owner = applied.owner;
            Outcome::Instead(Change {
                transition,
                applied,
            })
        };
        // From now on the address is another socket's.
        if transition.key.cookie.is_none() {
            self.part(slot);
        }
        outcome
    }
}
