//! A set of texts, kept as keyed hashes: what the loader has seen, and what is suppressed.
//!
//! A text is kept as 104 bits of its SipHash-1-3-128 under a secret key: 8 choose one of 256 tables, 96 are stored. Ten
//! million texts take about 220 MB, and no table's growth doubles the whole. For ten million texts the chance that any
//! two share a hash is below 10⁻¹⁷, and without the key nobody can make two that do.
//! Leaves to others: what counts as the same text.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use siphasher::sip128::SipHasher13;

const TABLES: usize = 256;

type Key = [u32; 3];

/// A set of hashed texts.
pub struct KeySet {
    hasher: SipHasher13,
    tables: Box<[HashTable<Key>]>,
}

impl KeySet {
    /// An empty set under `secret`.
    #[must_use]
    pub fn new(secret: [u8; 16]) -> Self {
        Self { hasher: SipHasher13::new_with_key(&secret), tables: (0..TABLES).map(|_| HashTable::new()).collect() }
    }

    /// Adds `text`; false if it was there already.
    pub fn insert(&mut self, text: &[u8]) -> bool {
        let (table, key) = self.key(text);
        let Some(table) = self.tables.get_mut(table) else { return false };
        match table.entry(place(&key), |other| *other == key, place) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(key);
                true
            }
        }
    }

    /// Whether `text` was added.
    #[must_use]
    pub fn contains(&self, text: &[u8]) -> bool {
        let (table, key) = self.key(text);
        self.tables.get(table).is_some_and(|table| table.find(place(&key), |other| *other == key).is_some())
    }

    /// How many texts the set holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tables.iter().map(HashTable::len).sum()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.iter().all(HashTable::is_empty)
    }

    fn key(&self, text: &[u8]) -> (usize, Key) {
        let (low, high) = self.hasher.hash(text).as_u64();
        ((high >> 56) as usize, [low as u32, (low >> 32) as u32, high as u32])
    }
}

/// The stored key is a hash already: its first two words place it.
fn place(key: &Key) -> u64 {
    u64::from(key[0]) | u64::from(key[1]) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_new_once() {
        let mut set = KeySet::new([7; 16]);
        for i in 0..10_000u32 {
            assert!(!set.contains(&i.to_le_bytes()));
            assert!(set.insert(&i.to_le_bytes()));
            assert!(!set.insert(&i.to_le_bytes()));
        }
        assert_eq!(set.len(), 10_000);
        assert!((0..10_000u32).all(|i| set.contains(&i.to_le_bytes())));
        assert!(!set.contains(b"other") && !set.is_empty());
    }
}
