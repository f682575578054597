//! The memory of a socket: `SK_MEMINFO` (`include/uapi/linux/sock_diag.h`), which every kind of table
//! can tell.

/// Bytes that a socket takes, and may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// `SK_MEMINFO_RMEM_ALLOC`: taken by what was received and not read.
    pub rmem_alloc_bytes: u32,
    /// `SK_MEMINFO_RCVBUF`: what that may become.
    pub rcvbuf_bytes: u32,
    /// `SK_MEMINFO_WMEM_ALLOC`: taken by what is on its way out.
    pub wmem_alloc_bytes: u32,
    /// `SK_MEMINFO_SNDBUF`: what that may become.
    pub sndbuf_bytes: u32,
    /// `SK_MEMINFO_FWD_ALLOC`: set aside and not taken yet.
    pub fwd_alloc_bytes: u32,
    /// `SK_MEMINFO_WMEM_QUEUED`: taken by what waits to be sent.
    pub wmem_queued_bytes: u32,
    /// `SK_MEMINFO_OPTMEM`: taken by options and filters.
    pub optmem_bytes: u32,
    /// `SK_MEMINFO_BACKLOG`: taken by what came while the socket was locked.
    pub backlog_bytes: u32,
    /// `SK_MEMINFO_DROPS`: packets dropped before they were queued. `None`: the kernel does not tell,
    /// as before Linux 4.11.
    pub drops: Option<u32>,
}
