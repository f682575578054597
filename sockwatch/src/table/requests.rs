//! Half-open connections: from the SYN to the child that the listener clones, or to nothing.
//!
//! A request socket and its child share no identity but their ends. Since Linux 6.15 the child's
//! first event has them, a moment before the request's timer is cancelled. Before, it has no peer:
//! that event then changes nothing, provided that any half-open connection is known (SYN cookies
//! have none, and neither has TCP Fast Open; while others are half-open, their `syn-recv` is not
//! told), and the request, which ends before the second event comes, is parked for that.

use std::{collections::VecDeque, num::NonZeroU64};

use super::{
    Change, Entry, Follow, Outcome, Table,
    ends::Ends,
    entry::SynAcks,
    listeners::unaccepted,
    look::later,
    minis::{Facts, Request, Stands, Watch},
    outcome::in_order,
    step::Step,
    waits::Span,
};
use crate::model::{
    Cause, Mini, MiniEnd, MiniEvent, MonoNs, Observed, Owner, Proto, Seen, SocketKey, TcpState,
    Transition,
};

/// How many half-open connections are parked at most: as many as end at the same moment.
const PARKED: usize = 256;

/// Half-open connections that have ended, perhaps in a child whose peer is not known yet.
#[derive(Default)]
pub(super) struct Parked(VecDeque<Ends>);

