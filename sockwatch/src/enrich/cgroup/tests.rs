//! Lookups in a folder tree that stands for the mount.

use super::*;

const HOUR_NS: u64 = 3_600_000_000_000;

fn id(folder: &Path) -> u64 {
    fs::metadata(folder).unwrap().ino()
}

/// A tree with these folders, and a lookup on it.
fn tree(folders: &[&str]) -> (tempfile::TempDir, Paths) {
    let root = tempfile::tempdir().unwrap();
    for folder in folders {
        fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    let paths = Paths::below(root.path().to_owned());
    (root, paths)
}

#[test]
fn paths_begin_at_the_mount() {
    let (root, mut paths) = tree(&["system.slice/ssh.service", "user.slice"]);
    fs::write(root.path().join("system.slice/cgroup.procs"), "").unwrap();
    let now = MonoNs(5);
    let ssh = id(&root.path().join("system.slice/ssh.service"));
    assert_eq!(paths.path(ssh, now), Some("/system.slice/ssh.service"));
    assert_eq!(paths.path(id(root.path()), now), Some("/"));
    let user = id(&root.path().join("user.slice"));
    assert_eq!(paths.path(user, now), Some("/user.slice"));
    let file = id(&root.path().join("system.slice/cgroup.procs"));
    assert_eq!(paths.path(file, now), None);
    assert_eq!(paths.walk, 1);
}

#[test]
fn removed_cgroups_keep_their_path() {
    let (root, mut paths) = tree(&["gone"]);
    let gone = id(&root.path().join("gone"));
    assert_eq!(paths.path(gone, MonoNs(0)), Some("/gone"));
    fs::remove_dir(root.path().join("gone")).unwrap();
    assert_eq!(paths.path(u64::MAX, MonoNs(HOUR_NS)), None);
    assert_eq!(paths.walk, 2);
    assert_eq!(paths.path(gone, MonoNs(HOUR_NS)), Some("/gone"));
}

#[test]
fn unknown_ids_do_not_walk_without_end() {
    let (root, mut paths) = tree(&["a"]);
    for unknown in 0..1000 {
        assert_eq!(paths.path(u64::MAX - unknown, MonoNs(7)), None);
    }
    assert_eq!(paths.walk, 1);
    // A new one is met too early.
    fs::create_dir(root.path().join("b")).unwrap();
    let b = id(&root.path().join("b"));
    assert_eq!(paths.path(b, MonoNs(7)), None);
    assert_eq!(paths.path(b, MonoNs(7 + HOUR_NS)), Some("/b"));
    // What a walk did not find is not looked for again.
    assert_eq!(paths.path(u64::MAX, MonoNs(7 + 2 * HOUR_NS)), None);
    assert_eq!(paths.walk, 2);
}

#[test]
fn names_that_are_no_text_are_shown_nearly() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let (root, mut paths) = tree(&[]);
    let folder = root.path().join(OsStr::from_bytes(b"a\xffb"));
    fs::create_dir(&folder).unwrap();
    assert_eq!(paths.path(id(&folder), MonoNs(0)), Some("/a\u{fffd}b"));
}

#[test]
fn memory_is_bounded() {
    let (root, mut paths) = tree(&["here"]);
    let known = || Known {
        path: Some("/gone".into()),
        walk: 0,
    };
    let gone = (1..=70_000).map(|n| (u64::MAX - n, known()));
    paths.known.extend(gone);
    let here = id(&root.path().join("here"));
    assert_eq!(paths.path(here, MonoNs(0)), Some("/here"));
    assert_eq!(paths.known.len(), 2);
}

#[test]
fn a_mount_that_is_gone_is_no_panic() {
    let (root, mut paths) = tree(&[]);
    drop(root);
    assert_eq!(paths.path(1, MonoNs(0)), None);
    assert!(paths.known.is_empty());
}

#[test]
fn a_cgroup_is_found_by_its_path() {
    let (root, paths) = tree(&["a/b"]);
    let inner = root.path().join("a/b");
    let expected = (id(&inner), "/a/b".to_owned());
    for path in ["a/b", "/a/b", "/a/b/", &inner.display().to_string()] {
        assert_eq!(paths.find_by_path(path).unwrap(), expected, "{path}");
    }
    let top = (id(root.path()), "/".to_owned());
    assert_eq!(paths.find_by_path("/").unwrap(), top);
    // A folder that is none of the mount's.
    for path in ["/proc", "nowhere", "../..", ""] {
        let found = paths.find_by_path(path);
        assert!(found.is_err() || path.is_empty(), "{path}: {found:?}");
    }
    let error = paths.find_by_path("/x").unwrap_err().to_string();
    assert!(
        error.starts_with("there is no cgroup /x, nor /") && error.ends_with("/x"),
        "{error}"
    );
}
