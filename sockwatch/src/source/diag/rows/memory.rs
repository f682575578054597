//! `SK_MEMINFO`: an array of u32 that every family tells in an attribute of its own
//! (`include/uapi/linux/sock_diag.h`).

use crate::model::Memory;

/// Reads the array into `slot`, whatever newer kernels may have added. `false`: too short.
pub(super) fn set(slot: &mut Option<Memory>, bytes: &[u8]) -> bool {
    let Some((
        &[
            rmem_alloc,
            rcvbuf,
            wmem_alloc,
            sndbuf,
            fwd_alloc,
            queued,
            optmem,
            backlog,
        ],
        rest,
    )) = bytes.as_chunks().0.split_first_chunk()
    else {
        return false;
    };
    *slot = Some(Memory {
        rmem_alloc_bytes: u32::from_ne_bytes(rmem_alloc),
        rcvbuf_bytes: u32::from_ne_bytes(rcvbuf),
        wmem_alloc_bytes: u32::from_ne_bytes(wmem_alloc),
        sndbuf_bytes: u32::from_ne_bytes(sndbuf),
        fwd_alloc_bytes: u32::from_ne_bytes(fwd_alloc),
        wmem_queued_bytes: u32::from_ne_bytes(queued),
        optmem_bytes: u32::from_ne_bytes(optmem),
        backlog_bytes: u32::from_ne_bytes(backlog),
        drops: rest.first().map(|drops| u32::from_ne_bytes(*drops)),
    });
    true
}

/// Bytes in the receive and the send queue, of a family whose queues are told nowhere else.
pub(super) fn queues(memory: Option<Memory>) -> (u32, u32) {
    memory.map_or((0, 0), |memory| {
        (memory.rmem_alloc_bytes, memory.wmem_alloc_bytes)
    })
}
