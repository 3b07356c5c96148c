//! Logs: lines on standard error, each derived from an [`Event`] in one place.
//!
//! Guarantees: foreign text is escaped, so that no peer can forge a line; recipients' addresses appear at debug and
//! below only. Leaves to others: what happened (`mail::event`).

use super::terminal;
use crate::mail::event::Event;
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
            let _ = terminal::print(&self.0);
        }
    }
}

/// The level at which an event is logged.
#[must_use]
pub fn level(event: &Event) -> Level {
    match event {
        Event::JournalDamage { .. } | Event::JournalFailed { .. } => Level::Error,
        Event::SiteBackoff { .. } | Event::RouteFailed { .. } | Event::LoadPaused { .. } => Level::Warn,
        Event::CampaignStarted { .. } | Event::LoadFinished { .. } | Event::SiteResumed { .. } | Event::Draining => {
            Level::Info
        }
        Event::SessionOpened { .. } | Event::SessionFailed { .. } | Event::RecipientRefused { .. } => Level::Debug,
    }
}

/// Logs an event.
pub fn log(event: &Event) {
    match level(event) {
        Level::Error => tracing::error!("{event}"),
        Level::Warn => tracing::warn!("{event}"),
        Level::Info => tracing::info!("{event}"),
        Level::Debug => tracing::debug!("{event}"),
        Level::Trace => tracing::trace!("{event}"),
    }
}
