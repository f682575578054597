//! Transport protocol and address family.

/// A transport protocol whose sockets change state (`sk_protocol`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proto {
    /// `IPPROTO_TCP`
    Tcp,
    /// `IPPROTO_MPTCP`
    Mptcp,
    /// `IPPROTO_SCTP`
    Sctp,
    /// `IPPROTO_DCCP` (until Linux 6.15)
    Dccp,
    /// Any other number.
    Unknown(u16),
}

impl Proto {
    /// From the kernel's number.
    pub const fn from_kernel(number: u16) -> Self {
        match number {
            6 => Self::Tcp,
            33 => Self::Dccp,
            132 => Self::Sctp,
            262 => Self::Mptcp,
            n => Self::Unknown(n),
        }
    }

    /// The kernel's number.
    pub const fn number(self) -> u16 {
        match self {
            Self::Tcp => 6,
            Self::Dccp => 33,
            Self::Sctp => 132,
            Self::Mptcp => 262,
            Self::Unknown(n) => n,
        }
    }

    /// The Netid of `ss`, and the value of `proto` in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Mptcp => "mptcp",
            Self::Sctp => "sctp",
            Self::Dccp => "dccp",
            Self::Unknown(_) => "unknown",
        }
    }
}

/// The family of a socket. An `Inet6` socket may carry IPv4 traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// `AF_INET`
    Inet,
    /// `AF_INET6`
    Inet6,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Inet, Self::Inet6];

    /// From `AF_INET` or `AF_INET6`.
    pub const fn from_kernel(number: u16) -> Option<Self> {
        match number {
            2 => Some(Self::Inet),
            10 => Some(Self::Inet6),
            _ => None,
        }
    }

    /// `AF_INET` or `AF_INET6`.
    pub const fn number(self) -> u8 {
        match self {
            Self::Inet => 2,
            Self::Inet6 => 10,
        }
    }

    /// The word of `ss -f`, and the value of `family` in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Inet => "inet",
            Self::Inet6 => "inet6",
        }
    }
}
