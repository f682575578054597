//! The traced programs: how each is started, known to be ready, known to have caught up, and ended.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::generator::Generator;
use super::kernel;
use super::seen;

/// How long a tracer may take to start, to catch up, and to end.
const DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
/// A tracer that used less than a tick of CPU for this long has nothing left to read; above every
/// peer's poll interval of 100 ms.
const QUIET: Duration = Duration::from_millis(400);
/// Connections of one probe: enough events to fill the peers' output buffers.
const PROBE: u64 = 32;

/// What sockwatch prints, with the means that its peers offer.
const BPFTRACE_PROGRAM: &str = "tracepoint:sock:inet_sock_set_state { \
     printf(\"%llu %d %d %d %d\\n\", nsecs, args->sport, args->dport, args->oldstate, args->newstate); }";

/// A filter that the kernel programs can apply, for a port that the generator never uses.
const NARROW_FILTER: [&str; 3] = ["dport", "=", ":1"];

/// A program that traces TCP states, at a path.
#[derive(Clone, Debug)]
pub(super) enum Tool {
    /// This workspace's program.
    Sockwatch(PathBuf),
    /// The same with a filter that matches nothing of the traffic.
    Filtered(PathBuf),
    /// libbpf-tools' tcpstates.
    Tcpstates(PathBuf),
    /// bpftrace with one printf per event.
    Bpftrace(PathBuf),
}

impl Tool {
    /// The name in the report.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Sockwatch(_) => "sockwatch",
            Self::Filtered(_) => "filtered",
            Self::Tcpstates(_) => "tcpstates",
            Self::Bpftrace(_) => "bpftrace",
        }
    }

    /// Whether its lines tell when the event happened, and are written as events come.
    pub(super) fn tells_event_time(&self) -> bool {
        matches!(self, Self::Sockwatch(_))
    }

    /// Starts it with its output in a file of `dir` and waits until it traces.
    pub(super) fn start(&self, generator: &mut Generator, dir: &Path) -> anyhow::Result<Tracer> {
        let output = dir.join(format!("{}.out", self.name()));
        let errors = dir.join(format!("{}.err", self.name()));
        let create = |path: &Path| File::create(path).with_context(|| path.display().to_string());
        let (stdout, stderr) = (create(&output)?, create(&errors)?);
        let mut command = match self {
            Self::Sockwatch(path) => {
                let mut command = Command::new(path);
                command.arg("--json").arg("--output").arg(&output);
                command
            }
            Self::Filtered(path) => {
                let mut command = Command::new(path);
                command.arg("--json").arg("--output").arg(&output);
                command.args(NARROW_FILTER);
                command
            }
            Self::Tcpstates(path) => Command::new(path),
            Self::Bpftrace(path) => {
                let mut command = Command::new(path);
                command
                    .arg("-o")
                    .arg(&output)
                    .args(["-e", BPFTRACE_PROGRAM]);
                command
            }
        };
        let stdout = match self {
            Self::Tcpstates(_) => Stdio::from(stdout),
            Self::Sockwatch(_) | Self::Filtered(_) | Self::Bpftrace(_) => Stdio::null(),
        };
        let child = command
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .with_context(|| self.name())?;
        let mut tracer = Tracer {
            child,
            tool: self.clone(),
            output,
            errors,
        };
        tracer.wait_until_ready(generator)?;
        Ok(tracer)
    }
}

/// A running tracer; dropping it before [`Tracer::stop`] kills it.
pub(super) struct Tracer {
    child: Child,
    tool: Tool,
    output: PathBuf,
    errors: PathBuf,
}

impl Tracer {
    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The file with its output.
    pub(super) fn output(&self) -> &Path {
        &self.output
    }

    fn wait_until_ready(&mut self, generator: &mut Generator) -> anyhow::Result<()> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let ready = match self.tool {
                Tool::Sockwatch(_) | Tool::Filtered(_) => seen::has_start(&self.output)?,
                Tool::Tcpstates(_) | Tool::Bpftrace(_) => {
                    let port = generator.burst(PROBE)?.port;
                    seen::count(&self.tool, &self.output, generator.netns(), port)?.events > 0
                }
            };
            if ready {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failure(status));
            }
            if Instant::now() > deadline {
                bail!("{}: not ready after {DEADLINE:?}", self.tool.name());
            }
            thread::sleep(POLL);
        }
    }

    /// Waits until it has read and written what happened so far: until its CPU time stands still.
    pub(super) fn wait_until_caught_up(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + DEADLINE;
        let mut used_ns = kernel::cpu_ns(self.pid())?;
        let mut since = Instant::now();
        while since.elapsed() < QUIET {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failure(status));
            }
            if Instant::now() > deadline {
                bail!("{}: still busy after {DEADLINE:?}", self.tool.name());
            }
            thread::sleep(POLL);
            let now_ns = kernel::cpu_ns(self.pid())?;
            if now_ns != used_ns {
                (used_ns, since) = (now_ns, Instant::now());
            }
        }
        Ok(())
    }

    /// Asks it to end, as a user would, and waits until it has.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        let signal = match self.tool {
            Tool::Sockwatch(_) | Tool::Filtered(_) => Signal::TERM,
            Tool::Tcpstates(_) | Tool::Bpftrace(_) => Signal::INT,
        };
        let pid = i32::try_from(self.pid())
            .ok()
            .and_then(Pid::from_raw)
            .context("pid")?;
        kill_process(pid, signal).with_context(|| self.tool.name())?;
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return if status.success() {
                    Ok(())
                } else {
                    Err(self.failure(status))
                };
            }
            thread::sleep(POLL);
        }
        bail!(
            "{}: still there {DEADLINE:?} after {signal:?}",
            self.tool.name()
        );
    }

    fn failure(&self, status: ExitStatus) -> anyhow::Error {
        let said = fs::read_to_string(&self.errors).unwrap_or_default();
        anyhow!("{} ended ({status}): {}", self.tool.name(), said.trim())
    }

    /// Removes its files: a run's output is hundreds of megabytes.
    pub(super) fn remove_files(tool: &Tool, dir: &Path) -> io::Result<()> {
        fs::remove_file(dir.join(format!("{}.out", tool.name())))?;
        fs::remove_file(dir.join(format!("{}.err", tool.name())))
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // Does nothing to a process that has ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
