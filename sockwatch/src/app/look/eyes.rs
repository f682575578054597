//! One round: asks sock_diag, namespace by namespace.
//!
//! Few minisockets are looked at one by one; many are found in a dump of all, which costs a walk
//! through the kernel's table and then a third for each. What a dump does not show is looked at by
//! itself: a dump may miss what is there.

use std::{
    num::NonZeroU64,
    time::{Duration, Instant},
};

use log::debug;
use rustc_hash::{FxHashMap, FxHashSet};
use rustix::time::{ClockId, clock_gettime};

use super::Looks;
use crate::{
    app::{clock, lookup::namespaces},
    explain::one_line,
    model::{Family, Proto, SocketKey, StateSet, TcpState, event::Degraded},
    source::diag::{self, LookError, LookFor, Lookups, Netns},
    table::{Found, ToLookAt},
};

/// Namespaces are kept open for so long: they can't go while they are.
const KEPT_OPEN: Duration = Duration::from_secs(1);
/// What one look costs, and a dump before there was one.
const LOOK_COST: Duration = Duration::from_nanos(800);
const FIRST_DUMP_COST: Duration = Duration::from_millis(15);
/// What one look costs the table.
const TABLE_COST: Duration = Duration::from_nanos(600);

/// What rounds leave to those after them.
#[derive(Default)]
pub(super) struct Eyes {
    open: FxHashMap<u32, Eye>,
    opened: Option<Instant>,
    /// Namespaces that can't be looked into, for which that has been said.
    closed: FxHashSet<u32>,
}

/// A namespace that is looked into.
struct Eye {
    netns: Netns,
    lookups: Lookups,
    dump_cost: Duration,
}

impl Eyes {
    /// Looks at all of these.
    pub(super) fn look(&mut self, mut wanted: Vec<ToLookAt>) -> Looks {
        let begun = cpu_time();
        let mut looks = Looks {
            seen: Vec::with_capacity(wanted.len()),
            malformed: 0,
            degraded: Vec::new(),
            failed: false,
            took: Duration::ZERO,
        };
        wanted.sort_unstable_by_key(|one| one.netns);
        let mut dumped = Duration::ZERO;
        if self.open_all(&wanted, &mut looks) {
            for group in wanted.chunk_by(|a, b| a.netns == b.netns) {
                dumped += self.group(group, &mut looks);
            }
        } else {
            looks.failed = true;
        }
        // A dump has a thread of its own, and the table belongs to another.
        let count = u32::try_from(looks.seen.len()).unwrap_or(u32::MAX);
        looks.took = cpu_time().saturating_sub(begun) + dumped + TABLE_COST * count;
        looks
    }

    /// Opens the namespaces of `wanted`, and closes others.
    fn open_all(&mut self, wanted: &[ToLookAt], looks: &mut Looks) -> bool {
        let wanted: FxHashSet<u32> = wanted.iter().filter_map(|one| one.netns).collect();
        let is_recent = self.opened.is_some_and(|at| at.elapsed() < KEPT_OPEN);
        let known = |netns: &u32| self.open.contains_key(netns) || self.closed.contains(netns);
        if is_recent && wanted.iter().all(known) {
            return true;
        }
        let found = match namespaces(&wanted) {
            Ok(found) => found,
            Err(error) => {
                debug!("cannot look at minisockets: {}", one_line(&error));
                return false;
            }
        };
        let there: FxHashSet<u32> = found.iter().map(|netns| netns.inode).collect();
        self.open.retain(|netns, _| there.contains(netns));
        self.closed.retain(|netns| there.contains(netns));
        for netns in found {
            if !self.open.contains_key(&netns.inode) {
                self.open(netns, looks);
            }
        }
        self.opened = Some(Instant::now());
        true
    }

