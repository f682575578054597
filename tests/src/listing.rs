//! What `ss` and `sockwatch list` print of sockets, taken apart: whose row it is, and what it says.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

/// Rows by the socket that they are about. Sockets that look alike, as those without any name do,
/// share an entry.
pub type Listing = BTreeMap<String, Vec<Vec<String>>>;

/// The rows of a listing with its header.
pub fn rows(text: &str) -> Result<Listing> {
    let mut lines = text.lines();
    // The last two words of the header may touch.
    let header = lines.next().context("no header")?;
    ensure!(header.contains("Local Address:Port"), "no header: {header}");
    let columns = ["Netid", "State", "Recv-Q", "Send-Q"];
    let before = columns.into_iter().filter(|column| header.contains(column));
    let before: Vec<_> = before.collect();
    let mut listing = Listing::new();
    for row in joined(lines) {
        let words: Vec<&str> = row.split_whitespace().collect();
        ensure!(words.len() >= before.len() + 2, "too short: {row}");
        let (first, rest) = words.split_at(before.len());
        let (ends, details) = rest.split_at(ends(rest));
        let columns = before
            .iter()
            .zip(first)
            .map(|(column, word)| format!("{column} {word}"));
        let said = columns.chain(details.iter().flat_map(|word| facts(word)));
        listing
            .entry(ends.join(" "))
            .or_default()
            .push(said.collect());
    }
    Ok(listing)
}

/// A row may go on in lines that begin with a TAB.
fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for line in lines.filter(|line| !line.trim().is_empty()) {
        match rows.last_mut() {
            Some(row) if line.starts_with('\t') => row.push_str(line),
            _ => rows.push(line.to_owned()),
        }
    }
    rows
}

/// How many words the two ends take: an end of a unix socket is a name and an inode.
fn ends(words: &[&str]) -> usize {
    let is_number = |place: usize| {
        words
            .get(place)
            .is_some_and(|word| word.parse::<u64>().is_ok())
    };
    if is_number(1) && is_number(3) { 4 } else { 2 }
}

/// What a word behind the columns says, but for what changes with time. Each holder is a fact.
fn facts(word: &str) -> Vec<String> {
    if let Some(timer) = word.strip_prefix("timer:(") {
        let name = timer.split(',').next().unwrap_or_default();
        return vec![format!("timer {name}")];
    }
    if let Some(users) = word.strip_prefix("users:(") {
        let holders = users.trim_end_matches(')').split("),");
        return holders
            .map(|holder| format!("user {}", holder.trim_matches(['(', ')'])))
            .collect();
    }
    vec![word.to_owned()]
}

/// What `listing` lacks of `expected`.
pub fn missing(expected: &Listing, listing: &Listing) -> Vec<String> {
    let mut missing = Vec::new();
    for (ends, rows) in expected {
        let mut others = listing.get(ends).cloned().unwrap_or_default();
        for row in rows {
            let has_all = |other: &Vec<String>| row.iter().all(|fact| other.contains(fact));
            match others.iter().position(has_all) {
                Some(place) => drop(others.swap_remove(place)),
                None => missing.push(format!("{ends}: {row:?} is not in {others:?}")),
            }
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "\
State     Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess
LISTEN    0      5            0.0.0.0:ssh         0.0.0.0:*    users:((\"a\",pid=1,fd=3),(\"b\",pid=2,fd=4))
ESTAB     0      0          127.0.0.1:49388    127.0.0.1:ssh   timer:(keepalive,9.1ms,0)
\t cubic wscale:7,7
";

    #[test]
    fn rows_are_taken_apart() {
        let listing = rows(OLD).unwrap();
        assert_eq!(
            listing["0.0.0.0:ssh 0.0.0.0:*"],
            [[
                "State LISTEN",
                "Recv-Q 0",
                "Send-Q 5",
                "user \"a\",pid=1,fd=3",
                "user \"b\",pid=2,fd=4"
            ]]
        );
        let estab = &listing["127.0.0.1:49388 127.0.0.1:ssh"][0];
        assert_eq!(estab[3..], ["timer keepalive", "cubic", "wscale:7,7"]);
        let unix =
            "Netid Recv-Q Send-Q Local Address:Port Peer Address:Port\nu_str 0 0 /a 12 * 13\n";
        assert!(rows(unix).unwrap().contains_key("/a 12 * 13"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let old = rows(OLD).unwrap();
        assert_eq!(missing(&old, &old), [""; 0]);
        let other = rows(&OLD.replace("pid=2", "pid=3").replace("9.1ms", "8sec")).unwrap();
        let missing = missing(&old, &other);
        assert!(
            missing.len() == 1 && missing[0].contains("pid=2"),
            "{missing:?}"
        );
    }
}
