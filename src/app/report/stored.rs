//! A report's facts, from the directory of a campaign: its table and its journal, read without a lock.
//!
//! Guarantees: works while a send runs: the rows that were committed when it was opened, each as the journal tells it
//! now; an unfinished end of the journal is no damage. When no process has the campaign, attempts without an outcome were cut off. What is damaged is listed ([`Facts::damage`]) and everything that
//! can still be read is told. Memory: 28 octets a recipient and the words of the replies; rows are read in blocks.

#[cfg(test)]
mod tests;

use super::book::Book;
use super::{After, Facts, Recipient, Rows, Step, Timeline, Unread, Visit};
use crate::app::destination;
use crate::app::exit::Failure;
use crate::app::held::Note;
use crate::app::send::marks_of;
use crate::base::clock::UnixTime;
use crate::engine::campaign::{Known, end_of, journal_of, name_of, snapshot_in, snapshot_of};
use crate::engine::table::{MovedFrom, Table};
use crate::journal::disk::Fault;
use crate::journal::mark::Mark;
use crate::journal::record::{Entry, Kind, entries};
use crate::journal::replay::{End, Range, Replayed, Told, replay_live};
use crate::journal::state::{State, first_attempt};
use crate::mail::{Disposition, Mailbox};
use crate::wire::disk::{Lock, Reader};
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Damages that are told one by one.
const DAMAGES_TOLD: usize = 20;
/// The most steps of one recipient that are kept.
const STEPS_MAX: usize = 10_000;

/// A campaign on disk, as facts.
#[derive(Debug)]
pub struct Stored {
    home: PathBuf,
    name: String,
    table: Table,
    rows: Rows,
    book: Book,
    range: Range,
    damage: Vec<String>,
    held: Option<Note>,
    /// Nobody has the campaign: an attempt without an outcome gets none.
    is_left: bool,
}

/// The rows of a table when it was looked at: how many rows each chunk has, and how many of them are suppressed.
type Chunks = Vec<(u32, u32, u32)>;

impl Stored {
    /// Reads the campaign in `home`.
    ///
    /// # Errors
    /// Its table cannot be read, or the journal's directory cannot be listed.
    pub fn open(home: &Path) -> Result<Self, Failure> {
        let was_held = Lock::is_held(home);
        let table = Table::open(home).map_err(failed)?;
        let mut damage = Vec::new();
        let (chunks, rows) = look(&table, home, &mut damage)?;
        let identity = table.manifest().identity();
        let mut reader = Reader::new(&journal_of(home)).with_marks_in(marks_of(home));
        let snapshot = snapshot(home, identity, &mut damage);
        let end = end(home, &mut reader, identity, &mut damage);
        let range = Range { journal: Some(identity), end, ..Range::ALL };
        let (book, replayed) = replay_live(
            &mut reader,
            range,
            || begin(snapshot.clone(), &chunks),
            |book, told| match told {
                Told::Entries(lsn, entries) => book.fold(lsn, entries),
                Told::Lost(lost) => book.lose(&lost),
            },
        )
        .map_err(unreadable)?;
        describe(&journal_of(home), &replayed, &book, &mut damage);
        oddities(home, &book, &table, &mut damage)?;
        let name = name_of(home);
        // Whoever had it while it was read may have written the outcomes since.
        let is_left = !was_held && !Lock::is_held(home);
        Ok(Self { home: home.to_owned(), name, table, rows, book, range, damage, held: Note::read(home), is_left })
    }
}

/// The state of the snapshot, and the last frame that it covers; none if there is none that can be used.
fn snapshot(home: &Path, identity: u64, damage: &mut Vec<String>) -> (State, u64) {
    match snapshot_in(home, identity) {
        Ok(None) => (State::new(), 0),
        Ok(Some(Ok((state, covered)))) => (state, covered.lsn),
        Ok(Some(Err(e))) => {
            damage.push(format!("{}: {e}; the journal was read without it", snapshot_of(home).display()));
            (State::new(), 0)
        }
        Err(e) => {
            damage.push(format!("{e}; the journal was read without it"));
            (State::new(), 0)
        }
    }
}

/// What the mark says of the journal's end. The length of files is not compared: beside a send they may shrink.
fn end(home: &Path, reader: &mut Reader, identity: u64, damage: &mut Vec<String>) -> End {
    match end_of(home, reader, identity) {
        Ok(Known { end: End::Behind(mark), .. }) => End::Behind(Mark { octets: 0, ..mark }),
        Ok(Known { end, fault, .. }) => {
            damage.extend(fault.map(|fault| fault.to_string()));
            end
        }
        Err(e) => {
            damage.push(e.to_string());
            End::MarkLost
        }
    }
}

fn begin((mut state, covered): (State, u64), chunks: &Chunks) -> Book {
    for &(first, rows, suppressed) in chunks {
        if first as usize >= state.len() {
            state.load(rows, suppressed);
        }
    }
    Book::new(state, covered)
}

fn look(table: &Table, home: &Path, damage: &mut Vec<String>) -> Result<(Chunks, Rows), Failure> {
    let mut chunks = Chunks::new();
    let mut rows = Rows { loading: table.manifest().loaded.is_none(), ..Rows::default() };
    for header in table.chunks() {
        let header = header.map_err(failed)?;
        chunks.push((header.chunk.first, header.chunk.rows, header.chunk.suppressed));
        (rows.rejected, rows.duplicates) = (header.progress.rejected, header.progress.duplicates);
    }
    if let Some(totals) = table.manifest().loaded {
        (rows.rejected, rows.duplicates) = (totals.rejected, totals.duplicates);
        let known = chunks.iter().map(|(_, rows, _)| u64::from(*rows)).sum::<u64>();
        if known < totals.rows {
            let place = home.display();
            damage.push(format!("{place}: the table had {} rows, and {known} of them can be found", totals.rows));
        } else {
            damage.extend(table.surplus().map_err(failed)?.iter().map(ToString::to_string));
        }
    }
    Ok((chunks, rows))
}

