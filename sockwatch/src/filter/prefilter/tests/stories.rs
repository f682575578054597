//! Whole lives of sockets, seen once with every event and once with those that the programs let
//! through: what is shown has to be the same, and nothing may be left behind in the table.

mod made;

use std::{cell::Cell, net::IpAddr, num::NonZeroU64};

use proptest::prelude::*;
use sockwatch_common::filter::{Socket, drops, drops_mini};

use super::*;
use crate::{
    filter::{Facts, prefilter::address::words},
    model::{
        Comm, Context, Mini, MiniEnd, MiniEvent, MiniKind, MonoNs, Observed, SocketInfo, SocketKey,
        TcpState::*, Transition, Tuple,
    },
    table::{Applied, Change, Followed, Outcome, Table},
};
use made::{Connection, Story, expr, possible, selection, story, walk};

const CHOSEN: (u32, u32) = (32_768, 60_999);
const COOKIE: u64 = 77;
const SK: u64 = 0xffff_8880_0000_1000;
const MINI: u64 = 0xffff_8880_0000_3000;
const LISTENER_COOKIE: u64 = 5;

/// What the programs find in the socket at one event.
struct Found<'a> {
    story: &'a Story,
    num: u16,
    sport: u16,
    dport: u16,
    src: [u64; 2],
    dst: [u64; 2],
    has_cookie: bool,
    bare_seen: &'a Cell<bool>,
}

impl Socket for Found<'_> {
    fn protocol(&self) -> u16 {
        self.story.proto.number()
    }
    fn family(&self) -> u16 {
        self.story.family.number().into()
    }
    fn netns(&self) -> Option<u32> {
        Some(self.story.netns)
    }
    fn num(&self) -> u16 {
        self.num
    }
    fn sport(&self) -> u16 {
        self.sport
    }
    fn dport(&self) -> u16 {
        self.dport
    }
    fn src(&self) -> [u64; 2] {
        self.src
    }
    fn dst(&self) -> [u64; 2] {
        self.dst
    }
    fn local_ports(&self) -> (u32, u32) {
        if self.story.tells_ports {
            CHOSEN
        } else {
            (0, 65_535)
        }
    }
    fn may_be_known(&self) -> bool {
        self.has_cookie && self.sport != 0
    }
    fn note_bare_child(&self) {
        self.bare_seen.set(true);
    }
    fn children_are_bare(&self) -> bool {
        self.bare_seen.get()
    }
}

fn in_memory(address: IpAddr) -> [u64; 2] {
    words(match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    })
}

fn unspecified(family: Family) -> IpAddr {
    match family {
        Family::Inet => IpAddr::from([0; 4]),
        Family::Inet6 => IpAddr::from([0; 16]),
    }
}

fn transition(
    story: &Story,
    (old, new): (TcpState, TcpState),
    at: u64,
    cookie: Option<NonZeroU64>,
    tuple: Tuple,
) -> Transition {
    let cookie = cookie.map_or(0, NonZeroU64::get);
    Transition {
        at: MonoNs(at),
        key: SocketKey::new(story.proto, cookie, SK),
        sk: SK,
        proto: story.proto,
        tuple,
        old,
        new,
        info: SocketInfo {
            netns: Some(story.netns),
            inode: Some(9),
            ..SocketInfo::default()
        },
        sk_err: Some(0),
        shutdown: Some(3),
        dead: Some(false),
        done: Some(false),
        context: Some(Context {
            pid: u32::try_from(at).unwrap(),
            comm: Comm::from_kernel([b'x'; 16]),
            kernel_thread: false,
        }),
        reset: None,
        tcp: None,
        observed: Observed::Event,
    }
}

/// What one of the two observers knows.
struct Observer {
    table: Table,
    has_cookie: bool,
}

impl Observer {
    fn new(listener: &Transition) -> Self {
        let mut table = Table::new(100, Followed::ALL);
        table.apply(listener);
        Self {
            table,
            has_cookie: false,
        }
    }

    fn apply(&mut self, transition: &Transition) -> Vec<Change> {
        match self.table.apply(transition) {
            Outcome::Applied(applied) => vec![Change {
                transition: *transition,
                applied,
            }],
            Outcome::Instead(change) => vec![change],
            Outcome::Merged => Vec::new(),
        }
    }

