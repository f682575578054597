//! Of packet sockets, as `ss` shows it, each on a line: options, rings, fanout, filter; the memory
//! behind the last.

use super::{DetailOptions, Parts, identity, memory};
use crate::{
    model::{
        Row,
        details::{
            PacketDetails,
            packet::{Fanout, Instruction, PacketInfo, PacketRing},
        },
    },
    sink::put,
};

/// Appends it.
pub(super) fn write(
    parts: &mut Parts<'_>,
    row: &Row<'_>,
    details: &PacketDetails,
    options: DetailOptions,
) {
    if options.extended {
        identity(parts, row);
        if let Some(info) = &details.info {
            parts.line();
            options_of(parts, info);
        }
        for (name, ring) in [
            ("ring_rx(", &details.rx_ring),
            ("ring_tx(", &details.tx_ring),
        ] {
            if let Some(ring) = ring {
                parts.line();
                write_ring(parts.named(name), ring);
            }
        }
        if let Some(fanout) = details.fanout {
            parts.line();
            write_fanout(parts.named("fanout("), fanout);
        }
    }
    if options.bpf && !details.filter.is_empty() {
        parts.line();
        write_filter(parts.named("bpf filter ("), &details.filter);
    }
    if let Some(memory) = row.memory.filter(|_| options.memory) {
        memory::write(parts.next(), &memory);
    }
}

/// `ver:0 cpy_thresh:0 flags( running auxdata )`
fn options_of(parts: &mut Parts<'_>, info: &PacketInfo) {
    put::number(parts.named("ver:"), info.version);
    put::number(parts.named("cpy_thresh:"), info.copy_thresh);
    parts.named("flags(");
    if info.flags.words().next().is_none() {
        parts.named("0");
    }
    for word in info.flags.words() {
        parts.named(word);
    }
    parts.named(")");
}

fn write_ring(out: &mut Vec<u8>, ring: &PacketRing) {
    let mut part = |name: &str, number: u32| {
        out.extend_from_slice(name.as_bytes());
        put::number(out, number);
    };
    part("blk_size:", ring.block_bytes);
    part(",blk_nr:", ring.blocks);
    part(",frm_size:", ring.frame_bytes);
    part(",frm_nr:", ring.frames);
    part(",tmo:", ring.retire_ms);
    out.extend_from_slice(b",features:0x");
    put::hex(out, ring.features.into());
    out.push(b')');
}

/// `id:1,type:hash)`; of a type without a name in `ss` its number.
fn write_fanout(out: &mut Vec<u8>, fanout: Fanout) {
    out.extend_from_slice(b"id:");
    put::number(out, fanout.id());
    out.extend_from_slice(b",type:");
    match (fanout.kind(), fanout.kind_word()) {
        (..6, Some(word)) => out.extend_from_slice(word.as_bytes()),
        (number, _) => {
            out.extend_from_slice(b"0x");
            put::hex(out, number.into());
        }
    }
    out.push(b')');
}

/// `2):  0x28 0 0 12, 0x06 0 0 0,`: code, both jumps, operand.
fn write_filter(out: &mut Vec<u8>, filter: &[Instruction]) {
    put::number(out, filter.len());
    out.extend_from_slice(b"): ");
    for instruction in filter {
        out.extend_from_slice(b" 0x");
        put::hex_wide(out, instruction.code.into(), 2);
        for number in [instruction.jt.into(), instruction.jf.into(), instruction.k] {
            out.push(b' ');
            put::number(out, number);
        }
        out.push(b',');
    }
}
