//! Sockets with IP addresses in every condition that has details to show, in the namespace of the calling
//! thread. They keep still: what moves with time apart, each tells the same for the next half minute.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};

use crate::{
    PATIENCE, flows,
    netns::FAR,
    process::output,
    ss,
    unanswered::{Door, Knock},
};

/// Bytes of the transfer that is over when the others begin to be looked at.
const BULK: usize = 8 << 20;

/// The key of TCP MD5 signatures of a listener.
pub const MD5_KEY: &str = "sesame";

/// `TCP_MD5SIG`
const TCP_MD5SIG: i32 = 14;

/// The sockets; closed when dropped.
#[derive(Default)]
pub struct Conditions {
    sockets: Vec<Socket>,
    half_open: Option<(Door, Knock)>,
    /// Whether there are keys of MD5 signatures.
    pub has_md5: bool,
    /// Whether there is MPTCP.
    pub has_mptcp: bool,
}

impl Conditions {
    /// Makes them all.
    pub fn settle() -> Result<Self> {
        let door = Door::open()?;
        let knock = door.knock()?;
        let mut all = Self {
            half_open: Some((door, knock)),
            ..Self::default()
        };
        all.listeners().context("listeners")?;
        all.options().context("options")?;
        all.data().context("data")?;
        all.ends().context("ends")?;
        all.datagrams().context("datagrams")?;
        all.mptcp().context("mptcp")?;
        all.has_md5 = all.md5().context("md5")?;
        Ok(all)
    }

    /// A port of the half-open connection, so that it is not closed.
    pub fn half_open_port(&self) -> Option<u16> {
        self.half_open.as_ref().map(|(_, knock)| knock.port)
    }

    fn listeners(&mut self) -> Result<()> {
        for (address, only_v6) in [
            ("[::]:5001", false),
            ("[::]:5002", true),
            ("[::1]:5003", false),
        ] {
            let listener = new(address, Type::STREAM)?;
            listener.set_only_v6(only_v6)?;
            self.listen(listener, address)?;
        }
        self.pair("[::1]:5003", |_| Ok(()))?;
        // Mapped at both ends.
        let client = new("[::ffff:127.0.0.1]:0", Type::STREAM)?;
        client.connect(&address("[::ffff:127.0.0.1]:5001")?)?;
        self.sockets.push(client);
        Ok(())
    }

    /// Sockets that have options set, each another.
    fn options(&mut self) -> Result<()> {
        let at = "127.0.0.1:5010";
        let listener = new(at, Type::STREAM)?;
        listener.set_tos_v4(0x20)?;
        self.listen(listener, at)?;
        self.pair(at, |client| client.bind_device(Some(b"lo")))?;
        self.pair(at, |client| client.set_mark(0x13))?;
        self.pair(at, |client| client.set_tcp_congestion(b"reno"))?;
        self.pair(at, |client| client.set_tcp_congestion(b"cubic"))?;
        self.pair(at, |client| {
            let keepalive = TcpKeepalive::new().with_time(Duration::from_hours(1));
            client.set_keepalive(true)?;
            client.set_tcp_keepalive(&keepalive)
        })?;
        self.pair(at, |client| {
            client.set_tos_v4(0x10)?;
            client.set_freebind_v4(true)?;
            client.set_multicast_loop_v4(false)
        })?;
        Ok(())
    }

    /// Connections through which data went, or did not.
    fn data(&mut self) -> Result<()> {
        let at = "127.0.0.1:5020";
        self.listen(new(at, Type::STREAM)?, at)?;
        let (client, server) = self.pair(at, |_| Ok(()))?;
        server.send(&[0; 500])?;
        client.send(&[0; 7])?;
        // Nobody reads: both queues are full.
        let (client, _) = self.pair(at, |client| client.set_tcp_congestion(b"reno"))?;
        client.set_nonblocking(true)?;
        fill(&client.into())?;
        wait_for_probes(at)?;
        let (client, server) = self.pair(at, |_| Ok(()))?;
        transfer(client.into(), server.into())
    }

