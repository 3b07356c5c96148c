//! Seals: what shows that a row, an entry of the index or a chunk is the one that was written there, for this campaign.
//!
//! A row carries 32 bits over its octets, its number and the campaign (key, number, columns); an entry of the index 16
//! bits over its value, its number and the campaign; a chunk's head the campaign's 64. So a flipped bit, a row or a page in
//! the place of another, an older or a foreign file are found by the reading of one row, without any other reading.
//! Guarantees: any change goes unseen with a chance of 2^-32 at the most. No defence against who knows the key.
//!
//! A multiply-and-fold over 16 octets at a time, because rows are short: a table-driven CRC of 70 octets costs ten times as
//! much, and is paid by every recipient.

use super::Manifest;

/// Octets of a row's seal, behind its columns.
pub const ROW_SEAL_OCTETS: usize = 4;
/// The low bits of an entry of the index: where the row ends.
const END_BITS: u32 = 48;
const END_MASK: u64 = (1 << END_BITS) - 1;
/// Odd, and half of their bits are set (the digits of pi).
const KEYS: Seals = Seals { key: [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7345], campaign: 0 };

/// Columns, each with the bit that tells keys from others.
fn of_kind((kind, columns): (u64, &Vec<String>)) -> impl Iterator<Item = (u64, &String)> {
    columns.iter().map(move |column| (kind, column))
}

/// Makes and checks the seals of one campaign.
#[derive(Clone, Copy, Debug)]
pub struct Seals {
    key: [u64; 2],
    campaign: u64,
}

impl Seals {
    /// The seals of the campaign that a manifest speaks of.
    pub fn of(manifest: &Manifest) -> Self {
        let mut octets = manifest.identity_key.to_vec();
        octets.extend_from_slice(&manifest.number.to_le_bytes());
        for (kind, column) in [(0, &manifest.columns), (1 << 63, &manifest.keys)].into_iter().flat_map(of_kind) {
            octets.extend_from_slice(&(kind | column.len() as u64).to_le_bytes());
            octets.extend_from_slice(column.as_bytes());
        }
        let [a, b, campaign] = [1, 2, 3].map(|n| KEYS.over(n, &octets));
        Self { key: [a, b], campaign }
    }

    /// What the heads of its chunks say.
    pub fn campaign(&self) -> u64 {
        self.campaign
    }

    /// The seal of a row.
    pub fn row(&self, number: u32, octets: &[u8]) -> [u8; ROW_SEAL_OCTETS] {
        ((self.over(u64::from(number), octets) >> 32) as u32).to_le_bytes()
    }

    /// The row without its seal; `None` if that is not the seal of this row.
    pub fn open_row<'a>(&self, number: u32, sealed: &'a [u8]) -> Option<&'a [u8]> {
        let (octets, seal) = sealed.split_last_chunk()?;
        (self.row(number, octets) == *seal).then_some(octets)
    }

    /// The entry of the index for a row that ends at `end`; `None` beyond 2^48 octets.
    pub fn entry(&self, number: u32, end: u64) -> Option<u64> {
        let [a, b] = self.key;
        let check = fold(end ^ a, u64::from(number) ^ b) & !END_MASK;
        (end <= END_MASK).then_some(end | check)
    }

    /// Whether this is the entry of the index that was written for the row.
    pub fn holds_entry(&self, number: u32, entry: u64) -> bool {
        self.entry(number, end_of(entry)) == Some(entry)
    }

    fn over(&self, number: u64, octets: &[u8]) -> u64 {
        let [a, b] = self.key;
        let length = octets.len() as u64;
        let mut sum = fold(number ^ a, length ^ b);
        let mut pieces = octets.chunks_exact(16);
        for piece in &mut pieces {
            sum = absorb(piece, sum, b);
        }
        // The length is in it already: zeros behind the end are not taken for octets.
        let last = last(octets, pieces.remainder());
        fold(absorb(&last, sum, b) ^ a, length ^ KEYS.key[0])
    }
}

/// The octets that are left, at most 15, with zeros behind them. They are shifted out of the last 16 where there are so many:
/// that is one load.
fn last(octets: &[u8], left: &[u8]) -> [u8; 16] {
    if let Some(last) = octets.last_chunk::<16>() {
        let behind = 8 * (16 - left.len() as u32);
        return u128::from_le_bytes(*last).checked_shr(behind).unwrap_or(0).to_le_bytes();
    }
    let mut last = [0; 16];
    for (to, octet) in last.iter_mut().zip(left) {
        *to = *octet;
    }
    last
}

/// Where the row ends that an entry of the index stands for.
pub fn end_of(entry: u64) -> u64 {
    entry & END_MASK
}

fn absorb(piece: &[u8], sum: u64, key: u64) -> u64 {
    let half = |part: Option<&[u8; 8]>| part.map_or(0, |octets| u64::from_le_bytes(*octets));
    fold(half(piece.first_chunk()) ^ key, half(piece.last_chunk()) ^ sum)
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seals(number: u32, columns: &[&str]) -> Seals {
        let columns: Vec<String> = columns.iter().map(|c| (*c).to_owned()).collect();
        Seals::of(&Manifest::new("news", number, 0, [7; 32], &columns))
    }

    #[test]
    fn a_row_opens_at_its_place_and_with_its_octets_only() {
        let ours = seals(1, &["name"]);
        for length in 0..80usize {
            let octets: Vec<u8> = (0..length as u8).collect();
            let mut sealed = octets.clone();
            sealed.extend_from_slice(&ours.row(5, &octets));
            assert_eq!(ours.open_row(5, &sealed), Some(&octets[..]));
            let others = [seals(2, &["name"]), seals(1, &["name", "city"]), seals(1, &["nam"])];
            assert!(others.iter().all(|other| other.open_row(5, &sealed).is_none()), "another campaign's");
            assert!((0..100).all(|n| n == 5 || ours.open_row(n, &sealed).is_none()), "another row's");
            for cut in 0..sealed.len() {
                assert_eq!(ours.open_row(5, &sealed[..cut]), None);
            }
            for bit in 0..sealed.len() * 8 {
                let mut flipped = sealed.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(ours.open_row(5, &flipped), None, "bit {bit} of {length} octets");
            }
        }
        assert_eq!(ours.open_row(0, &[0; 70]), None, "a page of zeros");
    }

    #[test]
    fn what_is_left_is_the_same_whether_it_is_shifted_or_copied() {
        let octets: Vec<u8> = (1..=100).collect();
        for length in 0..100 {
            let octets = &octets[..length];
            let left = octets.chunks_exact(16).remainder();
            let mut copied = [0; 16];
            copied[..left.len()].copy_from_slice(left);
            assert_eq!(last(octets, left), copied, "{length}");
        }
    }

    #[test]
    fn an_entry_of_the_index_holds_for_its_row_only() {
        let ours = seals(1, &[]);
        let entry = ours.entry(9, 123_456_789).unwrap();
        assert_eq!(end_of(entry), 123_456_789);
        assert!(ours.holds_entry(9, entry));
        assert!(!ours.holds_entry(8, entry) && !seals(2, &[]).holds_entry(9, entry));
        assert!((0..64).all(|bit| !ours.holds_entry(9, entry ^ 1 << bit)));
        assert_eq!(ours.entry(9, 1 << 48), None);
    }
}
