//! What one event costs in user space, stage by stage, on recorded input: decode, table, and the
//! whole way to JSON lines.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sockwatch::{
    app::pipeline::{Out, Parts, Pipeline},
    filter::{Expr, Selection},
    model::WallClock,
    sink::{Jsonl, Sink},
    source::{
        ebpf::{Malformed, Record, decode},
        replay,
    },
    table::Table,
};

static LIVES: &[u8] = include_bytes!("../tests/fixtures/lives.ring");

fn pipeline() -> Pipeline {
    Pipeline::new(Parts {
        table: Table::new(1_000),
        selection: Selection::default(),
        filter: Expr::EVERYTHING,
        local_ports: 32_768..=60_999,
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
    let mut table = Table::new(1_000);
    group.bench_function("table", |b| {
        b.iter(|| {
            for record in records.iter().flatten() {
                match record {
                    Record::Transition(transition) => {
                        black_box(&table.apply(transition));
                    }
                    Record::Destroy(gone) => table.destroy(gone.cookie, gone.sk),
                }
            }
        });
    });
    let mut whole = pipeline();
    let mut bytes = Vec::with_capacity(1 << 20);
    group.bench_function("decode to JSON line", |b| {
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
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
