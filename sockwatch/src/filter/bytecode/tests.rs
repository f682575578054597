use std::net::IpAddr;

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::filter::{
    Verdict, View,
    expr::{Compare, HostTest, Ports, Prefix, Term},
    samples::{any_ip_view, any_kernel_expr},
    view::Endpoint,
};

/// What an IPv4-mapped address begins with.
const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// A socket as the kernel shows it to a program.
struct Entry {
    family: u8,
    /// Network order, IPv4 in the first four bytes.
    addresses: [[u8; 16]; 2],
    ports: [u16; 2],
    /// Nobody bound the port.
    auto: bool,
    ifindex: u32,
    mark: u32,
    cgroup: u64,
}

impl Entry {
    fn of(view: &View<'_>, auto: bool) -> Self {
        let end = |endpoint: Endpoint<'_>| {
            let Endpoint::Ip {
                family,
                address,
                port,
            } = endpoint
            else {
                unreachable!("only sockets with IP addresses are dumped")
            };
            let mut bytes = [0; 16];
            match (family, address) {
                (Family::Inet, IpAddr::V4(v4)) => bytes[..4].copy_from_slice(&v4.octets()),
                (_, IpAddr::V4(v4)) => bytes = v4.to_ipv6_mapped().octets(),
                (_, IpAddr::V6(v6)) => bytes = v6.octets(),
            }
            (family, bytes, port)
        };
        let (src, dst) = (end(view.local), end(view.peer));
        Self {
            family: src.0.number(),
            addresses: [src.1, dst.1],
            ports: [src.2, dst.2],
            auto,
            ifindex: view.ifindex.unwrap(),
            mark: view.mark.unwrap_or(0),
            cgroup: view.cgroup_id.unwrap_or(0),
        }
    }
}

/// An operation of a program: code, yes, no.
fn operation(bytes: &[u8]) -> (u8, usize, usize) {
    let no = u16::from_ne_bytes([bytes[2], bytes[3]]);
    (bytes[0], bytes[1].into(), no.into())
}

/// Runs a program as `inet_diag_bc_run` would.
fn run(program: &[u8], entry: &Entry) -> bool {
    let mut at = 0;
    while at < program.len() {
        let bytes = &program[at..];
        let (code, yes, no) = operation(bytes);
        at += if holds(code, bytes, entry) { yes } else { no };
    }
    at == program.len()
}

fn holds(code: u8, bytes: &[u8], entry: &Entry) -> bool {
    let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
    let port = || u16::from_ne_bytes(bytes[6..8].try_into().unwrap());
    match code {
        1 => false,
        2 => entry.ports[0] >= port(),
        3 => entry.ports[0] <= port(),
        4 => entry.ports[1] >= port(),
        5 => entry.ports[1] <= port(),
        6 => entry.auto,
        7 | 8 => {
            let end = usize::from(code - 7);
            let (family, len, port) = (bytes[4], bytes[5], word(8).cast_signed());
            if port != -1 && port != i32::from(entry.ports[end]) {
                return false;
            }
            let address = &entry.addresses[end][..];
            let address = match (family, entry.family) {
                (0, _) => address,
                (wanted, is) if wanted == is => address,
                (2, 10) if address.starts_with(&MAPPED) => &address[12..],
                _ => return false,
            };
            (0..usize::from(len)).all(|bit| {
                let mask = 0x80 >> (bit % 8);
                address[bit / 8] & mask == bytes[12 + bit / 8] & mask
            })
        }
        9 => entry.ifindex == word(4),
        10 => entry.mark & word(8) == word(4),
        13 => entry.cgroup == u64::from_ne_bytes(bytes[4..12].try_into().unwrap()),
        other => panic!("operation {other}"),
    }
}

