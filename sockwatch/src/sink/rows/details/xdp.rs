//! Of XDP sockets, as `ss` shows it, each on a line: rings, memory, what was lost; the memory of the
//! socket behind the last.

use super::{DetailOptions, Parts, identity, memory};
use crate::{
    model::{
        Row,
        details::{
            XdpDetails,
            xdp::{Umem, XdpStats},
        },
    },
    sink::put,
};

/// Appends it.
pub(super) fn write(
    parts: &mut Parts<'_>,
    row: &Row<'_>,
    details: &XdpDetails,
    options: DetailOptions,
) {
    if options.extended {
        identity(parts, row);
        ring(parts, "rx(entries:", details.rx_ring);
        ring(parts, "tx(entries:", details.tx_ring);
        if let Some(umem) = &details.umem {
            parts.line();
            write_umem(parts.named("umem("), umem);
        }
        ring(parts, "fr(entries:", details.fill_ring);
        ring(parts, "cr(entries:", details.completion_ring);
        if let Some(stats) = &details.stats {
            parts.line();
            write_stats(parts.named("stats("), stats);
        }
    }
    if let Some(memory) = row.memory.filter(|_| options.memory) {
        memory::write(parts.next(), &memory);
    }
}

fn ring(parts: &mut Parts<'_>, name: &'static str, entries: Option<u32>) {
    if let Some(entries) = entries {
        parts.line();
        let out = parts.named(name);
        put::number(out, entries);
        out.push(b')');
    }
}

fn write_umem(out: &mut Vec<u8>, umem: &Umem) {
    numbers(
        out,
        &[
            ("id:", umem.id.into()),
            (",size:", umem.size_bytes),
            (",num_pages:", umem.pages.into()),
            (",chunk_size:", umem.chunk_bytes.into()),
            (",headroom:", umem.headroom_bytes.into()),
            (",ifindex:", umem.ifindex.into()),
            (",qid:", umem.queue.into()),
            (",zc:", umem.is_zero_copy().into()),
            (",refs:", umem.refs.into()),
        ],
    );
}

fn write_stats(out: &mut Vec<u8>, stats: &XdpStats) {
    numbers(
        out,
        &[
            ("rx dropped:", stats.rx_dropped),
            (",rx invalid:", stats.rx_invalid),
            (",rx queue full:", stats.rx_full),
            (",rx fill ring empty:", stats.fill_ring_empty),
            (",tx invalid:", stats.tx_invalid),
            (",tx ring empty:", stats.tx_ring_empty),
        ],
    );
}

/// Numbers behind their names, and the end of the parenthesis.
fn numbers(out: &mut Vec<u8>, numbers: &[(&str, u64)]) {
    for &(name, number) in numbers {
        out.extend_from_slice(name.as_bytes());
        put::number(out, number);
    }
    out.push(b')');
}
