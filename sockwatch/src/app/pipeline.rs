//! From records to output bytes: table, selection, sink.
//!
//! No I/O of its own and no clock: what comes in carries its time. The same records give the same
//! bytes, which is how the whole path is tested.

use crate::{
    enrich::cgroup::Paths,
    filter::{Facts, Selection},
    model::{
        Event, MonoNs, Owner, Seen, SocketKey, TcpState, Transition, WallClock,
        event::{Lost, LostWhere, SocketEvent, Start, Totals, TransitionEvent},
    },
    sink::Sink,
    source::{
        diag::SeedSocket,
        ebpf::{Malformed, Record},
    },
    table::{Entry, Table},
};

/// What the pipeline is made of.
pub struct Parts {
    /// Remembers the sockets.
    pub table: Table,
    /// What to show.
    pub selection: Selection,
    /// How to show it.
    pub sink: Sink,
    /// Names of cgroups; `None` where there are none to be had.
    pub cgroups: Option<Paths>,
    /// How many transitions to show before the rest is left out.
    pub count: Option<u64>,
}

/// The pipeline.
pub struct Pipeline {
    parts: Parts,
    totals: Totals,
    /// Losses not told of yet, because the output had no room: the kernel's, then the output's own.
    untold: [Option<Lost>; 2],
}

/// A row of the dump.
#[derive(Clone, Copy, Debug)]
pub struct SeedRow<'a> {
    /// The socket.
    pub socket: &'a SeedSocket,
    /// The process that holds it.
    pub owner: Option<Owner>,
    /// When the dump ended.
    pub at: MonoNs,
}

/// Where lines go, and the clock for their wall time.
pub struct Out<'a> {
    /// Bytes are added here.
    pub bytes: &'a mut Vec<u8>,
    /// The clock of this batch.
    pub wall: WallClock,
    /// Whether the output can take this batch; else its transitions are counted as lost.
    pub has_room: bool,
}

impl Pipeline {
    /// An empty pipeline.
    pub fn new(parts: Parts) -> Self {
        Self {
            parts,
            totals: Totals::default(),
            untold: [None; 2],
        }
    }

    /// The sockets known at the moment.
    pub fn table(&mut self) -> &mut Table {
        &mut self.parts.table
    }

    /// Whether as many transitions as were asked for have been shown.
    pub fn is_done(&self) -> bool {
        self.parts.count == Some(self.totals.emitted)
    }

    /// Prints the first line.
    pub fn start(&mut self, start: &Start, out: &mut Out<'_>) {
        self.parts
            .sink
            .write(&Event::Start(start), out.wall, out.bytes);
    }

    /// Takes in a socket that a dump shows, and prints it where `show` says so.
    pub fn seed(&mut self, row: &SeedRow<'_>, show: bool, out: &mut Out<'_>) {
        let SeedRow {
            socket: row,
            owner,
            at,
        } = row;
        let entry = Entry {
            key: SocketKey::seeded(row.proto, row.cookie, &row.tuple),
            proto: row.proto,
            tuple: row.tuple,
            netns: row.info.netns,
            state: row.state,
            since: Seen::NEVER,
            begin: Seen::NEVER,
            owner: *owner,
        };
        // Minisockets never pass through inet_sock_set_state: nothing would tell of their end.
        let is_mini = matches!(row.state, TcpState::TimeWait | TcpState::SynRecv);
        let is_news = is_mini || self.parts.table.seed(entry);
        let facts = Facts {
            proto: row.proto,
            family: row.tuple.family,
            netns: row.info.netns,
        };
        if !(show && is_news && self.parts.selection.shows_row(&facts, row.state)) {
            return;
        }
        let event = Event::Socket(SocketEvent {
            at: *at,
            proto: row.proto,
            tuple: &row.tuple,
            state: row.state,
            key: entry.key,
            info: &row.info,
            owner: entry.owner.as_ref(),
            cgroup: cgroup_path(&mut self.parts.cgroups, row.info.cgroup_id, *at),
        });
        self.parts.sink.write(&event, out.wall, out.bytes);
    }

