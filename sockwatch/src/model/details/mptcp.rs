//! What MPTCP knows of a connection: `struct mptcp_info` of Linux 6.18 (`include/uapi/linux/mptcp.h`).

/// The numbers of an MPTCP socket. `None`: told by newer kernels only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MptcpInfo {
    /// Further subflows.
    pub subflows: u8,
    /// Addresses announced.
    pub add_addr_signal: u8,
    /// Announced addresses of the peer that are used.
    pub add_addr_accepted: u8,
    /// Further subflows that there may be.
    pub subflows_max: u8,
    /// Addresses that may be announced.
    pub add_addr_signal_max: u8,
    /// Announced addresses that may be used.
    pub add_addr_accepted_max: u8,
    /// Bits `MPTCP_INFO_FLAG_`.
    pub flags: u32,
    /// Token of this end.
    pub token: u32,
    /// Sequence number of the next byte that is written.
    pub write_seq: u64,
    /// The first that is not acknowledged.
    pub snd_una: u64,
    /// The next that is expected.
    pub rcv_nxt: u64,
    /// Addresses in use for subflows.
    pub local_addr_used: Option<u8>,
    /// Addresses that may be.
    pub local_addr_max: Option<u8>,
    /// Whether there are checksums.
    pub csum_enabled: Option<bool>,
    /// Retransmissions of MPTCP's own.
    pub retransmits: Option<u32>,
    /// Bytes in these.
    pub bytes_retrans: Option<u64>,
    /// Bytes sent, retransmits included.
    pub bytes_sent: Option<u64>,
    /// Bytes received.
    pub bytes_received: Option<u64>,
    /// Bytes the peer has acknowledged.
    pub bytes_acked: Option<u64>,
    /// Subflows, the first included.
    pub subflows_total: Option<u8>,
    /// Laminar endpoints that may be used.
    pub endp_laminar_max: Option<u8>,
    /// Since data was sent, milliseconds.
    pub last_data_sent_ms: Option<u32>,
    /// Since data came, milliseconds.
    pub last_data_recv_ms: Option<u32>,
    /// Since an acknowledgment came, milliseconds.
    pub last_ack_recv_ms: Option<u32>,
}

impl MptcpInfo {
    /// Whether it is plain TCP after all.
    pub const fn is_fallback(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Whether the peer's key has come.
    pub const fn has_remote_key(&self) -> bool {
        self.flags & 2 != 0
    }
}
