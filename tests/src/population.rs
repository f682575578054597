//! Sockets of every kind, in the namespace of the calling thread, for tools that list sockets to
//! disagree about.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    os::unix::net::{UnixDatagram, UnixListener, UnixStream},
    path::Path,
};

use anyhow::{Context as _, Result};
use rustix::{io::Errno, net::netdevice::name_to_index};
use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, Socket, Type};

use crate::{
    netns::{FAR, ip, link_to_nobody, pretend_far_is_known, sysctl},
    ss,
};

/// The device beside `lo`.
pub const DEVICE: &str = "near";

/// Port id of the netlink socket.
pub const PORTID: u32 = 777_777;

/// `ip_local_port_range`, narrow enough to be hit on purpose.
pub const LOCAL_PORTS: &str = "50000 50031";

const AF_NETLINK: u16 = 16;
const AF_PACKET: u16 = 17;
const ETH_P_IP: u16 = 0x0800;
const ETH_P_ALL: u16 = 0x0003;

/// The sockets; closed when dropped.
#[derive(Default)]
pub struct Population {
    inet: Vec<Socket>,
    unix: Vec<Box<dyn Send>>,
}

/// What an IP socket has besides its address.
#[derive(Clone, Copy, Default)]
struct Extra {
    mark: u32,
    device: Option<&'static str>,
    v6_only: Option<bool>,
}

impl Population {
    /// Makes them all; unix sockets lie in `directory`. None changes its state by itself for the
    /// next half minute.
    pub fn settle(directory: &Path) -> Result<Self> {
        link_to_nobody()?;
        pretend_far_is_known()?;
        ip("address add fd99::1/64 dev near nodad")?;
        sysctl("net.ipv4.ip_local_port_range", LOCAL_PORTS)?;
        let mut all = Self::default();
        all.raw_and_packet().context("raw, packet, netlink")?;
        all.tcp().context("tcp")?;
        all.tcp_states().context("tcp states")?;
        all.udp().context("udp")?;
        all.unix(directory).context("unix")?;
        all.mptcp().context("mptcp")?;
        fill_the_packet_socket()?;
        Ok(all)
    }

    /// Adds services and their clients, on addresses of their own, and a connection in FIN-WAIT-1.
    pub fn serve(&mut self) -> Result<()> {
        ip("address add 192.168.1.1/24 dev near")?;
        ip("address add 192.168.1.5/24 dev near")?;
        for (place, service) in [22, 25, 443].into_iter().enumerate() {
            let address = format!("192.168.1.1:{service}");
            let listener = self.listen(&address, Extra::default())?;
            let local = format!("192.168.1.5:{}", 41_000 + place);
            self.pair(&listener, &local, &address, 0)?;
        }
        let http = self.listen("192.168.1.1:80", Extra::default())?;
        self.pair(&http, "192.168.1.5:41080", "192.168.1.1:80", 0)?;
        // FIN-WAIT-1: the client is gone with its address, and the FIN reaches nobody.
        ip("address add 192.168.1.6/24 dev near")?;
        let client = bound("192.168.1.6:41081", Type::STREAM, Extra::default())?;
        client.connect(&address("192.168.1.1:80")?)?;
        let server = http.accept()?.0;
        ip("address delete 192.168.1.6/24 dev near")?;
        server.shutdown(std::net::Shutdown::Write)?;
        ss::wait_for("fin-wait-1")?;
        self.inet.extend([client, server]);
        Ok(())
    }

    fn tcp(&mut self) -> Result<()> {
        let v4 = self.listen("127.0.0.1:5000", Extra::default())?;
        self.pair(&v4, "127.0.0.1:40001", "127.0.0.1:5000", 0)?;
        let v6 = self.listen("[::1]:5006", Extra::default())?;
        self.pair(&v6, "[::1]:40006", "[::1]:5006", 0)?;
        let dual = self.listen("[::]:5010", v6_only(false))?;
        self.pair(&dual, "127.0.0.1:40010", "127.0.0.1:5010", 0)?;
        // An IPv6 socket to an IPv4 listener.
        let mapped = "[::ffff:127.0.0.1]:40011";
        self.pair(&v4, mapped, "[::ffff:127.0.0.1]:5000", 0)?;
        self.listen("[::]:5011", v6_only(true))?;
        self.listen("0.0.0.0:5012", Extra::default())?;
        let ssh = self.listen("10.231.0.1:22", Extra::default())?;
        self.pair(&ssh, "10.231.0.1:40022", "10.231.0.1:22", 0)?;
        let unique_local = self.listen("[fd99::1]:5016", Extra::default())?;
        self.pair(&unique_local, "[fd99::1]:40016", "[fd99::1]:5016", 0)?;
        let marked = self.listen("127.0.0.1:5020", mark(1))?;
        self.pair(&marked, "127.0.0.1:40020", "127.0.0.1:5020", 0x13)?;
        self.listen("0.0.0.0:5030", device("lo"))?;
        self.listen("0.0.0.0:5031", device(DEVICE))?;
        // Explicitly bound within the range of local ports; chosen by the kernel in it.
        self.listen("127.0.0.1:50031", Extra::default())?;
        self.listen("127.0.0.1:0", Extra::default())?;
        self.pair(&v4, "127.0.0.1:0", "127.0.0.1:5000", 0)
    }

