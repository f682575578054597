//! Closing sockets from outside: `SOCK_DESTROY` (`net/core/sock_diag.c`, since Linux 4.9).
//!
//! One at a time, by ends and cookie, so that a socket that has taken the place of the one meant is left
//! alone. Which are to be closed is the caller's business.
//!
//! Needs CAP_NET_ADMIN in the user namespace of the network namespace, and a kernel with
//! `CONFIG_INET_DIAG_DESTROY`.

use std::num::NonZeroU64;

use rustix::io::Errno;

use super::{Asking, LookFor, request::exact, wire::exact::Exact};
use crate::model::{Endpoint, Netid, Row};

/// Why a socket was not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotClosed {
    /// There is no such socket any more, or the kernel does not find it by its ends: several listeners
    /// share them, or it is merely bound.
    NotFound,
    /// The kernel can't close sockets of this protocol, or none at all.
    Unsupported,
    /// It takes CAP_NET_ADMIN.
    NotPermitted,
    /// Any other error, by its number.
    Other(i32),
}

impl NotClosed {
    fn of(errno: Errno) -> Self {
        match errno {
            Errno::NOENT | Errno::STALE => Self::NotFound,
            Errno::OPNOTSUPP | Errno::PROTONOSUPPORT => Self::Unsupported,
            Errno::PERM | Errno::ACCESS => Self::NotPermitted,
            other => Self::Other(other.raw_os_error()),
        }
    }
}

/// Closes sockets of the network namespace of the thread that closes the first.
#[derive(Default)]
pub struct Destroyer {
    exact: Option<Exact>,
}

impl Destroyer {
    /// Closes the socket of a row; says why the kernel did not.
    ///
    /// # Errors
    ///
    /// sock_diag can't be asked.
    pub fn close(&mut self, row: &Row<'_>) -> Result<Result<(), NotClosed>, Asking> {
        let ends = Endpoint::tuple(&row.local, &row.peer);
        let cookie = row.cookie.and_then(NonZeroU64::new);
        // Without a cookie any socket of these ends would do.
        let (Some(protocol), Some(tuple), Some(_)) = (protocol(row.netid), ends, cookie) else {
            return Ok(Err(NotClosed::Unsupported));
        };
        let wanted = LookFor {
            cookie,
            tuple,
            ifindex: row.info.ifindex.unwrap_or(0),
        };
        let exact = match &mut self.exact {
            Some(exact) => exact,
            closed => closed.insert(Exact::open()?),
        };
        let sequence = exact.sequence_for(1);
        let request = exact::destroy(protocol, &wanted, sequence);
        let done = exact.order(&request, sequence)?;
        Ok(done.map_err(NotClosed::of))
    }
}

/// Whether sockets of this table can be closed at all.
pub const fn can_close(netid: Netid) -> bool {
    protocol(netid).is_some()
}

/// Number of the protocol. MPTCP's does not fit, and can't be closed. Of raw sockets the kernel closes any
/// that has these ends, whatever its cookie (`raw_diag_destroy`).
const fn protocol(netid: Netid) -> Option<u8> {
    match netid {
        Netid::Tcp => Some(6),
        Netid::Udp => Some(17),
        Netid::Dccp => Some(33),
        Netid::Sctp => Some(132),
        _ => None,
    }
}
