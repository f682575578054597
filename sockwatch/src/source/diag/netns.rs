//! Network namespaces: those we may enter, and one by its name.
//!
//! Looks at processes and at /run/netns, where `ip netns` keeps names. A namespace that only a
//! thread other than its group's leader, an open file or a mount elsewhere holds is not found.
//! Does not enter any: `dump` does, on a thread of its own.

use std::{
    fmt,
    fs::{self, File},
    io,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustc_hash::FxHashMap;

use super::failures::Failures;
use crate::model::event::Degraded;

/// Where `ip netns` keeps names.
const NAMED: &str = "/run/netns";

/// `NSFS_MAGIC` (`include/uapi/linux/magic.h`): what a namespace file lies on.
const NSFS_MAGIC: u64 = 0x6e73_6673;

/// Why a network namespace can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum NetnsError {
    /// Our own namespace is not in /proc.
    #[error("cannot open this process's network namespace; is /proc mounted?")]
    Own(#[source] io::Error),
    /// There is no such file.
    #[error(
        "cannot open network namespace {name:?}: {} does not exist; `ip netns` lists the names, \
         and a path must contain a slash", path.display()
    )]
    NotFound {
        /// As it was given.
        name: String,
        /// What it stands for.
        path: PathBuf,
    },
    /// We may not open it.
    #[error("cannot open network namespace {name:?}: permission denied; run as root")]
    NotPermitted {
        /// As it was given.
        name: String,
    },
    /// The file is something else.
    #[error(
        "cannot open network namespace {name:?}: {} is not a namespace file; one is made by \
         `ip netns add`, or is /proc/PID/ns/net", path.display()
    )]
    NotNetns {
        /// As it was given.
        name: String,
        /// What it stands for.
        path: PathBuf,
    },
    /// Any other reason.
    #[error("cannot open network namespace {name:?}")]
    Open {
        /// As it was given.
        name: String,
        /// Why.
        source: io::Error,
    },
}

/// An open network namespace; the descriptor keeps it alive.
#[derive(Debug)]
pub struct Netns {
    /// Inode number on nsfs: the number in `net:[4026531840]`.
    pub inode: u32,
    /// Its name in /run/netns.
    pub name: Option<String>,
    /// The namespace itself.
    pub fd: OwnedFd,
}

impl fmt::Display for Netns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "network namespace {name:?}"),
            None => write!(f, "net:[{}]", self.inode),
        }
    }
}

/// The namespaces found.
#[derive(Debug)]
pub struct Found {
    /// Our own first; each once.
    pub namespaces: Vec<Netns>,
    /// What we may not see.
    pub degraded: Vec<Degraded>,
}

/// The namespace of the calling thread.
///
/// # Errors
///
/// /proc is not mounted, or no descriptor is left.
pub fn own() -> Result<Netns, NetnsError> {
    open(Path::new("/proc/thread-self/ns/net"))
        .and_then(|netns| netns.ok_or_else(|| io::ErrorKind::Unsupported.into()))
        .map_err(NetnsError::Own)
}

/// The namespace `name` of /run/netns, or the one at a path, which contains a slash; as `ip -n` and
/// `ss -N` take it.
///
/// # Errors
///
/// There is none, it can't be opened, or the file is no namespace. A namespace of another kind
/// shows only when it is entered.
pub fn resolve(name: &str) -> Result<Netns, NetnsError> {
    let is_path = name.contains('/');
    // Joining an absolute path replaces what it is joined to.
    let path = if is_path {
        PathBuf::from(name)
    } else {
        Path::new(NAMED).join(name)
    };
    let name = name.to_owned();
    match open(&path) {
        Ok(Some(netns)) => Ok(Netns {
            name: (!is_path).then_some(name),
            ..netns
        }),
        Ok(None) => Err(NetnsError::NotNetns { name, path }),
        Err(source) => Err(match source.kind() {
            io::ErrorKind::NotFound => NetnsError::NotFound { name, path },
            io::ErrorKind::PermissionDenied => NetnsError::NotPermitted { name },
            _ => NetnsError::Open { name, source },
        }),
    }
}

/// Every network namespace of a process we may look at, and every named one.
///
/// Processes and namespaces that vanish meanwhile are passed over.
///
/// # Errors
///
/// Our own namespace can't be opened.
pub fn all() -> Result<Found, NetnsError> {
    let mut search = Search::default();
    search.keep(own()?);
    search.processes(Path::new("/proc"));
    search.named(Path::new(NAMED));
    Ok(Found {
        namespaces: search.namespaces,
        degraded: search.failures.into_degraded("network namespaces"),
    })
}

