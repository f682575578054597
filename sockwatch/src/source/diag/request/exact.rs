//! Requests for one socket, by its ends and its cookie: where it is, or to close it.
//!
//! Builds bytes; sends nothing.

use std::{net::IpAddr, num::NonZeroU64};

use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST};
use netlink_packet_sock_diag::{SOCK_DESTROY, SOCK_DIAG_BY_FAMILY};

use super::super::look::LookFor;
use crate::model::{Family, Proto, ipv6_octets};

/// Size of a request: `nlmsghdr` and `inet_diag_req_v2`.
pub(in super::super) const REQUEST_BYTES: u8 = 72;

/// Both halves of a cookie that is not asked for (`INET_DIAG_NOCOOKIE`).
const NO_COOKIE: u64 = u64::MAX;

/// Appends a request. `idiag_states` and the extensions are not looked at without `NLM_F_DUMP`.
pub(in super::super) fn append(bytes: &mut Vec<u8>, wanted: &LookFor, sequence: u32) {
    let one = One {
        kind: SOCK_DIAG_BY_FAMILY,
        flags: NLM_F_REQUEST,
        sequence,
        protocol: Proto::Tcp.number().to_le_bytes()[0],
    };
    one.append(wanted, bytes);
}

/// A request to close a socket of the protocol with that number. It is answered by an acknowledgment.
pub(in super::super) fn destroy(protocol: u8, wanted: &LookFor, sequence: u32) -> Vec<u8> {
    let one = One {
        kind: SOCK_DESTROY,
        flags: NLM_F_REQUEST | NLM_F_ACK,
        sequence,
        protocol,
    };
    let mut bytes = Vec::with_capacity(REQUEST_BYTES.into());
    one.append(wanted, &mut bytes);
    bytes
}

/// What requests for one socket differ in, besides the socket.
struct One {
    kind: u16,
    flags: u16,
    sequence: u32,
    protocol: u8,
}

impl One {
    fn append(&self, wanted: &LookFor, bytes: &mut Vec<u8>) {
        let tuple = &wanted.tuple;
        // A mapped address is looked up as IPv4 whatever the family (`inet_diag_find_one_icsk`).
        let (family, src, dst) = match (tuple.src, tuple.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                (Family::Inet, wide(src.octets()), wide(dst.octets()))
            }
            (src, dst) => (Family::Inet6, ipv6_octets(src), ipv6_octets(dst)),
        };
        let cookie = wanted.cookie.map_or(NO_COOKIE, NonZeroU64::get);
        bytes.extend(u32::from(REQUEST_BYTES).to_ne_bytes());
        bytes.extend(self.kind.to_ne_bytes());
        bytes.extend(self.flags.to_ne_bytes());
        bytes.extend(self.sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend([family.number(), self.protocol, 0, 0, 0, 0, 0, 0]);
        bytes.extend(tuple.sport.to_be_bytes());
        bytes.extend(tuple.dport.to_be_bytes());
        bytes.extend(src);
        bytes.extend(dst);
        bytes.extend(wanted.ifindex.to_ne_bytes());
        // The low word first (`sock_diag_check_cookie`).
        let [low @ .., e, f, g, h] = cookie.to_le_bytes();
        bytes.extend(u32::from_le_bytes(low).to_ne_bytes());
        bytes.extend(u32::from_le_bytes([e, f, g, h]).to_ne_bytes());
    }
}

fn wide(v4: [u8; 4]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&v4);
    bytes
}
