//! Who holds existing sockets: by the kernel's iterator over open files, or by /proc.
//!
//! Chooses between the two; looks nowhere itself.

use std::fs;

use log::debug;
use rustc_hash::FxHashSet;

use super::privilege::{Capabilities, Capability};
use crate::{
    enrich::owners::{self, OwnersError, Scan, Search},
    explain::one_line,
    model::{Holders, holders::Contexts},
    source::ebpf::task_files,
};

/// What was found, and how.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) holders: Holders,
    /// Processes whose descriptors we may not see.
    unreadable: usize,
    /// Whether [`find`] may see more.
    pub(super) may_be_hidden: bool,
    /// The probe that told, as `start` lists it; `None` where it was /proc.
    pub(super) probe: Option<&'static str>,
}

impl Found {
    /// What was not seen, and the cure, in words for a person.
    pub(super) fn unseen(&self) -> Option<String> {
        (self.unreadable > 0).then(|| {
            format!(
                "processes that do not show their descriptors: {}; CAP_SYS_PTRACE and \
                 CAP_DAC_READ_SEARCH show most",
                self.unreadable
            )
        })
    }
}

impl From<Scan> for Found {
    fn from(scan: Scan) -> Self {
        Self {
            holders: scan.holders,
            unreadable: scan.unreadable,
            may_be_hidden: false,
            probe: None,
        }
    }
}

/// Finds who holds sockets: by the iterator, where it can be used. That it can't is no loss in itself:
/// /proc tells the same. What /proc hides from us, [`Found::unseen`] says.
///
/// # Errors
/// The iterator can't be used, nor can /proc be read.
pub(super) fn find(search: Search<'_>) -> Result<Found, OwnersError> {
    if search.wanted.is_some_and(FxHashSet::is_empty) {
        return Ok(Found::default());
    }
    let told = permitted(search)
        .and_then(|()| task_files::holders(search.wanted).map_err(|error| one_line(&error)));
    match told {
        Ok(holders) => {
            debug!(
                "owners: {} descriptors by {}",
                holders.descriptors(),
                task_files::PROBE
            );
            Ok(Found {
                holders,
                unreadable: 0,
                may_be_hidden: false,
                probe: Some(task_files::PROBE),
            })
        }
        Err(why) => {
            debug!("owners: by /proc; {}: {why}", task_files::PROBE);
            Ok(owners::scan(search)?.into())
        }
    }
}

/// Descriptors for which /proc takes as long as the iterator takes to be loaded, and more: see
/// *Owners* in `docs/architecture.md`.
const FEW: usize = 10_000;

/// Finds the same, by /proc where that is quicker. What it hides then the iterator may tell:
/// [`Found::may_be_hidden`].
///
/// # Errors
/// As [`find`].
pub(super) fn find_quickly(search: Search<'_>) -> Result<Found, OwnersError> {
    let may_see_all = Capabilities::effective().has(Capability::SysPtrace);
    if may_see_all && permitted(search).is_ok() && open_files().is_some_and(|files| files <= FEW) {
        let scan = owners::scan(Search {
            limit: Some(FEW),
            ..search
        })?;
        if !scan.broken_off {
            debug!(
                "owners: {} descriptors by /proc; there are few",
                scan.holders.descriptors()
            );
            return Ok(Found {
                may_be_hidden: scan.unreadable > 0,
                ..scan.into()
            });
        }
    }
    find(search)
}

/// Whether there are so many descriptors that to search them takes long.
pub(super) fn are_many() -> bool {
    open_files().is_none_or(|files| files > FEW)
}

/// Open files of the whole machine, each once, however many descriptors it has.
fn open_files() -> Option<usize> {
    let counts = fs::read_to_string("/proc/sys/fs/file-nr").ok()?;
    counts.split_ascii_whitespace().next()?.parse().ok()
}

/// Whether the iterator can be tried; why not.
fn permitted(search: Search<'_>) -> Result<(), String> {
    if search.threads || search.contexts != Contexts::None {
        return Err("tells neither threads nor security contexts".to_owned());
    }
    // Asked first: trying takes some 20 ms, even where the kernel refuses.
    let missing = Capabilities::effective().missing_for_tracing();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = missing.into_iter().map(Capability::name).collect();
    Err(format!("needs {}", names.join(" and ")))
}
