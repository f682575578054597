//! A listed socket: what a dump tells of one that exists.
//!
//! Does not say how it is shown, nor who owns it.

use super::{Details, Endpoint, Memory, Netid, SocketInfo, TcpNumbers, TcpState};

/// A socket of a dump. `None` is unknown. Names are borrowed from the dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Its table.
    pub netid: Netid,
    /// Its state. Half-open connections are `SynRecv`; bound-inactive ones `Close`, as the kernel
    /// shows them, and no other TCP socket is. Tables without states (packet, netlink, XDP) have
    /// `Close`.
    pub state: TcpState,
    /// Unread bytes; of a listener, connections waiting for accept().
    pub recv_q: u32,
    /// Bytes not acknowledged or not sent; of a listener, its backlog.
    pub send_q: u32,
    /// The local end. The port of a raw socket is its IP protocol.
    pub local: Endpoint<'a>,
    /// The other end; where there is none, all zero.
    pub peer: Endpoint<'a>,
    /// Netlink: the group that a connected socket sends to, 0 for none. `None`: not connected.
    pub peer_group: Option<u32>,
    /// What else it carries. Of a packet socket, the bound device is also its end's.
    pub info: SocketInfo,
    /// Socket cookie.
    pub cookie: Option<u64>,
    /// `IPV6_V6ONLY`: whether a wildcard address leaves IPv4 out.
    pub ipv6_only: Option<bool>,
    /// `sk_shutdown`: bit 0 receive side, bit 1 send side.
    pub shutdown: Option<u8>,
    /// Numbers of TCP; only where they were asked for.
    pub tcp: Option<TcpNumbers>,
    /// The timer that is set.
    pub timer: Option<Timer>,
    /// Memory; only where it was asked for, but where the table tells its queues that way.
    pub memory: Option<Memory>,
    /// What was asked for besides.
    pub details: Details<'a>,
    /// The kernel's message that all of this was read from, for who stores it; empty where it came from
    /// elsewhere.
    pub reply: &'a [u8],
}

impl<'a> Row<'a> {
    /// A row of which only these are known.
    pub fn new(netid: Netid, state: TcpState, local: Endpoint<'a>, peer: Endpoint<'a>) -> Self {
        Self {
            netid,
            state,
            recv_q: 0,
            send_q: 0,
            local,
            peer,
            peer_group: None,
            info: SocketInfo::default(),
            cookie: None,
            ipv6_only: None,
            shutdown: None,
            tcp: None,
            timer: None,
            memory: None,
            details: Details::None,
            reply: &[],
        }
    }
}

impl Row<'_> {
    /// Index of the device that it is bound to; 0 for none.
    pub fn device(&self) -> Option<u32> {
        match self.local {
            Endpoint::Link { ifindex, .. } | Endpoint::Xdp { ifindex, .. } => Some(ifindex),
            _ => self.info.ifindex,
        }
    }
}

/// A timer that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// What it is for.
    pub kind: TimerKind,
    /// Until it fires, milliseconds.
    pub expires_ms: u32,
    /// Retransmits or probes that were not answered.
    pub retrans: u8,
}

/// What a timer is for: `idiag_timer` (`net/ipv4/inet_diag.c`, `inet_sk_diag_fill`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerKind {
    /// Retransmission.
    Retransmit,
    /// Keepalive.
    Keepalive,
    /// End of TIME-WAIT.
    TimeWait,
    /// Probe of a closed window.
    Persist,
    /// Delayed acknowledgment, on newer kernels.
    DelayedAck,
    /// A timer newer than this program.
    Unknown(u8),
}

impl TimerKind {
    /// From the kernel's number; `None` for 0: no timer is set.
    pub const fn from_kernel(number: u8) -> Option<Self> {
        match number {
            0 => None,
            1 => Some(Self::Retransmit),
            2 => Some(Self::Keepalive),
            3 => Some(Self::TimeWait),
            4 => Some(Self::Persist),
            5 => Some(Self::DelayedAck),
            n => Some(Self::Unknown(n)),
        }
    }
}