/// Checks a program as `inet_diag_bc_audit` would. What is wrong with it.
fn audit(program: &[u8], may_mark: bool) -> Result<(), String> {
    if program.len() < 4 || program.len() > MAX_BYTES {
        return Err(format!("{} bytes", program.len()));
    }
    let mut starts = vec![];
    let mut targets = vec![];
    let mut at = 0;
    while at < program.len() {
        starts.push(at);
        let left = program.len() - at;
        let (code, yes, no) = operation(&program[at..]);
        let operand = match code {
            1 | 6 => 0,
            2..=5 | 9 => 4,
            7 | 8 if left < 12 => return Err(format!("a host of {left} bytes at {at}")),
            7 | 8 => {
                let address = match program[at + 4] {
                    0 => 0,
                    2 => 4,
                    10 => 16,
                    family => return Err(format!("family {family} at {at}")),
                };
                if usize::from(program[at + 5]) > 8 * address {
                    return Err(format!("a prefix too long at {at}"));
                }
                8 + address
            }
            10 if !may_mark => return Err("a mark".into()),
            10 | 13 => 8,
            _ => return Err(format!("operation {code} at {at}")),
        };
        for jump in [yes, no] {
            if jump < 4 + operand || jump > left + 4 || jump % 4 != 0 || 4 + operand > left {
                return Err(format!("a jump of {jump} at {at}, with {left} left"));
            }
        }
        if no < left {
            targets.push(at + no);
        }
        at += yes;
    }
    match targets.iter().find(|at| starts.binary_search(at).is_err()) {
        Some(at) => Err(format!("{at} is within an operation")),
        None if at == program.len() => Ok(()),
        None => Err("the walk goes beyond the end".into()),
    }
}

fn host(end: End, addresses: &[(&str, u8)], ports: &[i64]) -> Expr {
    let prefix = |&(address, len): &(&str, u8)| Prefix {
        address: address.parse().unwrap(),
        len,
    };
    Expr::Term(Term::Host {
        end,
        host: HostTest::Inet {
            family: None,
            prefixes: addresses.iter().map(prefix).collect(),
            ports: numbers(ports),
        },
    })
}

fn numbers(ports: &[i64]) -> Vec<Ports> {
    let number = |&port: &i64| Ports {
        range: port..=port,
        only: None,
    };
    ports.iter().map(number).collect()
}

fn port(end: End, compare: Compare, ports: &[i64]) -> Expr {
    Expr::Term(Term::Port {
        end,
        family: None,
        compare,
        ports: numbers(ports),
    })
}

fn pid() -> Expr {
    Expr::Term(Term::Pid(Compare::Eq, vec![1..=1]))
}

fn not(expr: Expr) -> Expr {
    Expr::Not(Box::new(expr))
}

fn words(expr: &Expr, family: Family) -> String {
    match compile(expr, Netid::Tcp, family, true) {
        Some(program) => format!(
            "{}{}",
            program.pushed,
            if program.exact { "" } else { " ..." }
        ),
        None => "nothing".into(),
    }
}

#[test]
fn what_the_kernel_knows_is_pushed() {
    let web = host(End::Dst, &[("10.0.0.0", 8)], &[443]);
    assert_eq!(words(&web, Family::Inet), "dst [10.0.0.0/8]:443");
    assert_eq!(words(&web, Family::Inet6), "dst [10.0.0.0/8]:443");
    let v6 = host(End::Src, &[("fd00::", 16), ("127.0.0.1", 32)], &[]);
    assert_eq!(words(&v6, Family::Inet), "src [127.0.0.1/32]");
    assert_eq!(
        words(&v6, Family::Inet6),
        "( src [fd00::/16] or src [127.0.0.1/32] )"
    );
    let only_v6 = host(End::Src, &[("fd00::", 16)], &[]);
    assert_eq!(words(&only_v6, Family::Inet), "no socket");
    let low = port(End::Src, Compare::Lt, &[1024]);
    assert_eq!(words(&low, Family::Inet), "sport <= :1023");
    let beyond = port(End::Src, Compare::Lt, &[70_000]);
    assert_eq!(words(&beyond, Family::Inet), "nothing");
    assert_eq!(words(&not(beyond), Family::Inet), "no socket");
}

#[test]
fn what_it_does_not_know_leaves_nothing_out() {
    let web = port(End::Dst, Compare::Eq, &[443]);
    let both = Expr::And(vec![web.clone(), pid()]);
    assert_eq!(words(&both, Family::Inet), "dport = :443 ...");
    let either = Expr::Or(vec![web.clone(), pid()]);
    assert_eq!(words(&either, Family::Inet), "nothing");
    assert_eq!(words(&not(both), Family::Inet), "nothing");
    assert_eq!(words(&not(either), Family::Inet), "not dport = :443 ...");
    let auto = Expr::Term(Term::Autobound);
    assert_eq!(words(&auto, Family::Inet), "autobound ...");
    assert_eq!(words(&not(auto), Family::Inet), "nothing");
    assert_eq!(words(&Expr::EVERYTHING, Family::Inet), "nothing");
    assert_eq!(compile(&web, Netid::Sctp, Family::Inet, true), None);
    assert_eq!(compile(&web, Netid::UnixStream, Family::Inet, true), None);
}

