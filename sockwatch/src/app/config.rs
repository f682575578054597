//! The command line, checked: what the live trace, or `list`, shall do.

use std::{io, path::PathBuf, time::Duration};

use anyhow::anyhow;

use super::{
    Failure,
    cli::{Chosen, ColorArg, ListArgs, LiveArgs, SharedArgs},
    words,
};
use crate::{
    enrich::selinux,
    filter::{
        Choice, Expr, Matter, Selection, Tables, is_traced, tables::StateOption, traced::TRACED,
    },
    model::{Family, Netid, StateSet, TcpState},
    sink::{Target, rows::DetailOptions},
    source::{
        diag::{
            self,
            netns::{self, Netns},
        },
        ebpf::{LoadOptions, Minis},
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
    /// Whether the kernel's own events are shown where they are merged.
    pub raw_events: bool,
    pub load: LoadOptions,
    pub verbose: bool,
}

impl Config {
    /// Checks what clap can't.
    pub(super) fn new(args: LiveArgs) -> Result<Self, Failure> {
        let shared = &args.shared;
        refuse_later(shared)?;
        refuse_untraced(&shared.select.chosen)?;
        let details: Vec<_> = shared.details.given().collect();
        if !details.is_empty() {
            eprintln!(
                "sockwatch: note: {}: not of a state change; sockwatch list shows them",
                details.join(" ")
            );
        }
        let tables = tables(shared);
        if !tables.netids.iter().any(|&table| is_traced(table)) {
            return Err(Failure::nothing_to_show());
        }
        let netns = open_netns(shared)?;
        let filter = words::read(shared, &tables, netns.as_ref())?;
        let colour = args.output.is_none() && wants_colour(shared.color, &io::stdout());
        let selection = Selection {
            on: args.on.into(),
            netns: netns.as_ref().map(|netns| netns.inode),
            ..selection(&shared.select.chosen, &tables, filter.states)
        };
        Ok(Self {
            filter: filter.expr,
            netns,
            json: shared.json,
            snapshot: args.snapshot,
            service_names: !shared.numeric && !shared.json,
            host_names: shared.resolve && !shared.json,
            scan_owners: args.processes || shared.json,
            header: !shared.no_header,
            colour,
            target: args.output.map_or(Target::Stdout, Target::File),
            duration: args.duration,
            count: args.count,
            latency: args.latency,
            max_sockets: usize::try_from(args.max_sockets).unwrap_or(usize::MAX),
            load: LoadOptions {
                ring_size: args.ring_size,
                kernel_log: shared.verbose,
                hook: args.hook.into(),
                filter: None,
                minis: wanted_minis(selection.matter()),
                minisock: !args.no_minisock,
            },
            raw_events: args.raw_events,
            verbose: shared.verbose,
            selection,
        })
    }
}

/// What has to be told for a selection.
const fn wanted_minis(matter: Matter) -> Minis {
    Minis {
        requests: matter.requests,
        timewaits: matter.timewaits,
        fins: matter.timewaits,
        ports: matter.ports,
        accepts: matter.accepts,
        resets: matter.resets,
    }
}

/// What is done with the sockets that the filter wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// They are shown.
    Show,
    /// They are closed, and those that were are shown: `-K`.
    Kill,
    /// The kernel's messages are stored in this file: `-D`.
    Store(PathBuf),
}

/// What `list` shall do.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(super) struct ListConfig {
    /// With the states of the filter.
    pub tables: Tables,
    /// The expression of the filter.
    pub filter: Expr,
    /// The namespace of `-N`.
    pub netns: Option<Netns>,
    pub json: bool,
    /// `-n`
    pub numeric: bool,
    /// `-r`
    pub host_names: bool,
    pub header: bool,
    /// The columns Recv-Q and Send-Q.
    pub queues: bool,
    /// What is shown behind the columns.
    pub details: DetailOptions,
    /// `-s`
    pub summary: bool,
    /// Whether sockets are listed: not with `-s` alone.
    pub rows: bool,
    /// What is done with the sockets.
    pub deed: Deed,
    /// `-T`
    pub threads: bool,
    pub verbose: bool,
}

impl ListConfig {
    /// Checks what clap can't.
    pub(super) fn new(args: &ListArgs) -> Result<Self, Failure> {
        let shared = &args.shared;
        refuse_later(shared)?;
        if (shared.details.context || shared.details.contexts) && !selinux::is_enabled() {
            return Err(Failure::runtime(anyhow!("SELinux is not enabled")));
        }
        if shared.details.tipcinfo {
            eprintln!("sockwatch: note: --tipcinfo shows nothing: TIPC is not understood");
        }
        let deed = deed(args)?;
        let tables = tables(shared);
        let netns = open_netns(shared)?;
        let filter = words::read(shared, &tables, netns.as_ref())?;
        refuse_unfiltered(&deed, filter.states, &filter.expr)?;
        let tables = deed_tables(&deed, tables.with_states(filter.states))?;
        Ok(Self {
            tables,
            deed,
            filter: filter.expr,
            netns,
            json: shared.json,
            numeric: shared.numeric,
            host_names: shared.resolve,
            header: !shared.no_header,
            queues: !args.no_queues,
            details: shared
                .details
                .options(args.processes, shared.oneline, shared.numeric),
            threads: shared.details.threads,
            summary: args.summary,
            rows: !args.summary || selects(shared),
            verbose: shared.verbose,
        })
    }
}

