//! Which of what can be selected changes states that the live trace sees.

use super::tables::{Choice, StateOption};
use crate::model::{AddressFamily, Netid, Proto};

/// The protocols whose sockets pass through `inet_sock_set_state`.
pub const TRACED: [Proto; 4] = [Proto::Tcp, Proto::Mptcp, Proto::Sctp, Proto::Dccp];

/// Whether the sockets of a table are traced.
pub fn is_traced(table: Netid) -> bool {
    TRACED
        .iter()
        .any(|&proto| Netid::try_from(proto) == Ok(table))
}

impl Choice {
    /// Whether the live trace can show what it asks for.
    pub fn is_traced(&self) -> bool {
        match self {
            Self::Table(table) => is_traced(*table),
            Self::Family(family) => {
                matches!(family, AddressFamily::Inet | AddressFamily::Inet6)
            }
            Self::Query(query) => query.asked_for().all(is_traced),
            Self::States(option) => *option != StateOption::BoundInactive,
        }
    }
}
