//! Where a list's octets come from: a file read ahead through io_uring on a thread of its own, or the standard input;
//! then, if it is compressed or a workbook, what is in it, and, where that takes more than a look at single octets, its
//! encoding.
//!
//! Guarantees: at most a few blocks of 1 MiB are read ahead; the thread ends when the input is dropped. What the list
//! is compressed with, and a workbook, is told by its first octets, not by its name. A file that is not all the time what it
//! was when its reading began is not taken for whole. A workbook is held in memory, within bounds; anything else never is.
//! Leaves to others: what the octets mean.

use super::error::{LoadError, NoRing};
use super::formatted::Formatted;
use super::hidden::Runs;
use super::print::{age_of, hash_of, mark_of, settled};
use super::sheet::Oddities;
use super::transcode::Transcoded;
use super::{Dialect, List, Seen, sheet};
use crate::base::charset::{self, Charset, Fault, SLIPS_MAX, Undecodable};
use crate::engine::table::FileMark;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const BLOCK_OCTETS: usize = 256 * 1024;
/// Blocks read and not yet asked for. With the one being read and the one in use: four in all.
const BLOCKS_AHEAD: usize = 2;
/// How long a file is watched whose last line has no end: whoever writes it may be about to go on.
const UNENDED: Duration = Duration::from_secs(2);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(50);
/// How much of a list tells what it is written in…
const FRONT_OCTETS: usize = 64 * 1024;
/// …and how much of a file is searched for something that is not ASCII, and looked at from there on.
const SEARCHED_OCTETS: usize = 8 << 20;

/// A list's decoded octets.
pub struct Input {
    reader: Box<dyn Read>,
    path: PathBuf,
    /// The file when its reading began; `None` for what is no regular file.
    pub mark: Option<FileMark>,
    /// What it is written in. Octets that stand for one character each come as they are, others as UTF-8.
    pub charset: Charset,
    /// A word of it that shows whether that is right.
    pub word: Option<String>,
    /// The sheet that it is, and the names of the others.
    pub sheet: Option<(String, Vec<String>)>,
    /// What is odd in it.
    pub oddities: Oddities,
    /// Cells that it shows otherwise than they are read.
    pub formatted: Vec<Formatted>,
    /// Columns of it that people do not see.
    pub hidden_columns: Runs,
    plain: bool,
    /// Set where all of the file was read, from its first octet to its last.
    read: Arc<Mutex<Option<ReadWhole>>>,
}

/// A file that was read to its end.
#[derive(Clone)]
struct ReadWhole {
    octets: u64,
    /// Its hash; `None` where the reading began behind its front.
    hash: Option<String>,
}

/// A list that was read to its end, and was the same all the time.
pub struct Whole {
    /// The file's mark.
    pub mark: FileMark,
    /// Its hash.
    pub hash: String,
}

impl Input {
    /// How many octets will be read of a file that is read as it is.
    pub fn octets(&self) -> Option<u64> {
        self.mark.as_ref().filter(|_| self.plain).map(|mark| mark.octets)
    }

    /// Opens a list; `-` is the standard input.
    pub fn open(list: &List) -> Result<Self, LoadError> {
        let (path, read) = (list.path.as_path(), Arc::default());
        if path.as_os_str() == "-" {
            let from = Box::new(BufReader::with_capacity(BLOCK_OCTETS, io::stdin()));
            return Self::decode(list, from, None, read);
        }
        let unreadable = |error| LoadError::Open { path: path.to_owned(), error };
        let file = File::open(path).map_err(unreadable)?;
        let kind = file.metadata().map_err(unreadable)?;
        if kind.is_dir() {
            return Err(LoadError::Directory { path: path.to_owned() });
        }
        let Some(mark) = mark_of(&kind) else {
            let from = Box::new(BufReader::with_capacity(BLOCK_OCTETS, file));
            return Self::decode(list, from, None, read);
        };
        let ahead = Ahead::start(file, 0, Arc::clone(&read)).map_err(unreadable)?;
        Self::decode(list, Box::new(ahead), Some(mark), read)
    }

