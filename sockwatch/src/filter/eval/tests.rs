mod plain;

use std::hint::black_box;

use proptest::{prelude::*, sample::select};

use super::*;
use crate::{
    filter::{
        expr::{Glob, Transport},
        samples::{any_address, any_expr, any_port, any_view},
        view::Pending,
    },
    model::{AddressFamily, Comm, How, Nanos, Netid, Owner, SocketInfo},
};
use plain::plain;

/// A TCP socket between two addresses.
fn tcp(family: Family, src: &str, sport: u16, dst: &str, dport: u16) -> View<'static> {
    let end = |address: &str, port| Endpoint::Ip {
        family,
        address: address.parse().unwrap(),
        port,
    };
    View {
        netid: Netid::Tcp,
        local: end(src, sport),
        peer: end(dst, dport),
        ..unknown()
    }
}

fn unknown() -> View<'static> {
    let end = Endpoint::Tipc;
    View::of(Netid::Tipc, end, end, &SocketInfo::default())
}

fn unix(name: &'static [u8]) -> View<'static> {
    View {
        netid: Netid::UnixStream,
        local: Endpoint::Unix { name, inode: 7 },
        peer: Endpoint::Unix {
            name: b"",
            inode: 8,
        },
        ..unknown()
    }
}

fn prefix(end: End, address: &str, len: u8) -> Expr {
    let prefix = Prefix {
        address: address.parse().unwrap(),
        len,
    };
    Expr::Term(Term::Host {
        end,
        host: HostTest::Inet {
            family: None,
            prefixes: vec![prefix],
            ports: Vec::new(),
        },
    })
}

fn port(end: End, compare: Compare, number: i64) -> Expr {
    Expr::Term(Term::Port {
        end,
        family: None,
        compare,
        ports: vec![Ports {
            range: number..=number,
            only: None,
        }],
    })
}

fn not(expr: Expr) -> Expr {
    Expr::Not(Box::new(expr))
}

#[test]
fn families_meet_in_mapped_addresses_alone() {
    let v4 = tcp(Family::Inet, "127.0.0.1", 1, "127.0.0.1", 2);
    let mapped = tcp(Family::Inet6, "127.0.0.1", 1, "127.0.0.1", 2);
    let v6 = tcp(Family::Inet6, "::1", 1, "::1", 2);
    for (wanted, len, of_v4, of_mapped, of_v6) in [
        ("127.0.0.0", 8, true, true, false),
        ("0.0.0.0", 0, true, true, false),
        ("::ffff:127.0.0.0", 104, false, true, false),
        ("::", 0, false, true, true),
        ("::1", 128, false, false, true),
        ("::", 96, false, false, true),
        ("127.0.0.2", 32, false, false, false),
    ] {
        let expr = prefix(End::Dst, wanted, len);
        let found = [&v4, &mapped, &v6].map(|view| expr.matches(view));
        assert_eq!(found, [of_v4, of_mapped, of_v6], "{wanted}/{len}");
    }
    let ipv4_sockets = Expr::Term(Term::Host {
        end: End::Src,
        host: HostTest::Inet {
            family: Some(AddressFamily::Inet),
            prefixes: Vec::new(),
            ports: Vec::new(),
        },
    });
    let found = [&v4, &mapped, &v6].map(|view| ipv4_sockets.matches(view));
    assert_eq!(found, [true, false, false]);
}

#[test]
fn an_address_is_no_test_of_other_families() {
    let socket = unix(b"/run/x");
    assert!(!prefix(End::Src, "0.0.0.0", 0).matches(&socket));
    assert!(not(prefix(End::Src, "127.0.0.1", 32)).matches(&socket));
    assert!(port(End::Src, Compare::Eq, 7).matches(&socket));
    assert!(port(End::Dst, Compare::Ge, 8).matches(&socket));
    let tipc = unknown();
    assert!(!port(End::Src, Compare::Ge, 0).matches(&tipc));
    assert!(port(End::Src, Compare::Ne, 0).matches(&tipc));
}

#[test]
fn names_are_matched_whole_and_at_this_end_only() {
    let name = |end, pattern: &str| {
        Expr::Term(Term::Host {
            end,
            host: HostTest::Unix(Glob {
                pattern: pattern.into(),
            }),
        })
    };
    let socket = unix(b"/run/Web.sock");
    assert!(name(End::Src, "*WEB*").matches(&socket));
    assert!(!name(End::Src, "WEB").matches(&socket));
    assert!(name(End::Dst, "*").matches(&socket));
    assert!(!name(End::Dst, "*k").matches(&socket));
    assert!(!name(End::Dst, "").matches(&socket));
    assert!(name(End::Src, "").matches(&unix(b"")));
    assert!(!name(End::Src, "*").matches(&unknown()));
}

#[test]
fn a_netlink_socket_has_no_peer_whose_port_is_0() {
    let end = |portid| Endpoint::Netlink {
        protocol: 0,
        portid,
    };
    let socket = View {
        local: end(0),
        peer: end(0),
        ..unknown()
    };
    assert!(port(End::Src, Compare::Eq, 0).matches(&socket));
    assert!(!port(End::Dst, Compare::Eq, 0).matches(&socket));
    assert!(port(End::Dst, Compare::Ne, 0).matches(&socket));
    let kernel = |end| {
        let (protocol, portid) = (None, Some(0));
        let host = HostTest::Netlink { protocol, portid };
        Expr::Term(Term::Host { end, host })
    };
    assert!(kernel(End::Src).matches(&socket));
    assert!(!kernel(End::Dst).matches(&socket));
}

#[test]
fn service_names_are_of_their_transport() {
    let service = Expr::Term(Term::Port {
        end: End::Dst,
        family: None,
        compare: Compare::Eq,
        ports: vec![Ports {
            range: 67..=67,
            only: Some(Transport::Udp),
        }],
    });
    let tcp = tcp(Family::Inet, "0.0.0.0", 0, "10.0.0.1", 67);
    assert!(!service.matches(&tcp));
    assert!(service.matches(&View {
        netid: Netid::Udp,
        ..tcp
    }));
}

#[test]
fn facts_that_are_not_known_equal_nothing() {
    let facts = |compare| {
        [
            Term::Dev {
                compare,
                ifindex: 0,
            },
            Term::Uid(compare, vec![0..=u64::MAX]),
            Term::Pid(compare, vec![0..=u64::MAX]),
            Term::Dwell(compare, Nanos(0)),
            Term::Cause(compare, crate::model::Cause::ALL.to_vec()),
            Term::Cgroup {
                compare,
                cgroup: CgroupTest::Subtree { path: "/".into() },
            },
        ]
    };
    for term in facts(Compare::Eq).into_iter().chain(facts(Compare::Ge)) {
        assert!(!Expr::Term(term).matches(&unknown()));
    }
    for term in facts(Compare::Ne) {
        assert!(Expr::Term(term).matches(&unknown()));
    }
}

#[test]
fn any_owner_counts() {
    let owners = [(7, "sh"), (8, "sshd")].map(|(pid, comm)| Owner {
        pid,
        comm: Comm::from_bytes(comm.as_bytes()),
        how: How::Scan,
    });
    let view = View {
        owners: &owners,
        ..unknown()
    };
    let comm = |compare, pattern: &str| {
        Expr::Term(Term::Comm(
            compare,
            Glob {
                pattern: pattern.into(),
            },
        ))
    };
    assert!(comm(Compare::Eq, "ss*").matches(&view));
    assert!(!comm(Compare::Ne, "ss*").matches(&view));
    assert!(!comm(Compare::Eq, "SSHD").matches(&view));
    assert!(Expr::Term(Term::Pid(Compare::Eq, vec![8..=9])).matches(&view));
}

#[test]
fn cgroups_are_below_themselves_and_not_beside() {
    let below = |path: &str, is: &'static str| {
        let term = Term::Cgroup {
            compare: Compare::Eq,
            cgroup: CgroupTest::Subtree { path: path.into() },
        };
        Expr::Term(term).matches(&View {
            cgroup: Some(is),
            ..unknown()
        })
    };
    assert!(below("/a", "/a") && below("/a", "/a/b"));
    assert!(!below("/a", "/ab") && !below("/a/b", "/a"));
    assert!(below("/", "/") && below("/", "/a"));
}

