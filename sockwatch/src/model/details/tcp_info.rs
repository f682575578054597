//! What TCP knows of a connection: `struct tcp_info` of Linux 6.18 (`include/uapi/linux/tcp.h`).
//!
//! Names are the kernel's, with units. `None`: not measured, without bound, or told by newer kernels only.

/// The numbers of a TCP socket. Left out is `tcpi_last_ack_sent`, which no kernel ever set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// State of congestion control.
    pub ca_state: CaState,
    /// Timeouts in a row.
    pub retransmits: u8,
    /// Window or keepalive probes that were not answered.
    pub probes: u8,
    /// How often the timeout was doubled.
    pub backoff: u8,
    /// What was negotiated.
    pub options: TcpOptions,
    /// Window scale of the peer.
    pub snd_wscale: u8,
    /// Window scale of this end.
    pub rcv_wscale: u8,
    /// Whether `delivery_rate` was held down by the application.
    pub delivery_rate_app_limited: bool,
    /// Why TCP Fast Open did not work.
    pub fastopen_client_fail: FastopenFail,
    /// Timeout of a retransmission, microseconds.
    pub rto_us: u32,
    /// Delay of acknowledgments, microseconds.
    pub ato_us: u32,
    /// Largest segment to send, bytes.
    pub snd_mss_bytes: u32,
    /// Largest segment seen, bytes.
    pub rcv_mss_bytes: u32,
    /// Segments sent and not acknowledged; of a listener, connections that wait.
    pub unacked: u32,
    /// Segments that the peer has out of order; of a listener, its backlog.
    pub sacked: u32,
    /// Segments taken for lost.
    pub lost: u32,
    /// Segments sent again and not acknowledged.
    pub retrans: u32,
    /// Segments up to the furthest that is acknowledged; 0 since Linux 4.15.
    pub fackets: u32,
    /// Since data was sent, milliseconds.
    pub last_data_sent_ms: u32,
    /// Since data came, milliseconds.
    pub last_data_recv_ms: u32,
    /// Since an acknowledgment came, milliseconds.
    pub last_ack_recv_ms: u32,
    /// Largest packet of the path, bytes.
    pub pmtu_bytes: u32,
    /// Most that is offered of the receive window, bytes.
    pub rcv_ssthresh_bytes: u32,
    /// Smoothed round-trip time, microseconds.
    pub rtt_us: Option<u32>,
    /// Its mean deviation, microseconds.
    pub rttvar_us: Option<u32>,
    /// Where slow start ends, segments.
    pub snd_ssthresh: Option<u32>,
    /// Congestion window, segments.
    pub snd_cwnd: u32,
    /// Largest segment that was offered to the peer, bytes.
    pub advmss_bytes: u32,
    /// How far segments may be out of order.
    pub reordering: u32,
    /// Round-trip time as the receiver sees it, microseconds.
    pub rcv_rtt_us: Option<u32>,
    /// What the reader takes in a round trip, bytes.
    pub rcv_space_bytes: u32,
    /// Segments retransmitted over the socket's life.
    pub total_retrans: u32,
    /// Rate at which segments are paced.
    pub pacing_rate_bytes_per_s: Option<u64>,
    /// What that may become.
    pub max_pacing_rate_bytes_per_s: Option<u64>,
    /// Bytes the peer has acknowledged.
    pub bytes_acked: Option<u64>,
    /// Bytes received in order.
    pub bytes_received: Option<u64>,
    /// Segments sent.
    pub segs_out: Option<u32>,
    /// Segments received.
    pub segs_in: Option<u32>,
    /// Bytes that were never sent.
    pub notsent_bytes: Option<u32>,
    /// Least round-trip time of late, microseconds.
    pub min_rtt_us: Option<u32>,
    /// Segments with data received.
    pub data_segs_in: Option<u32>,
    /// Segments with data sent.
    pub data_segs_out: Option<u32>,
    /// Rate at which data was delivered of late.
    pub delivery_rate_bytes_per_s: Option<u64>,
    /// Time with something to send, microseconds.
    pub busy_time_us: Option<u64>,
    /// Of this, held back by the peer's window, microseconds.
    pub rwnd_limited_us: Option<u64>,
    /// Of this, held back by the send buffer, microseconds.
    pub sndbuf_limited_us: Option<u64>,
    /// Segments delivered, retransmits included.
    pub delivered: Option<u32>,
    /// Of these, with a mark of congestion.
    pub delivered_ce: Option<u32>,
    /// Bytes sent, retransmits included.
    pub bytes_sent: Option<u64>,
    /// Bytes retransmitted.
    pub bytes_retrans: Option<u64>,
    /// Segments that the peer had twice.
    pub dsack_dups: Option<u32>,
    /// How often segments were seen out of order.
    pub reord_seen: Option<u32>,
    /// Segments that came out of order.
    pub rcv_ooopack: Option<u32>,
    /// Window that the peer offers, bytes.
    pub snd_wnd_bytes: Option<u32>,
    /// Window that is offered to the peer, bytes. Linux 6.2.
    pub rcv_wnd_bytes: Option<u32>,
    /// How often another path was tried. Linux 6.2.
    pub rehash: Option<u32>,
    /// Timeouts. Linux 6.7.
    pub total_rto: Option<u16>,
    /// Recoveries from timeouts. Linux 6.7.
    pub total_rto_recoveries: Option<u16>,
    /// Time in these, milliseconds. Linux 6.7.
    pub total_rto_time_ms: Option<u32>,
    /// Accurate ECN, Linux 6.18: segments that came with a mark of congestion.
    pub received_ce: Option<u32>,
    /// Bytes delivered with ECT(1).
    pub delivered_e1_bytes: Option<u32>,
    /// Bytes delivered with ECT(0).
    pub delivered_e0_bytes: Option<u32>,
    /// Bytes delivered with a mark of congestion.
    pub delivered_ce_bytes: Option<u32>,
    /// Bytes received with ECT(1).
    pub received_e1_bytes: Option<u32>,
    /// Bytes received with ECT(0).
    pub received_e0_bytes: Option<u32>,
    /// Bytes received with a mark of congestion.
    pub received_ce_bytes: Option<u32>,
    /// Bits that say where Accurate ECN failed.
    pub accecn_fail_mode: Option<u16>,
    /// What was seen of the option of Accurate ECN.
    pub accecn_opt_seen: Option<u16>,
}