    /// Moves to decoded octet `to`, when that takes no reading: only a plain file can.
    pub fn seek(&mut self, to: u64) -> Result<bool, LoadError> {
        if self.plain && self.mark.is_some() {
            let unreadable = |error| LoadError::Open { path: self.path.clone(), error };
            let file = File::open(&self.path).map_err(unreadable)?;
            self.reader = Box::new(Ahead::start(file, to, Arc::clone(&self.read)).map_err(unreadable)?);
            return Ok(true);
        }
        Ok(false)
    }

    /// Compares what was read with what is there, now that the end is reached. A file that was written to a moment ago
    /// (within `quiet`), or whose last line has no end, is watched a little longer. `None` for what is no regular file.
    ///
    /// # Errors
    /// The file was changed, replaced or removed since the reading began, or holds more than was read.
    pub fn finish(&mut self, quiet: Duration, unended: bool) -> Result<Option<Whole>, LoadError> {
        let Some(mark) = self.mark else { return Ok(None) };
        let moved = |what: String| LoadError::Moved { path: self.path.clone(), what };
        let long = if unended && self.plain { UNENDED.min(quiet.saturating_mul(4)) } else { quiet };
        let began = Instant::now();
        loop {
            self.unmoved(&mark)?;
            // A file may bear a time that is still to come.
            if age_of(&mark) >= long || began.elapsed() >= long {
                break;
            }
            std::thread::sleep(LOOK.min(long));
        }
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(read) = read else { return Err(moved("something stands behind its compressed end".to_owned())) };
        if read.octets != mark.octets {
            return Err(moved(format!("it had {} octets, and {} were read", mark.octets, read.octets)));
        }
        let unreadable = |error| LoadError::Open { path: self.path.clone(), error };
        let hash = read.hash.map_or_else(|| hash_of(&self.path).map_err(unreadable), Ok)?;
        self.unmoved(&mark)?;
        Ok(Some(Whole { mark, hash }))
    }

