//! The records of the ring buffer.
//!
//! Every record begins with the same eight bytes ([`Header`]); the reader looks at `kind` and `len`
//! first and skips what it does not know. Integers are in the machine's byte order, ports too;
//! addresses are in network order, as the kernel stores them.

use core::mem::{align_of, offset_of, size_of};

/// Length of `task_struct::comm`, with its NUL (`TASK_COMM_LEN`).
pub const COMM_LEN: usize = 16;

/// Values of [`Header::kind`].
pub mod kind {
    /// A [`super::Transition`].
    pub const TRANSITION: u16 = 1;
    /// A [`super::Destroy`].
    pub const DESTROY: u16 = 2;
    /// A [`super::Mini`].
    pub const MINI: u16 = 3;
    /// A [`super::SynSent`].
    pub const SYN_SENT: u16 = 4;
    /// A [`super::Accept`].
    pub const ACCEPT: u16 = 5;
    /// A [`super::Reset`].
    pub const RESET: u16 = 6;
}

/// Bits of [`Transition::known`]: which fields hold a fact. A kernel that has no such field, or a
/// hook that can't reach it, leaves the bit clear and the field zero.
pub mod known {
    /// `cookie` is the socket's cookie.
    pub const COOKIE: u32 = 1 << 0;
    /// `netns` is the network namespace's inode number.
    pub const NETNS: u32 = 1 << 1;
    /// `ifindex` is `skc_bound_dev_if`.
    pub const IFINDEX: u32 = 1 << 2;
    /// `mark` is `sk_mark`.
    pub const MARK: u32 = 1 << 3;
    /// `uid` is `sk_uid`.
    pub const UID: u32 = 1 << 4;
    /// `cgroup_id` is the id of the socket's cgroup.
    pub const CGROUP: u32 = 1 << 5;
    /// `inode` is the socket file's inode number, or 0 where the socket has no file.
    pub const INODE: u32 = 1 << 6;
    /// `sk_err` is set.
    pub const SK_ERR: u32 = 1 << 7;
    /// `shutdown` is set.
    pub const SHUTDOWN: u32 = 1 << 8;
    /// `sock_flags` is set.
    pub const SOCK_FLAGS: u32 = 1 << 9;
    /// The numbers of `tcp_sock` are set.
    pub const TCP: u32 = 1 << 10;
    /// `pid` and `comm` are those of the running task's thread group leader.
    pub const TASK: u32 = 1 << 11;
    /// `task_flags` is set.
    pub const TASK_FLAGS: u32 = 1 << 12;
}

/// Values of [`Mini::event`].
pub mod mini {
    /// Its timer was started (`timer_start`): it is new, or the timer was set anew.
    pub const START: u8 = 1;
    /// Its timer was taken off the wheel (`timer_cancel`): because it is to be set anew, because it
    /// has expired, or because the minisocket ends.
    pub const CANCEL: u8 = 2;
    /// A segment made a TIME-WAIT of a FIN-WAIT-2 (`kfree_skb`, in the function that took it).
    pub const FIN: u8 = 3;
    /// The segment that ended it was dropped after use (`kfree_skb`).
    pub const SEGMENT: u8 = 4;
}

/// Bits of [`Mini::flags`].
pub mod mini_flag {
    /// The timer's time was over (`timer_list.expires`).
    pub const DUE: u8 = 1 << 0;
    /// [`super::mini::SEGMENT`]: the segment was a reset.
    pub const RST: u8 = 1 << 1;
    /// There was no room to remember it by: its FIN will not be seen.
    pub const UNWATCHED: u8 = 1 << 2;
}

/// Bits of [`Transition::sock_flags`].
pub mod sock_flag {
    /// `SOCK_DEAD`: no process holds the socket any more (`sock_orphan`).
    pub const DEAD: u8 = 1 << 0;
    /// `SOCK_DONE`: the peer's FIN was received (`tcp_fin`).
    pub const DONE: u8 = 1 << 1;
}

/// Bits of [`Transition::task_flags`].
pub mod task_flag {
    /// The running task is a kernel thread (`PF_KTHREAD`).
    pub const KTHREAD: u8 = 1 << 0;
}

/// The first bytes of every record.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// One of [`kind`].
    pub kind: u16,
    /// Length of the whole record in bytes, this header included.
    pub len: u16,
    /// The CPU that wrote the record.
    pub cpu: u32,
}

