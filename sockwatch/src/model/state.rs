//! TCP states, their names, and sets of them.

use std::fmt;

/// A state of `enum tcp_state` (`include/net/tcp_states.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TcpState {
    /// `TCP_ESTABLISHED`
    Established,
    /// `TCP_SYN_SENT`
    SynSent,
    /// `TCP_SYN_RECV`
    SynRecv,
    /// `TCP_FIN_WAIT1`
    FinWait1,
    /// `TCP_FIN_WAIT2`
    FinWait2,
    /// `TCP_TIME_WAIT`
    TimeWait,
    /// `TCP_CLOSE`
    Close,
    /// `TCP_CLOSE_WAIT`
    CloseWait,
    /// `TCP_LAST_ACK`
    LastAck,
    /// `TCP_LISTEN`
    Listen,
    /// `TCP_CLOSING`
    Closing,
    /// `TCP_NEW_SYN_RECV`: a request socket, half-open.
    NewSynRecv,
    /// `TCP_BOUND_INACTIVE`: only sock_diag uses it.
    BoundInactive,
    /// A state newer than this program.
    Unknown(u8),
}

/// Number, word of the filter language and of JSON, display name of `ss`.
const NAMES: [(TcpState, &str, &str); 13] = [
    (TcpState::Established, "established", "ESTAB"),
    (TcpState::SynSent, "syn-sent", "SYN-SENT"),
    (TcpState::SynRecv, "syn-recv", "SYN-RECV"),
    (TcpState::FinWait1, "fin-wait-1", "FIN-WAIT-1"),
    (TcpState::FinWait2, "fin-wait-2", "FIN-WAIT-2"),
    (TcpState::TimeWait, "time-wait", "TIME-WAIT"),
    (TcpState::Close, "closed", "UNCONN"),
    (TcpState::CloseWait, "close-wait", "CLOSE-WAIT"),
    (TcpState::LastAck, "last-ack", "LAST-ACK"),
    (TcpState::Listen, "listening", "LISTEN"),
    (TcpState::Closing, "closing", "CLOSING"),
    (TcpState::NewSynRecv, "syn-recv", "SYN-RECV"),
    (TcpState::BoundInactive, "bound-inactive", "UNCONN"),
];

impl TcpState {
    /// From the kernel's number.
    pub const fn from_kernel(number: u8) -> Self {
        match number {
            1..=13 => NAMES[number as usize - 1].0,
            n => Self::Unknown(n),
        }
    }

    /// The kernel's number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Established => 1,
            Self::SynSent => 2,
            Self::SynRecv => 3,
            Self::FinWait1 => 4,
            Self::FinWait2 => 5,
            Self::TimeWait => 6,
            Self::Close => 7,
            Self::CloseWait => 8,
            Self::LastAck => 9,
            Self::Listen => 10,
            Self::Closing => 11,
            Self::NewSynRecv => 12,
            Self::BoundInactive => 13,
            Self::Unknown(n) => n,
        }
    }

    const fn row(self) -> Option<&'static (Self, &'static str, &'static str)> {
        match self {
            Self::Unknown(_) => None,
            known => Some(&NAMES[known.number() as usize - 1]),
        }
    }

    /// The word that filters take and JSON carries, `established`, `syn-sent`, ....
    pub const fn word(self) -> &'static str {
        match self.row() {
            Some(row) => row.1,
            None => "unknown",
        }
    }

    /// The name that `ss` prints, `ESTAB`, `SYN-SENT`, ....
    pub const fn display_name(self) -> &'static str {
        match self.row() {
            Some(row) => row.2,
            None => "UNKNOWN",
        }
    }
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.display_name())
    }
}

/// A set of states, as sock_diag's `idiag_states`: bit n is the state with number n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSet(u32);

impl StateSet {
    /// Every state.
    pub const ALL: Self = Self(u32::MAX);

    /// The set of these states.
    pub const fn of(states: &[TcpState]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < states.len() {
            bits |= 1 << states[i].number();
            i += 1;
        }
        Self(bits)
    }

    /// The set of the states with these bits.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The states of either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The states that `other` has not.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is no state in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether exactly one state is in it.
    pub const fn is_single(self) -> bool {
        self.0.is_power_of_two()
    }

    /// Whether `state` is in the set. States without a number in 0..32 are in `ALL` alone.
    pub const fn contains(self, state: TcpState) -> bool {
        let n = state.number();
        if n < 32 {
            self.0 & (1 << n) != 0
        } else {
            self.0 == u32::MAX
        }
    }

    /// As sock_diag's request takes it.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_round_trip() {
        for n in 0..=255 {
            assert_eq!(TcpState::from_kernel(n).number(), n);
        }
        assert_eq!(TcpState::from_kernel(7).word(), "closed");
        assert_eq!(TcpState::from_kernel(7).display_name(), "UNCONN");
        assert_eq!(TcpState::from_kernel(0).word(), "unknown");
        assert_eq!(TcpState::from_kernel(200), TcpState::Unknown(200));
    }

    #[test]
    fn sets_hold_their_states() {
        let set = StateSet::of(&[TcpState::Listen, TcpState::Close]);
        assert!(set.contains(TcpState::Listen) && set.contains(TcpState::Close));
        assert!(!set.contains(TcpState::Established) && !set.contains(TcpState::Unknown(77)));
        assert!(StateSet::ALL.contains(TcpState::Unknown(77)));
        assert_eq!(set.bits(), 1 << 10 | 1 << 7);
        assert_eq!(
            StateSet::from_bits(1 << 10).union(StateSet::from_bits(1 << 7)),
            set
        );
        let listening = set.without(StateSet::of(&[TcpState::Close]));
        assert_eq!(listening.bits(), 1 << 10);
        assert!(listening.without(set).is_empty() && !listening.is_empty());
    }
}
