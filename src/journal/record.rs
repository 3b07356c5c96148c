//! Entries: what the journal says. A record is 16 octets and tells one thing of one recipient; a definition gives a
//! number to the words that many records share (site, exchanger, phase, reply text).
//!
//! Guarantees: an entry is a multiple of 16 octets, so a decoder that meets a bad one finds the next; decoding never
//! panics and reads nothing beyond its input. Leaves to others: integrity (`frame` has the checksums), and what a record
//! means for a recipient (`state`).
//!
//! ```text
//! record      0 recipient u32 | 4 at u32         | 8 code u16     | 10 kind u8 | 11 attempts u8   | 12 extra u32
//! definition  0 id u32        | 4 enhanced u32   | 8 text_len u16 | 10 kind=10 | 11 phase_len u8
//!             12 site_len u8  | 13 host_len u8   | 14 zero u16    | 16 site host phase text, zeros to a multiple of 16
//! ```
//! Little-endian throughout.

use crate::base::clock::UnixTime;
use crate::mail::Enhanced;

/// The size of a record, and the unit of all entries.
pub const RECORD_OCTETS: usize = 16;
/// Longest site, exchanger or phase that a definition keeps; longer ones are cut.
pub const NAME_MAX: usize = 255;
/// Longest reply text that a definition keeps; longer ones are cut.
pub const TEXT_MAX: usize = 1024;
/// The longest definition.
pub const DEFINE_OCTETS_MAX: usize = RECORD_OCTETS + (3 * NAME_MAX + TEXT_MAX).next_multiple_of(RECORD_OCTETS);

const KIND_AT: usize = 10;
const DEFINE: u8 = 10;

/// What a record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// Cleared to be handed to a session. Durable before the content is handed over.
    Attempt = 1,
    /// Was cleared, and was never handed over: no attempt took place.
    Released = 2,
    /// Accepted by the next hop.
    Delivered = 3,
    /// Refused for now, due again later.
    Deferred = 4,
    /// Refused for good.
    Bounced = 5,
    /// Not deliverable within its lifetime.
    Expired = 6,
    /// Withdrawn by the sender.
    Cancelled = 7,
    /// The content was sent and its reply never came, or the process died in between. Held.
    UncertainHeld = 8,
    /// As [`Kind::UncertainHeld`], but goes back to waiting: a second copy is possible.
    UncertainRetry = 9,
}

impl Kind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 9] = [
        Self::Attempt,
        Self::Released,
        Self::Delivered,
        Self::Deferred,
        Self::Bounced,
        Self::Expired,
        Self::Cancelled,
        Self::UncertainHeld,
        Self::UncertainRetry,
    ];

    /// The word for reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Attempt => "attempt",
            Self::Released => "released",
            Self::Delivered => "delivered",
            Self::Deferred => "deferred",
            Self::Bounced => "bounced",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::UncertainHeld => "uncertain, held",
            Self::UncertainRetry => "uncertain, to be retried",
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }
}

/// One fact about one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The recipient's row in the table.
    pub recipient: u32,
    /// When it happened.
    pub at: UnixTime,
    /// The reply code that decided it; 0 when there was no reply.
    pub code: u16,
    /// What happened.
    pub kind: Kind,
    /// Attempts that count so far, saturating. [`Kind::Attempt`] counts itself; [`Kind::Released`] takes it back.
    pub attempts: u8,
    /// The context (see [`Define`]); 0 when there is none.
    pub extra: u32,
}

impl Record {
    /// Appends the record to a batch.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        let mut octets = [0; RECORD_OCTETS];
        octets[0..4].copy_from_slice(&self.recipient.to_le_bytes());
        octets[4..8].copy_from_slice(&self.at.0.to_le_bytes());
        octets[8..10].copy_from_slice(&self.code.to_le_bytes());
        octets[KIND_AT] = self.kind as u8;
        octets[11] = self.attempts;
        octets[12..16].copy_from_slice(&self.extra.to_le_bytes());
        out.extend_from_slice(&octets);
    }

    fn decode(octets: &[u8; RECORD_OCTETS]) -> Option<Self> {
        let [r0, r1, r2, r3, t0, t1, t2, t3, c0, c1, kind, attempts, e0, e1, e2, e3] = *octets;
        Some(Self {
            recipient: u32::from_le_bytes([r0, r1, r2, r3]),
            at: UnixTime(u32::from_le_bytes([t0, t1, t2, t3])),
            code: u16::from_le_bytes([c0, c1]),
            kind: Kind::from_number(kind)?,
            attempts,
            extra: u32::from_le_bytes([e0, e1, e2, e3]),
        })
    }
}

