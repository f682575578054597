//! The table of sockets, rebuilt from JSON lines alone, by the rules of docs/events-jsonl.md
//! ("Rebuilding the table").
//!
//! Pure: no I/O, no clock. Shares no code with sockwatch on purpose: it is what a reader of the
//! stream would write.

use std::collections::HashMap;

use serde::Deserialize;

#[cfg(test)]
mod tests;

/// The state that is no entry.
pub(super) const CLOSED: &str = "closed";
const SYN_RECV: &str = "syn-recv";

/// The keys of a line that the rebuild needs.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Line<'a> {
    /// What the line is.
    #[serde(rename = "type", borrow)]
    pub(super) kind: &'a str,
    /// Number of the line.
    pub(super) seq: u64,
    proto: Option<&'a str>,
    src: Option<&'a str>,
    sport: Option<u16>,
    dst: Option<&'a str>,
    dport: Option<u16>,
    state: Option<&'a str>,
    old: Option<&'a str>,
    /// The state entered.
    pub(super) new: Option<&'a str>,
    /// Cookie in hex.
    pub(super) sk: Option<&'a str>,
    netns: Option<u32>,
}

/// Where a connection is.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Place {
    /// Inode number of the network namespace; `None` if not known.
    pub(super) netns: Option<u32>,
    /// Word of the protocol.
    pub(super) proto: String,
}

/// What a connection is told apart by.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Key {
    /// Its cookie, in hex.
    Sk(Place, String),
    /// Its addresses, each `address:port` with port 0 for none: local, peer.
    Tuple(Place, String, String),
}

/// A connection that is not closed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Entry {
    /// Word of its state.
    pub(super) state: String,
    tuple: Key,
}

/// The sockets that there are, as the lines tell it.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    entries: HashMap<Key, Entry>,
    /// Key by addresses of every entry that has been in syn-recv last.
    half_open: HashMap<Key, Key>,
}

impl Table {
    /// Takes one line; those that tell of no socket change nothing.
    pub(super) fn apply(&mut self, line: &Line<'_>) {
        let Some(state) = line.state.or(line.new) else {
            return;
        };
        let tuple = line.tuple();
        let key = line.key();
        if line.old == Some(SYN_RECV) || line.sk.is_none() {
            self.take_over(&tuple, &key);
        }
        if state == CLOSED {
            self.entries.remove(&key);
            return;
        }
        if state == SYN_RECV {
            self.half_open.insert(tuple.clone(), key.clone());
        }
        let state = state.to_owned();
        self.entries.insert(key, Entry { state, tuple });
    }

    /// Removes the entry in syn-recv with these addresses, unless it is `heir`'s own.
    fn take_over(&mut self, tuple: &Key, heir: &Key) {
        let Some(key) = self.half_open.remove(tuple) else {
            return;
        };
        let still = |entry: &Entry| entry.state == SYN_RECV && entry.tuple == *tuple;
        if key != *heir && self.entries.get(&key).is_some_and(still) {
            self.entries.remove(&key);
        }
    }

    /// The entry with this key.
    pub(super) fn get(&self, key: &Key) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// All entries.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.entries.iter()
    }
}

impl Line<'_> {
    fn place(&self) -> Place {
        Place {
            netns: self.netns,
            proto: self.proto.unwrap_or_default().to_owned(),
        }
    }

    /// What its connection is told apart by.
    pub(super) fn key(&self) -> Key {
        match self.sk {
            Some(sk) => Key::Sk(self.place(), sk.to_owned()),
            None => self.tuple(),
        }
    }

    /// Its addresses, whatever else it is told apart by.
    pub(super) fn tuple(&self) -> Key {
        let endpoint = |address: Option<&str>, port: Option<u16>| {
            format!("{}:{}", address.unwrap_or_default(), port.unwrap_or(0))
        };
        Key::Tuple(
            self.place(),
            endpoint(self.src, self.sport),
            endpoint(self.dst, self.dport),
        )
    }
}

impl Entry {
    /// `local peer`, each `address:port`, as its last line has them.
    pub(super) fn addresses(&self) -> String {
        match &self.tuple {
            Key::Tuple(_, local, peer) => format!("{local} {peer}"),
            Key::Sk(..) => String::new(),
        }
    }
}

impl Key {
    /// Where it is.
    pub(super) fn place(&self) -> &Place {
        match self {
            Self::Sk(place, _) | Self::Tuple(place, ..) => place,
        }
    }
}
