//! What is seen of a list while it is read: how far it is, and where something was taken away or dropped.
//!
//! Guarantees: progress is shown as was asked for, and nothing of a list that is read within a moment; of each kind a bounded number
//! of lines is kept. Leaves to others: what is found in its rows (`list`).

use super::super::cli::Progress;
use super::super::figures::{counted, short};
use super::super::progress::{LINE_EVERY, REDRAW, rehearsing};
use crate::base::many::Many;
use crate::engine::loader::Onlooker;
use crate::engine::table::Totals;
use crate::mail::finding::{Finding, Severity};
use crate::observe::terminal;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// Lines that are told of each kind.
const LINES_TOLD: usize = 3;
/// Characters of a field that are shown.
const FIELD_CHARACTERS: usize = 60;
/// How long it is waited for a terminal that takes nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// A terminal of unknown width.
const COLUMNS: usize = 80;

/// See the head of this file.
pub struct Reading {
    how: Progress,
    drawn: Cell<Instant>,
    has_drawn: Cell<bool>,
    cleaned: RefCell<Vec<(u64, String)>>,
    again: RefCell<Vec<u64>>,
}

impl Reading {
    /// Shows how far it is in this way.
    #[must_use]
    pub fn new(how: Progress) -> Self {
        let (cleaned, again) = (RefCell::default(), RefCell::default());
        Self { how, drawn: Cell::new(Instant::now()), has_drawn: Cell::new(false), cleaned, again }
    }

    /// What was cleaned and dropped of a list in `file` that came to this.
    #[must_use]
    pub fn findings(&self, file: &str, totals: &Totals) -> Vec<Finding> {
        let mut found = Vec::new();
        let more = |told: usize, all: u64| if all > told as u64 { ", …" } else { "" };
        let cleaned = self.cleaned.borrow();
        if let Some((first, _)) = cleaned.first().filter(|_| totals.cleaned > 0) {
            let fields: Vec<String> = cleaned.iter().map(|(line, field)| format!("line {line}: {field}")).collect();
            let says = format!(
                "{} cleaned: what stands around them is taken away ({}{})",
                Many(totals.cleaned, "address is", "addresses are"),
                fields.join(", "),
                more(fields.len(), totals.cleaned)
            );
            let hint = "there is nothing to do; the list itself stays as it is";
            found.push(Finding::new(Severity::Note, "cleaned", format!("{file}:{first}"), says).hint(hint));
        }
        let again = self.again.borrow();
        if totals.duplicates > 0 {
            let lines: Vec<String> = again.iter().map(ToString::to_string).collect();
            let lines = match lines.as_slice() {
                [] => String::new(),
                [one] if totals.duplicates == 1 => format!(" (line {one})"),
                lines => format!(" (lines {}{})", lines.join(", "), more(lines.len(), totals.duplicates)),
            };
            let place = again.first().map_or_else(|| file.to_owned(), |first| format!("{file}:{first}"));
            let says = format!("{} on it twice{lines}", Many(totals.duplicates, "row is", "rows are"));
            let hint = "nobody gets two: there is nothing to do";
            found.push(Finding::new(Severity::Note, "duplicates", place, says).hint(hint));
        }
        found
    }
}

impl Onlooker for Reading {
    fn read(&self, records: u64, is_ahead: bool) {
        let pause = match self.how {
            Progress::Bar => REDRAW,
            Progress::Plain => LINE_EVERY,
            Progress::None => return,
        };
        if self.drawn.get().elapsed() < pause {
            return;
        }
        self.drawn.set(Instant::now());
        let told = match is_ahead {
            true => rehearsing(records),
            false => format!("Reading the list: {}", counted(records, "row", "rows")),
        };
        if self.how == Progress::Plain {
            return terminal::notice(format!("{told}\n").as_bytes());
        }
        self.has_drawn.set(true);
        terminal::draw(&short(&told, terminal::columns().unwrap_or(COLUMNS).saturating_sub(1)));
    }

    fn cleaned(&self, line: u64, field: &[u8]) {
        let mut cleaned = self.cleaned.borrow_mut();
        if cleaned.len() < LINES_TOLD {
            let text: String = String::from_utf8_lossy(field).chars().take(FIELD_CHARACTERS).collect();
            // What cannot be seen is what matters.
            let shown = text.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'");
            cleaned.push((line, format!("`{shown}`")));
        }
    }

    fn expects(&self, _more: Option<u64>) {}

    fn came_again(&self, line: u64) {
        let mut again = self.again.borrow_mut();
        if again.len() < LINES_TOLD {
            again.push(line);
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if self.has_drawn.get() {
            // What is said next may go to the same terminal by another way.
            terminal::draw("");
            terminal::flush(PATIENCE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lines_are_told_and_what_cannot_be_seen_is_shown() {
        let reading = Reading::new(Progress::None);
        reading.read(5_000, true);
        for (line, field) in
            [(2, "\u{a0}ann@a.example"), (4, "\"Bo\" <bo@b.example>"), (7, "\u{200b}c@c.example"), (9, " d@d.example")]
        {
            reading.cleaned(line, field.as_bytes());
            reading.came_again(line);
        }
        let told = |cleaned, duplicates| {
            let totals = Totals { cleaned, duplicates, ..Totals::default() };
            let found = reading.findings("l.csv", &totals);
            found.iter().map(|found| format!("{}: {}", found.place, found.says)).collect::<Vec<_>>()
        };
        assert_eq!(
            told(4, 4),
            [
                "l.csv:2: 4 addresses are cleaned: what stands around them is taken away (line 2: `\\u{a0}ann@a.example`, \
                 line 4: `\"Bo\" <bo@b.example>`, line 7: `\\u{200b}c@c.example`, …)",
                "l.csv:2: 4 rows are on it twice (lines 2, 4, 7, …)",
            ]
        );
        assert!(told(0, 0).is_empty());
    }
}
