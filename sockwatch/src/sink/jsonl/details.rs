//! What a dump tells of a socket in depth: the keys of every `socket` record behind those of its table,
//! null where it was not asked for.

mod tcp_info;

use super::object::{List, Object, Text, Value, Word, field};
use crate::{
    model::{
        Memory, Row, Timer, TimerKind,
        details::{
            Bbr, Congestion, CongestionNumbers, Dctcp, Md5Key, MptcpInfo, SocketOptions, Subflow,
            SubflowFlags, Tls, Ulp, Vegas,
            ulp::{tls_cipher, tls_conf, tls_version},
        },
    },
    sink::put,
};

/// Writes the keys; of a socket that no dump of `list` has shown, all null.
pub(super) fn details(object: &mut Object<'_>, row: Option<&Row<'_>>) {
    let inet = row.and_then(|row| row.details.inet());
    field!(object, "timer", row.and_then(|row| row.timer));
    let shutdown = row.and_then(|row| row.shutdown);
    field!(object, "shutdown", shutdown.map(shutdown_word).map(Word));
    field!(object, "ipv6_only", row.and_then(|row| row.ipv6_only));
    field!(object, "sockopt", inet.and_then(|inet| inet.sockopt));
    field!(object, "memory", row.and_then(|row| row.memory.as_ref()));
    field!(object, "tos", inet.and_then(|inet| inet.tos));
    field!(object, "tclass", inet.and_then(|inet| inet.tclass));
    field!(object, "class_id", inet.and_then(|inet| inet.class_id));
    field!(object, "tcp_info", inet.and_then(|inet| inet.tcp_info));
    let congestion = inet.and_then(|inet| inet.congestion.as_ref());
    field!(object, "congestion", congestion);
    field!(object, "ulp", inet.and_then(|inet| inet.ulp.as_ref()));
    let keys = inet.map(|inet| inet.md5).filter(|keys| !keys.is_empty());
    field!(object, "md5", keys.map(|keys| List(keys.iter())));
    field!(object, "mptcp", inet.and_then(|inet| inet.mptcp));
}

/// Which sides were shut: bits of `sk_shutdown`.
const fn shutdown_word(bits: u8) -> &'static str {
    match bits & 3 {
        0 => "none",
        1 => "receive",
        2 => "send",
        _ => "both",
    }
}

impl Value for Timer {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "kind", Word(timer_word(self.kind)));
        field!(object, "expires_ms", self.expires_ms);
        field!(object, "retrans", self.retrans);
        object.end();
    }
}

const fn timer_word(kind: TimerKind) -> &'static str {
    match kind {
        TimerKind::Retransmit => "retransmit",
        TimerKind::Keepalive => "keepalive",
        TimerKind::TimeWait => "time-wait",
        TimerKind::Persist => "persist",
        TimerKind::DelayedAck => "delayed-ack",
        TimerKind::Unknown(_) => "unknown",
    }
}

impl Value for SocketOptions {
    fn put(self, out: &mut Vec<u8>) {
        List(self.words().map(Word)).put(out);
    }
}

impl Value for &Memory {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "rmem_alloc_bytes", self.rmem_alloc_bytes);
        field!(object, "rcvbuf_bytes", self.rcvbuf_bytes);
        field!(object, "wmem_alloc_bytes", self.wmem_alloc_bytes);
        field!(object, "sndbuf_bytes", self.sndbuf_bytes);
        field!(object, "fwd_alloc_bytes", self.fwd_alloc_bytes);
        field!(object, "wmem_queued_bytes", self.wmem_queued_bytes);
        field!(object, "optmem_bytes", self.optmem_bytes);
        field!(object, "backlog_bytes", self.backlog_bytes);
        field!(object, "drops", self.drops);
        object.end();
    }
}

impl Value for &Congestion<'_> {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "name", self.name.map(Text));
        let (mut vegas, mut dctcp, mut bbr) = (None, None, None);
        match self.numbers {
            None => {}
            Some(CongestionNumbers::Vegas(numbers)) => vegas = Some(numbers),
            Some(CongestionNumbers::Dctcp(numbers)) => dctcp = Some(numbers),
            Some(CongestionNumbers::Bbr(numbers)) => bbr = Some(numbers),
        }
        field!(object, "vegas", vegas);
        field!(object, "dctcp", dctcp);
        field!(object, "bbr", bbr);
        object.end();
    }
}

impl Value for Vegas {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "enabled", self.enabled);
        field!(object, "rtt_count", self.rtt_count);
        field!(object, "rtt_us", self.rtt_us);
        field!(object, "min_rtt_us", self.min_rtt_us);
        object.end();
    }
}

