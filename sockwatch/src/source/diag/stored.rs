//! Replies of sock_diag as they are kept in files: netlink messages one behind the other.
//!
//! Builds bytes; writes no file.

use netlink_packet_core::{NLM_F_MULTIPART, NLMSG_ALIGNTO, NLMSG_DONE};
use netlink_packet_sock_diag::SOCK_DIAG_BY_FAMILY;

/// Size of `struct nlmsghdr`.
const HEADER_BYTES: usize = 16;

/// The sequence number that `ss` gives its requests.
const SEQUENCE: u32 = 123_456;

/// Appends the message of a socket, whose payload this is.
pub fn socket(payload: &[u8], out: &mut Vec<u8>) {
    message(SOCK_DIAG_BY_FAMILY, payload, out);
}

/// Appends the message that ends a dump.
pub fn end(out: &mut Vec<u8>) {
    message(NLMSG_DONE, &0_i32.to_ne_bytes(), out);
}

fn message(kind: u16, payload: &[u8], out: &mut Vec<u8>) {
    // A message came in one datagram, and is shorter than that.
    let length = u32::try_from(HEADER_BYTES + payload.len()).unwrap_or(u32::MAX);
    out.extend(length.to_ne_bytes());
    out.extend(kind.to_ne_bytes());
    out.extend(NLM_F_MULTIPART.to_ne_bytes());
    out.extend(SEQUENCE.to_ne_bytes());
    out.extend([0; 4]);
    out.extend(payload);
    out.resize(out.len().next_multiple_of(NLMSG_ALIGNTO.into()), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_whole_and_aligned() {
        let mut out = Vec::new();
        socket(b"12345", &mut out);
        assert_eq!(out.len(), 24);
        assert_eq!(out[..4], 21_u32.to_ne_bytes());
        assert_eq!(&out[16..], b"12345\0\0\0");
        end(&mut out);
        assert_eq!(out[24..28], 20_u32.to_ne_bytes());
        assert_eq!(out[28..30], 3_u16.to_ne_bytes());
        assert_eq!(out.len(), 44);
    }
}
