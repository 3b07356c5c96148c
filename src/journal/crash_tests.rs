//! Histories with a crash at every write and every sync, and damage of every kind, over several epochs.
//!
//! The history numbers its records 0, 1, 2…: whatever a replay hands out must be a run of these numbers that begins at 0,
//! goes up by one, and reaches at least what was acknowledged. The journal's mark is set as the recorder does, and a crash
//! keeps the newest one or an earlier one.

use super::disk::{Disk, FaultKind, Segments};
use super::frame::{FRAME_OCTETS_MAX, PAGE};
use super::mark::{self, Found, Mark};
use super::record::{Entry, Kind, Record, entries};
use super::replay::{End, Range, Replayed, What, open, pack, replay};
use super::sim::SimDisk;
use super::writer::{Config, Journal, Start, Write};
use crate::base::clock::{Instant, UnixTime};
use std::ops::Range as Numbers;

const CONFIG: Config = Config {
    window: std::time::Duration::ZERO,
    commit_octets: 1,
    in_flight_max: 4,
    first_segment_octets: FRAME_OCTETS_MAX as u64,
    segment_octets: FRAME_OCTETS_MAX as u64,
};

/// The whole journal, whose end lies behind its mark.
fn range(disk: &mut SimDisk) -> Range {
    match mark::read(&disk.mark().unwrap(), 7) {
        Found::Mark(mark) => Range { end: End::Behind(mark), ..Range::ALL },
        Found::Foreign | Found::Nothing => Range { end: End::MarkLost, ..Range::ALL },
    }
}

fn read(disk: &mut SimDisk) -> (Vec<u32>, Replayed) {
    let range = range(disk);
    read_range(disk, range)
}

fn read_range(disk: &mut SimDisk, range: Range) -> (Vec<u32>, Replayed) {
    let mut numbers = Vec::new();
    let found = replay(disk, range, &mut |_, octets| {
        numbers.extend(entries(octets).map(|e| match e {
            Ok(Entry::Record(r)) => r.recipient,
            other => panic!("the frame was whole, and its entry is {other:?}"),
        }));
    })
    .unwrap();
    (numbers, found)
}

/// One epoch that appends records under the given numbers, one frame each, many writes under way at once.
struct Epoch {
    journal: Journal,
    disk: SimDisk,
    begun: Vec<(Write, u64)>,
    acknowledged: u32,
    /// Writes begun and writes completed: the moments at which it can crash.
    moments: u32,
}

impl Epoch {
    fn open(mut disk: SimDisk) -> Self {
        if disk.mark().unwrap().is_empty() {
            disk.set_mark(&Mark::fresh(7), true).unwrap();
        }
        let (numbers, found) = read(&mut disk);
        let journal = Journal::new(CONFIG, found.next(7));
        disk.set_mark(&journal.mark(), true).unwrap();
        Self { journal, disk, begun: Vec::new(), acknowledged: numbers.len() as u32, moments: 0 }
    }

    /// Runs until `crash_at` moments have passed; false if it came to its end before that.
    fn run(&mut self, numbers: Numbers<u32>, crash_at: u32, random: &mut fastrand::Rng) -> bool {
        for number in numbers {
            self.append(number);
            loop {
                if self.moments >= crash_at {
                    return true;
                }
                if self.begun.is_empty() || (self.begun.len() < 4 && random.bool()) {
                    break;
                }
                self.complete_one(random);
            }
        }
        while !self.begun.is_empty() {
            if self.moments >= crash_at {
                return true;
            }
            self.complete_one(random);
        }
        false
    }

    fn append(&mut self, number: u32) {
        let mut batch = Vec::new();
        Record { recipient: number, at: UnixTime(1), code: 250, kind: Kind::Delivered, attempts: 1, extra: 0 }
            .encode_into(&mut batch);
        self.journal.append(0, u64::from(number), &batch, Instant(0)).unwrap();
        self.advance();
    }

