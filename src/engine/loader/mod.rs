//! The loader: reads a list of recipients, and makes the campaign's table of it while sending goes on.
//!
//! Each record's mailbox is parsed (`mail::address`), without what people put around it, duplicates are dropped, suppressed
//! ones marked, and the rest is collected into chunks, each sorted by domain and made durable before it is announced. A list of
//! up to [`TOGETHER_MAX`] records is one chunk: all that is wrong with it is known before anything of it is sent. The first chunk
//! of a longer one is small, so that sending begins at once; later ones are larger, so that the rows of a domain lie together.
//!
//! Duplicates are told by the mailbox as it is compared ([`address::fold_into`]): `Ada@`, `ada@` and `"ada"@` are one, who
//! would get the mail twice.
//!
//! Guarantees: a bad record stops nothing; it is counted and written to the rejects file with its line and reason. No
//! list makes memory grow but by its distinct mailboxes (about 22 octets each) and domains. A load that was cut off
//! goes on behind its last committed chunk, and refuses another list than the one it was begun with. A list that is
//! loaded to its end is not opened again; one that changed while it was read is not loaded to its end. A list that was
//! put in the place of another is read from its front, and who is in the table is passed over ([`TableWriter::begin_adding`]),
//! but for who was withdrawn and is taken in again.
//! Leaves to others: sending, and threads: it runs on the caller's.

mod ahead;
mod array;
mod cells;
mod compare;
mod error;
mod figures;
mod form;
mod format_code;
mod formatted;
mod front;
mod headings;
mod hidden;
mod input;
mod json;
mod length;
mod look;
mod onlooker;
mod opendocument;
pub mod places;
pub mod print;
mod quoted;
mod recipient;
mod records;
mod rehearsal;
mod rejects;
pub mod sample;
mod sheet;
mod shown;
mod slips;
mod styles;
#[cfg(test)]
mod tests;
mod transcode;
mod unfolded;

pub use compare::{Comparison, Difference};
pub use error::{LoadError, Rejections};
pub use figures::{Figures, figures};
pub use form::is_separator;
pub use formatted::{Formatted, Kind as Shows};
pub use front::{Sampled, each_of, first_of, front_of, tidied_front_of};
pub use look::{Look, did_you_mean, look_at};
pub use onlooker::Onlooker;
pub use recipient::Several;
pub use records::{RECORD_OCTETS_MAX, Tidied, Tidy};
pub use rehearsal::Player;
pub use rejects::FILE as REJECTS;
pub use sheet::{Cells, Hidden, Oddities};
pub(in crate::engine) use transcode::Transcoded;

use super::keyset::{Hashed, KeySet};
use super::message::Chunk;
use super::suppression::Suppression;
use super::table::{FileMark, Pending, Progress, Row, TableWriter, Totals};
use crate::base::charset::Charset;
use crate::content::Composer;
use crate::mail::finding::Finding;
use crate::mail::{Mailbox, address};
use cells::{beside_of, fault_of};
use records::{Records, Step};
use rehearsal::Rehearsal;
use rejects::Rejects;
use slips::Slips;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Records in the first chunk of a long list, and those of which it is judged before anything is sent.
pub const FIRST_RECORDS: u64 = 10_000;
/// A list of no more records is judged whole before anything is sent: it takes some hundredths of a second.
pub const TOGETHER_MAX: u64 = 64 * 1024;
/// Rows in the largest chunk; each chunk is up to four times the one before until then.
const CHUNK_ROWS_MAX: usize = 256 * 1024;
/// Octets after which a chunk is closed anyway.
const CHUNK_OCTETS_MAX: usize = 32 << 20;
/// Records between two looks at the stop flag.
const STOP_RECORDS: u64 = 1024;
/// Mailboxes of the table that are put into a set together.
const REMEMBERED_TOGETHER: usize = 1024;
/// Rejections that an error quotes.
const EXAMPLES: usize = 3;

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated, with a header line (RFC 4180).
    Csv,
    /// The same with tabs.
    Tsv,
    /// One JSON object a line, or an array of them.
    Jsonl,
}

