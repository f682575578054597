//! What the kernel counts: CPU time of a process, run time of its BPF programs.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, anyhow};

const BPF_STATS: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// `kernel.bpf_stats_enabled` switched on; dropping it restores the value from before.
pub(super) struct BpfStats {
    before: String,
}

impl BpfStats {
    /// Switches it on.
    pub(super) fn enable() -> anyhow::Result<Self> {
        let before = fs::read_to_string(BPF_STATS).context(BPF_STATS)?;
        fs::write(BPF_STATS, "1").context(BPF_STATS)?;
        Ok(Self { before })
    }
}

impl Drop for BpfStats {
    fn drop(&mut self) {
        if let Err(error) = fs::write(BPF_STATS, &self.before) {
            eprintln!(
                "{BPF_STATS}: not restored to {}: {error}",
                self.before.trim()
            );
        }
    }
}

/// User and system time that a process and its threads, those that ended too, have used.
///
/// From `utime` and `stime` of `/proc/PID/stat`: their sum is the scheduler's exact count, cut to
/// ticks.
pub(super) fn cpu_ns(pid: u32) -> anyhow::Result<u64> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| path.clone())?;
    let ticks = cpu_ticks(&stat).ok_or_else(|| anyhow!("{path}: unknown form"))?;
    Ok(ticks * (1_000_000_000 / rustix::param::clock_ticks_per_second()))
}

/// `utime` plus `stime`: fields 14 and 15, counted behind the name, which may contain anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// What the BPF programs that a process holds have done since they were loaded.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct ProgramTotals {
    /// Time in the programs while `bpf_stats_enabled` was on.
    pub(super) run_time_ns: u64,
    /// Runs in that time.
    pub(super) runs: u64,
    /// Runs that were skipped because the program was interrupted by its own event. Always counted.
    pub(super) recursion_misses: u64,
}

impl ProgramTotals {
    /// What was added since `before`.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            run_time_ns: self.run_time_ns - before.run_time_ns,
            runs: self.runs - before.runs,
            recursion_misses: self.recursion_misses - before.recursion_misses,
        }
    }
}

/// Sums over the programs among the file descriptors of `pid`, each counted once.
pub(super) fn program_totals(pid: u32) -> anyhow::Result<ProgramTotals> {
    let dir = format!("/proc/{pid}/fdinfo");
    let mut programs = BTreeMap::new();
    for entry in fs::read_dir(&dir).with_context(|| dir.clone())? {
        // A descriptor may be closed between listing and reading: not a program then.
        let Ok(info) = fs::read_to_string(entry.with_context(|| dir.clone())?.path()) else {
            continue;
        };
        if let Some((id, totals)) = program(&info) {
            programs.insert(id, totals);
        }
    }
    Ok(programs
        .into_values()
        .fold(ProgramTotals::default(), |sum, one| ProgramTotals {
            run_time_ns: sum.run_time_ns + one.run_time_ns,
            runs: sum.runs + one.runs,
            recursion_misses: sum.recursion_misses + one.recursion_misses,
        }))
}

/// The program's id and counters, if this descriptor is a BPF program.
fn program(info: &str) -> Option<(u64, ProgramTotals)> {
    let field = |name: &str| -> Option<u64> {
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line?.trim().parse().ok()
    };
    let totals = ProgramTotals {
        run_time_ns: field("run_time_ns")?,
        runs: field("run_cnt")?,
        recursion_misses: field("recursion_misses").unwrap_or(0),
    };
    Some((field("prog_id")?, totals))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_ticks_are_found_behind_any_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 100 0 0 0 120 34 0 0 20 0 1 0 5 6 7";
        assert_eq!(cpu_ticks(stat), Some(154));
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
    }

    #[test]
    fn programs_are_told_from_other_descriptors() {
        let info = "pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t2069\nprog_type:\t26\nprog_jited:\t1\n\
                    prog_tag:\t33db68a1edf1a45f\nmemlock:\t4096\nprog_id:\t23\nrun_time_ns:\t900\n\
                    run_cnt:\t10\nrecursion_misses:\t2\nverified_insns:\t300\n";
        let totals = ProgramTotals {
            run_time_ns: 900,
            runs: 10,
            recursion_misses: 2,
        };
        assert_eq!(program(info), Some((23, totals)));
        assert_eq!(
            program("pos:\t0\nlink_type:\ttracing\nprog_id:\t23\n"),
            None
        );
    }
}
