//! `cargo xtask bench`: what tracing costs and loses under loopback connection churn.
//!
//! Each round runs the same churn untraced and under every tracer in turn, in an order that rotates;
//! a tracer's rate is compared with the untraced one of its own round. One more round per tracer has
//! the kernel count the time of its programs, which costs by itself and so is kept apart; a last one
//! measures how long an event takes to the output file while little happens. The traffic stays on
//! the loopback of a network namespace that is made for it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;

use crate::command;
use crate::test;
use crate::workspace::Workspace;

mod churn;
mod crowd;
mod generator;
mod kernel;
mod latency;
mod list;
mod report;
mod round;
mod seen;
mod tracer;

pub use churn::generate;
pub use crowd::hold;
use generator::Generator;
use kernel::BpfStats;
use report::Report;
use tracer::Tool;

/// The command line of the task.
#[derive(Debug, Args)]
pub struct Options {
    /// How often each tracer is measured.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Connections of one run; the default takes about three seconds untraced.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=2_000_000))]
    connections: u64,
    /// Measure `sockwatch list` beside ss instead.
    #[arg(long, conflicts_with = "micro")]
    list: bool,
    /// Sockets to list.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(2..=1_000_000))]
    sockets: u64,
    /// Run the criterion benchmarks instead.
    #[arg(long)]
    micro: bool,
    /// One tiny round, only to see that it works.
    #[arg(long)]
    smoke: bool,
}

/// The sizes of one measurement.
#[derive(Clone, Copy, Debug)]
struct Plan {
    rounds: u32,
    connections: u64,
    quiet_connections: u64,
    quiet_gap_us: u64,
}

impl Options {
    fn plan(&self) -> Plan {
        if self.smoke {
            Plan {
                rounds: 1,
                connections: 500,
                quiet_connections: 20,
                quiet_gap_us: 10_000,
            }
        } else {
            Plan {
                rounds: self.rounds,
                connections: self.connections,
                quiet_connections: 200,
                quiet_gap_us: 10_000,
            }
        }
    }
}

/// Measures and prints the table.
///
/// # Errors
/// When not root, when sockwatch can't be built, or when a tracer or the generator fails or misses a
/// deadline.
pub fn run(workspace: &Workspace, options: &Options) -> anyhow::Result<()> {
    if options.micro {
        return command::run(command::cargo().current_dir(workspace.root()).args([
            "bench",
            "--package",
            "sockwatch",
        ]));
    }
    if !rustix::process::geteuid().is_root() {
        bail!("the benchmark attaches kernel programs and makes a network namespace: run as root");
    }
    let sockwatch = test::sockwatch(workspace)?;
    if options.list {
        let sockets = if options.smoke { 100 } else { options.sockets };
        return list::run(&sockwatch, sockets, options.plan().rounds);
    }
    let dir = workspace.target().join("bench");
    fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
    let tools = tools(sockwatch);
    let mut generator = Generator::start()?;
    let plan = options.plan();
    let mut report = Report::new(plan.connections, plan.rounds);
    measure(&mut generator, &tools, plan, &dir, &mut report)?;
    print!("{report}");
    Ok(())
}

fn measure(
    generator: &mut Generator,
    tools: &[Tool],
    plan: Plan,
    dir: &std::path::Path,
    report: &mut Report,
) -> anyhow::Result<()> {
    // Unmeasured: page faults, the first slabs, the CPU's clock.
    generator.burst(plan.connections / 10 + 1)?;
    for index in 0..plan.rounds {
        eprintln!("round {} of {}", index + 1, plan.rounds);
        let round = round::run(generator, tools, index as usize, plan.connections, dir)?;
        report.add(round);
    }
    for tool in tools {
        eprintln!("{}: kernel time of its programs", tool.name());
        let stats = BpfStats::enable()?;
        let measured = round::traced(generator, tool, plan.connections / 4 + 1, dir)?;
        drop(stats);
        report.add_kernel_time(tool.name(), &measured);
    }
    for tool in tools.iter().filter(|tool| tool.tells_event_time()) {
        eprintln!("{}: latency when quiet", tool.name());
        let latencies = latency::measure(generator, tool, plan, dir)?;
        report.add_latency(tool.name(), latencies);
    }
    Ok(())
}

/// sockwatch, and those peers that are installed.
fn tools(sockwatch: PathBuf) -> Vec<Tool> {
    let mut tools = vec![
        Tool::Sockwatch(sockwatch.clone()),
        Tool::Filtered(sockwatch),
    ];
    for (program, package, tool) in [
        (
            "tcpstates",
            "libbpf-tools",
            Tool::Tcpstates as fn(PathBuf) -> Tool,
        ),
        ("bpftrace", "bpftrace", Tool::Bpftrace),
    ] {
        match command::find(program) {
            Some(path) => tools.push(tool(path)),
            None => eprintln!("skipped {program}: not installed (package {package})"),
        }
    }
    tools
}
