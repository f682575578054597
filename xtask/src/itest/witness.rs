//! What no program in the kernel can see: some machines run none in the context of a process of
//! theirs, softirqs that come in its time included. The kernel's own trace tells of it.
//!
//! Only asked for with `--blind-spot`; without that every difference counts.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use sockwatch_tests::names;

#[cfg(test)]
mod tests;

const INSTANCES: &str = "/sys/kernel/tracing/instances";
const STATES: &str = "sock/inet_sock_set_state";
const TIMERS: &str = "timer/timer_expire_entry";

/// The handlers of the timers whose end ends a minisocket, and the states that it can be in.
const HANDLERS: [(&str, &[&str]); 2] = [
    ("tw_timer_handler", &["time-wait", "fin-wait-2"]),
    ("reqsk_timer_handler", &["syn-recv"]),
];

/// A trace of what happens while one process runs; it ends when dropped.
pub(super) struct Witness {
    instance: PathBuf,
    process: u32,
}

/// What it has seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Withheld {
    /// Addresses of sockets that changed their state, each `local peer`.
    sockets: BTreeSet<String>,
    /// Timers that expired, by the index of their handler in [`HANDLERS`].
    expired: [usize; HANDLERS.len()],
}

impl Witness {
    /// Begins to trace.
    pub(super) fn of(process: u32) -> Result<Self> {
        for left in fs::read_dir(INSTANCES).context(INSTANCES)? {
            let left = left.context(INSTANCES)?;
            if names::is_left_behind(&left.file_name().to_string_lossy()) {
                fs::remove_dir(left.path()).with_context(|| left.path().display().to_string())?;
            }
        }
        let instance = Path::new(INSTANCES).join(names::own());
        fs::create_dir(&instance).with_context(|| instance.display().to_string())?;
        let witness = Self { instance, process };
        witness.follow_threads()?;
        for event in [STATES, TIMERS] {
            witness.write(&format!("events/{event}/enable"), "1")?;
        }
        Ok(witness)
    }

    /// What was seen so far. Threads that are new are followed from now on.
    pub(super) fn look(&self) -> Result<Withheld> {
        self.follow_threads()?;
        let path = self.instance.join("trace");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(Withheld::read(&text))
    }

    fn follow_threads(&self) -> Result<()> {
        let threads = format!("/proc/{}/task", self.process);
        let mut terms = Vec::new();
        for thread in fs::read_dir(&threads).context(threads)? {
            let thread = thread?.file_name();
            terms.push(format!("common_pid == {}", thread.to_string_lossy()));
        }
        ensure!(!terms.is_empty(), "process {} has no threads", self.process);
        let filter = terms.join(" || ");
        self.write(&format!("events/{STATES}/filter"), &filter)?;
        self.write(&format!("events/{TIMERS}/filter"), &filter)
    }

    fn write(&self, file: &str, text: &str) -> Result<()> {
        let path = self.instance.join(file);
        fs::write(&path, text).with_context(|| format!("{text} to {}", path.display()))
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        // Nothing more can be done about one that stays.
        let _stays = fs::remove_dir(&self.instance);
    }
}

impl Withheld {
    fn read(trace: &str) -> Self {
        let mut withheld = Self::default();
        for line in trace.lines().filter(|line| !line.starts_with('#')) {
            if let Some((_, event)) = line.split_once(" inet_sock_set_state: ") {
                withheld.sockets.extend(addresses(event));
            } else if let Some((_, event)) = line.split_once(" timer_expire_entry: ") {
                let function = field(event, "function");
                let index = HANDLERS.iter().position(|it| Some(it.0) == function);
                if let Some(index) = index {
                    withheld.expired[index] += 1;
                }
            }
        }
        withheld
    }

    /// Whether an event of the socket with these addresses was withheld.
    pub(super) fn has(&self, addresses: &str) -> bool {
        self.sockets.contains(addresses)
    }

    /// The handler that ends minisockets in this state, and how often it ran: so many ends may have
    /// been withheld. Which ones is not told.
    pub(super) fn ends(&self, state: &str) -> Option<(&'static str, usize)> {
        let mut handlers = HANDLERS.iter().zip(self.expired);
        let ((handler, _), count) = handlers.find(|(it, _)| it.1.contains(&state))?;
        Some((handler, count))
    }
}

/// `local peer` of an event of `inet_sock_set_state`.
fn addresses(event: &str) -> Option<String> {
    let suffix = if field(event, "family")? == "AF_INET6" {
        "v6"
    } else {
        ""
    };
    let endpoint = |side: char| {
        let address: IpAddr = field(event, &format!("{side}addr{suffix}"))?.parse().ok()?;
        let port = field(event, &format!("{side}port"))?;
        Some(format!("{}:{port}", address.to_canonical()))
    };
    Some(format!("{} {}", endpoint('s')?, endpoint('d')?))
}

fn field<'a>(event: &'a str, name: &str) -> Option<&'a str> {
    let mut words = event.split_whitespace();
    words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}
