//! One round: the same churn untraced and under every tracer, in turn.

use std::path::Path;

use super::churn::{Done, EVENTS_PER_CONNECTION};
use super::generator::Generator;
use super::kernel::{self, ProgramTotals};
use super::seen::{self, Seen};
use super::tracer::{Tool, Tracer};

/// A run under a tracer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    /// What the generator did.
    pub(super) done: Done,
    /// User and system time of the tracer for it.
    pub(super) tracer_cpu_ns: u64,
    /// What its programs did; the time only while the kernel counts it.
    pub(super) programs: ProgramTotals,
    /// What it wrote.
    pub(super) seen: Seen,
}

/// The runs of a round.
#[derive(Debug)]
pub(super) struct Round {
    /// Without any tracer.
    pub(super) untraced: Done,
    /// By tracer.
    pub(super) traced: Vec<(&'static str, Measured)>,
}

impl Done {
    /// Connections per second.
    pub(super) fn rate(&self) -> f64 {
        as_f64(self.connections) * 1e9 / as_f64(self.elapsed_ns.max(1))
    }

    /// State changes that the kernel's tracepoint had.
    pub(super) fn events(&self) -> u64 {
        self.connections * EVENTS_PER_CONNECTION
    }
}

/// A count as a number to calculate ratios with.
#[expect(
    clippy::cast_precision_loss,
    reason = "measurements are far below 2^53"
)]
pub(super) fn as_f64(count: u64) -> f64 {
    count as f64
}

/// Runs round number `index`: which run comes first moves on with it.
pub(super) fn run(
    generator: &mut Generator,
    tools: &[Tool],
    index: usize,
    connections: u64,
    dir: &Path,
) -> anyhow::Result<Round> {
    let mut untraced = None;
    let mut traced_runs = Vec::new();
    let runs = tools.len() + 1;
    for turn in 0..runs {
        match (index + turn) % runs {
            0 => untraced = Some(generator.burst(connections)?),
            tool => {
                let tool = &tools[tool - 1];
                traced_runs.push((tool.name(), traced(generator, tool, connections, dir)?));
            }
        }
    }
    let untraced = untraced.ok_or_else(|| anyhow::anyhow!("a round without an untraced run"))?;
    Ok(Round {
        untraced,
        traced: traced_runs,
    })
}

/// One run under `tool`, from its start to its end.
pub(super) fn traced(
    generator: &mut Generator,
    tool: &Tool,
    connections: u64,
    dir: &Path,
) -> anyhow::Result<Measured> {
    let mut tracer = tool.start(generator, dir)?;
    tracer.wait_until_caught_up()?;
    let (cpu_before_ns, before) = (
        kernel::cpu_ns(tracer.pid())?,
        kernel::program_totals(tracer.pid())?,
    );
    let done = generator.burst(connections)?;
    tracer.wait_until_caught_up()?;
    let (cpu_after_ns, after) = (
        kernel::cpu_ns(tracer.pid())?,
        kernel::program_totals(tracer.pid())?,
    );
    let output = tracer.output().to_owned();
    tracer.stop()?;
    let seen = seen::count(tool, &output, generator.netns(), done.port)?;
    Tracer::remove_files(tool, dir)?;
    Ok(Measured {
        done,
        tracer_cpu_ns: cpu_after_ns - cpu_before_ns,
        programs: after.since(before),
        seen,
    })
}
