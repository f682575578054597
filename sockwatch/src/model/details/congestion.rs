//! Congestion control, and what some of its algorithms tell (`include/uapi/linux/inet_diag.h`).

/// The congestion control of a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Congestion<'a> {
    /// Its name: `INET_DIAG_CONG`.
    pub name: Option<&'a [u8]>,
    /// What the algorithm tells of itself.
    pub numbers: Option<CongestionNumbers>,
}

/// What an algorithm tells of itself. Each comes in an attribute of its own, whatever the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CongestionNumbers {
    /// `INET_DIAG_VEGASINFO`, of several algorithms that measure delay.
    Vegas(Vegas),
    /// `INET_DIAG_DCTCPINFO`
    Dctcp(Dctcp),
    /// `INET_DIAG_BBRINFO`
    Bbr(Bbr),
}

/// `struct tcpvegas_info`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vegas {
    /// Whether it is at work.
    pub enabled: bool,
    /// Round trips measured.
    pub rtt_count: u32,
    /// Round-trip time, microseconds; `None` before one is measured.
    pub rtt_us: Option<u32>,
    /// The least of them, microseconds.
    pub min_rtt_us: Option<u32>,
}

/// `struct tcp_dctcp_info`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dctcp {
    /// Whether it is at work; otherwise it does as Reno.
    pub enabled: bool,
    /// Whether the last segment had a mark of congestion.
    pub ce_state: u16,
    /// Estimate of how many bytes are marked, of 1024.
    pub alpha: u32,
    /// Bytes acknowledged with a mark.
    pub ab_ecn_bytes: u32,
    /// Bytes acknowledged.
    pub ab_tot_bytes: u32,
}

/// `struct tcp_bbr_info`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bbr {
    /// Estimate of the bandwidth.
    pub bw_bytes_per_s: u64,
    /// Least round-trip time of late, microseconds.
    pub min_rtt_us: u32,
    /// Factor of the pacing rate, in 256ths.
    pub pacing_gain_256ths: u32,
    /// Factor of the congestion window, in 256ths.
    pub cwnd_gain_256ths: u32,
}
