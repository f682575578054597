//! What stands in each column.

use std::net::IpAddr;

use super::paint::{self, Painter, put};
use crate::{
    enrich::names::Names,
    model::{Cause, Errno, Family, MonoNs, Nanos, Netid, Owner, Proto, TcpState},
    sink::{address, escape::escape},
};

/// `SYN-SENT→ESTAB`, or one state alone.
pub(super) fn transition(p: &mut Painter<'_>, old: Option<TcpState>, new: TcpState) {
    if let Some(old) = old {
        state(p, old);
        p.painted(paint::FAINT, |out| out.extend_from_slice("→".as_bytes()));
    }
    state(p, new);
}

fn state(p: &mut Painter<'_>, state: TcpState) {
    let name = state.display_name().as_bytes();
    p.painted(paint::of_state(state), |out| out.extend_from_slice(name));
}

/// `address:port` as `ss` prints it: IPv6 in brackets, `*` for a port that is 0, service names for
/// ports unless numeric.
///
/// The unspecified IPv6 address is `*`. `ss` prints `[::]` where the socket takes no IPv4, which
/// events do not tell.
pub(super) fn endpoint(
    p: &mut Painter<'_>,
    (proto, family): (Proto, Family),
    (address, port): (IpAddr, u16),
    names: &mut Names,
    now: MonoNs,
) {
    p.with(|out| {
        match names.host(address, now) {
            Some(name) => escape(name.as_bytes(), out),
            None => address::put_of_socket(family, address, false, out),
        }
        out.push(b':');
        let table = Netid::try_from(proto).ok();
        match table.and_then(|table| names.service(table, port)) {
            _ if port == 0 => out.push(b'*'),
            Some(name) => escape(name.as_bytes(), out),
            None => put(out, port),
        }
    });
}

/// `12.3µs`, `4.56ms`, `1.20s`, `2m03s`: three digits or two units, cut, not rounded; `-` where it
/// is not known. `<1.21s` for an upper bound, which is rounded up, or it would be none.
pub(super) fn dwell(p: &mut Painter<'_>, dwell: Option<Nanos>, is_bound: bool) {
    p.with(|out| match dwell {
        Some(span) if is_bound => {
            out.push(b'<');
            self::span(out, rounded_up(span));
        }
        Some(span) => self::span(out, span),
        None => out.push(b'-'),
    });
}

/// The least span that is no shorter and that [`span`] shows without cutting.
fn rounded_up(Nanos(ns): Nanos) -> Nanos {
    let last_unit = match ns / 1_000_000_000 {
        0..60 => 10_u64.pow(ns.checked_ilog10().unwrap_or(0).saturating_sub(2)),
        60..3_600 => 1_000_000_000,
        3_600..86_400 => 60 * 1_000_000_000,
        _ => 3_600 * 1_000_000_000,
    };
    Nanos(ns.checked_next_multiple_of(last_unit).unwrap_or(ns))
}

fn span(out: &mut Vec<u8>, Nanos(ns): Nanos) {
    let seconds = ns / 1_000_000_000;
    match ns {
        0..1_000 => put(out, format_args!("{ns}ns")),
        1_000..1_000_000 => three_digits(out, ns, 1_000, "µs"),
        1_000_000..1_000_000_000 => three_digits(out, ns, 1_000_000, "ms"),
        _ => match seconds {
            0..60 => three_digits(out, ns, 1_000_000_000, "s"),
            60..3_600 => two_units(out, seconds, 60, "m", 1, "s"),
            3_600..86_400 => two_units(out, seconds, 3_600, "h", 60, "m"),
            _ => two_units(out, seconds, 86_400, "d", 3_600, "h"),
        },
    }
}

fn three_digits(out: &mut Vec<u8>, ns: u64, unit: u64, name: &str) {
    let whole = ns / unit;
    let hundredths = ns % unit * 100 / unit;
    if whole < 10 {
        put(out, format_args!("{whole}.{hundredths:02}{name}"));
    } else if whole < 100 {
        put(out, format_args!("{whole}.{}{name}", hundredths / 10));
    } else {
        put(out, format_args!("{whole}{name}"));
    }
}

fn two_units(out: &mut Vec<u8>, seconds: u64, big: u64, big_name: &str, small: u64, name: &str) {
    let (whole, rest) = (seconds / big, seconds % big / small);
    put(out, format_args!("{whole}{big_name}{rest:02}{name}"));
}

/// `curl/4242`, or `-`.
pub(super) fn process(p: &mut Painter<'_>, owner: Option<&Owner>) {
    p.with(|out| match owner {
        Some(owner) => name(out, owner),
        None => out.push(b'-'),
    });
}

