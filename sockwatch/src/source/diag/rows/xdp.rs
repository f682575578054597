//! XDP sockets: `struct xdp_diag_msg` (`include/uapi/linux/xdp_diag.h`).

use super::{
    super::{attributes::set, header::Header},
    Read, Reader, memory,
};
use crate::model::{
    Details, Endpoint, Netid, Row, SocketInfo, TcpState,
    details::{
        XdpDetails,
        xdp::{Umem, XdpStats},
    },
};

/// Size of `struct xdp_diag_msg`, bytes.
const HEADER_BYTES: usize = 16;

const XDP_DIAG_INFO: u16 = 1;
const XDP_DIAG_UID: u16 = 2;
const XDP_DIAG_RX_RING: u16 = 3;
const XDP_DIAG_TX_RING: u16 = 4;
const XDP_DIAG_UMEM: u16 = 5;
const XDP_DIAG_UMEM_FILL_RING: u16 = 6;
const XDP_DIAG_UMEM_COMPLETION_RING: u16 = 7;
const XDP_DIAG_MEMINFO: u16 = 8;
const XDP_DIAG_STATS: u16 = 9;

/// Offsets in `struct xdp_diag_msg`.
mod at {
    pub(super) const INODE: usize = 4;
    pub(super) const COOKIE: usize = 8;
}

/// Reads replies to a dump of XDP sockets.
pub(in super::super) struct Xdp {
    netns: Option<u32>,
    /// What is behind the last row.
    details: XdpDetails,
}

impl Xdp {
    /// For a dump in the network namespace with this inode number.
    pub(in super::super) fn new(netns: Option<u32>) -> Self {
        Self {
            netns,
            details: XdpDetails::default(),
        }
    }
}

impl Reader for Xdp {
    fn read<'a>(&'a mut self, payload: &'a [u8]) -> Option<Read<'a>> {
        let (header, attributes) = Header::<HEADER_BYTES>::split(payload)?;
        let (mut bound, mut uid, mut memory) = (None, None, None);
        self.details = XdpDetails::default();
        let details = &mut self.details;
        let malformed = attributes.read(|kind, bytes| match kind {
            // `struct xdp_diag_info`: index of the device, queue.
            XDP_DIAG_INFO => set(&mut bound, bytes, |[i0, i1, i2, i3, q0, q1, q2, q3]| {
                let ifindex = u32::from_ne_bytes([i0, i1, i2, i3]);
                (ifindex, u32::from_ne_bytes([q0, q1, q2, q3]))
            }),
            XDP_DIAG_UID => set(&mut uid, bytes, u32::from_ne_bytes),
            // `struct xdp_diag_ring` is the number of its descriptors.
            XDP_DIAG_RX_RING => set(&mut details.rx_ring, bytes, u32::from_ne_bytes),
            XDP_DIAG_TX_RING => set(&mut details.tx_ring, bytes, u32::from_ne_bytes),
            XDP_DIAG_UMEM => set(&mut details.umem, bytes, umem),
            XDP_DIAG_UMEM_FILL_RING => set(&mut details.fill_ring, bytes, u32::from_ne_bytes),
            XDP_DIAG_UMEM_COMPLETION_RING => {
                set(&mut details.completion_ring, bytes, u32::from_ne_bytes)
            }
            XDP_DIAG_STATS => set(&mut details.stats, bytes, xdp_stats),
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
            details: Details::Xdp(&self.details),
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

/// `struct xdp_diag_umem`: a number of 64 bits, then numbers of 32.
fn umem(bytes: [u8; 40]) -> Umem {
    let [size, rest @ ..]: [_; 5] = wide(bytes);
    let [
        (id, pages),
        (chunk, headroom),
        (ifindex, queue),
        (flags, refs),
    ] = rest.map(halves);
    Umem {
        size_bytes: u64::from_ne_bytes(size),
        id,
        pages,
        chunk_bytes: chunk,
        headroom_bytes: headroom,
        ifindex,
        queue,
        flags,
        refs,
    }
}

/// `struct xdp_diag_stats`
fn xdp_stats(bytes: [u8; 48]) -> XdpStats {
    let [dropped, invalid, full, fill_empty, tx_invalid, tx_empty] =
        wide(bytes).map(u64::from_ne_bytes);
    XdpStats {
        rx_dropped: dropped,
        rx_invalid: invalid,
        rx_full: full,
        fill_ring_empty: fill_empty,
        tx_invalid,
        tx_ring_empty: tx_empty,
    }
}

/// Bytes in groups of eight. There are as many as fit.
fn wide<const N: usize, const M: usize>(bytes: [u8; N]) -> [[u8; 8]; M] {
    let mut groups = [[0; 8]; M];
    for (group, bytes) in groups.iter_mut().zip(bytes.as_chunks().0) {
        *group = *bytes;
    }
    groups
}

fn halves([a0, a1, a2, a3, b0, b1, b2, b3]: [u8; 8]) -> (u32, u32) {
    let number = u32::from_ne_bytes;
    (number([a0, a1, a2, a3]), number([b0, b1, b2, b3]))
}
