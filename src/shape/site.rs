//! The pace of one site: how many sessions it may have now, and why not more.
//!
//! Additive increase, multiplicative decrease: a window's worth of clean transactions adds a session, a trouble or the
//! loss of a session halves the window. A trouble at a window of one, and every failure to get a session, backs off: twice as long each time,
//! then one session probes. A pause ends with one session, and adds one at a time.
//!
//! Guarantees: the window is at least 1 unless a hold runs, and at most the ceiling; each hold has its end.
//! Leaves to others: counting sessions, opening and closing them.

use super::classify::{Advice, Judgement};
use crate::base::clock::Instant;
use crate::base::many::Many;
use crate::base::span::Span;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Fixed point of the window.
const ONE: u32 = 1 << 10;

/// What the pace of a site may be; shared by all sites of a route.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Sessions at most: the ceiling.
    pub window_max: u32,
    /// Sessions that were configured, of which these may be one thread's part.
    pub window_whole: u32,
    /// Sessions at first, for a site of which nothing is known.
    pub window_start: u32,
    /// The first back-off.
    pub backoff_min: Duration,
    /// The longest back-off.
    pub backoff_max: Duration,
    /// The window is halved at most once in this span: sessions that run into the same trouble together count once.
    pub halve_gap: Duration,
    /// After a pause, a session is added at most once in this span.
    pub careful_gap: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            window_max: 20,
            window_whole: 20,
            window_start: 4,
            backoff_min: Duration::from_secs(30),
            backoff_max: Duration::from_secs(15 * 60),
            halve_gap: Duration::from_secs(5),
            careful_gap: Duration::from_secs(60),
        }
    }
}

/// What went wrong with a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// The connection was refused or unreachable.
    Refused,
    /// It took too long.
    Timeout,
    /// The session broke.
    Lost,
    /// The greeting or EHLO turned us away.
    TurnedAway,
    /// 421, 4.7.x: too much.
    SlowDown,
    /// It did not give the TLS that is demanded of it.
    Insecure,
}

impl Trouble {
    fn words(self) -> &'static str {
        match self {
            Self::Refused => "refused connections",
            Self::Timeout => "timeouts",
            Self::Lost => "broken sessions",
            Self::TurnedAway => "sessions turned away",
            Self::SlowDown => "requests to slow down",
            Self::Insecure => "TLS that is not what is demanded",
        }
    }
}

/// The one limit that binds now. `left` is the time until it moves by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// The ceiling of the configuration: it does not move.
    Ceiling {
        /// Sessions.
        max: u32,
        /// Those of which these are the part of one thread.
        whole: u32,
    },
    /// The window: it grows with clean transactions.
    Window {
        /// Sessions allowed now.
        now: u32,
        /// The ceiling.
        max: u32,
    },
    /// One session probes after a back-off: it ends with a clean transaction.
    Probing {
        /// Failures in a row.
        failures: u32,
        /// The last of them.
        trouble: Trouble,
    },
    /// Nothing is opened until then.
    BackingOff {
        /// When it ends.
        until: Instant,
        /// How long that is from now.
        left: Duration,
        /// Failures in a row.
        failures: u32,
        /// The last of them.
        trouble: Trouble,
    },
    /// Paused, by the site's word or by ours.
    Paused {
        /// When it ends.
        until: Instant,
        /// How long that is from now.
        left: Duration,
    },
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ceiling { max, whole } => {
                let part = if max < whole { format!("one thread's {max} of ") } else { String::new() };
                write!(f, "{part}the configured {}", Many(u64::from(*whole), "session", "sessions"))
            }
            Self::Window { now, max } => write!(f, "window {now} of {max} sessions, grows with clean transactions"),
            Self::Probing { failures, trouble } => {
                write!(f, "one session probes after {} ({})", failed(*failures), trouble.words())
            }
            Self::BackingOff { left, failures, trouble, .. } => {
                let (left, failures) = (Span(*left).rough(), failed(*failures));
                write!(f, "backing off for {left} after {failures} ({})", trouble.words())
            }
            Self::Paused { left, .. } => write!(f, "paused for {}, then one session", Span(*left).rough()),
        }
    }
}

