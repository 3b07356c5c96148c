//! By what a list is known again: a mark that costs one look, and a hash that decides.
//!
//! Guarantees: two files with one mark have one content, unless somebody set the clock; two with one hash have. Leaves to
//! others: what follows from a difference.

use super::records::Records;
use super::{List, LoadError};
use crate::base::charset::Charset;
use crate::engine::table::manifest::hex;
use crate::engine::table::{FileMark, ListPrint};
use aws_lc_rs::digest::{SHA256, digest};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A file that was written so lately may be written again within one tick of its clock: its mark proves nothing.
const TICKS: Duration = Duration::from_secs(2);
/// No tick of the clock of a local file system is longer.
pub const TICK: Duration = Duration::from_millis(50);

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
    SystemTime::now().duration_since(changed_at(mark)).unwrap_or_default()
}

/// The mark, if it can be relied upon later.
#[must_use]
pub fn settled(mark: FileMark) -> Option<FileMark> {
    (age_of(&mark) > TICKS).then_some(mark)
}

/// When it changed last, by the file system's clock.
#[must_use]
pub fn changed_at(mark: &FileMark) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(mark.modified_ns.max(mark.changed_ns)).unwrap_or(0))
}

/// Whether a file was written so shortly before `now` that it may be written again under the same mark, on a local file system.
/// One that is of the future tells nothing.
#[must_use]
pub fn is_fresh(mark: &FileMark, now: SystemTime) -> bool {
    now.duration_since(changed_at(mark)).is_ok_and(|age| age <= TICK)
}

/// BLAKE3 of a whole file as it lies on the disk, in hexadecimal: SHA-256 takes a twentieth of all that a same-content mailing
/// costs.
///
/// # Errors
/// It cannot be read.
pub fn hash_of(path: &Path) -> io::Result<String> {
    let mut hash = blake3::Hasher::new();
    hash.update_reader(File::open(path)?)?;
    Ok(hash.finalize().to_hex().to_string())
}

/// The print of a list of which no record was read yet.
pub fn print_of(list: &List, records: &Records, email: &str) -> ListPrint {
    ListPrint {
        path: list.path.display().to_string(),
        octets: records.mark().map(|mark| mark.octets),
        head_sha256: hex(digest(&SHA256, records.head()).as_ref()),
        mark: records.mark(),
        blake3: None,
        email: email.to_owned(),
        settings: settings_of(list),
        form: format!("{}{}", records.form_told(), list.several.told()),
    }
}

/// What is said of how a list is read, in words that are compared.
fn settings_of(list: &List) -> String {
    let List { path: _, format, dialect, several, email: _, aliases: _, seen: _ } = list;
    let charset = dialect.charset.map(Charset::name);
    let header = dialect.header_line.map(|line| format!(" {line}")).unwrap_or_default();
    format!("{format:?} {:?} {charset:?} {:?} {several:?}{header}", dialect.delimiter, dialect.sheet)
}

/// The print of a list as it lies there now.
///
/// # Errors
/// It cannot be read.
pub fn print_at(list: &List, email: &str) -> Result<ListPrint, LoadError> {
    Ok(print_of(list, &list.open()?, email))
}

/// How a list differs from the one that was begun with, as far as that can be told without reading all of it.
#[must_use]
pub fn difference(known: &ListPrint, found: &ListPrint) -> Option<String> {
    let written = |print: &ListPrint| print.mark.map(|mark| mark.modified_ns);
    if !known.email.is_empty() && known.email != found.email {
        Some(format!("its addresses were taken from the column {:?}, and now it is {:?}", known.email, found.email))
    } else if let Some(what) = read_otherwise(known, found) {
        Some(what)
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

/// What differs in how the same list is read. Where other settings lead to the same nothing does.
fn read_otherwise(known: &ListPrint, found: &ListPrint) -> Option<String> {
    let differs = !known.form.is_empty() && known.form != found.form;
    differs.then(|| format!("it was read as {}, and now it would be as {}", known.form, found.form))
}

/// The list at `path`, compared with the one that was begun with: how it differs, if it does.
///
/// # Errors
/// It cannot be read.
pub fn changed(known: &ListPrint, list: &List, email: &str) -> Result<Option<String>, LoadError> {
    let unreadable = |error| LoadError::Open { path: list.path.clone(), error };
    let mark = mark_of(&std::fs::metadata(&list.path).map_err(unreadable)?);
    let same_column = known.email.is_empty() || known.email == email;
    if !known.form.is_empty() && known.settings != settings_of(list) {
        // Only what is read otherwise for it matters.
        let found = print_at(list, email)?;
        if let Some(what) = read_otherwise(known, &found) {
            return Ok(Some(what));
        }
    }
    if same_column && mark.is_some() && mark == known.mark {
        return Ok(None);
    }
    let Some(hash) = known.blake3.as_ref().filter(|_| same_column) else {
        return Ok(difference(known, &print_at(list, email)?));
    };
    if *hash == hash_of(&list.path).map_err(unreadable)? {
        return Ok(None);
    }
    let octets = mark.map_or(0, |mark| mark.octets);
    Ok(Some(match known.octets {
        Some(was) if was != octets => format!("it was {was} octets, now it is {octets}"),
        _ => "its content differs".to_owned(),
    }))
}
