//! The two ways to read kernel memory.

use aya_ebpf::helpers::{
    bpf_probe_read_kernel,
    generated::{
        bpf_get_current_task, bpf_get_current_task_btf, bpf_get_socket_cookie, bpf_skc_to_tcp_sock,
    },
};
use sockwatch_common::layout::ABSENT;

use crate::globals::global;

/// A scalar that can be read in one load.
pub trait Scalar: Copy + Default {}
impl Scalar for u8 {}
impl Scalar for u16 {}
impl Scalar for u32 {}
impl Scalar for u64 {}

/// A way to read the fields of kernel structures.
pub trait Memory {
    /// Reads the field at `offset` in the structure at `base`; `None` where this kernel has no
    /// such field.
    fn read<T: Scalar>(base: *const u8, offset: u32) -> Option<T>;

    /// The socket's cookie; generates it where the helper may be called.
    fn cookie(sk: *const u8) -> Option<u64>;

    /// The `tcp_sock` that begins with this `sock`; null where it is none.
    fn tcp_sock(sk: *const u8, is_tcp: bool) -> *const u8;

    /// The running task; null where this way to read does not reach it.
    fn current_task() -> *const u8;
}

/// Typed loads through a pointer that the verifier knows from BTF. A load from a null pointer
/// yields zero (the kernel's exception table sees to it). About a nanosecond each.
pub struct Direct;

impl Memory for Direct {
    #[inline(always)]
    fn read<T: Scalar>(base: *const u8, offset: u32) -> Option<T> {
        if offset == ABSENT {
            return None;
        }
        // SAFETY: the verifier refuses the program where `base + offset` is no such field.
        Some(unsafe { base.add(offset as usize).cast::<T>().read_volatile() })
    }

    #[inline(always)]
    fn cookie(sk: *const u8) -> Option<u64> {
        if global!(SETTINGS.typed_helpers) == 1 {
            // SAFETY: `sk` is the tracepoint's own argument.
            Some(unsafe { bpf_get_socket_cookie(sk.cast_mut().cast()) })
        } else {
            Self::read(sk, global!(LAYOUT.cookie))
        }
    }

    #[inline(always)]
    fn tcp_sock(sk: *const u8, _is_tcp: bool) -> *const u8 {
        // SAFETY: `sk` is the tracepoint's own argument; the helper checks what it is.
        unsafe { bpf_skc_to_tcp_sock(sk.cast_mut().cast()) }
            .cast_const()
            .cast()
    }

    #[inline(always)]
    fn current_task() -> *const u8 {
        if global!(SETTINGS.typed_helpers) == 1 {
            // SAFETY: the helper has no preconditions.
            unsafe { bpf_get_current_task_btf() }.cast_const().cast()
        } else {
            core::ptr::null()
        }
    }
}

/// Checked copies from any address. About ten nanoseconds each.
pub struct Probe;

impl Memory for Probe {
    #[inline(always)]
    fn read<T: Scalar>(base: *const u8, offset: u32) -> Option<T> {
        if offset == ABSENT {
            return None;
        }
        let address = base.wrapping_add(offset as usize).cast::<T>();
        // SAFETY: the helper takes any address and fails where it can't be read.
        Some(unsafe { bpf_probe_read_kernel(address) }.unwrap_or_default())
    }

    #[inline(always)]
    fn cookie(sk: *const u8) -> Option<u64> {
        Self::read(sk, global!(LAYOUT.cookie))
    }

    #[inline(always)]
    fn tcp_sock(sk: *const u8, is_tcp: bool) -> *const u8 {
        if is_tcp { sk } else { core::ptr::null() }
    }

    #[inline(always)]
    fn current_task() -> *const u8 {
        // SAFETY: the helper has no preconditions.
        unsafe { bpf_get_current_task() as *const u8 }
    }
}
