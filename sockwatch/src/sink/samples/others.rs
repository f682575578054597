//! Sockets without IP addresses, with everything that can be behind their rows.

use super::OWN_NETNS;
use crate::model::{
    Details, Endpoint, Memory, Netid, Row, SocketInfo, TcpState,
    details::{
        NetlinkDetails, PacketDetails, UnixDetails, VsockKind, XdpDetails,
        netlink::{Groups, NetlinkFlags},
        packet::{Fanout, Instruction, PacketFlags, PacketInfo, PacketRing},
        unix::{Inodes, UnixFile},
        xdp::{Umem, XdpStats},
    },
};

const MEMORY: Memory = Memory {
    rmem_alloc_bytes: 1,
    rcvbuf_bytes: 2,
    wmem_alloc_bytes: 3,
    sndbuf_bytes: 4,
    fwd_alloc_bytes: 5,
    wmem_queued_bytes: 6,
    optmem_bytes: 7,
    backlog_bytes: 8,
    drops: Some(9),
};

/// Gives each of them to `each`, with details and without.
pub(in crate::sink) fn each(mut each: impl FnMut(&Row<'_>)) {
    unix(&mut each);
    packet(&mut each);
    netlink(&mut each);
    vsock(&mut each);
    xdp(&mut each);
}

fn row<'a>(netid: Netid, state: TcpState, local: Endpoint<'a>, peer: Endpoint<'a>) -> Row<'a> {
    Row {
        info: SocketInfo {
            netns: Some(OWN_NETNS),
            ifindex: Some(0),
            uid: Some(1000),
            inode: Some(77),
            ..SocketInfo::default()
        },
        cookie: Some(0xbeef),
        memory: Some(MEMORY),
        ..Row::new(netid, state, local, peer)
    }
}

fn unix(each: &mut impl FnMut(&Row<'_>)) {
    let end = |name, inode| Endpoint::Unix { name, inode };
    let table = Netid::UnixStream;
    let pending = [11_u32.to_ne_bytes(), 0_u32.to_ne_bytes()].concat();
    let mut listener = row(
        table,
        TcpState::Listen,
        end(b"/run/a b\n\xff", 77),
        end(b"", 0),
    );
    listener.shutdown = Some(0);
    listener.details = Details::Unix(UnixDetails {
        is_abstract: Some(false),
        file: Some(UnixFile {
            inode: 5,
            device_major: 254,
            device_minor: 1,
        }),
        pending: Some(Inodes::new(&pending)),
    });
    each(&listener);
    for (shutdown, name) in [(1, &b"@abs@tract"[..]), (2, b""), (3, b"")] {
        let mut half = row(table, TcpState::Established, end(name, 77), end(b"", 78));
        half.shutdown = Some(shutdown);
        half.memory = None;
        half.details = Details::Unix(UnixDetails {
            is_abstract: (!name.is_empty()).then_some(true),
            ..UnixDetails::default()
        });
        each(&half);
    }
}

fn packet(each: &mut impl FnMut(&Row<'_>)) {
    let end = |protocol, ifindex| Endpoint::Link { protocol, ifindex };
    let ring = PacketRing {
        block_bytes: 4096,
        blocks: 2,
        frame_bytes: 2048,
        frames: 4,
        retire_ms: 60,
        private_bytes: 16,
        features: 1,
    };
    let instruction = |code, jt, jf, k| Instruction { code, jt, jf, k };
    let full = PacketDetails {
        info: Some(PacketInfo {
            version: 2,
            reserve_bytes: 64,
            copy_thresh: 1000,
            timestamp: 64,
            flags: PacketFlags(0x1f),
        }),
        rx_ring: Some(ring),
        tx_ring: Some(PacketRing {
            features: 0,
            ..ring
        }),
        fanout: Some(Fanout(0x1_0007)),
        filter: vec![instruction(0x28, 0, 0, 12), instruction(6, 1, 2, u32::MAX)],
    };
    let idle = PacketDetails {
        info: Some(PacketInfo::default()),
        fanout: Some(Fanout(0x6_0008)),
        ..PacketDetails::default()
    };
    for (details, ifindex) in [(&full, 1), (&idle, 0), (&PacketDetails::default(), 0)] {
        let (local, peer) = (end(3, ifindex), end(0, 0));
        let mut row = row(Netid::PacketRaw, TcpState::Close, local, peer);
        row.info.ifindex = Some(ifindex);
        row.details = Details::Packet(details);
        each(&row);
    }
}

fn netlink(each: &mut impl FnMut(&Row<'_>)) {
    let end = |portid| Endpoint::Netlink {
        protocol: 16,
        portid,
    };
    let groups = [0x8000_0005_u32, 1].map(u32::to_ne_bytes).concat();
    for details in [
        NetlinkDetails {
            groups: Some(Groups::new(&groups)),
            flags: Some(NetlinkFlags(0x3f)),
        },
        NetlinkDetails {
            groups: None,
            flags: Some(NetlinkFlags(0)),
        },
        NetlinkDetails::default(),
    ] {
        let mut row = row(
            Netid::Netlink,
            TcpState::Close,
            end(2_000_000_000),
            end(4_000_000_000),
        );
        row.peer_group = details.groups.map(|_| 3);
        row.info.uid = None;
        row.details = Details::Netlink(details);
        each(&row);
    }
}

fn vsock(each: &mut impl FnMut(&Row<'_>)) {
    let end = |cid, port| Endpoint::Vsock { cid, port };
    let mut row = row(
        Netid::VsockStream,
        TcpState::Established,
        end(3, 1024),
        end(2, 5000),
    );
    row.memory = None;
    row.details = Details::Vsock(VsockKind::Seqpacket);
    each(&row);
}

fn xdp(each: &mut impl FnMut(&Row<'_>)) {
    let end = |ifindex, queue| Endpoint::Xdp { ifindex, queue };
    let full = XdpDetails {
        rx_ring: Some(16),
        tx_ring: Some(8),
        umem: Some(Umem {
            size_bytes: 65536,
            id: 3,
            pages: 16,
            chunk_bytes: 4096,
            headroom_bytes: 256,
            ifindex: 1,
            queue: 2,
            flags: 1,
            refs: 5,
        }),
        fill_ring: Some(64),
        completion_ring: Some(32),
        stats: Some(XdpStats {
            rx_dropped: 1,
            rx_invalid: 2,
            rx_full: 3,
            fill_ring_empty: 4,
            tx_invalid: 5,
            tx_ring_empty: u64::MAX,
        }),
    };
    let unbound = XdpDetails {
        umem: Some(Umem::default()),
        ..XdpDetails::default()
    };
    for (details, ifindex) in [(&full, 1), (&unbound, 0)] {
        let (local, peer) = (end(ifindex, 2), end(0, 0));
        let mut row = row(Netid::Xdp, TcpState::Close, local, peer);
        row.info.uid = Some(0);
        row.info.ifindex = Some(ifindex);
        row.details = Details::Xdp(details);
        each(&row);
    }
}
