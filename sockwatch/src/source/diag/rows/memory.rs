//! Queues, where a family tells them as `SK_MEMINFO` (`include/uapi/linux/sock_diag.h`).

/// Bytes in the receive and the send queue: `SK_MEMINFO_RMEM_ALLOC`, `SK_MEMINFO_WMEM_ALLOC`.
/// `None` if the attribute is too short.
pub(super) fn queues(meminfo: &[u8]) -> Option<(u32, u32)> {
    let (words, _) = meminfo.as_chunks();
    let word = |index: usize| words.get(index).map(|&bytes| u32::from_ne_bytes(bytes));
    Some((word(0)?, word(2)?))
}
