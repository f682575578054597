//! A connection by its ends: the key of a map that both sides write.

/// A connection as a segment names it, which does not tell the family of the socket.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Local address in network order, as two little-endian words; IPv4 as IPv4-mapped IPv6.
    pub saddr: [u64; 2],
    /// Peer's address, likewise.
    pub daddr: [u64; 2],
    /// Inode number of the network namespace.
    pub netns: u32,
    /// Local port, host order.
    pub sport: u16,
    /// Peer's port, host order.
    pub dport: u16,
}

impl Ends {
    /// From addresses as sixteen bytes in network order, IPv4 ones IPv4-mapped.
    pub const fn new(
        (saddr, sport): ([u8; 16], u16),
        (daddr, dport): ([u8; 16], u16),
        netns: u32,
    ) -> Self {
        Self {
            saddr: words(saddr),
            daddr: words(daddr),
            netns,
            sport,
            dport,
        }
    }
}

const fn words(bytes: [u8; 16]) -> [u64; 2] {
    let [low @ .., _, _, _, _, _, _, _, _] = bytes;
    let [_, _, _, _, _, _, _, _, high @ ..] = bytes;
    [u64::from_le_bytes(low), u64::from_le_bytes(high)]
}

// A key of a map has no padding: the kernel compares its bytes.
const _: () = assert!(size_of::<Ends>() == 40 && align_of::<Ends>() == 8);
