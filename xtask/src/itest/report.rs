//! What the comparisons found: differences as they come, sums at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Result, bail};
use sockwatch_tests::witness::Withheld;

use super::churn::Tally;
use super::compare::{ABSENT, Comparison, Difference};
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
    /// What no program in the kernel could see.
    pub(super) withheld: Withheld,
    /// Sockets that are excused because their end may be among that, by the handler of its timer.
    excused_ends: BTreeMap<&'static str, BTreeSet<Key>>,
    excused: BTreeSet<Key>,
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
            if self.excuses(&key, &difference) {
                if !self.excused.contains(&key) {
                    println!("stop {stop}: excused: {}", Told(&key, &difference));
                }
                self.excused.insert(key);
            } else {
                self.differences += 1;
                self.tell(stop, key, &difference, stream);
            }
        }
    }

    /// Whether no program could see why: an event of this socket was withheld, or ends of as many
    /// minisockets in its state.
    fn excuses(&mut self, key: &Key, difference: &Difference) -> bool {
        if self.withheld.has(&difference.addresses) {
            return true;
        }
        let Difference { ss, stream, .. } = difference;
        if ss != ABSENT {
            return false;
        }
        let Some((handler, ends)) = self.withheld.ends(stream) else {
            return false;
        };
        let excused = self.excused_ends.entry(handler).or_default();
        if excused.len() < ends {
            excused.insert(key.clone());
        }
        excused.contains(key)
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
            "stops={} sockets compared={} (at most {} at once) differences={} passing={} \
             excused sockets={}",
            self.stops,
            self.compared,
            self.most,
            self.differences,
            self.passing,
            self.excused.len()
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
