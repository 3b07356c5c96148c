//! Entries: what the journal says. A record is 16 octets and tells one thing of one recipient; a definition gives a
//! number to the words that many records share (site, exchanger, phase, reply text); a hold says since when nothing could
//! be sent to a whole site or domain; an acceptance says which commits are known to be lost.
//!
//! Guarantees: an entry is a multiple of 16 octets, so a decoder that meets a bad one finds the next; decoding never
//! panics and reads nothing beyond its input. Leaves to others: integrity (`frame` has the checksums), and what a record
//! means for a recipient (`state`).
//!
//! ```text
//! record      0 recipient u32 | 4 at u32         | 8 code u16     | 10 kind u8 | 11 attempts u8   | 12 extra u32
//! definition  0 id u32        | 4 enhanced u32   | 8 text_len u16 | 10 kind=10 | 11 phase_len u8
//!             12 site_len u8  | 13 host_len u8   | 14 code u16    | 16 site host phase text, zeros to a multiple of 16
//! hold        0 since u32     | 4 zero u32       | 8 name_len u16 | 10 kind=32 | 11 what u8        | 12 zero u32
//!             16 name, zeros to a multiple of 16
//! acceptance  0 first lsn u64                    | 8 zero u16     | 10 kind=33 | 11 zeros | 16 last lsn u64 | 24 zeros
//! ```
//! Little-endian throughout. Attempts have 16 bits: beyond the octet of their own the upper six bits of a record's code and
//! the upper two of its kind.

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
const HOLD: u8 = 32;
const ACCEPTED: u8 = 33;
/// Bits of a record's code; above them lie more bits of its attempts.
const CODE_BITS: u32 = 10;
/// Bits of a record's kind; above them lie the uppermost bits of its attempts.
const KIND_BITS: u32 = 6;

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
    /// Found on the suppression list when it was about to be handed over: no attempt took place.
    Suppressed = 11,
}

impl Kind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 10] = [
        Self::Attempt,
        Self::Released,
        Self::Delivered,
        Self::Deferred,
        Self::Bounced,
        Self::Expired,
        Self::Cancelled,
        Self::UncertainHeld,
        Self::UncertainRetry,
        Self::Suppressed,
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
            Self::Suppressed => "suppressed",
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        match number {
            // The number between is a definition's.
            11 => Some(Self::Suppressed),
            number => Self::ALL.get(usize::from(number).checked_sub(1)?).copied().filter(|kind| *kind as u8 == number),
        }
    }
}

/// One fact about one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The recipient's row in the table.
    pub recipient: u32,
    /// When it happened.
    pub at: UnixTime,
    /// The reply code that decided it; 0 when there was no reply. Below 1024.
    pub code: u16,
    /// What happened.
    pub kind: Kind,
    /// Attempts that count so far, saturating. [`Kind::Attempt`] counts itself; [`Kind::Released`] takes it back.
    pub attempts: u16,
    /// The context (see [`Define`]); 0 when there is none.
    pub extra: u32,
}

