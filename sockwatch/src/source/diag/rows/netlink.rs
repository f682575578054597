//! Netlink sockets: `struct netlink_diag_msg` (`include/uapi/linux/netlink_diag.h`).
//!
//! A socket that is bound to a multicast group comes twice: `__netlink_diag_dump` walks the groups
//! behind the table.

use super::{
    super::{attributes::set, header::Header},
    Read, Reader, memory,
};
use crate::model::{
    Details, Endpoint, Netid, Row, SocketInfo, TcpState,
    details::{
        NetlinkDetails,
        netlink::{Groups, NetlinkFlags},
    },
};

/// Size of `struct netlink_diag_msg`, bytes.
const HEADER_BYTES: usize = 28;

const NETLINK_DIAG_MEMINFO: u16 = 0;
const NETLINK_DIAG_GROUPS: u16 = 1;
const NETLINK_DIAG_FLAGS: u16 = 4;

/// `NETLINK_CONNECTED` (`net/netlink/af_netlink.c`).
const CONNECTED: u8 = 1;

/// Offsets in `struct netlink_diag_msg`.
mod at {
    pub(super) const PROTOCOL: usize = 2;
    pub(super) const STATE: usize = 3;
    pub(super) const PORTID: usize = 4;
    pub(super) const DST_PORTID: usize = 8;
    pub(super) const DST_GROUP: usize = 12;
    pub(super) const INODE: usize = 16;
    pub(super) const COOKIE: usize = 20;
}

/// Reads replies to a dump of netlink sockets.
pub(in super::super) struct Netlink {
    /// Inode number of the network namespace.
    pub(in super::super) netns: Option<u32>,
}

impl Reader for Netlink {
    fn read<'a>(&'a mut self, payload: &'a [u8]) -> Option<Read<'a>> {
        let (header, attributes) = Header::<HEADER_BYTES>::split(payload)?;
        let mut memory = None;
        let mut details = NetlinkDetails::default();
        let malformed = attributes.read(|kind, bytes| match kind {
            NETLINK_DIAG_MEMINFO => memory::set(&mut memory, bytes),
            NETLINK_DIAG_GROUPS => {
                details.groups = Some(Groups::new(bytes));
                bytes.len().is_multiple_of(4)
            }
            NETLINK_DIAG_FLAGS => set(&mut details.flags, bytes, |bytes| {
                NetlinkFlags(u32::from_ne_bytes(bytes))
            }),
            _ => true,
        });
        let (recv_q, send_q) = memory::queues(memory);
        let protocol = header.u8(at::PROTOCOL);
        let end = |portid| Endpoint::Netlink { protocol, portid };
        let connected = header.u8(at::STATE) == CONNECTED;
        let row = Row {
            recv_q,
            send_q,
            peer_group: connected.then(|| header.u32(at::DST_GROUP)),
            info: SocketInfo {
                netns: self.netns,
                ifindex: Some(0),
                inode: Some(u64::from(header.u32(at::INODE))),
                ..SocketInfo::default()
            },
            cookie: Some(header.cookie(at::COOKIE)),
            memory,
            details: Details::Netlink(details),
            ..Row::new(
                Netid::Netlink,
                TcpState::Close,
                end(header.u32(at::PORTID)),
                end(header.u32(at::DST_PORTID)),
            )
        };
        Some(Read { row, malformed })
    }
}
