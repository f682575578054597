//! Sets of addresses: what is inside a prefix, or outside. Not which family a socket has.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use sockwatch_common::filter;

/// The addresses inside or outside of one prefix, IPv4 mapped into IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    /// Bits beyond `len` are zero.
    bits: u128,
    /// At most 128.
    len: u32,
    /// Whether those outside are meant.
    pub(super) outside: bool,
}

impl Addresses {
    /// What `prefix` contains. Its host bits may be set.
    pub(super) fn inside(prefix: &crate::filter::expr::Prefix) -> Self {
        let (address, len) = match prefix.address {
            IpAddr::V4(address) => (address.to_ipv6_mapped(), 96 + u32::from(prefix.len.min(32))),
            IpAddr::V6(address) => (address, u32::from(prefix.len.min(128))),
        };
        Self {
            bits: address.to_bits() & mask(len),
            len,
            outside: false,
        }
    }

    /// Whether its prefix contains the whole prefix of `other`.
    fn covers(self, other: Self) -> bool {
        self.len <= other.len && other.bits & mask(self.len) == self.bits
    }

    /// Both, that with the shorter prefix first.
    fn by_width(self, other: Self) -> (Self, Self) {
        if self.len <= other.len {
            (self, other)
        } else {
            (other, self)
        }
    }

    /// Where the two sets meet or a little more; `None` where they don't.
    pub(super) fn intersect(self, other: Self) -> Option<Self> {
        let (wide, narrow) = self.by_width(other);
        let nested = wide.covers(narrow);
        match (wide.outside, narrow.outside) {
            (false, false) => nested.then_some(narrow),
            (false, true) if nested && wide.len == narrow.len => None,
            (true, false) => (!nested).then_some(narrow),
            // What `narrow` takes from it leaves a set that has no name here: it stays whole.
            (_, true) => Some(wide),
        }
    }

    /// A set that contains both; `None` where that is every address.
    pub(super) fn hull(self, other: Self) -> Option<Self> {
        let (wide, narrow) = self.by_width(other);
        let nested = wide.covers(narrow);
        match (wide.outside, narrow.outside) {
            (false, false) => {
                let common = (wide.bits ^ narrow.bits).leading_zeros();
                let len = common.min(wide.len);
                (len > 0).then_some(Self {
                    bits: wide.bits & mask(len),
                    len,
                    outside: false,
                })
            }
            (false, true) => (!nested).then_some(narrow),
            (true, false) => (!nested).then_some(wide),
            (true, true) => nested.then_some(narrow),
        }
    }

    /// About the logarithm of its size.
    pub(super) fn breadth(self) -> u32 {
        if self.outside { 127 } else { 128 - self.len }
    }

    pub(super) fn to_kernel(self) -> filter::Prefix {
        filter::Prefix {
            value: words(self.bits),
            mask: words(mask(self.len)),
        }
    }
}

fn mask(len: u32) -> u128 {
    u128::MAX.checked_shl(128 - len).unwrap_or(0)
}

/// The bytes of an address in network order, as two words that hold them so.
pub(super) fn words(bits: u128) -> [u64; 2] {
    let bytes = bits.to_be_bytes();
    let word = |at: usize| {
        bytes[at..]
            .first_chunk()
            .map_or(0, |&w| u64::from_ne_bytes(w))
    };
    [word(0), word(8)]
}

/// The prefix alone.
impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = Ipv6Addr::from_bits(self.bits);
        match address.to_ipv4_mapped() {
            Some(v4) if self.len >= 96 => write!(f, "{v4}/{}", self.len - 96),
            _ => write!(f, "[{address}]/{}", self.len),
        }
    }
}
