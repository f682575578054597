//! From a `struct sock` to a record: the body that both hooks share.

use aya_ebpf::helpers::{
    bpf_get_current_comm, bpf_get_current_pid_tgid, generated::bpf_ktime_get_ns,
};
use sockwatch_common::{
    layout::ABSENT,
    record::{Destroy, Transition, kind, known, sock_flag, task_flag},
};

use crate::{
    filter,
    globals::global,
    memory::{Memory, Probe},
    ring,
};

pub const AF_INET6: u16 = 10;
const IPPROTO_TCP: u16 = 6;
const TCP_ESTABLISHED: u8 = 1;
const TCP_SYN_SENT: u8 = 2;
const TCP_CLOSE: u8 = 7;
/// Bits of `skc_flags` (`enum sock_flags`).
const SOCK_DEAD: u64 = 1 << 0;
const SOCK_DONE: u64 = 1 << 1;
/// Bit of `task_struct::flags`.
const PF_KTHREAD: u32 = 0x0020_0000;

/// Both ends as the hook itself knows them; `None` leaves them to be read from the socket.
pub struct GivenTuple {
    pub family: u16,
    pub protocol: u16,
    pub sport: u16,
    pub dport: u16,
    pub saddr: [u64; 2],
    pub daddr: [u64; 2],
}

/// Records that `sk` goes from `old` to `new`; whether there was room.
#[inline(always)]
pub fn record<M: Memory>(sk: *const u8, old: u8, new: u8, given: Option<GivenTuple>) -> bool {
    let mono_ns = now();
    let Some(mut entry) = ring::reserve_event::<Transition>(mono_ns) else {
        return false;
    };
    let record = entry.write(Transition::ZERO);
    record.header = ring::header::<Transition>(kind::TRANSITION);
    record.mono_ns = mono_ns;
    record.sk = sk as u64;
    record.old = old;
    record.new = new;
    let protocol = M::read::<u16>(sk, global!(LAYOUT.sk_protocol)).unwrap_or(0);
    let tp = M::tcp_sock(sk, protocol == IPPROTO_TCP);
    if let Some(tuple) = given {
        put_given(record, tuple);
    } else {
        record.protocol = protocol;
        put_tuple::<M>(record, sk, tp);
    }
    // The port is chosen after this transition: the field still holds the last connection's.
    if old == TCP_CLOSE
        && new == TCP_SYN_SENT
        && let Some(num) = M::read::<u16>(sk, global!(LAYOUT.num))
    {
        record.sport = num;
    }
    put_identity::<M>(record, sk);
    put_condition::<M>(record, sk);
    put_task::<M>(record);
    if (old == TCP_ESTABLISHED || new == TCP_CLOSE) && !tp.is_null() {
        put_tcp::<M>(record, tp);
    }
    ring::submit(entry);
    true
}

/// `CLOCK_MONOTONIC`, nanoseconds.
#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_ktime_get_ns() }
}

/// Records that `sk` is gone.
#[inline(always)]
pub fn record_destroy<M: Memory>(sk: *const u8) {
    if filter::drops_destroy::<M>(sk) {
        return;
    }
    let Some(counters) = ring::counters() else {
        return;
    };
    counters.destroys += 1;
    let Some(mut entry) = ring::reserve::<Destroy>() else {
        counters.destroys_lost += 1;
        return;
    };
    entry.write(Destroy {
        header: ring::header::<Destroy>(kind::DESTROY),
        cookie: M::cookie(sk).unwrap_or(0),
        sk: sk as u64,
    });
    ring::submit(entry);
}

#[inline(always)]
fn put_given(record: &mut Transition, tuple: GivenTuple) {
    record.family = tuple.family;
    record.protocol = tuple.protocol;
    record.sport = tuple.sport;
    record.dport = tuple.dport;
    record.saddr = words_to_bytes(tuple.saddr);
    record.daddr = words_to_bytes(tuple.daddr);
}

#[inline(always)]
fn put_tuple<M: Memory>(record: &mut Transition, sk: *const u8, tp: *const u8) {
    record.family = M::read::<u16>(sk, global!(LAYOUT.family)).unwrap_or(0);
    record.dport = u16::from_be(M::read::<u16>(sk, global!(LAYOUT.dport)).unwrap_or(0));
    // Not `skc_num`, which is already cleared when an automatically bound socket closes.
    record.sport = inet_sport::<M>(sk, tp);
    (record.saddr, record.daddr) = addresses::<M>(sk, record.family);
}

