//! Which listener a passive connection came in on, for its owner.

use rustc_hash::FxHashMap;

use super::{Entry, slots::Slots};
use crate::model::{How, Owner, Proto, TcpState, Tuple};

/// Listening sockets by namespace and port.
#[derive(Default)]
pub(super) struct Listeners {
    by_port: FxHashMap<(Option<u32>, u16), Vec<u32>>,
}

impl Listeners {
    /// Takes note of a socket that may be listening.
    pub(super) fn learn(&mut self, entry: &Entry, slot: u32) {
        if entry.state == TcpState::Listen {
            self.by_port
                .entry((entry.netns, entry.tuple.sport))
                .or_default()
                .push(slot);
        }
    }

    /// Forgets a socket that may have been listening.
    pub(super) fn forget(&mut self, entry: &Entry, slot: u32) {
        if entry.state != TcpState::Listen {
            return;
        }
        let key = (entry.netns, entry.tuple.sport);
        if let Some(slots) = self.by_port.get_mut(&key) {
            slots.retain(|&s| s != slot);
            if slots.is_empty() {
                self.by_port.remove(&key);
            }
        }
    }

    /// The owner of the listener that this connection came in on: one bound to its very address,
    /// else one bound to any. `None` where several processes share the port (SO_REUSEPORT), since
    /// nothing tells which of them was chosen.
    pub(super) fn owner_for(
        &self,
        proto: Proto,
        (tuple, netns): (&Tuple, Option<u32>),
        slots: &Slots,
    ) -> Option<Owner> {
        let on_port = self.by_port.get(&(netns, tuple.sport))?;
        let candidates = on_port
            .iter()
            .map(|&slot| slots.get(slot))
            .filter(|listener| listener.proto == proto && listener.tuple.family == tuple.family);
        let exact = candidates
            .clone()
            .filter(|listener| listener.tuple.src == tuple.src);
        let any = candidates.filter(|listener| listener.tuple.src.is_unspecified());
        let owner = match sole_owner(exact) {
            Found::None => sole_owner(any),
            found => found,
        };
        match owner {
            Found::One(owner) => Some(unaccepted(owner)),
            Found::None | Found::Several => None,
        }
    }

    /// Whether anybody listens on the port.
    pub(super) fn serve(&self, port: u16, netns: Option<u32>) -> bool {
        self.by_port.contains_key(&(netns, port))
    }
}

/// The owner of a listener as that of a connection that nobody has accepted yet.
pub(super) fn unaccepted(owner: Owner) -> Owner {
    Owner {
        how: How::Unaccepted,
        ..owner
    }
}

enum Found {
    None,
    One(Owner),
    Several,
}

fn sole_owner<'a>(listeners: impl Iterator<Item = &'a Entry>) -> Found {
    let mut found = Found::None;
    for listener in listeners {
        found = match (found, listener.owner) {
            (Found::None, Some(owner)) => Found::One(owner),
            (Found::One(first), Some(owner)) if first.pid == owner.pid => Found::One(first),
            _ => return Found::Several,
        };
    }
    found
}
