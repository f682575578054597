//! `INET_DIAG_MD5SIG`: an array of `struct tcp_diag_md5sig` (`include/uapi/linux/tcp.h`).

use std::net::IpAddr;

use crate::model::{Family, details::Md5Key};

/// Size of the structure: family u8, prefix length u8, length of the key u16, address, key.
const BYTES: usize = 100;

/// Reads those that make sense into `keys`, and says how many don't. The kernel leaves entries that it
/// did not need at the end empty.
pub(super) fn read(bytes: &[u8], keys: &mut Vec<Md5Key>) -> u32 {
    keys.clear();
    let (entries, rest) = bytes.as_chunks::<BYTES>();
    let mut malformed = u32::from(!rest.is_empty());
    for entry in entries.iter().filter(|entry| entry[0] != 0) {
        match key(entry) {
            Some(key) => keys.push(key),
            None => malformed += 1,
        }
    }
    malformed
}

fn key(entry: &[u8; BYTES]) -> Option<Md5Key> {
    let &[family, prefix_len, l0, l1, a0, a1, a2, a3, ..] = entry;
    let length = u16::from_ne_bytes([l0, l1]);
    let address = match Family::from_kernel(family.into())? {
        Family::Inet => IpAddr::from([a0, a1, a2, a3]),
        Family::Inet6 => IpAddr::from(*entry[4..].first_chunk::<16>()?),
    };
    Md5Key::new(address, prefix_len, entry[20..].get(..length.into())?)
}
