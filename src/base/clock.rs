//! Time as a value. Nothing in this file reads a clock: drivers on floor 4 do, and pass [`Now`] down, so that the same
//! logic runs under a virtual clock.

use std::time::Duration;

/// A point in monotonic time, in microseconds since an origin that the driver chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub u64);

impl Instant {
    /// The latest representable instant: "never".
    pub const FAR: Self = Self(u64::MAX);

    /// This instant moved later by `span`, saturating at [`Instant::FAR`].
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }

    /// The time that passed from `earlier` to this instant; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// Wall-clock time in whole seconds since 1970-01-01 UTC; good until 2106.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub u32);

/// What a driver says of the present: both clocks, read together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Monotonic: for deadlines, windows and latencies.
    pub mono: Instant,
    /// The time of day, by a clock that does not jump while the driver lives: for what people read and what outlives the
    /// process.
    pub unix: UnixTime,
}

/// How far the clock of a journal is ahead of a driver's. Time in a journal never goes back: where the system's clock was
/// set back between two processes, the later one goes on from the newest record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    seconds: u32,
}

impl Ahead {
    /// For a journal whose newest record is of then.
    #[must_use]
    pub fn of(newest: UnixTime, now: UnixTime) -> Self {
        Self { seconds: newest.0.saturating_sub(now.0) }
    }

    /// The journal's time now.
    #[must_use]
    pub fn at(self, now: UnixTime) -> UnixTime {
        UnixTime(now.0.saturating_add(self.seconds))
    }
}
