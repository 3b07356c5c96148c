//! A list cut into records: CSV, TSV, or one JSON object a line.
//!
//! Guarantees: memory is bounded (two buffers' worth of the greatest record) whatever the list holds; a record that is
//! no record is told with its line, and takes down no other: after a bad one reading goes on at the *next line*, also
//! when quotes run over several lines. A field that begins with a quote must end with one before a delimiter or a line
//! end; where it does not (an unbalanced quote that would swallow the rows behind it), only its first line is given up.
//! A quote inside a field that does not begin with one is an ordinary character. Empty lines are skipped; a line ends
//! with LF or CR LF; a leading UTF-8 byte order mark is dropped.
//! Leaves to others: what the fields hold.

use super::Format;
use super::error::LoadError;
use super::input::{Input, Whole};
use super::json;
use crate::engine::table::FileMark;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The most octets of a record.
pub const RECORD_OCTETS_MAX: usize = 1 << 20;
const BUFFER_OCTETS: usize = 2 * RECORD_OCTETS_MAX;
/// How much of the list is its fingerprint.
const HEAD_OCTETS: usize = 64 * 1024;
/// How much of a bad record is shown.
pub const SAMPLE_OCTETS: usize = 200;

/// What [`Records::advance`] came to.
pub enum Step {
    /// A record: its fields are there until the next step.
    Record,
    /// A record that is none: the reason.
    Bad(String),
    /// The end of the list.
    End,
}

/// The records of a list.
pub struct Records {
    input: Input,
    path: PathBuf,
    format: Format,
    buffer: Vec<u8>,
    /// The record in hand begins here, and what follows it there.
    start: usize,
    next: usize,
    end: usize,
    eof: bool,
    /// The decoded octet at the front of `buffer`.
    base: u64,
    /// Lines before the record in hand, and lines of it.
    lines: u64,
    lines_here: u64,
    /// The fields: ranges of `scratch`, or of the buffer from `start`.
    fields: Vec<(u32, u32)>,
    scratch: Vec<u8>,
    in_scratch: bool,
    sample: Vec<u8>,
    /// How many columns a row must have; 0: not known yet.
    columns: usize,
    /// The wanted columns: their names, and which field each is.
    names: Vec<String>,
    places: Vec<usize>,
}

impl Records {
    /// Opens a list and reads its first 64 KiB.
    pub fn open(path: &Path, format: Format) -> Result<Self, LoadError> {
        let mut records = Self {
            input: Input::open(path)?,
            path: path.to_owned(),
            format,
            buffer: vec![0; BUFFER_OCTETS],
            start: 0,
            next: 0,
            end: 0,
            eof: false,
            base: 0,
            lines: 0,
            lines_here: 0,
            fields: Vec::new(),
            scratch: Vec::new(),
            in_scratch: false,
            sample: Vec::new(),
            columns: 0,
            names: Vec::new(),
            places: Vec::new(),
        };
        while records.end < HEAD_OCTETS && !records.eof {
            records.fill().map_err(|e| records.unreadable(e))?;
        }
        Ok(records)
    }

    /// The first 64 KiB of the decoded list; only before the first step.
    pub fn head(&self) -> &[u8] {
        self.buffer.get(..self.end.min(HEAD_OCTETS)).unwrap_or_default()
    }

    /// The file's mark when its reading began, if it is a file.
    pub fn mark(&self) -> Option<FileMark> {
        self.input.mark
    }

    /// How many octets it has in all, where that is known.
    pub fn octets(&self) -> Option<u64> {
        self.input.octets()
    }

    /// At the end of the list: whether what was read is what is there ([`Input::finish`]).
    pub fn finish(&mut self, quiet: Duration) -> Result<Option<Whole>, LoadError> {
        let last = self.buffer.get(..self.end).and_then(<[u8]>::last);
        self.input.finish(quiet, last.is_some_and(|octet| *octet != b'\n'))
    }