    /// Whether the file at the path is still the one that was opened, as it was then.
    fn unmoved(&self, began: &FileMark) -> Result<(), LoadError> {
        let what = match std::fs::metadata(&self.path).map(|file| mark_of(&file)) {
            Ok(Some(now)) if now.octets != began.octets => {
                format!("it had {} octets at the beginning, and has {} now", began.octets, now.octets)
            }
            Ok(Some(now)) if now.inode != began.inode || now.device != began.device => {
                "another file stands in its place".to_owned()
            }
            Ok(Some(now)) if now.modified_ns != began.modified_ns => "it was written to".to_owned(),
            Ok(Some(_)) => return Ok(()),
            Ok(None) => "it is no file any more".to_owned(),
            Err(error) => format!("it cannot be found any more: {error}"),
        };
        Err(LoadError::Moved { path: self.path.clone(), what })
    }

    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.reader.read(buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn decode(
        list: &List,
        mut source: Box<dyn BufRead>,
        mark: Option<FileMark>,
        read: Arc<Mutex<Option<ReadWhole>>>,
    ) -> Result<Self, LoadError> {
        let path = list.path.as_path();
        let unreadable = |error| LoadError::Open { path: path.to_owned(), error };
        let unknown = |what: &str| LoadError::Unknown { path: path.to_owned(), what: what.to_owned() };
        let mut magic = Vec::with_capacity(6);
        (&mut source).take(6).read_to_end(&mut magic).map_err(unreadable)?;
        let first = magic.clone();
        let whole = Cursor::new(magic).chain(source);
        let mut plain = false;
        let reader: Box<dyn Read> = match first.as_slice() {
            [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(whole)),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => {
                Box::new(zstd::stream::read::Decoder::with_buffer(whole).map_err(unreadable)?)
            }
            [0xfd, b'7', b'z', b'X', b'Z', 0] => return Err(unknown("compressed with xz")),
            [b'B', b'Z', b'h', ..] => return Err(unknown("compressed with bzip2")),
            [0x04, 0x22, 0x4d, 0x18, ..] => return Err(unknown("compressed with lz4")),
            [b'%', b'P', b'D', b'F', ..] => return Err(unknown("a PDF file")),
            [0xd0, 0xcf, 0x11, 0xe0, ..] => {
                let what = "a workbook of Excel 97 to 2003 (.xls), or one with a password";
                return Err(LoadError::Workbook {
                    path: path.to_owned(),
                    what: format!("{what}\n{}, or save it as .xlsx without one", sheet::AS_CSV),
                });
            }
            [b'P', b'K', 3 | 5, ..] => return Self::workbook(path, &list.dialect, whole, mark, read),
            _ => {
                plain = true;
                Box::new(whole)
            }
        };
        Self::text(list, reader, plain, mark, read)
    }

    /// A list of octets: what is it written in?
    fn text(
        list: &List,
        mut reader: Box<dyn Read>,
        plain: bool,
        mark: Option<FileMark>,
        read: Arc<Mutex<Option<ReadWhole>>>,
    ) -> Result<Self, LoadError> {
        let path = list.path.as_path();
        let mut front = Vec::with_capacity(FRONT_OCTETS);
        let cut = |error| LoadError::Read { path: path.to_owned(), line: 1, error };
        (&mut reader).take(FRONT_OCTETS as u64).read_to_end(&mut front).map_err(cut)?;
        if let Some(what) = no_list(&front) {
            return Err(LoadError::Workbook { path: path.to_owned(), what: format!("{what}\n{}", sheet::AS_CSV) });
        }
        let encoding = |why| LoadError::Encoding { path: path.to_owned(), why: Box::new(why) };
        let charset = match list.dialect.charset {
            Some(charset) => charset.as_marked(&front),
            None => match (charset::guess(&front), mark) {
                (Ok(found), Some(mark))
                    if (found.is_ascii || found.charset == Charset::WINDOWS_1252)
                        && plain
                        && front.len() == FRONT_OCTETS =>
                {
                    let far = || {
                        let far =
                            beyond_ascii(path).map_err(|error| LoadError::Open { path: path.to_owned(), error })?;
                        far.map_or(Ok(Charset::UTF_8), |(before, far)| told_of(&far, before)).map_err(encoding)
                    };
                    list.seen.once(mark, far)?
                }
                _ => told_of(&front, 0).map_err(encoding)?,
            },
        };
        let mut word = None;
        if charset != Charset::UTF_8 {
            let text = charset::decode_as(&front, charset).ok();
            word = text.and_then(|text| charset::first_word_beyond_ascii(&text.text));
        }
        let whole = Cursor::new(front).chain(reader);
        let is_utf_8 = charset == Charset::UTF_8;
        let (reader, plain): (Box<dyn Read>, bool) = match is_utf_8 || charset.is_octet_by_octet() {
            true => (Box::new(whole), plain),
            false => (Box::new(Transcoded::new(whole, charset)), false),
        };
        let (sheet, oddities, formatted, path) = (None, Oddities::default(), Vec::new(), path.to_owned());
        let hidden_columns = Runs::default();
        Ok(Self { reader, path, mark, charset, word, sheet, oddities, formatted, hidden_columns, plain, read })
    }

    fn workbook(
        path: &Path,
        dialect: &Dialect,
        whole: impl Read,
        mark: Option<FileMark>,
        read: Arc<Mutex<Option<ReadWhole>>>,
    ) -> Result<Self, LoadError> {
        let what = |what| LoadError::Workbook { path: path.to_owned(), what };
        let unreadable = |error| LoadError::Read { path: path.to_owned(), line: 1, error };
        let mut octets = Vec::new();
        whole.take(sheet::FILE_OCTETS_MAX as u64 + 1).read_to_end(&mut octets).map_err(unreadable)?;
        if octets.len() > sheet::FILE_OCTETS_MAX {
            let mib = sheet::FILE_OCTETS_MAX >> 20;
            return Err(what(format!("a workbook, or another archive, of over {mib} MiB\n{}", sheet::AS_CSV)));
        }
        let found = sheet::read(&octets, dialect.sheet.as_deref()).map_err(what)?;
        let (reader, sheet) = (Box::new(Cursor::new(found.text)), Some((found.name, found.others)));
        let (charset, oddities, formatted, path) = (Charset::UTF_8, found.oddities, found.formatted, path.to_owned());
        let (word, plain, hidden_columns) = (None, false, found.hidden_columns);
        Ok(Self { reader, path, mark, charset, word, sheet, oddities, formatted, hidden_columns, plain, read })
    }
}

impl Seen {
    /// What was found of the file with this mark, or is found now.
    pub(super) fn once(
        &self,
        mark: FileMark,
        find: impl FnOnce() -> Result<Charset, LoadError>,
    ) -> Result<Charset, LoadError> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, charset)) = *seen
            && of == mark
        {
            return Ok(charset);
        }
        // One that was written this moment may get another content under the same mark: that is judged before it is looked at,
        // for later the mark would seem to be old enough.
        let relied_upon = settled(mark);
        let charset = find()?;
        *seen = relied_upon.map(|mark| (mark, charset));
        Ok(charset)
    }
}

