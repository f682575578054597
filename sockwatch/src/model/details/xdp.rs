//! Of an XDP socket: `include/uapi/linux/xdp_diag.h`.

/// What is known of an XDP socket besides its row. Rings are told by their descriptors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct XdpDetails {
    /// Ring of received packets: `XDP_DIAG_RX_RING`.
    pub rx_ring: Option<u32>,
    /// Ring of packets to send: `XDP_DIAG_TX_RING`.
    pub tx_ring: Option<u32>,
    /// `XDP_DIAG_UMEM`
    pub umem: Option<Umem>,
    /// Ring of chunks for packets to come: `XDP_DIAG_UMEM_FILL_RING`.
    pub fill_ring: Option<u32>,
    /// Ring of chunks whose packets were sent: `XDP_DIAG_UMEM_COMPLETION_RING`.
    pub completion_ring: Option<u32>,
    /// `XDP_DIAG_STATS`
    pub stats: Option<XdpStats>,
}

/// The memory that holds packets, which sockets can share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Umem {
    /// All of it.
    pub size_bytes: u64,
    /// Which one.
    pub id: u32,
    /// Pages.
    pub pages: u32,
    /// Size of a chunk.
    pub chunk_bytes: u32,
    /// Room before each packet.
    pub headroom_bytes: u32,
    /// Index of the device, 0 for none yet.
    pub ifindex: u32,
    /// Queue.
    pub queue: u32,
    /// `XDP_DU_F_ZEROCOPY` is bit 0.
    pub flags: u32,
    /// Sockets that share it.
    pub refs: u32,
}

impl Umem {
    /// Whether the device works on it without copying.
    pub const fn is_zero_copy(&self) -> bool {
        self.flags & 1 == 1
    }
}

/// What was lost, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct XdpStats {
    /// Received packets dropped.
    pub rx_dropped: u64,
    /// Received packets that did not fit.
    pub rx_invalid: u64,
    /// Received packets for which the ring had no room.
    pub rx_full: u64,
    /// Received packets for which there was no chunk.
    pub fill_ring_empty: u64,
    /// Packets to send with an invalid descriptor.
    pub tx_invalid: u64,
    /// Times that there was nothing to send.
    pub tx_ring_empty: u64,
}