/// State of congestion control: `enum tcp_ca_state`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaState(pub u8);

impl CaState {
    /// In lower case; `None` for a state newer than this program.
    pub const fn word(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "open",
            1 => "disorder",
            2 => "cwr",
            3 => "recovery",
            4 => "loss",
            _ => return None,
        })
    }
}

/// Why TCP Fast Open did not work: `enum tcp_fastopen_client_fail`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FastopenFail(pub u8);

impl FastopenFail {
    /// In words; `None` if it did, or was not tried.
    pub const fn word(self) -> Option<&'static str> {
        Some(match self.0 {
            1 => "cookie-unavailable",
            2 => "data-not-acked",
            3 => "syn-retransmitted",
            _ => return None,
        })
    }
}

/// Options of a connection: bits `TCPI_OPT_`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpOptions(pub u8);

impl TcpOptions {
    /// Windows are scaled.
    pub const WSCALE: u8 = 4;

    /// The options from bit 0 on, by the names of the kernel.
    const WORDS: [&'static str; 8] = [
        "timestamps",
        "sack",
        "wscale",
        "ecn",
        "ecn_seen",
        "syn_data",
        "usec_ts",
        "tfo_child",
    ];

    /// Whether all of `bits` are set.
    pub const fn has(self, bits: u8) -> bool {
        self.0 & bits == bits
    }

    /// Those that are set.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        super::words_of(&Self::WORDS, self.0.into())
    }
}
