//! What is remembered of one socket.

use super::{minis::MiniNumber, outcome::Applied};
use crate::model::{MonoNs, Nanos, Owner, Proto, Seen, SocketKey, TcpState, Transition, Tuple};

/// What the table remembers of a socket, be it a full one or a minisocket.
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
    /// Current state: the one that was told last.
    pub state: TcpState,
    /// When it was entered.
    pub since: Seen,
    /// When the connection began.
    pub begin: Seen,
    /// Who owns it.
    pub owner: Option<Owner>,
    /// When somebody accepted it. Of account in `established` only.
    pub(super) accepted: Seen,
    /// Its minisocket.
    pub(super) mini: Option<MiniNumber>,
    /// SYN-ACKs sent again. Of account in `syn-recv` only.
    pub(super) synack_retrans: SynAcks,
}

impl Entry {
    /// An entry of which no more is known.
    pub(super) fn new(
        key: SocketKey,
        proto: Proto,
        (tuple, netns): (Tuple, Option<u32>),
        state: TcpState,
    ) -> Self {
        Self {
            key,
            proto,
            tuple,
            netns,
            state,
            since: Seen::NEVER,
            begin: Seen::NEVER,
            owner: None,
            accepted: Seen::NEVER,
            mini: None,
            synack_retrans: SynAcks::UNKNOWN,
        }
    }

    /// The entry after a transition.
    pub(super) fn after(
        transition: &Transition,
        previous: Option<&Self>,
        applied: &Applied,
    ) -> Self {
        // MPTCP tells of states that are not left (10→10, 7→7, 5→5).
        let stays = transition.old == transition.new;
        let stayed = previous.filter(|_| stays);
        let since = if stays {
            stayed.and_then(|entry| entry.since.moment())
        } else {
            Some(transition.at)
        };
        Self {
            since: since.into(),
            begin: begin_after(transition, previous).into(),
            owner: applied.owner,
            accepted: stayed.map_or(Seen::NEVER, |entry| entry.accepted),
            mini: previous.and_then(|entry| entry.mini),
            ..Self::new(
                transition.key,
                transition.proto,
                (applied.tuple, transition.info.netns),
                transition.new,
            )
        }
    }

    /// Whether a minisocket stands for the connection, or is about to.
    pub fn is_minisocket(&self) -> bool {
        self.mini.is_some()
    }

    /// Time in its state, at `at`.
    pub(super) fn dwell(&self, at: MonoNs) -> Option<Nanos> {
        self.since.moment().map(|since| at.since(since))
    }

    /// From `established` to its first use.
    pub(super) fn accept_wait(&self) -> Option<Nanos> {
        let is_established = self.state == TcpState::Established;
        let since = self.since.moment().filter(|_| is_established)?;
        self.accepted.moment().map(|accepted| accepted.since(since))
    }

    /// What is learnt of the state that it leaves.
    pub(super) fn on_leaving(&self, at: MonoNs) -> Left {
        Left {
            dwell: self.dwell(at),
            accept_wait: self.accept_wait(),
            synack_retrans: match self.state {
                TcpState::SynRecv => self.synack_retrans.known(),
                _ => None,
            },
        }
    }
}

/// What is learnt of a state when it is left.
#[derive(Default)]
pub(super) struct Left {
    pub(super) dwell: Option<Nanos>,
    pub(super) accept_wait: Option<Nanos>,
    pub(super) synack_retrans: Option<u8>,
}

/// A count of SYN-ACKs sent again, in one byte. The kernel sends none 255 times (`num_retrans`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SynAcks(u8);

impl SynAcks {
    pub(super) const UNKNOWN: Self = Self(u8::MAX);

    pub(super) fn new(count: u8) -> Self {
        Self(count.min(u8::MAX - 1))
    }

    pub(super) fn known(self) -> Option<u8> {
        (self != Self::UNKNOWN).then_some(self.0)
    }
}

/// Whether a connection, or a listener, begins its life with this event.
pub(super) fn begins(transition: &Transition) -> bool {
    let opened = matches!(transition.new, TcpState::SynSent | TcpState::Listen);
    transition.is_child() || transition.old == TcpState::Close && opened
}

/// When the connection began, as known after this event.
pub(super) fn begin_after(transition: &Transition, previous: Option<&Entry>) -> Option<MonoNs> {
    if begins(transition) {
        Some(transition.at)
    } else {
        previous?.begin.moment()
    }
}

/// The event's tuple, and what it lacks from what was known before.
pub(super) fn merge_tuple(transition: &Transition, previous: Option<&Entry>) -> Tuple {
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
