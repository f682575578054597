//! TCP segments of peers that do not exist, put into the namespace of the calling thread.
//!
//! They go out by a raw socket and come in by loopback, where the kernel does not ask whether the
//! address they claim to be from can be there. Answers go where routes lead, so there has to be one.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context as _, Result, bail};
use socket2::{Domain, Protocol, Socket, Type};

const TCP: u8 = 6;
const TCP_LEN: u16 = 20;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const TTL: u8 = 64;

/// IPPROTO_RAW: the sender writes the IP header.
const RAW: i32 = 255;

/// The sender.
pub struct Injector {
    v4: Socket,
    v6: Socket,
}

impl Injector {
    /// One for the namespace that the calling thread is in now.
    pub fn open() -> Result<Self> {
        let raw = |domain| Socket::new(domain, Type::RAW, Some(Protocol::from(RAW)));
        Ok(Self {
            v4: raw(Domain::IPV4).context("cannot make a raw socket")?,
            v6: raw(Domain::IPV6).context("cannot make a raw socket")?,
        })
    }

    /// Sends a SYN from a peer that does not exist. Both addresses are of one family.
    pub fn syn(&self, from: SocketAddr, to: SocketAddr, seq: u32) -> Result<()> {
        self.send(from, to, seq, SYN)
    }

    /// Sends a reset; with the number that follows a SYN's it ends what that began.
    pub fn reset(&self, from: SocketAddr, to: SocketAddr, seq: u32) -> Result<()> {
        self.send(from, to, seq, RST)
    }

    fn send(&self, from: SocketAddr, to: SocketAddr, seq: u32, flags: u8) -> Result<()> {
        let packet = packet(from, to, seq, flags)?;
        // A raw socket takes no port.
        let address = SocketAddr::new(to.ip(), 0).into();
        let socket = if to.is_ipv4() { &self.v4 } else { &self.v6 };
        let sent = socket.send_to(&packet, &address);
        sent.map(drop)
            .with_context(|| format!("cannot send a segment from {from} to {to}"))
    }
}

/// A whole IP packet with a segment that has neither options nor data.
fn packet(from: SocketAddr, to: SocketAddr, seq: u32, flags: u8) -> Result<Vec<u8>> {
    let mut packet = Vec::with_capacity(60);
    let mut pseudo = Vec::with_capacity(40);
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            // Version and length in words; the kernel fills in length, identification, checksum.
            packet.extend([0x45, 0, 0, 0, 0, 0, 0, 0, TTL, TCP, 0, 0]);
            packet.extend(from.octets());
            packet.extend(to.octets());
            pseudo.extend(&packet[12..20]);
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            packet.extend([0x60, 0, 0, 0]);
            packet.extend(TCP_LEN.to_be_bytes());
            packet.extend([TCP, TTL]);
            packet.extend(from.octets());
            packet.extend(to.octets());
            pseudo.extend(&packet[8..40]);
        }
        _ => bail!("{from} and {to} are of two families"),
    }
    pseudo.extend([0, TCP]);
    pseudo.extend(TCP_LEN.to_be_bytes());
    let mut segment = [0; TCP_LEN as usize];
    segment[..2].copy_from_slice(&from.port().to_be_bytes());
    segment[2..4].copy_from_slice(&to.port().to_be_bytes());
    segment[4..8].copy_from_slice(&seq.to_be_bytes());
    // Length of the header in words, flags, window.
    segment[12..16].copy_from_slice(&[0x50, flags, 0xff, 0xff]);
    pseudo.extend(segment);
    segment[16..18].copy_from_slice(&checksum(&pseudo).to_be_bytes());
    packet.extend(segment);
    Ok(packet)
}

/// The Internet checksum (RFC 1071) of an even number of bytes.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .as_chunks()
        .0
        .iter()
        .map(|&word| u16::from_be_bytes(word));
    // Folding carries at once is the same as folding them at the end.
    let fold = |sum: u16, word| {
        let (sum, carry) = sum.overflowing_add(word);
        sum + u16::from(carry)
    };
    !words.fold(0, fold)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_that_of_the_standard() {
        // RFC 1071, section 3.
        assert_eq!(
            checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]),
            !0xddf2
        );
    }

    #[test]
    fn segments_are_where_they_belong() {
        let v4 = packet(
            "198.18.0.1:258".parse().unwrap(),
            "10.0.0.1:80".parse().unwrap(),
            0x0102_0304,
            SYN,
        )
        .unwrap();
        assert_eq!(v4.len(), 40);
        assert_eq!(&v4[12..24], [198, 18, 0, 1, 10, 0, 0, 1, 1, 2, 0, 80]);
        assert_eq!(&v4[24..28], [1, 2, 3, 4]);
        assert_eq!(v4[33], SYN);
        let v6 = packet(
            "[fd00::1]:1".parse().unwrap(),
            "[fd00::2]:2".parse().unwrap(),
            0,
            RST,
        )
        .unwrap();
        assert_eq!((v6.len(), v6[6], v6[53]), (60, TCP, RST));
        assert!(
            packet(
                "1.1.1.1:1".parse().unwrap(),
                "[::1]:1".parse().unwrap(),
                0,
                SYN
            )
            .is_err()
        );
    }
}
