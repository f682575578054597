use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::model::{Observed, SocketInfo, SocketKey};

/// A connect() whose port is not chosen yet.
fn connect(number: u64) -> HeldEvent {
    let tuple = Tuple {
        family: Family::Inet,
        src: Ipv4Addr::LOCALHOST.into(),
        sport: 0,
        dst: Ipv4Addr::LOCALHOST.into(),
        dport: 80,
    };
    let transition = Transition {
        at: MonoNs(number),
        key: SocketKey::new(Proto::Tcp, number, number),
        sk: number,
        proto: Proto::Tcp,
        tuple,
        old: TcpState::Close,
        new: TcpState::SynSent,
        info: SocketInfo {
            netns: Some(7),
            ..SocketInfo::default()
        },
        sk_err: None,
        shutdown: None,
        dead: None,
        done: None,
        context: None,
        reset: None,
        tcp: None,
        observed: Observed::Event,
    };
    HeldEvent::new(&transition, &Applied::of(&transition))
}

fn next_of(event: &HeldEvent, sport: u16) -> (Transition, Tuple) {
    let tuple = Tuple {
        sport,
        ..event.applied.tuple
    };
    let next = Transition {
        old: TcpState::SynSent,
        new: TcpState::Established,
        tuple,
        ..event.transition
    };
    (next, tuple)
}

#[test]
fn what_is_missing_comes_with_the_next_event() {
    let mut held = Held::default();
    let event = connect(1);
    assert!(held.push(&event).is_none());
    let (next, tuple) = next_of(&event, 4_000);
    let (completed, goes_on) = held.take_before(&next, &tuple).unwrap();
    assert!(goes_on);
    assert_eq!(completed.applied.tuple, tuple);
    assert!(held.take(1).is_none() && held.pop().is_none());
    assert_eq!(held.oldest_to_look_up(), None);
}

#[test]
fn another_socket_at_the_address_tells_nothing() {
    let event = connect(1);
    let (next, tuple) = next_of(&event, 4_000);
    let others = [
        Transition {
            old: TcpState::Close,
            ..next
        },
        Transition {
            old: TcpState::Listen,
            ..next
        },
        Transition {
            proto: Proto::Mptcp,
            ..next
        },
        Transition {
            key: SocketKey::new(Proto::Tcp, 99, 1),
            ..next
        },
    ];
    for other in others {
        let mut held = Held::default();
        held.push(&event);
        let (decided, goes_on) = held.take_before(&other, &tuple).unwrap();
        assert!(!goes_on);
        assert_eq!(decided.applied.tuple.sport, 0, "{other:?}");
    }
}

#[test]
fn a_child_that_is_not_filled_in_waits_for_its_peer() {
    let mut child = connect(1).transition;
    (child.old, child.new) = (TcpState::Listen, TcpState::SynRecv);
    assert_eq!(pending(&child, &child.tuple), Pending::default());
    let mut tuple = child.tuple;
    (tuple.dst, tuple.dport) = (IpAddr::from([0; 4]), 0);
    let missing = pending(&child, &tuple);
    assert!(missing.peer && !missing.src && !missing.sport);
    tuple.src = tuple.dst;
    assert!(pending(&child, &tuple).src, "of a listener on any address");
    let listener = Transition {
        new: TcpState::Close,
        ..child
    };
    assert_eq!(pending(&listener, &tuple), Pending::default());
}

#[test]
fn the_oldest_makes_room() {
    let mut held = Held::default();
    for number in 1..=CAPACITY as u64 {
        assert!(held.push(&connect(number)).is_none());
    }
    let oldest = held.push(&connect(1_000_000)).unwrap();
    assert_eq!(oldest.transition.sk, 1);
    assert_eq!(held.oldest_to_look_up(), Some(MonoNs(2)));
    let mut left = 0;
    while held.pop().is_some() {
        left += 1;
    }
    assert_eq!(left, CAPACITY);
    assert!(held.by_sk.is_empty() && held.to_look_up.is_empty());
}

#[test]
fn rows_are_of_the_connection_they_look_like() {
    let mut held = Held::default();
    let event = connect(1);
    held.push(&event);
    let row = SeedSocket {
        proto: Proto::Tcp,
        cookie: 1,
        tuple: Tuple {
            sport: 4_000,
            dport: 81,
            ..event.applied.tuple
        },
        state: TcpState::SynSent,
        info: SocketInfo::default(),
        minisocket: false,
        left: None,
    };
    assert!(held.look_up(&[row], MonoNs(5)).is_empty(), "another peer");
    let mut right = row;
    right.tuple.dport = 80;
    assert!(held.look_up(&[right], MonoNs(1)).is_empty(), "too early");
    let found = held.look_up(&[right], MonoNs(5));
    assert_eq!(found[0].applied.tuple.sport, 4_000);
}
