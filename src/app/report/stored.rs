//! A report's facts, from the directory of a campaign: its table and its journal, read without a lock.
//!
//! Guarantees: works while a send runs: the rows that were committed when it was opened, each as the journal tells it
//! now; an unfinished end of the journal is no damage. When no process has the campaign, attempts without an outcome were cut off. What is damaged is listed ([`Facts::damage`]) and everything that
//! can still be read is told. Memory: 28 octets a recipient and the words of the replies; rows are read in blocks.

#[cfg(test)]
mod tests;

use super::book::{Book, Context};
use super::rows::of_list;
use super::{
    About, After, Facts, Person, Recipient, Rows, Run, Step, Timeline, Unread, Visit, VisitAttempt, standing_of,
};
use crate::app::destination;
use crate::app::exit::Failure;
use crate::app::figures::count;
use crate::app::held::Note;
use crate::app::send::marks_of;
use crate::base::clock::UnixTime;
use crate::content::{IdentityKey, Token};
use crate::engine::campaign::{Known, OpenError, end_of, is_there, journal_of, name_of, snapshot_in, snapshot_of};
use crate::engine::table::{MovedFrom, RowBlock, Table};
use crate::journal::disk::{Fault, FaultKind};
use crate::journal::mark::Mark;
use crate::journal::record::{Entry, Kind, Record, entries};
use crate::journal::replay::{End, Range, Replayed, Told, replay_live};
use crate::journal::state::{Standing, State, first_attempt};
use crate::journal::words::Words;
use crate::mail::{Disposition, Mailbox};
use crate::wire::disk::{Lock, Reader};
use std::borrow::Cow;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Damages that are told one by one.
const DAMAGES_TOLD: usize = 20;
/// The most steps of one recipient that are kept.
const STEPS_MAX: usize = 10_000;
/// Recipients whose attempts are read from the journal together.
const TOGETHER: u32 = 1 << 20;
/// Rows that are read together.
const BLOCK_ROWS: u32 = 4096;

/// A campaign on disk, as facts.
#[derive(Debug)]
pub struct Stored {
    home: PathBuf,
    name: String,
    table: Table,
    rows: Rows,
    book: Book,
    range: Range,
    damage: Damage,
    /// Why it is held, or that it is paused.
    note: Option<Note>,
    /// Nobody has the campaign: an attempt without an outcome gets none.
    is_left: bool,
    key: IdentityKey,
}

/// What is damaged.
#[derive(Debug, Default)]
struct Damage {
    /// A sentence each.
    told: Vec<String>,
    /// Whether something is lost by it that nobody has accepted.
    is_loss: bool,
}

impl Damage {
    /// Something may be lost.
    fn add(&mut self, told: String) {
        self.told.push(told);
        self.is_loss = true;
    }

    /// Something is not as it should be, and nothing is lost by it, or its loss was accepted.
    fn note(&mut self, told: String) {
        self.told.push(told);
    }
}

/// The rows of a table when it was looked at: the first, how many rows each chunk has, and how many of them are suppressed.
type Chunks = Vec<(u32, u32, u32)>;

impl Stored {
    /// Reads the campaign in `home`.
    ///
    /// # Errors
    /// Its manifest cannot be read, or another file may not be.
    pub fn open(home: &Path) -> Result<Self, Failure> {
        let was_held = Lock::is_held(home);
        let (table, missing) = Table::open_past(home).map_err(|e| no_table(home, e))?;
        let mut damage = Damage::default();
        missing.iter().for_each(|file| damage.add(file.to_string()));
        let (chunks, rows) = look(&table, home, &mut damage)?;
        let identity = table.manifest().identity();
        let mut reader = Reader::new(&journal_of(home)).with_marks_in(marks_of(home));
        let snapshot = snapshot(home, identity, &mut damage)?;
        let end = end(home, &mut reader, identity, &mut damage)?;
        let range = Range { journal: Some(identity), end, ..Range::ALL };
        let read = replay_live(
            &mut reader,
            range,
            || begin(snapshot.clone(), &chunks),
            |book, told| match told {
                Told::Entries(lsn, entries) => book.fold(lsn, entries),
                Told::Lost(lost) => book.lose(&lost),
            },
        );
        let book = match read {
            Ok((book, replayed)) => {
                describe(&journal_of(home), &replayed, &book, &mut damage);
                book
            }
            Err(fault) if fault.kind == FaultKind::Denied => return Err(unreadable(fault)),
            Err(fault) => {
                damage.add(fault.to_string());
                begin(snapshot, &chunks)
            }
        };
        oddities(home, &book, &table, &mut damage);
        let name = name_of(home);
        // Whoever had it while it was read may have written the outcomes since.
        let is_left = !was_held && !Lock::is_held(home);
        let (note, key) = (Note::read(home), IdentityKey::new(&table.manifest().identity_key));
        Ok(Self { home: home.to_owned(), name, table, rows, book, range, damage, note, is_left, key })
    }

