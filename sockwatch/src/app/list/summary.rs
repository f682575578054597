//! `-s`: how many sockets there are.
//!
//! The kernel keeps most counts for each network namespace, but two for the whole machine: orphans, and
//! sockets that are closed. In a machine with several namespaces the former are counted by a dump, and the
//! latter are unknown.

use std::io;

use crate::{
    model::{
        AddressFamily, Ask, Netid, StateSet, TcpState, TimerKind,
        summary::{Summary, TcpSummary},
    },
    source::{
        diag::{
            self, InsideError, ListError, Query, Shown, inside,
            netns::{self, Netns},
        },
        sockstat::{self, Sockstat},
    },
};

/// Why there is no summary.
#[derive(Debug, thiserror::Error)]
pub(super) enum SummaryError {
    /// The kernel's counts can't be read.
    #[error("cannot read the kernel's counts of sockets in /proc/net")]
    Read(#[source] io::Error),
    /// The namespace can't be entered.
    #[error("cannot enter {0}")]
    Enter(String, #[source] InsideError),
    /// Orphans can't be counted.
    #[error("cannot count orphaned sockets")]
    Orphans(#[source] ListError),
}

/// States in which the kernel lets a full socket live on that no process holds.
const ORPHANED: StateSet = StateSet::of(&[
    TcpState::FinWait1,
    TcpState::FinWait2,
    TcpState::Closing,
    TcpState::LastAck,
]);

/// Counts the sockets of `netns`, or of the calling thread's namespace.
pub(super) fn count(netns: Option<&Netns>) -> Result<Summary, SummaryError> {
    let stat = match netns {
        None => sockstat::read(),
        Some(netns) => inside::inside(netns, sockstat::read)
            .map_err(|error| SummaryError::Enter(netns.to_string(), error))?,
    };
    let stat = stat.map_err(SummaryError::Read)?;
    let closed = is_the_only_one().then(|| stat.tcp_alloc.saturating_sub(stat.tcp.total()));
    let orphaned = match (stat.tcp_orphans, closed) {
        (0, _) => 0,
        (all, Some(_)) => all,
        (_, None) => orphans(netns)?,
    };
    Ok(summary(&stat, closed, orphaned))
}

fn summary(stat: &Sockstat, closed: Option<u64>, orphaned: u64) -> Summary {
    Summary {
        sockets: stat.sockets,
        tcp: TcpSummary {
            established: stat.established,
            closed,
            orphaned,
            time_wait: stat.time_wait,
        },
        raw: stat.raw,
        udp: stat.udp,
        tcp_hashed: stat.tcp,
        fragments: stat.fragments,
    }
}

/// Whether this machine has one network namespace, as far as can be seen.
fn is_the_only_one() -> bool {
    netns::all().is_ok_and(|found| found.namespaces.len() == 1 && found.degraded.is_empty())
}

/// Full sockets without a file: minisockets in the same states wait for the end of TIME-WAIT.
fn orphans(netns: Option<&Netns>) -> Result<u64, SummaryError> {
    let query = Query {
        netids: &[Netid::Tcp],
        families: &[AddressFamily::Inet, AddressFamily::Inet6],
        states: ORPHANED,
        shown: &|_, _| Shown::All,
        ask: Ask::default(),
    };
    let mut orphans = 0;
    diag::list(netns, &query, |row| {
        let waits = row
            .timer
            .is_some_and(|timer| timer.kind == TimerKind::TimeWait);
        orphans += u64::from(row.info.inode == Some(0) && !waits);
    })
    .map_err(SummaryError::Orphans)?;
    Ok(orphans)
}
