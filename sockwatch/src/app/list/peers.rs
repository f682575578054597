//! The other ends of sockets that are connected to a socket of the same namespace: a dump of all that
//! are connected, in little room.
//!
//! Ends of IP sockets are found by both addresses and ports, those of unix sockets by inode number. Does
//! not know who holds them.

use std::hash::{BuildHasher as _, RandomState};

use super::{super::Failure, list_failure};
use crate::{
    filter::tables::Tables,
    model::{AddressFamily, Ask, Endpoint, Holders, Netid, Peer, Row, StateSet, TcpState},
    source::diag::{self, Netns, Query, Shown},
};

/// Everything that has another end.
#[derive(Default)]
pub(super) struct Peers {
    keys: RandomState,
    /// By key.
    ip: Vec<IpEnd>,
    /// By inode number.
    unix: Vec<UnixEnd>,
    /// Of unix sockets, one behind the other.
    names: Vec<u8>,
}

/// Of table, addresses and ports as the socket has them: a number made of all but the ports, and those.
/// The numbers are others in each run, so nobody can choose addresses that are taken for each other; by
/// chance it happens once in billions of runs.
type Key = (u64, [u16; 2]);

#[derive(Clone, Copy, Debug)]
struct IpEnd {
    hash: u64,
    ports: [u16; 2],
    inode: u32,
    cookie: u64,
}

impl IpEnd {
    const fn key(&self) -> Key {
        (self.hash, self.ports)
    }
}

#[derive(Clone, Copy, Debug)]
struct UnixEnd {
    inode: u32,
    /// Where its name begins in `names`, and its length.
    name: (u32, u16),
    cookie: u64,
}

impl Peers {
    /// Of the sockets of these tables.
    pub(super) fn find(tables: &Tables, netns: Option<&Netns>) -> Result<Self, Failure> {
        let has_ends = |&netid: &Netid| {
            let is_unix = netid.families() == [AddressFamily::Unix];
            is_unix || (netid.is_inet() && netid != Netid::Raw)
        };
        let netids: Vec<Netid> = tables.netids.iter().copied().filter(has_ends).collect();
        let query = Query {
            netids: &netids,
            // An IPv6 socket may be connected to one of IPv4.
            families: &[
                AddressFamily::Inet,
                AddressFamily::Inet6,
                AddressFamily::Unix,
            ],
            states: StateSet::ALL
                .without(StateSet::of(&[TcpState::Listen, TcpState::BoundInactive])),
            shown: &|_, _| Shown::All,
            ask: Ask::default(),
        };
        let mut peers = Self::default();
        diag::list(netns, &query, |row| peers.add(row)).map_err(list_failure)?;
        peers.sort();
        Ok(peers)
    }

    fn add(&mut self, row: &Row<'_>) {
        if let Endpoint::Unix { name, inode } = row.local {
            self.add_unix(row, name, inode);
        } else if let Some((hash, ports)) = self.key(row, &row.local, &row.peer) {
            self.ip.push(IpEnd {
                hash,
                ports,
                inode: row
                    .info
                    .inode
                    .and_then(|inode| inode.try_into().ok())
                    .unwrap_or(0),
                cookie: row.cookie.unwrap_or(0),
            });
        }
    }

    fn add_unix(&mut self, row: &Row<'_>, name: &[u8], inode: u32) {
        let place = u32::try_from(self.names.len())
            .ok()
            .zip(u16::try_from(name.len()).ok());
        if place.is_some() {
            self.names.extend(name);
        }
        self.unix.push(UnixEnd {
            inode,
            name: place.unwrap_or_default(),
            cookie: row.cookie.unwrap_or(0),
        });
    }

    fn sort(&mut self) {
        self.ip.sort_unstable_by_key(IpEnd::key);
        self.unix.sort_unstable_by_key(|end| end.inode);
    }

