//! Joins records that only say something together.
//!
//! - A change to SYN-SENT whose port the kernel was still to choose, and the record of its SYN.
//! - A reset, and the end that it goes with: the kernel tells of it just before, or just behind.
//! - A timer taken off the wheel, and what follows on the same CPU: the same timer set anew, the
//!   segment that ended the minisocket, the connection that took its place, or none of these.
//!
//! Keeps the order of the ring: while the oldest record waits for what completes it, the others wait
//! behind it; for [`PATIENCE`] at most. Pure: time comes with the records, and from whoever calls
//! [`Join::settle`].

use std::collections::VecDeque;

use super::decode::{Destroyed, MiniRecord, MiniTold, Record, Reset, SynSent, Told};
use crate::model::{
    Accepted, Mini, MiniEnd, MiniEvent, MiniKind, MonoNs, Nanos, Proto, ResetReason, SocketInfo,
    TcpState, Transition, Tuple,
};

/// How long a record waits for the one that completes it. The kernel writes that one within
/// microseconds, unless the CPU is taken from it.
pub const PATIENCE: Nanos = Nanos(4_000_000);

/// How many records wait at most.
const CAPACITY: usize = 4_096;

/// Names of `enum sk_rst_reason` by number.
pub type ResetReasons = Vec<Option<ResetReason>>;

/// What records say, taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A socket changed its state.
    Transition(Transition),
    /// A socket is gone.
    Destroy(Destroyed),
    /// Something happened to a minisocket.
    Mini(Mini),
    /// A connection was accepted.
    Accepted(Accepted),
}

/// Records that wait for others.
#[derive(Debug, Default)]
pub struct Join {
    /// Whether ports are told that connect() has the kernel choose.
    ports: bool,
    /// Names of `enum sk_rst_reason` by number; empty where resets are not told.
    reasons: ResetReasons,
    /// The reset told last on each CPU, unless its socket has ended.
    resets: Vec<(u32, Reset)>,
    /// In the order of the ring; `None` where a record turned out to be part of another.
    queue: VecDeque<Option<Item>>,
    /// Number of the first in `queue`.
    first: u64,
    /// Those of `queue` that are not complete, oldest first.
    open: Vec<Open>,
    merged: u64,
}

/// A record that is not complete.
#[derive(Clone, Copy, Debug)]
struct Open {
    number: u64,
    at: MonoNs,
    awaits: Awaits,
}

#[derive(Clone, Copy, Debug)]
enum Awaits {
    /// The SYN of the socket at this address.
    Syn { sk: u64 },
    /// The reset of the socket at this address.
    Reset { sk: u64 },
    /// What follows on this CPU.
    Next { cpu: u32, mini: MiniRecord },
}

impl Join {
    /// Nothing waits. `ports` says whether the programs tell of SYNs.
    pub const fn new(ports: bool, reasons: ResetReasons) -> Self {
        Self {
            ports,
            reasons,
            resets: Vec::new(),
            queue: VecDeque::new(),
            first: 0,
            open: Vec::new(),
            merged: 0,
        }
    }

    /// Takes in the next record, and hands over what is complete.
    pub fn push(&mut self, record: &Record, mut each: impl FnMut(&Item)) {
        let is_part = !self.open.is_empty() && self.complete_by(record);
        let item = if is_part { None } else { self.item(record) };
        match item {
            None => self.merged += 1,
            Some((item, None)) if self.queue.is_empty() => return each(&item),
            Some((item, awaits)) => {
                if let Some((at, awaits)) = awaits {
                    self.open.push(Open {
                        number: self.first + self.queue.len() as u64,
                        at,
                        awaits,
                    });
                }
                self.queue.push_back(Some(item));
            }
        }
        if let Some(now) = time_of(record) {
            self.close_overdue(now);
        }
        if self.queue.len() > CAPACITY && !self.open.is_empty() {
            self.open.remove(0);
        }
        self.hand_over(&mut each);
    }

    /// Hands over what has waited for [`PATIENCE`] at `now`, as it is, and what that held up.
    pub fn settle(&mut self, now: MonoNs, mut each: impl FnMut(&Item)) {
        self.close_overdue(now);
        self.hand_over(&mut each);
    }

    /// When [`Join::settle`] is to be called, unless more records come; `None` while nothing waits.
    pub fn due(&self) -> Option<MonoNs> {
        let oldest = self.open.first()?;
        Some(MonoNs(oldest.at.0.saturating_add(PATIENCE.0)))
    }

    /// How many items were held up so far, and how many of those have been handed over: what was taken
    /// in by now has been once the second number has come to the first.
    pub fn held_up(&self) -> (u64, u64) {
        (self.first + self.queue.len() as u64, self.first)
    }

