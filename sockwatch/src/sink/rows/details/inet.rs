//! What `ss` shows of every socket with an IP address: `-e`, `--tos`, `--cgroup`, `--inet-sockopt`.

use super::{Parts, identity, open_sides};
use crate::{
    model::{
        AddressFamily, Row,
        details::{InetDetails, SocketOptions},
    },
    sink::{escape::escape, put},
};

/// Appends `uid:1000 ino:7 sk:55 fwmark:0x1 cgroup:/ v6only:0 <->`: what is 0 or unknown is left out,
/// but for the inode.
pub(super) fn extended(parts: &mut Parts<'_>, row: &Row<'_>, cgroup_path: Option<&str>) {
    identity(parts, row);
    if let Some(mark @ 1..) = row.info.mark {
        put::hex(parts.named("fwmark:0x"), mark.into());
    }
    if row.info.cgroup_id != Some(0) {
        cgroup(parts, row, cgroup_path);
    }
    if row.local.address_family() == AddressFamily::Inet6
        && let Some(only) = row.ipv6_only
    {
        put::number(parts.named("v6only:"), u8::from(only));
    }
    if let Some(shutdown) = row.shutdown {
        parts.named(open_sides(shutdown));
    }
}

/// Appends `cgroup:/a/b`, or `cgroup:unreachable:1f` where it has no path here.
pub(super) fn cgroup(parts: &mut Parts<'_>, row: &Row<'_>, path: Option<&str>) {
    match (path, row.info.cgroup_id) {
        (_, None) => {}
        (Some(path), _) => escape(path.as_bytes(), parts.named("cgroup:")),
        (None, Some(id)) => put::hex(parts.named("cgroup:unreachable:"), id),
    }
}

/// Appends `tos:0x10 tclass:0 class_id:0`.
pub(super) fn tos(parts: &mut Parts<'_>, details: &InetDetails<'_>) {
    let mut part = |name, number: Option<u32>| match number {
        None => {}
        Some(0) => put::number(parts.named(name), 0),
        Some(number) => {
            let out = parts.named(name);
            out.extend_from_slice(b"0x");
            put::hex(out, number.into());
        }
    };
    part("tos:", details.tos.map(u32::from));
    part("tclass:", details.tclass.map(u32::from));
    part("class_id:", details.class_id);
}

/// Appends `inet-sockopt: ( is_icsk mc_loop)`.
pub(super) fn sockopt(out: &mut Vec<u8>, options: SocketOptions) {
    out.extend_from_slice(b"inet-sockopt: (");
    for word in options.words() {
        out.push(b' ');
        out.extend_from_slice(word.as_bytes());
    }
    out.push(b')');
}
