//! The words behind the numbers that records refer to, as a journal defined them.
//!
//! Guarantees: bounded: definitions beyond [`OCTETS_MAX`] are counted and left out. Leaves to others: giving numbers out
//! (`context`).

use super::record::{Define, Entry, entries};
use hashbrown::HashMap;

/// The most octets of definitions that are kept.
pub const OCTETS_MAX: usize = 128 << 20;

/// See the head of this file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// Each as it is encoded: one allocation.
    defined: HashMap<u32, Box<[u8]>>,
    octets: usize,
    left_out: u64,
}

impl Words {
    /// Keeps a definition; a later one of the same number counts.
    pub fn learn(&mut self, define: &Define<'_>) {
        if self.get(define.id) == Some(*define) {
            return;
        }
        let mut encoded = Vec::new();
        define.encode_into(&mut encoded);
        if self.octets + encoded.len() > OCTETS_MAX {
            self.left_out += 1;
            return;
        }
        self.octets += encoded.len();
        let before = self.defined.insert(define.id, encoded.into());
        self.octets -= before.map_or(0, |before| before.len());
    }

    /// The definition of a number.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<Define<'_>> {
        match entries(self.encoded(id)?).next()?.ok()? {
            Entry::Define(define) => Some(define),
            _ => None,
        }
    }

    /// The definition of a number, as the journal writes it.
    #[must_use]
    pub fn encoded(&self, id: u32) -> Option<&[u8]> {
        self.defined.get(&id).map(|encoded| &**encoded)
    }

    /// Definitions that did not fit.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_found_by_its_number_and_the_last_one_counts() {
        let mut words = Words::default();
        let first = Define { id: 7, site: "s", host: "h", code: 451, text: b"later", ..Define::default() };
        words.learn(&first);
        words.learn(&first);
        assert_eq!((words.get(7), words.get(8), words.left_out()), (Some(first), None, 0));
        let octets = words.octets;
        let second = Define { text: b"no", ..first };
        words.learn(&second);
        assert_eq!(words.get(7), Some(second));
        assert!(words.octets <= octets);
    }
}
