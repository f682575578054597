//! What `ss -i` shows of what belongs to TCP and is not in its own numbers: keys of MD5 signatures, TLS,
//! the subflows and connections of MPTCP.

use super::Parts;
use crate::{
    model::details::{
        Md5Key, MptcpInfo, Subflow, Tls, Ulp,
        ulp::{tls_cipher, tls_conf, tls_version},
    },
    sink::{address, escape::escape, put},
};

/// Appends `md5keys:10.0.0.1/32=secret,10.0.1.0/24=other`. A key may hold any bytes: its blanks and commas,
/// too, are spelt out.
pub(super) fn md5(parts: &mut Parts<'_>, keys: &[Md5Key]) {
    if keys.is_empty() {
        return;
    }
    let out = parts.named("md5keys:");
    for (place, key) in keys.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        address::put(key.address, out);
        out.push(b'/');
        put::number(out, key.prefix_len);
        out.push(b'=');
        for byte in key.key() {
            match byte {
                b' ' => out.extend_from_slice(b"\\x20"),
                b',' => out.extend_from_slice(b"\\x2c"),
                byte => escape(&[*byte], out),
            }
        }
    }
}

/// Appends `tcp-ulp-NAME`, and what it tells.
pub(super) fn ulp(parts: &mut Parts<'_>, ulp: &Ulp<'_>) {
    escape(ulp.name, parts.named("tcp-ulp-"));
    if let Some(tls) = ulp.tls {
        tls_numbers(parts, tls);
    }
    if let Some(subflow) = ulp.mptcp {
        subflow_numbers(parts, subflow);
    }
}

fn tls_numbers(parts: &mut Parts<'_>, tls: &Tls) {
    let mut part = |name, number: Option<u16>, word: fn(u16) -> Option<&'static str>| {
        let Some(number) = number else {
            return;
        };
        let out = parts.named(name);
        if let Some(word) = word(number) {
            return out.extend_from_slice(word.as_bytes());
        }
        out.extend_from_slice(b"unknown(");
        put::number(out, number);
        out.push(b')');
    };
    part("version: ", tls.version, tls_version);
    part("cipher: ", tls.cipher, tls_cipher);
    part("rxconf: ", tls.rx_conf, tls_conf);
    part("txconf: ", tls.tx_conf, tls_conf);
    if tls.zc_ro_tx {
        parts.named("zc_ro_tx");
    }
    if tls.rx_no_pad {
        parts.named("no_pad_rx");
    }
}

fn subflow_numbers(parts: &mut Parts<'_>, subflow: &Subflow) {
    if let Some(flags) = subflow.flags.filter(|flags| flags.0 != 0) {
        let out = parts.named("flags:");
        out.extend(flags.set().map(|(letter, _)| letter));
    }
    if let (Some(rem), Some(loc)) = (subflow.token_rem, subflow.token_loc) {
        let out = parts.named("token:");
        for (before, token, id) in [(&b""[..], rem, subflow.id_rem), (b"/", loc, subflow.id_loc)] {
            out.extend_from_slice(before);
            put::hex_wide(out, token.into(), 4);
            out.extend_from_slice(b"(id:");
            put::number(out, id.unwrap_or(0));
            out.push(b')');
        }
    }
    let mut part = |name, number: Option<u64>| {
        if let Some(number) = number {
            put::hex(parts.named(name), number);
        }
    };
    part("seq:", subflow.map_seq);
    part("sfseq:", subflow.map_sfseq.map(u64::from));
    part("ssnoff:", subflow.ssn_offset.map(u64::from));
    part("maplen:", subflow.map_datalen_bytes.map(u64::from));
}

/// Appends what is known of a connection of MPTCP. What is 0 is left out.
pub(super) fn mptcp(parts: &mut Parts<'_>, info: &MptcpInfo) {
    parts.count("subflows:", info.subflows);
    parts.count("add_addr_signal:", info.add_addr_signal);
    parts.count("add_addr_accepted:", info.add_addr_accepted);
    parts.count("subflows_max:", info.subflows_max);
    parts.count("add_addr_signal_max:", info.add_addr_signal_max);
    parts.count("add_addr_accepted_max:", info.add_addr_accepted_max);
    if info.is_fallback() {
        parts.named("fallback");
    }
    if info.has_remote_key() {
        parts.named("remote_key");
    }
    for (name, number) in [
        ("token:", info.token.into()),
        ("write_seq:", info.write_seq),
        ("snd_una:", info.snd_una),
        ("rcv_nxt:", info.rcv_nxt),
    ] {
        if number != 0 {
            put::hex(parts.named(name), number);
        }
    }
    parts.known("local_addr_used:", info.local_addr_used);
    parts.known("local_addr_max:", info.local_addr_max);
    parts.known("csum_enabled:", info.csum_enabled.map(u8::from));
    parts.known("retransmits:", info.retransmits);
    parts.known("bytes_retrans:", info.bytes_retrans);
    parts.known("bytes_sent:", info.bytes_sent);
    parts.known("bytes_received:", info.bytes_received);
    parts.known("bytes_acked:", info.bytes_acked);
    parts.known("subflows_total:", info.subflows_total);
    parts.known("endp_laminar_max:", info.endp_laminar_max);
    parts.known("last_data_sent:", info.last_data_sent_ms);
    parts.known("last_data_recv:", info.last_data_recv_ms);
    parts.known("last_ack_recv:", info.last_ack_recv_ms);
}
