//! What only sockets without IP addresses have: an object for each kind of table, null for all others.

use super::object::{List, Object, Value, Word, field};
use crate::model::{
    Details, Endpoint, Row,
    details::{
        NetlinkDetails, PacketDetails, UnixDetails, VsockKind, XdpDetails,
        netlink::Groups,
        packet::{Fanout, Instruction, PacketInfo, PacketRing},
        unix::UnixFile,
        xdp::{Umem, XdpStats},
    },
};

/// The keys, which transitions don't have.
pub(super) fn others(object: &mut Object<'_>, row: Option<&Row<'_>>) {
    let details = row.map_or(Details::None, |row| row.details);
    let (mut unix, mut packet, mut netlink, mut vsock, mut xdp) = (None, None, None, None, None);
    match details {
        Details::Unix(details) => unix = Some(details),
        Details::Packet(details) => packet = Some(details),
        Details::Netlink(details) => netlink = row.map(|row| Netlink { row, details }),
        Details::Vsock(kind) => vsock = Some(kind),
        Details::Xdp(details) => xdp = Some(details),
        Details::None | Details::Inet(_) => {}
    }
    field!(object, "unix", unix);
    field!(object, "packet", packet);
    field!(object, "netlink", netlink);
    field!(object, "vsock", vsock);
    field!(object, "xdp", xdp);
}

impl Value for UnixDetails<'_> {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "abstract", self.is_abstract);
        field!(object, "file", self.file);
        let pending = self.pending.map(|inodes| List(inodes.iter()));
        field!(object, "pending_inodes", pending);
        object.end();
    }
}

impl Value for UnixFile {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "inode", self.inode);
        field!(object, "device_major", self.device_major);
        field!(object, "device_minor", self.device_minor);
        object.end();
    }
}

impl Value for &PacketDetails {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "options", self.info.as_ref());
        field!(object, "rx_ring", self.rx_ring.as_ref());
        field!(object, "tx_ring", self.tx_ring.as_ref());
        field!(object, "fanout", self.fanout);
        let filter = (!self.filter.is_empty()).then(|| List(self.filter.iter()));
        field!(object, "filter", filter);
        object.end();
    }
}

impl Value for &PacketInfo {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "tpacket_version", self.version.saturating_add(1));
        field!(object, "reserve_bytes", self.reserve_bytes);
        field!(object, "copy_thresh", self.copy_thresh);
        field!(object, "timestamp", self.timestamp);
        field!(object, "flags", List(self.flags.words().map(Word)));
        object.end();
    }
}

impl Value for &PacketRing {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "block_bytes", self.block_bytes);
        field!(object, "blocks", self.blocks);
        field!(object, "frame_bytes", self.frame_bytes);
        field!(object, "frames", self.frames);
        field!(object, "retire_ms", self.retire_ms);
        field!(object, "private_bytes", self.private_bytes);
        field!(object, "features", self.features);
        object.end();
    }
}

impl Value for Fanout {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "id", self.id());
        field!(object, "type", Word(self.kind_word().unwrap_or("unknown")));
        object.end();
    }
}

/// Code, both jumps, operand, as in a C array.
impl Value for &Instruction {
    fn put(self, out: &mut Vec<u8>) {
        let numbers = [self.code.into(), self.jt.into(), self.jf.into(), self.k];
        List(numbers.into_iter()).put(out);
    }
}

struct Netlink<'r> {
    row: &'r Row<'r>,
    details: NetlinkDetails<'r>,
}

impl Value for Netlink<'_> {
    fn put(self, out: &mut Vec<u8>) {
        let (row, details) = (self.row, self.details);
        let connected = match row.peer {
            Endpoint::Netlink { portid, .. } => row.peer_group.map(|_| portid),
            _ => None,
        };
        let mut object = Object::begin(out);
        field!(object, "dst_portid", connected);
        field!(object, "dst_group", row.peer_group);
        // Groups and flags are asked for together; of a socket in no group there is no list.
        let groups = details.groups.map(Groups::iter);
        let groups = details.flags.map(|_| List(groups.into_iter().flatten()));
        field!(object, "groups", groups);
        let flags = details.flags.map(|flags| List(flags.words().map(Word)));
        field!(object, "flags", flags);
        object.end();
    }
}

impl Value for VsockKind {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "type", Word(self.word()));
        object.end();
    }
}

impl Value for &XdpDetails {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "rx_ring_entries", self.rx_ring);
        field!(object, "tx_ring_entries", self.tx_ring);
        field!(object, "fill_ring_entries", self.fill_ring);
        field!(object, "completion_ring_entries", self.completion_ring);
        field!(object, "umem", self.umem.as_ref());
        field!(object, "stats", self.stats.as_ref());
        object.end();
    }
}

impl Value for &Umem {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "id", self.id);
        field!(object, "size_bytes", self.size_bytes);
        field!(object, "pages", self.pages);
        field!(object, "chunk_bytes", self.chunk_bytes);
        field!(object, "headroom_bytes", self.headroom_bytes);
        let ifindex = Some(self.ifindex).filter(|&index| index != 0);
        field!(object, "ifindex", ifindex);
        field!(object, "queue", self.queue);
        field!(object, "zero_copy", self.is_zero_copy());
        field!(object, "refs", self.refs);
        object.end();
    }
}

impl Value for &XdpStats {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "rx_dropped", self.rx_dropped);
        field!(object, "rx_invalid", self.rx_invalid);
        field!(object, "rx_full", self.rx_full);
        field!(object, "fill_ring_empty", self.fill_ring_empty);
        field!(object, "tx_invalid", self.tx_invalid);
        field!(object, "tx_ring_empty", self.tx_ring_empty);
        object.end();
    }
}
