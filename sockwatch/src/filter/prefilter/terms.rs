//! From an expression to clauses: its disjunctive normal form, kept short by being wider.

use sockwatch_common::filter::sort;

use super::{
    address::Addresses,
    clause::{Clause, Range},
};
use crate::{
    filter::{
        Expr, Selection,
        expr::{Compare, End, HostTest, Ports, Prefix, Term, Transport},
        ports,
    },
    model::{AddressFamily, Family, Proto},
};

/// Clauses on the way; more are merged at once, so that the work stays bounded.
const MOST: usize = 32;

/// At most `limit` clauses, one of which is satisfied by whatever `selection` and `expr` can show.
pub(super) fn clauses(selection: &Selection, expr: &Expr, limit: usize) -> Vec<Clause> {
    let selected = vec![selected(selection)];
    shorten(intersect(&selected, &normal(expr, true)), limit)
}

fn selected(selection: &Selection) -> Clause {
    let mut clause = Clause::ANY;
    if !selection.families.is_empty() {
        let bits = selection.families.iter().map(|&family| family_bit(family));
        clause.sorts &= sort::PROTOCOLS | bits.fold(0, |all, bit| all | bit);
    }
    if !selection.protos.is_empty() {
        let bits = selection.protos.iter().map(|&proto| proto_bit(proto));
        clause.sorts &= sort::FAMILIES | bits.fold(0, |all, bit| all | bit);
    }
    if let Some(netns) = selection.netns {
        clause.netns = (netns, netns);
    }
    clause
}

fn family_bit(family: Family) -> u32 {
    match family {
        Family::Inet => sort::INET,
        Family::Inet6 => sort::INET6,
    }
}

fn proto_bit(proto: Proto) -> u32 {
    match proto {
        Proto::Tcp => sort::TCP,
        Proto::Mptcp => sort::MPTCP,
        Proto::Sctp => sort::SCTP,
        Proto::Dccp => sort::DCCP,
        Proto::Unknown(_) => sort::OTHER,
    }
}

/// Clauses for `expr` where `is` it, else for its opposite.
fn normal(expr: &Expr, is: bool) -> Vec<Clause> {
    match expr {
        Expr::Term(term) => shorten(self::term(term, is), MOST),
        Expr::Not(inner) => normal(inner, !is),
        Expr::And(list) if is => all(list.iter().map(|inner| normal(inner, is))),
        Expr::Or(list) if !is => all(list.iter().map(|inner| normal(inner, is))),
        Expr::And(list) | Expr::Or(list) => any(list.iter().map(|inner| normal(inner, is))),
    }
}

/// All of them at once.
fn all(lists: impl Iterator<Item = Vec<Clause>>) -> Vec<Clause> {
    lists.fold(anything(), |sum, list| {
        shorten(intersect(&sum, &list), MOST)
    })
}

/// Any of them.
fn any(lists: impl Iterator<Item = Vec<Clause>>) -> Vec<Clause> {
    lists.fold(nothing(), |mut sum, list| {
        sum.extend(list);
        shorten(sum, MOST)
    })
}

fn anything() -> Vec<Clause> {
    vec![Clause::ANY]
}

fn nothing() -> Vec<Clause> {
    Vec::new()
}

/// What is known beforehand to be so, or not.
fn settled(holds: bool, is: bool) -> Vec<Clause> {
    if holds == is { anything() } else { nothing() }
}

fn intersect(a: &[Clause], b: &[Clause]) -> Vec<Clause> {
    let pairs = a.iter().flat_map(|a| b.iter().map(move |b| (a, b)));
    pairs.filter_map(|(a, b)| a.intersect(b)).collect()
}

/// Drops what others cover, then merges neighbours, those first that grow least by it, until at
/// most `limit` are left.
fn shorten(clauses: Vec<Clause>, limit: usize) -> Vec<Clause> {
    let mut short: Vec<Clause> = Vec::new();
    for clause in clauses {
        if !short.iter().any(|other| other.covers(&clause)) {
            short.retain(|other| !clause.covers(other));
            short.push(clause);
        }
    }
    while short.len() > limit {
        let growth = |pair: &[Clause]| {
            let before = pair[0].breadth().max(pair[1].breadth());
            pair[0].hull(&pair[1]).breadth() - before
        };
        let least = (0..short.len() - 1).min_by_key(|&at| growth(&short[at..at + 2]));
        let Some(at) = least else { break };
        let merged = short[at].hull(&short[at + 1]);
        short.splice(at..at + 2, [merged]);
    }
    short
}

