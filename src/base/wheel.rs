//! A hierarchical timer wheel: millions of payloads, each with the instant it is due at.
//!
//! Guarantees: nothing comes out before its instant, and a poll at [`Wheel::next_due`] brings something out, at most a
//! millisecond after it was due; insertion is O(1); each payload is moved at most once a level; a jump of time costs what
//! it brings out, not how far it goes. An entry costs the payload and 4 octets (to the payload's alignment). Entries
//! due in one poll come out in no particular order.
//! Leaves to others: cancelling (take the payload as void when it comes), and knowing the time.

use crate::base::clock::Instant;

/// Microseconds in a tick.
const TICK_US: u64 = 1000;
/// Slots of a level: one bit each in a `u64`.
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// Levels: together they span 2^36 ticks, two years; what is due later waits in `far`.
const LEVELS: usize = 6;
const SPAN_BITS: u32 = SLOT_BITS * LEVELS as u32;
/// Entries of a block. Slots grow by blocks, so a large slot is never copied and never half empty.
const BLOCK: usize = 256;

const _: () = assert!(SPAN_BITS - SLOT_BITS <= 32, "the low 32 bits and the slot must name the tick");

/// An entry: the low 32 bits of its tick (the slot knows the others), and its payload.
struct Entry<T> {
    low: u32,
    payload: T,
}

/// The entries of one slot.
struct Slot<T> {
    blocks: Vec<Vec<Entry<T>>>,
    /// The earliest tick in it.
    min: u64,
}

/// One level: its slot `n` holds ticks whose digit at this level is `n`, and whose higher digits are the wheel's.
struct Level<T> {
    /// Bit `n` is set when slot `n` holds something.
    occupied: u64,
    slots: Box<[Slot<T>]>,
}

/// A slot that has begun to be emptied.
struct Draining<T> {
    blocks: Vec<Vec<Entry<T>>>,
    /// The tick at which the slot starts, and the width of the slot in ticks.
    start: u64,
    width: u64,
    min: u64,
}

/// The wheel.
pub struct Wheel<T> {
    /// The tick the wheel stands at. No entry in a slot is earlier, except at its own slot of level 0.
    at: u64,
    levels: Box<[Level<T>]>,
    draining: Option<Draining<T>>,
    /// Entries beyond the span, by their whole tick, and the earliest of these.
    far: Vec<(u64, T)>,
    far_min: u64,
    len: usize,
}

impl<T> Default for Wheel<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Wheel<T> {
    /// An empty wheel that stands at the origin of time.
    #[must_use]
    pub fn new() -> Self {
        let slot = || Slot { blocks: Vec::new(), min: u64::MAX };
        let level = || Level { occupied: 0, slots: (0..SLOTS).map(|_| slot()).collect() };
        Self {
            at: 0,
            levels: (0..LEVELS).map(|_| level()).collect(),
            draining: None,
            far: Vec::new(),
            far_min: u64::MAX,
            len: 0,
        }
    }

    /// How many entries wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a payload that comes out at `due`, or at the next poll if that has passed.
    pub fn insert(&mut self, due: Instant, payload: T) {
        self.len += 1;
        self.place(due.0.div_ceil(TICK_US), payload);
    }

