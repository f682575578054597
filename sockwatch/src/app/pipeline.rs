//! From records to output bytes: table, selection, filter, sink.
//!
//! No I/O of its own and no clock: what comes in carries its time. The same records give the same
//! bytes, which is how the whole path is tested.
//!
//! A filter is asked of the connection. Where it depends on what the kernel fills in later, the
//! transition is held until that is known, and then printed with its own time; lines of other
//! sockets don't wait for it.

mod held;

use std::ops::RangeInclusive;

use crate::{
    enrich::cgroup::Paths,
    filter::{Expr, Facts, Needs, Selection, Verdict, View},
    model::{
        Event, Mini, MiniEvent, MonoNs, Netid, Observed, Owner, Proto, SocketInfo, SocketKey,
        Transition, Tuple, WallClock,
        event::{Lost, LostWhere, SocketEvent, Start, Totals, TransitionEvent},
    },
    sink::Sink,
    source::{
        diag::SeedSocket,
        ebpf::{Item, Join, Malformed, Minis, Record, ResetReasons},
    },
    table::{Applied, Change, Look, Outcome, Seed, Table, ToLookAt},
};
use held::{Held, HeldEvent, pending};

pub use held::PendingSockets;

/// What the pipeline is made of.
pub struct Parts {
    /// Remembers the sockets.
    pub table: Table,
    /// What to show.
    pub selection: Selection,
    /// And what of that.
    pub filter: Expr,
    /// The ports that the kernel chooses from; for `autobound`.
    pub local_ports: RangeInclusive<u16>,
    /// Whether the kernel programs drop what can't match.
    pub prefiltered: bool,
    /// What the kernel programs tell beyond the changes of full sockets.
    pub minis: Minis,
    /// Why sockets send resets; empty where that is not told.
    pub reset_reasons: ResetReasons,
    /// Whether the kernel's own events are shown where they are merged.
    pub raw_events: bool,
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
    join: Join,
    /// What looks showed, until [`Join`] has handed over what came before them.
    looks: Option<(u64, Vec<Look>)>,
    /// Changes that no event of the kernel told of by itself.
    inferred: u64,
    /// Whether there is no filter.
    everything: bool,
    needs: Needs,
    held: Held,
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
    pub fn new(mut parts: Parts) -> Self {
        Self {
            everything: parts.filter == Expr::EVERYTHING,
            needs: parts.filter.needs(),
            join: Join::new(parts.minis.ports, std::mem::take(&mut parts.reset_reasons)),
            parts,
            looks: None,
            inferred: 0,
            held: Held::default(),
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
        let seed = Seed {
            key: SocketKey::seeded(row.proto, row.cookie, &row.tuple),
            proto: row.proto,
            tuple: row.tuple,
            state: row.state,
            info: row.info,
            owner: *owner,
            minisocket: row.minisocket,
            left: row.left,
            at: *at,
        };
        let is_news = self.parts.table.seed(&seed);
        let facts = Facts {
            proto: row.proto,
            family: row.tuple.family,
            netns: row.info.netns,
        };
        if !(show && is_news && self.parts.selection.shows_row(&facts, row.state)) {
            return;
        }
        let owner = seed.owner;
        let socket = (row.proto, &row.tuple, &row.info);
        if !self.everything
            && !self.ask(socket, *at, |filter, view| {
                filter.matches(&View {
                    owners: owner.as_slice(),
                    ..view
                })
            })
        {
            return;
        }
        let event = Event::Socket(SocketEvent {
            at: *at,
            proto: row.proto,
            tuple: &row.tuple,
            state: row.state,
            key: seed.key,
            info: &row.info,
            owner: seed.owner.as_ref(),
            cgroup: cgroup_path(&mut self.parts.cgroups, row.info.cgroup_id, *at),
        });
        self.parts.sink.write(&event, out.wall, out.bytes);
    }

    /// Takes in one record of the ring.
    pub fn record(&mut self, record: &Result<Record, Malformed>, out: &mut Out<'_>) {
        match record {
            Ok(record) => self.joined(out, |join, each| join.push(record, each)),
            Err(Malformed) => self.totals.malformed_ring += 1,
        }
    }

    /// When a minisocket has to be looked at, unless something is told before.
    pub fn look_due(&self) -> Option<MonoNs> {
        self.parts.table.look_due()
    }

    /// The first `limit` of those for which that is the case at `now`, longest due first.
    pub fn to_look_at(&self, now: MonoNs, limit: usize) -> impl Iterator<Item = ToLookAt> {
        self.parts.table.to_look_at(now, limit)
    }

    /// Takes in what looks at them showed. All that was in the ring by then must have been given to
    /// [`Pipeline::record`].
    pub fn looked(&mut self, looks: Vec<Look>, out: &mut Out<'_>) {
        let (held_up, _) = self.join.held_up();
        let before = self.looks.take().map(|(_, looks)| looks);
        let looks = before.into_iter().flatten().chain(looks).collect();
        self.looks = Some((held_up, looks));
        self.take_looks(out);
    }

    /// Takes in what looks showed, unless what came before them still waits for other records.
    fn take_looks(&mut self, out: &mut Out<'_>) {
        let (_, handed_over) = self.join.held_up();
        let ready = |(held_up, _): &mut (u64, Vec<Look>)| *held_up <= handed_over;
        let Some((_, looks)) = self.looks.take_if(ready) else {
            return;
        };
        for look in &looks {
            let changes = self.parts.table.looked(look);
            for change in changes.iter().flatten() {
                // No record told of it.
                self.inferred += 1;
                self.change(&change.transition, &change.applied, out);
            }
        }
    }

    /// When [`Pipeline::settle`] is to be called, unless more records come.
    pub fn due(&self) -> Option<MonoNs> {
        self.join.due()
    }

    /// Gives up waiting, at `now`, for records that should have followed others at once.
    pub fn settle(&mut self, now: MonoNs, out: &mut Out<'_>) {
        self.joined(out, |join, each| join.settle(now, each));
    }

    /// Has the join hand over what is complete.
    fn joined(
        &mut self,
        out: &mut Out<'_>,
        hand_over: impl FnOnce(&mut Join, &mut dyn FnMut(&Item)),
    ) {
        let mut join = std::mem::take(&mut self.join);
        hand_over(&mut join, &mut |item| self.item(item, out));
        self.join = join;
        if self.looks.is_some() {
            self.take_looks(out);
        }
    }

    fn item(&mut self, item: &Item, out: &mut Out<'_>) {
        match item {
            Item::Transition(transition) => self.transition(transition, out),
            Item::Destroy(gone) => {
                if !self.held.is_empty()
                    && let Some(event) = self.held.take(gone.sk)
                {
                    self.give_up(&event, out);
                }
                self.parts.table.destroy(gone.cookie, gone.sk);
            }
            Item::Mini(mini) => {
                let changes = self.parts.table.mini(&self.as_watched(mini));
                match changes {
                    [None, None] => self.totals.merged += 1,
                    [Some(_), Some(_)] => self.inferred += 1,
                    _ => {}
                }
                for Change {
                    transition,
                    applied,
                } in changes.iter().flatten()
                {
                    self.change(transition, applied, out);
                }
            }
            Item::Accepted(accepted) => {
                self.parts.table.accepted(accepted);
                self.totals.merged += 1;
            }
        }
    }

    /// The programs only say whether they have room for it.
    fn as_watched(&self, mini: &Mini) -> Mini {
        match mini.event {
            MiniEvent::Armed { watched } => Mini {
                event: MiniEvent::Armed {
                    watched: watched && self.parts.minis.fins,
                },
                ..*mini
            },
            _ => *mini,
        }
    }

    fn transition(&mut self, transition: &Transition, out: &mut Out<'_>) {
        match self.parts.table.apply(transition) {
            Outcome::Applied(applied) => self.change(transition, &applied, out),
            Outcome::Instead(Change {
                transition: instead,
                applied,
            }) => {
                if self.parts.raw_events {
                    self.inferred += 1;
                    self.raw(transition, out);
                }
                self.change(&instead, &applied, out);
            }
            Outcome::Merged if self.parts.raw_events => self.raw(transition, out),
            Outcome::Merged => self.totals.merged += 1,
        }
    }

    /// Shows an event that is merged, as the kernel told it.
    fn raw(&mut self, transition: &Transition, out: &mut Out<'_>) {
        let transition = Transition {
            observed: Observed::Raw,
            ..*transition
        };
        let applied = Applied::of(&transition);
        self.change(&transition, &applied, out);
    }

    fn change(&mut self, transition: &Transition, applied: &Applied, out: &mut Out<'_>) {
        if !self.held.is_empty()
            && let Some((event, goes_on)) = self.held.take_before(transition, &applied.tuple)
        {
            if goes_on {
                self.decide(&event, out);
            } else {
                self.give_up(&event, out);
            }
        }
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
        match self.verdict(transition, applied) {
            Verdict::Yes => self.show(transition, applied, out),
            Verdict::No => self.totals.filtered += 1,
            Verdict::Pending => self.hold(transition, applied, out),
        }
    }

    fn hold(&mut self, transition: &Transition, applied: &Applied, out: &mut Out<'_>) {
        let event = HeldEvent::new(transition, applied);
        if let Some(oldest) = self.held.push(&event) {
            self.decide(&oldest, out);
        }
    }

    fn verdict(&mut self, transition: &Transition, applied: &Applied) -> Verdict {
        if self.everything {
            return Verdict::Yes;
        }
        let socket = (transition.proto, &applied.tuple, &transition.info);
        self.ask(socket, transition.at, |filter, view| {
            filter.verdict(&of_transition(view, transition, applied))
        })
    }

    /// Decides on a transition that was held, with what is known now.
    fn decide(&mut self, event: &HeldEvent, out: &mut Out<'_>) {
        let HeldEvent {
            transition,
            applied,
            ..
        } = event;
        let socket = (transition.proto, &applied.tuple, &transition.info);
        let shown = !self.is_done()
            && self.ask(socket, transition.at, |filter, view| {
                filter.matches(&of_transition(view, transition, applied))
            });
        if shown {
            self.show(transition, applied, out);
        } else {
            self.totals.filtered += 1;
        }
    }

    /// Decides on a transition that was held to the end of its connection, of which nothing else
    /// came. What would have told the missing facts reaches us whenever the connection can match;
    /// the kernel programs have dropped it, and passed this one only because the socket may have
    /// been known from before.
    fn give_up(&mut self, event: &HeldEvent, out: &mut Out<'_>) {
        if self.parts.prefiltered && event.can_be_dropped_after() {
            self.totals.filtered += 1;
        } else {
            self.decide(event, out);
        }
    }

    /// Gives the filter, and a view of the socket with what is not the transition's.
    fn ask<T>(
        &mut self,
        (proto, tuple, info): (Proto, &Tuple, &SocketInfo),
        at: MonoNs,
        answer: impl FnOnce(&Expr, View<'_>) -> T,
    ) -> T {
        let cgroup = if self.needs.cgroup_path {
            cgroup_path(&mut self.parts.cgroups, info.cgroup_id, at)
        } else {
            None
        };
        // A protocol without a table has no service names either.
        let netid = Netid::try_from(proto).unwrap_or(Netid::Raw);
        let local_ports = &self.parts.local_ports;
        let view = View {
            cgroup,
            autobound: (tuple.sport != 0).then(|| local_ports.contains(&tuple.sport)),
            ..View::of_ip(netid, tuple, info)
        };
        answer(&self.parts.filter, view)
    }

    #[inline]
    fn show(&mut self, transition: &Transition, applied: &Applied, out: &mut Out<'_>) {
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
            closer: applied.closer.as_ref(),
            accept_wait: applied.accept_wait,
            synack_retrans: applied.synack_retrans,
            cgroup: cgroup_path(
                &mut self.parts.cgroups,
                transition.info.cgroup_id,
                transition.at,
            ),
        });
        self.parts.sink.write(&event, out.wall, out.bytes);
    }