    fn tcp_states(&mut self) -> Result<()> {
        let listener = self.listen("127.0.0.1:5050", Extra::default())?;
        let connect = |local| -> Result<(Socket, Socket)> {
            let client = bound(local, Type::STREAM, Extra::default())?;
            client.connect(&address("127.0.0.1:5050")?)?;
            Ok((client, listener.accept()?.0))
        };
        // TIME-WAIT: closed by the client, then by the server.
        let (client, server) = connect("127.0.0.1:40040")?;
        drop(client);
        crate::flows::expect_end(server.into())?;
        // CLOSE-WAIT and FIN-WAIT-2.
        let (client, server) = connect("127.0.0.1:40050")?;
        server.shutdown(std::net::Shutdown::Write)?;
        // The FIN may be acknowledged only 40 ms later.
        ss::wait_for("fin-wait-2")?;
        self.inet.extend([client, server]);
        // SYN-SENT, to nobody.
        let connecting = bound("10.231.0.1:40060", Type::STREAM, Extra::default())?;
        connecting.set_nonblocking(true)?;
        let far = SocketAddr::from((FAR, 80)).into();
        match connecting.connect(&far) {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::INPROGRESS) => {}
            other => other.context("expected a connection in progress")?,
        }
        self.inet.push(connecting);
        Ok(())
    }

    fn udp(&mut self) -> Result<()> {
        for (local, extra) in [
            ("127.0.0.1:5070", Extra::default()),
            ("[::1]:5076", Extra::default()),
            ("[::]:5077", v6_only(false)),
            ("127.0.0.1:5072", mark(2)),
            ("0.0.0.0:5073", device("lo")),
            ("10.231.0.1:53", Extra::default()),
        ] {
            self.inet.push(bound(local, Type::DGRAM, extra)?);
        }
        let connected = bound("127.0.0.1:40070", Type::DGRAM, Extra::default())?;
        connected.connect(&address("127.0.0.1:5070")?)?;
        self.inet.push(connected);
        Ok(())
    }

    fn raw_and_packet(&mut self) -> Result<()> {
        let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
        raw.bind(&address("127.0.0.1:0")?)?;
        let on = |name| name_to_index(&raw, name);
        for (kind, protocol, ifindex) in [
            (Type::RAW, ETH_P_ALL, on(DEVICE)?),
            (Type::DGRAM, ETH_P_IP, on("lo")?),
        ] {
            let in_network_order = i32::from(protocol.to_be());
            let packet = Socket::new(Domain::PACKET, kind, Some(in_network_order.into()))?;
            // The least there is: a few packets fill it.
            packet.set_recv_buffer_size(0)?;
            packet.bind(&link_address(protocol, ifindex)?)?;
            self.inet.push(packet);
        }
        self.inet.push(raw);
        let route = Socket::new(Domain::from(i32::from(AF_NETLINK)), Type::RAW, None)?;
        route.bind(&netlink_address(PORTID, 0)?)?;
        self.inet.push(route);
        Ok(())
    }

    fn unix(&mut self, directory: &Path) -> Result<()> {
        use std::os::linux::net::SocketAddrExt as _;
        use std::os::unix::net::SocketAddr as Name;
        let stream = directory.join("stream.sock");
        let listener = UnixListener::bind(&stream)?;
        let client = UnixStream::connect(&stream)?;
        let (server, _) = listener.accept()?;
        let hidden = UnixListener::bind_addr(&Name::from_abstract_name(b"sockwatch-hidden")?)?;
        let datagram = directory.join("dgram.sock");
        let receiver = UnixDatagram::bind(&datagram)?;
        let sender = UnixDatagram::unbound()?;
        sender.connect(&datagram)?;
        let lonely = UnixDatagram::unbound()?;
        let packets = Socket::new(Domain::UNIX, Type::SEQPACKET, None)?;
        packets.bind(&SockAddr::unix(directory.join("Seq.sock"))?)?;
        packets.listen(8)?;
        self.inet.push(packets);
        self.unix.extend([
            Box::new((listener, client, server, hidden)) as Box<dyn Send>,
            Box::new((receiver, sender, lonely)),
        ]);
        Ok(())
    }

    fn mptcp(&mut self) -> Result<()> {
        match Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::MPTCP)) {
            Ok(listener) => {
                listener.bind(&address("127.0.0.1:5080")?)?;
                listener.listen(4)?;
                self.inet.push(listener);
                Ok(())
            }
            // A kernel without MPTCP has none to list.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::PROTONOSUPPORT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn listen(&mut self, local: &str, extra: Extra) -> Result<Socket> {
        let listener = bound(local, Type::STREAM, extra)?;
        listener.listen(16)?;
        let other = listener.try_clone()?;
        self.inet.push(listener);
        Ok(other)
    }

    fn pair(&mut self, listener: &Socket, local: &str, peer: &str, mark: u32) -> Result<()> {
        let extra = Extra {
            mark,
            ..Extra::default()
        };
        let client = bound(local, Type::STREAM, extra)?;
        client
            .connect(&address(peer)?)
            .with_context(|| peer.to_owned())?;
        self.inet.extend([client, listener.accept()?.0]);
        Ok(())
    }
}

