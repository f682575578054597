//! JSON lines, version 1: one object per line, as `docs/events-jsonl.md` describes it.
//!
//! The same events give the same bytes. Does not drop, order or batch anything, and knows nothing
//! of where the lines go.

mod details;
mod object;
mod others;
mod row;
mod summary;
mod value;

use std::{net::IpAddr, num::NonZeroU64};

use super::stamp::UtcStamp;
use crate::model::{
    Cause, Event, MonoNs, Observed, Owner, Proto, SocketInfo, SocketKey, TcpState, Transition,
    Tuple, WallClock, container,
    event::{Lost, RowEvent, SocketEvent, Start, SummaryEvent, Totals, TransitionEvent},
};
use object::{List, Null, Object, Plain, Text, Word, field};
use row::OnlyInRows;
use value::{Closer, Cookie};

/// The value of `v`.
pub const VERSION: u8 = 1;

/// JSON Schema (draft 2020-12) of every line of version 1.
pub const SCHEMA: &str = include_str!("../../schema/events-v1.schema.json");

/// One stream of JSON lines.
#[derive(Debug)]
pub struct Jsonl {
    /// Lines written.
    seq: u64,
    stamp: UtcStamp,
}

impl Default for Jsonl {
    fn default() -> Self {
        Self::new()
    }
}

impl Jsonl {
    /// A stream whose first line will have `seq` 1.
    pub const fn new() -> Self {
        Self {
            seq: 0,
            stamp: UtcStamp::new(),
        }
    }

    /// Appends the line of `event` to `out`, with its newline.
    pub fn write(&mut self, event: &Event<'_>, wall: WallClock, out: &mut Vec<u8>) {
        let mut object = self.begin(kind(event), moment(event), wall, out);
        match event {
            Event::Transition(event) => transition(&mut object, event),
            Event::Socket(event) => socket(&mut object, event),
            Event::Start(event) => start(&mut object, event),
            Event::Lost(event) => lost(&mut object, event),
            Event::Stats(event) | Event::Stop(event) => totals(&mut object, event),
        }
        object.end();
        out.push(b'\n');
    }

    /// Appends the line of a listed socket to `out`, with its newline.
    pub fn write_row(&mut self, event: &RowEvent<'_>, wall: WallClock, out: &mut Vec<u8>) {
        let mut object = self.begin(SOCKET, event.at, wall, out);
        row::row(&mut object, event);
        object.end();
        out.push(b'\n');
    }

    /// Appends the line of a summary to `out`, with its newline.
    pub fn write_summary(&mut self, event: &SummaryEvent<'_>, wall: WallClock, out: &mut Vec<u8>) {
        let mut object = self.begin("summary", event.at, wall, out);
        field!(object, "netns", event.netns);
        summary::counts(&mut object, event.summary);
        object.end();
        out.push(b'\n');
    }

    /// A line with the keys that all have.
    fn begin<'o>(
        &mut self,
        kind: &'static str,
        at: MonoNs,
        wall: WallClock,
        out: &'o mut Vec<u8>,
    ) -> Object<'o> {
        self.seq += 1;
        let mut object = Object::begin(out);
        field!(object, "v", VERSION);
        field!(object, "type", Word(kind));
        field!(object, "seq", self.seq);
        field!(object, "ts", Plain(self.stamp.text(wall.unix_ns(at))));
        field!(object, "mono_ns", at.0);
        object
    }
}

/// The type of a socket that was there.
const SOCKET: &str = "socket";

