//! Netlink sockets: `PROTOCOL:PORTID`.

use super::Wrong;
use super::number::{number, unsigned};
use crate::filter::error::shown;
use crate::filter::expr::HostTest;
use crate::filter::words::nearest;
use crate::model::numbers::{netlink_protocol_named, netlink_protocol_names};

pub(super) fn address(text: &str) -> Result<HostTest, Wrong<'_>> {
    let (protocol, portid) = text.split_once(':').unwrap_or((text, ""));
    let protocol = match protocol {
        "" | "*" => None,
        named => {
            let number = netlink_protocol_named(named).or_else(|| unsigned(named));
            Some(number.ok_or_else(|| no_protocol(named))?)
        }
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

fn no_protocol(text: &str) -> Wrong<'_> {
    let near = nearest(text, netlink_protocol_names());
    Wrong::new(
        text,
        format!("there is no netlink protocol `{}`", shown(text)),
    )
    .expected("a protocol such as rtnl, genl, uevent, or its number up to 255")
    .maybe_hint(near.map(|near| format!("did you mean `{near}`?")))
}
