//! The recorder on a simulated disk and on a real one.

use super::*;
use crate::base::clock::UnixTime;
use crate::journal::disk::Segments;
use crate::journal::frame::FRAME_OCTETS_MAX;
use crate::journal::mark::{self, Found};
use crate::journal::record::{Kind, Record};
use crate::journal::replay::{Range, Replayed, Told, open, replay, replay_live};
use crate::journal::sim::SimDisk;
use crate::journal::snapshot::{self, Covered};
use crate::journal::state::State;
use crate::journal::writer::{Config, Start};
use crate::mail::Disposition;
use crate::wire::disk::{Files, Reader, replace};
use crossbeam_channel::{Sender, bounded, unbounded};

/// Longer than anything here takes; reaching it is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

fn record(recipient: u32, kind: Kind) -> Vec<u8> {
    let mut batch = Vec::new();
    Record { recipient, at: UnixTime(1), code: 250, kind, attempts: 1, extra: 0 }.encode_into(&mut batch);
    batch
}

fn start(
    disk: Box<dyn Disk + Send>,
    config: Config,
    start: Start,
) -> (Recorder, Sender<Append>, Receiver<(u16, Recorded)>) {
    let (sender, inbox) = bounded(64);
    let (told, heard) = unbounded();
    let notify = Box::new(move |shard, what| drop(told.send((shard, what))));
    (Recorder::spawn(disk, Journal::new(config, start), inbox, notify).unwrap(), sender, heard)
}

fn fold(directory: &std::path::Path, rows: u32) -> (State, Replayed) {
    let mut state = State::new();
    state.load(rows, 0);
    let found = replay(&mut Reader::new(directory), Range::ALL, &mut |_, octets| state.fold(octets)).unwrap();
    (state, found)
}

#[test]
fn what_shards_append_is_acknowledged_in_order_and_found_by_the_next_process() {
    let home = tempfile::tempdir().unwrap();
    let mut next = Start::fresh(7);
    for epoch in 0..3u32 {
        let files = Files::open(home.path()).unwrap();
        let (recorder, sender, heard) = start(Box::new(files), Config::default(), next);
        for n in 0..100u32 {
            let (shard, ticket) = ((n % 2) as u16, u64::from(n / 2 + 1));
            let entries = record(epoch * 100 + n, if n % 10 == 0 { Kind::Attempt } else { Kind::Delivered });
            sender.send(Append { shard, ticket, entries }).unwrap();
        }
        let mut last = [0, 0];
        while last != [50, 50] {
            match heard.recv_timeout(PATIENCE).unwrap() {
                (shard, Recorded::Durable(ticket)) => {
                    assert!(ticket > last[usize::from(shard)], "tickets rise");
                    last[usize::from(shard)] = ticket;
                }
                other => panic!("{other:?}"),
            }
        }
        let counters = recorder.counters();
        drop(sender);
        let closed = recorder.join().unwrap();
        assert_eq!((closed.segment, counters.entry_octets.load(Relaxed)), (epoch + 1, 1600));
        assert_eq!(counters.facts().sync.count(), counters.commits.load(Relaxed));
        let (state, found) = fold(home.path(), 300);
        assert_eq!(state.count(Disposition::Delivered), 90 * u64::from(epoch + 1));
        assert_eq!(state.open_attempts().count(), 10 * (epoch as usize + 1));
        assert_eq!((found.damage.len(), found.torn, found.last_lsn), (0, None, closed.lsn));
        assert_eq!(found.unused, Vec::<u32>::new(), "what was made ahead is removed");
        next = found.next(0);
    }
}

#[test]
fn dropping_the_senders_flushes_what_is_gathered_without_waiting_for_the_window() {
    let home = tempfile::tempdir().unwrap();
    let config = Config { window: Duration::from_secs(3600), ..Config::default() };
    let (recorder, sender, heard) = start(Box::new(Files::open(home.path()).unwrap()), config, Start::fresh(7));
    sender.send(Append { shard: 3, ticket: 9, entries: record(0, Kind::Bounced) }).unwrap();
    drop(sender);
    recorder.join().unwrap();
    assert!(matches!(heard.recv_timeout(PATIENCE), Ok((3, Recorded::Durable(9)))));
    assert_eq!(fold(home.path(), 1).0.count(Disposition::Bounced), 1);
}