    /// What the journal keeps of these rows, in its order, and the words for it.
    fn journaled(&self, most: usize, is_one: impl Fn(&Record) -> bool) -> Result<(Vec<Record>, Words), Failure> {
        let mut reader = Reader::new(&journal_of(&self.home));
        let fresh = || (Vec::new(), Words::default());
        let (found, _) = replay_live(&mut reader, self.range, fresh, |(records, words), told| {
            let Told::Entries(_, octets) = told else { return };
            for entry in entries(octets) {
                match entry {
                    Ok(Entry::Record(record)) if records.len() < most && is_one(&record) => records.push(record),
                    Ok(Entry::Define(define)) => words.learn(&define),
                    _ => {}
                }
            }
        })
        .map_err(unreadable)?;
        Ok(found)
    }

    /// The words of a record: the journal's, else those of the snapshot.
    fn words<'w>(&'w self, words: &'w Words, id: u32) -> Context<'w> {
        words.get(id).map_or_else(|| self.book.context(id), Context::from)
    }
}

impl Stored {
    /// Who stands in a row, and everything that happened to that recipient.
    ///
    /// # Errors
    /// Storage cannot be read.
    pub fn person(&self, number: u32) -> Result<Person, Failure> {
        let mut block = RowBlock::new();
        self.table.read(number, 1, &mut block).map_err(failed)?;
        let row = block.row(0).ok_or_else(|| Failure::failed(format!("row {number} is none")))?;
        let cells = self.about().columns.into_iter().zip(of_list(&row).map(Cow::into_owned)).collect();
        let standing = self.book.standing(number);
        Ok(Person { address: row.mailbox.to_owned(), cells, story: self.story(standing, &[number])? })
    }

    /// Everything that happened to these rows, which are one recipient's; the last one stands where `standing` says.
    fn story(&self, standing: Option<Standing>, rows: &[u32]) -> Result<Timeline, Failure> {
        // Loaded after this was opened: it waits.
        let disposition = standing.map_or(Disposition::Waiting, |s| standing_of(s.disposition, s.attempts.into()));
        let (steps, words) = self.journaled(STEPS_MAX, |record| rows.contains(&record.recipient))?;
        let (mut first, mut tried, mut before) = (UnixTime(0), None, rows.last().copied());
        let steps = steps.iter().map(|record| {
            if before.replace(record.recipient) != Some(record.recipient) {
                (first, tried) = (UnixTime(0), None);
            }
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
            step(record, &self.words(&words, record.extra), after)
        });
        Ok(Timeline { disposition, steps: steps.collect() })
    }
}

/// What a record tells, by these words.
fn step(record: &Record, context: &Context<'_>, after: Option<After>) -> Step {
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
}

/// The state of the snapshot, and the last frame that it covers; none if there is none that can be used.
fn snapshot(home: &Path, identity: u64, damage: &mut Damage) -> Result<(State, u64), Failure> {
    const WITHOUT: &str = "the journal was read without it";
    match snapshot_in(home, identity) {
        Ok(None) => {}
        Ok(Some(Ok((state, covered)))) => return Ok((state, covered.lsn)),
        // A whole journal has all that it says.
        Ok(Some(Err(e))) => damage.note(format!("{}: {e}; {WITHOUT}", snapshot_of(home).display())),
        Err(e) => damage.add(format!("{}; {WITHOUT}", refused(e)?)),
    }
    Ok((State::new(), 0))
}

/// What may not be read is no damage: whoever may read it sees all.
fn refused(error: OpenError) -> Result<OpenError, Failure> {
    match error {
        OpenError::Journal(fault) if fault.kind == FaultKind::Denied => Err(unreadable(fault)),
        error => Ok(error),
    }
}

/// What the mark says of the journal's end. The length of files is not compared: beside a send they may shrink.
fn end(home: &Path, reader: &mut Reader, identity: u64, damage: &mut Damage) -> Result<End, Failure> {
    Ok(match end_of(home, reader, identity) {
        Ok(Known { end: End::Behind(mark), .. }) => End::Behind(Mark { octets: 0, ..mark }),
        Ok(Known { end, fault, .. }) => {
            fault.iter().for_each(|fault| damage.add(fault.to_string()));
            end
        }
        Err(e) => {
            damage.add(refused(e)?.to_string());
            End::MarkLost
        }
    })
}

