//! The suppression in force: read at the start, and again whenever one of its files changes.
//!
//! Guarantees: what is in force is always a whole set: a file that is still being written, cannot be read or holds a line
//! that means nothing leaves the last good one in force, and says so once. Whoever asks again pays for one look at a number,
//! and takes a lock only for a set it has not seen; the files are read on a thread of their own. Leaves to others: asking before each hand-over (`engine::render`), and taking
//! back what was rendered under an older set (the shards).

use crate::base::caught::caught;
use crate::engine::loader::print::mark_of;
use crate::engine::message::{Line, ToShard};
use crate::engine::suppression::{Suppression, SuppressionError};
use crate::engine::table::FileMark;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often a start reads files that change while it does.
const READS_MAX: usize = 5;

/// A set, and which one it is.
#[derive(Clone)]
pub struct InForce {
    /// The set.
    pub set: Arc<Suppression>,
    /// Its number: rises with each change.
    pub edition: u32,
}

/// See the head of this file. Clones share what is in force.
#[derive(Clone)]
pub struct Suppressions {
    secret: [u8; 16],
    files: Arc<[PathBuf]>,
    seen: Vec<Option<FileMark>>,
    now: Arc<Shared>,
}

/// What is in force, and its edition, which is written last.
struct Shared {
    edition: AtomicU32,
    now: Mutex<InForce>,
}

impl Suppressions {
    /// Reads the files. `secret` keys the hashes; it should be random.
    ///
    /// # Errors
    /// A file that cannot be read, that is written all the time, or a line that means nothing.
    pub fn read(secret: [u8; 16], files: &[PathBuf]) -> Result<Self, SuppressionError> {
        let mut seen = marks(files);
        for _ in 0..READS_MAX {
            let set = Arc::new(Suppression::read(secret, files)?);
            let after = marks(files);
            if after == seen {
                let now = Mutex::new(InForce { set, edition: 0 });
                let now = Arc::new(Shared { edition: AtomicU32::new(0), now });
                return Ok(Self { secret, files: files.into(), seen, now });
            }
            seen = after;
            std::thread::sleep(LOOK / 4);
        }
        let error = io::Error::other("one of them is being written; hint: start again when it is whole");
        let path = files.first().cloned().unwrap_or_default();
        Err(SuppressionError::Read { path, error })
    }

    /// What is in force now.
    #[must_use]
    pub fn in_force(&self) -> InForce {
        self.now.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes what was in force once what is in force now.
    pub fn bring_up_to_date(&self, known: &mut InForce) {
        if known.edition != self.now.edition.load(Ordering::Acquire) {
            *known = self.in_force();
        }
    }

    /// Looks at the files: whether another set is in force now. A file must have rested from one look to the next.
    fn look(&mut self, before: &mut Vec<Option<FileMark>>) -> Option<u32> {
        let marks_now = marks(&self.files);
        let rested = *before == marks_now;
        before.clone_from(&marks_now);
        if !rested || marks_now == self.seen {
            return None;
        }
        let read = Suppression::read(self.secret, &*self.files);
        if marks(&self.files) != marks_now {
            return None;
        }
        self.seen = marks_now;
        match read {
            Ok(set) => {
                let mut now = self.now.now.lock().unwrap_or_else(PoisonError::into_inner);
                *now = InForce { set: Arc::new(set), edition: now.edition.wrapping_add(1) };
                self.now.edition.store(now.edition, Ordering::Release);
                tracing::info!(entries = now.set.len(), "the suppression has changed: it is in force from here on");
                Some(now.edition)
            }
            Err(error) => {
                tracing::warn!(%error, "the suppression has changed and cannot be used: the one before stays in force");
                None
            }
        }
    }
}

fn marks(files: &[PathBuf]) -> Vec<Option<FileMark>> {
    files.iter().map(|file| std::fs::metadata(file).ok().and_then(|file| mark_of(&file))).collect()
}

/// The thread that looks at the files.
pub struct Watcher {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Starts it, if there are files to look at; `lines` are told of each new edition.
    ///
    /// # Errors
    /// No thread can be had.
    pub fn spawn(suppressions: Suppressions, lines: Vec<Line>) -> io::Result<Self> {
        if suppressions.files.is_empty() {
            return Ok(Self { stop: None, thread: None });
        }
        let (stop, stopped) = bounded(0);
        let name = "suppression".to_owned();
        let thread = std::thread::Builder::new().name(name).spawn(move || watch(suppressions, &lines, &stopped))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    /// Ends it.
    pub fn join(mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn watch(mut suppressions: Suppressions, lines: &[Line], stopped: &Receiver<()>) {
    let mut before = suppressions.seen.clone();
    while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        match caught(|| suppressions.look(&mut before)) {
            Ok(Some(edition)) => lines.iter().for_each(|line| line.tell(ToShard::Suppression(edition))),
            Ok(None) => {}
            Err(why) => tracing::error!(why, "the suppression cannot be looked at: the one before stays in force"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stops(list: &Suppressions, text: &str) -> bool {
        let at = text.find('@').unwrap();
        list.in_force().set.stops(text.as_bytes(), at, &mut Vec::new())
    }

    #[test]
    fn a_change_is_in_force_once_the_file_rests_and_a_bad_one_never() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("no.txt");
        let put = |text: &str| std::fs::write(&file, text).unwrap();
        put("ann@a.example\n");
        let mut list = Suppressions::read([3; 16], std::slice::from_ref(&file)).unwrap();
        let mut before = list.seen.clone();
        assert_eq!(list.look(&mut before), None, "nothing has changed");
        put("ann@a.example\nbob@a.example\n");
        assert_eq!(list.look(&mut before), None, "it may still be written");
        assert_eq!(list.look(&mut before), Some(1));
        assert!(stops(&list, "bob@a.example") && list.in_force().edition == 1);
        put("ann@a.example\nb*b@a.example and more\n");
        list.look(&mut before);
        assert_eq!(list.look(&mut before), None);
        assert!(stops(&list, "bob@a.example"), "the last good one stays");
        std::fs::remove_file(&file).unwrap();
        list.look(&mut before);
        assert_eq!(list.look(&mut before), None);
        assert!(stops(&list, "bob@a.example"), "a file that is gone stops nobody less");
        put("eve@a.example");
        list.look(&mut before);
        let mut known = list.in_force();
        assert_eq!(list.look(&mut before), Some(2));
        assert!(stops(&list, "eve@a.example") && !stops(&list, "bob@a.example"));
        list.bring_up_to_date(&mut known);
        assert!(known.edition == 2 && known.set.stops(b"eve@a.example", 3, &mut Vec::new()));
    }

    #[test]
    fn who_knows_what_is_in_force_takes_no_lock_for_it() {
        let list = Suppressions::read([3; 16], &[]).unwrap();
        let mut known = list.in_force();
        let held = list.now.now.lock().unwrap();
        let (done, came) = bounded(1);
        let asks = list.clone();
        let asking = std::thread::spawn(move || {
            asks.bring_up_to_date(&mut known);
            done.send(known.edition)
        });
        assert_eq!(came.recv_timeout(Duration::from_secs(60)), Ok(0));
        drop(held);
        asking.join().unwrap().unwrap();
    }
}
