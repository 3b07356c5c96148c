//! Replay of a journal that anything may have happened to: nothing is handed out that was not written, and nothing
//! twice; a snapshot is whole or refused.
//!
//! The octets are a program that writes segments; then they are taken for a snapshot themselves.

use super::{number, octet, take};
use posthaste::journal::disk::{Fault, Segments};
use posthaste::journal::frame::{Block, HEADER_OCTETS, Header, PAGE};
use posthaste::journal::mark::{self, Found, Mark};
use posthaste::journal::record::entries;
use posthaste::journal::replay::{DAMAGES_MAX, Range, Replayed, pack, replay};
use posthaste::journal::snapshot::{self, Covered};
use posthaste::journal::state::State;
use std::collections::BTreeMap;

/// Steps of the program that are taken.
const STEPS_MAX: usize = 64;
/// Recipients that records may be about.
const ROWS: u32 = 100;

pub fn run(data: &[u8]) {
    let mut made = Made::write(data);
    let mut given: Vec<(u64, Vec<u8>)> = Vec::new();
    let found = read(&mut made, &mut given);
    assert!(found.frames >= given.len() as u64, "frames without entries are counted too, and no others");
    assert!(found.damage.len() <= DAMAGES_MAX);
    let mut state = State::new();
    state.load(ROWS, 0);
    for (lsn, payload) in &given {
        let written = made.frames.get_mut(lsn).and_then(|all| {
            let at = all.iter().position(|one| one == payload)?;
            Some(all.swap_remove(at))
        });
        assert!(written.is_some(), "frame {lsn} was made up, or handed out twice");
        entries(payload).for_each(drop);
        state.fold(payload);
    }
    assert_eq!(state.len(), ROWS as usize);
    packed(&mut made);
    snapshots(data, &state);
    marks(data);
}

fn marks(data: &[u8]) {
    // Any octets: a mark of whatever journal, or none.
    let _ = mark::read(data, 9);
    let mut rest = data;
    let made = Mark { journal: 9, epoch: 2, lsn: number(&mut rest) as u64, segment: 3, octets: 4 };
    let mut octets = made.encode();
    assert_eq!(mark::read(&octets, 9), Found::Mark(made));
    let (at, bit) = (number(&mut rest) % 48, octet(&mut rest) % 8);
    octets[at] ^= 1 << bit;
    assert_eq!(mark::read(&octets, 9), Found::Nothing, "a flipped bit at octet {at} went by");
}

fn read(made: &mut Made, given: &mut Vec<(u64, Vec<u8>)>) -> Replayed {
    replay(made, Range::ALL, &mut |lsn, payload| given.push((lsn, payload.to_vec()))).expect("a list of segments")
}

/// A segment that can be packed says the same packed.
fn packed(made: &mut Made) {
    for at in 0..made.segments.len() {
        let (segment, octets) = (made.segments[at].0, made.segments[at].1.len() as u64);
        let mut small = Vec::new();
        if pack(made, segment, octets, &mut small).is_err() {
            continue;
        }
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut alone = Made { segments: vec![made.segments[at].clone()], ..Made::default() };
        read(&mut alone, &mut before);
        alone.segments[0].1 = small;
        read(&mut alone, &mut after);
        assert_eq!(before, after, "segment {segment} packed");
    }
}

fn snapshots(data: &[u8], state: &State) {
    // Any octets: an error, or something whole.
    let _ = snapshot::decode(&mut &*data);
    let covered = Covered { lsn: 7, segment: 3, epoch: 2, journal: 9 };
    let mut octets = Vec::new();
    snapshot::encode(state, covered, &mut octets).expect("memory takes everything");
    let (again, covered_again) = snapshot::decode(&mut &*octets).expect("what was encoded");
    assert_eq!((again.standings(), covered_again), (state.standings(), covered));
    let mut rest = data;
    let (at, bit) = (number(&mut rest) % octets.len(), octet(&mut rest) % 8);
    octets[at] ^= 1 << bit;
    assert!(snapshot::decode(&mut &*octets).is_err(), "a flipped bit at octet {at} went by");
    octets.truncate(at);
    assert!(snapshot::decode(&mut &*octets).is_err(), "the first {at} octets went by");
}

