//! Development tasks of sockwatch, one file a task, started as `cargo xtask TASK`.
//!
//! Nothing here is part of the program that users install. It is a library so that the tests of the
//! workspace can ask the same questions as the tasks: [`provenance`] is checked in every test run.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a task's report is its output")]

pub mod bench;
pub mod cli;
mod command;
pub mod dist;
pub mod ebpf;
pub mod itest;
pub mod lint;
pub mod provenance;
pub mod test;
pub mod workspace;
