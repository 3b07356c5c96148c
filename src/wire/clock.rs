//! The clocks of the process.
//!
//! Guarantees: [`unix_now`] never jumps: it is the system's clock as it stood when the process first asked, and from there on
//! the time that passed, that in which the machine slept too. Whoever sets the system's clock while the process runs
//! shortens or lengthens no lifetime. All drivers of the process, and whoever works with them, mean the same by an instant.
//! Leaves to others: times of earlier processes (`base::clock::Ahead`).

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::base::clock::{Instant, Now, UnixTime};

/// Where monotonic time begins.
static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
/// Milliseconds that the system's clock was ahead of the time since boot when it was first asked.
static OFFSET_MS: OnceLock<u64> = OnceLock::new();

/// Both clocks.
#[must_use]
pub fn now() -> Now {
    Now { mono: mono_now(), unix: unix_now() }
}

/// Monotonic time; it stands still while the machine sleeps.
#[must_use]
pub fn mono_now() -> Instant {
    Instant(0).after(ORIGIN.get_or_init(std::time::Instant::now).elapsed())
}

/// The present second, by a clock that does not jump.
#[must_use]
pub fn unix_now() -> UnixTime {
    let passed_ms = boot_ms();
    let offset_ms = *OFFSET_MS.get_or_init(|| wall_ms().saturating_sub(passed_ms));
    seconds(passed_ms.saturating_add(offset_ms))
}

/// What the system's clock says now, whoever has set it: for what others compare with their own clocks.
#[must_use]
pub fn wall_now() -> UnixTime {
    seconds(wall_ms())
}

fn seconds(ms: u64) -> UnixTime {
    UnixTime(u32::try_from(ms / 1000).unwrap_or(u32::MAX))
}

fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since the machine was started. `std`'s clock would leave out those in which it slept.
#[expect(unsafe_code, reason = "std does not read this clock")]
fn boot_ms() -> u64 {
    let mut at = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec to where it is told, and that is one.
    let read = unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut at) };
    debug_assert_eq!(read, 0, "Linux has had this clock since 2.6.39");
    let (seconds, nanos) = (u64::try_from(at.tv_sec).unwrap_or(0), u64::try_from(at.tv_nsec).unwrap_or(0));
    seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_with_the_system_s_clock_and_goes_on_by_itself() {
        let (first, wall) = (unix_now(), wall_now());
        assert!(wall.0.abs_diff(first.0) <= 2, "{first:?} {wall:?}");
        assert!(unix_now() >= first);
    }
}
