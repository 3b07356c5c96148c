//! The disk's face: what a journal needs of storage, small enough for a simulated one. `wire` has the real one.

use super::mark::Mark;
use std::fmt;

/// A disk said no. Reads as one sentence: what, where, why; `hint:` what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Fault {
    /// What was tried: "write", "prepare a segment".
    pub what: &'static str,
    /// The file or directory.
    pub place: String,
    /// The system's words.
    pub why: String,
    /// What kind of trouble.
    pub kind: FaultKind,
}

/// How a [`FaultKind::Lost`] is known by its words.
pub const IN_NO_FILE: &str = "are in no file";

/// The kinds of trouble that call for different remedies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// No space, or over quota.
    Full,
    /// A file may not grow so far.
    Limited,
    /// The file system is read-only.
    ReadOnly,
    /// We may not.
    Denied,
    /// Another process holds it.
    Held,
    /// It is not there.
    Missing,
    /// A directory lies in its place.
    Blocked,
    /// This process, or the system, may open no more files.
    Crowded,
    /// It is gone, or cut, with what was written to it.
    Lost,
    /// It lies elsewhere.
    Moved,
    /// The device failed, or anything else.
    Broken,
}

impl FaultKind {
    /// What to do about it.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::Full => "make room on that file system, then run the same command again: it resumes",
            Self::Limited => {
                "raise the limit on the size of files (ulimit -f, LimitFSIZE= of systemd), then run the same command again: \
                 it resumes"
            }
            Self::ReadOnly => "remount it read-write, then run the same command again: it resumes",
            Self::Denied => {
                "run this as the user whose files they are (ls -l names them), or give this user permission to read and write \
                 there (chown, chmod); then run the same command again: it resumes"
            }
            Self::Held => "wait for it to end",
            Self::Missing => "check the path",
            Self::Blocked => {
                "a directory lies in the place of that file: move it away, then run the same command again"
            }
            Self::Crowded => {
                "raise the limit on open files (ulimit -n, LimitNOFILE= of systemd), then run the same command again: it resumes"
            }
            Self::Lost => {
                "look for what removes or cuts files there; who was mailed stands in the event log, if one was kept (--events); \
                 sent again as it is, the campaign may go once more to whom it has reached"
            }
            Self::Moved => "move it back to where it was, then run the same command again: it resumes",
            Self::Broken => {
                "look at the kernel's log (dmesg) for the device, then run the same command again: it resumes"
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: {}\nhint: {}", self.what, self.place, self.why, self.kind.hint())
    }
}

/// Segments that can be read.
pub trait Segments {
    /// The segments that exist, in rising order, and how long each is.
    ///
    /// # Errors
    /// The directory cannot be read.
    fn segments(&mut self) -> Result<Vec<(u32, u64)>, Fault>;

    /// Reads from `offset` on; returns how many octets came, less than asked only at the segment's end.
    ///
    /// # Errors
    /// The device could not read them.
    fn read(&mut self, segment: u32, offset: u64, into: &mut [u8]) -> Result<usize, Fault>;

    /// The octets of the journal's mark (see [`super::mark`]); none if it has no mark.
    ///
    /// # Errors
    /// They cannot be read.
    fn mark(&mut self) -> Result<Vec<u8>, Fault>;

    /// The octets of the mark of this journal that is kept outside of all that belongs to it; `None` if there is none.
    ///
    /// # Errors
    /// They cannot be read.
    fn kept_mark(&mut self, journal: u64) -> Result<Option<Vec<u8>>, Fault> {
        let _ = journal;
        Ok(None)
    }
}

/// A disk that a journal is written to.
pub trait Disk: Segments {
    /// Starts to make a new segment of zeros, durable itself and by name. One at a time.
    fn prepare(&mut self, segment: u32, octets: u64);

    /// A preparation that has ended: its segment, or why not (what was made of it is removed). Waits for it when `wait`.
    fn prepared(&mut self, wait: bool) -> Option<Result<u32, Fault>>;

    /// Writes whole pages; they are on stable storage when it returns.
    ///
    /// # Errors
    /// Anything. The state of what was to be written is unknown, and trying again would prove nothing: a failed sync
    /// may have dropped the octets from memory and will succeed the next time.
    fn write(&mut self, segment: u32, offset: u64, octets: &[u8]) -> Result<(), Fault>;

    /// Looks whether the file of a segment that was made in this run still is what was made, at its place.
    ///
    /// # Errors
    /// It was removed, replaced, moved or cut: what is written to it reaches no later run.
    fn look(&mut self, segment: u32) -> Result<(), Fault>;

    /// Puts this mark in the place of the journal's last one: on stable storage when it returns if `wait`, else some time, and
    /// not before any earlier one.
    ///
    /// # Errors
    /// This mark, or an earlier one, cannot be written.
    fn set_mark(&mut self, mark: &Mark, wait: bool) -> Result<(), Fault>;

    /// Packs a segment that is written to no more (see [`super::replay::pack`]), some time or never: it only saves room. The
    /// packed one takes the place of the original whole, or not at all.
    fn pack(&mut self, segment: u32);

    /// Removes a segment that has never been written to, or gives up making it.
    ///
    /// # Errors
    /// It cannot be removed.
    fn remove(&mut self, segment: u32) -> Result<(), Fault>;
}
