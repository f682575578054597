//! Replies become rows, in the words of the model.
//!
//! Reads messages where they lie and trusts nothing in them. No I/O; which rows are wanted is not
//! asked here.

mod inet;
mod memory;
mod netlink;
mod packet;
mod unix;
mod vsock;
mod xdp;

pub(super) use inet::Inet;
pub(super) use netlink::Netlink;
pub(super) use packet::Packet;
pub(super) use unix::Unix;
pub(super) use vsock::Vsock;
pub(super) use xdp::Xdp;

use crate::model::{Endpoint, Row};

/// Reads the replies of one family.
pub(super) trait Reader {
    /// The row of a `SOCK_DIAG_BY_FAMILY` payload; `None` if it made no sense.
    fn read<'a>(&'a mut self, payload: &'a [u8]) -> Option<Read<'a>>;
}

/// What was read.
pub(super) struct Read<'a> {
    pub(super) row: Row<'a>,
    /// Attributes that made no sense.
    pub(super) malformed: u32,
}

/// What all replies of a dump, or of several, told besides their rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Messages and attributes that made no sense.
    pub(super) malformed: u64,
    /// A socket that a file holds was shown without a mark: we may not see marks. Of a minisocket
    /// older kernels show none to anybody.
    pub(super) unmarked: bool,
}

impl Tally {
    /// Reads one reply, and gives its row to `each`.
    pub(super) fn take<R: Reader>(
        &mut self,
        reader: &mut R,
        payload: &[u8],
        each: impl FnOnce(&Row<'_>),
    ) {
        let Some(Read { row, malformed }) = reader.read(payload) else {
            self.malformed += 1;
            return;
        };
        self.malformed += u64::from(malformed);
        // Only sockets with IP addresses show marks at all.
        self.unmarked |= row.info.mark.is_none()
            && malformed == 0
            && row.info.inode != Some(0)
            && matches!(row.local, Endpoint::Ip { .. });
        each(&row);
    }
}

#[cfg(all(test, target_endian = "little"))]
mod tests;
