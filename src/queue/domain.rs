//! One domain's rows: fresh runs in order, retries that have become due, and how many are scheduled.
//!
//! Due retries go first, but not always: after [`DUE_STREAK`] batches of them, or when fresh rows came back untried, these
//! have a turn, so a domain that defers everybody still learns of recipients that it would take.

use super::fifo::{Arena, Fifo};
use super::{DomainId, Rows};

/// Batches of due retries in a row, while fresh rows wait.
const DUE_STREAK: u8 = 3;
/// No slot.
pub(super) const NIL: u32 = u32::MAX;

/// A domain with waiting rows.
pub(super) struct Domain {
    pub(super) id: DomainId,
    /// The slot of its site; `NIL` while it is unrouted.
    pub(super) site: u32,
    /// Runs: first row and count.
    fresh: Fifo,
    /// Retries: row, and attempts plus one.
    due: Fifo,
    pub(super) fresh_rows: u32,
    pub(super) due_rows: u32,
    /// Rows in the wheel.
    pub(super) scheduled: u32,
    /// Neighbours in the turn of its site while it is `linked`; while it is unrouted, `prev` is its place in the list.
    pub(super) prev: u32,
    pub(super) next: u32,
    streak: u8,
    pub(super) linked: bool,
}

const _: () = assert!(size_of::<Domain>() <= 64);

impl Domain {
    pub(super) fn new(id: DomainId, site: u32) -> Self {
        Self {
            id,
            site,
            fresh: Fifo::new(),
            due: Fifo::new(),
            fresh_rows: 0,
            due_rows: 0,
            scheduled: 0,
            prev: NIL,
            next: NIL,
            streak: 0,
            linked: false,
        }
    }

    /// Rows that could go now.
    pub(super) fn rows(&self) -> u64 {
        u64::from(self.fresh_rows) + u64::from(self.due_rows)
    }

    pub(super) fn is_drained(&self) -> bool {
        self.rows() == 0 && self.scheduled == 0
    }

    /// Adds a run of fresh rows at the end; joins the last one if it is adjacent.
    pub(super) fn push(&mut self, arena: &mut Arena, first: u32, count: u32) {
        self.fresh_rows += count;
        if let Some(last) = self.fresh.back_mut(arena)
            && last.0.checked_add(last.1) == Some(first)
        {
            last.1 += count;
            return;
        }
        self.fresh.push_back(arena, (first, count));
    }

    /// Puts a run of fresh rows back in front.
    fn unshift(&mut self, arena: &mut Arena, first: u32, count: u32) {
        self.fresh_rows += count;
        match self.fresh.front() {
            Some((second, more)) if first.checked_add(count) == Some(second) => {
                self.fresh.set_front((first, count + more));
            }
            _ => self.fresh.push_front(arena, (first, count)),
        }
    }

    /// Adds a retry that is due.
    pub(super) fn push_due(&mut self, arena: &mut Arena, row: u32, attempts: u16) {
        self.due_rows += 1;
        self.due.push_back(arena, (row, u32::from(attempts) + 1));
    }

    /// Puts rows back in front, in their order, and gives them the turn that they had: else a retry that is due at once,
    /// and that breaks each session, would go ahead of fresh ones for ever.
    pub(super) fn give_back(&mut self, arena: &mut Arena, attempts: u16, rows: &Rows) {
        if !rows.is_empty() {
            self.streak = if attempts == 0 { DUE_STREAK } else { 0 };
        }
        match (rows, attempts) {
            (Rows::Run { count: 0, .. }, _) => {}
            (Rows::Run { first, count }, 0) => self.unshift(arena, *first, *count),
            (Rows::List(rows), 0) => rows.iter().rev().for_each(|row| self.unshift(arena, *row, 1)),
            (rows, _) => {
                let rows: &mut dyn Iterator<Item = u32> = match rows {
                    Rows::Run { first, count } => &mut (*first..first.saturating_add(*count)).rev(),
                    Rows::List(rows) => &mut rows.iter().rev().copied(),
                };
                for row in rows {
                    self.due_rows += 1;
                    self.due.push_front(arena, (row, u32::from(attempts) + 1));
                }
            }
        }
    }

