//! The words everything else is said in: states, tuples, identities, transitions, events.
//!
//! No I/O, no clock, no kernel structures. Nothing here depends on any other module of the crate.

pub mod cause;
pub mod container;
pub mod details;
pub mod endpoint;
pub mod event;
pub mod holders;
pub mod mini;
pub mod netid;
pub mod numbers;
pub mod owner;
pub mod proto;
pub mod row;
pub mod socket;
pub mod state;
pub mod summary;
pub mod time;
pub mod transition;

pub use cause::{Cause, Errno};
pub use details::{Ask, Details, Memory};
pub use endpoint::Endpoint;
pub use event::Event;
pub use holders::{Holders, Peer, User, Users};
pub use mini::{Accepted, Mini, MiniEnd, MiniEvent, MiniKind};
pub use netid::{AddressFamily, Netid};
pub use owner::{Comm, How, Owner};
pub use proto::{Family, Proto};
pub use row::{Row, Timer, TimerKind};
pub use socket::{SocketInfo, SocketKey, Tuple, ipv6_octets};
pub use state::{StateSet, TcpState};
pub use time::{MonoNs, Nanos, Seen, WallClock};
pub use transition::{Context, Observed, ResetReason, TcpNumbers, Transition};
