//! Two hundred thousand half-open connections at once: each is shown or counted, memory stays
//! bounded, and what else happens is shown in full.

use std::{
    collections::HashSet,
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddrV4,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use rustix::process::Signal;
use serde_json::{Value, json};
use sockwatch_tests::{
    PATIENCE, binary,
    flood::{Flooded, TARGET, half_open, source},
    flows::Pair,
    netns::Netns,
    process::Process,
    schema,
    story::{exactly, path},
};

pub(super) fn trials() -> Vec<Trial> {
    trials![syn_flood_is_shown_or_counted]
}

/// SYNs that nobody stands behind.
const SYNS: u32 = 200_000;

/// From one look to the next while something is waited for.
const LOOK: Duration = Duration::from_millis(30);

/// Connections that others make meanwhile.
const CONNECTIONS: usize = 300;

/// Most memory that sockwatch may ever have had: 16 MiB of lines waiting, the ring, and a few hundred
/// bytes for each half-open connection.
const LIMIT_KIB: u64 = 160 << 10;

fn syn_flood_is_shown_or_counted(netns: &Netns) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let lines = directory.path().join("lines");
    let flooded = Flooded::listen()?;
    let mut process = Process::start({
        let mut command = binary::command(&["--json", "--verbose", "--output"])?;
        command.arg(&lines);
        command
    })?;
    process.wait_for_stderr("probes:")?;

    let others = thread::spawn(others);
    let took = flooded.flood(SYNS)?;
    let others = others.join().ok().context("the others panicked")??;
    drop(flooded);
    // Each goes when it is to send its SYN-ACK again and finds no listener.
    wait_until_none_is_half_open()?;
    wait_until_read(&process, &lines)?;
    let peak = peak_kib(process.id())?;
    process.signal(Signal::TERM)?;
    let status = process.wait()?;
    ensure!(status.success(), "{status}: {:?}", process.stderr());

    let seen = Seen::read(&lines, netns)?;
    let lost = seen.check_totals()?;
    ensure!(peak < LIMIT_KIB, "{peak} KiB in memory");
    for (client, server) in &others {
        seen.check_life(client, &["closed", "syn-sent", "established", "closed"])?;
        seen.check_life(server, &["syn-recv", "established", "closed"])?;
    }
    let expected: HashSet<_> = (0..SYNS).map(source).collect();
    let shown = seen.half_open.intersection(&expected).count() as u64;
    ensure!(
        seen.half_open.len() as u64 == shown,
        "{} half-open connections are shown that nobody began",
        seen.half_open.len() as u64 - shown
    );
    let Seen { begun, ended, .. } = seen;
    // Timers expire by the thousand in whatever task is running, and a sandbox may keep programs from
    // running in the context of its own (`itest --blind-spot`): their ends are in nobody's count.
    let told = ended + lost;
    ensure!(
        shown + lost >= u64::from(SYNS) && told <= begun + lost && told * 100 >= begun * 95,
        "{shown} of {SYNS} half-open connections are shown, {begun} begins, {ended} ends, and {lost} \
         state changes are counted as lost (sent in {took:?}, {peak} KiB in memory)"
    );
    Ok(())
}

/// Connections over loopback, one after the other, each reset; returns the cookies of both ends.
fn others() -> Result<Vec<(String, String)>> {
    let mut cookies = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let pair = Pair::open()?;
        cookies.push((pair.client_sk.clone(), pair.server_sk.clone()));
        pair.reset_by_client()?;
    }
    Ok(cookies)
}

fn wait_until_none_is_half_open() -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while half_open()? > 0 {
        ensure!(Instant::now() < deadline, "half-open connections remain");
        thread::sleep(LOOK);
    }
    Ok(())
}

/// Waits until the output of sockwatch stands still: nothing happens any more that it could tell.
fn wait_until_read(process: &Process, lines: &Path) -> Result<()> {
    const STILL: Duration = Duration::from_millis(300);
    let deadline = Instant::now() + PATIENCE;
    let mut size = fs::metadata(lines)?.len();
    let mut since = Instant::now();
    while since.elapsed() < STILL {
        ensure!(
            Instant::now() < deadline,
            "process {} does not come to rest",
            process.id()
        );
        thread::sleep(LOOK);
        let now = fs::metadata(lines)?.len();
        if now != size {
            (size, since) = (now, Instant::now());
        }
    }
    Ok(())
}

