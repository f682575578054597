//! Numbers as text, without the cost of the formatting machinery.

use std::io::Write as _;

/// Appends a whole number.
pub(super) fn number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends a number in hex, in lower case and without zeros in front.
pub(super) fn hex(out: &mut Vec<u8>, number: u64) {
    hex_wide(out, number, 1);
}

/// Appends a number in hex, with zeros in front if it has less than `least` digits.
pub(super) fn hex_wide(out: &mut Vec<u8>, number: u64, least: u32) {
    let digits = number
        .checked_ilog2()
        .map_or(1, |log| log / 4 + 1)
        .max(least);
    for place in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(number >> (4 * place) & 15) as usize]);
    }
}

/// Appends `number` / 10^`scale` as C's `%.{digits}g` writes the `double`: so many significant digits,
/// no zeros behind the point, an exponent where it is below -4 or there are not enough digits.
pub(super) fn general(out: &mut Vec<u8>, number: u64, scale: u32, digits: u32) {
    let Some(rounded) = Rounded::of(number, scale, digits) else {
        // Half a digit more or less: what the double is, decides.
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_wrap,
            reason = "it is the double that is wanted; scales are small"
        )]
        let double = number as f64 / 10_f64.powi(scale as i32);
        return general_f64(out, double, digits);
    };
    rounded.write(out, digits);
}

/// Appends `number` / 256 as [`general`] does.
pub(super) fn of_256ths(out: &mut Vec<u8>, number: u32, digits: u32) {
    general(out, u64::from(number) * 390_625, 8, digits);
}

/// Appends a number that is not negative, as [`general`] does.
pub(super) fn general_f64(out: &mut Vec<u8>, number: f64, digits: u32) {
    let mut text = [0; 40];
    let mut rest = &mut text[..];
    // d.ddde-XX, rounded as C does: exactly, ties to even. It has room for every double.
    let precision = digits.saturating_sub(1) as usize;
    let _fits = write!(rest, "{number:.precision$e}");
    let length = 40 - rest.len();
    let parts = str::from_utf8(&text[..length]).ok();
    let parts = parts.and_then(|text| text.split_once('e'));
    let Some((mantissa, exponent)) = parts else {
        // Infinite, or no number.
        let _appended = write!(out, "{number}");
        return;
    };
    let digit = |digit: u8| digit.wrapping_sub(b'0');
    let significant = mantissa.bytes().map(digit).filter(|&digit| digit < 10);
    Rounded {
        number: significant.fold(0, |number, digit| number * 10 + u64::from(digit)),
        exponent: exponent.parse().unwrap_or(0),
    }
    .write(out, digits);
}

/// Appends a number that is not negative as C's `%.0f` does.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is too large or negative becomes the nearest there is"
)]
pub(super) fn whole_f64(out: &mut Vec<u8>, value: f64) {
    number(out, value.round_ties_even() as u128);
}

/// Appends a number with `places` digits behind the point, as C's `%.{places}f` does.
pub(super) fn fixed_f64(out: &mut Vec<u8>, number: f64, places: usize) {
    let _appended = write!(out, "{number:.places$}");
}

/// A number of few significant digits: its first one counts 10^`exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rounded {
    number: u64,
    exponent: i32,
}

