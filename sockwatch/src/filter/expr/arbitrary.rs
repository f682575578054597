//! Expressions at random, in the shapes that a parser makes. Which values stand in them is the
//! caller's choice.

use std::ops::RangeInclusive;

use proptest::{collection::vec, option, prelude::*, sample::select, strategy::Union};

use super::{
    CgroupTest, Compare, End, Expr, Glob, HostTest, NumberSet, PortSet, Ports, Prefix, Term,
    Transport,
};
use crate::{
    filter::lookup::Cgroup,
    model::{AddressFamily, Cause, Nanos},
};

/// What the values are drawn from.
#[derive(Clone)]
pub(crate) struct Values {
    pub(crate) v4: BoxedStrategy<Prefix>,
    pub(crate) v6: BoxedStrategy<Prefix>,
    /// But -1, which stands for any.
    pub(crate) port: BoxedStrategy<i64>,
    pub(crate) ports: BoxedStrategy<RangeInclusive<i64>>,
    pub(crate) number: BoxedStrategy<u64>,
    pub(crate) numbers: BoxedStrategy<RangeInclusive<u64>>,
    /// Indexes, marks and ids that are no numbers with an order.
    pub(crate) id: BoxedStrategy<u32>,
    pub(crate) mask: BoxedStrategy<u32>,
    /// Names of unix sockets, which may be empty.
    pub(crate) path: BoxedStrategy<Glob>,
    /// Names of other things.
    pub(crate) name: BoxedStrategy<Glob>,
    pub(crate) cgroup: BoxedStrategy<CgroupTest>,
    pub(crate) span: BoxedStrategy<Nanos>,
    pub(crate) causes: Vec<Cause>,
}

/// Expressions up to six levels deep.
pub(crate) fn tree(term: impl Strategy<Value = Term> + 'static) -> impl Strategy<Value = Expr> {
    term.prop_map(Expr::Term).prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|expr| Expr::Not(Box::new(expr))),
            vec(inner.clone(), 2..5).prop_map(Expr::And),
            vec(inner, 2..5).prop_map(Expr::Or),
        ]
    })
}

/// A predicate that a program of the kernel knows something of.
pub(crate) fn kernel_term(values: &Values) -> Union<BoxedStrategy<Term>> {
    let ports = (end(), port_family(), equality(), ports(values));
    let ordered = (end(), port_family(), order(), values.port.clone());
    let id = || values.id.clone();
    Union::new_weighted(vec![
        (
            4,
            (end(), host(values))
                .prop_map(|(end, host)| Term::Host { end, host })
                .boxed(),
        ),
        (
            4,
            ports
                .prop_map(|(end, family, compare, ports)| {
                    let named = matches!(
                        family,
                        None | Some(AddressFamily::Inet | AddressFamily::Inet6)
                    );
                    let ports = if named {
                        ports
                    } else {
                        without_transports(ports)
                    };
                    Term::Port {
                        end,
                        family,
                        compare,
                        ports,
                    }
                })
                .boxed(),
        ),
        (
            2,
            ordered
                .prop_map(|(end, family, compare, port)| {
                    let ports = vec![Ports {
                        range: port..=port,
                        only: None,
                    }];
                    Term::Port {
                        end,
                        family,
                        compare,
                        ports,
                    }
                })
                .boxed(),
        ),
        (
            1,
            (equality(), id())
                .prop_map(|(compare, ifindex)| Term::Dev { compare, ifindex })
                .boxed(),
        ),
        (
            1,
            (equality(), id(), values.mask.clone())
                .prop_map(|(compare, value, mask)| Term::Mark {
                    compare,
                    value,
                    mask,
                })
                .boxed(),
        ),
        (
            1,
            (equality(), values.cgroup.clone())
                .prop_map(|(compare, cgroup)| Term::Cgroup { compare, cgroup })
                .boxed(),
        ),
        (1, Just(Term::Autobound).boxed()),
    ])
}

