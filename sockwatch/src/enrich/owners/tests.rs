//! Passes over a made-up /proc, and over the real one.

use std::{fs, net::TcpListener, os::unix::fs::symlink};

use super::*;

fn wanted(inodes: &[u64]) -> FxHashSet<u64> {
    inodes.iter().copied().collect()
}

fn holder(pid: u32, comm: &str) -> Owner {
    Owner {
        pid,
        comm: Comm::from_bytes(comm.as_bytes()),
        how: How::Scan,
    }
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
    let owners = scan_in(proc.path(), &wanted(&[5, 6, 7, 8, 9]), Holders::Owner).unwrap();
    for (inode, expected) in [
        (5, Some((200, "parent"))),
        (6, Some((1, "systemd"))),
        (7, Some((200, "parent"))),
        (8, Some((1000, "worker"))),
        (9, None),
    ] {
        let expected = expected.map(|(pid, comm)| holder(pid, comm));
        assert_eq!(owners.owner(inode), expected, "{inode}");
        assert_eq!(owners.holders(inode), expected.as_slice(), "{inode}");
    }
    assert_eq!(owners.unreadable, 0);
}

#[test]
fn every_holder_is_found_once_the_owner_first() {
    let proc = tempfile::tempdir().unwrap();
    process(proc.path(), 1, "systemd", &["socket:[5]"]);
    process(proc.path(), 200, "parent", &["socket:[5]", "socket:[6]"]);
    let twice = ["socket:[6]", "socket:[5]", "socket:[5]", "socket:[7]"];
    process(proc.path(), 300, "worker", &twice);
    let owners = scan_in(proc.path(), &wanted(&[5, 6, 7]), Holders::All).unwrap();
    let (systemd, parent) = (holder(1, "systemd"), holder(200, "parent"));
    let worker = holder(300, "worker");
    assert_eq!(owners.holders(5), [parent, worker, systemd]);
    assert_eq!(owners.holders(6), [parent, worker]);
    assert_eq!(owners.holders(7), [worker]);
    assert_eq!(owners.holders(8), []);
    assert_eq!(owners.owner(5), Some(parent));
}

#[test]
fn holders_told_in_any_order_are_sorted() {
    let (systemd, parent) = (holder(1, "systemd"), holder(200, "parent"));
    let worker = holder(300, "worker");
    let told = || {
        vec![
            (5, systemd),
            (6, worker),
            (5, worker),
            (6, parent),
            (5, parent),
            (6, worker),
            (5, worker),
            (7, systemd),
        ]
    };
    let all = Owners::of(told(), Holders::All);
    assert_eq!(all.holders(5), [parent, worker, systemd]);
    assert_eq!(all.holders(6), [parent, worker]);
    assert_eq!(all.holders(7), [systemd]);
    assert_eq!(all.holders(8), []);
    assert_eq!((all.unreadable, all.unseen()), (0, None));
    let owner = Owners::of(told(), Holders::Owner);
    assert_eq!(owner.owner(5), Some(parent));
    assert_eq!(owner.holders(6), [parent]);
    assert_eq!(owner.owner(7), Some(systemd));
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
    let owners = scan_in(proc.path(), &wanted(&[5]), Holders::Owner).unwrap();
    assert_eq!(owners.owner(5), Some(holder(8, "a\nb")));
}

#[test]
fn our_own_listener_is_ours() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let inode = rustix::fs::fstat(&listener).unwrap().st_ino;
    let owners = scan(&wanted(&[inode]), Holders::Owner).unwrap();
    let comm = fs::read("/proc/self/comm").unwrap();
    let owner = owners.owner(inode).unwrap();
    assert_eq!(owner.pid, std::process::id());
    assert_eq!(owner.comm.as_bytes(), comm.strip_suffix(b"\n").unwrap());
}

#[test]
fn a_missing_proc_is_an_error() {
    let error = scan_in(Path::new("/nonexistent"), &wanted(&[5]), Holders::All).unwrap_err();
    assert!(error.to_string().contains("/proc"));
}
