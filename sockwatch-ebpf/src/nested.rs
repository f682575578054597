//! Transitions inside transitions: an interrupt in the middle of the first program.
//!
//! The kernel does not run a program inside itself on one CPU; it skips the inner call. Network
//! softirqs run on the way out of an interrupt, so one unlucky interrupt can hide dozens of
//! transitions. A second program on the same hook is not skipped then: for every transition that
//! the first has not marked as seen, the second takes it up.
//!
//! Both run for one transition on one CPU, first and second, with preemption off (until 7.0; from
//! there on the loader leaves the second program out); in between, and within, a softirq may bring
//! others. So the mark of a transition may lie under those of a whole
//! softirq when the second program looks for it: the newest is tried first, then all.

use aya_ebpf::{macros::map, maps::PerCpuArray};

/// Marks kept: more than the transitions that one run of the network softirq can bring.
const MARKS: usize = 512;

/// A transition that the first program has taken up.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark {
    sk: u64,
    /// Old state, new state; 0 once the second program has found the mark.
    states: u64,
}

impl Mark {
    #[inline(always)]
    fn new(sk: *const u8, old: u8, new: u8) -> Self {
        let states = u64::from(old) << 8 | u64::from(new);
        Self {
            sk: sk as u64,
            states,
        }
    }
}

/// The marks of one CPU.
#[repr(C)]
struct Marks {
    /// How many were ever made.
    made: u64,
    /// The newest [`MARKS`].
    marks: [Mark; MARKS],
}

#[map]
static MARKED: PerCpuArray<Marks> = PerCpuArray::with_max_entries(1, 0);

#[inline(always)]
fn marks() -> Option<&'static mut Marks> {
    let marks = MARKED.get_ptr_mut(0)?;
    // SAFETY: the map has this entry for every CPU, and the verifier has seen the null check.
    Some(unsafe { &mut *marks })
}

/// The first program has taken this transition up.
#[inline(always)]
pub fn mark(sk: *const u8, old: u8, new: u8) {
    let Some(marks) = marks() else {
        return;
    };
    let made = marks.made;
    // First the count, then the mark: before 6.1 the kernel does run this program inside itself,
    // and the inner run must not take the same place. Volatile keeps the order.
    // SAFETY: a field of the entry that the reference is to.
    unsafe { core::ptr::write_volatile(&raw mut marks.made, made + 1) };
    marks.marks[made as usize % MARKS] = Mark::new(sk, old, new);
}

/// Whether the first program was kept from taking this transition up. Removes the mark.
#[inline(always)]
pub fn is_unmarked(sk: *const u8, old: u8, new: u8) -> bool {
    let Some(marks) = marks() else {
        return false;
    };
    let wanted = Mark::new(sk, old, new);
    let newest = (marks.made as usize).wrapping_sub(1) % MARKS;
    if marks.marks[newest] == wanted {
        marks.marks[newest].states = 0;
        return false;
    }
    for mark in &mut marks.marks {
        if *mark == wanted {
            mark.states = 0;
            return false;
        }
    }
    true
}
