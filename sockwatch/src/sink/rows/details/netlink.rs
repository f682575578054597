//! Of netlink sockets, as `ss` shows it: `sk=0 cb=0 groups=0x00000011 skmem:(...)`.

use super::{DetailOptions, Parts, memory};
use crate::{
    model::{
        Row,
        details::{NetlinkDetails, netlink::Groups},
    },
    sink::put,
};

/// Digits of the groups.
const DIGITS: u32 = 8;

/// Appends it: of the groups the first 32, as `ss` does. What it calls sk and cb no kernel tells any
/// more; scripts that count words may expect them.
pub(super) fn write(
    parts: &mut Parts<'_>,
    row: &Row<'_>,
    details: &NetlinkDetails<'_>,
    options: DetailOptions,
) {
    if options.extended {
        let groups = details.groups.map_or(0, Groups::first_32);
        parts.named("sk=0");
        parts.named("cb=0");
        put::hex_wide(parts.named("groups=0x"), groups.into(), DIGITS);
    }
    if let Some(memory) = row.memory.filter(|_| options.memory) {
        memory::write(parts.next(), &memory);
    }
}
