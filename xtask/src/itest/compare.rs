//! What `ss` shows against the rebuilt table. Pure.
//!
//! While `ss` looks, kernel timers go on. So a dump is held against the table before it and the
//! table after it: a socket is as it should be if `ss` has it as one of these has it; absence is a
//! state too. Nothing else is tolerated here.

use std::collections::{BTreeMap, BTreeSet};

use sockwatch_tests::ss::Row;

use super::rebuild::{CLOSED, Key, Place, Table};

#[cfg(test)]
mod tests;

/// The state of what is not there, in a report.
pub(super) const ABSENT: &str = "absent";

/// A socket of which `ss` and the stream say different things.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Difference {
    /// What `ss` says.
    pub(super) ss: String,
    /// What the stream says at the end of the dump.
    pub(super) stream: String,
    /// `local peer`, as `ss` has them if it does, else as the stream has them.
    pub(super) addresses: String,
}

/// The outcome of one comparison.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Sockets that at least one side has, each with the state that counts for the report.
    pub(super) compared: BTreeMap<Key, String>,
    /// Of these, those that differ.
    pub(super) differences: BTreeMap<Key, Difference>,
}

impl Comparison {
    /// Compares what `ss` shows in one namespace with the stream `before` and `after` it.
    pub(super) fn add(&mut self, netns: u32, rows: &[Row], before: &Table, after: &Table) {
        let place = Place {
            netns: Some(netns),
            proto: "tcp".to_owned(),
        };
        let mut seen = BTreeSet::new();
        for row in rows.iter().filter(|row| row.state != CLOSED) {
            let keys = keys_of(row, &place);
            // Known by its cookie if it can be.
            let known = |key: &&Key| before.get(key).or(after.get(key)).is_some();
            let key = keys.iter().find(known).unwrap_or(&keys[0]);
            let [was, is] = [before, after].map(|table| state(table, &keys));
            self.compared.insert(key.clone(), row.state.clone());
            seen.insert(key.clone());
            if was != row.state && is != row.state {
                let addresses = format!("{} {}", row.local, row.peer);
                self.differ(key, &row.state, is, &addresses);
            }
        }
        for (key, entry) in before.iter().filter(|(key, _)| *key.place() == place) {
            // What was there before and not after may have gone before ss looked.
            if !seen.contains(key) {
                self.compared.insert(key.clone(), entry.state.clone());
                if let Some(after) = after.get(key) {
                    self.differ(key, ABSENT, &after.state, &after.addresses());
                }
            }
        }
    }

    fn differ(&mut self, key: &Key, ss: &str, stream: &str, addresses: &str) {
        let difference = Difference {
            ss: ss.to_owned(),
            stream: stream.to_owned(),
            addresses: addresses.to_owned(),
        };
        self.differences.insert(key.clone(), difference);
    }

    /// The differences that `later` has too, as it has them.
    pub(super) fn lasting(&self, later: &Self) -> BTreeMap<Key, Difference> {
        let both = later.differences.iter();
        both.filter(|(key, _)| self.differences.contains_key(*key))
            .map(|(key, difference)| (key.clone(), difference.clone()))
            .collect()
    }
}

/// The keys that the stream may have the socket of a row under: its cookie, and its addresses, which
/// is how a half-open connection is told apart. Looking gives that a cookie, but the stream knows it
/// at the earliest when the connection is established.
fn keys_of(row: &Row, place: &Place) -> [Key; 2] {
    [
        Key::Sk(place.clone(), row.sk.clone()),
        Key::Tuple(place.clone(), row.local.clone(), row.peer.clone()),
    ]
}

/// The state that a table has the first of these keys in that it knows.
fn state<'a>(table: &'a Table, keys: &[Key]) -> &'a str {
    let entry = keys.iter().find_map(|key| table.get(key));
    entry.map_or(ABSENT, |entry| &entry.state)
}