/// Local address and the peer's of a `sock_common`.
#[inline(always)]
pub fn addresses<M: Memory>(sk: *const u8, family: u16) -> ([u8; 16], [u8; 16]) {
    if family == AF_INET6 {
        (
            bytes_16::<M>(sk, global!(LAYOUT.v6_rcv_saddr)),
            bytes_16::<M>(sk, global!(LAYOUT.v6_daddr)),
        )
    } else {
        (
            address_v4::<M>(sk, global!(LAYOUT.rcv_saddr)),
            address_v4::<M>(sk, global!(LAYOUT.daddr)),
        )
    }
}

/// `inet_sport`, 0 where this kernel has none. It lies beyond `struct sock`, where a typed pointer to
/// one does not reach.
#[inline(always)]
pub fn inet_sport<M: Memory>(sk: *const u8, tp: *const u8) -> u16 {
    let offset = global!(LAYOUT.inet_sport);
    let sport = if tp.is_null() {
        Probe::read::<u16>(sk, offset)
    } else {
        M::read::<u16>(tp, offset)
    };
    u16::from_be(sport.unwrap_or(0))
}

#[inline(always)]
pub fn address_v4<M: Memory>(sk: *const u8, offset: u32) -> [u8; 16] {
    words_to_bytes([u64::from(M::read::<u32>(sk, offset).unwrap_or(0)), 0])
}

/// Sixteen bytes of a field, zero where there is none.
#[inline(always)]
pub fn bytes_16<M: Memory>(base: *const u8, offset: u32) -> [u8; 16] {
    if offset == ABSENT {
        return [0; 16];
    }
    let low = M::read::<u64>(base, offset).unwrap_or(0);
    let high = M::read::<u64>(base, offset + 8).unwrap_or(0);
    words_to_bytes([low, high])
}

/// Two words as they lie in (little-endian) memory.
#[inline(always)]
pub fn words_to_bytes(words: [u64; 2]) -> [u8; 16] {
    let bytes = u128::from(words[0]) | u128::from(words[1]) << 64;
    bytes.to_le_bytes()
}

/// Cookie, namespace, device, mark, user, cgroup, inode.
#[inline(always)]
fn put_identity<M: Memory>(record: &mut Transition, sk: *const u8) {
    if let Some(cookie) = M::cookie(sk) {
        record.cookie = cookie;
        record.known |= known::COOKIE;
    }
    if let Some(net) = pointer::<M>(sk, global!(LAYOUT.net))
        && let Some(inum) = M::read::<u32>(net, global!(LAYOUT.net_inum))
    {
        record.netns = inum;
        record.known |= known::NETNS;
    }
    if let Some(ifindex) = M::read::<u32>(sk, global!(LAYOUT.bound_dev_if)) {
        record.ifindex = ifindex;
        record.known |= known::IFINDEX;
    }
    if let Some(mark) = M::read::<u32>(sk, global!(LAYOUT.sk_mark)) {
        record.mark = mark;
        record.known |= known::MARK;
    }
    if let Some(uid) = M::read::<u32>(sk, global!(LAYOUT.sk_uid)) {
        record.uid = uid;
        record.known |= known::UID;
    }
    if let Some(cgroup) = pointer::<M>(sk, global!(LAYOUT.sk_cgroup))
        && let Some(node) = pointer::<M>(cgroup, global!(LAYOUT.cgroup_kn))
        && let Some(id) = M::read::<u64>(node, global!(LAYOUT.kernfs_id))
    {
        record.cgroup_id = id;
        record.known |= known::CGROUP;
    }
    if let Some(socket) = pointer::<M>(sk, global!(LAYOUT.sk_socket))
        && let Some(inode) = inode::<M>(socket)
    {
        record.inode = inode;
        record.known |= known::INODE;
    }
}

/// Inode number of a `socket`, 0 for a null one.
#[inline(always)]
fn inode<M: Memory>(socket: *const u8) -> Option<u64> {
    if socket.is_null() {
        return Some(0);
    }
    if let Some(file) = pointer::<M>(socket, global!(LAYOUT.socket_file))
        && !file.is_null()
        && let Some(inode) = pointer::<M>(file, global!(LAYOUT.file_inode))
    {
        return M::read::<u64>(inode, global!(LAYOUT.inode_ino));
    }
    // The kernel's own sockets have no file. Their inode lies behind `struct socket`, where a
    // typed pointer to one does not reach.
    Probe::read::<u64>(socket, global!(LAYOUT.socket_ino))
}

