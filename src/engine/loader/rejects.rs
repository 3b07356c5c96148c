//! The rejects file: `line,reason,text` for each record that was refused. Foreign text is escaped, so the file is safe
//! to print, and no text is a formula where a spreadsheet opens it.

use super::records::SAMPLE_OCTETS;
use crate::base::remedy;
use crate::base::spreadsheet::harmless;
use crate::mail::reply::Printable;
use crate::wire::disk::access;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The file's name in the campaign's directory.
pub const FILE: &str = "rejects.csv";
const HEADER: &[u8] = b"line,reason,text\n";
const BUFFER_OCTETS: usize = 64 * 1024;

fn named(doing: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {doing} {}: {}", path.display(), remedy::told(error)))
}

pub struct Rejects {
    file: File,
    path: PathBuf,
    buffer: Vec<u8>,
    written: u64,
}

impl Rejects {
    /// Opens the file and cuts off what follows its first `committed` octets.
    pub fn open(home: &Path, committed: u64) -> io::Result<Self> {
        Self::open_at(home.join(FILE), committed)
    }

    /// The same for a file of any name.
    pub fn open_at(path: PathBuf, committed: u64) -> io::Result<Self> {
        let named = |e: io::Error| named("open", &path, &e);
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(named)?;
        access::own(&file).map_err(named)?;
        let there = file.metadata().map_err(named)?.len();
        // A file that somebody shortened or removed gets no hole: it goes on from where it ends.
        let written = committed.min(there);
        file.set_len(written).map_err(named)?;
        let buffer = if written == 0 { HEADER.to_vec() } else { Vec::new() };
        Ok(Self { file, path, buffer, written })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    pub fn add(&mut self, line: u64, reason: &str, text: &[u8]) -> io::Result<()> {
        let text = Printable(text.get(..SAMPLE_OCTETS).unwrap_or(text)).to_string();
        let reason = Printable(reason.as_bytes()).to_string();
        let quoted = |text: &str| harmless(text).replace('"', "\"\"");
        writeln!(self.buffer, "{line},\"{}\",\"{}\"", quoted(&reason), quoted(&text))?;
        if self.buffer.len() >= BUFFER_OCTETS {
            self.flush()?;
        }
        Ok(())
    }

    /// Hands all to the kernel; returns the length of the file.
    pub fn flush(&mut self) -> io::Result<u64> {
        let named = |e: io::Error| named("write", &self.path, &e);
        self.file.write_all_at(&self.buffer, self.written).map_err(named)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(self.written)
    }
}
