//! Packet sockets: `PROTOCOL:DEVICE`.

use super::number::unsigned;
use super::{Names, Wrong};
use crate::filter::error::shown;
use crate::filter::expr::HostTest;
use crate::model::numbers::ethertype_named;

pub(super) fn address<'t>(text: &'t str, names: &mut Names<'_>) -> Result<HostTest, Wrong<'t>> {
    let (protocol, device) = text.split_once(':').unwrap_or((text, ""));
    let protocol = match protocol {
        "" | "*" => None,
        named => {
            let number = ethertype_named(named).or_else(|| unsigned(named));
            Some(number.ok_or_else(|| no_ethertype(named))?)
        }
    };
    let ifindex = match device {
        "" | "*" | "-1" => None,
        named => {
            let index = unsigned::<u32>(named).or_else(|| names.lookup.device(named));
            Some(index.ok_or_else(|| no_device(named))?)
        }
    };
    Ok(HostTest::Link { protocol, ifindex })
}

fn no_ethertype(text: &str) -> Wrong<'_> {
    let message = format!("there is no link protocol `{}`", shown(text));
    let wrong = Wrong::new(text, message).expected("an ethertype such as ip, arp or 0x86dd");
    wrong.hint("packet sockets are written PROTOCOL:DEVICE: `ip:eth0`, `*:eth0`")
}

pub(super) fn no_device(text: &str) -> Wrong<'_> {
    let message = format!("there is no network device `{}`", shown(text));
    Wrong::new(text, message).expected("the name or index of a device")
}
