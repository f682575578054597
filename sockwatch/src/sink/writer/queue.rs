//! What the caller and the output thread share: chunks, used buffers, and how it ended.

use std::{
    collections::VecDeque,
    io,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

/// Used buffers that are kept.
const SPARE: usize = 8;
/// A buffer that grew larger is given back to the system.
const SPARE_BYTES: usize = 1 << 20;

/// Why nothing more is written.
#[derive(Debug)]
pub(super) enum End {
    /// Everything was written, and nothing more was to come.
    Done,
    /// The reader went away.
    Closed,
    /// A write failed.
    Failed(io::Error),
}

#[derive(Debug, Default)]
struct State {
    chunks: VecDeque<Vec<u8>>,
    /// Of the chunks, and of the one that is being written.
    bytes: usize,
    spare: Vec<Vec<u8>>,
    /// The caller sends nothing more.
    closing: bool,
    ended: bool,
    /// Until it is taken.
    end: Option<End>,
}

/// Chunks on their way to the output thread.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    limit_bytes: usize,
    /// Signalled when there is something to do for the thread, room again, or an end.
    changed: Condvar,
    /// The end, for the async side.
    notify: Notify,
}

impl Queue {
    /// An empty one with room for `limit_bytes`.
    pub(super) fn new(limit_bytes: usize) -> Self {
        Self {
            state: Mutex::default(),
            limit_bytes,
            changed: Condvar::new(),
            notify: Notify::new(),
        }
    }

    /// Nothing under the lock can panic half-way, so a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is room; waits for it for at most `patience`.
    pub(super) fn wait_for_room(&self, patience: Duration) -> bool {
        let full = |state: &mut State| state.bytes >= self.limit_bytes && !state.ended;
        let (state, _) = self
            .changed
            .wait_timeout_while(self.lock(), patience, full)
            .unwrap_or_else(PoisonError::into_inner);
        state.bytes < self.limit_bytes
    }

    pub(super) fn has_ended(&self) -> bool {
        self.lock().ended
    }

    /// Adds a chunk, and returns an empty buffer for the next.
    pub(super) fn push(&self, mut chunk: Vec<u8>) -> Vec<u8> {
        let mut state = self.lock();
        if state.ended || chunk.is_empty() {
            chunk.clear();
            return chunk;
        }
        state.bytes += chunk.len();
        state.chunks.push_back(chunk);
        let buffer = state.spare.pop().unwrap_or_default();
        drop(state);
        self.changed.notify_all();
        buffer
    }

    /// The next chunk; waits for it. `None` when it is over.
    pub(super) fn pop(&self) -> Option<Vec<u8>> {
        let idle = |state: &mut State| state.chunks.is_empty() && !state.closing && !state.ended;
        let mut state = self
            .changed
            .wait_while(self.lock(), idle)
            .unwrap_or_else(PoisonError::into_inner);
        if state.ended {
            return None;
        }
        state.chunks.pop_front()
    }

    /// These bytes of the chunk that is being written are out.
    pub(super) fn written(&self, bytes: usize) {
        let mut state = self.lock();
        let was_full = state.bytes >= self.limit_bytes;
        state.bytes = state.bytes.saturating_sub(bytes);
        if was_full && state.bytes < self.limit_bytes {
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Takes a written chunk's buffer back.
    pub(super) fn recycle(&self, mut chunk: Vec<u8>) {
        chunk.clear();
        let mut state = self.lock();
        if state.spare.len() < SPARE && chunk.capacity() <= SPARE_BYTES {
            state.spare.push(chunk);
        }
    }

    /// It is over; only the first reason counts.
    pub(super) fn end(&self, end: End) {
        let mut state = self.lock();
        if state.ended {
            return;
        }
        state.ended = true;
        state.end = Some(end);
        state.chunks.clear();
        drop(state);
        self.changed.notify_all();
        self.notify.notify_waiters();
    }

    /// Waits for the end.
    pub(super) async fn ended(&self) {
        loop {
            // It hears every notification from its making on, so none falls between the two.
            let notified = self.notify.notified();
            if self.has_ended() {
                return;
            }
            notified.await;
        }
    }

    /// Nothing more will be sent. Waits until it is over, for at most `deadline`; returns the end,
    /// unless it did not come, and the bytes that are not out.
    pub(super) fn close(&self, deadline: Duration) -> (Option<End>, usize) {
        let mut state = self.lock();
        state.closing = true;
        self.changed.notify_all();
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, deadline, |state| !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        (state.end.take(), state.bytes)
    }
}
