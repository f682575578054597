//! Connections that their process has left: FIN-WAIT-2 and TIME-WAIT in a minisocket.
//!
//! Where a record between was lost, the next one tells of what it left out, as learnt by looking.

use super::{
    Change, Entry, Table,
    ends::Ends,
    minis::{Facts, Stands, TimeWait},
    outcome::in_order,
    step::Step,
    waits::Span,
};
use crate::model::{
    Cause, Family, Mini, MiniEnd, MiniEvent, MonoNs, Observed, Proto, Seen, SocketKey, TcpState,
    Tuple,
};

impl Table {
    /// Takes in what happened to a TIME-WAIT, or to a FIN-WAIT-2 without a process.
    pub(super) fn timewait(&mut self, mini: &Mini, substate: TcpState) -> [Option<Change>; 2] {
        let by_cookie = mini
            .cookie
            .map(|cookie| SocketKey::new(Proto::Tcp, cookie.get(), 0));
        if let (Some(key), MiniEvent::Gone(_)) = (by_cookie, mini.event) {
            self.note_gone(key);
        }
        let between = self.minis.timewait(&Ends::of_mini(mini));
        if let Some(slot) = between {
            if self.may_be_at(slot, mini.address) {
                return self.known_timewait(slot, mini, substate);
            }
            if !matches!(mini.event, MiniEvent::Armed { .. }) {
                // Of one that is over, or so we thought.
                return [None; 2];
            }
        }
        let end = between.map(|slot| self.end_unseen(slot, mini));
        let socket = by_cookie.and_then(|key| self.slot(key));
        let socket = socket.filter(|&slot| !self.slots.get(slot).is_minisocket());
        let change = match (socket, mini.event) {
            (Some(slot), MiniEvent::Armed { .. }) => {
                self.take_place(slot, mini, substate);
                None
            }
            (Some(slot), _) if self.slots.get(slot).state == TcpState::Close => None,
            (Some(slot), _) => {
                self.take_place(slot, mini, substate);
                return self.known_timewait(slot, mini, substate);
            }
            (None, _) => self.unknown_timewait(mini, by_cookie, substate),
        };
        in_order([end, change])
    }

    /// The minisocket takes the place of the full socket in `slot`, whose change to `Close` follows.
    fn take_place(&mut self, slot: u32, mini: &Mini, substate: TcpState) {
        // A FIN is told with what it has made of the minisocket.
        let substate = match mini.event {
            MiniEvent::Fin => TcpState::FinWait2,
            _ => substate,
        };
        let family = self.slots.get(slot).tuple.family;
        let ends = Tuple {
            family,
            ..mini.tuple
        };
        self.settle(slot, ends, mini.info.netns);
        let entry = self.slots.get_mut(slot);
        // An earlier connection of this socket: the events of this one did not reach us.
        let untold = entry.state == TcpState::Close;
        if untold {
            entry.state = substate;
            (entry.since, entry.begin) = (Seen::NEVER, Seen::NEVER);
        }
        self.stand(slot, mini, substate, untold);
    }

    fn stand(&mut self, slot: u32, mini: &Mini, substate: TcpState, untold: bool) {
        let timewait = TimeWait {
            waits: true,
            untold,
            ..TimeWait::new(substate, mini.at, mini.info)
        };
        self.attach(
            slot,
            Facts::new(mini.address, Stands::TimeWait(Box::new(timewait))),
        );
        if substate == TcpState::FinWait2 && mini.event == (MiniEvent::Armed { watched: false }) {
            self.look_next(slot, mini.at);
        } else {
            let entry = self.slots.get(slot);
            self.minis.expect(entry, mini.at, Span::TIME_WAIT);
        }
    }

    /// A minisocket of which we have not heard, nor of its socket.
    fn unknown_timewait(
        &mut self,
        mini: &Mini,
        key: Option<SocketKey>,
        substate: TcpState,
    ) -> Option<Change> {
        let ends = Ends::of_mini(mini);
        // A bare FIN does not tell the family.
        let family = if mini.address == 0 && mini.tuple.src.is_ipv4() {
            Family::Inet
        } else {
            mini.tuple.family
        };
        let tuple = Tuple {
            family,
            ..mini.tuple
        };
        let entry = |state| {
            Entry::new(
                key.unwrap_or_else(|| ends.key()),
                Proto::Tcp,
                (tuple, mini.info.netns),
                state,
            )
        };
        if let MiniEvent::Gone(end) = mini.event {
            let mut change = gone(mini.at, substate, end).of(&entry(substate), None);
            change.transition.info = mini.info;
            return Some(change);
        }
        if let Some(other) = key.and_then(|key| self.slot(key)) {
            self.part(other);
        }
        if mini.event == MiniEvent::Fin {
            let slot = self.insert(entry(TcpState::FinWait2));
            self.stand(slot, mini, TcpState::FinWait2, true);
            self.fin(slot, mini)[0]
        } else {
            let slot = self.insert(entry(substate));
            self.stand(slot, mini, substate, true);
            None
        }
    }

