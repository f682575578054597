//! What each CPU counts in the kernel, so that nothing is lost in silence.

use core::mem::{align_of, size_of};

/// One CPU's counters since the programs were loaded. They only grow.
///
/// Calls of the first program that the kernel skipped, because it was already running on that CPU,
/// are in its own `recursion_misses`; `caught` of them were made good by the second program.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events that the programs took up, those that they dropped included: transitions, and what is
    /// told of minisockets, ports and accepting processes.
    pub events: u64,
    /// Those of them that only the second transition program saw.
    pub caught: u64,
    /// Those of them that the filter dropped.
    pub filtered: u64,
    /// Those of them for which the ring had no room.
    pub lost: u64,
    /// `CLOCK_MONOTONIC` of the newest that was lost, nanoseconds.
    pub lost_last_ns: u64,
    /// Calls of the destroy program.
    pub destroys: u64,
    /// Destroys for which the ring had no room. Harmless but for the memory of a table entry.
    pub destroys_lost: u64,
}

const _: () = assert!(size_of::<Counters>() == 56 && align_of::<Counters>() == 8);