#[test]
fn marks_take_a_capability() {
    let mark = Expr::Term(Term::Mark {
        compare: Compare::Eq,
        value: 1,
        mask: 1,
    });
    assert!(compile(&mark, Netid::Tcp, Family::Inet, false).is_none());
    let program = compile(&mark, Netid::Tcp, Family::Inet, true).unwrap();
    assert!(audit(&program.bytes, false).is_err());
    assert_eq!(audit(&program.bytes, true), Ok(()));
}

/// Byte by byte, so that the interpreter can't share a mistake with the compiler.
#[cfg(target_endian = "little")]
#[test]
fn a_program_as_bytes() {
    let expr = Expr::Or(vec![
        port(End::Src, Compare::Eq, &[22]),
        not(host(End::Dst, &[("127.0.0.0", 8)], &[])),
    ]);
    let program = compile(&expr, Netid::Tcp, Family::Inet, false).unwrap();
    let wanted = [
        &[7, 12, 16, 0, 0, 0, 0, 0, 22, 0, 0, 0][..], // sport = :22, else on to dst
        &[1, 4, 24, 0],                               // passed
        &[8, 16, 20, 0, 2, 8, 0, 0, 255, 255, 255, 255, 127, 0, 0, 0], // dst 127.0.0.0/8
        &[1, 4, 8, 0],                                // dropped
    ];
    assert_eq!(program.bytes, wanted.concat());
    assert_eq!(
        program.to_string(),
        "the kernel passes ( sport = :22 or not dst [127.0.0.0/8] ), 36 bytes"
    );
}

#[test]
fn a_program_that_is_too_long_leaves_out_its_largest_part() {
    let many: Vec<i64> = (0..9_000).map(|n| n * 2).collect();
    let many = port(End::Src, Compare::Eq, &many);
    assert!(compile(&many, Netid::Tcp, Family::Inet, false).is_none());
    let web = port(End::Dst, Compare::Eq, &[443]);
    let both = Expr::And(vec![web, many]);
    assert_eq!(words(&both, Family::Inet), "dport = :443 ...");
    let fits: Vec<i64> = (0..4_095).map(|n| n * 2).collect();
    let fits = compile(
        &port(End::Src, Compare::Eq, &fits),
        Netid::Tcp,
        Family::Inet,
        false,
    )
    .unwrap();
    assert!(fits.bytes.len() > 65_000);
    assert_eq!(audit(&fits.bytes, false), Ok(()));
}

/// A socket of a dump, and whether the kernel chose its port: what a dump does not tell is not in
/// the view either.
fn any_entry() -> impl Strategy<Value = (View<'static>, bool)> {
    (any_ip_view(), any::<bool>(), any::<bool>(), 0..3_u32).prop_map(
        |(view, auto, in_range, ifindex)| {
            let view = View {
                ifindex: Some(ifindex),
                autobound: Some(auto && in_range),
                ..view
            };
            (view, auto)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn passes_all_that_matches_and_if_exact_no_more(
        expr in any_kernel_expr(),
        entries in vec(any_entry(), 1..16),
        netid in select(vec![Netid::Tcp, Netid::Udp, Netid::Raw]),
        family in select(Family::ALL.to_vec()),
        may_mark in any::<bool>(),
    ) {
        let program = compile(&expr, netid, family, may_mark);
        if let Some(program) = &program {
            prop_assert_eq!(audit(&program.bytes, may_mark), Ok(()), "{}", program);
        }
        for (view, auto) in &entries {
            let is_here = matches!(view.local, Endpoint::Ip { family: is, .. } if is == family);
            if !is_here {
                continue;
            }
            let mut view = View { netid, ..*view };
            if !may_mark {
                view.mark = None;
            }
            let matches = expr.verdict(&view) == Verdict::Yes;
            let passes = program
                .as_ref()
                .is_none_or(|program| run(&program.bytes, &Entry::of(&view, *auto)));
            prop_assert!(passes || !matches, "{:?} {:?}", program, view);
            if program.as_ref().is_some_and(|program| program.exact) {
                prop_assert_eq!(passes, matches, "{:?} {:?}", program, view);
            }
            if program.as_ref().is_some_and(Bytecode::passes_nothing) {
                prop_assert!(!passes);
            }
        }
    }
}
