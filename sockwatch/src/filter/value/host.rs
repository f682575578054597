//! The value of `src` and `dst`: which family it speaks of, and where the port begins.

use super::number::{elements, number};
use super::port::port_set;
use super::{HostName, Made, Names, Wrong, address, family, link, netlink, vsock};
use crate::filter::error::shown;
use crate::filter::expr::{Compare, End, Expr, Glob, HostTest, Prefix, Term};
use crate::filter::words::Keyword;
use crate::model::AddressFamily;

const NO_PATTERNS: &str = "patterns are for names of unix sockets: `unix:/run/*`";

/// Bytes of the name of a host (RFC 1035, section 3.1).
const LONGEST: usize = 255;

pub(super) fn host<'t>(
    end: End,
    text: &'t str,
    names: &mut Names<'_>,
) -> Result<Made<'t>, Wrong<'t>> {
    let (prefix, rest) = family::of_host(text);
    let host = match prefix.or(names.context.preferred) {
        Some(AddressFamily::Unix) => unix(rest),
        Some(AddressFamily::Link) => link::address(rest, names)?,
        Some(AddressFamily::Netlink) => netlink::address(rest)?,
        Some(AddressFamily::Vsock) => vsock::address(rest)?,
        Some(family @ (AddressFamily::Tipc | AddressFamily::Xdp)) => {
            return port_alone(end, family, rest, names).map(Made::from);
        }
        family @ (None | Some(AddressFamily::Inet | AddressFamily::Inet6)) => {
            return inet(end, family, rest, names);
        }
    };
    Ok(Term::Host { end, host }.into())
}

/// The name of a unix socket; nothing for one without a name.
pub(super) fn unix(pattern: &str) -> HostTest {
    HostTest::Unix(Glob {
        pattern: pattern.as_bytes().to_vec(),
    })
}

/// Families of whose addresses filters know nothing but the number in the port's place.
fn port_alone<'t>(
    end: End,
    family: AddressFamily,
    text: &'t str,
    names: &mut Names<'_>,
) -> Result<Term, Wrong<'t>> {
    let (address, port) = split(text)?;
    if !is_any(address) {
        let message = format!("addresses of {} cannot be asked for", family.word());
        return Err(Wrong::new(address, message).expected("`*` or `:NUMBER`"));
    }
    let ports = port_set(port, Some(family), names)?;
    Ok(Term::Port {
        end,
        family: Some(family),
        compare: Compare::Eq,
        ports,
    })
}

fn inet<'t>(
    end: End,
    family: Option<AddressFamily>,
    text: &'t str,
    names: &mut Names<'_>,
) -> Result<Made<'t>, Wrong<'t>> {
    let (address, port) = split(text)?;
    let (prefixes, host) = addresses(address, family).map_err(|wrong| as_a_whole(text, wrong))?;
    let ports = port_set(port, family, names).map_err(|wrong| {
        let pattern = address == "*" && !port.starts_with(':');
        wrong.maybe_hint(pattern.then(|| NO_PATTERNS.to_owned()))
    })?;
    let host_test = HostTest::Inet {
        family,
        prefixes,
        ports,
    };
    let expr = Expr::Term(Term::Host {
        end,
        host: host_test,
    });
    Ok(Made { expr, host })
}

/// Says what is wrong with a value that was cut where its author did not mean it to be.
fn as_a_whole<'t>(text: &'t str, wrong: Wrong<'t>) -> Wrong<'t> {
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        let message = format!("the address `{text}` needs brackets");
        let hint = format!("`[{text}]`: without, what follows the last colon is a port");
        return Wrong {
            part: text,
            message,
            ..wrong
        }
        .hint(hint);
    }
    if text.contains("://") {
        let message = format!("`{}` is no host", shown(text));
        let hint = "only the host, not the whole URL: `dst example.org:443`";
        return Wrong {
            part: text,
            message,
            ..wrong
        }
        .expected("a host")
        .hint(hint);
    }
    match text.trim_start_matches('[').split_once('%') {
        Some((address, zone)) => {
            let zone = zone.split([']', ':', '/']).next().unwrap_or(zone);
            let (address, zone) = (shown(address), shown(zone));
            let address = if address.contains(':') {
                format!("[{address}]")
            } else {
                address
            };
            wrong.hint(format!(
                "a device has a term of its own: `src {address} dev {zone}`"
            ))
        }
        None => wrong,
    }
}

