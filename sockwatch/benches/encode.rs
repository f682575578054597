//! What it costs to turn a transition into a line.

use std::{hint::black_box, net::IpAddr, num::NonZeroU64};

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::tz::TimeZone;
use sockwatch::{
    enrich::names::Names,
    model::{
        Cause, Comm, Event, Family, How, MonoNs, Nanos, Observed, Owner, Proto, SocketInfo,
        SocketKey, TcpNumbers, TcpState, Transition, Tuple, WallClock, event::TransitionEvent,
    },
    sink::{Jsonl, Sink, Text, TextOptions},
};

const WALL: WallClock = WallClock {
    offset_ns: 1_769_903_998_000_000_000,
};
/// What a buffer holds before it is handed on.
const BUFFER_BYTES: usize = 32 << 10;

fn transition(family: Family, src: &str, dst: &str, tcp: Option<TcpNumbers>) -> Transition {
    let address = |text: &str| text.parse::<IpAddr>().unwrap_or(IpAddr::from([0; 4]));
    Transition {
        at: MonoNs(123_456_789_012_345),
        key: SocketKey {
            cookie: NonZeroU64::new(0x1234_5678),
            sk: 0,
        },
        sk: 0,
        proto: Proto::Tcp,
        tuple: Tuple {
            family,
            src: address(src),
            sport: 51234,
            dst: address(dst),
            dport: 443,
        },
        old: TcpState::LastAck,
        new: TcpState::Close,
        info: SocketInfo {
            netns: Some(4_026_531_840),
            ifindex: Some(0),
            mark: Some(0),
            uid: Some(1000),
            cgroup_id: Some(4242),
            inode: Some(987_654),
        },
        sk_err: Some(0),
        shutdown: Some(3),
        dead: Some(true),
        done: Some(true),
        context: None,
        reset: None,
        tcp,
        observed: Observed::Event,
    }
}

const NUMBERS: TcpNumbers = TcpNumbers {
    rtt_us: Some(18_712),
    rttvar_us: Some(6_012),
    retrans: 2,
    bytes_acked: 79_123,
    bytes_received: 1_234_567,
    segs_out: 612,
    segs_in: 1_205,
    cwnd: 10,
};

/// One line after the other into a buffer that is emptied when it is full.
fn run(c: &mut Criterion, name: &str, transition: &Transition, mut sink: Sink) {
    let owner = Owner {
        pid: 4242,
        comm: Comm::from_bytes(b"nginx"),
        how: How::Accept,
    };
    let mut event = *transition;
    let mut out = Vec::new();
    c.bench_function(name, |bencher| {
        bencher.iter(|| {
            if out.len() > BUFFER_BYTES {
                out.clear();
            }
            event.at.0 += 12_345;
            let event = Event::Transition(TransitionEvent {
                transition: &event,
                tuple: &event.tuple,
                dwell: Some(Nanos(1_234_567)),
                age: Some(Nanos(987_654_321)),
                owner: Some(&owner),
                cause: Some(Cause::Finished),
                errno: None,
                closer: None,
                accept_wait: None,
                synack_retrans: None,
                cgroup: Some("/system.slice/nginx.service"),
            });
            sink.write(black_box(&event), WALL, &mut out);
        });
    });
}

fn encode(c: &mut Criterion) {
    let v4 = transition(Family::Inet, "192.168.178.23", "151.101.1.140", None);
    let v6 = transition(
        Family::Inet6,
        "2001:db8:1:2:3:4:5:6",
        "2a00:1450:4001:80b::200e",
        None,
    );
    let end = transition(
        Family::Inet,
        "192.168.178.23",
        "151.101.1.140",
        Some(NUMBERS),
    );
    let jsonl = || Sink::Jsonl(Jsonl::new());
    run(c, "jsonl v4", &v4, jsonl());
    run(c, "jsonl v6", &v6, jsonl());
    run(c, "jsonl v4 with tcp numbers", &end, jsonl());
    let options = TextOptions {
        colour: false,
        header: false,
        own_netns: None,
        zone: TimeZone::UTC,
    };
    let text = Sink::Text(Text::new(options, Names::numeric()));
    run(c, "text v4", &v4, text);
}

criterion_group!(benches, encode);
criterion_main!(benches);
