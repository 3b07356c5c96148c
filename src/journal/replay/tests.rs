//! What a replay is asked for, and foreign octets. Crashes and damage of histories: `journal::crash_tests`.

use super::*;
use crate::journal::disk::Disk;
use crate::journal::frame::{Block, Header};
use crate::journal::sim::SimDisk;
use proptest::prelude::*;

fn frame(lsn: u64, header: Header, payload: &[u8]) -> Vec<u8> {
    let mut block = Block::new();
    block.append(payload);
    block.seal(Header { lsn, durable: lsn - 1, epoch_first: 1, journal: 7, epoch: 1, segment: 1, ..header });
    block.octets().to_vec()
}

fn disk(frames: &[Vec<u8>]) -> SimDisk {
    let mut disk = SimDisk::new(0);
    disk.prepare(1, 1 << 20);
    let octets = frames.concat();
    disk.octets_mut(1).unwrap()[..octets.len()].copy_from_slice(&octets);
    disk
}

fn lsns(disk: &mut SimDisk, range: Range) -> (Vec<u64>, Replayed) {
    let mut seen = Vec::new();
    let found = replay(disk, range, &mut |lsn, _| seen.push(lsn)).unwrap();
    (seen, found)
}

#[test]
fn frames_covered_by_a_snapshot_and_frames_beyond_the_limit_are_left_out() {
    let frames: Vec<_> = (1..=9).map(|lsn| frame(lsn, Header::default(), &[1; 5000])).collect();
    let mut disk = disk(&frames);
    assert_eq!(lsns(&mut disk, Range::ALL).0, (1..=9).collect::<Vec<_>>());
    let (seen, found) = lsns(&mut disk, Range { after: 3, until: 7, ..Range::ALL });
    assert_eq!((seen, found.last_lsn, found.damage.len()), (vec![4, 5, 6, 7], 7, 0));
    let (seen, found) = lsns(&mut disk, Range::beyond(&Covered { lsn: 9, segment: 2, epoch: 1, journal: 7 }));
    assert_eq!((seen, found.last_lsn, found.next(7).segment), (vec![], 9, 2));
}

/// A disk whose third page arrives only after it was read for the first time, as beside a running writer.
struct Hasty {
    late: SimDisk,
    reads: u32,
    in_time: SimDisk,
}

impl Segments for Hasty {
    fn segments(&mut self) -> Result<Vec<(u32, u64)>, Fault> {
        self.late.segments()
    }

    fn read(&mut self, segment: u32, offset: u64, into: &mut [u8]) -> Result<usize, Fault> {
        self.reads += 1;
        if self.reads == 1 { self.late.read(segment, offset, into) } else { self.in_time.read(segment, offset, into) }
    }

    fn mark(&mut self) -> Result<Vec<u8>, Fault> {
        self.late.mark()
    }
}

#[test]
fn beside_a_writer_haste_is_no_damage_and_damage_still_is() {
    let mut frames: Vec<_> = (1..=5).map(|lsn| frame(lsn, Header::default(), &[1; 16])).collect();
    let in_time = disk(&frames);
    frames[2].fill(0);
    let mut hasty = Hasty { late: disk(&frames), reads: 0, in_time };
    let live = |source: &mut dyn Segments| {
        replay_live(source, Range::ALL, Vec::new, |seen, told| {
            if let Told::Entries(lsn, _) = told {
                seen.push(lsn);
            }
        })
        .unwrap()
    };
    let (seen, found) = live(&mut hasty);
    assert_eq!((seen, found.damage), (vec![1, 2, 3, 4], vec![]), "up to what the first pass knew to be durable");
    let (seen, found) = live(&mut disk(&frames));
    assert_eq!(
        (seen, found.damage.len()),
        (vec![1, 2, 4, 5], 1),
        "no haste was seen: the end counts as it was first read"
    );
}

#[test]
fn frames_of_another_journal_or_segment_are_not_taken() {
    let foreign = frame(2, Header::default(), &[1; 16]);
    let mut other = Block::new();
    other.append(&[9; 16]);
    for (journal, segment) in [(8, 1), (7, 2)] {
        other.clear();
        other.append(&[9; 16]);
        other.seal(Header { lsn: 2, durable: 1, epoch_first: 1, journal, epoch: 1, segment, ..Header::default() });
        let frames =
            [frame(1, Header::default(), &[1; 16]), other.octets().to_vec(), frame(3, Header::default(), &[1; 16])];
        let (seen, found) = lsns(&mut disk(&frames), Range::ALL);
        assert_eq!(seen, [1, 3]);
        assert_eq!(found.damage.iter().map(|d| (d.what, d.first_lsn)).collect::<Vec<_>>(), [(What::Foreign, 2)]);
    }
    let frames = [frame(1, Header::default(), &[1; 16]), foreign.clone(), foreign];
    assert_eq!(lsns(&mut disk(&frames), Range::ALL).0, [1, 2], "no frame is taken twice");
}

#[test]
fn a_damage_reads_well() {
    let damage = Damage { segment: 3, offset: 8192, first_lsn: 7, last_lsn: 9, what: What::BadPayload };
    let said = "segment 0003 offset 8192: a frame whose entries are damaged; acknowledged commits 7 to 9 are lost";
    assert_eq!(damage.to_string(), said);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn garbage_of_any_length_is_read_to_its_end(octets in prop::collection::vec(any::<u8>(), 0..20_000)) {
        let mut disk = SimDisk::new(0);
        disk.prepare(1, 1);
        *disk.octets_mut(1).unwrap() = octets;
        prop_assert_eq!(lsns(&mut disk, Range::ALL).0, Vec::<u64>::new());
    }
}
