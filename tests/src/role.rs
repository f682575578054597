//! The test program in another role: a process beside the test, with a name of its own, that is one
//! side of a connection.

use std::{
    env,
    ffi::{CString, OsStr},
    fmt, fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{ffi::OsStrExt as _, net::UnixStream},
    },
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    flows::{LOOPBACK, Pair},
    passed,
    process::Process,
};

const ROLE: &str = "SOCKWATCH_TEST_ROLE";
const COMM: &str = "SOCKWATCH_TEST_COMM";
const PEER: &str = "SOCKWATCH_TEST_PEER";

/// What the other process does.
#[derive(Clone, Copy, Debug)]
pub enum Role {
    /// Listens, tells its port, and closes each connection when its peer has.
    Server,
    /// Connects to a peer and closes.
    Client(SocketAddr),
    /// Has a connection for its standard input, and closes it when its peer has.
    Heir,
    /// Has a listener for its standard input: accepts one connection, sends a byte when one has come,
    /// and closes it when its peer has.
    Acceptor,
    /// Has a unix socket for its standard input: takes the connection that is [`passed`] to it, and
    /// closes it when the unix socket's peer has closed that.
    Bearer,
    /// Opens a connection to itself and closes it in order.
    Soliloquy,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Client(_) => "client",
            Self::Heir => "heir",
            Self::Acceptor => "acceptor",
            Self::Bearer => "bearer",
            Self::Soliloquy => "soliloquy",
        })
    }
}

impl Role {
    /// The command that plays it, in a process called `comm`.
    pub fn command(self, comm: impl AsRef<OsStr>) -> Result<Command> {
        let mut command = Command::new(env::current_exe()?);
        self.dress(&mut command, comm);
        Ok(command)
    }

    /// The command that plays it in a named namespace.
    pub fn command_in(self, netns: &str, comm: impl AsRef<OsStr>) -> Result<Command> {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", netns])
            .arg(env::current_exe()?);
        self.dress(&mut command, comm);
        Ok(command)
    }

    fn dress(self, command: &mut Command, comm: impl AsRef<OsStr>) {
        command
            .env(ROLE, self.to_string())
            .env(COMM, comm)
            .stdin(Stdio::null());
        if let Self::Client(peer) = self {
            command.env(PEER, peer.to_string());
        }
    }
}

/// A running [`Role::Server`].
pub struct Server {
    process: Process,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Server {
    /// Starts it and waits until it listens.
    pub fn start(comm: &str) -> Result<Self> {
        let mut process = Process::start(Role::Server.command(comm)?)?;
        let mut line = String::new();
        BufReader::new(process.stdout()?).read_line(&mut line)?;
        let address = line
            .trim()
            .parse()
            .context("the server did not tell its address")?;
        Ok(Self { process, address })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

/// The name of this process, as the kernel has it.
pub fn own_comm() -> Result<String> {
    let comm = fs::read_to_string("/proc/self/comm").context("cannot read my name")?;
    Ok(comm.trim_end().to_owned())
}

/// Plays the role that the environment asks for; `None` when this is the test itself.
pub fn play() -> Option<ExitCode> {
    let role = env::var(ROLE).ok()?;
    Some(match perform(&role) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{role}: {error:#}");
            ExitCode::FAILURE
        }
    })
}

fn perform(role: &str) -> Result<()> {
    let comm = env::var_os(COMM).context("a role needs a name")?;
    rustix::thread::set_name(&CString::new(comm.as_bytes())?)?;
    match role {
        "server" => serve(),
        "client" => {
            let peer: SocketAddr = env::var(PEER)?.parse()?;
            TcpStream::connect(peer).map(drop).context("cannot connect")
        }
        "heir" => io::stdin()
            .read_to_end(&mut Vec::new())
            .map(drop)
            .context("cannot read the connection"),
        "acceptor" => accept(),
        "bearer" => bear(),
        "soliloquy" => Pair::open()?.close_by_client(),
        _ => bail!("no such role"),
    }
}

fn own_stdin() -> Result<OwnedFd> {
    let own = io::stdin().as_fd().try_clone_to_owned();
    own.context("cannot copy standard input")
}

fn accept() -> Result<()> {
    let listener = TcpListener::from(own_stdin()?);
    let (mut connection, _) = listener.accept()?;
    connection.read_exact(&mut [0])?;
    connection.write_all(b"!")?;
    connection.read_to_end(&mut Vec::new())?;
    Ok(())
}

fn bear() -> Result<()> {
    let mut giver = UnixStream::from(own_stdin()?);
    let _connection = passed::take(&giver)?;
    giver.read_to_end(&mut Vec::new())?;
    Ok(())
}

fn serve() -> Result<()> {
    let listener = TcpListener::bind(LOOPBACK)?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    for connection in listener.incoming() {
        connection?.read_to_end(&mut Vec::new())?;
    }
    Ok(())
}
