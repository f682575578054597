//! What this user may do, and from where: kernel tests that need more show as ignored.

use std::{fs, io, path::Path};

use rustix::process::geteuid;

/// Number and name of the capabilities that a kernel test needs: a namespace of its own, programs
/// in the kernel.
const NEEDED: [(u8, &str); 4] = [
    (12, "CAP_NET_ADMIN"),
    (21, "CAP_SYS_ADMIN"),
    (38, "CAP_PERFMON"),
    (39, "CAP_BPF"),
];

/// What is missing for a kernel test, in words; `None` when all is there.
pub fn missing() -> Option<String> {
    if !geteuid().is_root() {
        return Some("needs root".to_owned());
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let hex = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = hex
        .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .unwrap_or(0);
    let lacking = NEEDED
        .iter()
        .filter(|(number, _)| effective & (1 << number) == 0);
    let names: Vec<_> = lacking.map(|(_, name)| *name).collect();
    if names.is_empty() {
        None
    } else {
        Some(format!("needs {}", names.join(", ")))
    }
}

/// Whether process ids are the kernel's own: `PROC_PID_INIT_INO` (`include/uapi/linux/nsfs.h`).
pub fn in_initial_pid_namespace() -> io::Result<bool> {
    Ok(fs::read_link("/proc/self/ns/pid")? == Path::new("pid:[4026531836]"))
}
