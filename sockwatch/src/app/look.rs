//! Looks at minisockets of which nobody tells, and at those of which nothing was told in time: what
//! became of them.
//!
//! On a thread of its own, in rounds, and so seldom that it takes a twentieth of a CPU at most. Which
//! are to be looked at, and when, the table says; where there are more than that allows, they wait.

mod eyes;

use std::time::{Duration, Instant};

use log::debug;

use super::{clock, errand::Errand, pipeline::Pipeline, session::note};
use crate::{
    model::{MonoNs, Nanos, event::Degraded},
    table::{Look, ToLookAt},
};
use eyes::Eyes;

/// Looked at in one round, at most: 30 ms of work, where each costs a microsecond.
const AT_ONCE: usize = 32_768;
/// From one round to the next, at least.
const PAUSE: Duration = Duration::from_millis(10);
/// From the end of a round to the next, at least so many times the CPU time that it took.
const PAUSE_FACTOR: u32 = 19;
/// What is looked at so long after it was due is late; and how many rounds in a row that must
/// happen before it is said.
const LATE: Nanos = Nanos(1_000_000_000);
const LATE_ROUNDS: u32 = 5;

/// What a round showed.
pub(super) struct Looks {
    pub(super) seen: Vec<Look>,
    pub(super) malformed: u64,
    /// What could not be looked at.
    degraded: Vec<Degraded>,
    failed: bool,
    /// CPU time.
    took: Duration,
}

/// The rounds, one at a time.
pub(super) struct Looker {
    rounds: Errand<(Eyes, Looks)>,
    /// What is kept from round to round; `None` while one is under way.
    eyes: Option<Eyes>,
    late_rounds: u32,
}

impl Looker {
    pub(super) fn new() -> Self {
        Self {
            rounds: Errand::new("look"),
            eyes: None,
            late_rounds: 0,
        }
    }

    /// When the next round is to begin; `None` while nothing is to be looked at, or one is running.
    pub(super) fn due(&self, pipeline: &Pipeline) -> Option<Instant> {
        let free_at = self.rounds.free_at()?;
        let due = clock::instant(pipeline.look_due()?).into_std();
        Some(free_at.max(due))
    }

    /// Begins a round.
    pub(super) fn begin(&mut self, pipeline: &Pipeline) {
        let now = clock::mono();
        let wanted: Vec<_> = pipeline.to_look_at(now, AT_ONCE).collect();
        self.note_lateness(&wanted, now);
        let mut eyes = self.eyes.take().unwrap_or_default();
        self.rounds.begin(move || {
            let looks = eyes.look(wanted);
            (eyes, looks)
        });
    }

    fn note_lateness(&mut self, wanted: &[ToLookAt], now: MonoNs) {
        let late = wanted.first().map(|oldest| now.since(oldest.due));
        if late.is_none_or(|late| late < LATE) {
            self.late_rounds = 0;
            return;
        }
        debug!("{} minisockets to look at, late by {late:?}", wanted.len());
        self.late_rounds = self.late_rounds.saturating_add(1);
        if self.late_rounds == LATE_ROUNDS {
            note(&[Degraded {
                what: "looking at minisockets",
                why: "there are too many to look at all of them in time: their changes are shown \
                      more than a second late"
                    .to_owned(),
            }]);
        }
    }

    /// What the round that is running showed; waits for ever if none is. Safe to cancel.
    pub(super) async fn looks(&mut self) -> Option<Looks> {
        let (eyes, looks) = self.rounds.result().await.unzip();
        self.eyes = eyes;
        let took = looks.as_ref().filter(|looks| !looks.failed);
        self.rounds
            .rest(took.map(|looks| looks.took), PAUSE_FACTOR, PAUSE);
        if let Some(looks) = &looks {
            debug!(
                "looked at {} minisockets in {:?}",
                looks.seen.len(),
                looks.took
            );
            note(&looks.degraded);
        }
        looks
    }
}
