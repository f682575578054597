//! A flood of SYNs that nobody stands behind, towards a listener in the namespace of the calling
//! thread, and nowhere else.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    os::fd::OwnedFd,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::net::{self, AddressFamily};

use crate::{
    flows,
    netns::{link_to_nobody, pretend_far_is_known, route_to_nobody, sysctl},
    process::output,
    syn::Injector,
    trial::NotMade,
};

/// Where the flood comes from: addresses for benchmarks (RFC 2544), routed to nobody.
pub const SOURCES: &str = "198.18.0.0/15";
const FIRST_SOURCE: u32 = u32::from_be_bytes([198, 18, 0, 0]);
const SOURCE_BITS: u32 = 17;

/// Where it goes.
pub const TARGET: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 231, 0, 1), 9999);

/// SYNs of one flood, at most: each has addresses of its own.
pub const MOST: u32 = 1_000_000;

/// How many half-open connections the listener has room for.
const ROOM: i32 = 1 << 21;

/// The listener that is flooded; what is half-open goes with it.
pub struct Flooded {
    _listener: OwnedFd,
}

impl Flooded {
    /// Makes room for any number of half-open connections in this namespace, and listens at
    /// [`TARGET`].
    pub fn listen() -> Result<Self> {
        link_to_nobody()?;
        pretend_far_is_known()?;
        route_to_nobody(SOURCES)?;
        let room = ROOM.to_string();
        for (name, value) in [
            ("net.core.somaxconn", &*room),
            ("net.ipv4.tcp_max_syn_backlog", &*room),
            ("net.ipv4.tcp_syncookies", "0"),
        ] {
            sysctl(name, value)?;
        }
        let listener = flows::socket(AddressFamily::INET, None)?;
        net::bind(&listener, &TARGET)?;
        net::listen(&listener, ROOM)?;
        Ok(Self {
            _listener: listener,
        })
    }

    /// Sends `count` SYNs, each from a [`source`] of its own, again where the network dropped them,
    /// until all are half-open. Returns how long the first round took.
    pub fn flood(&self, count: u32) -> Result<Duration> {
        /// More would mean that something refuses them.
        const ROUNDS: usize = 10;
        ensure!(count <= MOST, "there are only {MOST} sources");
        let injector = Injector::open()?;
        let began = Instant::now();
        let mut took = None;
        let mut there = 0;
        for _ in 0..ROUNDS {
            for index in 0..count {
                // The kernel answers to one that it has already by sending its SYN-ACK again.
                injector.syn(source(index).into(), SocketAddr::V4(TARGET), index)?;
            }
            took.get_or_insert_with(|| began.elapsed());
            there = half_open()?;
            if there == count {
                return took.context("there is a first round");
            }
        }
        let why = format!("only {there} of {count} SYNs became half-open connections");
        bail!(NotMade(why))
    }
}

/// The address and port of the SYN with this number.
pub fn source(index: u32) -> SocketAddrV4 {
    const PORTS: u32 = 8_000;
    // An odd factor is a permutation of the addresses; ports differ from round to round.
    let (round, place) = (index >> SOURCE_BITS, index & ((1 << SOURCE_BITS) - 1));
    let place = place.wrapping_mul(0x9e37_79b1) & ((1 << SOURCE_BITS) - 1);
    let port = 1_024 + round * PORTS + place.wrapping_mul(0x85eb_ca6b) % PORTS;
    let port = u16::try_from(port).unwrap_or(u16::MAX);
    SocketAddrV4::new(Ipv4Addr::from(FIRST_SOURCE + place), port)
}

/// How many half-open connections `ss` counts in the namespace of the calling thread.
pub fn half_open() -> Result<u32> {
    let text = output(Command::new("ss").args(["-4tanH", "state", "syn-recv"]))?;
    text.lines().count().try_into().context("too many to count")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_source_comes_twice() {
        let sources: HashSet<_> = (0..MOST).map(source).collect();
        assert_eq!(sources.len(), MOST as usize);
        let network = Ipv4Addr::new(198, 18, 0, 0).to_bits() >> SOURCE_BITS;
        assert!(
            sources
                .iter()
                .all(|it| it.ip().to_bits() >> SOURCE_BITS == network && it.port() >= 1_024)
        );
    }
}
