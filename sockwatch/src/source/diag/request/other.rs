//! Requests for sockets without IP addresses.

use netlink_packet_core::NetlinkSerializable;
use netlink_packet_sock_diag::{
    AF_PACKET, SOCK_DIAG_BY_FAMILY, SockDiagMessage,
    unix::{ShowFlags, StateFlags, UnixRequest},
};

use super::message;

/// `UDIAG_SHOW_UID`, since Linux 5.3.
const UDIAG_SHOW_UID: u32 = 0x40;

/// `PACKET_SHOW_INFO | PACKET_SHOW_MEMINFO`
const PACKET_SHOW: u32 = 0x01 | 0x10;

const AF_NETLINK: u8 = 16;
/// `NDIAG_PROTO_ALL`
const EVERY_PROTOCOL: u8 = u8::MAX;
/// `NDIAG_SHOW_MEMINFO`
const NETLINK_SHOW: u32 = 0x01;

const AF_TIPC: u8 = 30;

const AF_VSOCK: u8 = 40;

const AF_XDP: u8 = 44;
/// `XDP_SHOW_INFO | XDP_SHOW_MEMINFO`
const XDP_SHOW: u32 = 0x01 | 0x08;

/// Asks for unix sockets: names, peers, queues, users.
pub(in super::super) fn unix(state_bits: u32, sequence: u32) -> Vec<u8> {
    let show = ShowFlags::NAME | ShowFlags::PEER | ShowFlags::RQLEN;
    let request = UnixRequest {
        state_flags: StateFlags::from_bits_retain(state_bits),
        inode: 0,
        show_flags: ShowFlags::from_bits_retain(show.bits() | UDIAG_SHOW_UID),
        cookie: [0; 8],
    };
    message(SockDiagMessage::UnixRequest(request), sequence)
}

/// Asks for packet sockets: devices, users, queues.
pub(in super::super) fn packet(sequence: u32) -> Vec<u8> {
    message(
        Request::new(AF_PACKET, 0, &[0, PACKET_SHOW, 0, 0]),
        sequence,
    )
}

/// Asks for netlink sockets of every protocol, with their queues.
pub(in super::super) fn netlink(sequence: u32) -> Vec<u8> {
    let request = Request::new(AF_NETLINK, EVERY_PROTOCOL, &[0, NETLINK_SHOW, 0, 0]);
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

/// Asks for XDP sockets: devices, users, queues.
pub(in super::super) fn xdp(sequence: u32) -> Vec<u8> {
    message(Request::new(AF_XDP, 0, &[0, XDP_SHOW, 0, 0]), sequence)
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

    #[test]
    fn requests_are_the_structures_of_the_kernel() {
        let unix = unix(0x482, 1);
        assert_eq!(payload(&unix)[..8], [1, 0, 0, 0, 0x82, 4, 0, 0]);
        assert_eq!(
            payload(&unix)[8..],
            [[0; 4], [0x55, 0, 0, 0], [0; 4], [0; 4]].concat()
        );
        let packet = packet(1);
        assert_eq!(
            payload(&packet)[..12],
            [17, 0, 0, 0, 0, 0, 0, 0, 0x11, 0, 0, 0]
        );
        assert_eq!(payload(&packet).len(), 20);
        let netlink = netlink(1);
        assert_eq!(
            payload(&netlink)[..12],
            [16, 255, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
        );
        let vsock = vsock(0x402, 1);
        assert_eq!(payload(&vsock)[..8], [40, 0, 0, 0, 2, 4, 0, 0]);
        assert_eq!(payload(&vsock).len(), 24);
        assert_eq!(payload(&tipc(0x82, 1)), [30, 0, 0, 0, 0x82, 0, 0, 0]);
        let xdp = xdp(1);
        assert_eq!(payload(&xdp)[..12], [44, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0]);
    }
}
