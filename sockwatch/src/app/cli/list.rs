//! Options of `list`.

use std::path::PathBuf;

use clap::Args;

use super::shared::SharedArgs;

/// Options of `list`, with those of ss.
#[derive(Debug, Args)]
#[command(args_override_self = true)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(in crate::app) struct ListArgs {
    #[command(flatten)]
    pub shared: SharedArgs,
    /// Leave out the columns Recv-Q and Send-Q
    #[arg(short = 'Q', long, help_heading = "Output")]
    pub no_queues: bool,
    /// Show who holds the socket: every descriptor of every process
    #[arg(short, long, help_heading = "Details")]
    pub processes: bool,
    /// Close the sockets that the filter wants, and show which were closed
    #[arg(short = 'K', long)]
    pub kill: bool,
    /// Store the kernel's messages of TCP sockets in FILE, `-` for standard output, and show none: ss
    /// reads it with TCPDIAG_FILE
    #[arg(short = 'D', long, value_name = "FILE")]
    pub diag: Option<PathBuf>,
    /// How many sockets there are; the sockets themselves only with options or words that select some
    #[arg(short, long)]
    pub summary: bool,
}