fn failed(times: u32) -> Many {
    Many(times.into(), "failure", "failures")
}

/// Why nothing is opened until an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    None,
    Backoff(Instant),
    Pause(Instant),
}

/// The pace of one site.
#[derive(Clone, Debug)]
pub struct Pace {
    limits: Arc<Limits>,
    /// Sessions, times `ONE`.
    window: u32,
    failures: u32,
    trouble: Trouble,
    hold: Hold,
    /// No halving before.
    halve_after: Instant,
    /// After a pause, no growth before; `None` when growth is free.
    grow_after: Option<Instant>,
}

impl Pace {
    /// The pace of a new site; a trusted one (a smarthost, the sink) starts at the ceiling.
    #[must_use]
    pub fn new(limits: Arc<Limits>, trusted: bool) -> Self {
        let start = if trusted { limits.window_max } else { limits.window_start.min(limits.window_max) };
        Self {
            window: start.clamp(1, u32::MAX / ONE) * ONE,
            limits,
            failures: 0,
            trouble: Trouble::SlowDown,
            hold: Hold::None,
            halve_after: Instant(0),
            grow_after: None,
        }
    }

    /// Sessions allowed now; 0 while a hold runs.
    #[must_use]
    pub fn window(&self, now: Instant) -> u32 {
        match self.hold {
            Hold::Backoff(until) | Hold::Pause(until) if now < until => 0,
            _ if self.failures > 0 => 1,
            _ => self.window / ONE,
        }
    }

