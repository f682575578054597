//! What the table is told of a socket that a dump showed.
//!
//! No I/O. Does not merge rows with what the probes saw.

use crate::model::{Endpoint, Nanos, Proto, Row, SocketInfo, TcpState, Timer, TimerKind, Tuple};

/// A socket that a dump showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedSocket {
    /// Transport protocol: that of the dump.
    pub proto: Proto,
    /// Socket cookie. The dump gives one to every socket that had none, half-open ones too, and
    /// their accepted connections inherit it (`inet_csk_clone_lock`).
    pub cookie: u64,
    /// Both ends.
    pub tuple: Tuple,
    /// Its state; half-open is `SynRecv`, as `ss` shows it.
    pub state: TcpState,
    /// What else it carries.
    pub info: SocketInfo,
    /// Whether it is a minisocket: half-open, TIME-WAIT, or FIN-WAIT-2 that no process holds.
    pub minisocket: bool,
    /// How long its timer has to run, where it is a minisocket.
    pub left: Option<Nanos>,
}

impl SeedSocket {
    /// From a row of a dump of `proto`; `None` if it has no IP addresses.
    pub(super) fn from_row(row: &Row<'_>, proto: Proto) -> Option<Self> {
        // `inet_twsk_diag_fill` sets that timer for both; no full socket has it.
        let is_left = |timer: Timer| timer.kind == TimerKind::TimeWait;
        let minisocket = row.state == TcpState::SynRecv || row.timer.is_some_and(is_left);
        let timer = row.timer.filter(|_| minisocket);
        Some(Self {
            proto,
            cookie: row.cookie.unwrap_or(0),
            tuple: Endpoint::tuple(&row.local, &row.peer)?,
            state: row.state,
            info: row.info,
            minisocket,
            left: timer.map(|timer| Nanos::from_ms(timer.expires_ms)),
        })
    }
}