/// Segments in memory, and what was ever sealed.
#[derive(Default)]
struct Made {
    segments: Vec<(u32, Vec<u8>)>,
    frames: BTreeMap<u64, Vec<Vec<u8>>>,
}

impl Made {
    fn write(data: &[u8]) -> Self {
        let mut made = Self { segments: vec![(1, Vec::new())], ..Self::default() };
        let mut next = Header { lsn: 1, epoch_first: 1, journal: 7, epoch: 1, ..Header::default() };
        let mut rest = data;
        for _ in 0..STEPS_MAX {
            if rest.is_empty() {
                break;
            }
            let step = octet(&mut rest);
            let Some((segment, octets)) = made.segments.last_mut() else { break };
            next.segment = *segment;
            match step % 8 {
                0..=3 => {
                    let twist = octet(&mut rest);
                    let length = number(&mut rest) % (2 * PAGE);
                    let payload = take(&mut rest, length);
                    next.durable = next.lsn.saturating_sub(1 + u64::from(twist >> 6));
                    let frame = seal(twisted(next, twist), payload);
                    octets.extend_from_slice(&frame);
                    made.frames.entry(twisted(next, twist).lsn).or_default().push(payload.to_vec());
                    next.lsn += 1;
                }
                4 => {
                    // Another epoch begins in a segment of its own; it gives up some of the last frames.
                    next.lsn = next.lsn.saturating_sub(u64::from(octet(&mut rest) % 4)).max(1);
                    next.epoch += 1;
                    next.epoch_first = next.lsn;
                    let segment = *segment + 1 + u32::from(step > 0xf0);
                    made.segments.push((segment, Vec::new()));
                }
                5 => {
                    let (at, with) = (number(&mut rest), octet(&mut rest));
                    let at = at % octets.len().max(1);
                    octets.get_mut(at).into_iter().for_each(|o| *o ^= with);
                }
                6 => {
                    let length = number(&mut rest) % PAGE;
                    octets.extend_from_slice(take(&mut rest, length));
                    octets.resize(octets.len().next_multiple_of(PAGE), 0);
                }
                _ => octets.truncate(octets.len().saturating_sub(number(&mut rest) % (2 * PAGE))),
            }
        }
        made
    }
}

/// A header that does not quite fit what stands before it.
fn twisted(mut header: Header, twist: u8) -> Header {
    header.lsn += u64::from(twist & 1);
    header.journal += u64::from(twist >> 1 & 1);
    header.segment += u32::from(twist >> 2 & 1);
    header.epoch += u32::from(twist >> 3 & 1);
    header.durable = header.durable.min(header.lsn - 1);
    header
}

fn seal(header: Header, payload: &[u8]) -> Vec<u8> {
    let mut block = Block::new();
    block.append(payload);
    block.seal(header);
    assert_eq!(Header::decode(block.octets()).map(|h| h.lsn), Some(header.lsn));
    assert!(block.octets().len() >= HEADER_OCTETS + payload.len());
    block.octets().to_vec()
}

impl Segments for Made {
    fn segments(&mut self) -> Result<Vec<(u32, u64)>, Fault> {
        Ok(self.segments.iter().map(|(segment, octets)| (*segment, octets.len() as u64)).collect())
    }

    fn read(&mut self, segment: u32, offset: u64, into: &mut [u8]) -> Result<usize, Fault> {
        let found = self.segments.iter().find(|(number, _)| *number == segment);
        let octets = found.and_then(|(_, octets)| octets.get(offset as usize..)).unwrap_or_default();
        let count = octets.len().min(into.len());
        into[..count].copy_from_slice(&octets[..count]);
        Ok(count)
    }

    fn mark(&mut self) -> Result<Vec<u8>, Fault> {
        Ok(Vec::new())
    }
}
