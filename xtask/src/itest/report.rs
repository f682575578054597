//! What the comparisons found: differences as they come, sums at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Result, bail};

use super::churn::Tally;
use super::compare::{Comparison, Difference};
use super::rebuild::Key;
use super::stream::Stream;

/// Differences of one kind that are told with all that is known.
const TOLD: usize = 3;

/// Stops after which each of [`STATES`] has to have been compared.
const ENOUGH_STOPS: u32 = 20;

/// The states that the churn leads to and that last.
const STATES: [&str; 10] = [
    "close-wait",
    "closing",
    "established",
    "fin-wait-1",
    "fin-wait-2",
    "last-ack",
    "listening",
    "syn-recv",
    "syn-sent",
    "time-wait",
];

/// `ss` says one thing, and the stream the other.
type Kind = (String, String);

/// The sums.
#[derive(Debug, Default)]
pub(super) struct Report {
    stops: u32,
    compared: u64,
    most: usize,
    states: BTreeMap<String, u64>,
    differences: u64,
    passing: u64,
    kinds: BTreeMap<Kind, BTreeSet<Key>>,
}

impl Report {
    /// Adds the two looks of one stop, and tells of differences that are new.
    pub(super) fn add(&mut self, stop: u32, looks: &[Comparison; 2], stream: &Stream) {
        let [first, second] = looks;
        let lasting = first.lasting(second);
        self.stops = stop;
        self.compared += second.compared.len() as u64;
        self.most = self.most.max(second.compared.len());
        for state in second.compared.values() {
            *self.states.entry(state.clone()).or_default() += 1;
        }
        self.differences += lasting.len() as u64;
        for look in looks {
            let passing = look
                .differences
                .iter()
                .filter(|it| !lasting.contains_key(it.0));
            for (key, difference) in passing {
                self.passing += 1;
                println!("stop {stop}: passing: {}", Told(key, difference));
            }
        }
        for (key, difference) in lasting {
            self.tell(stop, key, &difference, stream);
        }
    }

    fn tell(&mut self, stop: u32, key: Key, difference: &Difference, stream: &Stream) {
        let kind = (difference.ss.clone(), difference.stream.clone());
        let known = self.kinds.entry(kind).or_default();
        if known.len() < TOLD && !known.contains(&key) {
            println!("stop {stop}: {}", Told(&key, difference));
            for line in stream.last_lines(&key, &difference.addresses) {
                println!("    {line}");
            }
        }
        known.insert(key);
    }

    /// Success, or what is wrong.
    pub(super) fn verdict(&self, tally: &Tally) -> Result<()> {
        if self.differences > 0 {
            bail!("the stream and ss differ {} times", self.differences);
        }
        let missing: Vec<_> = STATES
            .iter()
            .filter(|state| !self.states.contains_key(**state))
            .collect();
        if self.stops >= ENOUGH_STOPS && !missing.is_empty() {
            bail!("the churn never led to {missing:?}");
        }
        let never: Vec<_> = tally.never_told().collect();
        if self.stops >= ENOUGH_STOPS && !never.is_empty() {
            bail!("never went as it should: {}", never.join("; "));
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (state, count) in &self.states {
            writeln!(f, "  {state:<28} {count:>7} compared")?;
        }
        for ((ss, stream), keys) in &self.kinds {
            writeln!(f, "  ss {ss}, stream {stream}: {} sockets", keys.len())?;
        }
        writeln!(
            f,
            "stops={} sockets compared={} (at most {} at once) differences={} passing={}",
            self.stops, self.compared, self.most, self.differences, self.passing
        )
    }
}

/// A difference in one line.
struct Told<'a>(&'a Key, &'a Difference);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(key, difference) = self;
        let name = match key {
            Key::Sk(_, sk) => format!("sk {sk}"),
            Key::Tuple(..) => "half-open".to_owned(),
        };
        let netns = key.place().netns.unwrap_or(0);
        let Difference {
            ss,
            stream,
            addresses,
        } = difference;
        write!(
            f,
            "netns {netns} {name} {addresses}: ss {ss}, stream {stream}"
        )
    }
}
