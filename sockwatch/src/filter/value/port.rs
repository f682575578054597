//! Ports: numbers, service names, lists and ranges; and what other families have in their place.

use super::number::{NoNumber, elements, number, one_value, range};
use super::{Names, Wrong, address, family, host};
use crate::filter::error::shown;
use crate::filter::expr::{Compare, End, PortSet, Ports, Term, Transport};
use crate::model::{AddressFamily, Netid};

/// What names a port can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Services,
    Devices,
    Kernel,
    Nothing,
}

/// `sport`, `dport`.
pub(super) fn term<'t>(
    end: End,
    compare: Compare,
    text: &'t str,
    names: &mut Names<'_>,
) -> Result<Term, Wrong<'t>> {
    let (prefix, rest) = family::of_port(text);
    let family = prefix.or(names.context.preferred);
    if family == Some(AddressFamily::Unix) {
        return unix(end, compare, text, rest);
    }
    let ports = port_set(rest, family, names)?;
    if compare.is_order() {
        if ports.is_empty() {
            let message = format!("`{}` is any port, which has no order", shown(text));
            return Err(Wrong::new(text, message)
                .expected("a port")
                .hint("every socket: leave the term out; those with a peer: `dport != 0`"));
        }
        let single = matches!(ports.as_slice(), [one] if one.range.start() == one.range.end());
        one_value(single, rest)?;
    }
    Ok(Term::Port {
        end,
        family,
        compare,
        ports,
    })
}

/// A unix socket has no port: the value is its name.
fn unix<'t>(end: End, compare: Compare, text: &'t str, name: &str) -> Result<Term, Wrong<'t>> {
    if compare == Compare::Eq {
        return Ok(Term::Host {
            end,
            host: host::unix(name),
        });
    }
    let word = if end == End::Src { "src" } else { "dst" };
    let wrong = Wrong::new(text, "unix sockets have names instead of ports");
    let wrong = wrong.expected("`=` and a name");
    Err(if compare == Compare::Ne {
        wrong.hint(format!("`not {word} unix:{}`", shown(name)))
    } else {
        wrong.hint(format!("names have no order for `{}`", compare.word()))
    })
}

/// A port with or without the colon before it. Empty: any port.
pub(super) fn port_set<'t>(
    text: &'t str,
    family: Option<AddressFamily>,
    names: &mut Names<'_>,
) -> Result<PortSet, Wrong<'t>> {
    let list = text.strip_prefix(':').unwrap_or(text);
    if list.is_empty() || list.starts_with('*') || number(list) == Ok(-1) {
        return Ok(PortSet::new());
    }
    let known = match family {
        None | Some(AddressFamily::Inet | AddressFamily::Inet6) => Known::Services,
        Some(AddressFamily::Link) => Known::Devices,
        Some(AddressFamily::Netlink) => Known::Kernel,
        Some(_) => Known::Nothing,
    };
    let mut ports = PortSet::new();
    for element in elements(list) {
        ports.extend(element_ports(element?, known, names)?);
    }
    Ok(ports)
}

/// One element of a list.
fn element_ports<'t>(
    element: &'t str,
    known: Known,
    names: &mut Names<'_>,
) -> Result<PortSet, Wrong<'t>> {
    let (name, only) = match known {
        Known::Services => transport_of(element),
        _ => (element, None),
    };
    let this = |range| vec![Ports { range, only }];
    match number(name) {
        Ok(-1) => return Err(any_in_list(element)),
        Ok(port) => return Ok(this(port..=port)),
        Err(NoNumber::TooBig) => return Err(too_big(name)),
        Err(NoNumber::Text) => {}
    }
    if name.starts_with('*') {
        return Err(any_in_list(element));
    }
    if let Some(range) = range(name)? {
        return Ok(this(range));
    }
    match known {
        Known::Services => service(name, only, names),
        Known::Devices => {
            let index = names.lookup.device(name).map(i64::from);
            let index = index.ok_or_else(|| no_port(name, "an index or name of a device"))?;
            Ok(this(index..=index))
        }
        Known::Kernel if name == "kernel" => Ok(this(0..=0)),
        Known::Kernel => Err(no_port(name, "a port id or `kernel`")),
        Known::Nothing => Err(no_port(name, "a number")),
    }
}

