//! Sockets and minisockets for the tests, and how their lines are written there.

mod causes;
mod chaos;
mod half_open;
mod inferred;
mod leaving;
mod lives;
mod old_kernels;
mod overdue;
mod owners;
mod seeds;
mod time_wait;

use std::{
    net::Ipv4Addr,
    num::{NonZero, NonZeroU64},
};

use super::*;
use crate::model::{
    Cause, Comm, Context, Errno, Family, How, MiniEnd, MiniEvent, MonoNs, Nanos, Observed, Owner,
    SocketInfo, TcpNumbers,
};

const SECOND: u64 = 1_000_000_000;

const SERVER: u32 = 200;
const CLIENT: u32 = 100;

/// Builds the events of one socket as the kernel would send them.
#[derive(Clone, Copy, Debug)]
struct Socket {
    cookie: u64,
    sk: u64,
    sport: u16,
    dport: u16,
    proto: Proto,
}

fn context(pid: u32) -> Context {
    Context {
        pid,
        comm: Comm::from_bytes(b"test"),
        kernel_thread: false,
    }
}

impl Socket {
    /// The state of a socket at the end of its life, which nobody holds any more.
    fn orphan(self, at: u64, old: TcpState, new: TcpState) -> Transition {
        let event = self.event(at, 999, old, new);
        Transition {
            info: SocketInfo {
                inode: Some(0),
                ..event.info
            },
            shutdown: Some(3),
            dead: Some(true),
            ..event
        }
    }

    fn event(self, at: u64, pid: u32, old: TcpState, new: TcpState) -> Transition {
        let dst = if self.dport == 0 {
            Ipv4Addr::UNSPECIFIED
        } else {
            Ipv4Addr::LOCALHOST
        };
        Transition {
            at: MonoNs(at),
            key: SocketKey::new(self.proto, self.cookie, self.sk),
            sk: self.sk,
            proto: self.proto,
            tuple: Tuple {
                family: Family::Inet,
                src: Ipv4Addr::LOCALHOST.into(),
                sport: self.sport,
                dst: dst.into(),
                dport: self.dport,
            },
            old,
            new,
            info: SocketInfo {
                netns: Some(1),
                inode: Some(5),
                ..SocketInfo::default()
            },
            sk_err: Some(0),
            shutdown: Some(0),
            dead: Some(false),
            done: Some(false),
            context: Some(context(pid)),
            reset: None,
            tcp: None,
            observed: Observed::Event,
        }
    }
}

const CLIENT_SOCKET: Socket = Socket {
    cookie: 1,
    sk: 0x10,
    sport: 40000,
    dport: 80,
    proto: Proto::Tcp,
};
const LISTENER: Socket = Socket {
    cookie: 2,
    sk: 0x20,
    sport: 80,
    dport: 0,
    proto: Proto::Tcp,
};
const CHILD: Socket = Socket {
    cookie: 3,
    sk: 0x30,
    sport: 80,
    dport: 40000,
    proto: Proto::Tcp,
};

fn owner_of(applied: &Applied) -> Option<(u32, How)> {
    applied.owner.map(|owner| (owner.pid, owner.how))
}

impl Table {
    /// Of an event that means what it says.
    fn plain(&mut self, transition: &Transition) -> Applied {
        match self.apply(transition) {
            Outcome::Applied(applied) => applied,
            other => panic!("{other:?}"),
        }
    }
}

/// Addresses of minisockets.
const REQUEST: u64 = 0x80;
const TIME_WAIT: u64 = 0x90;

/// What a process left of `socket`.
fn time_wait(socket: Socket, at: u64, substate: TcpState, event: MiniEvent) -> Mini {
    let full = socket.event(at, 0, TcpState::Close, TcpState::Close);
    Mini {
        at: MonoNs(at),
        address: TIME_WAIT,
        cookie: NonZeroU64::new(socket.cookie),
        tuple: full.tuple,
        info: SocketInfo {
            netns: full.info.netns,
            ..SocketInfo::default()
        },
        kind: MiniKind::TimeWait { substate },
        event,
    }
}

/// What [`CHILD`] was before.
fn request(at: u64, synack_retrans: u8, event: MiniEvent) -> Mini {
    Mini {
        address: REQUEST,
        cookie: None,
        kind: MiniKind::Request {
            listener: NonZeroU64::new(LISTENER.cookie),
            synack_retrans,
        },
        ..time_wait(CHILD, at, TcpState::TimeWait, event)
    }
}

const ARMED: MiniEvent = MiniEvent::Armed { watched: true };

