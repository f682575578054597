//! What a connection costs the table that ends in TIME-WAIT, while many others are in it: from its
//! last event as a full socket on, with the end of one that has waited for long.

use std::{collections::VecDeque, hint::black_box, net::Ipv4Addr, num::NonZeroU64};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sockwatch::{
    model::{
        Family, Mini, MiniEnd, MiniEvent, MiniKind, MonoNs, Observed, Proto, SocketInfo, SocketKey,
        TcpState, Transition, Tuple,
    },
    table::{Followed, Table},
};

/// How many wait: a minute's worth at 20,000 connections a second.
const WAITING: u64 = 1_200_000;
/// From one connection to the next, nanoseconds.
const PACE: u64 = 50_000;
/// How many end at once: the timer wheel fires by the slot of 4 s, the last that came in first.
const SLOT: usize = 80_000;

/// The connection with this number.
fn tuple(number: u64) -> Tuple {
    let [.., a, b, c, d] = (number % (4 * WAITING)).to_be_bytes();
    Tuple {
        family: Family::Inet,
        src: Ipv4Addr::new(10, 0, 0, 1).into(),
        sport: 443,
        dst: Ipv4Addr::new(10, a, b, 1).into(),
        dport: u16::from_be_bytes([c, d]),
    }
}

fn info() -> SocketInfo {
    SocketInfo {
        netns: Some(1),
        ..SocketInfo::default()
    }
}

fn end_of_full_socket(number: u64) -> Transition {
    Transition {
        at: MonoNs(number * PACE),
        key: SocketKey::new(Proto::Tcp, number, 0),
        sk: number,
        proto: Proto::Tcp,
        tuple: tuple(number),
        old: TcpState::FinWait2,
        new: TcpState::Close,
        info: info(),
        sk_err: Some(0),
        shutdown: Some(3),
        dead: Some(true),
        done: Some(true),
        context: None,
        reset: None,
        tcp: None,
        observed: Observed::Event,
    }
}

fn timewait(number: u64, at: u64, event: MiniEvent) -> Mini {
    Mini {
        at: MonoNs(at * PACE),
        address: number,
        cookie: NonZeroU64::new(number),
        tuple: tuple(number),
        info: info(),
        kind: MiniKind::TimeWait {
            substate: TcpState::TimeWait,
        },
        event,
    }
}

/// The connections that wait, and those of the slot that fires.
struct Lives {
    table: Table,
    next: u64,
    waiting: VecDeque<u64>,
    firing: Vec<u64>,
}

impl Lives {
    fn new() -> Self {
        let mut lives = Self {
            table: Table::new(1 << 21, Followed::ALL),
            next: 1,
            waiting: VecDeque::new(),
            firing: Vec::new(),
        };
        for _ in 0..WAITING {
            lives.begin();
        }
        lives
    }

    fn begin(&mut self) {
        let number = self.next;
        self.next += 1;
        self.waiting.push_back(number);
        let armed = MiniEvent::Armed { watched: true };
        black_box(self.table.mini(&timewait(number, number, armed)));
        black_box(self.table.apply(&end_of_full_socket(number)));
        self.table.destroy(number, number);
    }

    fn end(&mut self) {
        if self.firing.is_empty() {
            self.firing.extend(self.waiting.drain(..SLOT));
        }
        if let Some(number) = self.firing.pop() {
            let gone = MiniEvent::Gone(MiniEnd::Expired);
            black_box(self.table.mini(&timewait(number, self.next, gone)));
        }
    }
}

fn lives(c: &mut Criterion) {
    let mut group = c.benchmark_group("time-wait");
    group.throughput(Throughput::Elements(1));
    let mut lives = Lives::new();
    group.bench_function("one of 1,200,000 waiting", |b| {
        b.iter(|| {
            lives.begin();
            lives.end();
            black_box(lives.table.look_due())
        });
    });
    group.finish();
}

criterion_group!(benches, lives);
criterion_main!(benches);
