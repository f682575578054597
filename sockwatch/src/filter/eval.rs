//! What an expression says of a socket.
//!
//! Evaluation allocates nothing and looks nothing up. Facts on their way make it three-valued, after
//! Kleene: what the known facts decide is decided.

use std::{net::IpAddr, ops::RangeInclusive};

use super::{
    container,
    expr::{CgroupTest, Compare, End, Expr, HostTest, Ports, Prefix, Term},
    glob::Case,
    ports,
    view::{Endpoint, Verdict, View},
};
use crate::model::Family;

impl Expr {
    /// What it says of `view`.
    pub fn verdict(&self, view: &View<'_>) -> Verdict {
        self.judge(&Judge {
            view,
            settle: false,
        })
    }

    /// Whether it is true of `view` with what is known now: facts on their way count as unknown.
    /// Never otherwise than a [`Verdict`] that is decided.
    pub fn matches(&self, view: &View<'_>) -> bool {
        self.judge(&Judge { view, settle: true }) == Verdict::Yes
    }

    fn judge(&self, judge: &Judge<'_>) -> Verdict {
        match self {
            Self::Term(term) => judge.term(term),
            Self::Not(inner) => !inner.judge(judge),
            Self::And(list) => all(list.iter().map(|inner| inner.judge(judge))),
            Self::Or(list) => !all(list.iter().map(|inner| !inner.judge(judge))),
        }
    }
}

/// `No` if one says so, else `Pending` if one says so. Asks no further than the first `No`.
fn all(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let mut sum = Verdict::Yes;
    for verdict in verdicts {
        match verdict {
            Verdict::No => return Verdict::No,
            Verdict::Pending => sum = Verdict::Pending,
            Verdict::Yes => {}
        }
    }
    sum
}

impl From<bool> for Verdict {
    fn from(is_true: bool) -> Self {
        if is_true { Self::Yes } else { Self::No }
    }
}

impl std::ops::Not for Verdict {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Yes => Self::No,
            Self::Pending => Self::Pending,
        }
    }
}

/// Whether `value` stands to `range` as `compare` asks; `Ne` is left to [`Judge::term`].
fn holds<T: PartialOrd>(compare: Compare, range: &RangeInclusive<T>, value: &T) -> bool {
    match compare {
        Compare::Eq | Compare::Ne => range.contains(value),
        Compare::Lt => value < range.start(),
        Compare::Le => value <= range.end(),
        Compare::Gt => value > range.end(),
        Compare::Ge => value >= range.start(),
    }
}

/// `holds`, of any of the ranges, for a value that may be unknown.
fn any_holds<T: PartialOrd>(compare: Compare, ranges: &[RangeInclusive<T>], value: &T) -> bool {
    ranges.iter().any(|range| holds(compare, range, value))
}

/// Whether `value` stands to `limit` as `compare` asks.
fn ordered<T: PartialOrd + Copy>(compare: Compare, limit: T, value: Option<T>) -> bool {
    value.is_some_and(|value| holds(compare, &(limit..=limit), &value))
}

struct Judge<'a> {
    view: &'a View<'a>,
    /// Whether facts on their way count as unknown.
    settle: bool,
}