/// Sends to nobody until no packet socket on the way has room: from now on its queue stays as it is.
fn fill_the_packet_socket() -> Result<()> {
    let sender = UdpSocket::bind("10.231.0.1:0")?;
    for _ in 0..16 {
        sender.send_to(&[0; 1000], (Ipv4Addr::from(FAR), 9))?;
    }
    Ok(())
}

fn mark(mark: u32) -> Extra {
    Extra {
        mark,
        ..Extra::default()
    }
}

fn device(device: &'static str) -> Extra {
    Extra {
        device: Some(device),
        ..Extra::default()
    }
}

fn v6_only(only: bool) -> Extra {
    Extra {
        v6_only: Some(only),
        ..Extra::default()
    }
}

fn address(text: &str) -> Result<SockAddr> {
    let parsed: SocketAddr = text.parse().with_context(|| text.to_owned())?;
    Ok(parsed.into())
}

fn bound(local: &str, kind: Type, extra: Extra) -> Result<Socket> {
    let local = address(local)?;
    let socket = Socket::new(local.domain(), kind, None)?;
    if kind == Type::STREAM {
        socket.set_reuse_address(true)?;
    }
    if let Some(only) = extra.v6_only {
        socket.set_only_v6(only)?;
    }
    if extra.mark != 0 {
        socket.set_mark(extra.mark)?;
    }
    socket.bind_device(extra.device.map(str::as_bytes))?;
    socket.bind(&local)?;
    Ok(socket)
}

/// `struct sockaddr_ll`: family, protocol in network order, ifindex, and nothing else.
pub(crate) fn link_address(protocol: u16, ifindex: u32) -> Result<SockAddr> {
    let mut bytes = [0; 20];
    bytes[..2].copy_from_slice(&AF_PACKET.to_ne_bytes());
    bytes[2..4].copy_from_slice(&protocol.to_be_bytes());
    bytes[4..8].copy_from_slice(&ifindex.to_ne_bytes());
    socket_address(&bytes)
}

/// `struct sockaddr_nl`: family, padding, port id, groups.
pub(crate) fn netlink_address(portid: u32, groups: u32) -> Result<SockAddr> {
    let mut bytes = [0; 12];
    bytes[..2].copy_from_slice(&AF_NETLINK.to_ne_bytes());
    bytes[4..8].copy_from_slice(&portid.to_ne_bytes());
    bytes[8..].copy_from_slice(&groups.to_ne_bytes());
    socket_address(&bytes)
}

#[allow(unsafe_code, reason = "no crate at hand knows these addresses")]
fn socket_address(bytes: &[u8]) -> Result<SockAddr> {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: a `sockaddr_storage` is 128 bytes, and every byte may be anything.
    let room = unsafe { storage.view_as::<[u8; 128]>() };
    room[..bytes.len()].copy_from_slice(bytes);
    // SAFETY: the first `bytes.len()` bytes are an address of the family that they begin with.
    Ok(unsafe { SockAddr::new(storage, bytes.len().try_into()?) })
}