impl Record {
    /// Appends the record to a batch.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        let mut octets = [0; RECORD_OCTETS];
        octets[0..4].copy_from_slice(&self.recipient.to_le_bytes());
        octets[4..8].copy_from_slice(&self.at.0.to_le_bytes());
        let [low, high] = self.attempts.to_le_bytes();
        let code = self.code.min((1 << CODE_BITS) - 1) | u16::from(high) << CODE_BITS;
        octets[8..10].copy_from_slice(&code.to_le_bytes());
        octets[KIND_AT] = self.kind as u8 | high & !((1 << KIND_BITS) - 1);
        octets[11] = low;
        octets[12..16].copy_from_slice(&self.extra.to_le_bytes());
        out.extend_from_slice(&octets);
    }

    #[inline]
    fn decode(octets: &[u8; RECORD_OCTETS]) -> Option<Self> {
        let [r0, r1, r2, r3, t0, t1, t2, t3, c0, c1, kind, low, e0, e1, e2, e3] = *octets;
        let code = u16::from_le_bytes([c0, c1]);
        let high = (code >> CODE_BITS) as u8 | kind & !((1 << KIND_BITS) - 1);
        Some(Self {
            recipient: u32::from_le_bytes([r0, r1, r2, r3]),
            at: UnixTime(u32::from_le_bytes([t0, t1, t2, t3])),
            code: code & ((1 << CODE_BITS) - 1),
            kind: Kind::from_number(kind & ((1 << KIND_BITS) - 1))?,
            attempts: u16::from_le_bytes([low, high]),
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
    /// The reply code; 0 when there was no reply, or when it is not kept.
    pub code: u16,
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
        out.extend_from_slice(&[DEFINE, cut.phase.len() as u8, cut.site.len() as u8, cut.host.len() as u8]);
        out.extend_from_slice(&cut.code.to_le_bytes());
        for part in [cut.site.as_bytes(), cut.host.as_bytes(), cut.phase.as_bytes(), cut.text] {
            out.extend_from_slice(part);
        }
        out.resize(from + (out.len() - from).next_multiple_of(RECORD_OCTETS), 0);
    }

    /// The definition as it will be read back: its words cut to their bounds.
    #[must_use]
    pub fn cut(&self) -> Self {
        Self {
            site: cut_name(self.site),
            host: cut_name(self.host),
            phase: cut_name(self.phase),
            text: self.text.get(..TEXT_MAX).unwrap_or(self.text),
            ..*self
        }
    }

    fn decode(head: &[u8; RECORD_OCTETS], body: &'a [u8]) -> Result<(Self, usize), &'static str> {
        let [i0, i1, i2, i3, e0, e1, e2, e3, t0, t1, _, phase, site, host, c0, c1] = *head;
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
        let (id, code) = (u32::from_le_bytes([i0, i1, i2, i3]), u16::from_le_bytes([c0, c1]));
        Ok((Self { id, site, host, code, enhanced, phase, text }, RECORD_OCTETS + padded))
    }
}

/// The front of a name that a definition keeps.
fn cut_name(name: &str) -> &str {
    // A cut may not fall inside a character.
    let at_most = (0..=NAME_MAX.min(name.len())).rev();
    at_most.filter_map(|n| name.get(..n)).next().unwrap_or_default()
}

/// What is held up as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Held {
    /// A domain: no route to it is found.
    Domain = 1,
    /// The hosts of a site: no session with them comes about.
    Hosts = 2,
    /// A site: none of its hosts gives the TLS that is demanded.
    Security = 3,
    /// Nothing is: recipients were loaded then. Whoever was never tried counts from there, if not from later.
    Loading = 4,
}

impl Held {
    fn from_number(number: u8) -> Option<Self> {
        [Self::Domain, Self::Hosts, Self::Security, Self::Loading].into_iter().find(|held| *held as u8 == number)
    }
}

/// Nothing could be sent to a domain or a site since then: from that time on the lifetime runs of recipients there that were
/// never tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold<'a> {
    /// What is held up.
    pub held: Held,
    /// Its name; a longer one than a definition keeps is cut.
    pub name: &'a str,
    /// Since when; 0: it is no longer.
    pub since: UnixTime,
}

