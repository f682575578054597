//! The socket tables of `ss`, and the address families they belong to.

use super::{Family, Proto};

/// Which table a socket is in: what `ss` calls its Netid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Netid {
    /// AF_NETLINK
    Netlink,
    /// AF_PACKET, `SOCK_RAW`
    PacketRaw,
    /// AF_PACKET, `SOCK_DGRAM`
    PacketDgram,
    /// AF_UNIX, `SOCK_STREAM`
    UnixStream,
    /// AF_UNIX, `SOCK_DGRAM`
    UnixDgram,
    /// AF_UNIX, `SOCK_SEQPACKET`
    UnixSeqpacket,
    /// `SOCK_RAW` over IP
    Raw,
    /// UDP
    Udp,
    /// TCP
    Tcp,
    /// DCCP, until Linux 6.15
    Dccp,
    /// SCTP
    Sctp,
    /// AF_VSOCK, `SOCK_STREAM`
    VsockStream,
    /// AF_VSOCK, `SOCK_DGRAM`
    VsockDgram,
    /// AF_TIPC
    Tipc,
    /// AF_XDP
    Xdp,
    /// MPTCP
    Mptcp,
}

impl Netid {
    /// Every table, in the order in which `ss` lists them.
    pub const ALL: [Self; 16] = [
        Self::Netlink,
        Self::PacketRaw,
        Self::PacketDgram,
        Self::UnixStream,
        Self::UnixDgram,
        Self::UnixSeqpacket,
        Self::Raw,
        Self::Udp,
        Self::Tcp,
        Self::Dccp,
        Self::Sctp,
        Self::VsockStream,
        Self::VsockDgram,
        Self::Tipc,
        Self::Xdp,
        Self::Mptcp,
    ];

    /// The word of `ss -A`, and the value of `proto` in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Netlink => "netlink",
            Self::PacketRaw => "packet_raw",
            Self::PacketDgram => "packet_dgram",
            Self::UnixStream => "unix_stream",
            Self::UnixDgram => "unix_dgram",
            Self::UnixSeqpacket => "unix_seqpacket",
            Self::Raw => "raw",
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Dccp => "dccp",
            Self::Sctp => "sctp",
            Self::VsockStream => "vsock_stream",
            Self::VsockDgram => "vsock_dgram",
            Self::Tipc => "tipc",
            Self::Xdp => "xdp",
            Self::Mptcp => "mptcp",
        }
    }

    /// The column Netid of `ss`.
    pub const fn column(self) -> &'static str {
        match self {
            Self::Netlink => "nl",
            Self::PacketRaw => "p_raw",
            Self::PacketDgram => "p_dgr",
            Self::UnixStream => "u_str",
            Self::UnixDgram => "u_dgr",
            Self::UnixSeqpacket => "u_seq",
            Self::VsockStream => "v_str",
            Self::VsockDgram => "v_dgr",
            other => other.word(),
        }
    }

    /// The table's families, of which a socket has one.
    pub const fn families(self) -> &'static [AddressFamily] {
        match self {
            Self::Netlink => &[AddressFamily::Netlink],
            Self::PacketRaw | Self::PacketDgram => &[AddressFamily::Link],
            Self::UnixStream | Self::UnixDgram | Self::UnixSeqpacket => &[AddressFamily::Unix],
            Self::Raw | Self::Udp | Self::Tcp | Self::Dccp | Self::Sctp | Self::Mptcp => {
                &[AddressFamily::Inet, AddressFamily::Inet6]
            }
            Self::VsockStream | Self::VsockDgram => &[AddressFamily::Vsock],
            Self::Tipc => &[AddressFamily::Tipc],
            Self::Xdp => &[AddressFamily::Xdp],
        }
    }

    /// Whether its sockets have IP addresses.
    pub fn is_inet(self) -> bool {
        self.families().contains(&AddressFamily::Inet)
    }
}

impl TryFrom<Proto> for Netid {
    type Error = Proto;

    /// # Errors
    /// For a protocol without a table: the protocol.
    fn try_from(proto: Proto) -> Result<Self, Proto> {
        match proto {
            Proto::Tcp => Ok(Self::Tcp),
            Proto::Mptcp => Ok(Self::Mptcp),
            Proto::Sctp => Ok(Self::Sctp),
            Proto::Dccp => Ok(Self::Dccp),
            unknown @ Proto::Unknown(_) => Err(unknown),
        }
    }
}

/// An address family of `ss -f`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddressFamily {
    /// AF_INET
    Inet,
    /// AF_INET6
    Inet6,
    /// AF_UNIX
    Unix,
    /// AF_PACKET
    Link,
    /// AF_NETLINK
    Netlink,
    /// AF_VSOCK
    Vsock,
    /// AF_TIPC
    Tipc,
    /// AF_XDP
    Xdp,
}

impl AddressFamily {
    /// Every family.
    pub const ALL: [Self; 8] = [
        Self::Inet,
        Self::Inet6,
        Self::Unix,
        Self::Link,
        Self::Netlink,
        Self::Vsock,
        Self::Tipc,
        Self::Xdp,
    ];

    /// The word of `ss -f`, of the prefix of an address, and of `family` in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Inet => Family::Inet.word(),
            Self::Inet6 => Family::Inet6.word(),
            Self::Unix => "unix",
            Self::Link => "link",
            Self::Netlink => "netlink",
            Self::Vsock => "vsock",
            Self::Tipc => "tipc",
            Self::Xdp => "xdp",
        }
    }
}

impl From<Family> for AddressFamily {
    fn from(family: Family) -> Self {
        match family {
            Family::Inet => Self::Inet,
            Family::Inet6 => Self::Inet6,
        }
    }
}