/// One call of `inet_sock_set_state`: a socket is about to go from `old` to `new`.
///
/// Written before the kernel stores the new state (`inet_sk_set_state`, `inet_sk_state_store`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Transition {
    /// Kind [`kind::TRANSITION`].
    pub header: Header,
    /// `CLOCK_MONOTONIC`, nanoseconds.
    pub mono_ns: u64,
    /// Socket cookie (`skc_cookie`).
    pub cookie: u64,
    /// Address of the `struct sock`. No identity over time: the slab reuses it at once.
    pub sk: u64,
    /// Id of the socket's cgroup (`sk_cgrp_data.cgroup->kn->id`).
    pub cgroup_id: u64,
    /// Inode number of the socket's file; 0 while nobody accepted it or after it was orphaned.
    pub inode: u64,
    /// `tcp_sock::bytes_acked`.
    pub bytes_acked: u64,
    /// `tcp_sock::bytes_received`.
    pub bytes_received: u64,
    /// Inode number of the network namespace.
    pub netns: u32,
    /// Bound device, 0 for none.
    pub ifindex: u32,
    /// Firewall mark.
    pub mark: u32,
    /// Owner of the socket, in the initial user namespace.
    pub uid: u32,
    /// Thread group of the task that was running, in the initial pid namespace. In softirq context
    /// that is whoever was interrupted.
    pub pid: u32,
    /// `sk_err`, a positive errno, or 0.
    pub sk_err: u32,
    /// Smoothed round-trip time, microseconds (`srtt_us >> 3`).
    pub rtt_us: u32,
    /// Its mean deviation, microseconds (`mdev_us >> 2`).
    pub rttvar_us: u32,
    /// `tcp_sock::total_retrans`.
    pub retrans: u32,
    /// `tcp_sock::segs_out`.
    pub segs_out: u32,
    /// `tcp_sock::segs_in`.
    pub segs_in: u32,
    /// `tcp_sock::snd_cwnd`, segments.
    pub cwnd: u32,
    /// Which of the fields hold a fact: bits of [`known`].
    pub known: u32,
    /// `AF_INET` or `AF_INET6`.
    pub family: u16,
    /// `IPPROTO_TCP`, `IPPROTO_MPTCP`, `IPPROTO_SCTP`, ....
    pub protocol: u16,
    /// Local port, host order; 0 while the kernel has not chosen one.
    pub sport: u16,
    /// Peer's port, host order; 0 where there is no peer yet.
    pub dport: u16,
    /// The state being left (`TCP_ESTABLISHED` = 1, ...).
    pub old: u8,
    /// The state being entered.
    pub new: u8,
    /// `sk_shutdown`: bit 0 receive side, bit 1 send side.
    pub shutdown: u8,
    /// Bits of [`sock_flag`].
    pub sock_flags: u8,
    /// Bits of [`task_flag`].
    pub task_flags: u8,
    /// Zero.
    pub pad: [u8; 7],
    /// Local address; IPv4 in the first four bytes.
    pub saddr: [u8; 16],
    /// Peer's address; IPv4 in the first four bytes.
    pub daddr: [u8; 16],
    /// Name of the thread group leader, NUL-terminated.
    pub comm: [u8; COMM_LEN],
}

impl Transition {
    /// Nothing known.
    pub const ZERO: Self = Self {
        header: Header {
            kind: 0,
            len: 0,
            cpu: 0,
        },
        mono_ns: 0,
        cookie: 0,
        sk: 0,
        cgroup_id: 0,
        inode: 0,
        bytes_acked: 0,
        bytes_received: 0,
        netns: 0,
        ifindex: 0,
        mark: 0,
        uid: 0,
        pid: 0,
        sk_err: 0,
        rtt_us: 0,
        rttvar_us: 0,
        retrans: 0,
        segs_out: 0,
        segs_in: 0,
        cwnd: 0,
        known: 0,
        family: 0,
        protocol: 0,
        sport: 0,
        dport: 0,
        old: 0,
        new: 0,
        shutdown: 0,
        sock_flags: 0,
        task_flags: 0,
        pad: [0; 7],
        saddr: [0; 16],
        daddr: [0; 16],
        comm: [0; COMM_LEN],
    };
}

/// `tcp_destroy_sock`: the socket with this cookie will emit no more transitions.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Destroy {
    /// Kind [`kind::DESTROY`].
    pub header: Header,
    /// Socket cookie, 0 where unknown.
    pub cookie: u64,
    /// Address of the `struct sock`.
    pub sk: u64,
}

