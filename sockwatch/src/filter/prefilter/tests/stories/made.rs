//! Lives of sockets, expressions about them and selections, at random: few values, so that they meet
//! often.

use std::net::IpAddr;

use proptest::prelude::*;

use super::super::*;
use crate::{
    filter::View,
    model::{Netid, SocketInfo, TcpState::*, Tuple},
};

const PORTS: [u16; 4] = [22, 443, 40_000, 50_000];
const ADDRESSES: [&str; 4] = ["10.0.0.1", "10.0.7.1", "fd00::1", "fd00::7:1"];
/// The user asked for.
const UID: u32 = 1;

/// One connection, as it really is.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) passive: bool,
    pub(super) bound: bool,
    pub(super) sport: u16,
    pub(super) dport: u16,
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    /// Whether it is half-open before its socket is there, and TIME-WAIT after that is gone.
    pub(super) minisockets: bool,
    /// Which way it goes at each fork.
    pub(super) path: Vec<usize>,
}

/// A socket's life.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) proto: Proto,
    pub(super) family: Family,
    pub(super) netns: u32,
    /// As before Linux 6.15.
    pub(super) bare_children: bool,
    /// Whether the kernel tells which ports it chooses from.
    pub(super) tells_ports: bool,
    pub(super) connections: Vec<Connection>,
}

/// The states that a connection goes through.
pub(super) fn walk(connection: &Connection) -> Vec<(TcpState, TcpState)> {
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

/// Whether `expr` can be true of this connection, by the rules of the filter itself. What the
/// programs can't judge is only ever asked as `uid`, one way.
pub(super) fn possible(expr: &Expr, story: &Story, connection: &Connection) -> bool {
    let tuple = Tuple {
        family: story.family,
        src: connection.src,
        sport: connection.sport,
        dst: connection.dst,
        dport: connection.dport,
    };
    let netid = Netid::try_from(story.proto).unwrap();
    [None, Some(UID)].into_iter().any(|uid| {
        let info = SocketInfo {
            netns: Some(story.netns),
            uid,
            ..SocketInfo::default()
        };
        expr.matches(&View::of_ip(netid, &tuple, &info))
    })
}

fn connection() -> impl Strategy<Value = Connection> {
    let index = 0..4_usize;
    (
        any::<bool>(),
        (prop::bool::weighted(0.2), any::<bool>()),
        (index.clone(), index.clone()),
        (0..2_usize, 0..2_usize),
        prop::collection::vec(0..12_usize, 0..6),
    )
        .prop_map(|(passive, flags, (sport, dport), (src, dst), path)| {
            let (bound, minisockets) = flags;
            let sport = PORTS[sport];
            Connection {
                passive,
                // The kernel chooses none outside its range.
                bound: bound || passive || sport < 32_768,
                sport,
                dport: PORTS[dport],
                src: ADDRESSES[src].parse().unwrap(),
                dst: ADDRESSES[dst].parse().unwrap(),
                minisockets,
                path,
            }
        })
}

pub(super) fn story() -> impl Strategy<Value = Story> {
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
        host(end, ADDRESSES[address], lens[len])
    });
    let netns =
        (1..3_u64).prop_map(|inode| Expr::Term(Term::Netns(Compare::Eq, vec![inode..=inode])));
    let opaque = Just(Expr::Term(Term::Uid(
        Compare::Eq,
        vec![UID.into()..=UID.into()],
    )));
    prop_oneof![5 => port, 4 => host, 1 => netns, 1 => opaque]
}

pub(super) fn expr() -> impl Strategy<Value = Expr> {
    term().prop_recursive(4, 24, 4, |inner| {
        let list = prop::collection::vec(inner.clone(), 2..5);
        prop_oneof![
            list.clone().prop_map(Expr::And),
            list.prop_map(Expr::Or),
            inner.prop_map(not),
        ]
    })
}

pub(super) fn selection() -> impl Strategy<Value = Selection> {
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
