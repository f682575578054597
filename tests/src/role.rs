//! The test program in another role: a process beside the test, with a name of its own, that is one
//! side of a connection.

use std::{
    env,
    ffi::{CString, OsStr},
    fmt, fs,
    io::{self, BufRead as _, BufReader, IoSlice, IoSliceMut, Read as _, Write as _},
    mem::MaybeUninit,
    net::{SocketAddr, TcpListener, TcpStream},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    process::{Command, ExitCode, Stdio},
    thread,
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::{
    flows::{LOOPBACK, Pair},
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
    /// Opens a connection to itself and closes it in order.
    Soliloquy,
    /// Is handed a descriptor through its standard input, a unix socket; says so, and keeps it until
    /// the other end is closed.
    Keeper,
    /// Has a socket for its standard input: says so when it has it by three descriptors and has a
    /// second thread, and keeps it until it is killed.
    Holder,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Client(_) => "client",
            Self::Heir => "heir",
            Self::Acceptor => "acceptor",
            Self::Soliloquy => "soliloquy",
            Self::Keeper => "keeper",
            Self::Holder => "holder",
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
        self.command_through(&["ip", "netns", "exec", netns], comm)
    }

    /// The command that plays it by way of another, whose last arguments are a command.
    pub fn command_through(self, way: &[&str], comm: impl AsRef<OsStr>) -> Result<Command> {
        let (program, args) = way.split_first().context("no way")?;
        let mut command = Command::new(program);
        command.args(args).arg(env::current_exe()?);
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
        Self::start_command(Role::Server.command(comm)?)
    }

    /// Likewise with one of the role's commands.
    pub fn start_command(command: Command) -> Result<Self> {
        let mut process = Process::start(command)?;
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
        "soliloquy" => Pair::open()?.close_by_client(),
        "keeper" => keep(),
        "holder" => hold(),
        _ => bail!("no such role"),
    }
}

fn serve() -> Result<()> {
    let listener = TcpListener::bind(LOOPBACK)?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    for connection in listener.incoming() {
        connection?.read_to_end(&mut Vec::new())?;
    }
    Ok(())
}

fn accept() -> Result<()> {
    let listener = TcpListener::from(io::stdin().as_fd().try_clone_to_owned()?);
    let (mut connection, _) = listener.accept()?;
    connection.read_exact(&mut [0])?;
    connection.write_all(b"!")?;
    connection.read_to_end(&mut Vec::new())?;
    Ok(())
}

fn keep() -> Result<()> {
    let kept = receive_descriptor(&io::stdin())?;
    writeln!(io::stdout(), "kept")?;
    io::stdin().read_to_end(&mut Vec::new())?;
    drop(kept);
    Ok(())
}

fn hold() -> Result<()> {
    let _copy = io::stdin().as_fd().try_clone_to_owned()?;
    let _far = rustix::io::fcntl_dupfd_cloexec(io::stdin(), 200)?;
    let thread = thread::Builder::new().name("a thread".to_owned());
    let thread = thread.spawn(|| {
        writeln!(io::stdout(), "held")?;
        loop {
            thread::park();
        }
    })?;
    thread
        .join()
        .unwrap_or_else(|_| bail!("the thread panicked"))
}

/// Hands a descriptor over through a unix socket.
pub fn send_descriptor(through: &impl AsFd, sent: &impl AsFd) -> Result<()> {
    let descriptors = [sent.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fits = control.push(SendAncillaryMessage::ScmRights(&descriptors));
    ensure!(fits, "no room for a descriptor");
    sendmsg(
        through,
        &[IoSlice::new(b"x")],
        &mut control,
        SendFlags::empty(),
    )?;
    Ok(())
}

fn receive_descriptor(through: &impl AsFd) -> Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(
        through,
        &mut [IoSliceMut::new(&mut byte)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let received = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    received.context("no descriptor came")
}
