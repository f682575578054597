//! sockwatch's kernel programs.
//!
//! | program | hook | since | misses |
//! |---|---|---|---|
//! | `set_state` | `tp_btf/inet_sock_set_state` | 5.5 | transitions in a softirq that interrupts it (counted by the kernel as `recursion_misses`) |
//! | `set_state_nested` | the same, behind it | 5.5 | nothing known: it takes up those |
//! | `set_state_classic` | `tracepoint/sock/inet_sock_set_state` | 4.16 | calls while any tracing program runs on that CPU |
//! | `timer_start`, `timer_cancel` | `tp_btf`, the same | 5.5 | nothing: interrupts are off |
//! | `segment_dropped` | `tp_btf/kfree_skb` | 5.5 | a FIN that arrives while another segment is being dropped |
//! | `accepted`, `accepted_before_6_10` | `fexit/inet_csk_accept` | 5.5 | nothing known |
//! | `received`, `sent` | `tp_btf/tcp_rcv_space_adjust`, `tp_btf/tcp_sendmsg_locked` | 5.5, 6.16 | nothing known |
//! | `reset_sent` | `tp_btf/tcp_send_reset` | 6.10 | nothing known |
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

mod accept;
mod child;
mod classic;
mod filter;
mod fin_wait;
mod gate;
mod globals;
mod memory;
mod minisocket;
mod nested;
mod reset;
mod ring;
mod syn_sent;
mod task_file;
mod timers;
mod transition;

use aya_ebpf::{
    macros::{btf_tracepoint, fexit, tracepoint},
    programs::{BtfTracePointContext, FExitContext, TracePointContext},
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
    let drops = filter::drops::<Direct>(sk, old, new, None);
    accept::note(sk, old, new, !drops);
    if drops {
        ring::count_filtered();
    } else if transition::record::<Direct>(sk, old, new, None) {
        child::note::<Direct>(sk, old, new);
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

/// `timer_start(struct timer_list *timer, ...)`
#[btf_tracepoint(function = "timer_start")]
fn timer_start(ctx: BtfTracePointContext) -> i32 {
    timers::started(ctx.arg(0));
    0
}

/// `timer_cancel(struct timer_list *timer)`
#[btf_tracepoint(function = "timer_cancel")]
fn timer_cancel(ctx: BtfTracePointContext) -> i32 {
    timers::cancelled(ctx.arg(0));
    0
}

/// `kfree_skb(struct sk_buff *skb, void *location, ...)`
#[btf_tracepoint(function = "kfree_skb")]
fn segment_dropped(ctx: BtfTracePointContext) -> i32 {
    fin_wait::dropped(ctx.arg(0), ctx.arg(1));
    0
}

/// `struct sock *inet_csk_accept(struct sock *sk, struct proto_accept_arg *arg)`
#[fexit(function = "inet_csk_accept")]
fn accepted(ctx: FExitContext) -> i32 {
    accept::given(ctx.arg(2));
    0
}

/// `struct sock *inet_csk_accept(struct sock *sk, int flags, int *err, bool kern)`, before 6.10.
#[fexit(function = "inet_csk_accept")]
fn accepted_before_6_10(ctx: FExitContext) -> i32 {
    accept::given(ctx.arg(4));
    0
}

/// `tcp_send_reset(const struct sock *sk, const struct sk_buff *skb, enum sk_rst_reason reason)`
#[btf_tracepoint(function = "tcp_send_reset")]
fn reset_sent(ctx: BtfTracePointContext) -> i32 {
    reset::record(ctx.arg(0), ctx.arg(2));
    0
}

/// `tcp_rcv_space_adjust(struct sock *sk)`
#[btf_tracepoint(function = "tcp_rcv_space_adjust")]
fn received(ctx: BtfTracePointContext) -> i32 {
    accept::used(ctx.arg(0));
    0
}

/// `tcp_sendmsg_locked(const struct sock *sk, ...)`
#[btf_tracepoint(function = "tcp_sendmsg_locked")]
fn sent(ctx: BtfTracePointContext) -> i32 {
    accept::used(ctx.arg(0));
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