impl Format {
    /// The format by the file's name, behind `.gz` and `.zst`; CSV if it tells nothing.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().map(|n| n.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("tsv" | "tab") => Self::Tsv,
            Some("jsonl" | "ndjson" | "json") => Self::Jsonl,
            _ => Self::Csv,
        }
    }
}

/// What is said of how a list is written; what is not is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// What separates fields.
    pub delimiter: Option<u8>,
    /// What its octets are written in.
    pub charset: Option<Charset>,
    /// The sheet of a workbook.
    pub sheet: Option<String>,
    /// The line, from 1, on which the names of the columns stand.
    pub header_line: Option<u64>,
}

/// A list of recipients.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// The file; `-` is the standard input. What it is compressed with, and a workbook, is told by its octets.
    pub path: PathBuf,
    /// Its format; `None`: by its name.
    pub format: Option<Format>,
    /// How it is written.
    pub dialect: Dialect,
    /// What becomes of fields that hold several addresses.
    pub several: Several,
    /// The column of addresses, where that is known: its name tells the headings from a title above them.
    pub email: Option<String>,
    /// Names that the campaign has for columns, and the columns. A list that was exported again may head a column by either.
    pub aliases: Vec<(String, String)>,
    /// What an earlier look at its file found: nothing yet, in a new one. Copies share it.
    pub seen: Seen,
}

/// In which characters a file turned out to be written: a list is opened several times, and a search through its first
/// megabytes is worth doing once.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<Mutex<Option<(FileMark, Charset)>>>);

impl List {
    /// The list in a file, of which nothing is said.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path, ..Self::default() }
    }

    fn open(&self) -> Result<Records, LoadError> {
        Records::open(self)
    }

    fn format(&self) -> Format {
        self.format.unwrap_or_else(|| Format::of(&self.path))
    }
}

/// What to load, and how. The columns that are stored are those of the table's manifest.
pub struct LoadSpec<'a> {
    /// The list.
    pub list: List,
    /// The column that holds the address.
    pub email: String,
    /// Stored columns that reach headers: a control character in one of them rejects the record.
    pub header_columns: Vec<String>,
    /// What makes the messages: a record of which it can make none is rejected. `None`: nothing is asked of it.
    pub letter: Option<&'a Composer>,
    /// The fraction of records that may be rejected.
    pub max_rejected: f64,
    /// Who gets no mail.
    pub suppression: &'a Suppression,
    /// Rows, in order, of whom a list in the place of another takes in again who stands on it.
    pub readmitted: &'a [u32],
    /// A list that was written to so lately is watched until it is older: it may not be written to its end.
    pub quiet: Duration,
    /// Who looks on.
    pub onlooker: Option<&'a dyn Onlooker>,
}

/// What the loader tells, in order; the last of a load is one of the last three.
#[derive(Debug)]
pub enum Loaded {
    /// Rows that are durable and may be sent to.
    Chunk(Chunk),
    /// Something in the rows to come that is worth knowing.
    Found(Finding),
    /// The list is loaded to its end.
    End(Totals),
    /// Too many records were rejected after sending had begun: pause. Records behind the last chunk are read again
    /// when the load goes on.
    Stopped(Rejections),
    /// It cannot go on.
    Failed(LoadError),
}

/// Loads the list into the table, from where an earlier load had come, telling `emit` of each new chunk (those that
/// were committed before are not told again: [`crate::engine::table::Table::chunks`] has them) and of the end. Ends early, without a
/// last word, when `emit` says `Break` or `stop` is set: what is not committed is read again next time.
pub fn load(
    spec: &LoadSpec<'_>,
    table: &mut TableWriter,
    stop: &AtomicBool,
    mut emit: impl FnMut(Loaded) -> ControlFlow<()>,
) {
    let last = match table.manifest().loaded {
        Some(totals) => Some(Loaded::End(totals)),
        None => match Loader::begin(spec, table).and_then(|mut loader| loader.run(stop, &mut emit)) {
            Ok(last) => last,
            Err(error) => Some(Loaded::Failed(error)),
        },
    };
    if let Some(last) = last {
        let _ = emit(last);
    }
}

