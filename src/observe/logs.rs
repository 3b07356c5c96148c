//! Logs: lines on standard error, in one piece each, above the live lines.
//!
//! Leaves to others: what is logged (whoever calls `tracing`), escaping foreign text in it (`mail::reply`), and keeping
//! recipients' addresses below the info level.

use super::terminal;
use std::io::{self, Write};
use tracing_subscriber::filter::LevelFilter;

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What needs someone now.
    Error,
    /// What someone should know.
    Warn,
    /// What happened, in few lines.
    #[default]
    Info,
    /// Each session and refusal.
    Debug,
    /// Everything.
    Trace,
}

impl Level {
    /// Every level, from the fewest lines to the most.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// Its name in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    fn filter(self) -> LevelFilter {
        match self {
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

/// Begins to log. A second call changes nothing: the first one in the process holds.
pub fn init(level: Level) {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level.filter())
        .with_writer(Lines::default)
        .with_ansi(terminal::is_terminal())
        .with_target(false)
        .finish();
    // Refused only when a subscriber stands already (tests of one process).
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Gathers one event's text, so that it goes out in one piece, above the live lines.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Write for Lines {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            terminal::print(&self.0);
        }
    }
}
