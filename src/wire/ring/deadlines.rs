//! One deadline for each slot, in a binary heap of slot numbers.
//!
//! Guarantees: at most one entry a slot, so the size is bounded by the slots; moving a deadline later (what each reply
//! does) is one store: the entry sinks to its place only when it reaches the top.

use crate::base::clock::Instant;

/// No place in the heap.
const NOWHERE: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Entry {
    /// The key in the heap; never later than `due`.
    key: Instant,
    /// When it is due; [`Instant::FAR`]: never.
    due: Instant,
    place: u32,
}

/// The deadlines of all slots.
#[derive(Default)]
pub(super) struct Deadlines {
    entries: Vec<Entry>,
    heap: Vec<u32>,
}

impl Deadlines {
    /// Sets or clears the deadline of `slot`.
    pub(super) fn set(&mut self, slot: u32, due: Option<Instant>) {
        let due = due.unwrap_or(Instant::FAR);
        let index = slot as usize;
        if index >= self.entries.len() {
            let none = Entry { key: Instant::FAR, due: Instant::FAR, place: NOWHERE };
            self.entries.resize(index + 1, none);
        }
        let entry = &mut self.entries[index];
        entry.due = due;
        if entry.place == NOWHERE {
            if due != Instant::FAR {
                entry.key = due;
                let place = self.heap.len();
                entry.place = place as u32;
                self.heap.push(slot);
                self.rise(place);
            }
        } else if due < entry.key {
            entry.key = due;
            let place = entry.place as usize;
            self.rise(place);
        }
    }

    /// When to look again: no deadline is due before it.
    pub(super) fn next(&self) -> Option<Instant> {
        self.heap.first().map(|&slot| self.entries[slot as usize].key)
    }

    /// Takes one slot whose deadline has passed; the deadline is cleared.
    pub(super) fn expired(&mut self, now: Instant) -> Option<u32> {
        loop {
            let &slot = self.heap.first()?;
            let entry = &mut self.entries[slot as usize];
            if entry.key > now {
                return None;
            }
            if entry.due > now && entry.due != Instant::FAR {
                entry.key = entry.due;
                self.sink(0);
                continue;
            }
            let fired = entry.due <= now;
            (entry.due, entry.key, entry.place) = (Instant::FAR, Instant::FAR, NOWHERE);
            self.heap.swap_remove(0);
            if let Some(&moved) = self.heap.first() {
                self.entries[moved as usize].place = 0;
                self.sink(0);
            }
            if fired {
                return Some(slot);
            }
        }
    }

    fn key(&self, place: usize) -> Instant {
        self.entries[self.heap[place] as usize].key
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.entries[self.heap[a] as usize].place = a as u32;
        self.entries[self.heap[b] as usize].place = b as u32;
    }

    fn rise(&mut self, mut place: usize) {
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.key(parent) <= self.key(place) {
                return;
            }
            self.swap(parent, place);
            place = parent;
        }
    }

    fn sink(&mut self, mut place: usize) {
        loop {
            let left = 2 * place + 1;
            if left >= self.heap.len() {
                return;
            }
            let right = left + 1;
            let child = if right < self.heap.len() && self.key(right) < self.key(left) { right } else { left };
            if self.key(place) <= self.key(child) {
                return;
            }
            self.swap(place, child);
            place = child;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_fire_once_in_order_and_never_early() {
        let mut deadlines = Deadlines::default();
        let mut random = fastrand::Rng::with_seed(7);
        let mut model = vec![None; 50];
        let mut now = 0;
        for _ in 0..20_000 {
            let slot = random.usize(..50);
            let due = random.bool().then(|| Instant(now + random.u64(1..200)));
            deadlines.set(slot as u32, due);
            model[slot] = due;
            assert!(deadlines.heap.len() <= 50);
            if random.u8(..4) == 0 {
                now += random.u64(..40);
                let mut fired = Vec::new();
                while let Some(slot) = deadlines.expired(Instant(now)) {
                    fired.push(slot as usize);
                }
                fired.sort_unstable();
                let due: Vec<_> = (0..50).filter(|&s| model[s].is_some_and(|at: Instant| at.0 <= now)).collect();
                assert_eq!(fired, due);
                due.iter().for_each(|&s| model[s] = None);
                let first = model.iter().flatten().min().copied();
                assert!(first.is_none() || deadlines.next() <= first, "a wait would sleep through {first:?}");
            }
        }
    }
}
