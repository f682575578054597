//! An expression as words, which parse to the same expression where no family is preferred.
//!
//! No names but those of cgroups: they mean the same everywhere and at any time.

use std::fmt;
use std::net::IpAddr;

use super::{
    CgroupTest, Compare, End, Expr, Glob, HostTest, NumberSet, Ports, Prefix, Term, Transport,
};
use crate::filter::value::spelled;
use crate::filter::words::Keyword;
use crate::model::AddressFamily;

/// The empty filter is no word at all.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(list) if list.is_empty() => Ok(()),
            Self::And(list) | Self::Or(list) if list.len() > 1 => {
                let join = if matches!(self, Self::And(_)) {
                    " and "
                } else {
                    " or "
                };
                for (index, expr) in list.iter().enumerate() {
                    f.write_str(if index > 0 { join } else { "" })?;
                    single(expr, f)?;
                }
                Ok(())
            }
            other => single(other, f),
        }
    }
}

/// As one term: with parentheses around lists.
fn single(expr: &Expr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match expr {
        Expr::Term(term) => write!(f, "{term}"),
        Expr::Not(inner) => {
            f.write_str("not ")?;
            single(inner, f)
        }
        // No parser makes these inside another expression.
        Expr::And(list) if list.is_empty() => f.write_str("src *"),
        Expr::Or(list) if list.is_empty() => f.write_str("not src *"),
        Expr::And(list) | Expr::Or(list) => match list.as_slice() {
            [only] => single(only, f),
            _ => write!(f, "( {expr} )"),
        },
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host { end, host } => {
                let word = if *end == End::Src { "src" } else { "dst" };
                write!(f, "{word} {host}")
            }
            Self::Port {
                end,
                family,
                compare,
                ports,
            } => {
                let word = if *end == End::Src { "sport" } else { "dport" };
                write!(
                    f,
                    "{word} {} {}{}",
                    compare.word(),
                    family_prefix(*family),
                    port_list(ports)
                )
            }
            Self::Dev { compare, ifindex } => write!(f, "dev {} {ifindex}", compare.word()),
            Self::Mark {
                compare,
                value,
                mask,
            } => {
                write!(f, "fwmark {} {value:#x}", compare.word())?;
                if *mask == u32::MAX {
                    Ok(())
                } else {
                    write!(f, "/{mask:#x}")
                }
            }
            Self::Cgroup { compare, cgroup } => {
                let (sign, path) = match cgroup {
                    CgroupTest::Exactly { path, .. } => ("", path),
                    CgroupTest::Subtree { path } => ("^", path),
                };
                write!(f, "cgroup {} {sign}{}", compare.word(), escaped(path))
            }
            Self::Autobound => f.write_str("autobound"),
            Self::Pid(compare, set) => numbers("pid", *compare, set, f),
            Self::Comm(compare, glob) => pattern("comm", *compare, glob, f),
            Self::Uid(compare, set) => numbers("uid", *compare, set, f),
            Self::Netns(compare, set) => numbers("netns", *compare, set, f),
            Self::Container(compare, glob) => pattern("container", *compare, glob, f),
            Self::Dwell(compare, span) => write!(f, "dwell {} {}", compare.word(), spelled(*span)),
            Self::Age(compare, span) => write!(f, "age {} {}", compare.word(), spelled(*span)),
            Self::Rtt(compare, span) => write!(f, "rtt {} {}", compare.word(), spelled(*span)),
            Self::Retrans(compare, set) => numbers("retrans", *compare, set, f),
            Self::Cause(compare, causes) => {
                let words: Vec<_> = causes.iter().map(|cause| cause.word()).collect();
                write!(f, "cause {} {}", compare.word(), words.join(","))
            }
        }
    }
}

impl fmt::Display for HostTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet {
                family,
                prefixes,
                ports,
            } => {
                f.write_str(&family_prefix(*family))?;
                match prefixes.as_slice() {
                    [] if ports.is_empty() => f.write_str("*")?,
                    [] => {}
                    [
                        Prefix {
                            address: IpAddr::V4(_),
                            ..
                        },
                    ] => write!(f, "{}", prefixes[0])?,
                    list => write!(f, "[{}]", commas(list))?,
                }
                if ports.is_empty() {
                    Ok(())
                } else {
                    f.write_str(&port_list(ports))
                }
            }
            Self::Unix(glob) => write!(
                f,
                "unix:{}",
                escaped(&String::from_utf8_lossy(&glob.pattern))
            ),
            Self::Link { protocol, ifindex } => {
                let protocol = protocol.map_or_else(any, |number| format!("{number:#06x}"));
                write!(f, "link:{protocol}:{}", or_any(*ifindex))
            }
            Self::Netlink { protocol, portid } => {
                write!(f, "netlink:{}:{}", or_any(*protocol), or_any(*portid))
            }
            Self::Vsock { cid, port } => write!(f, "vsock:{}:{}", or_any(*cid), or_any(*port)),
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = if self.address.is_ipv4() { 32 } else { 128 };
        write!(f, "{}", self.address)?;
        if self.len == longest {
            Ok(())
        } else {
            write!(f, "/{}", self.len)
        }
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = (self.range.start(), self.range.end());
        // -1 alone is any port.
        if low == high && *low != -1 {
            write!(f, "{low}")?;
        } else {
            write!(f, "{low}-{high}")?;
        }
        f.write_str(match self.only {
            None => "",
            Some(Transport::Tcp) => "/tcp",
            Some(Transport::Udp) => "/udp",
        })
    }
}

fn port_list(ports: &[Ports]) -> String {
    if ports.is_empty() {
        ":*".to_owned()
    } else {
        format!(":{}", commas(ports))
    }
}

fn family_prefix(family: Option<AddressFamily>) -> String {
    family.map_or_else(String::new, |family| format!("{}:", family.word()))
}

fn any() -> String {
    "*".to_owned()
}

fn or_any(number: Option<impl fmt::Display>) -> String {
    number.map_or_else(any, |number| number.to_string())
}

fn commas<T: fmt::Display>(list: &[T]) -> String {
    let elements: Vec<_> = list.iter().map(T::to_string).collect();
    elements.join(",")
}

fn numbers(
    word: &str,
    compare: Compare,
    set: &NumberSet,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let element = |range: &std::ops::RangeInclusive<u64>| match (range.start(), range.end()) {
        (low, high) if low == high => low.to_string(),
        (low, high) => format!("{low}-{high}"),
    };
    let elements: Vec<_> = set.iter().map(element).collect();
    write!(f, "{word} {} {}", compare.word(), elements.join(","))
}

fn pattern(word: &str, compare: Compare, glob: &Glob, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let text = String::from_utf8_lossy(&glob.pattern);
    // After predicates of ours a backslash makes a value of a keyword.
    let backslash = if Keyword::of(&text).is_some() {
        "\\"
    } else {
        ""
    };
    write!(f, "{word} {} {backslash}{}", compare.word(), escaped(&text))
}

/// As one token of the language.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, ' ' | '\t' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
