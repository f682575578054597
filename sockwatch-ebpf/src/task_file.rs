//! Every open file of every task that is a socket, once for each process, to the reader of the
//! iterator.
//!
//! Does not choose among the sockets: the reader knows which it wants. Calls one helper,
//! `bpf_seq_write`, which is as old as the iterators themselves; `bpf_sock_from_file` (5.11+) would
//! tell no more than the file's own superblock does.

use core::mem::size_of;

use aya_ebpf::{bindings::seq_file, helpers::generated::bpf_seq_write};
use sockwatch_common::files::OpenSocket;

use crate::{
    globals::global,
    memory::{Direct, Memory},
    transition::{bytes_16, pointer},
};

/// `SOCKFS_MAGIC` (`include/uapi/linux/magic.h`). The mode of an inode is not enough: a unix
/// socket's file on a disk can be open too (`O_PATH`), and has the inode number of its disk.
const SOCKFS_MAGIC: u64 = 0x534f_434b;

/// `struct bpf_iter__task_file` (`kernel/bpf/task_iter.c`).
#[repr(C)]
pub struct Context {
    meta: *const u8,
    /// Null in the last call, after all files.
    task: *const u8,
    fd: u32,
    pad: u32,
    /// Null in the last call.
    file: *const u8,
}

/// `bpf_iter_meta.seq`, its first field.
const META_SEQ: u32 = 0;

/// Writes the file that `ctx` tells of, if it is a socket.
#[inline(always)]
pub fn write(ctx: *const Context) {
    // SAFETY: the kernel's context; each field is read alone and whole, as the verifier wants it.
    let (meta, task, fd, file) = unsafe {
        (
            (&raw const (*ctx).meta).read_volatile(),
            (&raw const (*ctx).task).read_volatile(),
            (&raw const (*ctx).fd).read_volatile(),
            (&raw const (*ctx).file).read_volatile(),
        )
    };
    if task.is_null() || file.is_null() {
        return;
    }
    let Some(inode) = socket_inode(file) else {
        return;
    };
    let Some(leader) = pointer::<Direct>(task, global!(LAYOUT.group_leader)) else {
        return;
    };
    if shares_files_of(task, leader) {
        return;
    }
    let record = OpenSocket {
        inode,
        tgid: Direct::read::<u32>(task, global!(LAYOUT.task_tgid)).unwrap_or(0),
        fd,
        comm: bytes_16::<Direct>(leader, global!(LAYOUT.comm)),
    };
    let Some(seq) = pointer::<Direct>(meta, META_SEQ) else {
        return;
    };
    // Where there is no room the kernel calls again for this file, after the reader has read.
    // SAFETY: an initialised record on the stack, of this length.
    let _full = unsafe {
        bpf_seq_write(
            seq.cast_mut().cast::<seq_file>(),
            (&raw const record).cast(),
            size_of::<OpenSocket>() as u32,
        )
    };
}

/// The inode number of `file`, if it is a socket.
#[inline(always)]
fn socket_inode(file: *const u8) -> Option<u64> {
    let inode = pointer::<Direct>(file, global!(LAYOUT.file_inode))?;
    let superblock = pointer::<Direct>(inode, global!(LAYOUT.inode_sb))?;
    let magic = Direct::read::<u64>(superblock, global!(LAYOUT.sb_magic))?;
    if magic != SOCKFS_MAGIC {
        return None;
    }
    Direct::read::<u64>(inode, global!(LAYOUT.inode_ino))
}

/// Whether `task` is a thread with the descriptors of its `leader`, which are written for that.
/// Since 5.11 the kernel passes over such threads itself.
#[inline(always)]
fn shares_files_of(task: *const u8, leader: *const u8) -> bool {
    let files = global!(LAYOUT.task_files);
    task != leader && pointer::<Direct>(task, files) == pointer::<Direct>(leader, files)
}