    fn open(&mut self, netns: Netns, looks: &mut Looks) {
        match Lookups::open(&netns) {
            Ok(lookups) => {
                let eye = Eye {
                    lookups,
                    dump_cost: FIRST_DUMP_COST,
                    netns,
                };
                self.open.insert(eye.netns.inode, eye);
            }
            Err(error) => {
                if self.closed.insert(netns.inode) {
                    looks.degraded.push(Degraded {
                        what: "looking at minisockets",
                        why: format!("{netns}: {}", one_line(&error)),
                    });
                }
            }
        }
    }

    /// Looks at those of one namespace. Returns how long a dump took, if there was one.
    fn group(&mut self, group: &[ToLookAt], looks: &mut Looks) -> Duration {
        let netns = group.first().and_then(|first| first.netns);
        let Some(eye) = netns.and_then(|netns| self.open.get_mut(&netns)) else {
            // With its namespace a minisocket goes too. Where we can't look nothing is known, and
            // the next look is as good as any. There are namespaces that we don't find: who is only
            // silent may be there.
            let is_found = netns.is_none_or(|netns| self.closed.contains(&netns));
            let may_be_silent = |one: &ToLookAt| one.overdue && one.state == TcpState::SynRecv;
            let at = clock::mono();
            looks.seen.extend(group.iter().map(|one| {
                let as_it_was = Found {
                    state: one.state,
                    cookie: one.key.cookie,
                    left: None,
                };
                one.seen((is_found || may_be_silent(one)).then_some(as_it_was), at)
            }));
            return Duration::ZERO;
        };
        // A dump tells which is which by their cookies.
        let with_cookie = group.iter().filter(|one| one.key.cookie.is_some());
        let count = u32::try_from(with_cookie.count()).unwrap_or(u32::MAX);
        let dumps = LOOK_COST * count > eye.dump_cost;
        let looked = if dumps {
            eye.dump(group, looks)
        } else {
            eye.one_by_one(group, looks)
        };
        looks.malformed += eye.lookups.take_malformed();
        let dumped = if dumps { eye.dump_cost } else { Duration::ZERO };
        if let Err(error) = looked {
            debug!("looking into {}: {}", eye.netns, one_line(&error));
            looks.failed = true;
            self.open.retain(|&inode, _| Some(inode) != netns);
        }
        dumped
    }
}

impl Eye {
    fn one_by_one(&mut self, group: &[ToLookAt], looks: &mut Looks) -> Result<(), LookError> {
        let wanted: Vec<_> = group
            .iter()
            .map(|one| LookFor {
                cookie: one.key.cookie,
                tuple: one.tuple,
                ifindex: one.ifindex,
            })
            .collect();
        self.lookups.look(&wanted, |place, found| {
            let found = found.map(|found| Found {
                state: found.state,
                cookie: NonZeroU64::new(found.cookie),
                left: found.left,
            });
            looks.seen.push(group[place].seen(found, clock::mono()));
        })
    }

    fn dump(&mut self, group: &[ToLookAt], looks: &mut Looks) -> Result<(), LookError> {
        let begun = Instant::now();
        let seed = diag::dump(
            std::slice::from_ref(&self.netns),
            &diag::Selection {
                protos: vec![Proto::Tcp],
                families: Family::ALL.to_vec(),
                states: StateSet::of(&[TcpState::FinWait2, TcpState::TimeWait]),
            },
        );
        looks.malformed += seed.malformed;
        for degraded in &seed.degraded {
            debug!(
                "looking at all minisockets: {}: {}",
                degraded.what, degraded.why
            );
        }
        self.dump_cost = begun.elapsed();
        let at = clock::mono();
        let there: FxHashMap<SocketKey, Found> = seed
            .sockets
            .iter()
            .map(|socket| {
                let key = SocketKey::seeded(socket.proto, socket.cookie, &socket.tuple);
                let found = Found {
                    state: socket.state,
                    cookie: key.cookie,
                    left: socket.left,
                };
                (key, found)
            })
            .collect();
        let mut missing = Vec::new();
        for one in group {
            match there.get(&one.key) {
                Some(&found) => looks.seen.push(one.seen(Some(found), at)),
                None => missing.push(*one),
            }
        }
        self.one_by_one(&missing, looks)
    }
}

/// Of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
