//! Connections that come in, from the SYN on.

use TcpState::{Close, CloseWait, Established, LastAck, Listen, SynRecv};

use super::*;

#[test]
fn a_connection_begins_at_its_syn() {
    let mut story = Story::server(Followed::ALL);
    story.request(100, 0, ARMED);
    story.said(&["listening>syn-recv timer dwell=- age=0 - 200:unaccepted"]);
    story.request(1_100, 1, ARMED);
    story.request(3_100, 2, ARMED);
    story.event(&CHILD.event(3_200, 999, Listen, SynRecv));
    story.request(3_206, 2, gone(MiniEnd::Cancelled));
    story.said(&[]);
    assert_eq!(story.table.len(), 2, "the listener and one connection");
    let unaccepted = SocketInfo {
        inode: Some(0),
        ..CHILD.event(0, 0, Close, Close).info
    };
    story.event(&Transition {
        info: unaccepted,
        ..CHILD.event(3_210, 999, SynRecv, Established)
    });
    story.said(&["syn-recv>established event dwell=3110 age=3110 - 200:unaccepted synacks=2"]);
    story.event(&CHILD.event(4_000, 999, Established, CloseWait));
    story.event(&CHILD.event(4_100, SERVER, CloseWait, LastAck));
    story.event(&CHILD.orphan(4_200, LastAck, Close));
    story.said(&[
        "established>close-wait event dwell=790 age=3900 - 200:inherited",
        "close-wait>last-ack event dwell=100 age=4000 - 200:inherited closer=200",
        "last-ack>closed event dwell=100 age=4100 finished 200:inherited",
    ]);
    story.table.destroy(CHILD.cookie, CHILD.sk);
    story.table.destroy(LISTENER.cookie, LISTENER.sk);
    story.is_over();
}

#[test]
fn what_becomes_of_a_syn_that_nobody_completes() {
    for (end, cause) in [
        (MiniEnd::Expired, "timed-out"),
        (MiniEnd::Reset, "reset-by-peer"),
        (MiniEnd::Segment, "dropped"),
        // `ss -K`
        (MiniEnd::Cancelled, "dropped"),
    ] {
        let mut story = Story::server(Followed::ALL);
        story.request(100, 0, ARMED);
        story.request(200, 1, ARMED);
        story.request(300, 1, gone(end));
        let end =
            format!("syn-recv>closed timer dwell=200 age=200 {cause} 200:unaccepted synacks=1");
        story.said(&[
            "listening>syn-recv timer dwell=- age=0 - 200:unaccepted",
            &end,
        ]);
        assert_eq!(story.table.len(), 1);
        assert!(story.table.minis.is_empty());
        story.request(400, 1, gone(MiniEnd::Expired));
        story.said(&[]);
    }
}

#[test]
fn a_listener_that_goes_away_leaves_them_unaccepted() {
    let mut story = Story::server(Followed::ALL);
    story.request(100, 0, ARMED);
    story.event(&LISTENER.event(150, SERVER, Listen, Close));
    story.table.destroy(LISTENER.cookie, LISTENER.sk);
    story.lines.clear();
    story.request(300, 0, gone(MiniEnd::Expired));
    story.said(&["syn-recv>closed timer dwell=200 age=200 unaccepted 200:unaccepted synacks=0"]);
    story.is_over();
}

#[test]
fn a_listener_that_was_never_known_is_not_said_to_be_gone() {
    let mut story = Story::new(Followed::ALL);
    story.request(100, 0, ARMED);
    story.request(300, 0, gone(MiniEnd::Expired));
    story.said(&[
        "listening>syn-recv timer dwell=- age=0 - -",
        "syn-recv>closed timer dwell=200 age=200 timed-out - synacks=0",
    ]);
    story.is_over();
}

#[test]
fn children_that_nobody_accepts_end_with_their_listener() {
    let mut story = Story::server(Followed::ALL);
    story.request(100, 0, ARMED);
    story.event(&CHILD.event(110, 999, Listen, SynRecv));
    story.request(116, 0, gone(MiniEnd::Cancelled));
    let in_queue = |at, old, new| {
        let event = CHILD.event(at, SERVER, old, new);
        Transition {
            info: SocketInfo {
                inode: Some(0),
                ..event.info
            },
            ..event
        }
    };
    story.event(&in_queue(120, SynRecv, Established));
    story.lines.clear();
    story.event(&LISTENER.event(200, SERVER, Listen, Close));
    story.event(&in_queue(210, Established, Close));
    story.said(&[
        "listening>closed event dwell=199 age=199 listener-closed 200:listen closer=200",
        "established>closed event dwell=90 age=110 unaccepted 200:unaccepted",
    ]);
}

