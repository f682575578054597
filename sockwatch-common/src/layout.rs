//! The read-only globals that the loader fills in: where this kernel keeps each fact, and what
//! it can do.
//!
//! The verifier knows read-only globals as constants, so a fact that is [`ABSENT`] costs nothing
//! and a helper that the kernel lacks is never looked at. The fields of a global have one type, so
//! that it is also an array of words ([`Layout::words`]), which is how the loader writes it.

/// Offset of a field that this kernel does not have, or that could not be looked up.
pub const ABSENT: u32 = u32::MAX;

macro_rules! global {
    ($(#[$doc:meta])* $name:ident: $word:ty { $($(#[$field_doc:meta])* $field:ident,)* }) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name { $($(#[$field_doc])* pub $field: $word,)* }

        impl $name {
            /// How many words it is.
            pub const LEN: usize = [$(stringify!($field)),*].len();

            /// Nothing known.
            pub const ABSENT: Self = Self { $($field: <$word>::MAX,)* };

            /// The fields in order, as they lie in memory.
            pub const fn words(&self) -> [$word; Self::LEN] {
                [$(self.$field),*]
            }
        }

        const _: () = assert!(core::mem::size_of::<$name>() == $name::LEN * core::mem::size_of::<$word>());
    };
}

global! {
    /// Byte offsets of kernel fields, each within the structure it names, or [`ABSENT`].
    Layout: u32 {
        /// `sock.__sk_common.skc_family`, u16.
        family,
        /// `sock.__sk_common.skc_num`, u16, host order.
        num,
        /// `sock.__sk_common.skc_dport`, u16, network order.
        dport,
        /// `sock.__sk_common.skc_daddr`, u32, network order.
        daddr,
        /// `sock.__sk_common.skc_rcv_saddr`, u32, network order.
        rcv_saddr,
        /// `sock.__sk_common.skc_v6_daddr`, 16 bytes.
        v6_daddr,
        /// `sock.__sk_common.skc_v6_rcv_saddr`, 16 bytes.
        v6_rcv_saddr,
        /// `sock.__sk_common.skc_net.net`, pointer to `net`.
        net,
        /// `sock.__sk_common.skc_bound_dev_if`, i32.
        bound_dev_if,
        /// `sock.__sk_common.skc_cookie`, u64.
        cookie,
        /// `sock.__sk_common.skc_flags`, unsigned long.
        sock_flags,
        /// `sock.sk_err`, i32.
        sk_err,
        /// `sock.sk_shutdown`, u8.
        sk_shutdown,
        /// `sock.sk_protocol`, u16.
        sk_protocol,
        /// `sock.sk_uid.val`, u32.
        sk_uid,
        /// `sock.sk_mark`, u32.
        sk_mark,
        /// `sock.sk_socket`, pointer to `socket`.
        sk_socket,
        /// `sock.sk_cgrp_data.cgroup`, pointer to `cgroup`.
        sk_cgroup,
        /// `inet_sock.inet_sport`, u16, network order; an `inet_sock` begins with its `sock`.
        inet_sport,
        /// `net.ns.inum`, u32.
        net_inum,
        /// `net.ipv4.ip_local_ports.range`, u32: the smallest port below the greatest one (6.8+).
        local_ports,
        /// The same as two i32 (before 6.8).
        local_ports_pair,
        /// From a `socket` to its inode number: `socket_alloc.vfs_inode` + `inode.i_ino`.
        socket_ino,
        /// `socket.file`, pointer to `file`.
        socket_file,
        /// `file.f_inode`, pointer to `inode`.
        file_inode,
        /// `inode.i_ino`, unsigned long.
        inode_ino,
        /// `cgroup.kn`, pointer to `kernfs_node`.
        cgroup_kn,
        /// `kernfs_node.id`, u64.
        kernfs_id,
        /// `tcp_sock.srtt_us`, u32, eighths of a microsecond.
        srtt_us,
        /// `tcp_sock.mdev_us`, u32, quarters of a microsecond.
        mdev_us,
        /// `tcp_sock.total_retrans`, u32.
        total_retrans,
        /// `tcp_sock.segs_out`, u32.
        segs_out,
        /// `tcp_sock.segs_in`, u32.
        segs_in,
        /// `tcp_sock.snd_cwnd`, u32.
        snd_cwnd,
        /// `tcp_sock.bytes_acked`, u64.
        bytes_acked,
        /// `tcp_sock.bytes_received`, u64.
        bytes_received,
        /// `task_struct.group_leader`, pointer to `task_struct`.
        group_leader,
        /// `task_struct.comm`, 16 bytes.
        comm,
        /// `task_struct.flags`, u32.
        task_flags,
        /// `timer_list.function`, pointer.
        timer_function,
        /// `timer_list.expires`, unsigned long, jiffies.
        timer_expires,
        /// `request_sock.rsk_timer`, a `timer_list`; a `request_sock` begins with its `sock_common`.
        rsk_timer,
        /// `request_sock.num_retrans`, u8.
        num_retrans,
        /// `sock.__sk_common.skc_listener`, pointer to the listener of a `request_sock`.
        listener,
        /// `inet_request_sock.ir_mark`, u32; it begins with its `request_sock`.
        ir_mark,
        /// `inet_timewait_sock.tw_timer`, a `timer_list`; it begins with its `sock_common`.
        tw_timer,
        /// `inet_timewait_sock.tw_substate`, u8.
        tw_substate,
        /// `inet_timewait_sock.tw_mark`, u32.
        tw_mark,
        /// From a `sock` to the timer that `tcp_write_timer` handles: since 6.19
        /// `sock.tcp_retransmit_timer`, before `inet_connection_sock.icsk_retransmit_timer`.
        write_timer,
        /// `sock.__sk_common.skc_state`, u8.
        state,
        /// `sk_buff.head`, pointer.
        skb_head,
        /// `sk_buff.network_header`, u16, from `head`.
        network_header,
        /// `sk_buff.transport_header`, u16, from `head`.
        transport_header,
        /// `sk_buff.dev`, pointer to `net_device`.
        skb_dev,
        /// `net_device.nd_net.net`, pointer to `net`.
        dev_net,
        /// `task_struct.tgid`, i32.
        task_tgid,
        /// `task_struct.files`, pointer to `files_struct`.
        task_files,
        /// `inode.i_sb`, pointer to `super_block`.
        inode_sb,
        /// `super_block.s_magic`, unsigned long.
        sb_magic,
    }
}

global! {
    /// Byte offsets in the context of the classic tracepoints, as their tracefs `format` files give
    /// them. They differ between kernels and between builds of one kernel.
    ClassicLayout: u32 {
        /// `inet_sock_set_state`: `skaddr`, u64.
        skaddr,
        /// `oldstate`, i32.
        oldstate,
        /// `newstate`, i32.
        newstate,
        /// `sport`, u16, host order.
        sport,
        /// `dport`, u16, host order.
        dport,
        /// `family`, u16.
        family,
        /// `protocol`, u8 or u16 (see `protocol_len`).
        protocol,
        /// Length of `protocol` in bytes: 1 before 5.6, else 2.
        protocol_len,
        /// `saddr`, 4 bytes.
        saddr,
        /// `daddr`, 4 bytes.
        daddr,
        /// `saddr_v6`, 16 bytes.
        saddr_v6,
        /// `daddr_v6`, 16 bytes.
        daddr_v6,
        /// `tcp_destroy_sock`: `skaddr`, u64.
        destroy_skaddr,
    }
}

global! {
    /// Addresses of kernel functions (`/proc/kallsyms`); [`Symbols::ABSENT`] where they are hidden.
    Symbols: u64 {
        /// `tw_timer_handler`
        tw_timer_handler,
        /// `reqsk_timer_handler`
        reqsk_timer_handler,
        /// `tcp_write_timer`
        tcp_write_timer,
        /// Where `tcp_v4_rcv` begins.
        tcp_v4_rcv,
        /// Where the symbol behind it begins.
        tcp_v4_rcv_end,
        /// Where `tcp_v6_rcv` begins.
        tcp_v6_rcv,
        /// Where the symbol behind it begins.
        tcp_v6_rcv_end,
    }
}

global! {
    /// What the programs shall do.
    Settings: u32 {
        /// Wake the reader at once when this many bytes of the ring wait for it.
        wake_at_bytes,
        /// 1 where a tracing program may call `bpf_get_socket_cookie` (5.12+) and
        /// `bpf_get_current_task_btf` (5.11+), else 0.
        typed_helpers,
        /// 1 where half-open connections are followed, else 0.
        requests,
        /// 1 where TIME-WAIT is followed, else 0.
        timewaits,
        /// 1 where the port is told that connect() has the kernel choose, else 0.
        ports,
    }
}
