//! Who owns, who closes, who accepts.

use super::*;

#[test]
fn a_child_inherits_the_listeners_owner() {
    use TcpState::{Close, CloseWait, Established, LastAck, Listen, SynRecv};
    let mut table = Table::new(10, Followed::ALL);
    table.plain(&LISTENER.event(1, SERVER, Close, Listen));
    let born = table.plain(&CHILD.event(10, CLIENT, Listen, SynRecv));
    assert_eq!(
        (born.dwell, born.age),
        (None, Some(Nanos(0))),
        "it never was listening"
    );
    assert_eq!(owner_of(&born), Some((SERVER, How::Unaccepted)));
    table.plain(&CHILD.event(12, CLIENT, SynRecv, Established));
    table.plain(&CHILD.event(20, CLIENT, Established, CloseWait));
    let closing = table.plain(&CHILD.event(30, SERVER + 1, CloseWait, LastAck));
    assert_eq!(owner_of(&closing), Some((SERVER, How::Inherited)));
    let closer = closing.closer.map(|closer| (closer.pid, closer.how));
    assert_eq!(
        closer,
        Some((SERVER + 1, How::Close)),
        "the worker that had it"
    );
    assert_eq!(
        table
            .get(LISTENER.event(0, 0, Close, Close).key)
            .unwrap()
            .state,
        Listen
    );
}

#[test]
fn a_port_shared_by_processes_gives_no_owner() {
    use TcpState::{Close, Listen, SynRecv};
    let mut table = Table::new(10, Followed::ALL);
    let other = Socket {
        cookie: 22,
        sk: 0x22,
        ..LISTENER
    };
    table.plain(&LISTENER.event(1, SERVER, Close, Listen));
    table.plain(&other.event(2, SERVER + 5, Close, Listen));
    assert_eq!(
        owner_of(&table.plain(&CHILD.event(3, CLIENT, Listen, SynRecv))),
        None
    );
    // One of them goes: then it can only be the other.
    table.plain(&other.event(4, SERVER + 5, Listen, Close));
    let next = Socket {
        cookie: 4,
        sk: 0x40,
        ..CHILD
    };
    let born = table.plain(&next.event(5, CLIENT, Listen, SynRecv));
    assert_eq!(owner_of(&born), Some((SERVER, How::Unaccepted)));
}

#[test]
fn a_kernel_thread_is_no_owner() {
    let mut event = CLIENT_SOCKET.event(1, CLIENT, TcpState::Close, TcpState::SynSent);
    event.context = Some(Context {
        kernel_thread: true,
        ..context(CLIENT)
    });
    assert_eq!(Table::new(1, Followed::ALL).plain(&event).owner, None);
}

#[test]
fn who_uses_a_connection_first_has_accepted_it() {
    use TcpState::{Close, CloseWait, Established, Listen, SynRecv};
    let accepted = |at, by| Accepted {
        at: MonoNs(at),
        cookie: CHILD.cookie,
        sk: CHILD.sk,
        by,
    };
    let in_queue = SocketInfo {
        inode: Some(0),
        ..CHILD.event(0, 0, Close, Close).info
    };
    let mut story = Story::server(Followed::ALL);
    story.request(100, 0, ARMED);
    story.event(&CHILD.event(110, 999, Listen, SynRecv));
    story.event(&Transition {
        info: in_queue,
        ..CHILD.event(120, 999, SynRecv, Established)
    });
    story.lines.clear();
    let kernel = Context {
        kernel_thread: true,
        ..context(2)
    };
    story.table.accepted(&accepted(130, kernel));
    story.table.accepted(&accepted(150, context(SERVER + 1)));
    story.event(&CHILD.event(170, 999, Established, CloseWait));
    story.said(&["established>close-wait event dwell=50 age=70 - 201:accept wait=30"]);
    // Passed on: who closes it is not who accepted it.
    story.event(&CHILD.event(190, SERVER + 2, CloseWait, TcpState::LastAck));
    story.said(&["close-wait>last-ack event dwell=20 age=90 - 201:accept closer=202"]);
}

#[test]
fn a_client_that_reads_has_accepted_nothing() {
    let mut table = Table::new(1, Followed::ALL);
    let connect = CLIENT_SOCKET.event(1, CLIENT, TcpState::Close, TcpState::SynSent);
    table.plain(&connect);
    table.accepted(&Accepted {
        at: MonoNs(5),
        cookie: CLIENT_SOCKET.cookie,
        sk: CLIENT_SOCKET.sk,
        by: context(7),
    });
    let owner = table.get(connect.key).unwrap().owner.unwrap();
    assert_eq!((owner.pid, owner.how), (CLIENT, How::Connect));
}

#[test]
fn a_fork_that_closes_a_shared_socket_is_its_closer() {
    let mut story = Story::new(Followed::ALL);
    story.event(&CLIENT_SOCKET.event(1, CLIENT, TcpState::Close, TcpState::SynSent));
    story.event(&CLIENT_SOCKET.event(2, 999, TcpState::SynSent, TcpState::Established));
    story.lines.clear();
    story.event(&CLIENT_SOCKET.event(9, CLIENT + 1, TcpState::Established, TcpState::FinWait1));
    story.said(&["established>fin-wait-1 event dwell=7 age=8 - 100:connect closer=101"]);
}

#[test]
fn a_closer_owns_what_nobody_else_is_known_to_own() {
    let mut story = Story::new(Followed::ALL);
    story.event(&CLIENT_SOCKET.event(9, CLIENT, TcpState::Established, TcpState::FinWait1));
    story.said(&["established>fin-wait-1 event dwell=- age=- - 100:close closer=100"]);
}
