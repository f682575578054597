//! What an expression says, once more and spelled out: addresses as lists of bits, comparisons of
//! numbers, no verdict but yes and no.

use std::{net::Ipv6Addr, ops::RangeInclusive};

use super::super::*;
use crate::{
    filter::expr::Transport,
    model::{Nanos, Netid},
};

/// The meaning once more, spelled out: addresses as lists of bits, comparisons of numbers.
pub(super) fn plain(expr: &Expr, view: &View<'_>) -> bool {
    match expr {
        Expr::Term(term) => plain_term(term, view),
        Expr::Not(inner) => !plain(inner, view),
        Expr::And(list) => list.iter().all(|inner| plain(inner, view)),
        Expr::Or(list) => list.iter().any(|inner| plain(inner, view)),
    }
}

/// Whether `value` stands to a range as asked.
fn stands(compare: Compare, low: i128, high: i128, value: i128) -> bool {
    match compare {
        Compare::Eq => low <= value && value <= high,
        Compare::Lt => value < low,
        Compare::Ge => value >= low,
        Compare::Gt => value > high,
        Compare::Le => value <= high,
        Compare::Ne => unreachable!("turned round before"),
    }
}

/// The same with `=`, if it has `!=`.
fn with_eq(term: &Term) -> Option<Term> {
    let mut term = term.clone();
    let compare = match &mut term {
        Term::Port { compare, .. }
        | Term::Dev { compare, .. }
        | Term::Mark { compare, .. }
        | Term::Cgroup { compare, .. }
        | Term::Pid(compare, _)
        | Term::Uid(compare, _)
        | Term::Netns(compare, _)
        | Term::Retrans(compare, _)
        | Term::Comm(compare, _)
        | Term::Container(compare, _)
        | Term::Dwell(compare, _)
        | Term::Age(compare, _)
        | Term::Rtt(compare, _)
        | Term::Cause(compare, _) => compare,
        Term::Host { .. } | Term::Autobound => return None,
    };
    let was = std::mem::replace(compare, Compare::Eq);
    (was == Compare::Ne).then_some(term)
}

fn plain_term(term: &Term, view: &View<'_>) -> bool {
    if let Some(equal) = with_eq(term) {
        return !plain_term(&equal, view);
    }
    let numbers = |compare, ranges: &[RangeInclusive<u64>], values: &[u64]| {
        values.iter().any(|&value| {
            let mut ranges = ranges.iter();
            ranges.any(|r| {
                stands(
                    compare,
                    (*r.start()).into(),
                    (*r.end()).into(),
                    value.into(),
                )
            })
        })
    };
    let one = |value: Option<u32>| value.map(u64::from).into_iter().collect::<Vec<_>>();
    let span = |compare, limit: Nanos, value: Option<Nanos>| {
        value.is_some_and(|value| stands(compare, limit.0.into(), limit.0.into(), value.0.into()))
    };
    let pids: Vec<u64> = view.owners.iter().map(|owner| owner.pid.into()).collect();
    match term {
        Term::Host { end, host } => plain_host(*end, host, view),
        Term::Port {
            end,
            family,
            compare,
            ports,
        } => {
            family.is_none_or(|family| view.local.address_family() == family)
                && plain_port(*end, *compare, ports, view)
        }
        Term::Dev { ifindex, .. } => view.ifindex == Some(*ifindex),
        Term::Mark { value, mask, .. } => view.mark.is_some_and(|mark| mark & mask == *value),
        Term::Cgroup { cgroup, .. } => match cgroup {
            CgroupTest::Exactly { id, .. } => view.cgroup_id == Some(*id),
            CgroupTest::Subtree { path } => view
                .cgroup
                .is_some_and(|is| path == "/" || is == path || is.starts_with(&format!("{path}/"))),
        },
        Term::Autobound => view.autobound == Some(true),
        Term::Pid(compare, ranges) => numbers(*compare, ranges, &pids),
        Term::Uid(compare, ranges) => numbers(*compare, ranges, &one(view.uid)),
        Term::Netns(compare, ranges) => numbers(*compare, ranges, &one(view.netns)),
        Term::Retrans(compare, ranges) => numbers(
            *compare,
            ranges,
            &view.retrans.into_iter().collect::<Vec<_>>(),
        ),
        Term::Comm(_, glob) => view
            .owners
            .iter()
            .any(|owner| glob.matches(owner.comm.as_bytes(), Case::Matters)),
        Term::Container(_, glob) => view
            .cgroup
            .is_some_and(|path| container::matches(path, glob)),
        Term::Dwell(compare, limit) => span(*compare, *limit, view.dwell),
        Term::Age(compare, limit) => span(*compare, *limit, view.age),
        Term::Rtt(compare, limit) => span(*compare, *limit, view.rtt),
        Term::Cause(_, causes) => causes.iter().any(|cause| view.cause == Some(*cause)),
    }
}

