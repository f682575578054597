//! Who holds existing sockets: by the kernel's iterator over open files, or else by /proc.
//!
//! Chooses between the two; looks nowhere itself.

use log::debug;
use rustc_hash::FxHashSet;

use super::privilege::{Capabilities, Capability};
use crate::{
    enrich::owners::{self, Holders, Owners, OwnersError},
    explain::one_line,
    model::Owner,
    source::ebpf::task_files,
};

/// What was found, and how.
pub(super) struct Found {
    pub(super) owners: Owners,
    /// The probe that told, as `start` lists it; `None` where it was /proc.
    pub(super) probe: Option<&'static str>,
}

/// Finds who holds the sockets with these inode numbers.
///
/// That the iterator can't be used is no loss in itself: /proc tells the same. What /proc hides from
/// us, [`Owners::unseen`] says.
///
/// # Errors
/// The iterator can't be used, nor can /proc be read.
pub(super) fn find(wanted: &FxHashSet<u64>, holders: Holders) -> Result<Found, OwnersError> {
    if wanted.is_empty() {
        return Ok(Found {
            owners: Owners::default(),
            probe: None,
        });
    }
    match iterate(wanted) {
        Ok(told) => {
            debug!("owners: {} holders by {}", told.len(), task_files::PROBE);
            Ok(Found {
                owners: Owners::of(told, holders),
                probe: Some(task_files::PROBE),
            })
        }
        Err(why) => {
            debug!("owners: by /proc; {}: {why}", task_files::PROBE);
            Ok(Found {
                owners: owners::scan(wanted, holders)?,
                probe: None,
            })
        }
    }
}

/// Every holder; or why the iterator can't tell.
fn iterate(wanted: &FxHashSet<u64>) -> Result<Vec<(u64, Owner)>, String> {
    // Asked first: trying takes some 20 ms, even where the kernel refuses.
    let missing = Capabilities::effective().missing_for_tracing();
    if !missing.is_empty() {
        let names: Vec<_> = missing.into_iter().map(Capability::name).collect();
        return Err(format!("needs {}", names.join(" and ")));
    }
    task_files::holders(wanted).map_err(|error| one_line(&error))
}
