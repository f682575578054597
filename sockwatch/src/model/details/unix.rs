//! Of a unix socket: `include/uapi/linux/unix_diag.h`.

/// What is known of a unix socket besides its row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnixDetails<'a> {
    /// Whether its name is abstract, and no path. `None`: it has no name.
    pub is_abstract: Option<bool>,
    /// The file that it was bound to: `UNIX_DIAG_VFS`. `None`: none, or not asked for.
    pub file: Option<UnixFile>,
    /// Of a listener, the sockets whose connections wait for accept(): `UNIX_DIAG_ICONS`. `None`: no
    /// listener, or not asked for.
    pub pending: Option<Inodes<'a>>,
}

/// A file in a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnixFile {
    /// Its inode number, as far as 32 bits tell it.
    pub inode: u32,
    /// Major number of the device that the file system is on, as in `/proc/self/mountinfo`.
    pub device_major: u32,
    /// Minor number of that device.
    pub device_minor: u32,
}

/// Inode numbers, as they lie in a dump: u32 in the byte order of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inodes<'a>(&'a [[u8; 4]]);

impl<'a> Inodes<'a> {
    /// Those in `bytes`; what is left over is no number.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.as_chunks().0)
    }

    /// The numbers; 0 for a socket that has gone meanwhile.
    pub fn iter(self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|&bytes| u32::from_ne_bytes(bytes))
    }
}
