//! The recipient table of a campaign: rows grouped by domain, on disk, growing by chunks while sending goes on.
//!
//! ```text
//! <data>/campaign/<id>/  manifest     what the campaign is (JSON)
//!                        rows.dat     the rows
//!                        rows.idx     where each row ends in rows.dat, u64
//!                        domains.dir  a frame for each committed chunk: new domains, runs, how far the list is read
//!                        rejects.csv  the records that were refused (written by the loader)
//! ```
//! Rows are numbered from 0, in the order of the file. Within a chunk they are sorted by domain; those that are
//! suppressed come last. Rows that a committed chunk holds never change.
//!
//! Guarantees: a chunk is in the table only when all of it is durable; what a crash left behind its last committed
//! chunk is cut off when the table is opened for writing; a file that is shorter or other than its chunks say is an
//! error that names the file and the offset. Rows are read with `pread`, not through a memory map: a truncated file
//! is then an error and not a SIGBUS, and the memory in use is the blocks', not the kernel's choice.
//! Leaves to others: what became of the recipients (the journal), and keeping a second writer out (the data
//! directory's lock).

mod directory;
mod files;
pub mod manifest;
mod row;
#[cfg(test)]
mod tests;
mod writer;

pub use directory::{Chunks, Header, Progress};
pub use manifest::{ListPrint, Manifest, Totals};
pub use row::{Fields, ROW_OCTETS_MAX, Row, RowBlock};
pub use writer::{Pending, Recovered, TableWriter};

use crate::mail::Mailbox;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// How many rows a sequential walk reads at a time.
const WALK_ROWS: u32 = 4096;

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
}

impl Table {
    /// Opens the table in a campaign's directory.
    ///
    /// # Errors
    /// No table there, or an unreadable one.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let open = |name: &str| -> io::Result<Named> {
            let path = directory.join(name);
            Ok(Named { file: files::open_to_read(&path)?, path })
        };
        Ok(Self {
            manifest: Manifest::read(directory)?,
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
        Chunks::new(&self.directory.file, &self.directory.path)
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

    /// The row of a mailbox, whose local-part is compared without regard to ASCII case (as duplicates are). Reads the
    /// rows of its domain only, and those that are suppressed.
    ///
    /// # Errors
    /// Damaged or unreadable files.
    pub fn find(&self, mailbox: &Mailbox) -> io::Result<Option<u32>> {
        let mut block = RowBlock::new();
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
                if let Some(row) = self.find_in(first, count, mailbox, &mut block)? {
                    return Ok(Some(row));
                }
            }
        }
        Ok(None)
    }

    fn find_in(&self, first: u32, count: u32, wanted: &Mailbox, block: &mut RowBlock) -> io::Result<Option<u32>> {
        let end = first.saturating_add(count);
        for from in (first..end).step_by(WALK_ROWS as usize) {
            self.read(from, WALK_ROWS.min(end - from), block)?;
            if let Some(row) = block.rows().find(|row| row.mailbox.eq_ignore_ascii_case(wanted.as_str())) {
                return Ok(Some(row.number));
            }
        }
        Ok(None)
    }

    fn fill(&self, first: u32, count: u32, block: &mut RowBlock) -> io::Result<()> {
        block.first = first;
        block.columns = self.manifest.columns.len();
        block.ends.clear();
        block.ends.resize((count as usize + 1) * 8, 0);
        // The entry before the first row's says where it begins; row 0 begins at 0.
        let (skip, at) = if first == 0 { (8, 0) } else { (0, (u64::from(first) - 1) * 8) };
        files::read_at(&self.index.file, &self.index.path, block.ends.get_mut(skip..).unwrap_or_default(), at)?;
        let start = block.end(0).unwrap_or(0);
        let mut from = start;
        for i in 1..=count as usize {
            let to = block.end(i).unwrap_or(0);
            if to <= from || to - from > ROW_OCTETS_MAX as u64 {
                let at = at + (skip.abs_diff(8) + (i - 1) * 8) as u64;
                return Err(files::damaged(&self.index.path, at, "a row's length is impossible"));
            }
            from = to;
        }
        block.data.resize((from - start) as usize, 0);
        files::read_at(&self.rows.file, &self.rows.path, &mut block.data, start)?;
        match (0..count as usize).find(|&i| block.row(i).is_none()) {
            Some(bad) => Err(files::damaged(&self.rows.path, block.end(bad).unwrap_or(0), "not a row")),
            None => Ok(()),
        }
    }
}
