//! Before 6.15 the first event of a child has neither its peer nor its cookie.

use TcpState::{Close, Established, Listen, SynRecv};

use super::*;

/// What the decoder makes of a first event without a peer.
const BARE: Socket = Socket {
    cookie: 0,
    dport: 0,
    ..CHILD
};

#[test]
fn the_second_event_finds_the_syn() {
    let mut story = Story::server(Followed::ALL);
    story.request(100, 0, ARMED);
    story.request(200, 1, ARMED);
    story.event(&BARE.event(300, 999, Listen, SynRecv));
    story.request(306, 1, gone(MiniEnd::Cancelled));
    story.event(&CHILD.event(310, 999, SynRecv, Established));
    story.said(&[
        "listening>syn-recv timer dwell=- age=0 - 200:unaccepted",
        "syn-recv>established event dwell=210 age=210 - 200:inherited synacks=1",
    ]);
    story.table.destroy(CHILD.cookie, CHILD.sk);
    story.table.destroy(LISTENER.cookie, LISTENER.sk);
    story.is_over();
}

#[test]
fn two_at_a_time_are_not_mixed_up() {
    let mut story = Story::server(Followed::ALL);
    let other = Socket {
        cookie: 4,
        sk: 0x40,
        dport: 50_000,
        ..CHILD
    };
    let bare_other = Socket {
        cookie: 0,
        dport: 0,
        ..other
    };
    let mut others = Mini {
        address: REQUEST + 8,
        ..request(150, 0, ARMED)
    };
    others.tuple.dport = other.dport;
    story.request(100, 0, ARMED);
    story.mini(&others);
    story.event(&BARE.event(300, 999, Listen, SynRecv));
    story.event(&bare_other.event(301, 999, Listen, SynRecv));
    (others.at, others.event) = (MonoNs(302), gone(MiniEnd::Cancelled));
    story.mini(&others);
    story.request(303, 0, gone(MiniEnd::Cancelled));
    story.lines.clear();
    story.event(&other.event(310, 999, SynRecv, Established));
    story.event(&CHILD.event(312, 999, SynRecv, Close));
    story.said(&[
        "syn-recv>established event dwell=160 age=160 - 200:inherited synacks=0",
        "syn-recv>closed event dwell=212 age=212 disconnected 200:inherited synacks=0",
    ]);
    assert_eq!(story.table.len(), 3);
}

#[test]
fn what_no_child_wants_is_forgotten() {
    let mut story = Story::server(Followed::ALL);
    story.request(100, 0, ARMED);
    story.event(&BARE.event(300, 999, Listen, SynRecv));
    story.request(306, 0, gone(MiniEnd::Cancelled));
    assert_eq!(story.table.len(), 3);
    // The child ends before it was filled in.
    story.table.destroy(CHILD.cookie, CHILD.sk);
    story.table.destroy(LISTENER.cookie, LISTENER.sk);
    story.is_over();
}

#[test]
fn without_half_open_connections_it_is_told_as_the_kernel_tells_it() {
    for followed in [Followed::ALL, Followed::NONE] {
        let mut story = Story::server(followed);
        story.event(&BARE.event(300, 999, Listen, SynRecv));
        story.event(&CHILD.event(310, 999, SynRecv, Established));
        story.said(&[
            "listening>syn-recv event dwell=- age=0 - 200:unaccepted",
            "syn-recv>established event dwell=10 age=10 - 200:inherited",
        ]);
    }
}
