//! One run of the live trace: the loop between ring, seed, clock, signals and output.

use std::{io, time::Duration};

use anyhow::anyhow;
use log::debug;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until},
};

use super::{
    Failure, clock,
    config::Config,
    look::{Looker, Looks},
    lookup::{Answer, LookUp},
    loss::LossWatch,
    pipeline::{Out, Pipeline, SeedRow},
    seed::Seeded,
};
use crate::{
    model::{
        MonoNs, TcpState,
        event::{Degraded, Start, Totals},
    },
    sink::{Writer, writer::Outcome},
    source::ebpf::{KernelLog, Malformed, Reader, Record, Tracer},
};

/// Records taken from the ring before anything else gets its turn.
const BATCH: usize = 16_384;
/// How long the stream is held back for the seed, and how many records of it. Held back, a
/// transition of an existing socket finds its owner; after that it comes out without.
const SEED_PATIENCE: Duration = Duration::from_secs(2);
const SEED_HELD: usize = 65_536;
/// Heartbeat, and a look at the kernel's own count of skipped calls.
const HEARTBEAT: Duration = Duration::from_mins(1);
const NESTED_LOOK: Duration = Duration::from_secs(1);
/// How long an output that is behind is waited for before a batch is given up. The ring has room
/// for what happens meanwhile.
const ROOM_PATIENCE: Duration = Duration::from_millis(10);
/// How long a stopped reader of our output can delay the end.
const FLUSH_PATIENCE: Duration = Duration::from_secs(2);

/// SIGINT and SIGTERM.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What the loop woke up for.
enum Wake {
    Records(io::Result<()>),
    Seeded(Option<Seeded>),
    SeedLate,
    /// A port is to be looked up.
    LookUp,
    LookedUp(Option<Answer>),
    /// Minisockets are to be looked at.
    Look,
    Looked(Option<Looks>),
    /// What should have followed a record at once has not.
    Settle,
    Tick,
    OutputEnded,
    Over,
}

pub(super) struct Session {
    config: Config,
    tracer: Tracer,
    reader: Reader,
    kernel_log: Option<KernelLog>,
    pipeline: Pipeline,
    writer: Writer,
    losses: LossWatch,
    lookup: LookUp,
    /// Ports looked up, for when the ring has been emptied: what happened before must be known.
    looked_up: Option<Answer>,
    looker: Looker,
    /// The same of minisockets looked at.
    looked: Option<Looks>,
    buffer: Vec<u8>,
    /// The first line, and the records behind it, until the seed is in.
    held: Option<(Start, Vec<Result<Record, Malformed>>)>,
    last_heartbeat: Instant,
}

impl Session {
    pub(super) fn new(
        config: Config,
        tracer: Tracer,
        reader: Reader,
        kernel_log: Option<KernelLog>,
        pipeline: Pipeline,
        writer: Writer,
    ) -> Self {
        Self {
            config,
            tracer,
            reader,
            kernel_log,
            pipeline,
            writer,
            losses: LossWatch::new(clock::mono()),
            lookup: LookUp::new(),
            looked_up: None,
            looker: Looker::new(),
            looked: None,
            buffer: Vec::new(),
            held: None,
            last_heartbeat: Instant::now(),
        }
    }