#[test]
fn a_recorder_that_had_nothing_to_do_leaves_no_segment() {
    let home = tempfile::tempdir().unwrap();
    let (recorder, sender, _heard) =
        start(Box::new(Files::open(home.path()).unwrap()), Config::default(), Start::fresh(7));
    drop(sender);
    recorder.join().unwrap();
    let files: Vec<_> = std::fs::read_dir(home.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(files, ["mark"]);
}

#[test]
fn a_failed_write_is_told_to_every_shard_and_nothing_is_acknowledged_after_it() {
    let mut disk = SimDisk::new(1);
    disk.fail_after(1);
    let config = Config { window: Duration::ZERO, ..Config::default() };
    let (recorder, sender, heard) = start(Box::new(disk), config, Start::fresh(7));
    sender.send(Append { shard: 0, ticket: 1, entries: record(0, Kind::Attempt) }).unwrap();
    assert!(matches!(heard.recv_timeout(PATIENCE), Ok((0, Recorded::Durable(1)))));
    sender.send(Append { shard: 0, ticket: 2, entries: record(0, Kind::Delivered) }).unwrap();
    let Ok((0, Recorded::Failed(reason))) = heard.recv_timeout(PATIENCE) else { panic!("the shard is told") };
    assert!(reason.starts_with("cannot write simulated segment 0001"), "{reason}");
    sender.send(Append { shard: 1, ticket: 1, entries: record(1, Kind::Attempt) }).unwrap();
    assert!(matches!(heard.recv_timeout(PATIENCE), Ok((1, Recorded::Failed(_)))), "a late one is told as well");
    drop(sender);
    assert_eq!(recorder.join(), Err(reason));
    assert!(heard.try_recv().is_err(), "and nobody is told anything else");
}

#[test]
fn a_file_that_went_after_the_last_look_ends_it_without_the_mark_of_an_end_in_order() {
    let home = tempfile::tempdir().unwrap();
    let (journal, marks) = (home.path().join("c/j"), home.path().join("marks"));
    let files = Files::open(&journal).unwrap().with_marks_in(Some(marks.clone()));
    let (recorder, sender, heard) = start(Box::new(files), Config::default(), Start::fresh(7));
    sender.send(Append { shard: 0, ticket: 1, entries: record(0, Kind::Delivered) }).unwrap();
    assert!(matches!(heard.recv_timeout(PATIENCE), Ok((0, Recorded::Durable(1)))));
    // The next segment is made meanwhile, once.
    let campaign = home.path().join("c");
    (0..10).find(|_| std::fs::remove_dir_all(&campaign).is_ok()).unwrap();
    drop(sender);
    let reason = recorder.join().unwrap_err();
    assert!(reason.contains("0001.jnl: it is not there any more: it was removed"), "{reason}");
    let kept = std::fs::read(marks.join(format!("{:016x}", 7))).unwrap_or_default();
    assert!(mark::newest(&kept).is_none_or(|mark| mark.octets > 0), "it says that all was written in order");
}

/// Good for one write.
struct Breaking(SimDisk, bool);

impl Segments for Breaking {
    fn segments(&mut self) -> Result<Vec<(u32, u64)>, Fault> {
        self.0.segments()
    }
    fn read(&mut self, segment: u32, offset: u64, into: &mut [u8]) -> Result<usize, Fault> {
        self.0.read(segment, offset, into)
    }
    fn mark(&mut self) -> Result<Vec<u8>, Fault> {
        self.0.mark()
    }
}

impl Disk for Breaking {
    fn prepare(&mut self, segment: u32, octets: u64) {
        self.0.prepare(segment, octets);
    }
    fn prepared(&mut self, wait: bool) -> Option<Result<u32, Fault>> {
        self.0.prepared(wait)
    }
    fn write(&mut self, segment: u32, offset: u64, octets: &[u8]) -> Result<(), Fault> {
        assert!(!std::mem::replace(&mut self.1, true), "no second one");
        self.0.write(segment, offset, octets)
    }
    fn look(&mut self, segment: u32) -> Result<(), Fault> {
        self.0.look(segment)
    }
    fn set_mark(&mut self, mark: &Mark, wait: bool) -> Result<(), Fault> {
        self.0.set_mark(mark, wait)
    }
    fn pack(&mut self, segment: u32) {
        self.0.pack(segment);
    }
    fn remove(&mut self, segment: u32) -> Result<(), Fault> {
        self.0.remove(segment)
    }
}

#[test]
fn a_panic_is_told_to_every_shard_as_a_failed_write_is() {
    let config = Config { window: Duration::ZERO, ..Config::default() };
    let (recorder, sender, heard) = start(Box::new(Breaking(SimDisk::new(1), false)), config, Start::fresh(7));
    sender.send(Append { shard: 0, ticket: 1, entries: record(0, Kind::Attempt) }).unwrap();
    assert!(matches!(heard.recv_timeout(PATIENCE), Ok((0, Recorded::Durable(1)))));
    sender.send(Append { shard: 0, ticket: 2, entries: record(0, Kind::Delivered) }).unwrap();
    let Ok((0, Recorded::Failed(reason))) = heard.recv_timeout(PATIENCE) else { panic!("the shard is told") };
    assert_eq!(&*reason, "the journal's thread panicked: no second one");
    sender.send(Append { shard: 1, ticket: 1, entries: record(1, Kind::Attempt) }).unwrap();
    assert!(matches!(heard.recv_timeout(PATIENCE), Ok((1, Recorded::Failed(_)))), "a late one is told as well");
    drop(sender);
    assert_eq!(recorder.join(), Err(reason));
}

#[test]
fn a_full_disk_is_known_early_and_ends_recording_only_when_the_last_room_is_used() {
    let mut disk = SimDisk::new(1);
    disk.set_capacity(2 * FRAME_OCTETS_MAX as u64);
    let octets = 2 * FRAME_OCTETS_MAX as u64;
    let config =
        Config { window: Duration::ZERO, first_segment_octets: octets, segment_octets: octets, ..Config::default() };
    let (recorder, sender, heard) = start(Box::new(disk), config, Start::fresh(7));
    let counters = recorder.counters();
    let (mut durable, mut warned_at) = (0, Vec::new());
    'all: for ticket in 1.. {
        sender.send(Append { shard: 0, ticket, entries: record(0, Kind::Attempt) }).unwrap();
        while durable < ticket {
            match heard.recv_timeout(PATIENCE).unwrap().1 {
                Recorded::Durable(t) => durable = t,
                Recorded::Short(reason) => {
                    assert!(counters.short_of_room.load(Relaxed) && reason.contains("hint: make room"), "{reason}");
                    warned_at.push(ticket);
                }
                Recorded::Failed(reason) => {
                    assert!(reason.contains("hint: make room"), "{reason}");
                    break 'all;
                }
            }
        }
    }
    assert_eq!(durable, 128, "two frames' room of 4 KiB pages");
    assert!(matches!(warned_at[..], [at] if at < 64), "a shard is told once, and early: {warned_at:?}");
    drop(sender);
    assert!(recorder.join().is_err());
}

