//! Raw sockets from /proc/net/raw and raw6, for kernels without RAW_DIAG.
//!
//! Text in, rows out, and the files of the calling thread's network namespace. Bound device, mark,
//! cgroup, cookie and IPV6_V6ONLY are not told there.
//!
//! Format: `net/ipv4/raw.c`, `raw_sock_seq_show`; `net/ipv6/datagram.c`, `__ip6_dgram_sock_seq_show`.

use std::{fs, io, path::Path};

use crate::model::{Endpoint, Family, Netid, Row, SocketInfo, TcpState, Tuple};

/// The file for a family.
fn path(family: Family) -> &'static str {
    match family {
        Family::Inet => "/proc/thread-self/net/raw",
        Family::Inet6 => "/proc/thread-self/net/raw6",
    }
}

fn has_ipv4() -> bool {
    Path::new(path(Family::Inet)).exists()
}

/// Gives every raw socket of `family` to `each`. Returns how many lines made no sense.
///
/// # Errors
///
/// The file can't be read.
pub(super) fn list(
    family: Family,
    netns: Option<u32>,
    each: impl FnMut(&Row<'_>),
) -> io::Result<u64> {
    let text = match fs::read(path(family)) {
        // A kernel without IPv6, rather than a /proc that is not mounted.
        Err(error) if error.kind() == io::ErrorKind::NotFound && has_ipv4() => return Ok(0),
        read => read?,
    };
    Ok(read(&String::from_utf8_lossy(&text), family, netns, each))
}

fn read(text: &str, family: Family, netns: Option<u32>, mut each: impl FnMut(&Row<'_>)) -> u64 {
    let mut malformed = 0;
    // The first line is the head.
    for line in text.lines().skip(1) {
        match row(line, family, netns) {
            Some(row) => each(&row),
            None => malformed += 1,
        }
    }
    malformed
}

/// `sl local remote st tx:rx tr:when retrnsmt uid timeout inode ...`
fn row(line: &str, family: Family, netns: Option<u32>) -> Option<Row<'static>> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (src, sport) = end(words.next()?, family)?;
    let (dst, dport) = end(words.next()?, family)?;
    let state = u8::from_str_radix(words.next()?, 16).ok()?;
    let (send_q, recv_q) = words.next()?.split_once(':')?;
    let uid = words.nth(2)?.parse().ok()?;
    let inode = words.nth(1)?.parse().ok()?;
    let tuple = Tuple::from_kernel(family, (&src, sport), (&dst, dport));
    let (local, peer) = Endpoint::of_tuple(&tuple);
    Some(Row {
        recv_q: u32::from_str_radix(recv_q, 16).ok()?,
        send_q: u32::from_str_radix(send_q, 16).ok()?,
        info: SocketInfo {
            netns,
            uid: Some(uid),
            inode: Some(inode),
            ..SocketInfo::default()
        },
        ..Row::new(Netid::Raw, TcpState::from_kernel(state), local, peer)
    })
}

/// An address in network order, IPv4 in the first four bytes, and a port: `0100007F:0001`.
fn end(word: &str, family: Family) -> Option<([u8; 16], u16)> {
    let (digits, port) = word.split_once(':')?;
    let words = match family {
        Family::Inet => 1,
        Family::Inet6 => 4,
    };
    if digits.len() != words * 8 || !digits.is_ascii() {
        return None;
    }
    let mut address = [0; 16];
    for (index, bytes) in address.chunks_exact_mut(4).take(words).enumerate() {
        // Each word was written as a number, though it is one in network order.
        let number = u32::from_str_radix(digits.get(index * 8..index * 8 + 8)?, 16).ok()?;
        bytes.copy_from_slice(&number.to_ne_bytes());
    }
    Some((address, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    /// Of a real kernel (6.18): ICMP bound to 127.0.0.1; ICMPv6 connected to ::1.
    const RAW: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  69: 0100007F:0001 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 23292546 2 000000004bfaf335 0
";
    const RAW6: &str = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
   11: 00000000000000000000000001000000:003A 00000000000000000000000001000000:0000 01 00000010:000001A0 00:00000000 00000000  1000        0 23292547 2 00000000547f3a05 0
";

    fn rows(text: &str, family: Family) -> (Vec<Row<'static>>, u64) {
        let mut given = 0;
        let malformed = read(text, family, Some(7), |_| given += 1);
        let lines = text.lines().skip(1);
        let rows: Vec<_> = lines
            .filter_map(|line| row(line, family, Some(7)))
            .collect();
        assert_eq!(rows.len(), given);
        (rows, malformed)
    }

    #[test]
    fn a_bound_socket_and_a_connected_one() {
        let (v4, malformed) = rows(RAW, Family::Inet);
        assert_eq!((v4.len(), malformed), (1, 0));
        let tuple = Endpoint::tuple(&v4[0].local, &v4[0].peer).unwrap();
        assert_eq!(
            (tuple.src.to_string(), tuple.sport),
            ("127.0.0.1".into(), 1)
        );
        assert!(!tuple.has_peer());
        assert_eq!((v4[0].netid, v4[0].state), (Netid::Raw, TcpState::Close));
        assert_eq!(
            (v4[0].info.inode, v4[0].info.netns),
            (Some(23_292_546), Some(7))
        );

        let (v6, malformed) = rows(RAW6, Family::Inet6);
        assert_eq!((v6.len(), malformed), (1, 0));
        let tuple = Endpoint::tuple(&v6[0].local, &v6[0].peer).unwrap();
        assert_eq!((tuple.dst.to_string(), tuple.sport), ("::1".into(), 58));
        assert_eq!((v6[0].recv_q, v6[0].send_q), (0x1a0, 0x10));
        assert_eq!(
            (v6[0].state, v6[0].info.uid),
            (TcpState::Established, Some(1000))
        );
    }

    #[test]
    fn odd_text_is_counted_and_never_fatal() {
        assert_eq!(rows("", Family::Inet).1, 0);
        assert_eq!(
            rows("head\n\nx\n 1: 0100007é:0001 0:0\n", Family::Inet).1,
            3
        );
        assert_eq!(rows(RAW, Family::Inet6), (Vec::new(), 1));
        for (text, family) in [(RAW, Family::Inet), (RAW6, Family::Inet6)] {
            for end in 0..text.len() {
                rows(&text[..end], family);
                for odd in [" ", ":", "g", "\u{e9}", "\n"] {
                    rows(&[&text[..end], odd, &text[end + 1..]].concat(), family);
                }
            }
        }
    }
}