/// Clauses for one predicate; anything where the kernel can't judge it, whatever its sign.
fn term(term: &Term, is: bool) -> Vec<Clause> {
    match term {
        Term::Host {
            end,
            host:
                HostTest::Inet {
                    family,
                    prefixes,
                    ports,
                },
        } => {
            let parts = [
                of_family(*family, is),
                in_ports(*end, Compare::Eq, ports, is),
                addresses(*end, prefixes, is),
            ];
            conjunction(parts, is)
        }
        // Addresses that no socket with states has.
        Term::Host { .. } => settled(false, is),
        Term::Port {
            end,
            family,
            compare,
            ports,
        } => {
            let is = is == (*compare != Compare::Ne);
            let parts = [of_family(*family, is), in_ports(*end, *compare, ports, is)];
            conjunction(parts, is)
        }
        Term::Netns(compare, inodes) => {
            let is = is == (*compare != Compare::Ne);
            let bound = |inode: u64| i64::try_from(inode).unwrap_or(i64::MAX);
            let ranges = inodes.iter().filter_map(|range| {
                let range = bound(*range.start())..=bound(*range.end());
                ports::matching(*compare, &range, u32::MAX)
            });
            let netns = |range: Range| Clause {
                netns: range,
                ..Clause::ANY
            };
            in_ranges(ranges.collect(), u32::MAX, is)
                .map(netns)
                .collect()
        }
        Term::Dev { .. }
        | Term::Mark { .. }
        | Term::Cgroup { .. }
        | Term::Autobound
        | Term::Pid(..)
        | Term::Comm(..)
        | Term::Uid(..)
        | Term::Container(..)
        | Term::Dwell(..)
        | Term::Age(..)
        | Term::Rtt(..)
        | Term::Retrans(..)
        | Term::Cause(..) => anything(),
    }
}

/// Parts of one predicate, each already under its sign.
fn conjunction<const N: usize>(parts: [Vec<Clause>; N], is: bool) -> Vec<Clause> {
    if is {
        all(parts.into_iter())
    } else {
        any(parts.into_iter())
    }
}

fn of_family(family: Option<AddressFamily>, is: bool) -> Vec<Clause> {
    let bit = match family {
        None => return settled(true, is),
        Some(AddressFamily::Inet) => sort::INET,
        Some(AddressFamily::Inet6) => sort::INET6,
        Some(_) => return settled(false, is),
    };
    vec![with_families(if is { bit } else { sort::FAMILIES & !bit })]
}

fn with_families(bits: u32) -> Clause {
    Clause {
        sorts: sort::PROTOCOLS | bits,
        ..Clause::ANY
    }
}

fn addresses(end: End, prefixes: &[Prefix], is: bool) -> Vec<Clause> {
    if prefixes.is_empty() {
        return settled(true, is);
    }
    let each = prefixes.iter().map(|prefix| in_prefix(end, prefix, is));
    if is { any(each) } else { all(each) }
}

/// An IPv6 prefix is about AF_INET6 sockets alone.
fn in_prefix(end: End, prefix: &Prefix, is: bool) -> Vec<Clause> {
    let mut addresses = Addresses::inside(prefix);
    addresses.outside = !is;
    let clause = Clause::address(end, addresses);
    if prefix.address.is_ipv4() {
        return vec![clause];
    }
    let inet6 = Clause {
        sorts: with_families(sort::INET6).sorts,
        ..clause
    };
    if is {
        vec![inet6]
    } else {
        vec![with_families(sort::INET), inet6]
    }
}

/// Ports that stand to `ports` as `compare` asks; `Ne` is `Eq` under the other sign.
fn in_ports(end: End, compare: Compare, ports: &[Ports], is: bool) -> Vec<Clause> {
    if ports.is_empty() {
        return settled(ports::with_any(compare), is);
    }
    let most = u32::from(u16::MAX);
    // Sockets that have not the names of TCP's services always pass.
    let ranges = ports::counting(ports, Some(Transport::Tcp))
        .filter_map(|range| ports::matching(compare, range, most));
    in_ranges(ranges.collect(), most, is)
        .map(|range| Clause::port(end, range))
        .collect()
}

/// `ranges` themselves, or what they leave of the numbers up to `most`.
fn in_ranges(mut ranges: Vec<Range>, most: u32, is: bool) -> impl Iterator<Item = Range> {
    if !is {
        ranges.sort_unstable();
        let mut gaps = Vec::new();
        // One more than the greatest number that was seen to be in a range.
        let mut next = Some(0);
        for (low, high) in ranges {
            let Some(from) = next else { break };
            if low > from {
                gaps.push((from, low - 1));
            }
            next = high.checked_add(1).map(|after| after.max(from));
        }
        if let Some(from) = next
            && from <= most
        {
            gaps.push((from, most));
        }
        ranges = gaps;
    }
    ranges.into_iter()
}
