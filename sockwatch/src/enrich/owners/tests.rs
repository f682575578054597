//! Passes over a made-up /proc, and over the real one.

use std::{fs, net::TcpListener, os::unix::fs::symlink};

use super::*;

fn wanted(inodes: &[u64]) -> FxHashSet<u64> {
    inodes.iter().copied().collect()
}

fn owner(wanted: &FxHashSet<u64>) -> Search<'_> {
    Search {
        wanted: Some(wanted),
        owner_only: true,
        ..Search::default()
    }
}

fn owner_of(scan: &Scan, inode: u64) -> Option<(u32, String)> {
    let owner = scan.holders.users(inode).owner()?;
    let comm = String::from_utf8_lossy(owner.comm.as_bytes()).into_owned();
    Some((owner.pid, comm))
}

/// Process, thread, descriptor.
fn users(scan: &Scan, inode: u64) -> Vec<(u32, Option<u32>, u32)> {
    let users = scan.holders.users(inode).iter();
    users.map(|user| (user.pid, user.tid, user.fd)).collect()
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
    let found = scan_in(proc.path(), owner(&wanted(&[5, 6, 7, 8, 9]))).unwrap();
    for (inode, expected) in [
        (5, Some((200, "parent"))),
        (6, Some((1, "systemd"))),
        (7, Some((200, "parent"))),
        (8, Some((1000, "worker"))),
        (9, None),
    ] {
        let expected = expected.map(|(pid, comm)| (pid, comm.to_owned()));
        assert_eq!(owner_of(&found, inode), expected, "{inode}");
    }
    assert_eq!((found.unreadable, found.broken_off), (0, false));
}

#[test]
fn where_owners_are_all_that_is_wanted_the_first_will_do() {
    let proc = tempfile::tempdir().unwrap();
    process(proc.path(), 200, "parent", &["socket:[5]"]);
    process(proc.path(), 300, "worker", &["socket:[5]", "socket:[6]"]);
    process(proc.path(), 1, "systemd", &["socket:[5]"]);
    let found = |search| users(&scan_in(proc.path(), search).unwrap(), 5);
    let five = wanted(&[5]);
    assert_eq!(found(owner(&five)), [(200, None, 0)]);
    let all = [(300, None, 0), (200, None, 0), (1, None, 0)];
    assert_eq!(found(Search::default()), all);
    let six = wanted(&[6]);
    let search = Search {
        wanted: Some(&six),
        ..Search::default()
    };
    assert_eq!(found(search), []);
}

#[test]
fn every_descriptor_of_every_holder_is_found() {
    let proc = tempfile::tempdir().unwrap();
    process(proc.path(), 200, "parent", &["socket:[5]", "socket:[6]"]);
    let twice = ["socket:[6]", "socket:[5]", "socket:[5]", "socket:[7]"];
    process(proc.path(), 300, "worker", &twice);
    let found = scan_in(proc.path(), Search::default()).unwrap();
    let expected = [(300, None, 2), (300, None, 1), (200, None, 0)];
    assert_eq!(users(&found, 5), expected);
    assert_eq!(users(&found, 6), [(300, None, 0), (200, None, 1)]);
    assert_eq!(users(&found, 8), []);
}

#[test]
fn threads_are_holders_by_themselves_where_they_are_asked_for() {
    let proc = tempfile::tempdir().unwrap();
    let tasks = proc.path().join("200/task");
    process(&tasks, 200, "leader", &["socket:[5]"]);
    process(&tasks, 201, "thread", &["socket:[5]", "socket:[6]"]);
    let search = Search {
        threads: true,
        ..Search::default()
    };
    let found = scan_in(proc.path(), search).unwrap();
    let expected = [(200, Some(201), 0), (200, Some(200), 0)];
    assert_eq!(users(&found, 5), expected);
    let names: Vec<_> = found
        .holders
        .users(6)
        .iter()
        .map(|user| user.comm)
        .collect();
    assert_eq!(names, [Comm::from_bytes(b"thread")]);
}

#[test]
fn contexts_of_processes_are_those_of_their_attributes() {
    let proc = tempfile::tempdir().unwrap();
    process(proc.path(), 200, "labelled", &["socket:[5]"]);
    process(proc.path(), 300, "plain", &["socket:[5]"]);
    let attributes = proc.path().join("200/attr");
    fs::create_dir(&attributes).unwrap();
    fs::write(attributes.join("current"), "system_u:system_r:x_t:s0\0").unwrap();
    let search = Search {
        contexts: Contexts::Sockets,
        ..Search::default()
    };
    let found = scan_in(proc.path(), search).unwrap();
    let contexts: Vec<_> = found
        .holders
        .users(5)
        .iter()
        .map(|user| (user.proc_ctx, user.sock_ctx))
        .collect();
    let labelled = (Some(&b"system_u:system_r:x_t:s0"[..]), None);
    assert_eq!(contexts, [(None, None), labelled]);
}

#[test]
fn a_search_with_a_limit_is_broken_off() {
    let proc = tempfile::tempdir().unwrap();
    for pid in 1..20 {
        process(proc.path(), pid, "x", &["socket:[5]"]);
    }
    let search = |limit| Search {
        limit: Some(limit),
        ..Search::default()
    };
    assert!(scan_in(proc.path(), search(20)).unwrap().broken_off);
    assert!(!scan_in(proc.path(), search(1000)).unwrap().broken_off);
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
    fs::create_dir(proc.path().join("9/fd")).unwrap();
    symlink("socket:[5]", proc.path().join("9/fd/x")).unwrap();
    let found = scan_in(proc.path(), owner(&wanted(&[5, 6]))).unwrap();
    assert_eq!(owner_of(&found, 5), Some((8, "a\nb".to_owned())));
}

#[test]
fn our_own_listener_is_ours() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let inode = rustix::fs::fstat(&listener).unwrap().st_ino;
    let found = scan(owner(&wanted(&[inode]))).unwrap();
    let comm = fs::read("/proc/self/comm").unwrap();
    let owner = found.holders.users(inode).owner().unwrap();
    assert_eq!(owner.pid, std::process::id());
    assert_eq!(owner.comm.as_bytes(), comm.strip_suffix(b"\n").unwrap());
}

#[test]
fn a_missing_proc_is_an_error() {
    let error = scan_in(Path::new("/nonexistent"), Search::default()).unwrap_err();
    assert!(error.to_string().contains("/proc"));
}
