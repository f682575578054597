//! What the kernel can say of an expression: a condition true of every socket that the expression
//! is true of, and one true of no other socket. Under `not` they change places, so what the kernel
//! does not know never leaves out too much.

use super::{Condition, Test};
use crate::{
    filter::{
        expr::{CgroupTest, Compare, End, Expr, HostTest, Ports, Prefix, Term},
        ports,
    },
    model::{AddressFamily, Family, Netid},
};

/// The two conditions; equal where the kernel knows all.
pub(super) struct Bounds {
    /// True of every socket that the expression is true of.
    pub(super) upper: Condition,
    /// True of no other.
    pub(super) lower: Condition,
}

impl Bounds {
    const UNKNOWN: Self = Self {
        upper: Condition::True,
        lower: Condition::False,
    };

    fn exactly(condition: Condition) -> Self {
        Self {
            lower: condition.clone(),
            upper: condition,
        }
    }

    fn not(self) -> Self {
        Self {
            upper: self.lower.not(),
            lower: self.upper.not(),
        }
    }

    /// Both lists, gathered.
    fn gather(bounds: impl Iterator<Item = Self>, gather: fn(Vec<Condition>) -> Condition) -> Self {
        let (upper, lower) = bounds.map(|bounds| (bounds.upper, bounds.lower)).unzip();
        Self {
            upper: gather(upper),
            lower: gather(lower),
        }
    }
}

/// What is the same for all sockets of a dump.
#[derive(Clone, Copy)]
pub(super) struct Table {
    pub(super) netid: Netid,
    pub(super) family: Family,
    pub(super) may_mark: bool,
}

impl Table {
    pub(super) fn bounds(self, expr: &Expr) -> Bounds {
        match expr {
            Expr::Term(term) => self.term(term),
            Expr::Not(inner) => self.bounds(inner).not(),
            Expr::And(list) => {
                Bounds::gather(list.iter().map(|inner| self.bounds(inner)), Condition::all)
            }
            Expr::Or(list) => {
                Bounds::gather(list.iter().map(|inner| self.bounds(inner)), Condition::any)
            }
        }
    }

    fn term(self, term: &Term) -> Bounds {
        let (compare, equal) = match term {
            Term::Host { end, host } => (Compare::Eq, Bounds::exactly(self.host(*end, host))),
            Term::Port {
                end,
                family,
                compare,
                ports,
            } => {
                let condition = if self.is_of(*family) {
                    self.ports(*end, *compare, ports)
                } else {
                    Condition::False
                };
                (*compare, Bounds::exactly(condition))
            }
            Term::Dev { compare, ifindex } => {
                let test = Condition::Test(Test::Dev(*ifindex));
                (*compare, Bounds::exactly(test))
            }
            Term::Mark {
                compare,
                value,
                mask,
            } => (*compare, self.mark(*value, *mask)),
            Term::Cgroup { compare, cgroup } => (*compare, cgroup_bounds(cgroup)),
            // The kernel knows that nobody bound the port, and not the range it has to be in.
            Term::Autobound => {
                let bounds = Bounds {
                    upper: Condition::Test(Test::Auto),
                    lower: Condition::False,
                };
                (Compare::Eq, bounds)
            }
            Term::Pid(..)
            | Term::Comm(..)
            | Term::Uid(..)
            | Term::Netns(..)
            | Term::Container(..)
            | Term::Dwell(..)
            | Term::Age(..)
            | Term::Rtt(..)
            | Term::Retrans(..)
            | Term::Cause(..) => return Bounds::UNKNOWN,
        };
        if compare == Compare::Ne {
            equal.not()
        } else {
            equal
        }
    }

    fn is_of(self, family: Option<AddressFamily>) -> bool {
        family.is_none_or(|family| family == self.family.into())
    }

    fn mark(self, value: u32, mask: u32) -> Bounds {
        if !self.may_mark {
            return Bounds::UNKNOWN;
        }
        let test = Condition::Test(Test::Mark { value, mask });
        // A timewait socket has mark 0 for the program, and on older kernels none in the dump:
        // then 0 is not known to be its mark.
        if value == 0 {
            return Bounds {
                upper: test,
                lower: Condition::False,
            };
        }
        Bounds::exactly(test)
    }

    fn host(self, end: End, host: &HostTest) -> Condition {
        let HostTest::Inet {
            family,
            prefixes,
            ports,
        } = host
        else {
            return Condition::False;
        };
        if !self.is_of(*family) {
            return Condition::False;
        }
        let any_address = prefixes.is_empty()
            || prefixes
                .iter()
                .any(|prefix| prefix.contains_all(self.family));
        if any_address {
            return self.ports(end, Compare::Eq, ports);
        }
        let prefixes = prefixes
            .iter()
            .filter(|prefix| prefix.concerns(self.family));
        let test = |prefix: &Prefix, port: Option<u16>| {
            Condition::Test(Test::Host {
                end,
                prefix: Some(*prefix),
                port,
            })
        };
        // One operation compares an address and a port.
        if let Condition::Test(Test::Host {
            prefix: None, port, ..
        }) = self.ports(end, Compare::Eq, ports)
        {
            return Condition::any(prefixes.map(|prefix| test(prefix, port)).collect());
        }
        let addresses = Condition::any(prefixes.map(|prefix| test(prefix, None)).collect());
        Condition::all(vec![addresses, self.ports(end, Compare::Eq, ports)])
    }

    /// `Ne` as `Eq`.
    fn ports(self, end: End, compare: Compare, ports: &[Ports]) -> Condition {
        if ports.is_empty() {
            return ports::with_any(compare).into();
        }
        let ranges = ports::counting(ports, ports::transport(self.netid))
            .filter_map(|range| ports::matching(compare, range, u16::MAX));
        Condition::any(ranges.map(|range| port_range(end, range)).collect())
    }
}

fn port_range(end: End, (low, high): (u16, u16)) -> Condition {
    if low == high {
        return Condition::Test(Test::Host {
            end,
            prefix: None,
            port: Some(low),
        });
    }
    let mut parts = Vec::new();
    if low > 0 {
        parts.push(Condition::Test(Test::PortFrom(end, low)));
    }
    if high < u16::MAX {
        parts.push(Condition::Test(Test::PortTo(end, high)));
    }
    Condition::all(parts)
}

fn cgroup_bounds(cgroup: &CgroupTest) -> Bounds {
    match cgroup {
        // Sockets without a cgroup have id 0 for the program, and none in the dump.
        CgroupTest::Exactly { id: 0, .. } | CgroupTest::Subtree { .. } => Bounds::UNKNOWN,
        CgroupTest::Exactly { id, .. } => Bounds::exactly(Condition::Test(Test::Cgroup(*id))),
    }
}
