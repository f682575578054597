//! Storage of the entries: one array, its holes used again, addressed by number.
//!
//! Keeps a million entries in a hundred bytes each; the hash maps hold numbers only.

use super::Entry;
use crate::model::TcpState;

/// How many entries are looked at for a closed one before an open one has to go.
const VICTIM_LOOK: usize = 64;

#[derive(Default)]
pub(super) struct Slots {
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    /// Where the search for a victim goes on.
    hand: usize,
}

impl Slots {
    pub(super) fn insert(&mut self, entry: Entry) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.entries[slot as usize] = Some(entry);
            return slot;
        }
        self.entries.push(Some(entry));
        u32::try_from(self.entries.len() - 1).expect("the capacity is far below 2^32 entries")
    }

    /// The entry in a slot that is in use.
    pub(super) fn get(&self, slot: u32) -> &Entry {
        self.entries[slot as usize].as_ref().expect("a slot in a map is in use")
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> &mut Entry {
        self.entries[slot as usize].as_mut().expect("a slot in a map is in use")
    }

    pub(super) fn remove(&mut self, slot: u32) -> Entry {
        self.free.push(slot);
        self.entries[slot as usize].take().expect("a slot in a map is in use")
    }

    /// The slot to give up when there is no room: a closed socket if one is near, else whatever
    /// the hand points at. The hand goes round, so that is an old one.
    pub(super) fn victim(&mut self) -> Option<u32> {
        let len = self.entries.len();
        let mut fallback = None;
        for step in 0..len {
            let at = (self.hand + step) % len;
            let Some(entry) = &self.entries[at] else { continue };
            if entry.state == TcpState::Close {
                fallback = Some(at);
                break;
            }
            fallback = fallback.or(Some(at));
            if step >= VICTIM_LOOK {
                break;
            }
        }
        let at = fallback?;
        self.hand = (at + 1) % len;
        u32::try_from(at).ok()
    }
}