    /// Takes in one record of the ring.
    pub fn record(&mut self, record: &Result<Record, Malformed>, out: &mut Out<'_>) {
        match record {
            Ok(Record::Transition(transition)) => self.transition(transition, out),
            Ok(Record::Destroy(gone)) => self.parts.table.destroy(gone.cookie, gone.sk),
            Err(Malformed) => self.totals.malformed_ring += 1,
        }
    }

    fn transition(&mut self, transition: &Transition, out: &mut Out<'_>) {
        let applied = self.parts.table.apply(transition);
        let facts = Facts {
            proto: transition.proto,
            family: transition.tuple.family,
            netns: transition.info.netns,
        };
        let left = (!transition.is_child()).then_some(transition.old);
        let shown = self
            .parts
            .selection
            .shows_transition(&facts, left, transition.new);
        if self.is_done() || !shown {
            self.totals.filtered += 1;
            return;
        }
        if !out.has_room {
            self.totals.lost_output += 1;
            let at = transition.at;
            self.remember(Lost {
                place: LostWhere::Output,
                count: 1,
                from: at,
                to: at,
            });
            return;
        }
        self.tell_losses(out);
        self.totals.emitted += 1;
        let event = Event::Transition(TransitionEvent {
            transition,
            tuple: &applied.tuple,
            dwell: applied.dwell,
            age: applied.age,
            owner: applied.owner.as_ref(),
            cause: applied.cause,
            errno: applied.errno,
            cgroup: cgroup_path(
                &mut self.parts.cgroups,
                transition.info.cgroup_id,
                transition.at,
            ),
        });
        self.parts.sink.write(&event, out.wall, out.bytes);
    }

    /// Says what was lost before it reached us.
    pub fn lost(&mut self, lost: Lost, out: &mut Out<'_>) {
        self.totals.lost_kernel += lost.count;
        self.remember(lost);
        self.tell_losses(out);
    }

    /// Adds a loss to those not told of yet.
    fn remember(&mut self, lost: Lost) {
        let untold = &mut self.untold[usize::from(lost.place == LostWhere::Output)];
        *untold = Some(match *untold {
            Some(before) => Lost {
                count: before.count + lost.count,
                to: lost.to,
                ..before
            },
            None => lost,
        });
    }

    /// Tells of the losses, once the output has room again.
    pub fn tell_losses(&mut self, out: &mut Out<'_>) {
        if !out.has_room {
            return;
        }
        for untold in &mut self.untold {
            if let Some(lost) = untold.take() {
                self.parts
                    .sink
                    .write(&Event::Lost(lost), out.wall, out.bytes);
            }
        }
    }

    /// Counts netlink messages that made no sense.
    pub fn malformed_netlink(&mut self, count: u64) {
        self.totals.malformed_netlink += count;
    }

    /// Everything counted so far; `events` is the kernel's own count.
    pub fn totals(&self, at: MonoNs, events: u64) -> Totals {
        Totals {
            at,
            events,
            sockets: self.parts.table.len() as u64,
            evicted: self.parts.table.evicted(),
            ..self.totals
        }
    }

    /// Prints a heartbeat.
    pub fn stats(&mut self, totals: Totals, out: &mut Out<'_>) {
        self.parts
            .sink
            .write(&Event::Stats(totals), out.wall, out.bytes);
    }

    /// Prints the last line.
    pub fn stop(&mut self, totals: Totals, out: &mut Out<'_>) {
        self.tell_losses(out);
        self.parts
            .sink
            .write(&Event::Stop(totals), out.wall, out.bytes);
    }
}

fn cgroup_path(paths: &mut Option<Paths>, id: Option<u64>, at: MonoNs) -> Option<&str> {
    paths.as_mut()?.path(id?, at)
}
