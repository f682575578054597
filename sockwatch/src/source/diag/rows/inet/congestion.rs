//! What algorithms of congestion control tell of themselves (`include/uapi/linux/inet_diag.h`).

use super::tcp_info::Fields;
use crate::model::details::{Bbr, CongestionNumbers, Dctcp, Vegas};

/// `tcp_vegas_get_info` gives this while nothing is measured.
const UNMEASURED: u32 = 0x7fff_ffff;

/// `struct tcpvegas_info`
pub(super) fn vegas(bytes: &[u8]) -> Option<CongestionNumbers> {
    let at = Fields(bytes);
    let measured = |rtt_us: &u32| !matches!(*rtt_us, 0 | UNMEASURED);
    Some(CongestionNumbers::Vegas(Vegas {
        enabled: at.u32(0)? != 0,
        rtt_count: at.u32(4)?,
        rtt_us: Some(at.u32(8)?).filter(measured),
        min_rtt_us: Some(at.u32(12)?).filter(measured),
    }))
}

/// `struct tcp_dctcp_info`
pub(super) fn dctcp(bytes: &[u8]) -> Option<CongestionNumbers> {
    let at = Fields(bytes);
    Some(CongestionNumbers::Dctcp(Dctcp {
        enabled: at.u16(0)? != 0,
        ce_state: at.u16(2)?,
        alpha: at.u32(4)?,
        ab_ecn_bytes: at.u32(8)?,
        ab_tot_bytes: at.u32(12)?,
    }))
}

/// `struct tcp_bbr_info`: the bandwidth is in two halves.
pub(super) fn bbr(bytes: &[u8]) -> Option<CongestionNumbers> {
    let at = Fields(bytes);
    Some(CongestionNumbers::Bbr(Bbr {
        bw_bytes_per_s: u64::from(at.u32(4)?) << 32 | u64::from(at.u32(0)?),
        min_rtt_us: at.u32(8)?,
        pacing_gain_256ths: at.u32(12)?,
        cwnd_gain_256ths: at.u32(16)?,
    }))
}
