//! The filter of the kernel programs: necessary conditions for an event to matter, as a read-only
//! global that the loader fills in.
//!
//! A disjunction of clauses, each a conjunction of ranges and prefixes, and a table of the state
//! changes that matter. What they decide is in [`drops`]; how an expression becomes clauses is user
//! space's business.

mod decide;

use core::mem::{align_of, offset_of, size_of};

pub use decide::{Rules, Socket, drops, drops_mini};

/// Room for clauses.
pub const CLAUSES: usize = 8;

/// States that [`Filter::kept`] has rows for; whatever leaves another one is kept.
pub const STATES: usize = 16;

/// Bits of [`Test::sorts`]: one family and one protocol of the socket have to be among them.
pub mod sort {
    /// `AF_INET`
    pub const INET: u32 = 1 << 0;
    /// `AF_INET6`
    pub const INET6: u32 = 1 << 1;
    /// Every family.
    pub const FAMILIES: u32 = INET | INET6;
    /// `IPPROTO_TCP`
    pub const TCP: u32 = 1 << 8;
    /// `IPPROTO_MPTCP`
    pub const MPTCP: u32 = 1 << 9;
    /// `IPPROTO_SCTP`
    pub const SCTP: u32 = 1 << 10;
    /// `IPPROTO_DCCP`
    pub const DCCP: u32 = 1 << 11;
    /// Any other protocol.
    pub const OTHER: u32 = 1 << 12;
    /// Every protocol.
    pub const PROTOCOLS: u32 = TCP | MPTCP | SCTP | DCCP | OTHER;
}

/// Bits of [`Head::needs`]: facts that some clause asks for. What none asks for is not read.
pub mod need {
    /// The local port.
    pub const SPORT: u32 = 1 << 0;
    /// The peer's port.
    pub const DPORT: u32 = 1 << 1;
    /// The local address.
    pub const SRC: u32 = 1 << 2;
    /// The peer's address.
    pub const DST: u32 = 1 << 3;
    /// The network namespace.
    pub const NETNS: u32 = 1 << 4;
    /// Anything that differs from connection to connection.
    pub const TUPLE: u32 = SPORT | DPORT | SRC | DST;
}

/// Bits of [`Test::addresses`].
pub mod address {
    /// The local address has to be in its prefix.
    pub const SRC: u32 = 1 << 0;
    /// With `SRC`: it has to be outside.
    pub const SRC_OUTSIDE: u32 = 1 << 1;
    /// The peer's address has to be in its prefix.
    pub const DST: u32 = 1 << 2;
    /// With `DST`: it has to be outside.
    pub const DST_OUTSIDE: u32 = 1 << 3;
}

/// What is read first.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// 1 where there is a filter; 0 passes everything, and the verifier prunes the rest.
    pub active: u32,
    /// Clauses in use, at most [`CLAUSES`]; of none, nothing passes.
    pub clauses: u32,
    /// Bits of [`need`].
    pub needs: u32,
    /// Zero.
    pub pad: u32,
}

/// The conditions of one clause but for the addresses' prefixes. Bounds belong to the ranges.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Test {
    /// Bits of [`sort`].
    pub sorts: u32,
    /// Bits of [`address`].
    pub addresses: u32,
    /// Smallest local port, host order.
    pub sport_low: u32,
    /// Greatest local port.
    pub sport_high: u32,
    /// Smallest port of the peer, host order.
    pub dport_low: u32,
    /// Greatest port of the peer.
    pub dport_high: u32,
    /// Smallest inode number of the network namespace.
    pub netns_low: u32,
    /// Greatest inode number of the network namespace.
    pub netns_high: u32,
}

impl Test {
    /// Passed by every socket.
    pub const ANY: Self = Self {
        sorts: sort::FAMILIES | sort::PROTOCOLS,
        addresses: 0,
        sport_low: 0,
        sport_high: u16::MAX as u32,
        dport_low: 0,
        dport_high: u16::MAX as u32,
        netns_low: 0,
        netns_high: u32::MAX,
    };
}

/// An address prefix: `(address ^ value) & mask == 0`. IPv6, and IPv4 mapped into it, as two words
/// that hold the sixteen bytes as they lie in memory.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The bits.
    pub value: [u64; 2],
    /// Which of them are compared.
    pub mask: [u64; 2],
}

impl Prefix {
    /// Every address.
    pub const ANY: Self = Self {
        value: [0; 2],
        mask: [0; 2],
    };
}

/// The global.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// What is read first.
    pub head: Head,
    /// By the state left: bit n is set where entering state n matters. Asked of TCP alone.
    pub kept: [u32; STATES],
    /// The clauses.
    pub tests: [Test; CLAUSES],
    /// By clause: prefix of the local address, prefix of the peer's.
    pub prefixes: [[Prefix; 2]; CLAUSES],
}

impl Filter {
    /// Passes everything.
    pub const NONE: Self = Self {
        head: Head {
            active: 0,
            clauses: 0,
            needs: 0,
            pad: 0,
        },
        kept: [u32::MAX; STATES],
        tests: [Test::ANY; CLAUSES],
        prefixes: [[Prefix::ANY; 2]; CLAUSES],
    };
}

const _: () = assert!(size_of::<Head>() == 16 && size_of::<Test>() == 32);
const _: () = assert!(size_of::<Prefix>() == 32 && align_of::<Prefix>() == 8);
const _: () = assert!(offset_of!(Filter, kept) == 16 && offset_of!(Filter, tests) == 80);
const _: () = assert!(offset_of!(Filter, prefixes) == 336);
const _: () = assert!(size_of::<Filter>() == 848 && align_of::<Filter>() == 8);
