//! A disk in memory that fails as disks do: a crash may tear what was being written at sectors of 512 octets, in any
//! order; octets flip or turn to zeros; pages and files cannot be read; space runs out; a write fails. Repeatable from a seed.
//!
//! Guarantees: what [`SimDisk::complete`] (or [`Disk::write`]) returned for survives every crash; what was only begun survives in part.
//! A mark that was not waited for survives, or an earlier one does.

use super::disk::{Disk, Fault, FaultKind, Segments};
use super::frame::PAGE;
use super::mark::{Mark, SLOTS};
use std::collections::{BTreeMap, BTreeSet};

/// What a device writes whole or not at all.
pub const SECTOR: usize = 512;

#[derive(Clone, Debug)]
struct Begun {
    id: u64,
    segment: u32,
    offset: usize,
    octets: Vec<u8>,
}

/// A simulated disk.
#[derive(Clone, Debug)]
pub struct SimDisk {
    segments: BTreeMap<u32, Vec<u8>>,
    begun: Vec<Begun>,
    next_id: u64,
    made: Option<Result<u32, Fault>>,
    /// The mark's file, the slot that is written next, and the mark that is under way.
    mark: Vec<u8>,
    slot: usize,
    begun_mark: Option<Mark>,
    /// Pages that cannot be read: segment and number.
    unreadable: BTreeSet<(u32, u64)>,
    /// Segments that may not be read.
    forbidden: BTreeSet<u32>,
    random: fastrand::Rng,
    capacity: u64,
    writes_left: Option<u64>,
}

impl SimDisk {
    /// An empty disk without bounds.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            segments: BTreeMap::new(),
            begun: Vec::new(),
            next_id: 0,
            made: None,
            mark: Vec::new(),
            slot: 0,
            begun_mark: None,
            unreadable: BTreeSet::new(),
            forbidden: BTreeSet::new(),
            random: fastrand::Rng::with_seed(seed),
            capacity: u64::MAX,
            writes_left: None,
        }
    }

    /// The disk holds so many octets of segments and no more.
    pub fn set_capacity(&mut self, octets: u64) {
        self.capacity = octets;
    }

    /// After so many more writes, each one fails (and leaves a torn trace).
    pub fn fail_after(&mut self, writes: u64) {
        self.writes_left = Some(writes);
    }

    /// Begins a write; it is durable once completed, and may be torn by a crash before that.
    pub fn begin(&mut self, segment: u32, offset: u64, octets: &[u8]) -> u64 {
        self.next_id += 1;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        self.begun.push(Begun { id: self.next_id, segment, offset, octets: octets.to_vec() });
        self.next_id
    }

    /// Ends a write: its octets are on stable storage.
    pub fn complete(&mut self, id: u64) {
        if let Some(at) = self.begun.iter().position(|b| b.id == id) {
            let write = self.begun.remove(at);
            self.land(&write, |_| true);
        }
    }

    /// Power is lost and comes back: of each write begun and not completed, any sectors may have landed.
    pub fn crash(&mut self) {
        for write in std::mem::take(&mut self.begun) {
            let share = self.random.u8(0..=4);
            let landed: Vec<bool> =
                (0..write.octets.len().div_ceil(SECTOR)).map(|_| self.random.u8(0..4) < share).collect();
            self.land(&write, |sector| landed.get(sector).copied().unwrap_or(false));
        }
        if let Some(mark) = self.begun_mark.take()
            && self.random.bool()
        {
            self.land_mark(&mark);
        }
        self.made = None;
    }

    /// The page of a segment at `offset` cannot be read from now on.
    pub fn spoil(&mut self, segment: u32, offset: u64) {
        self.unreadable.insert((segment, offset / PAGE as u64));
    }

    /// A segment may not be read from now on.
    pub fn forbid(&mut self, segment: u32) {
        self.forbidden.insert(segment);
    }

    /// The octets of the mark's file, to look at or to damage.
    pub fn mark_mut(&mut self) -> &mut Vec<u8> {
        &mut self.mark
    }

    fn land_mark(&mut self, mark: &Mark) {
        self.mark.resize(SLOTS * PAGE, 0);
        if let Some(slot) = self.mark.chunks_mut(PAGE).nth(self.slot) {
            slot.copy_from_slice(&mark.encode());
        }
        self.slot = (self.slot + 1) % SLOTS;
    }

    /// All octets of a segment, to look at or to damage.
    pub fn octets_mut(&mut self, segment: u32) -> Option<&mut Vec<u8>> {
        self.segments.get_mut(&segment)
    }

    /// A segment file vanishes.
    pub fn lose(&mut self, segment: u32) {
        self.segments.remove(&segment);
    }

    fn land(&mut self, write: &Begun, landed: impl Fn(usize) -> bool) {
        let Some(file) = self.segments.get_mut(&write.segment) else { return };
        let Some(room) = file.get_mut(write.offset..) else { return };
        for (sector, (to, from)) in room.chunks_mut(SECTOR).zip(write.octets.chunks(SECTOR)).enumerate() {
            if landed(sector) && to.len() >= from.len() {
                to.split_at_mut(from.len()).0.copy_from_slice(from);
            }
        }
    }

    fn fault(what: &'static str, segment: u32, kind: FaultKind) -> Fault {
        Fault { what, place: format!("simulated segment {segment:04}"), why: format!("{kind:?}"), kind }
    }
}