    fn mini(&mut self, mini: &Mini) -> Vec<Change> {
        self.table.mini(mini).into_iter().flatten().collect()
    }
}

/// The listener that every story begins with.
fn listener(story: &Story) -> Transition {
    let none = unspecified(story.family);
    let listening = Tuple {
        family: story.family,
        src: none,
        sport: 443,
        dst: none,
        dport: 0,
    };
    let sk = SK + 0x1000;
    Transition {
        key: SocketKey::new(story.proto, LISTENER_COOKIE, sk),
        sk,
        ..transition(story, (Close, Listen), 1, None, listening)
    }
}

/// What the programs find at a change of a connection, and the event that they would make of it.
/// `last_sport` is the port of the connection that the socket had before.
fn change<'a>(
    story: &'a Story,
    connection: &Connection,
    (old, new): (TcpState, TcpState),
    at: u64,
    last_sport: u16,
    bare_seen: &'a Cell<bool>,
) -> (Found<'a>, Transition) {
    let opens = (old, new) == (Close, SynSent);
    let bare = is_bare(story, old);
    let hidden = story.proto == Proto::Mptcp && opens || bare;
    let num = if !connection.bound && (opens || new == Close) {
        0
    } else {
        connection.sport
    };
    let sport = if opens && !connection.bound {
        last_sport
    } else {
        connection.sport
    };
    let (src, dst) = if hidden {
        let none = unspecified(story.family);
        (none, none)
    } else {
        (connection.src, connection.dst)
    };
    let found = Found {
        story,
        num,
        sport,
        dport: if hidden { 0 } else { connection.dport },
        src: in_memory(src),
        dst: in_memory(dst),
        has_cookie: false,
        bare_seen,
    };
    let tuple = Tuple {
        family: story.family,
        src,
        sport: if opens { num } else { sport },
        dst,
        dport: found.dport,
    };
    let cookie = NonZeroU64::new(COOKIE).filter(|_| !bare);
    (found, transition(story, (old, new), at, cookie, tuple))
}

/// Whether nothing is filled in yet at the change from `old`.
fn is_bare(story: &Story, old: TcpState) -> bool {
    old == Listen && story.bare_children
}

/// What happens to the connection's minisockets before its change from `old` to `new`, and after.
fn minis(
    story: &Story,
    connection: &Connection,
    (old, new): (TcpState, TcpState),
    at: u64,
) -> (Option<Mini>, Vec<Mini>) {
    let mini = |kind, after, event| Mini {
        at: MonoNs(at + after),
        address: MINI,
        cookie: match kind {
            MiniKind::TimeWait { .. } => NonZeroU64::new(COOKIE),
            MiniKind::Request { .. } => None,
        },
        tuple: Tuple {
            family: story.family,
            src: connection.src,
            sport: connection.sport,
            dst: connection.dst,
            dport: connection.dport,
        },
        info: SocketInfo {
            netns: Some(story.netns),
            ..SocketInfo::default()
        },
        kind,
        event,
    };
    let armed = MiniEvent::Armed { watched: true };
    let timewait = |substate| MiniKind::TimeWait { substate };
    match (old, new) {
        _ if story.proto != Proto::Tcp || !connection.minisockets => (None, Vec::new()),
        (Listen, _) => {
            let kind = MiniKind::Request {
                listener: NonZeroU64::new(LISTENER_COOKIE),
                synack_retrans: 0,
            };
            let gone = mini(kind, 2, MiniEvent::Gone(MiniEnd::Cancelled));
            (Some(mini(kind, 0, armed)), vec![gone])
        }
        (FinWait2, Close) => {
            let fin = mini(timewait(TimeWait), 2, MiniEvent::Fin);
            let gone = mini(timewait(TimeWait), 4, MiniEvent::Gone(MiniEnd::Expired));
            (Some(mini(timewait(FinWait2), 0, armed)), vec![fin, gone])
        }
        (Closing, Close) => {
            let gone = mini(timewait(TimeWait), 4, MiniEvent::Gone(MiniEnd::Reset));
            (Some(mini(timewait(TimeWait), 0, armed)), vec![gone])
        }
        _ => (None, Vec::new()),
    }
}

