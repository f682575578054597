//! The read-only globals that the loader fills in: where this kernel keeps each fact, and what
//! it can do.
//!
//! The verifier knows read-only globals as constants, so a fact that is [`ABSENT`] costs nothing
//! and a helper that the kernel lacks is never looked at.

use core::mem::size_of;

/// Offset of a field that this kernel does not have, or that could not be looked up.
pub const ABSENT: u32 = u32::MAX;

/// Byte offsets of kernel fields, each within the structure it names, or [`ABSENT`].
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// `sock.__sk_common.skc_family`, u16.
    pub family: u32,
    /// `sock.__sk_common.skc_num`, u16, host order.
    pub num: u32,
    /// `sock.__sk_common.skc_dport`, u16, network order.
    pub dport: u32,
    /// `sock.__sk_common.skc_daddr`, u32, network order.
    pub daddr: u32,
    /// `sock.__sk_common.skc_rcv_saddr`, u32, network order.
    pub rcv_saddr: u32,
    /// `sock.__sk_common.skc_v6_daddr`, 16 bytes.
    pub v6_daddr: u32,
    /// `sock.__sk_common.skc_v6_rcv_saddr`, 16 bytes.
    pub v6_rcv_saddr: u32,
    /// `sock.__sk_common.skc_net.net`, pointer to `net`.
    pub net: u32,
    /// `sock.__sk_common.skc_bound_dev_if`, i32.
    pub bound_dev_if: u32,
    /// `sock.__sk_common.skc_cookie`, u64.
    pub cookie: u32,
    /// `sock.__sk_common.skc_flags`, unsigned long.
    pub sock_flags: u32,
    /// `sock.sk_err`, i32.
    pub sk_err: u32,
    /// `sock.sk_shutdown`, u8.
    pub sk_shutdown: u32,
    /// `sock.sk_protocol`, u16.
    pub sk_protocol: u32,
    /// `sock.sk_uid.val`, u32.
    pub sk_uid: u32,
    /// `sock.sk_mark`, u32.
    pub sk_mark: u32,
    /// `sock.sk_socket`, pointer to `socket`.
    pub sk_socket: u32,
    /// `sock.sk_cgrp_data.cgroup`, pointer to `cgroup`.
    pub sk_cgroup: u32,
    /// `inet_sock.inet_sport`, u16, network order; an `inet_sock` begins with its `sock`.
    pub inet_sport: u32,
    /// `net.ns.inum`, u32.
    pub net_inum: u32,
    /// From a `socket` to its inode number: `socket_alloc.vfs_inode` + `inode.i_ino`.
    pub socket_ino: u32,
    /// `cgroup.kn`, pointer to `kernfs_node`.
    pub cgroup_kn: u32,
    /// `kernfs_node.id`, u64.
    pub kernfs_id: u32,
    /// `tcp_sock.srtt_us`, u32, eighths of a microsecond.
    pub srtt_us: u32,
    /// `tcp_sock.mdev_us`, u32, quarters of a microsecond.
    pub mdev_us: u32,
    /// `tcp_sock.total_retrans`, u32.
    pub total_retrans: u32,
    /// `tcp_sock.segs_out`, u32.
    pub segs_out: u32,
    /// `tcp_sock.segs_in`, u32.
    pub segs_in: u32,
    /// `tcp_sock.snd_cwnd`, u32.
    pub snd_cwnd: u32,
    /// `tcp_sock.bytes_acked`, u64.
    pub bytes_acked: u32,
    /// `tcp_sock.bytes_received`, u64.
    pub bytes_received: u32,
    /// `task_struct.group_leader`, pointer to `task_struct`.
    pub group_leader: u32,
    /// `task_struct.comm`, 16 bytes.
    pub comm: u32,
    /// `task_struct.flags`, u32.
    pub task_flags: u32,
}

impl Layout {
    /// Nothing known: what a kernel without BTF gives.
    pub const ABSENT: Self = Self {
        family: ABSENT,
        num: ABSENT,
        dport: ABSENT,
        daddr: ABSENT,
        rcv_saddr: ABSENT,
        v6_daddr: ABSENT,
        v6_rcv_saddr: ABSENT,
        net: ABSENT,
        bound_dev_if: ABSENT,
        cookie: ABSENT,
        sock_flags: ABSENT,
        sk_err: ABSENT,
        sk_shutdown: ABSENT,
        sk_protocol: ABSENT,
        sk_uid: ABSENT,
        sk_mark: ABSENT,
        sk_socket: ABSENT,
        sk_cgroup: ABSENT,
        inet_sport: ABSENT,
        net_inum: ABSENT,
        socket_ino: ABSENT,
        cgroup_kn: ABSENT,
        kernfs_id: ABSENT,
        srtt_us: ABSENT,
        mdev_us: ABSENT,
        total_retrans: ABSENT,
        segs_out: ABSENT,
        segs_in: ABSENT,
        snd_cwnd: ABSENT,
        bytes_acked: ABSENT,
        bytes_received: ABSENT,
        group_leader: ABSENT,
        comm: ABSENT,
        task_flags: ABSENT,
    };
}

/// Byte offsets in the context of the classic tracepoints, as their tracefs `format` files give
/// them. They differ between kernels and between builds of one kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassicLayout {
    /// `inet_sock_set_state`: `skaddr`, u64.
    pub skaddr: u32,
    /// `oldstate`, i32.
    pub oldstate: u32,
    /// `newstate`, i32.
    pub newstate: u32,
    /// `sport`, u16, host order.
    pub sport: u32,
    /// `dport`, u16, host order.
    pub dport: u32,
    /// `family`, u16.
    pub family: u32,
    /// `protocol`, u8 or u16 (see `protocol_len`).
    pub protocol: u32,
    /// Length of `protocol` in bytes: 1 before 5.6, else 2.
    pub protocol_len: u32,
    /// `saddr`, 4 bytes.
    pub saddr: u32,
    /// `daddr`, 4 bytes.
    pub daddr: u32,
    /// `saddr_v6`, 16 bytes.
    pub saddr_v6: u32,
    /// `daddr_v6`, 16 bytes.
    pub daddr_v6: u32,
    /// `tcp_destroy_sock`: `skaddr`, u64.
    pub destroy_skaddr: u32,
}

impl ClassicLayout {
    /// Nothing known: the classic hook is not in use.
    pub const ABSENT: Self = Self {
        skaddr: ABSENT,
        oldstate: ABSENT,
        newstate: ABSENT,
        sport: ABSENT,
        dport: ABSENT,
        family: ABSENT,
        protocol: ABSENT,
        protocol_len: ABSENT,
        saddr: ABSENT,
        daddr: ABSENT,
        saddr_v6: ABSENT,
        daddr_v6: ABSENT,
        destroy_skaddr: ABSENT,
    };
}

/// What the programs shall do.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Wake the reader at once when this many bytes of the ring wait for it.
    pub wake_at_bytes: u32,
    /// 1 where `bpf_get_socket_cookie` may be called from a tracing program (5.12+), else 0.
    pub cookie_helper: u32,
}

const _: () = assert!(size_of::<Layout>() == 34 * 4);
const _: () = assert!(size_of::<ClassicLayout>() == 13 * 4);
const _: () = assert!(size_of::<Settings>() == 8);
