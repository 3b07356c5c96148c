//! By what a list is known again: a mark that costs one look, and a hash that decides.
//!
//! Guarantees: two files with one mark have one content, unless somebody set the clock; two with one hash have. Leaves to
//! others: what follows from a difference.

use super::LoadError;
use crate::engine::table::manifest::hex;
use crate::engine::table::{FileMark, ListPrint};
use aws_lc_rs::digest::{Context, Digest, SHA256, digest};
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

const PIECE_OCTETS: usize = 1 << 20;
/// A file that was written so lately may be written again within one tick of its clock: its mark proves nothing.
const TICKS: Duration = Duration::from_secs(2);

/// The mark of a regular file; `None` for anything else.
#[must_use]
pub fn mark_of(file: &Metadata) -> Option<FileMark> {
    let ns = |s: i64, ns: i64| s.saturating_mul(1_000_000_000).saturating_add(ns);
    file.is_file().then(|| FileMark {
        octets: file.len(),
        modified_ns: ns(file.mtime(), file.mtime_nsec()),
        changed_ns: ns(file.ctime(), file.ctime_nsec()),
        inode: file.ino(),
        device: file.dev(),
    })
}

/// How long ago the file was written to.
#[must_use]
pub fn age_of(mark: &FileMark) -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let then = Duration::from_nanos(u64::try_from(mark.modified_ns.max(mark.changed_ns)).unwrap_or(0));
    now.saturating_sub(then)
}

/// The mark, if it can be relied upon later.
#[must_use]
pub fn settled(mark: FileMark) -> Option<FileMark> {
    (age_of(&mark) > TICKS).then_some(mark)
}

/// SHA-256 of a whole file as it lies on the disk, in hexadecimal.
///
/// # Errors
/// It cannot be read.
pub fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Context::new(&SHA256);
    let mut piece = vec![0; PIECE_OCTETS];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(hex_of(&hash.finish())),
            Ok(octets) => hash.update(piece.get(..octets).unwrap_or_default()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// A hash in hexadecimal.
pub fn hex_of(hash: &Digest) -> String {
    hex(hash.as_ref())
}

/// The print of a list of which this is the front.
pub fn print_of(path: &Path, mark: Option<FileMark>, head: &[u8], email: &str) -> ListPrint {
    ListPrint {
        path: path.display().to_string(),
        octets: mark.map(|mark| mark.octets),
        head_sha256: hex_of(&digest(&SHA256, head)),
        mark,
        sha256: None,
        email: email.to_owned(),
    }
}

/// The print of a list as it lies there now.
///
/// # Errors
/// It cannot be read.
pub fn print_at(list: &super::List, email: &str) -> Result<ListPrint, LoadError> {
    let records = list.open()?;
    Ok(print_of(&list.path, records.mark(), records.head(), email))
}

/// How a list differs from the one that was begun with, as far as that can be told without reading all of it.
#[must_use]
pub fn difference(known: &ListPrint, found: &ListPrint) -> Option<String> {
    let written = |print: &ListPrint| print.mark.map(|mark| mark.modified_ns);
    if !known.email.is_empty() && known.email != found.email {
        Some(format!("its addresses were taken from the column {:?}, and now it is {:?}", known.email, found.email))
    } else if known.octets != found.octets {
        let octets = |n: Option<u64>| n.map_or("no file".to_owned(), |n| format!("{n} octets"));
        Some(format!("it was {}, now it is {}", octets(known.octets), octets(found.octets)))
    } else if known.head_sha256 != found.head_sha256 {
        Some("its beginning differs".to_owned())
    } else if written(known).is_some() && written(found).is_some() && written(known) != written(found) {
        Some("it was written again since".to_owned())
    } else {
        None
    }
}

/// The list at `path`, compared with the one that was begun with: how it differs, if it does.
///
/// # Errors
/// It cannot be read.
pub fn changed(known: &ListPrint, list: &super::List, email: &str) -> Result<Option<String>, LoadError> {
    let unreadable = |error| LoadError::Open { path: list.path.clone(), error };
    let mark = mark_of(&std::fs::metadata(&list.path).map_err(unreadable)?);
    let same_column = known.email.is_empty() || known.email == email;
    if same_column && mark.is_some() && mark == known.mark {
        return Ok(None);
    }
    let Some(sha256) = known.sha256.as_ref().filter(|_| same_column) else {
        return Ok(difference(known, &print_at(list, email)?));
    };
    if *sha256 == sha256_of(&list.path).map_err(unreadable)? {
        return Ok(None);
    }
    let octets = mark.map_or(0, |mark| mark.octets);
    Ok(Some(match known.octets {
        Some(was) if was != octets => format!("it was {was} octets, now it is {octets}"),
        _ => "its content differs".to_owned(),
    }))
}
