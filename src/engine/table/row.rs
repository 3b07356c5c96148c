//! One row of the table as octets: the mailbox, then the stored columns in their order, then what is kept for reports alone.
//!
//! `mailbox length u8 · place of the @ u8 · mailbox · (length u16 · octets) for each column`, little-endian, and as many more
//! fields as stand beside: first the address as the list has it (empty: it is the mailbox), then the key columns. A row with
//! none of these ends with its columns. Nothing in a
//! row says how many columns it has: the manifest does. In the table a seal stands behind each row. Guarantees: decoding checks every length against the row's end
//! and the mailbox for UTF-8; it panics on nothing.

use super::seal;

/// The most octets of an encoded row, its seal not counted.
pub const ROW_OCTETS_MAX: usize = 64 * 1024;

/// A recipient, by reference into a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The row's number in the table.
    pub number: u32,
    /// The canonical mailbox.
    pub mailbox: &'a str,
    /// What stands behind its `@`.
    pub domain: &'a str,
    /// The stored columns, in the order of the manifest.
    pub fields: Fields<'a>,
    /// What no message is made from.
    pub beside: Fields<'a>,
}

/// Fields of one row. Iterates from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk()?;
        let (field, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        self.rest = rest;
        Some(field)
    }
}

impl<'a> Row<'a> {
    /// Decodes a whole row of `columns` columns; `None` if it is not one.
    #[must_use]
    pub fn decode(number: u32, octets: &'a [u8], columns: usize) -> Option<Self> {
        let (&[length, at], rest) = octets.split_first_chunk()?;
        let (mailbox, rest) = rest.split_at_checked(usize::from(length))?;
        let mailbox = std::str::from_utf8(mailbox).ok()?;
        let domain = mailbox.get(usize::from(at)..)?.strip_prefix('@')?;
        let mut walk = Fields { rest };
        for _ in 0..columns {
            walk.next()?;
        }
        let (fields, beside) = (rest.get(..rest.len() - walk.rest.len())?, walk);
        while !walk.rest.is_empty() {
            walk.next()?;
        }
        Some(Self { number, mailbox, domain, fields: Fields { rest: fields }, beside })
    }

    /// The address as the list has it.
    #[must_use]
    pub fn written(&self) -> &'a str {
        let written = self.beside.into_iter().next().unwrap_or_default();
        std::str::from_utf8(written).ok().filter(|written| !written.is_empty()).unwrap_or(self.mailbox)
    }

    /// The columns that are kept for reports, in the order of the manifest's keys.
    pub fn keys(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.beside.into_iter().skip(1)
    }

    /// Where the mailbox's `@` stands.
    #[must_use]
    pub fn at(&self) -> usize {
        self.mailbox.len().saturating_sub(self.domain.len() + 1)
    }

    /// The stored column `index`.
    #[must_use]
    pub fn field(&self, index: usize) -> Option<&'a [u8]> {
        self.fields.into_iter().nth(index)
    }
}

/// How long the encoded row of a mailbox with these fields is; the longest has [`ROW_OCTETS_MAX`].
pub fn octets_of<'a>(mailbox: &[u8], fields: impl IntoIterator<Item = &'a [u8]>) -> usize {
    2 + mailbox.len() + fields.into_iter().map(|field| 2 + field.len()).sum::<usize>()
}

/// Appends a row to `out`; false, and `out` as it was, if it would be longer than [`ROW_OCTETS_MAX`]. `mailbox` must be
/// canonical (`mail::address`), with its `@` at `at`.
pub fn encode<'a>(mailbox: &[u8], at: usize, fields: impl IntoIterator<Item = &'a [u8]>, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let (Ok(length), Ok(at)) = (u8::try_from(mailbox.len()), u8::try_from(at)) else { return false };
    out.extend_from_slice(&[length, at]);
    out.extend_from_slice(mailbox);
    for field in fields {
        let length = u16::try_from(field.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(field);
        if out.len() - start > ROW_OCTETS_MAX {
            out.truncate(start);
            return false;
        }
    }
    true
}

/// Rows that were read together. Reading into it again allocates nothing once it has grown to the size of the blocks.
#[derive(Debug, Default)]
pub struct RowBlock {
    pub(super) first: u32,
    pub(super) columns: usize,
    /// The encoded rows, each with its seal.
    pub(super) data: Vec<u8>,
    /// The entries of the index for these rows, as read: with that of the row before in front.
    pub(super) ends: Vec<u8>,
}

