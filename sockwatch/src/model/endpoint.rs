//! An end of a socket of any family.

use std::net::IpAddr;

use super::{AddressFamily, Family, Tuple};

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

impl Endpoint<'_> {
    /// The family of the socket whose end it is.
    pub fn address_family(&self) -> AddressFamily {
        match *self {
            Self::Ip { family, .. } => family.into(),
            Self::Unix { .. } => AddressFamily::Unix,
            Self::Link { .. } => AddressFamily::Link,
            Self::Netlink { .. } => AddressFamily::Netlink,
            Self::Vsock { .. } => AddressFamily::Vsock,
            Self::Xdp { .. } => AddressFamily::Xdp,
            Self::Tipc => AddressFamily::Tipc,
        }
    }

    /// The local end and the peer of a socket with IP addresses.
    pub fn of_tuple(tuple: &Tuple) -> (Self, Self) {
        let end = |address, port| Self::Ip {
            family: tuple.family,
            address,
            port,
        };
        (end(tuple.src, tuple.sport), end(tuple.dst, tuple.dport))
    }

    /// The tuple of these ends; `None` if they have no IP addresses.
    pub fn tuple(local: &Self, peer: &Self) -> Option<Tuple> {
        let (
            &Self::Ip {
                family,
                address: src,
                port: sport,
            },
            &Self::Ip {
                address: dst,
                port: dport,
                ..
            },
        ) = (local, peer)
        else {
            return None;
        };
        Some(Tuple {
            family,
            src,
            sport,
            dst,
            dport,
        })
    }
}
