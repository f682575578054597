//! The names that a filter's values can have, and who knows them.

#[cfg(test)]
pub(crate) mod fake;

use std::net::IpAddr;

use super::expr::Transport;
use crate::model::{AddressFamily, Netid};

/// Knows names. The parser asks for one only where it is needed, and after everything that can be
/// found wrong without asking has been found right: a host name may cost a DNS query.
pub trait Lookup {
    /// All addresses of a host, of one family or of both. Empty: there is no such host.
    ///
    /// # Errors
    /// Why it could not be found out, in words for a person.
    fn hosts(&mut self, name: &str, family: Option<AddressFamily>) -> Result<Vec<IpAddr>, String>;

    /// The port of a service (services(5), aliases too).
    fn service(&mut self, name: &str, transport: Transport) -> Option<u16>;

    /// The index of a network device.
    fn device(&mut self, name: &str) -> Option<u32>;

    /// A cgroup, given its path from the root of the file system, from the working directory, or
    /// below the cgroup2 mount.
    ///
    /// # Errors
    /// Why there is none, in words for a person.
    fn cgroup(&mut self, path: &str) -> Result<Cgroup, String>;

    /// The user with this name.
    fn user(&mut self, name: &str) -> Option<u32>;

    /// The inode number of a network namespace, given a name of `ip netns` or a path.
    ///
    /// # Errors
    /// Why there is none, in words for a person.
    fn netns(&mut self, name: &str) -> Result<u32, String>;
}

/// A cgroup that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    /// Id: the inode number of its directory.
    pub id: u64,
    /// Path below the cgroup2 mount, `/` for the root.
    pub path: String,
}

/// What the options of the command line say about the meaning of words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The tables selected: whose service names count.
    pub tables: Vec<Netid>,
    /// The family that a value without a prefix has: that of the last of `-4 -6 -0 -x -f ...`.
    pub preferred: Option<AddressFamily>,
}
