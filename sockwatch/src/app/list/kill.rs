//! `-K`: closes what the filter wants, and says what it could not.
//!
//! A walk through the kernel's tables can pass over sockets when others are taken out meanwhile. So it is
//! walked again until nothing more is closed.

use std::collections::BTreeMap;

use anyhow::anyhow;
use rustc_hash::FxHashSet;

use super::super::Failure;
use crate::{
    model::Row,
    source::diag::{Asking, Destroyer, NotClosed},
};

/// How often the tables are walked at most: where sockets that match come faster than they are closed.
const WALKS: u32 = 8;

/// What closes sockets.
#[derive(Default)]
pub(super) struct Killer {
    destroyer: Destroyer,
    /// Cookies of what was closed: some sockets can be seen afterwards, too.
    closed: FxHashSet<u64>,
    /// Of these, before this walk.
    closed_before: usize,
    walks: u32,
    /// What could not be closed in this walk.
    left: BTreeMap<NotClosed, u64>,
    /// sock_diag can't be asked.
    failed: Option<Asking>,
}

impl Killer {
    /// Closes the socket of a row; `true` if that was done just now.
    pub(super) fn close(&mut self, row: &Row<'_>) -> bool {
        let known = row
            .cookie
            .is_some_and(|cookie| self.closed.contains(&cookie));
        if known || self.failed.is_some() {
            return false;
        }
        match self.destroyer.close(row) {
            Ok(Ok(())) => {
                self.closed.extend(row.cookie);
                return true;
            }
            Ok(Err(why)) => *self.left.entry(why).or_default() += 1,
            Err(error) => self.failed = Some(error),
        }
        false
    }

    /// After a walk: whether another may find more.
    pub(super) fn walks_again(&mut self) -> bool {
        self.walks += 1;
        let again =
            self.closed.len() > self.closed_before && self.walks < WALKS && self.failed.is_none();
        if again {
            self.closed_before = self.closed.len();
            self.left.clear();
        }
        again
    }

    /// Says what was done.
    pub(super) fn finish(self) -> Result<(), Failure> {
        eprintln!("sockwatch: closed {}", sockets(self.closed.len() as u64));
        if let Some(error) = self.failed {
            return Err(Failure::runtime(error));
        }
        let whole: u64 = self.left.values().sum();
        if whole == 0 {
            return Ok(());
        }
        let reasons = self.left.iter();
        let reasons: Vec<_> = reasons
            .map(|(why, &count)| format!("{count} {}", reason(*why)))
            .collect();
        let error = anyhow!("{} not closed: {}", sockets(whole), reasons.join(", "));
        let impossible =
            |why: &NotClosed| matches!(why, NotClosed::Unsupported | NotClosed::NotPermitted);
        Err(if self.left.keys().all(impossible) {
            Failure::unsupported(error)
        } else {
            Failure::runtime(error)
        })
    }
}

fn sockets(count: u64) -> String {
    match count {
        1 => "1 socket".to_owned(),
        count => format!("{count} sockets"),
    }
}

fn reason(why: NotClosed) -> String {
    match why {
        NotClosed::NotFound => "gone, or not found by their ends".to_owned(),
        NotClosed::Unsupported => "of a protocol that this kernel can't close".to_owned(),
        NotClosed::NotPermitted => "not permitted, it takes CAP_NET_ADMIN".to_owned(),
        NotClosed::Other(number) => std::io::Error::from_raw_os_error(number).to_string(),
    }
}