fn begin((mut state, covered): (State, u64), chunks: &Chunks) -> Book {
    for &(first, rows, suppressed) in chunks {
        if first as usize >= state.len() {
            state.load(rows, suppressed);
        }
    }
    Book::new(state, covered)
}

/// What the table's chunks say. Where they are damaged, the manifest of a list that was read to its end knows how many rows
/// there are.
fn look(table: &Table, home: &Path, damage: &mut Damage) -> Result<(Chunks, Rows), Failure> {
    let mut chunks = Chunks::new();
    let mut rows = Rows { loading: table.manifest().loaded.is_none(), ..Rows::default() };
    for header in table.chunks() {
        match header {
            Ok(header) => {
                chunks.push((header.chunk.first, header.chunk.rows, header.chunk.suppressed));
                (rows.rejected, rows.duplicates) = (header.progress.rejected, header.progress.duplicates);
            }
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return Err(failed(e)),
            Err(e) => damage.add(e.to_string()),
        }
    }
    if let Some(totals) = table.manifest().loaded {
        (rows.rejected, rows.duplicates) = (totals.rejected, totals.duplicates);
        let known: u32 = chunks.iter().map(|(_, rows, _)| rows).sum();
        let had = u32::try_from(totals.rows).unwrap_or(known);
        if known < had {
            chunks.push((known, had - known, 0));
            let place = home.display();
            let [had, known] = [had, known].map(|rows| count(rows.into()));
            damage.add(format!(
                "{place}: the table had {had} rows, and domains.dir tells of {known} of them: who of the others was suppressed \
                 counts as waiting"
            ));
        } else if let Ok(surplus) = table.surplus() {
            surplus.iter().for_each(|surplus| damage.add(surplus.to_string()));
        }
    }
    Ok((chunks, rows))
}

fn describe(journal: &Path, replayed: &Replayed, book: &Book, damage: &mut Damage) {
    for (n, one) in replayed.damage.iter().enumerate() {
        let accepted = book.has_accepted(one.first_lsn, one.last_lsn);
        damage.is_loss |= !accepted;
        if n < DAMAGES_TOLD {
            let accepted = if accepted { " (accepted)" } else { "" };
            damage.note(format!("{}: {one}{accepted}", journal.display()));
        }
    }
    let more = replayed.damage.len().saturating_sub(DAMAGES_TOLD);
    if let Some(behind) = replayed.behind {
        damage.note(format!("{}: {behind}", journal.display()));
    }
    if more > 0 {
        damage.note(format!("{}: {more} more damaged places", journal.display()));
    }
}

/// What the journal says that makes no sense, or finds no room.
fn oddities(home: &Path, book: &Book, table: &Table, damage: &mut Damage) {
    let place = home.display();
    // While a list is loaded the journal may know rows that the table had not when it was looked at.
    let is_beyond = |rows: u32| table.rows().is_ok_and(|known| rows > known);
    if let Some(stray) = book.stray
        && is_beyond(stray.saturating_add(1))
    {
        damage.add(format!("{place}: the journal tells of row {stray}, which the table does not have"));
    }
    if table.manifest().loaded.is_none() && is_beyond(book.len()) {
        let [snapshot, rows] = [book.len(), table.rows().unwrap_or(0)].map(|rows| count(rows.into()));
        damage.add(format!("{place}: the snapshot tells of {snapshot} recipients, and domains.dir of {rows}"));
    }
    if book.bad > 0 {
        damage.add(format!("{place}: {} journal entries are no records", book.bad));
    }
    if book.words_left_out() > 0 {
        damage.note(format!("{place}: the words of {} replies found no room in memory", book.words_left_out()));
    }
}

