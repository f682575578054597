use std::num::NonZeroU64;

use super::*;
use crate::model::{Comm, Context, Family, Observed, SocketKey};

const SK: u64 = 0xffff_8880_0000_1000;
const MINI: u64 = 0xffff_8880_0000_2000;
const PEER: &str = "10.0.0.2";

fn tuple(sport: u16, dport: u16) -> Tuple {
    Tuple {
        family: Family::Inet,
        src: "10.0.0.1".parse().unwrap(),
        sport,
        dst: PEER.parse().unwrap(),
        dport,
    }
}

fn record(cpu: u32, told: Told) -> Record {
    Record { cpu, told }
}

fn transition(cpu: u32, at: u64, sk: u64, tuple: Tuple, old: TcpState, new: TcpState) -> Record {
    record(
        cpu,
        Told::Transition(Transition {
            at: MonoNs(at),
            key: SocketKey::new(Proto::Tcp, 7, sk),
            sk,
            proto: Proto::Tcp,
            tuple,
            old,
            new,
            info: SocketInfo::default(),
            sk_err: None,
            shutdown: None,
            dead: None,
            done: None,
            context: None,
            reset: None,
            tcp: None,
            observed: Observed::Event,
        }),
    )
}

fn connecting(cpu: u32, at: u64, sk: u64) -> Record {
    transition(
        cpu,
        at,
        sk,
        tuple(0, 80),
        TcpState::Close,
        TcpState::SynSent,
    )
}

fn syn(cpu: u32, at: u64, sk: u64, tuple: Tuple) -> Record {
    let at = MonoNs(at);
    record(cpu, Told::SynSent(SynSent { at, sk, tuple }))
}

const TIME_WAIT: MiniKind = MiniKind::TimeWait {
    substate: TcpState::TimeWait,
};
const REQUEST: MiniKind = MiniKind::Request {
    listener: None,
    synack_retrans: 0,
};
const START: MiniTold = MiniTold::Start { watched: true };
const EARLY: MiniTold = MiniTold::Cancel { due: false };
const DUE: MiniTold = MiniTold::Cancel { due: true };

fn mini(cpu: u32, at: u64, address: u64, kind: MiniKind, event: MiniTold) -> Record {
    of_ends(cpu, at, address, kind, event, tuple(40_000, 80))
}

fn of_ends(
    cpu: u32,
    at: u64,
    address: u64,
    kind: MiniKind,
    event: MiniTold,
    tuple: Tuple,
) -> Record {
    record(
        cpu,
        Told::Mini(MiniRecord {
            at: MonoNs(at),
            address,
            cookie: NonZeroU64::new(7),
            tuple,
            info: SocketInfo {
                netns: Some(1),
                ..SocketInfo::default()
            },
            kind,
            event,
        }),
    )
}

fn other(cpu: u32, at: u64) -> Record {
    transition(
        cpu,
        at,
        SK + 64,
        tuple(50_000, 80),
        TcpState::Established,
        TcpState::FinWait1,
    )
}

fn destroyed(cpu: u32, sk: u64) -> Record {
    record(cpu, Told::Destroy(Destroyed { cookie: 7, sk }))
}

fn accepted(cpu: u32, at: u64) -> Record {
    let by = Context {
        pid: 1,
        comm: Comm::from_bytes(b"x"),
        kernel_thread: false,
    };
    let at = MonoNs(at);
    let (cookie, sk) = (7, SK);
    record(cpu, Told::Accepted(Accepted { at, cookie, sk, by }))
}

/// One word for each item.
fn word(item: &Item) -> String {
    match item {
        Item::Transition(t) => format!("{}:{}", t.new.word(), t.tuple.sport),
        Item::Destroy(_) => "destroy".to_owned(),
        Item::Accepted(_) => "accepted".to_owned(),
        Item::Mini(mini) => match mini.event {
            MiniEvent::Armed { .. } => "armed".to_owned(),
            MiniEvent::Fin => "fin".to_owned(),
            MiniEvent::Gone(end) => format!("{end:?}"),
        },
    }
}

/// What comes out after each record; and what is merged in the end.
fn run(join: &mut Join, records: &[Record]) -> Vec<Vec<String>> {
    let each = |record: &Record| {
        let mut words = Vec::new();
        join.push(record, |item| words.push(word(item)));
        words
    };
    records.iter().map(each).collect()
}

fn settled(join: &mut Join, now: u64) -> Vec<String> {
    let mut words = Vec::new();
    join.settle(MonoNs(now), |item| words.push(word(item)));
    words
}

