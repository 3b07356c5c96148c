//! Logs: lines on standard error, in one piece each, above the live lines; to the journal of systemd with its priorities.
//!
//! Guarantees: a line that comes again and again is written once in ten seconds, and then with how often it came.
//! Leaves to others: what is logged (whoever calls `tracing`), escaping foreign text in it (`mail::reply`), and keeping
//! recipients' addresses below the info level.

mod repeats;

use super::terminal;
use repeats::Repeats;
use std::io::{self, Write};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

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
    /// Each route, session, attempt and pause; recipients are named from here on.
    Debug,
    /// The dialogue of each session, too.
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
    let paper = Paper { journal: terminal::is_journal(), repeats: Mutex::default() };
    let plain = paper.journal;
    // Refused only when a subscriber stands already (tests of one process).
    let paper = PAPER.get_or_init(|| paper);
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level.filter())
        .with_writer(paper)
        .with_ansi(!plain && terminal::is_colored())
        .with_level(!plain)
        .without_time()
        .with_target(false)
        .finish();
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// At the end: tells how often lines came that were not written again.
pub fn conclude() {
    if let Some(paper) = PAPER.get() {
        let told = paper.repeats.lock().unwrap_or_else(PoisonError::into_inner).take_told(None);
        told.iter().for_each(|line| paper.write(line.level, &line.text));
    }
}

static PAPER: OnceLock<Paper> = OnceLock::new();

/// What lines are written on.
struct Paper {
    /// The journal of systemd has a time and a priority of its own for each line.
    journal: bool,
    repeats: Mutex<Repeats>,
}

impl Paper {
    fn write(&self, level: tracing::Level, text: &[u8]) {
        let head = match self.journal {
            true => format!("<{}>", priority(level)),
            false => {
                let now = jiff::Timestamp::now();
                let (dim, plain) = if terminal::is_colored() { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
                format!("{dim}{now:.6}{plain} ")
            }
        };
        terminal::print(&[head.as_bytes(), text].concat());
    }
}

impl<'a> MakeWriter<'a> for &'static Paper {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { paper: self, level: tracing::Level::INFO, text: Vec::new() }
    }

    fn make_writer_for(&'a self, meta: &tracing::Metadata<'_>) -> Line {
        Line { paper: self, level: *meta.level(), text: Vec::new() }
    }
}

/// As syslog numbers them, which is what the journal reads (sd-daemon(3)).
fn priority(level: tracing::Level) -> u8 {
    match level {
        tracing::Level::ERROR => 3,
        tracing::Level::WARN => 4,
        tracing::Level::INFO => 6,
        _ => 7,
    }
}

/// Gathers one event's text, so that it goes out in one piece, above the live lines.
struct Line {
    paper: &'static Paper,
    level: tracing::Level,
    text: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let mut repeats = self.paper.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (told, is_new) = (repeats.take_told(Some(now)), repeats.is_new(self.level, &self.text, now));
        drop(repeats);
        told.iter().for_each(|line| self.paper.write(line.level, &line.text));
        if is_new {
            self.paper.write(self.level, &self.text);
        }
    }
}