/// A minisocket: a half-open connection (`request_sock`), or a TIME-WAIT or orphaned FIN-WAIT-2
/// (`inet_timewait_sock`). None of them passes through `inet_sock_set_state`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Mini {
    /// Kind [`kind::MINI`].
    pub header: Header,
    /// `CLOCK_MONOTONIC`, nanoseconds.
    pub mono_ns: u64,
    /// `skc_cookie`: of a TIME-WAIT that of the socket before it; 0 where nobody has asked for it.
    pub cookie: u64,
    /// Address of the minisocket. No identity over time.
    pub address: u64,
    /// Cookie of the listener of a half-open connection, 0 where nobody has asked for it.
    pub listener_cookie: u64,
    /// Inode number of the network namespace.
    pub netns: u32,
    /// Bound device, 0 for none.
    pub ifindex: u32,
    /// Firewall mark.
    pub mark: u32,
    /// Which of the fields hold a fact: [`known::NETNS`], [`known::IFINDEX`], [`known::MARK`].
    pub known: u32,
    /// `AF_INET` or `AF_INET6`.
    pub family: u16,
    /// Local port, host order.
    pub sport: u16,
    /// Peer's port, host order.
    pub dport: u16,
    /// One of [`mini`].
    pub event: u8,
    /// `TCP_NEW_SYN_RECV` (12), or `tw_substate`: `TCP_FIN_WAIT2` (5), `TCP_TIME_WAIT` (6).
    pub state: u8,
    /// `num_retrans` of a half-open connection: SYN-ACKs sent again.
    pub retrans: u8,
    /// Bits of [`mini_flag`].
    pub flags: u8,
    /// Zero.
    pub pad: [u8; 6],
    /// Local address; IPv4 in the first four bytes.
    pub saddr: [u8; 16],
    /// Peer's address; IPv4 in the first four bytes.
    pub daddr: [u8; 16],
}

impl Mini {
    /// Nothing known.
    pub const ZERO: Self = Self {
        header: Header {
            kind: 0,
            len: 0,
            cpu: 0,
        },
        mono_ns: 0,
        cookie: 0,
        address: 0,
        listener_cookie: 0,
        netns: 0,
        ifindex: 0,
        mark: 0,
        known: 0,
        family: 0,
        sport: 0,
        dport: 0,
        event: 0,
        state: 0,
        retrans: 0,
        flags: 0,
        pad: [0; 6],
        saddr: [0; 16],
        daddr: [0; 16],
    };
}

/// A SYN has been sent, so connect() has its port and address (`tcp_write_timer` was armed in
/// `TCP_SYN_SENT`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SynSent {
    /// Kind [`kind::SYN_SENT`].
    pub header: Header,
    /// `CLOCK_MONOTONIC`, nanoseconds.
    pub mono_ns: u64,
    /// Address of the `struct sock`.
    pub sk: u64,
    /// `AF_INET` or `AF_INET6`.
    pub family: u16,
    /// Local port, host order.
    pub sport: u16,
    /// Peer's port, host order.
    pub dport: u16,
    /// Zero.
    pub pad: u16,
    /// Local address; IPv4 in the first four bytes.
    pub saddr: [u8; 16],
    /// Peer's address; IPv4 in the first four bytes.
    pub daddr: [u8; 16],
}

/// A process accepted a connection (`inet_csk_accept`), or, where that is not told, reads from or
/// writes to it for the first time (`tcp_rcv_space_adjust`, `tcp_sendmsg_locked`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Accept {
    /// Kind [`kind::ACCEPT`].
    pub header: Header,
    /// `CLOCK_MONOTONIC`, nanoseconds.
    pub mono_ns: u64,
    /// Socket cookie, 0 where unknown.
    pub cookie: u64,
    /// Address of the `struct sock`.
    pub sk: u64,
    /// Thread group of the running task, in the initial pid namespace.
    pub pid: u32,
    /// Bits of [`task_flag`].
    pub task_flags: u8,
    /// Zero.
    pub pad: [u8; 3],
    /// Name of the thread group leader, NUL-terminated.
    pub comm: [u8; COMM_LEN],
}

/// A socket sends a reset (`tcp_send_reset`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Reset {
    /// Kind [`kind::RESET`].
    pub header: Header,
    /// `CLOCK_MONOTONIC`, nanoseconds.
    pub mono_ns: u64,
    /// Address of the `struct sock`.
    pub sk: u64,
    /// Why: a number of `enum sk_rst_reason`.
    pub reason: u32,
    /// Zero.
    pub pad: u32,
}

const _: () = assert!(size_of::<Header>() == 8);
const _: () = assert!(size_of::<Mini>() == 104 && align_of::<Mini>() == 8);
const _: () = assert!(offset_of!(Mini, family) == 56 && offset_of!(Mini, saddr) == 72);
const _: () = assert!(size_of::<SynSent>() == 64 && align_of::<SynSent>() == 8);
const _: () = assert!(size_of::<Accept>() == 56 && align_of::<Accept>() == 8);
const _: () = assert!(size_of::<Reset>() == 32 && align_of::<Reset>() == 8);
const _: () = assert!(size_of::<Transition>() == 184 && align_of::<Transition>() == 8);
const _: () = assert!(offset_of!(Transition, netns) == 64);
const _: () = assert!(offset_of!(Transition, known) == 112);
const _: () = assert!(offset_of!(Transition, old) == 124);
const _: () = assert!(offset_of!(Transition, saddr) == 136);
const _: () = assert!(offset_of!(Transition, comm) == 168);
const _: () = assert!(size_of::<Destroy>() == 24 && align_of::<Destroy>() == 8);
