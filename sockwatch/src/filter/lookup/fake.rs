//! A few names, for tests.

use std::net::IpAddr;

use super::{Cgroup, Lookup};
use crate::filter::expr::Transport;
use crate::filter::expr::arbitrary::found_cgroup;
use crate::model::AddressFamily;

/// Knows the same on every machine.
#[derive(Debug, Default)]
pub(crate) struct FakeLookup {
    /// The hosts asked for.
    pub(crate) asked: Vec<String>,
    /// Whether to panic when one is.
    pub(crate) no_hosts: bool,
}

impl Lookup for FakeLookup {
    fn hosts(&mut self, name: &str, family: Option<AddressFamily>) -> Result<Vec<IpAddr>, String> {
        assert!(!self.no_hosts, "asked for host {name}");
        self.asked.push(name.to_owned());
        let addresses: &[&str] = match name {
            "localhost" => &["127.0.0.1", "::1"],
            "multi.example" => &["10.0.0.1", "10.0.0.2", "fd00::1"],
            "dev" | "six" => &["fd00::6"],
            "broken" => return Err("the name server does not answer".to_owned()),
            _ => &[],
        };
        let addresses = addresses
            .iter()
            .map(|address| address.parse::<IpAddr>().unwrap());
        let wanted = |address: &IpAddr| {
            family.is_none_or(|family| (family == AddressFamily::Inet) == address.is_ipv4())
        };
        Ok(addresses.filter(wanted).collect())
    }

    fn service(&mut self, name: &str, transport: Transport) -> Option<u16> {
        Some(match (name, transport) {
            ("ssh" | "ftp-data", Transport::Tcp) => 22,
            ("domain", _) => 53,
            ("ambig", Transport::Tcp) => 5,
            ("ambig", Transport::Udp) => 6,
            ("bootps", Transport::Udp) => 67,
            _ => return None,
        })
    }

    fn device(&mut self, name: &str) -> Option<u32> {
        match name {
            "lo" => Some(1),
            "eth0" => Some(2),
            _ => None,
        }
    }

    fn cgroup(&mut self, path: &str) -> Result<Cgroup, String> {
        if path.starts_with('/') && !path.starts_with("/no/") {
            return Ok(found_cgroup(path));
        }
        Err("No such file or directory".to_owned())
    }

    fn user(&mut self, name: &str) -> Option<u32> {
        match name {
            "root" => Some(0),
            "www-data" => Some(33),
            _ => None,
        }
    }

    fn netns(&mut self, name: &str) -> Result<u32, String> {
        if matches!(name, "blue" | "/run/netns/blue") {
            return Ok(4_026_531_840);
        }
        Err("No such file or directory".to_owned())
    }
}
