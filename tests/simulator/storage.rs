//! The recorder without its thread: the real journal on a simulated disk, whose writes take their time and end in any
//! order.

use crate::scenario::Mutation;
use posthaste::base::clock::Instant;
use posthaste::engine::message::Append;
use posthaste::engine::recorder::APPEND_OCTETS_MAX;
use posthaste::journal::disk::Disk as _;
use posthaste::journal::frame::{Block, FRAME_OCTETS_MAX};
use posthaste::journal::sim::SimDisk;
use posthaste::journal::writer::{Config, Journal, Start};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What ends later.
enum Under {
    Segment,
    Write { lsn: u64, block: Block, id: u64 },
}

/// See the head of this file.
pub struct Storage {
    journal: Journal,
    waiting: VecDeque<Append>,
    /// What was taken and not yet said to be durable, by shard.
    taken: Vec<VecDeque<Append>>,
    under_way: BTreeMap<(Instant, u64), Under>,
    sequence: u64,
    writes_left: Option<u64>,
    failed: bool,
    sync_us_max: u64,
    mutation: Mutation,
}

/// What the journal tells the shards, and the entries that it speaks of.
pub enum Said {
    /// Every entry of these appends of one shard is durable.
    Durable(Vec<Append>),
    /// Nothing more will be.
    Failed,
}

impl Storage {
    /// A journal that begins at `start`, whose writes take up to `sync_us_max` each.
    pub fn new(
        start: Start,
        (window, in_flight_max): (Duration, usize),
        sync_us_max: u64,
        shards: u16,
        mutation: Mutation,
    ) -> Self {
        let octets = FRAME_OCTETS_MAX as u64;
        let config = Config {
            window,
            in_flight_max,
            first_segment_octets: octets,
            segment_octets: 2 * octets,
            ..Config::default()
        };
        Self {
            journal: Journal::new(config, start),
            waiting: VecDeque::new(),
            taken: (0..shards).map(|_| VecDeque::new()).collect(),
            under_way: BTreeMap::new(),
            sequence: 0,
            writes_left: None,
            failed: false,
            sync_us_max,
            mutation,
        }
    }

    /// A new epoch begins.
    pub fn open(&self, disk: &mut SimDisk) {
        disk.set_mark(&self.journal.mark(), true).unwrap();
    }

    /// The write after so many fails.
    pub fn fail_after(&mut self, writes: u64) {
        self.writes_left = Some(writes);
    }

    /// Takes an append.
    pub fn take(&mut self, append: Append) {
        self.waiting.push_back(append);
    }

    /// No more appends come.
    pub fn close(&mut self) {
        if self.waiting.is_empty() {
            self.journal.close();
        }
    }

    /// Whether everything is written after a close, or cannot be.
    pub fn is_closed(&self) -> bool {
        self.failed || self.journal.is_closed()
    }

    /// Whether a write failed.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// When it has something to do.
    pub fn next_due(&self) -> Option<Instant> {
        let under_way = self.under_way.keys().next().map(|(at, _)| *at);
        [under_way, self.journal.deadline()].into_iter().flatten().min()
    }

    /// Does all that is due, telling what became durable.
    pub fn turn(&mut self, disk: &mut SimDisk, rng: &mut fastrand::Rng, now: Instant, tell: &mut dyn FnMut(Said)) {
        if self.failed {
            return;
        }
        while let Some(append) = self.waiting.pop_front() {
            if !self.journal.fits(APPEND_OCTETS_MAX) {
                self.waiting.push_front(append);
                break;
            }
            self.journal.append(append.shard, append.ticket, &append.entries, now).unwrap();
            if self.mutation == Mutation::SettleBeforeSync {
                tell(Said::Durable(vec![append]));
            } else if let Some(taken) = self.taken.get_mut(usize::from(append.shard)) {
                taken.push_back(append);
            }
        }
        while let Some(entry) = self.under_way.first_entry()
            && entry.key().0 <= now
        {
            match entry.remove() {
                Under::Segment => {
                    disk.prepared(false).unwrap().unwrap();
                    self.journal.handle_prepared();
                }
                Under::Write { lsn, block, id } => {
                    if !self.write_ended(disk, lsn, block, id) {
                        return tell(Said::Failed);
                    }
                    self.tell_durable(tell);
                }
            }
        }
        self.begin(disk, rng, now);
    }

    fn begin(&mut self, disk: &mut SimDisk, rng: &mut fastrand::Rng, now: Instant) {
        if let Some(wanted) = self.journal.poll_prepare(now) {
            disk.prepare(wanted.segment, wanted.octets);
            self.later(rng, now, Under::Segment);
        }
        while let Some(write) = self.journal.poll_write(now) {
            let id = disk.begin(write.segment, write.offset, write.block.octets());
            self.later(rng, now, Under::Write { lsn: write.lsn, block: write.block, id });
        }
    }

    fn later(&mut self, rng: &mut fastrand::Rng, now: Instant, what: Under) {
        self.sequence += 1;
        let at = now.after(Duration::from_micros(rng.u64(1..=self.sync_us_max.max(1))));
        self.under_way.insert((at, self.sequence), what);
    }

    /// `false`: it failed.
    fn write_ended(&mut self, disk: &mut SimDisk, lsn: u64, block: Block, id: u64) -> bool {
        if let Some(left) = &mut self.writes_left {
            let Some(fewer) = left.checked_sub(1) else {
                self.journal.handle_failed("the disk broke".into());
                self.failed = true;
                return false;
            };
            *left = fewer;
        }
        disk.complete(id);
        self.journal.handle_synced(lsn, block);
        disk.set_mark(&self.journal.mark(), false).unwrap();
        true
    }

    fn tell_durable(&mut self, tell: &mut dyn FnMut(Said)) {
        while let Some(durable) = self.journal.poll_durable() {
            let Some(taken) = self.taken.get_mut(usize::from(durable.who)) else { continue };
            let count = taken.iter().take_while(|append| append.ticket <= durable.ticket).count();
            tell(Said::Durable(taken.drain(..count).collect()));
        }
    }
}
