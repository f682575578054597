//! What happens to minisockets, which stand in for a connection before its socket exists and after
//! it is gone.

use std::num::NonZeroU64;

use super::{MonoNs, SocketInfo, TcpState, Tuple};

/// Something that happened to a minisocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mini {
    /// When.
    pub at: MonoNs,
    /// Its address; 0 where that is not known. No identity over time.
    pub address: u64,
    /// `skc_cookie`: that of the socket whose place a TIME-WAIT has taken; `None` where nobody has
    /// asked for it.
    pub cookie: Option<NonZeroU64>,
    /// Both ends. The family is that of the socket, but for [`MiniEvent::Fin`] without address or
    /// cookie, which a segment tells of.
    pub tuple: Tuple,
    /// Namespace, device and mark; a minisocket has no user, cgroup or inode.
    pub info: SocketInfo,
    /// What it stands for.
    pub kind: MiniKind,
    /// What happened.
    pub event: MiniEvent,
}

/// What a minisocket stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MiniKind {
    /// A half-open connection (`request_sock`): `syn-recv`.
    Request {
        /// Cookie of its listener; `None` where nobody has asked for it.
        listener: Option<NonZeroU64>,
        /// SYN-ACKs sent again.
        synack_retrans: u8,
    },
    /// A connection that the process has left (`inet_timewait_sock`).
    TimeWait {
        /// `tw_substate`: [`TcpState::FinWait2`] or [`TcpState::TimeWait`].
        substate: TcpState,
    },
}

/// What happened to a minisocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MiniEvent {
    /// It is there: its timer was set for the first time, or again.
    Armed {
        /// Whether the kernel programs watch for its FIN. Of no account but in `fin-wait-2`.
        watched: bool,
    },
    /// The peer's FIN came, which makes a `time-wait` of a `fin-wait-2`.
    Fin,
    /// It is gone.
    Gone(MiniEnd),
}

/// How a minisocket ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MiniEnd {
    /// Its time was over.
    Expired,
    /// A reset came.
    Reset,
    /// Another segment ended it, which was then dropped: data for a connection that nobody reads, or
    /// a SYN-ACK's answer that the listener did not take.
    Segment,
    /// A new connection of the same ends took its place.
    Reused,
    /// Nothing tells why: its connection is accepted, or somebody destroyed it.
    Cancelled,
}

/// The first use of a connection that came in, by the process that accepted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// When.
    pub at: MonoNs,
    /// Cookie of the connection, 0 where unknown.
    pub cookie: u64,
    /// Address of its `struct sock`.
    pub sk: u64,
    /// Whose.
    pub by: super::Context,
}
