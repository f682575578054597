//! Connections that their process has left, to their true end.

use TcpState::{
    Close, Closing, Established, FinWait1, FinWait2, Listen, SynRecv, SynSent, TimeWait,
};

use super::*;

const NUMBERS: TcpNumbers = TcpNumbers {
    rtt_us: Some(30),
    rttvar_us: Some(10),
    retrans: 1,
    bytes_acked: 2,
    bytes_received: 3,
    segs_out: 4,
    segs_in: 5,
    cwnd: 6,
};

/// The full socket's last event, at 115, with its numbers.
fn full_socket_ends(story: &mut Story, old: TcpState) {
    story.event(&Transition {
        tcp: Some(NUMBERS),
        ..CLIENT_SOCKET.orphan(115, old, Close)
    });
    story.table.destroy(CLIENT_SOCKET.cookie, CLIENT_SOCKET.sk);
}

#[test]
fn an_orphan_waits_for_the_fin_and_then_its_time() {
    let mut story = Story::closed_client(Followed::ALL);
    story.time_wait(112, FinWait2, ARMED);
    full_socket_ends(&mut story, FinWait2);
    story.said(&[]);
    let key = CLIENT_SOCKET.event(0, 0, Close, Close).key;
    assert_eq!(story.table.get(key).unwrap().state, FinWait2);
    story.time_wait(2_000, TimeWait, MiniEvent::Fin);
    // The timer that was set anew for it says the same again.
    story.time_wait(2_000, TimeWait, ARMED);
    story.said(&["fin-wait-2>time-wait timer dwell=1890 age=1990 - 100:connect"]);
    let end = time_wait(CLIENT_SOCKET, 62_000, TimeWait, gone(MiniEnd::Expired));
    let [Some(last), None] = story.table.mini(&end) else {
        panic!("one change");
    };
    assert_eq!(last.transition.tcp, Some(NUMBERS));
    assert_eq!((last.transition.key, last.transition.sk), (key, TIME_WAIT));
    story.line(&last);
    story.said(&["time-wait>closed timer dwell=60000 age=61990 finished 100:connect"]);
    story.is_over();
}

#[test]
fn the_timer_alone_tells_of_the_fin() {
    let mut story = Story::closed_client(Followed::ALL);
    story.time_wait(112, FinWait2, ARMED);
    full_socket_ends(&mut story, FinWait2);
    story.time_wait(2_000, TimeWait, ARMED);
    story.time_wait(2_001, TimeWait, MiniEvent::Fin);
    story.said(&["fin-wait-2>time-wait timer dwell=1890 age=1990 - 100:connect"]);
}

#[test]
fn a_fin_for_the_full_socket_makes_a_time_wait_at_once() {
    let mut story = Story::closed_client(Followed::ALL);
    story.time_wait(114, TimeWait, ARMED);
    story.said(&[]);
    full_socket_ends(&mut story, FinWait2);
    story.said(&["fin-wait-2>time-wait event dwell=5 age=105 - 100:connect"]);
    story.time_wait(60_114, TimeWait, gone(MiniEnd::Expired));
    story.said(&["time-wait>closed timer dwell=59999 age=60104 finished 100:connect"]);
    story.is_over();
}

#[test]
fn both_sides_close_at_the_same_time() {
    let mut story = Story::new(Followed::ALL);
    story.event(&CLIENT_SOCKET.event(10, CLIENT, Close, SynSent));
    story.event(&CLIENT_SOCKET.event(20, 999, SynSent, Established));
    story.event(&CLIENT_SOCKET.event(100, CLIENT, Established, FinWait1));
    story.event(&CLIENT_SOCKET.orphan(110, FinWait1, Closing));
    story.lines.clear();
    story.time_wait(114, TimeWait, ARMED);
    full_socket_ends(&mut story, Closing);
    story.time_wait(60_114, TimeWait, gone(MiniEnd::Expired));
    story.said(&[
        "closing>time-wait event dwell=5 age=105 - 100:connect",
        "time-wait>closed timer dwell=59999 age=60104 finished 100:connect",
    ]);
    story.is_over();
}

#[test]
fn how_minisockets_end() {
    for (substate, end, cause) in [
        (FinWait2, MiniEnd::Expired, "timed-out"),
        (FinWait2, MiniEnd::Reset, "reset-by-peer"),
        (FinWait2, MiniEnd::Segment, "aborted"),
        // `ss -K`
        (FinWait2, MiniEnd::Cancelled, "killed"),
        (TimeWait, MiniEnd::Expired, "finished"),
        (TimeWait, MiniEnd::Reset, "reset-by-peer"),
        (TimeWait, MiniEnd::Reused, "reused"),
        (TimeWait, MiniEnd::Cancelled, "killed"),
    ] {
        let mut story = Story::closed_client(Followed::ALL);
        story.time_wait(112, substate, ARMED);
        full_socket_ends(&mut story, FinWait2);
        story.lines.clear();
        let since = if substate == FinWait2 { 110 } else { 115 };
        story.time_wait(5_000, substate, gone(end));
        let (dwell, state) = (5_000 - since, substate.word());
        let line = format!("{state}>closed timer dwell={dwell} age=4990 {cause} 100:connect");
        story.said(&[&line]);
        story.is_over();
    }
}