    /// Reads the header line of CSV and TSV: the names of the columns.
    pub fn header(&mut self) -> Result<Vec<String>, LoadError> {
        let bad = |path: &Path, what: String| LoadError::Header { path: path.to_owned(), what };
        match self.advance()? {
            Step::End => return Err(LoadError::Empty { path: self.path.clone() }),
            Step::Bad(reason) => return Err(bad(&self.path, format!("cannot be read: {reason}"))),
            Step::Record => {}
        }
        let mut names = Vec::with_capacity(self.fields.len());
        for i in 0..self.fields.len() {
            let name = std::str::from_utf8(self.at(i)).map_err(|_| {
                bad(
                    &self.path,
                    "is not UTF-8\nhint: convert the list, for example with iconv -f LATIN1 -t UTF-8".to_owned(),
                )
            })?;
            let name = name.trim().to_owned();
            if names.contains(&name) {
                return Err(bad(&self.path, format!("names the column {name:?} twice\nhint: rename one of them")));
            }
            names.push(name);
        }
        self.columns = names.len();
        Ok(names)
    }

    /// Chooses the columns that [`Records::field`] numbers. `header`: the columns of CSV and TSV.
    pub fn select(&mut self, wanted: &[String], header: &[String]) -> Result<(), LoadError> {
        self.names = wanted.to_vec();
        if self.format == Format::Jsonl {
            self.places = (0..wanted.len()).collect();
            return Ok(());
        }
        self.places.clear();
        for name in wanted {
            let place = header.iter().position(|column| column == name);
            self.places.push(place.ok_or_else(|| super::no_column(&self.path, name, header))?);
        }
        Ok(())
    }

    /// Goes to where an earlier load had come: `octets` decoded octets and `lines` lines are done with.
    pub fn jump(&mut self, octets: u64, lines: u64) -> Result<(), LoadError> {
        let buffered = self.base + self.end as u64;
        (self.lines, self.lines_here) = (lines, 0);
        if octets <= buffered {
            self.next = octets.saturating_sub(self.base) as usize;
            self.start = self.next;
            return Ok(());
        }
        (self.start, self.next, self.end) = (0, 0, 0);
        if self.input.seek(octets)? {
            (self.base, self.eof) = (octets, false);
            return Ok(());
        }
        self.base = buffered;
        while self.base < octets {
            let most = (octets - self.base).min(self.buffer.len() as u64) as usize;
            let read = self.input.read(self.buffer.get_mut(..most).unwrap_or_default());
            let read = read.map_err(|e| self.unreadable(e))?;
            if read == 0 {
                let what = format!("it ends after {} octets, and {octets} had been read", self.base);
                return Err(LoadError::Changed { path: self.path.clone(), what });
            }
            self.base += read as u64;
        }
        Ok(())
    }

    /// Decoded octets that are done with, the record in hand included.
    pub fn octets_done(&self) -> u64 {
        self.base + self.next as u64
    }

    /// Lines that are done with, the record in hand included.
    pub fn lines_done(&self) -> u64 {
        self.lines + self.lines_here
    }

    /// The line, from 1, where the record in hand begins.
    pub fn line(&self) -> u64 {
        self.lines + 1
    }

    /// The wanted column `index` of the record in hand; empty where JSON has none.
    pub fn field(&self, index: usize) -> &[u8] {
        self.places.get(index).map_or(&[], |&place| self.at(place))
    }

    /// The front of the record in hand, for people.
    pub fn sample(&self) -> &[u8] {
        if self.sample.is_empty() {
            let record = self.buffer.get(self.start..self.next).unwrap_or_default();
            return record.get(..SAMPLE_OCTETS).unwrap_or(record).trim_ascii_end();
        }
        &self.sample
    }

    /// The names of all keys of the JSON object in hand.
    pub fn keys(&self) -> Vec<String> {
        json::keys(self.buffer.get(self.start..self.next).unwrap_or_default())
    }

