//! Values of options: times, counts, sizes.

use std::time::Duration;

/// `5`, `1.5s`, `500ms`, `2m`, `1h`: a number of seconds, or of the unit behind it.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "" | "s" => 1.0,
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err(format!("unknown unit '{unit}'; use us, ms, s, m, h or d")),
    };
    let number: f64 = number
        .parse()
        .map_err(|_not_a_number: std::num::ParseFloatError| {
            "expected a time such as 5, 1.5s, 500ms or 2m".to_owned()
        })?;
    Duration::try_from_secs_f64(number * seconds)
        .map_err(|_too_long: std::time::TryFromFloatSecsError| "that is too long".to_owned())
}

pub(super) fn count(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) => Err("expected at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("expected a whole number".to_owned()),
    }
}

/// Smallest ring: one page.
const RING_MIN: u64 = 4096;
/// Largest ring the kernel takes (`RINGBUF_MAX_DATA_SZ` allows more; nobody needs it).
const RING_MAX: u64 = 1 << 30;

pub(super) fn ring_size(text: &str) -> Result<u32, String> {
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 10),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 20),
        Some(b'g' | b'G') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let bytes = digits
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(1 << shift))
        .ok_or("expected bytes, such as 65536, 64K or 8M")?;
    if !(RING_MIN..=RING_MAX).contains(&bytes) {
        return Err(format!("expected {RING_MIN} to 1G bytes"));
    }
    if !bytes.is_power_of_two() {
        return Err(format!(
            "expected a power of two; the next is {}",
            bytes.next_power_of_two()
        ));
    }
    u32::try_from(bytes).map_err(|_beyond: std::num::TryFromIntError| "too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("5"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
        for bad in [
            "",
            "s",
            "-1",
            "5 s",
            "5parsecs",
            "1e3",
            "1..2",
            "99999999999999999999d",
        ] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ring_sizes() {
        assert_eq!(ring_size("16384"), Ok(16384));
        assert_eq!(ring_size("16K"), Ok(16384));
        assert_eq!(ring_size("8M"), Ok(8 << 20));
        assert_eq!(ring_size("1G"), Ok(1 << 30));
        for bad in [
            "",
            "K",
            "0",
            "2048",
            "3M",
            "-4096",
            "2G",
            "16KiB",
            "99999999999999999999",
        ] {
            assert!(ring_size(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            ring_size("5000").unwrap_err(),
            "expected a power of two; the next is 8192"
        );
    }
}
