//! A campaign folded into what a page can show.
//!
//! Guarantees: bounded memory whatever the campaign: at most [`SITES_MAX`] sites and [`REPLIES_MAX`] replies are told
//! apart, the rest is one entry `other`; times are kept in at most [`BINS_MAX`] bins, which widen as needed.

use super::{Facts, Recipient, Rows, Unread, time};
use crate::app::destination::{self, Left};
use crate::app::exit::Failure;
use crate::app::held::Note;
use crate::app::progress::count;
use crate::base::clock::UnixTime;
use crate::mail::reply::Printable;
use crate::mail::{Disposition, Enhanced};
use hashbrown::HashMap;
use serde::Serialize;
use std::collections::BTreeMap;

/// Sites told apart.
pub const SITES_MAX: usize = 50_000;
/// Replies told apart.
pub const REPLIES_MAX: usize = 10_000;
/// Bins of time.
pub const BINS_MAX: usize = 2_048;
/// Characters of a reply that are kept.
const TEXT_MAX: usize = 160;
/// Sites and replies that JSON lists.
const LISTED: usize = 100;

/// Recipients by disposition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; Disposition::ALL.len()]);

impl Counts {
    /// How many stand there.
    #[must_use]
    pub fn get(&self, disposition: Disposition) -> u64 {
        self.0.get(disposition as usize).copied().unwrap_or(0)
    }

    /// How many there are.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(super) fn count(&mut self, disposition: Disposition) {
        if let Some(n) = self.0.get_mut(disposition as usize) {
            *n += 1;
        }
    }
}

/// A reply, without what differs from one recipient to the next.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReplyKind {
    /// Whether it was the last one of recipients that have expired.
    pub expired: bool,
    /// Its code.
    pub code: u16,
    /// Its enhanced code.
    pub enhanced: Option<Enhanced>,
    /// Its text: escaped, addresses and identifiers replaced by `*`.
    pub text: Box<str>,
}

/// A campaign, folded.
#[derive(Clone, Debug, Default)]
pub struct Digest {
    /// The campaign's name.
    pub name: String,
    /// Where its mail goes; empty if that is not known.
    pub destination: String,
    /// Where it went before that.
    pub moved_from: Vec<Left>,
    /// What became of the list's rows.
    pub rows: Rows,
    /// What is damaged in storage.
    pub damage: Vec<String>,
    /// Rows that cannot be read.
    pub unread: Unread,
    /// Why the mailing is held.
    pub held: Option<Note>,
    /// Recipients by disposition.
    pub counts: Counts,
    /// Attempts of all recipients.
    pub attempts: u64,
    /// Of those in flight: whose attempt was cut off with its process.
    pub cut_off: u64,
    /// Recipients that may have got a second copy, those cut off included.
    pub possible_duplicates: u64,
    /// The earliest attempt.
    pub first_at: Option<UnixTime>,
    /// The latest event.
    pub last_at: Option<UnixTime>,
    sites: HashMap<String, Counts>,
    replies: HashMap<(bool, u16, Option<Enhanced>), HashMap<String, u64>>,
    reply_kinds: usize,
    text: String,
    bins: BTreeMap<u32, Counts>,
    shift: u32,
}

impl Digest {
    /// Folds all recipients.
    ///
    /// # Errors
    /// Storage cannot be read.
    pub fn of(facts: &dyn Facts) -> Result<Self, Failure> {
        let (name, damage) = (facts.name().to_owned(), facts.damage().to_vec());
        let destination = facts.destination().to_owned();
        let (moved_from, held) = (destination::left(facts.moved_from()), facts.held().cloned());
        let mut digest = Self { name, destination, moved_from, rows: facts.rows(), damage, held, ..Self::default() };
        digest.unread = facts.each(&mut |recipient| {
            digest.add(recipient);
            Ok(())
        })?;
        digest.damage.extend(digest.unread.told().map(|told| format!("{told}: {}", digest.unread.why)));
        Ok(digest)
    }

    fn add(&mut self, r: &Recipient<'_>) {
        let stands = stands(r);
        self.counts.count(stands);
        self.attempts += u64::from(r.attempts);
        self.cut_off += u64::from(r.cut_off);
        self.possible_duplicates += u64::from(r.possible_duplicate);
        self.first_at = self.first_at.into_iter().chain(r.first_at).min();
        self.last_at = self.last_at.into_iter().chain(r.last_at).max();
        if !r.site.is_empty() {
            self.site(r.site).count(stands);
        }
        if r.code != 0 || r.disposition == Disposition::Expired && !r.text.is_empty() {
            *self.reply(r) += 1;
        }
        if let Some(at) = r.last_at
            && r.attempts > 0
        {
            self.bins.entry(at.0 >> self.shift).or_default().count(stands);
            self.widen();
        }
    }

