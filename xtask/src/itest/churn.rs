//! Mixed churn: two threads that open, keep and close connections in every way, a bounded number of
//! them, and can be stopped between two system calls.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result};

use super::site::Site;

pub(super) mod dice;
mod ends;
mod half_open;
mod sockets;
mod stories;
mod worker;

pub(super) use sockets::listener;
pub(super) use worker::Tally;
use worker::Worker;

/// Threads that make connections.
const WORKERS: u64 = 2;

/// Running churn; it stops for good when dropped.
pub(super) struct Churn {
    gate: Arc<RwLock<()>>,
    over: Arc<AtomicBool>,
    workers: Vec<JoinHandle<Tally>>,
}

impl Churn {
    /// Begins it.
    pub(super) fn begin(site: &Arc<Site>, seed: u64) -> Result<Self> {
        let mut churn = Self {
            gate: Arc::default(),
            over: Arc::default(),
            workers: Vec::new(),
        };
        for number in 0..WORKERS {
            let (gate, over) = (Arc::clone(&churn.gate), Arc::clone(&churn.over));
            let mut worker = Worker::new(Arc::clone(site), number, seed)?;
            churn
                .workers
                .push(thread::spawn(move || worker.work(&gate, &over)));
        }
        Ok(churn)
    }

    /// Stops it: no system call is made until the guard is dropped.
    pub(super) fn stop(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it and tells what was done.
    pub(super) fn end(mut self) -> Result<Tally> {
        self.over.store(true, Ordering::Release);
        let mut all = Tally::default();
        for worker in self.workers.drain(..) {
            all.add(worker.join().ok().context("the churn panicked")?);
        }
        Ok(all)
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        for worker in self.workers.drain(..) {
            // Whoever drops it has a failure of his own to tell.
            let _ended = worker.join();
        }
    }
}