/// Gives a number to the words that records refer to with `extra`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Define<'a> {
    /// The context's number: the shard that made it in the top 8 bits, then 1, 2, 3….
    pub id: u32,
    /// The site.
    pub site: &'a str,
    /// The exchanger.
    pub host: &'a str,
    /// The enhanced code of the reply.
    pub enhanced: Option<Enhanced>,
    /// Where the session stood.
    pub phase: &'a str,
    /// The reply's text: raw octets of the peer, to be shown through [`crate::mail::reply::Printable`].
    pub text: &'a [u8],
}

impl<'a> Define<'a> {
    /// Appends the definition to a batch; what is too long is cut (see [`NAME_MAX`], [`TEXT_MAX`]).
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        let cut = self.cut();
        let from = out.len();
        let text_len = u16::try_from(cut.text.len()).unwrap_or(0);
        out.extend_from_slice(&cut.id.to_le_bytes());
        out.extend_from_slice(&pack(cut.enhanced).to_le_bytes());
        out.extend_from_slice(&text_len.to_le_bytes());
        out.extend_from_slice(&[DEFINE, cut.phase.len() as u8, cut.site.len() as u8, cut.host.len() as u8, 0, 0]);
        for part in [cut.site.as_bytes(), cut.host.as_bytes(), cut.phase.as_bytes(), cut.text] {
            out.extend_from_slice(part);
        }
        out.resize(from + (out.len() - from).next_multiple_of(RECORD_OCTETS), 0);
    }

    /// The definition as it will be read back: its words cut to their bounds.
    #[must_use]
    pub fn cut(&self) -> Self {
        let name = |s: &'a str| {
            // A cut may not fall inside a character.
            let at_most = (0..=NAME_MAX.min(s.len())).rev();
            at_most.filter_map(|n| s.get(..n)).next().unwrap_or_default()
        };
        Self {
            site: name(self.site),
            host: name(self.host),
            phase: name(self.phase),
            text: self.text.get(..TEXT_MAX).unwrap_or(self.text),
            ..*self
        }
    }

    fn decode(head: &[u8; RECORD_OCTETS], body: &'a [u8]) -> Result<(Self, usize), &'static str> {
        let [i0, i1, i2, i3, e0, e1, e2, e3, t0, t1, _, phase, site, host, ..] = *head;
        let text = usize::from(u16::from_le_bytes([t0, t1]));
        let len = usize::from(site) + usize::from(host) + usize::from(phase) + text;
        let padded = len.next_multiple_of(RECORD_OCTETS);
        if text > TEXT_MAX || body.len() < padded {
            return Err("a definition that is longer than what holds it");
        }
        let (site, rest) = word(body, site)?;
        let (host, rest) = word(rest, host)?;
        let (phase, rest) = word(rest, phase)?;
        let text = rest.get(..text).ok_or("a definition cut short")?;
        let enhanced = unpack(u32::from_le_bytes([e0, e1, e2, e3]))?;
        let id = u32::from_le_bytes([i0, i1, i2, i3]);
        Ok((Self { id, site, host, enhanced, phase, text }, RECORD_OCTETS + padded))
    }
}

fn word(octets: &[u8], len: u8) -> Result<(&str, &[u8]), &'static str> {
    let (word, rest) = octets.split_at_checked(usize::from(len)).ok_or("a definition cut short")?;
    Ok((std::str::from_utf8(word).map_err(|_| "a definition whose names are not UTF-8")?, rest))
}

fn pack(enhanced: Option<Enhanced>) -> u32 {
    let Some(Enhanced { class, subject, detail }) = enhanced else { return 0 };
    u32::from(class.min(9)) * 1_000_000 + u32::from(subject.min(999)) * 1000 + u32::from(detail.min(999))
}

