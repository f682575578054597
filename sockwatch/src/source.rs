//! Where sockets and their changes come from: the kernel.
//!
//! Only the types of `model` leave here; no kernel structure does.

pub mod diag;
