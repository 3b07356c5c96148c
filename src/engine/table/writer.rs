//! The one writer of a campaign's table: collects a chunk in memory, sorts it by domain, and commits it.
//!
//! Guarantees: `rows.dat`, `rows.idx` and the rejects file are durable before the chunk's frame is written to
//! `domains.dir`, and that is durable before [`TableWriter::commit`] returns. After a failed write nothing more is
//! written: the writer says so, and what is on disk is a valid table.

use super::directory::{self, Header, Progress};
use super::manifest::{self, FileMark, ListPrint, Manifest, MovedFrom, Totals};
use super::seal::Seals;
use super::{Chunks, Named, Table, files, row};
use crate::engine::message::{Chunk, Run};
use crate::journal::disk::Fault;
use crate::wire::disk::{access, room_for};
use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::fs::File;
use std::hash::BuildHasher;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The rows.
pub const ROWS_FILE: &str = "rows.dat";
pub const INDEX_FILE: &str = "rows.idx";
pub const DIRECTORY_FILE: &str = "domains.dir";

/// Octets that are gathered before a write to `rows.dat`.
const GATHER_OCTETS: usize = 1 << 20;
/// What a row takes besides its own octets: its seal, its entry in the index, its share of the chunk's frame.
const PLACE_OCTETS: usize = 32;
const SUPPRESSED: u64 = 1 << 63;

/// Rows that wait to be committed, in the order of the list.
#[derive(Debug, Default)]
pub struct Pending {
    data: Vec<u8>,
    /// Where each row ends in `data`.
    ends: Vec<u32>,
    /// `suppressed · domain · place in ends`: their order is the order of the table.
    order: Vec<u64>,
}

impl Pending {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a row; false if it is too long. `mailbox` is canonical with its `@` at `at`; `domain` is its domain's number by
    /// [`TableWriter::domain`]; `beside` the columns stands nothing, or the address as the list has it (empty: it is the mailbox)
    /// and the key columns.
    pub fn push<'a>(
        &mut self,
        mailbox: &[u8],
        at: usize,
        domain: u32,
        suppressed: bool,
        fields: impl IntoIterator<Item = &'a [u8]>,
        beside: impl IntoIterator<Item = &'a [u8]>,
    ) -> bool {
        if !row::encode(mailbox, at, fields.into_iter().chain(beside), &mut self.data) {
            return false;
        }
        // 31 bits of domain, 32 of place.
        let flag = if suppressed { SUPPRESSED } else { 0 };
        self.order.push(flag | u64::from(domain) << 32 | self.ends.len() as u64);
        self.ends.push(self.data.len() as u32);
        true
    }

    /// Takes the rows out that are not to be kept; they are asked for in the order in which they were added.
    pub fn retain(&mut self, mut keep: impl FnMut() -> bool) {
        self.order.retain(|_| keep());
        if self.order.is_empty() {
            self.clear();
        }
    }

    /// How many rows wait.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.order.len()
    }

    /// The encoded rows, in the order in which they were added, and whether each is suppressed.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], bool)> {
        self.order.iter().map(|&entry| (self.row(entry as u32 as usize), entry & SUPPRESSED != 0))
    }

    /// How many octets they have, and those that were taken out.
    #[must_use]
    pub fn octets(&self) -> usize {
        self.data.len()
    }

    fn clear(&mut self) {
        self.data.clear();
        self.ends.clear();
        self.order.clear();
    }

    fn row(&self, place: usize) -> &[u8] {
        let end = |i: usize| self.ends.get(i).map_or(0, |&end| end as usize);
        let start = if place == 0 { 0 } else { end(place - 1) };
        self.data.get(start..end(place)).unwrap_or_default()
    }
}

/// What a crash left behind the last committed chunk. It is cut off before more is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Octets of `rows.dat`.
    pub rows_octets: u64,
    /// Octets of `rows.idx`.
    pub index_octets: u64,
    /// Octets of `domains.dir`.
    pub directory_octets: u64,
}

