//! The letter is rehearsed on the rows of a list before they are taken in: a row that can have no message is rejected with
//! its line, as one with a bad address is.
//!
//! Guarantees: as many rows are rehearsed as the letter needs ([`Need`]); where it goes another way for each row, each is,
//! on all cores. Memory: a set of at most [`PATTERNS_MAX`] patterns, 8 octets a row that waits. Leaves to others: rendering
//! (`content`), and how many rejected rows are too many.

use crate::content::{Composed, Composer, Need, RowRef, Scratch};
use crate::engine::table::{Pending, Row};
use smallvec::SmallVec;
use std::collections::HashSet;
use std::num::NonZero;
use std::ops::Range;
use std::thread;

/// Octets of a row's values from which on it is a long one.
const LONG_OCTETS: usize = 128;
/// Of so many rows one is rehearsed whatever its pattern is.
const SAMPLE: u64 = 64;
/// Patterns that are kept: a list whose rows have more has them in its sample.
const PATTERNS_MAX: usize = 64 * 1024;
/// Signs of a value that make its pattern.
const SIGNS_MAX: usize = 16;
/// Rows that are worth a thread.
const THREAD_ROWS: usize = 256;

/// A letter before its list.
pub struct Rehearsal<'a> {
    letter: &'a Composer,
    need: Need,
    patterns: HashSet<u64>,
    rows: u64,
    is_new: bool,
    /// Whether a row has failed of which it was thought that none can.
    is_refuted: bool,
    /// The lines of all rows that can have no message, in order, once the whole list was rehearsed.
    known: Option<Vec<u64>>,
}

/// A row that can have no message.
pub struct Fault {
    /// Its place among the pending rows.
    pub index: usize,
    /// Its line on the list.
    pub line: u64,
    /// Its mailbox.
    pub mailbox: String,
    /// Why: the first line says what and where, the other how to mend it.
    pub reason: String,
}

impl<'a> Rehearsal<'a> {
    /// `is_new`: nothing of the list is loaded yet.
    pub fn of(letter: &'a Composer, is_new: bool) -> Self {
        let need = letter.rehearsal();
        Self { letter, need, patterns: HashSet::new(), rows: 0, is_new, is_refuted: false, known: None }
    }

    /// Whether all of the list is to be rehearsed before anybody gets a message: the letter goes another way for each row, or
    /// was thought to make a message of every row, and does not.
    pub fn looks_ahead(&self) -> bool {
        self.is_new && self.known.is_none() && (self.need == Need::All || self.is_refuted)
    }

    /// From now on only rows of these lines, which are in order, can fail.
    pub fn know(&mut self, lines: Vec<u64>) {
        self.known = Some(lines);
    }

    /// Those of a `part` of the pending rows that can have no message, in order. Who gets none anyway (suppressed, or `passes`
    /// says so) is passed over.
    pub fn faults(
        &mut self,
        (pending, part): (&Pending, Range<usize>),
        lines: &[u64],
        columns: usize,
        passes: impl Fn(usize) -> bool,
    ) -> Vec<Fault> {
        let mut chosen: Vec<Chosen<'_>> = Vec::new();
        for (index, (row, is_suppressed)) in pending.iter().enumerate().skip(part.start).take(part.len()) {
            let line = lines.get(index).copied().unwrap_or_default();
            if !is_suppressed && !passes(index) && self.chooses(row, line, columns) {
                chosen.push(Chosen { index, line, row });
            }
        }
        on_all_cores(self.letter, &chosen, columns)
    }

    /// Whether these faults show that other rows, for which those stood that were rehearsed, can fail as well: from now on
    /// each is rehearsed.
    pub fn is_refuted_by(&mut self, faults: &[Fault]) -> bool {
        let is_refuted = self.need == Need::Patterns && self.known.is_none() && !faults.is_empty();
        if is_refuted {
            (self.need, self.is_refuted) = (Need::Each, true);
        }
        is_refuted
    }

    fn chooses(&mut self, row: &[u8], line: u64, columns: usize) -> bool {
        if let Some(lines) = &self.known {
            return lines.binary_search(&line).is_ok();
        }
        let is_long =
            || Row::decode(0, row, columns).is_none_or(|row| row.fields.map(<[u8]>::len).sum::<usize>() > LONG_OCTETS);
        match self.need {
            Need::Each | Need::All => true,
            Need::Long => row.len() > LONG_OCTETS && is_long(),
            Need::Patterns => {
                self.rows += 1;
                let is_sample = self.rows % SAMPLE == 1;
                let Some(pattern) = Row::decode(0, row, columns).map(|row| pattern(row.fields)) else { return true };
                let is_new = self.patterns.len() < PATTERNS_MAX && self.patterns.insert(pattern);
                is_new || is_sample || (row.len() > LONG_OCTETS && is_long())
            }
        }
    }
}

struct Chosen<'p> {
    index: usize,
    line: u64,
    row: &'p [u8],
}

