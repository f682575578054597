//! Numbers as strtol(3) reads them with base 0, and lists and ranges of them.

use std::ops::RangeInclusive;

use super::Wrong;
use crate::filter::error::shown;

/// Why a text is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoNumber {
    /// It is something else.
    Text,
    /// It is beyond an i64.
    TooBig,
}

/// A number: decimal, `0x` and hexadecimal digits, or `0` and octal digits; signed.
pub(super) fn number(text: &str) -> Result<i64, NoNumber> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let hex = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"));
    let (digits, radix) = match (hex, digits.strip_prefix('0')) {
        (Some(hex), _) => (hex, 16),
        (None, Some(octal)) if !octal.is_empty() => (octal, 8),
        _ => (digits, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(NoNumber::Text);
    }
    // Digits alone can only be too many.
    let value = i128::from_str_radix(digits, radix).map_err(|_too_many| NoNumber::TooBig)?;
    i64::try_from(if negative { -value } else { value }).map_err(|_too_big| NoNumber::TooBig)
}

/// A number from 0 to what `T` holds.
pub(super) fn unsigned<T: TryFrom<i64>>(text: &str) -> Option<T> {
    T::try_from(number(text).ok()?).ok()
}

/// The two numbers of `LOW-HIGH`; `None` when it is something else.
pub(super) fn ends(text: &str) -> Option<(i64, i64)> {
    // The first character may be a sign.
    let dash = text.char_indices().skip(1).find(|&(_, c)| c == '-')?.0;
    Some((number(&text[..dash]).ok()?, number(&text[dash + 1..]).ok()?))
}

/// `LOW-HIGH` as a range.
pub(super) fn range(text: &str) -> Result<Option<RangeInclusive<i64>>, Wrong<'_>> {
    match ends(text) {
        Some((low, high)) if low > high => {
            let message = format!("the range `{}` ends before it begins", shown(text));
            Err(Wrong::new(text, message).hint(format!("`{high}-{low}`")))
        }
        ends => Ok(ends.map(|(low, high)| low..=high)),
    }
}

/// The elements of a list, none of which may be missing.
pub(super) fn elements(list: &str) -> impl Iterator<Item = Result<&str, Wrong<'_>>> {
    list.split(',').map(move |element| {
        if element.is_empty() {
            let wrong = Wrong::new(list, "a list has an empty element");
            return Err(wrong.hint("no spaces around commas: `80,443`"));
        }
        Ok(element)
    })
}

/// That there are no more than one, where an order is asked for.
pub(super) fn one_value(single: bool, text: &str) -> Result<(), Wrong<'_>> {
    if single {
        return Ok(());
    }
    let message = format!("`{}` is more than one value, and has no order", shown(text));
    Err(Wrong::new(text, message)
        .expected("a single value")
        .hint("lists and ranges go with `=` and `!=`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        let numbers = [
            ("22", 22),
            ("+22", 22),
            ("-5", -5),
            ("0x1F", 31),
            ("026", 22),
            ("0", 0),
        ];
        for (text, expected) in numbers {
            assert_eq!(number(text), Ok(expected), "{text}");
        }
        assert_eq!(number("-9223372036854775808"), Ok(i64::MIN));
        for text in ["", "+", "-", "08", "0x", "1x", "--1", "+-1", "1 ", "٣"] {
            assert_eq!(number(text), Err(NoNumber::Text), "{text}");
        }
        assert_eq!(number("9223372036854775808"), Err(NoNumber::TooBig));
        assert_eq!(number(&"9".repeat(100)), Err(NoNumber::TooBig));
        assert_eq!(unsigned::<u32>("4294967296"), None);
        assert_eq!(unsigned::<u32>("-1"), None);
    }

    #[test]
    fn ranges_have_numbers_at_both_ends() {
        assert_eq!(ends("80-90"), Some((80, 90)));
        assert_eq!(ends("-2--1"), Some((-2, -1)));
        for text in ["80", "-80", "a-b", "80-", "é-1", "1-2-3"] {
            assert_eq!(ends(text), None, "{text}");
        }
        assert!(range("90-80").is_err());
    }
}
