//! Vsock sockets: `struct vsock_diag_msg` (`include/uapi/linux/vm_sockets_diag.h`), which has no
//! attributes: queues and user are not told.

use netlink_packet_sock_diag::{SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM};

use super::{super::header::Header, Read, Reader};
use crate::model::{Details, Endpoint, Netid, Row, SocketInfo, TcpState, details::VsockKind};

/// Size of `struct vsock_diag_msg`, bytes.
const HEADER_BYTES: usize = 32;

/// Offsets in `struct vsock_diag_msg`.
mod at {
    pub(super) const TYPE: usize = 1;
    pub(super) const STATE: usize = 2;
    pub(super) const SHUTDOWN: usize = 3;
    pub(super) const SRC_CID: usize = 4;
    pub(super) const SRC_PORT: usize = 8;
    pub(super) const DST_CID: usize = 12;
    pub(super) const DST_PORT: usize = 16;
    pub(super) const INODE: usize = 20;
    pub(super) const COOKIE: usize = 24;
}

/// Reads replies to a dump of vsock sockets.
pub(in super::super) struct Vsock {
    /// Inode number of the network namespace.
    pub(in super::super) netns: Option<u32>,
}

impl Reader for Vsock {
    fn read<'a>(&'a mut self, payload: &'a [u8]) -> Option<Read<'a>> {
        let (header, _) = Header::<HEADER_BYTES>::split(payload)?;
        // `ss` has no word for SOCK_SEQPACKET, which is connected like a stream.
        let (netid, kind) = match header.u8(at::TYPE) {
            SOCK_STREAM => (Netid::VsockStream, VsockKind::Stream),
            SOCK_DGRAM => (Netid::VsockDgram, VsockKind::Dgram),
            SOCK_SEQPACKET => (Netid::VsockStream, VsockKind::Seqpacket),
            number => (Netid::VsockStream, VsockKind::Unknown(number)),
        };
        let end = |cid, port| Endpoint::Vsock {
            cid: header.u32(cid),
            port: header.u32(port),
        };
        let row = Row {
            info: SocketInfo {
                netns: self.netns,
                ifindex: Some(0),
                inode: Some(u64::from(header.u32(at::INODE))),
                ..SocketInfo::default()
            },
            cookie: Some(header.cookie(at::COOKIE)),
            shutdown: Some(header.u8(at::SHUTDOWN)),
            details: Details::Vsock(kind),
            ..Row::new(
                netid,
                TcpState::from_kernel(header.u8(at::STATE)),
                end(at::SRC_CID, at::SRC_PORT),
                end(at::DST_CID, at::DST_PORT),
            )
        };
        Some(Read { row, malformed: 0 })
    }
}
