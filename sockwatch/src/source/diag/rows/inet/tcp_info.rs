//! `struct tcp_info` (`include/uapi/linux/tcp.h`), of whatever length the kernel knows.

use std::sync::LazyLock;

use crate::model::{
    TcpNumbers,
    details::{CaState, FastopenFail, TcpInfo, TcpOptions},
};

/// `TCP_INFINITE_SSTHRESH`
const NO_SSTHRESH: u32 = 0x7fff_ffff;

/// The fields of a structure that may end before any of them.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    fn bytes<const N: usize>(self, offset: usize) -> Option<[u8; N]> {
        self.0.get(offset..)?.first_chunk().copied()
    }

    pub(super) fn u8(self, offset: usize) -> Option<u8> {
        self.0.get(offset).copied()
    }

    pub(super) fn u16(self, offset: usize) -> Option<u16> {
        self.bytes(offset).map(u16::from_ne_bytes)
    }

    pub(super) fn u32(self, offset: usize) -> Option<u32> {
        self.bytes(offset).map(u32::from_ne_bytes)
    }

    pub(super) fn u64(self, offset: usize) -> Option<u64> {
        self.bytes(offset).map(u64::from_ne_bytes)
    }
}

/// What every row may need of it, as far as Linux 4.2 has it; `None` if it is shorter.
pub(super) fn numbers(bytes: &[u8]) -> Option<TcpNumbers> {
    let at = Fields(bytes);
    let (rtt_us, rttvar_us) = rtt(at)?;
    Some(TcpNumbers {
        rtt_us,
        rttvar_us,
        retrans: at.u32(100)?,
        bytes_acked: at.u64(120)?,
        bytes_received: at.u64(128)?,
        segs_out: at.u32(136)?,
        segs_in: at.u32(140)?,
        cwnd: at.u32(80)?,
    })
}

/// Round-trip time and its deviation. Not measured: `tcp_get_info` gives 0, and the initial deviation.
fn rtt(at: Fields<'_>) -> Option<(Option<u32>, Option<u32>)> {
    let (rtt_us, rttvar_us) = (at.u32(68)?, at.u32(72)?);
    let measured = |number| (rtt_us != 0).then_some(number);
    Some((measured(rtt_us), measured(rttvar_us)))
}

/// Whether the kernel holds what it tells of Accurate ECN in bit-fields: since Linux 7.0.
static BIT_FIELDS: LazyLock<bool> = LazyLock::new(|| {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy();
    let major = release.split('.').next();
    major
        .and_then(|major| major.parse::<u32>().ok())
        .is_none_or(|major| major >= 7)
});

/// All of it; `None` if even what every kernel has is missing.
pub(super) fn read(bytes: &[u8]) -> Option<TcpInfo> {
    let at = Fields(bytes);
    let mut info = basis(at)?;
    rates_and_counts(&mut info, at);
    windows_and_timeouts(&mut info, at);
    accurate_ecn(&mut info, at, *BIT_FIELDS);
    Some(info)
}

/// What Linux 2.6 has.
fn basis(at: Fields<'_>) -> Option<TcpInfo> {
    // Bit-fields: low bits first.
    let [wscale, flags] = at.bytes(6)?;
    let (rtt_us, rttvar_us) = rtt(at)?;
    Some(TcpInfo {
        ca_state: CaState(at.u8(1)?),
        retransmits: at.u8(2)?,
        probes: at.u8(3)?,
        backoff: at.u8(4)?,
        options: TcpOptions(at.u8(5)?),
        snd_wscale: wscale & 15,
        rcv_wscale: wscale >> 4,
        delivery_rate_app_limited: flags & 1 != 0,
        fastopen_client_fail: FastopenFail(flags >> 1 & 3),
        rto_us: at.u32(8)?,
        ato_us: at.u32(12)?,
        snd_mss_bytes: at.u32(16)?,
        rcv_mss_bytes: at.u32(20)?,
        unacked: at.u32(24)?,
        sacked: at.u32(28)?,
        lost: at.u32(32)?,
        retrans: at.u32(36)?,
        fackets: at.u32(40)?,
        last_data_sent_ms: at.u32(44)?,
        last_data_recv_ms: at.u32(52)?,
        last_ack_recv_ms: at.u32(56)?,
        pmtu_bytes: at.u32(60)?,
        rcv_ssthresh_bytes: at.u32(64)?,
        rtt_us,
        rttvar_us,
        snd_ssthresh: Some(at.u32(76)?).filter(|&ssthresh| ssthresh < NO_SSTHRESH),
        snd_cwnd: at.u32(80)?,
        advmss_bytes: at.u32(84)?,
        reordering: at.u32(88)?,
        rcv_rtt_us: Some(at.u32(92)?).filter(|&rtt_us| rtt_us != 0),
        rcv_space_bytes: at.u32(96)?,
        total_retrans: at.u32(100)?,
        ..TcpInfo::default()
    })
}

