//! Where facts come from: the kernel programs' ring, sock_diag dumps, and recordings.
//!
//! A source turns bytes into [`crate::model`] values. It keeps no table, judges nothing and prints
//! nothing.

pub mod diag;
pub mod ebpf;
pub mod replay;
pub mod sockstat;