    /// Cuts at most `max` rows (at least 1) that belong together: the attempts behind them, and the rows. The domain
    /// must have rows.
    pub(super) fn cut(&mut self, arena: &mut Arena, max: u32, block: Option<u32>) -> Option<(u16, Rows)> {
        let due_first = self.fresh.is_empty() || self.streak < DUE_STREAK;
        if due_first && let Some((row, count)) = self.due.pop_front(arena) {
            self.streak = self.streak.saturating_add(1);
            let rows = self.cut_due(arena, (row, count), max, block);
            self.due_rows -= rows.len() as u32;
            return Some(((count - 1) as u16, rows));
        }
        self.streak = 0;
        let rows = self.cut_fresh(arena, max, block)?;
        self.fresh_rows -= rows.len() as u32;
        Some((0, rows))
    }

    /// The retry that was popped, and those behind it with as many attempts and of the same block: half as many with each
    /// attempt, so that one whose transaction breaks each time is alone in the end.
    fn cut_due(&mut self, arena: &mut Arena, first: (u32, u32), max: u32, block: Option<u32>) -> Rows {
        let fits = |next: Option<(u32, u32)>| next.is_some_and(|n| n.1 == first.1 && same_block(first.0, n.0, block));
        let max = max.checked_shr(first.1.saturating_sub(1)).unwrap_or_default();
        if max <= 1 || !fits(self.due.front()) {
            return Rows::Run { first: first.0, count: 1 };
        }
        let max = max.min(self.due_rows) as usize;
        let mut rows = Vec::with_capacity(max);
        rows.push(first.0);
        while rows.len() < max && fits(self.due.front()) {
            rows.extend(self.due.pop_front(arena).map(|(row, _)| row));
        }
        Rows::List(rows)
    }

    /// The first run or a part of it; if that is short of `max`, then what follows it within the block as well.
    fn cut_fresh(&mut self, arena: &mut Arena, max: u32, block: Option<u32>) -> Option<Rows> {
        let (first, count) = self.shift(arena, max, block)?;
        let fits = |next: Option<(u32, u32)>| next.is_some_and(|n| same_block(first, n.0, block));
        if count == max || !fits(self.fresh.front()) {
            return Some(Rows::Run { first, count });
        }
        let max = max.min(self.fresh_rows);
        let mut rows = Vec::with_capacity(max as usize);
        rows.extend(first..first + count);
        while rows.len() < max as usize && fits(self.fresh.front()) {
            let Some((first, count)) = self.shift(arena, max - rows.len() as u32, block) else { break };
            rows.extend(first..first + count);
        }
        Some(Rows::List(rows))
    }

    /// Takes at most `max` rows off the first run, all of one block.
    fn shift(&mut self, arena: &mut Arena, max: u32, block: Option<u32>) -> Option<(u32, u32)> {
        let (first, count) = self.fresh.front()?;
        let room = block.map_or(u32::MAX, |b| b - first % b);
        let taken = count.min(max).min(room);
        if taken == count {
            self.fresh.pop_front(arena);
        } else {
            self.fresh.set_front((first + taken, count - taken));
        }
        Some((first, taken))
    }

    /// Takes out the due retries for which `which` says so; the others keep their order.
    pub(super) fn extract_due(
        &mut self,
        arena: &mut Arena,
        which: &mut dyn FnMut(u32, u16) -> bool,
        mut on: impl FnMut(u32, u16),
    ) {
        for _ in 0..self.due_rows {
            let Some((row, count)) = self.due.pop_front(arena) else { return };
            let attempts = (count - 1) as u16;
            if which(row, attempts) {
                self.due_rows -= 1;
                on(row, attempts);
            } else {
                self.due.push_back(arena, (row, count));
            }
        }
    }

    /// Takes out the fresh runs: first row and count.
    pub(super) fn take_fresh(&mut self, arena: &mut Arena, mut on: impl FnMut(u32, u32)) {
        while let Some((first, count)) = self.fresh.pop_front(arena) {
            on(first, count);
        }
        self.fresh_rows = 0;
    }

    /// Takes out everything but what is scheduled: first row, count, attempts.
    pub(super) fn take_all(&mut self, arena: &mut Arena, mut on: impl FnMut(u32, u32, u16)) {
        while let Some((row, attempts)) = self.due.pop_front(arena) {
            on(row, 1, (attempts - 1) as u16);
        }
        while let Some((first, count)) = self.fresh.pop_front(arena) {
            on(first, count, 0);
        }
        self.fresh_rows = 0;
        self.due_rows = 0;
    }
}

/// Whether two rows lie within one multiple of `block`.
fn same_block(a: u32, b: u32, block: Option<u32>) -> bool {
    block.is_none_or(|block| a / block == b / block)
}
