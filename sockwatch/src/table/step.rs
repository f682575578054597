//! A change of state that no event of a full socket tells.

use super::{Applied, Change, Entry, Table, minis::Facts};
use crate::model::{Cause, MonoNs, Observed, Seen, SocketInfo, TcpState, Transition};

/// The change.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) at: MonoNs,
    pub(super) new: TcpState,
    pub(super) observed: Observed,
    /// Of a change to `Close`.
    pub(super) cause: Option<Cause>,
}

impl Step {
    /// As it is told of an entry that has yet to take it.
    pub(super) fn of(self, entry: &Entry, facts: Option<&Facts>) -> Change {
        let left = entry.on_leaving(self.at);
        let timewait = facts.and_then(Facts::timewait);
        let bare = SocketInfo {
            netns: entry.netns,
            ..SocketInfo::default()
        };
        let ends = self.new == TcpState::Close;
        Change {
            transition: Transition {
                at: self.at,
                key: entry.key,
                sk: facts.map_or(0, |facts| facts.address),
                proto: entry.proto,
                tuple: entry.tuple,
                old: entry.state,
                new: self.new,
                info: timewait.map_or(bare, |timewait| timewait.info),
                sk_err: None,
                shutdown: None,
                dead: None,
                done: None,
                context: None,
                reset: None,
                tcp: timewait.and_then(|timewait| timewait.tcp).filter(|_| ends),
                observed: self.observed,
            },
            applied: Applied {
                tuple: entry.tuple,
                dwell: left.dwell,
                age: entry.begin.moment().map(|begin| self.at.since(begin)),
                owner: entry.owner,
                cause: self.cause,
                errno: None,
                closer: None,
                accept_wait: left.accept_wait,
                synack_retrans: left.synack_retrans,
            },
        }
    }
}

impl Table {
    /// The entry in `slot`, which has a minisocket, goes to another state. What ends stays, for the
    /// caller to remove.
    pub(super) fn step(&mut self, slot: u32, step: Step) -> Change {
        let entry = self.slots.get_mut(slot);
        let change = step.of(entry, self.minis.get(entry));
        entry.state = step.new;
        // What was learnt by looking happened some time before.
        entry.since = match step.observed {
            Observed::Poll => Seen::NEVER,
            _ => Some(step.at).into(),
        };
        change
    }
}