impl Judge<'_> {
    fn term(&self, term: &Term) -> Verdict {
        // Each arm says what `=` would; `!=` turns it round.
        let (compare, equal) = match term {
            Term::Host { end, host } => (Compare::Eq, self.host(*end, host)),
            Term::Port {
                end,
                family,
                compare,
                ports,
            } => {
                let of_family =
                    family.is_none_or(|family| family == self.view.local.address_family());
                let holds = if of_family {
                    self.ports(*end, *compare, ports)
                } else {
                    Verdict::No
                };
                (*compare, holds)
            }
            Term::Autobound => (Compare::Eq, self.autobound()),
            fact => {
                let (compare, equal) = self.fact(fact);
                (compare, equal.into())
            }
        };
        if compare == Compare::Ne {
            !equal
        } else {
            equal
        }
    }

    /// As [`Judge::term`], of facts that are known or not, and never on their way.
    fn fact(&self, term: &Term) -> (Compare, bool) {
        let view = self.view;
        match term {
            Term::Host { .. } | Term::Port { .. } | Term::Autobound => (Compare::Eq, false),
            Term::Dev { compare, ifindex } => (*compare, view.ifindex == Some(*ifindex)),
            Term::Mark {
                compare,
                value,
                mask,
            } => {
                let equal = view.mark.is_some_and(|mark| mark & mask == *value);
                (*compare, equal)
            }
            Term::Cgroup { compare, cgroup } => (*compare, self.is_in_cgroup(cgroup)),
            Term::Pid(compare, pids) => {
                let mut owners = view.owners.iter();
                let any = owners.any(|owner| any_holds(*compare, pids, &u64::from(owner.pid)));
                (*compare, any)
            }
            Term::Comm(compare, glob) => {
                let mut owners = view.owners.iter();
                let any = owners.any(|owner| glob.matches(owner.comm.as_ref(), Case::Matters));
                (*compare, any)
            }
            Term::Uid(compare, uids) => (*compare, number(*compare, uids, view.uid)),
            Term::Netns(compare, inodes) => (*compare, number(*compare, inodes, view.netns)),
            Term::Retrans(compare, counts) => (*compare, number(*compare, counts, view.retrans)),
            Term::Container(compare, glob) => {
                let path = view.cgroup;
                let equal = path.is_some_and(|path| container::matches(path, glob));
                (*compare, equal)
            }
            Term::Dwell(compare, limit) => (*compare, ordered(*compare, *limit, view.dwell)),
            Term::Age(compare, limit) => (*compare, ordered(*compare, *limit, view.age)),
            Term::Rtt(compare, limit) => (*compare, ordered(*compare, *limit, view.rtt)),
            Term::Cause(compare, causes) => {
                let equal = view.cause.is_some_and(|cause| causes.contains(&cause));
                (*compare, equal)
            }
        }
    }

    /// The verdict where the fact is on its way.
    fn pending(&self) -> Verdict {
        if self.settle {
            Verdict::No
        } else {
            Verdict::Pending
        }
    }

    fn endpoint(&self, end: End) -> &Endpoint<'_> {
        match end {
            End::Src => &self.view.local,
            End::Dst => &self.view.peer,
        }
    }

    fn host(&self, end: End, host: &HostTest) -> Verdict {
        let fits = |wanted: Option<u32>, is: u32| wanted.is_none_or(|wanted| wanted == is);
        match (host, self.endpoint(end)) {
            (
                HostTest::Inet {
                    family,
                    prefixes,
                    ports,
                },
                _,
            ) => {
                if family.is_some_and(|family| family != self.view.local.address_family()) {
                    return Verdict::No;
                }
                let port = self.ports(end, Compare::Eq, ports);
                if port == Verdict::No {
                    return port;
                }
                all([port, self.address(end, prefixes)].into_iter())
            }
            (HostTest::Unix(glob), Endpoint::Unix { name, .. }) => match end {
                End::Src => glob.matches(name, Case::Ignored).into(),
                // The kernel tells only the inode of the other end.
                End::Dst => glob.is_any().into(),
            },
            (
                HostTest::Link { protocol, ifindex },
                &Endpoint::Link {
                    protocol: ethertype,
                    ifindex: device,
                },
            ) => {
                let of_protocol = fits(protocol.map(u32::from), ethertype.into());
                (of_protocol && fits(*ifindex, device)).into()
            }
            (
                HostTest::Netlink { protocol, portid },
                &Endpoint::Netlink {
                    protocol: number,
                    portid: port,
                },
            ) => {
                let of_port = fits(*portid, port) && !(end == End::Dst && *portid == Some(0));
                (fits(protocol.map(u32::from), number.into()) && of_port).into()
            }
            (
                HostTest::Vsock { cid, port },
                &Endpoint::Vsock {
                    cid: context,
                    port: number,
                },
            ) => (fits(*cid, context) && fits(*port, number)).into(),
            (
                HostTest::Unix(_)
                | HostTest::Link { .. }
                | HostTest::Netlink { .. }
                | HostTest::Vsock { .. },
                _,
            ) => Verdict::No,
        }
    }

    /// Whether the address of one end is in one of `prefixes`.
    fn address(&self, end: End, prefixes: &[Prefix]) -> Verdict {
        if prefixes.is_empty() {
            return Verdict::Yes;
        }
        let &Endpoint::Ip {
            family, address, ..
        } = self.endpoint(end)
        else {
            return Verdict::No;
        };
        let pending = match end {
            End::Src => self.view.pending.src,
            End::Dst => self.view.pending.peer,
        };
        if !pending {
            let mut prefixes = prefixes.iter();
            return prefixes
                .any(|prefix| prefix.contains(family, address))
                .into();
        }
        if prefixes.iter().any(|prefix| prefix.contains_all(family)) {
            Verdict::Yes
        } else if prefixes.iter().any(|prefix| prefix.concerns(family)) {
            self.pending()
        } else {
            Verdict::No
        }
    }

    /// Whether the number that stands for a port is as asked; `Ne` is left to [`Judge::term`].
    fn ports(&self, end: End, compare: Compare, ports: &[Ports]) -> Verdict {
        if ports.is_empty() {
            return ports::with_any(compare).into();
        }
        let mut ranges = ports::counting(ports, ports::transport(self.view.netid));
        let endpoint = self.endpoint(end);
        let pending = match end {
            End::Src => self.view.pending.sport,
            End::Dst => self.view.pending.peer,
        };
        if !(pending && matches!(endpoint, Endpoint::Ip { .. })) {
            let Some(number) = number_space(end, endpoint) else {
                return Verdict::No;
            };
            return ranges.any(|range| holds(compare, range, &number)).into();
        }
        let mut possible = false;
        for range in ranges {
            match ports::matching(compare, range, u16::MAX) {
                Some((0, u16::MAX)) => return Verdict::Yes,
                some => possible |= some.is_some(),
            }
        }
        if possible {
            self.pending()
        } else {
            Verdict::No
        }
    }

    fn autobound(&self) -> Verdict {
        if self.view.pending.sport {
            self.pending()
        } else {
            (self.view.autobound == Some(true)).into()
        }
    }

    fn is_in_cgroup(&self, cgroup: &CgroupTest) -> bool {
        match cgroup {
            CgroupTest::Exactly { id, .. } => self.view.cgroup_id == Some(*id),
            CgroupTest::Subtree { path } => {
                let root = path.strip_suffix('/').unwrap_or(path);
                let below = self.view.cgroup.and_then(|is| is.strip_prefix(root));
                below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
            }
        }
    }
}

