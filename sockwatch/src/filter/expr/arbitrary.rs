//! Expressions at random, such as a parser makes.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{
    CgroupTest, Compare, End, Expr, Glob, HostTest, NumberSet, PortSet, Ports, Prefix, Term,
    Transport,
};
use crate::filter::lookup::Cgroup;
use crate::model::{AddressFamily, Cause, Nanos};

/// Expressions up to six levels deep.
pub(crate) fn expr() -> impl Strategy<Value = Expr> {
    let leaf = term().prop_map(Expr::Term);
    leaf.prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|expr| Expr::Not(Box::new(expr))),
            vec(inner.clone(), 2..5).prop_map(Expr::And),
            vec(inner, 2..5).prop_map(Expr::Or),
        ]
    })
}

/// One predicate of any kind.
pub(crate) fn term() -> impl Strategy<Value = Term> {
    let eq = || select(vec![Compare::Eq, Compare::Ne]);
    prop_oneof![
        4 => (end(), host()).prop_map(|(end, host)| Term::Host { end, host }),
        4 => (end(), port_family(), eq(), ports(true)).prop_map(|(end, family, compare, ports)| {
            let named = matches!(family, None | Some(AddressFamily::Inet | AddressFamily::Inet6));
            let ports = if named { ports } else { without_transports(ports) };
            Term::Port { end, family, compare, ports }
        }),
        2 => (end(), port_family(), order(), port()).prop_map(|(end, family, compare, port)| {
            let ports = vec![Ports { range: port..=port, only: None }];
            Term::Port { end, family, compare, ports }
        }),
        1 => (eq(), any::<u32>()).prop_map(|(compare, ifindex)| Term::Dev { compare, ifindex }),
        1 => (eq(), any::<u32>(), any::<u32>())
            .prop_map(|(compare, value, mask)| Term::Mark { compare, value, mask }),
        1 => (eq(), cgroup()).prop_map(|(compare, cgroup)| Term::Cgroup { compare, cgroup }),
        1 => Just(Term::Autobound),
        4 => ours(),
    ]
}

fn ours() -> impl Strategy<Value = Term> {
    let eq = || select(vec![Compare::Eq, Compare::Ne]);
    let set = || {
        prop_oneof![
            (eq(), numbers()),
            (order(), number().prop_map(|number| vec![number..=number])),
        ]
    };
    let span = || any::<u64>().prop_map(Nanos);
    prop_oneof![
        set().prop_map(|(compare, set)| Term::Pid(compare, set)),
        set().prop_map(|(compare, set)| Term::Uid(compare, set)),
        set().prop_map(|(compare, set)| Term::Retrans(compare, set)),
        (eq(), numbers()).prop_map(|(compare, set)| Term::Netns(compare, set)),
        (eq(), text()).prop_map(|(compare, glob)| Term::Comm(compare, glob)),
        (eq(), text()).prop_map(|(compare, glob)| Term::Container(compare, glob)),
        (order(), span()).prop_map(|(compare, span)| Term::Dwell(compare, span)),
        (order(), span()).prop_map(|(compare, span)| Term::Age(compare, span)),
        (order(), span()).prop_map(|(compare, span)| Term::Rtt(compare, span)),
        (eq(), vec(select(Cause::ALL.to_vec()), 1..4))
            .prop_map(|(compare, causes)| Term::Cause(compare, causes)),
    ]
}

fn end() -> impl Strategy<Value = End> {
    select(vec![End::Src, End::Dst])
}

fn order() -> impl Strategy<Value = Compare> {
    select(vec![Compare::Lt, Compare::Le, Compare::Gt, Compare::Ge])
}

fn host() -> impl Strategy<Value = HostTest> {
    let inet = |family, prefixes| {
        (Just(family), prefixes, ports(true)).prop_map(|(family, prefixes, ports)| HostTest::Inet {
            family,
            prefixes,
            ports,
        })
    };
    let short = |prefix: BoxedStrategy<Prefix>| vec(prefix, 0..4);
    prop_oneof![
        inet(None, short(prop_oneof![v4(), v6()].boxed())),
        inet(Some(AddressFamily::Inet), short(v4())),
        inet(Some(AddressFamily::Inet6), short(v6())),
        any::<String>().prop_map(|text| HostTest::Unix(Glob {
            pattern: text.into_bytes()
        })),
        (option::of(any::<u16>()), option::of(any::<u32>()))
            .prop_map(|(protocol, ifindex)| HostTest::Link { protocol, ifindex }),
        (option::of(any::<u8>()), option::of(any::<u32>()))
            .prop_map(|(protocol, portid)| HostTest::Netlink { protocol, portid }),
        (option::of(any::<u32>()), option::of(any::<u32>()))
            .prop_map(|(cid, port)| HostTest::Vsock { cid, port }),
    ]
}