fn deed(args: &ListArgs) -> Result<Deed, Failure> {
    match &args.diag {
        Some(_) if args.kill => Err(Failure::usage(anyhow!("-K and -D exclude each other"))),
        Some(path) => Ok(Deed::Store(path.clone())),
        None if !args.kill => Ok(Deed::Show),
        None => Ok(Deed::Kill),
    }
}

/// Refuses to close whatever there is for want of a filter: words may be there and say nothing, as those of
/// an empty file or of a variable that is not set.
fn refuse_unfiltered(deed: &Deed, states: Option<StateSet>, expr: &Expr) -> Result<(), Failure> {
    let says_nothing = states.is_none_or(StateSet::is_empty) && *expr == Expr::EVERYTHING;
    if *deed == Deed::Kill && says_nothing {
        return Err(Failure::usage(anyhow!(
            "-K closes every socket that the filter wants, and there is none; `state all` wants all"
        )));
    }
    Ok(())
}

/// The tables whose sockets that can be done with.
fn deed_tables(deed: &Deed, mut tables: Tables) -> Result<Tables, Failure> {
    let (can, what) = match deed {
        Deed::Show => return Ok(tables),
        Deed::Kill => (diag::destroy::can_close as fn(Netid) -> bool, "-K closes"),
        Deed::Store(_) => ((|table| table == Netid::Tcp) as _, "-D stores"),
    };
    let words: Vec<_> = tables.netids.iter().map(|table| table.word()).collect();
    tables.netids.retain(|&table| can(table));
    if tables.netids.is_empty() {
        let others = words.join(" ");
        return Err(Failure::usage(anyhow!(
            "{what} no sockets of these tables: {others}"
        )));
    }
    Ok(tables)
}

/// Whether anything says which sockets are wanted.
fn selects(shared: &SharedArgs) -> bool {
    !(shared.select.chosen.is_empty() && shared.words.is_empty() && shared.filter.is_empty())
}

/// Whether what goes to `stream` is to be coloured.
pub(super) fn wants_colour(color: ColorArg, stream: &impl anstream::stream::RawStream) -> bool {
    match color {
        ColorArg::Always => true,
        ColorArg::Never => false,
        ColorArg::Auto => {
            stream.is_terminal()
                && anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never
        }
    }
}

fn refuse_later(args: &SharedArgs) -> Result<(), Failure> {
    match &args.later.said {
        Some(said) => Err(Failure::usage(anyhow!("{said}"))),
        None => Ok(()),
    }
}

fn tables(args: &SharedArgs) -> Tables {
    let chosen = args.select.chosen.iter();
    let choices: Vec<_> = chosen.map(|chosen| chosen.choice.clone()).collect();
    Tables::of(&choices)
}

fn open_netns(args: &SharedArgs) -> Result<Option<Netns>, Failure> {
    let netns = args.net.as_deref().map(netns::resolve).transpose();
    netns.map_err(Failure::runtime)
}

/// Only sockets whose states change are traced.
fn refuse_untraced(chosen: &[Chosen]) -> Result<(), Failure> {
    match chosen.iter().find(|chosen| !chosen.choice.is_traced()) {
        Some(Chosen { shown, .. }) => Err(Failure::usage(anyhow!(
            "{shown}: not traced live; `sockwatch list {shown}` shows what there is"
        ))),
        None => Ok(()),
    }
}

/// What the options say of the live trace, where every state is shown if nothing names any.
fn selection(chosen: &[Chosen], tables: &Tables, words: Option<StateSet>) -> Selection {
    let named = |kind: fn(&Choice) -> bool| chosen.iter().any(|chosen| kind(&chosen.choice));
    let tables_named = named(|choice| matches!(choice, Choice::Table(_) | Choice::Query(_)));
    let families_named = named(|choice| matches!(choice, Choice::Family(_)));
    let protos = TRACED
        .into_iter()
        .filter(|&proto| Netid::try_from(proto).is_ok_and(|table| tables.netids.contains(&table)));
    let families = Family::ALL.into_iter();
    let families = families.filter(|&family| tables.families.contains(&family.into()));
    let option = chosen.iter().rev().find_map(|chosen| match chosen.choice {
        Choice::States(option) => Some(option),
        _ => None,
    });
    let states = match (words, option) {
        (Some(words), _) if !words.is_empty() => words,
        // Of what is closed there is nothing to tell but how it got there.
        (None, Some(StateOption::Listening)) => StateSet::of(&[TcpState::Listen]),
        // Words that leave no state replace those of the options too, as with `ss`.
        _ => StateSet::ALL,
    };
    Selection {
        protos: protos.filter(|_| tables_named).collect(),
        families: families.filter(|_| families_named).collect(),
        states,
        ..Selection::default()
    }
}

#[cfg(test)]
mod tests;
