//! Why a list cannot be loaded. A bad record is none of these: it is rejected, and the loading goes on.

use crate::base::charset::Undecodable;
use crate::base::many::figure;
use crate::base::remedy;
use std::io;
use std::path::{Path, PathBuf};

/// Why a list cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The list cannot be opened.
    #[error("cannot read the list {}: {}", path.display(), remedy::told(.error))]
    Open {
        /// The list.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The path is a directory.
    #[error("the list {} is a directory\nhint: name the file in it", path.display())]
    Directory {
        /// The path.
        path: PathBuf,
    },
    /// The list is of a kind that is not read here.
    #[error("the list {} is {what}\nhint: give it as CSV, TSV, JSON, XLSX or ODS; all but the last two may be compressed with gzip or zstd", path.display())]
    Unknown {
        /// The list.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// A workbook that is not read here, or an archive that is none.
    #[error("the list {} is {what}", path.display())]
    Workbook {
        /// The list.
        path: PathBuf,
        /// What it is, and a hint.
        what: String,
    },
    /// What the list is written in is not certain, or not read here.
    #[error("{}:{}:{}: {why}\nhint: save the list as UTF-8, or say in [recipients] what it is: encoding = \"windows-1252\" (Western Europe), \"windows-1250\" (Central Europe), \"windows-1251\" (Cyrillic), \"shift_jis\", \"gb18030\" or another name", path.display(), .why.line, .why.column)]
    Encoding {
        /// The list.
        path: PathBuf,
        /// Why, and where.
        why: Box<Undecodable>,
    },
    /// The list cannot be read on: the disk, or a damaged or truncated compressed file.
    #[error("{}:{line}: cannot read on: {error}\nhint: the file may be damaged or cut off: fetch it again", path.display())]
    Read {
        /// The list.
        path: PathBuf,
        /// The line, from 1, that could not be read.
        line: u64,
        /// What went wrong.
        error: io::Error,
    },
    /// Nothing but, perhaps, a header line.
    #[error("the list {} is empty: it has no recipient", path.display())]
    Empty {
        /// The list.
        path: PathBuf,
    },
    /// Nothing that was read of it is a JSON object.
    #[error("{}:{line}: no line of the list is a JSON object: {what}\nhint: a list has an object a line, or is one array of objects; where the array stands within an object, give it alone (jq .{inner} LIST)", path.display())]
    NoObject {
        /// The list.
        path: PathBuf,
        /// The first line that was expected to be one.
        line: u64,
        /// What is wrong with it.
        what: String,
        /// The key under which its array may stand.
        inner: String,
    },
    /// The header line cannot be used.
    #[error("{}:{line}: the header line {what}", path.display())]
    Header {
        /// The list.
        path: PathBuf,
        /// Its line, from 1.
        line: u64,
        /// What is wrong with it, and a hint.
        what: String,
    },
    /// A column is asked for that the list does not have.
    #[error("{}:{line}: no column {column:?}\n{hint}", path.display())]
    Column {
        /// The list.
        path: PathBuf,
        /// The line of the header, from 1.
        line: u64,
        /// The column.
        column: String,
        /// The nearest name, or all of them.
        hint: String,
    },
    /// It is not the list that the campaign was begun with.
    #[error("the list {} has changed since the campaign was begun ({what})\nhint: put the old list back, or send the new one as a campaign of its own name", path.display())]
    Changed {
        /// The list.
        path: PathBuf,
        /// How it differs.
        what: String,
    },
    /// It changed while it was read: what was read may be a part of it.
    #[error("the list {} changed while it was read: {what}; it is not loaded to its end\nhint: wait until whoever writes it has ended, or write it under another name and rename it when it is whole", path.display())]
    Moved {
        /// The list.
        path: PathBuf,
        /// What is other than it was.
        what: String,
    },
    /// Too many of the first records were rejected; nothing was sent.
    #[error("{}: {rejections}", path.display())]
    TooManyRejected {
        /// The list.
        path: PathBuf,
        /// How many, and examples.
        rejections: Rejections,
    },
    /// The table or the rejects file cannot be written or read.
    #[error("{0}")]
    Table(io::Error),
}

/// There is no ring to read a list with: why, and a hint.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoRing(pub String);

impl LoadError {
    /// Whether the list is at fault, and not this machine.
    #[must_use]
    pub fn is_input(&self) -> bool {
        match self {
            Self::Table(_) => false,
            Self::Open { error, .. } | Self::Read { error, .. } => {
                let no_files = matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE));
                !no_files && !error.get_ref().is_some_and(|inner| inner.is::<NoRing>())
            }
            _ => true,
        }
    }
}

/// How many records were rejected, and why: what a person needs to mend the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} of {} records rejected, more than max_rejected allows{}\nhint: {}", figure(*.rejected), figure(*.records), quoted(.examples), way_on(.rejects.as_deref(), *.only_looked))]
pub struct Rejections {
    /// Records rejected.
    pub rejected: u64,
    /// Records read.
    pub records: u64,
    /// The first ones: the line and the reason.
    pub examples: Vec<(u64, String)>,
    /// The file that lists all, if there is one.
    pub rejects: Option<PathBuf>,
    /// Whether the list was only looked at.
    pub only_looked: bool,
}

fn way_on(rejects: Option<&Path>, only_looked: bool) -> String {
    let nothing = if only_looked { "; nothing was changed" } else { "" };
    let all = rejects.map(|file| format!("; all of them are in {}", file.display())).unwrap_or_default();
    format!("mend these rows, or raise recipients.max_rejected{nothing}{all}")
}

fn quoted(examples: &[(u64, String)]) -> String {
    examples.iter().map(|(line, reason)| format!("; line {line}: {reason}")).collect()
}
