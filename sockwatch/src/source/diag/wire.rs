//! One dump over one netlink socket.
//!
//! Knows netlink's framing and nothing of sockets. Each dump opens a socket of its own, in the
//! network namespace of the calling thread, so that no reply can belong to an earlier request.
//!
//! The kernel begins a dump inside of the call that asks for it, and returns when it has filled the
//! first datagram or is done (`__netlink_dump_start`): where it finds little, all of its work is
//! done there. So a dump has two halves, and [`begin`] may be called on another thread.

pub(super) mod exact;

use std::{io, time::Duration};

use netlink_packet_core::{
    NLM_F_DUMP_INTR, NLMSG_ALIGNTO, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, NLMSG_OVERRUN,
    NetlinkBuffer,
};
use netlink_packet_sock_diag::SOCK_DIAG_BY_FAMILY;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_SOCK_DIAG};
use rustix::net::{
    RecvFlags,
    sockopt::{Timeout, set_socket_timeout},
};

/// Sequence number of every request.
pub(super) const SEQUENCE: u32 = 1;

/// The request that came before `SOCK_DIAG_BY_FAMILY`, for TCP; its replies have the same form.
pub(super) const TCPDIAG_GETSOCK: u16 = 18;

/// Size of `struct nlmsghdr`.
const NETLINK_HEADER_BYTES: usize = 16;

/// Room for one datagram, bytes: twice what the kernel puts into one (`netlink_dump`: 32 KiB).
pub(super) const DATAGRAM_BYTES: usize = 64 << 10;

/// SO_RCVBUF, bytes. The kernel stops filling a dump when it is reached and goes on when we read.
const RECEIVE_BUFFER_BYTES: i32 = 1 << 20;

/// A dump is answered while it is asked for; a longer silence means that its end was lost.
const SILENCE: Duration = Duration::from_secs(5);

/// Why a dump failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum WireError {
    /// No netlink socket could be had.
    #[error("cannot open a NETLINK_SOCK_DIAG socket")]
    Open(#[source] io::Error),
    /// The request could not be sent.
    #[error("cannot send a request to sock_diag")]
    Send(#[source] io::Error),
    /// The replies could not be read.
    #[error("cannot read the replies of sock_diag")]
    Receive(#[source] io::Error),
    /// A datagram was larger than the buffer.
    #[error("a sock_diag reply of {bytes} bytes does not fit")]
    Truncated {
        /// The size of the datagram.
        bytes: usize,
    },
    /// The kernel answered with an error.
    #[error("the kernel refused the sock_diag request")]
    Refused(#[source] io::Error),
}

/// How a dump ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ended {
    /// The kernel says that the dump is inconsistent.
    pub(super) interrupted: bool,
    /// Messages without sense.
    pub(super) malformed: u64,
}

/// A dump that was asked for: what the kernel has given of it waits in the socket.
pub(super) struct Begun(Socket);

/// Sends `request`.
///
/// # Errors
///
/// `Open` or `Send`; what the kernel says of the request comes with the replies.
pub(super) fn begin(request: &[u8]) -> Result<Begun, WireError> {
    let socket = open().map_err(WireError::Open)?;
    again(|| socket.send(request, 0)).map_err(WireError::Send)?;
    Ok(Begun(socket))
}

impl Begun {
    /// Gives the payload of every reply to `each`.
    ///
    /// Datagrams are read into the capacity of `buffer`.
    ///
    /// # Errors
    ///
    /// After an error some replies may already have been given. After `Truncated` the caller may
    /// reserve room in `buffer` and begin again.
    pub(super) fn read(
        self,
        buffer: &mut Vec<u8>,
        mut each: impl FnMut(&[u8]),
    ) -> Result<Ended, WireError> {
        let mut ended = Ended::default();
        loop {
            let datagram = receive(&self.0, buffer)?;
            if read(datagram, &mut ended, &mut each)? == Step::Finished {
                return Ok(ended);
            }
        }
    }
}

/// Both halves: see [`begin`] and [`Begun::read`].
pub(super) fn dump(
    request: &[u8],
    buffer: &mut Vec<u8>,
    each: impl FnMut(&[u8]),
) -> Result<Ended, WireError> {
    begin(request)?.read(buffer, each)
}

fn open() -> io::Result<Socket> {
    let socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.set_rx_buf_sz(RECEIVE_BUFFER_BYTES)?;
    set_socket_timeout(&socket, Timeout::Recv, Some(SILENCE))?;
    socket.connect(&SocketAddr::new(0, 0))?;
    Ok(socket)
}

/// Repeats a system call that a signal interrupted.
fn again<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn receive<'a>(socket: &Socket, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], WireError> {
    // With MSG_TRUNC the result is the datagram's own size. The bits are small and positive.
    let flags = RecvFlags::TRUNC.bits().cast_signed();
    let (bytes, sender) = again(|| {
        buffer.clear();
        socket.recv_from(buffer, flags)
    })
    .map_err(WireError::Receive)?;
    if bytes > buffer.len() {
        return Err(WireError::Truncated { bytes });
    }
    // Only the kernel is port 0.
    let from_kernel = sender.port_number() == 0;
    Ok(if from_kernel { buffer } else { &[] })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    More,
    Finished,
}

/// Reads the messages of a datagram.
fn read(
    mut datagram: &[u8],
    ended: &mut Ended,
    each: &mut impl FnMut(&[u8]),
) -> Result<Step, WireError> {
    while !datagram.is_empty() {
        let Some(message) = next_message(&mut datagram) else {
            ended.malformed += 1;
            break;
        };
        if message.sequence_number() == SEQUENCE {
            ended.interrupted |= message.flags() & NLM_F_DUMP_INTR != 0;
            match message.message_type() {
                SOCK_DIAG_BY_FAMILY | TCPDIAG_GETSOCK => each(message.payload()),
                NLMSG_DONE => return done(message.payload()).map(|()| Step::Finished),
                NLMSG_ERROR => done(message.payload())?,
                NLMSG_OVERRUN => ended.interrupted = true,
                NLMSG_NOOP => {}
                _ => ended.malformed += 1,
            }
        }
    }
    Ok(Step::More)
}

/// Takes the first message off `datagram`; `None` if its length can't be trusted, so that nothing
/// can be found behind it either.
fn next_message<'a>(datagram: &mut &'a [u8]) -> Option<NetlinkBuffer<&'a [u8]>> {
    let message = NetlinkBuffer::new_checked(*datagram).ok()?;
    let length = NETLINK_HEADER_BYTES + message.payload_length();
    *datagram = datagram
        .get(length.next_multiple_of(usize::from(NLMSG_ALIGNTO))..)
        .unwrap_or_default();
    Some(message)
}