/// A letter before one row after another, as they come.
pub struct Player<'a> {
    letter: &'a Composer,
    scratch: Scratch,
    composed: Composed,
}

impl<'a> Player<'a> {
    /// With room of its own.
    #[must_use]
    pub fn of(letter: &'a Composer) -> Self {
        Self { letter, scratch: Scratch::default(), composed: Composed::default() }
    }

    /// Why this row can have no message, if it can have none.
    pub fn fault_of(&mut self, row: &Row<'_>) -> Option<String> {
        let fields: SmallVec<[&[u8]; 8]> = row.fields.collect();
        let row = RowRef { number: row.number, mailbox: row.mailbox, fields: &fields };
        self.letter.rehearse(&mut self.scratch, &row, &mut self.composed).err().map(|error| error.to_string())
    }
}

fn on_all_cores(letter: &Composer, chosen: &[Chosen<'_>], columns: usize) -> Vec<Fault> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(chosen.len().div_ceil(THREAD_ROWS)).max(1);
    if threads == 1 {
        return rehearse(letter, chosen, columns);
    }
    thread::scope(|scope| {
        let parts = chosen.chunks(chosen.len().div_ceil(threads));
        let running: Vec<_> = parts.map(|part| scope.spawn(move || rehearse(letter, part, columns))).collect();
        let joined = running.into_iter().map(|part| part.join().unwrap_or_else(|why| std::panic::resume_unwind(why)));
        joined.flatten().collect()
    })
}

fn rehearse(letter: &Composer, rows: &[Chosen<'_>], columns: usize) -> Vec<Fault> {
    let mut player = Player::of(letter);
    let mut faults = Vec::new();
    for &Chosen { index, line, row } in rows {
        let Some(row) = Row::decode(0, row, columns) else { continue };
        if let Some(reason) = player.fault_of(&row) {
            faults.push(Fault { index, line, mailbox: row.mailbox.to_owned(), reason });
        }
    }
    faults
}

/// What kind of values a row has: which are empty, and of which signs the others are made. A run of letters, of digits, or of
/// one other sign is one sign.
fn pattern<'f>(fields: impl Iterator<Item = &'f [u8]>) -> u64 {
    // FNV-1a: short texts of few signs, and nobody gains by two that collide.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut take = |sign: u8| hash = (hash ^ u64::from(sign)).wrapping_mul(0x100_0000_01b3);
    for field in fields {
        let (mut before, mut signs) = (0, 0);
        for &b in field {
            let sign = match b {
                b'0'..=b'9' => b'9',
                b'A'..=b'Z' | b'a'..=b'z' => b'a',
                0x80.. => 0x80,
                b => b,
            };
            if sign != before {
                take(sign);
                (before, signs) = (sign, signs + 1);
            }
            if signs == SIGNS_MAX {
                break;
            }
        }
        take(0xff);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{Source, Spec};

    #[test]
    fn a_letter_that_takes_one_way_is_rehearsed_on_each_kind_of_row_and_a_sample() {
        let spec = Spec {
            from: "a@a.example".into(),
            subject: "s".into(),
            text: Some(Source { file: "w.txt".into(), text: "{{ name|upper }}".into() }),
            ..Spec::default()
        };
        let letter = Composer::compile(spec, &["email".to_owned(), "name".to_owned()], "email").unwrap();
        let mut rehearsal = Rehearsal::of(&letter, true);
        assert!(!rehearsal.looks_ahead());
        let mut chosen = Vec::new();
        for n in 0..200u64 {
            let name = if n == 150 { "a-b".to_owned() } else { format!("Ann{n}") };
            let mut pending = Pending::new();
            assert!(pending.push(b"p@a.example", 1, 0, false, [name.as_bytes()], []));
            if pending.iter().all(|(row, _)| rehearsal.chooses(row, n, 1)) {
                chosen.push(n);
            }
        }
        assert_eq!(chosen, [0, 64, 128, 150, 192]);
        rehearsal.know(vec![7, 9]);
        assert_eq!([6, 7, 8, 9].map(|line| rehearsal.chooses(&[], line, 1)), [false, true, false, true]);
    }

    #[test]
    fn rows_of_one_kind_have_one_pattern() {
        let of = |row: &[&str]| pattern(row.iter().map(|field| field.as_bytes()));
        assert_eq!(of(&["Ann", "2026-11-25"]), of(&["Robert", "1999-1-1"]));
        let kinds =
            [["Ann", ""], ["", "Ann"], ["", ""], ["Ann", "1"], ["Ann", "1.5"], ["Ann", "-1"], ["Zo\u{eb}", "1"]];
        let hashes: HashSet<u64> = kinds.iter().map(|row| of(row)).collect();
        assert_eq!(hashes.len(), kinds.len());
        assert_eq!(of(&[&"a-".repeat(100)]), of(&[&"b-".repeat(9)]));
    }
}
