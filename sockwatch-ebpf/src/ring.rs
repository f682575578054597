//! The ring buffer, its wake-ups, and what is counted when it is full.

use aya_ebpf::{
    bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP},
    helpers::generated::bpf_get_smp_processor_id,
    macros::map,
    maps::{PerCpuArray, RingBuf, ring_buf::RingBufEntry},
};
use aya_log_ebpf::warn;
use sockwatch_common::{counters::Counters, record::Header};

use crate::{gate, globals::global};

/// One ring for all CPUs: it keeps the order of reservation, so one socket's events stay in order.
/// The loader sets its size.
#[map]
static EVENTS: RingBuf = RingBuf::with_byte_size(1 << 22, 0);

/// One [`Counters`] a CPU.
#[map]
static COUNTERS: PerCpuArray<Counters> = PerCpuArray::with_max_entries(1, 0);

/// How far past the mark a record still wakes the reader: two CPUs that reserve at once can both
/// step over the mark itself.
const WAKE_WINDOW_BYTES: u64 = 16 * 1024;

/// This CPU's counters. Each program counts in fields of its own. Since 6.1 the kernel does not
/// run a program inside itself on one CPU; before that an interrupt may, and could swallow one
/// count in the few instructions of an increment (the target has no atomic addition).
#[inline(always)]
pub fn counters() -> Option<&'static mut Counters> {
    let counters = COUNTERS.get_ptr_mut(0)?;
    // SAFETY: the map has this entry for every CPU, and the verifier has seen the null check.
    Some(unsafe { &mut *counters })
}

/// Counts a transition that only the second program saw.
#[inline(always)]
pub fn count_caught() {
    if let Some(counters) = counters() {
        counters.caught += 1;
    }
}

/// Counts an event that the filter dropped.
#[inline(always)]
pub fn count_filtered() {
    if gate::is_open()
        && let Some(counters) = counters()
    {
        counters.events += 1;
        counters.filtered += 1;
    }
}

/// Counts an event that happened at `mono_ns`, and makes room for its record; a full ring is counted
/// too. Nothing is told, or counted, before the gate is open.
#[inline(always)]
pub fn reserve_event<T: 'static>(mono_ns: u64) -> Option<RingBufEntry<T>> {
    let counters = counters().filter(|_| gate::is_open())?;
    counters.events += 1;
    let entry = reserve::<T>();
    if entry.is_none() {
        counters.lost += 1;
        counters.lost_last_ns = mono_ns;
        warn_full(counters.lost);
    }
    entry
}

/// Room for one record.
#[inline(always)]
pub fn reserve<T: 'static>() -> Option<RingBufEntry<T>> {
    EVENTS.reserve::<T>(0)
}

/// Commits a record. The kernel wakes the reader if it had read everything before this record;
/// since the reader waits a few milliseconds before it drains, that is once per drain, never once
/// per record. A ring that fills faster than that wakes it a second time at the mark.
#[inline(always)]
pub fn submit<T>(entry: RingBufEntry<T>) {
    let mark = u64::from(global!(SETTINGS.wake_at_bytes));
    let waiting = EVENTS.query(u64::from(BPF_RB_AVAIL_DATA));
    let at_mark = waiting >= mark && waiting - mark < WAKE_WINDOW_BYTES;
    entry.submit(if at_mark {
        u64::from(BPF_RB_FORCE_WAKEUP)
    } else {
        0
    });
}

/// Says on the debug log that records do not fit, each time their number has doubled. Shown with
/// `-v`; without it the branch is pruned.
#[inline(always)]
fn warn_full(lost: u64) {
    if lost.is_power_of_two() {
        warn!((), "ring full: {} events lost on this CPU so far", lost);
    }
}

/// The header of a record of type `T`.
#[inline(always)]
pub fn header<T>(kind: u16) -> Header {
    // SAFETY: the helper has no preconditions.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    Header {
        kind,
        len: size_of::<T>() as u16,
        cpu,
    }
}