    fn advance(&mut self) {
        if let Some(p) = self.journal.poll_prepare(Instant(0)) {
            self.disk.prepare(p.segment, p.octets);
            assert_eq!(self.disk.prepared(true), Some(Ok(p.segment)));
            self.journal.handle_prepared();
        }
        while let Some(write) = self.journal.poll_write(Instant(0)) {
            let id = self.disk.begin(write.segment, write.offset, write.block.octets());
            self.begun.push((write, id));
            self.moments += 1;
        }
    }

    fn complete_one(&mut self, random: &mut fastrand::Rng) {
        let (write, id) = self.begun.swap_remove(random.usize(..self.begun.len()));
        self.disk.complete(id);
        self.journal.handle_synced(write.lsn, write.block);
        self.disk.set_mark(&self.journal.mark(), false).unwrap();
        self.moments += 1;
        while let Some(durable) = self.journal.poll_durable() {
            assert!(durable.ticket as u32 + 1 > self.acknowledged, "tickets rise");
            self.acknowledged = durable.ticket as u32 + 1;
        }
        self.advance();
    }

    fn crash(mut self) -> (SimDisk, u32) {
        self.disk.crash();
        (self.disk, self.acknowledged)
    }
}

fn in_order_from_0(numbers: &[u32]) -> bool {
    numbers.iter().zip(0..).all(|(n, want)| *n == want)
}

#[test]
fn after_a_crash_at_any_moment_of_three_epochs_all_that_was_acknowledged_is_there_in_order() {
    for seed in 0..6 {
        for crash_at in 0..160 {
            let mut random = fastrand::Rng::with_seed(seed * 1000 + u64::from(crash_at));
            let mut disk = SimDisk::new(seed);
            for epoch in 0..3 {
                let mut running = Epoch::open(disk);
                let from = running.acknowledged;
                running.run(from..from + 70, crash_at / (epoch + 1), &mut random);
                let (crashed, acknowledged) = running.crash();
                disk = crashed;
                let (numbers, found) = read(&mut disk);
                let place = format!("seed {seed}, crash at {crash_at}, epoch {epoch}");
                assert!(in_order_from_0(&numbers), "{place}: {numbers:?}");
                assert!(numbers.len() as u32 >= acknowledged, "{place}: {} of {acknowledged}", numbers.len());
                assert!(numbers.len() as u32 <= from + 70, "{place}: nothing is made up");
                assert_eq!(found.damage, [], "{place}: a crash is no damage");
            }
        }
    }
}

#[test]
fn a_tail_that_was_given_up_stays_given_up() {
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut first = Epoch::open(SimDisk::new(seed));
        assert!(first.run(0..40, 31, &mut random));
        let (mut disk, _) = first.crash();
        let (before, _) = read(&mut disk);
        let mut second = Epoch::open(disk);
        let from = before.len() as u32;
        second.run(from..from + 5, u32::MAX, &mut random);
        let (mut disk, acknowledged) = second.crash();
        let (numbers, found) = read(&mut disk);
        assert_eq!(acknowledged, from + 5);
        assert_eq!(numbers, (0..from + 5).collect::<Vec<_>>(), "seed {seed}");
        assert_eq!(found.damage, [], "seed {seed}");
    }
}

/// A finished history of two epochs: 8 records, then 8 more; each epoch closed. Returns the disk and each frame's page.
fn finished() -> (SimDisk, Vec<(u32, usize)>) {
    let mut disk = SimDisk::new(1);
    let mut pages = Vec::new();
    for from in [0, 8] {
        let mut epoch = Epoch::open(disk);
        for number in from..from + 8 {
            epoch.append(number);
            pages.extend(epoch.begun.iter().map(|(w, _)| (w.segment, w.offset as usize)));
            epoch.complete_one(&mut fastrand::Rng::with_seed(0));
        }
        epoch.journal.close();
        epoch.advance();
        epoch.complete_one(&mut fastrand::Rng::with_seed(0));
        assert!(epoch.journal.is_closed());
        epoch.disk.set_mark(&Mark { octets: 0, ..epoch.journal.mark() }, true).unwrap();
        disk = epoch.disk;
    }
    (disk, pages)
}

