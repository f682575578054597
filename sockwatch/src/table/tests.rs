use std::net::Ipv4Addr;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::model::{Comm, Context, Family, How, Observed, SocketInfo};

const SERVER: u32 = 200;
const CLIENT: u32 = 100;

/// Builds the events of one socket as the kernel would send them.
#[derive(Clone, Copy)]
struct Socket {
    cookie: u64,
    sk: u64,
    sport: u16,
    dport: u16,
    proto: Proto,
}

fn context(pid: u32) -> Context {
    Context {
        pid,
        comm: Comm::from_bytes(b"test"),
        kernel_thread: false,
    }
}

impl Socket {
    fn event(self, at: u64, pid: u32, old: TcpState, new: TcpState) -> Transition {
        let dst = if self.dport == 0 {
            Ipv4Addr::UNSPECIFIED
        } else {
            Ipv4Addr::LOCALHOST
        };
        Transition {
            at: MonoNs(at),
            key: SocketKey::new(self.proto, self.cookie, self.sk),
            sk: self.sk,
            proto: self.proto,
            tuple: Tuple {
                family: Family::Inet,
                src: Ipv4Addr::LOCALHOST.into(),
                sport: self.sport,
                dst: dst.into(),
                dport: self.dport,
            },
            old,
            new,
            info: SocketInfo {
                netns: Some(1),
                inode: Some(5),
                ..SocketInfo::default()
            },
            sk_err: Some(0),
            shutdown: Some(0),
            dead: Some(false),
            done: Some(false),
            context: Some(context(pid)),
            tcp: None,
            observed: Observed::Event,
        }
    }
}

const CLIENT_SOCKET: Socket = Socket {
    cookie: 1,
    sk: 0x10,
    sport: 40000,
    dport: 80,
    proto: Proto::Tcp,
};
const LISTENER: Socket = Socket {
    cookie: 2,
    sk: 0x20,
    sport: 80,
    dport: 0,
    proto: Proto::Tcp,
};
const CHILD: Socket = Socket {
    cookie: 3,
    sk: 0x30,
    sport: 80,
    dport: 40000,
    proto: Proto::Tcp,
};

fn owner_of(applied: &Applied) -> Option<(u32, How)> {
    applied.owner.map(|owner| (owner.pid, owner.how))
}

#[test]
fn a_client_life_has_dwell_age_and_owner() {
    use TcpState::{Close, Established, FinWait1, SynSent};
    let mut table = Table::new(10);
    let before_port = Socket {
        sport: 0,
        ..CLIENT_SOCKET
    };
    let first = table.apply(&before_port.event(1_000, CLIENT, Close, SynSent));
    assert_eq!((first.dwell, first.age), (None, Some(Nanos(0))));
    assert_eq!(owner_of(&first), Some((CLIENT, How::Connect)));
    // Softirq on somebody else: not the owner.
    let second = table.apply(&CLIENT_SOCKET.event(3_000, 999, SynSent, Established));
    assert_eq!(
        (second.dwell, second.age),
        (Some(Nanos(2_000)), Some(Nanos(2_000)))
    );
    assert_eq!(owner_of(&second), Some((CLIENT, How::Connect)));
    // Somebody else closes it: still not the owner.
    let third = table.apply(&CLIENT_SOCKET.event(7_000, 777, Established, FinWait1));
    assert_eq!(
        (third.dwell, third.age),
        (Some(Nanos(4_000)), Some(Nanos(6_000)))
    );
    assert_eq!(owner_of(&third), Some((CLIENT, How::Connect)));
}

#[test]
fn a_child_inherits_the_listeners_owner_until_it_is_closed() {
    use TcpState::{Close, CloseWait, Established, LastAck, Listen, SynRecv};
    let mut table = Table::new(10);
    table.apply(&LISTENER.event(1, SERVER, Close, Listen));
    let born = table.apply(&CHILD.event(10, CLIENT, Listen, SynRecv));
    assert_eq!(
        (born.dwell, born.age),
        (None, Some(Nanos(0))),
        "it never was listening"
    );
    assert_eq!(owner_of(&born), Some((SERVER, How::Inherited)));
    table.apply(&CHILD.event(12, CLIENT, SynRecv, Established));
    table.apply(&CHILD.event(20, CLIENT, Established, CloseWait));
    let closing = table.apply(&CHILD.event(30, SERVER + 1, CloseWait, LastAck));
    assert_eq!(
        owner_of(&closing),
        Some((SERVER + 1, How::Close)),
        "the worker that had it"
    );
    assert_eq!(
        table
            .get(LISTENER.event(0, 0, Close, Close).key)
            .unwrap()
            .state,
        Listen
    );
}

