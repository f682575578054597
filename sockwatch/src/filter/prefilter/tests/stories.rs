//! Whole lives of sockets, seen once with every event and once with those that the programs let
//! through: what is shown has to be the same, and nothing may be left behind in the table.

use std::{cell::Cell, net::IpAddr, num::NonZeroU64};

use proptest::prelude::*;
use sockwatch_common::filter::{Socket, drops};

use super::*;
use crate::{
    filter::{Facts, prefilter::address::words},
    model::{
        Comm, Context, MonoNs, Observed, SocketInfo, SocketKey, TcpState::*, Transition, Tuple,
    },
    table::{Applied, Table},
};

const PORTS: [u16; 4] = [22, 443, 40_000, 50_000];
const ADDRESSES: [&str; 4] = ["10.0.0.1", "10.0.7.1", "fd00::1", "fd00::7:1"];
const CHOSEN: (u32, u32) = (32_768, 60_999);
const COOKIE: u64 = 77;
const SK: u64 = 0xffff_8880_0000_1000;

/// One connection, as it really is.
#[derive(Clone, Debug)]
struct Connection {
    passive: bool,
    bound: bool,
    sport: u16,
    dport: u16,
    src: IpAddr,
    dst: IpAddr,
    /// Which way it goes at each fork.
    path: Vec<usize>,
}

/// A socket's life.
#[derive(Clone, Debug)]
struct Story {
    proto: Proto,
    family: Family,
    netns: u32,
    /// As before Linux 6.15.
    bare_children: bool,
    /// Whether the kernel tells which ports it chooses from.
    tells_ports: bool,
    connections: Vec<Connection>,
}

/// What the programs find in the socket at one event.
struct Found<'a> {
    story: &'a Story,
    num: u16,
    sport: u16,
    dport: u16,
    src: [u64; 2],
    dst: [u64; 2],
    has_cookie: bool,
    bare_seen: &'a Cell<bool>,
}

impl Socket for Found<'_> {
    fn protocol(&self) -> u16 {
        self.story.proto.number()
    }
    fn family(&self) -> u16 {
        self.story.family.number().into()
    }
    fn netns(&self) -> Option<u32> {
        Some(self.story.netns)
    }
    fn num(&self) -> u16 {
        self.num
    }
    fn sport(&self) -> u16 {
        self.sport
    }
    fn dport(&self) -> u16 {
        self.dport
    }
    fn src(&self) -> [u64; 2] {
        self.src
    }
    fn dst(&self) -> [u64; 2] {
        self.dst
    }
    fn local_ports(&self) -> (u32, u32) {
        if self.story.tells_ports {
            CHOSEN
        } else {
            (0, 65_535)
        }
    }
    fn may_be_known(&self) -> bool {
        self.has_cookie && self.sport != 0
    }
    fn note_bare_child(&self) {
        self.bare_seen.set(true);
    }
    fn children_are_bare(&self) -> bool {
        self.bare_seen.get()
    }
}

fn in_memory(address: IpAddr) -> [u64; 2] {
    words(match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    })
}

fn unspecified(family: Family) -> IpAddr {
    match family {
        Family::Inet => IpAddr::from([0; 4]),
        Family::Inet6 => IpAddr::from([0; 16]),
    }
}

/// The states that a connection goes through.
fn walk(connection: &Connection) -> Vec<(TcpState, TcpState)> {
    let mut changes = vec![if connection.passive {
        (Listen, SynRecv)
    } else {
        (Close, SynSent)
    }];
    for fork in &connection.path {
        let state = changes[changes.len() - 1].1;
        let ways: &[TcpState] = match state {
            SynSent => &[Established, Established, SynRecv, Close],
            SynRecv => &[Established, FinWait1, CloseWait, Close],
            Established => &[FinWait1, CloseWait, Close],
            FinWait1 => &[FinWait2, Closing, Close],
            FinWait2 => &[FinWait2, Close],
            CloseWait => &[LastAck, Close],
            _ => &[Close],
        };
        if state != Close {
            changes.push((state, ways[fork % ways.len()]));
        }
    }
    let last = changes[changes.len() - 1].1;
    if last != Close {
        changes.push((last, Close));
    }
    changes
}

