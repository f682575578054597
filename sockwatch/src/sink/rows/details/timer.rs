//! A timer as `ss -o` shows it: `timer:(NAME,TIME,RETRANS)`.

use crate::{
    model::row::{Timer, TimerKind},
    sink::put,
};

/// Appends it.
pub(super) fn write(out: &mut Vec<u8>, timer: Timer) {
    out.extend_from_slice(b"timer:(");
    out.extend_from_slice(name(timer.kind).as_bytes());
    out.push(b',');
    time(out, timer.expires_ms);
    out.push(b',');
    put::number(out, timer.retrans);
    out.push(b')');
}

const fn name(kind: TimerKind) -> &'static str {
    match kind {
        TimerKind::Retransmit => "on",
        TimerKind::Keepalive => "keepalive",
        TimerKind::TimeWait => "timewait",
        TimerKind::Persist => "persist",
        TimerKind::DelayedAck => "delack",
        TimerKind::Unknown(_) => "unknown",
    }
}

/// The largest units that say enough: milliseconds below ten seconds, seconds below ten minutes.
fn time(out: &mut Vec<u8>, ms: u32) {
    let (minutes, seconds, ms) = (ms / 60_000, ms / 1_000 % 60, ms % 1_000);
    let seconds = if minutes > 9 { 0 } else { seconds };
    let ms = if minutes > 0 || seconds > 9 { 0 } else { ms };
    if minutes > 0 {
        put::number(out, minutes);
        out.extend_from_slice(b"min");
    }
    if seconds > 0 {
        put::number(out, seconds);
        out.extend_from_slice(if ms > 0 { b"." } else { b"sec" });
    }
    if ms > 0 {
        let digits = [ms / 100, ms / 10 % 10, ms % 10];
        out.extend(digits.map(|digit| b"0123456789"[digit as usize]));
        out.extend_from_slice(if seconds > 0 { b"sec" } else { b"ms" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_short_as_those_of_ss() {
        for (ms, expected) in [
            (0, "timer:(keepalive,,2)"),
            (7, "timer:(keepalive,007ms,2)"),
            (200, "timer:(keepalive,200ms,2)"),
            (1_000, "timer:(keepalive,1sec,2)"),
            (9_373, "timer:(keepalive,9.373sec,2)"),
            (59_380, "timer:(keepalive,59sec,2)"),
            (60_500, "timer:(keepalive,1min,2)"),
            (119_900, "timer:(keepalive,1min59sec,2)"),
            (7_199_000, "timer:(keepalive,119min,2)"),
        ] {
            let timer = Timer {
                kind: TimerKind::Keepalive,
                expires_ms: ms,
                retrans: 2,
            };
            let mut out = Vec::new();
            write(&mut out, timer);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
