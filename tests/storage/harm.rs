//! The ways in which a file can be harmed.

use posthaste::journal::disk::{Disk, Fault, FaultKind, Segments};
use posthaste::journal::mark::Mark;
use posthaste::wire::disk::Files;
use std::fs;
use std::path::Path;

/// A way to harm a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    Flip,
    Zero,
    Tear,
    Cut,
    Surplus,
    Delete,
    Swap,
    Older,
    Foreign,
    Unreadable,
    Eio,
}

pub const WAYS: [Way; 11] = [
    Way::Flip,
    Way::Zero,
    Way::Tear,
    Way::Cut,
    Way::Surplus,
    Way::Delete,
    Way::Swap,
    Way::Older,
    Way::Foreign,
    Way::Unreadable,
    Way::Eio,
];

/// What was done.
#[derive(Clone, Debug)]
pub struct Harm {
    files: Vec<String>,
    /// Reads of this segment fail from this offset on, over so many octets, in this way.
    injected: Option<(u32, u64, u64, FaultKind)>,
}

/// The files of a campaign that a start reads.
pub fn files(home: &Path) -> Vec<String> {
    let mut files: Vec<String> = ["manifest", "rows.dat", "rows.idx", "domains.dir", "state.snap", "j/mark"]
        .iter()
        .map(ToString::to_string)
        .filter(|name| home.join(name).exists())
        .collect();
    let segments = fs::read_dir(home.join("j")).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap());
    let mut segments: Vec<String> = segments.filter(|n| n.ends_with(".jnl")).map(|n| format!("j/{n}")).collect();
    segments.sort();
    files.extend(segments);
    files
}

impl Harm {
    /// Nothing was harmed.
    pub fn none() -> Self {
        Self { files: Vec::new(), injected: None }
    }

    /// Harms `file` in the campaign's directory `home`.
    pub fn done(home: &Path, file: &str, way: Way, older: &Path, foreign: &Path, random: &mut fastrand::Rng) -> Self {
        let path = home.join(file);
        let mut harm = Self { files: vec![file.to_owned()], injected: None };
        let mut octets = fs::read(&path).unwrap();
        // A segment's unused end is zeros: the places are where something is.
        let used = octets.iter().rposition(|o| *o != 0).map_or(0, |at| at + 1);
        let at = random.usize(..used.max(1));
        let len = (1 << random.u32(0..14)).min(octets.len() - at);
        let segment = file.strip_prefix("j/").and_then(|n| n.strip_suffix(".jnl")).and_then(|n| n.parse().ok());
        match way {
            Way::Flip => octets[at] ^= 1 << random.u32(0..8),
            Way::Zero => octets[at..at + len].fill(0),
            Way::Tear => octets[at..].chunks_mut(512).filter(|_| random.bool()).for_each(|sector| sector.fill(0xee)),
            Way::Cut => octets.truncate(at),
            Way::Surplus => octets.extend((0..len.max(1)).map(|_| random.u8(1..))),
            Way::Delete => {
                fs::remove_file(&path).unwrap();
                return harm;
            }
            Way::Swap => {
                let all = files(home);
                let other = all[random.usize(..all.len())].clone();
                let theirs = fs::read(home.join(&other)).unwrap();
                fs::write(home.join(&other), &octets).unwrap();
                harm.files.push(other);
                octets = theirs;
            }
            Way::Older if older.join(file).exists() => octets = fs::read(older.join(file)).unwrap(),
            Way::Older => {}
            Way::Foreign if foreign.join(file).exists() => octets = fs::read(foreign.join(file)).unwrap(),
            Way::Foreign => octets.reverse(),
            Way::Unreadable | Way::Eio if segment.is_some() => {
                let kind = if way == Way::Eio { FaultKind::Broken } else { FaultKind::Denied };
                harm.injected = segment.map(|n| (n, at as u64, len as u64, kind));
                return harm;
            }
            Way::Unreadable | Way::Eio => {
                fs::remove_file(&path).unwrap();
                if way == Way::Eio {
                    fs::create_dir(&path).unwrap();
                } else {
                    // A link to itself: opening it fails for every user.
                    std::os::unix::fs::symlink(&path, &path).unwrap();
                }
                return harm;
            }
        }
        fs::write(&path, octets).unwrap();
        harm
    }

    /// Whether only reads through [`Failing`] fail.
    pub fn is_injected(&self) -> bool {
        self.injected.is_some()
    }

    /// Words one of which an error has to have.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for file in &self.files {
            match file.strip_prefix("j/") {
                Some("mark") => names.extend(["mark", "segment"].map(str::to_owned)),
                Some(segment) => {
                    names.push(segment.to_owned());
                    names.push("segment".to_owned());
                    // Without its end the journal may know of nothing that is left.
                    names.push("mark".to_owned());
                }
                None if file == "manifest" => names.extend(["manifest", "of another campaign"].map(str::to_owned)),
                None => names.push(file.clone()),
            }
        }
        names
    }
}

/// The files of a journal, some of which cannot be read.
pub struct Failing {
    pub files: Files,
    pub harm: Harm,
}

impl Segments for Failing {
    fn segments(&mut self) -> Result<Vec<(u32, u64)>, Fault> {
        self.files.segments()
    }

    fn read(&mut self, segment: u32, offset: u64, into: &mut [u8]) -> Result<usize, Fault> {
        if let Some((harmed, from, octets, kind)) = self.harm.injected
            && harmed == segment
            && offset < from + octets
            && from < offset + into.len() as u64
        {
            let place = format!("j/{segment:04}.jnl");
            return Err(Fault { what: "read", place, why: "injected".to_owned(), kind });
        }
        self.files.read(segment, offset, into)
    }

    fn mark(&mut self) -> Result<Vec<u8>, Fault> {
        self.files.mark()
    }

    fn kept_mark(&mut self, journal: u64) -> Result<Option<Vec<u8>>, Fault> {
        self.files.kept_mark(journal)
    }
}

impl Disk for Failing {
    fn prepare(&mut self, segment: u32, octets: u64) {
        self.files.prepare(segment, octets);
    }

    fn prepared(&mut self, wait: bool) -> Option<Result<u32, Fault>> {
        self.files.prepared(wait)
    }

    fn write(&mut self, segment: u32, offset: u64, octets: &[u8]) -> Result<(), Fault> {
        self.files.write(segment, offset, octets)
    }

    fn look(&mut self, segment: u32) -> Result<(), Fault> {
        self.files.look(segment)
    }

    fn set_mark(&mut self, mark: &Mark, wait: bool) -> Result<(), Fault> {
        self.files.set_mark(mark, wait)
    }

    fn pack(&mut self, segment: u32) {
        self.files.pack(segment);
    }

    fn remove(&mut self, segment: u32) -> Result<(), Fault> {
        self.files.remove(segment)
    }
}
