//! Where this kernel keeps each fact: names of kernel fields to [`Layout`].

use sockwatch_common::layout::{ABSENT, Layout};

use super::btf::{Btf, BtfError, Struct};

/// What the kernel lacks, by the name of the field, with what is therefore not known.
pub(super) type Missing = Vec<&'static str>;

/// Where to look up each field of [`Layout`]: structure, path, bytes. Of the last ones a kernel has
/// one at most, and misses little without.
macro_rules! lookups {
    (
        $structs:ident, $missing:ident;
        $($field:ident: $name:literal $path:literal $size:literal),*;
        $($form:ident: $form_name:literal $form_path:literal $form_size:literal,)*
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

const STRUCTS: [&str; 12] = [
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
    "super_block",
];

/// Looks every field up in the kernel's BTF. A field that is missing, or of another length than
/// the programs read, is [`ABSENT`] and named.
///
/// # Errors
/// When the bytes are not BTF.
pub(super) fn layout_from_btf(bytes: &[u8]) -> Result<(Layout, Missing), BtfError> {
    let btf = Btf::parse(bytes)?;
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
    };
    // A socket lies at the begin of its `socket_alloc`; the inode is that structure's other half.
    let inode = by_name(structs, "socket_alloc").and_then(|alloc| alloc.field("vfs_inode"));
    if inode.is_none() {
        missing.push("socket_alloc.vfs_inode");
    }
    layout.socket_ino = match inode {
        Some(inode) if layout.socket_ino != ABSENT => inode.offset + layout.socket_ino,
        _ => ABSENT,
    };
    Ok((layout, missing))
}

fn by_name<'a>(structs: &[Option<Struct<'a>>], name: &str) -> Option<Struct<'a>> {
    structs[STRUCTS.iter().position(|&s| s == name)?]
}

fn find(structs: &[Option<Struct<'_>>], name: &str, path: &str, size: u32) -> Option<u32> {
    let field = by_name(structs, name)?.field(path)?;
    (field.size == size).then_some(field.offset)
}