#[test]
fn what_the_known_facts_decide_is_decided() {
    let mut view = tcp(Family::Inet, "127.0.0.1", 0, "10.0.0.1", 443);
    view.pending.sport = true;
    let late = port(End::Src, Compare::Eq, 40_000);
    let wrong_peer = port(End::Dst, Compare::Eq, 80);
    assert_eq!(late.verdict(&view), Verdict::Pending);
    let both = Expr::And(vec![late.clone(), wrong_peer.clone()]);
    assert_eq!(both.verdict(&view), Verdict::No);
    let either = Expr::Or(vec![late.clone(), not(wrong_peer)]);
    assert_eq!(either.verdict(&view), Verdict::Yes);
    assert_eq!(port(End::Src, Compare::Ge, 0).verdict(&view), Verdict::Yes);
    assert_eq!(
        port(End::Src, Compare::Gt, 65_535).verdict(&view),
        Verdict::No
    );
    assert_eq!(Expr::Term(Term::Autobound).verdict(&view), Verdict::Pending);
    // Undecided to the end: not known, and 0 is no port.
    assert!(!late.matches(&view) && !port(End::Src, Compare::Lt, 80).matches(&view));
    assert!(port(End::Src, Compare::Ne, 80).matches(&view));
}

/// The view as it was before some of its facts came in.
fn before(view: &View<'static>, pending: Pending) -> View<'static> {
    let mut view = *view;
    let unspecified = |family| match family {
        Family::Inet => IpAddr::from([0; 4]),
        Family::Inet6 => IpAddr::from([0; 16]),
    };
    if let (
        Endpoint::Ip {
            family,
            address: src,
            port: sport,
        },
        Endpoint::Ip {
            address: dst,
            port: dport,
            ..
        },
    ) = (&mut view.local, &mut view.peer)
    {
        if pending.sport {
            *sport = 0;
            view.autobound = None;
        }
        if pending.src {
            *src = unspecified(*family);
        }
        if pending.peer {
            (*dst, *dport) = (unspecified(*family), 0);
        }
        view.pending = pending;
    }
    view
}

fn any_pending() -> impl Strategy<Value = Pending> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(sport, src, peer)| Pending {
        sport,
        src,
        peer,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn means_what_it_says(expr in any_expr(), view in any_view()) {
        let wanted = plain(&expr, &view);
        prop_assert_eq!(expr.matches(&view), wanted);
        prop_assert_eq!(expr.verdict(&view), Verdict::from(wanted));
    }

    #[test]
    fn what_is_decided_early_stays(
        expr in any_expr(),
        view in any_view(),
        pending in any_pending(),
        random in any::<u16>(),
    ) {
        let early = before(&view, pending);
        let mut late = view;
        if let Endpoint::Ip { port, .. } = &mut late.local
            && pending.sport && random % 2 == 0 {
            *port = random;
        }
        let verdict = expr.verdict(&early);
        if verdict != Verdict::Pending {
            prop_assert_eq!(verdict, Verdict::from(expr.matches(&late)));
            prop_assert_eq!(verdict, Verdict::from(expr.matches(&early)));
        }
    }

    /// A fact that matters is waited for: a verdict is not `Pending` for nothing.
    #[test]
    fn single_predicates_wait_only_for_what_matters(
        number in select(vec![0_i64, 22, 80]),
        compare in select(vec![Compare::Eq, Compare::Ne, Compare::Lt, Compare::Gt]),
        ports in (any_port(), any_port()),
        address in any_address(Family::Inet),
    ) {
        let mut view = tcp(Family::Inet, "0.0.0.0", 0, "0.0.0.0", ports.1);
        view.local = Endpoint::Ip { family: Family::Inet, address, port: ports.0 };
        view.pending = Pending { sport: true, ..Pending::default() };
        prop_assert_ne!(port(End::Dst, compare, number).verdict(&view), Verdict::Pending);
        let never = number == 0 && compare == Compare::Lt;
        prop_assert_eq!(port(End::Src, compare, number).verdict(&view) == Verdict::Pending, !never);
    }
}

#[test]
fn a_long_list_asks_no_further_than_the_first_no() {
    let mut list = vec![port(End::Src, Compare::Eq, 1); 1_000_000];
    list[0] = port(End::Src, Compare::Eq, 2);
    let expr = Expr::And(list);
    let view = tcp(Family::Inet, "127.0.0.1", 1, "127.0.0.1", 2);
    for _ in 0..1_000_000 {
        assert!(!black_box(&expr).matches(black_box(&view)));
    }
}
