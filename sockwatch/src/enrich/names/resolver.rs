//! Host names of addresses, asked for on a thread of their own.
//!
//! Never blocks its caller and never holds more than it may: a full queue drops the question (the
//! next sight of the address asks again), a full cache forgets what was not used lately.

use std::{
    fmt, io,
    net::IpAddr,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use rustc_hash::FxHashMap;

use crate::model::{MonoNs, Nanos};

/// Questions that may wait.
const QUEUE: usize = 256;
/// Addresses remembered: at least this many, at most twice as many.
const REMEMBERED: usize = 4096;
/// How long a name is used before it is asked for again. getnameinfo(3) does not tell the TTL.
const NAME_TTL: Nanos = Nanos(600_000_000_000);
/// How long the absence of a name is remembered.
const NO_NAME_TTL: Nanos = Nanos(60_000_000_000);

/// Why there are no host names.
#[derive(Debug, thiserror::Error)]
pub enum ResolverError {
    /// The thread could not be started.
    #[error("cannot start the resolver thread")]
    Spawn(#[source] io::Error),
}

/// The name of an address by the system's resolver (getnameinfo(3), so /etc/hosts and DNS).
/// Blocks for as long as that takes.
pub fn reverse_dns(address: IpAddr) -> Option<String> {
    dns_lookup::lookup_addr(&address)
        .ok()
        // A name that reads as an address would be shown as one.
        .filter(|name| !name.is_empty() && name.parse::<IpAddr>().is_err())
}

/// What is known of an address.
struct Known {
    name: Option<Box<str>>,
    /// When it is to be asked for again; `None` while the question is under way.
    until: Option<MonoNs>,
}

/// In two generations: what is used moves to the young, and when they are too many, they become
/// the old, and the old are forgotten.
#[derive(Default)]
struct Cache {
    young: FxHashMap<IpAddr, Known>,
    old: FxHashMap<IpAddr, Known>,
}

impl Cache {
    /// What is known of `address`: for a new one nothing, and it may be asked for at once.
    fn of(&mut self, address: IpAddr) -> &mut Known {
        let known = self
            .young
            .remove(&address)
            .or_else(|| self.old.remove(&address));
        let nothing = Known {
            name: None,
            until: Some(MonoNs(0)),
        };
        self.put(address, known.unwrap_or(nothing))
    }

    fn put(&mut self, address: IpAddr, known: Known) -> &mut Known {
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&address);
        self.young.entry(address).insert_entry(known).into_mut()
    }

    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

type Answer = (IpAddr, Option<String>);

/// Names of addresses that were seen before.
pub struct Resolver {
    questions: SyncSender<IpAddr>,
    answers: Receiver<Answer>,
    /// Questions without an answer yet.
    pending: usize,
    cache: Cache,
}

impl Resolver {
    /// Starts the thread, which asks `lookup` and ends once the resolver is dropped and the lookup
    /// at work returns; nobody waits for it.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn spawn(
        mut lookup: impl FnMut(IpAddr) -> Option<String> + Send + 'static,
    ) -> Result<Self, ResolverError> {
        let (questions, asked) = sync_channel::<IpAddr>(QUEUE);
        // Room for every question that can be open: in the queue, or at work.
        let (answer, answers) = sync_channel(QUEUE + 1);
        thread::Builder::new()
            .name("resolver".into())
            .spawn(move || {
                for address in asked {
                    if answer.send((address, lookup(address))).is_err() {
                        break;
                    }
                }
            })
            .map_err(ResolverError::Spawn)?;
        Ok(Self {
            questions,
            answers,
            pending: 0,
            cache: Cache::default(),
        })
    }

    /// The name of `address` if it is known. Asks for it when it is not, or not freshly; an
    /// outdated name is used until the new one is there.
    pub fn name(&mut self, address: IpAddr, now: MonoNs) -> Option<&str> {
        while self.pending > 0 {
            let Ok(answer) = self.answers.try_recv() else {
                break;
            };
            self.learn(answer, now);
        }
        let known = self.cache.of(address);
        if known.until.is_some_and(|until| until <= now) && self.questions.try_send(address).is_ok()
        {
            known.until = None;
            self.pending += 1;
        }
        known.name.as_deref()
    }

    fn learn(&mut self, (address, name): Answer, now: MonoNs) {
        self.pending -= 1;
        let ttl = if name.is_some() {
            NAME_TTL
        } else {
            NO_NAME_TTL
        };
        let until = Some(MonoNs(now.0.saturating_add(ttl.0)));
        let name = name.map(Into::into);
        self.cache.put(address, Known { name, until });
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver")
            .field("pending", &self.pending)
            .field("remembered", &self.cache.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