impl Segments for SimDisk {
    fn segments(&mut self) -> Result<Vec<(u32, u64)>, Fault> {
        Ok(self.segments.iter().map(|(n, octets)| (*n, octets.len() as u64)).collect())
    }

    fn read(&mut self, segment: u32, offset: u64, into: &mut [u8]) -> Result<usize, Fault> {
        let Some(file) = self.segments.get(&segment) else {
            return Err(Self::fault("read", segment, FaultKind::Missing));
        };
        if self.forbidden.contains(&segment) {
            return Err(Self::fault("read", segment, FaultKind::Denied));
        }
        let pages = offset / PAGE as u64..(offset + into.len() as u64).div_ceil(PAGE as u64);
        if self.unreadable.range((segment, pages.start)..(segment, pages.end)).next().is_some() {
            return Err(Self::fault("read", segment, FaultKind::Broken));
        }
        let from = usize::try_from(offset).ok().and_then(|at| file.get(at..)).unwrap_or_default();
        let n = from.len().min(into.len());
        into.split_at_mut(n).0.copy_from_slice(from.split_at(n).0);
        Ok(n)
    }

    fn mark(&mut self) -> Result<Vec<u8>, Fault> {
        Ok(self.mark.clone())
    }
}

impl Disk for SimDisk {
    fn prepare(&mut self, segment: u32, octets: u64) {
        let used: u64 = self.segments.values().map(|s| s.len() as u64).sum();
        self.made = Some(if used.saturating_add(octets) > self.capacity {
            Err(Self::fault("prepare", segment, FaultKind::Full))
        } else {
            self.segments.insert(segment, vec![0; usize::try_from(octets).unwrap_or(0)]);
            Ok(segment)
        });
    }

    fn prepared(&mut self, _wait: bool) -> Option<Result<u32, Fault>> {
        self.made.take()
    }

    fn write(&mut self, segment: u32, offset: u64, octets: &[u8]) -> Result<(), Fault> {
        let id = self.begin(segment, offset, octets);
        if let Some(left) = &mut self.writes_left {
            let Some(fewer) = left.checked_sub(1) else {
                return Err(Self::fault("write", segment, FaultKind::Broken));
            };
            *left = fewer;
        }
        self.complete(id);
        Ok(())
    }

    fn look(&mut self, segment: u32) -> Result<(), Fault> {
        let there = self.segments.contains_key(&segment);
        if there { Ok(()) } else { Err(Self::fault("record outcomes in", segment, FaultKind::Lost)) }
    }

    fn set_mark(&mut self, mark: &Mark, wait: bool) -> Result<(), Fault> {
        if wait {
            self.begun_mark = None;
            (0..SLOTS).for_each(|_| self.land_mark(mark));
        } else if let Some(earlier) = self.begun_mark.replace(*mark)
            && self.random.bool()
        {
            self.land_mark(&earlier);
        }
        Ok(())
    }

    fn pack(&mut self, segment: u32) {
        let octets = self.segments.get(&segment).map_or(0, |s| s.len() as u64);
        let mut packed = Vec::new();
        if super::replay::pack(self, segment, octets, &mut packed).is_ok() {
            self.segments.insert(segment, packed);
        }
    }

    fn remove(&mut self, segment: u32) -> Result<(), Fault> {
        self.segments.remove(&segment);
        self.made = None;
        Ok(())
    }
}