#[test]
fn a_killed_process_leaves_a_spare_segment_and_the_next_one_removes_it() {
    let home = tempfile::tempdir().unwrap();
    let mut files = Files::open(home.path()).unwrap();
    let mut journal = Journal::new(Config::default(), Start::fresh(7));
    for _ in 0..2 {
        let wanted = journal.poll_prepare(Instant(0)).unwrap();
        files.prepare(wanted.segment, wanted.octets);
        assert_eq!(files.prepared(true), Some(Ok(wanted.segment)));
        journal.handle_prepared();
        for ticket in 0..300 {
            journal.append(0, ticket, &record(ticket as u32, Kind::Delivered), Instant(0)).unwrap();
            journal.flush();
            let Some(w) = journal.poll_write(Instant(0)) else { break };
            files.write(w.segment, w.offset, w.block.octets()).unwrap();
            journal.handle_synced(w.lsn, w.block);
        }
    }
    drop(files);
    let mut files = Files::open(home.path()).unwrap();
    let found = open(&mut files, Range::ALL, &mut |_, _| {}).unwrap();
    assert_eq!((found.unused.clone(), found.damage.len()), (vec![2], 0));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    assert_eq!(found.next(0).segment, 3);
}

#[test]
fn a_snapshot_and_the_later_segments_are_worth_the_whole_journal() {
    let home = tempfile::tempdir().unwrap();
    let (journal, snap) = (home.path().join("j"), home.path().join("state.snap"));
    let mut next = Start::fresh(7);
    let mut covered = None;
    for kind in [Kind::Attempt, Kind::Deferred, Kind::Delivered] {
        let (recorder, sender, _heard) = start(Box::new(Files::open(&journal).unwrap()), Config::default(), next);
        for n in 0..50u32 {
            sender.send(Append { shard: 0, ticket: u64::from(n), entries: record(n, kind) }).unwrap();
        }
        drop(sender);
        let closed = recorder.join().unwrap();
        let (state, found) = fold(&journal, 60);
        next = found.next(0);
        if kind == Kind::Deferred {
            let Start { epoch, .. } = next;
            let frames = Covered { lsn: closed.lsn, segment: closed.segment, epoch: epoch - 1, journal: 7 };
            covered = Some(frames);
            replace(&snap, |out| snapshot::encode(&state, frames, out)).unwrap();
        }
    }
    let (mut state, read) = snapshot::decode(&mut std::fs::File::open(&snap).unwrap()).unwrap();
    assert_eq!((Some(read), state.count(Disposition::Deferred)), (covered, 50));
    // What the snapshot covers is not even looked at.
    std::fs::remove_file(journal.join("0001.jnl")).unwrap();
    let found = replay(&mut Reader::new(&journal), Range::beyond(&read), &mut |_, octets| state.fold(octets)).unwrap();
    assert_eq!((found.damage.len(), found.next(0)), (0, next));
    assert_eq!((state.count(Disposition::Delivered), state.count(Disposition::Waiting)), (50, 10));
}

