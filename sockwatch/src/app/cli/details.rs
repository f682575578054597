//! Options for what `list` shows of a socket behind its columns. A transition has none of it: the live
//! trace takes them, and says so.

use clap::Args;

use crate::{model::holders::Contexts, sink::rows::DetailOptions};

/// The heading of these options.
pub(super) const HEADING: &str = "Details";

/// What to show behind the columns, with the flags of ss.
#[derive(Clone, Copy, Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(in crate::app) struct DetailArgs {
    /// Show who holds the other end of a connection within the namespace, and of unix sockets its
    /// name: peer:("NAME",("COMM",pid=PID,fd=FD),...)
    #[arg(long, help_heading = HEADING)]
    pub loopback_peers: bool,
    /// Show each thread that holds the socket; implies -p
    #[arg(short = 'T', long, help_heading = HEADING)]
    pub threads: bool,
    /// Show the SELinux contexts of processes, too; implies -p
    #[arg(short = 'Z', long, help_heading = HEADING)]
    pub context: bool,
    /// Show the SELinux contexts of processes and sockets, too; implies -p
    #[arg(short = 'z', long, help_heading = HEADING)]
    pub contexts: bool,
    /// Show the timer that runs, if any, and with -i the options that TCP negotiated
    #[arg(short = 'o', long = "options", help_heading = HEADING)]
    pub timers: bool,
    /// Show user, inode, cookie, mark, cgroup and which sides are open; implies -o
    #[arg(short = 'e', long, help_heading = HEADING)]
    pub extended: bool,
    /// Show the memory that the socket takes, and may take
    #[arg(short = 'm', long, help_heading = HEADING)]
    pub memory: bool,
    /// Show the filters of packet sockets: their classic BPF instructions
    #[arg(short = 'b', long, help_heading = "Details")]
    pub bpf: bool,
    /// Show what TCP knows: times, windows, rates, losses, congestion control, upper layers
    #[arg(short = 'i', long, help_heading = HEADING)]
    pub info: bool,
    /// Show type of service, traffic class and class id
    #[arg(long, help_heading = HEADING)]
    pub tos: bool,
    /// Show the cgroup
    #[arg(long, help_heading = HEADING)]
    pub cgroup: bool,
    /// Show options of the socket
    #[arg(long, help_heading = HEADING)]
    pub inet_sockopt: bool,
    #[arg(long, hide = true)]
    pub tipcinfo: bool,
}

impl DetailArgs {
    /// As the output wants it; with all holders if `processes`, each socket on one line if `one_line`,
    /// numbers in full if `numeric`.
    pub(in crate::app) fn options(
        self,
        processes: bool,
        one_line: bool,
        numeric: bool,
    ) -> DetailOptions {
        let contexts = match self {
            Self { contexts: true, .. } => Contexts::Sockets,
            Self { context: true, .. } => Contexts::Processes,
            _ => Contexts::None,
        };
        DetailOptions {
            users: processes || self.threads || contexts != Contexts::None,
            contexts,
            peers: self.loopback_peers,
            timers: self.timers || self.extended,
            extended: self.extended,
            tos: self.tos,
            cgroup: self.cgroup,
            sockopt: self.inet_sockopt,
            bpf: self.bpf,
            memory: self.memory,
            info: self.info,
            one_line,
            numeric,
        }
    }

    /// The flags that were given.
    pub(in crate::app) fn given(self) -> impl Iterator<Item = &'static str> {
        let flags = [
            (self.threads, "-T"),
            (self.context, "-Z"),
            (self.contexts, "-z"),
            (self.loopback_peers, "--loopback-peers"),
            (self.timers, "-o"),
            (self.extended, "-e"),
            (self.memory, "-m"),
            (self.bpf, "-b"),
            (self.info, "-i"),
            (self.tos, "--tos"),
            (self.cgroup, "--cgroup"),
            (self.inet_sockopt, "--inet-sockopt"),
            (self.tipcinfo, "--tipcinfo"),
        ];
        flags
            .into_iter()
            .filter(|(given, _)| *given)
            .map(|(_, flag)| flag)
    }
}
