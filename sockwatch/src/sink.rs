//! From events to the bytes that go out, and the thread that writes them.
//!
//! A sink renders into a buffer and does no I/O; `writer` does the I/O and knows nothing of events.
//! No sink decides what is shown.

mod address;
pub mod escape;
pub mod jsonl;
mod put;
pub mod rows;
mod stamp;
pub mod summary;
pub mod text;
pub mod writer;

use crate::model::{Event, WallClock};

pub use jsonl::Jsonl;
pub use text::{Text, TextOptions};
pub use writer::{Target, Writer};

/// A way to show events.
#[derive(Debug)]
pub enum Sink {
    /// For people.
    Text(Text),
    /// JSON lines, for programs.
    Jsonl(Jsonl),
}

impl Sink {
    /// Appends what is to be said about `event` to `out`: whole lines, or nothing.
    pub fn write(&mut self, event: &Event<'_>, wall: WallClock, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => text.write(event, wall, out),
            Self::Jsonl(jsonl) => jsonl.write(event, wall, out),
        }
    }
}

#[cfg(test)]
mod samples;