/// Why a record is rejected, and whether its address alone says which it was.
struct Bad {
    reason: String,
    of_address: bool,
}

struct Loader<'a> {
    spec: &'a LoadSpec<'a>,
    table: &'a mut TableWriter,
    records: Records,
    rejects: Rejects,
    /// Who was on the list so far; in a load that goes on behind earlier chunks these too.
    seen: KeySet,
    /// Whom the table had when a list took another's place, and how many of them were met on it.
    known: Option<KeySet>,
    known_rows: u64,
    met: u64,
    pending: Pending,
    /// The mailbox of each pending row, as `seen` and `known` keep it.
    mailboxes: Vec<Hashed>,
    rehearsal: Option<Rehearsal<'a>>,
    /// The line of each pending row, where the letter is rehearsed on them or somebody looks on.
    lines: Vec<u64>,
    progress: Progress,
    /// So many records are judged together, before anything of them is taken in; and whether they were.
    together: u64,
    judged: bool,
    /// Stored columns: their names, and whether they reach headers; behind the first `fields` stand those that no message needs.
    columns: Vec<(String, bool)>,
    fields: usize,
    chunk_rows: usize,
    examples: Vec<(u64, String)>,
    /// The canonical mailbox in hand; the same as it is compared; more mailboxes of the record.
    mailbox: Vec<u8>,
    folded: Vec<u8>,
    more: Vec<Mailbox>,
    /// Domains that are hardly meant so, and how many domains were looked at.
    slips: Slips,
    domains: u32,
}

impl<'a> Loader<'a> {
    fn begin(spec: &'a LoadSpec<'a>, table: &'a mut TableWriter) -> Result<Self, LoadError> {
        let mut records = spec.list.open()?;
        let print = print::print_of(&spec.list, &records, &spec.email);
        let stored = [table.manifest().columns.clone(), table.manifest().keys.clone()].concat();
        let wanted: Vec<String> = [&spec.email].into_iter().chain(&stored).cloned().collect();
        if let Some(what) = table.manifest().list.as_ref().and_then(|known| print::difference(known, &print)) {
            let path = spec.list.path.clone();
            // Nothing of it was loaded: it was looked at a moment ago.
            let is_new = table.chunks() == 0;
            return Err(if is_new { LoadError::Moved { path, what } } else { LoadError::Changed { path, what } });
        }
        let header = if records.has_header() { records.header()? } else { Vec::new() };
        records.select(&wanted, &header)?;
        if table.manifest().list.is_none() {
            table.set_list(print).map_err(LoadError::Table)?;
        }

        let adding = table.manifest().adding;
        let progress = if adding { Progress::default() } else { table.progress() };
        let rejects = Rejects::open(table.home(), progress.rejects_octets).map_err(LoadError::Table)?;
        let secret = secret_of(table);
        let (mut seen, mut known) = (KeySet::new(secret), None);
        if adding {
            remember(table, known.insert(KeySet::new(secret)), spec.readmitted)?;
        } else if table.chunks() > 0 {
            remember(table, &mut seen, &[])?;
            records.jump(progress.octets, progress.lines)?;
        }
        let columns = stored.into_iter().map(|name| (spec.header_columns.contains(&name), name));
        let is_new = adding || table.chunks() == 0;
        let rehearsal = spec.letter.map(|letter| Rehearsal::of(letter, is_new));
        let together =
            if is_new && records.is_short(&spec.list.path, TOGETHER_MAX) { TOGETHER_MAX } else { FIRST_RECORDS };
        Ok(Self {
            rehearsal,
            lines: Vec::new(),
            columns: columns.map(|(strict, name)| (name, strict)).collect(),
            fields: table.manifest().columns.len(),
            chunk_rows: chunk_rows(table.chunks()),
            known_rows: u64::from(table.rows()),
            domains: table.domains(),
            slips: Slips::default(),
            more: Vec::new(),
            spec,
            table,
            records,
            rejects,
            seen,
            known,
            met: 0,
            pending: Pending::new(),
            mailboxes: Vec::new(),
            together,
            judged: progress.records > 0,
            progress,
            examples: Vec::new(),
            mailbox: Vec::new(),
            folded: Vec::new(),
        })
    }

