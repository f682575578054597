//! The classic tracepoints: facts from the event's own fields, at the offsets that the kernel's
//! `format` files give.
//!
//! A program may load from a tracepoint's context only at offsets that are part of the
//! instruction ("dereference of modified ctx ptr" otherwise); the loader's are not, so the context
//! is read as any other kernel memory is.

use aya_ebpf::{EbpfContext, programs::TracePointContext};
use sockwatch_common::layout::ABSENT;

use crate::{
    filter,
    globals::global,
    memory::{Memory, Probe, Scalar},
    ring,
    transition::{self, AF_INET6, GivenTuple},
};

/// Records the transition that `ctx` tells of.
#[inline(always)]
pub fn record(ctx: &TracePointContext) {
    let sk = field::<u64>(ctx, global!(CLASSIC_LAYOUT.skaddr)) as *const u8;
    let old = field::<u32>(ctx, global!(CLASSIC_LAYOUT.oldstate)) as u8;
    let new = field::<u32>(ctx, global!(CLASSIC_LAYOUT.newstate)) as u8;
    let tuple = tuple(ctx);
    if filter::drops::<Probe>(sk, old, new, Some(&tuple)) {
        ring::count_filtered();
    } else {
        let _told = transition::record::<Probe>(sk, old, new, Some(tuple));
    }
}

/// The socket that `tcp_destroy_sock` tells of.
#[inline(always)]
pub fn destroyed_sock(ctx: &TracePointContext) -> *const u8 {
    field::<u64>(ctx, global!(CLASSIC_LAYOUT.destroy_skaddr)) as *const u8
}

#[inline(always)]
fn tuple(ctx: &TracePointContext) -> GivenTuple {
    let family = field::<u16>(ctx, global!(CLASSIC_LAYOUT.family));
    let (saddr, daddr) = if family == AF_INET6 {
        (
            address_v6(ctx, global!(CLASSIC_LAYOUT.saddr_v6)),
            address_v6(ctx, global!(CLASSIC_LAYOUT.daddr_v6)),
        )
    } else {
        (
            [
                u64::from(field::<u32>(ctx, global!(CLASSIC_LAYOUT.saddr))),
                0,
            ],
            [
                u64::from(field::<u32>(ctx, global!(CLASSIC_LAYOUT.daddr))),
                0,
            ],
        )
    };
    let protocol = global!(CLASSIC_LAYOUT.protocol);
    let protocol = if global!(CLASSIC_LAYOUT.protocol_len) == 1 {
        u16::from(field::<u8>(ctx, protocol))
    } else {
        field::<u16>(ctx, protocol)
    };
    GivenTuple {
        family,
        protocol,
        sport: field::<u16>(ctx, global!(CLASSIC_LAYOUT.sport)),
        dport: field::<u16>(ctx, global!(CLASSIC_LAYOUT.dport)),
        saddr,
        daddr,
    }
}

/// Word by word: the fields are only 4-byte aligned.
#[inline(always)]
fn address_v6(ctx: &TracePointContext, offset: u32) -> [u64; 2] {
    if offset == ABSENT {
        return [0; 2];
    }
    let word = |i: u32| u64::from(field::<u32>(ctx, offset + 4 * i));
    [word(0) | word(1) << 32, word(2) | word(3) << 32]
}

#[inline(always)]
fn field<T: Scalar>(ctx: &TracePointContext, offset: u32) -> T {
    Probe::read::<T>(ctx.as_ptr().cast_const().cast(), offset).unwrap_or_default()
}
