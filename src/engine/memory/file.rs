//! The memory's file: one line of JSON for each host, replaced whole; and the thread that writes it.
//!
//! Guarantees: a file that is not what was written is set aside under another name and reported, never an error of the
//! start and never deleted; one that cannot be read is no damage but an error, and stays as it is; reading is bounded in
//! octets; a crash leaves the old file or the new one.
//! Leaves to others: what is kept, and for how long.

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Host, Learnt, Memory};
use crate::base::clock::UnixTime;
use crate::journal::disk::Fault;
use crate::smtp::client::Lesson;
use crate::wire::clock::unix_now;
use crate::wire::disk;

/// The first line: what the file is, and in which form.
const HEAD: &str = "{\"posthaste\":\"hosts\",\"version\":1}";
/// A larger file was not written here.
const OCTETS_MAX: u64 = 128 << 20;
/// How often what changed is written.
const WRITTEN_EACH: Duration = Duration::from_secs(60);

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    host: Box<str>,
    port: u16,
    lessons: Vec<(Lesson, u32)>,
}

/// Reads the memory of an earlier process. With a file that is damaged: an empty memory, the damaged file renamed, and
/// the sentence that says so.
///
/// # Errors
/// The file cannot be read, or is damaged and cannot be renamed. It is as it was.
pub fn open(path: &Path, now: UnixTime) -> Result<(Memory, Option<String>), Fault> {
    let opened = disk::access::refuse_pipe(path).and_then(|()| std::fs::File::open(path));
    let why = match opened.and_then(|file| read(file, now)) {
        Ok(memory) => return Ok((memory, None)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok((Memory::default(), None)),
        Err(e) if e.kind() == io::ErrorKind::InvalidData => e,
        Err(e) => return Err(disk::fault("read what hosts taught from", path, &e)),
    };
    let mut aside = path.as_os_str().to_owned();
    aside.push(".damaged");
    std::fs::rename(path, &aside).map_err(|e| disk::fault("set aside the damaged file", path, &e))?;
    let said = format!("{}: {why}: set aside as {}", path.display(), Path::new(&aside).display());
    Ok((Memory::default(), Some(said)))
}

/// `InvalidData`: it is not what was written.
fn read(file: std::fs::File, now: UnixTime) -> io::Result<Memory> {
    let damaged = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let octets = file.metadata()?.len();
    if octets > OCTETS_MAX {
        return Err(damaged(format!("has {octets} octets, more than {OCTETS_MAX}")));
    }
    let at = |number: u32, e: io::Error| match e.kind() {
        io::ErrorKind::InvalidData => damaged(format!("line {number}: {e}")),
        _ => e,
    };
    let memory = Memory::default();
    let mut lines = BufReader::new(file.take(OCTETS_MAX)).lines();
    let head = lines.next().transpose().map_err(|e| at(1, e))?;
    if head.as_deref() != Some(HEAD) {
        return Err(damaged("line 1: is not the head of a file of hosts".to_owned()));
    }
    for (line, number) in lines.zip(2u32..) {
        let text = line.map_err(|e| at(number, e))?;
        let line: Line = serde_json::from_str(&text).map_err(|e| damaged(format!("line {number}: {e}")))?;
        let host = Host { name: line.host.into(), port: line.port };
        for (lesson, at) in line.lessons {
            // What seems to come from the future would be kept for longer than its time.
            memory.learn(&host, lesson, UnixTime(at.min(now.0)));
        }
    }
    memory.changed.store(false, Ordering::Relaxed);
    Ok(memory)
}

fn write(memory: &Memory, path: &Path, now: UnixTime) -> Result<(), Fault> {
    let kept = memory.kept(now);
    disk::replace(path, |out| {
        writeln!(out, "{HEAD}")?;
        for (host, lessons) in kept {
            let lessons = lessons.into_iter().map(|(lesson, at): Learnt| (lesson, at.0)).collect();
            serde_json::to_writer(&mut *out, &Line { host: (*host.name).into(), port: host.port, lessons })?;
            out.write_all(b"\n")?;
        }
        Ok(())
    })
}

/// The thread that writes a memory to its file, now and then and at the end.
pub struct Keeper {
    end: Sender<()>,
    thread: JoinHandle<()>,
}

impl Keeper {
    /// Starts it.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn spawn(memory: Arc<Memory>, path: PathBuf) -> io::Result<Self> {
        let (end, ended) = bounded::<()>(0);
        let thread = std::thread::Builder::new().name("memory".to_owned()).spawn(move || {
            loop {
                let over = ended.recv_timeout(WRITTEN_EACH) == Err(RecvTimeoutError::Disconnected);
                if memory.changed.swap(false, Ordering::Relaxed)
                    && let Err(fault) = write(&memory, &path, unix_now())
                {
                    // Only time is lost: the next process learns again. A full disk is told of by the journal.
                    tracing::warn!(%fault, "what hosts taught is not written down");
                    memory.changed.store(true, Ordering::Relaxed);
                }
                if over {
                    return;
                }
            }
        })?;
        Ok(Self { end, thread })
    }

    /// Writes what is new, and ends.
    pub fn join(self) {
        drop(self.end);
        let _ = self.thread.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::disk::FaultKind;
    use crate::smtp::client::Known;

    fn mx() -> Host {
        Host { name: "mx.example".into(), port: 25 }
    }

    #[test]
    fn what_was_learnt_outlives_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts.jsonl");
        let (memory, damage) = open(&path, UnixTime(0)).unwrap();
        assert_eq!((memory.hosts(), damage), (0, None));
        let memory = Arc::new(memory);
        let now = unix_now();
        memory.learn(&mx(), Lesson::PipeliningBroken, now);
        memory.learn(&mx(), Lesson::StarttlsBroken, UnixTime(now.0 - 2 * 86_400));
        memory.learn(&Host { port: 587, ..mx() }, Lesson::TransactionsMax(7), now);
        Keeper::spawn(memory.clone(), path.clone()).unwrap().join();
        let (again, damage) = open(&path, now).unwrap();
        assert_eq!((again.hosts(), damage), (2, None));
        assert_eq!(again.known(&mx(), now), Known { pipelining_broken: true, ..Known::default() });
        assert_eq!(again.known(&Host { port: 587, ..mx() }, now).transactions_max, Some(7));
        assert!(!again.changed.load(Ordering::Relaxed), "nothing is new");
    }

    #[test]
    fn a_damaged_file_is_set_aside_with_its_place_and_the_memory_begins_anew() {
        let good = format!("{HEAD}\n{{\"host\":\"a.example\",\"port\":25,\"lessons\":[[\"EhloRefused\",5]]}}\n");
        for (octets, said) in [
            (Vec::new(), "line 1: is not the head"),
            (b"hello\n".to_vec(), "line 1: is not the head"),
            (good.replace("EhloRefused", "EhloRefuse").into_bytes(), "line 2: unknown variant"),
            (good.replace("25", "70000").into_bytes(), "line 2: invalid value"),
            (good.as_bytes()[..good.len() - 9].to_vec(), "line 2: EOF"),
            ([good.as_bytes(), b"\xff\xfe\n"].concat(), "line 3: "),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("hosts.jsonl");
            std::fs::write(&path, &octets).unwrap();
            let (memory, damage) = open(&path, UnixTime(10)).unwrap();
            let damage = damage.unwrap();
            assert!(damage.contains(said) && damage.contains("hosts.jsonl.damaged"), "{damage}");
            assert_eq!(memory.hosts(), 0);
            assert!(!path.exists());
            assert_eq!(std::fs::read(folder.path().join("hosts.jsonl.damaged")).unwrap(), octets);
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error_with_its_place_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts.jsonl");
        std::fs::create_dir(&path).unwrap();
        let fault = open(&path, UnixTime(10)).err().unwrap();
        assert_eq!(fault.kind, FaultKind::Blocked);
        let told = fault.to_string();
        assert!(told.contains("hosts.jsonl") && told.contains("hint: "), "{told}");
        assert!(path.is_dir() && !folder.path().join("hosts.jsonl.damaged").exists());
        // Nor is what is damaged and cannot be set aside written over.
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, "hello").unwrap();
        std::fs::create_dir(folder.path().join("hosts.jsonl.damaged")).unwrap();
        let told = open(&path, UnixTime(10)).err().unwrap().to_string();
        assert!(told.contains("cannot set aside the damaged file") && told.contains("hosts.jsonl"), "{told}");
        assert_eq!(std::fs::read(&path).unwrap(), b"hello");
    }

    #[test]
    fn a_lesson_from_the_future_is_not_kept_for_longer_than_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts.jsonl");
        let text =
            format!("{HEAD}\n{{\"host\":\"mx.example\",\"port\":25,\"lessons\":[[\"EhloRefused\",4000000000]]}}\n");
        std::fs::write(&path, text).unwrap();
        let (memory, damage) = open(&path, UnixTime(1_000_000)).unwrap();
        assert_eq!(damage, None);
        assert!(memory.known(&mx(), UnixTime(1_000_000)).ehlo_refused);
        assert!(!memory.known(&mx(), UnixTime(1_000_000 + 7 * 86_400)).ehlo_refused);
    }
}