fn describe(journal: &Path, replayed: &Replayed, book: &Book, damage: &mut Vec<String>) {
    let told = replayed.damage.iter().take(DAMAGES_TOLD);
    damage.extend(told.map(|one| {
        let accepted = if book.has_accepted(one.first_lsn, one.last_lsn) { " (accepted)" } else { "" };
        format!("{}: {one}{accepted}", journal.display())
    }));
    let more = replayed.damage.len().saturating_sub(DAMAGES_TOLD);
    damage.extend(replayed.behind.map(|behind| format!("{}: {behind}", journal.display())));
    if more > 0 {
        damage.push(format!("{}: {more} more damaged places", journal.display()));
    }
}

/// What the journal says that makes no sense, or finds no room.
fn oddities(home: &Path, book: &Book, table: &Table, damage: &mut Vec<String>) -> Result<(), Failure> {
    let place = home.display();
    // While a list is loaded the journal may know rows that the table had not when it was looked at.
    if let Some(stray) = book.stray
        && stray >= table.rows().map_err(failed)?
    {
        damage.push(format!("{place}: the journal tells of row {stray}, which the table does not have"));
    }
    if book.bad > 0 {
        damage.push(format!("{place}: {} journal entries are no records", book.bad));
    }
    if book.words_left_out() > 0 {
        damage.push(format!("{place}: the words of {} replies found no room in memory", book.words_left_out()));
    }
    Ok(())
}

fn unreadable(fault: Fault) -> Failure {
    Failure::failed(fault.to_string())
}

fn failed(e: io::Error) -> Failure {
    Failure::failed(e.to_string())
}

impl Facts for Stored {
    fn name(&self) -> &str {
        &self.name
    }

    fn destination(&self) -> &str {
        destination::name(self.table.manifest().destination.as_deref().unwrap_or_default())
    }

    fn moved_from(&self) -> &[MovedFrom] {
        &self.table.manifest().moved_from
    }

    fn rows(&self) -> Rows {
        self.rows
    }

    fn damage(&self) -> &[String] {
        &self.damage
    }

    fn held(&self) -> Option<&Note> {
        self.held.as_ref()
    }

    fn each(&self, visit: &mut Visit<'_>) -> Result<Unread, Failure> {
        let (mut result, mut unread) = (Ok(()), Unread::default());
        let walked = self.table.walk_past(|number, row| {
            let Some(standing) = self.book.standing(number) else { return ControlFlow::Break(()) };
            let (address, domain) = match row {
                Ok(row) => (row.mailbox, row.domain),
                Err(error) => {
                    unread.add(number, &error);
                    Default::default()
                }
            };
            let (last_at, code, context) = self.book.last(number);
            let cut_off = self.is_left && standing.disposition == Disposition::InFlight;
            result = visit(&Recipient {
                row: number,
                address,
                domain,
                disposition: standing.disposition,
                code,
                enhanced: context.enhanced,
                text: context.text,
                site: context.site,
                host: context.host,
                attempts: standing.attempts.into(),
                first_at: (standing.first.0 != 0).then_some(standing.first),
                tried_at: (standing.tried.0 != 0).then_some(standing.tried),
                last_at,
                cut_off,
                possible_duplicate: cut_off || standing.possible_duplicate(),
            });
            if result.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        result.and(walked.map_err(failed)).map(|()| unread)
    }

    fn timeline(&self, recipient: &Mailbox) -> Result<Option<Timeline>, Failure> {
        let lost = |e: io::Error| {
            failed(io::Error::new(e.kind(), format!("{recipient} may be in a row that cannot be read: {e}")))
        };
        let rows = self.table.find(recipient).map_err(lost)?;
        let Some(&row) = rows.last() else { return Ok(None) };
        // Loaded after this was opened: it waits.
        let disposition = self.book.standing(row).map_or(Disposition::Waiting, |s| s.disposition);
        let mut reader = Reader::new(&journal_of(&self.home));
        let (steps, _) = replay_live(&mut reader, self.range, Vec::new, |steps, told| {
            let Told::Entries(_, octets) = told else { return };
            for entry in entries(octets) {
                if let Ok(Entry::Record(record)) = entry
                    && rows.contains(&record.recipient)
                    && steps.len() < STEPS_MAX
                {
                    steps.push(record);
                }
            }
        })
        .map_err(unreadable)?;
        let (mut first, mut tried, mut before) = (UnixTime(0), None, row);
        let steps = steps.iter().map(|record| {
            if std::mem::replace(&mut before, record.recipient) != record.recipient {
                (first, tried) = (UnixTime(0), None);
            }
            let context = self.book.context(record.extra);
            first = first_attempt(first, record);
            let after = match (record.kind, tried) {
                (Kind::Expired, Some(tried_at)) if first.0 != 0 => {
                    Some(After { span_s: record.at.0.saturating_sub(first.0), tried_at })
                }
                _ => None,
            };
            if !matches!(record.kind, Kind::Attempt | Kind::Released | Kind::Expired) {
                tried = Some(record.at);
            }
            Step {
                at: record.at,
                attempt: record.attempts.into(),
                what: record.kind.word(),
                code: record.code,
                enhanced: context.enhanced,
                text: context.text.to_vec(),
                phase: context.phase.to_owned(),
                site: context.site.to_owned(),
                host: context.host.to_owned(),
                after,
            }
        });
        Ok(Some(Timeline { disposition, steps: steps.collect() }))
    }
}
