//! sockwatch: every TCP state change of this machine, as it happens.
//!
//! The library behind the `sockwatch` command. Data flows one way, and imports only go left:
//! `model <- { source | table | filter | enrich } <- sink <- app`.

#![deny(unsafe_code)]

pub mod app;
pub mod enrich;
mod explain;
pub mod filter;
pub mod model;
pub mod sink;
pub mod source;
pub mod table;
