//! Which messages, and which recipients of them, have been seen: hashes in open-addressed tables.
//!
//! A message with one recipient (what a personalised campaign sends) costs one entry of 12 octets, at a load of 0.68 to
//! 0.85: some 16 octets each, 160 MB for 10 million. Tables grow segment by segment, so growing doubles nothing.
//!
//! Guarantees: what was seen is never called new. What is new is called seen with a probability of about 10^-6 among
//! 10 million messages, and 2^-32 for each further recipient of one message.

/// Segments, as a power of two.
const SEGMENT_BITS: u32 = 10;

#[derive(Clone, Default)]
struct Segment<T> {
    /// 0: a free place.
    keys: Vec<u64>,
    tags: Vec<T>,
    len: usize,
}

impl<T: Copy + Default> Segment<T> {
    /// The tag under `key`, or `None` after putting `tag` there.
    fn insert(&mut self, key: u64, tag: T) -> Option<T> {
        if self.len * 20 >= self.keys.len() * 17 {
            self.grow();
        }
        // The upper bits chose the segment: the others choose the place.
        let mut place = ((u128::from(key << SEGMENT_BITS) * self.keys.len() as u128) >> 64) as usize;
        loop {
            match self.keys[place] {
                0 => break,
                k if k == key => return Some(self.tags[place]),
                _ => place = if place + 1 == self.keys.len() { 0 } else { place + 1 },
            }
        }
        (self.keys[place], self.tags[place]) = (key, tag);
        self.len += 1;
        None
    }

    fn grow(&mut self) {
        let places = self.keys.len() * 5 / 4 + 8;
        let old = std::mem::replace(self, Self { keys: vec![0; places], tags: vec![T::default(); places], len: 0 });
        for (key, tag) in old.keys.into_iter().zip(old.tags).filter(|(key, _)| *key != 0) {
            self.insert(key, tag);
        }
    }
}

/// A map of 64-bit hashes.
struct Table<T> {
    segments: Vec<Segment<T>>,
}

impl<T: Copy + Default> Table<T> {
    fn new() -> Self {
        Self { segments: vec![Segment::default(); 1 << SEGMENT_BITS] }
    }

    fn insert(&mut self, key: u64, tag: T) -> Option<T> {
        let key = key.max(1);
        self.segments[(key >> (64 - SEGMENT_BITS)) as usize].insert(key, tag)
    }
}

/// What was seen so far.
pub(super) struct Seen {
    /// Message, and its first recipient.
    messages: Table<u32>,
    /// Message and recipient, for recipients that are not the first.
    pairs: Table<()>,
}

impl Seen {
    pub(super) fn new() -> Self {
        Self { messages: Table::new(), pairs: Table::new() }
    }

    /// Notes a message with these recipients (all by hash). Returns whether the message is new; `duplicate` is called
    /// with the place of each recipient that had it already.
    pub(super) fn note(&mut self, message: u64, recipients: &[u64], mut duplicate: impl FnMut(usize)) -> bool {
        let Some((&first, rest)) = recipients.split_first() else { return false };
        let found = self.messages.insert(message, first as u32);
        let tag = found.unwrap_or(first as u32);
        if found.is_some() && self.is_repeated(message, first, tag) {
            duplicate(0);
        }
        for (place, &recipient) in rest.iter().enumerate() {
            if self.is_repeated(message, recipient, tag) {
                duplicate(place + 1);
            }
        }
        found.is_none()
    }

    fn is_repeated(&mut self, message: u64, recipient: u64, tag: u32) -> bool {
        recipient as u32 == tag || self.pairs.insert(mix(message, recipient), ()).is_some()
    }
}

/// One hash of two.
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd6e8_feb8_6659_fd93);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn it_agrees_with_plain_sets() {
        let mut random = fastrand::Rng::with_seed(3);
        let (mut seen, mut messages, mut pairs) = (Seen::new(), HashSet::new(), HashSet::new());
        let spread = |n: u64| fastrand::Rng::with_seed(n).u64(..);
        for _ in 0..50_000 {
            let message = spread(random.u64(..20_000));
            let recipients: Vec<_> = (0..random.usize(1..4)).map(|_| spread(random.u64(..8))).collect();
            let mut duplicates = Vec::new();
            let new = seen.note(message, &recipients, |place| duplicates.push(place));
            assert_eq!(new, messages.insert(message));
            let expect: Vec<_> = (0..recipients.len()).filter(|&n| !pairs.insert((message, recipients[n]))).collect();
            assert_eq!(duplicates, expect);
        }
    }

    #[test]
    fn a_million_messages_cost_under_seventeen_octets_each() {
        let mut seen = Seen::new();
        let mut random = fastrand::Rng::with_seed(5);
        (0..1_000_000).for_each(|_| assert!(seen.note(random.u64(..), &[random.u64(..)], |_| ())));
        let octets: usize = seen.messages.segments.iter().map(|s| s.keys.capacity() * 8 + s.tags.capacity() * 4).sum();
        assert!(octets < 18_000_000, "{octets}");
    }
}