fn plain_end<'a>(end: End, view: &View<'a>) -> Endpoint<'a> {
    if end == End::Src {
        view.local
    } else {
        view.peer
    }
}

fn plain_port(end: End, compare: Compare, ports: &[Ports], view: &View<'_>) -> bool {
    if ports.is_empty() {
        return [Compare::Eq, Compare::Le, Compare::Ge].contains(&compare);
    }
    let number: i128 = match plain_end(end, view) {
        Endpoint::Ip { port, .. } => port.into(),
        Endpoint::Netlink { portid: 0, .. } if end == End::Dst => -1,
        Endpoint::Unix { inode: n, .. }
        | Endpoint::Link { ifindex: n, .. }
        | Endpoint::Netlink { portid: n, .. }
        | Endpoint::Vsock { port: n, .. }
        | Endpoint::Xdp { queue: n, .. } => n.into(),
        Endpoint::Tipc => return false,
    };
    ports.iter().any(|ports| {
        let of_transport = match ports.only {
            None => true,
            Some(Transport::Tcp) => matches!(view.netid, Netid::Tcp | Netid::Mptcp),
            Some(Transport::Udp) => view.netid == Netid::Udp,
        };
        let (low, high) = (*ports.range.start(), *ports.range.end());
        of_transport && stands(compare, low.into(), high.into(), number)
    })
}

fn bits(address: Ipv6Addr) -> Vec<bool> {
    let octets = address.octets();
    (0..128)
        .map(|bit| octets[bit / 8] & (0x80 >> (bit % 8)) != 0)
        .collect()
}

fn plain_host(end: End, host: &HostTest, view: &View<'_>) -> bool {
    let is = plain_end(end, view);
    match (host, is) {
        (
            HostTest::Inet {
                family,
                prefixes,
                ports,
            },
            _,
        ) => {
            let address = prefixes.is_empty()
                || prefixes.iter().any(|prefix| {
                    let Endpoint::Ip {
                        family, address, ..
                    } = is
                    else {
                        return false;
                    };
                    let (wanted, skip) = match prefix.address {
                        IpAddr::V4(v4) if family == Family::Inet || address.is_ipv4() => {
                            (v4.to_ipv6_mapped(), 96)
                        }
                        IpAddr::V6(v6) if family == Family::Inet6 => (v6, 0),
                        _ => return false,
                    };
                    let address = match address {
                        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                        IpAddr::V6(v6) => v6,
                    };
                    let len = usize::from(prefix.len) + skip;
                    bits(wanted)[..len] == bits(address)[..len]
                });
            family.is_none_or(|family| view.local.address_family() == family)
                && address
                && plain_port(end, Compare::Eq, ports, view)
        }
        (HostTest::Unix(glob), Endpoint::Unix { name, .. }) => {
            let any = !glob.pattern.is_empty() && glob.pattern.iter().all(|c| *c == b'*');
            match end {
                End::Src => glob.matches(name, Case::Ignored),
                End::Dst => any,
            }
        }
        (
            HostTest::Link { protocol, ifindex },
            Endpoint::Link {
                protocol: p,
                ifindex: i,
            },
        ) => [None, Some(p)].contains(protocol) && [None, Some(i)].contains(ifindex),
        (
            HostTest::Netlink { protocol, portid },
            Endpoint::Netlink {
                protocol: p,
                portid: i,
            },
        ) => {
            let none = end == End::Dst && *portid == Some(0);
            !none && [None, Some(p)].contains(protocol) && [None, Some(i)].contains(portid)
        }
        (HostTest::Vsock { cid, port }, Endpoint::Vsock { cid: c, port: p }) => {
            [None, Some(c)].contains(cid) && [None, Some(p)].contains(port)
        }
        _ => false,
    }
}