#[test]
fn what_is_complete_passes_at_once() {
    let mut join = Join::new(true, ResetReasons::new());
    let records = [
        other(0, 1),
        mini(0, 2, MINI, TIME_WAIT, START),
        accepted(0, 3),
    ];
    let out = run(&mut join, &records);
    assert_eq!(out, [["fin-wait-1:50000"], ["armed"], ["accepted"]]);
    assert_eq!((join.due(), join.merged()), (None, 0));
}

#[test]
fn a_port_is_filled_in_and_the_order_kept() {
    let mut join = Join::new(true, ResetReasons::new());
    let records = [
        connecting(0, 1, SK),
        other(1, 2),
        syn(0, 3, SK + 64, tuple(1, 80)),
        syn(0, 4, SK, tuple(40_000, 80)),
    ];
    let out = run(&mut join, &records);
    assert_eq!(out[3], ["syn-sent:40000", "fin-wait-1:50000"]);
    assert!(out[..3].iter().all(Vec::is_empty));
    assert_eq!(join.merged(), 2);
}

#[test]
fn the_end_of_connecting_tells_the_port_too() {
    let mut join = Join::new(true, ResetReasons::new());
    let failed = transition(
        0,
        2,
        SK,
        tuple(40_000, 80),
        TcpState::SynSent,
        TcpState::Close,
    );
    let out = run(&mut join, &[connecting(0, 1, SK), failed]);
    assert_eq!(out[1], ["syn-sent:40000", "closed:40000"]);
}

#[test]
fn another_socket_at_the_address_does_not_tell_it() {
    let mut join = Join::new(true, ResetReasons::new());
    let next = connecting(0, 2, SK);
    let out = run(&mut join, &[connecting(0, 1, SK), next]);
    assert_eq!(out[1], ["syn-sent:0"]);
    let elsewhere = syn(0, 3, SK, tuple(40_000, 81));
    assert_eq!(run(&mut join, &[elsewhere]), [["syn-sent:0"]]);
    assert_eq!(
        run(&mut join, &[connecting(0, 4, SK), destroyed(0, SK)])[1],
        ["syn-sent:0", "destroy"]
    );
}

#[test]
fn what_is_held_up_is_counted_until_it_is_handed_over() {
    let mut join = Join::new(true, ResetReasons::new());
    run(&mut join, &[other(0, 1)]);
    assert_eq!(join.held_up(), (0, 0));
    run(&mut join, &[mini(0, 2, MINI, TIME_WAIT, DUE), other(1, 3)]);
    assert_eq!(join.held_up(), (2, 0));
    run(&mut join, &[other(0, 4)]);
    assert_eq!(join.held_up(), (3, 3));
}

#[test]
fn nothing_waits_for_ever() {
    let mut join = Join::new(true, ResetReasons::new());
    run(&mut join, &[connecting(0, 1_000, SK), other(1, 2_000)]);
    assert_eq!(join.due(), Some(MonoNs(1_000 + PATIENCE.0)));
    assert!(settled(&mut join, PATIENCE.0).is_empty());
    assert_eq!(
        settled(&mut join, 1_000 + PATIENCE.0),
        ["syn-sent:0", "fin-wait-1:50000"]
    );
    // Nor does it take anybody's call where records go on.
    run(&mut join, &[connecting(0, 1, SK)]);
    assert_eq!(
        run(&mut join, &[other(1, 1 + PATIENCE.0)])[0],
        ["syn-sent:0", "fin-wait-1:50000"]
    );
}

#[test]
fn without_syns_ports_are_not_waited_for() {
    let out = run(
        &mut Join::new(false, ResetReasons::new()),
        &[connecting(0, 1, SK)],
    );
    assert_eq!(out, [["syn-sent:0"]]);
}

#[test]
fn a_timer_set_anew_is_no_end() {
    let mut join = Join::new(true, ResetReasons::new());
    let records = [
        mini(0, 1, MINI, TIME_WAIT, EARLY),
        other(1, 2),
        mini(0, 3, MINI, TIME_WAIT, START),
    ];
    let out = run(&mut join, &records);
    assert_eq!(out[2], ["fin-wait-1:50000", "armed"]);
    assert_eq!((join.merged(), join.due()), (1, None));
}

#[test]
fn an_address_that_is_used_again_at_once_is_an_end() {
    let mut join = Join::new(true, ResetReasons::new());
    let other = of_ends(0, 2, MINI, REQUEST, START, tuple(40_001, 80));
    let out = run(&mut join, &[mini(0, 1, MINI, REQUEST, DUE), other]);
    assert_eq!(out[1], ["Expired", "armed"]);
}

