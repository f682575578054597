//! The numbers of all rounds, and the table that is printed of them.

use std::fmt;

use super::kernel::ProgramTotals;
use super::round::{Measured, Round, as_f64};

/// Collects measurements; its `Display` is the report.
#[derive(Debug)]
pub(super) struct Report {
    connections: u64,
    rounds: u32,
    untraced: Vec<f64>,
    tools: Vec<Row>,
}

/// What is known of one tracer.
#[derive(Debug, Default)]
struct Row {
    name: &'static str,
    ratios: Vec<f64>,
    expected: u64,
    seen: u64,
    lost: u64,
    recursion_misses: u64,
    tracer_cpu_ns: u64,
    generator_cpu_ns: f64,
    kernel_ns_per_event: Option<f64>,
    kernel_runs_per_event: f64,
    latencies_ns: Vec<u64>,
}

impl Report {
    /// An empty report of runs of this size.
    pub(super) fn new(connections: u64, rounds: u32) -> Self {
        Self {
            connections,
            rounds,
            untraced: Vec::new(),
            tools: Vec::new(),
        }
    }

    /// Adds a round.
    pub(super) fn add(&mut self, round: Round) {
        let untraced = round.untraced;
        self.untraced.push(untraced.rate());
        let untraced_cpu_ns = as_f64(untraced.cpu_ns) / as_f64(untraced.connections.max(1));
        for (name, run) in round.traced {
            let row = self.row(name);
            row.ratios.push(run.done.rate() / untraced.rate());
            row.expected += run.done.events();
            row.seen += run.seen.events;
            row.lost += run.seen.lost;
            row.recursion_misses += run.programs.recursion_misses;
            row.tracer_cpu_ns += run.tracer_cpu_ns;
            row.generator_cpu_ns +=
                as_f64(run.done.cpu_ns) - untraced_cpu_ns * as_f64(run.done.connections);
        }
    }

    /// Adds the run in which the kernel counted the time of the tracer's programs.
    pub(super) fn add_kernel_time(&mut self, name: &'static str, run: &Measured) {
        let events = as_f64(run.done.events().max(1));
        let ProgramTotals {
            run_time_ns, runs, ..
        } = run.programs;
        let row = self.row(name);
        row.kernel_ns_per_event = Some(as_f64(run_time_ns) / events);
        row.kernel_runs_per_event = as_f64(runs) / events;
    }

    /// Adds the latencies of the quiet run.
    pub(super) fn add_latency(&mut self, name: &'static str, mut latencies_ns: Vec<u64>) {
        latencies_ns.sort_unstable();
        self.row(name).latencies_ns = latencies_ns;
    }

    fn row(&mut self, name: &'static str) -> &mut Row {
        let index = self
            .tools
            .iter()
            .position(|row| row.name == name)
            .unwrap_or_else(|| {
                self.tools.push(Row {
                    name,
                    ..Row::default()
                });
                self.tools.len() - 1
            });
        &mut self.tools[index]
    }
}

impl Row {
    fn per_event_us(&self, total_ns: f64) -> f64 {
        total_ns / as_f64(self.expected.max(1)) / 1e3
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (slowest, fastest) = range(&self.untraced);
        writeln!(
            f,
            "loopback churn, {} connections a run, {} rounds; untraced {:.0} connections/s \
             ({slowest:.0}-{fastest:.0}; a wide range means that other work disturbed the run)",
            self.connections,
            self.rounds,
            median(&self.untraced)
        )?;
        writeln!(f, "{HEADER}")?;
        for row in &self.tools {
            writeln!(f, "{row}")?;
        }
        for row in self.tools.iter().filter(|row| !row.latencies_ns.is_empty()) {
            writeln!(
                f,
                "{}: event to line when quiet: p50 {:.2} ms, p99 {:.2} ms ({} lines)",
                row.name,
                as_f64(percentile(&row.latencies_ns, 50)) / 1e6,
                as_f64(percentile(&row.latencies_ns, 99)) / 1e6,
                row.latencies_ns.len()
            )?;
        }
        write!(f, "{LEGEND}")
    }
}

const HEADER: &str = "tool       rate/untraced (min-max)   expected      seen    lost  skipped  \
                      CPU us/event = process + programs (runs)   generator +us/event";

const LEGEND: &str = "\
filtered: sockwatch with `dport = :1`, which matches none of this: what a narrow filter costs
rate/untraced: median over the rounds of the connection rate, divided by the same round's untraced
expected: state changes at the kernel's tracepoint; seen: lines about them; lost: as the tracer says;
skipped: nested runs of its programs that the kernel skipped (recursion_misses)
CPU: the tracer's user and system time, and the run time of its programs (from a run with
kernel.bpf_stats_enabled, which itself costs); generator: what its own CPU time grew by
";

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (min, max) = range(&self.ratios);
        let process_us = self.per_event_us(as_f64(self.tracer_cpu_ns));
        let programs_us = self.kernel_ns_per_event.unwrap_or(f64::NAN) / 1e3;
        write!(
            f,
            "{:10} {:>13.2} ({min:.2}-{max:.2}) {:>10} {:>9} {:>7} {:>8} {:>13.2} = {process_us:.2} + \
             {programs_us:.2} ({:.1}) {:>21.2}",
            self.name,
            median(&self.ratios),
            self.expected,
            self.seen,
            self.lost,
            self.recursion_misses,
            process_us + programs_us,
            self.kernel_runs_per_event,
            self.per_event_us(self.generator_cpu_ns),
        )
    }
}

/// The smallest and the largest value.
fn range(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::INFINITY, 0.0), |(min, max), value| {
            (value.min(min), value.max(max))
        })
}

/// The middle value, the mean of the two middle ones, or NaN of none.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (len, middle) if len % 2 == 1 => sorted[middle],
        (_, middle) => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// The smallest of the sorted `values` that `percent` percent are not above; 0 of none.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn percentiles() {
        let values: Vec<u64> = (1..=200).collect();
        assert_eq!(percentile(&values, 50), 100);
        assert_eq!(percentile(&values, 99), 198);
        assert_eq!(percentile(&[7], 99), 7);
        assert_eq!(percentile(&[], 99), 0);
    }
}