    /// When the earliest entry comes out: at or up to a millisecond after its instant. `None` when nothing waits.
    /// After a poll that was cut short by its bound this may be in the past: poll again.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        if let Some(draining) = &self.draining {
            return Some(instant(draining.min));
        }
        match self.first_slot() {
            Some((level, slot)) => Some(instant(self.levels[level].slots[slot].min)),
            None => (!self.far.is_empty()).then(|| instant(self.far_min)),
        }
    }

    /// Gives `on` each payload that is due at `now`, at most `max` of them; how many came out.
    pub fn poll(&mut self, now: Instant, max: usize, mut on: impl FnMut(T)) -> usize {
        let now = now.0 / TICK_US;
        let mut out = 0;
        loop {
            if !self.drain(now, max, &mut out, &mut on) {
                break;
            }
            let Some((level, slot)) = self.first_slot() else {
                if self.far.is_empty() || self.far_min > now {
                    break;
                }
                self.enter(self.far_min);
                continue;
            };
            let width = width(level);
            let start = (self.at & !(span(level) - 1)) + slot as u64 * width;
            if start > now {
                break;
            }
            self.at = self.at.max(start);
            self.draining = Some(self.open(level, slot, start, width));
        }
        if self.draining.is_none() && now > self.at {
            self.enter(now);
        }
        out
    }

    /// Every payload that waits, in no particular order, with the instant at which it comes out. Walks them all.
    pub fn iter(&self) -> impl Iterator<Item = (Instant, &T)> {
        let slots = self.levels.iter().enumerate().flat_map(move |(n, level)| {
            let base = self.at & !(span(n) - 1);
            level.slots.iter().enumerate().flat_map(move |(s, slot)| {
                let start = base + s as u64 * width(n);
                slot.blocks.iter().flatten().map(move |e| (instant(tick(start, width(n), e.low)), &e.payload))
            })
        });
        let draining = self
            .draining
            .iter()
            .flat_map(|d| d.blocks.iter().flatten().map(move |e| (instant(tick(d.start, d.width, e.low)), &e.payload)));
        slots.chain(draining).chain(self.far.iter().map(|(t, p)| (instant(*t), p)))
    }

    /// Takes out every payload for which `which` says so, whenever it is due. Walks them all.
    pub fn extract(&mut self, mut which: impl FnMut(&T) -> bool, mut on: impl FnMut(T)) {
        let mut out = 0;
        let mut sift = |blocks: &mut Vec<Vec<Entry<T>>>| {
            for block in blocks.iter_mut() {
                for entry in block.extract_if(.., |e| which(&e.payload)) {
                    out += 1;
                    on(entry.payload);
                }
            }
            blocks.retain(|b| !b.is_empty());
        };
        for (n, level) in self.levels.iter_mut().enumerate() {
            let base = self.at & !(span(n) - 1);
            for (s, slot) in level.slots.iter_mut().enumerate().filter(|(_, slot)| !slot.blocks.is_empty()) {
                sift(&mut slot.blocks);
                let start = base + s as u64 * width(n);
                let ticks = slot.blocks.iter().flatten().map(|e| tick(start, width(n), e.low));
                slot.min = ticks.min().unwrap_or(u64::MAX);
                if slot.blocks.is_empty() {
                    level.occupied &= !(1 << s);
                }
            }
        }
        if let Some(mut draining) = self.draining.take() {
            sift(&mut draining.blocks);
            self.draining = (!draining.blocks.is_empty()).then_some(draining);
        }
        for (_, payload) in self.far.extract_if(.., |(_, p)| which(p)) {
            out += 1;
            on(payload);
        }
        self.far_min = self.far.iter().map(|(t, _)| *t).min().unwrap_or(u64::MAX);
        self.len -= out;
    }

    /// Empties the opened slot: what is due goes to `on`, the rest to lower levels. False when `max` is reached.
    fn drain(&mut self, now: u64, max: usize, out: &mut usize, on: &mut impl FnMut(T)) -> bool {
        let Some(mut draining) = self.draining.take() else { return true };
        while let Some(block) = draining.blocks.last_mut() {
            while let Some(low) = block.last().map(|e| e.low) {
                let due = tick(draining.start, draining.width, low);
                if due <= now && *out >= max {
                    self.draining = Some(draining);
                    return false;
                }
                let Some(entry) = block.pop() else { break };
                if due <= now {
                    *out += 1;
                    self.len -= 1;
                    on(entry.payload);
                } else {
                    self.place(due, entry.payload);
                }
            }
            draining.blocks.pop();
        }
        true
    }

    fn open(&mut self, level: usize, slot: usize, start: u64, width: u64) -> Draining<T> {
        let level = &mut self.levels[level];
        level.occupied &= !(1 << slot);
        let slot = &mut level.slots[slot];
        let min = std::mem::replace(&mut slot.min, u64::MAX);
        Draining { blocks: std::mem::take(&mut slot.blocks), start, width, min }
    }

    /// Moves the wheel to tick `to`, when no slot before it holds anything; what was far may now be near.
    fn enter(&mut self, to: u64) {
        let crossed = (self.at ^ to) >> SPAN_BITS != 0;
        self.at = to;
        if crossed && !self.far.is_empty() {
            self.far_min = u64::MAX;
            for (tick, payload) in std::mem::take(&mut self.far) {
                self.place(tick, payload);
            }
        }
    }

    /// The first slot that holds something: lower levels are earlier, and within a level the lower slot is.
    fn first_slot(&self) -> Option<(usize, usize)> {
        let level = self.levels.iter().position(|l| l.occupied != 0)?;
        Some((level, self.levels[level].occupied.trailing_zeros() as usize))
    }

    fn place(&mut self, tick: u64, payload: T) {
        let tick = tick.max(self.at);
        let differs = tick ^ self.at;
        if differs >> SPAN_BITS != 0 {
            self.far_min = self.far_min.min(tick);
            self.far.push((tick, payload));
            return;
        }
        // The level of the highest digit in which the tick differs from where the wheel stands.
        let level = ((63 - (differs | 1).leading_zeros()) / SLOT_BITS) as usize;
        let slot = (tick / width(level)) as usize % SLOTS;
        let level = &mut self.levels[level];
        level.occupied |= 1 << slot;
        let slot = &mut level.slots[slot];
        slot.min = slot.min.min(tick);
        let entry = Entry { low: tick as u32, payload };
        match slot.blocks.last_mut() {
            Some(block) if block.len() < BLOCK => block.push(entry),
            _ => slot.blocks.push(vec![entry]),
        }
    }
}

/// Ticks in a slot of `level`.
fn width(level: usize) -> u64 {
    1 << (SLOT_BITS * level as u32)
}

/// Ticks in the whole of `level`.
fn span(level: usize) -> u64 {
    1 << (SLOT_BITS * (level as u32 + 1))
}

/// The whole tick of an entry in the slot that begins at `start` and is `width` wide.
fn tick(start: u64, width: u64, low: u32) -> u64 {
    start | (u64::from(low) & (width - 1))
}

fn instant(tick: u64) -> Instant {
    Instant(tick.saturating_mul(TICK_US))
}

#[cfg(test)]
mod tests;
