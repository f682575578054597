//! Asks sock_diag for the ports of connections that wait for an answer to their SYN, so that a
//! filter that names the port need not wait for it too.
//!
//! Dumps `syn-sent` on a thread of its own, only while a transition is held for its port, and so
//! seldom that it takes a twentieth of a CPU at most: a dump walks the kernel's whole hash table.

use std::time::{Duration, Instant};

use log::debug;
use rustc_hash::FxHashSet;

use super::{
    clock,
    errand::Errand,
    pipeline::{PendingSockets, Pipeline},
};
use crate::{
    model::{MonoNs, Proto, StateSet, TcpState},
    source::diag::{
        self, Netns, NetnsError, SeedSocket,
        netns::{all, own},
    },
};

/// How long a transition waits before its port is asked for: most are answered by then.
const PATIENCE: Duration = Duration::from_millis(10);
/// From one dump to the next, at least.
const PAUSE: Duration = Duration::from_millis(50);
/// From the end of a dump to the next, at least so many times what it took.
const PAUSE_FACTOR: u32 = 20;

/// What a dump showed.
pub(super) struct Answer {
    pub(super) sockets: Vec<SeedSocket>,
    pub(super) malformed: u64,
    /// When it began.
    pub(super) begun: MonoNs,
    took: Duration,
}

/// The dumps, one at a time.
pub(super) struct LookUp(Errand<Option<Answer>>);

impl LookUp {
    pub(super) fn new() -> Self {
        Self(Errand::new("lookup"))
    }

    /// When the next dump is to begin; `None` while nothing waits for one, or one is running.
    pub(super) fn due(&self, pipeline: &Pipeline) -> Option<Instant> {
        let free_at = self.0.free_at()?;
        let waited = clock::mono().since(pipeline.pending_since()?);
        let patience = PATIENCE.saturating_sub(Duration::from_nanos(waited.0));
        Some(free_at.max(Instant::now() + patience))
    }

    /// Begins a dump.
    pub(super) fn begin(&mut self, sockets: PendingSockets) {
        self.0.begin(move || look_up(&sockets));
    }

    /// The answer to the dump that is running; waits for ever if none is. Safe to cancel.
    pub(super) async fn answer(&mut self) -> Option<Answer> {
        let answer = self.0.result().await.flatten();
        let took = answer.as_ref().map(|answer| answer.took);
        self.0.rest(took, PAUSE_FACTOR, PAUSE);
        answer
    }
}

fn look_up(sockets: &PendingSockets) -> Option<Answer> {
    let start = Instant::now();
    let namespaces = namespaces(&sockets.netns)
        .map_err(|error| debug!("cannot look up ports: {error}"))
        .ok()?;
    let begun = clock::mono();
    let seed = diag::dump(
        &namespaces,
        &diag::Selection {
            protos: vec![Proto::Tcp],
            families: sockets.families.clone(),
            states: StateSet::of(&[TcpState::SynSent]),
        },
    );
    for degraded in &seed.degraded {
        debug!("looking up ports: {}: {}", degraded.what, degraded.why);
    }
    Some(Answer {
        sockets: seed.sockets,
        malformed: seed.malformed,
        begun,
        took: start.elapsed(),
    })
}

/// The namespaces with these inode numbers. All processes are asked only if ours is not enough.
pub(super) fn namespaces(wanted: &FxHashSet<u32>) -> Result<Vec<Netns>, NetnsError> {
    let own = own()?;
    if wanted.len() == 1 && wanted.contains(&own.inode) {
        return Ok(vec![own]);
    }
    let mut found = all()?.namespaces;
    found.retain(|netns| wanted.contains(&netns.inode));
    Ok(found)
}
