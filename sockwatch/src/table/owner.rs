//! Who owns a socket: judged from the task that was running, where that task is known to be acting
//! on its own socket. In all other transitions the running task is whoever softirq interrupted.

use crate::model::{How, Owner, TcpState, Transition};

/// The owner after this transition.
///
/// `inherited` is asked for a child only.
pub(super) fn judge(
    transition: &Transition,
    known: Option<Owner>,
    inherited: impl FnOnce() -> Option<Owner>,
) -> Option<Owner> {
    let Some(how) = acting(transition) else {
        return if transition.is_child() {
            inherited()
        } else {
            known
        };
    };
    let context = transition.context.filter(|context| !context.kernel_thread);
    let actor = context.map(|context| Owner {
        pid: context.pid,
        comm: context.comm,
        how,
    });
    match known {
        // Who closes a socket may have got it from its owner; who owns the listener may have
        // handed it on.
        Some(owner) if how == How::Close && owner.how != How::Inherited => Some(owner),
        _ => actor.or(known),
    }
}

/// What the running task is doing to its own socket, if anything.
fn acting(transition: &Transition) -> Option<How> {
    use TcpState::{
        Close, CloseWait, Established, FinWait1, FinWait2, LastAck, Listen, SynRecv, SynSent,
    };
    match (transition.old, transition.new) {
        (Close, SynSent) => Some(How::Connect),
        (Close, Listen) => Some(How::Listen),
        (Established | SynRecv, FinWait1) | (CloseWait, LastAck) | (Listen, Close) => {
            Some(How::Close)
        }
        // close() with a reset. Not from LAST_ACK and CLOSING, nor from FIN_WAIT2 once the peer's
        // FIN is in: those close by themselves, in softirq.
        (Established | CloseWait | SynSent | SynRecv | FinWait1, Close) if closing(transition) => {
            Some(How::Close)
        }
        (FinWait2, Close) if transition.done == Some(false) && closing(transition) => {
            Some(How::Close)
        }
        _ => None,
    }
}

/// Whether the transition happens inside close(): no error, both directions shut, and the file
/// still there (`__tcp_close` orphans the socket only afterwards).
fn closing(transition: &Transition) -> bool {
    transition.sk_err == Some(0)
        && transition.shutdown == Some(3)
        && transition.dead == Some(false)
        && transition.info.inode.is_some_and(|inode| inode != 0)
}
