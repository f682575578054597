//! What tells of sockets besides the hooks: dumps, namespaces, owners, cgroups.

use std::path::Path;

use rustc_hash::FxHashSet;

use super::{
    super::privilege::Capability,
    check::{Check, State},
    privileges::{AS_FOR_CAPABILITIES, Privileges},
};
use crate::{
    enrich::{
        cgroup::{CgroupError, Paths},
        owners::{self, Search},
    },
    explain::one_line,
    model::{Proto, StateSet, TcpState, event::Degraded},
    source::{
        diag::{
            self, Found, NetnsError, Seed, Selection,
            netns::{self, Netns},
        },
        ebpf::task_files::{self, TaskFilesError},
    },
};

/// All of it.
pub(super) fn checks(privileges: Privileges) -> Vec<Check> {
    let iterator = task_files(privileges.suffice(), task_files::try_out());
    vec![
        sock_diag(),
        namespaces(privileges),
        owners(privileges, iterator.state == State::Ok),
        iterator,
        cgroups(Paths::find()),
    ]
}

/// Dumps sockets of our own namespace.
fn sock_diag() -> Check {
    const NAME: &str = "sock_diag";
    let own = match netns::own() {
        Ok(own) => own,
        Err(error) => return Check::no(NAME, one_line(&error), "mount -t proc proc /proc"),
    };
    let selection = Selection {
        // Half-open connections: few, and without the marks that only some may see.
        states: StateSet::of(&[TcpState::SynRecv]),
        ..Selection::default()
    };
    let seed = diag::dump(&[own], &selection);
    let kernel_has_mptcp = Path::new("/proc/sys/net/mptcp").exists();
    judge_dump(NAME, &seed, kernel_has_mptcp)
}

fn judge_dump(name: &'static str, seed: &Seed, kernel_has_mptcp: bool) -> Check {
    if !seed.degraded.is_empty() {
        return Check::no(
            name,
            reasons(&seed.degraded),
            "a kernel with CONFIG_INET_DIAG and its modules (modprobe tcp_diag)",
        );
    }
    match (seed.absent.contains(&Proto::Mptcp), kernel_has_mptcp) {
        (false, _) => Check::ok(name, "tcp and mptcp dumped"),
        (true, false) => Check::ok(name, "tcp dumped; this kernel has no mptcp"),
        (true, true) => Check::part(
            name,
            "tcp dumped; of existing mptcp sockets nothing is known",
        )
        .with_cure("modprobe mptcp_diag"),
    }
}

/// Finds every network namespace and enters it.
fn namespaces(privileges: Privileges) -> Check {
    const NAME: &str = "namespaces";
    let nothing = Selection {
        protos: Vec::new(),
        ..Selection::default()
    };
    let check = judge_namespaces(NAME, netns::all(), |found| diag::dump(found, &nothing));
    if check.state == State::Part {
        return privileges.cure(check, &[Capability::SysPtrace, Capability::SysAdmin]);
    }
    check
}

fn judge_namespaces(
    name: &'static str,
    found: Result<Found, NetnsError>,
    enter: impl FnOnce(&[Netns]) -> Seed,
) -> Check {
    let found = match found {
        Ok(found) => found,
        Err(error) => return Check::no(name, one_line(&error), "mount -t proc proc /proc"),
    };
    let entered = enter(&found.namespaces);
    let count = found.namespaces.len();
    let shown = format!("{count} found, {} entered", entered.netns_count);
    let hidden = [found.degraded, entered.degraded].concat();
    if hidden.is_empty() {
        return Check::ok(name, shown);
    }
    Check::part(name, format!("{shown}; {}", reasons(&hidden)))
}

/// The faster way to the same, which needs no process's permission.
fn task_files(privileged: bool, tried: Result<(), TaskFilesError>) -> Check {
    const NAME: &str = task_files::PROBE;
    let Err(error) = tried else {
        return Check::ok(NAME, "loads: owners of existing sockets in one pass");
    };
    let finding = format!("{}; owners are searched in /proc", one_line(&error));
    let cure = match error {
        TaskFilesError::PidNamespace => "run it in the initial pid namespace (--pid=host)",
        _ if !privileged => AS_FOR_CAPABILITIES,
        _ => "Linux 5.8 or newer, with BTF",
    };
    Check::part(NAME, finding).with_cure(cure)
}

