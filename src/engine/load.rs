//! What is loaded into a campaign's table: while it is sent, or, for a run that has to know everybody first, before.
//!
//! Leaves to others: reading lists (`loader`), and threads (`run`).

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;
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
