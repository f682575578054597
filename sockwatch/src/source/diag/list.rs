//! The list: every socket table that the kernel can dump, row by row as it comes.
//!
//! Keeps nothing and judges no row: what it gives is a superset of what the filter wants. Never
//! fails as a whole once it is in the namespace: what could not be read is in [`Listed`].
//!
//! Cost: the kernel walks its established hash, which all namespaces share, once for TCP and each
//! family (up to 20 ms with 262,144 buckets), unless only listeners are asked for.

use std::cell::Cell;

use super::{
    WHAT,
    failures::Failures,
    inside::{self, InsideError},
    netns::{self, Netns},
    proc_raw,
    refusal::{explain, is_absence, is_for_the_program},
    request::{InetDump, inet, other, table_state_bits},
    rows::{Inet, Netlink, Packet, Reader, Tally, Unix, Vsock, Xdp},
    wire::{self, Ended, SEQUENCE, WireError},
};
use crate::model::{AddressFamily, Family, Netid, Proto, Row, StateSet, event::Degraded};

/// The tables that one dump shows together, in the order in which `ss` lists them.
const DUMPS: [&[Netid]; 12] = [
    &[Netid::Netlink],
    &[Netid::PacketRaw, Netid::PacketDgram],
    &[Netid::UnixStream, Netid::UnixDgram, Netid::UnixSeqpacket],
    &[Netid::Raw],
    &[Netid::Udp],
    &[Netid::Tcp],
    &[Netid::Dccp],
    &[Netid::Sctp],
    &[Netid::VsockStream, Netid::VsockDgram],
    &[Netid::Tipc],
    &[Netid::Xdp],
    &[Netid::Mptcp],
];

/// What to list.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// Tables; in which order does not matter.
    pub netids: &'a [Netid],
    /// Families; in which order does not matter.
    pub families: &'a [AddressFamily],
    /// States. `syn-recv` is half-open connections, by either of their numbers; `bound-inactive` is
    /// TCP's alone and costs another walk.
    pub states: StateSet,
    /// A filter for the kernel to run over a table of a family: `INET_DIAG_REQ_BYTECODE`. It has to
    /// pass everything that is wanted.
    pub program: &'a (dyn Fn(Netid, Family) -> Option<Vec<u8>> + Sync),
    /// Whether to ask for [`Row::tcp`], which doubles the kernel's work.
    pub tcp_numbers: bool,
}

/// How the list went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Messages, attributes and lines that made no sense.
    pub malformed: u64,
    /// What could not be read, or not consistently.
    pub degraded: Vec<Degraded>,
    /// What was read in a lesser way: all sockets are there, but not all that is known of them, or
    /// without the kernel's help in filtering.
    pub lesser: Vec<Degraded>,
    /// Tables that the kernel can't dump, for it has none such or lacks a module.
    pub absent: Vec<Netid>,
    /// Firewall marks were not shown; they take CAP_NET_ADMIN.
    pub unmarked: bool,
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The namespace can't be entered.
    #[error("cannot list the sockets of {netns}")]
    Inside {
        /// The namespace, for people.
        netns: String,
        /// Why.
        source: InsideError,
    },
}

/// Gives the sockets of one network namespace to `each`, in the order of `ss`: table by table, IPv4
/// before IPv6, then in the order of the kernel's walk. A socket that moves between hash tables
/// during the walk may come twice, or not at all.
///
/// Blocks until done. Without `netns` it lists the calling thread's, and stays on that thread.
///
/// # Errors
///
/// `netns` can't be entered; then `each` was given nothing.
pub fn list(
    netns: Option<&Netns>,
    query: &Query<'_>,
    each: impl FnMut(&Row<'_>) + Send,
) -> Result<Listed, ListError> {
    let Some(netns) = netns else {
        let inode = netns::own().map(|own| own.inode).ok();
        return Ok(Lister::new(query, inode, each).run());
    };
    let inside = || {
        inside::enter(netns)?;
        Ok(Lister::new(query, Some(netns.inode), each).run())
    };
    inside::apart(inside)
        .and_then(|entered| entered)
        .map_err(|source| ListError::Inside {
            netns: netns.to_string(),
            source,
        })
}

struct Lister<'a, F> {
    query: &'a Query<'a>,
    /// Inode number of the network namespace.
    netns: Option<u32>,
    each: F,
    tally: Tally,
    failures: Failures,
    lesser: Failures,
    absent: Vec<Netid>,
    /// Receives datagrams, of all dumps.
    buffer: Vec<u8>,
}

