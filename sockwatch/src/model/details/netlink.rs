//! Of a netlink socket: `include/uapi/linux/netlink_diag.h`.

/// What is known of a netlink socket besides its row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetlinkDetails<'a> {
    /// The multicast groups that it is in: `NETLINK_DIAG_GROUPS`. `None`: in none, or not asked for.
    pub groups: Option<Groups<'a>>,
    /// `NETLINK_DIAG_FLAGS`. `None`: not asked for.
    pub flags: Option<NetlinkFlags>,
}

/// A set of multicast groups, as it lies in a dump: words in the byte order of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Groups<'a>(&'a [[u8; 4]]);

impl<'a> Groups<'a> {
    /// Those in `bytes`. The kernel gives a whole number of words.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.as_chunks().0)
    }

    /// The first 32 groups, group 1 in the lowest bit.
    pub fn first_32(self) -> u32 {
        self.words().next().unwrap_or(0)
    }

    /// Their numbers, from 1. The kernel's words are of the machine's size, but groups lie in them as
    /// in words of 32 bits where the byte order is little-endian; elsewhere pairs are swapped.
    pub fn iter(self) -> impl Iterator<Item = u32> {
        let numbered = (0_u32..).zip(self.words());
        numbered.flat_map(|(place, word)| {
            let place = if cfg!(all(target_endian = "big", target_pointer_width = "64")) {
                place ^ 1
            } else {
                place
            };
            let set = (0..u32::BITS).filter(move |bit| word >> bit & 1 == 1);
            set.map(move |bit| place * u32::BITS + bit + 1)
        })
    }

    fn words(self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|&bytes| u32::from_ne_bytes(bytes))
    }
}

/// `NDIAG_FLAG_` bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetlinkFlags(pub u32);

impl NetlinkFlags {
    const WORDS: [&'static str; 6] = [
        "cb-running",
        "pktinfo",
        "broadcast-error",
        "no-enobufs",
        "listen-all-nsid",
        "cap-ack",
    ];

    /// The words of the bits that are known.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        super::words_of(&Self::WORDS, self.0)
    }
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    #[test]
    fn groups_are_counted_from_one() {
        let groups = Groups::new(&[5, 0, 0, 0x80, 0, 1, 0, 0, 9]);
        assert_eq!(groups.iter().collect::<Vec<_>>(), [1, 3, 32, 41]);
        assert_eq!(groups.first_32(), 0x8000_0005);
        assert_eq!(Groups::new(&[]).first_32(), 0);
    }
}
