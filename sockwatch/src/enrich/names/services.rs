//! Service names of ports, and ports of service names, from /etc/services.
//!
//! Read once: no NSS modules, no rereading.

use std::{fs, io, ops::RangeInclusive};

use rustc_hash::FxHashMap;

use crate::{enrich::local_ports, model::Netid};

const SERVICES: &str = "/etc/services";

/// Why there are no service names.
#[derive(Debug, thiserror::Error)]
pub enum ServicesError {
    /// The file is missing or cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// Port ↔ name, for each transport protocol.
#[derive(Debug)]
pub struct Services {
    names: FxHashMap<(Protocol, u16), Box<str>>,
    ports: FxHashMap<(Protocol, Box<str>), u16>,
    local_ports: RangeInclusive<u16>,
}

/// What stands behind the slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Protocol {
    Tcp,
    Udp,
    Sctp,
    Dccp,
}

impl Protocol {
    fn named(word: &str) -> Option<Self> {
        match word {
            "tcp" => Some(Self::Tcp),
            "udp" => Some(Self::Udp),
            "sctp" => Some(Self::Sctp),
            "dccp" => Some(Self::Dccp),
            _ => None,
        }
    }

    /// Whose services the ports of a table are.
    const fn of(table: Netid) -> Option<Self> {
        match table {
            Netid::Tcp | Netid::Mptcp => Some(Self::Tcp),
            Netid::Udp => Some(Self::Udp),
            Netid::Sctp => Some(Self::Sctp),
            Netid::Dccp => Some(Self::Dccp),
            _ => None,
        }
    }
}

impl Services {
    /// Reads this machine's /etc/services, and the range of local ports of the network namespace of
    /// the calling thread.
    ///
    /// # Errors
    /// When /etc/services cannot be read.
    pub fn load() -> Result<Self, ServicesError> {
        let text = fs::read(SERVICES).map_err(|source| ServicesError::Read {
            path: SERVICES,
            source,
        })?;
        Ok(Self::parse(
            &String::from_utf8_lossy(&text),
            local_ports::range(),
        ))
    }

    /// From the text of such a file (services(5)). A malformed line is left out. The first name of
    /// a port counts, and the first port of a name, as for getservbyport(3) and getservbyname(3).
    pub fn parse(text: &str, local_ports: RangeInclusive<u16>) -> Self {
        let mut services = Self {
            names: FxHashMap::default(),
            ports: FxHashMap::default(),
            local_ports,
        };
        for line in text.lines() {
            let _malformed = services.line(line);
        }
        services
    }

    /// `name port/tcp aliases... # comment`
    fn line(&mut self, line: &str) -> Option<()> {
        let line = line.split('#').next()?;
        let mut words = line.split_ascii_whitespace();
        let name = words.next()?;
        let (port, protocol) = words.next()?.split_once('/')?;
        let (port, protocol) = (port.parse().ok()?, Protocol::named(protocol)?);
        self.names
            .entry((protocol, port))
            .or_insert_with(|| name.into());
        for name in std::iter::once(name).chain(words) {
            self.ports.entry((protocol, name.into())).or_insert(port);
        }
        Some(())
    }

    /// The name of `port` in a table; none inside `ip_local_port_range`, where, as in `ss`, a port
    /// says nothing about the service.
    pub fn name(&self, table: Netid, port: u16) -> Option<&str> {
        if self.local_ports.contains(&port) {
            return None;
        }
        let name = self.names.get(&(Protocol::of(table)?, port));
        name.map(AsRef::as_ref)
    }

    /// The port of the service with this name or alias, for the sockets of a table.
    pub fn port(&self, table: Netid, name: &str) -> Option<u16> {
        self.ports
            .get(&(Protocol::of(table)?, name.into()))
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrich::local_ports::DEFAULT;

    const TEXT: &str = "\
# Network services
http\t\t80/tcp\t\twww\t# WorldWideWeb HTTP
http\t\t80/udp
other-http\t80/tcp
domain\t53/udp
broken tcp/80
way-too-big 70000/tcp
#hidden 81/tcp
filenet-tms\t32768/tcp
lonely
";

    #[test]
    fn the_first_name_counts() {
        let services = Services::parse(TEXT, 40000..=50000);
        let tcp = |port| services.name(Netid::Tcp, port);
        assert_eq!(tcp(80), Some("http"));
        assert_eq!(tcp(53), None);
        assert_eq!(tcp(81), None);
        assert_eq!(tcp(32768), Some("filenet-tms"));
        assert_eq!(services.name(Netid::Mptcp, 80), Some("http"));
        assert_eq!(services.name(Netid::Udp, 53), Some("domain"));
        assert_eq!(services.name(Netid::Raw, 80), None);
    }

    #[test]
    fn names_and_aliases_have_ports() {
        let services = Services::parse(TEXT, DEFAULT);
        for (table, name, port) in [
            (Netid::Tcp, "http", Some(80)),
            (Netid::Tcp, "www", Some(80)),
            (Netid::Tcp, "WWW", None),
            (Netid::Udp, "www", None),
            (Netid::Udp, "domain", Some(53)),
            (Netid::Tcp, "domain", None),
            (Netid::Tcp, "filenet-tms", Some(32768)),
            (Netid::Tcp, "lonely", None),
        ] {
            assert_eq!(services.port(table, name), port, "{table:?} {name}");
        }
    }

    #[test]
    fn local_ports_have_no_service() {
        let services = Services::parse(TEXT, DEFAULT);
        assert_eq!(services.name(Netid::Tcp, 32768), None);
        assert_eq!(services.name(Netid::Tcp, 80), Some("http"));
    }
}
