//! A set of texts, kept as keyed hashes: what the loader has seen, and what is suppressed.
//!
//! A text is kept as 104 bits of its SipHash-1-3-128 under a secret key: 8 choose one of 256 tables, 96 are stored. For ten
//! million texts the chance that any two share a hash is below 10⁻¹⁶, and without the key nobody can make two that do. A
//! table probes linearly over 12-octet slots: a look-up touches one or two cache lines, where a table with control octets
//! touches two and then the key. A full one grows by half, so a text takes 15 to 23 octets, or to what is expected to come,
//! so that it takes 15 to 16 in the end; no growth copies more than one table. Many at once are faster than one after
//! another: the cache lines of a group are fetched together, and a set of millions waits for memory once a group instead of
//! once a text. Leaves to others: what counts as the same text.

use siphasher::sip128::SipHasher13;

const TABLES: usize = 256;
/// Slots of a table that holds its first key.
const SLOTS_MIN: usize = 16;
/// A full table grows to so many times its slots at most, whatever is expected: what is said of the last of a long list when
/// its first texts are known is a guess.
const GROWTH_MAX: usize = 4;
/// Texts whose slots are fetched together: about as many as a core has loads under way.
const GROUP: usize = 16;

type Key = [u32; 3];
/// What an unused slot holds. A text whose hash is this takes the next one.
const FREE: Key = [0; 3];

/// A text as sets under the same secret keep it.
#[derive(Clone, Copy, Debug)]
pub struct Hashed {
    table: u32,
    key: Key,
}

/// A set of hashed texts.
pub struct KeySet {
    hasher: SipHasher13,
    tables: Box<[Table]>,
    len: usize,
    /// How many texts a table is expected to hold in the end; 0 where nothing is known.
    expected: usize,
}

impl KeySet {
    /// An empty set under `secret`.
    #[must_use]
    pub fn new(secret: [u8; 16]) -> Self {
        let tables = (0..TABLES).map(|_| Table::default()).collect();
        Self { hasher: SipHasher13::new_with_key(&secret), tables, len: 0, expected: 0 }
    }

    /// Adds `text`; false if it was there already.
    pub fn insert(&mut self, text: &[u8]) -> bool {
        self.insert_hashed(self.hashed(text))
    }

    /// Adds texts in their order, and tells of each whether it is new.
    pub fn insert_all(&mut self, texts: &[Hashed], mut tell: impl FnMut(bool)) {
        for group in texts.chunks(GROUP) {
            // No look waits for the one before it; what they find is of no interest yet.
            std::hint::black_box(group.iter().fold(0, |all, text| all ^ self.peek(*text)));
            for text in group {
                tell(self.insert_hashed(*text));
            }
        }
    }

    fn insert_hashed(&mut self, text: Hashed) -> bool {
        let new = self.tables.get_mut(text.table as usize).is_some_and(|table| table.insert(text.key, self.expected));
        self.len += usize::from(new);
        new
    }

    fn peek(&self, text: Hashed) -> u32 {
        let table = self.tables.get(text.table as usize);
        table.and_then(|table| table.slots.get(table.start(text.key))).map_or(0, |slot| slot[0])
    }

    /// Makes room for so many more texts, so that hardly a table grows for them.
    pub fn reserve(&mut self, more: usize) {
        let each = self.each(more);
        self.tables.iter_mut().for_each(|table| table.reserve(each));
    }

    /// Says that about so many more texts are to come: the later it is said again, the better a table that is full by then
    /// is measured for them.
    pub fn expect(&mut self, more: usize) {
        let each = self.each(more);
        self.expected = each + each / 64;
    }

    /// How many texts hardly a table exceeds when so many more have come: tables are not filled evenly, and four deviations
    /// above the mean are exceeded by one in thirty thousand.
    fn each(&self, more: usize) -> usize {
        let mean = (self.len + more) / TABLES;
        mean + 4 * mean.isqrt()
    }

    /// Whether `text` was added.
    #[must_use]
    pub fn contains(&self, text: &[u8]) -> bool {
        self.contains_hashed(self.hashed(text))
    }

    /// Whether the text was added.
    #[must_use]
    pub fn contains_hashed(&self, text: Hashed) -> bool {
        let table = self.tables.get(text.table as usize);
        table.and_then(|table| table.slot(text.key)).is_some_and(|(_, found)| found)
    }

    /// How many texts the set holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// `text` as this set keeps it, and each other one under its secret.
    #[must_use]
    pub fn hashed(&self, text: &[u8]) -> Hashed {
        let (low, high) = self.hasher.hash(text).as_u64();
        let key = [low as u32, (low >> 32) as u32, high as u32];
        Hashed { table: (high >> 56) as u32, key: if key == FREE { [0, 0, 1] } else { key } }
    }
}

/// Open addressing; at most four fifths of the slots are used, so that every search ends at a free one.
#[derive(Default)]
struct Table {
    slots: Vec<Key>,
    used: usize,
}

