//! `cargo xtask itest fidelity`: at random moments of mixed churn, the table that can be rebuilt from
//! JSON lines alone is the one that `ss` shows.
//!
//! The churn is stopped between two system calls and left alone for [`SETTLE`]; kernel timers go on.
//! Then `ss` looks twice, and the stream is read up to before, between and after. A socket differs if
//! both times `ss` has it in a state in which neither the stream before nor the stream after that
//! look has it; see [`super::compare`]. A difference that is there only once is told, and no failure.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use rustix::process::{Resource, Rlimit, setrlimit};
use sockwatch_tests::ss::{self, Row};
use sockwatch_tests::witness::Witness;

use super::churn::Churn;
use super::churn::dice::Dice;
use super::compare::Comparison;
use super::rebuild::Table;
use super::report::Report;
use super::site::Site;
use super::stream::Stream;
use crate::test::ensure_tracefs;

/// Time between the last system call of the churn and the first look.
const SETTLE: Duration = Duration::from_millis(100);

/// Churn before sockwatch starts, which makes what `--snapshot` shows.
const BEFORE: Duration = Duration::from_secs(3);

/// Descriptors that the churn may have.
const DESCRIPTORS: u64 = 16_384;

/// The command line of the test.
#[derive(Debug, Args)]
pub struct Options {
    /// How long the churn goes on, without the stops.
    #[arg(long, default_value_t = 240, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// How often it is stopped to compare.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    stops: u32,
    /// Repeats the choices of another run, though not its timing; random if not given.
    #[arg(long)]
    seed: Option<u64>,
    /// A process in whose context this machine runs no kernel programs: what the kernel's own trace
    /// saw happen there is told apart from the differences that count.
    #[arg(long, value_name = "PID")]
    blind_spot: Option<u32>,
    /// More options for sockwatch.
    #[arg(last = true)]
    sockwatch: Vec<String>,
}

/// Runs the test and prints its report.
///
/// # Errors
/// When there is a difference, when a kind of churn or a state never came up, when the stream is not
/// whole, and when the test itself fails.
pub(super) fn run(sockwatch: &Path, options: &Options) -> Result<()> {
    let seed = options.seed.map_or_else(random, Ok)?;
    eprintln!("seed {seed}");
    let limit = Rlimit {
        current: Some(DESCRIPTORS),
        maximum: Some(DESCRIPTORS.max(hard_limit())),
    };
    setrlimit(Resource::Nofile, limit).context("RLIMIT_NOFILE")?;
    let site = Arc::new(Site::make()?);
    let witness = options.blind_spot.map(|process| {
        ensure_tracefs()?;
        Witness::of(process)
    });
    let mut witness = witness.transpose()?;
    let churn = Churn::begin(&site, seed)?;
    thread::sleep(BEFORE);
    let mut stream = Stream::start(sockwatch, &options.sockwatch)?;
    let mut dice = Dice::new(!seed);
    let mut report = Report::default();
    let mean = Duration::from_secs(options.seconds.into()) / options.stops;
    for stop in 1..=options.stops {
        // Between a tenth of the mean and almost twice as long.
        let pause = mean * u32::try_from(10 + dice.below(181))? / 100;
        stream.follow(Instant::now() + pause)?;
        let stopped = churn.stop();
        let looks = look_twice(&mut stream, &site)?;
        if let Some(witness) = &mut witness {
            report.withheld.extend(witness.look()?);
        }
        report.add(stop, &looks, &stream);
        drop(stopped);
    }
    let tally = churn.end()?;
    let transitions = stream.transitions;
    stream.end()?;
    print!("{tally}{report}");
    println!("transitions={transitions} seed={seed}");
    report.verdict(&tally)
}

/// Compares at two moments, one right after the other.
fn look_twice(stream: &mut Stream, site: &Site) -> Result<[Comparison; 2]> {
    stream.follow(Instant::now() + SETTLE)?;
    stream.catch_up(&site.aside)?;
    let mut before = stream.table.clone();
    let mut look = || {
        let rows = dump(site)?;
        stream.catch_up(&site.aside)?;
        let comparison = compare(site, &rows, &before, &stream.table);
        before = stream.table.clone();
        anyhow::Ok(comparison)
    };
    Ok([look()?, look()?])
}

fn compare(site: &Site, rows: &[Vec<Row>], before: &Table, after: &Table) -> Comparison {
    let mut comparison = Comparison::default();
    for (place, rows) in site.places.iter().zip(rows) {
        comparison.add(place.netns, rows, before, after);
    }
    comparison
}

/// What `ss` shows in each namespace.
fn dump(site: &Site) -> Result<Vec<Vec<Row>>> {
    thread::scope(|scope| {
        let looking: Vec<_> = site
            .places
            .iter()
            .map(|place| scope.spawn(|| place.run(ss::rows)))
            .collect();
        let rows = looking.into_iter().map(|look| match look.join() {
            Ok(rows) => rows,
            Err(_) => bail!("a thread panicked"),
        });
        rows.collect()
    })
}

fn random() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    let digits = text.get(..8).context("a UUID is longer")?;
    u64::from_str_radix(digits, 16).context("a UUID is hexadecimal")
}

fn hard_limit() -> u64 {
    rustix::process::getrlimit(Resource::Nofile)
        .maximum
        .unwrap_or(DESCRIPTORS)
}