/// What came with Linux 3.15 to 4.19.
fn rates_and_counts(info: &mut TcpInfo, at: Fields<'_>) {
    // Without bound it is all ones.
    info.pacing_rate_bytes_per_s = at.u64(104).filter(|&rate| rate != u64::MAX);
    info.max_pacing_rate_bytes_per_s = at.u64(112).filter(|&rate| rate != u64::MAX);
    info.bytes_acked = at.u64(120);
    info.bytes_received = at.u64(128);
    info.segs_out = at.u32(136);
    info.segs_in = at.u32(140);
    info.notsent_bytes = at.u32(144);
    // Not measured: all ones, or of a listener 0.
    let measured = |rtt_us: &u32| !matches!(*rtt_us, 0 | u32::MAX);
    info.min_rtt_us = at.u32(148).filter(measured);
    info.data_segs_in = at.u32(152);
    info.data_segs_out = at.u32(156);
    info.delivery_rate_bytes_per_s = at.u64(160);
    info.busy_time_us = at.u64(168);
    info.rwnd_limited_us = at.u64(176);
    info.sndbuf_limited_us = at.u64(184);
    info.delivered = at.u32(192);
    info.delivered_ce = at.u32(196);
    info.bytes_sent = at.u64(200);
    info.bytes_retrans = at.u64(208);
    info.dsack_dups = at.u32(216);
    info.reord_seen = at.u32(220);
}

/// What came with Linux 5.4 to 6.7.
fn windows_and_timeouts(info: &mut TcpInfo, at: Fields<'_>) {
    info.rcv_ooopack = at.u32(224);
    info.snd_wnd_bytes = at.u32(228);
    info.rcv_wnd_bytes = at.u32(232);
    info.rehash = at.u32(236);
    info.total_rto = at.u16(240);
    info.total_rto_recoveries = at.u16(242);
    info.total_rto_time_ms = at.u32(244);
}

/// What came with Linux 6.18.
fn accurate_ecn(info: &mut TcpInfo, at: Fields<'_>, bit_fields: bool) {
    info.received_ce = at.u32(248);
    info.delivered_e1_bytes = at.u32(252);
    info.delivered_e0_bytes = at.u32(256);
    info.delivered_ce_bytes = at.u32(260);
    info.received_e1_bytes = at.u32(264);
    info.received_e0_bytes = at.u32(268);
    info.received_ce_bytes = at.u32(272);
    (info.accecn_fail_mode, info.accecn_opt_seen) = if bit_fields {
        let both = at.u16(276);
        (
            both.map(|both| both >> 4 & 15),
            both.map(|both| both >> 2 & 3),
        )
    } else {
        (at.u16(276), at.u16(278))
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte its place, as far as a byte counts.
    fn counting(length: usize) -> Vec<u8> {
        (0..length)
            .map(|place| u8::try_from(place & 0x7f).unwrap())
            .collect()
    }

    #[test]
    fn a_field_is_told_by_those_kernels_that_have_it() {
        for length in 0..=288 {
            let bytes = counting(length);
            let info = read(&bytes);
            assert_eq!(info.is_some(), length >= 104, "{length}");
            assert_eq!(numbers(&bytes).is_some(), length >= 144, "{length}");
            let Some(info) = info else { continue };
            let told = |is_some: bool, end: usize| assert_eq!(is_some, length >= end, "{length}");
            told(info.pacing_rate_bytes_per_s.is_some(), 112);
            told(info.bytes_received.is_some(), 136);
            told(info.min_rtt_us.is_some(), 152);
            told(info.reord_seen.is_some(), 224);
            told(info.snd_wnd_bytes.is_some(), 232);
            told(info.rehash.is_some(), 240);
            told(info.total_rto_time_ms.is_some(), 248);
            told(info.received_ce_bytes.is_some(), 276);
        }
    }

    #[test]
    fn bit_fields_of_accurate_ecn() {
        let mut bytes = counting(280);
        bytes[276..].copy_from_slice(&[0b0110_1001, 0, 2, 0]);
        let told = |bit_fields| {
            let mut info = TcpInfo::default();
            accurate_ecn(&mut info, Fields(&bytes), bit_fields);
            (info.accecn_fail_mode, info.accecn_opt_seen)
        };
        assert_eq!(told(false), (Some(0b0110_1001), Some(2)));
        assert_eq!(told(true), (Some(6), Some(2)));
    }

    #[test]
    fn what_was_not_measured_is_unknown() {
        let mut bytes = vec![0; 280];
        bytes[76..80].copy_from_slice(&NO_SSTHRESH.to_ne_bytes());
        bytes[104..120].fill(0xff);
        bytes[148..152].fill(0xff);
        let info = read(&bytes).unwrap();
        assert_eq!(
            (info.rtt_us, info.rcv_rtt_us, info.min_rtt_us),
            (None, None, None)
        );
        assert_eq!(info.snd_ssthresh, None);
        assert_eq!(info.pacing_rate_bytes_per_s, None);
        assert_eq!(info.max_pacing_rate_bytes_per_s, None);
    }
}
