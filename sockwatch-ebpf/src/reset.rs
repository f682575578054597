//! Why a socket sends a reset. The kernel tells just before or just behind the change to `closed`.

use sockwatch_common::record::{Reset, kind};

use crate::{
    filter,
    globals::global,
    memory::{Direct, Memory},
    ring,
    transition::now,
};

const TCP_ESTABLISHED: u8 = 1;
const TCP_TIME_WAIT: u8 = 6;
const TCP_CLOSE: u8 = 7;
const TCP_NEW_SYN_RECV: u8 = 12;

/// Records that `sk` sends a reset because of `reason`. A null one answers for a port on which
/// nobody listens; minisockets are told of by the segment that ends them.
#[inline(always)]
pub fn record(sk: *const u8, reason: u32) {
    // The verifier wants to see this first.
    if sk.is_null() {
        return;
    }
    let state = Direct::read::<u8>(sk, global!(LAYOUT.state)).unwrap_or(0);
    if state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV {
        return;
    }
    if filter::drops::<Direct>(sk, TCP_ESTABLISHED, TCP_CLOSE, None) {
        ring::count_filtered();
        return;
    }
    let mono_ns = now();
    let Some(mut entry) = ring::reserve_event::<Reset>(mono_ns) else {
        return;
    };
    entry.write(Reset {
        header: ring::header::<Reset>(kind::RESET),
        mono_ns,
        sk: sk as u64,
        reason,
        pad: 0,
    });
    ring::submit(entry);
}
