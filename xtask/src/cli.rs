//! The command line of `cargo xtask` and which function serves which task.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;
use crate::{bench, dist, ebpf, itest, lint, test};

/// Development tasks of sockwatch.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build the BPF object from `sockwatch-ebpf` and install it in the package.
    Ebpf {
        /// Build and compare with the committed object; change nothing in the package.
        #[arg(long)]
        check: bool,
        /// Write `sockwatch.bpf.o` to this directory, not to the package.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Run every test there is; the kernel tests need root, else they show as ignored.
    Test {
        /// Passed on to `cargo test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Check format, lints and, where cargo-deny is installed, licences and sources.
    Lint,
    /// Write manual pages and completions of bash, zsh, fish and elvish.
    Dist {
        /// Write to this directory, not to `target/dist`.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Run a test of the built program that takes minutes (root).
    #[command(subcommand)]
    Itest(itest::Test),
    /// Measure sockwatch and its peers under loopback connection churn (root).
    Bench(bench::Options),
    /// The connection generator of `bench`: takes its orders on stdin.
    #[command(hide = true)]
    Churn,
    /// The sockets that `bench --list` lists.
    #[command(hide = true)]
    Crowd {
        /// Connections to hold.
        connections: u64,
    },
}

impl Cli {
    /// Runs the chosen task to its end.
    ///
    /// # Errors
    /// Whatever made the task fail, with the command or file it happened at.
    pub fn run(self) -> anyhow::Result<()> {
        let workspace = Workspace::locate()?;
        match self.task {
            Task::Ebpf { check: true, out } => ebpf::check(&workspace, out),
            Task::Ebpf { check: false, out } => ebpf::install(&workspace, out),
            Task::Test { args } => test::run(&workspace, &args),
            Task::Lint => lint::run(&workspace),
            Task::Dist { out } => dist::run(&workspace, out),
            Task::Itest(test) => itest::run(&workspace, &test),
            Task::Bench(options) => bench::run(&workspace, &options),
            Task::Churn => bench::generate(),
            Task::Crowd { connections } => bench::hold(connections),
        }
    }
}
