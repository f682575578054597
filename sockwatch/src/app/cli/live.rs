//! Options of the live trace.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use super::{
    shared::SharedArgs,
    values::{count, duration, ring_size},
};
use crate::{filter, source::ebpf};

/// Options of the live trace, with those of ss.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(in crate::app) struct LiveArgs {
    #[command(flatten)]
    pub shared: SharedArgs,
    /// Which side of a transition has to be in the selected states
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "both",
        help_heading = "Selection"
    )]
    pub on: OnArg,

    /// First print the matching sockets that exist already
    #[arg(long, help_heading = "Output")]
    pub snapshot: bool,
    /// Find the owners of sockets that exist already, too (--json always does)
    #[arg(short, long, help_heading = "Output")]
    pub processes: bool,
    /// Show the kernel's own events, too, where several make one change, or none
    #[arg(long = "raw", help_heading = "Output")]
    pub raw_events: bool,
    /// Write to FILE instead of standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Stop after this long: 5, 1.5s, 500ms, 2m, 1h
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Run")]
    pub duration: Option<Duration>,
    /// Stop after N transitions
    #[arg(long, value_name = "N", value_parser = count, help_heading = "Run")]
    pub count: Option<u64>,
    /// How long a transition may wait before it is printed
    #[arg(long, value_name = "TIME", default_value = "5ms", value_parser = duration,
          help_heading = "Run")]
    pub latency: Duration,
    /// Room for transitions between the kernel and us: bytes, a power of two, K and M allowed
    #[arg(long, value_name = "BYTES", default_value = "16M", value_parser = ring_size,
          help_heading = "Run")]
    pub ring_size: u32,
    /// Most sockets to remember; beyond that old ones are forgotten, and counted
    #[arg(long, value_name = "N", default_value = "1048576", value_parser = count,
          help_heading = "Run")]
    pub max_sockets: u64,
    /// Leave half-open connections and TIME-WAIT to be inferred: attach no timer probes
    #[arg(long, help_heading = "Run")]
    pub no_minisock: bool,
    /// How to hook into the kernel
    #[arg(
        long,
        value_name = "HOOK",
        default_value = "auto",
        help_heading = "Run"
    )]
    pub hook: HookArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::app) enum OnArg {
    /// The state entered
    Enter,
    /// The state left
    Leave,
    /// Either
    Both,
}

impl From<OnArg> for filter::On {
    fn from(arg: OnArg) -> Self {
        match arg {
            OnArg::Enter => Self::Enter,
            OnArg::Leave => Self::Leave,
            OnArg::Both => Self::Both,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(in crate::app) enum HookArg {
    /// The best that loads
    Auto,
    /// The typed tracepoint (BTF)
    TpBtf,
    /// The classic tracepoint (tracefs)
    Tracepoint,
}

impl From<HookArg> for Option<ebpf::Hook> {
    fn from(arg: HookArg) -> Self {
        match arg {
            HookArg::Auto => None,
            HookArg::TpBtf => Some(ebpf::Hook::TpBtf),
            HookArg::Tracepoint => Some(ebpf::Hook::Tracepoint),
        }
    }
}
