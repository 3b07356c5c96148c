//! The suppression in force: read at the start, and again whenever one of its files changes.
//!
//! Guarantees: a change is in force within two looks, and a look that is late looks until it is: the shards hand nobody over
//! meanwhile (`sight`). Of files that cannot be read, or hold a line that means nothing, what
//! can be read is in force at once beside the last whole set, and the mailing is held: whom the rest of them would have
//! stopped nobody knows. A pause ends only after a look. Whoever asks again pays for one look at a number, and takes a lock
//! only for a set it has not seen; the files are read on a thread of their own, for which the end waits no longer than a moment.
//! Leaves to others: asking before each
//! hand-over (`engine::render`), and taking back what was rendered under an older set (the shards).

use crate::base::caught::caught;
use crate::base::clock::Now;
use crate::engine::board::Board;
use crate::engine::held::Held;
use crate::engine::loader::print::{TICK, is_fresh, mark_of};
use crate::engine::message::{Line, ToShard};
use crate::engine::suppression::{Suppression, SuppressionError};
use crate::engine::table::FileMark;
use crate::wire::clock;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// What a look may follow another one by, at least: a file that has not changed meanwhile rests.
const RESTS: Duration = Duration::from_millis(250);
/// So long is waited for a look that is under way at the end: it may be at a file system that hangs.
const PARTING: Duration = Duration::from_secs(1);
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
    seen: Marks,
    /// What was written before then is in force, but for a file that is still being written.
    clear: Now,
    /// Looks in a row that found a file changed.
    restless: usize,
    /// The last set that was read whole, while another one is in force.
    whole: Option<Arc<Suppression>>,
    now: Arc<Shared>,
}

/// The files as one look found them.
type Marks = Vec<Option<FileMark>>;

/// The look before, and when it began.
struct Before {
    marks: Marks,
    at: Now,
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
        if seen.iter().flatten().any(|mark| is_fresh(mark, SystemTime::now())) {
            // It may be written again under the same mark: of what rests each later change is seen.
            std::thread::sleep(TICK);
            seen = marks(files);
        }
        for _ in 0..READS_MAX {
            let set = Arc::new(Suppression::read(secret, files)?);
            let clear = clock::now();
            let after = marks(files);
            if after == seen {
                let now = Mutex::new(InForce { set, edition: 0 });
                let now = Arc::new(Shared { edition: AtomicU32::new(0), now });
                return Ok(Self { secret, files: files.into(), seen, clear, restless: 0, whole: None, now });
            }
            seen = after;
            std::thread::sleep(RESTS);
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

    /// Looks at the files: what is in force now, if that has changed. A file must have rested from one look to the next.
    fn look(&mut self, before: &mut Before) -> Option<Change> {
        let at = clock::now();
        let marks_now = marks(&self.files);
        let last = std::mem::replace(before, Before { marks: marks_now.clone(), at });
        if marks_now == self.seen {
            (self.clear, self.restless) = (at, 0);
            return None;
        }
        if last.marks != marks_now {
            // It was written to since the last look.
            self.clear = later(self.clear, last.at);
            self.restless += 1;
            // A file that is written to all the time is heeded all the same.
            return (self.restless == READS_MAX).then(|| {
                (self.clear, self.restless) = (at, 0);
                Change { edition: self.salvage(), fault: None }
            });
        }
        let read = Suppression::read(self.secret, &*self.files);
        let again = clock::now();
        if marks(&self.files) != marks_now {
            self.clear = later(self.clear, at);
            return None;
        }
        (self.seen, self.clear, self.restless) = (marks_now, again, 0);
        Some(match read {
            Ok(set) => {
                self.whole = None;
                Change { edition: self.put(set), fault: None }
            }
            Err(error) => Change { edition: self.salvage(), fault: Some(error) },
        })
    }

    /// Looks until what is in force is what the files say, or what can be read of files that never rest.
    fn settle(&mut self) -> Option<Change> {
        let mut before = Before { marks: Vec::new(), at: Now::default() };
        for _ in 0..READS_MAX {
            let change = self.look(&mut before);
            if change.is_some() || before.marks == self.seen {
                return change;
            }
            std::thread::sleep(RESTS);
        }
        let edition = self.salvage();
        self.clear = clock::now();
        Some(Change { edition, fault: None })
    }

    fn put(&self, set: Suppression) -> u32 {
        let mut now = self.now.now.lock().unwrap_or_else(PoisonError::into_inner);
        tracing::info!(entries = set.len(), "the suppression has changed: it is in force from here on");
        *now = InForce { set: Arc::new(set), edition: now.edition.wrapping_add(1) };
        self.now.edition.store(now.edition, Ordering::Release);
        now.edition
    }

    /// Puts in force what can be read of the files, beside what the last whole ones said.
    fn salvage(&mut self) -> u32 {
        let whole = self.whole.clone().unwrap_or_else(|| self.in_force().set);
        self.whole = Some(whole.clone());
        let set = Suppression::salvage(self.secret, &*self.files, whole);
        self.put(set)
    }
}

/// Another set is in force.
struct Change {
    /// Its edition.
    edition: u32,
    /// Why it is not all that the files should say, if it is not.
    fault: Option<SuppressionError>,
}

fn later(one: Now, other: Now) -> Now {
    if one.mono < other.mono { other } else { one }
}

fn marks(files: &[PathBuf]) -> Marks {
    files.iter().map(|file| std::fs::metadata(file).ok().and_then(|file| mark_of(&file))).collect()
}

/// The thread that looks at the files, and whether the sending pauses.
pub struct Watcher {
    lines: Vec<Line>,
    board: Arc<Board>,
    /// Asks for a look at once.
    asks: Option<Sender<()>>,
    /// Closed once the thread has ended.
    ended: Receiver<()>,
}

impl Watcher {
    /// Starts it, if there are files to look at; `lines` are woken by each new edition.
    ///
    /// # Errors
    /// No thread can be had.
    pub fn spawn(suppressions: Suppressions, lines: Vec<Line>, board: Arc<Board>) -> io::Result<Self> {
        let (ends, ended) = bounded(0);
        let mut watcher = Self { lines: lines.clone(), board: board.clone(), asks: None, ended };
        if suppressions.files.is_empty() {
            return Ok(watcher);
        }
        let names: Vec<String> = suppressions.files.iter().map(|file| file.display().to_string()).collect();
        board.sight().of(names.join(", "));
        board.sight().clear(suppressions.in_force().edition, suppressions.clear);
        let (asks, asked) = unbounded();
        let watch = move || {
            let _ends = ends;
            watch(suppressions, &lines, &board, &asked);
        };
        std::thread::Builder::new().name("suppression".to_owned()).spawn(watch)?;
        watcher.asks = Some(asks);
        Ok(watcher)
    }

