//! Who holds which socket: every descriptor that is one, in little room.
//!
//! 16 bytes for each descriptor, sorted by the inode number of its socket; what is known of a process is
//! kept once. Does not look for any: [`Gathering`] is told.

use rustc_hash::FxHashMap;

use super::{Comm, How, Owner};

/// `init`, which keeps the listening sockets that it hands to the services it starts.
const INIT: u32 = 1;

/// A process, or a thread of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Thread group id.
    pub pid: u32,
    /// Thread id, where threads are told apart.
    pub tid: Option<u32>,
    /// Its name.
    pub comm: Comm,
    /// Its security context, as [`Gathering::context`] has numbered it.
    pub context: ContextId,
}

/// Which security contexts are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Contexts {
    /// None.
    #[default]
    None,
    /// Of processes.
    Processes,
    /// Of processes and sockets.
    Sockets,
}

/// A security context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContextId(u32);

impl ContextId {
    /// Not known, or not asked for.
    pub const NONE: Self = Self(u32::MAX);
}

/// A descriptor that is a socket. Inode numbers of sockets have 32 bits (`get_next_ino`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    inode: u32,
    /// Place of its task.
    task: u32,
    fd: u32,
    context: ContextId,
}

/// What a search finds, in whatever order it finds it.
#[derive(Debug, Default)]
pub struct Gathering {
    tasks: Vec<Task>,
    held: Vec<Held>,
    contexts: Vec<Box<[u8]>>,
    numbers: FxHashMap<Box<[u8]>, ContextId>,
}

impl Gathering {
    /// A descriptor of the task that [`Gathering::task`] will tell of next.
    pub fn descriptor(&mut self, inode: u64, fd: u32, context: ContextId) {
        let numbers = u32::try_from(self.tasks.len()).ok();
        let numbers = numbers.zip(u32::try_from(inode).ok());
        // 0 is no inode's number.
        let Some((task, inode @ 1..)) = numbers else {
            return;
        };
        self.held.push(Held {
            inode,
            task,
            fd,
            context,
        });
    }

    /// Descriptors so far.
    pub fn descriptors(&self) -> usize {
        self.held.len()
    }

    /// The task of all descriptors since the last one.
    pub fn task(&mut self, task: Task) {
        self.tasks.push(task);
    }

    /// The number of a security context.
    pub fn context(&mut self, text: &[u8]) -> ContextId {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = u32::try_from(self.contexts.len()).map_or(ContextId::NONE, ContextId);
        self.contexts.push(text.into());
        self.numbers.insert(text.into(), number);
        number
    }

    /// All that was found, in order.
    pub fn finish(mut self) -> Holders {
        self.sort_tasks();
        // A descriptor of a task that was not told of has no holder.
        let tasks = u32::try_from(self.tasks.len()).unwrap_or(u32::MAX);
        self.held.retain(|held| held.task < tasks);
        self.held.sort_unstable();
        self.held.dedup();
        Holders {
            tasks: self.tasks,
            held: self.held,
            contexts: self.contexts,
        }
    }

    /// Sorts the tasks by their ids, each once: a process comes again with every thread that has
    /// descriptors of its own.
    fn sort_tasks(&mut self) {
        let id = |task: &Task| (task.pid, task.tid);
        if self.tasks.is_sorted_by(|one, other| id(one) < id(other)) {
            return;
        }
        let mut order: Vec<u32> = (0..).take(self.tasks.len()).collect();
        order.sort_by_key(|&place| id(&self.tasks[place as usize]));
        let mut sorted: Vec<Task> = Vec::with_capacity(order.len());
        let mut places = vec![0; order.len()];
        for before in order {
            let task = self.tasks[before as usize];
            if sorted.last().map(id) != Some(id(&task)) {
                sorted.push(task);
            }
            places[before as usize] = u32::try_from(sorted.len() - 1).unwrap_or(u32::MAX);
        }
        for held in &mut self.held {
            held.task = places.get(held.task as usize).copied().unwrap_or(u32::MAX);
        }
        self.tasks = sorted;
    }
}

