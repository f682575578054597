//! A socket: its identity, its addresses, and what stays true of it from event to event.

use std::{hash::BuildHasher, net::IpAddr, num::NonZeroU64};

use rustc_hash::FxBuildHasher;

use super::{Family, Proto};

/// Identity of a socket for its whole life.
///
/// The cookie alone is unique, except that an accepted MPTCP socket shares its listener's; so the
/// address of the `struct sock` is part of the key there, and the whole key where there is no
/// cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketKey {
    /// `skc_cookie`, unless it is unknown.
    pub cookie: Option<NonZeroU64>,
    /// Address of the `struct sock`; 0 where the cookie is enough.
    pub sk: u64,
}

impl SocketKey {
    /// The key for a socket of `proto` with this cookie (0: unknown) at this address.
    pub fn new(proto: Proto, cookie: u64, sk: u64) -> Self {
        let cookie = NonZeroU64::new(cookie);
        let needs_address = cookie.is_none() || proto == Proto::Mptcp;
        Self {
            cookie,
            sk: if needs_address { sk } else { 0 },
        }
    }
}

impl SocketKey {
    /// The key for a socket that a dump shows, which does not tell its address. For MPTCP, whose
    /// cookies are shared, the tuple tells the sockets apart until the first event of each.
    pub fn seeded(proto: Proto, cookie: u64, tuple: &Tuple) -> Self {
        // Kernel addresses have the top bit set: no key of an event is met.
        let stand_in = FxBuildHasher.hash_one((tuple, cookie)) & (u64::MAX >> 1);
        Self::new(proto, cookie, stand_in)
    }
}

/// Both ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tuple {
    /// Family of the socket, not of the addresses.
    pub family: Family,
    /// Local address; an IPv4-mapped one is held as IPv4.
    pub src: IpAddr,
    /// Local port, 0 while unknown or not chosen.
    pub sport: u16,
    /// The peer's address; unspecified where there is no peer or it is not known yet.
    pub dst: IpAddr,
    /// The peer's port, 0 where there is no peer or it is not known yet.
    pub dport: u16,
}

impl Tuple {
    /// From raw addresses in network order, IPv4 in the first four bytes.
    pub fn from_kernel(
        family: Family,
        (saddr, sport): (&[u8; 16], u16),
        (daddr, dport): (&[u8; 16], u16),
    ) -> Self {
        Self {
            family,
            src: address(family, saddr),
            sport,
            dst: address(family, daddr),
            dport,
        }
    }

    /// Whether the peer is known.
    pub fn has_peer(&self) -> bool {
        self.dport != 0 || !self.dst.is_unspecified()
    }
}

/// An address as sixteen bytes in network order, an IPv4 one IPv4-mapped.
pub fn ipv6_octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

fn address(family: Family, bytes: &[u8; 16]) -> IpAddr {
    match family {
        Family::Inet => IpAddr::from([bytes[0], bytes[1], bytes[2], bytes[3]]),
        Family::Inet6 => IpAddr::from(*bytes).to_canonical(),
    }
}

/// What a socket carries besides its tuple and state. `None` is unknown; a socket that has no
/// bound device has `ifindex` `Some(0)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SocketInfo {
    /// Inode number of the network namespace.
    pub netns: Option<u32>,
    /// Bound device.
    pub ifindex: Option<u32>,
    /// Firewall mark.
    pub mark: Option<u32>,
    /// User who owns the socket.
    pub uid: Option<u32>,
    /// Id of the cgroup (cgroup v2 directory inode).
    pub cgroup_id: Option<u64>,
    /// Inode number of the socket's file, 0 where it has none.
    pub inode: Option<u64>,
}

impl SocketInfo {
    /// Takes over what `newer` knows.
    pub fn update(&mut self, newer: &Self) {
        self.netns = newer.netns.or(self.netns);
        self.ifindex = newer.ifindex.or(self.ifindex);
        self.mark = newer.mark.or(self.mark);
        self.uid = newer.uid.or(self.uid);
        self.cgroup_id = newer.cgroup_id.or(self.cgroup_id);
        self.inode = newer.inode.filter(|&inode| inode != 0).or(self.inode);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_are_held_as_ipv4() {
        let mut mapped = [0; 16];
        mapped[10..].copy_from_slice(&[0xff, 0xff, 127, 0, 0, 1]);
        let tuple = Tuple::from_kernel(Family::Inet6, (&mapped, 80), (&[0; 16], 0));
        assert_eq!(tuple.src, "127.0.0.1".parse::<IpAddr>().unwrap());
        assert_eq!(tuple.dst, "::".parse::<IpAddr>().unwrap());
        assert!(!tuple.has_peer());
    }

    #[test]
    fn mptcp_sockets_with_one_cookie_are_two() {
        assert_ne!(
            SocketKey::new(Proto::Mptcp, 7, 1),
            SocketKey::new(Proto::Mptcp, 7, 2)
        );
        assert_eq!(
            SocketKey::new(Proto::Tcp, 7, 1),
            SocketKey::new(Proto::Tcp, 7, 2)
        );
        assert_ne!(
            SocketKey::new(Proto::Tcp, 0, 1),
            SocketKey::new(Proto::Tcp, 0, 2)
        );
    }
}
