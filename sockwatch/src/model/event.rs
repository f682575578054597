//! What goes out: one value for each line of the output, without its sequence number.

use super::{
    Cause, Errno, MonoNs, Nanos, Owner, Peer, Proto, Row, SocketInfo, SocketKey, TcpState,
    Transition, Tuple, Users, summary::Summary,
};

/// Anything that becomes a line.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The stream begins.
    Start(&'a Start),
    /// A socket that existed before.
    Socket(SocketEvent<'a>),
    /// A state change.
    Transition(TransitionEvent<'a>),
    /// Something was not seen, or not shown.
    Lost(Lost),
    /// Heartbeat.
    Stats(Totals),
    /// The stream ends.
    Stop(Totals),
}

/// A lesser mode of work, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Degraded {
    /// What is missing or done in a lesser way, e.g. `tp_btf`.
    pub what: &'static str,
    /// Why, in words for a person.
    pub why: String,
}

/// The `start` record.
#[derive(Clone, Debug)]
pub struct Start {
    /// When the probes were attached.
    pub at: MonoNs,
    /// `sockwatch` version.
    pub version: &'static str,
    /// `uname -r`.
    pub kernel: String,
    /// Host name.
    pub host: String,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: Option<String>,
    /// The selection in force, in the words of the command line.
    pub filter: String,
    /// Probes in use, e.g. `tp_btf/inet_sock_set_state`.
    pub probes: Vec<String>,
    /// Everything that works in a lesser way.
    pub degraded: Vec<Degraded>,
}

/// The `socket` record: a socket that was there when sockwatch started.
#[derive(Clone, Copy, Debug)]
pub struct SocketEvent<'a> {
    /// When the dump ended that showed it.
    pub at: MonoNs,
    /// Transport protocol.
    pub proto: Proto,
    /// Both ends.
    pub tuple: &'a Tuple,
    /// Its state.
    pub state: TcpState,
    /// Identity.
    pub key: SocketKey,
    /// The rest of what it carries.
    pub info: &'a SocketInfo,
    /// Who owns it.
    pub owner: Option<&'a Owner>,
    /// Path of its cgroup below the cgroup2 mount.
    pub cgroup: Option<&'a str>,
}

/// The `socket` record of a list.
#[derive(Clone, Copy, Debug)]
pub struct RowEvent<'a> {
    /// When the list was begun that shows it.
    pub at: MonoNs,
    /// The socket.
    pub row: &'a Row<'a>,
    /// Who owns it.
    pub owner: Option<&'a Owner>,
    /// Path of its cgroup below the cgroup2 mount.
    pub cgroup: Option<&'a str>,
    /// Name of the device that it is bound to.
    pub device: Option<&'a str>,
    /// We have closed it.
    pub killed: bool,
    /// Everybody who holds it, where that was asked for.
    pub users: Option<Users<'a>>,
    /// The socket at the other end, where that was asked for and is on this machine.
    pub peer: Option<Peer<'a>>,
}

/// The `summary` record.
#[derive(Clone, Copy, Debug)]
pub struct SummaryEvent<'a> {
    /// When it was counted.
    pub at: MonoNs,
    /// Inode number of the network namespace.
    pub netns: Option<u32>,
    /// The counts.
    pub summary: &'a Summary,
}

/// The `transition` record.
#[derive(Clone, Copy, Debug)]
pub struct TransitionEvent<'a> {
    /// What happened.
    pub transition: &'a Transition,
    /// The tuple with all that is known of the connection.
    pub tuple: &'a Tuple,
    /// Time spent in the old state; `None` when its begin was not seen.
    pub dwell: Option<Nanos>,
    /// Time since the connection was first seen to begin.
    pub age: Option<Nanos>,
    /// Who owns the socket.
    pub owner: Option<&'a Owner>,
    /// Why it was closed; only with `new == Close`.
    pub cause: Option<Cause>,
    /// The error it was closed with.
    pub errno: Option<Errno>,
    /// The process that closed the socket with this transition, be it the owner or not.
    pub closer: Option<&'a Owner>,
    /// From `established` to the first use by the process that accepted the connection; on leaving
    /// `established`.
    pub accept_wait: Option<Nanos>,
    /// SYN-ACKs sent again; on leaving `syn-recv`.
    pub synack_retrans: Option<u8>,
    /// Path of its cgroup below the cgroup2 mount.
    pub cgroup: Option<&'a str>,
}

/// Where something was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostWhere {
    /// In the kernel: the ring was full.
    Kernel,
    /// Between us and the reader of our output: it did not keep up.
    Output,
}

impl LostWhere {
    /// The value of `where` in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Output => "output",
        }
    }
}

/// The `lost` record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Where.
    pub place: LostWhere,
    /// How many transitions.
    pub count: u64,
    /// Not before this.
    pub from: MonoNs,
    /// Not after this.
    pub to: MonoNs,
}

/// Everything counted since the start. For the `stats` and `stop` records.
///
/// `events == emitted + filtered + lost_kernel + lost_output` at a quiet moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// When they were counted.
    pub at: MonoNs,
    /// State changes that the kernel produced.
    pub events: u64,
    /// Transitions printed.
    pub emitted: u64,
    /// Transitions that the selection left out.
    pub filtered: u64,
    /// Transitions lost in the kernel.
    pub lost_kernel: u64,
    /// Transitions lost because the output did not keep up.
    pub lost_output: u64,
    /// What the kernel told that is part of another change, or none, beyond `events`.
    pub merged: u64,
    /// Ring records that made no sense.
    pub malformed_ring: u64,
    /// Netlink messages that made no sense.
    pub malformed_netlink: u64,
    /// Sockets in the table.
    pub sockets: u64,
    /// Sockets dropped from the table because it was full.
    pub evicted: u64,
}
