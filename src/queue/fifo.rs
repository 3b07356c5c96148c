//! First in, first out, for hundreds of thousands of lists at once: pairs of numbers in shared pages.
//!
//! Guarantees: a list of one pair needs no page; a longer one costs about 9 octets a pair; what is drained is used again
//! by other lists, and a page on which nothing is left goes back to the allocator.
//! A pair whose second number is 0 is no pair: it marks an empty list.

/// Pairs of a chunk: a chunk fills one cache line.
const CHUNK: usize = 7;
/// Chunks of a page, 64 KiB.
const PAGE: u32 = 1024;
/// No chunk.
const NIL: u32 = u32::MAX;

/// A number and how often (or how far) it counts; what it means is the owner's.
pub(super) type Pair = (u32, u32);

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Chunk {
    pairs: [Pair; CHUNK],
    next: u32,
    start: u8,
    end: u8,
}

const EMPTY: Chunk = Chunk { pairs: [(0, 0); CHUNK], next: NIL, start: 0, end: 0 };
const _: () = assert!(size_of::<Chunk>() == 64);

struct Page {
    chunks: Box<[Chunk]>,
    /// The first free chunk of this page; `next` leads to the others.
    free: u32,
    used: u32,
}

/// The pages that all lists of a shard share.
#[derive(Default)]
pub(super) struct Arena {
    pages: Vec<Option<Page>>,
    /// Pages with a free chunk; the last one is filled first.
    open: Vec<u32>,
    /// Indices in `pages` that hold none.
    holes: Vec<u32>,
}

impl Arena {
    /// How many pages are held.
    #[cfg(test)]
    pub(super) fn pages(&self) -> usize {
        self.pages.iter().flatten().count()
    }

    fn chunk(&mut self, id: u32) -> &mut Chunk {
        match &mut self.pages[(id / PAGE) as usize] {
            Some(page) => &mut page.chunks[(id % PAGE) as usize],
            None => unreachable!("a list refers to a page that was given back"),
        }
    }

    /// An empty chunk that starts (and ends) at `at`.
    fn take(&mut self, at: u8) -> u32 {
        let index = self.open.last().copied().unwrap_or_else(|| self.grow());
        let Some(page) = &mut self.pages[index as usize] else { unreachable!("an open page is held") };
        let slot = page.free;
        let chunk = &mut page.chunks[slot as usize];
        page.free = chunk.next;
        page.used += 1;
        *chunk = Chunk { start: at, end: at, ..EMPTY };
        if page.used == PAGE {
            self.open.pop();
        }
        index * PAGE + slot
    }

    fn grow(&mut self) -> u32 {
        let mut chunks = vec![EMPTY; PAGE as usize].into_boxed_slice();
        for (next, chunk) in (1..PAGE).zip(chunks.iter_mut()) {
            chunk.next = next;
        }
        let page = Some(Page { chunks, free: 0, used: 0 });
        let index = self.holes.pop().unwrap_or(self.pages.len() as u32);
        match self.pages.get_mut(index as usize) {
            Some(hole) => *hole = page,
            None => self.pages.push(page),
        }
        self.open.push(index);
        index
    }

    fn give(&mut self, id: u32) {
        let index = id / PAGE;
        let Some(page) = &mut self.pages[index as usize] else { unreachable!("a chunk's page is held") };
        page.chunks[(id % PAGE) as usize].next = page.free;
        page.free = id % PAGE;
        page.used -= 1;
        if page.used == PAGE - 1 {
            self.open.push(index);
        }
        // One empty page stays, so that a list that comes and goes does not allocate a page each time.
        if page.used == 0 && self.open.len() > 1 {
            self.pages[index as usize] = None;
            self.open.retain(|&open| open != index);
            self.holes.push(index);
        }
    }
}

/// One list: its first pair, and the chunks with the others.
pub(super) struct Fifo {
    front: Pair,
    head: u32,
    tail: u32,
}

impl Fifo {
    pub(super) const fn new() -> Self {
        Self { front: (0, 0), head: NIL, tail: NIL }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.front.1 == 0
    }

    /// The first pair.
    pub(super) fn front(&self) -> Option<Pair> {
        (!self.is_empty()).then_some(self.front)
    }

