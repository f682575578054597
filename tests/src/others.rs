//! Sockets without IP addresses, in every way that tools tell apart, in the namespace of the calling
//! thread.

use std::{
    ffi::OsStr,
    net::Shutdown,
    os::{
        fd::{AsRawFd as _, OwnedFd},
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr as UnixName, UnixDatagram, UnixListener, UnixStream},
        },
    },
    path::Path,
};

use anyhow::{Context as _, Result};
use rustix::net::netdevice::name_to_index;
use socket2::{Domain, Protocol, SockAddr, SockFilter, Socket, Type};

use crate::population::{link_address, netlink_address};

const AF_NETLINK: i32 = 16;
const ETH_P_IP: u16 = 0x0800;
const ETH_P_ALL: u16 = 0x0003;

/// Port ids of the netlink sockets begin with it.
pub const PORTIDS: u32 = 778_000;

/// The sockets; closed when dropped.
#[derive(Default)]
pub struct Others {
    sockets: Vec<Socket>,
    kept: Vec<OwnedFd>,
}

impl Others {
    /// Makes them all; those that have a path lie in `directory`. None changes by itself.
    pub fn settle(directory: &Path) -> Result<Self> {
        let mut all = Self::default();
        all.unix(directory).context("unix")?;
        all.half_shut().context("half shut")?;
        all.packet().context("packet")?;
        all.rings().context("rings")?;
        all.fanouts().context("fanouts")?;
        all.netlink().context("netlink")?;
        Ok(all)
    }

    fn unix(&mut self, directory: &Path) -> Result<()> {
        for (name, kind) in [("st", Type::STREAM), ("seq packet", Type::SEQPACKET)] {
            let address = SockAddr::unix(directory.join(name))?;
            let listener = Socket::new(Domain::UNIX, kind, None)?;
            listener.bind(&address)?;
            listener.listen(7)?;
            // One is accepted, two wait.
            for _ in 0..3 {
                let client = Socket::new(Domain::UNIX, kind, None)?;
                client.connect(&address)?;
                self.sockets.push(client);
            }
            let (accepted, _) = listener.accept()?;
            accepted.send(b"12345")?;
            self.sockets.extend([accepted, listener]);
        }
        let name = UnixName::from_abstract_name(b"sockwatch\0others x")?;
        let hidden = UnixListener::bind_addr(&name)?;
        let client = UnixStream::connect_addr(&name)?;
        let gone = UnixListener::bind(directory.join("gone"))?;
        std::fs::remove_file(directory.join("gone"))?;
        let bound = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        bound.bind(&SockAddr::unix(directory.join("bound"))?)?;
        let receiver = UnixDatagram::bind(directory.join("dgram"))?;
        let sender = UnixDatagram::unbound()?;
        sender.connect(directory.join("dgram"))?;
        sender.send(b"hello")?;
        self.sockets
            .extend([bound, Socket::new(Domain::UNIX, Type::DGRAM, None)?]);
        self.kept
            .extend([hidden.into(), client.into(), gone.into()]);
        self.kept.extend([receiver.into(), sender.into()]);
        Ok(())
    }

    fn half_shut(&mut self) -> Result<()> {
        for kind in [Type::STREAM, Type::SEQPACKET, Type::DGRAM] {
            for how in [Shutdown::Read, Shutdown::Write, Shutdown::Both] {
                let (one, other) = Socket::pair(Domain::UNIX, kind, None)?;
                other.send(b"abc")?;
                one.shutdown(how)?;
                self.sockets.extend([one, other]);
            }
        }
        Ok(())
    }

    /// A packet socket on `lo`.
    fn on_lo(&mut self, kind: Type, protocol: u16) -> Result<&Socket> {
        let packet = Socket::new(Domain::PACKET, kind, Some(in_network_order(protocol)))?;
        let lo = name_to_index(&packet, "lo")?;
        packet.bind(&link_address(protocol, lo)?)?;
        self.sockets.push(packet);
        self.sockets.last().context("just put there")
    }

    fn packet(&mut self) -> Result<()> {
        for (kind, protocol) in [(Type::DGRAM, ETH_P_IP), (Type::RAW, 0)] {
            self.on_lo(kind, protocol)?;
            let unbound = Socket::new(Domain::PACKET, kind, Some(in_network_order(protocol)))?;
            self.sockets.push(unbound);
        }
        let options = self.on_lo(Type::RAW, ETH_P_ALL)?;
        for (option, value) in [
            (libc::PACKET_AUXDATA, 1),
            (libc::PACKET_ORIGDEV, 1),
            (libc::PACKET_VNET_HDR, 1),
            (libc::PACKET_COPY_THRESH, 1000),
        ] {
            set_packet(options, option, &[value])?;
        }
        set_packet(self.on_lo(Type::RAW, ETH_P_ALL)?, libc::PACKET_LOSS, &[1])?;
        let filter = SockFilter::new;
        let is_ip = [
            filter(0x28, 0, 0, 12),
            filter(0x15, 0, 1, 0x800),
            filter(0x06, 0, 0, u32::MAX),
            filter(0x06, 0, 0, 0),
        ];
        let packet = self.on_lo(Type::RAW, ETH_P_ALL)?;
        packet.attach_filter(&is_ip)?;
        Ok(())
    }

