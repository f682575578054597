//! Kernel timers whose handler tells whose they are. Every timer of the machine comes this way, so
//! the first thing is to compare one pointer.
//!
//! Both tracepoints fire with interrupts off and the lock of the timer wheel held: nothing else of
//! this CPU is recorded between a timer's `timer_cancel` and the `timer_start` that sets it anew.

use aya_ebpf::helpers::generated::bpf_jiffies64;
use sockwatch_common::{
    layout::ABSENT,
    record::{mini, mini_flag},
};

use crate::{
    child,
    globals::global,
    memory::{Direct, Memory, Probe},
    minisocket::{self, Kind},
    syn_sent,
};

/// A timer was set.
#[inline(always)]
pub fn started(timer: *const u8) {
    let function = function(timer);
    if let Some((kind, socket)) = owner(timer, function) {
        minisocket::record(kind, socket, mini::START, 0);
    } else if global!(SETTINGS.ports) == 1
        && function == global!(SYMBOLS.tcp_write_timer)
        && let Some(sk) = begin(timer, global!(LAYOUT.write_timer))
        && Probe::read::<u8>(sk, global!(LAYOUT.state)) == Some(syn_sent::TCP_SYN_SENT)
    {
        syn_sent::record(sk);
    }
}

/// A timer was taken off the wheel.
#[inline(always)]
pub fn cancelled(timer: *const u8) {
    if let Some((kind, socket)) = owner(timer, function(timer)) {
        if kind == Kind::Request && child::took_over(socket) {
            return;
        }
        let flags = if is_due(timer) { mini_flag::DUE } else { 0 };
        minisocket::record(kind, socket, mini::CANCEL, flags);
    }
}

#[inline(always)]
fn function(timer: *const u8) -> u64 {
    Direct::read::<u64>(timer, global!(LAYOUT.timer_function)).unwrap_or(0)
}

/// The minisocket that a timer is part of.
#[inline(always)]
fn owner(timer: *const u8, function: u64) -> Option<(Kind, *const u8)> {
    if global!(SETTINGS.timewaits) == 1 && function == global!(SYMBOLS.tw_timer_handler) {
        Some((Kind::TimeWait, begin(timer, global!(LAYOUT.tw_timer))?))
    } else if global!(SETTINGS.requests) == 1 && function == global!(SYMBOLS.reqsk_timer_handler) {
        Some((Kind::Request, begin(timer, global!(LAYOUT.rsk_timer))?))
    } else {
        None
    }
}

/// The begin of the structure that has `member` at `offset`. As a number: the verifier allows no way
/// back from a typed pointer.
#[inline(always)]
fn begin(member: *const u8, offset: u32) -> Option<*const u8> {
    (offset != ABSENT).then(|| (member.addr() as u64 - u64::from(offset)) as *const u8)
}

/// Whether its time is over.
#[inline(always)]
fn is_due(timer: *const u8) -> bool {
    // SAFETY: the helper has no preconditions.
    let jiffies = unsafe { bpf_jiffies64() };
    let expires = Direct::read::<u64>(timer, global!(LAYOUT.timer_expires));
    expires.is_some_and(|expires| jiffies.wrapping_sub(expires).cast_signed() >= 0)
}
