//! The container of a socket, as its cgroup's path tells it.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::Trial;
use serde_json::json;
use sockwatch_tests::{
    json::Watch, names, netns::Netns, process::Process, role::Role, story::matches, trial::NotHere,
};

pub(super) fn trials() -> Vec<Trial> {
    trials![container_is_told_by_the_cgroup]
}

const ID: &str = "4f0e1c9ad2b3a4958677a8b9cadbecfd0e1f2a3b4c5d6e7f8091a2b3c4d5e6f7";

/// Where cgroup2 is mounted.
fn mount() -> Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let found = mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let path = words.next()?;
        (words.next() == Some("cgroup2")).then(|| PathBuf::from(path))
    });
    found.context(NotHere("needs cgroup2 mounted"))
}

/// A cgroup like docker's, two levels below the mount; removed when dropped.
struct Docker {
    parent: PathBuf,
    path: String,
}

impl Docker {
    fn new() -> Result<Self> {
        let parent = format!("/{}", names::own());
        let path = format!("{parent}/docker-{ID}.scope");
        let mount = mount()?;
        let below = |path: &str| mount.join(path.trim_start_matches('/'));
        if fs::create_dir_all(below(&path)).is_err() {
            bail!(NotHere("needs a cgroup2 that can be written"));
        }
        Ok(Self {
            parent: below(&parent),
            path,
        })
    }

    fn inner(&self) -> PathBuf {
        self.parent.join(format!("docker-{ID}.scope"))
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // Nothing more can be done about one that stays.
        let _stay = [self.inner(), self.parent.clone()].map(fs::remove_dir);
    }
}

fn container_is_told_by_the_cgroup(netns: &Netns) -> Result<()> {
    if fs::metadata("/sys/kernel/btf/vmlinux").is_err() {
        bail!(NotHere("needs a kernel with BTF"));
    }
    let docker = Docker::new()?;
    let procs = docker.inner().join("cgroup.procs");
    let procs = procs.to_str().context("the path is text")?;
    let way = ["sh", "-c", "echo 0 > \"$0\" && exec \"$@\"", procs];
    let mut watch = Watch::start(netns, &[])?;
    let mut inside = Process::start(Role::Soliloquy.command_through(&way, "sw-inside")?)?;
    ensure!(inside.wait()?.success(), "{:?}", inside.stderr());
    watch.wait_for(&json!({"new": "closed"}), 2)?;
    let record = watch.finish()?;
    let told = json!({"cgroup": docker.path, "container": ID});
    // A half-open connection has no socket, and so no cgroup.
    let untold = json!({"cgroup": null, "container": null});
    for event in record.transitions() {
        let half_open = event["sk"].is_null();
        let expected = if half_open { &untold } else { &told };
        ensure!(matches(expected, event), "{event}");
    }
    Ok(())
}
