//! XDP sockets: `struct xdp_diag_msg` (`include/uapi/linux/xdp_diag.h`).

use super::{
    super::{attributes::set, header::Header},
    Read, Reader, memory,
};
use crate::model::{Endpoint, Netid, Row, SocketInfo, TcpState};

/// Size of `struct xdp_diag_msg`, bytes.
const HEADER_BYTES: usize = 16;

const XDP_DIAG_INFO: u16 = 1;
const XDP_DIAG_UID: u16 = 2;
const XDP_DIAG_MEMINFO: u16 = 8;

/// Offsets in `struct xdp_diag_msg`.
mod at {
    pub(super) const INODE: usize = 4;
    pub(super) const COOKIE: usize = 8;
}

/// Reads replies to a dump of XDP sockets.
pub(in super::super) struct Xdp {
    /// Inode number of the network namespace.
    pub(in super::super) netns: Option<u32>,
}

impl Reader for Xdp {
    fn read<'a>(&'a mut self, payload: &'a [u8]) -> Option<Read<'a>> {
        let (header, attributes) = Header::<HEADER_BYTES>::split(payload)?;
        let (mut bound, mut uid, mut memory) = (None, None, None);
        let malformed = attributes.read(|kind, bytes| match kind {
            // `struct xdp_diag_info`: index of the device, queue.
            XDP_DIAG_INFO => set(&mut bound, bytes, |[i0, i1, i2, i3, q0, q1, q2, q3]| {
                let ifindex = u32::from_ne_bytes([i0, i1, i2, i3]);
                (ifindex, u32::from_ne_bytes([q0, q1, q2, q3]))
            }),
            XDP_DIAG_UID => set(&mut uid, bytes, u32::from_ne_bytes),
            XDP_DIAG_MEMINFO => memory::set(&mut memory, bytes),
            _ => true,
        });
        let end = |(ifindex, queue)| Endpoint::Xdp { ifindex, queue };
        let row = Row {
            recv_q: memory::queues(memory).0,
            info: SocketInfo {
                netns: self.netns,
                ifindex: bound.map(|(ifindex, _)| ifindex),
                uid,
                inode: Some(u64::from(header.u32(at::INODE))),
                ..SocketInfo::default()
            },
            cookie: Some(header.cookie(at::COOKIE)),
            memory,
            ..Row::new(
                Netid::Xdp,
                TcpState::Close,
                end(bound.unwrap_or_default()),
                end((0, 0)),
            )
        };
        Some(Read { row, malformed })
    }
}
