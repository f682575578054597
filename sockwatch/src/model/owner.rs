//! Which process owns a socket, and how we know.

use std::fmt;

/// The name of a process: `task_struct::comm` of its thread group leader, at most 15 bytes, any
/// bytes at all.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Comm([u8; 16]);

impl Comm {
    /// From the kernel's array; what follows the first NUL is dropped.
    pub fn from_kernel(mut bytes: [u8; 16]) -> Self {
        let len = bytes.iter().position(|&b| b == 0).unwrap_or(15);
        bytes[len..].fill(0);
        Self(bytes)
    }

    /// From text, cut to 15 bytes.
    pub fn from_bytes(text: &[u8]) -> Self {
        let mut bytes = [0; 16];
        let len = text.len().min(15);
        bytes[..len].copy_from_slice(&text[..len]);
        Self::from_kernel(bytes)
    }

    /// The bytes before the NUL.
    pub fn as_bytes(&self) -> &[u8] {
        let len = self.0.iter().position(|&b| b == 0).unwrap_or(self.0.len());
        &self.0[..len]
    }
}

impl fmt::Debug for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.as_bytes()))
    }
}

/// How the owner of a socket became known, surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// It called connect().
    Connect,
    /// It called listen().
    Listen,
    /// It accepted the connection.
    Accept,
    /// It closed the socket.
    Close,
    /// It was found holding the socket when sockwatch started.
    Scan,
    /// It owns the listener that the connection came in on.
    Inherited,
    /// The same, and nobody has accepted the connection yet.
    Unaccepted,
}

impl How {
    /// The value of `owner.how` in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Listen => "listen",
            Self::Accept => "accept",
            Self::Close => "close",
            Self::Scan => "scan",
            Self::Inherited => "inherited",
            Self::Unaccepted => "unaccepted",
        }
    }
}

/// The process that owns a socket: never merely "whoever was running".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Thread group id, in the initial pid namespace for events, in ours for a scan.
    pub pid: u32,
    /// Name of the thread group leader.
    pub comm: Comm,
    /// How we know.
    pub how: How,
}
