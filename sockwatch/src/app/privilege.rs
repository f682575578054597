//! What this process may do: its effective capabilities.

use std::fs;

/// How to get what [`Capabilities::missing_for_tracing`] names.
pub(super) const TRACING_CURE: &str = "run it as root, or give the program the capabilities: \
                                       setcap cap_bpf,cap_perfmon+ep FILE";

/// A capability (`include/uapi/linux/capability.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capability {
    /// Folders of other users' processes.
    DacReadSearch = 2,
    /// Firewall marks in dumps.
    NetAdmin = 12,
    /// Descriptors and namespaces of other users' processes.
    SysPtrace = 19,
    /// Everything BPF before 5.8; entering namespaces.
    SysAdmin = 21,
    /// Tracing programs.
    Perfmon = 38,
    /// Loading programs.
    Bpf = 39,
}

impl Capability {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::DacReadSearch => "CAP_DAC_READ_SEARCH",
            Self::NetAdmin => "CAP_NET_ADMIN",
            Self::SysPtrace => "CAP_SYS_PTRACE",
            Self::SysAdmin => "CAP_SYS_ADMIN",
            Self::Perfmon => "CAP_PERFMON",
            Self::Bpf => "CAP_BPF",
        }
    }
}

/// The effective capabilities.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capabilities(u64);

impl Capabilities {
    /// Those of this process; none where /proc does not tell.
    pub(super) fn effective() -> Self {
        Self::parse(&fs::read_to_string("/proc/self/status").unwrap_or_default())
    }

    /// From the text of /proc/PID/status.
    pub(super) fn parse(status: &str) -> Self {
        let hex = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        Self(
            hex.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
                .unwrap_or(0),
        )
    }

    pub(super) const fn has(self, capability: Capability) -> bool {
        self.0 & (1 << capability as u32) != 0
    }

    /// What loading and attaching a tracing program still needs.
    pub(super) fn missing_for_tracing(self) -> Vec<Capability> {
        if self.has(Capability::SysAdmin) {
            return Vec::new();
        }
        let needed = [Capability::Bpf, Capability::Perfmon];
        needed
            .into_iter()
            .filter(|&capability| !self.has(capability))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let none = Capabilities::parse("Name:\tx\nCapEff:\t0000000000000000\n");
        assert_eq!(
            none.missing_for_tracing(),
            [Capability::Bpf, Capability::Perfmon]
        );
        let bpf = Capabilities::parse("CapEff:\t0000008000000000\n");
        assert_eq!(bpf.missing_for_tracing(), [Capability::Perfmon]);
        let root = Capabilities::parse("CapEff:\t000001fffeffffff\n");
        assert!(root.missing_for_tracing().is_empty());
        assert!(!Capabilities::parse("").has(Capability::NetAdmin));
    }
}
