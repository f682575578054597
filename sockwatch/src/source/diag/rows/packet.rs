//! Packet sockets: `struct packet_diag_msg` (`include/uapi/linux/packet_diag.h`).

use netlink_packet_sock_diag::SOCK_RAW;

use super::{
    super::{attributes::set, header::Header},
    Read, Reader, memory,
};
use crate::model::{
    Details, Endpoint, Netid, Row, SocketInfo, TcpState,
    details::{
        PacketDetails,
        packet::{Fanout, Instruction, PacketFlags, PacketInfo, PacketRing},
    },
};

/// Size of `struct packet_diag_msg`, bytes.
const HEADER_BYTES: usize = 16;

const PACKET_DIAG_INFO: u16 = 0;
const PACKET_DIAG_RX_RING: u16 = 2;
const PACKET_DIAG_TX_RING: u16 = 3;
const PACKET_DIAG_FANOUT: u16 = 4;
const PACKET_DIAG_UID: u16 = 5;
const PACKET_DIAG_MEMINFO: u16 = 6;
const PACKET_DIAG_FILTER: u16 = 7;

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
    netns: Option<u32>,
    /// Whether the options were asked for: some of them come unasked.
    extended: bool,
    /// Those of the last row.
    details: PacketDetails,
}

impl Packet {
    /// For a dump in the network namespace with this inode number.
    pub(in super::super) fn new(netns: Option<u32>, extended: bool) -> Self {
        Self {
            netns,
            extended,
            details: PacketDetails::default(),
        }
    }
}

impl Reader for Packet {
    fn read<'a>(&'a mut self, payload: &'a [u8]) -> Option<Read<'a>> {
        let (header, attributes) = Header::<HEADER_BYTES>::split(payload)?;
        // The obsolete SOCK_PACKET cuts the link header off, like SOCK_DGRAM.
        let netid = match header.u8(at::TYPE) {
            SOCK_RAW => Netid::PacketRaw,
            _ => Netid::PacketDgram,
        };
        let details = &mut self.details;
        details.clear();
        let (mut ifindex, mut info, mut uid, mut memory) = (None, None, None, None);
        let malformed = attributes.read(|kind, bytes| match kind {
            PACKET_DIAG_INFO => {
                // `pdi_index` is its first field.
                set(&mut ifindex, bytes, u32::from_ne_bytes) && set(&mut info, bytes, packet_info)
            }
            PACKET_DIAG_RX_RING => set(&mut details.rx_ring, bytes, packet_ring),
            PACKET_DIAG_TX_RING => set(&mut details.tx_ring, bytes, packet_ring),
            PACKET_DIAG_FANOUT => set(&mut details.fanout, bytes, |bytes| {
                Fanout(u32::from_ne_bytes(bytes))
            }),
            PACKET_DIAG_FILTER => {
                let (program, rest) = bytes.as_chunks();
                details
                    .filter
                    .extend(program.iter().copied().map(instruction));
                rest.is_empty()
            }
            PACKET_DIAG_UID => set(&mut uid, bytes, u32::from_ne_bytes),
            PACKET_DIAG_MEMINFO => memory::set(&mut memory, bytes),
            _ => true,
        });
        details.info = info.filter(|_| self.extended);
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
            details: Details::Packet(&self.details),
            ..Row::new(netid, TcpState::Close, local, peer)
        };
        Some(Read { row, malformed })
    }
}

/// A number of a structure that is all numbers of 32 bits; 0 behind its end.
fn word(words: &[[u8; 4]], place: usize) -> u32 {
    words
        .get(place)
        .map_or(0, |&bytes| u32::from_ne_bytes(bytes))
}

/// `struct packet_diag_info`, behind `pdi_index`.
fn packet_info(bytes: [u8; 24]) -> PacketInfo {
    let words = bytes.as_chunks().0;
    PacketInfo {
        version: word(words, 1),
        reserve_bytes: word(words, 2),
        copy_thresh: word(words, 3),
        timestamp: word(words, 4),
        flags: PacketFlags(word(words, 5)),
    }
}

/// `struct packet_diag_ring`
fn packet_ring(bytes: [u8; 28]) -> PacketRing {
    let words = bytes.as_chunks().0;
    PacketRing {
        block_bytes: word(words, 0),
        blocks: word(words, 1),
        frame_bytes: word(words, 2),
        frames: word(words, 3),
        retire_ms: word(words, 4),
        private_bytes: word(words, 5),
        features: word(words, 6),
    }
}

/// `struct sock_filter`
fn instruction([c0, c1, jt, jf, k0, k1, k2, k3]: [u8; 8]) -> Instruction {
    Instruction {
        code: u16::from_ne_bytes([c0, c1]),
        jt,
        jf,
        k: u32::from_ne_bytes([k0, k1, k2, k3]),
    }
}
