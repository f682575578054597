//! The thread that writes: a slow, stopped or broken output never stops the caller.
//!
//! Whole chunks go in, in order, bounded by their bytes. What to do when there is no room is the
//! caller's affair: this drops nothing and counts nothing.

mod queue;
mod watch;

use std::{
    fs::File,
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};

use queue::{End, Queue};
use watch::Watch;

/// Bytes that may wait for an output that is slower than the events.
pub const DEFAULT_LIMIT_BYTES: usize = 16 << 20;

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// The file cannot be opened, or a write to it failed.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file, or what stands for standard output.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A thread could not be started.
    #[error("cannot start the output thread")]
    Spawn(#[source] io::Error),
    /// What ends the watch on the reader could not be made.
    #[error("cannot watch the reader of the output")]
    Watch(#[source] io::Error),
}

/// Where the bytes go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A file, created if need be and emptied, as the shell's `>` does. A FIFO waits for its
    /// reader.
    File(PathBuf),
}

impl Target {
    fn open(&self) -> Result<(File, PathBuf), WriterError> {
        let (file, path) = match self {
            Self::Stdout => {
                let own = io::stdout().as_fd().try_clone_to_owned();
                (own.map(File::from), Path::new("standard output"))
            }
            Self::File(path) => (File::create(path), path.as_path()),
        };
        let path = path.to_path_buf();
        match file {
            Ok(file) => Ok((file, path)),
            Err(source) => Err(WriterError::Write { path, source }),
        }
    }
}

/// How it ended.
#[derive(Debug)]
pub enum Outcome {
    /// Every byte was written.
    Flushed,
    /// The deadline came first; this much was not written.
    TimedOut {
        /// Bytes, of the newest chunks.
        bytes_left: usize,
    },
    /// The reader went away, which is no error.
    Closed,
    /// A write failed.
    Failed(WriterError),
}

/// The output, as its caller holds it.
#[derive(Debug)]
pub struct Writer {
    queue: Arc<Queue>,
    path: PathBuf,
    /// Ends the watch on the reader when it is dropped.
    _watch: Option<Watch>,
}

impl Writer {
    /// Opens `target` and starts the thread that writes to it, with the default limit.
    ///
    /// # Errors
    /// When the target cannot be opened for writing, or a thread not be started.
    pub fn spawn(target: &Target) -> Result<Self, WriterError> {
        let (file, path) = target.open()?;
        Self::on(file, path, DEFAULT_LIMIT_BYTES)
    }

    /// Writes to an open file that errors call `path`, with room for `limit_bytes`.
    fn on(file: File, path: PathBuf, limit_bytes: usize) -> Result<Self, WriterError> {
        let queue = Arc::new(Queue::new(limit_bytes));
        let watch = Watch::start(&file, &queue)?;
        let writing = Arc::clone(&queue);
        thread::Builder::new()
            .name("output".into())
            .spawn(move || write_all(&file, &writing))
            .map_err(WriterError::Spawn)?;
        Ok(Self {
            queue,
            path,
            _watch: watch,
        })
    }

    /// Whether fewer bytes wait than may. A chunk sent while there is room may exceed the limit by
    /// its own size.
    pub fn has_room(&self) -> bool {
        self.wait_for_room(Duration::ZERO)
    }

    /// As [`Self::has_room`], but lets an output that is merely behind catch up: the calling thread
    /// blocks for at most `patience`.
    pub fn wait_for_room(&self, patience: Duration) -> bool {
        self.queue.wait_for_room(patience)
    }

    /// Hands a chunk over and gives an empty buffer back, a used one where there is one. Never
    /// blocks, and refuses nothing for want of room; after the end the chunk is dropped.
    pub fn send(&self, chunk: Vec<u8>) -> Vec<u8> {
        self.queue.push(chunk)
    }

    /// Whether the reader went away or a write failed: nothing more will come out.
    pub fn has_ended(&self) -> bool {
        self.queue.has_ended()
    }

    /// Waits until the reader goes away or a write fails, even while nothing is sent;
    /// [`Self::finish`] then says which. Safe to cancel.
    pub async fn ended(&self) {
        self.queue.ended().await;
    }

    /// Lets everything sent be written, for at most `deadline`, and says how it ended. The calling
    /// thread blocks. A write that hangs is left behind; it ends with the process.
    pub fn finish(mut self, deadline: Duration) -> Outcome {
        let (end, bytes_left) = self.queue.close(deadline);
        match end {
            Some(End::Done) => Outcome::Flushed,
            Some(End::Closed) => Outcome::Closed,
            Some(End::Failed(source)) => Outcome::Failed(WriterError::Write {
                path: std::mem::take(&mut self.path),
                source,
            }),
            None => Outcome::TimedOut { bytes_left },
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close(Duration::ZERO);
    }
}

/// The thread.
fn write_all(file: &File, queue: &Queue) {
    while let Some(chunk) = queue.pop() {
        let mut rest = chunk.as_slice();
        while !rest.is_empty() {
            match write_some(file, rest) {
                Ok(written) => {
                    rest = &rest[written..];
                    queue.written(written);
                }
                Err(Errno::PIPE) => return queue.end(End::Closed),
                Err(errno) => return queue.end(End::Failed(errno.into())),
            }
            if queue.has_ended() {
                return;
            }
        }
        queue.recycle(chunk);
    }
    queue.end(End::Done);
}

/// One write, however long it takes: some programs leave a terminal or a pipe non-blocking.
fn write_some(file: &File, bytes: &[u8]) -> Result<usize, Errno> {
    loop {
        match rustix::io::write(file, bytes) {
            Ok(0) => return Err(Errno::IO),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let mut fds = [PollFd::new(file, PollFlags::OUT)];
                match poll(&mut fds, None) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(errno) => return Err(errno),
                }
            }
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests;