    fn site(&mut self, name: &str) -> &mut Counts {
        let known = self.sites.len() < SITES_MAX || self.sites.contains_key(name);
        self.sites.entry_ref(if known { name } else { "other" }).or_default()
    }

    fn reply(&mut self, r: &Recipient<'_>) -> &mut u64 {
        general(r.text, &mut self.text);
        let expired = r.disposition == Disposition::Expired;
        let mut kind = (expired, r.code, r.enhanced);
        let known = self.replies.get(&kind).is_some_and(|texts| texts.contains_key(&self.text));
        if known || self.reply_kinds < REPLIES_MAX {
            self.reply_kinds += usize::from(!known);
        } else {
            kind = (expired, 0, None);
            self.text.replace_range(.., "other");
        }
        self.replies.entry(kind).or_default().entry_ref(self.text.as_str()).or_default()
    }

    /// Doubles the width of the bins until they are few enough.
    fn widen(&mut self) {
        while self.bins.len() > BINS_MAX {
            self.shift += 1;
            let mut wide: BTreeMap<u32, Counts> = BTreeMap::new();
            for (at, counts) in &self.bins {
                let bin = wide.entry(at >> 1).or_default();
                bin.0.iter_mut().zip(counts.0).for_each(|(sum, n)| *sum += n);
            }
            self.bins = wide;
        }
    }

    /// The `most` largest sites.
    #[must_use]
    pub fn top_sites(&self, most: usize) -> Vec<(&str, Counts)> {
        let mut sites: Vec<_> = self.sites.iter().map(|(name, counts)| (name.as_str(), *counts)).collect();
        sites.sort_by(|a, b| b.1.all().cmp(&a.1.all()).then(a.0.cmp(b.0)));
        sites.truncate(most);
        sites
    }

    /// How many sites there are (those past the bound count as one).
    #[must_use]
    pub fn sites(&self) -> usize {
        self.sites.len()
    }