fn gone(end: MiniEnd) -> MiniEvent {
    MiniEvent::Gone(end)
}

/// What a look finds, of which it does not tell more than the state.
fn in_state(state: TcpState) -> Found {
    Found {
        state,
        cookie: None,
        left: None,
    }
}

/// Plays items to a table, and keeps what it says as lines: states, how it was observed, dwell, age,
/// cause, owner, and what else there is.
struct Story {
    table: Table,
    lines: Vec<String>,
}

impl Story {
    fn new(followed: Followed) -> Self {
        Self {
            table: Table::new(10, followed),
            lines: Vec::new(),
        }
    }

    /// With a listener.
    fn server(followed: Followed) -> Self {
        let mut story = Self::new(followed);
        story
            .table
            .apply(&LISTENER.event(1, SERVER, TcpState::Close, TcpState::Listen));
        story
    }

    /// A client that has closed its side at 100, which its peer has acknowledged at 110.
    fn closed_client(followed: Followed) -> Self {
        use TcpState::{Close, Established, FinWait1, FinWait2, SynSent};
        let mut story = Self::new(followed);
        story.event(&CLIENT_SOCKET.event(10, CLIENT, Close, SynSent));
        story.event(&CLIENT_SOCKET.event(20, 999, SynSent, Established));
        story.event(&CLIENT_SOCKET.event(100, CLIENT, Established, FinWait1));
        story.event(&CLIENT_SOCKET.orphan(110, FinWait1, FinWait2));
        story.lines.clear();
        story
    }

    fn event(&mut self, transition: &Transition) {
        match self.table.apply(transition) {
            Outcome::Applied(applied) => self.line(&Change {
                transition: *transition,
                applied,
            }),
            Outcome::Instead(change) => self.line(&change),
            Outcome::Merged => {}
        }
    }

    fn mini(&mut self, mini: &Mini) {
        let changes = self.table.mini(mini);
        self.changes(&changes);
    }

    fn time_wait(&mut self, at: u64, substate: TcpState, event: MiniEvent) {
        self.mini(&time_wait(CLIENT_SOCKET, at, substate, event));
    }

    fn request(&mut self, at: u64, synack_retrans: u8, event: MiniEvent) {
        self.mini(&request(at, synack_retrans, event));
    }

    /// Looks at the only one there is to look at.
    #[track_caller]
    fn look(&mut self, at: u64, found: Option<TcpState>) {
        self.look_closely(at, found.map(in_state));
    }

    #[track_caller]
    fn look_closely(&mut self, at: u64, found: Option<Found>) {
        let all: Vec<_> = self.table.to_look_at(MonoNs(u64::MAX), 9).collect();
        let [wanted] = all[..] else {
            panic!("{all:?}");
        };
        let changes = self.table.looked(&wanted.seen(found, MonoNs(at)));
        self.changes(&changes);
    }

    /// When the next look is due.
    fn due(&self) -> Option<u64> {
        self.table.look_due().map(|due| due.0)
    }

    fn changes(&mut self, changes: &[Option<Change>; 2]) {
        for change in changes.iter().flatten() {
            self.line(change);
        }
    }

    fn line(&mut self, change: &Change) {
        let Change {
            transition,
            applied,
        } = change;
        let number = |span: Option<Nanos>| span.map_or("-".to_owned(), |span| span.0.to_string());
        let who = |owner: Owner| format!("{}:{}", owner.pid, owner.how.word());
        let mut line = format!(
            "{}>{} {} dwell={} age={} {} {}",
            transition.old.word(),
            transition.new.word(),
            transition.observed.word(),
            number(applied.dwell),
            number(applied.age),
            applied.cause.map_or("-", Cause::word),
            applied.owner.map_or("-".to_owned(), who),
        );
        let closer = applied
            .closer
            .map(|closer| format!(" closer={}", closer.pid));
        let wait = applied.accept_wait.map(|wait| format!(" wait={}", wait.0));
        let count = applied.synack_retrans;
        let count = count.map(|count| format!(" synacks={count}"));
        line.extend([closer, wait, count].into_iter().flatten());
        self.lines.push(line);
    }

    /// What has been said since the last time.
    #[track_caller]
    fn said(&mut self, expected: &[&str]) {
        assert_eq!(self.lines, expected);
        self.lines.clear();
    }

    /// Nothing is left of anything.
    #[track_caller]
    fn is_over(&self) {
        assert!(self.table.is_empty() && self.table.minis.is_empty());
        assert!(self.table.newborn.is_empty() && self.table.parked.is_empty());
    }
}
