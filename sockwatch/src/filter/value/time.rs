//! Spans of time: a decimal number with a unit.

use super::Wrong;
use crate::filter::error::shown;
use crate::model::Nanos;

/// Units, the largest first, and their nanoseconds.
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// A span. What is finer than a nanosecond is dropped.
pub(super) fn time(text: &str) -> Result<Nanos, Wrong<'_>> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let no_time = || {
        Wrong::new(text, format!("`{}` is no time", shown(text)))
            .expected("a number with a unit")
            .hint("units are ns us ms s m h d: `500ms`, `1.5s`, `2m`")
    };
    if number.is_empty() {
        return Err(no_time());
    }
    if unit.is_empty() {
        return Err(Wrong::new(text, format!("`{}` has no unit", shown(text)))
            .expected("a time")
            .hint(format!(
                "`{0}s` for seconds, `{0}ms` for milliseconds",
                shown(number)
            )));
    }
    let unit = UNITS
        .iter()
        .find(|(word, _)| *word == unit)
        .ok_or_else(no_time)?
        .1;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(no_time());
    }
    nanoseconds(whole, fraction, unit)
        .map(Nanos)
        .ok_or_else(|| {
            Wrong::new(text, format!("`{}` is too long a time", shown(text)))
                .expected("no more than 200 years")
        })
}

/// Both in decimal digits; `None` beyond a u64.
fn nanoseconds(whole: &str, fraction: &str, unit: u64) -> Option<u64> {
    let whole = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    // 18 digits of anything up to a day are finer than a nanosecond.
    let digits = fraction.get(..18).unwrap_or(fraction);
    let scale = 10_u128.pow(u32::try_from(digits.len()).ok()?);
    let part = u128::from(unit) * digits.parse::<u128>().ok()? / scale;
    whole.checked_add(u64::try_from(part).ok()?)
}

/// The span in the largest unit that needs no fraction.
pub(in crate::filter) fn spelled(span: Nanos) -> String {
    let fits = |&&(_, unit): &&(&str, u64)| span.0.is_multiple_of(unit);
    match UNITS.iter().find(fits) {
        Some((word, unit)) if span.0 > 0 => format!("{}{word}", span.0 / unit),
        _ => "0s".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let times = [
            ("1s", 1_000_000_000),
            ("500ms", 500_000_000),
            ("10us", 10_000),
            ("2m", 120_000_000_000),
            ("1.5h", 5_400_000_000_000),
            ("0.0000000019s", 1),
            ("0.3333333333333333333333333333s", 333_333_333),
            ("18446744073709551615ns", u64::MAX),
        ];
        for (text, expected) in times {
            assert_eq!(time(text).unwrap(), Nanos(expected), "{text}");
        }
        for text in [
            "",
            "1",
            "s",
            "1x",
            "1.",
            ".5s",
            "1.2.3s",
            "-1s",
            "1 s",
            "1S",
            "18446744073709551616ns",
            "213504d",
        ] {
            assert!(time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_spelled_as_they_are_read() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (90_000_000_000, "90s"),
            (u64::MAX, "18446744073709551615ns"),
        ] {
            assert_eq!(spelled(Nanos(nanos)), text);
            assert_eq!(time(text).unwrap(), Nanos(nanos));
        }
    }
}
