//! The sock_diag reply for a socket with IP addresses, read where it lies.
//!
//! No allocation and no copy of the message; nothing in it is trusted. Does not interpret: what the
//! fields mean for a socket is decided in `rows`.
//!
//! Layout: `include/uapi/linux/inet_diag.h`, `struct inet_diag_msg`. Integers are in the byte order
//! of the machine, ports and addresses in network order.

use netlink_packet_sock_diag::{
    INET_DIAG_BBRINFO, INET_DIAG_CLASS_ID, INET_DIAG_CONG, INET_DIAG_DCTCPINFO, INET_DIAG_INFO,
    INET_DIAG_MARK, INET_DIAG_MD5SIG, INET_DIAG_SHUTDOWN, INET_DIAG_SKMEMINFO, INET_DIAG_SKV6ONLY,
    INET_DIAG_TCLASS, INET_DIAG_TOS, INET_DIAG_VEGASINFO,
};

use super::{
    attributes::{Attributes, set},
    header::Header,
};

/// Size of `struct inet_diag_msg`, bytes.
pub(super) const HEADER_BYTES: usize = 72;

/// `INET_DIAG_ULP_INFO`, since Linux 5.4.
const INET_DIAG_ULP_INFO: u16 = 19;

/// `INET_DIAG_CGROUP_ID`, since Linux 5.8.
const INET_DIAG_CGROUP_ID: u16 = 21;

/// `INET_DIAG_SOCKOPT`, since Linux 5.10.
const INET_DIAG_SOCKOPT: u16 = 22;

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
            INET_DIAG_TOS => set(&mut extras.tos, bytes, u8::from_ne_bytes),
            INET_DIAG_TCLASS => set(&mut extras.tclass, bytes, u8::from_ne_bytes),
            INET_DIAG_CLASS_ID => set(&mut extras.class_id, bytes, u32::from_ne_bytes),
            // Bit-fields of two bytes: low bits first.
            INET_DIAG_SOCKOPT => set(&mut extras.sockopt, bytes, u16::from_le_bytes),
            _ => {
                if let Some(slot) = extras.structure(kind) {
                    *slot = Some(bytes);
                }
                true
            }
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
    /// `INET_DIAG_TOS`; what follows, but for `sockopt`, only where it was asked for.
    pub(super) tos: Option<u8>,
    /// `INET_DIAG_TCLASS`: of an IPv6 socket.
    pub(super) tclass: Option<u8>,
    /// `INET_DIAG_CLASS_ID`
    pub(super) class_id: Option<u32>,
    /// `INET_DIAG_SOCKOPT`: `struct inet_diag_sockopt`; only of full sockets.
    pub(super) sockopt: Option<u16>,
    /// `INET_DIAG_SKMEMINFO`: `SK_MEMINFO_`.
    pub(super) memory: Option<&'a [u8]>,
    /// `INET_DIAG_INFO`: a structure of the protocol's own.
    pub(super) info: Option<&'a [u8]>,
    /// `INET_DIAG_CONG`: name of the congestion control.
    pub(super) congestion: Option<&'a [u8]>,
    /// `INET_DIAG_VEGASINFO`: `struct tcpvegas_info`.
    pub(super) vegas: Option<&'a [u8]>,
    /// `INET_DIAG_DCTCPINFO`: `struct tcp_dctcp_info`.
    pub(super) dctcp: Option<&'a [u8]>,
    /// `INET_DIAG_BBRINFO`: `struct tcp_bbr_info`.
    pub(super) bbr: Option<&'a [u8]>,
    /// `INET_DIAG_MD5SIG`: structures `tcp_diag_md5sig`; unasked, but only with CAP_NET_ADMIN.
    pub(super) md5: Option<&'a [u8]>,
    /// `INET_DIAG_ULP_INFO`: attributes of its own; unasked.
    pub(super) ulp: Option<&'a [u8]>,
    /// Attributes that made no sense.
    pub(super) malformed: u32,
}

impl<'a> Extras<'a> {
    /// Where a structure goes that is not read here.
    fn structure(&mut self, kind: u16) -> Option<&mut Option<&'a [u8]>> {
        Some(match kind {
            INET_DIAG_SKMEMINFO => &mut self.memory,
            INET_DIAG_INFO => &mut self.info,
            INET_DIAG_CONG => &mut self.congestion,
            INET_DIAG_VEGASINFO => &mut self.vegas,
            INET_DIAG_DCTCPINFO => &mut self.dctcp,
            INET_DIAG_BBRINFO => &mut self.bbr,
            INET_DIAG_MD5SIG => &mut self.md5,
            INET_DIAG_ULP_INFO => &mut self.ulp,
            _ => return None,
        })
    }
}

#[cfg(all(test, target_endian = "little"))]
mod tests;