/// Why there is no table: where all but the manifest is there, that is what is told.
fn no_table(home: &Path, error: io::Error) -> Failure {
    match is_there(home, &mut Reader::new(&journal_of(home))) {
        Err(missing) if error.kind() == io::ErrorKind::NotFound => Failure::failed(missing.to_string()),
        _ => failed(error),
    }
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
        &self.damage.told
    }

    fn is_damaged(&self) -> bool {
        self.damage.is_loss
    }

    fn held(&self) -> Option<&Note> {
        self.note.as_ref().filter(|note| !note.is_pause())
    }

    fn about(&self) -> About {
        let manifest = self.table.manifest();
        let run = match &self.note {
            _ if self.is_left => Run::Over,
            Some(note) if note.is_pause() => Run::Paused(note.since),
            _ => Run::Sending,
        };
        let list = manifest.list.as_ref();
        let email = list.map(|list| list.email.clone()).filter(|email| !email.is_empty());
        let email = email.unwrap_or_else(|| "email".to_owned());
        About {
            subject: manifest.subject.clone(),
            list: list.map(|list| list.path.clone()).unwrap_or_default(),
            begun_at: (manifest.created_unix_s != 0).then_some(UnixTime(manifest.created_unix_s)),
            run,
            columns: [&[email], &*manifest.columns, &*manifest.keys].concat(),
        }
    }

    fn token(&self, row: u32) -> String {
        Token::make(&self.key, self.table.manifest().number, row).as_str().to_owned()
    }

    fn attempts(&self, visit: &mut VisitAttempt<'_>) -> Result<Unread, Failure> {
        let (mut unread, end) = (Unread::default(), self.book.len());
        for first in (0..end).step_by(TOGETHER as usize) {
            let last = first + TOGETHER.min(end - first);
            let is_one = |record: &Record| {
                (first..last).contains(&record.recipient) && !matches!(record.kind, Kind::Attempt | Kind::Released)
            };
            let (mut records, words) = self.journaled(usize::MAX, is_one)?;
            // Those of one recipient stay in their order.
            records.sort_by_key(|record| record.recipient);
            let of_block = |a: &Record, b: &Record| a.recipient / BLOCK_ROWS == b.recipient / BLOCK_ROWS;
            for records in records.chunk_by(of_block) {
                let mut addresses = Addresses::of(self, records);
                for record in records {
                    let address = addresses.get(record.recipient, &mut unread);
                    visit(record.recipient, address, &step(record, &self.words(&words, record.extra), None))?;
                }
            }
        }
        Ok(unread)
    }

    fn each(&self, visit: &mut Visit<'_>) -> Result<Unread, Failure> {
        let (mut result, mut unread) = (Ok(()), Unread::default());
        self.table.walk_past(self.book.len(), |number, row| {
            let Some(standing) = self.book.standing(number) else { return ControlFlow::Break(()) };
            let listed = row.map_err(|error| unread.add(number, &error)).ok();
            let (address, domain) = listed.map(|row| (row.mailbox, row.domain)).unwrap_or_default();
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
                phase: context.phase,
                listed,
                attempts: standing.attempts.into(),
                first_at: (standing.first.0 != 0).then_some(standing.first),
                tried_at: (standing.tried.0 != 0).then_some(standing.tried),
                last_at,
                cut_off,
                possible_duplicate: cut_off || standing.possible_duplicate(),
            });
            if result.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        result.map(|()| unread)
    }

    fn timeline(&self, recipient: &Mailbox) -> Result<Option<Timeline>, Failure> {
        let lost = |e: io::Error| {
            failed(io::Error::new(e.kind(), format!("{recipient} may be in a row that cannot be read: {e}")))
        };
        let rows = match self.damage.is_loss {
            true => self.table.find_in_all(self.book.len(), recipient),
            false => self.table.find(recipient),
        };
        let rows = rows.map_err(lost)?;
        let Some(&row) = rows.last() else { return Ok(None) };
        self.story(self.book.standing(row), &rows).map(Some)
    }
}

/// The addresses of some rows that lie near each other.
struct Addresses<'a> {
    table: &'a Table,
    block: RowBlock,
    first: u32,
    /// The row that was read last by itself, because they cannot be read together.
    single: Option<u32>,
}

impl<'a> Addresses<'a> {
    /// Those of the rows of these records, which are in order.
    fn of(stored: &'a Stored, records: &[Record]) -> Self {
        let mut block = RowBlock::new();
        let [first, last] = [records.first(), records.last()].map(|record| record.map_or(0, |record| record.recipient));
        let read = stored.table.read(first, last - first + 1, &mut block);
        Self { table: &stored.table, block, first, single: read.is_err().then_some(u32::MAX) }
    }

    /// The address of a row; empty if it cannot be read.
    fn get(&mut self, row: u32, unread: &mut Unread) -> &str {
        if self.single.is_some_and(|single| single != row) {
            self.single = Some(row);
            self.first = row;
            if let Err(error) = self.table.read(row, 1, &mut self.block) {
                unread.add(row, &error);
            }
        }
        let place = row.checked_sub(self.first).map_or(usize::MAX, |place| place as usize);
        self.block.row(place).map(|row| row.mailbox).unwrap_or_default()
    }
}
