//! Whether the files of a campaign's directory belong together, and are all there.
//!
//! Guarantees: one identity ties manifest, table, journal, mark and snapshot together; where it differs, or a file is missing
//! that must be there, nothing is opened and nothing changed. Leaves to others: damage within a file.

use super::{OpenError, journal_of, snapshot_of};
use crate::base::remedy;
use crate::engine::table::{self, manifest};
use crate::journal::disk::{Fault, FaultKind, Segments};
use crate::journal::mark::{self, Found, Mark};
use crate::journal::replay::End;
use crate::journal::snapshot::{self, Covered};
use crate::journal::state::State;
use crate::wire::disk;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

/// Whether there is a campaign in `home`.
///
/// # Errors
/// There is none, and something of one: its manifest is missing, or it cannot be told.
pub fn is_there(home: &Path, disk: &mut dyn Segments) -> Result<bool, OpenError> {
    let manifest = home.join(manifest::FILE);
    if size_of(&manifest)?.is_some() {
        return Ok(true);
    }
    let mut left = None;
    for name in table::FILES {
        // Files that were made and never written to are of a campaign that never began.
        let path = home.join(name);
        left = left.or(size_of(&path)?.filter(|octets| *octets > 0).map(|_| path));
    }
    left = left.or(size_of(&snapshot_of(home))?.map(|_| snapshot_of(home)));
    left = left.or(disk.segments()?.first().map(|_| journal_of(home)));
    let octets = disk.mark()?;
    // The mark is made before the manifest.
    let is_fresh = |mark: Mark| mark.epoch == 0;
    left = left.or((!octets.is_empty() && !mark::newest(&octets).is_some_and(is_fresh)).then(|| mark_of(home)));
    match left {
        Some(left) => Err(OpenError::NoManifest { manifest, left }),
        None => Ok(false),
    }
}

/// The mark's file in the campaign's directory.
fn mark_of(home: &Path) -> PathBuf {
    journal_of(home).join("mark")
}

fn size_of(path: &Path) -> io::Result<Option<u64>> {
    match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found
            .map(|m| Some(m.len()))
            .map_err(|e| io::Error::new(e.kind(), format!("cannot examine {}: {}", path.display(), remedy::told(&e)))),
    }
}

/// What is known of the journal's end before its segments are read.
#[derive(Clone, Debug)]
pub struct Known {
    /// The end.
    pub end: End,
    /// Why the mark beside the segments cannot be read, if that is so.
    pub fault: Option<Fault>,
    /// Whether the mark that is kept outside of the campaign's directory is newer than all that is in there.
    pub is_older: bool,
}

/// What the marks say of the journal's end: the one beside its segments, or the one outside, whichever is newer.
///
/// # Errors
/// A mark is another campaign's, may not be read, or something lies behind it; the one outside is there and says nothing.
pub fn end_of(home: &Path, disk: &mut dyn Segments, identity: u64) -> Result<Known, OpenError> {
    let (end, fault) = end_within(home, disk, identity)?;
    let kept = match disk.kept_mark(identity) {
        Err(fault) if fault.kind == FaultKind::Denied => return Err(fault.into()),
        Err(fault) => return Err(kept_lost(home, identity, &fault.why)),
        Ok(None) => None,
        Ok(Some(octets)) => match mark::read(&octets, identity) {
            Found::Mark(mark) => Some(mark),
            Found::Foreign | Found::Nothing => return Err(kept_lost(home, identity, "it is no mark of this campaign")),
        },
    };
    Ok(match (end, kept) {
        (End::Behind(own), Some(kept)) if kept.is_newer_than(&own) => {
            Known { end: End::Behind(kept), fault, is_older: true }
        }
        // It was written at the same time, and says the same.
        (End::MarkLost, Some(kept)) => Known { end: End::Behind(kept), fault: None, is_older: false },
        (end, _) => Known { end, fault, is_older: false },
    })
}

fn kept_lost(home: &Path, identity: u64, why: &str) -> OpenError {
    OpenError::KeptMark { home: home.to_owned(), place: format!("marks/{identity:016x}"), why: why.to_owned() }
}

/// What the mark beside the segments says; also why it cannot be read, if that is so.
fn end_within(home: &Path, disk: &mut dyn Segments, identity: u64) -> Result<(End, Option<Fault>), OpenError> {
    match disk.mark() {
        Err(fault) if fault.kind == FaultKind::Denied => Err(fault.into()),
        Err(fault) => Ok((End::MarkLost, Some(fault))),
        Ok(octets) if octets.len() as u64 > mark::OCTETS => {
            let (place, end) = (mark_of(home), mark::OCTETS);
            Err(OpenError::Surplus { octets: octets.len() as u64 - end, place, end })
        }
        Ok(octets) => match mark::read(&octets, identity) {
            Found::Mark(mark) => Ok((End::Behind(mark), None)),
            Found::Nothing => Ok((End::MarkLost, None)),
            Found::Foreign => Err(OpenError::Foreign {
                place: mark_of(home),
                hint: "restore it from a copy of this campaign; or remove it: the next start says what follows from that",
            }),
        },
    }
}

/// The snapshot, and which frames it covers; `None` if there is none. One that cannot be read is an error within: the journal
/// has all that it says.
///
/// # Errors
/// It is another campaign's, or may not be read.
pub fn snapshot_in(home: &Path, identity: u64) -> Result<Option<io::Result<(State, Covered)>>, OpenError> {
    let path = snapshot_of(home);
    // What is no file (a pipe) is not waited for.
    let is_other = fs::metadata(&path).is_ok_and(|found| !found.is_file());
    let opened = if is_other { Err(io::Error::other("it is no file")) } else { File::open(&path) };
    let read = match opened {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return Err(disk::fault("read", &path, &e).into()),
        opened => opened.and_then(|file| snapshot::decode(&mut BufReader::new(file))),
    };
    if read.as_ref().is_ok_and(|(_, covered)| covered.journal != identity) {
        let hint = "restore it from a copy of this campaign; or remove it: it only shortens the start";
        return Err(OpenError::Foreign { place: snapshot_of(home), hint });
    }
    Ok(Some(read))
}
