//! The values of `ss`'s own predicates.

use std::net::IpAddr;

use super::{expr, port, preferring, read, sport, tcp};
use crate::filter::expr::{
    CgroupTest, Compare, End, Expr, Glob, HostTest, PortSet, Ports, Prefix, Term, Transport,
};
use crate::filter::lookup::Context;
use crate::model::{AddressFamily, Netid};

/// Prefixes as text, and ports.
fn src(family: Option<AddressFamily>, prefixes: &[&str], ports: PortSet) -> Expr {
    let prefix = |text: &&str| {
        let (address, len) = text.split_once('/').unwrap();
        let address: IpAddr = address.parse().unwrap();
        Prefix {
            address,
            len: len.parse().unwrap(),
        }
    };
    let prefixes = prefixes.iter().map(prefix).collect();
    host(HostTest::Inet {
        family,
        prefixes,
        ports,
    })
}

fn host(host: HostTest) -> Expr {
    Expr::Term(Term::Host {
        end: End::Src,
        host,
    })
}

fn unix(end: End, pattern: &str) -> Expr {
    let glob = Glob {
        pattern: pattern.as_bytes().to_vec(),
    };
    Expr::Term(Term::Host {
        end,
        host: HostTest::Unix(glob),
    })
}

fn sport_of(family: AddressFamily, compare: Compare, ports: PortSet) -> Expr {
    Expr::Term(Term::Port {
        end: End::Src,
        family: Some(family),
        compare,
        ports,
    })
}

#[test]
fn hosts_end_where_their_port_begins() {
    let loopback = "127.0.0.1/32";
    let any = || src(None, &[], vec![]);
    let of = |prefix: &str, number: i64| src(None, &[prefix], vec![port(number)]);
    let cases = [
        ("127.0.0.1", src(None, &[loopback], vec![])),
        ("= 127.0.0.1", src(None, &[loopback], vec![])),
        ("eq 127.0.0.1:*", src(None, &[loopback], vec![])),
        ("127.0.0.1:5000", of(loopback, 5000)),
        ("127.0.0.1/32:5000", of(loopback, 5000)),
        ("[127.0.0.1]:5000", of(loopback, 5000)),
        ("[127.0.0.1]5000", of(loopback, 5000)),
        ("10.99/16", src(None, &["10.99.0.0/16"], vec![])),
        ("10.99.7.7/16", src(None, &["10.99.7.7/16"], vec![])),
        ("[::1]", src(None, &["::1/128"], vec![])),
        ("[::1]:22", of("::1/128", 22)),
        ("::1:22", of("::1/128", 22)),
        ("fd00::/64", src(None, &["fd00::/64"], vec![])),
        ("fd00::/64:22", of("fd00::/64", 22)),
        ("[fd00::/64]:22", of("fd00::/64", 22)),
        ("[::ffff:10.0.0.1]:5010", of("::ffff:10.0.0.1/128", 5010)),
        (":5000", src(None, &[], vec![port(5000)])),
        ("any:5000", src(None, &[], vec![port(5000)])),
        ("[*]:5000", src(None, &[], vec![port(5000)])),
        ("[]:5000", src(None, &[], vec![port(5000)])),
        ("*5000", src(None, &[], vec![port(5000)])),
        ("*", any()),
        ("*:*", any()),
        (":", any()),
        ("default", any()),
        ("inet:*", src(Some(AddressFamily::Inet), &[], vec![])),
        (
            "inet::5000",
            src(Some(AddressFamily::Inet), &[], vec![port(5000)]),
        ),
        (
            "inet6:[::1]",
            src(Some(AddressFamily::Inet6), &["::1/128"], vec![]),
        ),
        (
            "[10.0.0.1,10.1/16,fd00::1]:80",
            src(
                None,
                &["10.0.0.1/32", "10.1.0.0/16", "fd00::1/128"],
                vec![port(80)],
            ),
        ),
        (
            "10.0.0.1,10.0.0.2:80",
            src(None, &["10.0.0.1/32", "10.0.0.2/32"], vec![port(80)]),
        ),
        (
            "localhost:ssh",
            src(None, &["127.0.0.1/32", "::1/128"], vec![port(22)]),
        ),
        (
            "inet6:localhost",
            src(Some(AddressFamily::Inet6), &["::1/128"], vec![]),
        ),
        ("[dev]", src(None, &["fd00::6/128"], vec![])),
    ];
    for (value, tree) in cases {
        assert_eq!(expr(&format!("src {value}")), tree, "{value}");
    }
    let refused = [
        "::1",
        "inet6:::1",
        "[::1",
        "[fd00::]/64",
        "inet:[::1]",
        "inet6:127.0.0.1",
        "*/8:5000",
        "tcp:1.2.3.4",
        "bogus:1.2.3.4",
        "127.0.0.1:22:23",
        "0.0.0.0%lo",
        "http://127.0.0.1",
        "[10.0.0.1,any]",
        "[10.0.0.1,]",
        "localhost,10.0.0.1",
        "[::1]::22",
    ];
    for value in refused {
        assert!(read(&format!("src {value}"), &tcp()).is_err(), "{value}");
    }
}

