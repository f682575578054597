//! The seed: every socket that exists, in every network namespace given.
//!
//! Never fails as a whole: what could not be read is in [`Seed::degraded`]. Does not look for
//! namespaces (`netns` does), nor for owners.
//!
//! Cost: the kernel walks its established hash, which all namespaces share, once for each namespace,
//! protocol and family: up to 20 ms with 262,144 buckets. MPTCP has a table of its own, small and
//! quick. 100,000 sockets in one namespace take 0.13 to 0.22 s.

use std::{os::fd::AsFd, thread};

use rustix::{
    io::Errno,
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use super::{
    failures::Failures,
    netns::{self, Netns},
    request::{Wanted, dump_request, state_bits},
    seed::SeedSocket,
    view::Reply,
    wire::{self, WireError},
};
use crate::model::{Family, Proto, StateSet, event::Degraded};

/// The subject of everything degraded here.
const WHAT: &str = "sock_diag";

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
            families: vec![Family::Inet, Family::Inet6],
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
    let ended = thread::scope(|scope| {
        thread::Builder::new()
            .name("sock_diag".into())
            .spawn_scoped(scope, || Walk::new(selection).run(namespaces))
            .map(thread::ScopedJoinHandle::join)
    });
    let why = match ended {
        Ok(Ok(seed)) => return seed,
        Ok(Err(_panic)) => "the thread that dumps sockets ended early".to_owned(),
        Err(error) => format!("cannot start a thread to dump sockets: {error}"),
    };
    Seed {
        degraded: vec![Degraded { what: WHAT, why }],
        ..Seed::default()
    }
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
                if let Err(reason) = enter(netns) {
                    self.failures.add(netns.to_string(), reason);
                    continue;
                }
                current = Some(netns.inode);
            }
            self.netns_count += 1;
            self.namespace(netns);
        }
        Seed {
            sockets: self.rows.sockets,
            malformed: self.rows.malformed,
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
                let wanted = Wanted::all(proto, family, states);
                let request = dump_request(&wanted, wire::SEQUENCE);
                if let Err(reason) = self.sockets(&request, proto, netns.inode) {
                    let subject = format!("{} {} in {netns}", proto.word(), family.word());
                    self.failures.add(subject, reason);
                }
            }
        }
        if std::mem::take(&mut self.rows.unmarked) {
            let reason = "firewall marks are not shown; they take CAP_NET_ADMIN";
            self.failures.add(netns.to_string(), reason.to_owned());
        }
    }

    /// One dump, begun again while the kernel calls it inconsistent. What the last one showed is
    /// kept, even if it failed.
    fn sockets(&mut self, request: &[u8], proto: Proto, netns: u32) -> Result<(), String> {
        let (count, malformed) = (self.rows.sockets.len(), self.rows.malformed);
        let mut attempt = 1;
        loop {
            self.rows.sockets.truncate(count);
            self.rows.malformed = malformed;
            let ended = wire::dump(request, &mut self.buffer, |payload| {
                self.rows.take(payload, proto, netns);
            });
            let last = attempt == ATTEMPTS;
            match ended {
                Err(WireError::Truncated { bytes }) if !last => self.buffer.reserve(bytes),
                Err(error) if is_absent(&error, proto) => {
                    if !self.absent.contains(&proto) {
                        self.absent.push(proto);
                    }
                    return Ok(());
                }
                Err(error) => return Err(explain(&error)),
                Ok(ended) => {
                    self.rows.malformed += ended.malformed;
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
    malformed: u64,
    /// A socket that a file holds was shown without a mark: we may not see marks. Of a minisocket
    /// older kernels show none to anybody.
    unmarked: bool,
}

impl Rows {
    /// Keeps the socket of one reply.
    fn take(&mut self, payload: &[u8], proto: Proto, netns: u32) {
        let Some(reply) = Reply::new(payload) else {
            self.malformed += 1;
            return;
        };
        let extras = reply.extras();
        self.malformed += u64::from(extras.malformed);
        self.unmarked |= extras.mark.is_none() && extras.malformed == 0 && reply.inode() != 0;
        match SeedSocket::from_reply(&reply, &extras, proto, netns) {
            Some(socket) => self.sockets.push(socket),
            None => self.malformed += 1,
        }
    }
}

fn enter(netns: &Netns) -> Result<(), String> {
    move_into_link_name_space(netns.fd.as_fd(), Some(LinkNameSpaceType::Network)).map_err(|errno| {
        match errno {
            Errno::PERM => {
                "not permitted to enter the network namespace; it takes CAP_SYS_ADMIN".to_owned()
            }
            Errno::INVAL => "not a network namespace".to_owned(),
            other => format!("cannot enter the network namespace: {other}"),
        }
    })
}

/// Whether the kernel says that it has no such protocol. TCP is always there, so its absence is a
/// failure.
fn is_absent(error: &WireError, proto: Proto) -> bool {
    proto != Proto::Tcp
        && matches!(
            refusal(error),
            Some(Errno::NOENT | Errno::INVAL | Errno::PROTONOSUPPORT | Errno::OPNOTSUPP)
        )
}

fn refusal(error: &WireError) -> Option<Errno> {
    match error {
        WireError::Refused(source) => Errno::from_io_error(source),
        _ => None,
    }
}

/// The error with its source and a cure: it leaves here as text.
fn explain(error: &WireError) -> String {
    if refusal(error) == Some(Errno::NOENT) {
        return "the kernel has no sock_diag for it; cure: modprobe tcp_diag".to_owned();
    }
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
