//! sockwatch's kernel programs.
//!
//! | program | hook | since | misses |
//! |---|---|---|---|
//! | `set_state` | `tp_btf/inet_sock_set_state` | 5.5 | transitions in a softirq that interrupts it (counted by the kernel as `recursion_misses`) |
//! | `set_state_nested` | the same, behind it | 5.5 | nothing known: it takes up those |
//! | `set_state_classic` | `tracepoint/sock/inet_sock_set_state` | 4.16 | calls while any tracing program runs on that CPU |
//! | `destroy` | `tp_btf/tcp_destroy_sock` | 5.5 | as above |
//! | `destroy_classic` | `tracepoint/tcp/tcp_destroy_sock` | 4.16 | as above |
//! | `task_file` | `iter/task_file` | 5.8 | descriptors that are opened or passed on while it runs |
//!
//! The user-space loader attaches those of `tp_btf`, or the classic ones. Both go through one body:
//! drop what can matter to nobody ([`filter`]), else read the facts of a `struct sock`
//! ([`transition`]), through direct typed loads or through `bpf_probe_read_kernel` ([`memory`]), and
//! commit them to the ring ([`ring`]). Nothing else is decided here: no cause, no owner, and not what
//! is shown. `task_file` is none of them: it is loaded alone, and whoever reads it runs it
//! ([`task_file`]).

#![no_std]
#![no_main]

mod classic;
mod filter;
mod globals;
mod memory;
mod nested;
mod ring;
mod task_file;
mod transition;

use aya_ebpf::{
    macros::{btf_tracepoint, tracepoint},
    programs::{BtfTracePointContext, TracePointContext},
};

use memory::{Direct, Probe};

/// `inet_sock_set_state(const struct sock *sk, const int oldstate, const int newstate)`
#[btf_tracepoint(function = "inet_sock_set_state")]
fn set_state(ctx: BtfTracePointContext) -> i32 {
    let (sk, old, new) = arguments(&ctx);
    nested::mark(sk, old, new);
    take_up(sk, old, new);
    0
}

/// Attached behind `set_state`: takes up what the kernel kept from it.
#[btf_tracepoint(function = "inet_sock_set_state")]
fn set_state_nested(ctx: BtfTracePointContext) -> i32 {
    let (sk, old, new) = arguments(&ctx);
    if nested::is_unmarked(sk, old, new) {
        ring::count_caught();
        take_up(sk, old, new);
    }
    0
}

#[inline(always)]
fn take_up(sk: *const u8, old: u8, new: u8) {
    if filter::drops::<Direct>(sk, old, new, None) {
        ring::count_filtered();
    } else {
        transition::record::<Direct>(sk, old, new, None);
    }
}

#[inline(always)]
fn arguments(ctx: &BtfTracePointContext) -> (*const u8, u8, u8) {
    (ctx.arg(0), ctx.arg::<u32>(1) as u8, ctx.arg::<u32>(2) as u8)
}

/// The same through the classic tracepoint; the tuple comes from the event's own fields.
#[tracepoint(category = "sock", name = "inet_sock_set_state")]
fn set_state_classic(ctx: TracePointContext) -> u32 {
    classic::record(&ctx);
    0
}

/// `tcp_destroy_sock(struct sock *sk)`
#[btf_tracepoint(function = "tcp_destroy_sock")]
fn destroy(ctx: BtfTracePointContext) -> i32 {
    transition::record_destroy::<Direct>(ctx.arg::<*const u8>(0));
    0
}

/// The same through the classic tracepoint.
#[tracepoint(category = "tcp", name = "tcp_destroy_sock")]
fn destroy_classic(ctx: TracePointContext) -> u32 {
    transition::record_destroy::<Probe>(classic::destroyed_sock(&ctx));
    0
}

/// `bpf_iter_task_file(struct bpf_iter_meta *meta, struct task_struct *task, u32 fd, struct file *file)`
#[unsafe(link_section = "iter/task_file")]
#[unsafe(no_mangle)]
extern "C" fn task_file(ctx: *const task_file::Context) -> i32 {
    task_file::write(ctx);
    // Go on with the next file.
    0
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    loop {}
}

/// The programs use helpers that the kernel offers to GPL-compatible programs alone.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
