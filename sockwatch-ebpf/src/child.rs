//! The socket that takes over a half-open connection: its first event says all that the end of the
//! `request_sock` could, and comes just before it on the same CPU.

use aya_ebpf::{macros::map, maps::PerCpuArray};

use crate::{
    globals::global,
    memory::{Memory, Probe},
    transition::{AF_INET6, address_v4, bytes_16, pointer},
};

const TCP_SYN_RECV: u8 = 3;
const TCP_LISTEN: u8 = 10;

/// A connection within this breath of the kernel: its namespace by address.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
struct Child {
    net: u64,
    daddr: [u8; 16],
    num: u16,
    dport: u16,
    family: u16,
    pad: u16,
}

/// The child that came last on each CPU.
#[map]
static CHILD: PerCpuArray<Child> = PerCpuArray::with_max_entries(1, 0);

/// Takes note of a child whose first event was told.
#[inline(always)]
pub fn note<M: Memory>(sk: *const u8, old: u8, new: u8) {
    if global!(SETTINGS.requests) == 1
        && (old, new) == (TCP_LISTEN, TCP_SYN_RECV)
        && let Some(child) = CHILD.get_ptr_mut(0)
    {
        // SAFETY: the map has this entry for every CPU, and the verifier has seen the null check.
        unsafe { child.write(ends::<M>(sk)) };
    }
}

/// Whether a child has just taken over from this `request_sock`.
#[inline(always)]
pub fn took_over(request: *const u8) -> bool {
    let Some(child) = CHILD.get_ptr_mut(0) else {
        return false;
    };
    // SAFETY: as above.
    let child = unsafe { &mut *child };
    // Before 6.15 a child has no peer yet.
    if child.dport == 0 || *child != ends::<Probe>(request) {
        return false;
    }
    child.dport = 0;
    true
}

#[inline(always)]
fn ends<M: Memory>(sk: *const u8) -> Child {
    let family = M::read::<u16>(sk, global!(LAYOUT.family)).unwrap_or(0);
    let daddr = if family == AF_INET6 {
        bytes_16::<M>(sk, global!(LAYOUT.v6_daddr))
    } else {
        address_v4::<M>(sk, global!(LAYOUT.daddr))
    };
    Child {
        net: pointer::<M>(sk, global!(LAYOUT.net)).map_or(0, |net| net as u64),
        daddr,
        num: M::read::<u16>(sk, global!(LAYOUT.num)).unwrap_or(0),
        dport: M::read::<u16>(sk, global!(LAYOUT.dport)).unwrap_or(0),
        family,
        pad: 0,
    }
}
