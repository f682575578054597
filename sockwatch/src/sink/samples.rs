//! Events for the tests of the sinks.

pub(super) mod deep;
mod minis;
pub(super) mod others;

use std::net::IpAddr;

use crate::model::{
    Cause, Comm, Errno, Event, Family, How, MonoNs, Nanos, Observed, Owner, Proto, SocketInfo,
    SocketKey, TcpNumbers, TcpState, Transition, Tuple, WallClock,
    event::{Degraded, Lost, LostWhere, SocketEvent, Start, Totals, TransitionEvent},
    summary::{ByFamily, Summary, TcpSummary},
};

/// 2026-01-31T23:59:58Z is 0 on the monotonic clock.
pub(super) const WALL: WallClock = WallClock {
    offset_ns: 1_769_903_998_000_000_000,
};

/// The namespace most samples are in.
pub(super) const OWN_NETNS: u32 = 4_026_531_840;

pub(super) const SUMMARY: Summary = Summary {
    sockets: 11,
    tcp: TcpSummary {
        established: 4,
        closed: Some(8),
        orphaned: 1,
        time_wait: 2,
    },
    raw: ByFamily { inet: 3, inet6: 0 },
    udp: ByFamily { inet: 1, inet6: 8 },
    tcp_hashed: ByFamily { inet: 6, inet6: 5 },
    fragments: ByFamily { inet: 4, inet6: 0 },
};

pub(super) fn tuple(family: Family, src: (&str, u16), dst: (&str, u16)) -> Tuple {
    let address = |text: &str| text.parse::<IpAddr>().unwrap().to_canonical();
    Tuple {
        family,
        src: address(src.0),
        sport: src.1,
        dst: address(dst.0),
        dport: dst.1,
    }
}

pub(super) fn owner(comm: &[u8], how: How) -> Owner {
    Owner {
        pid: 4242,
        comm: Comm::from_bytes(comm),
        how,
    }
}

fn info() -> SocketInfo {
    SocketInfo {
        netns: Some(OWN_NETNS),
        ifindex: Some(0),
        mark: Some(0),
        uid: Some(1000),
        cgroup_id: Some(77),
        inode: Some(12345),
    }
}

const NUMBERS: TcpNumbers = TcpNumbers {
    rtt_us: Some(187),
    rttvar_us: Some(60),
    retrans: 0,
    bytes_acked: 79,
    bytes_received: u64::MAX,
    segs_out: 6,
    segs_in: 5,
    cwnd: 10,
};

/// One transition and all that an event borrows of it.
#[derive(Clone)]
pub(super) struct Sample {
    pub(super) transition: Transition,
    pub(super) dwell: Option<Nanos>,
    pub(super) age: Option<Nanos>,
    pub(super) owner: Option<Owner>,
    pub(super) cause: Option<Cause>,
    pub(super) errno: Option<Errno>,
    pub(super) closer: Option<Owner>,
    pub(super) accept_wait: Option<Nanos>,
    pub(super) synack_retrans: Option<u8>,
    pub(super) cgroup: Option<&'static str>,
}

impl Sample {
    /// A plain one, at `at`; the fields are there to be changed.
    pub(super) fn new(at: u64, tuple: Tuple, old: TcpState, new: TcpState) -> Self {
        Self {
            transition: Transition {
                at: MonoNs(at),
                key: SocketKey::new(Proto::Tcp, 0x20_4a, 0),
                sk: 0xffff_8881_0000_1000,
                proto: Proto::Tcp,
                tuple,
                old,
                new,
                info: info(),
                sk_err: Some(0),
                shutdown: Some(0),
                dead: Some(false),
                done: Some(false),
                context: None,
                reset: None,
                tcp: None,
                observed: Observed::Event,
            },
            dwell: None,
            age: None,
            owner: Some(owner(b"curl", How::Connect)),
            cause: None,
            errno: None,
            closer: None,
            accept_wait: None,
            synack_retrans: None,
            cgroup: Some("/user.slice/session-1.scope"),
        }
    }

    pub(super) fn event(&self) -> Event<'_> {
        Event::Transition(TransitionEvent {
            transition: &self.transition,
            tuple: &self.transition.tuple,
            dwell: self.dwell,
            age: self.age,
            owner: self.owner.as_ref(),
            cause: self.cause,
            errno: self.errno,
            closer: self.closer.as_ref(),
            accept_wait: self.accept_wait,
            synack_retrans: self.synack_retrans,
            cgroup: self.cgroup,
        })
    }
}

const CONTAINER: &str = "/system.slice/docker-4f0e1c9ad2b3a4958677a8b9cadbecfd\
                         0e1f2a3b4c5d6e7f8091a2b3c4d5e6f7.scope";
const V4: (&str, u16) = ("127.0.0.1", 51234);
const WEB: (&str, u16) = ("127.0.0.1", 80);

/// A connection from its SYN to its end.
fn one_life() -> Vec<Sample> {
    let connecting = tuple(Family::Inet, ("127.0.0.1", 0), WEB);
    let connected = tuple(Family::Inet, V4, WEB);
    let syn = Sample::new(123_456, connecting, TcpState::Close, TcpState::SynSent);
    let mut up = Sample::new(150_000, connected, TcpState::SynSent, TcpState::Established);
    up.dwell = Some(Nanos(26_544));
    up.age = Some(Nanos(26_544));
    let mut fin = Sample::new(
        1_350_000_000,
        connected,
        TcpState::Established,
        TcpState::FinWait1,
    );
    fin.dwell = Some(Nanos(1_349_850_000));
    fin.age = Some(Nanos(1_349_876_544));
    fin.transition.tcp = Some(NUMBERS);
    let mut end = Sample::new(
        124_350_000_000,
        connected,
        TcpState::FinWait2,
        TcpState::Close,
    );
    end.dwell = Some(Nanos(123_000_000_000));
    end.age = Some(Nanos(124_349_876_544));
    end.cause = Some(Cause::Finished);
    end.transition.tcp = Some(NUMBERS);
    vec![syn, up, fin, end]
}

