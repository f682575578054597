//! Wall time as text, with everything above the second kept from one event to the next.
//!
//! Takes the time as an argument; reads no clock.

use jiff::{Timestamp, tz::TimeZone};

const NANOS: u64 = 1_000_000_000;

/// `2026-01-31T23:59:59.123456789Z`
#[derive(Debug)]
pub(super) struct UtcStamp {
    second: Option<u64>,
    text: [u8; 30],
}

impl UtcStamp {
    /// Nothing kept yet.
    pub(super) const fn new() -> Self {
        Self {
            second: None,
            text: *b"0000-00-00T00:00:00.000000000Z",
        }
    }

    /// RFC 3339, UTC, nanoseconds.
    pub(super) fn text(&mut self, unix_ns: u64) -> &[u8] {
        let second = unix_ns / NANOS;
        if self.second != Some(second) {
            let seconds = timestamp(second).strftime("%Y-%m-%dT%H:%M:%S").to_string();
            if let Some(place) = self.text.get_mut(..seconds.len()) {
                place.copy_from_slice(seconds.as_bytes());
            }
            self.second = Some(second);
        }
        put_digits(unix_ns % NANOS, &mut self.text[20..29]);
        &self.text
    }
}

/// `23:59:59.123456` in a time zone.
#[derive(Debug)]
pub(super) struct LocalStamp {
    zone: TimeZone,
    second: Option<u64>,
    text: [u8; 15],
}

impl LocalStamp {
    /// Nothing kept yet.
    pub(super) const fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            second: None,
            text: *b"00:00:00.000000",
        }
    }

    /// Hours to microseconds, cut, not rounded: a time is never shown as one that is yet to come.
    pub(super) fn text(&mut self, unix_ns: u64) -> &[u8] {
        let second = unix_ns / NANOS;
        if self.second != Some(second) {
            let time = self.zone.to_datetime(timestamp(second)).time();
            for (place, value) in [(0, time.hour()), (3, time.minute()), (6, time.second())] {
                put_digits(
                    value.unsigned_abs().into(),
                    &mut self.text[place..place + 2],
                );
            }
            self.second = Some(second);
        }
        put_digits(unix_ns % NANOS / 1000, &mut self.text[9..]);
        &self.text
    }
}

/// Every second of a u64 of nanoseconds is before the year 2555 and so within jiff's range.
fn timestamp(second: u64) -> Timestamp {
    i64::try_from(second)
        .ok()
        .and_then(|second| Timestamp::from_second(second).ok())
        .unwrap_or_default()
}

/// Fills `place` with the decimal digits of `value`, zeros in front.
fn put_digits(mut value: u64, place: &mut [u8]) {
    for digit in place.iter_mut().rev() {
        *digit = b"0123456789"[(value % 10) as usize];
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_follows_forward_and_back() {
        let mut stamp = UtcStamp::new();
        for (ns, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_399_999_999_999, "2000-02-28T23:59:59.999999999Z"),
            (951_782_400_000_000_001, "2000-02-29T00:00:00.000000001Z"),
            (951_782_399_000_000_020, "2000-02-28T23:59:59.000000020Z"),
            (u64::MAX, "2554-07-21T23:34:33.709551615Z"),
        ] {
            assert_eq!(stamp.text(ns), text.as_bytes());
        }
    }

    #[test]
    fn local_time_follows_its_zone_through_a_change() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let mut stamp = LocalStamp::new(zone);
        // 2026-03-29T01:00:00Z: the clocks go from 02:00 to 03:00.
        let change = 1_774_746_000 * NANOS;
        assert_eq!(stamp.text(change - 1), b"01:59:59.999999");
        assert_eq!(stamp.text(change), b"03:00:00.000000");
    }
}
