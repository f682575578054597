//! What a dump tells of a socket only when asked: the depth behind a row.
//!
//! One type for each kind of table, in a file of its own. Says nothing of how it is shown.

mod congestion;
mod inet;
mod memory;
mod mptcp;
pub mod netlink;
pub mod packet;
mod tcp_info;
pub mod ulp;
pub mod unix;
mod vsock;
pub mod xdp;

pub use congestion::{Bbr, Congestion, CongestionNumbers, Dctcp, Vegas};
pub use inet::{InetDetails, Md5Key, SocketOptions};
pub use memory::Memory;
pub use mptcp::MptcpInfo;
pub use netlink::NetlinkDetails;
pub use packet::PacketDetails;
pub use tcp_info::{CaState, FastopenFail, TcpInfo, TcpOptions};
pub use ulp::{Subflow, SubflowFlags, Tls, Ulp};
pub use unix::UnixDetails;
pub use vsock::VsockKind;
pub use xdp::XdpDetails;

/// Which details to ask the kernel for. Each costs it time, and room in every reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is something to ask for"
)]
pub struct Ask {
    /// Memory: `SK_MEMINFO`.
    pub memory: bool,
    /// The few numbers of TCP that a filter may ask for: [`Row::tcp`](super::Row::tcp).
    pub numbers: bool,
    /// What the protocol knows inside: `tcp_info`, congestion control, upper layers. Brings the numbers.
    pub info: bool,
    /// Type of service and traffic class.
    pub tos: bool,
    /// What `ss -e` shows and no row has otherwise: the file of a unix socket, options and rings of a
    /// packet socket, groups of a netlink socket.
    pub extended: bool,
    /// The filter attached to a packet socket.
    pub filter: bool,
}

/// The details of a row that its kind of table has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Details<'a> {
    /// None were asked for, or there are none.
    #[default]
    None,
    /// Of a socket with IP addresses.
    Inet(InetDetails<'a>),
    /// Of a unix socket.
    Unix(UnixDetails<'a>),
    /// Of a packet socket.
    Packet(&'a PacketDetails),
    /// Of a netlink socket.
    Netlink(NetlinkDetails<'a>),
    /// Of a vsock socket: what kind it is.
    Vsock(VsockKind),
    /// Of an XDP socket.
    Xdp(&'a XdpDetails),
}

impl<'a> Details<'a> {
    /// Those of a socket with IP addresses.
    pub const fn inet(&self) -> Option<&InetDetails<'a>> {
        if let Self::Inet(inet) = self {
            Some(inet)
        } else {
            None
        }
    }
}

/// The words of a list, which begins at bit 0, whose bits are set.
fn words_of<T: Copy>(words: &[T], bits: u32) -> impl Iterator<Item = T> {
    let set = move |&(place, _): &(usize, &T)| bits >> place & 1 == 1;
    words.iter().enumerate().filter(set).map(|(_, &word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_have_their_words() {
        let words: Vec<_> = TcpOptions(0b1000_0101).words().collect();
        assert_eq!(words, ["timestamps", "wscale", "tfo_child"]);
        let words: Vec<_> = SocketOptions(0xfc02).words().collect();
        assert_eq!(words, ["is_icsk", "defer_connect"]);
        let flags: Vec<_> = SubflowFlags(0x8000_0101).set().collect();
        assert_eq!(flags, [(b'M', "mcap_rem"), (b'v', "mapvalid")]);
    }
}
