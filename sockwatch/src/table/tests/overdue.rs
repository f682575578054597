//! Minisockets whose end was told to nobody: when they are looked at, and what that tells.

use TcpState::{Close, CloseWait, Established, FinWait2, Listen, SynRecv, TimeWait};

use super::*;

/// A client that is in this state since 112, and whose full socket is done.
fn left_in(state: TcpState) -> Story {
    let mut story = Story::closed_client(Followed::ALL);
    story.time_wait(112, state, ARMED);
    story.event(&CLIENT_SOCKET.orphan(115, FinWait2, Close));
    story.table.destroy(CLIENT_SOCKET.cookie, CLIENT_SOCKET.sk);
    story.lines.clear();
    story
}

fn with_left(state: TcpState, seconds: u32) -> Found {
    Found {
        left: Some(Nanos::from_ms(1_000 * seconds)),
        ..in_state(state)
    }
}

/// What has come of [`CHILD`].
fn child_in(state: TcpState) -> Found {
    Found {
        cookie: NonZeroU64::new(CHILD.cookie),
        ..in_state(state)
    }
}

#[test]
fn a_time_wait_is_looked_at_when_its_time_is_over() {
    let mut story = left_in(TimeWait);
    assert_eq!(story.due(), Some(68 * SECOND + 112));
    story.look(69 * SECOND, None);
    story.said(&["time-wait>closed poll dwell=68999999885 age=68999999990 finished 100:connect"]);
    story.is_over();
}

#[test]
fn what_is_there_is_looked_at_again_when_that_is_over() {
    let mut story = left_in(TimeWait);
    // Its timer was set anew, of which nothing was heard.
    story.look_closely(69 * SECOND, Some(with_left(TimeWait, 30)));
    story.said(&[]);
    assert_eq!(story.due(), Some((69 + 32 + 4) * SECOND + SECOND / 2));
    // Nobody may look into its namespace.
    story.look(110 * SECOND, Some(TimeWait));
    assert_eq!(story.due(), Some((110 + 68) * SECOND));
    story.time_wait(112 * SECOND, TimeWait, ARMED);
    assert_eq!(story.due(), Some((112 + 68) * SECOND));
    story.time_wait(172 * SECOND, TimeWait, gone(MiniEnd::Expired));
    story
        .said(&["time-wait>closed timer dwell=171999999885 age=171999999990 finished 100:connect"]);
    story.is_over();
}

#[test]
fn a_look_from_before_the_last_news_says_nothing() {
    let mut story = left_in(TimeWait);
    let wanted = story
        .table
        .to_look_at(MonoNs(69 * SECOND), 9)
        .next()
        .unwrap();
    story.time_wait(68 * SECOND, TimeWait, ARMED);
    let late = story.table.looked(&wanted.seen(None, MonoNs(69 * SECOND)));
    assert_eq!((late, story.due()), ([None; 2], Some((68 + 68) * SECOND)));
    // The address, of which the key is made, is another's.
    let mut story = Story::server(Followed::ALL);
    story.request(100, 0, ARMED);
    let wanted = story
        .table
        .to_look_at(MonoNs(5 * SECOND), 9)
        .next()
        .unwrap();
    let mut other = request(3 * SECOND, 0, ARMED);
    other.tuple.dport = 50_000;
    story.mini(&other);
    let late = story.table.looked(&wanted.seen(None, MonoNs(5 * SECOND)));
    assert_eq!((late, story.table.len()), ([None; 2], 3));
}

#[test]
fn a_fin_that_was_not_heard_of_is_found_when_the_orphan_has_waited_for_long() {
    let mut story = left_in(FinWait2);
    assert_eq!(story.due(), Some(68 * SECOND + 112));
    story.look_closely(69 * SECOND, Some(with_left(FinWait2, 10)));
    story.look_closely(90 * SECOND, Some(with_left(TimeWait, 3)));
    story.said(&["fin-wait-2>time-wait poll dwell=89999999890 age=89999999990 - 100:connect"]);
    assert_eq!(story.due(), Some(95 * SECOND));
    story.look(95 * SECOND, None);
    story.said(&["time-wait>closed poll dwell=- age=94999999990 finished 100:connect"]);
    story.is_over();
}

#[test]
fn an_orphan_that_is_gone_may_have_ended_in_many_ways() {
    let mut story = left_in(FinWait2);
    story.look(69 * SECOND, None);
    story.said(&["fin-wait-2>closed poll dwell=68999999890 age=68999999990 - 100:connect"]);
    story.is_over();
}

