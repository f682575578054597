//! The seed: every socket that exists, in every network namespace given.
//!
//! Never fails as a whole: what could not be read is in [`Seed::degraded`]. Does not look for
//! namespaces (`netns` does), nor for owners.
//!
//! Cost: the kernel walks its established hash once for each namespace, protocol and family, about
//! 20 ms with 262,144 buckets even in an empty namespace; MPTCP is walked by token, at no cost.

use std::{os::fd::AsFd, thread};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{
    failures::Failures,
    netns::{self, Netns},
    request::{dump_request, state_bits},
    seed::SeedSocket,
    view::Reply,
    wire::{self, WireError},
};
use crate::model::{Family, Proto, StateSet, event::Degraded};

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
        degraded: vec![Degraded {
            what: "sock_diag",
            why,
        }],
        ..Seed::default()
    }
}

/// The dumps of one thread.
struct Walk<'a> {
    selection: &'a Selection,
    seed: Seed,
    failures: Failures,
    /// Receives datagrams, of all dumps.
    buffer: Vec<u8>,
}

impl<'a> Walk<'a> {
    fn new(selection: &'a Selection) -> Self {
        Self {
            selection,
            seed: Seed::default(),
            failures: Failures::default(),
            buffer: Vec::new(),
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
            self.seed.netns_count += 1;
            self.namespace(netns);
        }
        self.seed.degraded = self.failures.into_degraded("sock_diag");
        self.seed
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
    }

    /// One dump, begun again while the kernel calls it inconsistent. What the last one showed is
    /// kept, even if it failed.
    fn sockets(&mut self, request: &[u8], proto: Proto, netns: u32) -> Result<(), String> {
        let before = self.seed.sockets.len();
        let mut attempt = 1;
        loop {
            self.seed.sockets.truncate(before);
            let sockets = &mut self.seed.sockets;
            let malformed = &mut self.seed.malformed;
            let ended = wire::dump(request, &mut self.buffer, |payload| {
                take(payload, proto, netns, sockets, malformed);
            });
            let last = attempt == ATTEMPTS;
            match ended {
                Err(WireError::Truncated { bytes }) if !last => self.buffer.reserve(bytes),
                Err(error) if is_absent(&error, proto) => return Ok(()),
                Err(error) => return Err(chain(&error)),
                Ok(ended) => {
                    self.seed.malformed += ended.malformed;
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

/// Keeps the socket of one reply.
fn take(
    payload: &[u8],
    proto: Proto,
    netns: u32,
    sockets: &mut Vec<SeedSocket>,
    malformed: &mut u64,
) {
    let Some(reply) = Reply::new(payload) else {
        *malformed += 1;
        return;
    };
    let extras = reply.extras();
    *malformed += u64::from(extras.malformed);
    match SeedSocket::from_reply(&reply, &extras, proto, netns) {
        Some(socket) => sockets.push(socket),
        None => *malformed += 1,
    }
}

fn enter(netns: &Netns) -> Result<(), String> {
    move_into_link_name_space(netns.fd.as_fd(), Some(LinkNameSpaceType::Network)).map_err(|errno| {
        match errno {
            rustix::io::Errno::PERM => {
                "not permitted to enter the network namespace; it takes CAP_SYS_ADMIN".to_owned()
            }
            rustix::io::Errno::INVAL => "not a network namespace".to_owned(),
            other => format!("cannot enter the network namespace: {other}"),
        }
    })
}

/// Whether the kernel says that it has no such protocol. TCP is always there, so its absence is a
/// failure: sock_diag for it is missing (CONFIG_INET_TCP_DIAG).
fn is_absent(error: &WireError, proto: Proto) -> bool {
    use rustix::io::Errno;
    let WireError::Refused(source) = error else {
        return false;
    };
    let errno = Errno::from_io_error(source);
    proto != Proto::Tcp
        && matches!(
            errno,
            Some(Errno::NOENT | Errno::INVAL | Errno::PROTONOSUPPORT | Errno::OPNOTSUPP)
        )
}

/// The error with its source: it leaves here as text.
fn chain(error: &WireError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
