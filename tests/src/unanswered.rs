//! Connections from an address that is nobody's: the SYN-ACKs are lost, and the connections stay
//! half-open, until the test makes the address somebody's.

use std::{
    io::ErrorKind,
    net::{SocketAddr, SocketAddrV4, TcpListener},
};

use anyhow::{Context as _, Result, bail, ensure};
use socket2::{Domain, Socket, Type};

use crate::{
    flows,
    netns::{FAR, ip, link_to_nobody, pretend_far_is_known},
};

/// On the near side of the link to nobody.
const NEAR: &str = "10.231.0.1:0";

/// Where such connections come in.
pub struct Door {
    /// The listener.
    pub listener: TcpListener,
}

/// Who began one: a socket in `syn-sent` in the same namespace, of an address that is not there.
pub struct Knock {
    /// The socket.
    pub client: Socket,
    /// Its port.
    pub port: u16,
}

impl Door {
    /// Listens.
    pub fn open() -> Result<Self> {
        link_to_nobody()?;
        pretend_far_is_known()?;
        let listener = TcpListener::bind(NEAR).context("cannot listen")?;
        Ok(Self { listener })
    }

    /// Sets how many connections may wait for accept(), besides one.
    pub fn keep_waiting(&self, backlog: i32) -> Result<()> {
        rustix::net::listen(&self.listener, backlog).context("cannot listen anew")
    }

    /// The port of the listener.
    pub fn port(&self) -> Result<u16> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Begins to connect from [`FAR`]. When this returns the SYN has come in.
    pub fn knock(&self) -> Result<Knock> {
        let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        // Allows an address that is not there.
        client.set_ip_transparent_v4(true)?;
        client.bind(&SocketAddr::V4(SocketAddrV4::new(FAR.into(), 0)).into())?;
        client.set_nonblocking(true)?;
        match client.connect(&self.listener.local_addr()?.into()) {
            Err(error) if error.raw_os_error() == Some(115) => {}
            other => bail!("expected a connection in progress: {other:?}"),
        }
        let own = client.local_addr()?.as_socket().context("an IP socket")?;
        Ok(Knock {
            client,
            port: own.port(),
        })
    }
}

impl Knock {
    /// Waits until the connection is there.
    pub fn wait(&self) -> Result<()> {
        flows::wait_until_writable(&self.client)?;
        match self.client.take_error()? {
            None => Ok(()),
            Some(error) => bail!("no connection: {error}"),
        }
    }

    /// Waits until the connection is reset.
    pub fn wait_for_reset(&self) -> Result<()> {
        flows::wait_until_writable(&self.client)?;
        let error = self.client.take_error()?;
        let kind = error.as_ref().map(std::io::Error::kind);
        ensure!(
            matches!(
                kind,
                Some(ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused)
            ),
            "no reset: {error:?}"
        );
        Ok(())
    }
}

/// Makes [`FAR`] an address of this namespace: what is sent there from now on arrives.
pub fn appear() -> Result<()> {
    ip("address add 10.231.0.2/32 dev lo")
}

/// Takes it away again.
pub fn vanish() -> Result<()> {
    ip("address del 10.231.0.2/32 dev lo")
}
