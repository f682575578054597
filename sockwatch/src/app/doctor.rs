//! `sockwatch doctor`: what this kernel and this user can do, one line each, with the cure for each
//! no.
//!
//! Asks by doing: ring buffers are made, programs loaded and attached, sockets dumped, namespaces
//! entered; nothing stays behind. Changes nothing and cures nothing itself.

mod check;
mod hooks;
mod kernel;
mod privileges;
mod sockets;

use std::io::{self, Write as _};

use anyhow::{Context as _, anyhow};

use super::{Failure, cli::ColorArg, config::wants_colour};
use check::{Check, State};
use hooks::Way;
use privileges::Privileges;

/// Everything looked at.
struct Findings {
    /// Without one of these no hook can be used.
    needed: Vec<Check>,
    /// The ways to trace: one is enough.
    ways: Vec<Way>,
    /// What live tracing shows less without.
    rest: Vec<Check>,
}

/// Prints every check; fails where live tracing does not work.
pub(super) fn run() -> Result<(), Failure> {
    let findings = Findings::gather()?;
    print(&findings.render(wants_colour(ColorArg::Auto, &io::stdout())))?;
    match findings.obstacle() {
        None => Ok(()),
        Some(reason) => Err(Failure::unsupported(anyhow!(
            "live tracing does not work here: {reason}"
        ))),
    }
}

impl Findings {
    fn gather() -> Result<Self, Failure> {
        let privileges = Privileges::of_this_process();
        let privileged = privileges.suffice();
        let version = kernel::Version::running();
        let mut needed = vec![
            kernel::version(version),
            kernel::lockdown(),
            privileges.tracing(),
            hooks::ring_buffer(privileged),
        ];
        needed.extend(kernel::memlock(version));
        // The ring is waited for through a reactor.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .context("cannot set up waiting for the ring buffer")
            .map_err(Failure::runtime)?;
        let ways = {
            let _context = runtime.enter();
            hooks::ways(privileged)
        };
        let mut rest = sockets::checks(privileges);
        rest.push(privileges.marks());
        rest.push(kernel::kptr_restrict());
        rest.extend((!privileged).then(kernel::unprivileged_bpf));
        Ok(Self { needed, ways, rest })
    }

    fn render(&self, colour: bool) -> Vec<u8> {
        let ways = self.ways.iter().flat_map(|way| &way.checks);
        let mut out = Vec::new();
        for check in self.needed.iter().chain(ways).chain(&self.rest) {
            check.render(colour, &mut out);
        }
        out
    }

    /// Why nothing can be traced; `None` where it can, whatever else is amiss.
    fn obstacle(&self) -> Option<String> {
        if self.ways.iter().any(Way::works) {
            return None;
        }
        let is_no = |check: &&Check| check.state == State::No;
        if let Some(check) = self.needed.iter().find(is_no) {
            return Some(check.reason());
        }
        // What stops each way first; the rest follows from it.
        let first = |way: &Way| way.checks.iter().find(is_no).map(Check::reason);
        let reasons: Vec<_> = self.ways.iter().filter_map(first).collect();
        Some(reasons.join("; and "))
    }
}

fn print(bytes: &[u8]) -> Result<(), Failure> {
    match io::stdout().lock().write_all(bytes) {
        // A closed pipe is nobody's error.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error)
            .context("cannot write standard output")
            .map_err(Failure::runtime),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
