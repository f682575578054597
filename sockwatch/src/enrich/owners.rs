//! Which process holds a socket: who of its holders is the owner, and one pass over /proc/PID/fd.
//!
//! The pass is the way of `ss -p`, for sockets that were there before the probes, where the kernel's
//! iterator over open files can't be used. About 4 microseconds for each
//! descriptor of the machine (100,000 sockets: 0.41 to 0.46 s), until all that is wanted is found; where
//! every holder of a socket is wanted, until the end.
//! Sockets are found by inode number, which minisockets, half-open and unaccepted connections don't
//! have.
//!
//! Does not see descriptors of a thread that shares its leader's no more, descriptors on their way
//! through a unix socket, nor files known only to io_uring.

use std::{mem::MaybeUninit, os::fd::OwnedFd, path::Path, slice, str};

use rustc_hash::{FxHashMap, FxHashSet};
use rustix::{
    fs::{CWD, Mode, OFlags, RawDir, openat, readlinkat_raw},
    io::Errno,
};

use crate::model::{Comm, How, Owner};

/// Room for directory entries, bytes: what glibc's readdir takes, about 1,000 descriptors a call.
const ENTRIES_BYTES: usize = 32 << 10;

/// Room for the target of a link: `socket:[18446744073709551615]`. Longer ones are cut, and are no
/// sockets.
const LINK_BYTES: usize = 40;

/// `init`, which keeps the listening sockets that it hands to the services it starts.
const INIT: u32 = 1;

/// Which holders of a socket to find: fork() and `SCM_RIGHTS` make several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holders {
    /// The owner: that with the lowest process id. A listener of a forking server belongs to the
    /// parent that opened it; a connection is held by the worker alone, or by the worker and what it
    /// started. Process 1 comes last: socket activation leaves it a copy.
    Owner,
    /// All. The pass can't end before the last process.
    All,
}

/// What a pass found.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    /// The first holder of each socket found, by inode number.
    first: FxHashMap<u64, Owner>,
    /// All holders of the sockets that have several.
    several: FxHashMap<u64, Vec<Owner>>,
    /// Processes whose descriptors we may not see.
    pub unreadable: usize,
}

impl Owners {
    /// Of holders told in any order, some perhaps more than once.
    pub fn of(mut told: Vec<(u64, Owner)>, holders: Holders) -> Self {
        told.sort_unstable_by_key(|(inode, holder)| (*inode, turn(holder.pid)));
        let mut owners = Self::default();
        for (inode, holder) in told {
            owners.add(inode, holder, holders);
        }
        owners
    }

    /// The owner of the socket with this inode number, with its process id as /proc has it.
    pub fn owner(&self, inode: u64) -> Option<Owner> {
        self.first.get(&inode).copied()
    }

    /// What was not seen, and the cure, in words for a person.
    pub fn unseen(&self) -> Option<String> {
        (self.unreadable > 0).then(|| {
            format!(
                "processes that do not show their descriptors: {}; CAP_SYS_PTRACE and \
                 CAP_DAC_READ_SEARCH show most",
                self.unreadable
            )
        })
    }

    /// The holders of the socket with this inode number, the owner first; no more than were asked
    /// for.
    pub fn holders(&self, inode: u64) -> &[Owner] {
        match self.several.get(&inode) {
            Some(several) => several,
            None => self.first.get(&inode).map_or(&[], slice::from_ref),
        }
    }

    /// A later holder of a socket that may have been found.
    fn add(&mut self, inode: u64, holder: Owner, holders: Holders) {
        let first = *self.first.entry(inode).or_insert(holder);
        // The same process may hold it by several descriptors.
        if holders == Holders::Owner || first.pid == holder.pid {
            return;
        }
        let several = self.several.entry(inode).or_insert_with(|| vec![first]);
        if several.last().is_none_or(|last| last.pid != holder.pid) {
            several.push(holder);
        }
    }
}

/// Why /proc can't be searched.
#[derive(Debug, thiserror::Error)]
pub enum OwnersError {
    /// No /proc.
    #[error("cannot read /proc to find the owners of sockets; is it mounted?")]
    Proc(#[source] Errno),
}

/// Finds the owners of the sockets with these inode numbers, or all holders.
///
/// # Errors
///
/// /proc can't be read. Processes that vanish are no error.
#[expect(
    clippy::implicit_hasher,
    reason = "inode numbers are always in an FxHashSet here"
)]
pub fn scan(wanted: &FxHashSet<u64>, holders: Holders) -> Result<Owners, OwnersError> {
    scan_in(Path::new("/proc"), wanted, holders)
}