    /// The other end of a socket, and who of `holders` holds it. `None` also where several sockets
    /// have the same ends, as those of UDP may.
    pub(super) fn of<'a>(&'a self, row: &Row<'_>, holders: &'a Holders) -> Option<Peer<'a>> {
        if let Endpoint::Unix { inode, .. } = row.peer {
            return self.of_unix(inode, holders);
        }
        let key = self.key(row, &row.peer, &row.local)?;
        let begin = self.ip.partition_point(|end| end.key() < key);
        let same = self.ip[begin..].iter().take_while(|end| end.key() == key);
        let mut same = same.peekable();
        let end = **same.peek()?;
        // A socket that moves between the kernel's hashes comes twice.
        if same.any(|other| other.cookie != end.cookie) {
            return None;
        }
        let inode = Some(u64::from(end.inode)).filter(|&inode| inode != 0);
        Some(Peer {
            inode,
            cookie: Some(end.cookie).filter(|&cookie| cookie != 0),
            name: b"",
            users: inode.map(|inode| holders.users(inode)).unwrap_or_default(),
        })
    }

    fn of_unix<'a>(&'a self, inode: u32, holders: &'a Holders) -> Option<Peer<'a>> {
        let place = self.unix.binary_search_by_key(&inode, |end| end.inode);
        let end = self.unix.get(place.ok()?).filter(|_| inode != 0)?;
        let (begin, length) = (end.name.0 as usize, usize::from(end.name.1));
        Some(Peer {
            inode: Some(inode.into()),
            cookie: Some(end.cookie).filter(|&cookie| cookie != 0),
            name: self.names.get(begin..begin + length).unwrap_or_default(),
            users: holders.users(inode.into()),
        })
    }

    /// The key of a socket like that of `row` with these ends; `None` where it is not connected.
    fn key(&self, row: &Row<'_>, local: &Endpoint<'_>, peer: &Endpoint<'_>) -> Option<Key> {
        let tuple = Endpoint::tuple(local, peer).filter(|_| row.netid != Netid::Raw)?;
        let ports = [tuple.sport, tuple.dport];
        (!ports.contains(&0)).then(|| {
            let rest = (row.netid, row.info.netns, tuple.src, tuple.dst);
            (self.keys.hash_one(rest), ports)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Comm, Family,
        holders::{ContextId, Gathering, Task},
    };

    fn ip(netid: Netid, ends: [(&str, u16); 2], inode: u64, cookie: u64) -> Row<'static> {
        let [local, peer] = ends.map(|(address, port)| Endpoint::Ip {
            family: Family::Inet,
            address: address.parse().unwrap(),
            port,
        });
        let mut row = Row::new(netid, TcpState::Established, local, peer);
        row.info.inode = Some(inode);
        row.cookie = Some(cookie);
        row
    }

    fn unix(name: &'static [u8], inode: u32, peer: u32) -> Row<'static> {
        let end = |name, inode| Endpoint::Unix { name, inode };
        let mut row = Row::new(
            Netid::UnixStream,
            TcpState::Established,
            end(name, inode),
            end(b"", peer),
        );
        row.cookie = Some(u64::from(inode) + 1000);
        row
    }

    fn peers(rows: &[Row<'_>]) -> Peers {
        let mut peers = Peers::default();
        for row in rows {
            peers.add(row);
        }
        peers.sort();
        peers
    }

    fn cookie(peers: &Peers, row: &Row<'_>) -> Option<u64> {
        peers.of(row, &Holders::default())?.cookie
    }

    const CLIENT: [(&str, u16); 2] = [("127.0.0.1", 4000), ("127.0.0.1", 80)];
    const SERVER: [(&str, u16); 2] = [("127.0.0.1", 80), ("127.0.0.1", 4000)];

    #[test]
    fn each_end_of_a_connection_finds_the_other() {
        let client = ip(Netid::Tcp, CLIENT, 5, 1);
        let server = ip(Netid::Tcp, SERVER, 6, 2);
        let elsewhere = ip(Netid::Udp, SERVER, 7, 3);
        let away = ip(Netid::Tcp, [("127.0.0.1", 4001), ("192.0.2.1", 80)], 8, 4);
        let all = peers(&[client, server, elsewhere, away, server]);
        assert_eq!(cookie(&all, &client), Some(2));
        assert_eq!(cookie(&all, &server), Some(1));
        assert_eq!(cookie(&all, &away), None);
        assert_eq!(cookie(&all, &elsewhere), None);
        let mut holders = Gathering::default();
        holders.descriptor(6, 9, ContextId::NONE);
        holders.task(Task {
            pid: 33,
            tid: None,
            comm: Comm::default(),
            context: ContextId::NONE,
        });
        let holders = holders.finish();
        let peer = all.of(&client, &holders).unwrap();
        assert_eq!((peer.inode, peer.users.iter().count()), (Some(6), 1));
        assert!(all.of(&server, &holders).unwrap().users.is_empty());
    }

    #[test]
    fn of_several_with_the_same_ends_none_is_told() {
        let client = ip(Netid::Udp, CLIENT, 5, 1);
        let [one, other] = [2, 3].map(|cookie| ip(Netid::Udp, SERVER, 6, cookie));
        assert_eq!(cookie(&peers(&[client, one, other]), &client), None);
    }

    #[test]
    fn unix_sockets_are_found_with_their_names() {
        let rows = [
            unix(b"/run/x", 7, 8),
            unix(b"", 8, 7),
            unix(b"@y", 9, 0),
            unix(b"", 10, 99),
        ];
        let all = peers(&rows);
        let nobody = Holders::default();
        let found = rows.map(|row| all.of(&row, &nobody).map(|peer| (peer.inode, peer.name)));
        let expected = [
            Some((Some(8), &b""[..])),
            Some((Some(7), b"/run/x")),
            None,
            None,
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_not_accepted_has_no_holder() {
        let waiting = ip(Netid::Tcp, SERVER, 0, 2);
        let client = ip(Netid::Tcp, CLIENT, 5, 1);
        let all = peers(&[waiting, client]);
        let nobody = Holders::default();
        let peer = all.of(&client, &nobody).unwrap();
        assert_eq!((peer.inode, peer.cookie), (None, Some(2)));
    }
}
