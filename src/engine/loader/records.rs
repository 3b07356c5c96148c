//! A list cut into records: fields between separators, JSON objects on lines or in an array, or the rows of a sheet.
//!
//! Guarantees: memory is bounded (two buffers' worth of the greatest record) whatever the list holds; a record that is
//! no record is told with its line, and takes down no other: after a bad one reading goes on at the *next line*, also
//! when quotes run over several lines. A field that begins with a quote must end with one before a delimiter or a line
//! end; where it does not (an unbalanced quote that would swallow the rows behind it), only its first line is given up.
//! A quote inside a field that does not begin with one is an ordinary character. Lines on which nothing stands but
//! separators are skipped, and so are empty fields behind the last column; a record that ends early is one as long as every
//! column that is wanted is there and the line has its end. A line ends with LF or CR LF, or, where none does, with CR.
//! Leaves to others: what the fields hold, and how the list is written (`form`).

mod header;
mod tidy;

use super::array::{self, Next, Place};
use super::error::LoadError;
use super::form::{self, Form, Kind};
use super::formatted::Formatted;
use super::input::{Input, Whole};
use super::json;
use super::quoted::{self, Marks, Quoted};
use super::sheet::Oddities;
use super::{Format, List};
use crate::base::charset::Charset;
use crate::base::many::Many;
use crate::engine::table::FileMark;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
pub use tidy::{Tidied, Tidy};

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
    form: Form,
    is_sheet: bool,
    /// What single octets stand for; `None`: they are UTF-8.
    charset: Option<Charset>,
    /// Where in an array of JSON objects it is.
    place: Place,
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
    /// How many columns a row may have, and how many of these are called something; 0: not known yet.
    columns: usize,
    named: usize,
    /// How many fields a record must have for each that is wanted to be there.
    needed: usize,
    /// The line of the header; and the one that it is looked for on, where that is not the first that holds anything.
    header_line: u64,
    header_at: Option<u64>,
    /// The wanted columns: their names, and which field each is.
    names: Vec<String>,
    /// See [`List::aliases`].
    aliases: Vec<(String, String)>,
    places: Vec<usize>,
    /// The column of addresses, where that is known; the other wanted columns, and what was done to their cells.
    email: Option<String>,
    others: Vec<usize>,
    tidied: Tidied,
}

impl Records {
    /// Opens a list and reads its first 64 KiB.
    pub fn open(list: &List) -> Result<Self, LoadError> {
        let input = Input::open(list)?;
        let (is_sheet, charset) = (input.sheet.is_some(), Some(input.charset).filter(|c| c.is_octet_by_octet()));
        let mut records = Self {
            input,
            path: list.path.clone(),
            form: Form::SHEET,
            is_sheet,
            charset,
            place: Place::Before,
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
            named: 0,
            needed: 0,
            header_line: 1,
            header_at: None,
            names: Vec::new(),
            aliases: list.aliases.clone(),
            places: Vec::new(),
            email: list.email.clone(),
            others: Vec::new(),
            tidied: Tidied::default(),
        };
        while records.end < HEAD_OCTETS && !records.eof {
            records.fill().map_err(|e| records.unreadable(e))?;
        }
        if !is_sheet {
            let head = records.buffer.get(..records.end).unwrap_or_default();
            let head = head.get(..HEAD_OCTETS).unwrap_or(head);
            let is_whole = records.eof && records.end <= HEAD_OCTETS;
            records.form = Form::of(head, is_whole, list.format(), list.dialect.delimiter);
        }
        records.header_at = records.header_in_front(list);
        Ok(records)
    }

    /// How the list is written, where that is not as its name says: in words, for people.
    pub fn form_words(&self, format: Format) -> Vec<String> {
        let Input { sheet, charset, word, .. } = &self.input;
        let mut words: Vec<String> = sheet.iter().map(|(name, others)| form::sheet_words(name, others)).collect();
        if *charset != Charset::UTF_8 {
            let word = word.as_ref().map(|word| format!(" (\"{word}\")")).unwrap_or_default();
            words.push(format!("{}{word}", charset.name()));
        }
        if !self.is_sheet {
            words.extend(self.form.words(format));
        }
        words.extend(self.header_at.map(|line| format!("a table whose headings stand in line {line}")));
        words
    }

