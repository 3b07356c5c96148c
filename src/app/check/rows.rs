//! The rows of a table before a letter: how many of them have what is worth telling, and who is the first.
//!
//! Guarantees: each row is looked at once, and nothing is kept of it but the first address of each kind. Leaves to others: words
//! for it (`list`).

use super::super::send::content::Content;
use crate::content::{Composed, RowRef, Scratch, lint};
use crate::engine::table::Row;
use smallvec::SmallVec;
use std::ops::Range;

/// Mailboxes of a role: many read them, and nobody of them has asked for this.
const ROLES: [&str; 14] = [
    "abuse",
    "postmaster",
    "hostmaster",
    "webmaster",
    "noreply",
    "no-reply",
    "donotreply",
    "do-not-reply",
    "mailer-daemon",
    "spam",
    "root",
    "admin",
    "administrator",
    "security",
];

/// How many rows have something, and the address of the first.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub count: u64,
    pub first: String,
}

impl Tally {
    fn add(&mut self, mailbox: &str) {
        if self.count == 0 {
            mailbox.clone_into(&mut self.first);
        }
        self.count += 1;
    }
}

/// See the head of this file.
pub struct Seen<'a> {
    content: Option<&'a Content>,
    suppressed_rows: &'a [Range<u32>],
    scratch: Scratch,
    composed: Composed,
    /// For each column that stands in the letter without a default: rows that have nothing in it.
    pub gaps: Vec<Tally>,
    /// For each column that an address begins with: rows in which that makes no whole one.
    pub leading: Vec<Tally>,
    /// For each column that is declared to hold something: rows whose cell is not that, and why the first is not.
    pub misfits: Vec<(Tally, &'static str)>,
    /// Rows with words that are encoded as those of mail headers (RFC 2047).
    pub encoded: Tally,
    /// Mailboxes of roles.
    pub roles: Tally,
    /// Rows whose Subject comes out empty.
    pub subjects: Tally,
    /// Rows whose letter comes out empty.
    pub letters: Tally,
    /// Rows of whom nothing more is told.
    pub suppressed: Tally,
}

impl<'a> Seen<'a> {
    /// By whoever has this letter; rows of these numbers, which are in order, are suppressed.
    #[must_use]
    pub fn by(content: Option<&'a Content>, suppressed_rows: &'a [Range<u32>]) -> Self {
        let bare = content.map_or(0, |content| content.bare.len());
        let leading = content.map_or(0, |content| content.leading.len());
        let declared = content.map_or(0, |content| content.composer.declared().len());
        Self {
            content,
            suppressed_rows,
            scratch: Scratch::default(),
            composed: Composed::default(),
            gaps: vec![Tally::default(); bare],
            leading: vec![Tally::default(); leading],
            misfits: vec![(Tally::default(), ""); declared],
            encoded: Tally::default(),
            roles: Tally::default(),
            subjects: Tally::default(),
            letters: Tally::default(),
            suppressed: Tally::default(),
        }
    }

    /// Looks at a row of the table.
    pub fn look(&mut self, row: &Row<'_>) {
        let behind = self.suppressed_rows.partition_point(|rows| rows.end <= row.number);
        if self.suppressed_rows.get(behind).is_some_and(|rows| rows.contains(&row.number)) {
            return self.suppressed.add(row.mailbox);
        }
        let fields: SmallVec<[&[u8]; 8]> = row.fields.collect();
        self.look_at(&RowRef { number: row.number, mailbox: row.mailbox, fields: &fields });
    }

    /// Looks at a row that somebody gets a letter by.
    pub fn look_at(&mut self, row: &RowRef<'_>) {
        let (local, fields) = (row.mailbox.rsplit_once('@').unwrap_or_default().0, row.fields);
        if ROLES.iter().any(|role| local.eq_ignore_ascii_case(role)) {
            self.roles.add(row.mailbox);
        }
        if fields.iter().copied().chain([row.mailbox.as_bytes()]).any(is_encoded) {
            self.encoded.add(row.mailbox);
        }
        let Some(content) = self.content else { return };
        for ((place, _), gap) in content.bare.iter().zip(&mut self.gaps) {
            if fields.get(*place).is_some_and(|field| field.trim_ascii().is_empty()) {
                gap.add(row.mailbox);
            }
        }
        for ((place, _), tally) in content.leading.iter().zip(&mut self.leading) {
            if fields.get(*place).is_some_and(|field| lint::leads_nowhere(field)) {
                tally.add(row.mailbox);
            }
        }
        for (declared, (tally, first)) in content.composer.declared().iter().zip(&mut self.misfits) {
            if let Some(why) = content.composer.misfit(declared, fields) {
                *first = if tally.count == 0 { why } else { *first };
                tally.add(row.mailbox);
            }
        }
        if content.composer.has_empty_subject(&mut self.scratch, row, &mut self.composed) {
            self.subjects.add(row.mailbox);
        }
        if content.composer.is_blank(&mut self.scratch, row, &mut self.composed) {
            self.letters.add(row.mailbox);
        }
    }

    /// The first addresses of all kinds.
    #[must_use]
    pub fn firsts(&self) -> Vec<&str> {
        let misfits = self.misfits.iter().map(|(tally, _)| tally);
        let kinds = [&self.encoded, &self.roles, &self.subjects, &self.letters, &self.suppressed];
        let all = self.gaps.iter().chain(&self.leading).chain(misfits).chain(kinds);
        let mut firsts: Vec<&str> = all.filter(|tally| tally.count > 0).map(|tally| tally.first.as_str()).collect();
        firsts.sort_unstable();
        firsts.dedup();
        firsts
    }
}

/// Whether a value has an encoded word in it.
fn is_encoded(value: &[u8]) -> bool {
    let Some(at) = memchr::memmem::find(value, b"=?") else { return false };
    let behind = value.get(at + 2..).unwrap_or_default();
    let mut parts = behind.splitn(4, |b| *b == b'?');
    let [_charset, encoding, _text, end] = [(); 4].map(|()| parts.next());
    matches!(encoding, Some(b"q" | b"Q" | b"b" | b"B")) && end.is_some_and(|end| end.starts_with(b"="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words_are_told_from_questions() {
        for word in ["=?utf-8?Q?J=C3=BCrgen?=", "a =?iso-8859-1?b?YQ==?= b", "=?utf-8?q?a?=@b.example"] {
            assert!(is_encoded(word.as_bytes()), "{word}");
        }
        for text in
            ["", "=?", "x=?y", "why =? because ?=", "=?utf-8?X?a?=", "=?utf-8?Q?a", "https://a.example/?a=?&b=?"]
        {
            assert!(!is_encoded(text.as_bytes()), "{text}");
        }
    }
}
