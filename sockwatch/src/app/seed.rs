//! The sockets that exist already: dumped on a thread of its own while the stream is running.

use std::{io, thread};

use rustc_hash::FxHashSet;
use tokio::sync::oneshot;

use super::{
    clock,
    owners::{self, Found},
};
use crate::{
    enrich::owners::Search,
    explain::one_line,
    model::{MonoNs, Owner, event::Degraded},
    source::diag::{
        self, SeedSocket,
        netns::{self, Netns},
    },
};

/// What the dump showed.
pub(super) struct Seeded {
    pub sockets: Vec<(SeedSocket, Option<Owner>)>,
    pub malformed: u64,
    pub degraded: Vec<Degraded>,
    /// What told of the owners, if it was a probe.
    pub probe: Option<&'static str>,
    /// When the last dump had ended.
    pub at: MonoNs,
}

/// Begins the dump of `only` this namespace, or of all.
///
/// # Errors
/// When the thread can't be started.
pub(super) fn begin(
    only: Option<Netns>,
    scan_owners: bool,
) -> io::Result<oneshot::Receiver<Seeded>> {
    let (send, receive) = oneshot::channel();
    thread::Builder::new()
        .name("seed".to_owned())
        .spawn(move || {
            // The receiver is gone when the trace has ended meanwhile.
            let _unheard = send.send(seed(only, scan_owners));
        })?;
    Ok(receive)
}

fn seed(only: Option<Netns>, scan_owners: bool) -> Seeded {
    let mut degraded = Vec::new();
    let namespaces = match only {
        Some(netns) => vec![netns],
        None => match netns::all() {
            Ok(found) => {
                degraded.extend(found.degraded);
                found.namespaces
            }
            Err(error) => {
                degraded.push(Degraded {
                    what: "network namespaces",
                    why: error.to_string(),
                });
                Vec::new()
            }
        },
    };
    let dump = diag::dump(&namespaces, &diag::Selection::default());
    let at = clock::mono();
    degraded.extend(dump.degraded);
    let found = if scan_owners {
        find_owners(&dump.sockets, &mut degraded)
    } else {
        Found::default()
    };
    let owner = |socket: &SeedSocket| found.holders.users(socket.info.inode?).owner();
    let sockets = dump
        .sockets
        .into_iter()
        .map(|socket| (socket, owner(&socket)))
        .collect();
    Seeded {
        sockets,
        malformed: dump.malformed,
        degraded,
        probe: found.probe,
        at,
    }
}

fn find_owners(sockets: &[SeedSocket], degraded: &mut Vec<Degraded>) -> Found {
    let inodes = sockets.iter().filter_map(|socket| socket.info.inode);
    let wanted: FxHashSet<u64> = inodes.filter(|&inode| inode != 0).collect();
    let what = "owners of existing sockets";
    let search = Search {
        wanted: Some(&wanted),
        owner_only: true,
        ..Search::default()
    };
    match owners::find(search) {
        Ok(found) => {
            let unseen = found.unseen();
            degraded.extend(unseen.map(|why| Degraded { what, why }));
            found
        }
        Err(error) => {
            degraded.push(Degraded {
                what,
                why: one_line(&error),
            });
            Found::default()
        }
    }
}