#[test]
fn what_else_was_lost_is_made_up_for() {
    // The end of the full socket, which would have said that it is in `time-wait`.
    let mut story = Story::closed_client(Followed::ALL);
    story.time_wait(112, TimeWait, ARMED);
    story.look(69 * SECOND, None);
    story.said(&[
        "fin-wait-2>time-wait poll dwell=68999999890 age=68999999990 - 100:connect",
        "time-wait>closed poll dwell=- age=68999999990 finished 100:connect",
    ]);
    story.is_over();
}

#[test]
fn a_half_open_connection_sends_its_syn_ack_again_in_time() {
    let mut story = Story::server(Followed::ALL);
    let over = |at: u64, seconds: u64| Some(at + seconds * SECOND * 9 / 8 + SECOND / 2);
    story.request(100, 0, ARMED);
    assert_eq!(story.due(), over(100, 1));
    // The peer has sent its SYN again.
    story.request(SECOND / 2, 1, ARMED);
    assert_eq!(story.due(), over(SECOND / 2, 1));
    let mut at = SECOND / 2;
    for (waited, next) in [
        (1, 2),
        (2, 4),
        (4, 8),
        (8, 16),
        (16, 32),
        (32, 60),
        (64, 120),
    ] {
        at += waited * SECOND;
        story.request(at, 2, ARMED);
        assert_eq!(story.due(), over(at, next));
    }
    story.look(at + 136 * SECOND, None);
    let span = at + 136 * SECOND - 100;
    let end = format!("syn-recv>closed poll dwell={span} age={span} - 200:unaccepted synacks=2");
    story.said(&[
        "listening>syn-recv timer dwell=- age=0 - 200:unaccepted",
        &end,
    ]);
    assert_eq!((story.table.len(), story.due()), (1, None));
}

#[test]
fn a_half_open_connection_that_waits_for_data_is_left_alone() {
    // TCP_DEFER_ACCEPT: the timer goes on and sends nothing, so that nothing is counted.
    let mut story = Story::server(Followed::ALL);
    story.request(100, 0, ARMED);
    story.lines.clear();
    story.look_closely(2 * SECOND, Some(with_left(SynRecv, 7)));
    assert_eq!(story.due(), Some((2 + 9) * SECOND + SECOND / 2));
    story.event(&CHILD.event(3 * SECOND, 999, Listen, SynRecv));
    story.event(&CHILD.event(3 * SECOND, 999, SynRecv, Established));
    story.said(&[
        "syn-recv>established event dwell=2999999900 age=2999999900 - 200:inherited synacks=0",
    ]);
    assert_eq!(story.due(), None);
}

#[test]
fn a_half_open_connection_may_have_been_answered() {
    let mut story = Story::server(Followed::ALL);
    story.request(100, 0, ARMED);
    story.lines.clear();
    story.look_closely(2 * SECOND, Some(child_in(Established)));
    story.event(&CHILD.event(3 * SECOND, 999, Established, CloseWait));
    story.said(&[
        "syn-recv>established poll dwell=1999999900 age=1999999900 - 200:unaccepted synacks=0",
        "established>close-wait event dwell=- age=2999999900 - 200:inherited",
    ]);
    assert_eq!((story.table.len(), story.due()), (2, None));
    story.table.destroy(CHILD.cookie, CHILD.sk);
    assert_eq!(story.table.len(), 1);
}

#[test]
fn a_half_open_connection_may_have_come_to_its_time_wait() {
    let mut story = Story::server(Followed::ALL);
    story.request(100, 0, ARMED);
    story.lines.clear();
    let found = Found {
        left: Some(Nanos::from_ms(58_000)),
        ..child_in(TimeWait)
    };
    story.look_closely(2 * SECOND, Some(found));
    assert_eq!(story.due(), Some(70 * SECOND));
    story.mini(&time_wait(
        CHILD,
        62 * SECOND,
        TimeWait,
        gone(MiniEnd::Expired),
    ));
    story.said(&[
        "syn-recv>time-wait poll dwell=1999999900 age=1999999900 - 200:unaccepted synacks=0",
        "time-wait>closed timer dwell=- age=61999999900 finished 200:unaccepted",
    ]);
    assert_eq!((story.table.len(), story.due()), (1, None));
}

