//! Expressions of every kind and value, printed and read again.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::{prelude::*, sample::select};

use super::*;
use crate::{
    filter::{
        expr::{
            CgroupTest, Expr, Glob, Prefix,
            arbitrary::{Values, found_cgroup, kernel_term, other_term, tree},
        },
        lookup::Cgroup,
    },
    model::{Cause, Nanos},
};

fn any_expr() -> impl Strategy<Value = Expr> {
    let values = any_values();
    tree(prop_oneof![3 => kernel_term(&values), 1 => other_term(&values)])
}

/// Every value there is.
fn any_values() -> Values {
    let v4 = (any::<Ipv4Addr>(), 0..=32_u8).prop_map(|(address, len)| Prefix {
        address: address.into(),
        len,
    });
    let mapped = any::<Ipv4Addr>().prop_map(|address| address.to_ipv6_mapped());
    let v6 = prop_oneof![any::<Ipv6Addr>(), mapped, Just(Ipv6Addr::UNSPECIFIED)];
    let v6 = (v6, 0..=128_u8).prop_map(|(address, len)| Prefix {
        address: address.into(),
        len,
    });
    let port = prop_oneof![8 => 0..=65535_i64, 1 => any::<i64>()]
        .prop_filter("any port", |port| *port != -1);
    let ports = prop_oneof![
        port.clone().prop_map(|port| port..=port),
        (any::<i64>(), any::<i64>()).prop_map(|(a, b)| a.min(b)..=a.max(b)),
        Just(-1..=-1),
    ];
    let number = prop_oneof![0..100_000_u64, 0..=i64::MAX.unsigned_abs()];
    let numbers = prop_oneof![
        (number.clone(), number.clone()).prop_map(|(a, b)| a.min(b)..=a.max(b)),
        number.clone().prop_map(|number| number..=number),
    ];
    Values {
        v4: v4.boxed(),
        v6: v6.boxed(),
        port: port.boxed(),
        ports: ports.boxed(),
        number: number.boxed(),
        numbers: numbers.boxed(),
        id: any::<u32>().boxed(),
        mask: any::<u32>().boxed(),
        path: any::<String>().prop_map(glob).boxed(),
        name: any_name().boxed(),
        cgroup: any_cgroup().boxed(),
        span: any::<u64>().prop_map(Nanos).boxed(),
        causes: Cause::ALL.to_vec(),
    }
}

/// Words of the language too.
fn any_name() -> impl Strategy<Value = Glob> {
    let words = [
        "and", "(", "=", "src", "pid", "\\", "*", " ", "#", "nginx", "not",
    ];
    let text = prop_oneof![
        select(words.to_vec()).prop_map(str::to_owned),
        any::<String>()
    ];
    let text = text.prop_filter("no token is empty", |text| !text.is_empty());
    text.prop_map(glob)
}

fn glob(text: String) -> Glob {
    Glob {
        pattern: text.into_bytes(),
    }
}

fn any_cgroup() -> impl Strategy<Value = CgroupTest> {
    let path = any::<String>().prop_map(|name| format!("/{name}"));
    prop_oneof![
        path.clone().prop_map(|path| {
            let Cgroup { id, path } = found_cgroup(&path);
            CgroupTest::Exactly { id, path }
        }),
        path.prop_map(|path| CgroupTest::Subtree { path }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn an_expression_printed_is_read_as_itself(tree in any_expr()) {
        let words = [tree.to_string()];
        let mut lookup = FakeLookup { no_hosts: true, ..FakeLookup::default() };
        let filter = parse(&Source { words: &words, file: None }, &tcp(), &mut lookup);
        let filter = filter.map_err(|error| TestCaseError::fail(format!("{}: {error}", words[0])))?;
        prop_assert_eq!(filter.expr, tree, "{}", words[0]);
        prop_assert_eq!(filter.warnings, []);
    }
}
