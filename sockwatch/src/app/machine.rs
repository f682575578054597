//! The names in a filter, looked up on this machine: hosts, services, devices, cgroups, users,
//! network namespaces.

use std::net::IpAddr;

use dns_lookup::{AddrInfoHints, LookupErrorKind, getaddrinfo};
use rustix::net::{AddressFamily as Af, SocketType};

use crate::{
    enrich::{cgroup::Paths, devices::Devices, names::services::Services},
    explain::one_line,
    filter::{Lookup, expr::Transport, lookup::Cgroup},
    model::{AddressFamily, Netid},
    source::diag::{
        inside,
        netns::{self, Netns},
    },
};

/// This machine; what it knows is read when it is first asked for.
pub(super) struct Machine<'a> {
    /// Where devices are looked for, if not here.
    netns: Option<&'a Netns>,
    devices: Option<Devices>,
    services: Option<Services>,
}

impl<'a> Machine<'a> {
    pub(super) const fn new(netns: Option<&'a Netns>) -> Self {
        Self {
            netns,
            devices: None,
            services: None,
        }
    }
}

impl Lookup for Machine<'_> {
    fn hosts(&mut self, name: &str, family: Option<AddressFamily>) -> Result<Vec<IpAddr>, String> {
        let families = match family {
            Some(AddressFamily::Inet) => &[Af::INET][..],
            Some(AddressFamily::Inet6) => &[Af::INET6],
            _ => &[Af::INET, Af::INET6],
        };
        let mut found: Vec<IpAddr> = Vec::new();
        let mut failure = None;
        // One by one, for a failure of the one must not hide the addresses of the other.
        for &family in families {
            match addresses(name, family) {
                Ok(addresses) => found.extend(addresses),
                Err(why) => failure = Some(why),
            }
        }
        let mut known = rustc_hash::FxHashSet::default();
        found.retain(|&address| known.insert(address));
        match failure {
            Some(why) if found.is_empty() => Err(why),
            _ => Ok(found),
        }
    }

    fn service(&mut self, name: &str, transport: Transport) -> Option<u16> {
        if self.services.is_none() {
            self.services = Services::load()
                .map_err(|error| log::warn!("{}", one_line(&error)))
                .ok();
        }
        let table = match transport {
            Transport::Tcp => Netid::Tcp,
            Transport::Udp => Netid::Udp,
        };
        self.services.as_ref()?.port(table, name)
    }

    fn device(&mut self, name: &str) -> Option<u32> {
        if self.devices.is_none() {
            self.devices = devices(self.netns)
                .map_err(|error| log::warn!("network devices: {error}"))
                .ok();
        }
        self.devices.as_ref()?.index(name)
    }

    fn cgroup(&mut self, path: &str) -> Result<Cgroup, String> {
        let paths = Paths::find().map_err(|error| one_line(&error))?;
        let (id, path) = paths
            .find_by_path(path)
            .map_err(|error| error.to_string())?;
        Ok(Cgroup { id, path })
    }

    fn user(&mut self, name: &str) -> Option<u32> {
        uzers::get_user_by_name(name).map(|user| user.uid())
    }

    fn netns(&mut self, name: &str) -> Result<u32, String> {
        match netns::resolve(name) {
            Ok(netns) => Ok(netns.inode),
            Err(error) => Err(one_line(&error)),
        }
    }
}

/// The devices of a namespace, or of our own.
pub(super) fn devices(netns: Option<&Netns>) -> Result<Devices, anyhow::Error> {
    match netns {
        Some(netns) => Ok(inside::inside(netns, Devices::here)??),
        None => Ok(Devices::here()?),
    }
}

/// The addresses of one family that a host has; none where there is no such host.
fn addresses(name: &str, family: Af) -> Result<Vec<IpAddr>, String> {
    let hints = AddrInfoHints {
        address: i32::from(family.as_raw()),
        socktype: i32::try_from(SocketType::STREAM.as_raw()).unwrap_or_default(),
        ..AddrInfoHints::default()
    };
    match getaddrinfo(Some(name), None, Some(hints)) {
        // An address of a family that Rust has no name for is none of these two.
        Ok(found) => Ok(found.flatten().map(|found| found.sockaddr.ip()).collect()),
        Err(error) => match error.kind() {
            LookupErrorKind::NoName | LookupErrorKind::NoData => Ok(Vec::new()),
            LookupErrorKind::Again => Err("the name servers do not answer".to_owned()),
            _ => Err(std::io::Error::from(error).to_string()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_written_as_numbers_need_no_name_server() {
        let mut machine = Machine::new(None);
        let loopback = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(machine.hosts("2130706433", None), Ok(vec![loopback]));
        let inet6 = Some(AddressFamily::Inet6);
        assert_eq!(
            machine.hosts("::1", inet6),
            Ok(vec!["::1".parse().unwrap()])
        );
    }

    #[test]
    fn this_machine_has_a_loopback_device_and_a_root() {
        let mut machine = Machine::new(None);
        assert_eq!(machine.device("lo"), Some(1));
        assert_eq!(machine.device("no-such-device"), None);
        assert_eq!(machine.user("root"), Some(0));
        assert_eq!(machine.user("no such user"), None);
        let own = netns::own().unwrap().inode;
        assert_eq!(machine.netns("/proc/self/ns/net"), Ok(own));
        assert!(
            machine
                .netns("no-such-namespace")
                .unwrap_err()
                .contains("ip netns")
        );
    }
}
