//! When a deferred recipient is tried again.
//!
//! Guarantees: spread by ±15 % so that what failed together does not come back together; never after the lifetime.
//! Leaves to others: keeping the time (`queue`), recording the expiry.

use crate::base::clock::UnixTime;
use std::time::Duration;

/// The delays after the first, the second… attempt, and how long a recipient may wait in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// One delay an attempt; the last one repeats. Without any, there is one attempt.
    pub steps: Vec<Duration>,
    /// From the first attempt to the last.
    pub lifetime: Duration,
}

/// What follows a deferral.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another attempt, after this delay.
    After(Duration),
    /// No further attempt fits into the lifetime.
    Expired,
}

impl Schedule {
    /// The rest after attempt number `attempts` (from 1), without its jitter.
    #[must_use]
    pub fn step(&self, attempts: u32) -> Duration {
        let index = (attempts.max(1) - 1) as usize;
        self.steps.get(index).or(self.steps.last()).copied().unwrap_or_default()
    }

    /// When the lifetime of a recipient ends whose first attempt was then.
    #[must_use]
    pub fn ends(&self, first: UnixTime) -> UnixTime {
        UnixTime(first.0.saturating_add(u32::try_from(self.lifetime.as_secs()).unwrap_or(u32::MAX)))
    }

    /// How long a recipient still rests that was tried `attempts` times before a stop: first then, and last then. Whoever's
    /// lifetime has ended meanwhile is tried once more, at once.
    #[must_use]
    pub fn resumes(&self, attempts: u32, first: UnixTime, tried: UnixTime, now: UnixTime) -> Duration {
        let seconds = |from: UnixTime, to: UnixTime| Duration::from_secs(u64::from(to.0.saturating_sub(from.0)));
        self.step(attempts).saturating_sub(seconds(tried, now)).min(seconds(now, self.ends(first)))
    }

    /// What follows attempt number `attempts` (from 1), when the first one was at `first_at`.
    ///
    /// Where the next step would lead past the lifetime there is one last attempt shortly before its end, unless less than
    /// half a step is left: then the recipient has expired.
    #[must_use]
    pub fn next(&self, attempts: u32, first_at: UnixTime, now: UnixTime, rng: &mut fastrand::Rng) -> Next {
        if self.steps.is_empty() {
            return Next::Expired;
        }
        let step = self.step(attempts);
        let age = Duration::from_secs(u64::from(now.0.saturating_sub(first_at.0)));
        let left = self.lifetime.saturating_sub(age);
        if left.is_zero() || left < step / 2 {
            return Next::Expired;
        }
        let delay = step.mul_f64(0.85 + 0.3 * rng.f64());
        if delay <= left {
            return Next::After(delay);
        }
        Next::After(left.mul_f64(0.85 + 0.15 * rng.f64()).min(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn schedule() -> Schedule {
        Schedule {
            steps: vec![Duration::from_secs(300), Duration::from_secs(3600)],
            lifetime: Duration::from_secs(86_400),
        }
    }

    #[test]
    fn each_attempt_has_its_step_and_the_last_repeats() {
        let mut rng = fastrand::Rng::with_seed(1);
        for (attempts, step) in [(1, 300.0), (2, 3600.0), (3, 3600.0), (200, 3600.0)] {
            let Next::After(delay) = schedule().next(attempts, UnixTime(0), UnixTime(10), &mut rng) else { panic!() };
            assert!((delay.as_secs_f64() / step - 1.0).abs() <= 0.15, "{delay:?} after {attempts}");
        }
    }

    #[test]
    fn without_steps_there_is_one_attempt() {
        let one = Schedule { steps: vec![], ..schedule() };
        assert_eq!(one.next(1, UnixTime(0), UnixTime(0), &mut fastrand::Rng::with_seed(1)), Next::Expired);
    }

    #[test]
    fn after_a_stop_the_rest_goes_on_and_who_is_overdue_is_tried_at_once() {
        let schedule = schedule();
        let rests = |tried, now| schedule.resumes(2, UnixTime(1000), UnixTime(tried), UnixTime(now)).as_secs();
        assert_eq!((rests(1300, 1400), rests(1300, 4900), rests(1300, 90_000)), (3500, 0, 0));
        assert_eq!(rests(87_000, 87_100), 300, "the last attempt is before the end");
        assert_eq!(rests(1300, 1200), 3600, "a clock that was set back lengthens nothing");
    }

    #[test]
    fn short_steps_expire_at_the_end_of_the_lifetime_however_many_there_are() {
        let schedule = Schedule { steps: vec![Duration::from_secs(1)], lifetime: Duration::from_secs(300) };
        let (mut rng, mut at, mut attempts) = (fastrand::Rng::with_seed(7), 0.0, 1);
        while let Next::After(delay) = schedule.next(attempts, UnixTime(50), UnixTime(50 + at as u32), &mut rng) {
            (at, attempts) = (at + delay.as_secs_f64(), attempts + 1);
        }
        assert!((299.0..=301.0).contains(&at) && attempts > 256, "{attempts} attempts in {at} s");
    }

    proptest! {
        #[test]
        fn a_recipient_expires_within_its_lifetime_and_not_long_before(seed in any::<u64>(), first in 1u32..1 << 31) {
            let (mut rng, schedule) = (fastrand::Rng::with_seed(seed), schedule());
            let (mut at, mut attempts) = (f64::from(first), 1);
            while let Next::After(delay) = schedule.next(attempts, UnixTime(first), UnixTime(at as u32), &mut rng) {
                prop_assert!(at.floor() - f64::from(first) + delay.as_secs_f64() <= 86_400.0);
                at += delay.as_secs_f64();
                attempts += 1;
                prop_assert!(attempts < 60);
            }
            prop_assert!(at - f64::from(first) >= 86_400.0 - 1801.0);
        }
    }
}