/// A predicate that no program of the kernel knows anything of.
pub(crate) fn other_term(values: &Values) -> impl Strategy<Value = Term> + use<> {
    let numbers = vec(values.numbers.clone(), 1..4);
    let set = || -> BoxedStrategy<(Compare, NumberSet)> {
        let number = values.number.clone();
        prop_oneof![
            (equality(), numbers.clone()),
            (order(), number.prop_map(|number| vec![number..=number])),
        ]
        .boxed()
    };
    let name = || (equality(), values.name.clone());
    let span = || (order(), values.span.clone());
    let causes = vec(select(values.causes.clone()), 1..4);
    prop_oneof![
        set().prop_map(|(compare, set)| Term::Pid(compare, set)),
        set().prop_map(|(compare, set)| Term::Uid(compare, set)),
        set().prop_map(|(compare, set)| Term::Retrans(compare, set)),
        (equality(), numbers.clone()).prop_map(|(compare, set)| Term::Netns(compare, set)),
        name().prop_map(|(compare, glob)| Term::Comm(compare, glob)),
        name().prop_map(|(compare, glob)| Term::Container(compare, glob)),
        span().prop_map(|(compare, span)| Term::Dwell(compare, span)),
        span().prop_map(|(compare, span)| Term::Age(compare, span)),
        span().prop_map(|(compare, span)| Term::Rtt(compare, span)),
        (equality(), causes).prop_map(|(compare, causes)| Term::Cause(compare, causes)),
    ]
}

fn end() -> impl Strategy<Value = End> {
    select(vec![End::Src, End::Dst])
}

fn equality() -> impl Strategy<Value = Compare> {
    select(vec![Compare::Eq, Compare::Ne])
}

fn order() -> impl Strategy<Value = Compare> {
    select(vec![Compare::Lt, Compare::Le, Compare::Gt, Compare::Ge])
}

fn host(values: &Values) -> impl Strategy<Value = HostTest> + use<> {
    let ports = ports(values);
    let inet = |family, prefix: BoxedStrategy<Prefix>| {
        (vec(prefix, 0..4), ports.clone()).prop_map(move |(prefixes, ports)| HostTest::Inet {
            family,
            prefixes,
            ports,
        })
    };
    let (v4, v6) = (values.v4.clone(), values.v6.clone());
    let id = || option::of(values.id.clone());
    // Cut to what there is room for.
    let short = || option::of(values.id.clone().prop_map(u32::to_le_bytes));
    prop_oneof![
        3 => inet(None, prop_oneof![v4.clone(), v6.clone()].boxed()),
        2 => inet(Some(AddressFamily::Inet), v4),
        2 => inet(Some(AddressFamily::Inet6), v6),
        1 => values.path.clone().prop_map(HostTest::Unix),
        1 => (short(), id()).prop_map(|(protocol, ifindex)| {
            let protocol = protocol.map(|[low, high, ..]| u16::from_le_bytes([low, high]));
            HostTest::Link { protocol, ifindex }
        }),
        1 => (short(), id()).prop_map(|(protocol, portid)| {
            let protocol = protocol.map(|[low, ..]| low);
            HostTest::Netlink { protocol, portid }
        }),
        1 => (id(), id()).prop_map(|(cid, port)| HostTest::Vsock { cid, port }),
    ]
}

/// All but unix, whose sockets have no port.
fn port_family() -> impl Strategy<Value = Option<AddressFamily>> {
    let with_ports = AddressFamily::ALL
        .into_iter()
        .filter(|family| *family != AddressFamily::Unix);
    prop_oneof![
        1 => Just(None),
        1 => select(vec![Some(AddressFamily::Inet), Some(AddressFamily::Inet6)]),
        1 => select(with_ports.map(Some).collect::<Vec<_>>()),
    ]
}

fn ports(values: &Values) -> BoxedStrategy<PortSet> {
    let only = select(vec![None, None, Some(Transport::Tcp), Some(Transport::Udp)]);
    let ports = (values.ports.clone(), only).prop_map(|(range, only)| Ports { range, only });
    vec(ports, 0..4).boxed()
}

fn without_transports(mut ports: PortSet) -> PortSet {
    for ports in &mut ports {
        ports.only = None;
    }
    ports
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