    /// How the list is read, in words that tell one way from another.
    pub fn form_told(&self) -> String {
        let mut words = vec![self.input.charset.name().to_owned()];
        words.extend(self.input.sheet.iter().map(|(name, _)| format!("the sheet {name:?}")));
        words.extend((!self.is_sheet).then(|| self.form.told()));
        words.extend(self.header_at.map(|line| format!("headings in line {line}")));
        words.join(", ")
    }

    /// What is odd in a sheet.
    pub fn oddities(&self) -> Oddities {
        self.input.oddities
    }

    /// Whether people do not see a column of a sheet, counted from 0.
    pub fn is_hidden_column(&self, column: u32) -> bool {
        self.input.hidden_columns.0.iter().any(|columns| columns.contains(&column))
    }

    /// Cells that a sheet shows otherwise than they are read.
    pub fn formatted(&self) -> &[Formatted] {
        &self.input.formatted
    }

    /// The sheet that it is, and the names of the others.
    pub fn sheet(&self) -> Option<(String, Vec<String>)> {
        self.input.sheet.clone()
    }

    /// Whether names of columns stand before the records.
    pub fn has_header(&self) -> bool {
        matches!(self.form.kind, Kind::Separated(_))
    }

    /// Whether they are the rows of a sheet.
    pub fn is_of_sheet(&self) -> bool {
        self.is_sheet
    }

    /// Whether it was written in characters of several octets, and comes as UTF-8.
    pub fn is_transcoded(&self) -> bool {
        self.charset.is_none() && self.input.charset != Charset::UTF_8
    }

    /// The line of the header, from 1.
    pub fn header_line(&self) -> u64 {
        self.header_line
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
        self.input.finish(quiet, last.is_some_and(|octet| !matches!(*octet, b'\n' | b'\r' | b']')))
    }

