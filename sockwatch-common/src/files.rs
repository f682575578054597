//! What the iterator over open files writes: one [`OpenSocket`] behind another, in the machine's
//! byte order, and nothing between them.

use core::mem::{align_of, offset_of, size_of};

use crate::record::COMM_LEN;

/// A descriptor of a process that is a socket.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct OpenSocket {
    /// Inode number of the socket's file (`inode.i_ino`), as /proc shows it in `socket:[INODE]`.
    pub inode: u64,
    /// Thread group (`task_struct.tgid`), in the initial pid namespace.
    pub tgid: u32,
    /// The descriptor.
    pub fd: u32,
    /// Name of the thread group leader, NUL-terminated.
    pub comm: [u8; COMM_LEN],
}

const _: () = assert!(size_of::<OpenSocket>() == 32 && align_of::<OpenSocket>() == 8);
const _: () = assert!(offset_of!(OpenSocket, tgid) == 8);
const _: () = assert!(offset_of!(OpenSocket, comm) == 16);