fn number<T: Into<u64>>(
    compare: Compare,
    ranges: &[RangeInclusive<u64>],
    value: Option<T>,
) -> bool {
    value.is_some_and(|value| any_holds(compare, ranges, &value.into()))
}

/// What stands for a port in each family: one number space, as in `ss`.
fn number_space(end: End, endpoint: &Endpoint<'_>) -> Option<i64> {
    match *endpoint {
        // Connected to nobody, or to the kernel: no port in `ss`.
        Endpoint::Netlink { portid: 0, .. } if end == End::Dst => Some(-1),
        Endpoint::Ip { port, .. } => Some(port.into()),
        Endpoint::Unix { inode, .. } => Some(inode.into()),
        Endpoint::Link { ifindex, .. } => Some(ifindex.into()),
        Endpoint::Netlink { portid, .. } => Some(portid.into()),
        Endpoint::Vsock { port, .. } => Some(port.into()),
        Endpoint::Xdp { queue, .. } => Some(queue.into()),
        Endpoint::Tipc => None,
    }
}

impl Prefix {
    /// Whether the address of a socket of `family` is in it.
    fn contains(&self, family: Family, address: IpAddr) -> bool {
        let len = u32::from(self.len);
        match (self.address, family, address) {
            (IpAddr::V4(prefix), _, IpAddr::V4(address)) => {
                (prefix.to_bits() ^ address.to_bits()).leading_zeros() >= len
            }
            (IpAddr::V6(prefix), Family::Inet6, address) => {
                let address = match address {
                    IpAddr::V4(mapped) => mapped.to_ipv6_mapped(),
                    IpAddr::V6(address) => address,
                };
                (prefix.to_bits() ^ address.to_bits()).leading_zeros() >= len
            }
            (IpAddr::V4(_), _, IpAddr::V6(_)) | (IpAddr::V6(_), Family::Inet, _) => false,
        }
    }

    /// Whether every address of a socket of `family` is in it.
    pub(super) fn contains_all(&self, family: Family) -> bool {
        self.len == 0 && self.address.is_ipv4() == (family == Family::Inet)
    }

    /// Whether any address of a socket of `family` can be in it.
    pub(super) fn concerns(&self, family: Family) -> bool {
        self.address.is_ipv4() || family == Family::Inet6
    }
}

#[cfg(test)]
mod tests;
