//! What a dump tells of a socket only when asked: the depth behind a row.
//!
//! One type for each kind of table, in a file of its own. Says nothing of how it is shown.

mod memory;

pub use memory::Memory;

/// Which details to ask the kernel for. Each costs it time, and room in every reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is something to ask for"
)]
pub struct Ask {
    /// Memory: `SK_MEMINFO`.
    pub memory: bool,
    /// What the protocol knows inside: `tcp_info`, congestion control, upper layers.
    pub info: bool,
    /// Type of service and traffic class.
    pub tos: bool,
    /// What `ss -e` shows and no row has otherwise: the file of a unix socket, options and rings of a
    /// packet socket, groups of a netlink socket.
    pub extended: bool,
    /// The filter attached to a packet socket.
    pub filter: bool,
}

/// The details of a row that its kind of table has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Details<'a> {
    /// None were asked for, or there are none.
    #[default]
    None,
    /// Of a socket with IP addresses.
    Inet(&'a InetDetails<'a>),
}

/// Of a socket with IP addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InetDetails<'a> {
    /// Name of the congestion control: `INET_DIAG_CONG`.
    pub congestion: Option<&'a [u8]>,
}
