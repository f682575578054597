//! The details of a socket with IP addresses.

use std::net::IpAddr;

use super::{Congestion, MptcpInfo, TcpInfo, Ulp};

/// Of a socket with IP addresses. Borrowed from the dump and its reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InetDetails<'a> {
    /// Options of the socket: `INET_DIAG_SOCKOPT`, since Linux 5.10.
    pub sockopt: Option<SocketOptions>,
    /// Type of service of what is sent.
    pub tos: Option<u8>,
    /// Traffic class of what is sent, of an IPv6 socket.
    pub tclass: Option<u8>,
    /// Class of net_cls, or priority.
    pub class_id: Option<u32>,
    /// What TCP knows.
    pub tcp_info: Option<&'a TcpInfo>,
    /// Congestion control.
    pub congestion: Option<Congestion<'a>>,
    /// Keys of TCP's MD5 signatures; only with CAP_NET_ADMIN.
    pub md5: &'a [Md5Key],
    /// What works on top of TCP.
    pub ulp: Option<Ulp<'a>>,
    /// What MPTCP knows.
    pub mptcp: Option<&'a MptcpInfo>,
}

/// Options of a socket: the bits of `struct inet_diag_sockopt`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketOptions(pub u16);

impl SocketOptions {
    /// The options from bit 0 on, by the names of `ss`.
    const WORDS: [&'static str; 11] = [
        "recverr",
        "is_icsk",
        "freebind",
        "hdrincl",
        "mc_loop",
        "transparent",
        "mc_all",
        "nodefrag",
        "bind_addr_no_port",
        "recverr_rfc4884",
        "defer_connect",
    ];

    /// Those that are set.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        super::words_of(&Self::WORDS, self.0.into())
    }
}

/// A key of TCP's MD5 signatures (RFC 2385), and the peers that it is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Md5Key {
    /// Of the peers.
    pub address: IpAddr,
    /// Bits of it that count.
    pub prefix_len: u8,
    bytes: [u8; Self::MOST],
    length: u8,
}

impl Md5Key {
    /// `TCP_MD5SIG_MAXKEYLEN`
    const MOST: usize = 80;

    /// `None` if the key is too long.
    pub fn new(address: IpAddr, prefix_len: u8, key: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::MOST];
        bytes.get_mut(..key.len())?.copy_from_slice(key);
        Some(Self {
            address,
            prefix_len,
            bytes,
            length: u8::try_from(key.len()).ok()?,
        })
    }

    /// The key.
    pub fn key(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl std::fmt::Debug for Md5Key {
    /// Without the key, which is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Md5Key({}/{})", self.address, self.prefix_len)
    }
}
