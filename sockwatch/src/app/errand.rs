//! Work on a thread of its own, one piece at a time and with pauses between, for the loop of a
//! session to wait for.
//!
//! What the work is, and how long the pauses are, is the caller's business.

use std::{
    thread,
    time::{Duration, Instant},
};

use log::debug;
use tokio::sync::oneshot;

/// Until the next try, after one that came to nothing.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Work whose result is a `T`.
pub(super) struct Errand<T> {
    name: &'static str,
    running: Option<oneshot::Receiver<T>>,
    not_before: Instant,
}

impl<T: Send + 'static> Errand<T> {
    /// Nothing is under way; `name` is that of its threads.
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            running: None,
            not_before: Instant::now(),
        }
    }

    /// When the next piece may begin; `None` while one is under way.
    pub(super) fn free_at(&self) -> Option<Instant> {
        self.running.is_none().then_some(self.not_before)
    }

    /// Begins a piece. Returns whether that worked; else it may be tried again after a while.
    pub(super) fn begin(&mut self, work: impl FnOnce() -> T + Send + 'static) -> bool {
        let (send, receive) = oneshot::channel();
        let thread = thread::Builder::new().name(self.name.to_owned());
        let spawned = thread.spawn(move || {
            // The receiver is gone when the trace has ended meanwhile.
            let _unheard = send.send(work());
        });
        match spawned {
            Ok(_thread) => self.running = Some(receive),
            Err(error) => {
                debug!("cannot start a thread ({}): {error}", self.name);
                self.pause(PAUSE_AFTER_FAILURE);
            }
        }
        self.running.is_some()
    }

    /// The result of the piece that is under way, `None` if its thread died; waits for ever if there
    /// is none. Safe to cancel.
    pub(super) async fn result(&mut self) -> Option<T> {
        let Some(running) = &mut self.running else {
            return std::future::pending().await;
        };
        let result = running.await.ok();
        self.running = None;
        result
    }

    /// Begins nothing for `times` as long as the last piece `took`, and for `least` at the least; for
    /// longer where it came to nothing.
    pub(super) fn rest(&mut self, took: Option<Duration>, times: u32, least: Duration) {
        self.pause(match took {
            Some(took) => (took * times).max(least),
            None => PAUSE_AFTER_FAILURE,
        });
    }

    fn pause(&mut self, pause: Duration) {
        self.not_before = Instant::now() + pause;
    }
}