/// Looks at every descriptor of the machine, as is done where the iterator does not load.
fn owners(privileges: Privileges, iterator_loads: bool) -> Check {
    const NAME: &str = "owners";
    // Nobody holds it, so the search does not end early.
    let nobodys = FxHashSet::from_iter([u64::MAX]);
    let search = Search {
        wanted: Some(&nobodys),
        ..Search::default()
    };
    let unreadable = match owners::scan(search) {
        Ok(found) => found.unreadable,
        Err(error) => return Check::no(NAME, one_line(&error), "mount -t proc proc /proc"),
    };
    if unreadable == 0 {
        return Check::ok(NAME, "every process shows its sockets");
    }
    let finding = format!("processes that do not show their existing sockets: {unreadable}");
    if iterator_loads {
        return Check::ok(NAME, format!("{finding}; {} does", task_files::PROBE));
    }
    let needed = [Capability::SysPtrace, Capability::DacReadSearch];
    privileges.cure(Check::part(NAME, finding), &needed)
}

fn cgroups(paths: Result<Paths, CgroupError>) -> Check {
    const NAME: &str = "cgroup2";
    match paths {
        Ok(paths) => Check::ok(NAME, paths.mount().display().to_string()),
        Err(CgroupError::NotMounted) => Check::part(NAME, "not mounted: cgroups have no paths")
            .with_cure("mount -t cgroup2 none DIRECTORY"),
        Err(error @ CgroupError::Mounts(_)) => {
            Check::part(NAME, error.to_string()).with_cure("mount -t proc proc /proc")
        }
    }
}

fn reasons(degraded: &[Degraded]) -> String {
    let whys: Vec<_> = degraded.iter().map(|d| d.why.as_str()).collect();
    whys.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lesser(why: &str) -> Vec<Degraded> {
        vec![Degraded {
            what: "sock_diag",
            why: why.to_owned(),
        }]
    }

    #[test]
    fn mptcp_is_missed_only_where_the_kernel_has_it() {
        let mut seed = Seed::default();
        assert_eq!(judge_dump("d", &seed, true).state, State::Ok);
        seed.absent.push(Proto::Mptcp);
        assert_eq!(judge_dump("d", &seed, false).state, State::Ok);
        let part = judge_dump("d", &seed, true);
        assert_eq!(part.cure.as_deref(), Some("modprobe mptcp_diag"));
        seed.degraded = lesser("refused");
        assert_eq!(judge_dump("d", &seed, true).state, State::No);
    }

    #[test]
    fn namespaces_that_stay_closed_are_told() {
        let own = || Found {
            namespaces: vec![netns::own().unwrap()],
            degraded: Vec::new(),
        };
        let all = judge_namespaces("n", Ok(own()), |found| Seed {
            netns_count: found.len(),
            ..Seed::default()
        });
        assert_eq!(all, Check::ok("n", "1 found, 1 entered"));
        let none = judge_namespaces("n", Ok(own()), |_| Seed {
            degraded: lesser("not permitted"),
            ..Seed::default()
        });
        assert_eq!(none.finding, "1 found, 0 entered; not permitted");
        assert_eq!(none.state, State::Part);
    }

    #[test]
    fn without_the_iterator_owners_are_found_in_proc() {
        assert_eq!(task_files(true, Ok(())).state, State::Ok);
        let refused = task_files(false, Err(TaskFilesError::Field("file.f_inode")));
        assert_eq!(refused.state, State::Part);
        assert!(
            refused.finding.ends_with("searched in /proc"),
            "{refused:?}"
        );
        assert_eq!(refused.cure.as_deref(), Some(AS_FOR_CAPABILITIES));
        let inside = task_files(true, Err(TaskFilesError::PidNamespace));
        assert!(inside.cure.unwrap().contains("--pid=host"));
    }

    #[test]
    fn no_cgroup2_is_no_obstacle() {
        assert_eq!(cgroups(Err(CgroupError::NotMounted)).state, State::Part);
        assert_eq!(
            cgroups(Ok(Paths::below("/x".into()))),
            Check::ok("cgroup2", "/x")
        );
    }
}