    fn run(
        &mut self,
        stop: &AtomicBool,
        emit: &mut impl FnMut(Loaded) -> ControlFlow<()>,
    ) -> Result<Option<Loaded>, LoadError> {
        loop {
            let bad = match self.records.advance()? {
                Step::End => break,
                Step::Bad(reason) => Some(Bad { reason, of_address: false }),
                Step::Record => self.row(),
            };
            self.progress.records += 1;
            if let Some(bad) = bad {
                self.reject(bad)?;
                if self.judged && self.too_many() {
                    self.rejects.flush().map_err(LoadError::Table)?;
                    return Ok(Some(Loaded::Stopped(self.rejections())));
                }
            }
            if self.chunk_is_full() {
                let are_first = !self.judged;
                if let ControlFlow::Break(end) = self.rehearse_and_judge(stop)? {
                    return Ok(end);
                }
                if are_first && self.look_ahead(stop)?.is_break() {
                    return Ok(None);
                }
                self.slips.tell(emit);
                if self.commit(emit)?.is_break() {
                    return Ok(None);
                }
                self.expect_more();
            }
            if self.progress.records.is_multiple_of(STOP_RECORDS) {
                self.spec.onlooker.inspect(|onlooker| onlooker.read(self.progress.records, false));
                if stop.load(Ordering::Relaxed) {
                    return Ok(None);
                }
            }
        }
        if self.progress.records == 0 {
            return Err(LoadError::Empty { path: self.spec.list.path.clone() });
        }
        // Before the rows are judged and taken in: a line that somebody is still writing may hold half an address.
        let whole = self.records.finish(self.spec.quiet)?;
        if let ControlFlow::Break(end) = self.rehearse_and_judge(stop)? {
            return Ok(end);
        }
        self.slips.tell_all(emit);
        if self.commit(emit)?.is_break() {
            return Ok(None);
        }
        self.rejects.flush().and_then(|_| self.rejects.file().sync_data()).map_err(LoadError::Table)?;
        let removed = self.known.as_ref().map_or(0, |_| self.known_rows.saturating_sub(self.met));
        self.spec.onlooker.inspect(|onlooker| onlooker.expects(Some(0)));
        let whole = whole.map(|whole| (print::settled(whole.mark), whole.hash));
        self.table
            .complete(self.progress, removed, whole)
            .map(|totals| Some(Loaded::End(totals)))
            .map_err(LoadError::Table)
    }

    fn chunk_is_full(&self) -> bool {
        // The first chunk ends with the records that are judged together.
        let is_full = match self.judged {
            false => self.progress.records >= self.together,
            true => self.pending.rows() >= self.chunk_rows,
        };
        is_full || self.pending.octets() >= if self.judged { CHUNK_OCTETS_MAX } else { 2 * CHUNK_OCTETS_MAX }
    }

    /// Says whom the rest of the list will bring if it goes on like this: a set that knows grows once to what it needs.
    fn expect_more(&mut self) {
        let done = self.records.octets_done().max(1);
        let left = self.records.octets().map(|octets| octets.saturating_sub(done));
        let more = left.map(|left| self.seen.len() as u128 * u128::from(left) / u128::from(done));
        let more = more.and_then(|more| u64::try_from(more).ok());
        self.spec.onlooker.inspect(|onlooker| onlooker.expects(more));
        if let Some(more) = more.filter(|more| *more > 0) {
            self.seen.expect(usize::try_from(more).unwrap_or(0));
        }
    }