#[test]
fn a_half_open_connection_may_go_on_as_one_that_is_known() {
    // Lost: all of the child but its last events.
    let mut story = Story::server(Followed::ALL);
    story.request(100, 0, ARMED);
    story.event(&CHILD.event(SECOND, 999, Established, CloseWait));
    story.lines.clear();
    assert_eq!(story.table.len(), 3);
    story.look_closely(2 * SECOND, Some(child_in(CloseWait)));
    story.said(&[]);
    assert_eq!((story.table.len(), story.due()), (2, None));
    // The same in `time-wait`, of which the kernel has told nobody its cookie.
    let mut story = Story::server(Followed::ALL);
    story.request(100, 0, ARMED);
    story.mini(&Mini {
        cookie: None,
        ..time_wait(CHILD, SECOND, TimeWait, ARMED)
    });
    story.lines.clear();
    let overdue = story.table.to_look_at(MonoNs(2 * SECOND), 9).next();
    let wanted = overdue.unwrap();
    let found = wanted.seen(Some(child_in(TimeWait)), MonoNs(2 * SECOND));
    assert_eq!(story.table.looked(&found), [None; 2]);
    assert_eq!(story.table.len(), 2);
    assert_eq!(story.due(), Some((1 + 68) * SECOND));
}

#[test]
fn a_child_whose_first_event_is_lost_is_the_half_open_connection() {
    let mut story = Story::server(Followed::ALL);
    story.request(100, 1, ARMED);
    story.lines.clear();
    story.event(&CHILD.event(200, 999, SynRecv, Established));
    story.said(&["syn-recv>established event dwell=- age=- - 200:inherited synacks=1"]);
    assert_eq!((story.table.len(), story.due()), (2, None));
}

#[test]
fn those_that_tell_make_others_no_less_urgent() {
    const TELL: u16 = 9_000;
    let mut story = Story::new(Followed {
        requests: Follow::Told,
        timewaits: Follow::Inferred,
    });
    story.table = Table::new(10_000, story.table.followed);
    for port in 1..=TELL {
        let mut armed = request(100, 0, ARMED);
        (armed.tuple.dport, armed.address) = (port, u64::from(port));
        story.mini(&armed);
    }
    story.event(&Transition {
        done: Some(true),
        ..CLIENT_SOCKET.orphan(100, FinWait2, Close)
    });
    let first = story
        .table
        .to_look_at(MonoNs(SECOND), 9)
        .collect::<Vec<_>>();
    assert_eq!(first.len(), 1);
    story
        .table
        .looked(&first[0].seen(Some(in_state(TimeWait)), MonoNs(SECOND)));
    assert_eq!(story.due(), Some(SECOND + SECOND / 2));
    let all = story.table.to_look_at(MonoNs(2 * SECOND), usize::MAX);
    assert_eq!(all.count(), 1 + usize::from(TELL));
}

#[test]
fn the_soonest_come_first_whatever_they_wait_for() {
    let mut story = Story::new(Followed::ALL);
    let socket = |n: u8| Socket {
        cookie: n.into(),
        sk: n.into(),
        sport: n.into(),
        ..CLIENT_SOCKET
    };
    // A minute and more from its begin, each; and half-open ones, a second and more.
    for (n, at) in [(1, 0), (2, 10), (3, 67)] {
        story.mini(&time_wait(socket(n), at * SECOND, TimeWait, ARMED));
    }
    for (n, at) in [(4, 66), (5, 76)] {
        let of = socket(n);
        story.mini(&Mini {
            cookie: NonZeroU64::new(of.cookie),
            tuple: of.event(0, 0, Close, Close).tuple,
            ..request(at * SECOND, 0, ARMED)
        });
    }
    // Of the second TIME-WAIT we hear in time.
    let due = |story: &Story, limit| {
        let due = story.table.to_look_at(MonoNs(u64::MAX), limit);
        due.map(|wanted| wanted.key.cookie.unwrap().get())
            .collect::<Vec<_>>()
    };
    assert_eq!(due(&story, 9), [4, 1, 5, 2, 3]);
    assert_eq!(due(&story, 2), [4, 1]);
    story.mini(&time_wait(
        socket(2),
        70 * SECOND,
        TimeWait,
        gone(MiniEnd::Expired),
    ));
    assert_eq!(due(&story, 9), [4, 1, 5, 3]);
}
