//! Whether a container is the one that a filter names, by id, name or pattern.
//!
//! Which container a cgroup belongs to is [`container`]'s to say.

use super::{expr::Glob, glob::Case};
use crate::model::container;

/// Bytes of the longest name: that of a directory.
const NAME_BYTES: usize = 255;

/// Whether the cgroup at `path` is in a container whose id begins with `wanted`, or whose id or
/// name matches it.
pub(super) fn matches(path: &str, wanted: &Glob) -> bool {
    let Some(found) = container::find(path) else {
        return false;
    };
    let pattern = &wanted.pattern;
    let begins_id = !pattern.is_empty()
        && container::is_id(found)
        && pattern.len() <= found.len()
        && pattern.eq_ignore_ascii_case(&found.as_bytes()[..pattern.len()]);
    if begins_id {
        return true;
    }
    let mut buffer = [0; NAME_BYTES];
    wanted.matches(unescape(found, &mut buffer), Case::Matters)
}

/// The name without systemd's escapes: `\x2d` is a byte by its number.
fn unescape<'a>(name: &'a str, buffer: &'a mut [u8; NAME_BYTES]) -> &'a [u8] {
    let mut rest = name.as_bytes();
    if !rest.contains(&b'\\') || rest.len() > buffer.len() {
        return rest;
    }
    let mut length = 0;
    while let [first, tail @ ..] = rest {
        let (byte, tail) = escaped(rest).unwrap_or((*first, tail));
        buffer[length] = byte;
        length += 1;
        rest = tail;
    }
    &buffer[..length]
}

fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, tail) = text.strip_prefix(br"\x")?.split_first_chunk::<2>()?;
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let byte = digit(digits[0])? << 4 | digit(digits[1])?;
    Some((u8::try_from(byte).ok()?, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(pattern: &str) -> Glob {
        Glob {
            pattern: pattern.into(),
        }
    }

    #[test]
    fn an_id_matches_by_its_first_digits_or_a_pattern() {
        let path = "/docker/4f0e1c9ad2b3a4958677a8b9cadbecfd0e1f2a3b4c5d6e7f8091a2b3c4d5e6f7";
        for wanted in ["4f0e1c9ad2b3", "4F0E1C", "4f0e*"] {
            assert!(matches(path, &glob(wanted)), "{wanted}");
        }
        for wanted in ["4f0e1c9ad2b4", ""] {
            assert!(!matches(path, &glob(wanted)), "{wanted}");
        }
        assert!(!matches("/", &glob("*")));
    }

    #[test]
    fn a_name_matches_whole_and_without_escapes() {
        let path = "/machine.slice/machine-web.scope";
        assert!(matches(path, &glob("w*")) && !matches(path, &glob("we")));
        let escaped = r"/machine.slice/machine-my\x2dbox\x.scope";
        assert!(matches(escaped, &glob(r"my-box\\x")));
    }
}
