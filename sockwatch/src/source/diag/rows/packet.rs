//! Packet sockets: `struct packet_diag_msg` (`include/uapi/linux/packet_diag.h`).

use netlink_packet_sock_diag::SOCK_RAW;

use super::{
    super::{attributes::set, header::Header},
    Read, Reader, memory,
};
use crate::model::{Endpoint, Netid, Row, SocketInfo, TcpState};

/// Size of `struct packet_diag_msg`, bytes.
const HEADER_BYTES: usize = 16;

const PACKET_DIAG_INFO: u16 = 0;
const PACKET_DIAG_UID: u16 = 5;
const PACKET_DIAG_MEMINFO: u16 = 6;

/// Offsets in `struct packet_diag_msg`.
mod at {
    pub(super) const TYPE: usize = 1;
    /// Ethertype, in the byte order of the machine.
    pub(super) const NUM: usize = 2;
    pub(super) const INODE: usize = 4;
    pub(super) const COOKIE: usize = 8;
}

/// Reads replies to a dump of packet sockets.
pub(in super::super) struct Packet {
    /// Inode number of the network namespace.
    pub(in super::super) netns: Option<u32>,
}

impl Reader for Packet {
    fn read<'a>(&'a mut self, payload: &'a [u8]) -> Option<Read<'a>> {
        let (header, attributes) = Header::<HEADER_BYTES>::split(payload)?;
        // The obsolete SOCK_PACKET cuts the link header off, like SOCK_DGRAM.
        let netid = match header.u8(at::TYPE) {
            SOCK_RAW => Netid::PacketRaw,
            _ => Netid::PacketDgram,
        };
        let (mut ifindex, mut uid, mut memory) = (None, None, None);
        let malformed = attributes.read(|kind, bytes| match kind {
            // `pdi_index` is its first field.
            PACKET_DIAG_INFO => set(&mut ifindex, bytes, u32::from_ne_bytes),
            PACKET_DIAG_UID => set(&mut uid, bytes, u32::from_ne_bytes),
            PACKET_DIAG_MEMINFO => memory::set(&mut memory, bytes),
            _ => true,
        });
        let local = Endpoint::Link {
            protocol: header.u16(at::NUM),
            ifindex: ifindex.unwrap_or(0),
        };
        let peer = Endpoint::Link {
            protocol: 0,
            ifindex: 0,
        };
        let row = Row {
            recv_q: memory::queues(memory).0,
            info: SocketInfo {
                netns: self.netns,
                ifindex,
                uid,
                inode: Some(u64::from(header.u32(at::INODE))),
                ..SocketInfo::default()
            },
            cookie: Some(header.cookie(at::COOKIE)),
            memory,
            ..Row::new(netid, TcpState::Close, local, peer)
        };
        Some(Read { row, malformed })
    }
}