    /// Takes in the record in hand, unless it is bad.
    fn row(&mut self) -> Option<Bad> {
        let Self { records, spec, mailbox, more, .. } = self;
        let addressed = match recipient::read(records.field(0), spec.list.several, mailbox, more) {
            Ok(addressed) => addressed,
            Err(reason) => return Some(Bad { reason, of_address: !records.field(0).is_empty() }),
        };
        let others = more.iter().map(|other| other.as_str().as_bytes());
        let mailboxes = std::iter::once(mailbox.as_slice()).chain(others);
        if let Some(reason) = fault_of(records, &self.columns, self.fields < self.columns.len(), mailboxes) {
            return Some(Bad { reason, of_address: true });
        }
        self.progress.cleaned += u64::from(addressed.is_cleaned);
        if let Some(onlooker) = self.spec.onlooker.filter(|_| addressed.is_cleaned) {
            onlooker.cleaned(self.records.line(), self.records.field(0));
        }
        self.push(addressed.at);
        for mailbox in std::mem::take(&mut self.more) {
            self.progress.records += 1;
            self.mailbox.clear();
            self.mailbox.extend_from_slice(mailbox.as_str().as_bytes());
            self.push(mailbox.local_part().len());
        }
        None
    }

    /// Makes a row of the mailbox in hand, whose `@` is at `at`, and of the record's columns.
    fn push(&mut self, at: usize) {
        let (folded, folded_at) = if address::is_folded(&self.mailbox, at) {
            (&self.mailbox, at)
        } else {
            self.folded.clear();
            let folded_at = address::fold_into(&self.mailbox, at, &mut self.folded);
            (&self.folded, folded_at)
        };
        let hashed = self.seen.hashed(folded);
        let suppressed = self.spec.suppression.contains(folded, folded_at);
        let name = self.mailbox.get(at + 1..).and_then(|d| std::str::from_utf8(d).ok()).unwrap_or_default();
        let domain = self.table.domain(name);
        if domain >= self.domains {
            self.domains = domain + 1;
            let (path, line) = (&self.spec.list.path, self.records.line());
            self.slips.look(name, || format!("{}:{line} {}", path.display(), String::from_utf8_lossy(&self.mailbox)));
        }
        let field = |i: usize| self.records.field(i + 1);
        let keys = (self.fields..self.columns.len()).map(field);
        let beside = beside_of(&self.records, &self.mailbox, keys.len() > 0).into_iter().chain(keys);
        let fields = (0..self.fields).map(field);
        if self.pending.push(&self.mailbox, at, domain, suppressed, fields, beside) {
            self.mailboxes.push(hashed);
            if self.rehearsal.is_some() || self.spec.onlooker.is_some() {
                self.lines.push(self.records.line());
            }
        }
    }

    /// Takes those out of the pending rows who were on the list before, or are in the table.
    fn take_out_known(&mut self) {
        let Self { seen, known, met, pending, mailboxes, lines, progress, .. } = self;
        let mut keep = Vec::with_capacity(mailboxes.len());
        seen.insert_all(mailboxes, |new| keep.push(new));
        progress.duplicates += keep.iter().filter(|new| !**new).count() as u64;
        if let Some(onlooker) = self.spec.onlooker {
            lines.iter().zip(&keep).filter(|(_, new)| !**new).for_each(|(line, _)| onlooker.came_again(*line));
        }
        if let Some(known) = known {
            for (keep, mailbox) in keep.iter_mut().zip(mailboxes.iter()) {
                if *keep && known.contains_hashed(*mailbox) {
                    *keep = false;
                    *met += 1;
                }
            }
        }
        mailboxes.clear();
        lines.clear();
        let mut keep = keep.into_iter();
        pending.retain(|| keep.next().unwrap_or(true));
    }

