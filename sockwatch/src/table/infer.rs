//! Where no timer tells of minisockets: whether a full socket left one behind when it went to
//! `Close`.
//!
//! `tcp_time_wait` makes one when the peer's FIN is in (`tcp_fin` sets SOCK_DONE; in CLOSING it was
//! before), or when a process has left a socket in FIN-WAIT-2 (`__tcp_close`, `tcp_keepalive_timer`).
//! An orphan that is reset there (TCP_LINGER2 below 0, data that nobody reads) looks the same, and so
//! does a minisocket for which there was no room: somebody has to look.

use crate::model::{TcpState, Transition};

/// The state in which the connection goes on after a full socket's transition to `Close`; `None` if
/// it does not, or where the kernel does not tell what is needed.
pub(super) fn goes_on_in(transition: &Transition) -> Option<TcpState> {
    if transition.sk_err? != 0 {
        return None;
    }
    match (transition.old, transition.done?, transition.dead?) {
        (TcpState::FinWait2 | TcpState::Closing, true, _) => Some(TcpState::TimeWait),
        (TcpState::FinWait2, false, true) => Some(TcpState::FinWait2),
        _ => None,
    }
}