#[derive(Default)]
struct Search {
    namespaces: Vec<Netns>,
    /// Place in `namespaces` by inode number.
    places: FxHashMap<u32, usize>,
    failures: Failures,
}

impl Search {
    fn keep(&mut self, netns: Netns) {
        let next = self.namespaces.len();
        let place = *self.places.entry(netns.inode).or_insert(next);
        match self.namespaces.get_mut(place) {
            Some(known) => known.name = known.name.take().or(netns.name),
            None => self.namespaces.push(netns),
        }
    }

    fn processes(&mut self, proc: &Path) {
        for entry in entries(proc) {
            let name = entry.file_name();
            if !name.as_encoded_bytes().iter().all(u8::is_ascii_digit) {
                continue;
            }
            let link = entry.path().join("ns/net");
            // Reading the link costs a fourth of opening it, and most processes share one.
            let known = fs::read_link(&link).map(|target| {
                inode_of_link(&target).is_some_and(|inode| self.places.contains_key(&inode))
            });
            match known {
                Ok(true) => {}
                Ok(false) => self.file(&link, None),
                Err(error) => self.failed(&link, &error),
            }
        }
    }

    fn named(&mut self, folder: &Path) {
        for entry in entries(folder) {
            let name = entry.file_name().to_string_lossy().into_owned();
            self.file(&entry.path(), Some(name));
        }
    }

    fn file(&mut self, path: &Path, name: Option<String>) {
        match open(path) {
            Ok(Some(netns)) => self.keep(Netns { name, ..netns }),
            // `ip netns` leaves an empty file where its mount is gone.
            Ok(None) => {}
            Err(error) => self.failed(path, &error),
        }
    }

    fn failed(&mut self, path: &Path, error: &io::Error) {
        let vanished = error.kind() == io::ErrorKind::NotFound
            || rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::SRCH);
        if !vanished {
            self.failures
                .add(path.display().to_string(), error.to_string());
        }
    }
}

/// The entries of a folder, as far as it can be read. A missing one is empty.
fn entries(folder: &Path) -> impl Iterator<Item = fs::DirEntry> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map_while(Result::ok)
}

/// Opens a namespace file; `None` if it is another kind of file.
///
/// Blocks on nothing: not even on a FIFO that somebody put into /run/netns.
fn open(path: &Path) -> io::Result<Option<Netns>> {
    use std::os::unix::fs::OpenOptionsExt;
    let nonblock = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options()
        .read(true)
        .custom_flags(nonblock)
        .open(path)?;
    if u64::try_from(rustix::fs::fstatfs(file.as_fd())?.f_type) != Ok(NSFS_MAGIC) {
        return Ok(None);
    }
    let inode = rustix::fs::fstat(file.as_fd())?.st_ino;
    // `struct ns_common` holds it in an unsigned int.
    Ok(u32::try_from(inode).ok().map(|inode| Netns {
        inode,
        name: None,
        fd: file.into(),
    }))
}

/// The number in `net:[4026531840]`.
fn inode_of_link(target: &Path) -> Option<u32> {
    let number = target.to_str()?.strip_prefix("net:[")?.strip_suffix(']')?;
    number.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_comes_first_and_once() {
        let own = own().unwrap();
        let found = all().unwrap();
        assert_eq!(found.namespaces[0].inode, own.inode);
        let mut inodes: Vec<_> = found.namespaces.iter().map(|n| n.inode).collect();
        inodes.sort_unstable();
        inodes.dedup();
        assert_eq!(inodes.len(), found.namespaces.len());
    }

    #[test]
    fn a_path_is_taken_as_it_is() {
        let netns = resolve("/proc/self/ns/net").unwrap();
        assert_eq!(netns.inode, own().unwrap().inode);
        assert_eq!(netns.name, None);
    }

    #[test]
    fn errors_say_what_to_do() {
        let missing = resolve("no-such-namespace").unwrap_err().to_string();
        assert_eq!(
            missing,
            "cannot open network namespace \"no-such-namespace\": /run/netns/no-such-namespace \
             does not exist; `ip netns` lists the names, and a path must contain a slash"
        );
        let other = resolve("/proc/self/status").unwrap_err();
        assert!(matches!(other, NetnsError::NotNetns { .. }), "{other}");
    }

    #[test]
    fn links_of_namespaces_are_read() {
        assert_eq!(
            inode_of_link(Path::new("net:[4026531840]")),
            Some(4_026_531_840)
        );
        for other in ["mnt:[1]", "net:[]", "net:[x]", "net:[99999999999]", ""] {
            assert_eq!(inode_of_link(Path::new(other)), None);
        }
    }
}