#[test]
fn a_time_wait_is_used_again_by_a_new_syn() {
    // The server closed first: its TIME-WAIT has the ends of the connection that comes in next.
    let mut story = Story::server(Followed::ALL);
    story.request(100, 0, ARMED);
    story.event(&CHILD.event(110, 999, Listen, SynRecv));
    story.event(&CHILD.event(112, 999, SynRecv, Established));
    story.event(&CHILD.event(120, SERVER, Established, FinWait1));
    story.event(&CHILD.orphan(130, FinWait1, FinWait2));
    story.lines.clear();
    let armed = time_wait(CHILD, 131, TimeWait, ARMED);
    story.mini(&armed);
    story.event(&CHILD.orphan(132, FinWait2, Close));
    story.table.destroy(CHILD.cookie, CHILD.sk);
    story.mini(&Mini {
        at: MonoNs(1_000),
        event: gone(MiniEnd::Reused),
        ..armed
    });
    let next = Socket { cookie: 4, ..CHILD };
    story.request(1_001, 0, ARMED);
    story.event(&next.event(1_010, 999, Listen, SynRecv));
    story.event(&next.event(1_012, 999, SynRecv, Established));
    story.said(&[
        "fin-wait-2>time-wait event dwell=2 age=32 - 200:inherited",
        "time-wait>closed timer dwell=868 age=900 reused 200:inherited",
        "listening>syn-recv timer dwell=- age=0 - 200:unaccepted",
        "syn-recv>established event dwell=11 age=11 - 200:inherited synacks=0",
    ]);
}

#[test]
fn a_time_wait_is_used_again_by_connect() {
    let mut story = Story::closed_client(Followed::ALL);
    story.time_wait(114, TimeWait, ARMED);
    full_socket_ends(&mut story, FinWait2);
    story.lines.clear();
    let next = Socket {
        cookie: 7,
        sk: 0x70,
        ..CLIENT_SOCKET
    };
    story.event(&next.event(1_000, CLIENT, Close, SynSent));
    story.time_wait(1_001, TimeWait, gone(MiniEnd::Reused));
    story.event(&next.event(1_010, 999, SynSent, Established));
    story.said(&[
        "closed>syn-sent event dwell=- age=0 - 100:connect",
        "time-wait>closed timer dwell=886 age=991 reused 100:connect",
        "syn-sent>established event dwell=10 age=10 - 100:connect",
    ]);
    assert_eq!(story.table.len(), 1);
}

#[test]
fn a_socket_is_used_again_while_its_time_wait_lasts() {
    // shutdown(), the peer's FIN, and connect() on the same descriptor: one cookie, two connections.
    let mut story = Story::closed_client(Followed::ALL);
    story.time_wait(114, TimeWait, ARMED);
    story.event(&CLIENT_SOCKET.event(115, 999, FinWait2, Close));
    let again = Socket {
        sport: 50_000,
        ..CLIENT_SOCKET
    };
    story.event(&again.event(200, CLIENT, Close, SynSent));
    story.event(&again.event(210, 999, SynSent, Established));
    assert_eq!(story.table.len(), 2);
    story.time_wait(60_114, TimeWait, gone(MiniEnd::Expired));
    story.event(&again.event(70_000, CLIENT, Established, FinWait1));
    story.said(&[
        "fin-wait-2>time-wait event dwell=5 age=105 - 100:connect",
        "closed>syn-sent event dwell=- age=0 - 100:connect",
        "syn-sent>established event dwell=10 age=10 - 100:connect",
        "time-wait>closed timer dwell=59999 age=60104 finished 100:connect",
        "established>fin-wait-1 event dwell=69790 age=69800 - 100:connect closer=100",
    ]);
    story.table.destroy(again.cookie, again.sk);
    story.is_over();
}

#[test]
fn no_room_for_a_time_wait() {
    let mut story = Story::closed_client(Followed::ALL);
    full_socket_ends(&mut story, FinWait2);
    story.said(&["fin-wait-2>closed event dwell=5 age=105 overflow 100:connect"]);
    story.is_over();
    let mut story = Story::closed_client(Followed::ALL);
    // A process still holds it, and the peer's FIN is in.
    story.event(&Transition {
        done: Some(true),
        ..CLIENT_SOCKET.event(115, 999, FinWait2, Close)
    });
    story.said(&["fin-wait-2>closed event dwell=5 age=105 overflow 100:connect"]);
}

#[test]
fn a_reset_in_a_full_socket_is_an_end() {
    let mut story = Story::closed_client(Followed::ALL);
    story.event(&Transition {
        sk_err: Some(104),
        ..CLIENT_SOCKET.event(115, 999, FinWait2, Close)
    });
    story.said(&["fin-wait-2>closed event dwell=5 age=105 reset-by-peer 100:connect"]);
}

#[test]
fn the_fin_may_come_before_the_full_socket_is_done() {
    let mut story = Story::closed_client(Followed::ALL);
    story.time_wait(112, FinWait2, ARMED);
    story.time_wait(113, TimeWait, MiniEvent::Fin);
    full_socket_ends(&mut story, FinWait2);
    story.said(&["fin-wait-2>time-wait timer dwell=3 age=103 - 100:connect"]);
    story.time_wait(60_113, TimeWait, gone(MiniEnd::Expired));
    story.said(&["time-wait>closed timer dwell=60000 age=60103 finished 100:connect"]);
    story.is_over();
}