    /// When the window moves by itself.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        match self.hold {
            Hold::None => None,
            Hold::Backoff(until) | Hold::Pause(until) => Some(until),
        }
    }

    /// Ends a hold that has passed; whether one did, so that sessions may be opened again.
    pub fn poll(&mut self, now: Instant) -> bool {
        let ended = self.next_due().is_some_and(|until| until <= now);
        if ended {
            self.hold = Hold::None;
        }
        ended
    }

    /// A transaction ended without trouble that reaches the site, whatever became of its recipients.
    pub fn handle_clean(&mut self, now: Instant) {
        if matches!(self.next_due(), Some(until) if now < until) {
            return;
        }
        self.failures = 0;
        let max = self.max() * ONE;
        if self.window >= max || self.grow_after.is_some_and(|at| now < at) {
            return;
        }
        // One session for a window's worth of transactions; after a pause, one whole at a time.
        let step = if self.grow_after.is_some() { ONE } else { (ONE / (self.window / ONE).max(1)).max(1) };
        self.window = (self.window + step).min(max);
        if self.grow_after.is_some() {
            self.grow_after = (self.window < max).then(|| now.after(self.limits.careful_gap));
        }
    }

    /// Something that reaches the site went wrong.
    pub fn handle_trouble(&mut self, now: Instant, trouble: Trouble, rng: &mut fastrand::Rng) {
        // What went out before a hold and fails during it is the same trouble.
        if matches!(self.next_due(), Some(until) if now < until) {
            return;
        }
        self.trouble = trouble;
        let at_one = self.window < 2 * ONE || self.failures > 0;
        let halves = now >= self.halve_after;
        if halves {
            self.window = (self.window / 2).max(ONE);
            self.halve_after = now.after(self.limits.halve_gap);
        }
        if trouble != Trouble::SlowDown || (at_one && halves) {
            self.failures = self.failures.saturating_add(1);
            let doubled = self.limits.backoff_min.saturating_mul(1 << (self.failures - 1).min(20));
            let span = doubled.min(self.limits.backoff_max).mul_f64(0.85 + 0.3 * rng.f64());
            self.hold = Hold::Backoff(now.after(span));
        }
    }

    /// One session broke while the site serves: the window is halved, once in a gap, and nothing rests.
    pub fn handle_loss(&mut self, now: Instant) {
        let held = matches!(self.next_due(), Some(until) if now < until);
        if !held && now >= self.halve_after {
            self.window = (self.window / 2).max(ONE);
            self.halve_after = now.after(self.limits.halve_gap);
        }
    }

    /// The site has so many sessions with us and lets no more in: that is the window, and it grows with care.
    pub fn handle_crowd(&mut self, now: Instant, sessions: u32) {
        self.window = self.window.min(sessions.clamp(1, self.max()).saturating_mul(ONE));
        self.grow_after = Some(now.after(self.limits.careful_gap));
    }

    /// Does what a judgement advises.
    pub fn handle_judgement(&mut self, now: Instant, judgement: &Judgement, rng: &mut fastrand::Rng) {
        match judgement.advice {
            Advice::Keep => {}
            Advice::SlowDown => self.handle_trouble(now, Trouble::SlowDown, rng),
            Advice::Pause(span) => self.pause(now, span),
        }
    }

    /// Opens nothing for `span`; then one session, and one more at a time. A longer hold that runs stays.
    pub fn pause(&mut self, now: Instant, span: Duration) {
        self.rest(now, span);
        self.window = ONE;
        self.grow_after = Some(now.after(span));
    }

    /// Opens nothing for `span`, and goes on as before then. A longer hold that runs stays.
    pub fn rest(&mut self, now: Instant, span: Duration) {
        let until = now.after(span);
        if self.next_due().is_none_or(|at| at < until) {
            self.hold = Hold::Pause(until);
        }
    }

    /// The one limit that binds now.
    #[must_use]
    pub fn binding(&self, now: Instant) -> Binding {
        let (failures, trouble, max) = (self.failures, self.trouble, self.max());
        match self.hold {
            Hold::Pause(until) if now < until => Binding::Paused { until, left: until.since(now) },
            Hold::Backoff(until) if now < until => {
                Binding::BackingOff { until, left: until.since(now), failures, trouble }
            }
            _ if failures > 0 => Binding::Probing { failures, trouble },
            _ if self.window >= max * ONE => Binding::Ceiling { max, whole: self.limits.window_whole.max(max) },
            _ => Binding::Window { now: self.window / ONE, max },
        }
    }

    fn max(&self) -> u32 {
        self.limits.window_max.clamp(1, u32::MAX / ONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000;

    fn pace(trusted: bool) -> (Pace, fastrand::Rng) {
        (Pace::new(Arc::new(Limits::default()), trusted), fastrand::Rng::with_seed(7))
    }

    #[test]
    fn an_unknown_site_starts_small_and_grows_to_the_ceiling() {
        let (mut pace, _) = pace(false);
        assert_eq!(pace.binding(Instant(0)).to_string(), "window 4 of 20 sessions, grows with clean transactions");
        (0..5).for_each(|_| pace.handle_clean(Instant(0)));
        assert_eq!(pace.window(Instant(0)), 5);
        (0..300).for_each(|_| pace.handle_clean(Instant(0)));
        assert_eq!(pace.binding(Instant(0)), Binding::Ceiling { max: 20, whole: 20 });
        assert_eq!(Binding::Ceiling { max: 1, whole: 3 }.to_string(), "one thread's 1 of the configured 3 sessions");
    }

    #[test]
    fn requests_to_slow_down_halve_the_window_once_a_gap_and_then_back_off() {
        let (mut pace, mut rng) = pace(true);
        (0..20).for_each(|_| pace.handle_trouble(Instant(0), Trouble::SlowDown, &mut rng));
        assert_eq!(pace.window(Instant(0)), 10);
        for second in [10, 20, 30] {
            pace.handle_trouble(Instant(second * SECOND), Trouble::SlowDown, &mut rng);
        }
        assert_eq!(pace.window(Instant(31 * SECOND)), 1);
        pace.handle_trouble(Instant(40 * SECOND), Trouble::SlowDown, &mut rng);
        assert_eq!(pace.window(Instant(41 * SECOND)), 0);
    }

    #[test]
    fn a_lost_session_among_others_halves_the_window_once_a_gap_and_never_rests() {
        let (mut pace, _) = pace(true);
        (0..20).for_each(|_| pace.handle_loss(Instant(0)));
        assert_eq!((pace.window(Instant(0)), pace.next_due()), (10, None));
        for second in (5..100).step_by(5) {
            pace.handle_loss(Instant(second * SECOND));
        }
        assert_eq!((pace.window(Instant(100 * SECOND)), pace.next_due()), (1, None));
        pace.pause(Instant(100 * SECOND), Duration::from_secs(60));
        pace.handle_loss(Instant(110 * SECOND));
        assert_eq!(pace.window(Instant(110 * SECOND)), 0, "a pause stays a pause");
    }

    #[test]
    fn refused_connections_back_off_twice_as_long_each_time_and_one_session_probes() {
        let (mut pace, mut rng) = pace(true);
        let mut now = Instant(0);
        for (failures, seconds) in [(1, 30.0), (2, 60.0), (3, 120.0), (4, 240.0), (5, 480.0), (6, 900.0), (7, 900.0)] {
            // Twenty sessions fail together: one failure.
            (0..20).for_each(|_| pace.handle_trouble(now, Trouble::Refused, &mut rng));
            let Binding::BackingOff { until, left, failures: n, .. } = pace.binding(now) else { panic!() };
            assert_eq!(n, failures);
            assert!((left.as_secs_f64() / seconds - 1.0).abs() <= 0.15, "{left:?}");
            assert!(!pace.poll(now) && pace.window(now) == 0);
            now = until;
            assert!(pace.poll(now));
            assert_eq!(pace.window(now), 1);
        }
        assert_eq!(pace.binding(now).to_string(), "one session probes after 7 failures (refused connections)");
        pace.handle_clean(now);
        assert!(matches!(pace.binding(now), Binding::Window { max: 20, .. }));
    }

    #[test]
    fn after_a_pause_sessions_come_back_one_at_a_time() {
        let (mut pace, _) = pace(true);
        pace.pause(Instant(0), Duration::from_secs(600));
        assert_eq!(pace.binding(Instant(90 * SECOND)).to_string(), "paused for 8m30s, then one session");
        let mut now = 600 * SECOND;
        assert_eq!(pace.window(Instant(now)), 1);
        for window in 2..=20 {
            (0..50).for_each(|_| pace.handle_clean(Instant(now)));
            assert_eq!(pace.window(Instant(now)), window);
            now += 60 * SECOND;
        }
    }

    #[test]
    fn a_crowd_is_the_window_until_one_more_may_try() {
        let (mut pace, _) = pace(true);
        pace.handle_crowd(Instant(0), 3);
        (0..50).for_each(|_| pace.handle_clean(Instant(59 * SECOND)));
        assert_eq!((pace.window(Instant(0)), pace.next_due()), (3, None));
        (0..50).for_each(|_| pace.handle_clean(Instant(60 * SECOND)));
        assert_eq!(pace.window(Instant(60 * SECOND)), 4);
        pace.handle_crowd(Instant(61 * SECOND), 3);
        assert_eq!(pace.window(Instant(61 * SECOND)), 3);
    }

    proptest! {
        #[test]
        fn a_site_is_never_stuck(steps in proptest::collection::vec((0u8..6, 0u64..100), 1..200), seed in any::<u64>()) {
            let (mut pace, mut rng) = (Pace::new(Arc::new(Limits::default()), false), fastrand::Rng::with_seed(seed));
            let mut now = Instant(0);
            for (step, seconds) in steps {
                now = now.after(Duration::from_secs(seconds));
                match step {
                    0 => pace.handle_clean(now),
                    1 => pace.handle_trouble(now, Trouble::Timeout, &mut rng),
                    2 => pace.handle_trouble(now, Trouble::SlowDown, &mut rng),
                    3 => pace.pause(now, Duration::from_secs(seconds)),
                    4 => pace.handle_crowd(now, seconds as u32),
                    _ => drop(pace.poll(now)),
                }
                let window = pace.window(now);
                prop_assert!(window <= 20);
                prop_assert!(window > 0 || pace.next_due().is_some_and(|at| at > now));
            }
        }
    }
}
