//! Names of IP protocols, from /etc/protocols: what raw sockets have for a port.

use std::fs;

use rustc_hash::FxHashMap;

const PROTOCOLS: &str = "/etc/protocols";

/// Number → name.
#[derive(Debug, Default)]
pub struct Protocols(FxHashMap<u16, Box<str>>);

impl Protocols {
    /// Reads this machine's /etc/protocols; without it no protocol has a name.
    pub fn load() -> Self {
        let text = fs::read(PROTOCOLS).unwrap_or_default();
        Self::parse(&String::from_utf8_lossy(&text))
    }

    /// From the text of such a file (protocols(5)): `name number aliases... # comment`. A malformed
    /// line is left out; the first name of a number counts.
    pub fn parse(text: &str) -> Self {
        let mut names = FxHashMap::default();
        for line in text.lines() {
            let mut words = line
                .split('#')
                .next()
                .unwrap_or_default()
                .split_ascii_whitespace();
            let (Some(name), Some(Ok(number))) = (words.next(), words.next().map(str::parse))
            else {
                continue;
            };
            names.entry(number).or_insert_with(|| name.into());
        }
        Self(names)
    }

    /// The name of a protocol.
    pub fn name(&self, number: u16) -> Option<&str> {
        self.0.get(&number).map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_counts() {
        let text =
            "# protocols\nip 0 IP # pseudo\nhopopt 0\nicmp\t1 ICMP\nbroken\nbad x\n#udp 17\n";
        let protocols = Protocols::parse(text);
        assert_eq!(protocols.name(0), Some("ip"));
        assert_eq!(protocols.name(1), Some("icmp"));
        assert_eq!(protocols.name(17), None);
    }
}