#[test]
fn every_flipped_bit_is_harmless_or_reported_and_costs_its_frame_only() {
    let (mut disk, pages) = finished();
    for segment in [1, 2] {
        disk.octets_mut(segment).unwrap().truncate(10 * PAGE);
    }
    for (lost, (segment, offset)) in pages.iter().enumerate() {
        // Header, payload, and some of the padding; all the rest of the padding is alike.
        for bit in (0..8 * 96).chain((8 * 96..8 * PAGE).step_by(1013)) {
            let mut damaged = disk.clone();
            damaged.octets_mut(*segment).unwrap()[offset + bit / 8] ^= 1 << (bit % 8);
            let (numbers, found) = read(&mut damaged);
            if bit < 8 * 80 {
                let want: Vec<u32> = (0..16).filter(|n| *n != lost as u32).collect();
                assert_eq!(numbers, want, "frame {lost} bit {bit}");
                let [damage] = found.damage[..] else { panic!("frame {lost} bit {bit}: {:?}", found.damage) };
                // Each epoch closed with one more frame, so the second epoch's numbers are one ahead.
                let lsn = lost as u64 + 1 + u64::from(lost >= 8);
                assert_eq!((damage.first_lsn, damage.last_lsn), (lsn, lsn));
                assert_eq!((damage.segment, damage.offset), (*segment, *offset as u64));
            } else {
                assert_eq!(numbers, (0..16).collect::<Vec<_>>(), "padding of frame {lost}, bit {bit}");
                assert_eq!(found.damage, []);
            }
        }
    }
}

#[test]
fn a_flipped_bit_in_the_unused_rest_of_a_segment_is_harmless() {
    let (disk, _) = finished();
    for at in (9 * PAGE..FRAME_OCTETS_MAX).step_by(999) {
        let mut damaged = disk.clone();
        damaged.octets_mut(1).unwrap()[at] ^= 4;
        let (numbers, found) = read(&mut damaged);
        assert_eq!((numbers.len(), found.damage.len()), (16, 0));
    }
}

#[test]
fn zeroed_ranges_are_reported_and_cost_what_they_cover() {
    let (disk, pages) = finished();
    for from in 0..8 {
        for to in from + 1..=8 {
            let mut damaged = disk.clone();
            let octets = damaged.octets_mut(1).unwrap();
            octets[pages[from].1..pages[to - 1].1 + PAGE].fill(0);
            let (numbers, found) = read(&mut damaged);
            let want: Vec<u32> = (0..16).filter(|n| !(from as u32..to as u32).contains(n)).collect();
            assert_eq!(numbers, want, "{from}..{to}");
            let said: Vec<_> = found.damage.iter().map(|d| (d.first_lsn, d.last_lsn, d.offset)).collect();
            assert_eq!(said, [(from as u64 + 1, to as u64, pages[from].1 as u64)]);
        }
    }
}

#[test]
fn a_packed_segment_replays_as_it_did_and_a_damaged_one_is_not_packed() {
    let (mut disk, pages) = finished();
    let mut packed = Vec::new();
    let octets = pack(&mut disk, 1, FRAME_OCTETS_MAX as u64, &mut packed).unwrap();
    assert_eq!((octets, packed.len()), (8 * 80 + 64, 8 * 80 + 64));
    let original = std::mem::replace(disk.octets_mut(1).unwrap(), packed);
    let (numbers, found) = read(&mut disk);
    assert_eq!((numbers, found.damage, found.torn), ((0..16).collect(), vec![], None));
    for lost in 0..8 {
        let mut damaged = disk.clone();
        damaged.octets_mut(1).unwrap()[lost * 80 + 70] ^= 1;
        let (numbers, found) = read(&mut damaged);
        assert_eq!(numbers, (0..16).filter(|n| *n != lost as u32).collect::<Vec<_>>());
        assert_eq!(found.damage.iter().map(|d| d.offset).collect::<Vec<_>>(), [lost as u64 * 80]);
    }
    *disk.octets_mut(1).unwrap() = original;
    disk.octets_mut(1).unwrap()[pages[2].1 + 66] ^= 1;
    assert!(pack(&mut disk, 1, FRAME_OCTETS_MAX as u64, &mut Vec::new()).is_err());
}