/// Where the address ends and the port begins; the port with its colon.
fn split(text: &str) -> Result<(&str, &str), Wrong<'_>> {
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once(']').ok_or_else(|| {
            let message = format!("`{}` has no closing bracket", shown(text));
            Wrong::new(text, message)
                .expected("`]` after the address")
                .hint("`[fd00::1]:443`")
        });
    }
    if text.starts_with('*') {
        return Ok(text.split_at(1));
    }
    let after = prefix_slash(text).unwrap_or(0);
    let colon = text[after..].rfind(':').map(|colon| after + colon);
    Ok(text.split_at(colon.unwrap_or(text.len())))
}

/// The slash that begins a prefix: the first that is not of `PORT/tcp` or `PORT/udp`.
fn prefix_slash(text: &str) -> Option<usize> {
    let is_transport = |rest: &str| {
        let rest = rest
            .strip_prefix("tcp")
            .or_else(|| rest.strip_prefix("udp"));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(','))
    };
    let mut slashes = text.match_indices('/').map(|(at, _)| at);
    slashes.find(|&at| !is_transport(&text[at + 1..]))
}

fn is_any(address: &str) -> bool {
    address.is_empty() || address.starts_with('*')
}

/// Addresses, none for any; or the name of a host.
fn addresses(
    text: &str,
    family: Option<AddressFamily>,
) -> Result<(Vec<Prefix>, Option<HostName<'_>>), Wrong<'_>> {
    if is_any(text) || matches!(text, "any" | "all" | "default") {
        return Ok((Vec::new(), None));
    }
    if !text.contains(',') {
        return Ok(match address::prefix(text, family)? {
            Some(prefix) => (vec![prefix], None),
            None => (Vec::new(), Some(name(text, family)?)),
        });
    }
    let prefixes = elements(text).map(|element| {
        let element = element?;
        address::prefix(element, family)?.ok_or_else(|| {
            let message = format!("`{}` is no address, as a list needs", shown(element));
            let wrong = Wrong::new(element, message).expected("an address");
            wrong.hint("names one by one: `src one.example or src two.example`")
        })
    });
    Ok((prefixes.collect::<Result<_, _>>()?, None))
}

/// A name that is worth a question to the resolver.
fn name(text: &str, family: Option<AddressFamily>) -> Result<HostName<'_>, Wrong<'_>> {
    let wrong = |hint: Option<String>| {
        let message = format!("`{}` is no host", shown(text));
        Wrong::new(text, message)
            .expected("an address or the name of a host")
            .maybe_hint(hint)
    };
    let lower = text.to_ascii_lowercase();
    if lower != text
        && Keyword::of(&lower).is_some_and(|word| !matches!(word, Keyword::Predicate(_)))
    {
        return Err(wrong(Some(format!(
            "`{lower}`: words of the language have small letters"
        ))));
    }
    let belongs = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if let Some(alien) = text.chars().find(|&c| !belongs(c)) {
        return Err(wrong(misplaced(text, alien)));
    }
    let mut parts = text.split('.');
    let too_many = parts.clone().count() >= 4 && parts.all(|part| number(part).is_ok());
    if too_many {
        return Err(wrong(Some(
            "an IPv4 address has four numbers up to 255".to_owned(),
        )));
    }
    if text.len() > LONGEST {
        return Err(wrong(None));
    }
    Ok(HostName { name: text, family })
}

/// What a character that no host name has was probably meant for.
fn misplaced(text: &str, alien: char) -> Option<String> {
    Some(match alien {
        '@' => format!(
            "the name of a unix socket: `unix:{}`, or the option -x",
            shown(text)
        ),
        '*' | '?' => NO_PATTERNS.to_owned(),
        '=' | '<' | '>' | '!' => {
            "`=` needs spaces around it; not this host: `not src HOST`".to_owned()
        }
        '&' | '|' => "`and` and `or` need spaces around them".to_owned(),
        '(' | ')' => "parentheses need spaces around them".to_owned(),
        '\'' | '"' => "quotes inside an expression mean nothing".to_owned(),
        '#' => "comments are lines of a filter file that begin with `#`".to_owned(),
        _ => return None,
    })
}
