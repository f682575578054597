//! Times and spans, and the way from one clock to the other.

/// A moment on `CLOCK_MONOTONIC`, nanoseconds since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct MonoNs(pub u64);

/// A span, nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Nanos(pub u64);

impl Nanos {
    /// As many milliseconds.
    pub const fn from_ms(ms: u32) -> Self {
        Self(ms as u64 * 1_000_000)
    }
}

impl MonoNs {
    /// The span since `earlier`; zero where the clock of another CPU was ahead.
    pub const fn since(self, earlier: Self) -> Nanos {
        Nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A moment that may not have been seen, in eight bytes: a table of a million sockets holds two of
/// each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Seen(u64);

impl Seen {
    /// Not seen.
    pub const NEVER: Self = Self(0);

    /// The moment, if it was seen.
    pub fn moment(self) -> Option<MonoNs> {
        (self != Self::NEVER).then_some(MonoNs(self.0))
    }
}

impl From<Option<MonoNs>> for Seen {
    fn from(moment: Option<MonoNs>) -> Self {
        moment.map_or(Self::NEVER, |moment| Self(moment.0))
    }
}

/// What must be added to `CLOCK_MONOTONIC` to get `CLOCK_REALTIME`, nanoseconds.
///
/// Taken anew for every batch of events, so that the wall time of an event follows a clock that is
/// set while we run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct WallClock {
    /// `CLOCK_REALTIME` - `CLOCK_MONOTONIC`.
    pub offset_ns: i64,
}

impl WallClock {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub const fn unix_ns(self, at: MonoNs) -> u64 {
        at.0.saturating_add_signed(self.offset_ns)
    }
}
