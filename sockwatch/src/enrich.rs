//! What the kernel's numbers stand for: owners, cgroup paths, names of ports and hosts.
//!
//! Looked up beside the stream, never in its way. Keeps no sockets and decides nothing; text from
//! outside is handed on as it is and escaped where it is printed.

pub mod cgroup;
pub mod devices;
pub mod local_ports;
pub mod names;
pub mod owners;
pub mod selinux;
