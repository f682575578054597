//! Passes over a made-up /proc, and over the real one.

use std::{fs, net::TcpListener, os::unix::fs::symlink};

use super::*;

fn wanted(inodes: &[u64]) -> FxHashSet<u64> {
    inodes.iter().copied().collect()
}

/// Adds a process with these descriptors.
fn process(proc: &Path, pid: u32, comm: &str, links: &[&str]) {
    let fd = proc.join(format!("{pid}/fd"));
    fs::create_dir_all(&fd).unwrap();
    fs::write(proc.join(format!("{pid}/comm")), format!("{comm}\n")).unwrap();
    for (n, link) in links.iter().enumerate() {
        symlink(link, fd.join(n.to_string())).unwrap();
    }
}

#[test]
fn the_lowest_process_owns_and_init_last() {
    let proc = tempfile::tempdir().unwrap();
    process(proc.path(), 1, "systemd", &["socket:[5]", "socket:[6]"]);
    process(
        proc.path(),
        200,
        "parent",
        &["socket:[7]", "/dev/null", "socket:[5]"],
    );
    process(
        proc.path(),
        1000,
        "worker",
        &["pipe:[8]", "socket:[8]", "socket:[7]"],
    );
    fs::create_dir(proc.path().join("sys")).unwrap();
    let owners = scan_in(proc.path(), &wanted(&[5, 6, 7, 8, 9])).unwrap();
    let mut found: Vec<_> = owners
        .by_inode
        .iter()
        .map(|(&inode, (pid, comm))| {
            (
                inode,
                *pid,
                String::from_utf8_lossy(comm.as_bytes()).into_owned(),
            )
        })
        .collect();
    found.sort();
    let expected = [
        (5, 200, "parent"),
        (6, 1, "systemd"),
        (7, 200, "parent"),
        (8, 1000, "worker"),
    ];
    assert_eq!(
        found,
        expected.map(|(inode, pid, comm)| (inode, pid, comm.to_owned()))
    );
    assert_eq!(owners.unreadable, 0);
}

#[test]
fn strange_names_and_links_are_passed_over() {
    let proc = tempfile::tempdir().unwrap();
    let links = [
        "socket:[]",
        "socket:[x]",
        "socket:[5",
        "socket:[99999999999999999999999]",
        "",
        "5",
    ];
    process(
        proc.path(),
        7,
        "a\nb",
        &links.map(|l| if l.is_empty() { "x" } else { l }),
    );
    process(proc.path(), 8, "a\nb", &["socket:[5]"]);
    fs::create_dir(proc.path().join("99999999999")).unwrap();
    fs::create_dir(proc.path().join("9")).unwrap();
    let owners = scan_in(proc.path(), &wanted(&[5])).unwrap();
    assert_eq!(owners.by_inode[&5], (8, Comm::from_bytes(b"a\nb")));
}

#[test]
fn our_own_listener_is_ours() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let inode = rustix::fs::fstat(&listener).unwrap().st_ino;
    let owners = scan(&wanted(&[inode])).unwrap();
    let comm = fs::read("/proc/self/comm").unwrap();
    let (pid, name) = owners.by_inode[&inode];
    assert_eq!(pid, std::process::id());
    assert_eq!(name.as_bytes(), comm.strip_suffix(b"\n").unwrap());
}

#[test]
fn a_missing_proc_is_an_error() {
    let error = scan_in(Path::new("/nonexistent"), &wanted(&[5])).unwrap_err();
    assert!(error.to_string().contains("/proc"));
}
