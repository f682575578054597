use super::*;

fn task(pid: u32, comm: &str) -> Task {
    Task {
        pid,
        tid: None,
        comm: Comm::from_bytes(comm.as_bytes()),
        context: ContextId::NONE,
    }
}

/// Tasks with their descriptors: inode number, descriptor.
fn holders(told: &[(Task, &[(u64, u32)])]) -> Holders {
    let mut gathering = Gathering::default();
    for &(task, descriptors) in told {
        for &(inode, fd) in descriptors {
            gathering.descriptor(inode, fd, ContextId::NONE);
        }
        gathering.task(task);
    }
    gathering.finish()
}

fn seen(users: Users<'_>) -> Vec<(u32, u32)> {
    users.iter().map(|user| (user.pid, user.fd)).collect()
}

#[test]
fn the_highest_process_and_descriptor_come_first() {
    let all = holders(&[
        (task(7, "parent"), &[(50, 3), (51, 4), (50, 200)]),
        (task(9, "child"), &[(50, 3), (50, 12)]),
    ]);
    assert_eq!(seen(all.users(50)), [(9, 12), (9, 3), (7, 200), (7, 3)]);
    assert_eq!(seen(all.users(51)), [(7, 4)]);
    for nobodys in [0, 49, 52, u64::MAX, 50 + (1 << 32)] {
        assert!(all.users(nobodys).is_empty(), "{nobodys}");
        assert_eq!(all.users(nobodys).owner(), None);
    }
}

#[test]
fn the_lowest_process_owns_and_init_last() {
    let all = holders(&[
        (task(1, "init"), &[(50, 3), (51, 4)]),
        (task(20, "server"), &[(50, 3), (50, 4)]),
        (task(21, "worker"), &[(50, 3)]),
    ]);
    let owner = |inode| all.users(inode).owner().map(|owner| owner.pid);
    assert_eq!((owner(50), owner(51), owner(52)), (Some(20), Some(1), None));
    let pids: Vec<u32> = all.users(50).processes().map(|owner| owner.pid).collect();
    assert_eq!(pids, [1, 20, 21]);
}

#[test]
fn tasks_told_out_of_order_or_twice_are_sorted_and_once() {
    let all = holders(&[
        (task(9, "late"), &[(50, 1)]),
        (task(7, "early"), &[(50, 2), (50, 3)]),
        (task(9, "late"), &[(50, 1), (50, 8)]),
        (task(8, "between"), &[]),
    ]);
    assert_eq!(seen(all.users(50)), [(9, 8), (9, 1), (7, 3), (7, 2)]);
    let comm = |user: User<'_>| String::from_utf8_lossy(user.comm.as_bytes()).into_owned();
    let names: Vec<String> = all.users(50).iter().map(comm).collect();
    assert_eq!(names, ["late", "late", "early", "early"]);
}

#[test]
fn numbers_that_no_socket_has_and_holders_never_told_are_left_out() {
    let mut gathering = Gathering::default();
    gathering.descriptor(0, 1, ContextId::NONE);
    gathering.descriptor(1 << 40, 2, ContextId::NONE);
    gathering.descriptor(50, 3, ContextId::NONE);
    assert_eq!(gathering.descriptors(), 1);
    assert_eq!(gathering.finish().descriptors(), 0);
}

#[test]
fn threads_and_contexts_are_told_apart() {
    let mut gathering = Gathering::default();
    let [one, other] = ["system_u", "user_u"].map(|text| gathering.context(text.as_bytes()));
    assert_eq!(gathering.context(b"system_u"), one);
    for (tid, context) in [(7, one), (8, ContextId::NONE)] {
        gathering.descriptor(50, 3, other);
        gathering.task(Task {
            tid: Some(tid),
            context,
            ..task(7, "x")
        });
    }
    let all = gathering.finish();
    let users: Vec<_> = all
        .users(50)
        .iter()
        .map(|user| (user.tid, user.proc_ctx, user.sock_ctx))
        .collect();
    let socket = Some(&b"user_u"[..]);
    assert_eq!(
        users,
        [
            (Some(8), None, socket),
            (Some(7), Some(&b"system_u"[..]), socket)
        ]
    );
    assert_eq!(all.users(50).processes().count(), 1);
}
