//! Rows with every detail there is.

use super::tuple;
use crate::model::{
    Details, Endpoint, Family, Netid, Row, SocketInfo, TcpState, Timer, TimerKind,
    details::{
        Bbr, CaState, Congestion, CongestionNumbers, Dctcp, FastopenFail, InetDetails, Md5Key,
        Memory, MptcpInfo, SocketOptions, Subflow, SubflowFlags, TcpInfo, TcpOptions, Tls, Ulp,
        Vegas,
    },
};

/// Every number another, and none left out.
static TCP_INFO: TcpInfo = TcpInfo {
    ca_state: CaState(2),
    retransmits: 1,
    probes: 2,
    backoff: 3,
    options: TcpOptions(0xff),
    snd_wscale: 7,
    rcv_wscale: 10,
    delivery_rate_app_limited: true,
    fastopen_client_fail: FastopenFail(3),
    rto_us: 204_000,
    ato_us: 40_000,
    snd_mss_bytes: 1448,
    rcv_mss_bytes: 536,
    unacked: 4,
    sacked: 5,
    lost: 6,
    retrans: 7,
    fackets: 8,
    last_data_sent_ms: 11,
    last_data_recv_ms: 12,
    last_ack_recv_ms: 13,
    pmtu_bytes: 1500,
    rcv_ssthresh_bytes: 64_088,
    rtt_us: Some(12_345),
    rttvar_us: Some(678),
    snd_ssthresh: Some(20),
    snd_cwnd: 10,
    advmss_bytes: 1460,
    reordering: 9,
    rcv_rtt_us: Some(1_234_567),
    rcv_space_bytes: 14_600,
    total_retrans: 17,
    pacing_rate_bytes_per_s: Some(1_234_567),
    max_pacing_rate_bytes_per_s: Some(125_000_000),
    bytes_acked: Some(21),
    bytes_received: Some(u64::MAX),
    segs_out: Some(22),
    segs_in: Some(23),
    notsent_bytes: Some(24),
    min_rtt_us: Some(25),
    data_segs_in: Some(26),
    data_segs_out: Some(27),
    delivery_rate_bytes_per_s: Some(28),
    busy_time_us: Some(3_000),
    rwnd_limited_us: Some(1_000),
    sndbuf_limited_us: Some(1),
    delivered: Some(29),
    delivered_ce: Some(30),
    bytes_sent: Some(31),
    bytes_retrans: Some(32),
    dsack_dups: Some(33),
    reord_seen: Some(34),
    rcv_ooopack: Some(35),
    snd_wnd_bytes: Some(36),
    rcv_wnd_bytes: Some(37),
    rehash: Some(38),
    total_rto: Some(39),
    total_rto_recoveries: Some(40),
    total_rto_time_ms: Some(41),
    received_ce: Some(42),
    delivered_e1_bytes: Some(43),
    delivered_e0_bytes: Some(44),
    delivered_ce_bytes: Some(45),
    received_e1_bytes: Some(46),
    received_e0_bytes: Some(47),
    received_ce_bytes: Some(48),
    accecn_fail_mode: Some(49),
    accecn_opt_seen: Some(2),
};

static MPTCP_INFO: MptcpInfo = MptcpInfo {
    subflows: 1,
    add_addr_signal: 2,
    add_addr_accepted: 3,
    subflows_max: 4,
    add_addr_signal_max: 5,
    add_addr_accepted_max: 6,
    flags: 3,
    token: 0x7f00_0001,
    write_seq: 0x0123_4567_89ab_cdef,
    snd_una: 8,
    rcv_nxt: 9,
    local_addr_used: Some(10),
    local_addr_max: Some(11),
    csum_enabled: Some(true),
    retransmits: Some(12),
    bytes_retrans: Some(13),
    bytes_sent: Some(14),
    bytes_received: Some(15),
    bytes_acked: Some(16),
    subflows_total: Some(17),
    endp_laminar_max: Some(18),
    last_data_sent_ms: Some(19),
    last_data_recv_ms: Some(20),
    last_ack_recv_ms: Some(21),
};

static TLS: Tls = Tls {
    version: Some(0x0304),
    cipher: Some(54),
    tx_conf: Some(2),
    rx_conf: Some(9),
    zc_ro_tx: true,
    rx_no_pad: true,
};

