//! The filter expression: what the words mean, with every name looked up.
//!
//! Its `Display` is words again, which parse to the same expression.

#[cfg(test)]
pub(crate) mod arbitrary;
mod display;

use std::ops::RangeInclusive;

use crate::model::{AddressFamily, Cause, Comm, Nanos};

/// An expression. A list of one element is never made: it is the element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// One predicate.
    Term(Term),
    /// `not`
    Not(Box<Expr>),
    /// `and`, or nothing between two terms; of none: everything.
    And(Vec<Expr>),
    /// `or`
    Or(Vec<Expr>),
}

impl Expr {
    /// What the empty filter means.
    pub const EVERYTHING: Self = Self::And(Vec::new());
}

/// Which end of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `src`, `sport`: the local end.
    Src,
    /// `dst`, `dport`: the peer.
    Dst,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `=`, or nothing
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// A predicate.
///
/// A fact that is not known equals nothing and is in no order to anything: then `=`, `<`, `<=`,
/// `>`, `>=` are false, and `!=`, which is `not =`, is true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// `src`, `dst`
    Host {
        /// Of which end.
        end: End,
        /// The address and the port.
        host: HostTest,
    },
    /// `sport`, `dport`
    Port {
        /// Of which end.
        end: End,
        /// Only sockets of this family: the value had a prefix, or an option prefers one.
        family: Option<AddressFamily>,
        /// How it is compared; with more than one port only `Eq` and `Ne`.
        compare: Compare,
        /// With what.
        ports: PortSet,
    },
    /// `dev`: the bound device, 0 for none.
    Dev {
        /// `Eq` or `Ne`.
        compare: Compare,
        /// Its index.
        ifindex: u32,
    },
    /// `fwmark V[/M]`: (mark & M) = V.
    Mark {
        /// `Eq` or `Ne`.
        compare: Compare,
        /// V
        value: u32,
        /// M
        mask: u32,
    },
    /// `cgroup`
    Cgroup {
        /// `Eq` or `Ne`.
        compare: Compare,
        /// Which.
        cgroup: CgroupTest,
    },
    /// `autobound`: the kernel chose the port (or the name).
    Autobound,
    /// `pid`: any owner has it.
    Pid(Compare, NumberSet),
    /// `comm`: any owner's name matches the glob.
    Comm(Compare, Glob),
    /// `uid`, `user`
    Uid(Compare, NumberSet),
    /// `netns`: inode numbers of network namespaces.
    Netns(Compare, NumberSet),
    /// `container`: the container's id begins with this (hex digits), or its name matches the glob.
    Container(Compare, Glob),
    /// `dwell`: time spent in the state that the transition left.
    Dwell(Compare, Nanos),
    /// `age`: time since the connection began.
    Age(Compare, Nanos),
    /// `rtt`: smoothed round-trip time.
    Rtt(Compare, Nanos),
    /// `retrans`: segments retransmitted over the socket's life.
    Retrans(Compare, NumberSet),
    /// `cause`: why a socket went to `closed`; never empty.
    Cause(Compare, Vec<Cause>),
}

/// What `src` and `dst` ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostTest {
    /// An IP address, or any address at all, with a port; without a family the number is compared
    /// with whatever stands for a port in the socket's own family.
    Inet {
        /// Only sockets of this family, `Inet` or `Inet6`.
        family: Option<AddressFamily>,
        /// Any of these; empty: every address.
        prefixes: Vec<Prefix>,
        /// The port.
        ports: PortSet,
    },
    /// The name of a unix socket: the whole of it, case ignored.
    Unix(Glob),
    /// A packet socket.
    Link {
        /// Ethertype, `None` for any.
        protocol: Option<u16>,
        /// Index of the device, `None` for any.
        ifindex: Option<u32>,
    },
    /// A netlink socket.
    Netlink {
        /// Netlink protocol, `None` for any.
        protocol: Option<u8>,
        /// Port id, `None` for any.
        portid: Option<u32>,
    },
    /// A vsock address.
    Vsock {
        /// `None` for any.
        cid: Option<u32>,
        /// `None` for any.
        port: Option<u32>,
    },
}

/// An address prefix. Bits beyond `len` are kept as given and not compared.
///
/// An IPv4 prefix matches AF_INET sockets, and AF_INET6 sockets whose address is IPv4-mapped
/// (`net/ipv4/inet_diag.c`, `inet_diag_bc_run`); an IPv6 one AF_INET6 sockets alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// As written: a mapped IPv6 address stays one.
    pub address: std::net::IpAddr,
    /// Bits compared, at most 32 or 128.
    pub len: u8,
}

/// Ports, in the order written; empty: every port, also none.
pub type PortSet = Vec<Ports>;

/// A port, a range, or what a service name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The numbers. Beyond 0..=65535 there are inodes and port ids; no TCP port is there.
    pub range: RangeInclusive<i64>,
    /// Only sockets of this transport: a service whose name means different ports.
    pub only: Option<Transport>,
}

/// Whose service names a socket's ports have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP, MPTCP, SCTP, DCCP
    Tcp,
    /// UDP
    Udp,
}

/// Numbers and ranges of them, in the order written; never empty.
pub type NumberSet = Vec<RangeInclusive<u64>>;

/// Which cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CgroupTest {
    /// This one, and none below it.
    Exactly {
        /// Its id (the inode number of its directory).
        id: u64,
        /// Its path below the cgroup2 mount, as it was found.
        path: String,
    },
    /// `^PATH`: this one and all below it.
    Subtree {
        /// Its path below the cgroup2 mount: begins with `/`, and ends with none but the root's.
        path: String,
    },
}

/// A shell pattern (fnmatch(3) without flags): `*` crosses `/`, and the whole text has to match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    /// As written.
    pub pattern: Vec<u8>,
}

/// Bytes of a process name, for a glob to look at.
impl AsRef<[u8]> for Comm {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}
