//! JSON lines, version 1: one object per line, as `docs/events-jsonl.md` describes it.
//!
//! The same events give the same bytes. Does not drop, order or batch anything, and knows nothing
//! of where the lines go.

mod object;
mod value;

use std::net::IpAddr;

use super::stamp::UtcStamp;
use crate::model::{
    Cause, Event, MonoNs, Owner, Proto, SocketInfo, SocketKey, TcpState, Transition, Tuple,
    WallClock,
    event::{Lost, SocketEvent, Start, Totals, TransitionEvent},
};
use object::{List, Null, Object, Text, Word};
use value::Cookie;

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
        self.seq += 1;
        let at = moment(event);
        let mut object = Object::begin(out);
        object.field("v", VERSION);
        object.field("type", Word(kind(event)));
        object.field("seq", self.seq);
        object.field("ts", Text(self.stamp.text(wall.unix_ns(at))));
        object.field("mono_ns", at.0);
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
}

/// The value of `type`.
const fn kind(event: &Event<'_>) -> &'static str {
    match event {
        Event::Start(_) => "start",
        Event::Socket(_) => "socket",
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
    object.field("old", Word(transition.old.word()));
    object.field("new", Word(transition.new.word()));
    object.field("dwell_ns", event.dwell.map(|dwell| dwell.0));
    object.field("age_ns", event.age.map(|age| age.0));
    identity(object, transition.key, &transition.info);
    process(object, event.cgroup, event.owner);
    object.field("cause", event.cause.map(Cause::word).map(Word));
    object.field("errno", event.errno.filter(|errno| errno.0 != 0));
    object.field("tcp", transition.tcp.as_ref());
    object.field("observed", Word(transition.observed.word()));
}

/// The same keys; how it got there was not seen.
fn socket(object: &mut Object<'_>, event: &SocketEvent<'_>) {
    let listens = event.state == TcpState::Listen;
    ends(object, event.proto, event.tuple, listens);
    object.field("state", Word(event.state.word()));
    object.field("dwell_ns", Null);
    object.field("age_ns", Null);
    identity(object, event.key, event.info);
    process(object, event.cgroup, event.owner);
    object.field("cause", Null);
    object.field("errno", Null);
    object.field("tcp", Null);
    object.field("observed", Word("poll"));
}

fn ends(object: &mut Object<'_>, proto: Proto, tuple: &Tuple, listens: bool) {
    object.field("proto", Word(proto.word()));
    object.field("family", Word(tuple.family.word()));
    object.field("src", tuple.src);
    object.field("sport", known(tuple.sport));
    object.field("dst", peer(tuple, listens));
    object.field("dport", known(tuple.dport));
}

fn identity(object: &mut Object<'_>, key: SocketKey, info: &SocketInfo) {
    object.field("sk", key.cookie.map(Cookie));
    object.field("netns", info.netns);
    object.field("ifindex", info.ifindex.filter(|&index| index != 0));
    object.field("mark", info.mark);
    object.field("uid", info.uid);
}

fn process(object: &mut Object<'_>, cgroup: Option<&str>, owner: Option<&Owner>) {
    object.field("cgroup", cgroup.map(|path| Text(path.as_bytes())));
    object.field("owner", owner);
}

fn start(object: &mut Object<'_>, start: &Start) {
    object.field("version", Word(start.version));
    object.field("kernel", Text(start.kernel.as_bytes()));
    object.field("host", Text(start.host.as_bytes()));
    let boot_id = start.boot_id.as_deref();
    object.field("boot_id", boot_id.map(|id| Text(id.as_bytes())));
    object.field("filter", Text(start.filter.as_bytes()));
    let probes = start.probes.iter();
    object.field("probes", List(probes.map(|probe| Text(probe.as_bytes()))));
    object.field("degraded", List(start.degraded.iter()));
}

fn lost(object: &mut Object<'_>, lost: &Lost) {
    object.field("where", Word(lost.place.word()));
    object.field("count", lost.count);
    object.field("from_mono_ns", lost.from.0);
    object.field("to_mono_ns", lost.to.0);
}

fn totals(object: &mut Object<'_>, totals: &Totals) {
    object.field("events", totals.events);
    object.field("emitted", totals.emitted);
    object.field("filtered", totals.filtered);
    object.field("lost_kernel", totals.lost_kernel);
    object.field("lost_output", totals.lost_output);
    object.field("malformed_ring", totals.malformed_ring);
    object.field("malformed_netlink", totals.malformed_netlink);
    object.field("sockets", totals.sockets);
    object.field("evicted", totals.evicted);
}

fn known(port: u16) -> Option<u16> {
    (port != 0).then_some(port)
}

/// Whether it happened to a listener. `listening` → `syn-recv` happens to the child that it made,
/// whose peer may be unknown.
fn listens(transition: &Transition) -> bool {
    transition.new == TcpState::Listen
        || (transition.old == TcpState::Listen && transition.new != TcpState::SynRecv)
}

/// The peer's address; for a listener the address that it would have, which is unspecified.
fn peer(tuple: &Tuple, listens: bool) -> Option<IpAddr> {
    (listens || tuple.has_peer()).then_some(tuple.dst)
}

#[cfg(test)]
mod tests;