#[test]
fn a_port_shared_by_processes_gives_no_owner() {
    use TcpState::{Close, Listen, SynRecv};
    let mut table = Table::new(10);
    let other = Socket {
        cookie: 22,
        sk: 0x22,
        ..LISTENER
    };
    table.apply(&LISTENER.event(1, SERVER, Close, Listen));
    table.apply(&other.event(2, SERVER + 5, Close, Listen));
    assert_eq!(
        owner_of(&table.apply(&CHILD.event(3, CLIENT, Listen, SynRecv))),
        None
    );
    // One of them goes: then it can only be the other.
    table.apply(&other.event(4, SERVER + 5, Listen, Close));
    let next = Socket {
        cookie: 4,
        sk: 0x40,
        ..CHILD
    };
    let born = table.apply(&next.event(5, CLIENT, Listen, SynRecv));
    assert_eq!(owner_of(&born), Some((SERVER, How::Inherited)));
}

#[test]
fn before_6_15_a_child_is_joined_by_its_address() {
    use TcpState::{Established, Listen, SynRecv};
    let mut table = Table::new(10);
    // What the decoder makes of a first event without a peer: no cookie, no peer.
    let unfinished = Socket {
        cookie: 0,
        dport: 0,
        ..CHILD
    };
    table.apply(&unfinished.event(10, CLIENT, Listen, SynRecv));
    let second = table.apply(&CHILD.event(15, CLIENT, SynRecv, Established));
    assert_eq!((second.dwell, second.age), (Some(Nanos(5)), Some(Nanos(5))));
    assert_eq!(table.len(), 1);
    assert!(table.newborn.is_empty());
}

#[test]
fn accepted_mptcp_sockets_are_told_apart_from_their_listener() {
    use TcpState::{Close, Established, Listen};
    let mut table = Table::new(10);
    let listener = Socket {
        proto: Proto::Mptcp,
        ..LISTENER
    };
    let accepted = Socket {
        sk: 0x99,
        dport: 5,
        ..listener
    };
    table.apply(&listener.event(1, SERVER, Close, Listen));
    let born = table.apply(&accepted.event(2, CLIENT, Listen, Established));
    assert_eq!(owner_of(&born), Some((SERVER, How::Inherited)));
    table.apply(&accepted.event(3, CLIENT, Established, Established));
    let gone = table.apply(&accepted.event(9, SERVER, Established, Close));
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
    let mut table = Table::new(10);
    table.apply(&CLIENT_SOCKET.event(1, CLIENT, Close, SynSent));
    table.apply(&CLIENT_SOCKET.event(2, CLIENT, SynSent, Established));
    let after_gap = table.apply(&CLIENT_SOCKET.event(9, CLIENT, FinWait2, Close));
    assert_eq!((after_gap.dwell, after_gap.age), (None, Some(Nanos(8))));
}