impl<'a> Hold<'a> {
    /// Appends the hold to a batch.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        let (from, name) = (out.len(), cut_name(self.name));
        let name_len = name.len() as u16;
        out.extend_from_slice(&self.since.0.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&name_len.to_le_bytes());
        out.extend_from_slice(&[HOLD, self.held as u8, 0, 0, 0, 0]);
        out.extend_from_slice(name.as_bytes());
        out.resize(from + (out.len() - from).next_multiple_of(RECORD_OCTETS), 0);
    }

    fn decode(head: &[u8; RECORD_OCTETS], body: &'a [u8]) -> Result<(Self, usize), &'static str> {
        let [s0, s1, s2, s3, _, _, _, _, n0, n1, _, held, ..] = *head;
        let name_len = u8::try_from(u16::from_le_bytes([n0, n1])).map_err(|_| "a hold whose name is too long")?;
        let padded = usize::from(name_len).next_multiple_of(RECORD_OCTETS);
        if body.len() < padded {
            return Err("a hold that is longer than what holds it");
        }
        let held = Held::from_number(held).ok_or("a hold of nothing that is known")?;
        let (name, _) = word(body, name_len)?;
        Ok((Self { held, name, since: UnixTime(u32::from_le_bytes([s0, s1, s2, s3])) }, RECORD_OCTETS + padded))
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

/// Commits that are lost, and whose loss was accepted: everybody whose outcome may have been in them is recorded as
/// uncertain before this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The first commit.
    pub first_lsn: u64,
    /// The last one.
    pub last_lsn: u64,
}

impl Accepted {
    /// Appends the acceptance to a batch.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.first_lsn.to_le_bytes());
        out.extend_from_slice(&[0, 0, ACCEPTED, 0, 0, 0, 0, 0]);
        out.extend_from_slice(&self.last_lsn.to_le_bytes());
        out.extend_from_slice(&[0; 8]);
    }

    fn decode(head: &[u8; RECORD_OCTETS], body: &[u8]) -> Result<(Self, usize), &'static str> {
        let body = body.get(..RECORD_OCTETS).ok_or("an acceptance cut short")?;
        let u64_at = |octets: &[u8]| octets.first_chunk().map_or(0, |o| u64::from_le_bytes(*o));
        Ok((Self { first_lsn: u64_at(head), last_lsn: u64_at(body) }, 2 * RECORD_OCTETS))
    }
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// A fact about a recipient.
    Record(Record),
    /// Words for facts to refer to.
    Define(Define<'a>),
    /// A fact about a whole domain or site.
    Hold(Hold<'a>),
    /// Commits whose loss was accepted.
    Accepted(Accepted),
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

/// Whom the records in `octets` are about, where these hold nothing but records; what is none gives any number.
pub fn recipients(octets: &[u8]) -> impl Iterator<Item = u32> {
    octets.chunks_exact(RECORD_OCTETS).filter_map(<[u8]>::first_chunk).map(|octets| u32::from_le_bytes(*octets))
}

/// Iterates over entries; see [`entries`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Entries<'a> {
    /// What is still to be read.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next entry, if it is a record. Nearly all are: whoever folds millions asks this first.
    #[inline]
    pub fn next_record(&mut self) -> Option<Record> {
        let (head, rest) = self.rest.split_first_chunk::<RECORD_OCTETS>()?;
        let record = Record::decode(head)?;
        self.rest = rest;
        self.offset += RECORD_OCTETS;
        Some(record)
    }

    /// The next entry, which is no record.
    fn next_other(&mut self) -> Option<Result<Entry<'a>, Bad>> {
        let Some((head, body)) = self.rest.split_first_chunk::<RECORD_OCTETS>() else {
            let bad = (!self.rest.is_empty()).then_some(Err(Bad { offset: self.offset, what: "a piece of an entry" }));
            self.rest = &[];
            return bad;
        };
        let read = match head[KIND_AT] {
            DEFINE => Define::decode(head, body).map(|(define, len)| (Entry::Define(define), len)),
            HOLD => Hold::decode(head, body).map(|(hold, len)| (Entry::Hold(hold), len)),
            ACCEPTED => Accepted::decode(head, body).map(|(accepted, len)| (Entry::Accepted(accepted), len)),
            _ => Err("an entry of no known kind"),
        };
        let (entry, len) = match read {
            Ok((entry, len)) => (Ok(entry), len),
            Err(what) => (Err(Bad { offset: self.offset, what }), RECORD_OCTETS),
        };
        self.rest = self.rest.get(len..).unwrap_or_default();
        self.offset += len;
        Some(entry)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Bad>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.next_record() {
            Some(record) => Some(Ok(Entry::Record(record))),
            None => self.next_other(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        fn record()(recipient: u32, at: u32, code in 0u16..1024, kind in 0usize..10, attempts: u16, extra: u32) -> Record {
            Record { recipient, at: UnixTime(at), code, kind: Kind::ALL[kind], attempts, extra }
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            records in prop::collection::vec(record(), 0..20),
            site in ".{0,300}", host in "[a-z.]{0,80}", phase in "[a-z]{0,9}",
            text in prop::collection::vec(any::<u8>(), 0..1200),
            code in prop::option::of((2u8..6, 0u16..1000, 0u16..1000)), since: u32,
        ) {
            let enhanced = code.map(|(c, s, d)| Enhanced::new(c, s, d));
            let define = Define { id: 7, site: &site, host: &host, code: 451, enhanced, phase: &phase, text: &text };
            let hold = Hold { held: Held::Hosts, name: &site, since: UnixTime(since) };
            let mut batch = Vec::new();
            define.encode_into(&mut batch);
            prop_assert!(batch.len() <= DEFINE_OCTETS_MAX);
            hold.encode_into(&mut batch);
            for r in &records {
                r.encode_into(&mut batch);
            }
            define.encode_into(&mut batch);
            let accepted = Accepted { first_lsn: 3, last_lsn: u64::MAX };
            accepted.encode_into(&mut batch);
            let read: Vec<_> = entries(&batch).collect();
            let mut want = vec![Ok(Entry::Define(define.cut())), Ok(Entry::Hold(Hold { name: cut_name(&site), ..hold }))];
            want.extend(records.iter().map(|r| Ok(Entry::Record(*r))));
            want.push(Ok(Entry::Define(define.cut())));
            want.push(Ok(Entry::Accepted(accepted)));
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
