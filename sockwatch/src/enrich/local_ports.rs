//! The range of ports that the kernel chooses from when nobody binds one.
//!
//! That of the calling thread's network namespace: each has its own, which only those within can
//! read.

use std::{fs, ops::RangeInclusive};

/// The kernel's default (`net/ipv4/af_inet.c`, `inet_init_net`).
pub const DEFAULT: RangeInclusive<u16> = 32_768..=60_999;

/// `net.ipv4.ip_local_port_range`, which serves IPv6 too; the default if it can't be read.
pub fn range() -> RangeInclusive<u16> {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    text.ok().and_then(|text| parse(&text)).unwrap_or(DEFAULT)
}

fn parse(text: &str) -> Option<RangeInclusive<u16>> {
    let mut numbers = text.split_whitespace();
    let (first, last) = (numbers.next()?, numbers.next()?);
    Some(first.parse().ok()?..=last.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_numbers_are_a_range() {
        assert_eq!(parse("1024\t65000\n"), Some(1_024..=65_000));
        assert_eq!(parse("1024\n"), None);
        assert_eq!(parse("a b"), None);
        assert!(!range().is_empty());
    }
}
