//! Matching of shell patterns, as fnmatch(3) without flags does it in the C locale: `*`, `?`,
//! `[a-z]`, `[!a-z]`, `[[:digit:]]`, and a backslash before what is to be taken as it is.
//!
//! Bytes, not characters: names of sockets and processes have no encoding. Time grows with the
//! product of both lengths at most, whatever the pattern.

use super::expr::Glob;

/// Whether upper and lower case are the same. Only ASCII letters have case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Matters,
    Ignored,
}

impl Case {
    fn fold(self, byte: u8) -> u8 {
        match self {
            Self::Matters => byte,
            Self::Ignored => byte.to_ascii_lowercase(),
        }
    }
}

impl Glob {
    /// Whether all of `text` fits the pattern.
    pub(super) fn matches(&self, text: &[u8], case: Case) -> bool {
        matches(&self.pattern, text, case)
    }

    /// Whether it is `*`, which every text fits.
    pub(super) fn is_any(&self) -> bool {
        !self.pattern.is_empty() && self.pattern.iter().all(|&byte| byte == b'*')
    }
}

fn matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    let (mut p, mut t) = (0, 0);
    // Behind the last `*`, and where in the text it was last tried to end. Only the last one ever
    // has to be tried again: what an earlier one takes less, the last can take more.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            star = Some((p, t));
            continue;
        }
        let Some(&byte) = text.get(t) else {
            return p == pattern.len();
        };
        if let Some(length) = one(&pattern[p..], byte, case) {
            p += length;
            t += 1;
        } else if let Some((behind, tried)) = star {
            (p, t) = (behind, tried + 1);
            star = Some((p, t));
        } else {
            return false;
        }
    }
}

/// The length of what stands for one byte at the begin of `pattern`, if `byte` fits it.
fn one(pattern: &[u8], byte: u8, case: Case) -> Option<usize> {
    let same = |other: u8| case.fold(other) == case.fold(byte);
    match *pattern {
        [] | [b'\\'] => None,
        [b'?', ..] => Some(1),
        [b'\\', quoted, ..] => same(quoted).then_some(2),
        [b'[', ref set @ ..] => match bracket(set, byte, case) {
            Some((fits, length)) => fits.then_some(1 + length),
            // Never closed: a bracket like any other character.
            None => (byte == b'[').then_some(1),
        },
        [literal, ..] => same(literal).then_some(1),
    }
}

/// Whether `byte` is in the set that `set`, behind its bracket, begins with; and the length of the
/// set with its closing bracket. `None` if nothing closes it.
fn bracket(set: &[u8], byte: u8, case: Case) -> Option<(bool, usize)> {
    let mut rest = set;
    let negated = matches!(rest.first(), Some(b'!' | b'^'));
    if negated {
        rest = &rest[1..];
    }
    let mut found = false;
    let mut first = true;
    loop {
        if let [b']', tail @ ..] = rest
            && !first
        {
            return Some((found != negated, set.len() - tail.len()));
        }
        first = false;
        if let Some((class, tail)) = class(rest) {
            // `[:upper:]` means upper case, ignored or not.
            found |= class(&byte);
            rest = tail;
            continue;
        }
        let low;
        (low, rest) = member(rest)?;
        let mut high = low;
        if let [b'-', tail @ ..] = rest
            && tail.first().is_some_and(|&next| next != b']')
        {
            (high, rest) = member(tail)?;
        }
        found |= (case.fold(low)..=case.fold(high)).contains(&case.fold(byte));
    }
}

/// One member of a set, and what follows it.
fn member(set: &[u8]) -> Option<(u8, &[u8])> {
    match set {
        [b'\\', quoted, tail @ ..] => Some((*quoted, tail)),
        [literal, tail @ ..] => Some((*literal, tail)),
        [] => None,
    }
}

/// A test for one byte.
type Class = fn(&u8) -> bool;

/// The class in `[:class:]`, and what follows it.
fn class(set: &[u8]) -> Option<(Class, &[u8])> {
    let name = set.strip_prefix(b"[:")?;
    let length = name.windows(2).position(|end| end == b":]")?;
    let class: Class = match &name[..length] {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| matches!(byte, b' '..=b'~'),
        b"punct" => u8::is_ascii_punctuation,
        b"space" => |byte| matches!(byte, b' ' | b'\t'..=b'\r'),
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    };
    Some((class, &name[length + 2..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fits(pattern: &str, text: &str) -> bool {
        matches(pattern.as_bytes(), text.as_bytes(), Case::Matters)
    }

    #[test]
    fn shell_patterns() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("/run/*", "/run/a/b"),
            ("*.sock", "/run/x.sock"),
            ("a*b*c", "aXbXbc"),
            ("?", "/"),
            ("[a-c]x", "bx"),
            ("[!a-c]x", "dx"),
            ("[^a]", "b"),
            ("[]a]", "]"),
            ("[a-]", "-"),
            ("[\\]]", "]"),
            ("\\*", "*"),
            ("a[", "a["),
            ("[[:digit:]_]*", "7up"),
            ("[[:nonsense:]", ":"),
        ] {
            assert!(fits(pattern, text), "{pattern:?} {text:?}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("?", ""),
            ("a", "A"),
            ("a", "ab"),
            ("*b", "ba"),
            ("[!]a]", "]"),
            ("[a-c]", "-"),
            ("\\*", "x"),
            ("a\\", "a\\"),
            ("a\\", "a"),
            ("[[:digit:]]", "x"),
        ] {
            assert!(!fits(pattern, text), "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn case_can_be_ignored() {
        let fits = |pattern: &[u8], text: &[u8]| matches(pattern, text, Case::Ignored);
        assert!(fits(b"*StReAm?", b"my-sTrEaM1"));
        assert!(fits(b"[A-C][[:upper:]]\\D", b"bXd"));
        assert!(!fits(b"[[:upper:]]", b"x"));
        assert!(!fits(b"[[:lower:]]", b"X"));
        assert!(!fits(b"[a-c]", b"D"));
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = "*a".repeat(60) + "b";
        assert!(!fits(&pattern, &"a".repeat(4_000)));
    }

    /// The definition, as slow as it is plain.
    fn plain(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], _) => text.is_empty(),
            ([b'*', tail @ ..], _) => (0..=text.len()).any(|taken| plain(tail, &text[taken..])),
            ([b'?', tail @ ..], [_, rest @ ..]) => plain(tail, rest),
            ([c, tail @ ..], [d, rest @ ..]) => c == d && plain(tail, rest),
            (_, []) => false,
        }
    }

    proptest! {
        #[test]
        fn stars_are_all_tried(pattern in "[ab?*]{0,8}", text in "[ab]{0,10}") {
            prop_assert_eq!(fits(&pattern, &text), plain(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn nothing_panics(pattern in any::<Vec<u8>>(), text in any::<Vec<u8>>()) {
            matches(&pattern, &text, Case::Ignored);
        }

        #[test]
        fn brackets_panic_no_more(pattern in r"[\[\]:a\-!\\*]{0,16}", text in r"[\[\]a\-]{0,6}") {
            fits(&pattern, &text);
        }
    }
}
