//! Why a socket went to `closed`, and error numbers by name.

/// Why a socket went to `closed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Both directions were closed in order: our FIN was acknowledged.
    Finished,
    /// The peer answered the SYN with a reset.
    Refused,
    /// No route, or an ICMP error said so.
    Unreachable,
    /// Nobody answered: SYN, retransmits or keepalive ran out.
    TimedOut,
    /// The peer reset the connection.
    ResetByPeer,
    /// The owner closed it with a reset: SO_LINGER 0, or unread data.
    Aborted,
    /// Destroyed from outside (`ss -K`, SOCK_DESTROY).
    Killed,
    /// The owner closed the socket while it was still connecting.
    GaveUp,
    /// The listener went away before anybody accepted the connection.
    Unaccepted,
    /// connect(AF_UNSPEC).
    Disconnected,
    /// connect() failed before a SYN was sent (no free port, for one).
    ConnectFailed,
    /// A listener was closed.
    ListenerClosed,
    /// A TIME-WAIT ended early: a new connection of the same ends took its place.
    Reused,
    /// The kernel had no room for its TIME-WAIT (`tcp_max_tw_buckets`).
    Overflow,
    /// The kernel gave up a half-open connection that its peer had not given up.
    Dropped,
    /// Another error; see the errno.
    Error,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 16] = [
        Self::Finished,
        Self::Refused,
        Self::Unreachable,
        Self::TimedOut,
        Self::ResetByPeer,
        Self::Aborted,
        Self::Killed,
        Self::GaveUp,
        Self::Unaccepted,
        Self::Disconnected,
        Self::ConnectFailed,
        Self::ListenerClosed,
        Self::Reused,
        Self::Overflow,
        Self::Dropped,
        Self::Error,
    ];

    /// The value of `cause` in JSON, and the word in text.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed-out",
            Self::ResetByPeer => "reset-by-peer",
            Self::Aborted => "aborted",
            Self::Killed => "killed",
            Self::GaveUp => "gave-up",
            Self::Unaccepted => "unaccepted",
            Self::Disconnected => "disconnected",
            Self::ConnectFailed => "connect-failed",
            Self::ListenerClosed => "listener-closed",
            Self::Reused => "reused",
            Self::Overflow => "overflow",
            Self::Dropped => "dropped",
            Self::Error => "error",
        }
    }
}

/// A positive error number (`include/uapi/asm-generic/errno.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub u32);

impl Errno {
    /// `ENETDOWN`
    pub const ENETDOWN: Self = Self(100);
    /// `ENETUNREACH`
    pub const ENETUNREACH: Self = Self(101);
    /// `ECONNABORTED`
    pub const ECONNABORTED: Self = Self(103);
    /// `ECONNRESET`
    pub const ECONNRESET: Self = Self(104);
    /// `ETIMEDOUT`
    pub const ETIMEDOUT: Self = Self(110);
    /// `ECONNREFUSED`
    pub const ECONNREFUSED: Self = Self(111);
    /// `EHOSTDOWN`
    pub const EHOSTDOWN: Self = Self(112);
    /// `EHOSTUNREACH`
    pub const EHOSTUNREACH: Self = Self(113);
    /// `EPIPE`: what a reset leaves behind in CLOSE_WAIT.
    pub const EPIPE: Self = Self(32);

    /// The symbol, for the errors a socket can die of; `None` for any other number.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            1 => "EPERM",
            4 => "EINTR",
            5 => "EIO",
            11 => "EAGAIN",
            12 => "ENOMEM",
            13 => "EACCES",
            14 => "EFAULT",
            19 => "ENODEV",
            22 => "EINVAL",
            32 => "EPIPE",
            71 => "EPROTO",
            74 => "EBADMSG",
            75 => "EOVERFLOW",
            88 => "ENOTSOCK",
            90 => "EMSGSIZE",
            92 => "ENOPROTOOPT",
            93 => "EPROTONOSUPPORT",
            95 => "EOPNOTSUPP",
            98 => "EADDRINUSE",
            99 => "EADDRNOTAVAIL",
            100 => "ENETDOWN",
            101 => "ENETUNREACH",
            102 => "ENETRESET",
            103 => "ECONNABORTED",
            104 => "ECONNRESET",
            105 => "ENOBUFS",
            106 => "EISCONN",
            107 => "ENOTCONN",
            108 => "ESHUTDOWN",
            110 => "ETIMEDOUT",
            111 => "ECONNREFUSED",
            112 => "EHOSTDOWN",
            113 => "EHOSTUNREACH",
            114 => "EALREADY",
            115 => "EINPROGRESS",
            125 => "ECANCELED",
            129 => "EKEYREJECTED",
            _ => return None,
        })
    }
}
