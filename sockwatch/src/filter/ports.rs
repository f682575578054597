//! What a comparison with ports comes to: which of the ranges given count for a table, and the
//! numbers that stand to a range as a comparison asks.
//!
//! `Ne` is `Eq` here; who asks turns the answer round. Whose port is meant is not asked.

use std::ops::RangeInclusive;

use super::expr::{Compare, Ports, Transport};
use crate::model::Netid;

/// Whose service names the ports of a table have.
pub(super) const fn transport(netid: Netid) -> Option<Transport> {
    match netid {
        Netid::Tcp | Netid::Mptcp | Netid::Sctp | Netid::Dccp => Some(Transport::Tcp),
        Netid::Udp => Some(Transport::Udp),
        _ => None,
    }
}

/// The ranges that count for sockets whose ports have the service names of `transport`.
pub(super) fn counting(
    ports: &[Ports],
    transport: Option<Transport>,
) -> impl Iterator<Item = &RangeInclusive<i64>> {
    ports
        .iter()
        .filter(move |ports| ports.only.is_none() || ports.only == transport)
        .map(|ports| &ports.range)
}

/// The answer where any port is meant, which no range says: every port equals it, and none is less
/// or more.
pub(super) const fn with_any(compare: Compare) -> bool {
    !matches!(compare, Compare::Lt | Compare::Gt)
}

/// The numbers up to `most` that stand to `range` as `compare` asks, first and last; `None` if there
/// are none.
pub(super) fn matching<T>(compare: Compare, range: &RangeInclusive<i64>, most: T) -> Option<(T, T)>
where
    T: Copy + PartialOrd + TryFrom<i64>,
    i64: From<T>,
{
    let (start, end) = (*range.start(), *range.end());
    let (low, high) = match compare {
        Compare::Eq | Compare::Ne => (start, end),
        Compare::Lt => (0, start.checked_sub(1)?),
        Compare::Le => (0, end),
        Compare::Gt => (end.checked_add(1)?, i64::MAX),
        Compare::Ge => (start, i64::MAX),
    };
    let low = T::try_from(low.max(0)).ok()?;
    let high = T::try_from(high.min(i64::from(most))).ok()?;
    (low <= high).then_some((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_is_a_range_of_what_there_is() {
        use Compare::{Eq, Ge, Gt, Le, Lt, Ne};
        for (compare, range, expected) in [
            (Eq, 22..=80, Some((22, 80))),
            (Ne, 22..=80, Some((22, 80))),
            (Lt, 22..=80, Some((0, 21))),
            (Le, 22..=80, Some((0, 80))),
            (Gt, 22..=80, Some((81, 65_535))),
            (Ge, 22..=80, Some((22, 65_535))),
            (Eq, -5..=3, Some((0, 3))),
            (Eq, -5..=-3, None),
            (Eq, 65_000..=70_000, Some((65_000, 65_535))),
            (Eq, 70_000..=80_000, None),
            (Lt, 0..=0, None),
            (Lt, i64::MIN..=0, None),
            (Gt, 65_535..=65_535, None),
            (Gt, 0..=i64::MAX, None),
            (Lt, 70_000..=70_000, Some((0, 65_535))),
        ] {
            let found = matching(compare, &range, u16::MAX);
            assert_eq!(found, expected, "{compare:?} {range:?}");
        }
    }
}
