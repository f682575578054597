//! Which process holds a socket: one pass over /proc/PID/fd.
//!
//! The pass is the way of `ss -p`. About 2.5 microseconds for each descriptor of the machine, until
//! all that is wanted is found; where every holder of a socket is wanted, until the end.
//! Sockets are found by inode number, which minisockets, half-open and unaccepted connections don't
//! have.
//!
//! Unless threads are asked for it does not see descriptors of a thread that shares its leader's no
//! more; never descriptors on their way through a unix socket, nor files known only to io_uring.

use std::{
    fmt::{self, Write as _},
    mem::MaybeUninit,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    str,
};

use rustc_hash::FxHashSet;
use rustix::{
    fs::{CWD, Mode, OFlags, RawDir, getxattr, openat, readlinkat_raw},
    io::Errno,
};

use crate::model::{
    Comm, Holders,
    holders::{ContextId, Contexts, Gathering, Task},
};

/// Room for directory entries, bytes: what glibc's readdir takes, about 1,000 descriptors a call.
const ENTRIES_BYTES: usize = 32 << 10;

/// Room for the target of a link: `socket:[18446744073709551615]`. Longer ones are cut, and are no
/// sockets.
const LINK_BYTES: usize = 40;

/// Room for a security context. Longer ones are cut.
const CONTEXT_BYTES: usize = 4096;

/// `init`, which comes last: socket activation leaves it a copy of what others own.
const INIT: u32 = 1;

/// To open the folder of a process takes as long as so many descriptors.
const PROCESS_COST: usize = 8;

/// What to search for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Search<'a> {
    /// Inode numbers of the sockets; `None` for all.
    pub wanted: Option<&'a FxHashSet<u64>>,
    /// Whether to end as soon as every wanted socket has its owner.
    pub owner_only: bool,
    /// Whether each thread is a holder by itself.
    pub threads: bool,
    /// Which security contexts to read.
    pub contexts: Contexts,
    /// How many descriptors may be read at most; a process counts as eight.
    pub limit: Option<usize>,
}

/// What a pass found.
#[derive(Debug, Default)]
pub struct Scan {
    /// The holders.
    pub holders: Holders,
    /// Processes whose descriptors we may not see.
    pub unreadable: usize,
    /// Whether the limit was reached before the end.
    pub broken_off: bool,
}

