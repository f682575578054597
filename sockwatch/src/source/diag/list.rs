//! The list: every socket table that the kernel can dump, row by row as it comes.
//!
//! Keeps nothing and judges no row: what it gives is a superset of what the filter wants. Never
//! fails as a whole once it is in the namespace: what could not be read is in [`Listed`].
//!
//! Cost: the kernel walks its established hash, which all namespaces share, for TCP (up to 20 ms with
//! 262,144 buckets), unless only listeners are asked for: `tcp` keeps that low.

mod ahead;
mod inet;
mod tcp;

use std::cell::Cell;

use super::{
    WHAT,
    failures::Failures,
    inside::{self, InsideError},
    netns::{self, Netns},
    refusal::{explain, is_absence},
    request::{other, table_state_bits},
    rows::{Netlink, Packet, Read, Reader, Tally, Unix, Vsock, Xdp},
    wire::{self, Begun, Ended, SEQUENCE, WireError},
};
use crate::model::{AddressFamily, Ask, Family, Netid, Row, StateSet, event::Degraded};

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
    /// What the kernel is to show of a table of a family: at least everything that is wanted.
    pub shown: &'a (dyn Fn(Netid, Family) -> Shown + Sync),
    /// Which details to ask for. [`Row::tcp`] comes with `numbers`, which doubles the kernel's work.
    pub ask: Ask,
}

/// What the kernel is to show of a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Every socket.
    All,
    /// What this program passes: `INET_DIAG_REQ_BYTECODE`.
    Passed(Vec<u8>),
    /// No socket: there is no dump.
    Nothing,
}

