//! The ways into the kernel: ring buffer, and the two hooks with what each needs.

use super::{
    check::{Check, State},
    privileges::AS_FOR_CAPABILITIES,
};
use crate::{
    explain::one_line,
    model::event::Degraded,
    source::ebpf::{
        BTF_PATH, Hook, LoadError, LoadOptions, Minis, Tracer,
        probe::{self, ProbeError, Types},
        tracefs::{self, TracefsError},
    },
};

/// Size of the ring that the programs are loaded with: the live trace's own default.
pub(super) const RING_BYTES: u32 = 16 << 20;

/// How many missing fields are named.
const NAMED_FIELDS: usize = 4;

/// A way to trace.
pub(super) struct Way {
    /// What the hook needs, then the hook itself.
    pub(super) checks: [Check; 2],
}

impl Way {
    /// Whether it can be gone.
    pub(super) fn works(&self) -> bool {
        self.checks[1].state != State::No
    }
}

/// Whether a ring buffer can be made.
pub(super) fn ring_buffer(privileged: bool) -> Check {
    const NAME: &str = "ring buffer";
    match probe::ring_buffer() {
        Ok(()) => Check::ok(NAME, "can be made"),
        Err(error) => {
            let cure = match error {
                ProbeError::NoRing => "Linux 5.8 or newer",
                _ if privileged => "look for what forbids bpf(2): seccomp, a container's settings",
                _ => AS_FOR_CAPABILITIES,
            };
            Check::no(NAME, one_line(&error), cure)
        }
    }
}

/// Both ways, the better one first. Call it inside a runtime.
pub(super) fn ways(privileged: bool) -> Vec<Way> {
    let with_btf = way(btf(probe::types()), Hook::TpBtf, privileged);
    let classic = way(
        mounted(tracefs::classic_layout()),
        Hook::Tracepoint,
        privileged,
    );
    vec![with_btf, classic]
}

fn way(needs: Check, hook: Hook, privileged: bool) -> Way {
    let loads = if needs.state == State::No {
        let finding = format!("needs {}", needs.name);
        Check::no(hook.word(), finding, format!("as for {}", needs.name))
    } else {
        load(hook, privileged)
    };
    Way {
        checks: [needs, loads],
    }
}

fn btf(types: Result<Types, ProbeError>) -> Check {
    const NAME: &str = "BTF";
    let types = match types {
        Ok(types) => types,
        Err(error) => {
            return Check::no(
                NAME,
                one_line(&error),
                "a kernel built with CONFIG_DEBUG_INFO_BTF=y, and /sys mounted",
            );
        }
    };
    let tenths = types.bytes / 100_000;
    let shown = format!("{BTF_PATH}, {}.{} MB", tenths / 10, tenths % 10);
    if types.missing.is_empty() {
        return Check::ok(NAME, format!("{shown}, every field found"));
    }
    let named = types.missing[..types.missing.len().min(NAMED_FIELDS)].join(", ");
    let more = match types.missing.len().saturating_sub(NAMED_FIELDS) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    Check::part(
        NAME,
        format!("{shown}, without {named}{more}: what they tell stays unknown"),
    )
    .with_cure("report it with the kernel's version")
}

fn mounted<T>(layout: Result<T, TracefsError>) -> Check {
    const NAME: &str = "tracefs";
    let Err(error) = layout else {
        let mount = tracefs::mount_point().map(|path| path.display().to_string());
        return Check::ok(NAME, mount.unwrap_or_default());
    };
    match error {
        TracefsError::NotMounted => Check::no(
            NAME,
            "not mounted",
            "mount -t tracefs tracefs /sys/kernel/tracing",
        ),
        TracefsError::Read { .. } => Check::no(
            NAME,
            one_line(&error),
            "root, or CAP_DAC_READ_SEARCH; not needed where tp_btf works",
        ),
        TracefsError::Field { .. } => Check::no(
            NAME,
            one_line(&error),
            "report it with the kernel's version",
        ),
    }
}