    /// Packet sockets of which the middle one has a filter of so many instructions, which passes
    /// everything.
    pub fn around_a_filter(instructions: usize) -> Result<Self> {
        let mut all = Self::default();
        let again = (1..instructions).map(|_| SockFilter::new(0, 0, 0, u32::MAX));
        let filter: Vec<_> = again.chain([SockFilter::new(6, 0, 0, u32::MAX)]).collect();
        all.on_lo(Type::RAW, ETH_P_ALL)?;
        all.on_lo(Type::RAW, ETH_P_ALL)?.attach_filter(&filter)?;
        all.on_lo(Type::RAW, ETH_P_ALL)?;
        Ok(all)
    }

    fn rings(&mut self) -> Result<()> {
        let plain = [4096, 4, 2048, 8];
        let one = self.on_lo(Type::RAW, ETH_P_ALL)?;
        set_packet(one, libc::PACKET_RX_RING, &plain)?;
        let both = self.on_lo(Type::RAW, ETH_P_ALL)?;
        set_packet(both, libc::PACKET_VERSION, &[1])?;
        set_packet(both, libc::PACKET_RX_RING, &plain)?;
        set_packet(both, libc::PACKET_TX_RING, &[4096, 2, 1024, 8])?;
        let third = self.on_lo(Type::RAW, ETH_P_ALL)?;
        set_packet(third, libc::PACKET_VERSION, &[2])?;
        set_packet(third, libc::PACKET_RESERVE, &[64])?;
        set_packet(
            third,
            libc::PACKET_RX_RING,
            &[16384, 4, 2048, 32, 60, 16, 1],
        )
    }

    fn fanouts(&mut self) -> Result<()> {
        // Types, and one that lets others have what it has no room for; cBPF has no name in ss.
        for (id, kind) in (1..).zip([0, 0x1000, 1, 2, 3, 4, 5, 6]) {
            let packet = self.on_lo(Type::RAW, ETH_P_ALL)?;
            set_packet(packet, libc::PACKET_FANOUT, &[id | kind << 16])?;
        }
        Ok(())
    }

    fn netlink(&mut self) -> Result<()> {
        // Protocol, groups of bind(), groups joined.
        for (place, (protocol, groups, joined)) in (1..).zip([
            (0, 5, &[][..]),
            (0, 0, &[1, 33, 36]),
            (16, 0, &[]),
            (4, 0, &[]),
            (15, 1, &[]),
        ]) {
            let protocol = Protocol::from(protocol);
            let socket = Socket::new(Domain::from(AF_NETLINK), Type::RAW, Some(protocol))?;
            socket.bind(&netlink_address(PORTIDS + place, groups)?)?;
            for &group in joined {
                set(
                    &socket,
                    libc::SOL_NETLINK,
                    libc::NETLINK_ADD_MEMBERSHIP,
                    &[group],
                )?;
            }
            self.sockets.push(socket);
        }
        let route = Socket::new(Domain::from(AF_NETLINK), Type::DGRAM, None)?;
        route.bind(&netlink_address(PORTIDS, 0)?)?;
        route.connect(&netlink_address(0, 2)?)?;
        self.sockets.push(route);
        Ok(())
    }
}

/// A datagram socket bound to `name`, whatever its bytes: a path, or an abstract name behind a NUL.
pub fn bind_unix(name: &[u8]) -> Result<UnixDatagram> {
    match name {
        [0, rest @ ..] => Ok(UnixDatagram::bind_addr(&UnixName::from_abstract_name(
            rest,
        )?)?),
        path => Ok(UnixDatagram::bind(OsStr::from_bytes(path))?),
    }
}

fn in_network_order(protocol: u16) -> Protocol {
    Protocol::from(i32::from(protocol.to_be()))
}

fn set_packet(socket: &Socket, option: i32, words: &[u32]) -> Result<()> {
    set(socket, libc::SOL_PACKET, option, words).with_context(|| format!("option {option}"))
}

/// setsockopt(2) with a value that is all words.
#[allow(unsafe_code, reason = "no crate at hand knows these options")]
fn set(socket: &Socket, level: i32, option: i32, words: &[u32]) -> Result<()> {
    let length = libc::socklen_t::try_from(size_of_val(words))?;
    // SAFETY: so many bytes are there, and the kernel only reads them.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            words.as_ptr().cast(),
            length,
        )
    };
    match done {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error().into()),
    }
}
