//! Work inside another network namespace, on a thread of its own.
//!
//! Finds no namespaces: `netns` does.

use std::{io, os::fd::AsFd, thread};

use rustix::{
    io::Errno,
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use super::netns::Netns;

/// Why nothing can be done inside a network namespace.
#[derive(Debug, thiserror::Error)]
pub enum InsideError {
    /// We may not enter it.
    #[error("not permitted to enter the network namespace; it takes CAP_SYS_ADMIN")]
    NotPermitted,
    /// It is a namespace of another kind.
    #[error("not a network namespace")]
    NotNetns,
    /// Any other reason.
    #[error("cannot enter the network namespace")]
    Enter(#[source] io::Error),
    /// No thread could be had.
    #[error("cannot start a thread to dump sockets")]
    Thread(#[source] io::Error),
    /// The thread panicked.
    #[error("the thread that dumps sockets ended early")]
    Ended,
}

/// Does `work` in a namespace: what it reads in /proc/sys/net and the sockets it makes are of there.
///
/// # Errors
///
/// The namespace can't be entered; then nothing was done.
pub fn inside<T: Send>(netns: &Netns, work: impl FnOnce() -> T + Send) -> Result<T, InsideError> {
    apart(|| enter(netns).map(|()| work())).and_then(|entered| entered)
}

/// Moves the calling thread into a namespace, for good.
pub(super) fn enter(netns: &Netns) -> Result<(), InsideError> {
    move_into_link_name_space(netns.fd.as_fd(), Some(LinkNameSpaceType::Network)).map_err(|errno| {
        match errno {
            Errno::PERM => InsideError::NotPermitted,
            Errno::INVAL => InsideError::NotNetns,
            other => InsideError::Enter(other.into()),
        }
    })
}

/// Does `work` on a thread that ends with it, so that the caller's stays where it is.
pub(super) fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, InsideError> {
    thread::scope(|scope| {
        thread::Builder::new()
            .name("sock_diag".into())
            .spawn_scoped(scope, work)
            .map_err(InsideError::Thread)?
            .join()
            .map_err(|_panic| InsideError::Ended)
    })
}
