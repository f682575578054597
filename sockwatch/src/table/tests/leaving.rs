//! What is lost, unknown or in disorder on the way from a full socket to its minisocket and beyond.

use TcpState::{Close, Established, FinWait1, FinWait2, SynSent, TimeWait};

use super::*;

#[test]
fn a_lost_close_is_made_up_for_at_the_end() {
    let mut story = Story::closed_client(Followed::ALL);
    story.time_wait(114, TimeWait, ARMED);
    story.table.destroy(CLIENT_SOCKET.cookie, CLIENT_SOCKET.sk);
    story.time_wait(60_114, TimeWait, gone(MiniEnd::Expired));
    story.said(&[
        "fin-wait-2>time-wait poll dwell=60004 age=60104 - 100:connect",
        "time-wait>closed timer dwell=- age=60104 finished 100:connect",
    ]);
    story.is_over();
}

#[test]
fn a_lost_close_is_made_up_for_when_the_fin_is_sent_again() {
    let mut story = Story::closed_client(Followed::ALL);
    story.time_wait(114, TimeWait, ARMED);
    story.time_wait(400, TimeWait, ARMED);
    story.said(&["fin-wait-2>time-wait poll dwell=290 age=390 - 100:connect"]);
}

#[test]
fn a_lost_fin_is_made_up_for() {
    let mut story = Story::closed_client(Followed::ALL);
    story.time_wait(112, FinWait2, ARMED);
    story.event(&CLIENT_SOCKET.orphan(115, FinWait2, Close));
    story.time_wait(61_000, TimeWait, gone(MiniEnd::Expired));
    story.said(&[
        "fin-wait-2>time-wait poll dwell=60890 age=60990 - 100:connect",
        "time-wait>closed timer dwell=- age=60990 finished 100:connect",
    ]);
    story.is_over();
}

#[test]
fn states_that_were_lost_are_made_up_for() {
    let mut story = Story::new(Followed::ALL);
    story.event(&CLIENT_SOCKET.event(10, CLIENT, Close, SynSent));
    story.event(&CLIENT_SOCKET.event(20, 999, SynSent, Established));
    story.lines.clear();
    // Lost: fin-wait-1, fin-wait-2, the minisocket's begin, the full socket's end.
    story.time_wait(2_000, TimeWait, MiniEvent::Fin);
    story.said(&[
        "established>fin-wait-2 poll dwell=1980 age=1990 - 100:connect",
        "fin-wait-2>time-wait timer dwell=- age=1990 - 100:connect",
    ]);
    story.table.destroy(CLIENT_SOCKET.cookie, CLIENT_SOCKET.sk);
    story.time_wait(62_000, TimeWait, gone(MiniEnd::Expired));
    story.said(&["time-wait>closed timer dwell=60000 age=61990 finished 100:connect"]);
    story.is_over();
}

#[test]
fn a_lost_begin_looks_like_no_room_and_is_told_once() {
    let mut story = Story::closed_client(Followed::ALL);
    story.event(&CLIENT_SOCKET.orphan(115, FinWait2, Close));
    story.lines.clear();
    story.time_wait(2_000, TimeWait, MiniEvent::Fin);
    story.time_wait(2_000, TimeWait, gone(MiniEnd::Expired));
    story.said(&[]);
    story.table.destroy(CLIENT_SOCKET.cookie, CLIENT_SOCKET.sk);
    story.is_over();
}

#[test]
fn what_was_not_known_at_all() {
    let mut story = Story::new(Followed::ALL);
    // A full socket whose events did not reach us.
    story.time_wait(100, TimeWait, ARMED);
    story.said(&[]);
    story.event(&CLIENT_SOCKET.orphan(101, FinWait2, Close));
    story.said(&["fin-wait-2>time-wait event dwell=- age=- - -"]);
    story.time_wait(60_100, TimeWait, gone(MiniEnd::Expired));
    story.said(&["time-wait>closed timer dwell=59999 age=- finished -"]);
    // First heard of at its FIN, and at its end.
    story.time_wait(70_000, TimeWait, MiniEvent::Fin);
    story.time_wait(71_000, TimeWait, gone(MiniEnd::Reset));
    story.time_wait(80_000, FinWait2, gone(MiniEnd::Expired));
    story.said(&[
        "fin-wait-2>time-wait timer dwell=- age=- - -",
        "time-wait>closed timer dwell=1000 age=- reset-by-peer -",
        "fin-wait-2>closed timer dwell=- age=- timed-out -",
    ]);
    story.request(90_000, 0, gone(MiniEnd::Expired));
    story.said(&[]);
    story.is_over();
}