    /// When the oldest of the transitions happened that wait for a port which a dump may show.
    pub fn pending_since(&self) -> Option<MonoNs> {
        self.held.oldest_to_look_up()
    }

    /// What such a dump has to cover: sockets in `syn-sent`.
    pub fn pending_sockets(&self) -> PendingSockets {
        self.held.to_look_up()
    }

    /// Takes the ports of waiting sockets from the rows of a dump that began at `begun`. All that
    /// was in the ring when it ended must have been given to [`Pipeline::record`].
    pub fn learn(&mut self, rows: &[SeedSocket], begun: MonoNs, out: &mut Out<'_>) {
        for event in self.held.look_up(rows, begun) {
            self.decide(&event, out);
        }
    }

    /// The trace is over: decides on what waits, with what is known.
    pub fn decide_held(&mut self, out: &mut Out<'_>) {
        while let Some(event) = self.held.pop() {
            self.decide(&event, out);
        }
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
            // A transition that was held happened before others that are already lost.
            Some(before) => Lost {
                count: before.count + lost.count,
                from: before.from.min(lost.from),
                to: before.to.max(lost.to),
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
        let merged = self.totals.merged + self.join.merged();
        Totals {
            at,
            events: (events + self.inferred).saturating_sub(merged),
            merged,
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

/// The view of a transition.
fn of_transition<'a>(socket: View<'a>, transition: &Transition, applied: &'a Applied) -> View<'a> {
    View {
        pending: pending(transition, &applied.tuple),
        owners: applied.owner.as_slice(),
        dwell: applied.dwell,
        age: applied.age,
        rtt: transition.tcp.and_then(|tcp| tcp.rtt()),
        retrans: transition.tcp.map(|tcp| tcp.retrans.into()),
        cause: applied.cause,
        ..socket
    }
}
