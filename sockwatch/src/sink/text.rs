//! One line per state change, for people.
//!
//! Columns have comfortable widths and keep them; a cell that needs more pushes the rest of its
//! line and is never cut. No layout is promised: programs read JSON lines.

mod cell;
mod paint;
mod row;

use jiff::tz::TimeZone;

use super::stamp::LocalStamp;
use crate::{
    enrich::names::Names,
    model::{
        Cause, Errno, Event, MonoNs, Nanos, Observed, Owner, Proto, TcpState, Tuple, WallClock,
        event::{Lost, LostWhere, SocketEvent, TransitionEvent},
    },
};
use row::{Column, Row};

/// How text looks.
#[derive(Clone, Debug)]
pub struct TextOptions {
    /// Whether the reader understands colours.
    pub colour: bool,
    /// Whether the columns are named once, at the top.
    pub header: bool,
    /// Inode number of our network namespace: sockets of others are marked. Where it is not known,
    /// all are.
    pub own_netns: Option<u32>,
    /// Where the reader lives.
    pub zone: TimeZone,
}

/// One stream of text.
#[derive(Debug)]
pub struct Text {
    colour: bool,
    header_due: bool,
    own_netns: Option<u32>,
    stamp: LocalStamp,
    names: Names,
}

/// What a line is made of.
struct Line<'a> {
    at: MonoNs,
    proto: Proto,
    old: Option<TcpState>,
    state: TcpState,
    tuple: &'a Tuple,
    dwell: Option<Nanos>,
    observed: Observed,
    owner: Option<&'a Owner>,
    cause: Option<Cause>,
    errno: Option<Errno>,
    accept_wait: Option<Nanos>,
    synack_retrans: Option<u8>,
    closer: Option<&'a Owner>,
    netns: Option<u32>,
}

/// A connection that waited less than this for accept(2) is like any other.
const LONG_ACCEPT_WAIT: Nanos = Nanos(1_000_000);

impl<'a> Line<'a> {
    const fn of_transition(event: &TransitionEvent<'a>) -> Self {
        Self {
            at: event.transition.at,
            proto: event.transition.proto,
            old: Some(event.transition.old),
            state: event.transition.new,
            tuple: event.tuple,
            dwell: event.dwell,
            observed: event.transition.observed,
            owner: event.owner,
            cause: event.cause,
            errno: event.errno,
            accept_wait: event.accept_wait,
            synack_retrans: event.synack_retrans,
            closer: event.closer,
            netns: event.transition.info.netns,
        }
    }

    const fn of_socket(event: &SocketEvent<'a>) -> Self {
        Self {
            at: event.at,
            proto: event.proto,
            old: None,
            state: event.state,
            tuple: event.tuple,
            dwell: None,
            observed: Observed::Poll,
            owner: event.owner,
            cause: None,
            errno: None,
            accept_wait: None,
            synack_retrans: None,
            closer: None,
            netns: event.info.netns,
        }
    }

    /// What few lines have: why it ended, and what is out of the common.
    fn remarks(&self, row: &mut Row<'_>) {
        if let Some(cause) = self.cause {
            row.cell(Column::Cause, |p| cell::cause(p, cause, self.errno));
        }
        if self.observed == Observed::Raw {
            row.cell(Column::Rest, cell::raw);
        }
        if let Some(count) = self.synack_retrans.filter(|&count| count > 0) {
            row.cell(Column::Rest, |p| cell::synack_retrans(p, count));
        }
        if let Some(wait) = self.accept_wait.filter(|&wait| wait >= LONG_ACCEPT_WAIT) {
            row.cell(Column::Rest, |p| cell::accept_wait(p, wait));
        }
        if let Some(closer) = self.closer.filter(|closer| !self.is_owner(closer)) {
            row.cell(Column::Rest, |p| cell::closer(p, closer));
        }
    }

    /// By its id: a process may have got another name since.
    fn is_owner(&self, process: &Owner) -> bool {
        self.owner.is_some_and(|owner| owner.pid == process.pid)
    }
}

impl Text {
    /// A stream that has not begun; `names` are used for its addresses and ports.
    pub fn new(options: TextOptions, names: Names) -> Self {
        Self {
            colour: options.colour,
            header_due: options.header,
            own_netns: options.own_netns,
            stamp: LocalStamp::new(options.zone),
            names,
        }
    }

    /// Appends the line of `event` to `out`, and the header before the first. The begin, the
    /// heartbeat and the end have no line.
    pub fn write(&mut self, event: &Event<'_>, wall: WallClock, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.header_due) {
            row::header(out);
        }
        match event {
            Event::Transition(event) => self.line(&Line::of_transition(event), wall, out),
            Event::Socket(event) => self.line(&Line::of_socket(event), wall, out),
            Event::Lost(lost) => self.lost(*lost, wall, out),
            Event::Start(_) | Event::Stats(_) | Event::Stop(_) => {}
        }
    }

    fn line(&mut self, line: &Line<'_>, wall: WallClock, out: &mut Vec<u8>) {
        let Tuple {
            family,
            src,
            sport,
            dst,
            dport,
        } = *line.tuple;
        let names = &mut self.names;
        let mut row = Row::begin(out, self.colour);
        let time = self.stamp.text(wall.unix_ns(line.at));
        row.cell(Column::Time, |p| p.plain(time));
        row.cell(Column::Netid, |p| p.plain(line.proto.word().as_bytes()));
        row.cell(Column::Transition, |p| {
            cell::transition(p, line.old, line.state);
        });
        row.cell(Column::Local, |p| {
            cell::endpoint(p, (line.proto, family), (src, sport), names, line.at);
        });
        row.cell(Column::Peer, |p| {
            cell::endpoint(p, (line.proto, family), (dst, dport), names, line.at);
        });
        row.cell(Column::Dwell, |p| {
            cell::dwell(p, line.dwell, line.observed == Observed::Poll);
        });
        row.cell(Column::Process, |p| cell::process(p, line.owner));
        line.remarks(&mut row);
        if let Some(netns) = line.netns.filter(|_| line.netns != self.own_netns) {
            row.cell(Column::Rest, |p| cell::netns(p, netns));
        }
        row.end();
    }

    fn lost(&mut self, lost: Lost, wall: WallClock, out: &mut Vec<u8>) {
        let mut row = Row::begin(out, self.colour);
        row.cell(Column::Rest, |p| {
            p.painted(paint::LOST, |out| {
                let events = if lost.count == 1 { "event" } else { "events" };
                let place = match lost.place {
                    LostWhere::Kernel => "in the kernel",
                    LostWhere::Output => "at the output, which did not keep up,",
                };
                let begin = format!("-- lost {} {events} {place} between ", lost.count);
                out.extend_from_slice(begin.as_bytes());
                out.extend_from_slice(self.stamp.text(wall.unix_ns(lost.from)));
                out.extend_from_slice(b" and ");
                out.extend_from_slice(self.stamp.text(wall.unix_ns(lost.to)));
                out.extend_from_slice(b" --");
            });
        });
        row.end();
    }
}

#[cfg(test)]
mod tests;
