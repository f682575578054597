//! Unix sockets: `struct unix_diag_msg` (`include/uapi/linux/unix_diag.h`).
//!
//! Names are paths cut at their NUL, or abstract; of a peer only its inode is told.

use netlink_packet_sock_diag::{
    SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM, UNIX_DIAG_ICONS, UNIX_DIAG_MEMINFO, UNIX_DIAG_NAME,
    UNIX_DIAG_PEER, UNIX_DIAG_RQLEN, UNIX_DIAG_SHUTDOWN, UNIX_DIAG_VFS,
};

use super::{
    super::{attributes::set, header::Header},
    Read, Reader, memory,
};
use crate::model::{
    Details, Endpoint, Netid, Row, SocketInfo, TcpState,
    details::{
        UnixDetails,
        unix::{Inodes, UnixFile},
    },
};

/// Size of `struct unix_diag_msg`, bytes.
const HEADER_BYTES: usize = 16;

/// `UNIX_DIAG_UID`, since Linux 5.3.
const UNIX_DIAG_UID: u16 = 7;

/// Offsets in `struct unix_diag_msg`.
mod at {
    pub(super) const TYPE: usize = 1;
    pub(super) const STATE: usize = 2;
    pub(super) const INODE: usize = 4;
    pub(super) const COOKIE: usize = 8;
}

/// Reads replies to a dump of unix sockets.
pub(in super::super) struct Unix {
    netns: Option<u32>,
    /// The abstract name of the last row, in its printable form.
    name: Vec<u8>,
}

impl Unix {
    /// For a dump in the network namespace with this inode number.
    pub(in super::super) fn new(netns: Option<u32>) -> Self {
        Self {
            netns,
            name: Vec::new(),
        }
    }
}

impl Reader for Unix {
    /// `None` also if the type is unknown.
    fn read<'a>(&'a mut self, payload: &'a [u8]) -> Option<Read<'a>> {
        let (header, attributes) = Header::<HEADER_BYTES>::split(payload)?;
        let netid = match header.u8(at::TYPE) {
            SOCK_STREAM => Netid::UnixStream,
            SOCK_DGRAM => Netid::UnixDgram,
            SOCK_SEQPACKET => Netid::UnixSeqpacket,
            _ => return None,
        };
        let (mut name, mut peer, mut uid, mut shutdown) = (&[][..], None, None, None);
        let mut queues: Option<[u8; 8]> = None;
        let (mut memory, mut file, mut pending) = (None, None, None);
        let malformed = attributes.read(|kind, bytes| match kind {
            UNIX_DIAG_NAME => {
                name = bytes;
                true
            }
            UNIX_DIAG_PEER => set(&mut peer, bytes, u32::from_ne_bytes),
            UNIX_DIAG_RQLEN => set(&mut queues, bytes, |both| both),
            UNIX_DIAG_MEMINFO => memory::set(&mut memory, bytes),
            UNIX_DIAG_VFS => set(&mut file, bytes, unix_file),
            UNIX_DIAG_ICONS => {
                pending = Some(Inodes::new(bytes));
                bytes.len().is_multiple_of(4)
            }
            UNIX_DIAG_SHUTDOWN => set(&mut shutdown, bytes, u8::from_ne_bytes),
            UNIX_DIAG_UID => set(&mut uid, bytes, u32::from_ne_bytes),
            _ => true,
        });
        let inode = header.u32(at::INODE);
        let local = Endpoint::Unix {
            name: printable(name, &mut self.name),
            inode,
        };
        let peer = Endpoint::Unix {
            name: b"",
            inode: peer.unwrap_or(0),
        };
        let [r0, r1, r2, r3, w0, w1, w2, w3] = queues.unwrap_or_default();
        let row = Row {
            recv_q: u32::from_ne_bytes([r0, r1, r2, r3]),
            send_q: u32::from_ne_bytes([w0, w1, w2, w3]),
            info: SocketInfo {
                netns: self.netns,
                ifindex: Some(0),
                uid,
                inode: Some(u64::from(inode)),
                ..SocketInfo::default()
            },
            cookie: Some(header.cookie(at::COOKIE)),
            shutdown,
            memory,
            details: Details::Unix(UnixDetails {
                is_abstract: name.first().map(|&first| first == 0),
                file,
                pending,
            }),
            ..Row::new(
                netid,
                TcpState::from_kernel(header.u8(at::STATE)),
                local,
                peer,
            )
        };
        Some(Read { row, malformed })
    }
}

/// `struct unix_diag_vfs`. Its device is as the kernel itself writes it: twelve bits for the driver,
/// twenty for the device (`include/linux/kdev_t.h`, `MINORBITS`).
fn unix_file([i0, i1, i2, i3, d0, d1, d2, d3]: [u8; 8]) -> UnixFile {
    let device = u32::from_ne_bytes([d0, d1, d2, d3]);
    UnixFile {
        inode: u32::from_ne_bytes([i0, i1, i2, i3]),
        device_major: device >> 20,
        device_minor: device & 0xf_ffff,
    }
}

/// A path up to its NUL; an abstract name, which begins with one, with `@` for every NUL.
fn printable<'a>(name: &'a [u8], room: &'a mut Vec<u8>) -> &'a [u8] {
    if name.first() != Some(&0) {
        let end = name.iter().position(|&byte| byte == 0);
        return &name[..end.unwrap_or(name.len())];
    }
    room.clear();
    room.extend(name.iter().map(|&byte| if byte == 0 { b'@' } else { byte }));
    room
}