impl Value for Dctcp {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "enabled", self.enabled);
        field!(object, "ce_state", self.ce_state);
        field!(object, "alpha", self.alpha);
        field!(object, "ab_ecn_bytes", self.ab_ecn_bytes);
        field!(object, "ab_tot_bytes", self.ab_tot_bytes);
        object.end();
    }
}

impl Value for Bbr {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "bw_bytes_per_s", self.bw_bytes_per_s);
        field!(object, "min_rtt_us", self.min_rtt_us);
        field!(object, "pacing_gain", Gain(self.pacing_gain_256ths));
        field!(object, "cwnd_gain", Gain(self.cwnd_gain_256ths));
        object.end();
    }
}

/// A factor, in 256ths.
struct Gain(u32);

impl Value for Gain {
    fn put(self, out: &mut Vec<u8>) {
        // Enough digits for every one.
        put::of_256ths(out, self.0, 18);
    }
}

impl Value for &Ulp<'_> {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "name", Text(self.name));
        field!(object, "tls", self.tls);
        field!(object, "mptcp", self.mptcp);
        object.end();
    }
}

impl Value for &Tls {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "version", named(self.version, tls_version));
        field!(object, "cipher", named(self.cipher, tls_cipher));
        field!(object, "tx_conf", named(self.tx_conf, tls_conf));
        field!(object, "rx_conf", named(self.rx_conf, tls_conf));
        field!(object, "zc_ro_tx", self.zc_ro_tx);
        field!(object, "rx_no_pad", self.rx_no_pad);
        object.end();
    }
}

/// A number that has a name: always text.
struct Named(u16, Option<&'static str>);

impl Value for Named {
    fn put(self, out: &mut Vec<u8>) {
        if let Some(name) = self.1 {
            return Word(name).put(out);
        }
        out.extend_from_slice(b"\"unknown-");
        put::number(out, self.0);
        out.push(b'"');
    }
}

fn named(number: Option<u16>, name: fn(u16) -> Option<&'static str>) -> Option<Named> {
    number.map(|number| Named(number, name(number)))
}

impl Value for &Subflow {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "flags", self.flags);
        field!(object, "token_rem", self.token_rem);
        field!(object, "token_loc", self.token_loc);
        field!(object, "id_rem", self.id_rem);
        field!(object, "id_loc", self.id_loc);
        field!(object, "relwrite_seq", self.relwrite_seq);
        field!(object, "map_seq", self.map_seq);
        field!(object, "map_sfseq", self.map_sfseq);
        field!(object, "ssn_offset", self.ssn_offset);
        field!(object, "map_datalen_bytes", self.map_datalen_bytes);
        object.end();
    }
}

impl Value for SubflowFlags {
    fn put(self, out: &mut Vec<u8>) {
        List(self.set().map(|(_, word)| Word(word))).put(out);
    }
}

impl Value for &Md5Key {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "address", self.address);
        field!(object, "prefix_len", self.prefix_len);
        field!(object, "key", Text(self.key()));
        object.end();
    }
}

impl Value for &MptcpInfo {
    fn put(self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        field!(object, "subflows", self.subflows);
        field!(object, "add_addr_signal", self.add_addr_signal);
        field!(object, "add_addr_accepted", self.add_addr_accepted);
        field!(object, "subflows_max", self.subflows_max);
        field!(object, "add_addr_signal_max", self.add_addr_signal_max);
        field!(object, "add_addr_accepted_max", self.add_addr_accepted_max);
        field!(object, "fallback", self.is_fallback());
        field!(object, "remote_key", self.has_remote_key());
        field!(object, "token", self.token);
        field!(object, "write_seq", self.write_seq);
        field!(object, "snd_una", self.snd_una);
        field!(object, "rcv_nxt", self.rcv_nxt);
        field!(object, "local_addr_used", self.local_addr_used);
        field!(object, "local_addr_max", self.local_addr_max);
        field!(object, "csum_enabled", self.csum_enabled);
        field!(object, "retransmits", self.retransmits);
        field!(object, "bytes_retrans", self.bytes_retrans);
        field!(object, "bytes_sent", self.bytes_sent);
        field!(object, "bytes_received", self.bytes_received);
        field!(object, "bytes_acked", self.bytes_acked);
        field!(object, "subflows_total", self.subflows_total);
        field!(object, "endp_laminar_max", self.endp_laminar_max);
        field!(object, "last_data_sent_ms", self.last_data_sent_ms);
        field!(object, "last_data_recv_ms", self.last_data_recv_ms);
        field!(object, "last_ack_recv_ms", self.last_ack_recv_ms);
        object.end();
    }
}
