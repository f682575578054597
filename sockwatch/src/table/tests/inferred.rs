//! Without timers: what can be concluded, and what looking tells.

use TcpState::{Close, Closing, Established, FinWait1, FinWait2, TimeWait};

use super::*;

#[test]
fn an_orphan_goes_on_in_fin_wait_2() {
    let mut story = Story::closed_client(Followed::NONE);
    story.event(&CLIENT_SOCKET.orphan(115, FinWait2, Close));
    story.table.destroy(CLIENT_SOCKET.cookie, CLIENT_SOCKET.sk);
    story.said(&[]);
    story.look(SECOND, Some(FinWait2));
    story.said(&[]);
    story.look(2 * SECOND, Some(TimeWait));
    story.look(3 * SECOND, Some(TimeWait));
    // The answer to a question that was asked before.
    story.look(4 * SECOND, Some(FinWait2));
    story.look(63 * SECOND, None);
    story.said(&[
        "fin-wait-2>time-wait poll dwell=1999999890 age=1999999990 - 100:connect",
        "time-wait>closed poll dwell=- age=62999999990 finished 100:connect",
    ]);
    story.is_over();
}

#[test]
fn the_peers_fin_makes_a_time_wait() {
    let done = |event: Transition| Transition {
        done: Some(true),
        ..event
    };
    let mut story = Story::closed_client(Followed::NONE);
    story.event(&done(CLIENT_SOCKET.orphan(115, FinWait2, Close)));
    story.said(&["fin-wait-2>time-wait event dwell=5 age=105 - 100:connect"]);
    // There may have been no room for it.
    assert!(story.due().unwrap() < SECOND);
    story.look(60 * SECOND, None);
    story.said(&["time-wait>closed poll dwell=59999999885 age=59999999990 finished 100:connect"]);
    let mut story = Story::new(Followed::NONE);
    story.event(&CLIENT_SOCKET.event(100, CLIENT, Established, FinWait1));
    story.event(&CLIENT_SOCKET.orphan(110, FinWait1, Closing));
    story.lines.clear();
    story.event(&done(CLIENT_SOCKET.orphan(115, Closing, Close)));
    story.said(&["closing>time-wait event dwell=5 age=- - 100:close"]);
    // Gone before its time: who knows why.
    story.look(SECOND, None);
    story.said(&["time-wait>closed poll dwell=999999885 age=- - 100:close"]);
}

#[test]
fn what_can_not_be_concluded_is_what_it_says() {
    for (event, cause) in [
        (
            CLIENT_SOCKET.event(115, CLIENT, FinWait2, Close),
            "disconnected",
        ),
        (
            Transition {
                sk_err: Some(104),
                ..CLIENT_SOCKET.orphan(115, FinWait2, Close)
            },
            "reset-by-peer",
        ),
        (
            Transition {
                dead: None,
                done: None,
                ..CLIENT_SOCKET.orphan(115, FinWait2, Close)
            },
            "finished",
        ),
    ] {
        let mut story = Story::closed_client(Followed::NONE);
        story.event(&event);
        let line = format!("fin-wait-2>closed event dwell=5 age=105 {cause} 100:connect");
        story.said(&[&line]);
        assert_eq!(story.due(), None);
    }
}

#[test]
fn a_socket_that_was_not_known_goes_on_too() {
    let mut story = Story::new(Followed::NONE);
    story.event(&CLIENT_SOCKET.orphan(115, FinWait2, Close));
    story.said(&[]);
    assert_eq!(story.table.len(), 1);
    story.look(200, None);
    story.said(&["fin-wait-2>closed poll dwell=- age=- - -"]);
    story.is_over();
}

#[test]
fn a_fin_that_is_not_watched_for_has_to_be_looked_for() {
    let mut story = Story::closed_client(Followed::ALL);
    story.time_wait(112, FinWait2, MiniEvent::Armed { watched: false });
    story.event(&CLIENT_SOCKET.orphan(115, FinWait2, Close));
    assert!(story.due().unwrap() < SECOND);
    let before = story.table.to_look_at(MonoNs(SECOND), 9).next().unwrap();
    story.look(SECOND, Some(TimeWait));
    story.said(&["fin-wait-2>time-wait poll dwell=999999890 age=999999990 - 100:connect"]);
    assert_eq!(story.due(), Some(69 * SECOND), "its end is told");
    let late = story.table.looked(&before.seen(None, MonoNs(2 * SECOND)));
    assert_eq!(late, [None; 2]);
    story.time_wait(60 * SECOND, TimeWait, gone(MiniEnd::Expired));
    story.said(&["time-wait>closed timer dwell=- age=59999999990 finished 100:connect"]);
    story.is_over();
}

#[test]
fn where_many_are_in_time_wait_they_are_looked_at_seldom_until_their_time_is_over() {
    const MANY: u64 = 20_000;
    let mut story = Story::new(Followed::NONE);
    story.table = Table::new(1 << 15, Followed::NONE);
    for n in 1..=MANY {
        let socket = Socket {
            cookie: n,
            sk: n,
            sport: u16::try_from(1 + n % 60_000).unwrap(),
            dport: u16::try_from(1 + n / 60_000).unwrap(),
            ..CLIENT_SOCKET
        };
        story.event(&Transition {
            done: Some(true),
            ..socket.orphan(1, FinWait2, Close)
        });
    }
    let due = |story: &Story, at| story.table.to_look_at(MonoNs(at), usize::MAX).count() as u64;
    let look_at_all = |story: &mut Story, at| {
        let all: Vec<_> = story.table.to_look_at(MonoNs(at), usize::MAX).collect();
        for wanted in all {
            assert_eq!(
                story
                    .table
                    .looked(&wanted.seen(Some(in_state(TimeWait)), MonoNs(at))),
                [None; 2]
            );
        }
    };
    assert_eq!(due(&story, SECOND), MANY, "was there room?");
    look_at_all(&mut story, SECOND);
    assert_eq!(due(&story, 2 * SECOND), 0);
    assert_eq!(due(&story, 4 * SECOND), MANY);
    look_at_all(&mut story, 58 * SECOND);
    assert_eq!(due(&story, 60 * SECOND), MANY, "the time is over");
    look_at_all(&mut story, 60 * SECOND);
    assert_eq!(due(&story, 61 * SECOND), MANY, "and over");
}

#[test]
fn looks_are_due_soonest_first_and_seldom() {
    let mut story = Story::new(Followed::NONE);
    for n in 1..=3 {
        let socket = Socket {
            cookie: n,
            sk: n,
            sport: 40_000 + u16::try_from(n).unwrap(),
            ..CLIENT_SOCKET
        };
        story.event(&socket.orphan(n * SECOND, FinWait2, Close));
    }
    let due = |story: &Story, now: u64, limit| {
        let due = story.table.to_look_at(MonoNs(now), limit);
        due.map(|wanted| wanted.key.cookie.unwrap().get())
            .collect::<Vec<_>>()
    };
    assert_eq!(due(&story, 10 * SECOND, 2), [1, 2]);
    assert_eq!(due(&story, 2 * SECOND, 9), [1]);
    let first = story.table.to_look_at(MonoNs(u64::MAX), 1).next().unwrap();
    let found = first.seen(Some(in_state(FinWait2)), MonoNs(10 * SECOND));
    assert_eq!(story.table.looked(&found), [None; 2]);
    assert_eq!(due(&story, 20 * SECOND, 9), [2, 3, 1]);
    assert_eq!(due(&story, 10 * SECOND + SECOND / 4, 9), [2, 3]);
    assert_eq!(due(&story, 10 * SECOND + SECOND / 2, 9), [2, 3, 1]);
}
