//! The `sockwatch` command.

fn main() {}