    /// The `most` most frequent replies.
    #[must_use]
    pub fn top_replies(&self, most: usize) -> Vec<(ReplyKind, u64)> {
        let kinds =
            self.replies.iter().flat_map(|(&kind, texts)| texts.iter().map(move |(text, &n)| (n, kind, text.as_str())));
        let mut kinds: Vec<_> = kinds.collect();
        kinds.sort_by(|a, b| b.0.cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        kinds.truncate(most);
        kinds
            .into_iter()
            .map(|(n, (expired, code, enhanced), text)| (ReplyKind { expired, code, enhanced, text: text.into() }, n))
            .collect()
    }

    /// Recipients by the time of their last event: at most `most` bins of equal width, none left out between the first
    /// and the last; each with its first second. The second value is the width in seconds.
    #[must_use]
    pub fn over_time(&self, most: usize) -> (Vec<(u32, Counts)>, u32) {
        let (Some(first), Some(last)) = (self.bins.keys().next(), self.bins.keys().next_back()) else {
            return (Vec::new(), 1);
        };
        let wide = (last - first) / (most.max(1) as u32) + 1;
        let bins = (last - first) / wide + 1;
        let start = |bin: u32| first.saturating_add(bin * wide).checked_shl(self.shift).unwrap_or(u32::MAX);
        let mut series: Vec<(u32, Counts)> = (0..bins).map(|bin| (start(bin), Counts::default())).collect();
        for (at, counts) in &self.bins {
            if let Some((_, sum)) = series.get_mut(((at - first) / wide) as usize) {
                sum.0.iter_mut().zip(counts.0).for_each(|(sum, n)| *sum += n);
            }
        }
        (series, wide << self.shift)
    }

    /// Seconds from the first attempt to the last event.
    #[must_use]
    pub fn span_s(&self) -> u32 {
        match (self.first_at, self.last_at) {
            (Some(first), Some(last)) => last.0.saturating_sub(first.0),
            _ => 0,
        }
    }

    /// What became of attempts whose process ended: a sentence, if there are any.
    #[must_use]
    pub fn told_cut_off(&self) -> Option<String> {
        let attempts = match self.cut_off {
            0 => return None,
            1 => "1 attempt was".to_owned(),
            n => format!("{} attempts were", count(n)),
        };
        Some(format!("nobody is sending it now: {attempts} cut off, and may have delivered; `send` goes on"))
    }

    /// Recipients delivered a second, over [`Digest::span_s`] (at least one second).
    #[must_use]
    pub fn rate_per_s(&self) -> f64 {
        self.counts.get(Disposition::Delivered) as f64 / f64::from(self.span_s().max(1))
    }

    /// The report as one JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        let people = |counts: &Counts, disposition| match disposition {
            // As everywhere that programs look: who is deferred waits.
            Disposition::Waiting => counts.get(Disposition::Waiting) + counts.get(Disposition::Deferred),
            other => counts.get(other),
        };
        let words = |counts: &Counts| -> serde_json::Map<String, serde_json::Value> {
            Disposition::ALL.iter().map(|d| (d.word().to_owned(), people(counts, *d).into())).collect()
        };
        #[derive(Serialize)]
        struct Whole<'a> {
            campaign: &'a str,
            destination: &'a str,
            moved_from: &'a [Left],
            loaded: u64,
            loading: bool,
            rejected: u64,
            duplicates: u64,
            #[serde(flatten)]
            counts: serde_json::Map<String, serde_json::Value>,
            cut_off: u64,
            attempts: u64,
            possible_duplicates: u64,
            first_at: Option<String>,
            last_at: Option<String>,
            mean_rate_per_s: f64,
            damage: &'a [String],
            held: Option<&'a Note>,
            sites: Vec<serde_json::Value>,
            replies: Vec<serde_json::Value>,
        }
        let site = |(name, counts): (&str, Counts)| {
            let mut object = words(&counts);
            object.insert("site".into(), name.into());
            object.insert("recipients".into(), counts.all().into());
            object.into()
        };
        let reply = |(kind, n): (ReplyKind, u64)| {
            let enhanced = kind.enhanced.map(|e| e.to_string());
            let (code, text, expired) = (kind.code, kind.text, kind.expired);
            serde_json::json!({ "code": code, "enhanced": enhanced, "text": text, "recipients": n, "expired": expired })
        };
        let whole = Whole {
            campaign: &self.name,
            destination: &self.destination,
            moved_from: &self.moved_from,
            loaded: self.counts.all(),
            loading: self.rows.loading,
            rejected: self.rows.rejected,
            duplicates: self.rows.duplicates,
            counts: words(&self.counts),
            cut_off: self.cut_off,
            attempts: self.attempts,
            possible_duplicates: self.possible_duplicates,
            first_at: self.first_at.map(time),
            last_at: self.last_at.map(time),
            mean_rate_per_s: self.rate_per_s(),
            damage: &self.damage,
            held: self.held.as_ref(),
            sites: self.top_sites(LISTED).into_iter().map(site).collect(),
            replies: self.top_replies(LISTED).into_iter().map(reply).collect(),
        };
        serde_json::to_string(&whole).unwrap_or_default()
    }
}

/// Where a recipient stands, in a report: who waits after an attempt that counts, however that ended, is deferred.
fn stands(r: &Recipient<'_>) -> Disposition {
    match r.disposition {
        Disposition::Waiting | Disposition::Deferred if r.attempts > 0 => Disposition::Deferred,
        Disposition::Deferred => Disposition::Waiting,
        disposition => disposition,
    }
}

/// Writes a reply's text to `line`, without what differs from one recipient to the next: addresses and queue identifiers
/// become `*`.
fn general(text: &[u8], line: &mut String) {
    line.clear();
    let escaped;
    let plain = std::str::from_utf8(text).ok().filter(|t| t.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'\\'));
    let text = match plain {
        Some(text) => text,
        None => {
            escaped = Printable(text).to_string();
            &escaped
        }
    };
    for (n, word) in text.split_whitespace().enumerate() {
        if n > 0 {
            line.push(' ');
        }
        line.push_str(if is_one_of_many(word) { "*" } else { word });
        if line.len() >= TEXT_MAX {
            break;
        }
    }
    if let Some((end, _)) = line.char_indices().nth(TEXT_MAX) {
        line.truncate(end);
    }
}

/// Whether a word is an address, or an identifier: long, of letters, digits and a few marks, with a digit in it.
fn is_one_of_many(word: &str) -> bool {
    let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    word.contains('@')
        || core.len() >= 6
            && core.bytes().any(|b| b.is_ascii_digit())
            && core.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=+/".contains(&b))
}