/// What tells the cause of a close.
#[inline(always)]
fn put_condition<M: Memory>(record: &mut Transition, sk: *const u8) {
    if let Some(sk_err) = M::read::<u32>(sk, global!(LAYOUT.sk_err)) {
        record.sk_err = sk_err;
        record.known |= known::SK_ERR;
    }
    if let Some(shutdown) = M::read::<u8>(sk, global!(LAYOUT.sk_shutdown)) {
        record.shutdown = shutdown;
        record.known |= known::SHUTDOWN;
    }
    if let Some(flags) = M::read::<u64>(sk, global!(LAYOUT.sock_flags)) {
        if flags & SOCK_DEAD != 0 {
            record.sock_flags |= sock_flag::DEAD;
        }
        if flags & SOCK_DONE != 0 {
            record.sock_flags |= sock_flag::DONE;
        }
        record.known |= known::SOCK_FLAGS;
    }
}

/// The running task: its process, not its thread.
#[inline(always)]
fn put_task<M: Memory>(record: &mut Transition) {
    let task = running::<M>();
    record.pid = task.pid;
    record.comm = task.comm;
    record.known |= known::TASK;
    if let Some(flags) = task.flags {
        record.task_flags = flags;
        record.known |= known::TASK_FLAGS;
    }
}

/// A process.
pub struct Task {
    pub pid: u32,
    pub comm: [u8; 16],
    /// Bits of [`task_flag`].
    pub flags: Option<u8>,
}

/// The running task: its process, not its thread.
#[inline(always)]
pub fn running<M: Memory>() -> Task {
    let task = M::current_task();
    let (comm, flags) = if task.is_null() {
        leader::<Probe>(Probe::current_task())
    } else {
        leader::<M>(task)
    };
    Task {
        pid: (bpf_get_current_pid_tgid() >> 32) as u32,
        comm,
        flags,
    }
}

#[inline(always)]
fn leader<M: Memory>(task: *const u8) -> ([u8; 16], Option<u8>) {
    let comm = global!(LAYOUT.comm);
    let name = if comm != ABSENT
        && let Some(leader) = pointer::<M>(task, global!(LAYOUT.group_leader))
    {
        bytes_16::<M>(leader, comm)
    } else {
        bpf_get_current_comm().unwrap_or_default()
    };
    let flags = M::read::<u32>(task, global!(LAYOUT.task_flags)).map(|flags| {
        if flags & PF_KTHREAD != 0 {
            task_flag::KTHREAD
        } else {
            0
        }
    });
    (name, flags)
}

/// The numbers of the `tcp_sock`, where the kernel has them all.
#[inline(always)]
fn put_tcp<M: Memory>(record: &mut Transition, tp: *const u8) {
    if let Some(srtt_us) = M::read::<u32>(tp, global!(LAYOUT.srtt_us))
        && let Some(mdev_us) = M::read::<u32>(tp, global!(LAYOUT.mdev_us))
        && let Some(retrans) = M::read::<u32>(tp, global!(LAYOUT.total_retrans))
        && let Some(segs_out) = M::read::<u32>(tp, global!(LAYOUT.segs_out))
        && let Some(segs_in) = M::read::<u32>(tp, global!(LAYOUT.segs_in))
        && let Some(cwnd) = M::read::<u32>(tp, global!(LAYOUT.snd_cwnd))
        && let Some(bytes_acked) = M::read::<u64>(tp, global!(LAYOUT.bytes_acked))
        && let Some(bytes_received) = M::read::<u64>(tp, global!(LAYOUT.bytes_received))
    {
        record.rtt_us = srtt_us >> 3;
        record.rttvar_us = mdev_us >> 2;
        record.retrans = retrans;
        record.segs_out = segs_out;
        record.segs_in = segs_in;
        record.cwnd = cwnd;
        record.bytes_acked = bytes_acked;
        record.bytes_received = bytes_received;
        record.known |= known::TCP;
    }
}

#[inline(always)]
pub fn pointer<M: Memory>(base: *const u8, offset: u32) -> Option<*const u8> {
    M::read::<u64>(base, offset).map(|address| address as *const u8)
}
