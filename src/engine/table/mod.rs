//! The recipient table of a campaign: rows grouped by domain, on disk, growing by chunks while sending goes on.
//!
//! ```text
//! <data>/campaign/<id>/  manifest     what the campaign is (JSON)
//!                        rows.dat     the rows, each sealed
//!                        rows.idx     where each row ends in rows.dat, sealed, u64
//!                        domains.dir  a frame for each committed chunk: new domains, runs, how far the list is read
//!                        rejects.csv  the records that were refused (written by the loader)
//! ```
//! Rows are numbered from 0, in the order of the file. Within a chunk they are sorted by domain; those that are
//! suppressed come last. Rows that a committed chunk holds never change.
//!
//! Guarantees: a chunk is in the table only when all of it is durable; what a crash left behind its last committed
//! chunk is cut off before more is written, and opening alone changes nothing; a file that is shorter or other than its
//! chunks say is an error that names the file and the offset. Whoever reads a row gets the row that was written under this
//! number for this campaign (by its seal), or an error: never another one. Rows are read with `pread`, not through a memory map: a truncated file
//! is then an error and not a SIGBUS, and the memory in use is the blocks', not the kernel's choice.
//! Leaves to others: what became of the recipients (the journal), and keeping a second writer out (the data
//! directory's lock).

mod directory;
mod files;
pub mod manifest;
mod row;
mod seal;
#[cfg(test)]
mod tests;
mod writer;

pub use directory::{Chunks, Header, Progress};
pub use manifest::{FileMark, ListPrint, Manifest, MovedFrom, Totals};
pub use row::{Fields, ROW_OCTETS_MAX, Row, RowBlock, octets_of as octets_of_row};
pub use writer::{Pending, ROWS_FILE, Recovered, TableWriter};

/// The names of the table's files, besides the manifest.
pub const FILES: [&str; 3] = [writer::ROWS_FILE, writer::INDEX_FILE, writer::DIRECTORY_FILE];

use crate::mail::{Mailbox, address};
use seal::Seals;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// How many rows a sequential walk reads at a time.
const WALK_ROWS: u32 = 4096;
/// What reads as an empty file.
const NOTHING: &str = "/dev/null";
/// How many entries of the index are checked at a time.
const INDEX_ROWS: u32 = 65_536;

/// An open file and its path, for errors.
#[derive(Debug)]
struct Named {
    file: File,
    path: PathBuf,
}

/// A campaign's table, for reading; it may grow meanwhile. Shared by as many threads as like.
#[derive(Debug)]
pub struct Table {
    rows: Named,
    index: Named,
    directory: Named,
    manifest: Manifest,
    seals: Seals,
}

impl Table {
    /// Opens the table in a campaign's directory.
    ///
    /// # Errors
    /// No table there, or an unreadable one.
    pub fn open(directory: &Path) -> io::Result<Self> {
        Self::open_by(directory, &mut files::open_to_read)
    }

    /// Opens what there is of the table in a campaign's directory: a file that is not there, or none, reads as an empty one, and
    /// is told.
    ///
    /// # Errors
    /// The manifest cannot be read; or a file may not be, which is no damage.
    pub fn open_past(directory: &Path) -> io::Result<(Self, Vec<io::Error>)> {
        let mut missing = Vec::new();
        let table = Self::open_by(directory, &mut |path| match files::open_plain(path) {
            Err(e) if e.kind() != io::ErrorKind::PermissionDenied => {
                missing.push(e);
                File::open(NOTHING)
            }
            opened => opened,
        })?;
        Ok((table, missing))
    }

    fn open_by(directory: &Path, open: &mut dyn FnMut(&Path) -> io::Result<File>) -> io::Result<Self> {
        let mut open = |name: &str| -> io::Result<Named> {
            let path = directory.join(name);
            Ok(Named { file: open(&path)?, path })
        };
        let manifest = Manifest::read(directory)?;
        Ok(Self {
            seals: Seals::of(&manifest),
            manifest,
            rows: open(writer::ROWS_FILE)?,
            index: open(writer::INDEX_FILE)?,
            directory: open(writer::DIRECTORY_FILE)?,
        })
    }