/// What the front of a list is, where that is no list.
fn no_list(front: &[u8]) -> Option<&'static str> {
    let text = front.strip_prefix(b"\xef\xbb\xbf").unwrap_or(front).trim_ascii_start();
    let is = |word: &[u8]| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if front.starts_with(b"PK\x03\x04") {
        return Some("a workbook, or another archive, that is compressed once more");
    }
    if [&b"<html"[..], b"<!doctype html", b"<table", b"<head", b"<meta"].into_iter().any(is) {
        return Some("a page of HTML, whatever its name says: some programs export such a page as .xls");
    }
    is(b"<?xml").then_some("an XML document, whatever its name says")
}

/// What octets are written in; a few that are not UTF-8 are rather slips, and so are those amid UTF-8: their records are
/// rejected. `before` lines stand before them.
fn told_of(octets: &[u8], before: u64) -> Result<Charset, Undecodable> {
    match charset::guess(octets) {
        Ok(found) => Ok(found.charset),
        Err(Undecodable { fault: Fault::Mixed(_), .. }) => Ok(Charset::UTF_8),
        Err(Undecodable { fault: Fault::Unknown(_), places: ..=SLIPS_MAX, .. }) => Ok(Charset::UTF_8),
        Err(mut why) => {
            why.line += before;
            why.readings.iter_mut().for_each(|reading| reading.line += before);
            Err(why)
        }
    }
}

