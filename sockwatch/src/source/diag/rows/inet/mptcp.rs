//! `struct mptcp_info` (`include/uapi/linux/mptcp.h`), of whatever length the kernel knows.

use super::tcp_info::Fields;
use crate::model::details::MptcpInfo;

/// All of it; `None` if even what every kernel has is missing.
pub(super) fn read(bytes: &[u8]) -> Option<MptcpInfo> {
    let at = Fields(bytes);
    Some(MptcpInfo {
        subflows: at.u8(0)?,
        add_addr_signal: at.u8(1)?,
        add_addr_accepted: at.u8(2)?,
        subflows_max: at.u8(3)?,
        add_addr_signal_max: at.u8(4)?,
        add_addr_accepted_max: at.u8(5)?,
        flags: at.u32(8)?,
        token: at.u32(12)?,
        write_seq: at.u64(16)?,
        snd_una: at.u64(24)?,
        rcv_nxt: at.u64(32)?,
        local_addr_used: at.u8(40),
        local_addr_max: at.u8(41),
        csum_enabled: at.u8(42).map(|enabled| enabled != 0),
        retransmits: at.u32(44),
        bytes_retrans: at.u64(48),
        bytes_sent: at.u64(56),
        bytes_received: at.u64(64),
        bytes_acked: at.u64(72),
        subflows_total: at.u8(80),
        // Before it was there its place was padding, which is 0.
        endp_laminar_max: at.u8(81),
        last_data_sent_ms: at.u32(84),
        last_data_recv_ms: at.u32(88),
        last_ack_recv_ms: at.u32(92),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_kernels_tell_less() {
        let bytes: Vec<u8> = (0..96).collect();
        let info = read(&bytes).unwrap();
        assert_eq!((info.subflows, info.add_addr_accepted_max), (0, 5));
        assert_eq!(
            info.rcv_nxt,
            u64::from_ne_bytes([32, 33, 34, 35, 36, 37, 38, 39])
        );
        assert_eq!(
            (info.local_addr_max, info.csum_enabled),
            (Some(41), Some(true))
        );
        assert_eq!(
            info.last_ack_recv_ms,
            Some(u32::from_ne_bytes([92, 93, 94, 95]))
        );
        let older = read(&bytes[..40]).unwrap();
        assert_eq!((older.local_addr_used, older.bytes_sent), (None, None));
        assert_eq!(read(&bytes[..39]), None);
    }
}
