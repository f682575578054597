//! Of unix sockets, as `ss` shows it: `skmem:(...) <-> ino:7 dev:254/1 peers: 11 12`.

use super::{DetailOptions, Parts, memory, open_sides};
use crate::{
    model::{Row, details::UnixDetails},
    sink::put,
};

/// Appends it.
pub(super) fn write(
    parts: &mut Parts<'_>,
    row: &Row<'_>,
    details: &UnixDetails<'_>,
    options: DetailOptions,
) {
    if let Some(memory) = row.memory.filter(|_| options.memory) {
        memory::write(parts.next(), &memory);
    }
    if !options.extended {
        return;
    }
    if let Some(shutdown) = row.shutdown {
        parts.named(open_sides(shutdown));
    }
    if let Some(file) = details.file {
        put::number(parts.named("ino:"), file.inode);
        let out = parts.named("dev:");
        put::number(out, file.device_major);
        out.push(b'/');
        put::number(out, file.device_minor);
    }
    if let Some(pending) = details.pending {
        parts.named("peers:");
        for inode in pending.iter() {
            put::number(parts.next(), inode);
        }
    }
}