/// The numbers of the domains. Each name exists once, shared with the chunks that announce it.
#[derive(Default)]
struct Domains {
    names: Vec<Arc<str>>,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// How many of them are in committed chunks.
    committed: usize,
}

impl Domains {
    fn number(&mut self, name: &str) -> u32 {
        let Self { names, numbers, hasher, .. } = self;
        let of = |n: u32| names.get(n as usize).map_or("", |name| &**name);
        let entry = numbers.entry(hasher.hash_one(name), |&n| of(n) == name, |&n| hasher.hash_one(of(n)));
        match entry {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let number = names.len() as u32;
                free.insert(number);
                names.push(Arc::from(name));
                number
            }
        }
    }
}

/// The writer of a campaign's table.
pub struct TableWriter {
    home: PathBuf,
    rows: Named,
    index: Named,
    pub(super) directory: Named,
    manifest: Manifest,
    seals: Seals,
    domains: Domains,
    chunks: u32,
    row_count: u32,
    suppressed: u64,
    rows_octets: u64,
    directory_octets: u64,
    progress: Progress,
    /// Whether there may be something behind the last committed chunk.
    tails: bool,
    failed: bool,
    gather: Vec<u8>,
}

impl TableWriter {
    /// Makes the table of a new campaign in the directory `home`, which is made too.
    ///
    /// # Errors
    /// There is a campaign already (`AlreadyExists`), or the disk refuses.
    pub fn create(home: &Path, manifest: Manifest) -> io::Result<Self> {
        if home.join(manifest::FILE).exists() {
            let message = format!("{} holds a campaign already", home.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        access::make_directory(home).map_err(|e| files::named("create", home, &e))?;
        let writer = Self::over(home, manifest)?;
        for named in [&writer.rows, &writer.index, &writer.directory] {
            files::cut(&named.file, &named.path, 0)?;
        }
        // The manifest comes last: with it the campaign exists.
        writer.manifest.write(home)?;
        home.parent().map_or(Ok(()), files::sync_directory)?;
        Ok(writer)
    }

    /// Opens the table of a campaign for more rows, and says what a crash left behind its last committed chunk. Changes
    /// nothing: whether the directory is whole may be known only when the journal has been read too.
    ///
    /// # Errors
    /// No campaign there (`NotFound`), or a damaged one (`InvalidData`).
    pub fn open(home: &Path) -> io::Result<(Self, Recovered)> {
        let manifest = Manifest::read(home)?;
        for name in super::FILES {
            // Opening a file to write would make it anew.
            files::open_to_read(&home.join(name))?;
        }
        let mut writer = Self::over(home, manifest)?;
        writer.replay()?;
        let recovered = writer.find_tails()?;
        if writer.manifest.loaded.is_some() {
            // What a crash leaves was cut off before the list counted as loaded.
            for (named, octets) in [
                (&writer.rows, recovered.rows_octets),
                (&writer.index, recovered.index_octets),
                (&writer.directory, recovered.directory_octets),
            ] {
                if octets > 0 {
                    let end = files::length(&named.file, &named.path)?.saturating_sub(octets);
                    return Err(files::surplus(&named.path, end, octets));
                }
            }
        }
        Ok((writer, recovered))
    }

    fn over(home: &Path, manifest: Manifest) -> io::Result<Self> {
        let open = |name: &str| -> io::Result<Named> {
            let path = home.join(name);
            Ok(Named { file: files::open_to_write(&path)?, path })
        };
        Ok(Self {
            home: home.to_owned(),
            rows: open(ROWS_FILE)?,
            index: open(INDEX_FILE)?,
            directory: open(DIRECTORY_FILE)?,
            seals: Seals::of(&manifest),
            manifest,
            domains: Domains::default(),
            chunks: 0,
            row_count: 0,
            suppressed: 0,
            rows_octets: 0,
            directory_octets: 0,
            progress: Progress::default(),
            tails: true,
            failed: false,
            gather: Vec::new(),
        })
    }

    fn replay(&mut self) -> io::Result<()> {
        let mut chunks = Chunks::new(&self.directory.file, &self.directory.path, self.seals.campaign());
        for header in &mut chunks {
            let header = header?;
            self.chunks += 1;
            self.row_count += header.chunk.rows;
            self.suppressed += u64::from(header.chunk.suppressed);
            self.rows_octets = header.rows_end;
            self.progress = header.progress;
            for name in &header.chunk.new_domains {
                self.domains.number(name);
            }
        }
        self.directory_octets = chunks.offset();
        self.domains.committed = self.domains.names.len();
        let complete = self.manifest.loaded.map_or(u64::from(self.row_count), |totals| totals.rows);
        if complete != u64::from(self.row_count) {
            let what = format!("{} rows are committed here, and the manifest knows {complete}", self.row_count);
            return Err(files::damaged(&self.directory.path, self.directory_octets, &what));
        }
        Ok(())
    }

    fn find_tails(&self) -> io::Result<Recovered> {
        let surplus = |named: &Named, wanted: u64| -> io::Result<u64> {
            let found = files::length(&named.file, &named.path)?;
            found.checked_sub(wanted).ok_or_else(|| {
                let what = format!("the file ends here, and its committed chunks have {wanted} octets");
                files::damaged(&named.path, found, &what)
            })
        };
        Ok(Recovered {
            rows_octets: surplus(&self.rows, self.rows_octets)?,
            index_octets: surplus(&self.index, u64::from(self.row_count) * 8)?,
            directory_octets: surplus(&self.directory, self.directory_octets)?,
        })
    }

    fn cut_tails(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.tails) {
            files::cut(&self.directory.file, &self.directory.path, self.directory_octets)?;
            files::cut(&self.rows.file, &self.rows.path, self.rows_octets)?;
            files::cut(&self.index.file, &self.index.path, u64::from(self.row_count) * 8)?;
        }
        Ok(())
    }

    /// The campaign's directory.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// How far the list was read for the last committed chunk.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Rows committed.
    #[must_use]
    pub fn rows(&self) -> u32 {
        self.row_count
    }

    /// Chunks committed.
    #[must_use]
    pub fn chunks(&self) -> u32 {
        self.chunks
    }

    /// The same table, for reading.
    ///
    /// # Errors
    /// The disk's.
    pub fn reader(&self) -> io::Result<Table> {
        Table::open(&self.home)
    }

    /// The number of a domain (canonical); a new one is announced by the next chunk.
    pub fn domain(&mut self, name: &str) -> u32 {
        self.domains.number(name)
    }

    /// How many domains have a number.
    #[must_use]
    pub fn domains(&self) -> u32 {
        u32::try_from(self.domains.names.len()).unwrap_or(u32::MAX)
    }

    /// Says durably what the content is made from now, and its subject, after so many attempts.
    ///
    /// # Errors
    /// The disk's; the old manifest holds then.
    pub fn set_content(&mut self, content: &str, subject: &str, attempts: u64) -> io::Result<()> {
        let mut manifest = Manifest { subject: subject.to_owned(), ..self.manifest.clone() };
        let left = std::mem::replace(&mut manifest.content, content.to_owned());
        if self.manifest.has_sent(&left, || attempts) && !manifest.earlier_contents.contains(&left) {
            manifest.earlier_contents.push(left);
        }
        manifest.content_since = Some(attempts);
        manifest.write(&self.home)?;
        self.manifest = manifest;
        Ok(())
    }

    /// Notes where the campaign's mail goes, and where it went before, durably.
    ///
    /// # Errors
    /// The disk's; the old manifest holds then.
    pub fn set_destination(&mut self, destination: &str, moved_from: Vec<MovedFrom>) -> io::Result<()> {
        let destination = Some(destination.to_owned());
        let manifest = Manifest { destination, moved_from, ..self.manifest.clone() };
        manifest.write(&self.home)?;
        self.manifest = manifest;
        Ok(())
    }

    /// Notes which suppression files its runs were told of, durably.
    ///
    /// # Errors
    /// The disk's.
    pub fn set_suppression(&mut self, suppression: Vec<String>) -> io::Result<()> {
        let manifest = Manifest { suppression, ..self.manifest.clone() };
        manifest.write(&self.home)?;
        self.manifest = manifest;
        Ok(())
    }

    /// Notes which list the table is made from, durably.
    ///
    /// # Errors
    /// The disk's.
    pub fn set_list(&mut self, list: ListPrint) -> io::Result<()> {
        self.manifest.list = Some(list);
        self.manifest.write(&self.home)
    }

    /// Puts another list in the place of the one that the table was made from, durably: its rows that the table does not
    /// have are still to be loaded. `cancels_removed`: who is not on it, and waits, is to be cancelled; `readmits`: who is on
    /// it, and was cancelled, is to be taken in again.
    ///
    /// # Errors
    /// The disk's.
    pub fn begin_adding(&mut self, list: ListPrint, cancels_removed: bool, readmits: bool) -> io::Result<()> {
        let manifest = Manifest {
            list: Some(list),
            loaded: None,
            adding: true,
            cancels_removed,
            readmits,
            ..self.manifest.clone()
        };
        manifest.write(&self.home)?;
        self.manifest = manifest;
        Ok(())
    }

    /// Notes whether it is still to be cancelled who waits and is not on the list, durably.
    ///
    /// # Errors
    /// The disk's.
    pub fn set_cancels_removed(&mut self, cancels_removed: bool) -> io::Result<()> {
        self.manifest.cancels_removed = cancels_removed;
        self.manifest.write(&self.home)
    }

    /// Notes that the list is loaded to its end, durably, and returns what it came to. `progress` is that of the end,
    /// `removed` are the rows that an earlier list had and this one has not, `whole` are the file's mark, if it can be
    /// relied upon, and its hash.
    ///
    /// # Errors
    /// The disk's.
    pub fn complete(
        &mut self,
        progress: Progress,
        removed: u64,
        whole: Option<(Option<FileMark>, String)>,
    ) -> io::Result<Totals> {
        self.cut_tails()?;
        if let (Some(list), Some((mark, hash))) = (&mut self.manifest.list, whole) {
            (list.mark, list.blake3) = (mark, Some(hash));
        }
        (self.manifest.adding, self.manifest.readmits) = (false, false);
        let totals = Totals {
            records: progress.records,
            rows: u64::from(self.row_count),
            suppressed: self.suppressed,
            rejected: progress.rejected,
            duplicates: progress.duplicates,
            domains: self.domains.committed as u64,
            removed,
            cleaned: progress.cleaned,
        };
        self.manifest.loaded = Some(totals);
        self.manifest.write(&self.home)?;
        Ok(totals)
    }

    /// Makes the pending rows a chunk of the table, durably, and empties `pending`. `rejects` is made durable first.
    /// There must be at least one row.
    ///
    /// # Errors
    /// The disk's (`StorageFull` among them), or the table would have more rows than a u32 can number. The chunk is
    /// not in the table then, and no later one will be.
    pub fn commit(&mut self, pending: &mut Pending, progress: Progress, rejects: Option<&File>) -> io::Result<Chunk> {
        if self.failed {
            return Err(io::Error::other("an earlier write to the table failed; hint: start the campaign again"));
        }
        self.failed = true;
        self.cut_tails()?;
        let chunk = self.write(pending, progress, rejects)?;
        self.failed = false;
        pending.clear();
        Ok(chunk)
    }

    fn write(&mut self, pending: &mut Pending, progress: Progress, rejects: Option<&File>) -> io::Result<Chunk> {
        let rows = u32::try_from(pending.rows()).ok().filter(|&rows| self.row_count.checked_add(rows).is_some());
        let rows = rows.ok_or_else(|| {
            let what =
                "the list has more rows than a campaign can hold\nhint: send the rest of it as a campaign of its own";
            io::Error::new(io::ErrorKind::InvalidInput, what)
        })?;
        let octets = pending.octets() + pending.rows() * PLACE_OCTETS;
        room_for("load the list into", &self.home, octets as u64).map_err(full)?;
        pending.order.sort_unstable();
        let mut header = self.write_rows(pending)?;
        header.progress = progress;
        header.chunk = Chunk {
            rejected: progress.rejected,
            duplicates: progress.duplicates,
            cleaned: progress.cleaned,
            first: self.row_count,
            rows,
            suppressed: (pending.order.len() - pending.order.partition_point(|key| key & SUPPRESSED == 0)) as u32,
            new_domains: self.domains.names.get(self.domains.committed..).unwrap_or_default().to_vec(),
            runs: runs(&pending.order, self.row_count),
        };
        files::sync(&self.rows.file, &self.rows.path)?;
        files::sync(&self.index.file, &self.index.path)?;
        if let Some(rejects) = rejects {
            files::sync(rejects, &self.home)?;
        }
        directory::encode(&header, self.seals.campaign(), self.chunks, &mut self.gather)?;
        write_at(&self.directory, &self.gather, self.directory_octets)?;
        files::sync(&self.directory.file, &self.directory.path)?;

        self.directory_octets += self.gather.len() as u64;
        self.chunks += 1;
        self.row_count += rows;
        self.suppressed += u64::from(header.chunk.suppressed);
        self.rows_octets = header.rows_end;
        self.domains.committed = self.domains.names.len();
        self.progress = progress;
        Ok(header.chunk)
    }

    /// Writes the rows in their order, and where each ends.
    fn write_rows(&mut self, pending: &Pending) -> io::Result<Header> {
        let mut crc = crc32fast::Hasher::new();
        let mut written = self.rows_octets;
        let mut end = self.rows_octets;
        let mut ends = Vec::with_capacity(pending.rows() * 8);
        self.gather.clear();
        for (number, key) in (self.row_count..).zip(&pending.order) {
            let row = pending.row((key & u64::from(u32::MAX)) as usize);
            let seal = self.seals.row(number, row);
            end += (row.len() + seal.len()) as u64;
            let entry = self.seals.entry(number, end).ok_or_else(|| io::Error::other("the table has 2^48 octets"))?;
            ends.extend_from_slice(&entry.to_le_bytes());
            self.gather.extend_from_slice(row);
            self.gather.extend_from_slice(&seal);
            if self.gather.len() >= GATHER_OCTETS {
                crc.update(&self.gather);
                write_at(&self.rows, &self.gather, written)?;
                written = end;
                self.gather.clear();
            }
        }
        crc.update(&self.gather);
        write_at(&self.rows, &self.gather, written)?;
        write_at(&self.index, &ends, u64::from(self.row_count) * 8)?;
        Ok(Header { rows_end: end, rows_crc: crc.finalize(), ..Header::default() })
    }
}

fn full(fault: Fault) -> io::Error {
    io::Error::new(io::ErrorKind::StorageFull, fault.to_string())
}

fn write_at(to: &Named, octets: &[u8], offset: u64) -> io::Result<()> {
    to.file.write_all_at(octets, offset).map_err(|e| files::named("write", &to.path, &e))
}

/// The runs of one domain among the sorted rows that are not suppressed.
fn runs(order: &[u64], first: u32) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (number, key) in (first..).zip(order) {
        if key & SUPPRESSED != 0 {
            break;
        }
        let domain = (key >> 32) as u32;
        match runs.last_mut() {
            Some(run) if run.domain == domain => run.count += 1,
            _ => runs.push(Run { domain, first: number, count: 1 }),
        }
    }
    runs
}
