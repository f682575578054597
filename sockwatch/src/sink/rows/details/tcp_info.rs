//! What `ss -i` shows of a TCP socket, in its order. What is 0 or unknown is left out.

use super::{Parts, rate::Rate};
use crate::{
    model::{
        TcpState,
        details::{Bbr, Congestion, CongestionNumbers, Dctcp, TcpInfo, TcpOptions},
    },
    sink::{escape::escape, put},
};

/// Timeouts that are not shown: that of a connection which has none of its own yet.
const INITIAL_RTO_US: u32 = 3_000_000;

/// Slow start thresholds from here on are no limit, and are not shown.
const HIGH_SSTHRESH: u32 = 0xffff;

/// The reordering that is taken for granted (`sysctl_tcp_reordering`).
const USUAL_REORDERING: u32 = 3;

/// How it is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// With the options that were negotiated.
    pub(super) options: bool,
    /// Rates with all their digits.
    pub(super) numeric: bool,
    /// Of a socket in this state.
    pub(super) state: TcpState,
}

/// Appends what is known.
pub(super) fn write(
    parts: &mut Parts<'_>,
    info: Option<&TcpInfo>,
    congestion: Option<&Congestion<'_>>,
    manner: Manner,
) {
    if let Some(info) = info.filter(|_| manner.options) {
        options(parts, info.options);
    }
    if let Some(name) = congestion.and_then(|congestion| congestion.name) {
        escape(name, parts.next());
    }
    let Some(info) = info else {
        return;
    };
    let algorithm = congestion.and_then(|congestion| congestion.numbers);
    times_and_sizes(parts, info);
    totals(parts, info);
    if let Some(algorithm) = algorithm {
        algorithm_numbers(parts, algorithm, manner.numeric);
    }
    rates(parts, info, algorithm, manner.numeric);
    limits(parts, info);
    losses(parts, info, manner.state);
    receiver(parts, info);
    newer(parts, info);
}

fn options(parts: &mut Parts<'_>, options: TcpOptions) {
    for (bit, name) in [
        (1, "ts"),
        (64, "usec_ts"),
        (2, "sack"),
        (8, "ecn"),
        (16, "ecnseen"),
        (32, "fastopen"),
        (128, "tfo_child"),
    ] {
        if options.has(bit) {
            parts.named(name);
        }
    }
}

fn times_and_sizes(parts: &mut Parts<'_>, info: &TcpInfo) {
    if info.options.has(TcpOptions::WSCALE) {
        let out = parts.named("wscale:");
        put::number(out, info.snd_wscale);
        out.push(b',');
        put::number(out, info.rcv_wscale);
    }
    if info.rto_us != INITIAL_RTO_US {
        parts.ms("rto:", info.rto_us);
    }
    parts.count("backoff:", info.backoff);
    if let Some(rtt_us) = info.rtt_us {
        let out = parts.named("rtt:");
        put::general(out, rtt_us.into(), 3, 6);
        out.push(b'/');
        put::general(out, info.rttvar_us.unwrap_or(0).into(), 3, 6);
    }
    parts.ms("ato:", info.ato_us);
    parts.count("mss:", info.snd_mss_bytes);
    parts.count("pmtu:", info.pmtu_bytes);
    parts.count("rcvmss:", info.rcv_mss_bytes);
    parts.count("advmss:", info.advmss_bytes);
    parts.count("cwnd:", info.snd_cwnd);
    let ssthresh = info.snd_ssthresh.filter(|&high| high < HIGH_SSTHRESH);
    parts.known("ssthresh:", ssthresh);
}

fn totals(parts: &mut Parts<'_>, info: &TcpInfo) {
    parts.known("bytes_sent:", info.bytes_sent);
    parts.known("bytes_retrans:", info.bytes_retrans);
    parts.known("bytes_acked:", info.bytes_acked);
    parts.known("bytes_received:", info.bytes_received);
    parts.known("segs_out:", info.segs_out);
    parts.known("segs_in:", info.segs_in);
    parts.known("data_segs_out:", info.data_segs_out);
    parts.known("data_segs_in:", info.data_segs_in);
}

/// Vegas is seen in the round-trip time only.
fn algorithm_numbers(parts: &mut Parts<'_>, algorithm: CongestionNumbers, numeric: bool) {
    match algorithm {
        CongestionNumbers::Vegas(_) => {}
        CongestionNumbers::Dctcp(dctcp) => dctcp_numbers(parts, dctcp),
        CongestionNumbers::Bbr(bbr) => bbr_numbers(parts.named("bbr:("), bbr, numeric),
    }
}

fn dctcp_numbers(parts: &mut Parts<'_>, dctcp: Dctcp) {
    if !dctcp.enabled {
        parts.named("dctcp:fallback_mode");
        return;
    }
    let out = parts.named("dctcp:(ce_state:");
    put::number(out, dctcp.ce_state);
    for (name, number) in [
        (",alpha:", dctcp.alpha),
        (",ab_ecn:", dctcp.ab_ecn_bytes),
        (",ab_tot:", dctcp.ab_tot_bytes),
    ] {
        out.extend_from_slice(name.as_bytes());
        put::number(out, number);
    }
    out.push(b')');
}

fn bbr_numbers(out: &mut Vec<u8>, bbr: Bbr, numeric: bool) {
    out.extend_from_slice(b"bw:");
    Rate::of_bytes(bbr.bw_bytes_per_s).write(out, numeric);
    out.extend_from_slice(b",mrtt:");
    put::general(out, bbr.min_rtt_us.into(), 3, 6);
    for (name, gain) in [
        (",pacing_gain:", bbr.pacing_gain_256ths),
        (",cwnd_gain:", bbr.cwnd_gain_256ths),
    ] {
        if gain != 0 {
            out.extend_from_slice(name.as_bytes());
            put::of_256ths(out, gain, 6);
        }
    }
    out.push(b')');
}