    /// Changes the first pair; its second number must stay above 0.
    pub(super) fn set_front(&mut self, pair: Pair) {
        debug_assert!(pair.1 > 0 && !self.is_empty());
        self.front = pair;
    }

    /// The last pair, to be changed in place.
    pub(super) fn back_mut<'a>(&'a mut self, arena: &'a mut Arena) -> Option<&'a mut Pair> {
        if self.is_empty() {
            return None;
        }
        if self.tail == NIL {
            return Some(&mut self.front);
        }
        let chunk = arena.chunk(self.tail);
        Some(&mut chunk.pairs[usize::from(chunk.end) - 1])
    }

    pub(super) fn push_back(&mut self, arena: &mut Arena, pair: Pair) {
        debug_assert!(pair.1 > 0);
        if self.is_empty() {
            self.front = pair;
            return;
        }
        if self.tail == NIL || usize::from(arena.chunk(self.tail).end) == CHUNK {
            let id = arena.take(0);
            match self.tail {
                NIL => self.head = id,
                tail => arena.chunk(tail).next = id,
            }
            self.tail = id;
        }
        let chunk = arena.chunk(self.tail);
        chunk.pairs[usize::from(chunk.end)] = pair;
        chunk.end += 1;
    }

    pub(super) fn push_front(&mut self, arena: &mut Arena, pair: Pair) {
        debug_assert!(pair.1 > 0);
        if self.is_empty() {
            self.front = pair;
            return;
        }
        let second = std::mem::replace(&mut self.front, pair);
        if self.head == NIL || arena.chunk(self.head).start == 0 {
            let id = arena.take(CHUNK as u8);
            arena.chunk(id).next = self.head;
            if self.head == NIL {
                self.tail = id;
            }
            self.head = id;
        }
        let chunk = arena.chunk(self.head);
        chunk.start -= 1;
        chunk.pairs[usize::from(chunk.start)] = second;
    }

    pub(super) fn pop_front(&mut self, arena: &mut Arena) -> Option<Pair> {
        let pair = self.front()?;
        self.front = (0, 0);
        if self.head != NIL {
            let id = self.head;
            let chunk = arena.chunk(id);
            self.front = chunk.pairs[usize::from(chunk.start)];
            chunk.start += 1;
            if chunk.start == chunk.end {
                self.head = chunk.next;
                if self.head == NIL {
                    self.tail = NIL;
                }
                arena.give(id);
            }
        }
        Some(pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[test]
    fn drained_lists_give_their_pages_back() {
        let mut arena = Arena::default();
        let mut lists: Vec<Fifo> = (0..1000).map(|_| Fifo::new()).collect();
        for n in 1..=100 {
            lists.iter_mut().for_each(|l| l.push_back(&mut arena, (n, n)));
        }
        assert!(arena.pages() >= 14);
        for n in 1..=100 {
            lists.iter_mut().for_each(|l| assert_eq!(l.pop_front(&mut arena), Some((n, n))));
        }
        assert!(arena.pages() <= 1, "{} pages are left", arena.pages());
    }

    proptest! {
        #[test]
        fn two_lists_in_one_arena_are_two_deques(steps in proptest::collection::vec((0usize..2, 0u8..4, 1u32..9), 1..400)) {
            let mut arena = Arena::default();
            let mut lists = [Fifo::new(), Fifo::new()];
            let mut models = [VecDeque::new(), VecDeque::new()];
            for (which, step, n) in steps {
                let (list, model) = (&mut lists[which], &mut models[which]);
                match step {
                    0 => { list.push_front(&mut arena, (n, n)); model.push_front((n, n)); }
                    1 | 2 => { list.push_back(&mut arena, (n, n)); model.push_back((n, n)); }
                    _ => prop_assert_eq!(list.pop_front(&mut arena), model.pop_front()),
                }
                prop_assert_eq!(list.front(), model.front().copied());
                prop_assert_eq!(list.back_mut(&mut arena).copied(), model.back().copied());
            }
            for (list, model) in lists.iter_mut().zip(&mut models) {
                while let Some(pair) = model.pop_front() {
                    prop_assert_eq!(list.pop_front(&mut arena), Some(pair));
                }
                prop_assert!(list.is_empty());
            }
        }
    }
}
