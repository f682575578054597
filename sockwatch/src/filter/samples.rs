//! Sockets and expressions for property tests: few values, so that they meet often.

use std::{net::IpAddr, sync::LazyLock};

use proptest::{option, prelude::*, sample::select};

use super::{
    expr::{
        CgroupTest, Expr, Glob, Prefix,
        arbitrary::{Values, kernel_term, other_term, tree},
    },
    view::{Endpoint, Pending, View},
};
use crate::model::{Cause, Comm, Family, How, Nanos, Netid, Owner};

const V4: [&str; 5] = [
    "127.0.0.1",
    "127.0.0.2",
    "10.1.2.3",
    "10.1.200.3",
    "0.0.0.0",
];
const V6: [&str; 5] = ["::1", "::", "fd00::1", "fd00:0:0:8000::1", "2001:db8::7"];
const MAPPED: [&str; 2] = ["::ffff:127.0.0.1", "::ffff:10.0.0.0"];
const PORTS: [u16; 8] = [0, 1, 22, 80, 443, 40_000, 40_001, 65_535];
const NAMES: [&str; 4] = ["", "/run/a.sock", "@X", "/run/B.SOCK"];
const GLOBS: [&str; 6] = ["", "*", "/run/*", "@x", "*.sock", "sh*"];
const CGROUPS: [&str; 4] = ["/", "/a", "/a/b", "/ab"];

static OWNERS: LazyLock<[Owner; 3]> = LazyLock::new(|| {
    [(1, "init"), (200, "sshd"), (201, "sh")].map(|(pid, comm)| Owner {
        pid,
        comm: Comm::from_bytes(comm.as_bytes()),
        how: How::Scan,
    })
});

fn parse(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// An address that a socket of `family` can have.
pub(super) fn any_address(family: Family) -> BoxedStrategy<IpAddr> {
    match family {
        Family::Inet => select(&V4[..]).prop_map(parse).boxed(),
        // A mapped one is held as IPv4.
        Family::Inet6 => prop_oneof![select(&V6[..]), select(&V4[..4])]
            .prop_map(parse)
            .boxed(),
    }
}

pub(super) fn any_port() -> impl Strategy<Value = u16> + Clone {
    select(&PORTS[..])
}

pub(super) fn any_family() -> impl Strategy<Value = Family> {
    select(Family::ALL.to_vec())
}

fn ip_ends() -> impl Strategy<Value = (Endpoint<'static>, Endpoint<'static>)> {
    any_family().prop_flat_map(|family| {
        let end = (any_address(family), any_port()).prop_map(move |(address, port)| Endpoint::Ip {
            family,
            address,
            port,
        });
        (end.clone(), end)
    })
}

fn other_ends() -> impl Strategy<Value = (Netid, Endpoint<'static>, Endpoint<'static>)> {
    let few = 0..3_u32;
    prop_oneof![
        (select(&NAMES[..]), few.clone(), few.clone()).prop_map(|(name, inode, peer)| (
            Netid::UnixStream,
            Endpoint::Unix {
                name: name.as_bytes(),
                inode
            },
            Endpoint::Unix {
                name: b"",
                inode: peer
            },
        )),
        (0..3_u16, few.clone()).prop_map(|(protocol, ifindex)| (
            Netid::PacketRaw,
            Endpoint::Link { protocol, ifindex },
            Endpoint::Link {
                protocol: 0,
                ifindex: 0
            },
        )),
        (0..3_u8, few.clone()).prop_map(|(protocol, portid)| (
            Netid::Netlink,
            Endpoint::Netlink { protocol, portid },
            Endpoint::Netlink {
                protocol,
                portid: 0
            },
        )),
        (few.clone(), few.clone()).prop_map(|(cid, port)| (
            Netid::VsockStream,
            Endpoint::Vsock { cid, port },
            Endpoint::Vsock { cid: 2, port: 1 },
        )),
        (few.clone(), few).prop_map(|(ifindex, queue)| (
            Netid::Xdp,
            Endpoint::Xdp { ifindex, queue },
            Endpoint::Xdp {
                ifindex: 0,
                queue: 0
            },
        )),
        Just((Netid::Tipc, Endpoint::Tipc, Endpoint::Tipc)),
    ]
}

/// A socket with IP addresses, of which everything is settled.
pub(super) fn any_ip_view() -> impl Strategy<Value = View<'static>> {
    let netid = select(vec![Netid::Tcp, Netid::Udp, Netid::Raw, Netid::Mptcp]);
    (netid, ip_ends(), facts()).prop_map(|(netid, (local, peer), facts)| View {
        netid,
        local,
        peer,
        ..facts
    })
}