impl Parked {
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Table {
    /// Takes in the first event of a socket that a listener has cloned.
    pub(super) fn child(&mut self, transition: &Transition) -> Outcome {
        if transition.proto != Proto::Tcp || self.minis.no_requests() {
            return Outcome::Applied(self.put_child(transition));
        }
        if !transition.tuple.has_peer() {
            let applied = self.put_child(transition);
            return if self.followed.requests == Follow::Told {
                Outcome::Merged
            } else {
                Outcome::Applied(applied)
            };
        }
        let Some(slot) = self.minis.request(&Ends::of_transition(transition)) else {
            return Outcome::Applied(self.put_child(transition));
        };
        let request = *self.slots.get(slot);
        self.remove(slot);
        self.put_child(transition);
        if let Some(slot) = self.slot(transition.key) {
            self.go_on(slot, &request);
        }
        Outcome::Merged
    }

    fn put_child(&mut self, transition: &Transition) -> super::Applied {
        if transition.key.cookie.is_none() {
            self.newborn.insert(transition.sk, transition.key);
        }
        self.put(transition, None)
    }

    /// The connection in `slot` is the one that `request` was, which has its place no more.
    fn go_on(&mut self, slot: u32, request: &Entry) {
        let entry = self.slots.get_mut(slot);
        (entry.since, entry.begin) = (request.since, request.begin);
        entry.owner = request.owner.or(entry.owner);
        entry.synack_retrans = request.synack_retrans;
    }

    /// The half-open connection that a child was of which the first event is lost: it goes on as the
    /// child.
    pub(super) fn adopt(&mut self, transition: &Transition) -> Option<u32> {
        if transition.proto != Proto::Tcp || self.minis.no_requests() {
            return None;
        }
        let slot = self.minis.request(&Ends::of_transition(transition))?;
        self.detach(slot);
        self.rename(slot, transition.key);
        Some(slot)
    }

    /// Before a child of which only the first event was taken in leaves `syn-recv`, which it does
    /// with its peer known: finds the half-open connection that it was.
    pub(super) fn complete_child(&mut self, transition: &Transition, slot: u32) {
        let is_bare = !self.slots.get(slot).tuple.has_peer();
        if !is_bare || self.minis.no_requests() {
            return;
        }
        if let Some(of) = self.minis.request(&Ends::of_transition(transition)) {
            let request = *self.slots.get(of);
            self.remove(of);
            self.go_on(slot, &request);
        }
    }

    /// Takes in what happened to a half-open connection.
    pub(super) fn request(
        &mut self,
        mini: &Mini,
        listener: Option<NonZeroU64>,
        synack_retrans: u8,
    ) -> [Option<Change>; 2] {
        if let (Some(cookie), MiniEvent::Gone(_)) = (mini.cookie, mini.event) {
            self.note_gone(SocketKey::new(Proto::Tcp, cookie.get(), 0));
        }
        let mut known = self.minis.request(&Ends::of_mini(mini));
        if let (Some(slot), MiniEvent::Armed { .. }) = (known, mini.event)
            && self.has_ended(slot)
        {
            self.remove(slot);
            known = None;
        }
        let here = known.filter(|&slot| self.may_be_at(slot, mini.address));
        match (mini.event, known, here) {
            (MiniEvent::Armed { .. }, _, Some(slot)) => {
                self.note_request(slot, mini, listener, synack_retrans);
                self.expect_syn_ack(slot, mini.at);
                [None; 2]
            }
            (MiniEvent::Armed { .. }, Some(before), None) => {
                // We have missed its end.
                let end = self.end_unseen(before, mini);
                [
                    Some(end),
                    Some(self.half_open(mini, listener, synack_retrans)),
                ]
            }
            (MiniEvent::Armed { .. }, None, None) => {
                let before = self.minis.timewait(&Ends::of_mini(mini));
                let end = before.map(|before| self.end_unseen(before, mini));
                let change = Some(self.half_open(mini, listener, synack_retrans));
                in_order([end, change])
            }
            (MiniEvent::Gone(end), _, Some(slot)) => {
                self.note_request(slot, mini, None, synack_retrans);
                [self.request_gone(slot, mini, listener, end), None]
            }
            // Its child has its place. A FIN is none of its matters.
            (MiniEvent::Gone(_) | MiniEvent::Fin, _, _) => [None; 2],
        }
    }

    /// A SYN has come.
    fn half_open(
        &mut self,
        mini: &Mini,
        listener: Option<NonZeroU64>,
        synack_retrans: u8,
    ) -> Change {
        let cookie = mini.cookie.map_or(0, NonZeroU64::get);
        let key = if cookie == 0 && mini.address == 0 {
            Ends::of_mini(mini).key()
        } else {
            SocketKey::new(Proto::Tcp, cookie, mini.address)
        };
        // A SYN-ACK was sent again before we heard of it: then it has been there for some time.
        let (observed, begin) = if synack_retrans == 0 {
            (Observed::Timer, Some(mini.at))
        } else {
            (Observed::Poll, None)
        };
        let ends = (mini.tuple, mini.info.netns);
        let entry = Entry {
            since: begin.into(),
            begin: begin.into(),
            owner: self.owner_by_listener(mini, listener),
            ..Entry::new(key, Proto::Tcp, ends, TcpState::SynRecv)
        };
        if let Some(before) = self.slot(key)
            && self.slots.get(before).is_minisocket()
        {
            // It is gone, for its address is this one's now. What became of it a look will tell.
            self.part(before);
        }
        let slot = self.insert(entry);
        let facts = Facts::new(mini.address, Stands::Request(Request::default()));
        self.attach(slot, facts);
        self.note_request(slot, mini, listener, synack_retrans);
        self.expect_syn_ack(slot, mini.at);
        let step = Step {
            at: mini.at,
            new: TcpState::SynRecv,
            observed,
            cause: None,
        };
        let before = Entry {
            since: Seen::NEVER,
            state: TcpState::Listen,
            ..entry
        };
        let mut change = step.of(&before, self.minis.get(self.slots.get(slot)));
        change.transition.info = mini.info;
        change
    }

    /// The owner of its listener: of that very one, where its cookie is known.
    fn owner_by_listener(&self, mini: &Mini, listener: Option<NonZeroU64>) -> Option<Owner> {
        if let Some(listener) = self.listener(listener) {
            return listener.owner.map(unaccepted);
        }
        let ends = (&mini.tuple, mini.info.netns);
        self.listeners.owner_for(Proto::Tcp, ends, &self.slots)
    }

    /// The listener with this cookie, if it listens.
    fn listener(&self, cookie: Option<NonZeroU64>) -> Option<&Entry> {
        let entry = self.get(SocketKey::new(Proto::Tcp, cookie?.get(), 0))?;
        (entry.state == TcpState::Listen).then_some(entry)
    }

    fn note_request(
        &mut self,
        slot: u32,
        mini: &Mini,
        listener: Option<NonZeroU64>,
        synack_retrans: u8,
    ) {
        let has_listener = self.listener(listener).is_some();
        let entry = self.slots.get_mut(slot);
        entry.synack_retrans = SynAcks::new(synack_retrans);
        let Some(facts) = self.minis.get_mut(entry) else {
            return;
        };
        facts.seeded = false;
        if facts.address == 0 {
            facts.address = mini.address;
        }
        if let Some(request) = facts.request_mut() {
            request.had_listener |= has_listener;
            request.ifindex = mini.info.ifindex.unwrap_or(request.ifindex);
        }
    }

    /// A SYN-ACK has been sent: after a while another one follows, or its end. How long that is is
    /// known from before: the kernel waits for twice as long each time, unless the peer's SYN made it
    /// send one before its time.
    fn expect_syn_ack(&mut self, slot: u32, at: MonoNs) {
        let entry = self.slots.get(slot);
        let Some(facts) = self.minis.get(entry) else {
            return;
        };
        let span = match facts.watch {
            Watch::Told(span) if later(at, span.late()) >= facts.due => span.next(),
            Watch::Told(span) => span,
            Watch::Done | Watch::Polled => Span::SYN_ACK,
        };
        self.minis.expect(entry, at, span);
    }

    fn request_gone(
        &mut self,
        slot: u32,
        mini: &Mini,
        listener: Option<NonZeroU64>,
        end: MiniEnd,
    ) -> Option<Change> {
        let has_listener = self.listener(listener).is_some();
        let entry = *self.slots.get(slot);
        let request = self.minis.get_mut(&entry)?.request_mut()?;
        if request.ended {
            return None;
        }
        if end == MiniEnd::Cancelled && !self.newborn.is_empty() {
            request.ended = true;
            self.minis.expect_nothing(&entry);
            self.park(&entry);
            return None;
        }
        let lost_listener = listener.is_some() && request.had_listener && !has_listener;
        let cause = match end {
            _ if lost_listener => Cause::Unaccepted,
            MiniEnd::Expired => Cause::TimedOut,
            MiniEnd::Reset => Cause::ResetByPeer,
            MiniEnd::Segment | MiniEnd::Reused | MiniEnd::Cancelled => Cause::Dropped,
        };
        let step = Step {
            at: mini.at,
            new: TcpState::Close,
            observed: Observed::Timer,
            cause: Some(cause),
        };
        let mut change = self.step(slot, step);
        change.transition.info.update(&mini.info);
        self.remove(slot);
        Some(change)
    }

    /// The minisocket in `slot` must be over, for another connection has its ends.
    pub(super) fn end_unseen(&mut self, slot: u32, mini: &Mini) -> Change {
        let step = Step {
            at: mini.at,
            new: TcpState::Close,
            observed: Observed::Poll,
            cause: None,
        };
        let change = self.step(slot, step);
        self.remove(slot);
        change
    }

    pub(super) fn may_be_at(&self, slot: u32, address: u64) -> bool {
        let facts = self.minis.get(self.slots.get(slot));
        facts.is_some_and(|facts| facts.may_be_at(address))
    }

    fn has_ended(&self, slot: u32) -> bool {
        let facts = self.minis.get(self.slots.get(slot));
        facts.is_some_and(|facts| {
            matches!(facts.stands, Stands::Request(Request { ended: true, .. }))
        })
    }

    fn park(&mut self, entry: &Entry) {
        self.parked.0.push_back(Ends::of_entry(entry));
        if self.parked.0.len() > PARKED {
            self.unpark_oldest();
        }
    }

    /// Forgets what was parked, once no child can want it.
    pub(super) fn unpark(&mut self) {
        while self.newborn.is_empty() && !self.parked.0.is_empty() {
            self.unpark_oldest();
        }
    }

    fn unpark_oldest(&mut self) {
        if let Some(ends) = self.parked.0.pop_front()
            && let Some(slot) = self.minis.request(&ends)
            && self.has_ended(slot)
        {
            self.remove(slot);
        }
    }
}