/// `PORT/tcp`, `PORT/udp`: the port of that transport alone.
fn transport_of(element: &str) -> (&str, Option<Transport>) {
    match element.rsplit_once('/') {
        Some((port, "tcp")) => (port, Some(Transport::Tcp)),
        Some((port, "udp")) => (port, Some(Transport::Udp)),
        _ => (element, None),
    }
}

/// What a service name stands for among the tables selected.
fn service<'t>(
    name: &'t str,
    only: Option<Transport>,
    names: &mut Names<'_>,
) -> Result<PortSet, Wrong<'t>> {
    if !name
        .chars()
        .all(|c| c.is_alphanumeric() || "-_.+/".contains(c))
    {
        return Err(no_port(name, "a port"));
    }
    let tables = &names.context.tables;
    let has_tcp = tables
        .iter()
        .any(|table| matches!(table, Netid::Tcp | Netid::Mptcp | Netid::Sctp | Netid::Dccp));
    let has_udp = tables.contains(&Netid::Udp);
    let wanted = match only {
        Some(transport) => (transport == Transport::Tcp, transport == Transport::Udp),
        None => (has_tcp, has_udp),
    };
    if wanted == (false, false) {
        let message = format!(
            "`{}` is no number, and neither tcp nor udp is selected",
            shown(name)
        );
        return Err(Wrong::new(name, message).expected("the number of a port"));
    }
    let mut look = |asked, transport| {
        if asked {
            names.lookup.service(name, transport)
        } else {
            None
        }
    };
    let tcp = look(wanted.0, Transport::Tcp);
    let udp = look(wanted.1, Transport::Udp);
    let of = |port: u16, only| Ports {
        range: i64::from(port)..=i64::from(port),
        only,
    };
    let both_asked = wanted == (true, true);
    Ok(match (tcp, udp) {
        (None, None) => return Err(no_service(name, wanted)),
        (Some(tcp), Some(udp)) if tcp == udp => vec![of(tcp, None)],
        (Some(tcp), Some(udp)) => {
            vec![of(tcp, Some(Transport::Tcp)), of(udp, Some(Transport::Udp))]
        }
        (Some(tcp), None) => vec![of(tcp, only.or(both_asked.then_some(Transport::Tcp)))],
        (None, Some(udp)) => vec![of(udp, only.or(both_asked.then_some(Transport::Udp)))],
    })
}

fn no_service(name: &str, (tcp, udp): (bool, bool)) -> Wrong<'_> {
    let of = match (tcp, udp) {
        (true, false) => "tcp ",
        (false, true) => "udp ",
        _ => "",
    };
    let wrong = Wrong::new(name, format!("there is no {of}service `{}`", shown(name)));
    let wrong = wrong.expected("a port number or the name of a service");
    let lower = name.to_lowercase();
    if name.contains('-') {
        wrong.hint("the ends of a range are numbers: `8000-8099`")
    } else if name.bytes().all(|c| c.is_ascii_digit()) {
        wrong.hint("a leading 0 makes a number octal")
    } else if matches!(address::prefix(name, None), Ok(Some(_))) {
        wrong.hint("before an address can stand inet: inet6: unix: link: netlink: vsock:")
    } else if lower != name {
        wrong.hint(format!("services have small letters: `{}`", shown(&lower)))
    } else {
        wrong
    }
}

fn no_port<'t>(text: &'t str, expected: &str) -> Wrong<'t> {
    let hint = if text.contains('.') || text.contains('[') {
        Some("addresses go with `src` and `dst`: `src 10.0.0.1:22`".to_owned())
    } else if text.starts_with(['=', '<', '>', '!']) {
        Some("operators are = != < <= > >=, with spaces around them".to_owned())
    } else if text.starts_with('#') {
        Some("comments are lines of a filter file that begin with `#`".to_owned())
    } else {
        None
    };
    let message = format!("`{}` is no port", shown(text));
    Wrong::new(text, message)
        .expected(expected)
        .maybe_hint(hint)
}

fn any_in_list(element: &str) -> Wrong<'_> {
    let message = format!(
        "`{}` means any port, which makes a list needless",
        shown(element)
    );
    Wrong::new(element, message)
        .expected("a port")
        .hint("leave the list out, or the element")
}

fn too_big(text: &str) -> Wrong<'_> {
    let message = format!("`{}` is too big a number", shown(text));
    Wrong::new(text, message).expected("a port up to 65535")
}