fn rates(
    parts: &mut Parts<'_>,
    info: &TcpInfo,
    algorithm: Option<CongestionNumbers>,
    numeric: bool,
) {
    let vegas_us = match algorithm {
        Some(CongestionNumbers::Vegas(vegas)) if vegas.enabled => vegas.rtt_us,
        _ => None,
    };
    if let Some(rtt_us) = vegas_us.or(info.rtt_us)
        && info.snd_cwnd != 0
        && info.snd_mss_bytes != 0
    {
        let rate = Rate::of_window(info.snd_cwnd, info.snd_mss_bytes, rtt_us);
        rate.write(parts.named("send "), numeric);
    }
    parts.count("lastsnd:", info.last_data_sent_ms);
    parts.count("lastrcv:", info.last_data_recv_ms);
    parts.count("lastack:", info.last_ack_recv_ms);
    if let Some(pacing @ 1..) = info.pacing_rate_bytes_per_s {
        let out = parts.named("pacing_rate ");
        Rate::of_bytes(pacing).write(out, numeric);
        if let Some(most @ 1..) = info.max_pacing_rate_bytes_per_s {
            out.push(b'/');
            Rate::of_bytes(most).write(out, numeric);
        }
    }
    if let Some(delivery @ 1..) = info.delivery_rate_bytes_per_s {
        Rate::of_bytes(delivery).write(parts.named("delivery_rate "), numeric);
    }
    parts.known("delivered:", info.delivered);
    parts.known("delivered_ce:", info.delivered_ce);
    if info.delivery_rate_app_limited {
        parts.named("app_limited");
    }
}

/// What of the time with something to send was spent waiting.
fn limits(parts: &mut Parts<'_>, info: &TcpInfo) {
    let Some(busy_us @ 1..) = info.busy_time_us else {
        return;
    };
    let out = parts.named("busy:");
    put::number(out, busy_us / 1_000);
    out.extend_from_slice(b"ms");
    for (name, limited_us) in [
        ("rwnd_limited:", info.rwnd_limited_us),
        ("sndbuf_limited:", info.sndbuf_limited_us),
    ] {
        if let Some(limited_us @ 1..) = limited_us {
            let out = parts.named(name);
            put::number(out, limited_us / 1_000);
            out.extend_from_slice(b"ms(");
            #[expect(
                clippy::cast_precision_loss,
                reason = "a percentage of a span of at most 2^53 us"
            )]
            let percent = 100.0 * limited_us as f64 / busy_us as f64;
            put::fixed_f64(out, percent, 1);
            out.extend_from_slice(b"%)");
        }
    }
}

fn losses(parts: &mut Parts<'_>, info: &TcpInfo, state: TcpState) {
    parts.count("unacked:", info.unacked);
    if info.retrans != 0 || info.total_retrans != 0 {
        let out = parts.named("retrans:");
        put::number(out, info.retrans);
        out.push(b'/');
        put::number(out, info.total_retrans);
    }
    parts.count("lost:", info.lost);
    // Of a listener it is the backlog, which has a column.
    if state != TcpState::Listen {
        parts.count("sacked:", info.sacked);
    }
    parts.known("dsack_dups:", info.dsack_dups);
    parts.count("fackets:", info.fackets);
    if info.reordering != USUAL_REORDERING {
        put::number(parts.named("reordering:"), info.reordering);
    }
    parts.known("reord_seen:", info.reord_seen);
}

fn receiver(parts: &mut Parts<'_>, info: &TcpInfo) {
    parts.ms("rcv_rtt:", info.rcv_rtt_us.unwrap_or(0));
    parts.count("rcv_space:", info.rcv_space_bytes);
    parts.count("rcv_ssthresh:", info.rcv_ssthresh_bytes);
    parts.known("notsent:", info.notsent_bytes);
    parts.ms("minrtt:", info.min_rtt_us.unwrap_or(0));
    parts.known("rcv_ooopack:", info.rcv_ooopack);
    parts.known("snd_wnd:", info.snd_wnd_bytes);
    parts.known("rcv_wnd:", info.rcv_wnd_bytes);
    parts.known("rehash:", info.rehash);
}

/// What no `ss` shows yet.
fn newer(parts: &mut Parts<'_>, info: &TcpInfo) {
    parts.known("total_rto:", info.total_rto);
    parts.known("total_rto_recoveries:", info.total_rto_recoveries);
    if let Some(ms @ 1..) = info.total_rto_time_ms {
        let out = parts.named("total_rto_time:");
        put::number(out, ms);
        out.extend_from_slice(b"ms");
    }
    parts.known("received_ce:", info.received_ce);
    parts.known("delivered_e1_bytes:", info.delivered_e1_bytes);
    parts.known("delivered_e0_bytes:", info.delivered_e0_bytes);
    parts.known("delivered_ce_bytes:", info.delivered_ce_bytes);
    parts.known("received_e1_bytes:", info.received_e1_bytes);
    parts.known("received_e0_bytes:", info.received_e0_bytes);
    parts.known("received_ce_bytes:", info.received_ce_bytes);
    parts.known("accecn_fail_mode:", info.accecn_fail_mode);
    parts.known("accecn_opt_seen:", info.accecn_opt_seen);
}
