//! IP addresses as text (RFC 5952), without the cost of the formatting machinery.
//!
//! Two IPv6 addresses through `Display` cost more than the rest of a line.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::Family;

/// Appends the address of a socket of `family` as `ss` shows it: IPv6 in brackets, and `*` for the
/// unspecified one, unless the socket takes no IPv4 (`IPV6_V6ONLY`).
pub(super) fn put_of_socket(family: Family, address: IpAddr, v6_only: bool, out: &mut Vec<u8>) {
    match (family, address) {
        (Family::Inet, IpAddr::V4(_)) => put(address, out),
        (_, IpAddr::V6(v6)) if v6.is_unspecified() && !v6_only => out.push(b'*'),
        _ => {
            let prefix: &[u8] = if address.is_ipv4() { b"[::ffff:" } else { b"[" };
            out.extend_from_slice(prefix);
            put(address, out);
            out.push(b']');
        }
    }
}

/// Appends what `address` displays as.
pub(super) fn put(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(v4) => put_v4(v4, out),
        IpAddr::V6(v6) => put_v6(v6, out),
    }
}

fn put_v4(address: Ipv4Addr, out: &mut Vec<u8>) {
    // At most `255.255.255.255`, built here so that the buffer is looked at once.
    let mut text = [b'.'; 15];
    let mut len = 0;
    for octet in address.octets() {
        if octet >= 100 {
            text[len] = b'0' + octet / 100;
            len += 1;
        }
        if octet >= 10 {
            text[len] = b'0' + octet / 10 % 10;
            len += 1;
        }
        text[len] = b'0' + octet % 10;
        len += 1;
        if len < text.len() {
            text[len] = b'.';
            len += 1;
        }
    }
    let text = &text[..len];
    out.extend_from_slice(text.strip_suffix(b".").unwrap_or(text));
}

fn put_v6(address: Ipv6Addr, out: &mut Vec<u8>) {
    if let Some(mapped) = address.to_ipv4_mapped() {
        out.extend_from_slice(b"::ffff:");
        return put_v4(mapped, out);
    }
    let segments = address.segments();
    let (begin, end) = longest_zeros(&segments);
    put_segments(&segments[..begin], out);
    if begin < end {
        out.extend_from_slice(b"::");
        put_segments(&segments[end..], out);
    }
}

fn put_segments(segments: &[u16], out: &mut Vec<u8>) {
    for (place, &segment) in segments.iter().enumerate() {
        if place > 0 {
            out.push(b':');
        }
        for shift in (0..=segment.checked_ilog2().unwrap_or(0) / 4).rev() {
            out.push(b"0123456789abcdef"[usize::from(segment >> (4 * shift) & 15)]);
        }
    }
}

/// Begin and end of the longest run of at least two zeros, the first of several; (8, 8) if there
/// is none.
fn longest_zeros(segments: &[u16; 8]) -> (usize, usize) {
    let mut longest = (segments.len(), segments.len());
    let mut begin = 0;
    for (place, &segment) in segments.iter().enumerate() {
        if segment != 0 {
            begin = place + 1;
        } else if place + 1 - begin > (longest.1 - longest.0).max(1) {
            longest = (begin, place + 1);
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(address: IpAddr) -> String {
        let mut out = Vec::new();
        put(address, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_socket_says_by_its_family_how_its_address_looks() {
        for (family, address, v6_only, expected) in [
            (Family::Inet, "0.0.0.0", false, "0.0.0.0"),
            (Family::Inet6, "127.0.0.1", false, "[::ffff:127.0.0.1]"),
            (Family::Inet6, "::1", false, "[::1]"),
            (Family::Inet6, "::", false, "*"),
            (Family::Inet6, "::", true, "[::]"),
        ] {
            let mut out = Vec::new();
            put_of_socket(family, address.parse().unwrap(), v6_only, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn v4_is_as_the_standard_library_has_it() {
        for octet in 0..=255 {
            for octets in [[octet, 0, 10, 255], [1, 99, 100, octet]] {
                let address = IpAddr::from(octets);
                assert_eq!(shown(address), address.to_string());
            }
        }
    }

    #[test]
    fn v6_is_as_the_standard_library_has_it() {
        for zeros in 0..=255_u16 {
            for value in [1, 0xf, 0x10, 0xabc, 0x1000, 0xffff] {
                let segments: [u16; 8] = std::array::from_fn(|n| (zeros >> n & 1) * value);
                let address = IpAddr::from(segments);
                assert_eq!(shown(address), address.to_string());
            }
        }
        let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
        assert_eq!(shown(mapped), "::ffff:10.0.0.1");
    }
}