/// Listeners, IPv6, what is unknown, and what is hostile.
fn oddities() -> Vec<Sample> {
    let v6 = ("2001:db8:aaaa:bbbb:cccc:dddd:eeee:1", 50000);
    let any6 = tuple(Family::Inet6, ("::", 443), ("::", 0));
    let mut listener = Sample::new(2_000_000_000, any6, TcpState::Close, TcpState::Listen);
    listener.owner = Some(owner(b"nginx", How::Listen));
    listener.cgroup = Some(CONTAINER);
    let any4 = tuple(Family::Inet, ("0.0.0.0", 8080), ("0.0.0.0", 0));
    let mut closed = Sample::new(2_000_000_001, any4, TcpState::Listen, TcpState::Close);
    closed.cause = Some(Cause::ListenerClosed);
    let mapped = tuple(
        Family::Inet6,
        ("::ffff:10.0.0.1", 443),
        ("::ffff:10.0.0.2", 40000),
    );
    let mut reset = Sample::new(
        2_100_000_000,
        mapped,
        TcpState::Established,
        TcpState::Close,
    );
    reset.dwell = Some(Nanos(4_560_000));
    reset.cause = Some(Cause::ResetByPeer);
    reset.errno = Some(Errno::ECONNRESET);
    reset.owner = Some(owner(b"\x1b[31m\xff\n\\\xc2\x9b", How::Inherited));
    reset.transition.info.netns = Some(4_026_532_200);
    let far = tuple(Family::Inet6, v6, ("fe80::1", 8443));
    let mut unreachable = Sample::new(2_200_000_000, far, TcpState::SynSent, TcpState::Close);
    unreachable.dwell = Some(Nanos(3_000_000_000));
    unreachable.cause = Some(Cause::Unreachable);
    unreachable.errno = Some(Errno::EHOSTUNREACH);
    unreachable.transition.info.ifindex = Some(2);
    unreachable.transition.info.mark = Some(u32::MAX);
    let blank = tuple(Family::Inet, ("0.0.0.0", 0), ("0.0.0.0", 0));
    let mut unknown = Sample::new(2_300_000_000, blank, TcpState::Unknown(77), TcpState::Close);
    unknown.transition.key = SocketKey::new(Proto::Tcp, 0, 1);
    unknown.transition.proto = Proto::Unknown(999);
    unknown.transition.info = SocketInfo::default();
    unknown.owner = None;
    unknown.cgroup = None;
    unknown.cause = Some(Cause::Error);
    unknown.errno = Some(Errno(4000));
    vec![listener, closed, reset, unreachable, unknown]
}

pub(super) fn transitions() -> Vec<Sample> {
    let mut samples = one_life();
    samples.extend(oddities());
    samples.extend(minis::lives());
    samples
}

pub(super) fn start() -> Start {
    Start {
        at: MonoNs(1),
        version: "0.1.0",
        kernel: "6.18.0".into(),
        host: "h\u{f6}st".into(),
        boot_id: Some("7d3cbe2c-5d1c-4c1e-b7c5-2f0d2b1a9f11".into()),
        filter: "dport = :443".into(),
        probes: vec!["tp_btf/inet_sock_set_state".into()],
        degraded: vec![Degraded {
            what: "service names",
            why: "cannot read /etc/services: \"gone\"".into(),
        }],
    }
}

pub(super) const LOST: [Lost; 2] = [
    Lost {
        place: LostWhere::Kernel,
        count: 12,
        from: MonoNs(2_000_000_000),
        to: MonoNs(2_500_000_000),
    },
    Lost {
        place: LostWhere::Output,
        count: 1,
        from: MonoNs(2_500_000_000),
        to: MonoNs(2_500_000_001),
    },
];

pub(super) const TOTALS: Totals = Totals {
    at: MonoNs(3_000_000_000),
    events: 33,
    emitted: 9,
    filtered: 11,
    lost_kernel: 12,
    lost_output: 1,
    merged: 5,
    malformed_ring: 0,
    malformed_netlink: 0,
    sockets: 4,
    evicted: 0,
};

/// Calls `see` with one event of every type, and the transitions above.
pub(super) fn each(mut see: impl FnMut(&Event<'_>)) {
    see(&Event::Start(&start()));
    let info = info();
    for (tuple, state, owner) in [
        (
            tuple(Family::Inet, ("0.0.0.0", 22), ("0.0.0.0", 0)),
            TcpState::Listen,
            Some(owner(b"sshd", How::Scan)),
        ),
        (
            tuple(Family::Inet6, ("::1", 22), ("::1", 50022)),
            TcpState::TimeWait,
            None,
        ),
        (
            tuple(Family::Inet, ("127.0.0.1", 22), ("127.0.0.1", 50023)),
            TcpState::SynRecv,
            Some(owner(b"sshd", How::Unaccepted)),
        ),
    ] {
        see(&Event::Socket(SocketEvent {
            at: MonoNs(2),
            proto: Proto::Tcp,
            tuple: &tuple,
            state,
            key: SocketKey::new(Proto::Tcp, 0x1001, 0),
            info: &info,
            owner: owner.as_ref(),
            cgroup: Some("/"),
        }));
    }
    for sample in transitions() {
        see(&sample.event());
    }
    for lost in LOST {
        see(&Event::Lost(lost));
    }
    see(&Event::Stats(TOTALS));
    see(&Event::Stop(TOTALS));
}
