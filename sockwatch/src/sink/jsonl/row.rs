//! The `socket` record of a listed socket, whatever its table: the keys of every `socket`, null where
//! the table has no such thing.

use std::num::NonZeroU64;

use super::{
    details::details,
    known, no_end, no_spans,
    object::{Object, Text, Value, Word, field},
    others::others,
    process,
};
use crate::{
    model::{Endpoint, Netid, Observed, Peer, Row, SocketInfo, TcpState, Users, event::RowEvent},
    sink::put::number,
};

/// The keys that transitions don't have.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OnlyInRows<'a> {
    pub(super) inode: Option<u64>,
    pub(super) peer_inode: Option<u32>,
    pub(super) recv_q_bytes: Option<u32>,
    pub(super) send_q_bytes: Option<u32>,
    pub(super) accept_queue: Option<u32>,
    pub(super) backlog: Option<u32>,
    pub(super) protocol: Option<u16>,
    pub(super) portid: Option<u32>,
    pub(super) queue: Option<u32>,
    /// That we have closed it; `None` where that was not wanted.
    pub(super) killed: Option<bool>,
    pub(super) users: Option<Users<'a>>,
    pub(super) peer: Option<Peer<'a>>,
}

pub(super) fn only_in_rows(object: &mut Object<'_>, only: &OnlyInRows<'_>) {
    field!(object, "inode", only.inode);
    field!(object, "peer_inode", only.peer_inode);
    field!(object, "recv_q_bytes", only.recv_q_bytes);
    field!(object, "send_q_bytes", only.send_q_bytes);
    field!(object, "accept_queue", only.accept_queue);
    field!(object, "backlog", only.backlog);
    field!(object, "protocol", only.protocol);
    field!(object, "portid", only.portid);
    field!(object, "queue", only.queue);
    field!(object, "killed", only.killed);
    field!(object, "users", only.users);
    field!(object, "peer", only.peer);
}

pub(super) fn row(object: &mut Object<'_>, event: &RowEvent<'_>) {
    let row = event.row;
    field!(object, "proto", Word(row.netid.word()));
    field!(object, "family", Word(row.local.address_family().word()));
    field!(object, "src", address(&row.local, true));
    field!(object, "sport", port(row.netid, &row.local));
    field!(object, "dst", address(&row.peer, has_peer(row)));
    field!(object, "dport", port(row.netid, &row.peer));
    field!(object, "state", Word(state(row).word()));
    no_spans(object);
    let info = SocketInfo {
        ifindex: row.device(),
        ..row.info
    };
    super::identity(object, row.cookie.and_then(NonZeroU64::new), &info);
    process(object, event.cgroup, event.owner);
    no_end(object);
    field!(object, "tcp", row.tcp.as_ref());
    field!(object, "observed", Word(Observed::Poll.word()));
    let only = OnlyInRows {
        killed: event.killed.then_some(true),
        users: event.users,
        peer: event.peer,
        ..only(row)
    };
    only_in_rows(object, &only);
    details(object, Some(row));
    others(object, Some(row));
    let device = event.device.map(|name| Text(name.as_bytes()));
    field!(object, "device", device);
}

/// A dump shows merely bound sockets as closed ones, and closed ones of TCP never.
const fn state(row: &Row<'_>) -> TcpState {
    match (row.netid, row.state) {
        (Netid::Tcp | Netid::Mptcp, TcpState::Close) => TcpState::BoundInactive,
        (_, state) => state,
    }
}

/// An address as text.
enum Address<'a> {
    Ip(std::net::IpAddr),
    Name(&'a [u8]),
    Cid(u32),
}

impl Value for Address<'_> {
    fn put(self, out: &mut Vec<u8>) {
        match self {
            Self::Ip(address) => address.put(out),
            Self::Name(name) => Text(name).put(out),
            Self::Cid(cid) => {
                out.push(b'"');
                number(out, cid);
                out.push(b'"');
            }
        }
    }
}

/// `VMADDR_CID_ANY`, `VMADDR_PORT_ANY`
const VSOCK_ANY: u32 = u32::MAX;

fn address<'a>(end: &Endpoint<'a>, is_known: bool) -> Option<Address<'a>> {
    let address = match *end {
        Endpoint::Ip { address, .. } => Address::Ip(address),
        Endpoint::Unix { name, .. } => Address::Name(name),
        Endpoint::Vsock { cid, .. } if cid != VSOCK_ANY => Address::Cid(cid),
        _ => return None,
    };
    is_known.then_some(address)
}

/// As for transitions: a listener's peer is the unspecified address, for that is what it has.
fn has_peer(row: &Row<'_>) -> bool {
    match row.peer {
        Endpoint::Ip { address, port, .. } => {
            row.state == TcpState::Listen || port != 0 || !address.is_unspecified()
        }
        Endpoint::Vsock { .. } => row.state != TcpState::Listen,
        // Of the other end of a unix socket the kernel tells the inode only.
        _ => false,
    }
}

fn port(netid: Netid, end: &Endpoint<'_>) -> Option<u32> {
    match *end {
        Endpoint::Ip { port, .. } if netid != Netid::Raw => known(port).map(u32::from),
        Endpoint::Vsock { port, .. } => (port != VSOCK_ANY).then_some(port),
        _ => None,
    }
}

fn only(row: &Row<'_>) -> OnlyInRows<'static> {
    let listens = row.state == TcpState::Listen;
    let bytes = |count| (!listens).then_some(count);
    let connections = |count| listens.then_some(count);
    let (protocol, portid, queue) = match row.local {
        Endpoint::Ip { port, .. } if row.netid == Netid::Raw => (Some(port), None, None),
        Endpoint::Link { protocol, .. } => (Some(protocol), None, None),
        Endpoint::Netlink { protocol, portid } => (Some(protocol.into()), Some(portid), None),
        Endpoint::Xdp { queue, .. } => (None, None, Some(queue)),
        _ => (None, None, None),
    };
    let inode_of = |end: &Endpoint<'_>| match *end {
        Endpoint::Unix { inode, .. } => Some(inode).filter(|&inode| inode != 0),
        _ => None,
    };
    let own = row.info.inode.or(inode_of(&row.local).map(u64::from));
    OnlyInRows {
        inode: own.filter(|&inode| inode != 0),
        peer_inode: inode_of(&row.peer),
        recv_q_bytes: bytes(row.recv_q),
        send_q_bytes: bytes(row.send_q),
        accept_queue: connections(row.recv_q),
        backlog: connections(row.send_q),
        protocol,
        portid,
        queue,
        killed: None,
        users: None,
        peer: None,
    }
}