fn transition(
    story: &Story,
    (old, new): (TcpState, TcpState),
    at: u64,
    cookie: Option<NonZeroU64>,
    tuple: Tuple,
) -> Transition {
    let cookie = cookie.map_or(0, NonZeroU64::get);
    Transition {
        at: MonoNs(at),
        key: SocketKey::new(story.proto, cookie, SK),
        sk: SK,
        proto: story.proto,
        tuple,
        old,
        new,
        info: SocketInfo {
            netns: Some(story.netns),
            inode: Some(9),
            ..SocketInfo::default()
        },
        sk_err: Some(0),
        shutdown: Some(3),
        dead: Some(false),
        done: Some(false),
        context: Some(Context {
            pid: u32::try_from(at).unwrap(),
            comm: Comm::from_kernel([b'x'; 16]),
            kernel_thread: false,
        }),
        tcp: None,
        observed: Observed::Event,
    }
}

/// Whether `expr` can be true, and whether it can be false, of this connection.
fn possible(expr: &Expr, story: &Story, connection: &Connection) -> (bool, bool) {
    let exactly = |is: bool| (is, !is);
    match expr {
        Expr::Not(inner) => {
            let (yes, no) = possible(inner, story, connection);
            (no, yes)
        }
        Expr::And(list) => list.iter().fold((true, false), |(yes, no), inner| {
            let (inner_yes, inner_no) = possible(inner, story, connection);
            (yes && inner_yes, no || inner_no)
        }),
        Expr::Or(list) => list.iter().fold((false, true), |(yes, no), inner| {
            let (inner_yes, inner_no) = possible(inner, story, connection);
            (yes || inner_yes, no && inner_no)
        }),
        Expr::Term(Term::Port {
            end,
            family,
            compare,
            ports,
        }) => {
            let of_family = family.is_none_or(|family| family == story.family.into());
            let (low, high) = (*ports[0].range.start(), *ports[0].range.end());
            let port = i64::from(match end {
                End::Src => connection.sport,
                End::Dst => connection.dport,
            });
            exactly(match compare {
                Compare::Eq => of_family && low <= port && port <= high,
                Compare::Ne => !(of_family && low <= port && port <= high),
                Compare::Lt => of_family && port < low,
                Compare::Le => of_family && port <= high,
                Compare::Gt => of_family && port > high,
                Compare::Ge => of_family && port >= low,
            })
        }
        Expr::Term(Term::Host {
            end,
            host: HostTest::Inet { prefixes, .. },
        }) => {
            let address = match end {
                End::Src => connection.src,
                End::Dst => connection.dst,
            };
            exactly(is_within(address, &prefixes[0]))
        }
        Expr::Term(Term::Netns(_, inodes)) => exactly(inodes[0].contains(&u64::from(story.netns))),
        Expr::Term(_) => (true, true),
    }
}

