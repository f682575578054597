//! The sockets that `ss` shows in the namespace of the calling thread.

use std::{process::Command, time::Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::{PATIENCE, process::output};

/// A socket, as `ss` and the `socket` lines of sockwatch both tell of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// State, in the words of sockwatch.
    pub state: String,
    /// `address:port`; IPv4-mapped addresses as IPv4, port 0 for any.
    pub local: String,
    /// Likewise.
    pub peer: String,
    /// Cookie in hex.
    pub sk: String,
    /// User id of the owner.
    pub uid: u64,
}

/// What `ss -tanOeH` shows.
pub fn rows() -> Result<Vec<Row>> {
    let text = output(Command::new("ss").arg("-tanOeH"))?;
    let mut rows = text.lines().map(parse).collect::<Result<Vec<_>>>()?;
    rows.sort();
    Ok(rows)
}

/// Waits until a socket is in `state`.
pub fn wait_for(state: &str) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !rows()?.iter().any(|row| row.state == state) {
        ensure!(Instant::now() < deadline, "no socket becomes {state}");
    }
    Ok(())
}

/// Waits until the socket with this cookie is in `state`.
pub fn wait_until(sk: &str, state: &str) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while state_of(sk)?.as_deref() != Some(state) {
        ensure!(Instant::now() < deadline, "{sk} does not become {state}");
    }
    Ok(())
}

/// The state in which `ss` shows the socket with this cookie; `None` where it shows none.
pub fn state_of(sk: &str) -> Result<Option<String>> {
    let row = rows()?.into_iter().find(|row| row.sk == sk);
    Ok(row.map(|row| row.state))
}

/// Destroys the sockets that `filter` selects from outside (`ss -K`).
pub fn kill(filter: &str) -> Result<()> {
    let words = filter.split_whitespace();
    output(Command::new("ss").arg("-KtnH").args(words)).map(drop)
}

fn parse(line: &str) -> Result<Row> {
    let mut words = line.split_whitespace();
    let (Some(state), Some(local), Some(peer)) = (words.next(), words.nth(2), words.next()) else {
        bail!("not a line of ss: {line}");
    };
    let tagged = |tag| words.clone().find_map(|word| word.strip_prefix(tag));
    let uid = tagged("uid:")
        .map_or(Ok(0), str::parse)
        .with_context(|| line.to_owned())?;
    let sk = tagged("sk:").with_context(|| line.to_owned())?.to_owned();
    let (local, peer) = (endpoint(local)?, endpoint(peer)?);
    Ok(Row {
        state: word(state)?.to_owned(),
        local,
        peer,
        sk,
        uid,
    })
}

fn endpoint(text: &str) -> Result<String> {
    let (address, port) = text
        .rsplit_once(':')
        .with_context(|| format!("no port: {text}"))?;
    let address = address.trim_matches(['[', ']']);
    let address = match address.strip_prefix("::ffff:").unwrap_or(address) {
        "*" => "::",
        other => other,
    };
    Ok(format!(
        "{address}:{}",
        if port == "*" { "0" } else { port }
    ))
}

fn word(state: &str) -> Result<&'static str> {
    Ok(match state {
        "ESTAB" => "established",
        "SYN-SENT" => "syn-sent",
        "SYN-RECV" => "syn-recv",
        "FIN-WAIT-1" => "fin-wait-1",
        "FIN-WAIT-2" => "fin-wait-2",
        "TIME-WAIT" => "time-wait",
        "UNCONN" => "closed",
        "CLOSE-WAIT" => "close-wait",
        "LAST-ACK" => "last-ack",
        "LISTEN" => "listening",
        "CLOSING" => "closing",
        _ => bail!("no state: {state}"),
    })
}

/// The row of a `socket` line.
pub fn row_of(line: &Value) -> Result<Row> {
    let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let port = |key: &str| line[key].as_u64().unwrap_or(0);
    let sk = text("sk");
    ensure!(!sk.is_empty(), "no cookie: {line}");
    Ok(Row {
        state: text("state"),
        local: format!("{}:{}", text("src"), port("sport")),
        peer: format!("{}:{}", text("dst"), port("dport")),
        sk,
        uid: match line["uid"].as_u64() {
            // The kernel has forgotten it, which ss shows like root's.
            None if line["state"] == "time-wait" => 0,
            uid => uid.with_context(|| format!("no uid: {line}"))?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_ss_are_understood() {
        let line =
            "LISTEN 0      128                *:8080            *:*    uid:7 ino:9 sk:1f v6only:0";
        let row = parse(line).unwrap();
        assert_eq!(
            (&*row.state, &*row.local, &*row.peer),
            ("listening", ":::8080", ":::0")
        );
        assert_eq!((&*row.sk, row.uid), ("1f", 7));
        let line = "TIME-WAIT 0 0 [::ffff:127.0.0.1]:1 [::1]:2 timer:(timewait,59sec,0) ino:0 sk:2";
        let row = parse(line).unwrap();
        assert_eq!(
            (&*row.local, &*row.peer, row.uid),
            ("127.0.0.1:1", "::1:2", 0)
        );
    }
}