    /// Nothing new begins until the pause ends; and then nobody is handed over before a look that began later.
    pub fn pause(&self, paused: bool) {
        if let (false, Some(asks)) = (paused, &self.asks) {
            self.board.sight().want(clock::mono_now());
            let _ = asks.send(());
        }
        tell(&self.lines, || ToShard::Pause(paused));
    }

    /// Ends it.
    pub fn join(mut self) {
        if self.asks.take().is_some() {
            let _ = self.ended.recv_timeout(PARTING);
        }
    }
}

fn tell(lines: &[Line], what: impl Fn() -> ToShard) {
    lines.iter().for_each(|line| line.tell(what()));
}

fn watch(mut suppressions: Suppressions, lines: &[Line], board: &Board, asked: &Receiver<()>) {
    let mut before = Before { marks: suppressions.seen.clone(), at: suppressions.clear };
    let mut is_held = false;
    loop {
        let passed = clock::mono_now().since(before.at.mono);
        let at_once = match asked.recv_timeout(LOOK.saturating_sub(passed).max(RESTS)) {
            Ok(()) => true,
            // The process was stopped, the machine slept, or the last look took long.
            Err(RecvTimeoutError::Timeout) => !board.sight().is_clear(clock::now()),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let looked = caught(|| if at_once { suppressions.settle() } else { suppressions.look(&mut before) });
        if at_once {
            before = Before { marks: suppressions.seen.clone(), at: suppressions.clear };
        }
        let (edition, fault) = match looked {
            Ok(None) => (None, None),
            Ok(Some(Change { edition, fault })) => (Some(edition), fault.map(|fault| fault.to_string())),
            Err(why) => (None, Some(why)),
        };
        if let Some(fault) = fault {
            is_held = true;
            board.halt().hold(Held::unreadable_suppression(&fault));
            tell(lines, || ToShard::Drain);
        }
        if !is_held {
            board.sight().clear(suppressions.in_force().edition, suppressions.clear);
        }
        if edition.is_some() {
            lines.iter().for_each(|line| line.waker.wake());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::bounded;

    fn stops(list: &Suppressions, text: &str) -> bool {
        let at = text.find('@').unwrap();
        list.in_force().set.stops(text.as_bytes(), at, &mut Vec::new())
    }

    #[test]
    fn a_change_is_in_force_once_the_file_rests_and_a_bad_one_as_far_as_it_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("no.txt");
        let put = |text: &str| std::fs::write(&file, text).unwrap();
        put("ann@a.example\n");
        let mut list = Suppressions::read([3; 16], std::slice::from_ref(&file)).unwrap();
        let mut before = Before { marks: list.seen.clone(), at: list.clear };
        assert!(list.look(&mut before).is_none(), "nothing has changed");
        put("ann@a.example\nbob@a.example\n");
        assert!(list.look(&mut before).is_none(), "it may still be written");
        assert!(list.look(&mut before).is_some_and(|change| change.edition == 1 && change.fault.is_none()));
        assert!(stops(&list, "bob@a.example") && list.in_force().edition == 1);
        // Of what cannot be read whole nothing is lost: neither what can be read, nor what was in force.
        put("eve@a.example\nb*b@a.example and more\n@b.example\nc@c.exam");
        list.look(&mut before);
        let Some(Change { edition: 2, fault: Some(fault) }) = list.look(&mut before) else { panic!("no fault") };
        assert!(fault.to_string().contains("no.txt:2:14: "), "{fault}");
        assert!(["bob@a.example", "eve@a.example", "x@b.example"].iter().all(|who| stops(&list, who)));
        assert!(!stops(&list, "x@c.exam") && list.look(&mut before).is_none(), "half a line, or told twice");
        std::fs::remove_file(&file).unwrap();
        list.look(&mut before);
        assert!(list.look(&mut before).unwrap().fault.unwrap().to_string().contains("no.txt: No such file"));
        assert!(stops(&list, "bob@a.example"), "a file that is gone stops nobody less");
        put("eve@a.example");
        list.look(&mut before);
        let mut known = list.in_force();
        assert!(list.look(&mut before).unwrap().fault.is_none());
        assert!(stops(&list, "eve@a.example") && !stops(&list, "bob@a.example"));
        list.bring_up_to_date(&mut known);
        assert!(known.edition == 4 && known.set.stops(b"eve@a.example", 3, &mut Vec::new()));
    }

    #[test]
    fn what_a_look_saw_change_is_not_in_force_by_it_and_the_end_waits_for_no_look_that_hangs() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("no.txt");
        std::fs::write(&file, "").unwrap();
        let mut list = Suppressions::read([3; 16], std::slice::from_ref(&file)).unwrap();
        let mut before = Before { marks: list.seen.clone(), at: list.clear };
        let mut looks = |list: &mut Suppressions| {
            let began = clock::now().mono;
            let _ = list.look(&mut before);
            list.clear.mono >= began
        };
        assert!(looks(&mut list));
        std::fs::write(&file, "ann@a.example\n").unwrap();
        assert!(!looks(&mut list), "it may still be written");
        assert!(looks(&mut list) && stops(&list, "ann@a.example"));
        // A look that is overdue sees to it at once, whatever it was written before.
        std::fs::write(&file, "bob@a.example\n").unwrap();
        let began = clock::now().mono;
        assert!(list.settle().is_some() && list.clear.mono >= began);
        let (_hangs, ended) = bounded(0);
        let (asks, _asked) = unbounded();
        Watcher { lines: Vec::new(), board: Arc::new(Board::new(1)), asks: Some(asks), ended }.join();
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

    #[test]
    fn a_file_that_never_rests_is_heeded_and_the_end_of_a_pause_looks_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("no.txt");
        let mut text = "ann@a.example\n".to_owned();
        std::fs::write(&file, &text).unwrap();
        let mut list = Suppressions::read([3; 16], std::slice::from_ref(&file)).unwrap();
        assert!(list.settle().is_none());
        let mut before = Before { marks: list.seen.clone(), at: list.clear };
        for n in 0..READS_MAX {
            assert!(!stops(&list, "u0@a.example"));
            text += &format!("u{n}@a.example\n");
            std::fs::write(&file, &text).unwrap();
            assert_eq!(list.look(&mut before).is_some(), n + 1 == READS_MAX);
        }
        assert!(stops(&list, "u0@a.example") && stops(&list, "ann@a.example"));
        std::fs::write(&file, "bob@a.example\n").unwrap();
        assert!(list.settle().unwrap().fault.is_none());
        assert!(stops(&list, "bob@a.example") && !stops(&list, "u0@a.example"));
    }
}