/// Why /proc can't be searched.
#[derive(Debug, thiserror::Error)]
pub enum OwnersError {
    /// No /proc.
    #[error("cannot read /proc to find the owners of sockets; is it mounted?")]
    Proc(#[source] Errno),
}

/// Finds who holds sockets.
///
/// # Errors
///
/// /proc can't be read. Processes that vanish are no error.
pub fn scan(search: Search<'_>) -> Result<Scan, OwnersError> {
    scan_in(Path::new("/proc"), search)
}

fn scan_in(proc: &Path, search: Search<'_>) -> Result<Scan, OwnersError> {
    let root = openat(CWD, proc, FOLDER, Mode::empty()).map_err(OwnersError::Proc)?;
    let mut buffer = Vec::with_capacity(ENTRIES_BYTES);
    let mut pids = numbers_in(&root, &mut buffer).map_err(OwnersError::Proc)?;
    pids.sort_unstable_by_key(|&pid| turn(pid));
    let mut pass = Pass {
        proc: proc.to_owned(),
        root,
        search,
        missing: match search.wanted {
            Some(wanted) if search.owner_only => Some(wanted.clone()),
            _ => None,
        },
        found: Gathering::default(),
        cost: 0,
        entries: buffer,
        path: String::new(),
    };
    let mut scan = Scan::default();
    for pid in pids {
        if pass.missing.as_ref().is_some_and(FxHashSet::is_empty) {
            break;
        }
        if search.limit.is_some_and(|limit| pass.cost > limit) {
            scan.broken_off = true;
            break;
        }
        // Any other error: the process has vanished.
        if let Err(Errno::ACCESS | Errno::PERM) = pass.process(pid) {
            scan.unreadable += 1;
        }
    }
    scan.holders = pass.found.finish();
    Ok(scan)
}

/// The name of a process, while it is there.
pub fn name_of(pid: u32) -> Option<Comm> {
    let proc = openat(CWD, "/proc", FOLDER, Mode::empty()).ok()?;
    comm_in(&proc, &format!("{pid}/comm")).ok()
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// Processes in this order have the owner first: ascending, but 1 is the last.
const fn turn(pid: u32) -> (bool, u32) {
    (pid == INIT, pid)
}

/// The names in `folder` that are process or thread ids.
fn numbers_in(folder: &OwnedFd, buffer: &mut Vec<u8>) -> Result<Vec<u32>, Errno> {
    let mut entries = RawDir::new(folder, buffer.spare_capacity_mut());
    let mut found = Vec::new();
    while let Some(entry) = entries.next() {
        found.extend(small(entry?.file_name().to_bytes()));
    }
    Ok(found)
}

struct Pass<'a> {
    proc: PathBuf,
    root: OwnedFd,
    search: Search<'a>,
    /// Wanted sockets without an owner yet, if nothing but owners is wanted.
    missing: Option<FxHashSet<u64>>,
    found: Gathering,
    /// What was read, in descriptors.
    cost: usize,
    /// Holds directory entries.
    entries: Vec<u8>,
    /// Holds a path.
    path: String,
}

impl Pass<'_> {
    /// Takes the wanted sockets that `pid` holds.
    fn process(&mut self, pid: u32) -> Result<(), Errno> {
        if !self.search.threads {
            return self.task(pid, None, format_args!("{pid}"));
        }
        let threads = self.folder(format_args!("{pid}/task"))?;
        let mut threads = numbers_in(&threads, &mut self.entries)?;
        threads.sort_unstable();
        for tid in threads {
            let read = self.task(pid, Some(tid), format_args!("{pid}/task/{tid}"));
            // Any other error: the thread has vanished.
            if let Err(error @ (Errno::ACCESS | Errno::PERM)) = read {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Takes the wanted sockets of a process or thread, whose folder is `place`.
    fn task(&mut self, pid: u32, tid: Option<u32>, place: fmt::Arguments<'_>) -> Result<(), Errno> {
        self.cost += PROCESS_COST;
        let folder = self.folder(format_args!("{place}/fd"))?;
        let before = self.found.descriptors();
        let read = self.sockets_in(&folder, place);
        if self.found.descriptors() > before {
            self.path(format_args!("{place}/comm"));
            let task = Task {
                pid,
                tid,
                comm: comm_in(&self.root, &self.path).unwrap_or_default(),
                context: self.context_of(place),
            };
            self.found.task(task);
        }
        read
    }

    /// Adds the wanted sockets among the links of `folder`, which is that of `place`.
    fn sockets_in(&mut self, folder: &OwnedFd, place: fmt::Arguments<'_>) -> Result<(), Errno> {
        let mut entries = RawDir::new(folder, self.entries.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            self.cost += 1;
            let mut link = [MaybeUninit::uninit(); LINK_BYTES];
            let target = match readlinkat_raw(folder, entry.file_name(), &mut link) {
                Ok((target, _)) => target,
                // Not permitted for one is not permitted for all of the process.
                Err(Errno::ACCESS) => return Err(Errno::ACCESS),
                // Closed meanwhile; or `.` and `..`, which are no links.
                Err(_) => continue,
            };
            let wanted = |inode: &u64| self.search.wanted.is_none_or(|all| all.contains(inode));
            let inode = socket_inode(target).filter(wanted);
            let Some((inode, fd)) = inode.zip(small(entry.file_name().to_bytes())) else {
                continue;
            };
            if let Some(missing) = &mut self.missing {
                missing.remove(&inode);
            }
            let context = match self.search.contexts {
                Contexts::Sockets => {
                    let path = self.proc.join(format!("{place}/fd/{fd}"));
                    context_of_file(&path, &mut self.found)
                }
                Contexts::None | Contexts::Processes => ContextId::NONE,
            };
            self.found.descriptor(inode, fd, context);
        }
        Ok(())
    }

    /// The security context of the process or thread whose folder is `place`.
    fn context_of(&mut self, place: fmt::Arguments<'_>) -> ContextId {
        if self.search.contexts == Contexts::None {
            return ContextId::NONE;
        }
        self.path(format_args!("{place}/attr/current"));
        let mut buffer = [0; CONTEXT_BYTES];
        match read(&self.root, &self.path, &mut buffer) {
            Ok(text) => self.found.context(trimmed(text)),
            Err(_) => ContextId::NONE,
        }
    }

    fn folder(&mut self, path: fmt::Arguments<'_>) -> Result<OwnedFd, Errno> {
        self.path(path);
        openat(&self.root, &*self.path, FOLDER, Mode::empty())
    }

    fn path(&mut self, path: fmt::Arguments<'_>) {
        self.path.clear();
        // A String takes whatever is written.
        let _always = self.path.write_fmt(path);
    }
}

/// `task_struct::comm`, from this file of this /proc.
fn comm_in(proc: &OwnedFd, path: &str) -> Result<Comm, Errno> {
    // 15 bytes and a newline; kernel threads have up to 63 bytes.
    let mut buffer = [0; 64];
    let text = read(proc, path, &mut buffer)?;
    Ok(Comm::from_bytes(text.strip_suffix(b"\n").unwrap_or(text)))
}

/// The security context of the socket behind a descriptor.
fn context_of_file(path: &Path, found: &mut Gathering) -> ContextId {
    let mut buffer = [0; CONTEXT_BYTES];
    match getxattr(path, "security.selinux", &mut buffer) {
        Ok(length) => found.context(trimmed(&buffer[..length])),
        Err(_) => ContextId::NONE,
    }
}

/// A context without the NUL or newline behind it.
fn trimmed(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| matches!(byte, 0 | b'\n'));
    &text[..end.unwrap_or(text.len())]
}

fn read<'b>(proc: &OwnedFd, path: &str, buffer: &'b mut [u8]) -> Result<&'b [u8], Errno> {
    let file = openat(proc, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let length = rustix::io::read(&file, &mut *buffer)?;
    Ok(&buffer[..length])
}

/// The number in `socket:[123]`.
fn socket_inode(target: &[u8]) -> Option<u64> {
    number(target.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

/// A number of decimal digits and nothing else.
fn number(digits: &[u8]) -> Option<u64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(digits).ok()?.parse().ok()
}

/// A process id, or a descriptor.
fn small(digits: &[u8]) -> Option<u32> {
    u32::try_from(number(digits)?).ok()
}

#[cfg(test)]
mod tests;
