//! Why a full socket went to `Close`.

use super::*;

/// KERNEL's table of causes, row by row.
#[test]
fn causes() {
    use TcpState::{
        Close, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynRecv,
        SynSent,
    };
    let cause = |old, sk_err, shutdown, inode, done| {
        let mut event = CLIENT_SOCKET.event(1, CLIENT, old, Close);
        event.sk_err = Some(sk_err);
        event.shutdown = Some(shutdown);
        event.info.inode = Some(inode);
        event.dead = Some(inode == 0);
        event.done = Some(done);
        cause::judge(&event, false).0.unwrap()
    };
    assert_eq!(cause(SynSent, 111, 0, 5, false), Cause::Refused);
    assert_eq!(cause(SynSent, 110, 0, 5, false), Cause::TimedOut);
    assert_eq!(cause(SynSent, 113, 0, 5, false), Cause::Unreachable);
    assert_eq!(cause(SynSent, 101, 0, 5, false), Cause::Unreachable);
    assert_eq!(cause(SynSent, 0, 3, 5, false), Cause::GaveUp);
    assert_eq!(cause(SynSent, 0, 0, 5, false), Cause::Disconnected);
    assert_eq!(cause(Established, 104, 0, 5, false), Cause::ResetByPeer);
    assert_eq!(cause(CloseWait, 32, 1, 5, true), Cause::ResetByPeer);
    assert_eq!(cause(Established, 103, 0, 5, false), Cause::Killed);
    assert_eq!(cause(Established, 110, 0, 5, false), Cause::TimedOut);
    assert_eq!(cause(Established, 0, 3, 5, false), Cause::Aborted);
    assert_eq!(cause(CloseWait, 0, 3, 5, true), Cause::Aborted);
    assert_eq!(cause(Established, 0, 0, 0, false), Cause::Unaccepted);
    assert_eq!(cause(CloseWait, 0, 1, 0, true), Cause::Unaccepted);
    assert_eq!(cause(SynRecv, 0, 0, 0, false), Cause::Unaccepted);
    assert_eq!(cause(Established, 0, 0, 5, false), Cause::Disconnected);
    assert_eq!(cause(FinWait1, 0, 3, 0, false), Cause::Aborted);
    assert_eq!(cause(FinWait2, 0, 3, 0, false), Cause::Finished);
    assert_eq!(cause(FinWait2, 0, 3, 5, true), Cause::Finished);
    assert_eq!(cause(FinWait2, 0, 3, 5, false), Cause::Aborted);
    assert_eq!(cause(Closing, 0, 3, 0, true), Cause::Finished);
    assert_eq!(cause(LastAck, 0, 3, 0, true), Cause::Finished);
    assert_eq!(cause(Listen, 0, 0, 5, false), Cause::ListenerClosed);
    assert_eq!(cause(Established, 71, 0, 5, false), Cause::Error);
    let unbound = Socket {
        sport: 0,
        ..CLIENT_SOCKET
    }
    .event(1, CLIENT, SynSent, Close);
    assert_eq!(cause::judge(&unbound, false).0, Some(Cause::ConnectFailed));
    let blind = Transition {
        sk_err: None,
        ..unbound
    };
    assert_eq!(
        cause::judge(&blind, false),
        (None, None),
        "a kernel that does not tell: unknown"
    );
}
