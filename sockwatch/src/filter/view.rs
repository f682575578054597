//! What a filter looks at: a socket, or a transition of one, however it became known.

pub use crate::model::Endpoint;
use crate::model::{Cause, Nanos, Netid, Owner, SocketInfo, Tuple};

/// Everything that a filter can ask of a socket. `None` is unknown.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Its table.
    pub netid: Netid,
    /// The local end.
    pub local: Endpoint<'a>,
    /// The other end; where there is none, the unspecified address and port 0.
    pub peer: Endpoint<'a>,
    /// Which of these will still become known. What a filter says before may change.
    pub pending: Pending,
    /// Bound device, 0 for none.
    pub ifindex: Option<u32>,
    /// Firewall mark.
    pub mark: Option<u32>,
    /// Id of the cgroup.
    pub cgroup_id: Option<u64>,
    /// Its path below the cgroup2 mount.
    pub cgroup: Option<&'a str>,
    /// Whether the kernel chose the port or name.
    pub autobound: Option<bool>,
    /// User.
    pub uid: Option<u32>,
    /// Network namespace.
    pub netns: Option<u32>,
    /// The processes that hold it; live, the one that owns it.
    pub owners: &'a [Owner],
    /// Time spent in the state that was left.
    pub dwell: Option<Nanos>,
    /// Time since the connection began.
    pub age: Option<Nanos>,
    /// Smoothed round-trip time.
    pub rtt: Option<Nanos>,
    /// Segments retransmitted.
    pub retrans: Option<u64>,
    /// Why it was closed.
    pub cause: Option<Cause>,
}

impl<'a> View<'a> {
    /// The view of a socket of which its ends and what it carries are known, and all else is not.
    pub fn of(netid: Netid, local: Endpoint<'a>, peer: Endpoint<'a>, info: &SocketInfo) -> Self {
        Self {
            netid,
            local,
            peer,
            pending: Pending::default(),
            ifindex: info.ifindex,
            mark: info.mark,
            cgroup_id: info.cgroup_id,
            cgroup: None,
            autobound: None,
            uid: info.uid,
            netns: info.netns,
            owners: &[],
            dwell: None,
            age: None,
            rtt: None,
            retrans: None,
            cause: None,
        }
    }

    /// As [`View::of`], of a socket with IP addresses, as a dump or an event shows it.
    pub fn of_ip(netid: Netid, tuple: &Tuple, info: &SocketInfo) -> Self {
        let (local, peer) = Endpoint::of_tuple(tuple);
        Self::of(netid, local, peer, info)
    }
}

/// Facts that are on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// The local port: connect() chooses it after the transition to `syn-sent`.
    pub sport: bool,
    /// The local address.
    pub src: bool,
    /// The peer's address and port.
    pub peer: bool,
}

/// What a filter says of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not wanted, whatever the pending facts turn out to be.
    No,
    /// Wanted, whatever they turn out to be.
    Yes,
    /// It depends on them.
    Pending,
}