impl Table {
    fn insert(&mut self, key: Key, expected: usize) -> bool {
        if (self.used + 1) * 5 > self.slots.len() * 4 {
            self.grow(expected);
        }
        let Some((at, false)) = self.slot(key) else { return false };
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = key;
            self.used += 1;
        }
        true
    }

    /// Where `key` is, or the free slot where it belongs; `None` in a table of no slots.
    fn slot(&self, key: Key) -> Option<(usize, bool)> {
        let start = self.start(key);
        let (front, back) = self.slots.split_at_checked(start)?;
        let probes = back.iter().zip(start..).chain(front.iter().zip(0..));
        for (slot, at) in probes {
            if *slot == key {
                return Some((at, true));
            }
            if *slot == FREE {
                return Some((at, false));
            }
        }
        None
    }

    /// Where the search for `key` begins. The hash is scaled to the slots, instead of a remainder: their number need not
    /// be a power of two, and the order of the keys survives growth, which then runs through both tables from front to
    /// back.
    fn start(&self, key: Key) -> usize {
        ((u64::from(key[0]) * self.slots.len() as u64) >> 32) as usize
    }

    fn reserve(&mut self, texts: usize) {
        let slots = slots_for(texts);
        if slots > self.slots.len() {
            self.widen(slots);
        }
    }

    fn grow(&mut self, expected: usize) {
        let full = self.slots.len();
        let slots = match expected {
            0 => full + full / 2,
            texts => slots_for(texts).clamp(full + full / 16, full * GROWTH_MAX),
        };
        self.widen(slots.max(SLOTS_MIN));
    }

    fn widen(&mut self, slots: usize) {
        let old = std::mem::replace(&mut self.slots, vec![FREE; slots]);
        for key in old.into_iter().filter(|key| *key != FREE) {
            if let Some((at, false)) = self.slot(key)
                && let Some(slot) = self.slots.get_mut(at)
            {
                *slot = key;
            }
        }
    }
}

/// The slots of a table that is not full with so many texts.
fn slots_for(texts: usize) -> usize {
    texts / 4 * 5 + SLOTS_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_new_once() {
        let mut set = KeySet::new([7; 16]);
        for i in 0..100_000u32 {
            assert!(!set.contains(&i.to_le_bytes()));
            assert!(set.insert(&i.to_le_bytes()));
            assert!(!set.insert(&i.to_le_bytes()));
        }
        assert_eq!(set.len(), 100_000);
        assert!((0..100_000u32).all(|i| set.contains(&i.to_le_bytes())));
        assert!(!set.contains(b"other") && !set.is_empty());
        assert!(set.tables.iter().all(|t| t.used * 5 <= t.slots.len() * 4 && t.used * 2 > t.slots.len()));
    }

    #[test]
    fn many_at_once_are_told_in_their_order_as_one_after_another_would_be() {
        let (mut one, mut many) = (KeySet::new([7; 16]), KeySet::new([7; 16]));
        let texts: Vec<_> = (0..20_000u32).map(|i| one.hashed(&(i * i % 7_919).to_le_bytes())).collect();
        let mut told = Vec::new();
        many.insert_all(&texts, |new| told.push(new));
        assert_eq!(told, texts.iter().map(|text| one.insert_hashed(*text)).collect::<Vec<_>>());
        assert_eq!((many.len(), told.iter().filter(|new| **new).count()), (one.len(), one.len()));
        assert!(texts.iter().all(|text| many.contains_hashed(*text)));
    }

    #[test]
    fn room_that_was_made_is_enough_and_changes_nothing_else() {
        let mut set = KeySet::new([7; 16]);
        (0..10_000u32).for_each(|i| assert!(set.insert(&i.to_le_bytes())));
        set.reserve(90_000);
        let slots = |set: &KeySet| set.tables.iter().map(|t| t.slots.len()).collect::<Vec<_>>();
        let before = slots(&set);
        assert!((10_000..100_000u32).all(|i| set.insert(&i.to_le_bytes())));
        assert_eq!(slots(&set), before, "a table grew");
        assert!((0..100_000u32).all(|i| set.contains(&i.to_le_bytes())) && !set.insert(&5u32.to_le_bytes()));
        set.reserve(0);
        assert_eq!((set.len(), slots(&set)), (100_000, before));
    }

    #[test]
    fn what_is_expected_takes_no_more_than_it_needs_and_what_comes_besides_has_room() {
        for (texts, said_at, guess) in
            [(300_000u32, 1_000, 300_000), (300_000, 1_000, 600_000), (300_000, 1_000, 3_000)]
        {
            let mut set = KeySet::new([7; 16]);
            for i in 0..texts {
                if i == said_at {
                    set.expect(guess);
                } else if i > said_at && i % 10_000 == 0 {
                    set.expect((texts - i) as usize);
                }
                assert!(set.insert(&i.to_le_bytes()));
            }
            let slots: usize = set.tables.iter().map(|table| table.slots.len()).sum();
            assert!(slots * 100 <= set.len() * 146, "{guess}: {slots} slots");
            assert!((0..texts).all(|i| set.contains(&i.to_le_bytes())));
        }
    }
}
