//! What is behind the rows of sockets without IP addresses.

use super::*;
use crate::model::{
    Details, Memory,
    details::{
        PacketDetails, VsockKind,
        packet::{Fanout, Instruction, PacketFlags, PacketInfo, PacketRing},
        unix::UnixFile,
        xdp::{Umem, XdpDetails, XdpStats},
    },
};

#[test]
fn unix_sockets_have_files_and_listeners_connections_that_wait() {
    unix(fixtures::UNIX_EXTENDED, |row| {
        let Details::Unix(details) = row.details else {
            panic!("{row:?}");
        };
        assert_eq!(details.is_abstract, Some(false));
        let file = UnixFile {
            inode: 9_805_825,
            device_major: 254,
            device_minor: 0,
        };
        assert_eq!(details.file, Some(file));
        let pending: Vec<_> = details.pending.unwrap().iter().collect();
        assert_eq!(pending, [6_846_619, 6_846_620]);
        let memory = row.memory.unwrap();
        assert_eq!((memory.rcvbuf_bytes, memory.drops), (212_992, Some(0)));
    });
    let is_abstract = |fixture| {
        unix(fixture, |row| match row.details {
            Details::Unix(details) => (details.is_abstract, details.pending.is_some()),
            _ => panic!("{row:?}"),
        })
    };
    assert_eq!(is_abstract(fixtures::UNIX_SEQPACKET), (Some(true), false));
    assert_eq!(is_abstract(fixtures::UNIX_UNNAMED), (None, false));
}

fn packet<T>(extended: bool, fixture: &str, look: impl FnOnce(&PacketDetails) -> T) -> T {
    let reader = Packet::new(NETNS, extended);
    with(reader, &fixtures::bytes(fixture), |row| match row.details {
        Details::Packet(details) => look(details),
        _ => panic!("{row:?}"),
    })
}

#[test]
fn packet_sockets_have_options_rings_and_filters() {
    packet(true, fixtures::PACKET_EXTENDED, |details| {
        let info = PacketInfo {
            version: 2,
            reserve_bytes: 64,
            copy_thresh: 1000,
            timestamp: 64,
            flags: PacketFlags(3),
        };
        assert_eq!(details.info, Some(info));
        let ring = PacketRing {
            block_bytes: 16384,
            blocks: 4,
            frame_bytes: 2048,
            frames: 32,
            retire_ms: 60,
            private_bytes: 16,
            features: 1,
        };
        assert_eq!((details.rx_ring, details.tx_ring), (Some(ring), None));
        assert_eq!(details.fanout, Some(Fanout(0x2_0007)));
        let jump = Instruction {
            code: 0x15,
            jt: 0,
            jf: 1,
            k: 0x800,
        };
        assert_eq!((details.filter.len(), details.filter[1]), (4, jump));
    });
    packet(false, fixtures::PACKET_TX_RING, |details| {
        assert_eq!((details.info, details.fanout), (None, None));
        assert_eq!(details.tx_ring.unwrap().frames, 8);
        assert_eq!(details.filter, []);
    });
}

#[test]
fn nothing_is_left_of_the_packet_socket_before() {
    let (first, second) = (
        fixtures::bytes(fixtures::PACKET_EXTENDED),
        fixtures::bytes(fixtures::PACKET_RAW),
    );
    let mut reader = Packet::new(NETNS, false);
    assert!(reader.read(&first).is_some());
    let Details::Packet(details) = reader.read(&second).unwrap().row.details else {
        panic!("no details");
    };
    assert_eq!(*details, PacketDetails::default());
}

#[test]
fn netlink_sockets_have_groups_and_flags() {
    let fixture = fixtures::bytes(fixtures::NETLINK_EXTENDED);
    let netns = NETNS;
    with(Netlink { netns }, &fixture, |row| {
        let Details::Netlink(details) = row.details else {
            panic!("{row:?}");
        };
        let groups = details.groups.unwrap();
        assert_eq!(groups.iter().collect::<Vec<_>>(), [1, 3, 34]);
        let flags = details.flags.unwrap();
        assert_eq!(flags.words().collect::<Vec<_>>(), ["pktinfo"]);
    });
}

#[test]
fn the_type_of_a_vsock_socket_is_kept_where_the_table_has_no_word_for_it() {
    let bytes = words([40, 5, 10, 0], &[1; 7]);
    with(Vsock { netns: NETNS }, &bytes, |row| {
        assert_eq!(row.details, Details::Vsock(VsockKind::Seqpacket));
    });
}

/// A reply with everything.
pub(super) fn xdp() -> Vec<u8> {
    let attribute = |kind: u16, numbers: &[u32]| {
        let length = u16::try_from(4 + 4 * numbers.len()).expect("a few numbers");
        let [l0, l1] = length.to_ne_bytes();
        let [k0, k1] = kind.to_ne_bytes();
        words([l0, l1, k0, k1], numbers)
    };
    let mut bytes = words([44, 3, 0, 0], &[99, 7, 0]);
    for (kind, numbers) in [
        (1, &[4, 2][..]),
        (2, &[0]),
        (3, &[16]),
        (4, &[8]),
        (5, &[65536, 0, 3, 16, 4096, 256, 4, 2, 1, 5]),
        (6, &[64]),
        (7, &[32]),
        (8, &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (9, &[1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 1]),
    ] {
        bytes.extend(attribute(kind, numbers));
    }
    bytes
}

#[test]
fn xdp_sockets_have_rings_and_memory() {
    with(Xdp::new(NETNS), &xdp(), |row| {
        let expected = XdpDetails {
            rx_ring: Some(16),
            tx_ring: Some(8),
            umem: Some(Umem {
                size_bytes: 65536,
                id: 3,
                pages: 16,
                chunk_bytes: 4096,
                headroom_bytes: 256,
                ifindex: 4,
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
                tx_ring_empty: 1 << 32 | 6,
            }),
        };
        assert_eq!(row.details, Details::Xdp(&expected));
        assert_eq!(row.memory.map(|memory: Memory| memory.drops), Some(Some(9)));
    });
}
