//! Whatever the kernel, a lost record or an address used again could bring, in any order.

use proptest::{collection::vec, prelude::*};

use super::*;

/// Anything the table can be told.
#[derive(Clone, Copy, Debug)]
enum Item {
    Event(Transition),
    Destroy { cookie: u64, sk: u64 },
    Mini(Mini),
    Accepted(Accepted),
    Seed(Seed),
    Look { found: Option<Found>, at: u64 },
}

const COOKIES: u64 = 5;
const PORTS: u16 = 3;
const ADDRESSES: u64 = 4;

/// Few sockets, so that they meet often. A socket's address is not that of a minisocket.
fn any_socket(proto: impl Strategy<Value = Proto>) -> impl Strategy<Value = Socket> {
    let numbers = (0..COOKIES, 0x10..0x10 + ADDRESSES, 0..PORTS, 0..PORTS);
    (proto, numbers).prop_map(|(proto, (cookie, sk, sport, dport))| Socket {
        cookie,
        sk,
        sport,
        dport,
        proto,
    })
}

fn any_state() -> impl Strategy<Value = TcpState> {
    (0..13_u8).prop_map(TcpState::from_kernel)
}

/// Changes that happen, and some that don't.
fn any_states() -> impl Strategy<Value = (TcpState, TcpState)> {
    use TcpState::{Close, Closing, Established, FinWait1, FinWait2, Listen, SynRecv, SynSent};
    prop_oneof![
        1 => (any_state(), any_state()),
        1 => Just((Close, SynSent)),
        1 => Just((Close, Listen)),
        2 => Just((Listen, SynRecv)),
        2 => Just((SynRecv, Established)),
        1 => Just((Established, FinWait1)),
        2 => Just((FinWait1, FinWait2)),
        3 => Just((FinWait2, Close)),
        1 => Just((Closing, Close)),
    ]
}

fn any_event(proto: impl Strategy<Value = Proto>) -> impl Strategy<Value = Transition> {
    let condition = (
        prop_oneof![3 => Just(0), 1 => 0..120_u32],
        0..4_u8,
        any::<Option<bool>>(),
        any::<Option<bool>>(),
        0..4_u32,
        any::<bool>(),
    );
    let what = (any_socket(proto), any_states(), condition, 1..1_000_u64);
    what.prop_map(|(socket, (old, new), condition, at)| {
        let (sk_err, shutdown, dead, done, pid, kernel_thread) = condition;
        Transition {
            sk_err: Some(sk_err),
            shutdown: Some(shutdown),
            dead,
            done,
            context: Some(Context {
                kernel_thread,
                ..context(pid)
            }),
            ..socket.event(at, pid, old, new)
        }
    })
}

fn any_end() -> impl Strategy<Value = MiniEvent> {
    prop_oneof![
        Just(gone(MiniEnd::Expired)),
        Just(gone(MiniEnd::Reset)),
        Just(gone(MiniEnd::Segment)),
        Just(gone(MiniEnd::Reused)),
        Just(gone(MiniEnd::Cancelled)),
    ]
}

fn any_mini() -> impl Strategy<Value = Mini> {
    let kind = prop_oneof![
        Just(MiniKind::TimeWait {
            substate: TcpState::FinWait2
        }),
        Just(MiniKind::TimeWait {
            substate: TcpState::TimeWait
        }),
        (0..COOKIES, 0..3_u8).prop_map(|(listener, synack_retrans)| MiniKind::Request {
            listener: NonZeroU64::new(listener),
            synack_retrans,
        }),
    ];
    let event = prop_oneof![
        4 => any::<bool>().prop_map(|watched| MiniEvent::Armed { watched }),
        2 => Just(MiniEvent::Fin),
        2 => any_end(),
    ];
    let address = prop_oneof![1 => Just(0), 5 => 0x80..0x80 + ADDRESSES];
    let what = (
        any_socket(Just(Proto::Tcp)),
        kind,
        event,
        address,
        1..1_000_u64,
    );
    what.prop_map(|(socket, kind, event, address, at)| Mini {
        address,
        kind,
        ..time_wait(socket, at, TcpState::TimeWait, event)
    })
}

