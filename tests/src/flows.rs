//! Connections of every kind. Each step waits until the kernel has taken the one before, so that the
//! states gone through are always the same.

use std::{
    io::{self, Read},
    net::{SocketAddr, SocketAddrV4, TcpListener, TcpStream},
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_setfl},
    io::Errno,
    net::{AddressFamily, Protocol, SocketFlags, SocketType, connect, socket_with, sockopt},
};

use crate::{PATIENCE, netns};

/// Any free port of the loopback address.
pub const LOOPBACK: &str = "127.0.0.1:0";

/// A connection, both ends of it, and the listener it came in on.
pub struct Pair {
    /// Where it came in.
    pub listener: TcpListener,
    /// The end that connected.
    pub client: TcpStream,
    /// The end that was accepted.
    pub server: TcpStream,
    /// `sk` of `client`.
    pub client_sk: String,
    /// `sk` of `server`.
    pub server_sk: String,
}

impl Pair {
    /// A connection over loopback.
    pub fn open() -> Result<Self> {
        let listener = TcpListener::bind(LOOPBACK)?;
        let address = listener.local_addr()?;
        Self::between(listener, address)
    }

    /// A connection to `listener`, which can be reached at `address`.
    pub fn between(listener: TcpListener, address: SocketAddr) -> Result<Self> {
        let client = TcpStream::connect(address).context("cannot connect")?;
        let (server, _) = listener.accept().context("cannot accept")?;
        for stream in [&client, &server] {
            stream.set_read_timeout(Some(PATIENCE))?;
        }
        let (client_sk, server_sk) = (sk(&client)?, sk(&server)?);
        Ok(Self {
            listener,
            client,
            server,
            client_sk,
            server_sk,
        })
    }

    /// The ports of the client and of the server.
    pub fn ports(&self) -> Result<(u16, u16)> {
        let client = self.client.local_addr()?.port();
        Ok((client, self.server.local_addr()?.port()))
    }

    /// Closed in order, by the client first.
    pub fn close_by_client(self) -> Result<()> {
        close_in_order(self.client, self.server)
    }

    /// Closed in order, by the server first.
    pub fn close_by_server(self) -> Result<()> {
        close_in_order(self.server, self.client)
    }

    /// Closed by the client with a reset, because SO_LINGER 0 asks for that.
    pub fn reset_by_client(self) -> Result<()> {
        sockopt::set_socket_linger(&self.client, Some(Duration::ZERO))?;
        drop(self.client);
        expect_reset(self.server)
    }

    /// Closed by the client while there is data that it has not read.
    pub fn abandon_unread(mut self) -> Result<()> {
        io::Write::write_all(&mut self.server, b"unread")?;
        self.client.peek(&mut [0])?;
        drop(self.client);
        expect_reset(self.server)
    }
}

/// The cookie of a socket, as `ss -e` and sockwatch print it.
pub fn sk(socket: impl AsFd) -> Result<String> {
    Ok(format!("{:x}", sockopt::socket_cookie(socket)?))
}

/// Closes one end, and the other when it has heard of it.
pub fn close_in_order(first: TcpStream, second: TcpStream) -> Result<()> {
    drop(first);
    expect_end(second)
}

/// Waits for the peer's end of the stream.
pub fn expect_end(mut stream: TcpStream) -> Result<()> {
    let read = stream
        .read(&mut [0])
        .context("cannot wait for the end of the stream")?;
    ensure!(read == 0, "there is data instead of an end");
    Ok(())
}

/// Waits for the peer's reset.
pub fn expect_reset(mut stream: TcpStream) -> Result<()> {
    loop {
        match stream.read(&mut [0; 64]) {
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
            other => bail!("expected a reset: {other:?}"),
        }
    }
}

/// Opens connections one after the other and resets each: [`CHURN_EVENTS`] transitions for each and
/// two of the listener.
pub fn churn(connections: usize) -> Result<()> {
    let mut listener = TcpListener::bind(LOOPBACK)?;
    let address = listener.local_addr()?;
    for _ in 0..connections {
        let pair = Pair::between(listener, address)?;
        listener = pair.listener.try_clone()?;
        pair.reset_by_client()?;
    }
    Ok(())
}

/// Transitions of one reset connection: three on each side.
pub const CHURN_EVENTS: usize = 6;

/// Transitions of [`churn`].
pub const fn churn_events(connections: usize) -> usize {
    connections * CHURN_EVENTS + 2
}

/// An IPv4 TCP socket that is not connected.
pub fn tcp4() -> Result<OwnedFd> {
    socket(AddressFamily::INET, None)
}

/// A stream socket of this family and protocol.
pub fn socket(family: AddressFamily, protocol: Option<Protocol>) -> Result<OwnedFd> {
    let made = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, protocol);
    made.context("cannot make a socket")
}

/// The address of [`netns::FAR`].
pub fn far() -> SocketAddrV4 {
    SocketAddrV4::new(netns::FAR.into(), 4242)
}

/// Begins to connect to [`far`] and does not wait for an answer.
pub fn begin_to_connect_far(socket: &OwnedFd) -> Result<()> {
    fcntl_setfl(socket, OFlags::NONBLOCK)?;
    match connect(socket, &far()) {
        Err(Errno::INPROGRESS) => Ok(()),
        other => bail!("expected a connection in progress: {other:?}"),
    }
}

/// Waits until connecting has failed.
pub fn expect_failure(socket: &OwnedFd) -> Result<Errno> {
    wait_until_writable(socket).context("the connection does not fail")?;
    match sockopt::socket_error(socket)? {
        Err(errno) => Ok(errno),
        Ok(()) => bail!("the connection did not fail"),
    }
}

/// Waits until connecting has come to something.
pub fn wait_until_writable(socket: impl AsFd) -> Result<()> {
    let timeout = Timespec::try_from(PATIENCE)?;
    let mut fds = [PollFd::new(&socket, PollFlags::OUT)];
    ensure!(
        poll(&mut fds, Some(&timeout))? == 1,
        "nothing comes of connecting"
    );
    Ok(())
}
