//! What this process may do, by its capabilities.

use std::fs;

use super::{
    super::privilege::{Capabilities, Capability, TRACING_CURE},
    check::Check,
};

/// The cure of what fails for want of capabilities only.
pub(super) const AS_FOR_CAPABILITIES: &str = "as for capabilities";

/// The initial user namespace (`PROC_USER_INIT_INO`).
const INITIAL_USER_NAMESPACE: &str = "user:[4026531837]";

/// Capabilities, and whether the whole machine heeds them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Privileges {
    capabilities: Capabilities,
    in_initial_namespace: bool,
}

impl Privileges {
    pub(super) fn of_this_process() -> Self {
        // Without /proc nobody can tell; trying will.
        let in_initial_namespace = fs::read_link("/proc/self/ns/user")
            .map_or(true, |target| target.as_os_str() == INITIAL_USER_NAMESPACE);
        Self {
            capabilities: Capabilities::effective(),
            in_initial_namespace,
        }
    }

    /// Whether programs may be loaded and attached.
    pub(super) fn suffice(self) -> bool {
        self.in_initial_namespace && self.capabilities.missing_for_tracing().is_empty()
    }

    /// The same as a line.
    pub(super) fn tracing(self) -> Check {
        const NAME: &str = "capabilities";
        let missing = self.capabilities.missing_for_tracing();
        if !missing.is_empty() {
            return Check::no(NAME, format!("without {}", names(&missing)), TRACING_CURE);
        }
        if !self.in_initial_namespace {
            return Check::no(
                NAME,
                "those of a user namespace of its own do not count for tracing",
                "run it in the initial user namespace, outside of a rootless container",
            );
        }
        let sufficient = [Capability::SysAdmin, Capability::Bpf, Capability::Perfmon];
        let held = sufficient.into_iter().filter(|&c| self.capabilities.has(c));
        Check::ok(NAME, names(&held.collect::<Vec<_>>()))
    }

    /// Whether dumps show firewall marks.
    pub(super) fn marks(self) -> Check {
        const NAME: &str = "marks";
        let missing = self.missing(&[Capability::NetAdmin]);
        if !missing.is_empty() {
            let finding = format!("without {missing} those of existing sockets are not known");
            return Check::part(NAME, finding).with_cure(format!("give it {missing}"));
        }
        if !self.in_initial_namespace {
            return Check::part(NAME, "CAP_NET_ADMIN counts in this user namespace only");
        }
        Check::ok(NAME, "CAP_NET_ADMIN")
    }

    /// Names as the cure of `check` what is not held of `needed`, if anything.
    pub(super) fn cure(self, check: Check, needed: &[Capability]) -> Check {
        let missing = self.missing(needed);
        if missing.is_empty() {
            return check;
        }
        check.with_cure(format!("give it {missing}"))
    }

    /// Those of `needed` that are not held, as text; empty when all are.
    fn missing(self, needed: &[Capability]) -> String {
        let missing = needed
            .iter()
            .copied()
            .filter(|&c| !self.capabilities.has(c));
        names(&missing.collect::<Vec<_>>())
    }
}

fn names(capabilities: &[Capability]) -> String {
    let names: Vec<_> = capabilities.iter().map(|c| c.name()).collect();
    names.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::{super::check::State, *};

    fn with(effective: &str, in_initial_namespace: bool) -> Privileges {
        Privileges {
            capabilities: Capabilities::parse(&format!("CapEff:\t{effective}\n")),
            in_initial_namespace,
        }
    }

    #[test]
    fn what_lacks_is_named() {
        let none = with("0000000000000000", true);
        assert!(!none.suffice());
        let tracing = none.tracing();
        assert_eq!(tracing.state, State::No);
        assert_eq!(tracing.finding, "without CAP_BPF and CAP_PERFMON");
        assert_eq!(none.marks().state, State::Part);
        let needed = [Capability::SysPtrace, Capability::DacReadSearch];
        let ptrace = with("0000000000080000", true);
        assert_eq!(ptrace.missing(&needed), "CAP_DAC_READ_SEARCH");
        assert_eq!(
            none.missing(&needed),
            "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"
        );
    }

    #[test]
    fn capabilities_of_another_user_namespace_do_not_count() {
        let contained = with("000001fffeffffff", false);
        assert!(!contained.suffice());
        assert_eq!(contained.tracing().state, State::No);
        assert_eq!(contained.marks().state, State::Part);
        let root = with("000001fffeffffff", true);
        assert!(root.suffice());
        assert_eq!(root.tracing().state, State::Ok);
        assert_eq!(root.marks(), Check::ok("marks", "CAP_NET_ADMIN"));
    }
}
