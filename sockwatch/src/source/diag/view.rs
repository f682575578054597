//! The sock_diag reply for a socket with IP addresses, read where it lies.
//!
//! No allocation and no copy of the message; nothing in it is trusted. Does not interpret: what the
//! fields mean for a socket is decided in `rows`.
//!
//! Layout: `include/uapi/linux/inet_diag.h`, `struct inet_diag_msg`. Integers are in the byte order
//! of the machine, ports and addresses in network order.

use netlink_packet_sock_diag::{
    INET_DIAG_INFO, INET_DIAG_MARK, INET_DIAG_SHUTDOWN, INET_DIAG_SKV6ONLY,
};

use super::{
    attributes::{Attributes, set},
    header::Header,
};

/// Size of `struct inet_diag_msg`, bytes.
pub(super) const HEADER_BYTES: usize = 72;

/// `INET_DIAG_CGROUP_ID`, since Linux 5.8.
const INET_DIAG_CGROUP_ID: u16 = 21;

/// Offsets in `struct inet_diag_msg`.
mod at {
    pub(super) const FAMILY: usize = 0;
    pub(super) const STATE: usize = 1;
    pub(super) const TIMER: usize = 2;
    pub(super) const RETRANS: usize = 3;
    pub(super) const SPORT: usize = 4;
    pub(super) const DPORT: usize = 6;
    pub(super) const SRC: usize = 8;
    pub(super) const DST: usize = 24;
    pub(super) const IFINDEX: usize = 40;
    pub(super) const COOKIE: usize = 44;
    pub(super) const EXPIRES: usize = 52;
    pub(super) const RQUEUE: usize = 56;
    pub(super) const WQUEUE: usize = 60;
    pub(super) const UID: usize = 64;
    pub(super) const INODE: usize = 68;
}

/// The reply for one socket: `struct inet_diag_msg` and the attributes behind it.
#[derive(Clone, Debug)]
pub(super) struct Reply<'a> {
    header: Header<'a, HEADER_BYTES>,
    attributes: Attributes<'a>,
}

impl<'a> Reply<'a> {
    /// Views the payload of a `SOCK_DIAG_BY_FAMILY` message; `None` if it is too short.
    pub(super) fn new(payload: &'a [u8]) -> Option<Self> {
        let (header, attributes) = Header::split(payload)?;
        Some(Self { header, attributes })
    }

    /// `idiag_family`: `AF_INET` or `AF_INET6`.
    pub(super) fn family(&self) -> u8 {
        self.header.u8(at::FAMILY)
    }

    /// `idiag_state`: number of the state; that of a timewait minisocket is its substate.
    pub(super) fn state(&self) -> u8 {
        self.header.u8(at::STATE)
    }

    /// `idiag_timer`: 0 none, 1 retransmit, 2 keepalive, 3 timewait, 4 zero window probe.
    pub(super) fn timer(&self) -> u8 {
        self.header.u8(at::TIMER)
    }

    /// `idiag_retrans`: unanswered retransmits or probes.
    pub(super) fn retrans(&self) -> u8 {
        self.header.u8(at::RETRANS)
    }

    /// `idiag_sport`, as a number.
    pub(super) fn sport(&self) -> u16 {
        u16::from_be_bytes(self.header.bytes(at::SPORT))
    }

    /// `idiag_dport`, as a number.
    pub(super) fn dport(&self) -> u16 {
        u16::from_be_bytes(self.header.bytes(at::DPORT))
    }

    /// `idiag_src`: network order, IPv4 in the first four bytes.
    pub(super) fn src_be(&self) -> [u8; 16] {
        self.header.bytes(at::SRC)
    }

    /// `idiag_dst`: network order, IPv4 in the first four bytes.
    pub(super) fn dst_be(&self) -> [u8; 16] {
        self.header.bytes(at::DST)
    }

    /// `idiag_if`: index of the bound device, 0 for none.
    pub(super) fn ifindex(&self) -> u32 {
        self.header.u32(at::IFINDEX)
    }

    /// `idiag_cookie`.
    pub(super) fn cookie(&self) -> u64 {
        self.header.cookie(at::COOKIE)
    }

    /// `idiag_expires`: until the timer fires, milliseconds.
    pub(super) fn expires_ms(&self) -> u32 {
        self.header.u32(at::EXPIRES)
    }

    /// `idiag_rqueue`: unread bytes; of a listener, connections waiting for accept().
    pub(super) fn rqueue(&self) -> u32 {
        self.header.u32(at::RQUEUE)
    }

    /// `idiag_wqueue`: unacknowledged bytes; of a listener, its backlog.
    pub(super) fn wqueue(&self) -> u32 {
        self.header.u32(at::WQUEUE)
    }

    /// `idiag_uid`: in our user namespace; 0 also where the socket has no file.
    pub(super) fn uid(&self) -> u32 {
        self.header.u32(at::UID)
    }

    /// `idiag_inode`: inode number of the socket's file, 0 where it has none.
    pub(super) fn inode(&self) -> u32 {
        self.header.u32(at::INODE)
    }

    /// The attributes that sockwatch uses.
    pub(super) fn extras(&self) -> Extras<'a> {
        let mut extras = Extras::default();
        extras.malformed = self.attributes.clone().read(|kind, bytes| match kind {
            INET_DIAG_MARK => set(&mut extras.mark, bytes, u32::from_ne_bytes),
            INET_DIAG_CGROUP_ID => set(&mut extras.cgroup_id, bytes, u64::from_ne_bytes),
            INET_DIAG_SHUTDOWN => set(&mut extras.shutdown, bytes, u8::from_ne_bytes),
            INET_DIAG_SKV6ONLY => set(&mut extras.ipv6_only, bytes, |[only]| only != 0),
            INET_DIAG_INFO => {
                extras.info = Some(bytes);
                true
            }
            _ => true,
        });
        extras
    }
}

/// Values of attributes. `None`: not in the reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extras<'a> {
    /// `INET_DIAG_MARK`: only with CAP_NET_ADMIN.
    pub(super) mark: Option<u32>,
    /// `INET_DIAG_CGROUP_ID`: only of full sockets.
    pub(super) cgroup_id: Option<u64>,
    /// `INET_DIAG_SHUTDOWN`: bit 0 receive side, bit 1 send side; only of full sockets.
    pub(super) shutdown: Option<u8>,
    /// `INET_DIAG_SKV6ONLY`: `IPV6_V6ONLY` of an IPv6 socket.
    pub(super) ipv6_only: Option<bool>,
    /// `INET_DIAG_INFO`: a structure of the protocol's own; only where it was asked for.
    pub(super) info: Option<&'a [u8]>,
    /// Attributes that made no sense.
    pub(super) malformed: u32,
}

#[cfg(all(test, target_endian = "little"))]
mod tests;