/// Who holds which socket.
#[derive(Debug, Default)]
pub struct Holders {
    /// By their ids.
    tasks: Vec<Task>,
    /// By inode number, then task, then descriptor.
    held: Vec<Held>,
    contexts: Vec<Box<[u8]>>,
}

impl Holders {
    /// Who holds the socket with this inode number.
    pub fn users(&self, inode: u64) -> Users<'_> {
        let held = u32::try_from(inode).map_or(&[][..], |inode| {
            let begin = self.held.partition_point(|held| held.inode < inode);
            let rest = &self.held[begin..];
            let count = rest.iter().take_while(|held| held.inode == inode).count();
            &rest[..count]
        });
        Users { all: self, held }
    }

    /// Descriptors of sockets.
    pub fn descriptors(&self) -> usize {
        self.held.len()
    }
}

/// Who holds a socket; iterates over each descriptor of each, the highest process id first and of it
/// the highest descriptor: the order of `ss`.
#[derive(Clone, Copy, Debug)]
pub struct Users<'a> {
    all: &'a Holders,
    held: &'a [Held],
}

static NOBODY: Holders = Holders {
    tasks: Vec::new(),
    held: Vec::new(),
    contexts: Vec::new(),
};

impl Default for Users<'_> {
    /// Nobody.
    fn default() -> Self {
        Self {
            all: &NOBODY,
            held: &[],
        }
    }
}

/// A descriptor of a process, or of a thread of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User<'a> {
    /// Thread group id.
    pub pid: u32,
    /// Thread id, where threads are told apart.
    pub tid: Option<u32>,
    /// Name of the process, or of the thread.
    pub comm: Comm,
    /// The descriptor.
    pub fd: u32,
    /// Its security context.
    pub proc_ctx: Option<&'a [u8]>,
    /// That of the socket, as this descriptor shows it.
    pub sock_ctx: Option<&'a [u8]>,
}

impl<'a> Users<'a> {
    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.held.is_empty()
    }

    /// Every descriptor.
    pub fn iter(self) -> impl Iterator<Item = User<'a>> {
        let context =
            |ContextId(number)| self.all.contexts.get(number as usize).map(|text| &**text);
        self.held.iter().rev().filter_map(move |held| {
            let task = self.all.tasks.get(held.task as usize)?;
            Some(User {
                pid: task.pid,
                tid: task.tid,
                comm: task.comm,
                fd: held.fd,
                proc_ctx: context(task.context),
                sock_ctx: context(held.context),
            })
        })
    }

    /// The owner: that with the lowest process id. A listener of a forking server belongs to the
    /// parent that opened it; a connection is held by the worker alone, or by the worker and what it
    /// started. Process 1 comes last: socket activation leaves it a copy.
    pub fn owner(self) -> Option<Owner> {
        let mut processes = self.processes();
        let first = processes.next()?;
        if first.pid == INIT {
            return processes.next().or(Some(first));
        }
        Some(first)
    }

    /// Every process once, by its id.
    pub fn processes(self) -> impl Iterator<Item = Owner> + use<'a> {
        let mut last = None;
        self.held.iter().filter_map(move |held| {
            let task = self.all.tasks.get(held.task as usize)?;
            if last.replace(task.pid) == Some(task.pid) {
                return None;
            }
            Some(Owner {
                pid: task.pid,
                comm: task.comm,
                how: How::Scan,
            })
        })
    }
}

/// The socket at the other end, where it is on this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peer<'a> {
    /// Inode number; `None` while nobody has accepted it.
    pub inode: Option<u64>,
    /// Socket cookie.
    pub cookie: Option<u64>,
    /// Name of a unix socket, `@` for every NUL; empty for none.
    pub name: &'a [u8],
    /// Who holds it.
    pub users: Users<'a>,
}

#[cfg(test)]
mod tests;
