//! The text of a filter, cut into tokens that know where they stood.
//!
//! Cuts at spaces and tabs alone, as `ss` does, and knows no grammar.

use std::borrow::Cow;
use std::ops::Range;

use super::error::{Diagnostic, FilterError, Severity};
use super::parse::Source;
use super::value::Wrong;
use super::words::Keyword;

/// A word of the expression.
#[derive(Clone, Debug)]
pub(super) struct Token<'a> {
    /// Without its backslashes.
    pub(super) text: Cow<'a, str>,
    /// Where it stood.
    pub(super) at: At,
}

impl Token<'_> {
    /// The keyword it is. A backslash makes no difference, as with `ss`.
    pub(super) fn keyword(&self) -> Option<Keyword> {
        Keyword::of(&self.text)
    }

    /// Whether there was a backslash in it.
    pub(super) fn is_escaped(&self) -> bool {
        matches!(self.text, Cow::Owned(_))
    }

    /// Where a part of its text stood; the whole of it when backslashes make that unclear.
    pub(super) fn part(&self, part: &str) -> At {
        let start = part.as_ptr().addr().checked_sub(self.text.as_ptr().addr());
        match start {
            Some(start) if !self.is_escaped() && start + part.len() <= self.text.len() => At {
                place: self.at.place,
                start: self.at.start + start,
                end: self.at.start + start + part.len(),
            },
            _ => self.at,
        }
    }
}

/// Bytes of one of the texts that a filter is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    /// Which text: an index of [`Text::places`].
    place: usize,
    start: usize,
    end: usize,
}

/// The words of the command line, or a line of the file.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    text: &'a str,
    /// Name of the file, and number of the line.
    line: Option<(&'a str, usize)>,
}

/// The words as one line, for people to read.
pub(super) struct Joined {
    text: String,
    /// Where each word begins.
    starts: Vec<usize>,
}

impl Joined {
    pub(super) fn new(words: &[String]) -> Self {
        let mut starts = Vec::with_capacity(words.len());
        let mut text = String::new();
        for word in words {
            if !starts.is_empty() {
                text.push(' ');
            }
            starts.push(text.len());
            text.push_str(word);
        }
        Self { text, starts }
    }

    /// Bytes.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// A word: its bytes, and where they are.
    fn word(&self, index: usize) -> Option<(&str, At)> {
        let start = *self.starts.get(index)?;
        let end = self
            .starts
            .get(index + 1)
            .map_or(self.text.len(), |next| next - 1);
        let at = At {
            place: 0,
            start,
            end,
        };
        self.text.get(start..end).map(|word| (word, at))
    }
}

/// Where tokens and mistakes are.
pub(super) struct Text<'a> {
    joined: &'a Joined,
    /// The first is the command line.
    places: Vec<Place<'a>>,
}

impl<'a> Text<'a> {
    pub(super) fn new(joined: &'a Joined) -> Self {
        let places = vec![Place {
            text: &joined.text,
            line: None,
        }];
        Self { joined, places }
    }

    /// A word of the command line, uncut.
    pub(super) fn word(&self, index: usize) -> Option<(&'a str, At)> {
        self.joined.word(index)
    }

    /// Where something after the last word would be.
    pub(super) fn end(&self) -> At {
        let place = self.places.len() - 1;
        let len = self.places.last().map_or(0, |place| place.text.len());
        At {
            place,
            start: len,
            end: len,
        }
    }

    /// No place: a mistake of the whole.
    pub(super) fn nowhere(&self) -> At {
        At {
            place: self.places.len(),
            start: 0,
            end: 0,
        }
    }

    /// The tokens of the words from the `first` on, and of the file.
    pub(super) fn tokens(&mut self, first: usize, source: &Source<'a>) -> Vec<Token<'a>> {
        let mut tokens = Vec::new();
        let mut index = first;
        while let Some((word, at)) = self.word(index) {
            cut(word, at, &mut tokens);
            index += 1;
        }
        let Some(file) = source.file else {
            return tokens;
        };
        for (index, line) in file.text.lines().enumerate() {
            if line.starts_with('#') {
                continue;
            }
            let at = At {
                place: self.places.len(),
                start: 0,
                end: line.len(),
            };
            let known = tokens.len();
            cut(line, at, &mut tokens);
            if tokens.len() > known {
                self.places.push(Place {
                    text: line,
                    line: Some((file.name, index + 1)),
                });
            }
        }
        tokens
    }

    /// What is written there.
    pub(super) fn written(&self, at: At) -> &'a str {
        let place = self.places.get(at.place);
        place
            .and_then(|place| place.text.get(at.start..at.end))
            .unwrap_or_default()
    }

    pub(super) fn error(&self, at: At, wrong: Wrong<'_>) -> FilterError {
        FilterError::from(self.diagnostic(Severity::Error, at, wrong))
    }

    pub(super) fn diagnostic(&self, severity: Severity, at: At, wrong: Wrong<'_>) -> Diagnostic {
        let place = self.places.get(at.place);
        Diagnostic {
            severity,
            message: wrong.message,
            text: place.map(|place| place.text.to_owned()).unwrap_or_default(),
            line: place
                .and_then(|place| place.line)
                .map(|(name, line)| (name.to_owned(), line)),
            span: Range {
                start: at.start,
                end: at.end,
            },
            expected: wrong.expected,
            hint: wrong.hint,
        }
    }
}

/// Appends the tokens of one word or line. A backslash makes the next character ordinary; at the
/// end there is none, and it counts for nothing.
fn cut<'a>(text: &'a str, at: At, tokens: &mut Vec<Token<'a>>) {
    let is_blank = |c: u8| c == b' ' || c == b'\t';
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        if is_blank(bytes[i]) {
            i += 1;
            continue;
        }
        let start = i;
        let mut escaped = false;
        while i < bytes.len() && !is_blank(bytes[i]) {
            let escapes = bytes[i] == b'\\';
            escaped |= escapes;
            i += 1 + usize::from(escapes && i + 1 < bytes.len());
        }
        // A blank or the end is never inside a character, whatever a backslash skipped before it.
        let raw = &text[start..i];
        tokens.push(Token {
            text: if escaped {
                Cow::Owned(unescape(raw))
            } else {
                Cow::Borrowed(raw)
            },
            at: At {
                place: at.place,
                start: at.start + start,
                end: at.start + i,
            },
        });
    }
}

fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        text.extend(if c == '\\' { rest.next() } else { Some(c) });
    }
    text
}
