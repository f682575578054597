//! The four cells of a socket's ends: `address:` and `port`, `peer:` and `port`.
//!
//! What stands between address and port is part of the address' cell.

use super::RowNames;
use crate::{
    enrich::owners,
    model::{
        Endpoint, Netid, Row,
        numbers::{ethertype_name, netlink_protocol_name},
    },
    sink::{address, escape::escape, put},
};

/// `ETH_P_ALL`: a packet socket that takes every protocol.
const ETH_P_ALL: u16 = 3;

/// `VMADDR_CID_ANY`, `VMADDR_PORT_ANY`, and the port id of a netlink socket that can't be told.
const ANY: u32 = u32::MAX;

pub(super) fn local_address(out: &mut Vec<u8>, row: &Row<'_>, names: &mut RowNames) {
    address_of(out, row, &row.local, names);
    if let (Endpoint::Ip { .. }, Some(index @ 1..)) = (&row.local, row.info.ifindex) {
        out.push(b'%');
        device(out, index, names);
    }
    match row.local {
        Endpoint::Unix { .. } => out.push(b' '),
        Endpoint::Xdp { ifindex: 0, .. } => {}
        _ => out.push(b':'),
    }
}

pub(super) fn local_port(out: &mut Vec<u8>, row: &Row<'_>, names: &mut RowNames) {
    port_of(out, row.netid, &row.local, names);
}

pub(super) fn peer_address(out: &mut Vec<u8>, row: &Row<'_>, names: &mut RowNames) {
    match (&row.peer, row.peer_group) {
        (Endpoint::Ip { .. } | Endpoint::Vsock { .. }, _) => {
            address_of(out, row, &row.peer, names);
            out.push(b':');
        }
        (Endpoint::Unix { .. }, _) => out.extend_from_slice(b"* "),
        (Endpoint::Netlink { .. }, Some(group)) => {
            put::number(out, group);
            out.push(b':');
        }
        _ => out.push(b'*'),
    }
}

pub(super) fn peer_port(out: &mut Vec<u8>, row: &Row<'_>, names: &mut RowNames) {
    match (&row.peer, row.peer_group) {
        (Endpoint::Netlink { portid, .. }, Some(_)) => put::number(out, *portid),
        (Endpoint::Ip { .. } | Endpoint::Vsock { .. } | Endpoint::Unix { .. }, _) => {
            port_of(out, row.netid, &row.peer, names);
        }
        _ => {}
    }
}

fn address_of(out: &mut Vec<u8>, row: &Row<'_>, end: &Endpoint<'_>, names: &mut RowNames) {
    match *end {
        Endpoint::Ip {
            family, address, ..
        } => {
            let hosts = names.hosts.as_mut().filter(|_| !address.is_unspecified());
            if let Some(name) = hosts.and_then(|hosts| hosts.name(address)) {
                escape(name.as_bytes(), out);
            } else {
                let v6_only = row.ipv6_only == Some(true);
                address::put_of_socket(family, address, v6_only, out);
            }
        }
        Endpoint::Unix { name: b"", .. } | Endpoint::Xdp { ifindex: 0, .. } => out.push(b'*'),
        Endpoint::Unix { name, .. } => escape(name, out),
        Endpoint::Link { protocol, .. } => ethertype(out, protocol, names),
        Endpoint::Netlink { protocol, .. } => {
            let wanted = names.protocols.is_some();
            match netlink_protocol_name(protocol).filter(|_| wanted) {
                Some(name) => out.extend_from_slice(name.as_bytes()),
                None => put::number(out, protocol),
            }
        }
        Endpoint::Vsock { cid, .. } => number_or_any(out, cid),
        Endpoint::Xdp { ifindex, .. } => device(out, ifindex, names),
        Endpoint::Tipc => out.push(b'-'),
    }
}

fn port_of(out: &mut Vec<u8>, netid: Netid, end: &Endpoint<'_>, names: &mut RowNames) {
    match *end {
        Endpoint::Ip { port: 0, .. } | Endpoint::Link { ifindex: 0, .. } => out.push(b'*'),
        Endpoint::Xdp { ifindex: 0, .. } => {}
        Endpoint::Ip { port, .. } if netid == Netid::Raw => ip_protocol(out, port, names),
        Endpoint::Ip { port, .. } => {
            let services = names.services.as_ref();
            match services.and_then(|services| services.name(netid, port)) {
                Some(name) => escape(name.as_bytes(), out),
                None => put::number(out, port),
            }
        }
        Endpoint::Unix { inode, .. } => put::number(out, inode),
        Endpoint::Link { ifindex, .. } => device(out, ifindex, names),
        Endpoint::Netlink { portid, .. } => port_id(out, portid, names.protocols.is_some()),
        Endpoint::Vsock { port, .. } => number_or_any(out, port),
        Endpoint::Xdp { queue, .. } => {
            out.push(b'q');
            put::number(out, queue);
        }
        Endpoint::Tipc => out.push(b'-'),
    }
}

fn ip_protocol(out: &mut Vec<u8>, number: u16, names: &RowNames) {
    let Some(protocols) = &names.protocols else {
        return put::number(out, number);
    };
    if let Some(name) = protocols.name(number) {
        escape(name.as_bytes(), out);
    } else {
        out.extend_from_slice(b"ipproto-");
        put::number(out, number);
    }
}

fn ethertype(out: &mut Vec<u8>, number: u16, names: &RowNames) {
    if number == ETH_P_ALL {
        return out.push(b'*');
    }
    if let Some(name) = ethertype_name(number).filter(|_| names.protocols.is_some()) {
        out.extend_from_slice(name.as_bytes());
    } else {
        out.push(b'[');
        put::number(out, number);
        out.push(b']');
    }
}

/// Process ids are what the kernel gives as port ids first; those that it makes up otherwise are
/// negative.
fn port_id(out: &mut Vec<u8>, portid: u32, named: bool) {
    let signed = portid.cast_signed();
    match portid {
        ANY => out.push(b'*'),
        0 if named => out.extend_from_slice(b"kernel"),
        _ => {
            let process = (named && signed > 0)
                .then(|| owners::name_of(portid))
                .flatten();
            if let Some(comm) = process {
                escape(comm.as_bytes(), out);
                out.push(b'/');
            }
            put::number(out, signed);
        }
    }
}

fn device(out: &mut Vec<u8>, index: u32, names: &mut RowNames) {
    let devices = names.devices.as_mut();
    if let Some(name) = devices.and_then(|devices| devices.name(index)) {
        escape(name.as_bytes(), out);
    } else {
        out.extend_from_slice(b"if");
        put::number(out, index);
    }
}

fn number_or_any(out: &mut Vec<u8>, number: u32) {
    match number {
        ANY => out.push(b'*'),
        number => put::number(out, number),
    }
}