    /// Records that told of nothing by themselves: parts of others.
    pub const fn merged(&self) -> u64 {
        self.merged
    }

    /// What a record says by itself, and what it awaits; `None` for one that says nothing.
    fn item(&mut self, record: &Record) -> Option<(Item, Option<(MonoNs, Awaits)>)> {
        Some(match record.told {
            Told::Transition(mut transition) => {
                let sk = transition.sk;
                let awaits = if self.ports && awaits_syn(&transition) {
                    Some(Awaits::Syn { sk })
                } else if !self.reasons.is_empty() && may_reset(&transition) {
                    transition.reset = self.reset_before(record.cpu, &transition);
                    transition.reset.is_none().then_some(Awaits::Reset { sk })
                } else {
                    None
                };
                (
                    Item::Transition(transition),
                    awaits.map(|awaits| (transition.at, awaits)),
                )
            }
            Told::Destroy(destroyed) => (Item::Destroy(destroyed), None),
            Told::Accepted(accepted) => (Item::Accepted(accepted), None),
            Told::Reset(reset) => {
                self.resets.retain(|(cpu, _)| *cpu != record.cpu);
                self.resets.push((record.cpu, reset));
                return None;
            }
            Told::SynSent(_) => return None,
            Told::Mini(mini) => {
                let event = match mini.event {
                    MiniTold::Start { watched } => MiniEvent::Armed { watched },
                    MiniTold::Fin => MiniEvent::Fin,
                    MiniTold::Cancel { due } => MiniEvent::Gone(end_by_time(due)),
                    MiniTold::Segment { .. } => return None,
                };
                let next = Awaits::Next {
                    cpu: record.cpu,
                    mini,
                };
                let waits = matches!(event, MiniEvent::Gone(_));
                (
                    Item::Mini(mini_of(&mini, event)),
                    waits.then_some((mini.at, next)),
                )
            }
        })
    }

    /// Completes what this record completes. Returns whether that is all it says.
    fn complete_by(&mut self, record: &Record) -> bool {
        let mut is_part = false;
        let mut at = 0;
        while let Some(open) = self.open.get(at).copied() {
            let done = match open.awaits {
                Awaits::Syn { sk } => self.complete_syn(&open, sk, record),
                Awaits::Reset { sk } => {
                    let ends = self.complete_reset(&open, sk, record);
                    is_part |= ends && matches!(record.told, Told::Reset(_));
                    ends
                }
                Awaits::Next { cpu, mini } if cpu == record.cpu => {
                    is_part |= self.complete_cancel(&open, &mini, record);
                    true
                }
                Awaits::Next { .. } => false,
            };
            if done {
                self.open.remove(at);
            } else {
                at += 1;
            }
        }
        is_part
    }

    /// Takes the port from the socket's next record, be it that of its SYN or not.
    fn complete_syn(&mut self, open: &Open, sk: u64, record: &Record) -> bool {
        let tuple = match &record.told {
            Told::SynSent(SynSent { sk: of, tuple, .. }) if *of == sk => Some(tuple),
            Told::Transition(next) if next.sk == sk => {
                (next.old == TcpState::SynSent).then_some(&next.tuple)
            }
            Told::Destroy(gone) if gone.sk == sk => None,
            _ => return false,
        };
        if let Some(tuple) = tuple
            && let Some(Some(Item::Transition(transition))) = self.waiting(open.number)
            && (transition.tuple.dst, transition.tuple.dport) == (tuple.dst, tuple.dport)
        {
            transition.tuple.sport = tuple.sport;
            transition.tuple.src = tuple.src;
        }
        true
    }

    /// Takes the reason of the reset that follows.
    fn complete_reset(&mut self, open: &Open, sk: u64, record: &Record) -> bool {
        let reason = match &record.told {
            Told::Reset(reset) if reset.sk == sk => self.reason(reset),
            Told::Transition(next) if next.sk == sk => None,
            Told::Destroy(gone) if gone.sk == sk => None,
            _ => return false,
        };
        if let Some(Some(Item::Transition(transition))) = self.waiting(open.number) {
            transition.reset = reason;
        }
        true
    }

    /// The reason of the reset that came just before the end that it goes with.
    fn reset_before(&mut self, cpu: u32, end: &Transition) -> Option<ResetReason> {
        let place = self.resets.iter().position(|(of, _)| *of == cpu)?;
        let (_, reset) = self.resets.swap_remove(place);
        let goes_with = reset.sk == end.sk && end.at.since(reset.at) < PATIENCE;
        goes_with.then(|| self.reason(&reset))?
    }

    fn reason(&self, reset: &Reset) -> Option<ResetReason> {
        *self.reasons.get(usize::try_from(reset.reason).ok()?)?
    }