/// A socket of any kind, of which everything is settled.
pub(super) fn any_view() -> impl Strategy<Value = View<'static>> {
    let other = (other_ends(), facts()).prop_map(|((netid, local, peer), facts)| View {
        netid,
        local,
        peer,
        ..facts
    });
    prop_oneof![3 => any_ip_view(), 1 => other]
}

fn facts() -> impl Strategy<Value = View<'static>> {
    let number = || option::of(0..3_u32);
    let span = || option::of((0..3_u64).prop_map(Nanos));
    let cgroup = option::of(select(&CGROUPS[..]));
    let owners = 0..4_usize;
    let cause = option::of(select(&Cause::ALL[..3]));
    (
        (number(), number(), number(), number()),
        (option::of(1..3_u64), cgroup, option::of(any::<bool>())),
        (span(), span(), span(), option::of(0..3_u64)),
        (owners, cause),
    )
        .prop_map(|(numbers, cgroup, spans, (owners, cause))| View {
            netid: Netid::Tipc,
            local: Endpoint::Tipc,
            peer: Endpoint::Tipc,
            pending: Pending::default(),
            ifindex: numbers.0,
            mark: numbers.1,
            uid: numbers.2,
            netns: numbers.3,
            cgroup_id: cgroup.0,
            cgroup: cgroup.1,
            autobound: cgroup.2,
            owners: &OWNERS[..owners],
            dwell: spans.0,
            age: spans.1,
            rtt: spans.2,
            retrans: spans.3,
            cause,
        })
}

fn prefixes(addresses: &'static [&str], lens: &[u8]) -> BoxedStrategy<Prefix> {
    let prefix = (select(addresses), select(lens.to_vec())).prop_map(|(address, len)| Prefix {
        address: parse(address),
        len,
    });
    prefix.boxed()
}

fn few_values() -> Values {
    let v6_lens = [0, 1, 16, 49, 64, 96, 104, 127, 128];
    let v6 = prop_oneof![prefixes(&V6, &v6_lens), prefixes(&MAPPED, &v6_lens)];
    let port = prop_oneof![
        4 => any_port().prop_map(i64::from),
        1 => select(vec![-7, 2, 70_000, i64::MAX, i64::MIN]),
    ];
    let ports =
        (port.clone(), 0..3_i64).prop_map(|(first, more)| first..=first.saturating_add(more * 400));
    let cgroup = prop_oneof![
        (0..3_u64).prop_map(|id| CgroupTest::Exactly {
            id,
            path: "/x".into()
        }),
        select(&CGROUPS[..3]).prop_map(|path| CgroupTest::Subtree { path: path.into() }),
    ];
    let glob = select(&GLOBS[..]).prop_map(|pattern| Glob {
        pattern: pattern.into(),
    });
    Values {
        v4: prefixes(&V4, &[0, 1, 8, 17, 31, 32]),
        v6: v6.boxed(),
        port: port.boxed(),
        ports: ports.boxed(),
        number: (0..3_u64).boxed(),
        numbers: (0..3_u64, 0..200_u64)
            .prop_map(|(low, more)| low..=low + more)
            .boxed(),
        id: (0..3_u32).boxed(),
        mask: select(vec![u32::MAX, 1, 0]).boxed(),
        path: glob.clone().boxed(),
        name: glob.boxed(),
        cgroup: cgroup.boxed(),
        span: (0..3_u64).prop_map(Nanos).boxed(),
        causes: Cause::ALL[..3].to_vec(),
    }
}

/// Any expression.
pub(super) fn any_expr() -> impl Strategy<Value = Expr> {
    let values = few_values();
    tree(prop_oneof![2 => kernel_term(&values), 1 => other_term(&values)])
}

/// An expression of which a program of the kernel knows much.
pub(crate) fn any_kernel_expr() -> impl Strategy<Value = Expr> {
    let values = few_values();
    tree(prop_oneof![12 => kernel_term(&values), 1 => other_term(&values)])
}
