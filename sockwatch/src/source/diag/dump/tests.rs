//! Rows from replies of a real kernel, and a dump of our own namespace.

use std::net::TcpListener;

use super::*;
use crate::model::TcpState;

#[cfg(target_endian = "little")]
mod rows {
    use super::super::super::fixtures;
    use super::*;

    fn row(fixture: &str, proto: Proto) -> SeedSocket {
        let rows = rows(&[&fixtures::bytes(fixture)], proto);
        assert_eq!((rows.sockets.len(), rows.tally.malformed), (1, 0));
        assert!(!rows.tally.unmarked);
        rows.sockets[0]
    }

    fn rows(replies: &[&[u8]], proto: Proto) -> Rows {
        let mut rows = Rows::default();
        let netid = Netid::try_from(proto).unwrap();
        let mut reader = Inet::new(netid, Some(77));
        for reply in replies {
            rows.take(reply, &mut reader, proto);
        }
        rows
    }

    #[test]
    fn a_full_socket_tells_everything() {
        let row = row(fixtures::ESTABLISHED, Proto::Tcp);
        assert_eq!(row.state, TcpState::Established);
        assert_eq!(row.cookie, 0x1006);
        assert_eq!((row.tuple.sport, row.tuple.dport), (40078, 7001));
        assert_eq!(row.tuple.dst.to_string(), "127.0.0.1");
        assert_eq!((row.info.netns, row.info.ifindex), (Some(77), Some(1)));
        assert_eq!((row.info.mark, row.info.cgroup_id), (Some(42), Some(1)));
        assert_eq!((row.info.uid, row.info.inode), (Some(0), Some(0x704d)));
    }

    #[test]
    fn mapped_addresses_are_ipv4_of_an_ipv6_socket() {
        let row = row(fixtures::MAPPED, Proto::Tcp);
        assert_eq!(row.tuple.family, Family::Inet6);
        assert_eq!(row.tuple.src.to_string(), "127.0.0.1");
        assert!(row.tuple.dst.is_ipv4());
    }

    #[test]
    fn an_ipv6_listener_has_no_peer() {
        let row = row(fixtures::LISTENER_V6, Proto::Tcp);
        assert_eq!(row.state, TcpState::Listen);
        assert_eq!(row.tuple.src.to_string(), "::");
        assert!(!row.tuple.has_peer());
    }

    #[test]
    fn sockets_without_a_file_have_no_known_user() {
        let time_wait = row(fixtures::TIME_WAIT, Proto::Tcp);
        assert_eq!(time_wait.state, TcpState::TimeWait);
        assert_eq!((time_wait.info.uid, time_wait.info.inode), (None, Some(0)));
        let half_open = row(fixtures::SYN_RECV, Proto::Tcp);
        assert_eq!(half_open.state, TcpState::SynRecv);
        assert_eq!(half_open.info.uid, None);
        assert_eq!(half_open.cookie, 0x100c);
    }

    #[test]
    fn half_open_by_its_own_number_is_the_same() {
        let mut bytes = fixtures::bytes(fixtures::SYN_RECV);
        bytes[1] = 12;
        let rows = rows(&[&bytes], Proto::Tcp);
        assert_eq!(rows.sockets, [row(fixtures::SYN_RECV, Proto::Tcp)]);
    }

    #[test]
    fn mptcp_rows_are_what_was_asked_for() {
        let row = row(fixtures::MPTCP_LISTENER, Proto::Mptcp);
        assert_eq!((row.proto, row.tuple.sport), (Proto::Mptcp, 7003));
    }

    #[test]
    fn strange_rows_are_counted() {
        let mut bytes = fixtures::bytes(fixtures::ESTABLISHED);
        bytes[0] = 1;
        let rows = rows(&[&bytes, &bytes[..71]], Proto::Tcp);
        assert_eq!((rows.sockets.len(), rows.tally.malformed), (0, 2));
    }

    #[test]
    fn marks_that_are_kept_from_us_are_noticed() {
        let mut bytes = fixtures::bytes(fixtures::ESTABLISHED);
        bytes[82] = 14; // INET_DIAG_PAD in the place of INET_DIAG_MARK
        let rows = rows(&[&bytes], Proto::Tcp);
        assert_eq!(rows.sockets[0].info.mark, None);
        assert!(rows.tally.unmarked);
    }
}

/// Takes no privilege: our own namespace need not be entered.
#[test]
fn our_own_listener_is_in_the_dump() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seed = dump(&[netns::own().unwrap()], &Selection::default());
    assert_eq!((seed.netns_count, seed.malformed), (1, 0));
    let listens = |row: &&SeedSocket| row.state == TcpState::Listen && row.tuple.sport == port;
    assert_eq!(seed.sockets.iter().filter(listens).count(), 1);
}

#[test]
fn states_that_no_dump_has_cost_nothing() {
    let selection = Selection {
        states: StateSet::of(&[TcpState::BoundInactive]),
        ..Selection::default()
    };
    let seed = dump(&[netns::own().unwrap()], &selection);
    assert_eq!((seed.netns_count, seed.sockets.len()), (1, 0));
}

#[test]
fn a_reply_that_does_not_fit_is_asked_for_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let listeners = Selection {
        protos: vec![Proto::Tcp],
        families: vec![Family::Inet],
        states: StateSet::of(&[TcpState::Listen]),
    };
    let own = netns::own().unwrap();
    let mut walk = Walk::new(&listeners);
    walk.buffer = Vec::with_capacity(64);
    let seed = walk.run(&[own]);
    assert_eq!(seed.malformed, 0);
    let found = seed.sockets.iter().filter(|row| row.tuple.sport == port);
    assert_eq!(found.count(), 1);
}
