//! Netlink sockets: `PROTOCOL:PORTID`.

use super::Wrong;
use super::number::{number, unsigned};
use crate::filter::error::shown;
use crate::filter::expr::HostTest;
use crate::filter::words::nearest;

/// Netlink protocols by name (`include/uapi/linux/netlink.h`; the names of iproute2, the kernel's
/// where they differ).
const PROTOCOLS: [(&str, u8); 24] = [
    ("rtnl", 0),
    ("route", 0),
    ("unused", 1),
    ("usersock", 2),
    ("fw", 3),
    ("tcpdiag", 4),
    ("sock_diag", 4),
    ("nflog", 5),
    ("xfrm", 6),
    ("selinux", 7),
    ("iscsi", 8),
    ("audit", 9),
    ("fiblookup", 10),
    ("connector", 11),
    ("nft", 12),
    ("netfilter", 12),
    ("ip6fw", 13),
    ("dec-rt", 14),
    ("uevent", 15),
    ("genl", 16),
    ("scsi-trans", 18),
    ("ecryptfs", 19),
    ("rdma", 20),
    ("crypto", 21),
];

pub(super) fn address(text: &str) -> Result<HostTest, Wrong<'_>> {
    let (protocol, portid) = text.split_once(':').unwrap_or((text, ""));
    let protocol = match protocol {
        "" | "*" => None,
        named => Some(known(named).ok_or_else(|| no_protocol(named))?),
    };
    let portid = match portid {
        "" | "*" | "-1" => None,
        "kernel" => Some(0),
        given => Some(port_id(given).ok_or_else(|| {
            Wrong::new(given, format!("`{}` is no netlink port id", shown(given)))
                .expected("a number or `kernel`")
        })?),
    };
    Ok(HostTest::Netlink { protocol, portid })
}

/// Those that the kernel chose for a process's second socket are negative to `ss`.
fn port_id(text: &str) -> Option<u32> {
    let signed = || {
        i32::try_from(number(text).ok()?)
            .ok()
            .map(i32::cast_unsigned)
    };
    unsigned(text).or_else(signed)
}

fn known(text: &str) -> Option<u8> {
    let found = PROTOCOLS.iter().find(|(name, _)| *name == text);
    found.map(|&(_, number)| number).or_else(|| unsigned(text))
}

fn no_protocol(text: &str) -> Wrong<'_> {
    let near = nearest(text, PROTOCOLS.iter().map(|(name, _)| *name));
    Wrong::new(
        text,
        format!("there is no netlink protocol `{}`", shown(text)),
    )
    .expected("a protocol such as rtnl, genl, uevent, or its number up to 255")
    .maybe_hint(near.map(|near| format!("did you mean `{near}`?")))
}
