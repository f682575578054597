//! Packet sockets: `PROTOCOL:DEVICE`.

use super::number::unsigned;
use super::{Names, Wrong};
use crate::filter::error::shown;
use crate::filter::expr::HostTest;

/// Ethertypes by name (`include/uapi/linux/if_ether.h`), in small letters.
const ETHERTYPES: [(&str, u16); 55] = [
    ("802.3", 0x0001),
    ("ax25", 0x0002),
    ("all", 0x0003),
    ("802.2", 0x0004),
    ("snap", 0x0005),
    ("ddcmp", 0x0006),
    ("wan_ppp", 0x0007),
    ("ppp_mp", 0x0008),
    ("localtalk", 0x0009),
    ("can", 0x000c),
    ("ppptalk", 0x0010),
    ("tr_802.2", 0x0011),
    ("mobitex", 0x0015),
    ("control", 0x0016),
    ("irda", 0x0017),
    ("econet", 0x0018),
    ("hdlc", 0x0019),
    ("loop", 0x0060),
    ("pup", 0x0200),
    ("pupat", 0x0201),
    ("ip", 0x0800),
    ("ipv4", 0x0800),
    ("x25", 0x0805),
    ("arp", 0x0806),
    ("bpq", 0x08ff),
    ("ieeepup", 0x0a00),
    ("ieeepupat", 0x0a01),
    ("dec", 0x6000),
    ("dna_dl", 0x6001),
    ("dna_rc", 0x6002),
    ("dna_rt", 0x6003),
    ("lat", 0x6004),
    ("diag", 0x6005),
    ("cust", 0x6006),
    ("sca", 0x6007),
    ("rarp", 0x8035),
    ("aarp", 0x80f3),
    ("atalk", 0x809b),
    ("802.1q", 0x8100),
    ("ipx", 0x8137),
    ("ipv6", 0x86dd),
    ("ppp_disc", 0x8863),
    ("ppp_ses", 0x8864),
    ("teb", 0x6558),
    ("mpls_uc", 0x8847),
    ("mpls_mc", 0x8848),
    ("atmmpoa", 0x884c),
    ("atmfate", 0x8884),
    ("profinet", 0x8892),
    ("aoe", 0x88a2),
    ("ethercat", 0x88a4),
    ("802.1ad", 0x88a8),
    ("tipc", 0x88ca),
    ("lldp", 0x88cc),
    ("loopback", 0x9000),
];

pub(super) fn address<'t>(text: &'t str, names: &mut Names<'_>) -> Result<HostTest, Wrong<'t>> {
    let (protocol, device) = text.split_once(':').unwrap_or((text, ""));
    let protocol = match protocol {
        "" | "*" => None,
        named => Some(ethertype(named).ok_or_else(|| no_ethertype(named))?),
    };
    let ifindex = match device {
        "" | "*" => None,
        named => {
            let index = unsigned::<u32>(named).or_else(|| names.lookup.device(named));
            Some(index.ok_or_else(|| no_device(named))?)
        }
    };
    Ok(HostTest::Link { protocol, ifindex })
}

fn ethertype(text: &str) -> Option<u16> {
    let found = ETHERTYPES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.map(|&(_, number)| number).or_else(|| unsigned(text))
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