fn scan_in(proc: &Path, wanted: &FxHashSet<u64>, holders: Holders) -> Result<Owners, OwnersError> {
    let root = openat(CWD, proc, FOLDER, Mode::empty()).map_err(OwnersError::Proc)?;
    let pids = pids(&root).map_err(OwnersError::Proc)?;
    let mut pass = Pass {
        root,
        wanted,
        holders,
        owners: Owners::default(),
        entries: Vec::with_capacity(ENTRIES_BYTES),
        held: Vec::new(),
    };
    for pid in pids {
        if holders == Holders::Owner && pass.owners.first.len() == wanted.len() {
            break;
        }
        // Any other error: the process has vanished.
        if let Err(Errno::ACCESS | Errno::PERM) = pass.process(pid) {
            pass.owners.unreadable += 1;
        }
    }
    Ok(pass.owners)
}

/// The name of a process, while it is there.
pub fn name_of(pid: u32) -> Option<Comm> {
    let proc = openat(CWD, "/proc", FOLDER, Mode::empty()).ok()?;
    comm_in(&proc, pid).ok()
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// Processes in this order have the owner first: ascending, but 1 is the last.
const fn turn(pid: u32) -> (bool, u32) {
    (pid == INIT, pid)
}

/// Process ids in the order in which they are asked.
fn pids(root: &OwnedFd) -> Result<Vec<u32>, Errno> {
    let mut buffer = Vec::with_capacity(ENTRIES_BYTES);
    let mut entries = RawDir::new(root, buffer.spare_capacity_mut());
    let mut pids = Vec::new();
    while let Some(entry) = entries.next() {
        pids.extend(number(entry?.file_name().to_bytes()).and_then(|pid| u32::try_from(pid).ok()));
    }
    pids.sort_unstable_by_key(|&pid| turn(pid));
    Ok(pids)
}

struct Pass<'a> {
    root: OwnedFd,
    wanted: &'a FxHashSet<u64>,
    holders: Holders,
    owners: Owners,
    /// Holds directory entries.
    entries: Vec<u8>,
    /// Wanted sockets of one process.
    held: Vec<u64>,
}

impl Pass<'_> {
    /// Takes the wanted sockets that `pid` holds.
    fn process(&mut self, pid: u32) -> Result<(), Errno> {
        let folder = openat(&self.root, format!("{pid}/fd"), FOLDER, Mode::empty())?;
        self.held.clear();
        let read = self.sockets_in(&folder);
        if !self.held.is_empty() {
            let holder = Owner {
                pid,
                comm: comm_in(&self.root, pid).unwrap_or_default(),
                how: How::Scan,
            };
            for &inode in &self.held {
                self.owners.add(inode, holder, self.holders);
            }
        }
        read
    }

    /// Adds the wanted sockets among the links of `folder` to `held`.
    fn sockets_in(&mut self, folder: &OwnedFd) -> Result<(), Errno> {
        let mut entries = RawDir::new(folder, self.entries.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let mut link = [MaybeUninit::uninit(); LINK_BYTES];
            let target = match readlinkat_raw(folder, entry.file_name(), &mut link) {
                Ok((target, _)) => target,
                // Not permitted for one is not permitted for all of the process.
                Err(Errno::ACCESS) => return Err(Errno::ACCESS),
                // Closed meanwhile; or `.` and `..`, which are no links.
                Err(_) => continue,
            };
            self.held
                .extend(socket_inode(target).filter(|inode| self.wanted.contains(inode)));
        }
        Ok(())
    }
}

/// `task_struct::comm` of the thread group leader, from this /proc.
fn comm_in(proc: &OwnedFd, pid: u32) -> Result<Comm, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = openat(proc, format!("{pid}/comm"), flags, Mode::empty())?;
    // 15 bytes and a newline; kernel threads have up to 63 bytes.
    let mut buffer = [0; 64];
    let length = rustix::io::read(&file, &mut buffer)?;
    let text = &buffer[..length];
    Ok(Comm::from_bytes(text.strip_suffix(b"\n").unwrap_or(text)))
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

#[cfg(test)]
mod tests;
