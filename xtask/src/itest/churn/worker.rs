//! A thread of the churn: begins stories at random, and does each step of each when it is due.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::dice::Dice;
use super::half_open::Nobodies;
use super::sockets::Inbox;
use super::stories::{self, Story};
use crate::itest::site::Site;

/// Stories that one thread begins in a second, about.
const STORIES_PER_SECOND: u32 = 100;

/// Steps that may be waiting; above that no story begins.
const WAITING: usize = 1_000;

/// The longest time without a look at whether it is over.
const NAP: Duration = Duration::from_millis(20);

type Step = Box<dyn FnOnce(&mut Worker) -> Result<()> + Send>;

/// How often each story was begun, and how often it could not be told to its end.
#[derive(Debug, Default)]
pub(in crate::itest) struct Tally {
    stories: BTreeMap<&'static str, (u64, u64)>,
    last_failure: BTreeMap<&'static str, String>,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        for (name, (begun, failed)) in other.stories {
            let sum = self.stories.entry(name).or_default();
            *sum = (sum.0 + begun, sum.1 + failed);
        }
        self.last_failure.extend(other.last_failure);
    }

    /// The stories that never once went as told, each with what was in the way last.
    pub(in crate::itest) fn never_told(&self) -> impl Iterator<Item = String> {
        let never = stories::names().filter(|name| {
            let (begun, failed) = self.stories.get(name).copied().unwrap_or_default();
            begun == failed
        });
        never.map(|name| {
            let why = self.last_failure.get(name).map_or("never begun", |it| it);
            format!("{name}: {why}")
        })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, (begun, failed)) in &self.stories {
            write!(f, "  {name:<28} {begun:>7} begun {failed:>6} given up")?;
            match self.last_failure.get(name) {
                Some(why) => writeln!(f, ", the last one: {why}")?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}

/// The thread's state.
pub(super) struct Worker {
    pub(super) site: Arc<Site>,
    pub(super) dice: Dice,
    pub(super) inbox: Inbox,
    pub(super) nobodies: Nobodies,
    /// Which thread this is; ports that are chosen by hand differ by it.
    pub(super) number: u64,
    /// Whether one of its stories has answers get lost.
    pub(super) losing: bool,
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    steps: HashMap<u64, (&'static str, Step)>,
    next_step: u64,
    /// The story that is being told.
    story: &'static str,
    tally: Tally,
}

impl Worker {
    pub(super) fn new(site: Arc<Site>, number: u64, seed: u64) -> Result<Self> {
        Ok(Self {
            inbox: Inbox::open(&site, number)?,
            nobodies: Nobodies::open(&site)?,
            site,
            dice: Dice::new(seed.wrapping_add(number << 32)),
            number,
            losing: false,
            due: BinaryHeap::new(),
            steps: HashMap::new(),
            next_step: 0,
            story: "",
            tally: Tally::default(),
        })
    }

    /// Goes on until it is over.
    pub(super) fn work(&mut self, gate: &RwLock<()>, over: &AtomicBool) -> Tally {
        let mut next_story = Instant::now();
        while !over.load(Ordering::Acquire) {
            let open = gate.read().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            if now >= next_story {
                if self.steps.len() < WAITING {
                    let story = stories::pick(&mut self.dice);
                    self.begin(story);
                }
                // After a stop the time that was lost is not made up for.
                next_story = now + self.dice.between(0, 2_000) / STORIES_PER_SECOND;
            } else if let Some((story, step)) = self.take_due(now) {
                self.story = story;
                let outcome = step(self);
                self.settle(outcome);
            } else {
                drop(open);
                let next = self
                    .due
                    .peek()
                    .map_or(next_story, |it| it.0.0.min(next_story));
                thread::sleep(next.saturating_duration_since(now).min(NAP));
            }
        }
        std::mem::take(&mut self.tally)
    }

    fn begin(&mut self, story: &Story) {
        self.story = story.name;
        self.tally.stories.entry(story.name).or_default().0 += 1;
        let outcome = (story.begin)(self);
        self.settle(outcome);
    }

    /// A story that goes another way than told ends there: its sockets are closed.
    fn settle(&mut self, outcome: Result<()>) {
        if let Err(error) = outcome {
            let failure = format!("{error:#}");
            self.tally.stories.entry(self.story).or_default().1 += 1;
            self.tally.last_failure.insert(self.story, failure);
        }
    }

    /// Goes on with the story that is being told, after some time.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "what comes later is how most steps end, and a step can fail"
    )]
    pub(super) fn later(
        &mut self,
        delay: Duration,
        step: impl FnOnce(&mut Self) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let (at, number) = (Instant::now() + delay, self.next_step);
        self.next_step += 1;
        self.due.push(Reverse((at, number)));
        self.steps.insert(number, (self.story, Box::new(step)));
        Ok(())
    }

    fn take_due(&mut self, now: Instant) -> Option<(&'static str, Step)> {
        let Reverse((at, number)) = *self.due.peek()?;
        if at > now {
            return None;
        }
        self.due.pop();
        self.steps.remove(&number)
    }
}