/// Loads, attaches, and detaches.
fn load(hook: Hook, privileged: bool) -> Check {
    let options = LoadOptions {
        ring_size: RING_BYTES,
        kernel_log: false,
        hook: Some(hook),
        filter: None,
        minis: Minis::ALL,
        minisock: true,
    };
    match Tracer::load(&options) {
        Ok((tracer, _reader, _log)) => loaded(hook, &tracer.probes(), &tracer.degraded),
        Err(error) => refused(hook, &error, privileged),
    }
}

fn loaded(hook: Hook, probes: &[String], degraded: &[Degraded]) -> Check {
    let names: Vec<_> = probes
        .iter()
        .map(|probe| probe.rsplit('/').next().unwrap_or(probe))
        .collect();
    let shown = format!("{} attached", names.join(" and "));
    // Of single fields the line of BTF tells.
    let lesser: Vec<_> = degraded
        .iter()
        .filter(|degraded| degraded.what != "field")
        .map(|degraded| format!("{}: {}", degraded.what, degraded.why))
        .collect();
    if lesser.is_empty() {
        return Check::ok(hook.word(), shown);
    }
    let cure = match hook {
        Hook::TpBtf => "a newer kernel",
        Hook::Tracepoint => "tp_btf, which is used where it works",
    };
    Check::part(hook.word(), format!("{shown}; {}", lesser.join("; "))).with_cure(cure)
}

fn refused(hook: Hook, error: &LoadError, privileged: bool) -> Check {
    let cure = match error {
        _ if !privileged => AS_FOR_CAPABILITIES.to_owned(),
        LoadError::Refused(_) | LoadError::Object(_) => format!(
            "if the lines above do not tell, see what `sockwatch --hook {} -v` says",
            hook.word()
        ),
        _ => "report it".to_owned(),
    };
    Check::no(hook.word(), one_line(error), cure)
}

#[cfg(test)]
mod tests {
    use std::io;

    use clap::Parser as _;

    use super::{super::super::cli::Cli, *};

    #[test]
    fn the_ring_is_as_large_as_the_live_one() {
        let live = Cli::try_parse_from(["sockwatch"]).unwrap().live;
        assert_eq!(live.ring_size, RING_BYTES);
    }

    #[test]
    fn missing_fields_are_named_but_not_all() {
        let types = |missing: Vec<&'static str>| Types {
            bytes: 4_187_000,
            missing,
        };
        let whole = btf(Ok(types(Vec::new())));
        assert_eq!(
            whole.finding,
            "/sys/kernel/btf/vmlinux, 4.1 MB, every field found"
        );
        let holes = btf(Ok(types(vec!["sock.a", "sock.b", "c.d", "e.f", "g.h"])));
        assert_eq!(holes.state, State::Part);
        assert!(
            holes
                .finding
                .contains("without sock.a, sock.b, c.d, e.f and 1 more:"),
            "{}",
            holes.finding
        );
    }

    #[test]
    fn what_stops_a_way_has_a_cure() {
        let unread = || io::Error::from(io::ErrorKind::PermissionDenied);
        let stopped = [
            btf(Err(ProbeError::Read(unread()))),
            mounted::<()>(Err(TracefsError::NotMounted)),
            mounted::<()>(Err(TracefsError::Read {
                path: "/x".into(),
                source: unread(),
            })),
            refused(Hook::TpBtf, &LoadError::Missing("x"), true),
        ];
        for check in stopped {
            assert_eq!(check.state, State::No);
            assert!(check.cure.is_some(), "{check:?}");
        }
    }

    #[test]
    fn a_lesser_way_still_works() {
        let probes = ["tp_btf/inet_sock_set_state".to_owned()];
        let degraded = |what| Degraded {
            what,
            why: "why".to_owned(),
        };
        let part = loaded(
            Hook::TpBtf,
            &probes,
            &[degraded("field"), degraded("cookie")],
        );
        assert_eq!(part.state, State::Part);
        assert_eq!(part.finding, "inet_sock_set_state attached; cookie: why");
        let whole = loaded(Hook::TpBtf, &probes, &[degraded("field")]);
        assert_eq!(whole.state, State::Ok);
    }
}