    fn reject(&mut self, Bad { reason, of_address }: Bad) -> Result<(), LoadError> {
        let line = self.records.line();
        let text = if of_address { self.records.field(0) } else { self.records.sample() };
        self.rejects.add(line, &reason, text).map_err(LoadError::Table)?;
        self.note_rejected(line, reason);
        Ok(())
    }

    fn note_rejected(&mut self, line: u64, reason: String) {
        self.progress.rejected += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push((line, reason));
        }
    }

    fn too_many(&self) -> bool {
        too_many(self.progress.rejected, self.progress.records, self.spec.max_rejected)
    }

    fn rejections(&self) -> Rejections {
        Rejections {
            rejected: self.progress.rejected,
            records: self.progress.records,
            examples: self.examples.clone(),
            rejects: Some(self.rejects.path().to_owned()),
            only_looked: false,
        }
    }

    /// Before the first rows are taken in: are too many of these records bad?
    fn judge(&mut self) -> Result<(), LoadError> {
        if std::mem::replace(&mut self.judged, true) || !self.too_many() {
            return Ok(());
        }
        self.rejects.flush().map_err(LoadError::Table)?;
        Err(LoadError::TooManyRejected { path: self.spec.list.path.clone(), rejections: self.rejections() })
    }

    fn commit(&mut self, emit: &mut impl FnMut(Loaded) -> ControlFlow<()>) -> Result<ControlFlow<()>, LoadError> {
        self.take_out_known();
        if self.pending.rows() == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        self.progress.octets = self.records.octets_done();
        self.progress.lines = self.records.lines_done();
        self.progress.rejects_octets = self.rejects.flush().map_err(LoadError::Table)?;
        let chunk = self.table.commit(&mut self.pending, self.progress, Some(self.rejects.file()));
        let chunk = chunk.map_err(LoadError::Table)?;
        self.chunk_rows = chunk_rows(self.table.chunks());
        Ok(emit(Loaded::Chunk(chunk)))
    }
}

/// Rows in the chunk that follows `chunks` others: four times as many each time, up to the most.
fn chunk_rows(chunks: u32) -> usize {
    (FIRST_RECORDS as usize).saturating_mul(4usize.saturating_pow(chunks)).min(CHUNK_ROWS_MAX)
}

fn too_many(rejected: u64, records: u64, max_rejected: f64) -> bool {
    rejected as f64 > max_rejected * records as f64
}

/// What the hashes of mailboxes are keyed with.
fn secret_of(table: &TableWriter) -> [u8; 16] {
    table.manifest().identity_key.first_chunk::<16>().copied().unwrap_or_default()
}

/// Puts the mailboxes of the table into `seen`, but for those of the rows `without`, which are in order.
fn remember(table: &TableWriter, seen: &mut KeySet, without: &[u32]) -> Result<(), LoadError> {
    seen.reserve(table.rows() as usize);
    let (mut folded, mut mailboxes) = (Vec::new(), Vec::with_capacity(REMEMBERED_TOGETHER));
    let reader = table.reader().map_err(LoadError::Table)?;
    let walked = reader.walk(|row| {
        if without.binary_search(&row.number).is_err() {
            fold(&row, &mut folded);
            mailboxes.push(seen.hashed(&folded));
        }
        if mailboxes.len() == REMEMBERED_TOGETHER {
            seen.insert_all(&mailboxes, |_| ());
            mailboxes.clear();
        }
        ControlFlow::Continue(())
    });
    seen.insert_all(&mailboxes, |_| ());
    walked.map_err(LoadError::Table)
}

/// The mailbox of a row as it is compared.
fn fold(row: &Row<'_>, folded: &mut Vec<u8>) {
    folded.clear();
    address::fold_into(row.mailbox.as_bytes(), row.at(), folded);
}