impl Rounded {
    /// `number` / 10^`scale` to at most so many digits; `None` where the double of that may be rounded
    /// otherwise, or is not known.
    #[expect(
        clippy::cast_possible_wrap,
        reason = "a number has twenty digits, and scales are small"
    )]
    fn of(number: u64, scale: u32, digits: u32) -> Option<Self> {
        // Beyond, the double nearest to a number may be another one.
        const EXACT: u64 = 1 << 53;
        if number >= EXACT {
            return None;
        }
        let length = number.checked_ilog10().map_or(1, |log| log + 1);
        let exponent = length as i32 - 1 - scale as i32;
        let Some(dropped @ 1..) = length.checked_sub(digits) else {
            return Some(Self { number, exponent });
        };
        let unit = 10_u64.pow(dropped);
        let (kept, rest) = (number / unit, number % unit);
        let up = match rest.cmp(&(unit / 2)) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => return None,
            std::cmp::Ordering::Greater => 1,
        };
        let number = kept + up;
        let carried = number == 10_u64.pow(digits);
        Some(Self {
            number,
            exponent: exponent + i32::from(carried),
        })
    }

    fn write(self, out: &mut Vec<u8>, digits: u32) {
        let mut buffer = itoa::Buffer::new();
        let text = buffer.format(self.number).trim_end_matches('0').as_bytes();
        let Some((first, behind)) = text.split_first() else {
            return out.push(b'0');
        };
        match usize::try_from(self.exponent) {
            Ok(whole) if whole < digits as usize => {
                let (before, fraction) = text.split_at(text.len().min(whole + 1));
                out.extend_from_slice(before);
                out.resize(out.len() + (whole + 1 - before.len()), b'0');
                if !fraction.is_empty() {
                    out.push(b'.');
                    out.extend_from_slice(fraction);
                }
            }
            Err(_) if self.exponent >= -4 => {
                out.extend_from_slice(b"0.");
                let zeros = self.exponent.unsigned_abs() as usize - 1;
                out.resize(out.len() + zeros, b'0');
                out.extend_from_slice(text);
            }
            _ => {
                out.push(*first);
                if !behind.is_empty() {
                    out.push(b'.');
                    out.extend_from_slice(behind);
                }
                out.extend_from_slice(if self.exponent < 0 { b"e-" } else { b"e+" });
                let exponent = self.exponent.unsigned_abs();
                if exponent < 10 {
                    out.push(b'0');
                }
                number(out, exponent);
            }
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_precision_loss,
    reason = "the double that is nearest is wanted"
)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    /// What `printf` of C gives.
    #[test]
    fn general_is_that_of_c() {
        for (number, scale, digits, expected) in [
            (0, 3, 6, "0"),
            (1, 3, 6, "0.001"),
            (204_000, 3, 6, "204"),
            (999_999, 3, 6, "999.999"),
            (1_234_567, 3, 6, "1234.57"),
            (123_456_789, 3, 6, "123457"),
            (999_999_500, 3, 6, "1e+06"),
            (1_234_567_891, 3, 6, "1.23457e+06"),
            (u32::MAX.into(), 3, 6, "4.29497e+06"),
            (1_008, 3, 3, "1.01"),
            (99_992, 3, 3, "100"),
            (999_992, 3, 3, "1e+03"),
            (9_007_199_254_740_992, 12, 3, "9.01e+03"),
            (147_573_952_589_676, 6, 3, "1.48e+08"),
            (5, 5, 6, "5e-05"),
            (12, 5, 6, "0.00012"),
            (1, 12, 6, "1e-12"),
            // 739 / 256 and 100 / 256.
            (739 * 390_625, 8, 6, "2.88672"),
            (100 * 390_625, 8, 6, "0.390625"),
            (256 * 390_625, 8, 6, "1"),
            // Ties that a double can hold go to the even digit; others as the double goes.
            (1_125_000, 3, 3, "1.12e+03"),
            (1_375, 3, 3, "1.38"),
            (1_234_565, 3, 6, "1234.57"),
            (1_234_575, 3, 6, "1234.58"),
            (1_234_585, 3, 6, "1234.59"),
        ] {
            let written = text(|out| general(out, number, scale, digits));
            assert_eq!(written, expected, "{number} {scale} {digits}");
        }
        for (number, digits, expected) in [
            (0.0, 3, "0"),
            (0.5, 3, "0.5"),
            (0.001_862_645_149_23, 6, "0.00186265"),
            (1.475_739_525_896_764e20, 3, "1.48e+20"),
            (f64::MIN_POSITIVE, 6, "2.22507e-308"),
            (f64::MAX, 6, "1.79769e+308"),
        ] {
            assert_eq!(text(|out| general_f64(out, number, digits)), expected);
        }
    }

    #[test]
    fn whole_fixed_and_hex() {
        let whole = |value| text(|out| whole_f64(out, value));
        assert_eq!([0.5, 1.5, 2.5].map(whole), ["0", "2", "2"]);
        assert_eq!(
            whole(147_573_952_589_676_412_928.0),
            "147573952589676412928"
        );
        let fixed = |value| text(|out| fixed_f64(out, value, 1));
        assert_eq!([0.25, 0.75, 66.666].map(fixed), ["0.2", "0.8", "66.7"]);
        let hex = |number, least| text(|out| hex_wide(out, number, least));
        assert_eq!(hex(0, 1), "0");
        assert_eq!(hex(0, 4), "0000");
        assert_eq!(hex(0xabc, 4), "0abc");
        assert_eq!(hex(u64::MAX, 4), "ffffffffffffffff");
    }

    /// `%.{digits}g`, from the digits that Rust's own formatting gives.
    fn reference(value: f64, digits: usize) -> String {
        let scientific = format!("{value:.*e}", digits - 1);
        let (mantissa, exponent) = scientific.split_once('e').unwrap();
        let exponent: i32 = exponent.parse().unwrap();
        let trim = |text: &str| match text.split_once('.') {
            Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            None => text.to_owned(),
        };
        if exponent < -4 || exponent >= i32::try_from(digits).unwrap() {
            let sign = if exponent < 0 { '-' } else { '+' };
            return format!("{}e{sign}{:02}", trim(mantissa), exponent.abs());
        }
        let places = usize::try_from(i32::try_from(digits).unwrap() - 1 - exponent).unwrap();
        trim(&format!("{value:.places$}"))
    }

    proptest! {
        #[test]
        fn general_is_what_the_double_says(
            number in prop_oneof![any::<u64>(), 0..=u64::from(u32::MAX), 0_u64..10_000_000],
            scale in 0_u32..13,
            digits in 1_u32..10,
        ) {
            let double = number as f64 / 10_f64.powi(scale.cast_signed());
            let expected = reference(double, digits as usize);
            prop_assert_eq!(text(|out| general(out, number, scale, digits)), expected.clone());
            prop_assert_eq!(text(|out| general_f64(out, double, digits)), expected);
        }

        #[test]
        fn ties_are_what_the_double_says(kept in 1_u64..1_000_000, dropped in 1_u32..7, scale in 0_u32..13) {
            let number = (kept * 10 + 5) * 10_u64.pow(dropped - 1);
            let digits = kept.ilog10() + 1;
            let double = number as f64 / 10_f64.powi(scale.cast_signed());
            let expected = reference(double, digits as usize);
            prop_assert_eq!(text(|out| general(out, number, scale, digits)), expected);
        }

        #[test]
        fn every_double_is_written(bits in any::<u64>(), digits in 0_u32..20) {
            let value = f64::from_bits(bits).abs();
            let written = text(|out| general_f64(out, value, digits));
            prop_assert!(!written.is_empty());
        }
    }
}