impl Shown {
    fn program(&self) -> Option<&[u8]> {
        match self {
            Self::Passed(program) => Some(program),
            Self::All | Self::Nothing => None,
        }
    }
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
    /// Tables that could not be read, or not of every family: why is in `degraded`.
    pub failed: Vec<Netid>,
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
    failed: Vec<Netid>,
    /// Receives datagrams, of all dumps.
    buffer: Vec<u8>,
    /// Bytes of sockets that may wait until others were given.
    held_bytes: usize,
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
            failed: Vec::new(),
            buffer: Vec::with_capacity(wire::DATAGRAM_BYTES),
            held_bytes: tcp::HELD_BYTES,
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
            if first == Netid::Tcp {
                self.tcp(states);
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
            failed: self.failed,
            unmarked: self.tally.unmarked,
        }
    }

    /// One dump, of which `netids` are wanted.
    fn table(&mut self, netids: &[Netid], first: Netid, family: AddressFamily, states: u32) {
        let ended = self.dump(netids, first, family, states);
        self.note(netids, first, family.word(), ended);
    }

    /// Notes how a dump ended, of which `netids` were wanted.
    fn note(
        &mut self,
        netids: &[Netid],
        first: Netid,
        family: &str,
        ended: Result<Ended, WireError>,
    ) {
        let subject = || format!("{} {family}", first.word());
        match ended {
            Ok(Ended {
                interrupted: false, ..
            }) => {}
            Ok(_) => {
                let reason = "inconsistent: sockets came and went during the dump".to_owned();
                self.failures.add(subject(), reason);
            }
            Err(error) if always_there(first).is_none() && is_absence(&error) => {
                add_new(&mut self.absent, netids);
            }
            Err(error) => {
                let module = always_there(first).unwrap_or("inet_diag");
                self.failures.add(subject(), explain(&error, module));
                add_new(&mut self.failed, netids);
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
        let (netns, ask) = (self.netns, self.query.ask);
        match family {
            AddressFamily::Inet => self.inet(first, Family::Inet, states),
            AddressFamily::Inet6 => self.inet(first, Family::Inet6, states),
            AddressFamily::Unix => self.rows(
                netids,
                &other::unix(states, ask, SEQUENCE),
                &mut Unix::new(netns),
            ),
            AddressFamily::Link => self.packet(netids),
            AddressFamily::Netlink => {
                let request = other::netlink(ask, SEQUENCE);
                self.rows(netids, &request, &mut Netlink { netns })
            }
            AddressFamily::Vsock => self.rows(
                netids,
                &other::vsock(states, SEQUENCE),
                &mut Vsock { netns },
            ),
            AddressFamily::Xdp => {
                self.rows(netids, &other::xdp(ask, SEQUENCE), &mut Xdp::new(netns))
            }
            AddressFamily::Tipc => self.tipc(states),
        }
    }

    /// Packet sockets. The kernel ends a dump in silence where a filter does not fit into a message of
    /// 32 KiB (`net/packet/diag.c`, `packet_diag_dump`); how many sockets there are, a dump without
    /// filters tells.
    fn packet(&mut self, netids: &[Netid]) -> Result<Ended, WireError> {
        let ask = self.query.ask;
        let mut reader = Packet::new(self.netns, ask.extended);
        let request = |ask| other::packet(ask, SEQUENCE);
        if !ask.filter {
            return self.rows(netids, &request(ask), &mut reader);
        }
        let (mut all, mut shown) = (0_u64, 0_u64);
        let plain = Ask {
            filter: false,
            ..ask
        };
        wire::dump(&request(plain), &mut self.buffer, |_| all += 1)?;
        let request = request(ask);
        let begun = wire::begin(&request);
        let ended = self.read(
            netids,
            &request,
            begun,
            &mut Counting(&mut reader, &mut shown),
        )?;
        if shown < all {
            let missing = all - shown;
            let reason = format!("{missing} sockets are missing: a filter is too long to be shown");
            self.failures.add("packet".to_owned(), reason);
        }
        Ok(ended)
    }

    /// Sends a request and gives the rows of `netids` on.
    fn rows<R: Reader>(
        &mut self,
        netids: &[Netid],
        request: &[u8],
        reader: &mut R,
    ) -> Result<Ended, WireError> {
        self.read(netids, request, wire::begin(request), reader)
    }

    /// Gives the rows of `netids` on, of a dump that `request` began.
    fn read<R: Reader>(
        &mut self,
        netids: &[Netid],
        request: &[u8],
        begun: Result<Begun, WireError>,
        reader: &mut R,
    ) -> Result<Ended, WireError> {
        let (tally, each) = (&mut self.tally, &mut self.each);
        let take = |payload: &[u8]| {
            tally.take(reader, payload, |row| {
                if netids.contains(&row.netid) {
                    each(row);
                }
            });
        };
        let ended = replies(request, begun, &mut self.buffer, take);
        if let Ok(ended) = &ended {
            self.tally.malformed += ended.malformed;
        }
        ended
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

/// Counts what it reads.
struct Counting<'r, R>(&'r mut R, &'r mut u64);

impl<R: Reader> Reader for Counting<'_, R> {
    fn read<'a>(&'a mut self, payload: &'a [u8]) -> Option<Read<'a>> {
        *self.1 += 1;
        self.0.read(payload)
    }
}

/// Reads a dump that `request` began, and begins it again if the first reply does not fit.
fn replies(
    request: &[u8],
    begun: Result<Begun, WireError>,
    buffer: &mut Vec<u8>,
    mut each: impl FnMut(&[u8]),
) -> Result<Ended, WireError> {
    let untouched = Cell::new(true);
    let mut each = |payload: &[u8]| {
        untouched.set(false);
        each(payload);
    };
    let ended = begun.and_then(|begun| begun.read(buffer, &mut each));
    match ended {
        // What was given can't be taken back.
        Err(WireError::Truncated { bytes }) if untouched.get() => {
            buffer.reserve(bytes);
            wire::dump(request, buffer, each)
        }
        ended => ended,
    }
}

/// Adds those that are not there yet.
fn add_new(tables: &mut Vec<Netid>, more: &[Netid]) {
    for &table in more {
        if !tables.contains(&table) {
            tables.push(table);
        }
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

#[cfg(test)]
mod tests;
