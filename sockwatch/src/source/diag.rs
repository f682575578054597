//! sock_diag: the sockets that exist, in every network namespace.
//!
//! Changes are not seen here, and a dump is no snapshot: the kernel walks its hash tables while
//! connections come and go (`net/ipv4/inet_diag.c`, `inet_diag_dump_icsk`).
//!
//! Uses: [`dump`](fn@dump) gathers the connections of all namespaces for a table (attach the
//! probes first, then dump, then merge by cookie); [`list`](fn@list) streams every kind of socket of
//! one namespace; [`Lookups`] asks for single connections, without a dump. And [`Destroyer`] closes sockets.

mod attributes;
pub mod destroy;
pub mod dump;
mod failures;
#[cfg(all(test, target_endian = "little"))]
mod fixtures;
mod header;
pub mod inside;
pub mod list;
pub mod look;
pub mod netns;
mod proc_raw;
#[cfg(test)]
mod programs;
mod refusal;
mod request;
mod rows;
mod seed;
pub mod stored;
mod view;
mod wire;

pub use destroy::{Destroyer, NotClosed};
pub use dump::{Seed, Selection, dump};
pub use inside::InsideError;
pub use list::{ListError, Listed, Query, Shown, list};
pub use look::{Asking, LookError, LookFor, Looked, Lookups};
pub use netns::{Found, Netns, NetnsError};
pub use seed::SeedSocket;

/// The subject of everything degraded here.
const WHAT: &str = "sock_diag";
