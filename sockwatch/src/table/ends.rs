//! Both ends of a connection, for finding minisockets, which have no cookie of their own.

use std::{hash::BuildHasher, net::IpAddr};

use rustc_hash::FxBuildHasher;

use super::Entry;
use crate::model::{Mini, SocketKey, Transition, Tuple};

/// Both ends of a connection, in its namespace, whatever the family of its socket: a segment does
/// not tell that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Ends {
    src: [u64; 2],
    dst: [u64; 2],
    ports: (u16, u16),
    /// 0 where it is not known; no inode has that number.
    netns: u32,
}

impl Ends {
    pub(super) fn new(tuple: &Tuple, netns: Option<u32>) -> Self {
        Self {
            src: words(tuple.src),
            dst: words(tuple.dst),
            ports: (tuple.sport, tuple.dport),
            netns: netns.unwrap_or(0),
        }
    }

    pub(super) fn of_entry(entry: &Entry) -> Self {
        Self::new(&entry.tuple, entry.netns)
    }

    pub(super) fn of_transition(transition: &Transition) -> Self {
        Self::new(&transition.tuple, transition.info.netns)
    }

    pub(super) fn of_mini(mini: &Mini) -> Self {
        Self::new(&mini.tuple, mini.info.netns)
    }

    /// A key for a connection whose address is no identity any more, and that has no cookie.
    pub(super) fn key(&self) -> SocketKey {
        SocketKey {
            cookie: None,
            // Kernel addresses have the top bit set: no key of an event is met.
            sk: FxBuildHasher.hash_one(self) & (u64::MAX >> 1),
        }
    }
}

/// The address as IPv6, an IPv4 one as IPv4-mapped.
fn words(address: IpAddr) -> [u64; 2] {
    let bits = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    [(bits >> 64) as u64, bits as u64]
}
