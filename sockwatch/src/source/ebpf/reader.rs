//! Waits for the ring and empties it.
//!
//! The kernel wakes us when the ring stops being empty (and once more when it is a quarter full).
//! Waking up for every record would cost more than everything else together, so after a wake-up
//! the reader lets records gather for the latency the user allows, then takes them all.

use std::{io, os::fd::AsRawFd, time::Duration};

use aya::{
    Ebpf,
    maps::{MapData, RingBuf},
};
use aya_log::EbpfLogger;
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::{Instant, timeout_at},
};

use super::decode::{Malformed, Record, decode};

/// The reading end of the ring.
pub struct Reader {
    ring: AsyncFd<RingBuf<MapData>>,
    /// When the records that are known to wait shall be taken at the latest.
    due: Option<Instant>,
}

impl Reader {
    pub(super) fn new(ring: RingBuf<MapData>) -> io::Result<Self> {
        Ok(Self {
            ring: register(ring)?,
            due: None,
        })
    }

    /// Waits until there are records, then up to `gather` more, unless the ring fills before that.
    /// Safe to cancel: what it has learnt is kept for the next call.
    ///
    /// # Errors
    /// When the reactor fails.
    pub async fn ready(&mut self, gather: Duration) -> io::Result<()> {
        let due = if let Some(due) = self.due {
            due
        } else {
            self.ring.readable().await?.clear_ready();
            *self.due.insert(Instant::now() + gather)
        };
        if let Ok(filling) = timeout_at(due, self.ring.readable()).await {
            filling?.clear_ready();
        }
        Ok(())
    }

    /// Hands over what waits in the ring, oldest first, at most `limit` records. Returns whether
    /// the ring was emptied; if not, the next [`Reader::ready`] returns at once.
    pub fn drain(&mut self, limit: usize, mut each: impl FnMut(Result<Record, Malformed>)) -> bool {
        self.drain_bytes(limit, |bytes| each(decode(bytes)))
    }

    /// As [`Reader::drain`], the records as the kernel programs wrote them.
    pub fn drain_bytes(&mut self, limit: usize, mut each: impl FnMut(&[u8])) -> bool {
        let ring = self.ring.get_mut();
        for _ in 0..limit {
            let Some(bytes) = ring.next() else {
                self.due = None;
                return true;
            };
            each(&bytes);
        }
        self.due = Some(Instant::now());
        false
    }
}

/// The kernel programs' own warnings, passed on to the `log` crate.
pub struct KernelLog {
    log: AsyncFd<EbpfLogger<&'static dyn log::Log>>,
}

impl KernelLog {
    pub(super) fn new(ebpf: &mut Ebpf) -> Option<Self> {
        let log = EbpfLogger::init(ebpf)
            .map_err(|error| log::warn!("no warnings from the kernel programs: {error}"))
            .ok()?;
        register(log).map(|log| Self { log }).ok()
    }

    /// Passes on what there is, then waits for more; never returns.
    pub async fn forward(&mut self) {
        loop {
            self.log.get_mut().flush();
            match self.log.readable().await {
                Ok(mut ready) => ready.clear_ready(),
                Err(_) => return std::future::pending().await,
            }
        }
    }
}

fn register<T: AsRawFd>(source: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: both sources own the map whose descriptor they give, give the same one every time,
    // and close it only when they are dropped, which the `AsyncFd` does after deregistering.
    unsafe { AsyncFd::register_with_interest(source, Interest::READABLE) }
        .map_err(|error| error.into_parts().1)
}