#[test]
fn a_lost_segment_is_reported_and_the_others_are_read() {
    let (mut disk, _) = finished();
    disk.lose(1);
    let (numbers, found) = read(&mut disk);
    assert_eq!(numbers, (8..16).collect::<Vec<_>>());
    assert_eq!(found.damage.iter().map(|d| (d.first_lsn, d.last_lsn)).collect::<Vec<_>>(), [(1, 9)]);
}

#[test]
fn damage_is_reported_again_at_every_opening_and_new_epochs_go_on_behind_it() {
    let (mut disk, pages) = finished();
    disk.octets_mut(1).unwrap()[pages[3].1 + 70] ^= 1;
    let (before, found) = read(&mut disk);
    assert_eq!((before.len(), found.damage.len()), (15, 1));
    let mut epoch = Epoch::open(disk);
    epoch.append(99);
    epoch.complete_one(&mut fastrand::Rng::with_seed(0));
    let (numbers, found) = read(&mut epoch.disk);
    assert_eq!((numbers.last(), numbers.len(), found.damage.len()), (Some(&99), 16, 1));
}

#[test]
fn random_damage_invents_nothing_and_loses_nothing_in_silence() {
    let (mut disk, _) = finished();
    for segment in [1, 2] {
        disk.octets_mut(segment).unwrap().truncate(10 * PAGE);
    }
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..3000 {
        let mut damaged = disk.clone();
        for _ in 0..random.u8(1..5) {
            let octets = damaged.octets_mut(random.u32(1..=2)).unwrap();
            let at = random.usize(..10 * PAGE);
            let len = random.usize(1..3000).min(octets.len() - at);
            let fill = random.bool();
            octets[at..at + len].iter_mut().for_each(|o| *o = if fill { 0 } else { random.u8(..) });
        }
        let (numbers, found) = read(&mut damaged);
        assert!(numbers.is_sorted_by(|a, b| a < b) && numbers.iter().all(|n| *n < 16), "{numbers:?}");
        let last_known = found.last_lsn;
        let lost: u64 = found.damage.iter().map(|d| d.last_lsn - d.first_lsn + 1).sum();
        assert_eq!(found.frames + lost, last_known, "every frame up to the last is there or reported");
    }
}

#[test]
fn a_full_disk_stops_new_segments_and_loses_nothing() {
    let mut disk = SimDisk::new(0);
    disk.set_capacity(FRAME_OCTETS_MAX as u64);
    disk.set_mark(&Mark::fresh(7), true).unwrap();
    let mut journal = Journal::new(CONFIG, Start::fresh(7));
    let mut written = 0;
    for number in 0u32.. {
        let mut batch = Vec::new();
        Record { recipient: number, at: UnixTime(1), code: 0, kind: Kind::Attempt, attempts: 1, extra: 0 }
            .encode_into(&mut batch);
        journal.append(0, u64::from(number), &batch, Instant(0)).unwrap();
        if let Some(p) = journal.poll_prepare(Instant(0)) {
            disk.prepare(p.segment, p.octets);
            match disk.prepared(true) {
                Some(Ok(_)) => journal.handle_prepared(),
                other => {
                    assert!(other.unwrap().is_err());
                    journal.handle_not_prepared(Instant(0));
                }
            }
        }
        if journal.is_starved() {
            break;
        }
        let write = journal.poll_write(Instant(0)).unwrap();
        disk.write(write.segment, write.offset, write.block.octets()).unwrap();
        journal.handle_synced(write.lsn, write.block);
        written += 1;
    }
    assert_eq!(written, FRAME_OCTETS_MAX / PAGE, "the room that there was is used to its end");
    assert_eq!(read(&mut disk).0.len(), written);
}