#[test]
fn a_reader_beside_the_running_recorder_sees_a_true_beginning_and_no_damage() {
    let home = tempfile::tempdir().unwrap();
    let octets = FRAME_OCTETS_MAX as u64;
    let config = Config {
        window: Duration::ZERO,
        first_segment_octets: octets,
        segment_octets: 2 * octets,
        ..Config::default()
    };
    let (recorder, sender, heard) = start(Box::new(Files::open(home.path()).unwrap()), config, Start::fresh(7));
    let mut durable = 0;
    for n in 0..600u32 {
        sender.send(Append { shard: 0, ticket: u64::from(n) + 1, entries: record(n, Kind::Delivered) }).unwrap();
        // The first ones one by one, so that each makes a commit of its own.
        while durable < if n < 150 { u64::from(n) + 1 } else { 0 } {
            match heard.recv_timeout(PATIENCE).unwrap().1 {
                Recorded::Durable(ticket) => durable = ticket,
                Recorded::Short(reason) | Recorded::Failed(reason) => panic!("{reason}"),
            }
        }
        if n % 20 == 0 {
            let (octets, found) =
                replay_live(&mut Reader::new(home.path()), Range::ALL, Vec::new, |all, told| match told {
                    Told::Entries(_, entries) => all.extend_from_slice(entries),
                    Told::Lost(_) => {}
                })
                .unwrap();
            assert_eq!(found.damage, []);
            assert!(octets.len() as u64 >= 16 * durable, "all that was acknowledged before is seen");
            assert!(octets.chunks(16).zip(0u32..).all(|(e, want)| e.starts_with(&want.to_le_bytes())));
        }
    }
    drop(sender);
    recorder.join().unwrap();
    let first = std::fs::metadata(home.path().join("0001.jnl")).unwrap().len();
    assert!(first < octets / 20, "a full segment of small commits has been packed: {first}");
    let (state, found) = fold(home.path(), 600);
    assert_eq!((state.count(Disposition::Delivered), found.damage.len(), found.torn), (600, 0, None));
}

#[test]
fn many_starts_with_little_to_say_take_little_room() {
    let home = tempfile::tempdir().unwrap();
    let mut next = Start::fresh(7);
    for n in 0..40u32 {
        let (recorder, sender, _heard) = start(Box::new(Files::open(home.path()).unwrap()), Config::default(), next);
        for kind in [Kind::Attempt, Kind::Delivered] {
            sender.send(Append { shard: 0, ticket: kind as u64, entries: record(n, kind) }).unwrap();
        }
        drop(sender);
        recorder.join().unwrap();
        let (state, found) = fold(home.path(), 40);
        assert_eq!((state.count(Disposition::Delivered), found.damage.len(), found.torn), (u64::from(n) + 1, 0, None));
        next = found.next(0);
    }
    let octets: u64 = std::fs::read_dir(home.path()).unwrap().map(|f| f.unwrap().metadata().unwrap().len()).sum();
    assert!(octets < 64 * 1024, "{octets} octets are left");
}

#[test]
fn an_orderly_end_is_known_to_the_mark() {
    let home = tempfile::tempdir().unwrap();
    let (recorder, sender, _heard) =
        start(Box::new(Files::open(home.path()).unwrap()), Config::default(), Start::fresh(7));
    sender.send(Append { shard: 0, ticket: 1, entries: record(0, Kind::Delivered) }).unwrap();
    drop(sender);
    let closed = recorder.join().unwrap();
    let found = mark::read(&Reader::new(home.path()).mark().unwrap(), 7);
    let Start { epoch, .. } = Start::fresh(7);
    assert_eq!(found, Found::Mark(Mark { journal: 7, epoch, lsn: closed.lsn, segment: closed.segment, octets: 0 }));
}