    /// The manifest as it was when the table was opened.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The chunks that are committed now, in order: for taking up a campaign, and for reports.
    #[must_use]
    pub fn chunks(&self) -> Chunks<'_> {
        Chunks::new(&self.directory.file, &self.directory.path, self.seals.campaign())
    }

    /// No more rows than these are committed: so many entries lie in the index. Reads its length only.
    ///
    /// # Errors
    /// The index cannot be asked.
    pub fn rows_max(&self) -> io::Result<u32> {
        Ok(u32::try_from(files::length(&self.index.file, &self.index.path)? / 8).unwrap_or(u32::MAX))
    }

    /// How many rows are committed now. Reads the whole directory file.
    ///
    /// # Errors
    /// A damaged or unreadable directory file.
    pub fn rows(&self) -> io::Result<u32> {
        let mut rows = 0;
        for header in self.chunks() {
            rows += header?.chunk.rows;
        }
        Ok(rows)
    }

    /// Reads `count` rows from `first` on into `block`, in two reads. The rows must be committed. Memory: the rows'
    /// octets, at most 64 KiB each.
    ///
    /// # Errors
    /// Damaged (`InvalidData`) or unreadable files. The block is empty then.
    pub fn read(&self, first: u32, count: u32, block: &mut RowBlock) -> io::Result<()> {
        let read = self.fill(first, count, block);
        if read.is_err() {
            block.ends.clear();
        }
        read
    }

    /// Checks every entry of the index for the first `rows` rows: a sending that starts knows that it can find them all.
    ///
    /// # Errors
    /// A damaged (`InvalidData`) or unreadable index.
    pub fn check_index(&self, rows: u32) -> io::Result<()> {
        let mut block = RowBlock::new();
        for first in (0..rows).step_by(INDEX_ROWS as usize) {
            self.read_ends(first, INDEX_ROWS.min(rows - first), &mut block)?;
        }
        Ok(())
    }

    /// What lies behind the end of the files of a table that was loaded to its end: no crash leaves that.
    ///
    /// # Errors
    /// A damaged or unreadable directory file.
    pub fn surplus(&self) -> io::Result<Vec<io::Error>> {
        let (mut chunks, mut rows, mut rows_end) = (self.chunks(), 0, 0);
        for header in &mut chunks {
            let header = header?;
            rows += u64::from(header.chunk.rows);
            rows_end = header.rows_end;
        }
        let mut found = Vec::new();
        for (named, end) in [(&self.rows, rows_end), (&self.index, rows * 8), (&self.directory, chunks.offset())] {
            let octets = files::length(&named.file, &named.path)?.saturating_sub(end);
            found.extend((octets > 0).then(|| files::surplus(&named.path, end, octets)));
        }
        // One that goes on with another list grows.
        let grows = || Manifest::read(self.home()).is_ok_and(|manifest| manifest != self.manifest);
        Ok(if found.is_empty() || self.manifest.loaded.is_none() || grows() { Vec::new() } else { found })
    }

    fn home(&self) -> &Path {
        self.directory.path.parent().unwrap_or(Path::new("."))
    }

    /// Walks all committed rows in order, and compares each chunk with its checksum. Ends early when told to.
    ///
    /// # Errors
    /// Damaged or unreadable files.
    pub fn walk(&self, mut visit: impl FnMut(Row<'_>) -> ControlFlow<()>) -> io::Result<()> {
        let mut block = RowBlock::new();
        let mut offset = 0;
        for header in self.chunks() {
            let header = header?;
            let mut crc = crc32fast::Hasher::new();
            let end = header.chunk.first.saturating_add(header.chunk.rows);
            let mut next = header.chunk.first;
            while next < end {
                let count = WALK_ROWS.min(end - next);
                self.read(next, count, &mut block)?;
                crc.update(&block.data);
                for row in block.rows() {
                    if visit(row).is_break() {
                        return Ok(());
                    }
                }
                next += count;
            }
            if crc.finalize() != header.rows_crc {
                return Err(files::damaged(&self.rows.path, offset, "the chunk of rows here fails its checksum"));
            }
            offset = header.rows_end;
        }
        Ok(())
    }

    /// Walks the first `rows` rows in order, past those that cannot be read: they come as what the error says. Ends early when
    /// told to. What `domains.dir` says is not asked.
    pub fn walk_past(&self, rows: u32, mut visit: impl FnMut(u32, io::Result<Row<'_>>) -> ControlFlow<()>) {
        let mut block = RowBlock::new();
        for first in (0..rows).step_by(WALK_ROWS as usize) {
            if self.each_of(first, WALK_ROWS.min(rows - first), &mut block, &mut visit).is_break() {
                return;
            }
        }
    }

    /// Visits these rows: read together, or, where that fails, one by one.
    fn each_of(
        &self,
        first: u32,
        count: u32,
        block: &mut RowBlock,
        visit: &mut dyn FnMut(u32, io::Result<Row<'_>>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if self.read(first, count, block).is_ok() {
            return block.rows().try_for_each(|row| visit(row.number, Ok(row)));
        }
        for number in first..first.saturating_add(count) {
            let read = self.read(number, 1, block).and_then(|()| block.row(0).ok_or_else(|| self.no_row(number)));
            visit(number, read)?;
        }
        ControlFlow::Continue(())
    }

    fn no_row(&self, number: u32) -> io::Error {
        files::damaged(&self.rows.path, 0, &format!("row {number} is none"))
    }

    /// The rows of a mailbox, compared as duplicates are, in order: who was cancelled and taken in again has several. Reads the
    /// rows of its domain only, and those that are suppressed.
    ///
    /// # Errors
    /// A damaged or unreadable directory file; or the mailbox is in none of the rows that can be read, and others cannot.
    pub fn find(&self, mailbox: &Mailbox) -> io::Result<Vec<u32>> {
        let mut block = RowBlock::new();
        let mut lost = None;
        let mut found = Vec::new();
        let mut domains = 0u32;
        let mut domain = None;
        for header in self.chunks() {
            let chunk = header?.chunk;
            if domain.is_none() {
                let place = chunk.new_domains.iter().position(|name| **name == *mailbox.domain());
                domain = place.map(|place| domains + place as u32);
            }
            domains += chunk.new_domains.len() as u32;
            let Some(domain) = domain else { continue };
            let runs = chunk.runs.iter().filter(|run| run.domain == domain).map(|run| (run.first, run.count));
            let suppressed = (chunk.first + chunk.rows - chunk.suppressed, chunk.suppressed);
            for (first, count) in runs.chain([suppressed]) {
                found.extend(self.find_in(first, count, mailbox, &mut block, &mut lost));
            }
        }
        lost.filter(|_| found.is_empty()).map_or(Ok(found), Err)
    }

    /// As [`Table::find`], among the first `rows` rows, where `domains.dir` does not say which of them are of the domain.
    ///
    /// # Errors
    /// The mailbox is in none of the rows that can be read, and others cannot.
    pub fn find_in_all(&self, rows: u32, mailbox: &Mailbox) -> io::Result<Vec<u32>> {
        let (mut block, mut lost, mut found, mut first) = (RowBlock::new(), None, Vec::new(), 0);
        while let Some(row) = self.find_in(first, rows.saturating_sub(first), mailbox, &mut block, &mut lost) {
            found.push(row);
            first = row + 1;
        }
        lost.filter(|_| found.is_empty()).map_or(Ok(found), Err)
    }

    /// The damage of a row that a run of another domain holds: what `domains.dir` says of it is wrong.
    #[must_use]
    pub fn astray(&self, row: &Row<'_>, domain: &str) -> io::Error {
        let mut at = 0;
        let mut chunks = self.chunks();
        while let Some(Ok(header)) = chunks.next()
            && header.chunk.first.saturating_add(header.chunk.rows) <= row.number
        {
            at = chunks.offset();
        }
        let what = format!("row {} is of another domain than the chunk here says, {domain}", row.number);
        files::damaged(&self.directory.path, at, &what)
    }

    fn find_in(
        &self,
        first: u32,
        count: u32,
        wanted: &Mailbox,
        block: &mut RowBlock,
        lost: &mut Option<io::Error>,
    ) -> Option<u32> {
        let end = first.saturating_add(count);
        let fold = |mailbox: &str, out: &mut Vec<u8>| {
            out.clear();
            address::fold_into(mailbox.as_bytes(), mailbox.rfind('@').unwrap_or(mailbox.len()), out);
        };
        let (mut sought, mut folded, mut found) = (Vec::new(), Vec::new(), None);
        fold(wanted.as_str(), &mut sought);
        for from in (first..end).step_by(WALK_ROWS as usize) {
            let walked = self.each_of(from, WALK_ROWS.min(end - from), block, &mut |number, row| {
                match row {
                    Ok(row) => {
                        fold(row.mailbox, &mut folded);
                        found = (folded == sought).then_some(number);
                    }
                    Err(error) => drop(lost.get_or_insert(error)),
                }
                if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            if walked.is_break() {
                return found;
            }
        }
        None
    }

    fn fill(&self, first: u32, count: u32, block: &mut RowBlock) -> io::Result<()> {
        self.read_ends(first, count, block)?;
        let start = block.end(0).unwrap_or(0);
        let end = block.end(count as usize).unwrap_or(0);
        block.data.resize((end - start) as usize, 0);
        files::read_at(&self.rows.file, &self.rows.path, &mut block.data, start)?;
        self.check_rows(block)
    }

    /// The entries of the index for these rows, checked.
    fn read_ends(&self, first: u32, count: u32, block: &mut RowBlock) -> io::Result<()> {
        block.first = first;
        block.columns = self.manifest.columns.len();
        block.ends.clear();
        block.ends.resize((count as usize + 1) * 8, 0);
        // The entry before the first row's says where it begins; row 0 begins at 0.
        let (skip, before) = if first == 0 { (8, 0) } else { (0, first - 1) };
        let at = u64::from(before) * 8;
        files::read_at(&self.index.file, &self.index.path, block.ends.get_mut(skip..).unwrap_or_default(), at)?;
        self.check_ends(before, at, skip / 8, block)
    }

    /// Whether these are the entries of the index, and rows can lie like this. The first one is that of row `number`, at
    /// octet `at`, and is the block's `skip`-th.
    fn check_ends(&self, number: u32, at: u64, skip: usize, block: &RowBlock) -> io::Result<()> {
        let bad = |i: usize, what: &str| files::damaged(&self.index.path, at + (i - skip) as u64 * 8, what);
        for (i, number) in (skip..=block.len()).zip(number..) {
            if block.entry(i).is_none_or(|entry| !self.seals.holds_entry(number, entry)) {
                return Err(bad(i, &format!("this is not the entry of row {number}")));
            }
        }
        let longest = (ROW_OCTETS_MAX + seal::ROW_SEAL_OCTETS) as u64;
        let mut from = block.end(0).unwrap_or(0);
        for i in 1..=block.len() {
            let to = block.end(i).unwrap_or(0);
            if to <= from || to - from > longest {
                return Err(bad(i.max(skip), "a row's length is impossible"));
            }
            from = to;
        }
        Ok(())
    }

    /// Whether these are the rows that were written under their numbers.
    fn check_rows(&self, block: &RowBlock) -> io::Result<()> {
        for (i, number) in (0..block.len()).zip(block.first..) {
            let sealed = block.sealed(i);
            if sealed.is_none_or(|sealed| self.seals.open_row(number, sealed).is_none()) {
                let at = block.end(i).unwrap_or(0);
                return Err(files::damaged(&self.rows.path, at, &format!("this is not row {number} of the campaign")));
            }
        }
        Ok(())
    }
}