/// The result that NLMSG_ERROR and NLMSG_DONE begin with: 0 or a negative errno. A dump for which
/// there is no handler ends with NLMSG_DONE and ENOENT (`netlink_dump_done`).
fn done(payload: &[u8]) -> Result<(), WireError> {
    match payload
        .first_chunk()
        .map(|&bytes| i32::from_ne_bytes(bytes))
    {
        Some(result) if result < 0 => Err(WireError::Refused(io::Error::from_raw_os_error(
            result.saturating_neg(),
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(NETLINK_HEADER_BYTES + payload.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(SEQUENCE.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    /// The same message as the answer to another request.
    pub(super) fn numbered(message: &[u8], sequence: u32) -> Vec<u8> {
        let mut bytes = message.to_vec();
        bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        bytes
    }

    fn read_all(datagram: &[u8]) -> (Result<Step, WireError>, Ended, Vec<Vec<u8>>) {
        let mut ended = Ended::default();
        let mut replies = Vec::new();
        let step = read(datagram, &mut ended, &mut |reply: &[u8]| {
            replies.push(reply.to_vec());
        });
        (step, ended, replies)
    }

    #[test]
    fn replies_come_in_order_until_the_end() {
        let mut bytes = message(SOCK_DIAG_BY_FAMILY, 2, b"one");
        bytes.extend(message(NLMSG_NOOP, 2, b""));
        bytes.extend(message(SOCK_DIAG_BY_FAMILY, 2 | NLM_F_DUMP_INTR, b"four"));
        let (step, ended, replies) = read_all(&bytes);
        assert_eq!(step.unwrap(), Step::More);
        assert!(ended.interrupted);
        assert_eq!(replies, [&b"one"[..], b"four"]);

        bytes.extend(message(NLMSG_DONE, 2, &0_i32.to_ne_bytes()));
        bytes.extend(message(SOCK_DIAG_BY_FAMILY, 2, b"after"));
        let (step, _, replies) = read_all(&bytes);
        assert_eq!(step.unwrap(), Step::Finished);
        assert_eq!(replies.len(), 2);
    }

    #[test]
    fn errors_come_in_both_kinds() {
        for kind in [NLMSG_ERROR, NLMSG_DONE] {
            let (step, ..) = read_all(&message(kind, 0, &(-2_i32).to_ne_bytes()));
            match step {
                Err(WireError::Refused(error)) => assert_eq!(error.raw_os_error(), Some(2)),
                other => panic!("{other:?}"),
            }
        }
        let (step, ..) = read_all(&message(NLMSG_ERROR, 0, &i32::MIN.to_ne_bytes()));
        assert!(matches!(step, Err(WireError::Refused(_))));
    }

    #[test]
    fn damage_is_counted_and_never_fatal() {
        let mut whole = message(SOCK_DIAG_BY_FAMILY, 2, b"12345678");
        whole.extend(message(77, 2, b"unknown"));
        assert_eq!(read_all(&whole).1.malformed, 1);
        for length in 0..whole.len() {
            assert!(read_all(&whole[..length]).0.is_ok());
        }
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let _ = read_all(&damaged);
        }
    }
}