impl RowBlock {
    /// An empty block.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many rows it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        (self.ends.len() / 8).saturating_sub(1)
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row `index` of the block, from 0; `None` behind its last.
    #[must_use]
    pub fn row(&self, index: usize) -> Option<Row<'_>> {
        let (octets, _) = self.sealed(index)?.split_last_chunk::<{ seal::ROW_SEAL_OCTETS }>()?;
        Row::decode(self.first.checked_add(index as u32)?, octets, self.columns)
    }

    /// The octets of row `index`, with its seal.
    pub(super) fn sealed(&self, index: usize) -> Option<&[u8]> {
        if index >= self.len() {
            return None;
        }
        let base = self.end(0)?;
        let from = self.end(index)?.checked_sub(base)? as usize;
        let to = self.end(index + 1)?.checked_sub(base)? as usize;
        self.data.get(from..to)
    }

    /// The rows in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.len()).map_while(|i| self.row(i))
    }

    /// The end, in the file, of the row before row `index`.
    pub(super) fn end(&self, index: usize) -> Option<u64> {
        self.entry(index).map(seal::end_of)
    }

    /// The entry of the index for the row before row `index`.
    pub(super) fn entry(&self, index: usize) -> Option<u64> {
        let octets = self.ends.get(index.checked_mul(8)?..)?.first_chunk()?;
        Some(u64::from_le_bytes(*octets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back_and_no_cut_or_longer_one_does() {
        let mut octets = Vec::new();
        assert!(encode("zoë@b.example".as_bytes(), 4, [&b"Zo\xc3\xab"[..], b"", b"x\ny"], &mut octets));
        let row = Row::decode(9, &octets, 3).unwrap();
        assert_eq!((row.number, row.mailbox, row.domain), (9, "zoë@b.example", "b.example"));
        assert_eq!(row.fields.collect::<Vec<_>>(), [&b"Zo\xc3\xab"[..], b"", b"x\ny"]);
        assert_eq!((row.field(2), row.field(3)), (Some(&b"x\ny"[..]), None));
        assert_eq!((row.written(), row.keys().next()), ("zoë@b.example", None));
        for cut in 0..octets.len() {
            assert_eq!(Row::decode(9, &octets[..cut], 3), None);
        }
        octets.push(0);
        assert_eq!(Row::decode(9, &octets, 3), None);
        assert_eq!(Row::decode(9, &octets, 4), None);
    }

    #[test]
    fn what_stands_beside_is_no_column() {
        let mut octets = Vec::new();
        assert!(encode(b"zoe@b.example", 3, [&b"Zoe"[..], b"Zoe@B.example", b"", b"K7"], &mut octets));
        let row = Row::decode(0, &octets, 1).unwrap();
        assert_eq!(row.fields.collect::<Vec<_>>(), [&b"Zoe"[..]]);
        assert_eq!((row.field(1), row.written()), (None, "Zoe@B.example"));
        assert_eq!(row.keys().collect::<Vec<_>>(), [&b""[..], b"K7"]);
        octets.clear();
        assert!(encode(b"zoe@b.example", 3, [&b""[..], b"K7"], &mut octets));
        let row = Row::decode(0, &octets, 0).unwrap();
        assert_eq!((row.written(), row.keys().next()), ("zoe@b.example", Some(&b"K7"[..])));
    }

    #[test]
    fn a_row_over_64_kib_is_refused_and_leaves_no_trace() {
        let mut out = b"before".to_vec();
        let field = vec![b'x'; 40_000];
        assert!(!encode(b"a@b.example", 1, [&field[..], &field], &mut out));
        assert!(!encode(b"a@b.example", 1, [&vec![0; 70_000][..]], &mut out));
        assert_eq!(out, b"before");
        assert!(encode(b"a@b.example", 1, [&field[..]], &mut out));
        let longest = vec![b'x'; ROW_OCTETS_MAX - octets_of(b"a@b.example", [&b""[..]])];
        let mut out = Vec::new();
        assert!(encode(b"a@b.example", 1, [&longest[..]], &mut out) && out.len() == ROW_OCTETS_MAX);
    }
}