    fn at(&self, place: usize) -> &[u8] {
        let from = if self.in_scratch { Some(self.scratch.as_slice()) } else { self.buffer.get(self.start..) };
        self.fields
            .get(place)
            .zip(from)
            .and_then(|(&(a, b), from)| from.get(a as usize..b as usize))
            .unwrap_or_default()
    }

    /// Goes to the next record.
    pub fn advance(&mut self) -> Result<Step, LoadError> {
        self.step().map_err(|e| self.unreadable(e))
    }

    fn unreadable(&self, error: io::Error) -> LoadError {
        LoadError::Read { path: self.path.clone(), line: self.lines_done() + 1, error }
    }

    fn step(&mut self) -> io::Result<Step> {
        self.sample.clear();
        loop {
            self.start = self.next;
            self.lines += self.lines_here;
            self.lines_here = 0;
            if self.base == 0
                && self.start == 0
                && self.buffer.get(..self.end).is_some_and(|b| b.starts_with(b"\xef\xbb\xbf"))
            {
                self.start = 3;
                self.next = 3;
            }
            let Some(length) = self.line_length()? else {
                return self.skip_line();
            };
            if length == 0 {
                return Ok(Step::End);
            }
            self.next = self.start + length;
            self.lines_here = 1;
            let line = self.buffer.get(self.start..self.next).unwrap_or_default();
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            self.in_scratch = true;
            let delimiter = match self.format {
                Format::Csv => b',',
                Format::Tsv => b'\t',
                Format::Jsonl => {
                    return Ok(match json::fields(line, &self.names, &mut self.scratch, &mut self.fields) {
                        Ok(()) => Step::Record,
                        Err(reason) => Step::Bad(reason),
                    });
                }
            };
            if memchr::memchr(b'"', line).is_some() {
                return self.quoted_record(delimiter);
            }
            self.in_scratch = false;
            self.fields.clear();
            let mut from = 0;
            for at in memchr::memchr_iter(delimiter, line) {
                self.fields.push((from, at as u32));
                from = at as u32 + 1;
            }
            self.fields.push((from, line.len() as u32));
            return Ok(self.counted());
        }
    }

    /// A record if it has as many fields as the header, else none.
    fn counted(&self) -> Step {
        if self.columns == 0 || self.fields.len() == self.columns {
            return Step::Record;
        }
        Step::Bad(format!("{} fields where the header has {}", self.fields.len(), self.columns))
    }

    /// The octets of the line at `start`, its end included; 0 at the end of the list, `None` if it is over-long.
    fn line_length(&mut self) -> io::Result<Option<usize>> {
        let mut searched = 0;
        loop {
            let rest = self.buffer.get(self.start..self.end).unwrap_or_default();
            if let Some(at) = rest.get(searched..).and_then(|rest| memchr::memchr(b'\n', rest)) {
                return Ok(Some(searched + at + 1));
            }
            searched = rest.len();
            if self.eof && searched <= RECORD_OCTETS_MAX {
                return Ok(Some(searched));
            }
            if searched > RECORD_OCTETS_MAX {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// Leaves an over-long line behind, wherever it ends.
    fn skip_line(&mut self) -> io::Result<Step> {
        let front = self.buffer.get(self.start..self.start + SAMPLE_OCTETS).unwrap_or_default();
        self.sample.extend_from_slice(front);
        self.lines_here = 1;
        loop {
            let rest = self.buffer.get(self.start..self.end).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', rest) {
                self.next = self.start + at + 1;
                break;
            }
            (self.start, self.next) = (self.end, self.end);
            if self.eof {
                break;
            }
            self.fill()?;
        }
        Ok(Step::Bad(format!("a line of over {} MiB", RECORD_OCTETS_MAX >> 20)))
    }

    /// Parses a record whose first line, which is in the buffer, has a quote in it.
    fn quoted_record(&mut self, delimiter: u8) -> io::Result<Step> {
        let first_line = self.next - self.start;
        loop {
            let data = self.buffer.get(self.start..self.end).unwrap_or_default();
            let parsed = quoted(data, self.eof, delimiter, &mut self.scratch, &mut self.fields);
            let reason = match parsed {
                Quoted::Whole(length) => {
                    let record = data.get(..length).unwrap_or_default();
                    let lines = memchr::memchr_iter(b'\n', record).count().max(1);
                    let step = self.counted();
                    // Wrong and over several lines: a stray quote has likely swallowed rows. They get their turn.
                    if lines == 1 || matches!(step, Step::Record) {
                        self.next = self.start + length;
                        self.lines_here = lines as u64;
                    }
                    return Ok(step);
                }
                Quoted::More if data.len() < RECORD_OCTETS_MAX => {
                    self.fill()?;
                    self.next = self.start + first_line;
                    continue;
                }
                Quoted::More => "a quote that begins here is not closed within 1 MiB",
                Quoted::Open => "a quote that begins here is never closed",
                Quoted::Broken => "text behind a closing quote, or a quote that was never closed",
            };
            return Ok(Step::Bad(reason.to_owned()));
        }
    }

    /// Reads more behind what is there, moving that to the front of the buffer when room is needed.
    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 && self.buffer.len() - self.end < BUFFER_OCTETS / 2 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.base += self.start as u64;
            self.next = self.next.saturating_sub(self.start);
            self.end -= self.start;
            self.start = 0;
        }
        let read = self.input.read(self.buffer.get_mut(self.end..).unwrap_or_default())?;
        self.end += read;
        self.eof = read == 0;
        Ok(())
    }
}

