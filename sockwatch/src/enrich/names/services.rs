//! Service names of ports, from /etc/services.
//!
//! Only its tcp entries, read once: no NSS modules, no rereading.

use std::{fs, io, ops::RangeInclusive};

use rustc_hash::FxHashMap;

const SERVICES: &str = "/etc/services";
const LOCAL_PORTS: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// The kernel's range of ephemeral ports where it does not tell its own
/// (`net/ipv4/af_inet.c`, `inet_init_net`).
const DEFAULT_LOCAL_PORTS: RangeInclusive<u16> = 32768..=60999;

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

/// Port → name.
#[derive(Debug)]
pub struct Services {
    names: FxHashMap<u16, Box<str>>,
    local_ports: RangeInclusive<u16>,
}

impl Services {
    /// Reads this machine's /etc/services, and the range of local ports of this network namespace.
    ///
    /// # Errors
    /// When /etc/services cannot be read.
    pub fn load() -> Result<Self, ServicesError> {
        let text = fs::read(SERVICES).map_err(|source| ServicesError::Read {
            path: SERVICES,
            source,
        })?;
        let local_ports = fs::read_to_string(LOCAL_PORTS)
            .ok()
            .and_then(|text| parse_range(&text))
            .unwrap_or(DEFAULT_LOCAL_PORTS);
        Ok(Self::parse(&String::from_utf8_lossy(&text), local_ports))
    }

    /// From the text of such a file (services(5)). A malformed line is left out. The first name of
    /// a port counts, as it does for getservbyport(3).
    pub fn parse(text: &str, local_ports: RangeInclusive<u16>) -> Self {
        let mut names = FxHashMap::default();
        for (port, name) in text.lines().filter_map(parse_line) {
            names.entry(port).or_insert_with(|| name.into());
        }
        Self { names, local_ports }
    }

    /// The name of `port`; none inside `ip_local_port_range`, where, as in `ss`, a port says
    /// nothing about the service.
    pub fn name(&self, port: u16) -> Option<&str> {
        if self.local_ports.contains(&port) {
            return None;
        }
        self.names.get(&port).map(AsRef::as_ref)
    }
}

/// `name port/tcp aliases... # comment`
fn parse_line(line: &str) -> Option<(u16, &str)> {
    let line = line.split('#').next()?;
    let mut words = line.split_ascii_whitespace();
    let name = words.next()?;
    let (port, proto) = words.next()?.split_once('/')?;
    if proto != "tcp" {
        return None;
    }
    Some((port.parse().ok()?, name))
}

/// `low high`
fn parse_range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut words = text.split_ascii_whitespace();
    let low = words.next()?.parse().ok()?;
    let high = words.next()?.parse().ok()?;
    Some(low..=high)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn the_first_tcp_name_counts() {
        let services = Services::parse(TEXT, 40000..=50000);
        assert_eq!(services.name(80), Some("http"));
        assert_eq!(services.name(53), None);
        assert_eq!(services.name(81), None);
        assert_eq!(services.name(32768), Some("filenet-tms"));
    }

    #[test]
    fn local_ports_have_no_service() {
        let services = Services::parse(TEXT, DEFAULT_LOCAL_PORTS);
        assert_eq!(services.name(32768), None);
        assert_eq!(services.name(80), Some("http"));
    }

    #[test]
    fn the_range_is_read_as_the_kernel_writes_it() {
        assert_eq!(parse_range("32768\t60999\n"), Some(32768..=60999));
        assert_eq!(parse_range("32768"), None);
        assert_eq!(parse_range("a b"), None);
    }
}