    /// Runs until a signal, the end of `--duration` or `--count`, or the end of the output.
    pub(super) async fn run(
        mut self,
        start: Start,
        mut seed: oneshot::Receiver<Seeded>,
        mut signals: Signals,
    ) -> Result<(), Failure> {
        let begun = Instant::now();
        let deadline = self.config.duration.map(|duration| begun + duration);
        let mut tick = ticks();
        let mut seeding = true;
        self.held = Some((start, Vec::new()));
        self.pipeline.table().begin_seed();
        loop {
            let latency = self.config.latency;
            let look_up_at = self.lookup.due(&self.pipeline).map(Instant::from_std);
            let look_at = self.looker.due(&self.pipeline).map(Instant::from_std);
            let settle_at = self.pipeline.due().map(clock::instant);
            let wake = tokio::select! {
                biased;
                () = signals.any() => Wake::Over,
                () = at(deadline) => Wake::Over,
                () = self.writer.ended() => Wake::OutputEnded,
                seeded = &mut seed, if seeding => Wake::Seeded(seeded.ok()),
                () = sleep_until(begun + SEED_PATIENCE), if self.held.is_some() => Wake::SeedLate,
                () = at(look_up_at) => Wake::LookUp,
                answer = self.lookup.answer() => Wake::LookedUp(answer),
                () = at(look_at) => Wake::Look,
                looks = self.looker.looks() => Wake::Looked(looks),
                ready = self.reader.ready(latency) => Wake::Records(ready),
                () = at(settle_at) => Wake::Settle,
                _ = tick.tick() => Wake::Tick,
                () = forward(&mut self.kernel_log) => Wake::Tick,
            };
            match wake {
                Wake::Records(ready) => {
                    ready.map_err(Failure::runtime)?;
                    self.drain(ROOM_PATIENCE);
                }
                Wake::Seeded(seeded) => {
                    seeding = false;
                    self.seeded(seeded);
                }
                Wake::SeedLate => self.release(Some(format!(
                    "still being read after {} s: owners and snapshot come later",
                    SEED_PATIENCE.as_secs()
                ))),
                Wake::LookUp => self.lookup.begin(self.pipeline.pending_sockets()),
                Wake::LookedUp(answer) => {
                    self.looked_up = answer;
                    self.drain(ROOM_PATIENCE);
                }
                Wake::Look => self.looker.begin(&self.pipeline),
                Wake::Looked(looks) => {
                    self.looked = looks;
                    self.drain(ROOM_PATIENCE);
                }
                Wake::Settle => self.settle(),
                Wake::Tick => self.tick(),
                Wake::OutputEnded => return self.output_ended(),
                Wake::Over => break,
            }
            if self.pipeline.is_done() {
                break;
            }
        }
        self.stop()
    }

    /// Takes what waits in the ring, and prints it unless the seed is awaited. Returns whether the
    /// ring was emptied.
    fn drain(&mut self, patience: Duration) -> bool {
        if let Some((_, held)) = &mut self.held {
            let emptied = self.reader.drain(BATCH, |record| held.push(record));
            if held.len() > SEED_HELD {
                self.release(Some(
                    "too many transitions while it was being read".to_owned(),
                ));
            }
            return emptied;
        }
        let mut out = Out {
            bytes: &mut self.buffer,
            wall: clock::wall(),
            has_room: self.writer.wait_for_room(patience),
        };
        let pipeline = &mut self.pipeline;
        let emptied = self
            .reader
            .drain(BATCH, |record| pipeline.record(&record, &mut out));
        if emptied && let Some(answer) = self.looked_up.take() {
            pipeline.malformed_netlink(answer.malformed);
            pipeline.learn(&answer.sockets, answer.begun, &mut out);
        }
        if emptied && let Some(looks) = self.looked.take() {
            pipeline.malformed_netlink(looks.malformed);
            pipeline.looked(looks.seen, &mut out);
        }
        self.report_losses();
        self.send();
        emptied
    }

    /// Takes what has come meanwhile, and gives up waiting for what has not.
    fn settle(&mut self) {
        let now = clock::mono();
        if self.drain(ROOM_PATIENCE) {
            let mut out = out(&mut self.buffer, &self.writer);
            self.pipeline.settle(now, &mut out);
            self.send();
        }
    }

    /// Says what the kernel has lost since the last look.
    fn report_losses(&mut self) {
        match self.tracer.counts() {
            Ok(counts) => {
                if let Some(lost) = self.losses.news(&counts, clock::mono()) {
                    let mut out = out(&mut self.buffer, &self.writer);
                    self.pipeline.lost(lost, &mut out);
                }
            }
            Err(error) => log::error!("cannot read the kernel's counters: {error}"),
        }
    }

    fn seeded(&mut self, seeded: Option<Seeded>) {
        let Some(seeded) = seeded else {
            return self.release(Some("the thread that read them died".to_owned()));
        };
        self.pipeline.malformed_netlink(seeded.malformed);
        match &mut self.held {
            Some((start, _)) => {
                start.degraded.extend(seeded.degraded);
                start.probes.extend(seeded.probe.map(str::to_owned));
            }
            None => note(&seeded.degraded),
        }
        self.print_start();
        let mut out = out(&mut self.buffer, &self.writer);
        for (socket, owner) in &seeded.sockets {
            if socket.minisocket
                && socket.state == TcpState::FinWait2
                && let Some(netns) = socket.info.netns
            {
                self.tracer.watch_fin(&socket.tuple, netns);
            }
            let row = SeedRow {
                socket,
                owner: *owner,
                at: seeded.at,
            };
            self.pipeline.seed(&row, self.config.snapshot, &mut out);
        }
        self.pipeline.table().end_seed();
        self.release(None);
    }

