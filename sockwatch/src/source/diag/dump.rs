//! The seed: every socket that exists, in every network namespace given.
//!
//! Never fails as a whole: what could not be read is in [`Seed::degraded`]. Does not look for
//! namespaces (`netns` does), nor for owners.
//!
//! Cost: the kernel walks its established hash, which all namespaces share, once for each namespace,
//! protocol and family: up to 20 ms with 262,144 buckets. MPTCP has a table of its own, small and
//! quick. 100,000 sockets in one namespace take 0.13 to 0.22 s.

use super::{
    WHAT,
    failures::Failures,
    inside,
    netns::{self, Netns},
    refusal::{explain, is_absence},
    request::{dump_request, state_bits},
    rows::{Inet, Tally},
    seed::SeedSocket,
    wire::{self, WireError},
};
use crate::{
    explain::one_line,
    model::{Family, Netid, Proto, StateSet, event::Degraded},
};

/// How often a dump is begun that the kernel calls inconsistent, or that did not fit.
const ATTEMPTS: u32 = 4;

/// What to dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Protocols, each dumped by itself.
    pub protos: Vec<Proto>,
    /// Families, each dumped by itself.
    pub families: Vec<Family>,
    /// States, of 1 to 12; others are never dumped.
    pub states: StateSet,
}

impl Default for Selection {
    /// TCP and MPTCP, both families, every state.
    fn default() -> Self {
        Self {
            protos: vec![Proto::Tcp, Proto::Mptcp],
            families: Family::ALL.to_vec(),
            states: StateSet::ALL,
        }
    }
}

/// What the dumps showed.
#[derive(Clone, Debug, Default)]
pub struct Seed {
    /// The sockets: namespace by namespace, in the order of the kernel's walk. A socket that moved
    /// between hash tables during the walk may be there twice, or not at all.
    pub sockets: Vec<SeedSocket>,
    /// Messages and attributes that made no sense.
    pub malformed: u64,
    /// What could not be read, or not consistently.
    pub degraded: Vec<Degraded>,
    /// Namespaces that were dumped.
    pub netns_count: usize,
    /// Protocols that the kernel can't dump, for it has none such or lacks a module.
    pub absent: Vec<Proto>,
}

/// Dumps what `selection` asks for, in each of `namespaces` in turn.
///
/// Blocks until done. A thread of its own enters the namespaces, and ends in the last of them; the
/// caller's thread stays where it is. Entering any namespace but the caller's takes CAP_SYS_ADMIN.
pub fn dump(namespaces: &[Netns], selection: &Selection) -> Seed {
    inside::apart(|| Walk::new(selection).run(namespaces)).unwrap_or_else(|error| Seed {
        degraded: vec![Degraded {
            what: WHAT,
            why: one_line(&error),
        }],
        ..Seed::default()
    })
}

/// The dumps of one thread.
struct Walk<'a> {
    selection: &'a Selection,
    rows: Rows,
    netns_count: usize,
    absent: Vec<Proto>,
    failures: Failures,
    /// Receives datagrams, of all dumps.
    buffer: Vec<u8>,
}

impl<'a> Walk<'a> {
    fn new(selection: &'a Selection) -> Self {
        Self {
            selection,
            rows: Rows::default(),
            netns_count: 0,
            absent: Vec::new(),
            failures: Failures::default(),
            buffer: Vec::with_capacity(wire::DATAGRAM_BYTES),
        }
    }

    fn run(mut self, namespaces: &[Netns]) -> Seed {
        // Without /proc we can't know, and try to enter our own like any other.
        let mut current = netns::own().map(|own| own.inode).ok();
        for netns in namespaces {
            if current != Some(netns.inode) {
                if let Err(error) = inside::enter(netns) {
                    self.failures.add(netns.to_string(), one_line(&error));
                    continue;
                }
                current = Some(netns.inode);
            }
            self.netns_count += 1;
            self.namespace(netns);
        }
        Seed {
            sockets: self.rows.sockets,
            malformed: self.rows.tally.malformed,
            degraded: self.failures.into_degraded(WHAT),
            netns_count: self.netns_count,
            absent: self.absent,
        }
    }

    fn namespace(&mut self, netns: &Netns) {
        let states = state_bits(self.selection.states);
        if states == 0 {
            return;
        }
        for &proto in &self.selection.protos {
            for &family in &self.selection.families {
                let request = dump_request(proto, family, states, wire::SEQUENCE);
                if let Err(reason) = self.sockets(&request, proto, netns.inode) {
                    let subject = format!("{} {} in {netns}", proto.word(), family.word());
                    self.failures.add(subject, reason);
                }
            }
        }
        if std::mem::take(&mut self.rows.tally.unmarked) {
            let reason = "firewall marks are not shown; they take CAP_NET_ADMIN";
            self.failures.add(netns.to_string(), reason.to_owned());
        }
    }

    /// One dump, begun again while the kernel calls it inconsistent. What the last one showed is
    /// kept, even if it failed.
    fn sockets(&mut self, request: &[u8], proto: Proto, netns: u32) -> Result<(), String> {
        let Ok(netid) = Netid::try_from(proto) else {
            return Err("no table holds such sockets".to_owned());
        };
        let mut reader = Inet::new(netid, Some(netns));
        let (count, malformed) = (self.rows.sockets.len(), self.rows.tally.malformed);
        let mut attempt = 1;
        loop {
            self.rows.sockets.truncate(count);
            self.rows.tally.malformed = malformed;
            let ended = wire::dump(request, &mut self.buffer, |payload| {
                self.rows.take(payload, &mut reader, proto);
            });
            let last = attempt == ATTEMPTS;
            match ended {
                Err(WireError::Truncated { bytes }) if !last => self.buffer.reserve(bytes),
                // TCP is always there, so its absence is a failure.
                Err(error) if proto != Proto::Tcp && is_absence(&error) => {
                    if !self.absent.contains(&proto) {
                        self.absent.push(proto);
                    }
                    return Ok(());
                }
                Err(error) => return Err(explain(&error, "tcp_diag")),
                Ok(ended) => {
                    self.rows.tally.malformed += ended.malformed;
                    if !ended.interrupted {
                        return Ok(());
                    }
                    if last {
                        return Err(format!("inconsistent after {ATTEMPTS} dumps"));
                    }
                }
            }
            attempt += 1;
        }
    }
}

/// What replies became.
#[derive(Debug, Default)]
struct Rows {
    sockets: Vec<SeedSocket>,
    tally: Tally,
}

impl Rows {
    /// Keeps the socket of one reply.
    fn take(&mut self, payload: &[u8], reader: &mut Inet, proto: Proto) {
        let sockets = &mut self.sockets;
        self.tally.take(reader, payload, |row| {
            sockets.extend(SeedSocket::from_row(row, proto));
        });
    }
}

#[cfg(test)]
mod tests;
