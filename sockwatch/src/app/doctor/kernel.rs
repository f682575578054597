//! The kernel: its version, and the switches that forbid or hide things.

use std::{fs, io};

use rustix::process::{Resource, getrlimit};

use super::{check::Check, hooks::RING_BYTES};
use crate::source::ebpf::raise_memlock_limit;

const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

/// A release of Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(u32, u32);

impl Version {
    /// Ring buffers.
    const RING_BUFFERS: Self = Self(5, 8);
    /// Maps are charged to the cgroup, no longer to RLIMIT_MEMLOCK.
    const MAPS_IN_CGROUP: Self = Self(5, 11);
    /// `bpf_get_socket_cookie` in tracing programs, and the count of skipped calls.
    const COOKIES: Self = Self(5, 12);

    /// That of the running kernel; `None` where its name does not begin with one.
    pub(super) fn running() -> Option<Self> {
        Self::parse(&release())
    }

    fn parse(release: &str) -> Option<Self> {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit());
        let mut number = || numbers.next()?.parse().ok();
        Some(Self(number()?, number()?))
    }
}

fn release() -> String {
    rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned()
}

/// Whether the kernel is new enough.
pub(super) fn version(version: Option<Version>) -> Check {
    let machine = rustix::system::uname()
        .machine()
        .to_string_lossy()
        .into_owned();
    judge_version(version, &format!("{} {machine}", release()))
}

fn judge_version(version: Option<Version>, shown: &str) -> Check {
    const NAME: &str = "kernel";
    match version {
        None => Check::info(NAME, format!("{shown}: cannot tell how old")),
        Some(old) if old < Version::RING_BUFFERS => Check::no(
            NAME,
            format!("{shown}: has no ring buffers"),
            "Linux 5.8 or newer",
        ),
        Some(old) if old < Version::COOKIES => Check::part(
            NAME,
            format!(
                "{shown}: many sockets have no cookie, calls that the kernel skips may go uncounted"
            ),
        )
        .with_cure("Linux 5.12 or newer"),
        Some(_) => Check::ok(NAME, shown),
    }
}

/// Whether programs may read kernel memory.
pub(super) fn lockdown() -> Check {
    judge_lockdown(fs::read_to_string(LOCKDOWN))
}

fn judge_lockdown(text: io::Result<String>) -> Check {
    const NAME: &str = "lockdown";
    let text = match text {
        Ok(text) => text,
        Err(error) => {
            let finding = format!(
                "unknown ({LOCKDOWN}: {error}): securityfs is not mounted, or there is no lockdown"
            );
            return Check::info(NAME, finding);
        }
    };
    let chosen = text.split_whitespace().find_map(|word| {
        let word = word.strip_prefix('[')?;
        word.strip_suffix(']')
    });
    match chosen {
        Some("confidentiality") => Check::no(
            NAME,
            "confidentiality: programs may not read kernel memory",
            "boot with lockdown=integrity",
        ),
        Some(mode) => Check::ok(NAME, mode),
        None => Check::info(NAME, format!("unknown ({LOCKDOWN} says {:?})", text.trim())),
    }
}

/// Whether locked memory is enough for the ring, where kernels still charge it.
pub(super) fn memlock(version: Option<Version>) -> Option<Check> {
    raise_memlock_limit();
    let limit = getrlimit(Resource::Memlock).current;
    (version? < Version::MAPS_IN_CGROUP).then(|| judge_memlock(limit))
}

fn judge_memlock(limit: Option<u64>) -> Check {
    const NAME: &str = "memlock";
    // Besides the ring: counters, globals, programs.
    let needed = u64::from(RING_BYTES) + (1 << 20);
    match limit {
        None => Check::ok(NAME, "unlimited"),
        Some(bytes) if bytes >= needed => Check::ok(NAME, format!("{bytes} bytes")),
        Some(bytes) => Check::no(
            NAME,
            format!("{bytes} bytes; before Linux 5.11 the ring counts, and takes {needed}"),
            "ulimit -l unlimited, or a smaller --ring-size",
        ),
    }
}

/// Whether the addresses of kernel symbols are shown.
pub(super) fn kptr_restrict() -> Check {
    let value = sysctl("kernel/kptr_restrict");
    let meaning = match value.as_str() {
        "0" => "addresses of kernel symbols are shown",
        "1" => "addresses of kernel symbols take CAP_SYSLOG",
        "2" => "addresses of kernel symbols are hidden",
        _ => "not known",
    };
    Check::info(
        "kptr_restrict",
        format!("{value}: {meaning}; they tell the timers of half-open connections and TIME-WAIT"),
    )
}

/// What others than the privileged may load, for those who are not.
pub(super) fn unprivileged_bpf() -> Check {
    let value = sysctl("kernel/unprivileged_bpf_disabled");
    Check::info(
        "unprivileged",
        format!(
            "kernel.unprivileged_bpf_disabled is {value}; tracing takes capabilities either way"
        ),
    )
}

fn sysctl(path: &str) -> String {
    fs::read_to_string(format!("/proc/sys/{path}")).map_or_else(
        |error| format!("unknown ({error})"),
        |text| text.trim().to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::{super::check::State, *};

    #[test]
    fn releases_are_compared_as_numbers() {
        assert_eq!(Version::parse("6.18.44-x"), Some(Version(6, 18)));
        assert_eq!(Version::parse("5.10-rc1"), Some(Version(5, 10)));
        assert!(Version::parse("5.10.0") > Version::parse("5.8.0"));
        for odd in ["", "linux", "5", "5.", "v5.10"] {
            assert_eq!(Version::parse(odd), None, "{odd}");
        }
        assert_eq!(judge_version(None, "x").state, State::Info);
        assert_eq!(judge_version(Some(Version(5, 7)), "x").state, State::No);
        assert_eq!(judge_version(Some(Version(5, 8)), "x").state, State::Part);
        assert_eq!(judge_version(Some(Version(5, 12)), "x").state, State::Ok);
    }

    #[test]
    fn only_confidentiality_forbids() {
        let judge = |text: &str| judge_lockdown(Ok(text.to_owned()));
        assert_eq!(
            judge("[none] integrity confidentiality\n"),
            Check::ok("lockdown", "none")
        );
        assert_eq!(judge("none [integrity] confidentiality\n").state, State::Ok);
        assert_eq!(judge("none integrity [confidentiality]\n").state, State::No);
        for odd in ["", "[", "[]x none", "none integrity"] {
            assert_eq!(judge(odd).state, State::Info, "{odd:?}");
        }
        let unread = judge_lockdown(Err(io::ErrorKind::NotFound.into()));
        assert_eq!(unread.state, State::Info);
    }

    #[test]
    fn locked_memory_has_to_hold_the_ring() {
        assert_eq!(judge_memlock(None).state, State::Ok);
        assert_eq!(judge_memlock(Some(64 << 10)).state, State::No);
        assert_eq!(judge_memlock(Some(u64::from(RING_BYTES))).state, State::No);
        assert_eq!(judge_memlock(Some(64 << 20)).state, State::Ok);
    }
}