/// Tells the story to both; panics where what is shown differs.
fn tell(story: &Story, selection: &Selection, expr: &Expr) {
    let filter = Prefilter::new(selection, expr).map_or(Filter::NONE, |pre| pre.to_kernel());
    let listener = listener(story);
    let (mut full, mut part) = (Observer::new(&listener), Observer::new(&listener));
    let bare_seen = Cell::new(false);
    let (mut at, mut last_sport) = (10, 0);
    for connection in &story.connections {
        let can_match = possible(expr, story, connection);
        let compare = |full: &[Change], part: &[Change]| {
            if can_match {
                assert_same(
                    &shown(story, selection, full),
                    &shown(story, selection, part),
                );
            }
        };
        for (old, new) in walk(connection) {
            at += 10;
            let (found, event) = change(story, connection, (old, new), at, last_sport, &bare_seen);
            let found = Found {
                has_cookie: part.has_cookie,
                ..found
            };
            let as_mini = Found {
                num: connection.sport,
                dport: connection.dport,
                src: in_memory(connection.src),
                dst: in_memory(connection.dst),
                ..found
            };
            let tell_mini = |full: &mut Observer, part: &mut Observer, mini: &Mini| {
                let passed = !drops_mini(&filter, &as_mini);
                let seen = if passed { part.mini(mini) } else { Vec::new() };
                compare(&full.mini(mini), &seen);
            };
            let (before, after) = minis(story, connection, (old, new), at);
            if let Some(mini) = &before {
                tell_mini(&mut full, &mut part, mini);
            }
            let passed = !drops(&filter, &found, old.number(), new.number());
            let seen = if passed {
                part.apply(&event)
            } else {
                Vec::new()
            };
            part.has_cookie |= passed && !is_bare(story, old);
            compare(&full.apply(&event), &seen);
            for mini in &after {
                tell_mini(&mut full, &mut part, mini);
            }
            last_sport = connection.sport;
        }
    }
    if part.has_cookie {
        part.table.destroy(COOKIE, SK);
    }
    assert_eq!(part.table.len(), 1, "only the listener is left");
}

fn shown(story: &Story, selection: &Selection, changes: &[Change]) -> Vec<Change> {
    let facts = Facts {
        proto: story.proto,
        family: story.family,
        netns: Some(story.netns),
    };
    let shows = |change: &&Change| {
        let Transition { old, new, .. } = change.transition;
        let left = (!change.transition.is_child()).then_some(old);
        selection.shows_transition(&facts, left, new)
    };
    changes.iter().filter(shows).copied().collect()
}

fn assert_same(full: &[Change], part: &[Change]) {
    assert_eq!(full.len(), part.len(), "what is shown was dropped");
    for (full, part) in full.iter().zip(part) {
        assert_eq!(full.transition, part.transition);
        // The end of a connection that does not match is not told.
        let untold = full.transition.old == Close && part.applied.dwell.is_none();
        let dwell = full.applied.dwell.filter(|_| !untold);
        assert_eq!(
            part.applied,
            Applied {
                dwell,
                ..full.applied
            }
        );
    }
}

/// Whether `filter` drops the first event of a connection from port `num`, 0 where the kernel is to
/// choose, of a socket that has been used before if it has a cookie.
pub(super) fn opening_is_dropped(filter: &Filter, num: u16, has_cookie: bool) -> bool {
    let story = Story {
        proto: Proto::Tcp,
        family: Family::Inet,
        netns: 1,
        bare_children: false,
        tells_ports: true,
        connections: Vec::new(),
    };
    let found = Found {
        story: &story,
        num,
        sport: num,
        dport: 443,
        src: in_memory(IpAddr::from([10, 0, 0, 1])),
        dst: in_memory(IpAddr::from([10, 0, 0, 2])),
        has_cookie,
        bare_seen: &Cell::new(false),
    };
    drops(filter, &found, Close.number(), SynSent.number())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn what_is_dropped_matters_to_nobody(
        story in story(),
        selection in selection(),
        expr in expr(),
    ) {
        tell(&story, &selection, &expr);
    }
}
