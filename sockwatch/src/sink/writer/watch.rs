//! Notices that the reader of a pipe or socket went away while there is nothing to write.
//!
//! `sockwatch | head -1` is to end at once, not with the next event. Files, terminals and devices
//! have no reader that could go away, and are not watched.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    thread,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::FileType,
    io::Errno,
    pipe::{PipeFlags, pipe_with},
};

use super::{
    WriterError,
    queue::{End, Queue},
};

/// A watch on the reader; dropping it ends it.
#[derive(Debug)]
pub(super) struct Watch {
    /// The other end of a pipe that the watching thread polls too.
    _stop: OwnedFd,
}

impl Watch {
    /// Watches `file` if it has a reader, and ends `queue` when that goes away.
    ///
    /// # Errors
    /// When the thread, or what it needs, cannot be had.
    pub(super) fn start(file: &File, queue: &Arc<Queue>) -> Result<Option<Self>, WriterError> {
        let stat = rustix::fs::fstat(file).map_err(failed)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if !matches!(kind, FileType::Fifo | FileType::Socket) {
            return Ok(None);
        }
        let file = file.try_clone().map_err(WriterError::Watch)?;
        let (stopped, stop) = pipe_with(PipeFlags::CLOEXEC).map_err(failed)?;
        let queue = Arc::clone(queue);
        thread::Builder::new()
            .name("output-watch".into())
            .spawn(move || {
                if reader_is_gone(&file, &stopped) {
                    queue.end(End::Closed);
                }
            })
            .map_err(WriterError::Spawn)?;
        Ok(Some(Self { _stop: stop }))
    }
}

fn failed(errno: Errno) -> WriterError {
    WriterError::Watch(io::Error::from(errno))
}

/// Waits for either end; whether it was the reader's.
///
/// Nothing is asked for, and still poll(2) tells POLLERR (a pipe without readers) and POLLHUP (a
/// socket shut down, the other end of `stopped` gone).
fn reader_is_gone(file: &File, stopped: &OwnedFd) -> bool {
    loop {
        let mut fds = [
            PollFd::new(file, PollFlags::empty()),
            PollFd::from_borrowed_fd(stopped.as_fd(), PollFlags::empty()),
        ];
        match poll(&mut fds, None) {
            Ok(_) if !fds[0].revents().is_empty() => return true,
            Ok(_) if !fds[1].revents().is_empty() => return false,
            Ok(_) | Err(Errno::INTR) => {}
            // Without a watch the next write notices.
            Err(_) => return false,
        }
    }
}
