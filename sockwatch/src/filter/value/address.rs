//! IP addresses with prefixes, as literals.
//!
//! Names of hosts are none of its business.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Wrong;
use super::number::unsigned;
use crate::filter::error::shown;
use crate::filter::expr::Prefix;
use crate::model::AddressFamily;

/// An address with or without a prefix; `None` when it can only be a name.
pub(super) fn prefix(
    text: &str,
    family: Option<AddressFamily>,
) -> Result<Option<Prefix>, Wrong<'_>> {
    let (address, len) = match text.split_once('/') {
        Some((address, len)) => (address, Some(len)),
        None => (text, None),
    };
    let address = if address.contains(':') {
        IpAddr::V6(
            address
                .parse::<Ipv6Addr>()
                .map_err(|_no_details| no_ipv6(address))?,
        )
    } else {
        match v4(address) {
            Some(address) => IpAddr::V4(address),
            None if len.is_some() => return Err(no_address(text)),
            None => return Ok(None),
        }
    };
    check_family(text, address, family)?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let len = match len {
        Some(len) => prefix_len(len, longest)?,
        None => longest,
    };
    Ok(Some(Prefix { address, len }))
}

/// One to four numbers; those missing are 0, on the right: `10.1` is 10.1.0.0.
fn v4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut places = octets.iter_mut();
    for part in text.split('.') {
        *places.next()? = unsigned::<u8>(part)?;
    }
    Some(Ipv4Addr::from(octets))
}

fn check_family(
    text: &str,
    address: IpAddr,
    family: Option<AddressFamily>,
) -> Result<(), Wrong<'_>> {
    let (found, wanted) = match (address, family) {
        (IpAddr::V6(_), Some(AddressFamily::Inet)) => ("IPv6", "IPv4"),
        (IpAddr::V4(_), Some(AddressFamily::Inet6)) => ("IPv4", "IPv6"),
        _ => return Ok(()),
    };
    let message = format!(
        "`{}` is an {found} address, and only {wanted} is asked for",
        shown(text)
    );
    let wrong = Wrong::new(text, message).expected(format!("an {wanted} address"));
    Err(wrong.hint("an option (-4, -6, -f) or a prefix (inet:, inet6:) says so"))
}

/// A number, or a mask as IPv4 has it; `ss` takes one behind an IPv6 address too.
fn prefix_len(text: &str, longest: u8) -> Result<u8, Wrong<'_>> {
    let from_mask = || {
        let mask = u32::from(v4(text).filter(|_| text.contains('.'))?);
        let ones = mask.leading_ones();
        let whole = ones + mask.trailing_zeros() >= 32;
        u8::try_from(ones).ok().filter(|_| whole)
    };
    let len = unsigned::<u8>(text).filter(|len| *len <= longest);
    len.or_else(from_mask).ok_or_else(|| {
        let message = match text {
            "" => "the length of the prefix is missing".to_owned(),
            text => format!("`{}` is no length of a prefix", shown(text)),
        };
        Wrong::new(text, message).expected(format!("a number up to {longest}"))
    })
}

fn no_ipv6(text: &str) -> Wrong<'_> {
    let wrong = Wrong::new(text, format!("`{}` is no IPv6 address", shown(text)));
    let wrong = wrong.expected("an IPv6 address");
    wrong.hint("a port after an IPv6 address: `[fd00::1]:443`")
}

fn no_address(text: &str) -> Wrong<'_> {
    let wrong = Wrong::new(
        text,
        format!("`{}` is no address with a prefix", shown(text)),
    );
    let wrong = wrong.expected("an address such as 10.0.0.0/8 or fd00::/8");
    if text.starts_with('/') {
        let name = shown(text);
        wrong.hint(format!(
            "the name of a unix socket: `unix:{name}`, or the option -x"
        ))
    } else {
        wrong.hint("names of hosts have no prefix")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        let prefix = prefix(text, None).ok()??;
        Some(format!("{}/{}", prefix.address, prefix.len))
    }

    #[test]
    fn addresses_are_read_as_ss_reads_them() {
        let addresses = [
            ("127.0.0.1", "127.0.0.1/32"),
            ("127.1", "127.1.0.0/32"),
            ("10.99/16", "10.99.0.0/16"),
            ("10/0x8", "10.0.0.0/8"),
            ("0177.0x0.0.1", "127.0.0.1/32"),
            ("10.1.2.3/255.255.0.0", "10.1.2.3/16"),
            ("10.1.2.3/0.0.0.0", "10.1.2.3/0"),
            ("::ffff:1.2.3.4", "::ffff:1.2.3.4/128"),
            ("fd00::/64", "fd00::/64"),
            ("fd00::/255.0.0.0", "fd00::/8"),
        ];
        for (text, expected) in addresses {
            assert_eq!(parsed(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn the_rest_are_names_or_mistakes() {
        for name in ["localhost", "1.2.3.4.5", "300", "10.", "", "2130706433"] {
            assert_eq!(prefix(name, None).unwrap(), None, "{name}");
        }
        let mistakes = [
            "127.0.0.1/33",
            "127.0.0.1/x",
            "127.0.0.1/-1",
            "127.0.0.1/",
            "::1/129",
            "any/8",
            "fe80::1%lo",
            "1:2",
            "10.0.0.0/255.0.255.0",
            "fd00::/255.0.255.0",
            "/run/x",
            "a/8",
        ];
        for text in mistakes {
            assert!(prefix(text, None).is_err(), "{text}");
        }
        assert!(prefix("1.2.3.4", Some(AddressFamily::Inet6)).is_err());
        assert!(prefix("::1", Some(AddressFamily::Inet)).is_err());
    }
}