impl<'a, F: FnMut(&Row<'_>)> Lister<'a, F> {
    fn new(query: &'a Query<'a>, netns: Option<u32>, each: F) -> Self {
        Self {
            query,
            netns,
            each,
            tally: Tally::default(),
            failures: Failures::default(),
            lesser: Failures::default(),
            absent: Vec::new(),
            buffer: Vec::with_capacity(wire::DATAGRAM_BYTES),
        }
    }

    fn run(mut self) -> Listed {
        for together in DUMPS {
            let wanted = |netid: &&Netid| self.query.netids.contains(netid);
            let netids: Vec<Netid> = together.iter().filter(wanted).copied().collect();
            let Some(&first) = netids.first() else {
                continue;
            };
            let states = table_state_bits(first, self.query.states);
            if states == 0 {
                continue;
            }
            for &family in first.families() {
                if self.query.families.contains(&family) {
                    self.table(&netids, first, family, states);
                }
            }
        }
        Listed {
            malformed: self.tally.malformed,
            degraded: self.failures.into_degraded(WHAT),
            lesser: self.lesser.into_degraded(WHAT),
            absent: self.absent,
            unmarked: self.tally.unmarked,
        }
    }

    /// One dump, of which `netids` are wanted.
    fn table(&mut self, netids: &[Netid], first: Netid, family: AddressFamily, states: u32) {
        let ended = self.dump(netids, first, family, states);
        let subject = || format!("{} {}", first.word(), family.word());
        match ended {
            Ok(Ended {
                interrupted: false, ..
            }) => {}
            Ok(_) => {
                let reason = "inconsistent: sockets came and went during the dump".to_owned();
                self.failures.add(subject(), reason);
            }
            Err(error) if always_there(first).is_none() && is_absence(&error) => {
                let unknown = |netid: &&Netid| !self.absent.contains(netid);
                let new: Vec<Netid> = netids.iter().filter(unknown).copied().collect();
                self.absent.extend(new);
            }
            Err(error) => {
                let module = always_there(first).unwrap_or("inet_diag");
                self.failures.add(subject(), explain(&error, module));
            }
        }
    }

    fn dump(
        &mut self,
        netids: &[Netid],
        first: Netid,
        family: AddressFamily,
        states: u32,
    ) -> Result<Ended, WireError> {
        let netns = self.netns;
        match family {
            AddressFamily::Inet => self.inet(first, Family::Inet, states),
            AddressFamily::Inet6 => self.inet(first, Family::Inet6, states),
            AddressFamily::Unix => self.rows(
                netids,
                &other::unix(states, SEQUENCE),
                &mut Unix::new(netns),
            ),
            AddressFamily::Link => {
                self.rows(netids, &other::packet(SEQUENCE), &mut Packet { netns })
            }
            AddressFamily::Netlink => {
                self.rows(netids, &other::netlink(SEQUENCE), &mut Netlink { netns })
            }
            AddressFamily::Vsock => self.rows(
                netids,
                &other::vsock(states, SEQUENCE),
                &mut Vsock { netns },
            ),
            AddressFamily::Xdp => self.rows(netids, &other::xdp(SEQUENCE), &mut Xdp { netns }),
            AddressFamily::Tipc => self.tipc(states),
        }
    }

    fn inet(&mut self, netid: Netid, family: Family, states: u32) -> Result<Ended, WireError> {
        let Some(protocol) = ip_protocol(netid) else {
            return Ok(Ended::default());
        };
        let program = (self.query.program)(netid, family);
        let dump = InetDump {
            protocol,
            family,
            state_bits: states,
            info: self.query.tcp_numbers && netid == Netid::Tcp,
            program: program.as_deref(),
        };
        let mut reader = Inet {
            netid,
            netns: self.netns,
        };
        let mut ended = self.rows(&[netid], &inet(&dump, SEQUENCE), &mut reader);
        if program.is_some() && ended.as_ref().is_err_and(is_for_the_program) {
            // The request is judged before the first row is sent.
            let plain = InetDump {
                program: None,
                ..dump
            };
            ended = self.rows(&[netid], &inet(&plain, SEQUENCE), &mut reader);
            if ended.is_ok() {
                let subject = format!("{} {}", netid.word(), family.word());
                let reason = "the kernel refused the filter; everything is filtered here";
                self.lesser.add(subject, reason.to_owned());
            }
        }
        match ended {
            Err(error) if netid == Netid::Raw && is_absence(&error) => {
                self.proc_raw(family);
                Ok(Ended::default())
            }
            ended => ended,
        }
    }

    /// Sends a request and gives the rows of `netids` on.
    fn rows<R: Reader>(
        &mut self,
        netids: &[Netid],
        request: &[u8],
        reader: &mut R,
    ) -> Result<Ended, WireError> {
        let untouched = Cell::new(true);
        let (tally, each) = (&mut self.tally, &mut self.each);
        let mut take = |payload: &[u8]| {
            untouched.set(false);
            tally.take(reader, payload, |row| {
                if netids.contains(&row.netid) {
                    each(row);
                }
            });
        };
        let mut ended = wire::dump(request, &mut self.buffer, &mut take);
        if let Err(WireError::Truncated { bytes }) = ended {
            self.buffer.reserve(bytes);
            // What was given can't be taken back.
            if untouched.get() {
                ended = wire::dump(request, &mut self.buffer, take);
            }
        }
        if let Ok(ended) = &ended {
            self.tally.malformed += ended.malformed;
        }
        ended
    }

    fn proc_raw(&mut self, family: Family) {
        let subject = format!("raw {}", family.word());
        let states = self.query.states;
        let each = &mut self.each;
        let read = proc_raw::list(family, self.netns, |row| {
            if states.contains(row.state) {
                each(row);
            }
        });
        match read {
            Ok(malformed) => {
                self.tally.malformed += malformed;
                let reason = "the kernel has no raw_diag; /proc/net/raw tells no devices, marks, \
                              cgroups or cookies";
                self.lesser.add(subject, reason.to_owned());
            }
            Err(error) => self
                .failures
                .add(subject, format!("cannot read /proc/net/raw: {error}")),
        }
    }

    /// Looks whether there are any: their replies are not read yet.
    fn tipc(&mut self, states: u32) -> Result<Ended, WireError> {
        let mut sockets = 0_u64;
        let request = other::tipc(states, SEQUENCE);
        let ended = wire::dump(&request, &mut self.buffer, |_| sockets += 1)?;
        if sockets > 0 {
            let reason = format!("{sockets} sockets are not shown; TIPC is not understood");
            self.failures.add("tipc".to_owned(), reason);
        }
        Ok(ended)
    }
}

/// The module that dumps a table that every kernel has: its absence is a failure.
fn always_there(netid: Netid) -> Option<&'static str> {
    match netid {
        Netid::Tcp => Some("tcp_diag"),
        Netid::Udp => Some("udp_diag"),
        Netid::Netlink => Some("netlink_diag"),
        Netid::UnixStream | Netid::UnixDgram | Netid::UnixSeqpacket => Some("unix_diag"),
        _ => None,
    }
}

/// The protocol number of a table of sockets with IP addresses.
fn ip_protocol(netid: Netid) -> Option<u16> {
    match netid {
        Netid::Raw => Some(255),
        Netid::Udp => Some(17),
        Netid::Tcp => Some(Proto::Tcp.number()),
        Netid::Dccp => Some(Proto::Dccp.number()),
        Netid::Sctp => Some(Proto::Sctp.number()),
        Netid::Mptcp => Some(Proto::Mptcp.number()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
