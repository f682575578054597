//! Why a socket went to `Close`, from `sk_err`, `sk_shutdown`, and whether anybody held it.
//!
//! The kernel sets `sk_err` before the transition (`tcp_reset`, `tcp_write_err`, `tcp_abort`), and
//! `__tcp_close` sets `sk_shutdown` before it, so both can be trusted here. Where a minisocket goes
//! on, that change is none of the connection's, and is not judged here.

use super::infer;
use crate::model::{Cause, Errno, TcpState, Transition};

/// `RCV_SHUTDOWN | SEND_SHUTDOWN`
const SHUTDOWN_MASK: u8 = 3;

/// Cause and error of a transition to `Close`; nothing for any other, and nothing where the kernel
/// does not tell `sk_err`. `followed`: whether a minisocket, had there been one, would be known.
pub(super) fn judge(transition: &Transition, followed: bool) -> (Option<Cause>, Option<Errno>) {
    if transition.new != TcpState::Close || transition.old == TcpState::Close {
        return (None, None);
    }
    match transition.sk_err {
        Some(0) => (without_error(transition, followed), None),
        Some(errno) => (
            Some(from_error(transition, Errno(errno))),
            Some(Errno(errno)),
        ),
        None => (None, None),
    }
}

fn from_error(transition: &Transition, errno: Errno) -> Cause {
    match errno {
        Errno::ECONNREFUSED => Cause::Refused,
        // What a reset leaves in CLOSE_WAIT is EPIPE (`tcp_reset`).
        Errno::EPIPE if transition.old != TcpState::CloseWait => Cause::Error,
        Errno::ECONNRESET | Errno::EPIPE => Cause::ResetByPeer,
        Errno::ECONNABORTED => Cause::Killed,
        Errno::ETIMEDOUT => Cause::TimedOut,
        Errno::EHOSTUNREACH | Errno::ENETUNREACH | Errno::ENETDOWN | Errno::EHOSTDOWN => {
            Cause::Unreachable
        }
        _ => Cause::Error,
    }
}

fn without_error(transition: &Transition, followed: bool) -> Option<Cause> {
    let shutdown = transition.shutdown?;
    let in_close = shutdown & SHUTDOWN_MASK == SHUTDOWN_MASK;
    Some(match transition.old {
        TcpState::Listen => Cause::ListenerClosed,
        TcpState::SynSent if in_close => Cause::GaveUp,
        // `tcp_v4_connect` failed after it had set SYN_SENT: no port was ever chosen.
        TcpState::SynSent if transition.tuple.sport == 0 => Cause::ConnectFailed,
        TcpState::SynSent => Cause::Disconnected,
        // A reset from close() while the peer's FIN is still out (`tcp_disconnect`, unread data).
        TcpState::FinWait2 if aborted_in_fin_wait(transition, in_close) => Cause::Aborted,
        TcpState::FinWait2 if disconnected_in_fin_wait(transition, in_close) => Cause::Disconnected,
        TcpState::FinWait2 | TcpState::Closing
            if followed && infer::goes_on_in(transition).is_some() =>
        {
            Cause::Overflow
        }
        TcpState::FinWait2 | TcpState::Closing | TcpState::LastAck | TcpState::TimeWait => {
            Cause::Finished
        }
        TcpState::FinWait1 => Cause::Aborted,
        _ if in_close => Cause::Aborted,
        _ => match transition.info.inode? {
            // `inet_csk_listen_stop` disconnects what nobody had accepted.
            0 => Cause::Unaccepted,
            _ => Cause::Disconnected,
        },
    })
}

fn aborted_in_fin_wait(transition: &Transition, in_close: bool) -> bool {
    in_close && held_without_fin(transition)
}

/// connect(AF_UNSPEC) after shutdown().
fn disconnected_in_fin_wait(transition: &Transition, in_close: bool) -> bool {
    !in_close && held_without_fin(transition)
}

fn held_without_fin(transition: &Transition) -> bool {
    let held = transition.dead == Some(false) && transition.info.inode.is_some_and(|i| i != 0);
    held && transition.done == Some(false)
}
