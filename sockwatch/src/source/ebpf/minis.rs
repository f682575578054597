//! Which probes beyond those of `inet_sock_set_state` are wanted, which this kernel allows, and why
//! not the others.

use std::io;

use sockwatch_common::layout::{ABSENT, Layout, Symbols};

use super::symbols;
use crate::model::event::Degraded;

/// What is told beyond the changes of full sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "switches")]
pub struct Minis {
    /// Half-open connections (`request_sock`).
    pub requests: bool,
    /// TIME-WAIT, and FIN-WAIT-2 that no process holds (`inet_timewait_sock`).
    pub timewaits: bool,
    /// The port that connect() has the kernel choose.
    pub ports: bool,
    /// Who accepts a connection.
    pub accepts: bool,
    /// Why a socket sends a reset.
    pub resets: bool,
}

impl Minis {
    /// Everything.
    pub const ALL: Self = Self {
        requests: true,
        timewaits: true,
        ports: true,
        accepts: true,
        resets: true,
    };

    /// Nothing.
    pub const NONE: Self = Self {
        requests: false,
        timewaits: false,
        ports: false,
        accepts: false,
        resets: false,
    };

    /// Whether the timers of the kernel are asked.
    pub(super) const fn timers(self) -> bool {
        self.requests || self.timewaits || self.ports
    }
}

/// Looks up where the handlers of the timers lie, and leaves of `wanted` what can be told by them
/// on this kernel.
pub(super) fn usable(
    wanted: Minis,
    layout: &Layout,
    degraded: &mut Vec<Degraded>,
) -> (Minis, Symbols) {
    let symbols = if wanted.timers() {
        symbols::symbols()
    } else {
        Ok(Symbols::ABSENT)
    };
    let (minis, why) = judge(wanted, layout, &symbols);
    degraded.extend(why);
    (minis, symbols.unwrap_or(Symbols::ABSENT))
}

/// What is left of `wanted` under the classic tracepoints: nothing. The probes read by type.
pub(super) fn none_without_types(wanted: Minis, degraded: &mut Vec<Degraded>) -> Minis {
    let whats = [
        (wanted.requests, HALF_OPEN),
        (wanted.timewaits, TIME_WAIT),
        (wanted.ports, PORTS),
        (wanted.accepts, ACCEPTS),
    ];
    for (_, what) in whats.into_iter().filter(|(wanted, _)| *wanted) {
        let why = "told only where tp_btf can be used".to_owned();
        degraded.push(Degraded { what, why });
    }
    Minis::NONE
}

fn judge(wanted: Minis, layout: &Layout, symbols: &io::Result<Symbols>) -> (Minis, Vec<Degraded>) {
    let mut degraded = Vec::new();
    let mut check = |wanted: bool, what, offsets: &[u32], symbol: fn(&Symbols) -> u64| {
        let why = if !wanted {
            return false;
        } else if offsets.contains(&ABSENT) {
            "this kernel keeps the timer or its facts elsewhere".to_owned()
        } else {
            match symbols {
                Err(error) => format!("/proc/kallsyms: {error}"),
                Ok(symbols) if symbol(symbols) == u64::MAX => {
                    "the handler of its timer is not in /proc/kallsyms: CAP_SYSLOG is needed, and \
                     kernel.kptr_restrict below 2"
                        .to_owned()
                }
                Ok(_) => return true,
            }
        };
        degraded.push(Degraded { what, why });
        false
    };
    let timer = [layout.timer_function, layout.timer_expires];
    let [function, expires] = timer;
    let minis = Minis {
        requests: check(
            wanted.requests,
            HALF_OPEN,
            &[function, expires, layout.rsk_timer],
            |symbols| symbols.reqsk_timer_handler,
        ),
        timewaits: check(
            wanted.timewaits,
            TIME_WAIT,
            &[function, expires, layout.tw_timer, layout.tw_substate],
            |symbols| symbols.tw_timer_handler,
        ),
        ports: check(
            wanted.ports,
            PORTS,
            &[function, layout.write_timer, layout.state],
            |symbols| symbols.tcp_write_timer,
        ),
        accepts: wanted.accepts,
        resets: wanted.resets,
    };
    (minis, degraded)
}

/// Names in `degraded`.
pub(super) const HALF_OPEN: &str = "half-open connections";
pub(super) const TIME_WAIT: &str = "time-wait";
pub(super) const PORTS: &str = "port of syn-sent";
pub(super) const ACCEPTS: &str = "accept";

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        Layout {
            timer_function: 24,
            timer_expires: 16,
            rsk_timer: 152,
            tw_timer: 160,
            tw_substate: 140,
            write_timer: 1104,
            state: 18,
            ..Layout::ABSENT
        }
    }

    fn all() -> Symbols {
        Symbols {
            tw_timer_handler: 1,
            reqsk_timer_handler: 2,
            tcp_write_timer: 3,
            ..Symbols::ABSENT
        }
    }

    #[test]
    fn what_is_known_is_used() {
        assert_eq!(
            judge(Minis::ALL, &layout(), &Ok(all())),
            (Minis::ALL, Vec::new())
        );
    }

    #[test]
    fn what_is_missing_is_said_and_the_rest_is_used() {
        let symbols = Symbols {
            reqsk_timer_handler: u64::MAX,
            ..all()
        };
        let layout = Layout {
            write_timer: ABSENT,
            ..layout()
        };
        let (minis, degraded) = judge(Minis::ALL, &layout, &Ok(symbols));
        let expected = Minis {
            requests: false,
            ports: false,
            ..Minis::ALL
        };
        assert_eq!(minis, expected);
        let what: Vec<_> = degraded.iter().map(|degraded| degraded.what).collect();
        assert_eq!(what, [HALF_OPEN, PORTS]);
    }

    #[test]
    fn what_is_not_wanted_is_not_missed() {
        let denied = Err(io::ErrorKind::PermissionDenied.into());
        let (minis, degraded) = judge(Minis::NONE, &Layout::ABSENT, &denied);
        assert_eq!((minis, degraded.len()), (Minis::NONE, 0));
        assert_eq!(judge(Minis::ALL, &layout(), &denied).1.len(), 3);
    }
}