#[test]
fn ports_are_numbers_names_lists_and_ranges() {
    let range = |low, high| Ports {
        range: low..=high,
        only: None,
    };
    let cases = [
        ("= :22", Compare::Eq, vec![port(22)]),
        ("22", Compare::Eq, vec![port(22)]),
        ("eq 0x16", Compare::Eq, vec![port(22)]),
        ("!= :026", Compare::Ne, vec![port(22)]),
        ("< +22", Compare::Lt, vec![port(22)]),
        ("leq :ssh", Compare::Le, vec![port(22)]),
        ("gt 70000", Compare::Gt, vec![port(70_000)]),
        (">= -5", Compare::Ge, vec![port(-5)]),
        (":-1", Compare::Eq, vec![]),
        ("*:22", Compare::Eq, vec![]),
        (":", Compare::Eq, vec![]),
        ("!= *", Compare::Ne, vec![]),
        (
            ":80,ssh,8000-8099",
            Compare::Eq,
            vec![port(80), port(22), range(8000, 8099)],
        ),
        ("!= 1-2", Compare::Ne, vec![range(1, 2)]),
        (":ftp-data", Compare::Eq, vec![port(22)]),
        (":9223372036854775807", Compare::Eq, vec![port(i64::MAX)]),
    ];
    for (value, compare, ports) in cases {
        assert_eq!(
            expr(&format!("sport {value}")),
            sport(compare, ports),
            "{value}"
        );
    }
    assert_eq!(
        expr("sport inet::22"),
        sport_of(AddressFamily::Inet, Compare::Eq, vec![port(22)])
    );
    let refused = [
        "1.2.3.4:22",
        "[::1]:22",
        ":08",
        ":99999999999999999999",
        "::22",
        ":nosuch",
        "SSH",
        "#",
        "90-80",
        "80,",
        "80,*",
        "80,-1",
        "< *",
        "> 1-2",
        "> 1,2",
        ":80-ssh",
        "ge :-1",
    ];
    for value in refused {
        assert!(read(&format!("sport {value}"), &tcp()).is_err(), "{value}");
    }
}

#[test]
fn services_are_those_of_the_tables() {
    let both = Context {
        tables: vec![Netid::Udp, Netid::Mptcp],
        preferred: None,
    };
    let only = |number, transport| Ports {
        only: Some(transport),
        ..port(number)
    };
    let cases = [
        ("ssh", vec![only(22, Transport::Tcp)]),
        ("bootps", vec![only(67, Transport::Udp)]),
        ("domain", vec![port(53)]),
        (
            "ambig",
            vec![only(5, Transport::Tcp), only(6, Transport::Udp)],
        ),
        ("ambig/udp", vec![only(6, Transport::Udp)]),
    ];
    for (name, ports) in cases {
        let filter = read(&format!("sport = :{name}"), &both).unwrap();
        assert_eq!(filter.expr, sport(Compare::Eq, ports), "{name}");
    }
    assert!(read("sport = :bootps", &tcp()).is_err());
    assert!(read("sport < :ambig", &both).is_err());
    let raw = Context {
        tables: vec![Netid::Raw],
        preferred: None,
    };
    assert!(read("sport = :ssh", &raw).is_err());
    let prefixed = expr("src 10.0.0.0/8:80/tcp,81");
    assert_eq!(
        prefixed,
        src(
            None,
            &["10.0.0.0/8"],
            vec![only(80, Transport::Tcp), port(81)]
        )
    );
    assert_eq!(
        expr("src 10.0.0.1:80/tcp"),
        src(None, &["10.0.0.1/32"], vec![only(80, Transport::Tcp)])
    );
}

#[test]
fn a_preferred_family_gives_values_their_meaning() {
    let of = |family, word: &str| read(word, &preferring(family)).unwrap().expr;
    let inet = of(AddressFamily::Inet, "src 127.0.0.1 sport 5");
    let expected = [
        src(Some(AddressFamily::Inet), &["127.0.0.1/32"], vec![]),
        sport_of(AddressFamily::Inet, Compare::Eq, vec![port(5)]),
    ];
    assert_eq!(inet, Expr::And(expected.to_vec()));
    assert_eq!(of(AddressFamily::Unix, "src *"), unix(End::Src, "*"));
    assert_eq!(
        of(AddressFamily::Unix, "dport = :123"),
        unix(End::Dst, ":123")
    );
    assert_eq!(
        of(AddressFamily::Unix, "src /run/x:5"),
        unix(End::Src, "/run/x:5")
    );
    let not_named = Expr::Not(Box::new(unix(End::Src, "a")));
    assert_eq!(of(AddressFamily::Unix, "sport != a"), not_named);
    assert_eq!(of(AddressFamily::Inet6, "src unix:"), unix(End::Src, ""));
    assert_eq!(
        of(AddressFamily::Unix, "src inet:*"),
        src(Some(AddressFamily::Inet), &[], vec![])
    );
    assert_eq!(
        of(AddressFamily::Xdp, "src :3"),
        sport_of(AddressFamily::Xdp, Compare::Eq, vec![port(3)])
    );
    assert!(read("sport < :123", &preferring(AddressFamily::Unix)).is_err());
    assert!(read("src 1.2.3.4", &preferring(AddressFamily::Xdp)).is_err());
}

