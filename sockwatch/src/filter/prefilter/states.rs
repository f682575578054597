//! Which state changes matter to a selection of states.

use sockwatch_common::filter::STATES;

use crate::{
    filter::Selection,
    model::{
        Proto,
        TcpState::{
            self, Close, CloseWait, Closing, Established, FinWait1, FinWait2, LastAck, Listen,
            SynRecv, SynSent, TimeWait,
        },
        Transition,
    },
};

/// Where a connection can go from each state: RFC 9293 section 3.3.2, and what Linux adds to it:
/// `closed` from everywhere (`tcp_done`), FIN in `syn-recv` (`tcp_fin`).
const GRAPH: [(TcpState, &[TcpState]); 10] = [
    (SynSent, &[Established, SynRecv, Close]),
    (SynRecv, &[Established, FinWait1, CloseWait, Close]),
    (Established, &[FinWait1, CloseWait, Close]),
    (FinWait1, &[FinWait2, Closing, TimeWait, Close]),
    (FinWait2, &[TimeWait, Close]),
    (TimeWait, &[Close]),
    (CloseWait, &[LastAck, Close]),
    (LastAck, &[Close]),
    (Closing, &[TimeWait, Close]),
    (Listen, &[Close]),
];

/// By the state left: a bit for each state whose entering matters.
pub(super) fn kept(selection: &Selection) -> [u32; STATES] {
    let mut kept = [u32::MAX; STATES];
    for (old, row) in (0..).zip(&mut kept) {
        for new in 0..STATES {
            let entered = TcpState::from_kernel(u8::try_from(new).unwrap_or(u8::MAX));
            if !matters(selection, TcpState::from_kernel(old), entered) {
                *row &= !(1 << new);
            }
        }
    }
    kept
}

/// What else than the changes of full sockets matters to a selection of states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "answers")]
pub struct Matter {
    /// Half-open connections.
    pub requests: bool,
    /// TIME-WAIT, and FIN-WAIT-2 that no process holds.
    pub timewaits: bool,
    /// The port that connect() has the kernel choose.
    pub ports: bool,
    /// Who accepts a connection.
    pub accepts: bool,
    /// Why a socket sends a reset.
    pub resets: bool,
}

impl Selection {
    /// What else than the changes of full sockets matters.
    pub fn matter(&self) -> Matter {
        let tcp = self.protos.is_empty() || self.protos.contains(&Proto::Tcp);
        let shows = |old, new| self.shows_states(Some(old), new);
        Matter {
            requests: tcp && matters(self, Listen, SynRecv),
            // Without them `closed` would be shown where the connection is not.
            timewaits: tcp
                && (matters(self, FinWait2, TimeWait)
                    || matters(self, TimeWait, Close)
                    || shows(FinWait2, Close)
                    || shows(Closing, Close)),
            ports: tcp && shows(Close, SynSent),
            accepts: tcp && leads_to_shown(self, Established),
            resets: tcp
                && [Established, CloseWait, SynRecv]
                    .into_iter()
                    .any(|old| shows(old, Close)),
        }
    }
}

/// Whether the change is shown, or something shown depends on it.
///
/// That is what comes later in the same life, for its dwell, age, owner and tuple: so every change
/// that enters a state from which a shown one can be reached matters, and the time in a state is
/// never counted from another stay in it. After `closed` only the next opening asks how long it
/// lasted. Listeners matter to their children, and the end of a full socket to the minisocket that
/// goes on.
fn matters(selection: &Selection, old: TcpState, new: TcpState) -> bool {
    let known = |state| state == Close || GRAPH.iter().any(|&(from, _)| from == state);
    if !known(old) || !known(new) || new == Listen || (old, new) == (Listen, Close) {
        return true;
    }
    let left = (!Transition::is_child_of(old, new)).then_some(old);
    if selection.shows_states(left, new) {
        return true;
    }
    // What ends the first state tells the port of what began it, and whose it is.
    let begin = match old {
        SynSent => {
            leads_to_shown(selection, SynSent) || selection.shows_states(Some(Close), SynSent)
        }
        SynRecv => leads_to_shown(selection, SynRecv) || selection.shows_states(None, SynRecv),
        _ => false,
    };
    begin || leads_to_shown(selection, new) || goes_on(selection, old, new)
}

/// Whether something shown depends on what a full socket tells at its end, for the minisocket that
/// may take its place (`tcp_time_wait`).
fn goes_on(selection: &Selection, old: TcpState, new: TcpState) -> bool {
    let may_leave_one = matches!(old, FinWait1 | FinWait2 | Closing) && new == Close;
    may_leave_one
        && (selection.shows_states(Some(old), TimeWait)
            || leads_to_shown(selection, TimeWait)
            || leads_to_shown(selection, FinWait2))
}

/// Whether a shown change can follow in state `from`.
fn leads_to_shown(selection: &Selection, from: TcpState) -> bool {
    let shows = |old: TcpState, new: TcpState| selection.shows_states(Some(old), new);
    if from == Close {
        return shows(Close, SynSent) || shows(Close, Listen);
    }
    let mut reached = vec![from];
    let mut at = 0;
    while let Some(&state) = reached.get(at) {
        at += 1;
        let next = GRAPH.iter().find(|&&(from, _)| from == state);
        for &new in next.map_or(&[][..], |&(_, next)| next) {
            if shows(state, new) {
                return true;
            }
            if new != Close && !reached.contains(&new) {
                reached.push(new);
            }
        }
    }
    false
}
