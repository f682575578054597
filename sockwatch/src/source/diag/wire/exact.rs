//! Questions of which each is answered by one message, many at a time over one netlink socket.
//!
//! Knows nothing of sockets: requests are bytes, answers payloads.

use std::io;

use netlink_packet_core::{NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP};
use netlink_packet_sock_diag::SOCK_DIAG_BY_FAMILY;
use netlink_sys::Socket;
use rustix::io::Errno;

use super::{DATAGRAM_BYTES, WireError, again, done, next_message, open, receive};

/// Questions sent at once. Their answers, of up to 1,280 bytes as the kernel counts them
/// (`truesize`), must fit the receive buffer that an unprivileged limit leaves us (208 KiB).
pub(in super::super) const AT_ONCE: usize = 128;

/// A netlink socket in the network namespace of the thread that opened it; usable on any.
pub(in super::super) struct Exact {
    socket: Socket,
    next_sequence: u32,
    buffer: Vec<u8>,
}

impl Exact {
    /// Opens it.
    ///
    /// # Errors
    ///
    /// `Open`.
    pub(in super::super) fn open() -> Result<Self, WireError> {
        Ok(Self {
            socket: open().map_err(WireError::Open)?,
            next_sequence: 1,
            buffer: Vec::with_capacity(DATAGRAM_BYTES),
        })
    }

    /// The sequence number of the first of `count` questions to be asked next; the others follow.
    pub(in super::super) fn sequence_for(&mut self, count: usize) -> u32 {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let first = self.next_sequence;
        self.next_sequence = first.wrapping_add(count);
        first
    }

    /// Sends the `count` questions in `requests`, which begin with the sequence number `first`, and
    /// gives each answer with the place of its question: the payload, or `None` where there is no
    /// such socket. Returns how many messages made no sense.
    ///
    /// # Errors
    ///
    /// Some questions may already have been answered. The socket is of no more use then.
    pub(in super::super) fn ask(
        &mut self,
        requests: &[u8],
        (first, count): (u32, usize),
        mut each: impl FnMut(usize, Option<&[u8]>),
    ) -> Result<u64, WireError> {
        again(|| self.socket.send(requests, 0)).map_err(WireError::Send)?;
        let mut answers = Answers {
            first,
            count,
            left: count,
            malformed: 0,
        };
        while answers.left > 0 {
            let datagram = receive(&self.socket, &mut self.buffer)?;
            answers.read(datagram, &mut each)?;
        }
        Ok(answers.malformed)
    }

    /// Sends one request that asks for an acknowledgment, and says what the kernel made of it.
    ///
    /// # Errors
    ///
    /// `Send`, `Receive` or `Truncated`.
    pub(in super::super) fn order(
        &mut self,
        request: &[u8],
        sequence: u32,
    ) -> Result<Result<(), Errno>, WireError> {
        again(|| self.socket.send(request, 0)).map_err(WireError::Send)?;
        loop {
            let mut datagram = receive(&self.socket, &mut self.buffer)?;
            while let Some(message) = next_message(&mut datagram) {
                if message.sequence_number() != sequence || message.message_type() != NLMSG_ERROR {
                    continue;
                }
                return Ok(match done(message.payload()) {
                    Err(WireError::Refused(error)) => {
                        Err(Errno::from_io_error(&error).unwrap_or(Errno::INVAL))
                    }
                    _ => Ok(()),
                });
            }
        }
    }
}

struct Answers {
    first: u32,
    count: usize,
    /// Questions that are not answered.
    left: usize,
    malformed: u64,
}

impl Answers {
    fn read(
        &mut self,
        mut datagram: &[u8],
        each: &mut impl FnMut(usize, Option<&[u8]>),
    ) -> Result<(), WireError> {
        while !datagram.is_empty() {
            let Some(message) = next_message(&mut datagram) else {
                self.malformed += 1;
                break;
            };
            let place = message.sequence_number().wrapping_sub(self.first) as usize;
            if place >= self.count {
                continue;
            }
            let answer = match message.message_type() {
                SOCK_DIAG_BY_FAMILY => Some(message.payload()),
                NLMSG_ERROR | NLMSG_DONE => match done(message.payload()) {
                    Err(WireError::Refused(error)) if is_none_such(&error) => None,
                    Err(error) => return Err(error),
                    Ok(()) => continue,
                },
                NLMSG_NOOP => continue,
                _ => {
                    self.malformed += 1;
                    continue;
                }
            };
            self.left = self.left.saturating_sub(1);
            each(place, answer);
        }
        Ok(())
    }
}

/// No socket of these ends, or one with another cookie (`inet_diag_find_one_icsk`).
fn is_none_such(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOENT | Errno::STALE)
    )
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{message, numbered},
        *,
    };

    fn answers(first: u32, count: usize) -> Answers {
        Answers {
            first,
            count,
            left: count,
            malformed: 0,
        }
    }

    fn error(errno: i32) -> Vec<u8> {
        message(NLMSG_ERROR, 0, &(-errno).to_ne_bytes())
    }

    fn read(datagram: &[u8], answers: &mut Answers) -> Result<Vec<(usize, bool)>, WireError> {
        let mut read = Vec::new();
        answers.read(datagram, &mut |place, answer: Option<&[u8]>| {
            read.push((place, answer.is_some()));
        })?;
        Ok(read)
    }

    #[test]
    fn answers_find_their_questions() {
        let found = message(SOCK_DIAG_BY_FAMILY, 0, b"payload");
        let mut datagram = numbered(&error(2), u32::MAX);
        datagram.extend(numbered(&found, 1));
        datagram.extend(numbered(&error(116), 0));
        datagram.extend(numbered(&found, 77));
        let mut answers = answers(u32::MAX, 4);
        let read = read(&datagram, &mut answers).unwrap();
        assert_eq!(read, [(0, false), (2, true), (1, false)]);
        assert_eq!((answers.left, answers.malformed), (1, 0));
    }

    #[test]
    fn a_refusal_is_no_answer() {
        let refused = read(&numbered(&error(1), 9), &mut answers(9, 1));
        assert!(matches!(refused, Err(WireError::Refused(_))), "{refused:?}");
    }

    #[test]
    fn damage_is_counted_and_never_fatal() {
        let whole = numbered(&message(SOCK_DIAG_BY_FAMILY, 0, b"12345678"), 9);
        for length in 1..whole.len() {
            let mut answers = answers(9, 1);
            read(&whole[..length], &mut answers).unwrap();
            assert_eq!((answers.left, answers.malformed), (1, 1));
        }
        let mut answers = answers(9, 1);
        read(&numbered(&message(77, 0, b"unknown"), 9), &mut answers).unwrap();
        assert_eq!(answers.malformed, 1);
    }
}
