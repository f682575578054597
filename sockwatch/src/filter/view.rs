//! What a filter looks at: a socket, or a transition of one, however it became known.

use std::net::IpAddr;

use crate::model::{Cause, Family, Nanos, Netid, Owner, SocketInfo, Tuple};

/// Everything that a filter can ask of a socket. `None` is unknown.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Its table.
    pub netid: Netid,
    /// The local end.
    pub local: Endpoint<'a>,
    /// The other end; where there is none, the unspecified address and port 0.
    pub peer: Endpoint<'a>,
    /// Which of these will still become known. What a filter says before may change.
    pub pending: Pending,
    /// Bound device, 0 for none.
    pub ifindex: Option<u32>,
    /// Firewall mark.
    pub mark: Option<u32>,
    /// Id of the cgroup.
    pub cgroup_id: Option<u64>,
    /// Its path below the cgroup2 mount.
    pub cgroup: Option<&'a str>,
    /// Whether the kernel chose the port or name.
    pub autobound: Option<bool>,
    /// User.
    pub uid: Option<u32>,
    /// Network namespace.
    pub netns: Option<u32>,
    /// The processes that hold it; live, the one that owns it.
    pub owners: &'a [Owner],
    /// Time spent in the state that was left.
    pub dwell: Option<Nanos>,
    /// Time since the connection began.
    pub age: Option<Nanos>,
    /// Smoothed round-trip time.
    pub rtt: Option<Nanos>,
    /// Segments retransmitted.
    pub retrans: Option<u64>,
    /// Why it was closed.
    pub cause: Option<Cause>,
}

impl View<'_> {
    /// The view of a socket with IP addresses, as a dump or an event shows it; all else is unknown.
    pub fn of_ip(netid: Netid, tuple: &Tuple, info: &SocketInfo) -> Self {
        let end = |address, port| Endpoint::Ip {
            family: tuple.family,
            address,
            port,
        };
        Self {
            netid,
            local: end(tuple.src, tuple.sport),
            peer: end(tuple.dst, tuple.dport),
            pending: Pending::default(),
            ifindex: info.ifindex,
            mark: info.mark,
            cgroup_id: info.cgroup_id,
            cgroup: None,
            autobound: None,
            uid: info.uid,
            netns: info.netns,
            owners: &[],
            dwell: None,
            age: None,
            rtt: None,
            retrans: None,
            cause: None,
        }
    }
}

/// One end of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint<'a> {
    /// AF_INET or AF_INET6
    Ip {
        /// Family of the socket, not of the address.
        family: Family,
        /// Address; an IPv4-mapped one is held as IPv4.
        address: IpAddr,
        /// Port; of a raw socket the IP protocol.
        port: u16,
    },
    /// AF_UNIX
    Unix {
        /// `@` for every NUL, empty for none; of the peer always empty, for the kernel tells only its
        /// inode.
        name: &'a [u8],
        /// Inode.
        inode: u32,
    },
    /// AF_PACKET
    Link {
        /// Ethertype; 0 before bind.
        protocol: u16,
        /// Index of the bound device, 0 for any.
        ifindex: u32,
    },
    /// AF_NETLINK
    Netlink {
        /// Netlink protocol.
        protocol: u8,
        /// Port id, 0 for the kernel's own.
        portid: u32,
    },
    /// AF_VSOCK
    Vsock {
        /// CID.
        cid: u32,
        /// Port.
        port: u32,
    },
    /// AF_XDP
    Xdp {
        /// Index of the device.
        ifindex: u32,
        /// Queue.
        queue: u32,
    },
    /// AF_TIPC, of whose address filters know nothing.
    Tipc,
}

/// Facts that are on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// The local port: connect() chooses it after the transition to `syn-sent`.
    pub sport: bool,
    /// The local address.
    pub src: bool,
    /// The peer's address and port.
    pub peer: bool,
}

/// What a filter says of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not wanted, whatever the pending facts turn out to be.
    No,
    /// Wanted, whatever they turn out to be.
    Yes,
    /// It depends on them.
    Pending,
}