#[test]
fn segments_made_ahead_and_never_written_to_are_named() {
    let (mut disk, _) = finished();
    for segment in [3, 4] {
        disk.prepare(segment, FRAME_OCTETS_MAX as u64);
    }
    let (_, found) = read(&mut disk);
    assert_eq!(found.unused, [3, 4]);
    assert_eq!(found.next(0), Start { journal: 7, epoch: 3, segment: 5, lsn: 19 });
    disk.octets_mut(3).unwrap()[70_000] = 1;
    assert_eq!(open(&mut disk, Range::ALL, &mut |_, _| {}).unwrap().unused, [4]);
    assert_eq!(disk.segments().unwrap().iter().map(|s| s.0).collect::<Vec<_>>(), [1, 2, 3], "and removed by an opener");
}

#[test]
fn after_an_orderly_end_nothing_of_it_can_vanish_in_silence() {
    let (disk, _) = finished();
    let end_of_last = 9 * PAGE;
    let tell = |disk: &mut SimDisk, what: What, place: &str| {
        let (numbers, found) = read(disk);
        let [damage] = found.damage[..] else { panic!("{place}: {:?}", found.damage) };
        assert_eq!((damage.last_lsn, damage.what), (18, what), "{place}");
        assert_eq!(
            numbers,
            (0..damage.first_lsn as u32 - 1 - u32::from(damage.first_lsn > 9)).collect::<Vec<_>>(),
            "{place}"
        );
    };
    for frame in 0..9 {
        let mut zeroed = disk.clone();
        zeroed.octets_mut(2).unwrap()[frame * PAGE..].fill(0);
        tell(&mut zeroed, What::Zeroed, "zeroed");
        let mut cut = disk.clone();
        cut.octets_mut(2).unwrap().truncate(frame * PAGE);
        tell(&mut cut, What::Missing, "cut");
        let mut torn = disk.clone();
        torn.octets_mut(2).unwrap()[frame * PAGE + 20..end_of_last].fill(0xee);
        tell(&mut torn, What::BadHeader, "overwritten");
        let mut unreadable = disk.clone();
        (frame..9).for_each(|page| unreadable.spoil(2, (page * PAGE) as u64));
        tell(&mut unreadable, What::Unreadable, "unreadable");
    }
    let mut lost = disk.clone();
    lost.lose(2);
    tell(&mut lost, What::Missing, "deleted");
    let mut older = disk.clone();
    let first = older.octets_mut(1).unwrap().clone();
    *older.octets_mut(2).unwrap() = first;
    tell(&mut older, What::Foreign, "another segment in its place");
}

#[test]
fn what_no_crash_leaves_behind_is_no_torn_tail() {
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut epoch = Epoch::open(SimDisk::new(seed));
        assert!(epoch.run(0..40, 40, &mut random));
        let (mut disk, acknowledged) = epoch.crash();
        let (numbers, whole) = read(&mut disk);
        assert!(whole.damage.is_empty() && numbers.len() as u32 >= acknowledged);
        let Found::Mark(mark) = mark::read(&disk.mark().unwrap(), 7) else { panic!("it has a mark") };
        // The page behind the last frame, too: nobody can say what was in it.
        for page in 0..=whole.frames {
            let mut spoilt = disk.clone();
            spoilt.spoil(1, page * PAGE as u64);
            let (_, found) = read(&mut spoilt);
            assert!(found.damage.iter().any(|d| d.what == What::Unreadable), "seed {seed}, page {page}: {found:?}");
            assert!(found.fault.is_some());
            assert!(found.frames + 1 >= whole.frames, "seed {seed}, page {page}: it costs the frame that it touches");
            assert!(
                found.next(7).lsn > whole.last_lsn,
                "seed {seed}, page {page}: what may have been there is left out"
            );
        }
        if mark.segment == 1 && mark.octets > 0 {
            let mut cut = disk.clone();
            cut.octets_mut(1).unwrap().truncate(whole.frames as usize * PAGE);
            let (left, found) = read(&mut cut);
            assert_eq!(left, numbers, "seed {seed}");
            assert_eq!(found.damage.iter().map(|d| d.what).collect::<Vec<_>>(), [What::Cut], "seed {seed}");
        }
        disk.mark_mut().clear();
        let (left, found) = read(&mut disk);
        assert_eq!(left, numbers, "seed {seed}");
        assert_eq!(found.damage.iter().map(|d| d.what).collect::<Vec<_>>(), [What::MarkLost], "seed {seed}");
    }
}

