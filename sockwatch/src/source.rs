//! Where facts come from: the kernel programs' ring and sock_diag dumps.
//!
//! A source turns bytes into [`crate::model`] values. It keeps no table, judges nothing and prints
//! nothing.

pub mod diag;
pub mod ebpf;
