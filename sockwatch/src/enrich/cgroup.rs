//! Paths of cgroups, by id.
//!
//! The kernel says by number which cgroup a socket belongs to: the inode number of the directory on
//! the cgroup2 mount (`fs/kernfs`, `kernfs_node::id`, on 64-bit machines). Ids are never given out
//! twice, so a path once learnt stays: events of a cgroup come after it was removed.
//!
//! Cgroups that are not below our mount (outside of a container) have no path. Version 1
//! hierarchies are not looked at.

mod mount;

use std::{
    fs, io,
    os::unix::fs::{DirEntryExt, MetadataExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustc_hash::FxHashMap;

use crate::model::MonoNs;

/// Ids held; those of cgroups that are there, even if more.
const REMEMBERED: usize = 65_536;

/// A walk is repeated after this many times the time it took: at most 2 % of a CPU.
const PAUSE: u32 = 50;

/// Why there are no paths.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// The mounts can't be read.
    #[error("cannot read /proc/self/mountinfo to find the cgroup2 mount")]
    Mounts(#[source] io::Error),
    /// No cgroup2.
    #[error(
        "no cgroup2 file system is mounted; \
         `mount -t cgroup2 none DIRECTORY` makes cgroup paths known"
    )]
    NotMounted,
}

/// A path that is no cgroup's.
#[derive(Debug, thiserror::Error)]
#[error("there is no cgroup {path}, nor {mount}/{}", path.trim_start_matches('/'))]
pub struct CgroupPathError {
    path: String,
    mount: String,
}

/// Paths of cgroups below the cgroup2 mount, each looked up once.
#[derive(Debug)]
pub struct Paths {
    mount: PathBuf,
    known: FxHashMap<u64, Known>,
    /// Number of the last walk.
    walk: u64,
    /// When the last walk began, and how long it took.
    last: Option<(MonoNs, Duration)>,
}

#[derive(Debug)]
struct Known {
    /// `None`: was looked for and is not below the mount.
    path: Option<Box<str>>,
    /// The last walk that found it.
    walk: u64,
}

impl Paths {
    /// Paths below the cgroup2 mount of this process. Does not walk it yet.
    ///
    /// # Errors
    ///
    /// There is no such mount.
    pub fn find() -> Result<Self, CgroupError> {
        let mounts = fs::read("/proc/self/mountinfo").map_err(CgroupError::Mounts)?;
        mount::cgroup2(&mounts)
            .map(Self::below)
            .ok_or(CgroupError::NotMounted)
    }

    /// The directory that the paths begin at.
    pub fn mount(&self) -> &Path {
        &self.mount
    }

    /// Paths below this directory.
    pub fn below(mount: PathBuf) -> Self {
        Self {
            mount,
            known: FxHashMap::default(),
            walk: 0,
            last: None,
        }
    }

    /// The cgroup at `path`: from the root of the file system or the working directory, or else below
    /// the mount. Its id, and its path below the mount.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn find_by_path(&self, path: &str) -> Result<(u64, String), CgroupPathError> {
        let below = self.mount.join(path.trim_start_matches('/'));
        let found = [Path::new(path), &below].into_iter().find_map(|tried| {
            let whole = fs::canonicalize(tried).ok()?;
            let inner = whole.strip_prefix(&self.mount).ok()?;
            let metadata = fs::metadata(&whole).ok().filter(fs::Metadata::is_dir)?;
            Some((metadata.ino(), format!("/{}", inner.display())))
        });
        found.ok_or_else(|| CgroupPathError {
            path: path.to_owned(),
            mount: self.mount.display().to_string(),
        })
    }

    /// The path of the cgroup with this id, such as `/system.slice/ssh.service`; `/` for the root.
    ///
    /// An id met for the first time makes it walk the tree, and may have to wait for that: `None`
    /// until the pause after the last walk is over. `now` must not go back.
    pub fn path(&mut self, id: u64, now: MonoNs) -> Option<&str> {
        if id != 0 && !self.known.contains_key(&id) && self.may_walk(now) {
            self.look_for(id, now);
        }
        self.known.get(&id)?.path.as_deref()
    }

    fn may_walk(&self, now: MonoNs) -> bool {
        self.last.is_none_or(|(begun, took)| {
            let pause = u128::from(now.since(begun).0);
            pause >= took.as_nanos() * u128::from(PAUSE)
        })
    }

    fn look_for(&mut self, id: u64, now: MonoNs) {
        self.walk += 1;
        let begun = Instant::now();
        let whole = self.walk_tree();
        self.last = Some((now, begun.elapsed()));
        if self.known.len() > REMEMBERED {
            let walk = self.walk;
            self.known.retain(|_, known| known.walk == walk);
        }
        if whole {
            // It was there before the walk, if ever: it has been removed, or is outside.
            let walk = self.walk;
            self.known.entry(id).or_insert(Known { path: None, walk });
        }
    }

    /// Learns every path. `false`: something could not be read, and did not just vanish.
    fn walk_tree(&mut self) -> bool {
        let root = match fs::metadata(&self.mount) {
            Ok(metadata) if metadata.is_dir() => metadata.ino(),
            _ => return false,
        };
        self.learn(root, "/");
        let mut whole = true;
        let mut folders = vec![(self.mount.clone(), String::new())];
        while let Some((folder, path)) = folders.pop() {
            if let Err(error) = self.walk_folder(&folder, &path, &mut folders) {
                whole &= has_vanished(&error);
            }
        }
        whole
    }

    /// Learns the folders in `folder`, whose path is `path`, and adds those with folders in them to
    /// `folders`.
    fn walk_folder(
        &mut self,
        folder: &Path,
        path: &str,
        folders: &mut Vec<(PathBuf, String)>,
    ) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                continue;
            }
            let path = format!("{path}/{}", entry.file_name().to_string_lossy());
            self.learn(entry.ino(), &path);
            // A folder with two links has no folders in it (`kernfs_refresh_inode`). Most cgroups
            // are such, with 30 files or more that need not be read.
            match entry.metadata() {
                Ok(metadata) if metadata.nlink() == 2 => {}
                Ok(_) => folders.push((entry.path(), path)),
                Err(error) if has_vanished(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn learn(&mut self, id: u64, path: &str) {
        let known = self.known.entry(id).or_insert(Known {
            path: None,
            walk: self.walk,
        });
        known.walk = self.walk;
        if known.path.as_deref() != Some(path) {
            known.path = Some(path.into());
        }
    }
}

fn has_vanished(error: &io::Error) -> bool {
    // A cgroup that is removed while it is open reads as ENODEV.
    error.kind() == io::ErrorKind::NotFound
        || rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::NODEV)
}

#[cfg(test)]
mod tests;
