//! How long an event takes from the kernel to a line in the output file, while little happens.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use rustix::time::{ClockId, clock_gettime};

use super::Plan;
use super::churn::{Done, Order};
use super::generator::Generator;
use super::seen::Line;
use super::tracer::{Tool, Tracer};

/// How long lines may still come after the last connection.
const TAIL: Duration = Duration::from_millis(500);
/// How often to look whether the generator is done.
const WAIT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// Latencies in nanoseconds of the transitions of a slow run, in no order.
pub(super) fn measure(
    generator: &mut Generator,
    tool: &Tool,
    plan: Plan,
    dir: &Path,
) -> anyhow::Result<Vec<u64>> {
    let mut tracer = tool.start(generator, dir)?;
    tracer.wait_until_caught_up()?;
    let mut tail = Tail::open(tracer.output())?;
    tail.read()?;
    tail.lines.clear();
    generator.order(Order {
        connections: plan.quiet_connections,
        gap_us: plan.quiet_gap_us,
    })?;
    let done = follow(generator, &mut tail)?;
    tracer.stop()?;
    Tracer::remove_files(tool, dir)?;
    tail.latencies(generator.netns(), done.port)
}

fn follow(generator: &mut Generator, tail: &mut Tail) -> anyhow::Result<Done> {
    let mut done = None;
    let mut ended = Instant::now();
    while done.is_none() || ended.elapsed() < TAIL {
        tail.wait()?;
        tail.read()?;
        if done.is_none() {
            done = generator.done_within(Duration::ZERO)?;
            ended = Instant::now();
        }
    }
    done.context("the generator did not answer")
}

/// A file that grows, with the time at which each of its lines was there.
struct Tail {
    file: File,
    watch: rustix::fd::OwnedFd,
    pending: Vec<u8>,
    lines: Vec<(u64, Vec<u8>)>,
}

impl Tail {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK).context("inotify")?;
        inotify::add_watch(&watch, path, inotify::WatchFlags::MODIFY).context("inotify")?;
        let file = File::open(path).with_context(|| path.display().to_string())?;
        Ok(Self {
            file,
            watch,
            pending: Vec::new(),
            lines: Vec::new(),
        })
    }

    /// Waits for the file to be written to, a while at most.
    fn wait(&mut self) -> anyhow::Result<()> {
        poll(&mut [PollFd::new(&self.watch, PollFlags::IN)], Some(&WAIT)).context("poll")?;
        // Only the wake-up is of interest; what is not read would wake again at once.
        let mut events = [0; 4096];
        while rustix::io::read(&self.watch, &mut events).is_ok_and(|length| length > 0) {}
        Ok(())
    }

    /// Takes in what is new and stamps its complete lines with the present time.
    fn read(&mut self) -> anyhow::Result<()> {
        self.file.read_to_end(&mut self.pending)?;
        let now = clock_gettime(ClockId::Monotonic);
        let now_ns = now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs();
        while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
            let line = self.pending.drain(..=end).collect();
            self.lines.push((now_ns, line));
        }
        Ok(())
    }

    fn latencies(&self, netns: u64, port: u16) -> anyhow::Result<Vec<u64>> {
        let mut latencies = Vec::new();
        for (visible_ns, line) in &self.lines {
            let line = Line::parse(line)?;
            if let (true, Some(mono_ns)) = (line.is_of(netns, port), line.mono_ns) {
                latencies.push(visible_ns.saturating_sub(mono_ns));
            }
        }
        if latencies.is_empty() {
            bail!("no transition of the slow run was seen");
        }
        Ok(latencies)
    }
}
