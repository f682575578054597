//! `sockwatch list`: the sockets that there are, as the filter wants them.
//!
//! The kernel leaves out what it can be told to, the filter decides on the rest, and rows go out as
//! they come. Nothing is remembered; two passes are made only where a row alone does not say enough.

mod facts;
mod kill;
mod output;
mod peers;
mod store;
mod summary;

use anyhow::anyhow;
use rustc_hash::FxHashMap;

use super::{
    Failure,
    config::{Deed, ListConfig},
    log_to_stderr,
    privilege::{Capabilities, Capability},
    session::note,
};
use crate::{
    filter::{Bytecode, bytecode, tables::Tables},
    model::{Family, Netid, Row},
    source::diag::{self, InsideError, ListError, Listed, Query, Shown},
};
use facts::{Facts, More};
use kill::Killer;
use output::Output;
use store::Store;
use summary::SummaryError;

/// Lists.
pub(super) fn run(config: &ListConfig) -> Result<(), Failure> {
    log_to_stderr(config.verbose);
    if config.tables.netids.is_empty() {
        return Err(Failure::nothing_to_show());
    }
    let mut output = Output::new(config)?;
    if config.summary {
        let counts = summary::count(config.netns.as_ref()).map_err(summary_failure)?;
        output.summary(config.netns.as_ref(), &counts);
    }
    if !config.rows {
        return output.finish();
    }
    let needs = config.filter.needs();
    let may_mark = Capabilities::effective().has(Capability::NetAdmin);
    if needs.mark && !may_mark {
        return Err(marks_unseen());
    }
    let programs = programs(config, may_mark);
    let shown = |netid, family| what_to_show(programs.get(&(netid, family)).cloned());
    let query = Query {
        netids: &config.tables.netids,
        families: &config.tables.families,
        states: config.tables.states,
        shown: &shown,
        ask: config.details.ask(needs.tcp_info),
    };
    let mut facts = Facts::gather(config, &query, needs)?;
    let mut doer = Doer::new(&config.deed, output)?;
    let listed = loop {
        let listed = diag::list(config.netns.as_ref(), &query, |row| {
            facts.of(row, |view, more| {
                if config.filter.matches(view) {
                    doer.row(row, more);
                }
            });
        });
        if !doer.walks_again() {
            break listed.map_err(list_failure)?;
        }
    };
    if needs.mark && listed.unmarked {
        return Err(marks_unseen());
    }
    doer.finish()?;
    tell(&listed);
    match unread(&listed, &config.tables) {
        None => Ok(()),
        Some(why) => Err(Failure::runtime(anyhow!(why))),
    }
}

/// What is done with the sockets that the filter wants.
enum Doer {
    Show(Output),
    Kill(Box<Killer>, Output),
    Store(Store),
}

impl Doer {
    fn new(deed: &Deed, output: Output) -> Result<Self, Failure> {
        match deed {
            Deed::Show => Ok(Self::Show(output)),
            Deed::Kill if !Capabilities::effective().has(Capability::NetAdmin) => {
                Err(Failure::unsupported(anyhow!(
                    "not permitted: -K needs CAP_NET_ADMIN; run it as root"
                )))
            }
            Deed::Kill => Ok(Self::Kill(Box::default(), output)),
            Deed::Store(path) => Store::create(path).map(Self::Store),
        }
    }

    fn row(&mut self, row: &Row<'_>, more: More<'_>) {
        match self {
            Self::Show(output) => output.row(row, more),
            Self::Kill(killer, output) => {
                if killer.close(row) {
                    output.row(
                        row,
                        More {
                            killed: true,
                            ..more
                        },
                    );
                }
            }
            Self::Store(store) => store.row(row),
        }
    }

    /// After a walk: whether another is wanted.
    fn walks_again(&mut self) -> bool {
        match self {
            Self::Kill(killer, _) => killer.walks_again(),
            Self::Show(_) | Self::Store(_) => false,
        }
    }

    fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Show(output) => output.finish(),
            Self::Kill(killer, output) => output.finish().and_then(|()| killer.finish()),
            Self::Store(store) => store.finish(),
        }
    }
}

/// That tables which were asked for by name could not be read, or none at all could.
fn unread(listed: &Listed, tables: &Tables) -> Option<String> {
    let Listed { failed, absent, .. } = listed;
    let all = failed.len() + absent.len() == tables.netids.len();
    if failed.is_empty() || !(all || tables.named) {
        return None;
    }
    let words: Vec<_> = failed.iter().map(|table| table.word()).collect();
    Some(format!(
        "sockets of these tables are missing: {}",
        words.join(" ")
    ))
}

/// What the kernel can do of the filter, for each table that has IP addresses.
fn programs(config: &ListConfig, may_mark: bool) -> FxHashMap<(Netid, Family), Bytecode> {
    let inet = config.tables.netids.iter().filter(|netid| netid.is_inet());
    let dumps = inet.flat_map(|&netid| Family::ALL.map(|family| (netid, family)));
    let selected = |&(_, family): &(_, Family)| config.tables.families.contains(&family.into());
    let program = |(netid, family): (Netid, Family)| {
        let program = bytecode::compile(&config.filter, netid, family, may_mark)?;
        log::info!("{} {}: {program}", netid.word(), family.word());
        Some(((netid, family), program))
    };
    dumps.filter(selected).filter_map(program).collect()
}

/// What the kernel is to show where the filter is `program`.
fn what_to_show(program: Option<Bytecode>) -> Shown {
    match program {
        None => Shown::All,
        Some(program) if program.passes_nothing() => Shown::Nothing,
        Some(program) => Shown::Passed(program.bytes),
    }
}

fn marks_unseen() -> Failure {
    Failure::unsupported(anyhow!(
        "not permitted: a filter with fwmark needs CAP_NET_ADMIN; run it as root, or give the \
         program the capability: setcap cap_net_admin+ep FILE"
    ))
}

fn summary_failure(error: SummaryError) -> Failure {
    match error {
        SummaryError::Enter(_, InsideError::NotPermitted)
        | SummaryError::Orphans(ListError::Inside {
            source: InsideError::NotPermitted,
            ..
        }) => Failure::unsupported(error),
        _ => Failure::runtime(error),
    }
}

fn list_failure(error: ListError) -> Failure {
    match error {
        ListError::Inside {
            source: InsideError::NotPermitted,
            ..
        } => Failure::unsupported(error),
        ListError::Inside { .. } => Failure::runtime(error),
    }
}

/// Says what could not be listed, and with `-v` what was in a lesser way.
fn tell(listed: &Listed) {
    note(&listed.degraded);
    for lesser in &listed.lesser {
        log::info!("{}: {}", lesser.what, lesser.why);
    }
    for table in &listed.absent {
        log::info!("the kernel can't list {} sockets", table.word());
    }
    if listed.malformed > 0 {
        log::warn!("{} messages of the kernel made no sense", listed.malformed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::tables::Choice;

    fn missing(choices: &[Choice], failed: &[Netid]) -> Option<String> {
        let listed = Listed {
            failed: failed.to_vec(),
            absent: vec![Netid::Dccp],
            ..Listed::default()
        };
        unread(&listed, &Tables::of(choices))
    }

    #[test]
    fn a_table_asked_for_by_name_may_not_be_missing() {
        let named = [Choice::Table(Netid::Tcp), Choice::Table(Netid::Udp)];
        let why = missing(&named, &[Netid::Tcp]).unwrap();
        assert!(why.ends_with("missing: tcp"), "{why}");
        assert_eq!(missing(&named, &[]), None);
        assert_eq!(missing(&[], &[Netid::Tcp]), None);
    }

    #[test]
    fn all_may_not_be_missing() {
        let mut all = Tables::of(&[]).netids;
        all.retain(|&table| table != Netid::Dccp);
        assert!(missing(&[], &all).is_some());
        assert_eq!(missing(&[], &all[1..]), None);
    }
}