    /// Learns from the next record of its CPU why a timer was taken off the wheel. Returns whether
    /// that is all the record says.
    fn complete_cancel(&mut self, open: &Open, mini: &MiniRecord, record: &Record) -> bool {
        // An address alone may be another's already.
        let same = |other: &MiniRecord| {
            other.address == mini.address
                && same_ends(&other.tuple, &mini.tuple)
                && same_netns(&other.info, &mini.info)
        };
        let (end, is_part) = match &record.told {
            Told::Mini(next) if same(next) => match next.event {
                MiniTold::Start { .. } => {
                    // The record that follows says it all.
                    if let Some(slot) = self.waiting(open.number) {
                        *slot = None;
                        self.merged += 1;
                    }
                    return false;
                }
                MiniTold::Segment { rst: true } => (MiniEnd::Reset, true),
                MiniTold::Segment { rst: false } => (MiniEnd::Segment, true),
                MiniTold::Cancel { .. } | MiniTold::Fin => return false,
            },
            told if takes_place(told, mini) => (MiniEnd::Reused, false),
            _ => return false,
        };
        if let Some(Some(Item::Mini(mini))) = self.waiting(open.number) {
            mini.event = MiniEvent::Gone(end);
        }
        is_part
    }

    fn waiting(&mut self, number: u64) -> Option<&mut Option<Item>> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.queue.get_mut(place)
    }

    fn close_overdue(&mut self, now: MonoNs) {
        let overdue = |open: &Open| now.since(open.at) >= PATIENCE;
        if self.open.first().is_some_and(overdue) {
            self.open.retain(|open| !overdue(open));
        }
    }

    fn hand_over(&mut self, each: &mut impl FnMut(&Item)) {
        let until = self.open.first().map_or(u64::MAX, |open| open.number);
        while self.first < until {
            let Some(item) = self.queue.pop_front() else {
                return;
            };
            self.first += 1;
            if let Some(item) = item {
                each(&item);
            }
        }
    }
}

/// Whether the port of this connection is still to be chosen.
fn awaits_syn(transition: &Transition) -> bool {
    (transition.old, transition.new) == (TcpState::Close, TcpState::SynSent)
        && transition.proto == Proto::Tcp
        && transition.tuple.sport == 0
}

/// Whether a socket may have sent a reset as it ended: not where it was told to end, by a reset or an
/// error, nor where it could end in order.
fn may_reset(transition: &Transition) -> bool {
    transition.new == TcpState::Close
        && matches!(
            transition.old,
            TcpState::Established | TcpState::CloseWait | TcpState::SynRecv
        )
        && transition.sk_err == Some(0)
}

const fn end_by_time(due: bool) -> MiniEnd {
    if due {
        MiniEnd::Expired
    } else {
        MiniEnd::Cancelled
    }
}

fn mini_of(record: &MiniRecord, event: MiniEvent) -> Mini {
    Mini {
        at: record.at,
        address: record.address,
        cookie: record.cookie,
        tuple: record.tuple,
        info: record.info,
        kind: record.kind,
        event,
    }
}

/// Whether this tells of the connection that a TIME-WAIT had to make room for: of its half-open
/// begin, here or at the other end of the same machine, or of its SYN.
fn takes_place(told: &Told, mini: &MiniRecord) -> bool {
    if !matches!(mini.kind, MiniKind::TimeWait { .. }) {
        return false;
    }
    match told {
        Told::Mini(next) => {
            let begins = matches!(
                (next.kind, next.event),
                (MiniKind::Request { .. }, MiniTold::Start { .. })
            );
            let here = same_ends(&next.tuple, &mini.tuple) && same_netns(&next.info, &mini.info);
            begins && (here || same_ends(&mirrored(&next.tuple), &mini.tuple))
        }
        Told::SynSent(syn) => same_ends(&syn.tuple, &mini.tuple),
        _ => false,
    }
}

fn same_ends(a: &Tuple, b: &Tuple) -> bool {
    (a.src, a.sport, a.dst, a.dport) == (b.src, b.sport, b.dst, b.dport)
}

fn same_netns(a: &SocketInfo, b: &SocketInfo) -> bool {
    a.netns == b.netns
}

const fn mirrored(tuple: &Tuple) -> Tuple {
    Tuple {
        family: tuple.family,
        src: tuple.dst,
        sport: tuple.dport,
        dst: tuple.src,
        dport: tuple.sport,
    }
}

fn time_of(record: &Record) -> Option<MonoNs> {
    match &record.told {
        Told::Transition(transition) => Some(transition.at),
        Told::Mini(mini) => Some(mini.at),
        Told::SynSent(syn) => Some(syn.at),
        Told::Accepted(accepted) => Some(accepted.at),
        Told::Reset(reset) => Some(reset.at),
        Told::Destroy(_) => None,
    }
}

#[cfg(test)]
mod tests;