#[test]
fn a_syn_cookie_has_no_half_open_connection() {
    let mut story = Story::server(Followed::ALL);
    let other = Socket {
        dport: 41_000,
        ..CHILD
    };
    // One is half-open; of the other, the kernel kept nothing.
    story.request(100, 0, ARMED);
    story.lines.clear();
    story.event(&other.event(200, 999, Listen, SynRecv));
    story.event(&other.event(205, 999, SynRecv, Established));
    story.said(&[
        "listening>syn-recv event dwell=- age=0 - 200:unaccepted",
        "syn-recv>established event dwell=5 age=5 - 200:inherited",
    ]);
}

#[test]
fn its_own_listener_is_known_though_the_port_is_shared() {
    let mut story = Story::server(Followed::ALL);
    let other = Socket {
        cookie: 22,
        sk: 0x22,
        ..LISTENER
    };
    story
        .table
        .apply(&other.event(2, SERVER + 5, Close, Listen));
    story.request(100, 0, ARMED);
    story.event(&CHILD.event(110, 999, Listen, SynRecv));
    story.event(&CHILD.event(112, 999, SynRecv, Established));
    story.said(&[
        "listening>syn-recv timer dwell=- age=0 - 200:unaccepted",
        "syn-recv>established event dwell=12 age=12 - 200:inherited synacks=0",
    ]);
}

#[test]
fn a_begin_that_was_lost_is_not_made_up() {
    let mut story = Story::server(Followed::ALL);
    story.request(100, 2, ARMED);
    story.event(&CHILD.event(110, 999, Listen, SynRecv));
    story.event(&CHILD.event(112, 999, SynRecv, Established));
    story.said(&[
        "listening>syn-recv poll dwell=- age=- - 200:unaccepted",
        "syn-recv>established event dwell=- age=- - 200:inherited synacks=2",
    ]);
}

#[test]
fn an_end_that_was_lost_is_told_when_the_next_begins() {
    let mut story = Story::server(Followed::ALL);
    story.request(100, 0, ARMED);
    let next = Mini {
        address: REQUEST + 8,
        ..request(500, 0, ARMED)
    };
    story.mini(&next);
    story.said(&[
        "listening>syn-recv timer dwell=- age=0 - 200:unaccepted",
        "syn-recv>closed poll dwell=400 age=400 - 200:unaccepted synacks=0",
        "listening>syn-recv timer dwell=- age=0 - 200:unaccepted",
    ]);
    // The old one's end comes late: it is none of the new one's.
    story.request(510, 0, gone(MiniEnd::Expired));
    story.said(&[]);
    assert_eq!(story.table.len(), 2);
}

#[test]
fn the_address_of_a_minisocket_is_used_again() {
    let mut story = Story::server(Followed::ALL);
    story.request(100, 0, ARMED);
    // Lost: its end. The address is another connection's now.
    let mut other = request(200, 0, ARMED);
    other.tuple.dport = 50_000;
    story.mini(&other);
    other.event = gone(MiniEnd::Expired);
    story.mini(&other);
    story.lines.clear();
    story.look(2 * SECOND, None);
    story
        .said(&["syn-recv>closed poll dwell=1999999900 age=1999999900 - 200:unaccepted synacks=0"]);
    assert_eq!(story.table.len(), 1);
    assert!(story.table.minis.is_empty());
}

#[test]
fn a_child_inherits_the_cookie_that_a_dump_has_made() {
    let mut story = Story::server(Followed::ALL);
    story.request(100, 0, ARMED);
    let looked_at = Mini {
        cookie: NonZeroU64::new(CHILD.cookie),
        ..request(200, 1, ARMED)
    };
    story.mini(&looked_at);
    story.event(&CHILD.event(210, 999, Listen, SynRecv));
    story.mini(&Mini {
        event: gone(MiniEnd::Cancelled),
        ..looked_at
    });
    story.event(&CHILD.event(212, 999, SynRecv, Established));
    story.said(&[
        "listening>syn-recv timer dwell=- age=0 - 200:unaccepted",
        "syn-recv>established event dwell=112 age=112 - 200:inherited synacks=1",
    ]);
    assert_eq!(story.table.len(), 2);
}

#[test]
fn a_subflow_is_a_connection_like_any_other() {
    // A child of the subflow's listener, and the MPTCP socket cloned beside it.
    let mut story = Story::server(Followed::ALL);
    story.request(100, 0, ARMED);
    story.event(&CHILD.event(110, 999, Listen, SynRecv));
    let msk = Socket {
        proto: Proto::Mptcp,
        cookie: 9,
        sk: 0x50,
        ..CHILD
    };
    story.event(&msk.event(111, 999, Listen, Established));
    story.request(112, 0, gone(MiniEnd::Cancelled));
    story.event(&CHILD.event(113, 999, SynRecv, Established));
    story.said(&[
        "listening>syn-recv timer dwell=- age=0 - 200:unaccepted",
        "listening>established event dwell=- age=0 - -",
        "syn-recv>established event dwell=13 age=13 - 200:inherited synacks=0",
    ]);
}