    /// Goes to where an earlier load had come: `octets` decoded octets and `lines` lines are done with.
    pub fn jump(&mut self, octets: u64, lines: u64) -> Result<(), LoadError> {
        let buffered = self.base + self.end as u64;
        self.place = Place::Inside;
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
        let step = self.step().map_err(|e| self.unreadable(e))?;
        if matches!(step, Step::Record) {
            self.tidy();
        }
        Ok(step)
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
            if self.base == 0 && self.start == 0 {
                (self.start, self.next) = (self.form.front_octets, self.form.front_octets);
                self.lines += self.form.front_lines;
            }
            let delimiter = match self.form.kind {
                Kind::Separated(delimiter) => Some(delimiter),
                Kind::Lines => None,
                Kind::Array => return self.element(),
            };
            let Some(length) = self.line_length()? else {
                return self.skip_line();
            };
            if length == 0 {
                return Ok(Step::End);
            }
            self.next = self.start + length;
            self.lines_here = 1;
            let line = self.buffer.get(self.start..self.next).unwrap_or_default();
            let line = line.strip_suffix(&[self.form.line_end]).unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                continue;
            }
            let Some(delimiter) = delimiter else { return Ok(self.object(self.start, self.start + line.len())) };
            if memchr::memchr(b'"', line).is_some() {
                match self.quoted_record(delimiter)? {
                    Step::Record if self.is_blank() => continue,
                    step => return Ok(step),
                }
            }
            // Most lines begin with something: only what does not is looked at whole.
            let is_nothing = |octet: &u8| *octet == delimiter || matches!(octet, b' ' | b'\t');
            if line.first().is_some_and(is_nothing) && line.iter().all(is_nothing) {
                continue;
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

    /// Whether no field holds anything.
    fn is_blank(&self) -> bool {
        (0..self.fields.len()).all(|place| self.at(place).iter().all(u8::is_ascii_whitespace))
    }

    /// A record if it has the fields that the header asks for, else none.
    fn counted(&mut self) -> Step {
        self.recode();
        let fields = self.fields.len();
        let is_surplus_empty = || (self.columns..fields).all(|place| self.at(place).trim_ascii().is_empty());
        // The last line of a list that was cut off may end amid a field.
        let is_ended = || self.buffer.get(self.start..self.next).is_some_and(|r| r.ends_with(&[self.form.line_end]));
        let fits = match fields {
            _ if self.columns == 0 => true,
            fields if fields > self.columns => is_surplus_empty(),
            fields => fields >= self.named || (fields >= self.needed && is_ended()),
        };
        if fits {
            return Step::Record;
        }
        Step::Bad(format!("{} where the header has {}", Many(fields as u64, "field", "fields"), self.named.max(1)))
    }

    /// Turns the fields of the record in hand to UTF-8, where single octets stand for something else.
    fn recode(&mut self) {
        let Some(charset) = self.charset else { return };
        let from = if self.in_scratch { Some(self.scratch.as_slice()) } else { self.buffer.get(self.start..self.next) };
        let from = from.unwrap_or_default();
        if from.is_ascii() {
            return;
        }
        let mut recoded = Vec::with_capacity(from.len() + from.len() / 2);
        for field in &mut self.fields {
            let begin = recoded.len() as u32;
            charset.append(from.get(field.0 as usize..field.1 as usize).unwrap_or_default(), &mut recoded);
            *field = (begin, recoded.len() as u32);
        }
        (self.scratch, self.in_scratch) = (recoded, true);
    }

    /// Reads the JSON object between two places of the buffer.
    fn object(&mut self, from: usize, to: usize) -> Step {
        self.in_scratch = true;
        let text = self.buffer.get(from..to).unwrap_or_default();
        match json::fields(text, (&self.names, &self.aliases), &mut self.scratch, &mut self.fields) {
            Ok(()) => Step::Record,
            Err(reason) => Step::Bad(reason),
        }
    }

    /// The next object of an array.
    fn element(&mut self) -> io::Result<Step> {
        loop {
            let data = self.buffer.get(self.start..self.end).unwrap_or_default();
            match array::next(data, self.eof, self.place) {
                Next::More { passed } => {
                    self.pass(passed);
                    if self.end - self.start > RECORD_OCTETS_MAX {
                        self.skip_line()?;
                        return Ok(Step::Bad("an object that begins here does not end within 1 MiB".to_owned()));
                    }
                    self.fill()?;
                }
                Next::Bracket { passed, now } => {
                    self.pass(passed);
                    self.place = now;
                }
                Next::Object { passed, octets } => {
                    self.pass(passed);
                    self.take(octets);
                    return Ok(self.object(self.start, self.next));
                }
                Next::Odd { passed, octets, what } => {
                    self.pass(passed);
                    self.take(octets);
                    return Ok(Step::Bad(what.to_owned()));
                }
                Next::Over => return Ok(Step::End),
                Next::Cut { passed } => {
                    self.pass(passed);
                    return Err(io::Error::other("the JSON array has no end"));
                }
            }
        }
    }

    /// Leaves octets behind that are no part of a record.
    fn pass(&mut self, octets: usize) {
        self.take(octets);
        self.lines += std::mem::take(&mut self.lines_here);
        self.start = self.next;
    }

    /// Takes octets for the record in hand.
    fn take(&mut self, octets: usize) {
        self.next = self.start + octets;
        let taken = self.buffer.get(self.start..self.next).unwrap_or_default();
        self.lines_here = memchr::memchr_iter(b'\n', taken).count() as u64;
    }

    /// The octets of the line at `start`, its end included; 0 at the end of the list, `None` if it is over-long.
    fn line_length(&mut self) -> io::Result<Option<usize>> {
        let mut searched = 0;
        loop {
            let rest = self.buffer.get(self.start..self.end).unwrap_or_default();
            if let Some(at) = rest.get(searched..).and_then(|rest| memchr::memchr(self.form.line_end, rest)) {
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
            if let Some(at) = memchr::memchr(self.form.line_end, rest) {
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
        self.in_scratch = true;
        loop {
            let data = self.buffer.get(self.start..self.end).unwrap_or_default();
            let marks = Marks { delimiter, line_end: self.form.line_end };
            let parsed = quoted::parse(data, self.eof, marks, &mut self.scratch, &mut self.fields);
            let reason = match parsed {
                Quoted::Whole(length) => {
                    let record = data.get(..length).unwrap_or_default();
                    let lines = memchr::memchr_iter(self.form.line_end, record).count().max(1);
                    // A row of a sheet is one line, whatever its cells hold.
                    let lines = if self.is_sheet { 1 } else { lines };
                    // Whether the line has its end is told by the whole record.
                    let first_line = std::mem::replace(&mut self.next, self.start + length);
                    let step = self.counted();
                    // Wrong and over several lines: a stray quote has likely swallowed rows. They get their turn.
                    match lines == 1 || matches!(step, Step::Record) {
                        true => self.lines_here = lines as u64,
                        false => self.next = first_line,
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
