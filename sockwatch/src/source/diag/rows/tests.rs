//! Rows from replies of a real kernel, whole and damaged, and from hand-made ones where no kernel
//! was at hand.

mod others;

use super::{super::fixtures, *};
use crate::model::{
    Ask, Netid, TcpState, TimerKind,
    details::{Bbr, CongestionNumbers, InetDetails},
};

const NETNS: Option<u32> = Some(77);

const EVERYTHING: Ask = Ask {
    memory: true,
    numbers: true,
    info: true,
    tos: true,
    extended: true,
    filter: true,
};

/// Shows the row of a reply to `look`.
fn with<R: Reader, T>(mut reader: R, bytes: &[u8], look: impl FnOnce(&Row<'_>) -> T) -> T {
    let Some(read) = reader.read(bytes) else {
        panic!("no row");
    };
    assert_eq!(read.malformed, 0);
    assert_eq!(read.row.info.netns, NETNS);
    look(&read.row)
}

fn inet<T>(netid: Netid, fixture: &str, look: impl FnOnce(&Row<'_>) -> T) -> T {
    let netns = NETNS;
    with(Inet::new(netid, netns), &fixtures::bytes(fixture), look)
}

fn unix<T>(fixture: &str, look: impl FnOnce(&Row<'_>) -> T) -> T {
    with(Unix::new(NETNS), &fixtures::bytes(fixture), look)
}

fn ends(row: &Row<'_>) -> String {
    let Some(tuple) = Endpoint::tuple(&row.local, &row.peer) else {
        panic!("{row:?}");
    };
    format!(
        "{}:{} {}:{}",
        tuple.src, tuple.sport, tuple.dst, tuple.dport
    )
}

#[test]
fn udp_sockets_have_two_states() {
    inet(Netid::Udp, fixtures::UDP_CONNECTED, |row| {
        assert_eq!((row.netid, row.state), (Netid::Udp, TcpState::Established));
        assert_eq!(ends(row), "127.0.0.1:5353 127.0.0.1:53");
        assert_eq!(row.ipv6_only, None);
        assert_eq!(row.timer, None);
    });
    for (fixture, only) in [(fixtures::UDP_V6, false), (fixtures::UDP_V6ONLY, true)] {
        inet(Netid::Udp, fixture, |row| {
            assert_eq!((row.state, row.ipv6_only), (TcpState::Close, Some(only)));
            assert!(ends(row).ends_with(" :::0"));
        });
    }
}

#[test]
fn numbers_of_tcp_come_with_its_info() {
    let numbers = inet(Netid::Tcp, fixtures::TCP_INFO, |row| row.tcp).unwrap();
    assert_eq!((numbers.rtt_us, numbers.rttvar_us), (Some(59), Some(29)));
    assert_eq!((numbers.retrans, numbers.cwnd), (0, 10));
    assert_eq!((numbers.bytes_acked, numbers.bytes_received), (1, 0));
    assert_eq!((numbers.segs_out, numbers.segs_in), (2, 1));
    // The same attribute of another protocol is another structure.
    assert_eq!(inet(Netid::Mptcp, fixtures::TCP_INFO, |row| row.tcp), None);
    assert_eq!(inet(Netid::Tcp, fixtures::ESTABLISHED, |row| row.tcp), None);
}

fn inet_details<T>(netid: Netid, fixture: &str, look: impl FnOnce(&InetDetails<'_>) -> T) -> T {
    let reader = Inet::asked(netid, NETNS, EVERYTHING);
    with(reader, &fixtures::bytes(fixture), |row| {
        look(row.details.inet().expect("they have details"))
    })
}

#[test]
fn a_subflow_tells_of_tcp_and_of_mptcp() {
    inet_details(Netid::Tcp, fixtures::MPTCP_SUBFLOW, |inet| {
        let info = inet.tcp_info.unwrap();
        assert_eq!(
            (info.bytes_sent, info.bytes_received),
            (Some(5), Some(30_000))
        );
        assert_eq!((info.snd_wscale, info.rcv_wscale), (10, 10));
        assert_eq!(info.pmtu_bytes, 65_535);
        assert!(info.options.words().eq(["timestamps", "sack", "wscale"]));
        assert_eq!((info.total_rto, info.received_ce), (Some(0), Some(0)));
        let congestion = inet.congestion.unwrap();
        assert_eq!(congestion.name, Some(&b"bbr"[..]));
        let Some(CongestionNumbers::Bbr(Bbr {
            pacing_gain_256ths, ..
        })) = congestion.numbers
        else {
            panic!("{congestion:?}");
        };
        assert_eq!(pacing_gain_256ths, 739);
        let ulp = inet.ulp.unwrap();
        assert_eq!((ulp.name, ulp.tls), (&b"mptcp"[..], None));
        let subflow = ulp.mptcp.unwrap();
        assert_eq!((subflow.id_rem, subflow.id_loc), (Some(0), Some(0)));
        assert_eq!(subflow.map_datalen_bytes, Some(30_000));
        assert_eq!(
            (inet.tos, inet.tclass, inet.class_id),
            (Some(0), None, Some(0))
        );
        let options = inet.sockopt.unwrap();
        assert!(options.words().eq(["is_icsk", "mc_loop", "mc_all"]));
    });
    let memory = with(
        Inet::new(Netid::Tcp, NETNS),
        &fixtures::bytes(fixtures::MPTCP_SUBFLOW),
        |row| row.memory.unwrap(),
    );
    assert_eq!((memory.rcvbuf_bytes, memory.drops), (131_072, Some(0)));
}

#[test]
fn keys_and_connections_of_mptcp() {
    inet_details(Netid::Tcp, fixtures::MD5_LISTENER, |inet| {
        let [key] = inet.md5 else {
            panic!("{:?}", inet.md5);
        };
        let address = key.address.to_string();
        assert_eq!((&*address, key.prefix_len), ("10.0.0.1", 32));
        assert_eq!(key.key(), b"sec ,\x1b");
        assert!(!format!("{key:?}").contains("sec"));
        assert_eq!(inet.ulp, None);
    });
    inet_details(Netid::Mptcp, fixtures::MPTCP_INFO, |inet| {
        let info = inet.mptcp.unwrap();
        assert!(info.has_remote_key() && !info.is_fallback());
        assert_eq!(info.bytes_received.max(info.bytes_sent), Some(30_000));
        assert_eq!((info.subflows, info.subflows_total), (0, Some(1)));
        assert_eq!((inet.tcp_info, inet.congestion), (None, None));
    });
}

#[test]
fn what_was_not_asked_for_is_not_shown_even_if_it_comes() {
    let details = inet(Netid::Tcp, fixtures::MD5_LISTENER, |row| {
        let inet = row.details.inet().unwrap();
        (
            inet.md5.len(),
            inet.tcp_info.is_some(),
            inet.congestion.is_some(),
        )
    });
    assert_eq!(details, (0, false, false));
}

#[test]
fn timers_queues_and_idle_sockets() {
    let timer = inet(Netid::Tcp, fixtures::TIME_WAIT, |row| row.timer).unwrap();
    assert_eq!(
        (timer.kind, timer.expires_ms),
        (TimerKind::TimeWait, 60_000)
    );
    inet(Netid::Tcp, fixtures::LISTENER_V6, |row| {
        assert_eq!((row.recv_q, row.send_q), (0, 9));
        assert_eq!((row.state, row.cookie), (TcpState::Listen, Some(0x1009)));
    });
    let state = inet(Netid::Tcp, fixtures::BOUND_INACTIVE, |row| row.state);
    assert_eq!(state, TcpState::Close);
}

#[test]
fn unix_sockets_have_types_and_names() {
    let seen = fixtures::UNIX.map(|fixture| {
        unix(fixture, |row| {
            let (Endpoint::Unix { name, .. }, Endpoint::Unix { inode: peer, .. }) =
                (row.local, row.peer)
            else {
                panic!("{row:?}");
            };
            assert_eq!((row.info.uid, row.info.ifindex), (Some(0), Some(0)));
            (
                row.netid,
                row.state,
                String::from_utf8(name.to_vec()).unwrap(),
                peer != 0,
                (row.recv_q, row.send_q),
            )
        })
    });
    let row =
        |netid, state, name: &str, peer, queues| (netid, state, name.to_owned(), peer, queues);
    let [stream, dgram] = [Netid::UnixStream, Netid::UnixDgram];
    let (path, spaced) = ("/run/sockwatcha", "/run/sockwatchb c");
    assert_eq!(
        seen,
        [
            row(stream, TcpState::Listen, path, false, (1, 7)),
            row(stream, TcpState::Established, path, true, (5, 0)),
            row(stream, TcpState::Close, "", false, (0, 0)),
            row(dgram, TcpState::Established, spaced, false, (3, 0)),
            row(dgram, TcpState::Established, "", true, (0, 768)),
            row(
                Netid::UnixSeqpacket,
                TcpState::Listen,
                "@abs@tract",
                false,
                (0, 3)
            ),
        ]
    );
}

#[test]
fn unix_identities() {
    unix(fixtures::UNIX_ACCEPTED, |row| {
        assert_eq!(row.info.inode, Some(0x0163_6a77));
        assert_eq!(row.cookie, Some(0x0073_07a3));
        let Endpoint::Unix { inode, .. } = row.peer else {
            panic!("{row:?}");
        };
        assert_eq!((inode, row.shutdown), (0x0163_6a75, Some(0)));
    });
}

#[test]
fn packet_sockets_have_an_ethertype_and_a_device() {
    let look = |fixture| {
        with(
            Packet::new(NETNS, false),
            &fixtures::bytes(fixture),
            |row| {
                assert_eq!((row.state, row.info.uid), (TcpState::Close, Some(0)));
                let Endpoint::Link { protocol, ifindex } = row.local else {
                    panic!("{row:?}");
                };
                assert_eq!(row.info.ifindex, Some(ifindex));
                (row.netid, protocol, ifindex, row.recv_q)
            },
        )
    };
    assert_eq!(
        look(fixtures::PACKET_RAW),
        (Netid::PacketRaw, 0x800, 1, 1666)
    );
    assert_eq!(
        look(fixtures::PACKET_DGRAM),
        (Netid::PacketDgram, 3, 0, 3332)
    );
}

#[test]
fn netlink_sockets_have_a_protocol_and_a_port() {
    let netns = NETNS;
    let look = |fixture| {
        with(Netlink { netns }, &fixtures::bytes(fixture), |row| {
            assert_eq!((row.netid, row.state), (Netid::Netlink, TcpState::Close));
            let (Endpoint::Netlink { protocol, portid }, Endpoint::Netlink { portid: to, .. }) =
                (row.local, row.peer)
            else {
                panic!("{row:?}");
            };
            (protocol, portid, to, row.peer_group, row.recv_q)
        })
    };
    assert_eq!(look(fixtures::NETLINK_CONNECTED), (0, 4242, 0, Some(2), 0));
    assert_eq!(look(fixtures::NETLINK_KERNEL), (4, 0, 0, None, 832));
}

fn words(first: [u8; 4], words: &[u32]) -> Vec<u8> {
    let mut bytes = first.to_vec();
    bytes.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
    bytes
}

#[test]
fn vsock_sockets_by_the_header_file() {
    let bytes = words([40, 1, 1, 2], &[3, 1024, 2, 5000, 99, 7, 1]);
    with(Vsock { netns: NETNS }, &bytes, |row| {
        assert_eq!(
            (row.netid, row.state),
            (Netid::VsockStream, TcpState::Established)
        );
        assert_eq!(row.local, Endpoint::Vsock { cid: 3, port: 1024 });
        assert_eq!(row.peer, Endpoint::Vsock { cid: 2, port: 5000 });
        assert_eq!((row.info.inode, row.cookie), (Some(99), Some(1 << 32 | 7)));
        assert_eq!(row.shutdown, Some(2));
    });
    let dgram = words([40, 2, 7, 0], &[0; 7]);
    let netid = with(Vsock { netns: NETNS }, &dgram, |row| row.netid);
    assert_eq!(netid, Netid::VsockDgram);
}

#[test]
fn xdp_sockets_by_the_header_file() {
    let mut bytes = words([44, 3, 0, 0], &[99, 7, 0]);
    bytes.extend(words([12, 0, 1, 0], &[4, 2])); // XDP_DIAG_INFO
    bytes.extend(words([8, 0, 2, 0], &[1000])); // XDP_DIAG_UID
    bytes.extend(words([40, 0, 8, 0], &[512, 9, 0, 9, 9, 9, 9, 9, 9])); // XDP_DIAG_MEMINFO
    with(Xdp::new(NETNS), &bytes, |row| {
        let local = Endpoint::Xdp {
            ifindex: 4,
            queue: 2,
        };
        assert_eq!((row.netid, row.local), (Netid::Xdp, local));
        assert_eq!((row.info.ifindex, row.info.uid), (Some(4), Some(1000)));
        assert_eq!((row.recv_q, row.cookie), (512, Some(7)));
    });
}

#[test]
fn types_and_families_without_a_table_are_malformed() {
    let mut bytes = fixtures::bytes(fixtures::UNIX_UNNAMED);
    bytes[1] = 9;
    assert!(Unix::new(NETNS).read(&bytes).is_none());
    let mut tally = Tally::default();
    tally.take(&mut Unix::new(NETNS), &bytes, |row| panic!("{row:?}"));
    assert_eq!(tally.malformed, 1);
}

#[test]
fn only_sockets_with_addresses_and_a_file_miss_their_marks() {
    let netns = NETNS;
    let unmarked = |netid, fixture| {
        let mut bytes = fixtures::bytes(fixture);
        let mark = bytes.windows(4).position(|w| w == [8, 0, 15, 0]).unwrap();
        bytes[mark + 2] = 14; // INET_DIAG_PAD
        let mut tally = Tally::default();
        tally.take(&mut Inet::new(netid, netns), &bytes, |_| {});
        tally.unmarked
    };
    assert!(unmarked(Netid::Udp, fixtures::UDP_V6));
    assert!(!unmarked(Netid::Tcp, fixtures::TIME_WAIT));
    let mut tally = Tally::default();
    let unix = fixtures::bytes(fixtures::UNIX_LISTENER);
    tally.take(&mut Unix::new(NETNS), &unix, |_| {});
    assert!(!tally.unmarked);
}

/// Reads a reply at every length, and with every byte at every value.
fn damage<R: Reader>(mut reader: R, whole: &[u8], header: usize) {
    for length in 0..whole.len() {
        let read = reader.read(&whole[..length]);
        assert_eq!(read.is_some(), length >= header);
    }
    let mut damaged = whole.to_vec();
    for at in 0..whole.len() {
        for value in 0..=255 {
            damaged[at] = value;
            // None or some row: what matters is that it ends.
            let _read = reader.read(&damaged);
        }
        damaged[at] = whole[at];
    }
}

#[test]
fn no_damage_is_fatal() {
    let netns = NETNS;
    for fixture in fixtures::INET {
        for netid in [Netid::Tcp, Netid::Mptcp] {
            let reader = Inet::asked(netid, netns, EVERYTHING);
            damage(reader, &fixtures::bytes(fixture), 72);
        }
    }
    damage(
        Unix::new(netns),
        &fixtures::bytes(fixtures::UNIX_EXTENDED),
        16,
    );
    for fixture in [fixtures::PACKET_EXTENDED, fixtures::PACKET_TX_RING] {
        damage(Packet::new(netns, true), &fixtures::bytes(fixture), 16);
    }
    let netlink = fixtures::bytes(fixtures::NETLINK_EXTENDED);
    damage(Netlink { netns }, &netlink, 28);
    damage(Xdp::new(netns), &others::xdp(), 16);
    for fixture in fixtures::UNIX {
        damage(Unix::new(netns), &fixtures::bytes(fixture), 16);
    }
    for fixture in [fixtures::PACKET_RAW, fixtures::PACKET_DGRAM] {
        damage(Packet::new(netns, true), &fixtures::bytes(fixture), 16);
    }
    for fixture in [fixtures::NETLINK_CONNECTED, fixtures::NETLINK_KERNEL] {
        damage(Netlink { netns }, &fixtures::bytes(fixture), 28);
    }
    damage(Vsock { netns }, &words([40, 1, 1, 2], &[3; 7]), 32);
    let xdp = [words([44, 3, 0, 0], &[9; 3]), words([12, 0, 1, 0], &[4, 2])];
    damage(Xdp::new(netns), &xdp.concat(), 16);
}
