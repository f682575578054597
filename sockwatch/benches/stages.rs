//! What one event costs in user space, stage by stage, on recorded input: decode, table, and the
//! whole way to JSON lines.

use std::{hint::black_box, net::IpAddr};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sockwatch::{
    app::pipeline::{Out, Parts, Pipeline},
    filter::{
        Expr, Selection, View,
        expr::{Compare, End, HostTest, Ports, Prefix, Term},
    },
    model::{Netid, WallClock},
    sink::{Jsonl, Sink},
    source::{
        ebpf::{Malformed, Minis, Record, ResetReasons, Told, decode},
        replay,
    },
    table::{Followed, Table},
};

static LIVES: &[u8] = include_bytes!("../tests/fixtures/lives.ring");

/// `dport = :PORT and not src 10.0.0.0/8`
fn filter(port: i64) -> Expr {
    let ports = vec![Ports {
        range: port..=port,
        only: None,
    }];
    let prefix = Prefix {
        address: IpAddr::from([10, 0, 0, 0]),
        len: 8,
    };
    let host = Expr::Term(Term::Host {
        end: End::Src,
        host: HostTest::Inet {
            family: None,
            prefixes: vec![prefix],
            ports: Vec::new(),
        },
    });
    let port = Expr::Term(Term::Port {
        end: End::Dst,
        family: None,
        compare: Compare::Eq,
        ports,
    });
    Expr::And(vec![port, Expr::Not(Box::new(host))])
}

fn pipeline(filter: Expr) -> Pipeline {
    Pipeline::new(Parts {
        table: Table::new(1_000, Followed::NONE),
        selection: Selection::default(),
        filter,
        local_ports: 32_768..=60_999,
        prefiltered: false,
        minis: Minis::NONE,
        reset_reasons: ResetReasons::new(),
        raw_events: false,
        sink: Sink::Jsonl(Jsonl::new()),
        cgroups: None,
        count: None,
    })
}

fn stages(c: &mut Criterion) {
    let raw: Vec<&[u8]> = replay::records(LIVES).collect();
    let records: Vec<Result<Record, Malformed>> = raw.iter().map(|raw| decode(raw)).collect();
    let mut group = c.benchmark_group("per record");
    group.throughput(Throughput::Elements(raw.len() as u64));
    group.bench_function("decode", |b| {
        b.iter(|| {
            for raw in &raw {
                black_box(&decode(black_box(raw))).ok();
            }
        });
    });
    let mut table = Table::new(1_000, Followed::NONE);
    group.bench_function("table", |b| {
        b.iter(|| {
            for record in records.iter().flatten() {
                match &record.told {
                    Told::Transition(transition) => {
                        black_box(&table.apply(transition));
                    }
                    Told::Destroy(gone) => table.destroy(gone.cookie, gone.sk),
                    _ => {}
                }
            }
        });
    });
    let port = filter(2);
    group.bench_function("filter", |b| {
        b.iter(|| {
            for record in records.iter().flatten() {
                if let Told::Transition(transition) = &record.told {
                    let view = View::of_ip(Netid::Tcp, &transition.tuple, &transition.info);
                    black_box(black_box(&port).verdict(black_box(&view)));
                }
            }
        });
    });
    let mut bytes = Vec::with_capacity(1 << 20);
    for (name, filter) in [
        ("decode to JSON line", Expr::EVERYTHING),
        ("decode to nothing that a filter shows", filter(2)),
    ] {
        let mut whole = pipeline(filter);
        group.bench_function(name, |b| {
            b.iter(|| {
                bytes.clear();
                let wall = WallClock::default();
                let mut out = Out {
                    bytes: &mut bytes,
                    wall,
                    has_room: true,
                };
                for raw in &raw {
                    whole.record(&decode(raw), &mut out);
                }
                black_box(bytes.len())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
