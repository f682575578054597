//! Programs of filters, given to the kernel this test runs on: it has to take them, and to show
//! every socket that the filter is true of. Takes no privilege: only our own namespace is dumped.

use std::net::{TcpListener, TcpStream};

use proptest::{prelude::*, sample::select};

use super::{
    list::{Query, Shown, list},
    seed::SeedSocket,
};
use crate::{
    filter::{
        Bytecode, Expr, View, bytecode,
        expr::{Compare, End, HostTest, Ports, Prefix, Term},
        samples::any_kernel_expr,
    },
    model::{Ask, Family, Netid, Proto, StateSet, TcpState},
};

/// The TCP sockets of our namespace that a program passes.
fn dump(family: Family, states: StateSet, program: &[u8]) -> Vec<SeedSocket> {
    let query = Query {
        netids: &[Netid::Tcp],
        families: &[family.into()],
        states,
        shown: &|_, _| match program {
            [] => Shown::All,
            program => Shown::Passed(program.to_vec()),
        },
        ask: Ask::default(),
    };
    let mut rows = Vec::new();
    let listed = list(None, &query, |row| {
        rows.extend(SeedSocket::from_row(row, Proto::Tcp));
    })
    .unwrap();
    assert!(listed.lesser.is_empty(), "refused: {listed:?}");
    rows
}

fn matches(expr: &Expr, row: &SeedSocket) -> bool {
    expr.matches(&View::of_ip(Netid::Tcp, &row.tuple, &row.info))
}

/// Compares what the kernel passes with what the evaluator says of `ours`.
fn compare(expr: &Expr, family: Family, states: StateSet, ours: &[SeedSocket]) {
    // The kernel shows marks to those who may ask for them.
    let may_mark = ours.iter().all(|row| row.info.mark.is_some());
    let Some(program) = bytecode::compile(expr, Netid::Tcp, family, may_mark) else {
        return;
    };
    let passed = dump(family, states, &program.bytes);
    for row in ours.iter().filter(|row| row.tuple.family == family) {
        let passes = passed.iter().any(|other| other.cookie == row.cookie);
        let wanted = matches(expr, row);
        assert!(passes || !wanted, "{program}: {row:?}");
        assert!(!program.exact || passes == wanted, "{program}: {row:?}");
    }
}

/// The rows of sockets with these local ports.
fn rows(states: StateSet, ports: &[u16]) -> Vec<SeedSocket> {
    let families = [Family::Inet, Family::Inet6].into_iter();
    let mut rows: Vec<_> = families
        .flat_map(|family| dump(family, states, &[]))
        .collect();
    rows.retain(|row| ports.contains(&row.tuple.sport));
    rows
}

#[test]
fn the_kernel_takes_every_program() {
    let listen = StateSet::of(&[TcpState::Listen]);
    // Not all kernels have all of these addresses.
    let addresses = [
        "127.0.0.1:0",
        "127.0.0.2:0",
        "0.0.0.0:0",
        "[::1]:0",
        "[::]:0",
        "[::ffff:127.0.0.1]:0",
    ];
    let listeners: Vec<_> = addresses.iter().flat_map(TcpListener::bind).collect();
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let ports: Vec<u16> = listeners.iter().map(port).collect();
    let ours = rows(listen, &ports);
    assert!(ours.len() >= 3, "{ours:?}");
    let near = select(ports).prop_map(|port| {
        Expr::Term(Term::Port {
            end: End::Src,
            family: None,
            compare: Compare::Ge,
            ports: vec![Ports {
                range: i64::from(port)..=i64::from(port),
                only: None,
            }],
        })
    });
    let expr = (any_kernel_expr(), near, any::<bool>()).prop_map(|(expr, near, both)| {
        if both {
            Expr::And(vec![near, Expr::Not(Box::new(expr))])
        } else {
            Expr::Or(vec![expr, Expr::Not(Box::new(near))])
        }
    });
    let family = select(vec![Family::Inet, Family::Inet6]);
    proptest!(ProptestConfig::with_cases(500), |(expr in expr, family in family)| {
        compare(&expr, family, listen, &ours);
    });
}

#[test]
fn connections_are_found_by_both_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = TcpStream::connect(address).unwrap();
    let _server = listener.accept().unwrap();
    let from = client.local_addr().unwrap();
    let host = |end, port: u16| {
        Expr::Term(Term::Host {
            end,
            host: HostTest::Inet {
                family: None,
                prefixes: vec![Prefix {
                    address: "127.0.0.0".parse().unwrap(),
                    len: 8,
                }],
                ports: vec![Ports {
                    range: port.into()..=port.into(),
                    only: None,
                }],
            },
        })
    };
    let expr = Expr::And(vec![
        host(End::Src, from.port()),
        host(End::Dst, address.port()),
    ]);
    let program = bytecode::compile(&expr, Netid::Tcp, Family::Inet, false).unwrap();
    let found = dump(Family::Inet, StateSet::ALL, &program.bytes);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].tuple.sport, from.port());
    let nothing = bytecode::compile(
        &Expr::Not(Box::new(Expr::EVERYTHING)),
        Netid::Tcp,
        Family::Inet,
        false,
    );
    assert!(nothing.as_ref().is_some_and(Bytecode::passes_nothing));
    assert!(dump(Family::Inet, StateSet::ALL, &nothing.unwrap().bytes).is_empty());
}

#[test]
fn the_longest_programs_are_taken() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = i64::from(listener.local_addr().unwrap().port());
    let number = |number| Ports {
        range: number..=number,
        only: None,
    };
    let expr = Expr::Term(Term::Port {
        end: End::Src,
        family: None,
        compare: Compare::Eq,
        ports: (1..4_094).chain([port]).map(number).collect(),
    });
    let program = bytecode::compile(&expr, Netid::Tcp, Family::Inet, false).unwrap();
    assert!(program.bytes.len() > 65_000);
    let listen = StateSet::of(&[TcpState::Listen]);
    let found = dump(Family::Inet, listen, &program.bytes);
    let port = u16::try_from(port).unwrap();
    assert!(found.iter().any(|row| row.tuple.sport == port));
}
