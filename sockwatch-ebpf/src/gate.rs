//! The moment from which the programs tell. They are attached one after the other, and half of what
//! belongs together says something else than the whole: so none tells before all are there.

use aya_ebpf::{macros::map, maps::Array};

/// 1 once all programs are attached.
#[map]
static GATE: Array<u32> = Array::with_max_entries(1, 0);

/// Whether the programs shall tell.
#[inline(always)]
pub fn is_open() -> bool {
    GATE.get(0).copied() == Some(1)
}
