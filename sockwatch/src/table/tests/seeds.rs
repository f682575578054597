//! Rows of a dump, and the stream that knows better.

use super::*;

fn seeded(socket: Socket, state: TcpState) -> Seed {
    let event = socket.event(0, 0, state, state);
    Seed {
        key: SocketKey::seeded(socket.proto, socket.cookie, &event.tuple),
        proto: socket.proto,
        tuple: event.tuple,
        state,
        info: event.info,
        owner: None,
        minisocket: false,
        left: None,
        at: MonoNs(1),
    }
}

fn seeded_mini(socket: Socket, state: TcpState) -> Seed {
    Seed {
        minisocket: true,
        ..seeded(socket, state)
    }
}

#[test]
fn the_stream_wins_over_the_dump() {
    use TcpState::{Close, CloseWait, Established, SynSent};
    let mut table = Table::new(10, Followed::ALL);
    table.begin_seed();
    table.plain(&CLIENT_SOCKET.event(1, CLIENT, Close, SynSent));
    assert!(!table.seed(&seeded(CLIENT_SOCKET, Established)));
    table.plain(&CHILD.event(2, CLIENT, Established, Close));
    table.destroy(CHILD.cookie, CHILD.sk);
    assert!(
        !table.seed(&seeded(CHILD, Established)),
        "it has gone since the dump saw it"
    );
    assert!(table.seed(&seeded(LISTENER, TcpState::Listen)));
    table.end_seed();
    assert_eq!(table.len(), 2);
    let child = Socket {
        cookie: 7,
        sk: 0x70,
        ..CHILD
    };
    table.seed(&seeded(child, Established));
    let known = table.plain(&child.event(5, 0, Established, CloseWait));
    assert_eq!(
        (known.dwell, known.age),
        (None, None),
        "its begin was not seen"
    );
}

#[test]
fn a_seeded_mptcp_socket_is_found_by_its_tuple() {
    use TcpState::{Close, Established};
    let mut table = Table::new(10, Followed::ALL);
    let socket = Socket {
        proto: Proto::Mptcp,
        ..CHILD
    };
    let sibling = Socket {
        dport: 41000,
        sk: 0x31,
        ..socket
    };
    assert!(table.seed(&seeded(socket, Established)));
    assert!(
        table.seed(&seeded(sibling, Established)),
        "one cookie, two sockets"
    );
    table.plain(&socket.event(5, 0, Established, Close));
    assert_eq!(table.len(), 1);
}

#[test]
fn seeded_minisockets_come_to_their_end() {
    use TcpState::{FinWait2, SynRecv, TimeWait};
    let mut story = Story::new(Followed::ALL);
    let waiting = Socket {
        cookie: 6,
        sport: 41_000,
        ..CLIENT_SOCKET
    };
    assert!(story.table.seed(&seeded(LISTENER, TcpState::Listen)));
    assert!(story.table.seed(&seeded_mini(CHILD, SynRecv)));
    assert!(story.table.seed(&seeded_mini(CLIENT_SOCKET, TimeWait)));
    assert!(story.table.seed(&seeded_mini(waiting, FinWait2)));
    let soon: Vec<_> = story.table.to_look_at(MonoNs(SECOND), 9).collect();
    assert_eq!(soon.len(), 1);
    assert_eq!(soon[0].state, FinWait2);
    // A FIN that a segment alone tells of: no cookie, no address, no family.
    let mut bare = time_wait(waiting, 100, TimeWait, MiniEvent::Fin);
    (bare.address, bare.cookie) = (0, None);
    bare.tuple.family = Family::Inet6;
    story.mini(&bare);
    assert_eq!(story.due(), Some(1 + 68 * SECOND), "its end is told");
    story.mini(&time_wait(waiting, 200, TimeWait, gone(MiniEnd::Expired)));
    story.time_wait(300, TimeWait, gone(MiniEnd::Reset));
    story.request(400, 3, gone(MiniEnd::Expired));
    story.said(&[
        "fin-wait-2>time-wait timer dwell=- age=- - -",
        "time-wait>closed timer dwell=100 age=- finished -",
        "time-wait>closed timer dwell=- age=- reset-by-peer -",
        "syn-recv>closed timer dwell=- age=- timed-out - synacks=3",
    ]);
    assert!(story.table.minis.is_empty());
}

#[test]
fn seeded_minisockets_are_overdue_when_what_they_had_left_is_over() {
    use TcpState::{SynRecv, TimeWait};
    for (state, left, due, end) in [
        (
            TimeWait,
            Some(3_000),
            5,
            "time-wait>closed poll dwell=- age=- finished -",
        ),
        (
            TimeWait,
            None,
            68,
            "time-wait>closed poll dwell=- age=- finished -",
        ),
        (
            SynRecv,
            Some(7_500),
            9,
            "syn-recv>closed poll dwell=- age=- - -",
        ),
    ] {
        let mut story = Story::new(Followed::ALL);
        assert!(story.table.seed(&Seed {
            left: left.map(Nanos::from_ms),
            ..seeded_mini(CHILD, state)
        }));
        let soonest = story.due().unwrap();
        assert_eq!(soonest / SECOND, due, "{state:?}");
        story.look(soonest, None);
        story.said(&[end]);
        story.is_over();
    }
}

#[test]
fn a_seeded_half_open_connection_becomes_its_child() {
    use TcpState::{Established, Listen, SynRecv};
    let mut story = Story::server(Followed::ALL);
    assert!(story.table.seed(&seeded_mini(CHILD, SynRecv)));
    story.event(&CHILD.event(110, 999, Listen, SynRecv));
    story.event(&CHILD.event(115, 999, SynRecv, Established));
    story.said(&["syn-recv>established event dwell=- age=- - 200:inherited"]);
    assert_eq!(story.table.len(), 2);
}

