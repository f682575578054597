//! Where this kernel keeps each fact: names of kernel fields to [`Layout`].

use sockwatch_common::layout::{ABSENT, Layout};

use super::{
    btf::{Btf, BtfError, Struct},
    join::ResetReasons,
};
use crate::model::ResetReason;

/// What the kernel lacks, by the name of the field, with what is therefore not known.
pub(super) type Missing = Vec<&'static str>;

/// What the kernel's BTF tells.
pub(super) struct Found {
    /// Where the facts lie.
    pub(super) layout: Layout,
    /// What it lacks.
    pub(super) missing: Missing,
    /// Why sockets send resets.
    pub(super) reset_reasons: ResetReasons,
}

/// More values than `enum sk_rst_reason` will have.
const MAX_REASONS: u32 = 256;

/// Where to look up each field of [`Layout`]: structure, path, bytes. Behind the semicolon are those
/// without which something else goes missing that says so itself, or nothing much.
macro_rules! lookups {
    (
        $structs:ident, $missing:ident;
        $($field:ident: $name:literal $path:literal $size:literal),*;
        $($form:ident: $form_name:literal $form_path:literal $form_size:tt,)*
    ) => {
        Layout {
            $($field: find($structs, $name, $path, $size).unwrap_or_else(|| {
                $missing.push(concat!($name, ".", $path));
                ABSENT
            }),)*
            $($form: find($structs, $form_name, $form_path, $form_size).unwrap_or(ABSENT),)*
        }
    };
}

/// Length of a `timer_list`.
const TIMER: u32 = 40;

const STRUCTS: [&str; 19] = [
    "sock",
    "inet_sock",
    "net",
    "socket",
    "socket_alloc",
    "file",
    "inode",
    "cgroup",
    "kernfs_node",
    "tcp_sock",
    "task_struct",
    "timer_list",
    "request_sock",
    "inet_request_sock",
    "inet_timewait_sock",
    "inet_connection_sock",
    "sk_buff",
    "net_device",
    "super_block",
];

/// Looks every field up in the kernel's BTF. A field that is missing, or of another length than
/// the programs read, is [`ABSENT`] and named.
///
/// # Errors
/// When the bytes are not BTF.
pub(super) fn layout_from_btf(bytes: &[u8]) -> Result<Found, BtfError> {
    Btf::parse(bytes).map(|btf| layout_from(&btf))
}