    fn known_timewait(
        &mut self,
        slot: u32,
        mini: &Mini,
        substate: TcpState,
    ) -> [Option<Change>; 2] {
        self.hear_of(slot, mini);
        match mini.event {
            MiniEvent::Armed { .. } if substate == TcpState::TimeWait => self.fin(slot, mini),
            MiniEvent::Armed { watched } => {
                let entry = self.slots.get(slot);
                if watched {
                    self.minis.expect(entry, mini.at, Span::TIME_WAIT);
                } else if !self.minis.is_polled(entry) && entry.state != TcpState::TimeWait {
                    self.look_next(slot, mini.at);
                }
                [None; 2]
            }
            MiniEvent::Fin => self.fin(slot, mini),
            MiniEvent::Gone(end) => self.timewait_gone(slot, mini, substate, end),
        }
    }

    /// Takes over what the stream says of the minisocket in `slot`.
    fn hear_of(&mut self, slot: u32, mini: &Mini) {
        let Some(facts) = self.minis.get_mut(self.slots.get(slot)) else {
            return;
        };
        if facts.address == 0 && mini.address != 0 {
            facts.address = mini.address;
            let seeded = std::mem::take(&mut facts.seeded);
            if let Some(timewait) = facts.timewait_mut() {
                // What the stream tells may be older than the dump.
                timewait.waits |= seeded;
            }
        }
        if let Some(timewait) = facts.timewait_mut() {
            timewait.info.update(&mini.info);
        }
    }

    /// The peer's FIN has come: `time-wait` in any case.
    fn fin(&mut self, slot: u32, mini: &Mini) -> [Option<Change>; 2] {
        let state = self.slots.get(slot).state;
        let before = self.timewait_in(slot).map(|timewait| timewait.substate);
        self.learn_substate(slot, TcpState::TimeWait, mini.at);
        if before == Some(TcpState::TimeWait) {
            // It was one already; the event of its full socket that should have said so is lost.
            return [self.catch_up(slot, TcpState::TimeWait, mini.at), None];
        }
        if state == TcpState::TimeWait {
            return [None; 2];
        }
        self.tell(slot);
        let missed = self.catch_up(slot, TcpState::FinWait2, mini.at);
        let fin = Step {
            at: mini.at,
            new: TcpState::TimeWait,
            observed: Observed::Timer,
            cause: None,
        };
        let change = self.step(slot, fin);
        in_order([missed, Some(change)])
    }

    fn timewait_gone(
        &mut self,
        slot: u32,
        mini: &Mini,
        substate: TcpState,
        end: MiniEnd,
    ) -> [Option<Change>; 2] {
        let last = match self.slots.get(slot).state {
            TcpState::TimeWait => TcpState::TimeWait,
            _ => substate,
        };
        let missed = self.catch_up(slot, last, mini.at);
        let change = self.step(slot, gone(mini.at, last, end));
        self.remove(slot);
        in_order([missed, Some(change)])
    }

    /// The change to `state`, unless the entry in `slot` is in that: it was not told when it
    /// happened.
    pub(super) fn catch_up(&mut self, slot: u32, state: TcpState, at: MonoNs) -> Option<Change> {
        let step = Step {
            at,
            new: state,
            observed: Observed::Poll,
            cause: None,
        };
        (self.slots.get(slot).state != state).then(|| self.step(slot, step))
    }

    /// The state of the entry in `slot` is about to be told.
    pub(super) fn tell(&mut self, slot: u32) {
        let facts = self.minis.get_mut(self.slots.get(slot));
        if let Some(timewait) = facts.and_then(|facts| facts.timewait_mut()) {
            timewait.untold = false;
        }
    }
}

/// The end of a minisocket that was in `state`.
fn gone(at: MonoNs, state: TcpState, end: MiniEnd) -> Step {
    let cause = match end {
        MiniEnd::Expired if state == TcpState::TimeWait => Cause::Finished,
        MiniEnd::Expired => Cause::TimedOut,
        MiniEnd::Reset => Cause::ResetByPeer,
        MiniEnd::Reused => Cause::Reused,
        MiniEnd::Segment => Cause::Aborted,
        MiniEnd::Cancelled => Cause::Killed,
    };
    Step {
        at,
        new: TcpState::Close,
        observed: Observed::Timer,
        cause: Some(cause),
    }
}
