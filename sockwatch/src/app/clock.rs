//! The clocks: the one place where time is taken.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};
use tokio::time::Instant;

use crate::model::{MonoNs, WallClock};

const NS_PER_S: i64 = 1_000_000_000;

fn ns(time: Timespec) -> i64 {
    time.tv_sec * NS_PER_S + time.tv_nsec
}

/// `CLOCK_MONOTONIC`.
pub(super) fn mono() -> MonoNs {
    MonoNs(u64::try_from(ns(clock_gettime(ClockId::Monotonic))).unwrap_or(0))
}

/// The moment `at` of `CLOCK_MONOTONIC`, for a timer.
pub(super) fn instant(at: MonoNs) -> Instant {
    Instant::now() + Duration::from_nanos(at.since(mono()).0)
}

/// The distance of the two clocks at this moment.
pub(super) fn wall() -> WallClock {
    let realtime = ns(clock_gettime(ClockId::Realtime));
    WallClock {
        offset_ns: realtime - ns(clock_gettime(ClockId::Monotonic)),
    }
}