/// As [`layout_from_btf`], from BTF that was parsed.
pub(super) fn layout_from(btf: &Btf<'_>) -> Found {
    let structs = &btf.structs(STRUCTS);
    let mut missing = Missing::new();
    let mut layout = lookups! { structs, missing;
        family: "sock" "__sk_common.skc_family" 2,
        num: "sock" "__sk_common.skc_num" 2,
        dport: "sock" "__sk_common.skc_dport" 2,
        daddr: "sock" "__sk_common.skc_daddr" 4,
        rcv_saddr: "sock" "__sk_common.skc_rcv_saddr" 4,
        v6_daddr: "sock" "__sk_common.skc_v6_daddr" 16,
        v6_rcv_saddr: "sock" "__sk_common.skc_v6_rcv_saddr" 16,
        net: "sock" "__sk_common.skc_net.net" 8,
        bound_dev_if: "sock" "__sk_common.skc_bound_dev_if" 4,
        cookie: "sock" "__sk_common.skc_cookie" 8,
        sock_flags: "sock" "__sk_common.skc_flags" 8,
        sk_err: "sock" "sk_err" 4,
        sk_shutdown: "sock" "sk_shutdown" 1,
        sk_protocol: "sock" "sk_protocol" 2,
        sk_uid: "sock" "sk_uid.val" 4,
        sk_mark: "sock" "sk_mark" 4,
        sk_socket: "sock" "sk_socket" 8,
        sk_cgroup: "sock" "sk_cgrp_data.cgroup" 8,
        inet_sport: "inet_sock" "inet_sport" 2,
        net_inum: "net" "ns.inum" 4,
        socket_ino: "inode" "i_ino" 8,
        socket_file: "socket" "file" 8,
        file_inode: "file" "f_inode" 8,
        inode_ino: "inode" "i_ino" 8,
        cgroup_kn: "cgroup" "kn" 8,
        kernfs_id: "kernfs_node" "id" 8,
        srtt_us: "tcp_sock" "srtt_us" 4,
        mdev_us: "tcp_sock" "mdev_us" 4,
        total_retrans: "tcp_sock" "total_retrans" 4,
        segs_out: "tcp_sock" "segs_out" 4,
        segs_in: "tcp_sock" "segs_in" 4,
        snd_cwnd: "tcp_sock" "snd_cwnd" 4,
        bytes_acked: "tcp_sock" "bytes_acked" 8,
        bytes_received: "tcp_sock" "bytes_received" 8,
        group_leader: "task_struct" "group_leader" 8,
        comm: "task_struct" "comm" 16,
        task_flags: "task_struct" "flags" 4,
        task_tgid: "task_struct" "tgid" 4,
        task_files: "task_struct" "files" 8,
        inode_sb: "inode" "i_sb" 8,
        sb_magic: "super_block" "s_magic" 8;
        local_ports: "net" "ipv4.ip_local_ports.range" 4,
        local_ports_pair: "net" "ipv4.ip_local_ports.range" 8,
        timer_function: "timer_list" "function" 8,
        timer_expires: "timer_list" "expires" 8,
        rsk_timer: "request_sock" "rsk_timer" TIMER,
        num_retrans: "request_sock" "num_retrans" 1,
        listener: "sock" "__sk_common.skc_listener" 8,
        ir_mark: "inet_request_sock" "ir_mark" 4,
        tw_timer: "inet_timewait_sock" "tw_timer" TIMER,
        tw_substate: "inet_timewait_sock" "tw_substate" 1,
        tw_mark: "inet_timewait_sock" "tw_mark" 4,
        write_timer: "sock" "tcp_retransmit_timer" TIMER,
        state: "sock" "__sk_common.skc_state" 1,
        skb_head: "sk_buff" "head" 8,
        network_header: "sk_buff" "network_header" 2,
        transport_header: "sk_buff" "transport_header" 2,
        skb_dev: "sk_buff" "dev" 8,
        dev_net: "net_device" "nd_net.net" 8,
    };
    if layout.write_timer == ABSENT {
        let before_6_19 = find(
            structs,
            "inet_connection_sock",
            "icsk_retransmit_timer",
            TIMER,
        );
        layout.write_timer = before_6_19.unwrap_or(ABSENT);
    }
    // A socket lies at the begin of its `socket_alloc`; the inode is that structure's other half.
    let inode = by_name(structs, "socket_alloc").and_then(|alloc| alloc.field("vfs_inode"));
    if inode.is_none() {
        missing.push("socket_alloc.vfs_inode");
    }
    layout.socket_ino = match inode {
        Some(inode) if layout.socket_ino != ABSENT => inode.offset + layout.socket_ino,
        _ => ABSENT,
    };
    Found {
        layout,
        missing,
        reset_reasons: reset_reasons(btf),
    }
}

/// Names of `enum sk_rst_reason` by number; none before Linux 6.10.
fn reset_reasons(btf: &Btf<'_>) -> ResetReasons {
    const PREFIX: &str = "SK_RST_REASON_";
    let mut reasons = ResetReasons::new();
    for (number, name) in btf.enumerators("sk_rst_reason") {
        let name = str::from_utf8(name)
            .ok()
            .and_then(|name| name.strip_prefix(PREFIX));
        let Some(name) = name.filter(|_| number < MAX_REASONS) else {
            continue;
        };
        let word = name.to_ascii_lowercase().replace('_', "-");
        let number = number as usize;
        if reasons.len() <= number {
            reasons.resize(number + 1, None);
        }
        // They are few, and live as long as the program.
        reasons[number] = Some(ResetReason(String::leak(word)));
    }
    reasons
}

fn by_name<'a>(structs: &[Option<Struct<'a>>], name: &str) -> Option<Struct<'a>> {
    structs[STRUCTS.iter().position(|&s| s == name)?]
}

fn find(structs: &[Option<Struct<'_>>], name: &str, path: &str, size: u32) -> Option<u32> {
    let field = by_name(structs, name)?.field(path)?;
    (field.size == size).then_some(field.offset)
}