fn any_seed() -> impl Strategy<Value = Seed> {
    let state = prop_oneof![
        2 => any_state(),
        1 => Just(TcpState::SynRecv),
        1 => Just(TcpState::FinWait2),
        1 => Just(TcpState::TimeWait),
    ];
    let what = (any_socket(Just(Proto::Tcp)), state, any::<bool>());
    what.prop_map(|(socket, state, minisocket)| {
        let event = socket.event(1, 0, state, state);
        let can_be_mini = matches!(
            state,
            TcpState::SynRecv | TcpState::FinWait2 | TcpState::TimeWait
        );
        Seed {
            // A dump makes cookies.
            key: SocketKey::seeded(Proto::Tcp, socket.cookie.max(1), &event.tuple),
            proto: Proto::Tcp,
            tuple: event.tuple,
            state,
            info: event.info,
            owner: None,
            minisocket: minisocket && can_be_mini,
            left: None,
            at: event.at,
        }
    })
}

fn any_item() -> impl Strategy<Value = Item> {
    let found = prop_oneof![
        Just(None),
        Just(Some(TcpState::FinWait2)),
        Just(Some(TcpState::TimeWait)),
        any_state().prop_map(Some),
    ];
    let found = (
        found,
        0..COOKIES,
        prop_oneof![Just(None), (0..100_u32).prop_map(Some)],
    );
    let found = found.prop_map(|(state, cookie, left)| {
        let left = left.map(|seconds| Nanos::from_ms(1_000 * seconds));
        let cookie = NonZeroU64::new(cookie);
        state.map(|state| Found {
            state,
            cookie,
            left,
        })
    });
    let socket = || any_socket(Just(Proto::Tcp));
    prop_oneof![
        8 => any_event(Just(Proto::Tcp)).prop_map(Item::Event),
        8 => any_mini().prop_map(Item::Mini),
        1 => socket().prop_map(|Socket { cookie, sk, .. }| Item::Destroy { cookie, sk }),
        1 => (socket(), 1..1_000_u64, 0..4_u32).prop_map(|(socket, at, pid)| {
            Item::Accepted(Accepted {
                at: MonoNs(at),
                cookie: socket.cookie,
                sk: socket.sk,
                by: context(pid),
            })
        }),
        2 => any_seed().prop_map(Item::Seed),
        2 => (found, 1..1_000_u64).prop_map(|(found, at)| Item::Look { found, at }),
    ]
}

fn any_follow() -> impl Strategy<Value = Follow> {
    prop_oneof![
        3 => Just(Follow::Told),
        2 => Just(Follow::Inferred),
        1 => Just(Follow::Ignored),
    ]
}

fn check(change: &Change) {
    let Transition { old, new, .. } = change.transition;
    assert_ne!(old, new);
    assert!(change.applied.cause.is_none() || new == TcpState::Close);
    assert!(change.applied.synack_retrans.is_none() || old == TcpState::SynRecv);
}

fn play(table: &mut Table, item: &Item) {
    let changes = match item {
        Item::Event(event) => match table.apply(event) {
            Outcome::Instead(change) => {
                assert!(event.new == TcpState::Close);
                [Some(change), None]
            }
            Outcome::Applied(_) | Outcome::Merged => [None; 2],
        },
        Item::Mini(mini) => table.mini(mini),
        Item::Look { found, at } => {
            let wanted = table.to_look_at(MonoNs(u64::MAX), 1).next();
            wanted.map_or([None; 2], |wanted| {
                let at = MonoNs(wanted.due.0.max(*at));
                table.looked(&wanted.seen(*found, at))
            })
        }
        Item::Destroy { cookie, sk } => {
            table.destroy(*cookie, *sk);
            [None; 2]
        }
        Item::Accepted(accepted) => {
            table.accepted(accepted);
            [None; 2]
        }
        Item::Seed(seed) => {
            table.seed(seed);
            [None; 2]
        }
    };
    if let [None, Some(_)] = changes {
        panic!("the first of two is missing");
    }
    changes.iter().flatten().for_each(check);
}

