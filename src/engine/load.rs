//! What is loaded into a campaign's table: while it is sent, or, for a run that has to know everybody first, before.
//!
//! Leaves to others: reading lists (`loader`), and threads (`run`).

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::content::Composer;
use crate::engine::campaign::Campaign;
use crate::engine::loader::{self, LoadError, LoadSpec, Loaded, Onlooker, Rejections};
use crate::engine::suppressions::Suppressions;
use crate::engine::table::{TableWriter, Totals};
use crate::mail::finding::Finding;

/// [`LoadSpec`] that owns what it speaks of.
pub struct Load {
    /// The list.
    pub list: loader::List,
    /// The column with the address.
    pub email: String,
    /// Columns whose values reach headers.
    pub header_columns: Vec<String>,
    /// The fraction of records that may be rejected.
    pub max_rejected: f64,
    /// Who gets no mail.
    pub suppressions: Suppressions,
    /// Rows, in order, of whom who stands on the list is taken in again.
    pub readmitted: Vec<u32>,
    /// A list that was written to so lately is watched until it is older.
    pub quiet: Duration,
}

/// How loading went.
#[derive(Debug, Default)]
pub enum LoadEnd {
    /// It is not over, or was cut short by the engine's end.
    #[default]
    Open,
    /// The whole list is loaded.
    Complete(Totals),
    /// Too many records were rejected.
    Stopped(Rejections),
    /// It failed.
    Failed(LoadError),
}

impl LoadEnd {
    /// How many records were rejected, where that was too many.
    #[must_use]
    pub fn rejections(&self) -> Option<&Rejections> {
        match self {
            Self::Stopped(rejections) | Self::Failed(LoadError::TooManyRejected { rejections, .. }) => Some(rejections),
            Self::Open | Self::Complete(_) | Self::Failed(_) => None,
        }
    }
}

/// What the loader shows while it loads.
#[derive(Debug, Default)]
pub struct Loading {
    end: Mutex<LoadEnd>,
    /// Whether the list is still being read.
    over: AtomicBool,
    rejected: AtomicU64,
    duplicates: AtomicU64,
    cleaned: AtomicU64,
    rehearsed: AtomicU64,
    /// One more than about so many recipients who are to come; 0: nobody can tell.
    to_come: AtomicU64,
}

impl Onlooker for Loading {
    fn read(&self, records: u64, is_ahead: bool) {
        self.rehearsed.store(if is_ahead { records } else { 0 }, Ordering::Relaxed);
    }

    fn cleaned(&self, _line: u64, _field: &[u8]) {}

    fn came_again(&self, _line: u64) {}

    fn expects(&self, more: Option<u64>) {
        self.to_come.store(more.map_or(0, |more| more.saturating_add(1)), Ordering::Relaxed);
    }
}

impl Loading {
    /// Whether loading is over, whatever its end.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Records rejected, and duplicates dropped, so far.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.rejected.load(Ordering::Relaxed), self.duplicates.load(Ordering::Relaxed))
    }

    /// Records so far with something around their address that was taken away.
    #[must_use]
    pub fn cleaned(&self) -> u64 {
        self.cleaned.load(Ordering::Relaxed)
    }

    /// Records on which the letter was rehearsed so far, while that is done before any of the list is loaded; else 0.
    #[must_use]
    pub fn rehearsed(&self) -> u64 {
        if self.is_over() { 0 } else { self.rehearsed.load(Ordering::Relaxed) }
    }

    /// About so many recipients are on the list and not loaded yet, if it goes on as it began; `None`: nobody can tell.
    #[must_use]
    pub fn to_come(&self) -> Option<u64> {
        self.to_come.load(Ordering::Relaxed).checked_sub(1)
    }

    pub(super) fn count(&self, rejected: u64, duplicates: u64, cleaned: u64) {
        self.rejected.store(rejected, Ordering::Relaxed);
        self.duplicates.store(duplicates, Ordering::Relaxed);
        self.cleaned.store(cleaned, Ordering::Relaxed);
    }

    pub(super) fn count_rejected(&self, rejected: u64) {
        self.rejected.store(rejected, Ordering::Relaxed);
    }

    /// It is over, with this end.
    pub(super) fn end_with(&self, end: LoadEnd) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = end;
        self.over.store(true, Ordering::Release);
    }

    /// How it ended; once.
    pub(super) fn take_end(&self) -> LoadEnd {
        std::mem::take(&mut *self.end.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Load {
    /// Loads into `table` what is not in it yet, and can have this letter.
    pub(super) fn load_into(
        &self,
        letter: &Composer,
        table: &mut TableWriter,
        stop: &AtomicBool,
        onlooker: &dyn Onlooker,
        emit: impl FnMut(Loaded) -> ControlFlow<()>,
    ) {
        let suppression = self.suppressions.in_force().set;
        let spec = LoadSpec {
            list: self.list.clone(),
            email: self.email.clone(),
            header_columns: self.header_columns.clone(),
            letter: Some(letter),
            max_rejected: self.max_rejected,
            suppression: &suppression,
            readmitted: &self.readmitted,
            quiet: self.quiet,
            onlooker: Some(onlooker),
        };
        loader::load(&spec, table, stop, emit);
    }

    /// Loads the whole list before anything is sent: for a run that has to know everybody first.
    pub fn load_whole(
        &self,
        letter: &Composer,
        campaign: &mut Campaign,
        stop: &AtomicBool,
        onlooker: &dyn Onlooker,
    ) -> LoadEnd {
        let mut end = LoadEnd::Open;
        let Campaign { table, state, .. } = campaign;
        self.load_into(letter, table, stop, onlooker, |loaded| {
            match loaded {
                Loaded::Chunk(chunk) => {
                    state.load(chunk.rows, chunk.suppressed);
                    return ControlFlow::Continue(());
                }
                Loaded::Found(found) => {
                    warn_of(&found);
                    return ControlFlow::Continue(());
                }
                Loaded::End(totals) => end = LoadEnd::Complete(totals),
                Loaded::Stopped(rejections) => end = LoadEnd::Stopped(rejections),
                Loaded::Failed(error) => end = LoadEnd::Failed(error),
            }
            ControlFlow::Break(())
        });
        end
    }
}

/// Tells of something in a list while it is loaded. Whose row it is stays out of the log.
pub(super) fn warn_of(Finding { place, says, hint, .. }: &Finding) {
    let place = line_of(place);
    let place = if place.is_empty() { String::new() } else { format!("{place}: ") };
    let hint = if hint.is_empty() { String::new() } else { format!("; hint: {hint}") };
    tracing::warn!("{place}{says}{hint}");
}

/// `file:line` of `file:line address`.
fn line_of(place: &str) -> &str {
    let mut ends = place.match_indices(' ').map(|(at, _)| place.get(..at).unwrap_or_default());
    let is_line = |text: &&str| {
        let number = text.rsplit_once(':').map_or("", |(_, number)| number);
        !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    };
    ends.find(is_line).unwrap_or(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_log_names_no_recipient() {
        for (place, line) in [
            ("my list.csv:3 bob@gmial.com", "my list.csv:3"),
            ("l.csv:12 \"a:1 b\"@gmial.com", "l.csv:12"),
            ("my list.csv:3", "my list.csv:3"),
            ("my list.csv", "my list.csv"),
            ("", ""),
        ] {
            assert_eq!(line_of(place), line);
        }
    }
}
