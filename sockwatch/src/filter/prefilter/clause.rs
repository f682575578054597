//! A clause: conditions that hold at once. How expressions become clauses is `terms`' business.

use std::fmt;

use sockwatch_common::filter::{Prefix, Test, address, need, sort};

use super::address::Addresses;
use crate::filter::expr::End;

/// An inclusive range.
pub(super) type Range = (u32, u32);

const ANY_PORT: Range = (0, u16::MAX as u32);
const ANY_NETNS: Range = (0, u32::MAX);

/// Conditions on one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clause {
    /// Families and protocols: bits of [`sort`].
    pub(super) sorts: u32,
    pub(super) sport: Range,
    pub(super) dport: Range,
    pub(super) netns: Range,
    pub(super) src: Option<Addresses>,
    pub(super) dst: Option<Addresses>,
}

impl Clause {
    /// Satisfied by every socket.
    pub(super) const ANY: Self = Self {
        sorts: sort::FAMILIES | sort::PROTOCOLS,
        sport: ANY_PORT,
        dport: ANY_PORT,
        netns: ANY_NETNS,
        src: None,
        dst: None,
    };

    /// The ports of one end.
    pub(super) fn port(end: End, range: Range) -> Self {
        match end {
            End::Src => Self {
                sport: range,
                ..Self::ANY
            },
            End::Dst => Self {
                dport: range,
                ..Self::ANY
            },
        }
    }

    /// The address of one end.
    pub(super) fn address(end: End, addresses: Addresses) -> Self {
        match end {
            End::Src => Self {
                src: Some(addresses),
                ..Self::ANY
            },
            End::Dst => Self {
                dst: Some(addresses),
                ..Self::ANY
            },
        }
    }

    /// What satisfies both, or a little more; `None` where nothing does.
    pub(super) fn intersect(&self, other: &Self) -> Option<Self> {
        let sorts = self.sorts & other.sorts;
        if sorts & sort::FAMILIES == 0 || sorts & sort::PROTOCOLS == 0 {
            return None;
        }
        Some(Self {
            sorts,
            sport: intersect(self.sport, other.sport)?,
            dport: intersect(self.dport, other.dport)?,
            netns: intersect(self.netns, other.netns)?,
            src: intersect_addresses(self.src, other.src)?,
            dst: intersect_addresses(self.dst, other.dst)?,
        })
    }

    /// A clause that whatever satisfies either satisfies.
    pub(super) fn hull(&self, other: &Self) -> Self {
        Self {
            sorts: self.sorts | other.sorts,
            sport: hull(self.sport, other.sport),
            dport: hull(self.dport, other.dport),
            netns: hull(self.netns, other.netns),
            src: self.src.zip(other.src).and_then(|(a, b)| a.hull(b)),
            dst: self.dst.zip(other.dst).and_then(|(a, b)| a.hull(b)),
        }
    }

    /// Whether whatever satisfies `other` satisfies this.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.hull(other) == *self
    }

    /// About the logarithm of how much satisfies it.
    pub(super) fn breadth(&self) -> u32 {
        let range = |(low, high): Range| u32::BITS - (high - low).leading_zeros();
        let addresses = |set: Option<Addresses>| set.map_or(128, Addresses::breadth);
        self.sorts.count_ones()
            + range(self.sport)
            + range(self.dport)
            + range(self.netns)
            + addresses(self.src)
            + addresses(self.dst)
    }

    /// The facts it asks for: bits of [`need`].
    pub(super) fn needs(&self) -> u32 {
        let mut needs = 0;
        for (is_asked, bit) in [
            (self.sport != ANY_PORT, need::SPORT),
            (self.dport != ANY_PORT, need::DPORT),
            (self.src.is_some(), need::SRC),
            (self.dst.is_some(), need::DST),
            (self.netns != ANY_NETNS, need::NETNS),
        ] {
            needs |= if is_asked { bit } else { 0 };
        }
        needs
    }

    /// The tests, and the prefixes of both ends.
    pub(super) fn to_kernel(self) -> (Test, [Prefix; 2]) {
        let mut addresses = 0;
        for (set, asked, outside) in [
            (self.src, address::SRC, address::SRC_OUTSIDE),
            (self.dst, address::DST, address::DST_OUTSIDE),
        ] {
            match set {
                Some(set) if set.outside => addresses |= asked | outside,
                Some(_) => addresses |= asked,
                None => {}
            }
        }
        let test = Test {
            sorts: self.sorts,
            addresses,
            sport_low: self.sport.0,
            sport_high: self.sport.1,
            dport_low: self.dport.0,
            dport_high: self.dport.1,
            netns_low: self.netns.0,
            netns_high: self.netns.1,
        };
        let prefix = |set: Option<Addresses>| set.map_or(Prefix::ANY, Addresses::to_kernel);
        (test, [prefix(self.src), prefix(self.dst)])
    }
}

fn intersect(a: Range, b: Range) -> Option<Range> {
    let both = (a.0.max(b.0), a.1.min(b.1));
    (both.0 <= both.1).then_some(both)
}

fn hull(a: Range, b: Range) -> Range {
    (a.0.min(b.0), a.1.max(b.1))
}

/// `None` where the two sets don't meet.
#[expect(
    clippy::option_option,
    reason = "the inner one is a set, where None is every address"
)]
fn intersect_addresses(a: Option<Addresses>, b: Option<Addresses>) -> Option<Option<Addresses>> {
    match (a, b) {
        (Some(a), Some(b)) => a.intersect(b).map(Some),
        _ => Some(a.or(b)),
    }
}

const SORTS: [(u32, u32, &str); 7] = [
    (sort::FAMILIES, sort::INET, "inet"),
    (sort::FAMILIES, sort::INET6, "inet6"),
    (sort::PROTOCOLS, sort::TCP, "tcp"),
    (sort::PROTOCOLS, sort::MPTCP, "mptcp"),
    (sort::PROTOCOLS, sort::SCTP, "sctp"),
    (sort::PROTOCOLS, sort::DCCP, "dccp"),
    (sort::PROTOCOLS, sort::OTHER, "other"),
];

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        for (all, one, word) in SORTS {
            if self.sorts & all != all && self.sorts & one != 0 {
                words.push(word.to_owned());
            }
        }
        for (word, (low, high), any) in [
            ("sport", self.sport, ANY_PORT),
            ("dport", self.dport, ANY_PORT),
            ("netns", self.netns, ANY_NETNS),
        ] {
            if low == high {
                words.push(format!("{word} {low}"));
            } else if (low, high) != any {
                words.push(format!("{word} {low}-{high}"));
            }
        }
        for (word, set) in [("src", self.src), ("dst", self.dst)] {
            if let Some(set) = set {
                let not = if set.outside { "not " } else { "" };
                words.push(format!("{not}{word} {set}"));
            }
        }
        if words.is_empty() {
            words.push("everything".to_owned());
        }
        f.write_str(&words.join(" "))
    }
}
