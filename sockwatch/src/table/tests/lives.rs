//! Full sockets alone: time, tuple, identity, room.

use super::*;

#[test]
fn a_client_life_has_dwell_age_and_owner() {
    use TcpState::{Close, Established, FinWait1, SynSent};
    let mut table = Table::new(10, Followed::ALL);
    let before_port = Socket {
        sport: 0,
        ..CLIENT_SOCKET
    };
    let first = table.plain(&before_port.event(1_000, CLIENT, Close, SynSent));
    assert_eq!((first.dwell, first.age), (None, Some(Nanos(0))));
    assert_eq!(owner_of(&first), Some((CLIENT, How::Connect)));
    // Softirq on somebody else: not the owner.
    let second = table.plain(&CLIENT_SOCKET.event(3_000, 999, SynSent, Established));
    assert_eq!(
        (second.dwell, second.age),
        (Some(Nanos(2_000)), Some(Nanos(2_000)))
    );
    assert_eq!(owner_of(&second), Some((CLIENT, How::Connect)));
    // Somebody else closes it: still not the owner.
    let third = table.plain(&CLIENT_SOCKET.event(7_000, 777, Established, FinWait1));
    assert_eq!(
        (third.dwell, third.age),
        (Some(Nanos(4_000)), Some(Nanos(6_000)))
    );
    assert_eq!(owner_of(&third), Some((CLIENT, How::Connect)));
}

#[test]
fn before_6_15_a_child_is_joined_by_its_address() {
    use TcpState::{Established, Listen, SynRecv};
    let mut table = Table::new(10, Followed::ALL);
    // What the decoder makes of a first event without a peer: no cookie, no peer.
    let unfinished = Socket {
        cookie: 0,
        dport: 0,
        ..CHILD
    };
    table.plain(&unfinished.event(10, CLIENT, Listen, SynRecv));
    let second = table.plain(&CHILD.event(15, CLIENT, SynRecv, Established));
    assert_eq!((second.dwell, second.age), (Some(Nanos(5)), Some(Nanos(5))));
    assert_eq!(table.len(), 1);
    assert!(table.newborn.is_empty());
}

#[test]
fn accepted_mptcp_sockets_are_told_apart_from_their_listener() {
    use TcpState::{Close, Established, Listen};
    let mut table = Table::new(10, Followed::ALL);
    let listener = Socket {
        proto: Proto::Mptcp,
        ..LISTENER
    };
    let accepted = Socket {
        sk: 0x99,
        dport: 5,
        ..listener
    };
    table.plain(&listener.event(1, SERVER, Close, Listen));
    let born = table.plain(&accepted.event(2, CLIENT, Listen, Established));
    assert_eq!(owner_of(&born), Some((SERVER, How::Unaccepted)));
    table.plain(&accepted.event(3, CLIENT, Established, Established));
    let gone = table.plain(&accepted.event(9, SERVER, Established, Close));
    assert_eq!(
        gone.dwell,
        Some(Nanos(7)),
        "a state told again is not a new one"
    );
    assert_eq!(
        table.len(),
        1,
        "nothing else tells of the end of an MPTCP socket"
    );
}

#[test]
fn a_lost_event_leaves_no_wrong_dwell() {
    use TcpState::{Close, Established, FinWait2, SynSent};
    let mut table = Table::new(10, Followed::ALL);
    table.plain(&CLIENT_SOCKET.event(1, CLIENT, Close, SynSent));
    table.plain(&CLIENT_SOCKET.event(2, CLIENT, SynSent, Established));
    let after_gap = table.plain(&CLIENT_SOCKET.event(9, CLIENT, FinWait2, Close));
    assert_eq!((after_gap.dwell, after_gap.age), (None, Some(Nanos(8))));
}

#[test]
fn a_retry_on_one_socket_is_a_new_life() {
    use TcpState::{Close, SynSent};
    let mut table = Table::new(10, Followed::ALL);
    table.plain(&CLIENT_SOCKET.event(1, CLIENT, Close, SynSent));
    let refused = Transition {
        sk_err: Some(111),
        ..CLIENT_SOCKET.event(5, 9, SynSent, Close)
    };
    let refused = table.plain(&refused);
    assert_eq!(
        (refused.cause, refused.errno),
        (Some(Cause::Refused), Some(Errno(111)))
    );
    let again = table.plain(
        &Socket {
            sport: 0,
            ..CLIENT_SOCKET
        }
        .event(8, CLIENT, Close, SynSent),
    );
    assert_eq!((again.dwell, again.age), (Some(Nanos(3)), Some(Nanos(0))));
    assert_eq!(
        again.tuple.sport, 0,
        "the last life's port is not this one's"
    );
}

#[test]
fn a_destroyed_socket_is_forgotten() {
    use TcpState::{Close, SynSent};
    let mut table = Table::new(10, Followed::ALL);
    table.plain(&CLIENT_SOCKET.event(1, CLIENT, Close, SynSent));
    table.destroy(CLIENT_SOCKET.cookie, CLIENT_SOCKET.sk);
    assert!(table.is_empty());
}

#[test]
fn a_socket_that_gets_its_cookie_at_its_end_is_forgotten() {
    use TcpState::{Close, SynSent};
    let mut table = Table::new(10, Followed::ALL);
    // The classic `tcp_destroy_sock` makes the cookie that it shows.
    let without_cookie = Socket {
        cookie: 0,
        ..CLIENT_SOCKET
    };
    table.plain(&without_cookie.event(1, CLIENT, Close, SynSent));
    table.plain(&without_cookie.event(2, CLIENT, SynSent, Close));
    table.destroy(77, without_cookie.sk);
    assert!(table.is_empty());
    let next = table.plain(&without_cookie.event(9, CLIENT, Close, SynSent));
    assert_eq!(next.dwell, None, "another socket at the same address");
}

#[test]
fn a_socket_that_gets_its_cookie_in_its_life_is_the_same() {
    use TcpState::{Close, Established, SynSent};
    let mut table = Table::new(10, Followed::ALL);
    let without_cookie = Socket {
        cookie: 0,
        ..CLIENT_SOCKET
    };
    table.plain(&without_cookie.event(1, CLIENT, Close, SynSent));
    let second = table.plain(&CLIENT_SOCKET.event(4, SERVER, SynSent, Established));
    assert_eq!((second.dwell, second.age), (Some(Nanos(3)), Some(Nanos(3))));
    assert_eq!(owner_of(&second), Some((CLIENT, How::Connect)));
    assert_eq!(table.len(), 1);
}

#[test]
fn a_full_table_gives_up_closed_sockets_first_and_counts_them() {
    use TcpState::{Close, SynSent};
    let mut table = Table::new(4, Followed::ALL);
    let socket = |n: u64| Socket {
        cookie: n,
        sk: n,
        ..CLIENT_SOCKET
    };
    for n in 1..=4 {
        table.plain(&socket(n).event(n, CLIENT, Close, SynSent));
    }
    table.plain(&socket(3).event(9, CLIENT, SynSent, Close));
    table.plain(&socket(5).event(10, CLIENT, Close, SynSent));
    assert_eq!((table.len(), table.evicted()), (4, 1));
    assert!(table.get(socket(3).event(0, 0, Close, Close).key).is_none());
    for n in 6..=1_000 {
        table.plain(&socket(n).event(n, CLIENT, Close, SynSent));
    }
    assert_eq!((table.len(), table.evicted()), (4, 996));
}
