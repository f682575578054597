//! The command line, checked: what the live trace shall do.

use std::{io::IsTerminal as _, time::Duration};

use super::{
    Failure,
    cli::{ColorArg, LiveArgs},
};
use crate::{
    filter::{Expr, Selection},
    model::{Family, Proto, StateSet, TcpState},
    sink::Target,
    source::{
        diag::netns::{self, Netns},
        ebpf::LoadOptions,
    },
};

/// What the live trace shall do.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(super) struct Config {
    pub selection: Selection,
    /// What of that is shown.
    pub filter: Expr,
    /// The namespace of `-N`.
    pub netns: Option<Netns>,
    pub json: bool,
    pub snapshot: bool,
    pub service_names: bool,
    pub host_names: bool,
    /// Whether the owners of existing sockets are looked for.
    pub scan_owners: bool,
    pub header: bool,
    pub colour: bool,
    pub target: Target,
    pub duration: Option<Duration>,
    pub count: Option<u64>,
    pub latency: Duration,
    pub max_sockets: usize,
    pub load: LoadOptions,
    pub verbose: bool,
}

impl Config {
    /// Checks what clap can't.
    pub(super) fn new(args: LiveArgs) -> Result<Self, Failure> {
        let netns = args.net.as_deref().map(netns::resolve).transpose();
        let netns = netns.map_err(Failure::runtime)?;
        let colour = match args.color {
            ColorArg::Always => true,
            ColorArg::Never => false,
            ColorArg::Auto => args.output.is_none() && wants_colour(),
        };
        Ok(Self {
            selection: selection(&args, netns.as_ref()),
            filter: Expr::EVERYTHING,
            netns,
            json: args.json,
            snapshot: args.snapshot,
            service_names: !args.numeric && !args.json,
            host_names: args.resolve && !args.json,
            scan_owners: args.processes || args.json,
            header: !args.no_header,
            colour,
            target: args.output.map_or(Target::Stdout, Target::File),
            duration: args.duration,
            count: args.count,
            latency: args.latency,
            max_sockets: usize::try_from(args.max_sockets).unwrap_or(usize::MAX),
            load: LoadOptions {
                ring_size: args.ring_size,
                kernel_log: args.verbose,
                hook: args.hook.into(),
                filter: None,
            },
            verbose: args.verbose,
        })
    }
}

/// Whether standard output is a terminal that is to be coloured.
pub(super) fn wants_colour() -> bool {
    let stdout = std::io::stdout();
    stdout.is_terminal() && anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never
}

fn selection(args: &LiveArgs, netns: Option<&Netns>) -> Selection {
    let protos = [
        args.tcp.then_some(Proto::Tcp),
        args.mptcp.then_some(Proto::Mptcp),
    ];
    let families = [
        args.ipv4.then_some(Family::Inet),
        args.ipv6.then_some(Family::Inet6),
    ];
    Selection {
        protos: protos.into_iter().flatten().collect(),
        families: families.into_iter().flatten().collect(),
        states: if args.listening {
            StateSet::of(&[TcpState::Listen])
        } else {
            StateSet::ALL
        },
        on: args.on.into(),
        netns: netns.map(|netns| netns.inode),
    }
}