fn peak_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    let number = number.context("no VmHWM")?;
    number.parse().context("VmHWM is a number")
}

/// What the lines tell. Those of half-open connections are too many to be parsed whole.
#[derive(Default)]
struct Seen {
    /// The peers that were shown to become half-open.
    half_open: HashSet<SocketAddrV4>,
    /// How often one was shown to begin: more than once where the kernel could not send its SYN-ACK
    /// again, dropped it, and got another SYN.
    begun: u64,
    /// How often one was shown to end, as all do with their listener.
    ended: u64,
    /// All other lines of this namespace, and those of no namespace.
    others: Vec<Value>,
    transitions: u64,
    stop: Value,
}

impl Seen {
    fn read(lines: &Path, netns: &Netns) -> Result<Self> {
        let of_flood = format!("\"sport\":{},\"dst\":\"198.1", TARGET.port());
        let own = format!("\"netns\":{},", netns.inode);
        let mut seen = Self::default();
        for line in BufReader::new(fs::File::open(lines)?).lines() {
            let line = line?;
            seen.transitions += u64::from(line.contains("\"type\":\"transition\""));
            if !line.contains(&own) && line.contains("\"netns\":") {
                continue;
            }
            if line.contains(&of_flood) {
                seen.add_half_open(&line)?;
                continue;
            }
            let line: Value = serde_json::from_str(&line).context(line)?;
            schema::check(&line)?;
            seen.others.push(line);
        }
        seen.stop = seen.others.last().context("nothing was printed")?.clone();
        ensure!(seen.stop["type"] == "stop", "the last line is no stop");
        Ok(seen)
    }

    fn add_half_open(&mut self, line: &str) -> Result<()> {
        if !line.contains("\"new\":\"syn-recv\"") {
            self.ended += u64::from(line.contains("\"new\":\"closed\""));
            return Ok(());
        }
        // The first of them is checked like any other line.
        if self.half_open.is_empty() {
            let line: Value = serde_json::from_str(line).context(line.to_owned())?;
            schema::check(&line)?;
            let expected = json!({"old": "listening", "new": "syn-recv", "sk": null});
            exactly(&[&line], &[expected])?;
        }
        let field = |key: &str| {
            let (_, rest) = line.split_once(key).context("a key is missing")?;
            let end = rest.find([',', '"']).context("a value does not end")?;
            anyhow::Ok(&rest[..end])
        };
        let peer = format!("{}:{}", field("\"dst\":\"")?, field("\"dport\":")?).parse()?;
        self.begun += 1;
        self.half_open.insert(peer);
        Ok(())
    }

    /// The totals add up; returns how many state changes are missing from the lines.
    fn check_totals(&self) -> Result<u64> {
        let total = |key: &str| {
            self.stop[key]
                .as_u64()
                .with_context(|| format!("stop has no {key}"))
        };
        let lost = total("lost_kernel")? + total("lost_output")?;
        ensure!(
            total("emitted")? + total("filtered")? + lost == total("events")?,
            "the parts do not add up: {}",
            self.stop
        );
        ensure!(
            total("emitted")? == self.transitions,
            "{} transitions were printed: {}",
            self.transitions,
            self.stop
        );
        Ok(lost)
    }

    /// The transitions of one socket are those through these states.
    fn check_life(&self, sk: &str, states: &[&str]) -> Result<()> {
        let life: Vec<_> = self.others.iter().filter(|line| line["sk"] == sk).collect();
        let wanted = path(states, json!({}));
        // A child is shown from the SYN on, under its cookie or before it had one.
        let life = match life.first() {
            Some(first) if first["new"] == "syn-recv" => &life[1..],
            _ => &life[..],
        };
        exactly(life, &wanted)
    }
}
