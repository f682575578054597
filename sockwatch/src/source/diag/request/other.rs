//! Requests for sockets without IP addresses.

use netlink_packet_core::NetlinkSerializable;
use netlink_packet_sock_diag::{
    AF_PACKET, SOCK_DIAG_BY_FAMILY, SockDiagMessage,
    unix::{ShowFlags, StateFlags, UnixRequest},
};

use super::message;
use crate::model::Ask;

/// `UDIAG_SHOW_UID`, since Linux 5.3.
const UDIAG_SHOW_UID: u32 = 0x40;

/// `PACKET_SHOW_INFO | PACKET_SHOW_MEMINFO`
const PACKET_SHOW: u32 = 0x01 | 0x10;
/// `PACKET_SHOW_RING_CFG | PACKET_SHOW_FANOUT`
const PACKET_SHOW_EXTENDED: u32 = 0x04 | 0x08;
const PACKET_SHOW_FILTER: u32 = 0x20;

const AF_NETLINK: u8 = 16;
/// `NDIAG_PROTO_ALL`
const EVERY_PROTOCOL: u8 = u8::MAX;
/// `NDIAG_SHOW_MEMINFO`
const NETLINK_SHOW: u32 = 0x01;
/// `NDIAG_SHOW_GROUPS | NDIAG_SHOW_FLAGS`
const NETLINK_SHOW_EXTENDED: u32 = 0x02 | 0x08;

const AF_TIPC: u8 = 30;

const AF_VSOCK: u8 = 40;

const AF_XDP: u8 = 44;
/// `XDP_SHOW_INFO | XDP_SHOW_MEMINFO`
const XDP_SHOW: u32 = 0x01 | 0x08;
/// `XDP_SHOW_RING_CFG | XDP_SHOW_UMEM | XDP_SHOW_STATS`
const XDP_SHOW_EXTENDED: u32 = 0x02 | 0x04 | 0x10;

/// Asks for unix sockets: names, peers, queues, users; memory, files and pending connections if `ask`
/// says so.
pub(in super::super) fn unix(state_bits: u32, ask: Ask, sequence: u32) -> Vec<u8> {
    let mut show = ShowFlags::NAME | ShowFlags::PEER | ShowFlags::RQLEN;
    show.set(ShowFlags::MEMINFO, ask.memory);
    show.set(ShowFlags::VFS | ShowFlags::ICONS, ask.extended);
    let request = UnixRequest {
        state_flags: StateFlags::from_bits_retain(state_bits),
        inode: 0,
        show_flags: ShowFlags::from_bits_retain(show.bits() | UDIAG_SHOW_UID),
        cookie: [0; 8],
    };
    message(SockDiagMessage::UnixRequest(request), sequence)
}

/// Asks for packet sockets: devices, users, queues; rings, fanout and filters if `ask` says so.
pub(in super::super) fn packet(ask: Ask, sequence: u32) -> Vec<u8> {
    let show = PACKET_SHOW
        | wanted(ask.extended, PACKET_SHOW_EXTENDED)
        | wanted(ask.filter, PACKET_SHOW_FILTER);
    message(Request::new(AF_PACKET, 0, &[0, show, 0, 0]), sequence)
}

/// Asks for netlink sockets of every protocol, with their queues; groups and flags if `ask` says so.
pub(in super::super) fn netlink(ask: Ask, sequence: u32) -> Vec<u8> {
    let show = NETLINK_SHOW | wanted(ask.extended, NETLINK_SHOW_EXTENDED);
    let request = Request::new(AF_NETLINK, EVERY_PROTOCOL, &[0, show, 0, 0]);
    message(request, sequence)
}

/// Asks for TIPC sockets.
pub(in super::super) fn tipc(state_bits: u32, sequence: u32) -> Vec<u8> {
    message(Request::new(AF_TIPC, 0, &[state_bits]), sequence)
}

/// Asks for vsock sockets.
pub(in super::super) fn vsock(state_bits: u32, sequence: u32) -> Vec<u8> {
    let request = Request::new(AF_VSOCK, 0, &[state_bits, 0, 0, 0, 0]);
    message(request, sequence)
}

/// Asks for XDP sockets: devices, users, queues; rings, memory and what was lost if `ask` says so.
pub(in super::super) fn xdp(ask: Ask, sequence: u32) -> Vec<u8> {
    let show = XDP_SHOW | wanted(ask.extended, XDP_SHOW_EXTENDED);
    message(Request::new(AF_XDP, 0, &[0, show, 0, 0]), sequence)
}

/// These bits, or none.
const fn wanted(asked: bool, bits: u32) -> u32 {
    if asked { bits } else { 0 }
}

/// `struct packet_diag_req`, `netlink_diag_req`, `vsock_diag_req`, `xdp_diag_req`,
/// `tipc_sock_diag_req`: family, protocol, padding, and words that differ.
struct Request(Vec<u8>);

impl Request {
    fn new(family: u8, protocol: u8, words: &[u32]) -> Self {
        let mut bytes = vec![family, protocol, 0, 0];
        bytes.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
        Self(bytes)
    }
}

impl NetlinkSerializable for Request {
    fn message_type(&self) -> u16 {
        SOCK_DIAG_BY_FAMILY
    }

    fn buffer_len(&self) -> usize {
        self.0.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.0);
    }
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    /// Behind the netlink header.
    fn payload(message: &[u8]) -> &[u8] {
        assert_eq!(usize::from(message[0]), message.len());
        assert_eq!(message[4..8], [20, 0, 1, 3]);
        &message[16..]
    }

    const NOTHING: Ask = Ask {
        memory: false,
        numbers: false,
        info: false,
        tos: false,
        extended: false,
        filter: false,
    };
    const EVERYTHING: Ask = Ask {
        memory: true,
        extended: true,
        filter: true,
        ..NOTHING
    };

    #[test]
    fn requests_are_the_structures_of_the_kernel() {
        let unix = unix(0x482, NOTHING, 1);
        assert_eq!(payload(&unix)[..8], [1, 0, 0, 0, 0x82, 4, 0, 0]);
        assert_eq!(
            payload(&unix)[8..],
            [[0; 4], [0x55, 0, 0, 0], [0; 4], [0; 4]].concat()
        );
        let packet = packet(NOTHING, 1);
        assert_eq!(
            payload(&packet)[..12],
            [17, 0, 0, 0, 0, 0, 0, 0, 0x11, 0, 0, 0]
        );
        assert_eq!(payload(&packet).len(), 20);
        let netlink = netlink(NOTHING, 1);
        assert_eq!(
            payload(&netlink)[..12],
            [16, 255, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
        );
        let vsock = vsock(0x402, 1);
        assert_eq!(payload(&vsock)[..8], [40, 0, 0, 0, 2, 4, 0, 0]);
        assert_eq!(payload(&vsock).len(), 24);
        assert_eq!(payload(&tipc(0x82, 1)), [30, 0, 0, 0, 0x82, 0, 0, 0]);
        let xdp = xdp(NOTHING, 1);
        assert_eq!(payload(&xdp)[..12], [44, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0]);
    }

    #[test]
    fn details_come_when_they_are_asked_for() {
        let shown = [
            unix(0x482, EVERYTHING, 1)[28],
            packet(EVERYTHING, 1)[24],
            netlink(EVERYTHING, 1)[24],
            xdp(EVERYTHING, 1)[24],
        ];
        assert_eq!(shown, [0x7f, 0x3d, 0x0b, 0x1f]);
    }
}