enum Quoted {
    /// A record of this many octets, its line end included.
    Whole(usize),
    /// It may go on behind the data.
    More,
    /// The data ends, for good, inside quotes.
    Open,
    Broken,
}

/// Parses the record at the front of `data` by RFC 4180, its fields unquoted into `scratch`.
fn quoted(data: &[u8], eof: bool, delimiter: u8, scratch: &mut Vec<u8>, fields: &mut Vec<(u32, u32)>) -> Quoted {
    scratch.clear();
    fields.clear();
    let mut rest = data;
    loop {
        let from = scratch.len() as u32;
        if let Some(inside) = rest.strip_prefix(b"\"") {
            rest = inside;
            loop {
                let Some((text, behind)) = split(rest, memchr::memchr(b'"', rest)) else {
                    return if eof { Quoted::Open } else { Quoted::More };
                };
                scratch.extend_from_slice(text);
                match behind.strip_prefix(b"\"") {
                    Some(behind) => {
                        scratch.push(b'"');
                        rest = behind;
                    }
                    None if behind.is_empty() && !eof => return Quoted::More,
                    None => {
                        rest = behind;
                        break;
                    }
                }
            }
            if let [b'\r', behind @ ..] = rest
                && matches!(behind, [b'\n', ..] | [])
            {
                if behind.is_empty() && !eof {
                    return Quoted::More;
                }
                rest = behind;
            }
        } else {
            match memchr::memchr2(delimiter, b'\n', rest) {
                Some(at) => {
                    let (text, behind) = rest.split_at(at);
                    let line_end = behind.starts_with(b"\n");
                    scratch.extend_from_slice(if line_end { text.strip_suffix(b"\r").unwrap_or(text) } else { text });
                    rest = behind;
                }
                None if !eof => return Quoted::More,
                None => {
                    scratch.extend_from_slice(rest.strip_suffix(b"\r").unwrap_or(rest));
                    rest = &[];
                }
            }
        }
        fields.push((from, scratch.len() as u32));
        match rest.split_first() {
            Some((&b, behind)) if b == delimiter => rest = behind,
            Some((b'\n', behind)) => return Quoted::Whole(data.len() - behind.len()),
            None => return Quoted::Whole(data.len()),
            Some(_) => return Quoted::Broken,
        }
    }
}

/// What stands before the octet at `at`, and behind it.
fn split(data: &[u8], at: Option<usize>) -> Option<(&[u8], &[u8])> {
    let (text, behind) = data.split_at_checked(at?)?;
    Some((text, behind.split_first()?.1))
}