/// The value of `type`.
const fn kind(event: &Event<'_>) -> &'static str {
    match event {
        Event::Start(_) => "start",
        Event::Socket(_) => SOCKET,
        Event::Transition(_) => "transition",
        Event::Lost(_) => "lost",
        Event::Stats(_) => "stats",
        Event::Stop(_) => "stop",
    }
}

/// When it happened: for a loss, when it was over.
const fn moment(event: &Event<'_>) -> MonoNs {
    match event {
        Event::Start(start) => start.at,
        Event::Socket(socket) => socket.at,
        Event::Transition(event) => event.transition.at,
        Event::Lost(lost) => lost.to,
        Event::Stats(totals) | Event::Stop(totals) => totals.at,
    }
}

fn transition(object: &mut Object<'_>, event: &TransitionEvent<'_>) {
    let transition = event.transition;
    ends(object, transition.proto, event.tuple, listens(transition));
    field!(object, "old", Word(transition.old.word()));
    field!(object, "new", Word(transition.new.word()));
    field!(object, "dwell_ns", event.dwell.map(|dwell| dwell.0));
    field!(object, "age_ns", event.age.map(|age| age.0));
    field!(
        object,
        "accept_wait_ns",
        event.accept_wait.map(|wait| wait.0)
    );
    let cookie = cookie(transition.key, half_open(transition));
    identity(object, cookie, &transition.info);
    process(object, event.cgroup, event.owner);
    field!(object, "closer", event.closer.map(Closer));
    field!(object, "cause", event.cause.map(Cause::word).map(Word));
    field!(object, "errno", event.errno.filter(|errno| errno.0 != 0));
    let reset = transition.reset.map(|reason| Word(reason.0));
    field!(object, "reset_reason", reset);
    field!(object, "synack_retrans", event.synack_retrans);
    field!(object, "tcp", transition.tcp.as_ref());
    field!(object, "observed", Word(transition.observed.word()));
}

/// The same keys; how it got there was not seen.
fn socket(object: &mut Object<'_>, event: &SocketEvent<'_>) {
    let listens = event.state == TcpState::Listen;
    ends(object, event.proto, event.tuple, listens);
    field!(object, "state", Word(event.state.word()));
    no_spans(object);
    let cookie = cookie(event.key, event.state == TcpState::SynRecv);
    identity(object, cookie, event.info);
    process(object, event.cgroup, event.owner);
    no_end(object);
    field!(object, "tcp", Null);
    field!(object, "observed", Word(Observed::Poll.word()));
    let inode = event.info.inode.filter(|&inode| inode != 0);
    row::only_in_rows(
        object,
        &OnlyInRows {
            inode,
            ..OnlyInRows::default()
        },
    );
    details::details(object, None);
    others::others(object, None);
    field!(object, "device", Null);
}

fn ends(object: &mut Object<'_>, proto: Proto, tuple: &Tuple, listens: bool) {
    field!(object, "proto", Word(proto.word()));
    field!(object, "family", Word(tuple.family.word()));
    field!(object, "src", tuple.src);
    field!(object, "sport", known(tuple.sport));
    field!(object, "dst", peer(tuple, listens));
    field!(object, "dport", known(tuple.dport));
}

/// The spans of a transition, where nothing was seen to change.
fn no_spans(object: &mut Object<'_>) {
    field!(object, "dwell_ns", Null);
    field!(object, "age_ns", Null);
    field!(object, "accept_wait_ns", Null);
}

/// What a transition tells of an end and of a begin, likewise.
fn no_end(object: &mut Object<'_>) {
    field!(object, "closer", Null);
    field!(object, "cause", Null);
    field!(object, "errno", Null);
    field!(object, "reset_reason", Null);
    field!(object, "synack_retrans", Null);
}

fn identity(object: &mut Object<'_>, cookie: Option<NonZeroU64>, info: &SocketInfo) {
    field!(object, "sk", cookie.map(Cookie));
    field!(object, "netns", info.netns);
    field!(object, "ifindex", info.ifindex.filter(|&index| index != 0));
    field!(object, "mark", info.mark);
    field!(object, "uid", info.uid);
}

fn process(object: &mut Object<'_>, cgroup: Option<&str>, owner: Option<&Owner>) {
    field!(object, "cgroup", cgroup.map(|path| Text(path.as_bytes())));
    let container = cgroup.and_then(container::find);
    field!(object, "container", container.map(|id| Text(id.as_bytes())));
    field!(object, "owner", owner);
}

fn start(object: &mut Object<'_>, start: &Start) {
    field!(object, "version", Word(start.version));
    field!(object, "kernel", Text(start.kernel.as_bytes()));
    field!(object, "host", Text(start.host.as_bytes()));
    let boot_id = start.boot_id.as_deref();
    field!(object, "boot_id", boot_id.map(|id| Text(id.as_bytes())));
    field!(object, "filter", Text(start.filter.as_bytes()));
    let probes = start.probes.iter();
    field!(
        object,
        "probes",
        List(probes.map(|probe| Text(probe.as_bytes())))
    );
    field!(object, "degraded", List(start.degraded.iter()));
}

fn lost(object: &mut Object<'_>, lost: &Lost) {
    field!(object, "where", Word(lost.place.word()));
    field!(object, "count", lost.count);
    field!(object, "from_mono_ns", lost.from.0);
    field!(object, "to_mono_ns", lost.to.0);
}

fn totals(object: &mut Object<'_>, totals: &Totals) {
    field!(object, "events", totals.events);
    field!(object, "emitted", totals.emitted);
    field!(object, "filtered", totals.filtered);
    field!(object, "lost_kernel", totals.lost_kernel);
    field!(object, "lost_output", totals.lost_output);
    field!(object, "merged", totals.merged);
    field!(object, "malformed_ring", totals.malformed_ring);
    field!(object, "malformed_netlink", totals.malformed_netlink);
    field!(object, "sockets", totals.sockets);
    field!(object, "evicted", totals.evicted);
}

fn known(port: u16) -> Option<u16> {
    (port != 0).then_some(port)
}

/// Whether it happened to a listener, and not to a child of one, whose peer may be unknown.
fn listens(transition: &Transition) -> bool {
    let either = transition.old == TcpState::Listen || transition.new == TcpState::Listen;
    either && !transition.is_child()
}

/// Whether it tells of a half-open connection and not of the socket that may come of it, whose own
/// events the kernel tells.
fn half_open(transition: &Transition) -> bool {
    let told = matches!(transition.observed, Observed::Event | Observed::Raw);
    let (old, new) = (transition.old, transition.new);
    !told && (new == TcpState::SynRecv || (old == TcpState::SynRecv && new == TcpState::Close))
}

/// The cookie, but for a half-open connection: it has one only where a dump has looked at it, and
/// one life must not have now this identity and now that.
fn cookie(key: SocketKey, half_open: bool) -> Option<NonZeroU64> {
    key.cookie.filter(|_| !half_open)
}

/// The peer's address; for a listener the address that it would have, which is unspecified.
fn peer(tuple: &Tuple, listens: bool) -> Option<IpAddr> {
    (listens || tuple.has_peer()).then_some(tuple.dst)
}

#[cfg(test)]
mod tests;
