//! sock_diag: the sockets that exist, in every network namespace.
//!
//! Dumps only. Changes are not seen here, and a dump is no snapshot: the kernel walks its hash
//! tables while connections come and go (`net/ipv4/inet_diag.c`, `inet_diag_dump_icsk`). Attach the
//! probes first, then dump, then merge by cookie.

pub mod dump;
mod failures;
#[cfg(all(test, target_endian = "little"))]
mod fixtures;
pub mod netns;
#[cfg(test)]
mod programs;
mod request;
mod seed;
pub mod view;
mod wire;

pub use dump::{Seed, Selection, dump};
pub use netns::{Found, Netns, NetnsError};
pub use seed::SeedSocket;