#[test]
fn an_end_that_was_lost_is_told_when_the_next_takes_its_place() {
    let mut story = Story::closed_client(Followed::ALL);
    story.time_wait(114, TimeWait, ARMED);
    story.event(&CLIENT_SOCKET.orphan(115, FinWait2, Close));
    story.lines.clear();
    let next = Mini {
        address: TIME_WAIT + 8,
        cookie: NonZeroU64::new(7),
        ..time_wait(CLIENT_SOCKET, 1_000, TimeWait, ARMED)
    };
    story.mini(&next);
    story.said(&["time-wait>closed poll dwell=885 age=990 - 100:connect"]);
    assert_eq!(story.table.len(), 1);
    story.time_wait(1_001, TimeWait, gone(MiniEnd::Reused));
    story.said(&[]);
    story.mini(&Mini {
        event: gone(MiniEnd::Expired),
        ..next
    });
    story.is_over();
}

#[test]
fn sockets_without_cookies_are_found_by_their_ends() {
    let nameless = Socket {
        cookie: 0,
        ..CLIENT_SOCKET
    };
    let mut story = Story::new(Followed::ALL);
    story.event(&nameless.event(10, CLIENT, Close, SynSent));
    story.event(&nameless.event(20, 999, SynSent, Established));
    story.event(&nameless.event(100, CLIENT, Established, FinWait1));
    story.event(&nameless.orphan(110, FinWait1, FinWait2));
    story.lines.clear();
    story.mini(&time_wait(nameless, 112, FinWait2, ARMED));
    story.event(&nameless.orphan(115, FinWait2, Close));
    story.table.destroy(0, nameless.sk);
    assert_eq!(story.table.len(), 1);
    // The address of the full socket is another connection's at once.
    let next = Socket {
        sport: 50_000,
        ..nameless
    };
    story.event(&next.event(200, CLIENT, Close, SynSent));
    story.mini(&time_wait(nameless, 2_000, TimeWait, MiniEvent::Fin));
    story.mini(&time_wait(
        nameless,
        62_000,
        TimeWait,
        gone(MiniEnd::Expired),
    ));
    story.said(&[
        "closed>syn-sent event dwell=- age=0 - 100:connect",
        "fin-wait-2>time-wait timer dwell=1890 age=1990 - 100:connect",
        "time-wait>closed timer dwell=60000 age=61990 finished 100:connect",
    ]);
    story.table.destroy(0, next.sk);
    story.is_over();
}

#[test]
fn a_cookie_made_at_the_end_joins_a_minisocket_without_one() {
    let mut story = Story::new(Followed::ALL);
    let nameless = Socket {
        cookie: 0,
        ..CLIENT_SOCKET
    };
    story.mini(&time_wait(nameless, 100, FinWait2, ARMED));
    story.event(&CLIENT_SOCKET.orphan(101, FinWait2, Close));
    story.table.destroy(CLIENT_SOCKET.cookie, CLIENT_SOCKET.sk);
    story.mini(&time_wait(nameless, 900, TimeWait, MiniEvent::Fin));
    story.said(&["fin-wait-2>time-wait timer dwell=- age=- - -"]);
    let key = CLIENT_SOCKET.event(0, 0, Close, Close).key;
    assert_eq!(story.table.get(key).unwrap().state, TimeWait);
    story.mini(&time_wait(
        nameless,
        1_000,
        TimeWait,
        gone(MiniEnd::Expired),
    ));
    story.is_over();
}

#[test]
fn an_end_in_another_namespace_is_none_of_ours() {
    let mut story = Story::closed_client(Followed::ALL);
    story.time_wait(114, TimeWait, ARMED);
    story.event(&CLIENT_SOCKET.orphan(115, FinWait2, Close));
    story.lines.clear();
    let mut other = time_wait(CLIENT_SOCKET, 200, TimeWait, gone(MiniEnd::Expired));
    other.cookie = NonZeroU64::new(99);
    other.info.netns = Some(2);
    story.mini(&other);
    story.said(&["time-wait>closed timer dwell=- age=- finished -"]);
    assert_eq!(story.table.len(), 1);
}
