//! The entries, and which of them goes when there is no room.
//!
//! Keeps a million entries in a hundred bytes each; the hash maps hold numbers only.

use super::{Entry, slab::Slab};
use crate::model::TcpState;

/// How many entries are looked at for one that is little missed before any other has to go.
const VICTIM_LOOK: usize = 64;

#[derive(Default)]
pub(super) struct Slots {
    entries: Slab<Entry>,
    /// Where the search for a victim goes on.
    hand: usize,
}

impl Slots {
    pub(super) fn insert(&mut self, entry: Entry) -> u32 {
        self.entries.insert(entry)
    }

    /// The entry in a slot that is in use.
    pub(super) fn get(&self, slot: u32) -> &Entry {
        self.entries.get(slot)
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> &mut Entry {
        self.entries.get_mut(slot)
    }

    pub(super) fn remove(&mut self, slot: u32) -> Entry {
        self.entries.remove(slot)
    }

    /// The slot to give up when there is no room: of those near, a closed socket, else a minisocket,
    /// of which floods are made, else whatever the hand points at. The hand goes round, so that is
    /// an old one.
    pub(super) fn victim(&mut self) -> Option<u32> {
        let span = self.entries.span();
        let mut best = None;
        let mut looked_at = 0;
        for step in 0..span {
            let at = (self.hand + step) % span;
            let Some(entry) = self.entries.at(at) else {
                continue;
            };
            let rank = if entry.state == TcpState::Close {
                0
            } else if entry.is_minisocket() {
                1
            } else {
                2
            };
            if best.is_none_or(|(_, least)| rank < least) {
                best = Some((at, rank));
            }
            looked_at += 1;
            if rank == 0 || looked_at > VICTIM_LOOK {
                break;
            }
        }
        let (at, _) = best?;
        self.hand = (at + 1) % span;
        u32::try_from(at).ok()
    }
}