    /// Connections that are about to begin, or to end.
    fn ends(&mut self) -> Result<()> {
        let at = "127.0.0.1:5030";
        self.listen(new(at, Type::STREAM)?, at)?;
        let (client, _) = self.pair(at, |_| Ok(()))?;
        client.shutdown(Shutdown::Write)?;
        ss::wait_for("fin-wait-2")?;
        let (client, server) = connected(at, |_| Ok(()), self.listening(at)?)?;
        drop(client);
        flows::expect_end(server.into())?;
        let connecting = new("10.231.0.1:0", Type::STREAM)?;
        connecting.set_nonblocking(true)?;
        match connecting.connect(&SocketAddr::from((FAR, 80)).into()) {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::INPROGRESS) => {}
            other => other.context("expected a connection in progress")?,
        }
        self.sockets.push(connecting);
        Ok(())
    }

    fn datagrams(&mut self) -> Result<()> {
        let bound = |at: &str| -> Result<Socket> {
            let socket = new(at, Type::DGRAM)?;
            socket.bind(&address(at)?)?;
            Ok(socket)
        };
        let receiver = bound("127.0.0.1:5040")?;
        let sender = bound("127.0.0.1:5041")?;
        sender.connect(&address("127.0.0.1:5040")?)?;
        sender.send(&[0; 100])?;
        let v6 = bound("[::1]:5042")?;
        v6.set_tclass_v6(0xb8)?;
        let marked = bound("0.0.0.0:5043")?;
        marked.set_mark(7)?;
        marked.bind_device(Some(b"lo"))?;
        let raw = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
        self.sockets.extend([receiver, sender, v6, marked, raw]);
        Ok(())
    }

    /// A connection of MPTCP, another that fell back to TCP, and a listener.
    fn mptcp(&mut self) -> Result<()> {
        let mptcp = || Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::MPTCP));
        let Ok(listener) = mptcp() else {
            // A kernel without MPTCP has none to show.
            return Ok(());
        };
        let at = address("127.0.0.1:5050")?;
        listener.bind(&at)?;
        listener.listen(4)?;
        let client = mptcp()?;
        client.connect(&at)?;
        let server = listener.accept()?.0;
        client.send(b"hello")?;
        let mut received = TcpStream::from(server.try_clone()?);
        received.read_exact(&mut [0; 5])?;
        let plain = new("127.0.0.1:0", Type::STREAM)?;
        plain.connect(&at)?;
        let accepted = listener.accept()?.0;
        self.sockets
            .extend([listener, client, server, plain, accepted]);
        self.has_mptcp = true;
        Ok(())
    }

    /// A listener that wants signatures. `false`: the kernel knows none.
    fn md5(&mut self) -> Result<bool> {
        let at = "127.0.0.1:5060";
        let listener = new(at, Type::STREAM)?;
        let wants = want_signatures(&listener);
        self.listen(listener, at)?;
        Ok(wants)
    }

    fn listen(&mut self, listener: Socket, at: &str) -> Result<()> {
        listener.set_reuse_address(true)?;
        listener.bind(&address(at)?)?;
        listener.listen(16)?;
        self.sockets.push(listener);
        Ok(())
    }

    fn listening(&self, at: &str) -> Result<&Socket> {
        let at = address(at)?;
        let is_it = |socket: &&Socket| socket.local_addr().is_ok_and(|local| local == at);
        self.sockets.iter().find(is_it).context("no listener")
    }

    /// A connection to a listener of ours, whose client was prepared; other descriptors of both ends.
    fn pair(
        &mut self,
        at: &str,
        prepare: impl FnOnce(&Socket) -> std::io::Result<()>,
    ) -> Result<(Socket, Socket)> {
        let (client, server) = connected(at, prepare, self.listening(at)?)?;
        let others = (client.try_clone()?, server.try_clone()?);
        self.sockets.extend([client, server]);
        Ok(others)
    }
}

fn connected(
    at: &str,
    prepare: impl FnOnce(&Socket) -> std::io::Result<()>,
    listener: &Socket,
) -> Result<(Socket, Socket)> {
    let client = new(at, Type::STREAM)?;
    prepare(&client)?;
    client.connect(&address(at)?)?;
    Ok((client, listener.accept()?.0))
}

/// Writes until there is no room.
fn fill(mut stream: &TcpStream) -> Result<()> {
    loop {
        match stream.write(&[0; 1 << 12]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits until a client of this address probes the window of its peer, which is closed, and sends nothing
/// else.
fn wait_for_probes(at: &str) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !output(Command::new("ss").args(["-Htno", "dst", at]))?.contains("persist") {
        ensure!(Instant::now() < deadline, "no connection is full");
    }
    Ok(())
}

/// Sends much, and has it read.
fn transfer(mut from: TcpStream, mut to: TcpStream) -> Result<()> {
    let reader = thread::spawn(move || -> std::io::Result<()> {
        let mut buffer = vec![0; BULK];
        to.read_exact(&mut buffer)
    });
    from.write_all(&vec![0; BULK])?;
    let read = reader.join().map_err(|_panicked| ()).ok();
    ensure!(
        matches!(read, Some(Ok(()))),
        "the transfer failed: {read:?}"
    );
    Ok(())
}

fn new(at: &str, kind: Type) -> Result<Socket> {
    Ok(Socket::new(address(at)?.domain(), kind, None)?)
}

fn address(text: &str) -> Result<SockAddr> {
    let parsed: SocketAddr = text.parse().with_context(|| text.to_owned())?;
    Ok(parsed.into())
}

/// Has a socket want signatures of 10.0.0.1: `struct tcp_md5sig` is the address in 128 bytes, flags and
/// prefix length in one each, the length of the key in two, an ifindex, and the key in 80 bytes.
#[allow(unsafe_code, reason = "no crate at hand knows this option")]
fn want_signatures(socket: &Socket) -> bool {
    use std::os::fd::AsRawFd as _;
    unsafe extern "C" {
        fn setsockopt(fd: i32, level: i32, name: i32, value: *const u8, length: u32) -> i32;
    }
    const AF_INET: u16 = 2;
    const IPPROTO_TCP: i32 = 6;
    let mut bytes = [0_u8; 216];
    bytes[..2].copy_from_slice(&AF_INET.to_ne_bytes());
    bytes[4..8].copy_from_slice(&[10, 0, 0, 1]);
    let length = u16::try_from(MD5_KEY.len()).unwrap_or(0);
    bytes[130..132].copy_from_slice(&length.to_ne_bytes());
    bytes[136..136 + MD5_KEY.len()].copy_from_slice(MD5_KEY.as_bytes());
    // SAFETY: the kernel reads 216 bytes, and there are as many.
    unsafe {
        setsockopt(
            socket.as_raw_fd(),
            IPPROTO_TCP,
            TCP_MD5SIG,
            bytes.as_ptr(),
            216,
        ) == 0
    }
}