#[test]
fn other_families_have_addresses_of_their_own() {
    let link = |protocol, ifindex| host(HostTest::Link { protocol, ifindex });
    let netlink = |protocol, portid| host(HostTest::Netlink { protocol, portid });
    let vsock = |cid, port| host(HostTest::Vsock { cid, port });
    let cases = [
        ("link:*", link(None, None)),
        ("link:ARP:lo", link(Some(0x0806), Some(1))),
        ("link:all:7", link(Some(3), Some(7))),
        ("link:0x86dd", link(Some(0x86dd), None)),
        ("link::eth0", link(None, Some(2))),
        ("netlink:rtnl:kernel", netlink(Some(0), Some(0))),
        ("netlink:16:1234", netlink(Some(16), Some(1234))),
        ("netlink:*:-4099", netlink(None, Some(4_294_963_197))),
        ("vsock:3:1024", vsock(Some(3), Some(1024))),
        ("vsock:*:*", vsock(None, None)),
        ("vsock:2", vsock(Some(2), None)),
        ("vsock:", vsock(None, None)),
    ];
    for (value, tree) in cases {
        assert_eq!(expr(&format!("src {value}")), tree, "{value}");
    }
    for value in [
        "link:nosuch",
        "link:ip:nosuch",
        "link:65536",
        "netlink:nosuch",
        "netlink:256",
        "netlink:0:x",
        "vsock:x",
        "vsock:1:-2",
        "vsock:1:",
    ] {
        assert!(read(&format!("src {value}"), &tcp()).is_err(), "{value}");
    }
    assert_eq!(
        expr("sport link:eth0"),
        sport_of(AddressFamily::Link, Compare::Eq, vec![port(2)])
    );
    assert_eq!(
        expr("sport >= netlink:kernel"),
        sport_of(AddressFamily::Netlink, Compare::Ge, vec![port(0)])
    );
    assert_eq!(
        expr("sport vsock::5,6"),
        sport_of(AddressFamily::Vsock, Compare::Eq, vec![port(5), port(6)])
    );
    assert!(read("sport vsock:ssh", &tcp()).is_err());
    assert!(read("sport link:*:2", &tcp()).is_err());
}

#[test]
fn devices_marks_and_cgroups() {
    let dev = |compare, ifindex| Expr::Term(Term::Dev { compare, ifindex });
    assert_eq!(expr("dev lo"), dev(Compare::Eq, 1));
    assert_eq!(expr("dev != 0"), dev(Compare::Ne, 0));
    let mark = |compare, value, mask| {
        Expr::Term(Term::Mark {
            compare,
            value,
            mask,
        })
    };
    assert_eq!(expr("fwmark 0x13"), mark(Compare::Eq, 0x13, u32::MAX));
    assert_eq!(expr("fwmark neq 010/-1"), mark(Compare::Ne, 8, u32::MAX));
    assert_eq!(expr("fwmark = 0x13/0x03"), mark(Compare::Eq, 0x13, 3));
    let id = crate::filter::expr::arbitrary::found_cgroup("/a b").id;
    let exactly = CgroupTest::Exactly {
        id,
        path: "/a b".to_owned(),
    };
    assert_eq!(
        expr("cgroup /a\\ b"),
        Expr::Term(Term::Cgroup {
            compare: Compare::Eq,
            cgroup: exactly
        })
    );
    let subtree = CgroupTest::Subtree {
        path: "/a".to_owned(),
    };
    assert_eq!(
        expr("cgroup != ^/a"),
        Expr::Term(Term::Cgroup {
            compare: Compare::Ne,
            cgroup: subtree
        })
    );
    assert_eq!(expr("autobound"), Expr::Term(Term::Autobound));
    for word in [
        "dev nosuch",
        "dev -1",
        "dev > lo",
        "fwmark abc",
        "fwmark 1x",
        "fwmark 1/",
        "cgroup /no/such",
        "cgroup > /a",
        "autobound = 1",
    ] {
        assert!(read(word, &tcp()).is_err(), "{word}");
    }
}