fn v4() -> BoxedStrategy<Prefix> {
    let parts = (any::<Ipv4Addr>(), 0..=32_u8);
    parts
        .prop_map(|(address, len)| Prefix {
            address: address.into(),
            len,
        })
        .boxed()
}

fn v6() -> BoxedStrategy<Prefix> {
    let mapped = any::<Ipv4Addr>().prop_map(|address| address.to_ipv6_mapped());
    let address = prop_oneof![any::<Ipv6Addr>(), mapped, Just(Ipv6Addr::UNSPECIFIED)];
    let parts = (address, 0..=128_u8);
    parts
        .prop_map(|(address, len)| Prefix {
            address: address.into(),
            len,
        })
        .boxed()
}

/// All but unix, whose sockets have no port.
fn port_family() -> impl Strategy<Value = Option<AddressFamily>> {
    let with_ports = AddressFamily::ALL
        .into_iter()
        .filter(|family| *family != AddressFamily::Unix);
    option::of(select(with_ports.collect::<Vec<_>>()))
}

fn port() -> impl Strategy<Value = i64> {
    let port = prop_oneof![8 => 0..=65535_i64, 1 => any::<i64>()];
    port.prop_filter("any port", |port| *port != -1)
}

fn ports(transports: bool) -> impl Strategy<Value = PortSet> {
    let only = select(vec![None, None, Some(Transport::Tcp), Some(Transport::Udp)]);
    let ends = prop_oneof![
        port().prop_map(|port| port..=port),
        (any::<i64>(), any::<i64>()).prop_map(|(a, b)| a.min(b)..=a.max(b)),
        Just(-1..=-1),
    ];
    let ports = (ends, only).prop_map(|(range, only)| Ports { range, only });
    vec(ports, 0..4).prop_map(move |ports| {
        if transports {
            ports
        } else {
            without_transports(ports)
        }
    })
}

fn without_transports(ports: PortSet) -> PortSet {
    ports
        .into_iter()
        .map(|ports| Ports {
            only: None,
            ..ports
        })
        .collect()
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..100_000_u64, 0..=i64::MAX.unsigned_abs()]
}

fn numbers() -> impl Strategy<Value = NumberSet> {
    let range = (number(), number()).prop_map(|(a, b)| a.min(b)..=a.max(b));
    let one = number().prop_map(|number| number..=number);
    let element = prop_oneof![range.boxed(), one.boxed()];
    vec(element.prop_map(|range: RangeInclusive<u64>| range), 1..4)
}

/// Words of the language too.
fn text() -> impl Strategy<Value = Glob> {
    let words = [
        "and", "(", "=", "src", "pid", "\\", "*", " ", "#", "nginx", "not",
    ];
    let text = prop_oneof![
        select(words.to_vec()).prop_map(str::to_owned),
        any::<String>()
    ];
    let text = text.prop_filter("no token is empty", |text| !text.is_empty());
    text.prop_map(|text| Glob {
        pattern: text.into_bytes(),
    })
}

fn cgroup() -> impl Strategy<Value = CgroupTest> {
    let path = any::<String>().prop_map(|name| format!("/{name}"));
    prop_oneof![
        path.clone().prop_map(|path| {
            let Cgroup { id, path } = found_cgroup(&path);
            CgroupTest::Exactly { id, path }
        }),
        path.prop_map(|path| CgroupTest::Subtree { path }),
    ]
}

/// What the lookup of the tests finds.
pub(crate) fn found_cgroup(path: &str) -> Cgroup {
    let id = path.bytes().fold(1, |id: u64, byte| {
        id.wrapping_mul(31).wrapping_add(byte.into())
    });
    Cgroup {
        id,
        path: path.to_owned(),
    }
}
