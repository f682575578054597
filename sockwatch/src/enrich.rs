//! What the kernel's events do not carry: looked up beside the stream, never in its way.
//!
//! Nothing here decides what is shown; text from outside is handed on as it is and escaped where
//! it is printed.

pub mod names;