#[test]
fn the_next_record_of_the_cpu_tells_the_end() {
    let segment = |rst| mini(0, 3, MINI, TIME_WAIT, MiniTold::Segment { rst });
    let elsewhere = mini(0, 3, MINI + 256, TIME_WAIT, START);
    let cases = [
        (EARLY, segment(true), vec!["Reset"], 1),
        (EARLY, segment(false), vec!["Segment"], 1),
        (EARLY, other(0, 3), vec!["Cancelled", "fin-wait-1:50000"], 0),
        (DUE, other(0, 3), vec!["Expired", "fin-wait-1:50000"], 0),
        (DUE, elsewhere, vec!["Expired", "armed"], 0),
    ];
    for (end, next, expected, merged) in cases {
        let mut join = Join::new(true, ResetReasons::new());
        let records = [
            mini(0, 1, MINI, TIME_WAIT, end),
            mini(1, 2, MINI + 512, REQUEST, START),
            next,
        ];
        let out = run(&mut join, &records);
        let mut expected = expected;
        expected.insert(1, "armed");
        assert_eq!(out[2], expected);
        assert_eq!((join.merged(), join.due()), (merged, None));
    }
}

#[test]
fn who_takes_the_place_of_a_time_wait_ends_it() {
    let ends = tuple(40_000, 80);
    let there = mirrored(&ends);
    let nexts = [
        of_ends(0, 2, MINI + 256, REQUEST, START, ends),
        of_ends(0, 2, MINI + 256, REQUEST, START, there),
        syn(0, 2, SK, ends),
    ];
    for next in nexts {
        let mut join = Join::new(true, ResetReasons::new());
        let out = run(&mut join, &[mini(0, 1, MINI, TIME_WAIT, EARLY), next]);
        assert_eq!(out[1][0], "Reused");
        let mut join = Join::new(true, ResetReasons::new());
        let out = run(&mut join, &[mini(0, 1, MINI, REQUEST, EARLY), next]);
        assert_eq!(
            out[1][0], "Cancelled",
            "a half-open connection makes no room"
        );
    }
}

#[test]
fn a_crowd_that_waits_is_bounded() {
    let mut join = Join::new(true, ResetReasons::new());
    let mut out = 0;
    for n in 0..10_000 {
        join.push(&connecting(0, 1, SK + n * 4_096), |_| out += 1);
    }
    assert!(out > 5_000 && join.queue.len() <= CAPACITY);
    join.settle(MonoNs(u64::MAX), |_| out += 1);
    assert_eq!((out, join.merged()), (10_000, 0));
}

fn resetting() -> Join {
    let reasons = vec![None, Some(ResetReason("tcp-abort-on-close"))];
    Join::new(true, reasons)
}

fn aborted(cpu: u32, at: u64) -> Record {
    let mut record = transition(
        cpu,
        at,
        SK,
        tuple(40_000, 80),
        TcpState::Established,
        TcpState::Close,
    );
    if let Told::Transition(transition) = &mut record.told {
        transition.sk_err = Some(0);
    }
    record
}

fn reset(cpu: u32, at: u64, sk: u64, reason: u32) -> Record {
    let at = MonoNs(at);
    record(cpu, Told::Reset(Reset { at, sk, reason }))
}

#[test]
fn a_reset_goes_with_the_end_before_or_behind_it() {
    let cases = [
        (vec![aborted(0, 1), reset(0, 2, SK, 1)], true),
        (vec![reset(0, 1, SK, 1), aborted(0, 2)], true),
        (vec![aborted(0, 1), reset(0, 2, SK, 9)], false),
        (vec![aborted(0, 1), destroyed(0, SK)], false),
        (
            vec![reset(0, 1, SK + 64, 1), aborted(0, 2), destroyed(0, SK)],
            false,
        ),
        (
            vec![
                reset(0, 1, SK, 1),
                aborted(0, 2 + PATIENCE.0),
                destroyed(0, SK),
            ],
            false,
        ),
    ];
    for (records, expected) in cases {
        let mut join = resetting();
        let mut ends = Vec::new();
        let mut out = 0;
        for record in &records {
            join.push(record, |item| {
                out += 1;
                if let Item::Transition(transition) = item {
                    ends.push(transition.reset);
                }
            });
        }
        let reason = expected.then_some(ResetReason("tcp-abort-on-close"));
        assert_eq!(ends, [reason]);
        assert_eq!(join.due(), None);
        assert_eq!(out + join.merged(), records.len() as u64);
    }
}