static SUBFLOW: Subflow = Subflow {
    flags: Some(SubflowFlags(0xc1)),
    token_rem: Some(0xab),
    token_loc: Some(0x7f00_0001),
    id_rem: Some(1),
    id_loc: Some(2),
    relwrite_seq: Some(3),
    map_seq: Some(0x1_0000_0004),
    map_sfseq: Some(5),
    ssn_offset: Some(6),
    map_datalen_bytes: Some(1000),
};

const ALGORITHMS: [(&[u8], CongestionNumbers); 3] = [
    (
        b"bbr",
        CongestionNumbers::Bbr(Bbr {
            bw_bytes_per_s: 1_234_567,
            min_rtt_us: 1_234,
            pacing_gain_256ths: 739,
            cwnd_gain_256ths: 512,
        }),
    ),
    (
        b"dctcp",
        CongestionNumbers::Dctcp(Dctcp {
            enabled: true,
            ce_state: 1,
            alpha: 1024,
            ab_ecn_bytes: 2,
            ab_tot_bytes: 3,
        }),
    ),
    (
        b"ve\x1bgas",
        CongestionNumbers::Vegas(Vegas {
            enabled: true,
            rtt_count: 5,
            rtt_us: Some(1_000),
            min_rtt_us: None,
        }),
    ),
];

/// Gives them to `each`: a TCP socket for each algorithm, one with TLS, one of which little is known, and a
/// connection of MPTCP.
pub(in super::super) fn each(mut each: impl FnMut(&Row<'_>)) {
    let keys = [
        Md5Key::new([10, 0, 0, 1].into(), 32, b"sec, \xff").unwrap(),
        Md5Key::new([0xfd00, 0, 0, 0, 0, 0, 0, 1].into(), 64, &[b'k'; 80]).unwrap(),
    ];
    let full = InetDetails {
        sockopt: Some(SocketOptions(u16::MAX)),
        tos: Some(0x10),
        tclass: Some(0),
        class_id: Some(0x1_0001),
        md5: &keys,
        ..InetDetails::default()
    };
    for (name, numbers) in ALGORITHMS {
        let name = Some(name);
        let numbers = Some(numbers);
        let inet = InetDetails {
            tcp_info: Some(&TCP_INFO),
            congestion: Some(Congestion { name, numbers }),
            ulp: Some(Ulp {
                name: b"mptcp",
                tls: None,
                mptcp: Some(&SUBFLOW),
            }),
            ..full
        };
        each(&row(Netid::Tcp, TcpState::Established, inet));
    }
    let tls = InetDetails {
        ulp: Some(Ulp {
            name: b"tls",
            tls: Some(&TLS),
            mptcp: None,
        }),
        ..InetDetails::default()
    };
    each(&row(Netid::Tcp, TcpState::CloseWait, tls));
    let little = TcpInfo {
        snd_cwnd: 10,
        sacked: 128,
        reordering: 3,
        rto_us: 3_000_000,
        ..TcpInfo::default()
    };
    let listener = InetDetails {
        tcp_info: Some(&little),
        ..InetDetails::default()
    };
    let listener = Row {
        memory: None,
        shutdown: None,
        timer: None,
        cookie: None,
        ..row(Netid::Tcp, TcpState::Listen, listener)
    };
    each(&listener);
    let mptcp = InetDetails {
        mptcp: Some(&MPTCP_INFO),
        ..InetDetails::default()
    };
    each(&row(Netid::Mptcp, TcpState::Established, mptcp));
}

fn row(netid: Netid, state: TcpState, inet: InetDetails<'_>) -> Row<'_> {
    let tuple = tuple(Family::Inet6, ("fd00::1", 443), ("fd00::2", 40000));
    let (local, peer) = Endpoint::of_tuple(&tuple);
    Row {
        info: SocketInfo {
            netns: None,
            ifindex: None,
            mark: Some(0x2a),
            uid: Some(1000),
            cgroup_id: Some(0x1f),
            inode: Some(4711),
        },
        cookie: Some(0xabc),
        ipv6_only: Some(true),
        shutdown: Some(1),
        timer: Some(Timer {
            kind: TimerKind::Retransmit,
            expires_ms: 200,
            retrans: 1,
        }),
        memory: Some(Memory {
            rmem_alloc_bytes: 1,
            rcvbuf_bytes: 2,
            wmem_alloc_bytes: 3,
            sndbuf_bytes: 4,
            fwd_alloc_bytes: 5,
            wmem_queued_bytes: 6,
            optmem_bytes: 7,
            backlog_bytes: 8,
            drops: Some(9),
        }),
        details: Details::Inet(inet),
        ..Row::new(netid, state, local, peer)
    }
}
