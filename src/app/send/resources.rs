//! What this process has used: time, processor, memory, as the kernel counts them.

use std::time::{Duration, Instant};

/// When the command began, and what its process had used before: one that becomes another program (`exec`) counts on.
#[derive(Clone, Copy, Debug)]
pub struct Began {
    at: Instant,
    cpu_s: f64,
}

impl Began {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        Self { at: Instant::now(), cpu_s: process_cpu_s() }
    }

    /// The time from then to `at`.
    #[must_use]
    pub fn until(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.at)
    }

    /// The time since.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.at.elapsed()
    }

    /// Processor time of the whole process since, in seconds.
    #[must_use]
    pub fn cpu_s(&self) -> f64 {
        (process_cpu_s() - self.cpu_s).max(0.0)
    }
}

/// Processor time of the whole process so far, in seconds.
fn process_cpu_s() -> f64 {
    // utime and stime are the 14th and 15th fields; the command's name before them may hold blanks, but ends at `)`.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    // The kernel shows clock ticks to programs at 100 a second on every architecture that Linux runs on today.
    ticks as f64 / 100.0
}

/// The most memory that the process has held, in octets.
#[must_use]
pub fn peak_rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().strip_suffix("kB")).and_then(|n| n.trim().parse::<u64>().ok()).unwrap_or(0) * 1024
}