fn name(out: &mut Vec<u8>, process: &Owner) {
    escape(process.comm.as_bytes(), out);
    put(out, format_args!("/{}", process.pid));
}

/// The cause, and the error where the cause does not imply it.
pub(super) fn cause(p: &mut Painter<'_>, cause: Cause, errno: Option<Errno>) {
    p.painted(paint::of_cause(cause), |out| {
        out.extend_from_slice(cause.word().as_bytes());
        if let Some(errno) = errno.filter(|&errno| errno.0 != 0 && implied(cause) != Some(errno)) {
            match errno.name() {
                Some(name) => put(out, format_args!(" {name}")),
                None => put(out, format_args!(" errno-{}", errno.0)),
            }
        }
    });
}

/// The error that comes with a cause as a matter of course.
const fn implied(cause: Cause) -> Option<Errno> {
    match cause {
        Cause::Refused => Some(Errno::ECONNREFUSED),
        Cause::TimedOut => Some(Errno::ETIMEDOUT),
        Cause::ResetByPeer => Some(Errno::ECONNRESET),
        Cause::Killed => Some(Errno::ECONNABORTED),
        _ => None,
    }
}

/// `raw`, for the kernel's own event.
pub(super) fn raw(p: &mut Painter<'_>) {
    p.painted(paint::FAINT, |out| out.extend_from_slice(b"raw"));
}

/// `synack-retrans 2`
pub(super) fn synack_retrans(p: &mut Painter<'_>, count: u8) {
    p.with(|out| put(out, format_args!("synack-retrans {count}")));
}

/// `accept-wait 1.20ms`
pub(super) fn accept_wait(p: &mut Painter<'_>, wait: Nanos) {
    p.with(|out| {
        out.extend_from_slice(b"accept-wait ");
        span(out, wait);
    });
}

/// `closed by nginx/4243`
pub(super) fn closer(p: &mut Painter<'_>, closer: &Owner) {
    p.with(|out| {
        out.extend_from_slice(b"closed by ");
        name(out, closer);
    });
}

/// `netns:4026531840`, for a socket of another namespace than ours.
pub(super) fn netns(p: &mut Painter<'_>, inode: u32) {
    p.painted(paint::FAINT, |out| put(out, format_args!("netns:{inode}")));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(ns: u64) -> String {
        let mut out = Vec::new();
        span(&mut out, Nanos(ns));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn spans_keep_three_digits_or_two_units() {
        let seconds = 1_000_000_000;
        for (ns, text) in [
            (0, "0ns"),
            (999, "999ns"),
            (1_000, "1.00µs"),
            (12_345, "12.3µs"),
            (999_999, "999µs"),
            (4_567_000, "4.56ms"),
            (1_200_000_000, "1.20s"),
            (60 * seconds - 1, "59.9s"),
            (123 * seconds, "2m03s"),
            (3_720 * seconds, "1h02m"),
            (3 * 86_400 * seconds + 4 * 3_600 * seconds, "3d04h"),
            (u64::MAX, "213503d23h"),
        ] {
            assert_eq!(shown(ns), text);
        }
    }

    #[test]
    fn every_span_of_a_usual_length_fits_its_column() {
        for exponent in 0..47 {
            assert!(shown((1 << exponent) - 1).chars().count() <= 6);
        }
    }

    #[test]
    fn a_bound_is_rounded_up_and_no_further() {
        let second = 1_000_000_000;
        for (ns, text) in [
            (0, "0ns"),
            (999, "999ns"),
            (1_001, "1.01µs"),
            (9_990_001, "10.0ms"),
            (999_000_001, "1.00s"),
            (1_200_000_000, "1.20s"),
            (1_200_000_001, "1.21s"),
            (60 * second - 1, "1m00s"),
            (122 * second + 1, "2m03s"),
            (3_660 * second + 1, "1h02m"),
            (86_400 * second - 1, "1d00h"),
            (u64::MAX, "213503d23h"),
        ] {
            assert_eq!(shown(rounded_up(Nanos(ns)).0), text, "{ns}");
        }
    }

    #[test]
    fn an_error_is_named_where_the_cause_does_not_imply_it() {
        let text = |cause, errno| {
            let mut out = Vec::new();
            self::cause(&mut Painter::new(&mut out, false), cause, errno);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(Cause::Refused, Some(Errno::ECONNREFUSED)), "refused");
        assert_eq!(
            text(Cause::Unreachable, Some(Errno::EHOSTUNREACH)),
            "unreachable EHOSTUNREACH"
        );
        assert_eq!(text(Cause::Error, Some(Errno(999))), "error errno-999");
        assert_eq!(text(Cause::Finished, Some(Errno(0))), "finished");
    }
}