/// The place in a file where something stands that is not ASCII, if one of its first megabytes has such: how many lines are
/// before it, and what follows.
fn beyond_ascii(path: &Path) -> io::Result<Option<(u64, Vec<u8>)>> {
    let mut file = File::open(path)?;
    let (mut block, mut searched, mut lines) = (vec![0; BLOCK_OCTETS], 0, 0);
    while searched < SEARCHED_OCTETS {
        let mut filled = 0;
        while filled < block.len() {
            match file.read(block.get_mut(filled..).unwrap_or_default()) {
                Ok(0) => break,
                Ok(octets) => filled += octets,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let octets = block.get(..filled).unwrap_or_default();
        if !octets.is_ascii() {
            let at = octets.iter().position(|octet| !octet.is_ascii()).unwrap_or(0);
            let line = octets.get(..at).and_then(|before| memchr::memrchr(b'\n', before)).map_or(0, |end| end + 1);
            let mut far = Vec::new();
            file.seek(SeekFrom::Start((searched + line) as u64))?;
            (&mut file).take(SEARCHED_OCTETS as u64).read_to_end(&mut far)?;
            lines += octets.get(..line).map_or(0, |before| memchr::memchr_iter(b'\n', before).count() as u64);
            return Ok(Some((lines, far)));
        }
        if filled < block.len() {
            break;
        }
        lines += memchr::memchr_iter(b'\n', octets).count() as u64;
        searched += filled;
    }
    Ok(None)
}

/// A file that a thread reads ahead of us.
struct Ahead {
    blocks: Option<Receiver<io::Result<Vec<u8>>>>,
    spent: Sender<Vec<u8>>,
    block: Vec<u8>,
    taken: usize,
    thread: Option<JoinHandle<()>>,
}

impl Ahead {
    fn start(file: File, from: u64, whole: Arc<Mutex<Option<ReadWhole>>>) -> io::Result<Self> {
        let (give, blocks) = bounded(BLOCKS_AHEAD);
        let (spent, take) = bounded(BLOCKS_AHEAD + 2);
        let thread = std::thread::Builder::new().name("list".to_owned()).spawn(move || {
            if let Err(e) = read_ahead(file, from, &give, &take, &whole) {
                // Nobody listens when the input was dropped: then the error is of no interest either.
                let _ = give.send(Err(e));
            }
        })?;
        Ok(Self { blocks: Some(blocks), spent, block: Vec::new(), taken: 0, thread: Some(thread) })
    }
}

/// Reads blocks until the end of the file, an error, or until nobody wants them. An empty block ends the file; what was
/// read stands in `whole` then.
fn read_ahead(
    file: File,
    from: u64,
    give: &Sender<io::Result<Vec<u8>>>,
    take: &Receiver<Vec<u8>>,
    whole: &Mutex<Option<ReadWhole>>,
) -> io::Result<()> {
    let refused = |e: io::Error| {
        let hint = match e.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE) => "hint: raise the limit on open files (ulimit -n, LimitNOFILE)",
            _ => "hint: io_uring may be forbidden here (sysctl kernel.io_uring_disabled, a seccomp profile)",
        };
        let why = format!("cannot start io_uring to read the list: {e}\n{hint}");
        io::Error::new(e.kind(), NoRing(why))
    };
    let mut builder = tokio_uring::builder();
    builder.entries(8);
    let runtime = tokio_uring::Runtime::new(&builder).map_err(refused)?;
    runtime.block_on(async {
        let file = tokio_uring::fs::File::from_std(file);
        let mut offset = from;
        let mut hash = Some(blake3::Hasher::new()).filter(|_| from == 0);
        loop {
            let block = take.try_recv().unwrap_or_else(|_| vec![0; BLOCK_OCTETS]);
            let (read, mut block) = file.read_at(block, offset).await;
            let octets = match read {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            block.truncate(octets);
            offset += octets as u64;
            if let Some(hash) = &mut hash {
                hash.update(&block);
            }
            if octets == 0 {
                let hash = hash.take().map(|hash| hash.finalize().to_hex().to_string());
                *whole.lock().unwrap_or_else(PoisonError::into_inner) = Some(ReadWhole { octets: offset, hash });
            }
            if give.send(Ok(block)).is_err() || octets == 0 {
                return Ok(());
            }
        }
    })
}

impl BufRead for Ahead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken >= self.block.len()
            && let Some(blocks) = &self.blocks
        {
            let died = || io::Error::other("the thread that reads the list is gone");
            let next = blocks.recv().map_err(|_| died())??;
            let mut spent = std::mem::replace(&mut self.block, next);
            self.taken = 0;
            if spent.capacity() >= BLOCK_OCTETS {
                spent.resize(BLOCK_OCTETS, 0);
                // When the way back is full, the block is simply freed.
                let _ = self.spent.try_send(spent);
            }
            if self.block.is_empty() {
                self.blocks = None;
            }
        }
        Ok(self.block.get(self.taken..).unwrap_or_default())
    }

    fn consume(&mut self, octets: usize) {
        self.taken = self.block.len().min(self.taken + octets);
    }
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let from = self.fill_buf()?;
        let octets = from.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..octets), from.get(..octets)) {
            to.copy_from_slice(from);
        }
        self.consume(octets);
        Ok(octets)
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // The thread may wait for room: without a receiver it ends.
        self.blocks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::print::is_fresh;
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn what_a_file_is_written_in_is_remembered_only_if_its_mark_could_be_relied_upon_then() {
        let mark = |at_ns| FileMark { octets: 9, modified_ns: at_ns, changed_ns: at_ns, inode: 1, device: 1 };
        let seen = Seen::default();
        let find = |mark, charset| seen.once(mark, || Ok(charset)).unwrap();
        // Written this moment; a moment later it may be another file with the same mark, which has become old.
        let young = mark(i64::MAX);
        assert_eq!(find(young, Charset::WINDOWS_1252), Charset::WINDOWS_1252);
        assert!(seen.0.lock().unwrap().is_none());
        assert_eq!(find(mark(1), Charset::WINDOWS_1252), Charset::WINDOWS_1252);
        assert_eq!(find(mark(1), Charset::UTF_8), Charset::WINDOWS_1252, "it is not looked at again");
        assert_eq!(find(mark(2), Charset::UTF_8), Charset::UTF_8);
        let after = |ms: u64| SystemTime::UNIX_EPOCH + Duration::from_millis(1_000 + ms);
        let fresh_after = |ms| is_fresh(&mark(1_000_000_000), after(ms));
        assert_eq!([0, 10, 500].map(fresh_after), [true, true, false]);
        assert!(!is_fresh(&mark(i64::MAX), after(0)), "one of the future is not waited for");
    }
}
