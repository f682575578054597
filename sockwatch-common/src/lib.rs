//! What the kernel programs and the user-space agent agree on: the records of the ring buffer and
//! of the iterator over open files, the per-CPU counters, the read-only globals that the loader fills in, and what the filter among
//! them decides.
//!
//! Plain memory layouts, and that one decision: no parsing, no I/O, no `std`. Both sides compile this
//! crate, and the assertions beside each type fail the build of the side that disagrees.

#![no_std]
#![forbid(unsafe_code)]

pub mod counters;
pub mod ends;
pub mod files;
pub mod filter;
pub mod layout;
pub mod record;

/// Version of everything in this crate. The kernel object carries it in a global of its own
/// (`SOCKWATCH_ABI`), and the loader refuses an object with another.
pub const ABI_VERSION: u32 = 3;
