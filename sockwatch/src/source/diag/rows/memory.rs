//! Queues, where a family tells them as `SK_MEMINFO` (`include/uapi/linux/sock_diag.h`).

/// Bytes in the receive and the send queue: `SK_MEMINFO_RMEM_ALLOC`, `SK_MEMINFO_WMEM_ALLOC`. What
/// lies between is the size of the receive buffer.
pub(super) fn queues([r0, r1, r2, r3, .., w0, w1, w2, w3]: [u8; 12]) -> (u32, u32) {
    (
        u32::from_ne_bytes([r0, r1, r2, r3]),
        u32::from_ne_bytes([w0, w1, w2, w3]),
    )
}
