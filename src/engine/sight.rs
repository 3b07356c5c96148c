//! Whether the suppression files were looked at lately enough for anybody to be handed over.
//!
//! Guarantees: who asks pays for a few loads and comparisons, with the time that it has at hand. What was written
//! longer ago than `LATE` is in force, or nobody may be handed over: also when the process was stopped, when the machine
//! slept, or when the look at a file takes long. Whoever sees that a look was in time sees its edition too. Where there are
//! no files all is well. Leaves to others: the looks (`suppressions`), and what waits meanwhile (`shard`).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::base::clock::{Instant, Now};
use crate::base::span::Span;

/// What was written so long ago is in force.
const LATE: Duration = Duration::from_secs(2);
/// The same in seconds of the clock that counts a machine's sleep: it has no smaller ones.
const LATE_S: u32 = 3;

/// See the head of this file.
#[derive(Debug)]
pub struct Sight {
    /// What was written before then is in force, but for a file that is still being written.
    clear_us: AtomicU64,
    clear_unix: AtomicU32,
    /// A look must be as late as that.
    wanted_us: AtomicU64,
    edition: AtomicU32,
    files: OnceLock<String>,
}

impl Default for Sight {
    fn default() -> Self {
        Self {
            clear_us: AtomicU64::new(Instant::FAR.0),
            clear_unix: AtomicU32::new(u32::MAX),
            wanted_us: AtomicU64::new(0),
            edition: AtomicU32::new(0),
            files: OnceLock::new(),
        }
    }
}

impl Sight {
    /// There are files, which people call so.
    pub fn of(&self, files: String) {
        let _ = self.files.set(files);
    }

    /// What was written before `at` is in force, by this edition.
    pub fn clear(&self, edition: u32, at: Now) {
        self.edition.store(edition, Ordering::Release);
        self.clear_unix.store(at.unix.0, Ordering::Release);
        self.clear_us.store(at.mono.0, Ordering::Release);
    }

    /// No look from before now will do.
    pub fn want(&self, now: Instant) {
        self.wanted_us.fetch_max(now.0, Ordering::AcqRel);
    }

    /// Whether anybody may be handed over.
    #[must_use]
    pub fn is_clear(&self, now: Now) -> bool {
        let (clear_us, unix) = (self.clear_us.load(Ordering::Acquire), self.clear_unix.load(Ordering::Acquire));
        clear_us >= self.wanted_us.load(Ordering::Acquire)
            && now.mono.since(Instant(clear_us)) <= LATE
            && now.unix.0.saturating_sub(unix) < LATE_S
    }

    /// The edition that is in force; to be asked for behind [`Sight::is_clear`].
    #[must_use]
    pub fn edition(&self) -> u32 {
        self.edition.load(Ordering::Acquire)
    }

    /// What nobody is handed over for, in one clause.
    #[must_use]
    pub fn binding(&self, now: Now) -> String {
        let at = Instant(self.clear_us.load(Ordering::Acquire));
        let slept_s = now.unix.0.saturating_sub(self.clear_unix.load(Ordering::Acquire));
        let lasts = Span(Duration::from_secs(now.mono.since(at).as_secs().max(slept_s.into())));
        let files = self.files.get().map_or("its files", String::as_str);
        format!("the suppression: {files} could not be looked at for {lasts}, and nobody is handed over meanwhile")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::UnixTime;

    fn at(ms: u64, unix: u32) -> Now {
        Now { mono: Instant(ms * 1000), unix: UnixTime(unix) }
    }

    #[test]
    fn a_look_that_is_overdue_by_either_clock_hides_everybody_and_one_that_is_not_wanted_any_more_too() {
        let sight = Sight::default();
        assert!(sight.is_clear(at(u64::MAX / 1000, u32::MAX)), "there are no files");
        sight.of("no.txt".to_owned());
        sight.clear(7, at(10_000, 100));
        assert!(sight.is_clear(at(12_000, 102)) && sight.edition() == 7);
        assert!(!sight.is_clear(at(12_001, 102)), "stopped");
        assert!(!sight.is_clear(at(10_001, 110)), "slept");
        assert!(sight.is_clear(at(9_000, 90)), "a reading of another thread's, or a clock that went back");
        assert_eq!(
            sight.binding(at(11_000, 135)),
            "the suppression: no.txt could not be looked at for 35s, and nobody is handed over meanwhile"
        );
        sight.want(Instant(10_500_000));
        assert!(!sight.is_clear(at(10_600, 100)));
        sight.clear(7, at(10_500, 100));
        assert!(sight.is_clear(at(10_600, 100)));
    }
}