#[test]
fn a_retry_on_one_socket_is_a_new_life() {
    use TcpState::{Close, SynSent};
    let mut table = Table::new(10);
    table.apply(&CLIENT_SOCKET.event(1, CLIENT, Close, SynSent));
    let refused = Transition {
        sk_err: Some(111),
        ..CLIENT_SOCKET.event(5, 9, SynSent, Close)
    };
    let refused = table.apply(&refused);
    assert_eq!(
        (refused.cause, refused.errno),
        (Some(Cause::Refused), Some(Errno(111)))
    );
    let again = table.apply(
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
    let mut table = Table::new(10);
    table.apply(&CLIENT_SOCKET.event(1, CLIENT, Close, SynSent));
    table.destroy(CLIENT_SOCKET.cookie, CLIENT_SOCKET.sk);
    assert!(table.is_empty());
}

#[test]
fn a_socket_that_gets_its_cookie_at_its_end_is_forgotten() {
    use TcpState::{Close, SynSent};
    let mut table = Table::new(10);
    // The classic `tcp_destroy_sock` makes the cookie that it shows.
    let without_cookie = Socket {
        cookie: 0,
        ..CLIENT_SOCKET
    };
    table.apply(&without_cookie.event(1, CLIENT, Close, SynSent));
    table.apply(&without_cookie.event(2, CLIENT, SynSent, Close));
    table.destroy(77, without_cookie.sk);
    assert!(table.is_empty());
    let next = table.apply(&without_cookie.event(9, CLIENT, Close, SynSent));
    assert_eq!(next.dwell, None, "another socket at the same address");
}

#[test]
fn a_socket_that_gets_its_cookie_in_its_life_is_the_same() {
    use TcpState::{Close, Established, SynSent};
    let mut table = Table::new(10);
    let without_cookie = Socket {
        cookie: 0,
        ..CLIENT_SOCKET
    };
    table.apply(&without_cookie.event(1, CLIENT, Close, SynSent));
    let second = table.apply(&CLIENT_SOCKET.event(4, SERVER, SynSent, Established));
    assert_eq!((second.dwell, second.age), (Some(Nanos(3)), Some(Nanos(3))));
    assert_eq!(owner_of(&second), Some((CLIENT, How::Connect)));
    assert_eq!(table.len(), 1);
}

fn seeded(socket: Socket, state: TcpState) -> Entry {
    let event = socket.event(0, 0, state, state);
    Entry {
        key: SocketKey::seeded(socket.proto, socket.cookie, &event.tuple),
        proto: socket.proto,
        tuple: event.tuple,
        netns: Some(1),
        state,
        since: Seen::NEVER,
        begin: Seen::NEVER,
        owner: None,
    }
}

#[test]
fn the_stream_wins_over_the_dump() {
    use TcpState::{Close, CloseWait, Established, SynSent};
    let mut table = Table::new(10);
    table.begin_seed();
    table.apply(&CLIENT_SOCKET.event(1, CLIENT, Close, SynSent));
    assert!(!table.seed(seeded(CLIENT_SOCKET, Established)));
    table.apply(&CHILD.event(2, CLIENT, Established, Close));
    table.destroy(CHILD.cookie, CHILD.sk);
    assert!(
        !table.seed(seeded(CHILD, Established)),
        "it has gone since the dump saw it"
    );
    assert!(table.seed(seeded(LISTENER, TcpState::Listen)));
    table.end_seed();
    assert_eq!(table.len(), 2);
    let child = Socket {
        cookie: 7,
        sk: 0x70,
        ..CHILD
    };
    table.seed(seeded(child, Established));
    let known = table.apply(&child.event(5, 0, Established, CloseWait));
    assert_eq!(
        (known.dwell, known.age),
        (None, None),
        "its begin was not seen"
    );
}

#[test]
fn a_seeded_mptcp_socket_is_found_by_its_tuple() {
    use TcpState::{Close, Established};
    let mut table = Table::new(10);
    let socket = Socket {
        proto: Proto::Mptcp,
        ..CHILD
    };
    let sibling = Socket {
        dport: 41000,
        sk: 0x31,
        ..socket
    };
    assert!(table.seed(seeded(socket, Established)));
    assert!(
        table.seed(seeded(sibling, Established)),
        "one cookie, two sockets"
    );
    table.apply(&socket.event(5, 0, Established, Close));
    assert_eq!(table.len(), 1);
}

#[test]
fn a_full_table_gives_up_closed_sockets_first_and_counts_them() {
    use TcpState::{Close, SynSent};
    let mut table = Table::new(4);
    let socket = |n: u64| Socket {
        cookie: n,
        sk: n,
        ..CLIENT_SOCKET
    };
    for n in 1..=4 {
        table.apply(&socket(n).event(n, CLIENT, Close, SynSent));
    }
    table.apply(&socket(3).event(9, CLIENT, SynSent, Close));
    table.apply(&socket(5).event(10, CLIENT, Close, SynSent));
    assert_eq!((table.len(), table.evicted()), (4, 1));
    assert!(table.get(socket(3).event(0, 0, Close, Close).key).is_none());
    for n in 6..=1_000 {
        table.apply(&socket(n).event(n, CLIENT, Close, SynSent));
    }
    assert_eq!((table.len(), table.evicted()), (4, 996));
}

/// KERNEL's table of causes, row by row.
#[test]
fn causes() {
    use TcpState::{
        Close, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynRecv,
        SynSent,
    };
    let cause = |old, sk_err, shutdown, inode, done| {
        let mut event = CLIENT_SOCKET.event(1, CLIENT, old, Close);
        event.sk_err = Some(sk_err);
        event.shutdown = Some(shutdown);
        event.info.inode = Some(inode);
        event.dead = Some(inode == 0);
        event.done = Some(done);
        cause::judge(&event).0.unwrap()
    };
    assert_eq!(cause(SynSent, 111, 0, 5, false), Cause::Refused);
    assert_eq!(cause(SynSent, 110, 0, 5, false), Cause::TimedOut);
    assert_eq!(cause(SynSent, 113, 0, 5, false), Cause::Unreachable);
    assert_eq!(cause(SynSent, 101, 0, 5, false), Cause::Unreachable);
    assert_eq!(cause(SynSent, 0, 3, 5, false), Cause::GaveUp);
    assert_eq!(cause(SynSent, 0, 0, 5, false), Cause::Disconnected);
    assert_eq!(cause(Established, 104, 0, 5, false), Cause::ResetByPeer);
    assert_eq!(cause(CloseWait, 32, 1, 5, true), Cause::ResetByPeer);
    assert_eq!(cause(Established, 103, 0, 5, false), Cause::Killed);
    assert_eq!(cause(Established, 110, 0, 5, false), Cause::TimedOut);
    assert_eq!(cause(Established, 0, 3, 5, false), Cause::Aborted);
    assert_eq!(cause(CloseWait, 0, 3, 5, true), Cause::Aborted);
    assert_eq!(cause(Established, 0, 0, 0, false), Cause::Unaccepted);
    assert_eq!(cause(CloseWait, 0, 1, 0, true), Cause::Unaccepted);
    assert_eq!(cause(SynRecv, 0, 0, 0, false), Cause::Unaccepted);
    assert_eq!(cause(Established, 0, 0, 5, false), Cause::Disconnected);
    assert_eq!(cause(FinWait1, 0, 3, 0, false), Cause::Aborted);
    assert_eq!(cause(FinWait2, 0, 3, 0, false), Cause::Finished);
    assert_eq!(cause(FinWait2, 0, 3, 5, true), Cause::Finished);
    assert_eq!(cause(FinWait2, 0, 3, 5, false), Cause::Aborted);
    assert_eq!(cause(Closing, 0, 3, 0, true), Cause::Finished);
    assert_eq!(cause(LastAck, 0, 3, 0, true), Cause::Finished);
    assert_eq!(cause(Listen, 0, 0, 5, false), Cause::ListenerClosed);
    assert_eq!(cause(Established, 71, 0, 5, false), Cause::Error);
    let unbound = Socket {
        sport: 0,
        ..CLIENT_SOCKET
    }
    .event(1, CLIENT, SynSent, Close);
    assert_eq!(cause::judge(&unbound).0, Some(Cause::ConnectFailed));
    let blind = Transition {
        sk_err: None,
        ..unbound
    };
    assert_eq!(
        cause::judge(&blind),
        (None, None),
        "a kernel that does not tell: unknown"
    );
}

#[test]
fn a_kernel_thread_is_no_owner() {
    let mut event = CLIENT_SOCKET.event(1, CLIENT, TcpState::Close, TcpState::SynSent);
    event.context = Some(Context {
        kernel_thread: true,
        ..context(CLIENT)
    });
    assert_eq!(Table::new(1).apply(&event).owner, None);
}

/// Anything the kernel, a lost record or a reused address could bring, in any order.
fn any_event() -> impl Strategy<Value = Transition> {
    let proto = prop_oneof![
        Just(Proto::Tcp),
        Just(Proto::Mptcp),
        Just(Proto::Unknown(9))
    ];
    let numbers = (0..6_u64, 0..6_u64, 0..3_u16, 0..3_u16, 0..13_u8, 0..13_u8);
    let condition = (0..120_u32, 0..4_u8, any::<bool>(), 0..4_u32, any::<bool>());
    (proto, numbers, condition, 1..1_000_u64).prop_map(|(proto, numbers, condition, at)| {
        let (cookie, sk, sport, dport, old, new) = numbers;
        let (sk_err, shutdown, dead, pid, kernel_thread) = condition;
        let socket = Socket {
            cookie,
            sk,
            sport,
            dport,
            proto,
        };
        let states = (TcpState::from_kernel(old), TcpState::from_kernel(new));
        Transition {
            sk_err: Some(sk_err),
            shutdown: Some(shutdown),
            dead: Some(dead),
            context: Some(Context {
                kernel_thread,
                ..context(pid)
            }),
            ..socket.event(at, pid, states.0, states.1)
        }
    })
}

proptest! {
    #[test]
    fn whatever_comes_the_table_stays_sound(
        events in vec((any_event(), any::<bool>()), 1..200),
        capacity in 1..12_usize,
    ) {
        let mut table = Table::new(capacity);
        for (event, destroy) in &events {
            let applied = table.apply(event);
            prop_assert!(table.len() <= capacity);
            prop_assert_eq!(applied.cause.is_some(), event.new == TcpState::Close
                && event.old != TcpState::Close);
            prop_assert!(applied.errno.is_none() || applied.cause.is_some());
            if applied.owner.is_some_and(|owner| owner.how == How::Connect)
                && begins(event) && event.new == TcpState::SynSent {
                let context = event.context.unwrap();
                prop_assert!(context.kernel_thread || applied.owner.unwrap().pid == context.pid);
            }
            if *destroy {
                table.destroy(event.key.cookie.map_or(0, std::num::NonZero::get), event.sk);
            }
        }
        // Every socket that a map knows is in a slot, and the other way round.
        for (event, _) in &events {
            let key = SocketKey::new(Proto::Tcp, event.key.cookie.map_or(0, std::num::NonZero::get), event.sk);
            if let Some(entry) = table.get(key) {
                prop_assert_eq!(entry.key, key);
            }
        }
    }
}
