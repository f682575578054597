//! `tcp_info` in JSON: the kernel's order and names, with units.

use super::super::object::{List, Object, Value, Word, field};
use crate::model::details::TcpInfo;

impl Value for &TcpInfo {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        basis(&mut object, self);
        rates_and_counts(&mut object, self);
        newer(&mut object, self);
        object.end();
    }
}

fn basis(object: &mut Object<'_>, info: &TcpInfo) {
    field!(object, "ca_state", info.ca_state.word().map(Word));
    field!(object, "retransmits", info.retransmits);
    field!(object, "probes", info.probes);
    field!(object, "backoff", info.backoff);
    field!(object, "options", List(info.options.words().map(Word)));
    field!(object, "snd_wscale", info.snd_wscale);
    field!(object, "rcv_wscale", info.rcv_wscale);
    field!(
        object,
        "delivery_rate_app_limited",
        info.delivery_rate_app_limited
    );
    field!(
        object,
        "fastopen_client_fail",
        info.fastopen_client_fail.word().map(Word)
    );
    field!(object, "rto_us", info.rto_us);
    field!(object, "ato_us", info.ato_us);
    field!(object, "snd_mss_bytes", info.snd_mss_bytes);
    field!(object, "rcv_mss_bytes", info.rcv_mss_bytes);
    field!(object, "unacked", info.unacked);
    field!(object, "sacked", info.sacked);
    field!(object, "lost", info.lost);
    field!(object, "retrans", info.retrans);
    field!(object, "fackets", info.fackets);
    field!(object, "last_data_sent_ms", info.last_data_sent_ms);
    field!(object, "last_data_recv_ms", info.last_data_recv_ms);
    field!(object, "last_ack_recv_ms", info.last_ack_recv_ms);
    field!(object, "pmtu_bytes", info.pmtu_bytes);
    field!(object, "rcv_ssthresh_bytes", info.rcv_ssthresh_bytes);
    field!(object, "rtt_us", info.rtt_us);
    field!(object, "rttvar_us", info.rttvar_us);
    field!(object, "snd_ssthresh", info.snd_ssthresh);
    field!(object, "snd_cwnd", info.snd_cwnd);
    field!(object, "advmss_bytes", info.advmss_bytes);
    field!(object, "reordering", info.reordering);
    field!(object, "rcv_rtt_us", info.rcv_rtt_us);
    field!(object, "rcv_space_bytes", info.rcv_space_bytes);
    field!(object, "total_retrans", info.total_retrans);
}

fn rates_and_counts(object: &mut Object<'_>, info: &TcpInfo) {
    field!(
        object,
        "pacing_rate_bytes_per_s",
        info.pacing_rate_bytes_per_s
    );
    field!(
        object,
        "max_pacing_rate_bytes_per_s",
        info.max_pacing_rate_bytes_per_s
    );
    field!(object, "bytes_acked", info.bytes_acked);
    field!(object, "bytes_received", info.bytes_received);
    field!(object, "segs_out", info.segs_out);
    field!(object, "segs_in", info.segs_in);
    field!(object, "notsent_bytes", info.notsent_bytes);
    field!(object, "min_rtt_us", info.min_rtt_us);
    field!(object, "data_segs_in", info.data_segs_in);
    field!(object, "data_segs_out", info.data_segs_out);
    field!(
        object,
        "delivery_rate_bytes_per_s",
        info.delivery_rate_bytes_per_s
    );
    field!(object, "busy_time_us", info.busy_time_us);
    field!(object, "rwnd_limited_us", info.rwnd_limited_us);
    field!(object, "sndbuf_limited_us", info.sndbuf_limited_us);
    field!(object, "delivered", info.delivered);
    field!(object, "delivered_ce", info.delivered_ce);
    field!(object, "bytes_sent", info.bytes_sent);
    field!(object, "bytes_retrans", info.bytes_retrans);
    field!(object, "dsack_dups", info.dsack_dups);
    field!(object, "reord_seen", info.reord_seen);
}

fn newer(object: &mut Object<'_>, info: &TcpInfo) {
    field!(object, "rcv_ooopack", info.rcv_ooopack);
    field!(object, "snd_wnd_bytes", info.snd_wnd_bytes);
    field!(object, "rcv_wnd_bytes", info.rcv_wnd_bytes);
    field!(object, "rehash", info.rehash);
    field!(object, "total_rto", info.total_rto);
    field!(object, "total_rto_recoveries", info.total_rto_recoveries);
    field!(object, "total_rto_time_ms", info.total_rto_time_ms);
    field!(object, "received_ce", info.received_ce);
    field!(object, "delivered_e1_bytes", info.delivered_e1_bytes);
    field!(object, "delivered_e0_bytes", info.delivered_e0_bytes);
    field!(object, "delivered_ce_bytes", info.delivered_ce_bytes);
    field!(object, "received_e1_bytes", info.received_e1_bytes);
    field!(object, "received_e0_bytes", info.received_e0_bytes);
    field!(object, "received_ce_bytes", info.received_ce_bytes);
    field!(object, "accecn_fail_mode", info.accecn_fail_mode);
    field!(object, "accecn_opt_seen", info.accecn_opt_seen);
}
