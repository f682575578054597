//! Reading what the tracers wrote. The only place that knows their formats.

use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

use super::tracer::Tool;

/// What a tracer's output says of one order of the generator.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Seen {
    /// State changes of the order's connections; the listener's own are not among them.
    pub(super) events: u64,
    /// Events it says it lost, of whatever connection.
    pub(super) lost: u64,
}

/// The keys of sockwatch's JSON lines that the benchmark uses.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Line<'a> {
    /// Which record this is.
    #[serde(rename = "type", borrow)]
    pub(super) kind: &'a str,
    /// When it happened, CLOCK_MONOTONIC.
    pub(super) mono_ns: Option<u64>,
    netns: Option<u64>,
    sport: Option<u16>,
    dport: Option<u16>,
    #[serde(default)]
    lost_kernel: u64,
    #[serde(default)]
    lost_output: u64,
}

impl<'a> Line<'a> {
    /// One line of the stream.
    pub(super) fn parse(line: &'a [u8]) -> anyhow::Result<Self> {
        serde_json::from_slice(line).with_context(|| {
            let begin = &line[..line.len().min(200)];
            format!("no record: {}", begin.escape_ascii())
        })
    }

    /// Whether it is a transition of a connection of the order with this port.
    pub(super) fn is_of(&self, netns: u64, port: u16) -> bool {
        self.kind == "transition"
            && self.netns == Some(netns)
            && belongs(port, self.sport.unwrap_or(0), self.dport.unwrap_or(0))
    }

    /// What the record at the stream's end says was lost; 0 for all others.
    fn lost(&self) -> u64 {
        if self.kind == "stop" {
            self.lost_kernel + self.lost_output
        } else {
            0
        }
    }
}

/// Whether sockwatch's file has its `start` record, complete.
pub(super) fn has_start(output: &Path) -> anyhow::Result<bool> {
    let mut line = Vec::new();
    let file = File::open(output).with_context(|| output.display().to_string())?;
    BufReader::new(file).read_until(b'\n', &mut line)?;
    Ok(line.ends_with(b"\n") && Line::parse(&line)?.kind == "start")
}

/// Counts the events with `port` in a tracer's output and the losses in its stdout and stderr.
pub(super) fn count(tool: &Tool, output: &Path, netns: u64, port: u16) -> anyhow::Result<Seen> {
    let mut seen = Seen::default();
    for_each_line(output, |line| {
        match tool {
            Tool::Sockwatch(_) | Tool::Filtered(_) => {
                let line = Line::parse(line)?;
                seen.events += u64::from(line.is_of(netns, port));
                seen.lost += line.lost();
            }
            Tool::Tcpstates(_) => seen.add_text(line, tcpstates_ports, port),
            Tool::Bpftrace(_) => seen.add_text(line, bpftrace_ports, port),
        }
        Ok(())
    })?;
    for_each_line(&output.with_extension("err"), |line| {
        seen.lost += lost_message(line).unwrap_or(0);
        Ok(())
    })?;
    Ok(seen)
}

impl Seen {
    fn add_text(&mut self, line: &[u8], ports: fn(&str) -> Option<(u16, u16)>, port: u16) {
        let text = std::str::from_utf8(line).unwrap_or_default();
        let of_port = ports(text).is_some_and(|(local, remote)| belongs(port, local, remote));
        self.events += u64::from(of_port);
        self.lost += lost_message(line).unwrap_or(0);
    }
}

/// The server's end has the port as its own and a peer; the client's has it as the peer's. The
/// listener has no peer.
fn belongs(port: u16, local: u16, remote: u16) -> bool {
    remote == port || (local == port && remote != 0)
}

/// `SKADDR PID COMM LADDR LPORT RADDR RPORT OLDSTATE -> NEWSTATE MS`, read from the right because
/// COMM may have spaces.
fn tcpstates_ports(line: &str) -> Option<(u16, u16)> {
    let mut fields = line
        .split_whitespace()
        .rev()
        .filter(|field| *field != "->")
        .skip(3);
    let remote = fields.next()?.parse().ok()?;
    let local = fields.nth(1)?.parse().ok()?;
    Some((local, remote))
}

/// `nsecs sport dport oldstate newstate`
fn bpftrace_ports(line: &str) -> Option<(u16, u16)> {
    let mut fields = line.split_whitespace().skip(1);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// The number in `Lost 12 events` (bpftrace) or `lost 12 events on CPU #1` (libbpf-tools).
fn lost_message(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?;
    let (_, rest) = text.split_once("ost ")?;
    let (count, rest) = rest.split_once(' ')?;
    if rest.starts_with("events") {
        count.parse().ok()
    } else {
        None
    }
}

/// Calls `each` for every complete line without its newline; a file that is not there has none.
fn for_each_line(
    path: &Path,
    mut each: impl FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.with_context(|| path.display().to_string())?,
    };
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if let Some(line) = line.strip_suffix(b"\n") {
            each(line)?;
        }
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transitions_are_matched_by_namespace_and_port() {
        let line = br#"{"v":1,"type":"transition","seq":2,"mono_ns":5,"sport":40000,"dport":20001,"netns":7}"#;
        let line = Line::parse(line).unwrap();
        assert!(line.is_of(7, 20_001));
        assert!(!line.is_of(8, 20_001) && !line.is_of(7, 20_002));
    }

    #[test]
    fn the_listener_is_no_connection() {
        assert!(belongs(20_001, 20_001, 40_000) && belongs(20_001, 0, 20_001));
        assert!(!belongs(20_001, 20_001, 0));
    }

    #[test]
    fn stop_tells_losses() {
        let line = br#"{"type":"stop","events":9,"lost_kernel":2,"lost_output":1}"#;
        assert_eq!(Line::parse(line).unwrap().lost(), 3);
    }

    #[test]
    fn peers_lines_are_understood() {
        let line = "ffff9a3e46f4e900 1234   a b c 127.0.0.1       44444 127.0.0.1       20001 SYN_SENT    -> ESTABLISHED 0.021";
        assert_eq!(tcpstates_ports(line), Some((44_444, 20_001)));
        assert_eq!(
            tcpstates_ports(&line.replace("-> ", "")),
            Some((44_444, 20_001))
        );
        assert_eq!(
            bpftrace_ports("123456 44444 20001 2 1"),
            Some((44_444, 20_001))
        );
        assert_eq!(bpftrace_ports("Attaching 1 probe..."), None);
        assert_eq!(lost_message(b"Lost 12 events"), Some(12));
        assert_eq!(lost_message(b"lost 3 events on CPU #1"), Some(3));
        assert_eq!(lost_message(b"lost my way"), None);
    }
}
