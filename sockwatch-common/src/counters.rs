//! What each CPU counts in the kernel, so that nothing is lost in silence.

use core::mem::{align_of, size_of};

/// One CPU's counters since the programs were loaded. They only grow.
///
/// `transitions` is every call that reached the program; the ones the kernel skipped because the
/// program was already running on that CPU are in its own `recursion_misses`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Calls of the transition program.
    pub transitions: u64,
    /// Transitions for which the ring had no room.
    pub lost: u64,
    /// `CLOCK_MONOTONIC` of the newest of them, nanoseconds.
    pub lost_last_ns: u64,
    /// Calls of the destroy program.
    pub destroys: u64,
    /// Destroys for which the ring had no room. Harmless but for the memory of a table entry.
    pub destroys_lost: u64,
}

const _: () = assert!(size_of::<Counters>() == 40 && align_of::<Counters>() == 8);