/// How many will be looked at, if nothing is heard of them.
fn looked_at(table: &Table) -> usize {
    table.to_look_at(MonoNs(u64::MAX), usize::MAX).count()
}

/// How many have not ended.
fn minisockets(table: &Table) -> usize {
    let entries = table.by_key.values().map(|&slot| table.slots.get(slot));
    let facts = entries.filter_map(|entry| table.minis.get(entry));
    let ended = |facts: &Facts| matches!(facts.stands, minis::Stands::Request(it) if it.ended);
    facts.filter(|facts| !ended(facts)).count()
}

/// Tells of the end of all sockets that there can be.
fn end_all(table: &mut Table) {
    let sockets = || {
        (0..PORTS).flat_map(|sport| {
            (0..PORTS).map(move |dport| Socket {
                sport,
                dport,
                ..CHILD
            })
        })
    };
    for socket in sockets() {
        for address in 0..ADDRESSES {
            let timewait = Mini {
                address: 0x80 + address,
                cookie: None,
                ..time_wait(socket, 2_000, TcpState::TimeWait, gone(MiniEnd::Expired))
            };
            table.mini(&timewait);
            table.mini(&Mini {
                kind: MiniKind::Request {
                    listener: None,
                    synack_retrans: 0,
                },
                ..timewait
            });
        }
    }
    for cookie in 0..COOKIES.max(ADDRESSES) {
        for sk in 0..ADDRESSES {
            table.destroy(cookie, 0x10 + sk);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_socket_whose_end_is_told_is_forgotten(
        items in vec(any_item(), 1..150),
        capacity in 1..20_usize,
        requests in any_follow(),
        timewaits in any_follow(),
    ) {
        let mut table = Table::new(capacity, Followed { requests, timewaits });
        for item in &items {
            play(&mut table, item);
            prop_assert!(table.len() <= capacity);
        }
        prop_assert_eq!(looked_at(&table), minisockets(&table), "{:?}", table.by_key);
        end_all(&mut table);
        prop_assert!(table.is_empty(), "{:?}", table.by_key);
        prop_assert!(table.minis.is_empty() && table.newborn.is_empty());
        prop_assert!(table.parked.is_empty());
    }

    #[test]
    fn whatever_comes_the_table_stays_sound(
        events in vec((any_event(prop_oneof![
            Just(Proto::Tcp),
            Just(Proto::Mptcp),
            Just(Proto::Unknown(9))
        ]), any::<bool>()), 1..200),
        capacity in 1..12_usize,
    ) {
        let mut table = Table::new(capacity, Followed::ALL);
        for (event, destroy) in &events {
            let outcome = table.apply(event);
            prop_assert!(table.len() <= capacity);
            let Outcome::Applied(applied) = outcome else {
                prop_assert_eq!((event.old, outcome), (event.new, Outcome::Merged));
                continue;
            };
            let ends = event.new == TcpState::Close && event.old != TcpState::Close;
            prop_assert!(applied.cause.is_none() || ends);
            prop_assert!(applied.errno.is_none() || applied.cause.is_some());
            if applied.owner.is_some_and(|owner| owner.how == How::Connect)
                && begins(event) && event.new == TcpState::SynSent {
                let context = event.context.unwrap();
                prop_assert!(context.kernel_thread || applied.owner.unwrap().pid == context.pid);
            }
            if *destroy {
                table.destroy(event.key.cookie.map_or(0, NonZero::get), event.sk);
            }
        }
        // Every socket that a map knows is in a slot, and the other way round.
        for (event, _) in &events {
            let cookie = event.key.cookie.map_or(0, NonZero::get);
            let key = SocketKey::new(Proto::Tcp, cookie, event.sk);
            if let Some(entry) = table.get(key) {
                prop_assert_eq!(entry.key, key);
            }
        }
    }
}

#[test]
fn entries_are_small() {
    assert_eq!(size_of::<Option<Entry>>(), 120);
    assert_eq!(size_of::<Option<Facts>>(), 48);
}