#[test]
fn a_seeded_half_open_connection_knows_its_listener() {
    use TcpState::{Close, Listen, SynRecv};
    let mut story = Story::server(Followed::ALL);
    story.table.seed(&seeded_mini(CHILD, SynRecv));
    story.event(&LISTENER.event(150, SERVER, Listen, Close));
    story.lines.clear();
    story.request(300, 0, gone(MiniEnd::Expired));
    story.said(&["syn-recv>closed timer dwell=- age=- unaccepted - synacks=0"]);
}

#[test]
fn rows_of_minisockets_that_the_stream_knows_say_nothing_new() {
    use TcpState::{Close, FinWait2, SynRecv, TimeWait};
    let mut story = Story::closed_client(Followed::ALL);
    story.table.begin_seed();
    story.time_wait(114, TimeWait, ARMED);
    story.event(&CLIENT_SOCKET.orphan(115, FinWait2, Close));
    assert!(!story.table.seed(&seeded_mini(CLIENT_SOCKET, TimeWait)));
    // It had no cookie when we heard of it; the dump made one.
    story.request(120, 0, ARMED);
    assert!(!story.table.seed(&seeded_mini(CHILD, SynRecv)));
    let with_cookie = |mini: Mini| Mini {
        cookie: NonZeroU64::new(CHILD.cookie),
        ..mini
    };
    story.mini(&with_cookie(request(200, 0, gone(MiniEnd::Expired))));
    story.time_wait(210, TimeWait, gone(MiniEnd::Expired));
    assert!(!story.table.seed(&seeded_mini(CHILD, SynRecv)));
    assert!(!story.table.seed(&seeded_mini(CLIENT_SOCKET, TimeWait)));
    story.is_over();
}

#[test]
fn a_row_of_a_minisocket_that_ended_meanwhile_says_nothing_new() {
    use TcpState::TimeWait;
    let mut story = Story::new(Followed::ALL);
    story.table.begin_seed();
    story.time_wait(210, TimeWait, gone(MiniEnd::Expired));
    assert!(!story.table.seed(&seeded_mini(CLIENT_SOCKET, TimeWait)));
    story.table.end_seed();
    assert!(story.table.seed(&seeded_mini(CLIENT_SOCKET, TimeWait)));
}

#[test]
fn what_matters_to_nothing_is_not_remembered() {
    use TcpState::{SynRecv, TimeWait};
    let mut story = Story::new(Followed {
        requests: Follow::Ignored,
        timewaits: Follow::Ignored,
    });
    for state in [SynRecv, TimeWait] {
        assert!(story.table.seed(&seeded_mini(CHILD, state)));
    }
    story.is_over();
}

#[test]
fn the_stream_may_be_behind_the_dump() {
    use TcpState::{Close, Established, FinWait1, FinWait2, SynSent, TimeWait};
    // Held back until the dump was read: the whole life of what that shows in `time-wait`.
    let mut story = Story::new(Followed::ALL);
    story.table.seed(&seeded_mini(CLIENT_SOCKET, TimeWait));
    story.event(&CLIENT_SOCKET.event(10, CLIENT, Close, SynSent));
    story.event(&CLIENT_SOCKET.event(20, 999, SynSent, Established));
    story.event(&CLIENT_SOCKET.event(100, CLIENT, Established, FinWait1));
    story.event(&CLIENT_SOCKET.orphan(110, FinWait1, FinWait2));
    story.lines.clear();
    story.time_wait(112, TimeWait, ARMED);
    story.event(&CLIENT_SOCKET.orphan(115, FinWait2, Close));
    story.said(&["fin-wait-2>time-wait event dwell=5 age=105 - 100:connect"]);
    assert_eq!(story.table.len(), 1);
    // The same, of which only the end was held back.
    let mut story = Story::new(Followed::ALL);
    story.table.seed(&seeded_mini(CLIENT_SOCKET, TimeWait));
    story.time_wait(112, FinWait2, ARMED);
    story.event(&CLIENT_SOCKET.orphan(115, FinWait2, Close));
    story.time_wait(120, TimeWait, MiniEvent::Fin);
    story.said(&[]);
    story.table.destroy(CLIENT_SOCKET.cookie, CLIENT_SOCKET.sk);
    story.time_wait(200, TimeWait, gone(MiniEnd::Expired));
    story.said(&["time-wait>closed timer dwell=- age=- finished -"]);
    story.is_over();
}

#[test]
fn without_timers_seeded_minisockets_have_to_be_looked_at() {
    use TcpState::{FinWait2, SynRecv, TimeWait};
    for state in [SynRecv, FinWait2, TimeWait] {
        let mut story = Story::new(Followed::NONE);
        story.table.seed(&seeded_mini(CLIENT_SOCKET, state));
        story.look(500, Some(state));
        story.look(1_000, None);
        let end = format!("{}>closed poll dwell=- age=- - -", state.word());
        story.said(&[&end]);
        story.is_over();
    }
}

#[test]
fn a_full_socket_that_a_dump_shows_in_syn_recv_goes_on_as_one() {
    use TcpState::{Established, SynRecv};
    let mut story = Story::new(Followed::ALL);
    story.table.seed(&seeded_mini(CHILD, SynRecv));
    story.event(&CHILD.event(115, 999, SynRecv, Established));
    story.said(&["syn-recv>established event dwell=- age=- - -"]);
    story.table.destroy(CHILD.cookie, CHILD.sk);
    story.is_over();
}
