//! Writes JSON objects, key by key, straight into the buffer of the line.
//!
//! Measured on transitions: 550–780 ns through serde_json, most of it for keys and words that are
//! known when this is compiled; 230–300 ns here, without an allocation.
//!
//! A line may be looked at on a terminal, and a process name may hold U+009B, which a terminal
//! takes for the begin of an escape sequence. JSON can spell every character out, so all that is
//! not printable ASCII is.

use std::{io, net::IpAddr};

use serde::Serialize as _;
use serde_json::ser::Formatter;

use crate::sink::{address, put::number};

/// What can stand for a key.
pub(super) trait Value: Sized {
    /// Appends it.
    fn put(self, out: &mut Vec<u8>);
}

/// An object that is being written.
pub(super) struct Object<'o> {
    out: &'o mut Vec<u8>,
    /// Where it begins: the first key's comma, which becomes the brace.
    begin: usize,
}

/// Appends a key that needs no escape, and its value, to an [`Object`].
macro_rules! field {
    ($object:expr, $key:literal, $value:expr) => {
        $object.field(concat!(",\"", $key, "\":"), $value)
    };
}
pub(super) use field;

impl<'o> Object<'o> {
    /// An object without a key yet.
    pub(super) const fn begin(out: &'o mut Vec<u8>) -> Self {
        let begin = out.len();
        Self { out, begin }
    }

    /// What [`field!`] expands to: the comma, the quoted key and the colon are one constant, and
    /// inlined they are copied with an instruction or two.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a call would copy a key of unknown length"
    )]
    pub(super) fn field(&mut self, key: &'static str, value: impl Value) {
        self.out.extend_from_slice(key.as_bytes());
        value.put(self.out);
    }

    /// Ends an object that has a key.
    pub(super) fn end(self) {
        self.out[self.begin] = b'{';
        self.out.push(b'}');
    }
}

/// A word of ours, which needs no escape.
pub(super) struct Word(pub(super) &'static str);

impl Value for Word {
    #[inline]
    fn put(self, out: &mut Vec<u8>) {
        Plain(self.0.as_bytes()).put(out);
    }
}

/// Text of ours made just now, which needs no escape.
pub(super) struct Plain<'a>(pub(super) &'a [u8]);

impl Value for Plain<'_> {
    #[inline]
    fn put(self, out: &mut Vec<u8>) {
        out.push(b'"');
        out.extend_from_slice(self.0);
        out.push(b'"');
    }
}

/// Text from outside, any bytes at all; U+FFFD stands for what is not UTF-8.
pub(super) struct Text<'a>(pub(super) &'a [u8]);

impl Value for Text<'_> {
    fn put(self, out: &mut Vec<u8>) {
        let plain = |byte: u8| (b' '..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
        // Without a way out in the middle the compiler looks at many bytes at a time.
        if self.0.iter().fold(true, |all, &byte| all & plain(byte)) {
            return Plain(self.0).put(out);
        }
        let text = String::from_utf8_lossy(self.0);
        let mut json = serde_json::Serializer::with_formatter(out, Ascii);
        text.serialize(&mut json)
            .expect("a text can always be written to memory");
    }
}

/// Spells out what `serde_json` would leave as it is: DEL, and all that is not ASCII.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for c in fragment.chars() {
            if matches!(c, ' '..='~') {
                out.write_all(&[c as u8])?;
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Value for $type {
            #[inline]
            fn put(self, out: &mut Vec<u8>) {
                number(out, self);
            }
        }
    )*};
}

number!(u8, u16, u32, u64);

impl Value for bool {
    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self { b"true" } else { b"false" });
    }
}

impl<V: Value> Value for Option<V> {
    #[inline]
    fn put(self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.put(out),
            None => Null.put(out),
        }
    }
}

/// `null`, in a place where this version knows nothing else.
pub(super) struct Null;

impl Value for Null {
    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"null");
    }
}

impl Value for IpAddr {
    fn put(self, out: &mut Vec<u8>) {
        out.push(b'"');
        address::put(self, out);
        out.push(b'"');
    }
}

/// A list.
pub(super) struct List<I>(pub(super) I);

impl<I: Iterator<Item: Value>> Value for List<I> {
    fn put(self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (place, value) in self.0.enumerate() {
            if place > 0 {
                out.push(b',');
            }
            value.put(out);
        }
        out.push(b']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        Text(bytes).put(&mut out);
        assert!(out.iter().all(|byte| (b' '..0x7f).contains(byte)));
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn every_character_survives_and_none_reaches_the_terminal() {
        let all: String = ('\0'..='\u{2fff}')
            .chain(['\u{1f980}', '\u{10ffff}'])
            .collect();
        assert_eq!(text(all.as_bytes()), all);
        assert_eq!(text(b"plain text"), "plain text");
    }

    #[test]
    fn what_is_not_utf8_is_replaced() {
        assert_eq!(text(b"a\xffb\xc3"), "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn objects_and_lists_have_their_marks() {
        let mut out = Vec::new();
        let mut object = Object::begin(&mut out);
        field!(object, "a", 1_u8);
        field!(object, "b", Null);
        field!(object, "c", List([Some(u64::MAX), None].into_iter()));
        field!(object, "d", List([0_u16; 0].into_iter()));
        object.end();
        let expected = br#"{"a":1,"b":null,"c":[18446744073709551615,null],"d":[]}"#;
        assert_eq!(out, expected);
    }
}
