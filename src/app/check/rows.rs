//! The rows of a table before a letter: how many of them have what is worth telling, and who is the first.
//!
//! Guarantees: each row is looked at once, and nothing is kept of it but the first address of each kind. Leaves to others: words
//! for it (`list`).

use super::super::send::content::Content;
use crate::base::clock::UnixTime;
use crate::content::lint::RowFault;
use crate::content::{Composed, RowRef, Scratch};
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

/// So many letters are asked whether they have an address.
const ASKED_MAX: u32 = 1000;

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

/// What is wrong with an address in some rows: of the first of them, what.
pub struct Amiss {
    pub tally: Tally,
    pub fault: RowFault,
    last: Option<u32>,
    asked: u32,
    is_doubted: bool,
}

impl Amiss {
    fn of(fault: RowFault) -> Self {
        Self { tally: Tally::default(), fault, last: None, asked: 0, is_doubted: false }
    }

    /// Counts a row, once. `stands`: whether its letter has the address.
    fn add(&mut self, row: &RowRef<'_>, fault: RowFault, stands: impl FnOnce(&RowFault) -> bool) {
        if self.last == Some(row.number) || !self.believes(&fault, stands) {
            return;
        }
        if self.tally.count == 0 {
            self.fault = fault;
        }
        self.last = Some(row.number);
        self.tally.add(row.mailbox);
    }

    /// Of many letters that all have it the others are not asked.
    fn believes(&mut self, fault: &RowFault, stands: impl FnOnce(&RowFault) -> bool) -> bool {
        if self.asked == ASKED_MAX {
            return !self.is_doubted;
        }
        self.asked += 1;
        let is_there = stands(fault);
        self.is_doubted |= !is_there;
        is_there
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
    /// What is wrong with addresses by what rows have.
    pub addresses: Vec<Amiss>,
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
        let declared = content.map_or(0, |content| content.composer.declared().len());
        Self {
            content,
            suppressed_rows,
            scratch: Scratch::default(),
            composed: Composed::default(),
            gaps: vec![Tally::default(); bare],
            addresses: Vec::new(),
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
        self.look_at_addresses(content, row);
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

    fn look_at_addresses(&mut self, content: &Content, row: &RowRef<'_>) {
        for address in &content.addresses {
            let Some(fault) = address.fault(row.mailbox, row.fields) else { continue };
            let is_it = |one: &&mut Amiss| one.fault.check == fault.check && one.fault.columns == fault.columns;
            let (scratch, composed) = (&mut self.scratch, &mut self.composed);
            let stands = |fault: &RowFault| {
                address.is_always()
                    || content.composer.compose(scratch, row, UnixTime(0), composed).is_ok()
                        && fault.stands_in(&composed.content)
            };
            match self.addresses.iter_mut().find(is_it) {
                Some(known) => known.add(row, fault, stands),
                None => {
                    let mut first = Amiss::of(fault.clone());
                    first.add(row, fault, stands);
                    self.addresses.push(first);
                }
            }
        }
    }

    /// The first addresses of all kinds.
    #[must_use]
    pub fn firsts(&self) -> Vec<&str> {
        let misfits = self.misfits.iter().map(|(tally, _)| tally);
        let kinds = [&self.encoded, &self.roles, &self.subjects, &self.letters, &self.suppressed];
        let all = self.gaps.iter().chain(self.addresses.iter().map(|one| &one.tally)).chain(misfits).chain(kinds);
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
