//! Who owns a socket: judged from the task that was running, where that task is known to be acting
//! on its own socket. In all other transitions the running task is whoever softirq interrupted.

use crate::model::{Context, How, Owner, TcpState, Transition};

/// Who owns the socket after a transition, and who closed it with that.
#[derive(Clone, Copy)]
pub(super) struct Judged {
    pub(super) owner: Option<Owner>,
    pub(super) closer: Option<Owner>,
}

/// The owner after this transition.
///
/// `inherited` is asked for a child only. Who closes a socket may have got it from its owner, or
/// share it: a closer is the owner only where nobody else is known.
pub(super) fn judge(
    transition: &Transition,
    known: Option<Owner>,
    inherited: impl FnOnce() -> Option<Owner>,
) -> Judged {
    if transition.is_child() {
        return Judged {
            owner: inherited(),
            closer: None,
        };
    }
    let known = known.map(|owner| taken_up(owner, transition));
    let how = acting(transition);
    let actor = how
        .zip(transition.context)
        .and_then(|(how, context)| by(context, how));
    if how == Some(How::Close) {
        Judged {
            owner: known.or(actor),
            closer: actor,
        }
    } else {
        Judged {
            owner: actor.or(known),
            closer: None,
        }
    }
}

/// The owner after `context` was the first to use a connection that came in.
pub(super) fn accepted(known: Option<Owner>, context: Context) -> Option<Owner> {
    match known {
        None
        | Some(Owner {
            how: How::Inherited | How::Unaccepted,
            ..
        }) => by(context, How::Accept).or(known),
        known => known,
    }
}

/// A task as an owner; a kernel thread is none.
fn by(context: Context, how: How) -> Option<Owner> {
    (!context.kernel_thread).then_some(Owner {
        pid: context.pid,
        comm: context.comm,
        how,
    })
}

/// A connection that has a file was accepted, by whom was not seen; so was one that is closed in
/// order (a subflow has no file). The others end with their listener (`inet_csk_listen_stop`).
fn taken_up(owner: Owner, transition: &Transition) -> Owner {
    let has_file = transition.info.inode.is_some_and(|inode| inode != 0);
    let is_closed = matches!(transition.new, TcpState::FinWait1 | TcpState::LastAck);
    if owner.how == How::Unaccepted && (has_file || is_closed) {
        Owner {
            how: How::Inherited,
            ..owner
        }
    } else {
        owner
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
