//! The kernel's own counts of sockets: `/proc/net/sockstat`, `sockstat6` and `snmp`.
//!
//! Those of the calling thread's network namespace. Two of them are of the whole machine wherever they
//! are read: [`Sockstat::tcp_alloc`] and [`Sockstat::tcp_orphans`] (`net/ipv4/proc.c`,
//! `sockstat_seq_show`).

use std::{fs, io};

use crate::model::summary::ByFamily;

/// What the files say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sockstat {
    /// `sockets: used`
    pub sockets: u64,
    /// `RAW: inuse`
    pub raw: ByFamily,
    /// `UDP: inuse`
    pub udp: ByFamily,
    /// `TCP: inuse`: sockets in the kernel's tables, minisockets left out.
    pub tcp: ByFamily,
    /// `FRAG: inuse`
    pub fragments: ByFamily,
    /// `TCP: tw`
    pub time_wait: u64,
    /// `TCP: orphan`, of all namespaces.
    pub tcp_orphans: u64,
    /// `TCP: alloc`: full sockets of any state and both families, of all namespaces.
    pub tcp_alloc: u64,
    /// `CurrEstab` of `snmp`.
    pub established: u64,
}

/// Reads them.
///
/// # Errors
///
/// /proc is not mounted, or has no counts. Without IPv6 its counts are 0.
pub fn read() -> io::Result<Sockstat> {
    // The main thread's, /proc/net, may be of another namespace.
    let file = |name: &str| fs::read_to_string(format!("/proc/thread-self/net/{name}"));
    let v6 = match file("sockstat6") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        read => read?,
    };
    Ok(parse(&file("sockstat")?, &v6, &file("snmp")?))
}

fn parse(v4: &str, v6: &str, snmp: &str) -> Sockstat {
    let inuse = |name: &str| ByFamily {
        inet: number(v4, name, "inuse"),
        inet6: number(v6, &format!("{name}6"), "inuse"),
    };
    Sockstat {
        sockets: number(v4, "sockets", "used"),
        raw: inuse("RAW"),
        udp: inuse("UDP"),
        tcp: inuse("TCP"),
        fragments: inuse("FRAG"),
        time_wait: number(v4, "TCP", "tw"),
        tcp_orphans: number(v4, "TCP", "orphan"),
        tcp_alloc: number(v4, "TCP", "alloc"),
        established: column(snmp, "Tcp", "CurrEstab"),
    }
}

/// In a line `name: key number key number ...`; 0 if it is not there.
fn number(text: &str, name: &str, key: &str) -> u64 {
    let mut words = fields(text, name).next().into_iter().flatten();
    let found = words.find(|word| *word == key);
    let number = found.and_then(|_| words.next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// In two lines `name: key key ...` and `name: number number ...`; 0 if it is not there.
fn column(text: &str, name: &str, key: &str) -> u64 {
    let mut lines = fields(text, name);
    let place = lines
        .next()
        .and_then(|mut keys| keys.position(|word| word == key));
    let number = place.and_then(|place| lines.next()?.nth(place));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The words of the lines that begin with `name:`.
fn fields<'a>(text: &'a str, name: &str) -> impl Iterator<Item = impl Iterator<Item = &'a str>> {
    let rest = move |line: &'a str| line.strip_prefix(name)?.strip_prefix(':');
    text.lines()
        .filter_map(rest)
        .map(str::split_ascii_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &str = "sockets: used 11\nTCP: inuse 6 orphan 1 tw 2 alloc 14 mem 822\n\
                      UDP: inuse 1 mem 0\nUDPLITE: inuse 7\nRAW: inuse 3\nFRAG: inuse 4 memory 9\n";
    const V6: &str = "TCP6: inuse 5\nUDP6: inuse 8\nUDPLITE6: inuse 0\nRAW6: inuse 0\n\
                      FRAG6: inuse 0 memory 0\n";
    const SNMP: &str = "Ip: Forwarding\nIp: 1\nTcp: RtoMin MaxConn CurrEstab InSegs\n\
                        Tcp: 200 -1 4 23\n";

    #[test]
    fn every_number_is_found() {
        let both = |inet, inet6| ByFamily { inet, inet6 };
        let expected = Sockstat {
            sockets: 11,
            raw: both(3, 0),
            udp: both(1, 8),
            tcp: both(6, 5),
            fragments: both(4, 0),
            time_wait: 2,
            tcp_orphans: 1,
            tcp_alloc: 14,
            established: 4,
        };
        assert_eq!(parse(V4, V6, SNMP), expected);
    }

    #[test]
    fn what_is_missing_or_odd_is_none() {
        assert_eq!(parse("", "", ""), Sockstat::default());
        let odd = parse(
            "TCP: inuse\nsockets: used x\n",
            "TCP6: inuse -1\n",
            "Tcp: CurrEstab\n",
        );
        assert_eq!(odd, Sockstat::default());
    }

    #[test]
    fn this_kernel_tells() {
        let stat = read().unwrap();
        assert!(stat.tcp_alloc >= stat.tcp.total());
    }
}
