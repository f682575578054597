//! Of a vsock socket: `include/uapi/linux/vm_sockets_diag.h`.

/// How it carries data. `ss` has no word for the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VsockKind {
    /// SOCK_STREAM
    Stream,
    /// SOCK_DGRAM
    Dgram,
    /// SOCK_SEQPACKET
    Seqpacket,
    /// A type newer than this program.
    Unknown(u8),
}

impl VsockKind {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Dgram => "dgram",
            Self::Seqpacket => "seqpacket",
            Self::Unknown(_) => "unknown",
        }
    }
}