#[test]
fn a_segment_that_may_not_be_read_is_an_error_and_no_damage() {
    let (mut disk, _) = finished();
    disk.forbid(2);
    let range = range(&mut disk);
    assert_eq!(replay(&mut disk, range, &mut |_, _| {}).map_err(|f| f.kind), Err(FaultKind::Denied));
}

#[test]
fn an_unreadable_page_costs_its_frame_only_in_a_packed_segment_too() {
    let (mut disk, _) = finished();
    // Frames of some pages each.
    let mut journal = Journal::new(CONFIG, read(&mut disk).1.next(7));
    for frame in 0..8u32 {
        let mut batch = Vec::new();
        for number in 0..600 {
            let recipient = 1000 * (frame + 1) + number;
            Record { recipient, at: UnixTime(1), code: 0, kind: Kind::Attempt, attempts: 1, extra: 0 }
                .encode_into(&mut batch);
        }
        if let Some(wanted) = journal.poll_prepare(Instant(0)) {
            disk.prepare(wanted.segment, wanted.octets);
            disk.prepared(true).unwrap().unwrap();
            journal.handle_prepared();
        }
        journal.append(0, u64::from(frame), &batch, Instant(0)).unwrap();
        let write = journal.poll_write(Instant(0)).unwrap();
        disk.write(write.segment, write.offset, write.block.octets()).unwrap();
        journal.handle_synced(write.lsn, write.block);
    }
    disk.set_mark(&Mark { octets: 0, ..journal.mark() }, true).unwrap();
    let whole = read(&mut disk).0;
    for packed in [false, true] {
        if packed {
            disk.pack(3);
        }
        let octets = disk.octets_mut(3).unwrap().len();
        let frame_octets = if packed { 600 * 16 + 64 } else { 3 * PAGE };
        for page in 0..(8 * frame_octets).div_ceil(PAGE) {
            let mut spoilt = disk.clone();
            spoilt.spoil(3, (page * PAGE) as u64);
            let (left, found) = read(&mut spoilt);
            let end = ((page + 1) * PAGE).min(octets) - 1;
            let touched = (page * PAGE / frame_octets) as u32..=(end / frame_octets) as u32;
            let lost_with = |n: &u32| *n >= 1000 && touched.contains(&(n / 1000 - 1));
            assert_eq!(
                left,
                whole.iter().copied().filter(|n| !lost_with(n)).collect::<Vec<_>>(),
                "packed {packed}, page {page}"
            );
            let lost: u64 = found.damage.iter().map(|d| d.last_lsn - d.first_lsn + 1).sum();
            assert_eq!(lost, u64::from(touched.end() - touched.start() + 1), "packed {packed}, page {page}");
        }
    }
}

#[test]
fn the_journal_never_goes_on_below_what_a_snapshot_or_a_mark_knows_of() {
    let (mut disk, _) = finished();
    let next = read(&mut disk).1.next(7);
    let covered =
        super::snapshot::Covered { lsn: next.lsn - 1, segment: next.segment, epoch: next.epoch - 1, journal: 7 };
    let (numbers, found) = read_range(&mut disk, Range::beyond(&covered));
    assert_eq!((numbers, found.next(7)), (vec![], next));
    // An epoch that ended before its first commit.
    let journal = Journal::new(CONFIG, next);
    disk.set_mark(&journal.mark(), true).unwrap();
    let end = range(&mut disk).end;
    let later = read_range(&mut disk, Range { end, ..Range::beyond(&covered) }).1.next(7);
    assert!(later.epoch > next.epoch && later.segment > next.segment && later.lsn == next.lsn, "{later:?}");
    assert_eq!(read(&mut disk).1.next(7), later, "whether it is read from the snapshot on or from its beginning");
}
