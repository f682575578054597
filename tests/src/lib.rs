//! The harness of the integration tests: they run the built `sockwatch` on a real kernel and read
//! what it prints.
//!
//! Knows the program only from outside: its command line, its output, its exit status. Nothing here
//! waits without a deadline.

#![deny(unsafe_code)]
#![allow(
    clippy::missing_errors_doc,
    reason = "every error is the failure of the test that called"
)]

use std::time::Duration;

pub mod binary;
pub mod command_line;
pub mod conditions;
pub mod expressions;
pub mod flood;
pub mod flows;
pub mod json;
pub mod lines;
pub mod listing;
pub mod names;
pub mod netns;
pub mod others;
pub mod population;
pub mod privilege;
pub mod process;
pub mod role;
pub mod schema;
pub mod ss;
pub mod story;
pub mod syn;
pub mod text;
pub mod trial;
pub mod unanswered;
pub mod witness;

/// How long anything may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);
