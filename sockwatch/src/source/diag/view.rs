//! A sock_diag reply, read where it lies.
//!
//! No allocation and no copy of the message; nothing in it is trusted. Does not interpret: what the
//! fields mean for a socket is decided in `seed`.
//!
//! Layout: `include/uapi/linux/inet_diag.h`, `struct inet_diag_msg`. Integers are in the byte order
//! of the machine, ports and addresses in network order.

use netlink_packet_core::{NLA_ALIGNTO, NLA_HEADER_SIZE, NLA_TYPE_MASK};
use netlink_packet_sock_diag::{INET_DIAG_MARK, INET_DIAG_PROTOCOL, INET_DIAG_SHUTDOWN};

/// Size of `struct inet_diag_msg`, bytes.
pub const HEADER_BYTES: usize = 72;

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
    pub(super) const COOKIE: [usize; 2] = [44, 48];
    pub(super) const EXPIRES: usize = 52;
    pub(super) const RQUEUE: usize = 56;
    pub(super) const WQUEUE: usize = 60;
    pub(super) const UID: usize = 64;
    pub(super) const INODE: usize = 68;
}

/// The reply for one socket: `struct inet_diag_msg` and the attributes behind it.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    header: &'a [u8; HEADER_BYTES],
    attributes: &'a [u8],
}

impl<'a> Reply<'a> {
    /// Views the payload of a `SOCK_DIAG_BY_FAMILY` message; `None` if it is too short.
    pub fn new(payload: &'a [u8]) -> Option<Self> {
        let (header, attributes) = payload.split_first_chunk()?;
        Some(Self { header, attributes })
    }

    fn bytes<const N: usize>(&self, offset: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.header[offset..offset + N]);
        bytes
    }

    fn u32(&self, offset: usize) -> u32 {
        u32::from_ne_bytes(self.bytes(offset))
    }

    /// `idiag_family`: `AF_INET` or `AF_INET6`.
    pub fn family(&self) -> u8 {
        self.header[at::FAMILY]
    }

    /// `idiag_state`: number of the state; that of a timewait minisocket is its substate.
    pub fn state(&self) -> u8 {
        self.header[at::STATE]
    }

    /// `idiag_timer`: 0 none, 1 retransmit, 2 keepalive, 3 timewait, 4 zero window probe.
    pub fn timer(&self) -> u8 {
        self.header[at::TIMER]
    }

    /// `idiag_retrans`: unanswered retransmits or probes.
    pub fn retrans(&self) -> u8 {
        self.header[at::RETRANS]
    }

    /// `idiag_sport`, as a number.
    pub fn sport(&self) -> u16 {
        u16::from_be_bytes(self.bytes(at::SPORT))
    }

    /// `idiag_dport`, as a number.
    pub fn dport(&self) -> u16 {
        u16::from_be_bytes(self.bytes(at::DPORT))
    }

    /// `idiag_src`: network order, IPv4 in the first four bytes.
    pub fn src_be(&self) -> [u8; 16] {
        self.bytes(at::SRC)
    }

    /// `idiag_dst`: network order, IPv4 in the first four bytes.
    pub fn dst_be(&self) -> [u8; 16] {
        self.bytes(at::DST)
    }

    /// `idiag_if`: index of the bound device, 0 for none.
    pub fn ifindex(&self) -> u32 {
        self.u32(at::IFINDEX)
    }

    /// `idiag_cookie`, low word first (`net/core/sock_diag.c`, `sock_diag_save_cookie`).
    pub fn cookie(&self) -> u64 {
        let [low, high] = at::COOKIE.map(|offset| u64::from(self.u32(offset)));
        high << 32 | low
    }

    /// `idiag_expires`: until the timer fires, milliseconds.
    pub fn expires_ms(&self) -> u32 {
        self.u32(at::EXPIRES)
    }

    /// `idiag_rqueue`: unread bytes; of a listener, connections waiting for accept().
    pub fn rqueue(&self) -> u32 {
        self.u32(at::RQUEUE)
    }

    /// `idiag_wqueue`: unacknowledged bytes; of a listener, its backlog.
    pub fn wqueue(&self) -> u32 {
        self.u32(at::WQUEUE)
    }

    /// `idiag_uid`: in our user namespace; 0 also where the socket has no file.
    pub fn uid(&self) -> u32 {
        self.u32(at::UID)
    }

    /// `idiag_inode`: inode number of the socket's file, 0 where it has none.
    pub fn inode(&self) -> u32 {
        self.u32(at::INODE)
    }

    /// The attributes, as they come.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes {
            rest: self.attributes,
        }
    }

    /// The attributes that sockwatch uses.
    pub fn extras(&self) -> Extras {
        let mut extras = Extras::default();
        for attribute in self.attributes() {
            let understood = match attribute {
                Ok((INET_DIAG_MARK, bytes)) => set(&mut extras.mark, bytes, u32::from_ne_bytes),
                Ok((INET_DIAG_CGROUP_ID, bytes)) => {
                    set(&mut extras.cgroup_id, bytes, u64::from_ne_bytes)
                }
                Ok((INET_DIAG_SHUTDOWN, bytes)) => {
                    set(&mut extras.shutdown, bytes, u8::from_ne_bytes)
                }
                Ok((INET_DIAG_PROTOCOL, bytes)) => {
                    set(&mut extras.protocol, bytes, u8::from_ne_bytes)
                }
                Ok(_) => true,
                Err(Malformed) => false,
            };
            extras.malformed += u32::from(!understood);
        }
        extras
    }
}

/// Takes the value from the first bytes of an attribute, which may have grown. `false`: too short.
fn set<T, const N: usize>(slot: &mut Option<T>, bytes: &[u8], read: fn([u8; N]) -> T) -> bool {
    let Some((first, _)) = bytes.split_first_chunk() else {
        return false;
    };
    *slot = Some(read(*first));
    true
}

/// Values of attributes. `None`: not in the reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// `INET_DIAG_MARK`: only with CAP_NET_ADMIN.
    pub mark: Option<u32>,
    /// `INET_DIAG_CGROUP_ID`: only of full sockets.
    pub cgroup_id: Option<u64>,
    /// `INET_DIAG_SHUTDOWN`: bit 0 receive side, bit 1 send side; only of full sockets.
    pub shutdown: Option<u8>,
    /// `INET_DIAG_PROTOCOL`: only of raw sockets.
    pub protocol: Option<u8>,
    /// Attributes that made no sense.
    pub malformed: u32,
}

/// An attribute whose length makes no sense; nothing can be found behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Iterator over attributes: type, payload.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(u16, &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let whole = std::mem::take(&mut self.rest);
        if whole.is_empty() {
            return None;
        }
        let Some(&[len0, len1, kind0, kind1]) = whole.first_chunk() else {
            return Some(Err(Malformed));
        };
        let length = usize::from(u16::from_ne_bytes([len0, len1]));
        let kind = u16::from_ne_bytes([kind0, kind1]) & NLA_TYPE_MASK;
        let Some(payload) = whole.get(NLA_HEADER_SIZE..length) else {
            return Some(Err(Malformed));
        };
        // The last one need not be padded.
        self.rest = whole
            .get(length.next_multiple_of(NLA_ALIGNTO)..)
            .unwrap_or_default();
        Some(Ok((kind, payload)))
    }
}

#[cfg(all(test, target_endian = "little"))]
mod tests;