    /// Prints the first line, unless it has been printed.
    fn print_start(&mut self) {
        let Some((start, _)) = &self.held else { return };
        note(&start.degraded);
        log::info!("probes: {}", start.probes.join(", "));
        self.pipeline
            .start(start, &mut out(&mut self.buffer, &self.writer));
    }

    /// Ends the wait for the seed: prints what was held back.
    fn release(&mut self, late: Option<String>) {
        if let (Some((start, _)), Some(why)) = (&mut self.held, late) {
            start.degraded.push(Degraded {
                what: "existing sockets",
                why,
            });
            self.print_start();
        }
        let Some((_, records)) = self.held.take() else {
            return;
        };
        let mut out = out(&mut self.buffer, &self.writer);
        for record in &records {
            self.pipeline.record(record, &mut out);
        }
        self.report_losses();
        self.send();
    }

    fn tick(&mut self) {
        self.tracer.look_for_nested();
        if self.held.is_some() {
            return;
        }
        self.report_losses();
        if self.last_heartbeat.elapsed() >= HEARTBEAT {
            self.last_heartbeat = Instant::now();
            let totals = self.totals();
            let mut out = out(&mut self.buffer, &self.writer);
            if out.has_room {
                self.pipeline.stats(totals, &mut out);
            }
        }
        self.send();
    }

    fn totals(&self) -> Totals {
        let counts = self.tracer.counts().unwrap_or_default();
        debug!("{} transitions were caught inside others", counts.caught);
        let mut totals = self.pipeline.totals(clock::mono(), counts.events);
        // What the kernel programs dropped did not come this way.
        totals.filtered += counts.filtered;
        totals
    }

    fn send(&mut self) {
        if !self.buffer.is_empty() {
            self.buffer = self.writer.send(std::mem::take(&mut self.buffer));
        }
    }

    /// Detaches, prints what the kernel has already told, and says goodbye.
    fn stop(mut self) -> Result<(), Failure> {
        self.tracer.detach();
        self.release(Some("the trace ended before they were read".to_owned()));
        let mut patience = FLUSH_PATIENCE;
        while !self.drain(patience) {
            // A reader that has stopped is waited for once.
            if !self.writer.wait_for_room(patience) {
                patience = Duration::ZERO;
            }
        }
        let mut rest = out(&mut self.buffer, &self.writer);
        self.pipeline.settle(MonoNs(u64::MAX), &mut rest);
        self.pipeline.decide_held(&mut rest);
        self.tracer.look_for_nested();
        self.report_losses();
        let totals = self.totals();
        let mut last = Out {
            has_room: true,
            ..out(&mut self.buffer, &self.writer)
        };
        self.pipeline.stop(totals, &mut last);
        self.send();
        let lost = totals.lost_kernel + totals.lost_output;
        if lost > 0 {
            eprintln!(
                "sockwatch: {lost} of {} transitions were lost",
                totals.events
            );
        }
        match self.writer.finish(FLUSH_PATIENCE) {
            Outcome::Flushed | Outcome::Closed => Ok(()),
            Outcome::Failed(error) => Err(Failure::runtime(error)),
            Outcome::TimedOut { bytes_left } => Err(Failure::runtime(anyhow!(
                "the output does not move: {bytes_left} bytes were not written"
            ))),
        }
    }

    fn output_ended(self) -> Result<(), Failure> {
        match self.writer.finish(Duration::ZERO) {
            Outcome::Failed(error) => Err(Failure::runtime(error)),
            Outcome::Flushed | Outcome::Closed | Outcome::TimedOut { .. } => Ok(()),
        }
    }
}

/// Says on standard error what works in a lesser way.
pub(super) fn note(degraded: &[Degraded]) {
    for Degraded { what, why } in degraded {
        eprintln!("sockwatch: note: {what}: {why}");
    }
}

fn out<'a>(buffer: &'a mut Vec<u8>, writer: &Writer) -> Out<'a> {
    Out {
        bytes: buffer,
        wall: clock::wall(),
        has_room: writer.has_room(),
    }
}

fn ticks() -> Interval {
    let mut tick = interval(NESTED_LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn forward(log: &mut Option<KernelLog>) {
    match log {
        Some(log) => log.forward().await,
        None => std::future::pending().await,
    }
}
