//! What no program in the kernel can see: some machines run none in the context of a process of
//! theirs, softirqs that come in its time included. The kernel's own trace tells of it.
//!
//! Does not judge what that explains: [`crate::trial`] and `cargo xtask itest fidelity` do. A thread
//! that begins between two looks is followed from the second one on.

use std::{
    collections::BTreeSet,
    fmt,
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read as _},
    net::IpAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context as _, Result, ensure};
use rustix::fs::OFlags;

use crate::{names, privilege};

#[cfg(test)]
mod tests;

const INSTANCES: &str = "/sys/kernel/tracing/instances";

/// Group and name of the events that are followed: where sockwatch has programs that may run on
/// whatever was interrupted, and `timer_expire_entry`, which unlike `timer_cancel` says whose timer
/// it was. An early end of a minisocket comes with a segment or a transition.
const EVENTS: [(&str, &str); 6] = [
    ("sock", STATE),
    ("timer", START),
    ("timer", EXPIRE),
    ("skb", DROP),
    ("tcp", "tcp_send_reset"),
    ("tcp", "tcp_destroy_sock"),
];
const STATE: &str = "inet_sock_set_state";
const START: &str = "timer_start";
const EXPIRE: &str = "timer_expire_entry";
const DROP: &str = "kfree_skb";

/// The handlers of the timers whose end ends a minisocket, and the states that it can be in.
const HANDLERS: [(&str, &[&str]); 2] = [
    ("tw_timer_handler", &["time-wait", "fin-wait-2"]),
    ("reqsk_timer_handler", &["syn-recv"]),
];

/// Where a segment is dropped that has ended a minisocket or made a TIME-WAIT of it.
const RECEIVERS: [&str; 2] = ["tcp_v4_rcv", "tcp_v6_rcv"];

/// How many events are told in full.
const TOLD: usize = 20;

/// A trace of what happens while one process runs; it ends when dropped.
#[derive(Debug)]
pub struct Witness {
    /// What it tells. An instance that is being read can't be removed, so this is closed first.
    pipe: File,
    instance: Instance,
    process: u32,
}

/// What was seen of sockets: all that sockwatch might have told of or needed to know.
#[derive(Clone, Debug, Default)]
pub struct Withheld {
    /// The first [`TOLD`] events, as the kernel tells them.
    first: Vec<String>,
    /// How many there were.
    total: usize,
    /// Addresses of sockets that changed their state, each `local peer`.
    sockets: BTreeSet<String>,
    /// Timers that expired, by the index of their handler in [`HANDLERS`].
    expired: [usize; HANDLERS.len()],
}

impl Witness {
    /// Begins to trace. What one that was killed has left behind is removed.
    pub fn of(process: u32) -> Result<Self> {
        ensure!(
            privilege::in_initial_pid_namespace()?,
            "the kernel's trace has other process ids than this pid namespace"
        );
        ensure!(
            process != process::id(),
            "the process that is to be followed is this one"
        );
        let instance = Instance::make()?;
        let pipe = instance.pipe()?;
        let witness = Self {
            pipe,
            instance,
            process,
        };
        witness.follow_threads()?;
        for (group, event) in EVENTS {
            let file = format!("events/{group}/{event}/enable");
            witness.instance.write(&file, "1")?;
        }
        Ok(witness)
    }

    /// What was seen since the last look. Threads that are new are followed from now on.
    pub fn look(&mut self) -> Result<Withheld> {
        self.follow_threads()?;
        let mut trace = Vec::new();
        match self.pipe.read_to_end(&mut trace) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => {
                Err(error).context("cannot read the trace")
            }
            _ => Ok(Withheld::read(&String::from_utf8_lossy(&trace))),
        }
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
        EVENTS.iter().try_for_each(|(group, event)| {
            let file = format!("events/{group}/{event}/filter");
            self.instance.write(&file, &filter)
        })
    }
}

/// A trace of one's own; removed when dropped.
#[derive(Debug)]
struct Instance(PathBuf);

impl Instance {
    fn make() -> Result<Self> {
        for left in fs::read_dir(INSTANCES).context(INSTANCES)? {
            let left = left.context(INSTANCES)?;
            if names::is_left_behind(&left.file_name().to_string_lossy()) {
                fs::remove_dir(left.path()).with_context(|| left.path().display().to_string())?;
            }
        }
        let path = Path::new(INSTANCES).join(names::own());
        fs::create_dir(&path).with_context(|| path.display().to_string())?;
        Ok(Self(path))
    }

    /// Tells each line once, and never waits for one.
    fn pipe(&self) -> Result<File> {
        let path = self.0.join("trace_pipe");
        let mut options = OpenOptions::new();
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let pipe = options.read(true).custom_flags(flags).open(&path);
        pipe.with_context(|| path.display().to_string())
    }

    fn write(&self, file: &str, text: &str) -> Result<()> {
        let path = self.0.join(file);
        fs::write(&path, text).with_context(|| format!("{text} to {}", path.display()))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // Nothing more can be done about one that stays.
        let _stays = fs::remove_dir(&self.0);
    }
}

impl Withheld {
    /// Reads lines of a trace.
    pub(crate) fn read(trace: &str) -> Self {
        let mut withheld = Self::default();
        for line in trace.lines() {
            let told = EVENTS.iter().find_map(|(_, name)| {
                let (_, event) = line.split_once(&format!(" {name}: "))?;
                Some((*name, event))
            });
            let Some((name, event)) = told else {
                continue;
            };
            let handler = HANDLERS
                .iter()
                .position(|it| Some(it.0) == field(event, "function"));
            let of_a_socket = match name {
                START | EXPIRE => handler.is_some(),
                DROP => RECEIVERS.iter().any(|it| Some(*it) == dropper(event)),
                _ => true,
            };
            if of_a_socket {
                withheld.total += 1;
                withheld.tell([line.trim().escape_debug().to_string()]);
            }
            match (name, handler) {
                (STATE, _) => withheld.sockets.extend(addresses(event)),
                (EXPIRE, Some(index)) => withheld.expired[index] += 1,
                _ => (),
            }
        }
        withheld
    }

    /// Adds what was seen later.
    pub fn extend(&mut self, later: Self) {
        self.total += later.total;
        self.tell(later.first);
        self.sockets.extend(later.sockets);
        for (sum, more) in self.expired.iter_mut().zip(later.expired) {
            *sum += more;
        }
    }

    fn tell(&mut self, events: impl IntoIterator<Item = String>) {
        let room = TOLD - self.first.len();
        self.first.extend(events.into_iter().take(room));
    }

    /// Whether that is nothing.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Whether a state change of the socket with these addresses was withheld.
    pub fn has(&self, addresses: &str) -> bool {
        self.sockets.contains(addresses)
    }

    /// The handler that ends minisockets in this state, and how often it ran: so many ends may have
    /// been withheld. Which ones is not told.
    pub fn ends(&self, state: &str) -> Option<(&'static str, usize)> {
        let mut handlers = HANDLERS.iter().zip(self.expired);
        let ((handler, _), count) = handlers.find(|(it, _)| it.1.contains(&state))?;
        Some((handler, count))
    }
}

impl fmt::Display for Withheld {
    /// One line for each event, oldest first; of many the first ones and their number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first.join("\n"))?;
        match self.total - self.first.len() {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
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

/// The function that dropped a segment, of an event of `kfree_skb`.
fn dropper(event: &str) -> Option<&str> {
    field(event, "location")?.split('+').next()
}

fn field<'a>(event: &'a str, name: &str) -> Option<&'a str> {
    let mut words = event.split_whitespace();
    words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}
