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
    /// The FIN that comes for such a FIN-WAIT-2, by the segment that brings it.
    pub fins: bool,
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
        fins: true,
        ports: true,
        accepts: true,
        resets: true,
    };

    /// Nothing.
    pub const NONE: Self = Self {
        requests: false,
        timewaits: false,
        fins: false,
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

/// What is left of `wanted` where nothing of it can be told, or shall be.
pub(super) fn none(wanted: Minis, why: &str, degraded: &mut Vec<Degraded>) -> Minis {
    let whats = [
        (wanted.requests, HALF_OPEN),
        (wanted.timewaits, TIME_WAIT),
        (wanted.ports, PORTS),
        (wanted.accepts, ACCEPTS),
    ];
    let missing = whats.into_iter().filter(|(wanted, _)| *wanted);
    degraded.extend(missing.map(|(_, what)| without(what, why)));
    Minis::NONE
}

/// As [`none`], of what timers tell.
pub(super) fn without_timers(wanted: Minis, why: &str, degraded: &mut Vec<Degraded>) -> Minis {
    let Minis {
        accepts, resets, ..
    } = wanted;
    let told_by_timers = Minis {
        accepts: false,
        resets: false,
        ..wanted
    };
    Minis {
        accepts,
        resets,
        ..none(told_by_timers, why, degraded)
    }
}

/// That `what` is not told, why, and what there is instead.
pub(super) fn without(what: &'static str, why: &str) -> Degraded {
    let instead = match what {
        HALF_OPEN => "they are shown from the answer to their SYN-ACK on, or not at all",
        TIME_WAIT => {
            "inferred from the end of the socket before it, and then looked at: its changes are \
             shown up to a second late (observed: poll)"
        }
        FINS => {
            "minisockets in fin-wait-2 are looked at: the change is shown up to a second late \
             (observed: poll)"
        }
        PORTS => "it is shown with the next change",
        _ => "until its first change a connection is held to be the listener's",
    };
    let why = format!("{why}; {instead}");
    Degraded { what, why }
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
                    "the function that tells is not in /proc/kallsyms: CAP_SYSLOG is needed, and \
                     kernel.kptr_restrict below 2"
                        .to_owned()
                }
                Ok(_) => return true,
            }
        };
        degraded.push(without(what, &why));
        false
    };
    let timer = [layout.timer_function, layout.timer_expires];
    let [function, expires] = timer;
    let timewaits = check(
        wanted.timewaits,
        TIME_WAIT,
        &[function, expires, layout.tw_timer, layout.tw_substate],
        |symbols| symbols.tw_timer_handler,
    );
    let segment = [
        layout.skb_head,
        layout.network_header,
        layout.transport_header,
        layout.skb_dev,
        layout.dev_net,
        layout.net_inum,
    ];
    let minis = Minis {
        requests: check(
            wanted.requests,
            HALF_OPEN,
            &[function, expires, layout.rsk_timer],
            |symbols| symbols.reqsk_timer_handler,
        ),
        timewaits,
        // Without the timers nobody knows which segments to look for.
        fins: check(wanted.fins && timewaits, FINS, &segment, |symbols| {
            symbols.tcp_v4_rcv
        }),
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
pub(super) const FINS: &str = "fin-wait-2 to time-wait";
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
            skb_head: 200,
            network_header: 180,
            transport_header: 178,
            skb_dev: 16,
            dev_net: 264,
            net_inum: 144,
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
            tcp_v4_rcv: 4,
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
    fn segments_are_looked_for_where_the_timers_tell_which() {
        let symbols = Symbols {
            tcp_v4_rcv: u64::MAX,
            ..all()
        };
        let (minis, degraded) = judge(Minis::ALL, &layout(), &Ok(symbols));
        assert!(minis.timewaits && !minis.fins);
        assert_eq!(degraded[0].what, FINS);
        let symbols = Symbols {
            tw_timer_handler: u64::MAX,
            ..all()
        };
        let (minis, degraded) = judge(Minis::ALL, &layout(), &Ok(symbols));
        assert!(!minis.fins);
        assert_eq!(degraded.len(), 1);
    }

    #[test]
    fn what_is_switched_off_is_said_with_what_there_is_instead() {
        let mut degraded = Vec::new();
        let wanted = Minis {
            requests: false,
            ports: false,
            ..Minis::ALL
        };
        assert_eq!(none(wanted, "--no-minisock", &mut degraded), Minis::NONE);
        let what: Vec<_> = degraded.iter().map(|degraded| degraded.what).collect();
        assert_eq!(what, [TIME_WAIT, ACCEPTS]);
        assert!(degraded[0].why.starts_with("--no-minisock; inferred"));
    }

    #[test]
    fn what_is_not_wanted_is_not_missed() {
        let denied = Err(io::ErrorKind::PermissionDenied.into());
        let (minis, degraded) = judge(Minis::NONE, &Layout::ABSENT, &denied);
        assert_eq!((minis, degraded.len()), (Minis::NONE, 0));
        assert_eq!(judge(Minis::ALL, &layout(), &denied).1.len(), 3);
    }
}
