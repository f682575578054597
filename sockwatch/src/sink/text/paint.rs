//! Colours: subtle for states, loud for what went wrong.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use crate::model::{Cause, TcpState};

/// The arrow between two states, and other furniture.
pub(super) const FAINT: Style = Style::new().dimmed();
/// A gap in the stream.
pub(super) const LOST: Style = AnsiColor::Red.on_default().bold();

/// The colour of a state.
pub(super) const fn of_state(state: TcpState) -> Style {
    match state {
        TcpState::Established => AnsiColor::Green.on_default(),
        TcpState::SynSent | TcpState::SynRecv | TcpState::NewSynRecv => {
            AnsiColor::Cyan.on_default()
        }
        TcpState::Listen => AnsiColor::Blue.on_default(),
        TcpState::Close | TcpState::TimeWait | TcpState::BoundInactive => FAINT,
        TcpState::FinWait1
        | TcpState::FinWait2
        | TcpState::CloseWait
        | TcpState::LastAck
        | TcpState::Closing
        | TcpState::Unknown(_) => Style::new(),
    }
}

/// The colour of a cause: red where somebody or something else ended the connection, yellow where
/// its own side did so out of order.
pub(super) const fn of_cause(cause: Cause) -> Style {
    match cause {
        Cause::Finished | Cause::Reused => Style::new(),
        Cause::Refused
        | Cause::Unreachable
        | Cause::TimedOut
        | Cause::ResetByPeer
        | Cause::Killed
        | Cause::ConnectFailed
        | Cause::Overflow
        | Cause::Dropped
        | Cause::Error => AnsiColor::Red.on_default(),
        Cause::Aborted
        | Cause::GaveUp
        | Cause::Unaccepted
        | Cause::Disconnected
        | Cause::ListenerClosed => AnsiColor::Yellow.on_default(),
    }
}

/// Writes text, with colours or without.
pub(super) struct Painter<'o> {
    out: &'o mut Vec<u8>,
    colour: bool,
}

impl<'o> Painter<'o> {
    /// Writes to the end of `out`.
    pub(super) const fn new(out: &'o mut Vec<u8>, colour: bool) -> Self {
        Self { out, colour }
    }

    /// As it is.
    pub(super) fn plain(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
    }

    /// What `write` appends, as it is.
    pub(super) fn with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(self.out);
    }

    /// What `write` appends, in a style.
    pub(super) fn painted(&mut self, style: Style, write: impl FnOnce(&mut Vec<u8>)) {
        if self.colour {
            put(self.out, style.render());
        }
        write(self.out);
        if self.colour {
            put(self.out, style.render_reset());
        }
    }
}

/// Appends what `text` displays as.
pub(super) fn put(out: &mut Vec<u8>, text: impl std::fmt::Display) {
    // A Vec takes every byte.
    let _ = write!(out, "{text}");
}
