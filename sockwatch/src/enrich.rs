//! What the kernel's numbers stand for: owners and cgroup paths.
//!
//! Reads /proc and the cgroup2 mount, on request. Keeps no sockets.

pub mod cgroup;
pub mod owners;