fn unpack(packed: u32) -> Result<Option<Enhanced>, &'static str> {
    let (class, subject, detail) = (packed / 1_000_000, packed / 1000 % 1000, packed % 1000);
    match u8::try_from(class) {
        _ if packed == 0 => Ok(None),
        Ok(class @ 1..=9) => Ok(Some(Enhanced::new(class, subject as u16, detail as u16))),
        _ => Err("a definition with an impossible enhanced code"),
    }
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A fact about a recipient.
    Record(Record),
    /// Words for facts to refer to.
    Define(Define<'a>),
}

/// An entry that makes no sense. The next one is looked for 16 octets on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("journal entry at octet {offset} of its frame: {what}")]
pub struct Bad {
    /// Where it begins in what was decoded.
    pub offset: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

/// The entries in `octets`, in order.
#[must_use]
pub fn entries(octets: &[u8]) -> Entries<'_> {
    Entries { rest: octets, offset: 0 }
}

/// Iterates over entries; see [`entries`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Bad>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some((head, body)) = self.rest.split_first_chunk::<RECORD_OCTETS>() else {
            let bad = (!self.rest.is_empty()).then_some(Err(Bad { offset: self.offset, what: "a piece of an entry" }));
            self.rest = &[];
            return bad;
        };
        let (entry, len) = if let Some(record) = Record::decode(head) {
            (Ok(Entry::Record(record)), RECORD_OCTETS)
        } else if head[KIND_AT] == DEFINE {
            match Define::decode(head, body) {
                Ok((define, len)) => (Ok(Entry::Define(define)), len),
                Err(what) => (Err(Bad { offset: self.offset, what }), RECORD_OCTETS),
            }
        } else {
            (Err(Bad { offset: self.offset, what: "an entry of no known kind" }), RECORD_OCTETS)
        };
        self.rest = self.rest.get(len..).unwrap_or_default();
        self.offset += len;
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        fn record()(recipient: u32, at: u32, code: u16, kind in 0usize..9, attempts: u8, extra: u32) -> Record {
            Record { recipient, at: UnixTime(at), code, kind: Kind::ALL[kind], attempts, extra }
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            records in prop::collection::vec(record(), 0..20),
            site in ".{0,300}", host in "[a-z.]{0,80}", phase in "[a-z]{0,9}",
            text in prop::collection::vec(any::<u8>(), 0..1200),
            code in prop::option::of((2u8..6, 0u16..1000, 0u16..1000)),
        ) {
            let enhanced = code.map(|(c, s, d)| Enhanced::new(c, s, d));
            let define = Define { id: 7, site: &site, host: &host, enhanced, phase: &phase, text: &text };
            let mut batch = Vec::new();
            define.encode_into(&mut batch);
            prop_assert!(batch.len() <= DEFINE_OCTETS_MAX);
            for r in &records {
                r.encode_into(&mut batch);
            }
            define.encode_into(&mut batch);
            let read: Vec<_> = entries(&batch).collect();
            let mut want = vec![Ok(Entry::Define(define.cut()))];
            want.extend(records.iter().map(|r| Ok(Entry::Record(*r))));
            want.push(Ok(Entry::Define(define.cut())));
            prop_assert_eq!(read, want);
        }

        #[test]
        fn garbage_is_walked_through_to_its_end(octets in prop::collection::vec(any::<u8>(), 0..2000)) {
            let walked = entries(&octets).count();
            prop_assert!(walked <= octets.len().div_ceil(RECORD_OCTETS));
        }
    }

    #[test]
    fn a_bad_entry_is_reported_with_its_place_and_the_next_is_read() {
        let good = Record { recipient: 1, at: UnixTime(2), code: 250, kind: Kind::Delivered, attempts: 1, extra: 0 };
        let mut batch = Vec::new();
        good.encode_into(&mut batch);
        batch.extend_from_slice(&[0; 16]);
        good.encode_into(&mut batch);
        batch.extend_from_slice(&[1, 2, 3]);
        let read: Vec<_> = entries(&batch).collect();
        assert_eq!(read.len(), 4);
        assert_eq!(read[1].map_err(|b| b.offset), Err(16));
        assert_eq!(read[2], Ok(Entry::Record(good)));
        assert_eq!(read[3].map_err(|b| b.offset), Err(48));
    }
}