/// No address of the stories is an IPv4 one on an AF_INET6 socket and asked for as IPv6.
fn is_within(address: IpAddr, prefix: &Prefix) -> bool {
    match (address, prefix.address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            u64::from(a.to_bits() ^ b.to_bits()) >> (32 - prefix.len) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let differ = a.to_bits() ^ b.to_bits();
            differ.checked_shr(128 - u32::from(prefix.len)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// What one of the two observers knows.
struct Observer {
    table: Table,
    has_cookie: bool,
}

impl Observer {
    fn new(listener: &Transition) -> Self {
        let mut table = Table::new(100);
        table.apply(listener);
        Self {
            table,
            has_cookie: false,
        }
    }
}

/// Tells the story to both; panics where what is shown differs.
fn tell(story: &Story, selection: &Selection, expr: &Expr) {
    let filter = Prefilter::new(selection, expr).map_or(Filter::NONE, |pre| pre.to_kernel());
    let none = unspecified(story.family);
    let listening = Tuple {
        family: story.family,
        src: none,
        sport: 443,
        dst: none,
        dport: 0,
    };
    let mut listener = transition(story, (Close, Listen), 1, None, listening);
    listener.key = SocketKey::new(story.proto, 5, SK + 0x1000);
    listener.sk = SK + 0x1000;
    let (mut full, mut part) = (Observer::new(&listener), Observer::new(&listener));
    let bare_seen = Cell::new(false);
    let facts = Facts {
        proto: story.proto,
        family: story.family,
        netns: Some(story.netns),
    };
    let (mut at, mut last_sport) = (10, 0);
    for connection in &story.connections {
        let (can_match, _) = possible(expr, story, connection);
        for (old, new) in walk(connection) {
            at += 10;
            let opens = (old, new) == (Close, SynSent);
            let bare = old == Listen && story.bare_children;
            let hidden = story.proto == Proto::Mptcp && opens || bare;
            let num = if !connection.bound && (opens || new == Close) {
                0
            } else {
                connection.sport
            };
            let sport = if opens && !connection.bound {
                last_sport
            } else {
                connection.sport
            };
            let (src, dst) = if hidden {
                (none, none)
            } else {
                (connection.src, connection.dst)
            };
            let found = Found {
                story,
                num,
                sport,
                dport: if hidden { 0 } else { connection.dport },
                src: in_memory(src),
                dst: in_memory(dst),
                has_cookie: part.has_cookie,
                bare_seen: &bare_seen,
            };
            let tuple = Tuple {
                family: story.family,
                src,
                sport: if opens { num } else { sport },
                dst,
                dport: found.dport,
            };
            let cookie = NonZeroU64::new(COOKIE).filter(|_| !bare);
            let event = transition(story, (old, new), at, cookie, tuple);
            let applied = full.table.apply(&event);
            let passed = !drops(&filter, &found, old.number(), new.number());
            let seen = passed.then(|| part.table.apply(&event));
            part.has_cookie |= passed && !bare;
            let left = (!event.is_child()).then_some(old);
            if can_match && selection.shows_transition(&facts, left, new) {
                assert_same(&applied, seen.as_ref(), old);
            }
            last_sport = connection.sport;
        }
    }
    if part.has_cookie {
        part.table.destroy(COOKIE, SK);
    }
    assert_eq!(part.table.len(), 1, "only the listener is left");
}

fn assert_same(full: &Applied, seen: Option<&Applied>, old: TcpState) {
    let seen = seen.expect("what is shown was dropped");
    // The end of a connection that does not match is not told.
    let dwell = if old == Close && seen.dwell.is_none() {
        None
    } else {
        full.dwell
    };
    assert_eq!(*seen, Applied { dwell, ..*full });
}

/// Whether `filter` drops the first event of a connection from port 40,000, of a socket that has
/// been used before.
pub(super) fn opening_is_dropped(filter: &Filter, has_cookie: bool) -> bool {
    let story = Story {
        proto: Proto::Tcp,
        family: Family::Inet,
        netns: 1,
        bare_children: false,
        tells_ports: true,
        connections: Vec::new(),
    };
    let found = Found {
        story: &story,
        num: 40_000,
        sport: 40_000,
        dport: 443,
        src: in_memory(IpAddr::from([10, 0, 0, 1])),
        dst: in_memory(IpAddr::from([10, 0, 0, 2])),
        has_cookie,
        bare_seen: &Cell::new(false),
    };
    drops(filter, &found, Close.number(), SynSent.number())
}

fn connection() -> impl Strategy<Value = Connection> {
    let index = 0..4_usize;
    (
        any::<bool>(),
        prop::bool::weighted(0.2),
        (index.clone(), index.clone()),
        (0..2_usize, 0..2_usize),
        prop::collection::vec(0..12_usize, 0..6),
    )
        .prop_map(|(passive, bound, (sport, dport), (src, dst), path)| {
            let sport = PORTS[sport];
            Connection {
                passive,
                // The kernel chooses none outside its range.
                bound: bound || passive || sport < 32_768,
                sport,
                dport: PORTS[dport],
                src: ADDRESSES[src].parse().unwrap(),
                dst: ADDRESSES[dst].parse().unwrap(),
                path,
            }
        })
}

fn story() -> impl Strategy<Value = Story> {
    (
        prop_oneof![4 => Just(Proto::Tcp), 1 => Just(Proto::Mptcp)],
        any::<bool>(),
        any::<bool>(),
        1..3_u32,
        any::<bool>(),
        any::<bool>(),
        prop::collection::vec(connection(), 1..4),
    )
        .prop_map(
            |(proto, inet6, mapped, netns, bare_children, tells_ports, mut connections)| {
                if inet6 && !mapped {
                    for connection in &mut connections {
                        for address in [&mut connection.src, &mut connection.dst] {
                            let at = ADDRESSES.iter().position(|a| a.parse() == Ok(*address));
                            *address = ADDRESSES[2 + at.unwrap()].parse().unwrap();
                        }
                    }
                }
                // An accepted socket is not opened again here, and has one life.
                if connections[0].passive {
                    connections.truncate(1);
                } else {
                    connections.retain(|connection| !connection.passive);
                }
                Story {
                    proto,
                    family: if inet6 { Family::Inet6 } else { Family::Inet },
                    netns,
                    bare_children,
                    tells_ports,
                    connections,
                }
            },
        )
}

fn term() -> impl Strategy<Value = Expr> {
    let end = prop_oneof![Just(End::Src), Just(End::Dst)];
    let family = prop_oneof![
        4 => Just(None),
        1 => Just(Some(AddressFamily::Inet)),
        1 => Just(Some(AddressFamily::Inet6)),
    ];
    let compare = prop_oneof![
        5 => Just(Compare::Eq),
        1 => Just(Compare::Ne),
        1 => Just(Compare::Lt),
        1 => Just(Compare::Le),
        1 => Just(Compare::Gt),
        1 => Just(Compare::Ge),
    ];
    let port = (end.clone(), family, compare, 0..4_usize, 0..2_i64).prop_map(
        |(end, family, compare, port, more)| {
            let low = i64::from(PORTS[port]);
            Expr::Term(Term::Port {
                end,
                family,
                compare,
                ports: ports(low..=low + more * 10_000),
            })
        },
    );
    let host = (end, 0..4_usize, 0..3_usize).prop_map(|(end, address, len)| {
        let lens = if address < 2 {
            [0, 16, 32]
        } else {
            [8, 64, 128]
        };
        super::host(end, ADDRESSES[address], lens[len])
    });
    let netns =
        (1..3_u64).prop_map(|inode| Expr::Term(Term::Netns(Compare::Eq, vec![inode..=inode])));
    let opaque = Just(Expr::Term(Term::Uid(Compare::Eq, vec![1..=1])));
    prop_oneof![5 => port, 4 => host, 1 => netns, 1 => opaque]
}

fn expr() -> impl Strategy<Value = Expr> {
    term().prop_recursive(4, 24, 4, |inner| {
        let list = prop::collection::vec(inner.clone(), 2..5);
        prop_oneof![
            list.clone().prop_map(Expr::And),
            list.prop_map(Expr::Or),
            inner.prop_map(not),
        ]
    })
}

fn selection() -> impl Strategy<Value = Selection> {
    let states = prop_oneof![
        Just(StateSet::ALL),
        prop::collection::vec(1..12_u8, 1..4).prop_map(|numbers| {
            let states: Vec<_> = numbers.into_iter().map(TcpState::from_kernel).collect();
            StateSet::of(&states)
        }),
    ];
    let on = prop_oneof![Just(On::Both), Just(On::Enter), Just(On::Leave)];
    let protos = prop_oneof![
        3 => Just(Vec::new()),
        1 => Just(vec![Proto::Tcp]),
        1 => Just(vec![Proto::Mptcp]),
    ];
    let families = prop_oneof![
        2 => Just(Vec::new()),
        1 => Just(vec![Family::Inet]),
        1 => Just(vec![Family::Inet6]),
    ];
    let netns = prop_oneof![3 => Just(None), 1 => Just(Some(1))];
    (protos, families, states, on, netns).prop_map(|(protos, families, states, on, netns)| {
        Selection {
            protos,
            families,
            states,
            on,
            netns,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn what_is_dropped_matters_to_nobody(
        story in story(),
        selection in selection(),
        expr in expr(),
    ) {
        tell(&story, &selection, &expr);
    }
}
