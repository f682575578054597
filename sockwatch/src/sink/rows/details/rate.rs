//! Rates as `ss` shows them: in bits per second, with three digits and a unit from a thousand on, or with `-n` in full.

use crate::sink::put;

/// The units from which on they are used.
const UNITS: [(u64, u32, &str); 4] = [
    (1_000_000_000_000, 12, "T"),
    (1_000_000_000, 9, "G"),
    (1_000_000, 6, "M"),
    (1_000, 3, "k"),
];

/// Bits per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    bits: f64,
}

impl Rate {
    /// Of bytes per second.
    #[expect(
        clippy::cast_precision_loss,
        reason = "rates are shown with few digits"
    )]
    pub(super) fn of_bytes(bytes_per_s: u64) -> Self {
        Self {
            bits: bytes_per_s as f64 * 8.0,
        }
    }

    /// Of so many segments in a round trip.
    pub(super) fn of_window(segments: u32, segment_bytes: u32, rtt_us: u32) -> Self {
        let bytes = f64::from(segments) * f64::from(segment_bytes);
        Self {
            bits: bytes * 8_000_000.0 / f64::from(rtt_us),
        }
    }

    /// Appends it, with all its digits if `numeric`.
    pub(super) fn write(self, out: &mut Vec<u8>, numeric: bool) {
        if numeric {
            put::whole_f64(out, self.bits);
        } else {
            self.few_digits(out);
        }
        out.extend_from_slice(b"bps");
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "units are exact, and no rate is negative"
    )]
    fn few_digits(self, out: &mut Vec<u8>) {
        let unit = UNITS.iter().find(|&&(from, ..)| self.bits >= from as f64);
        let Some(&(from, scale, name)) = unit else {
            return put::general_f64(out, self.bits, 6);
        };
        let whole = self.bits as u64;
        if (whole as f64).to_bits() == self.bits.to_bits() {
            put::general(out, whole, scale, 3);
        } else {
            put::general_f64(out, self.bits / from as f64, 3);
        }
        out.extend_from_slice(name.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(rate: Rate, numeric: bool) -> String {
        let mut out = Vec::new();
        rate.write(&mut out, numeric);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rates_are_those_of_ss() {
        for (bytes, short, long) in [
            (0, "0bps", "0bps"),
            (124, "992bps", "992bps"),
            (125, "1kbps", "1000bps"),
            (126, "1.01kbps", "1008bps"),
            (1_249, "9.99kbps", "9992bps"),
            (124_999, "1e+03kbps", "999992bps"),
            (125_000_000, "1Gbps", "1000000000bps"),
            (99_999_999_999, "800Gbps", "799999999992bps"),
            (1 << 50, "9.01e+03Tbps", "9007199254740992bps"),
            (u64::MAX - 1, "1.48e+08Tbps", "147573952589676412928bps"),
        ] {
            assert_eq!(text(Rate::of_bytes(bytes), false), short);
            assert_eq!(text(Rate::of_bytes(bytes), true), long);
        }
        for ((segments, bytes, rtt_us), short, long) in [
            ((10, 32_768, 37), "70.8Gbps", "70849729730bps"),
            ((7, 3, 1), "168Mbps", "168000000bps"),
            ((3, 1, 7), "3.43Mbps", "3428571bps"),
            ((1, 1, 16_000_000), "0.5bps", "0bps"),
            ((1, 1, u32::MAX), "0.00186265bps", "0bps"),
        ] {
            let rate = Rate::of_window(segments, bytes, rtt_us);
            assert_eq!(text(rate, false), short);
            assert_eq!(text(rate, true), long);
        }
    }
}
