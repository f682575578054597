//! Who accepts a connection. accept() has no tracepoint. Where the kernel lets programs in at the
//! end of a function, `inet_csk_accept` tells; elsewhere the first process that reads from or writes
//! to a connection that came in has accepted it.

use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap},
};
use sockwatch_common::record::{Accept, kind};

use crate::{
    filter,
    memory::{Direct, Memory},
    ring,
    transition::{now, running},
};

/// Connections that came in and that nobody has used yet, by address of their `struct sock`.
#[map]
static UNACCEPTED: HashMap<u64, u8> = HashMap::with_max_entries(65_536, 0);

const TCP_ESTABLISHED: u8 = 1;
const TCP_SYN_RECV: u8 = 3;
const TCP_CLOSE: u8 = 7;

/// Whether accepting is told by the first use: 1 once the loader has attached the programs for that.
#[map]
static ACCEPT_BY_USE: Array<u32> = Array::with_max_entries(1, 0);

/// Takes note of what came in, if it can `matter` to anybody, and forgets what has ended.
#[inline(always)]
pub fn note(sk: *const u8, old: u8, new: u8, matters: bool) {
    if ACCEPT_BY_USE.get(0).copied() != Some(1) {
        return;
    }
    let sk = sk as u64;
    if matters && (old, new) == (TCP_SYN_RECV, TCP_ESTABLISHED) {
        // Where there is no room, nobody is told to have accepted it.
        let _full = UNACCEPTED.insert(sk, 1, 0);
    } else if new == TCP_CLOSE && UNACCEPTED.get_ptr(sk).is_some() {
        let _gone = UNACCEPTED.remove(sk);
    }
}

/// accept() gives `sk` to a process.
#[inline(always)]
pub fn given(sk: *const u8) {
    if sk.is_null() {
        return;
    }
    if filter::drops::<Direct>(sk, TCP_SYN_RECV, TCP_ESTABLISHED, None) {
        ring::count_filtered();
    } else {
        record(sk);
    }
}

/// A process reads from or writes to `sk`.
#[inline(always)]
pub fn used(sk: *const u8) {
    let key = sk as u64;
    if UNACCEPTED.get_ptr(key).is_none() {
        return;
    }
    // Of two at a time one is told.
    if UNACCEPTED.remove(key).is_ok() {
        record(sk);
    }
}

/// Records that the running process accepted `sk`.
#[inline(always)]
fn record(sk: *const u8) {
    let mono_ns = now();
    let Some(mut entry) = ring::reserve_event::<Accept>(mono_ns) else {
        return;
    };
    let task = running::<Direct>();
    entry.write(Accept {
        header: ring::header::<Accept>(kind::ACCEPT),
        mono_ns,
        cookie: Direct::cookie(sk).unwrap_or(0),
        sk: sk as u64,
        pid: task.pid,
        task_flags: task.flags.unwrap_or(0),
        pad: [0; 3],
        comm: task.comm,
    });
    ring::submit(entry);
}
