//! A campaign folded into what a page can show.
//!
//! Guarantees: bounded memory whatever the campaign: at most [`SITES_MAX`] sites, as many domains and [`REPLIES_MAX`] replies are
//! told apart, the rest is one entry `other`; times are kept in at most [`BINS_MAX`] bins, which widen as needed.

use super::reason::{self, Reason};
use super::stage::{Known, Stage};
use super::{About, Facts, Recipient, Rows, Unread, stands};
use crate::app::destination::{self, Left};
use crate::app::exit::Failure;
use crate::app::figures::count;
use crate::app::held::Note;
use crate::base::clock::UnixTime;
use crate::mail::reply::Printable;
use crate::mail::{Disposition, Enhanced, ReplyRef};
use hashbrown::HashMap;
use std::collections::BTreeMap;

/// Sites, and domains, told apart.
pub const SITES_MAX: usize = 50_000;
/// Replies told apart.
pub const REPLIES_MAX: usize = 10_000;
/// Bins of time.
pub const BINS_MAX: usize = 2_048;
/// Characters of a reply that are kept.
const TEXT_MAX: usize = 160;

/// Recipients by disposition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; Disposition::ALL.len()]);

impl Counts {
    /// How many stand there.
    #[must_use]
    pub fn get(&self, disposition: Disposition) -> u64 {
        self.0.get(disposition as usize).copied().unwrap_or(0)
    }

    /// How many wait: those who were tried before (deferred) and those who were not.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.get(Disposition::Waiting) + self.get(Disposition::Deferred)
    }

    /// How many there are.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.0.iter().sum()
    }

    fn add(&mut self, more: &Self) {
        self.0.iter_mut().zip(more.0).for_each(|(sum, n)| *sum += n);
    }

    pub(super) fn count(&mut self, disposition: Disposition) {
        if let Some(n) = self.0.get_mut(disposition as usize) {
            *n += 1;
        }
    }
}

/// A reply, without what differs from one recipient to the next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplyKind {
    /// Where those stand who had it last.
    pub stands: Disposition,
    /// Its code.
    pub code: u16,
    /// Its enhanced code.
    pub enhanced: Option<Enhanced>,
    /// Its text: escaped, addresses and identifiers replaced by `*`.
    pub text: Box<str>,
    /// What it is about.
    pub reason: Reason,
}

impl ReplyKind {
    /// What stands before its text: of who expired it is not the reply that ended it.
    #[must_use]
    pub fn before(&self) -> &'static str {
        if self.stands == Disposition::Expired { "expired; last: " } else { "" }
    }
}

/// What replies are told apart by, besides their texts.
type Kind = (Disposition, u16, Option<Enhanced>, Reason);

/// A campaign, folded.
#[derive(Clone, Debug, Default)]
pub struct Digest {
    /// The campaign's name.
    pub name: String,
    /// What it is.
    pub about: About,
    /// Where its mail goes; empty if that is not known.
    pub destination: String,
    /// Where it went before that.
    pub moved_from: Vec<Left>,
    /// What became of the list's rows.
    pub rows: Rows,
    /// What is damaged in storage.
    pub damage: Vec<String>,
    /// Whether storage does not tell all of what this shows.
    pub damaged: bool,
    /// Rows that cannot be read.
    pub unread: Unread,
    /// Why the mailing is held.
    pub held: Option<Note>,
    /// Recipients by disposition.
    pub counts: Counts,
    /// Recipients with an attempt that counts.
    pub tried: u64,
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
    domains: HashMap<String, Counts>,
    replies: HashMap<Kind, HashMap<String, u64>>,
    reply_kinds: usize,
    reasons: reason::Reasons,
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
        let (about, rows) = (facts.about(), facts.rows());
        let mut digest = Self { name, about, destination, moved_from, rows, damage, held, ..Self::default() };
        digest.unread = facts.each(&mut |recipient| {
            digest.add(recipient);
            Ok(())
        })?;
        digest.damaged = facts.is_damaged() || !digest.unread.rows.is_empty();
        digest.damage.extend(digest.unread.told().map(|told| format!("{told}: {}", digest.unread.why)));
        Ok(digest)
    }

    fn add(&mut self, r: &Recipient<'_>) {
        let stands = stands(r);
        self.counts.count(stands);
        self.tried += u64::from(r.attempts > 0);
        self.attempts += u64::from(r.attempts);
        self.cut_off += u64::from(r.cut_off);
        self.possible_duplicates += u64::from(r.possible_duplicate);
        self.first_at = self.first_at.into_iter().chain(r.first_at).min();
        self.last_at = self.last_at.into_iter().chain(r.last_at).max();
        if !r.site.is_empty() {
            entry(&mut self.sites, r.site).count(stands);
        }
        if !r.domain.is_empty() {
            entry(&mut self.domains, r.domain).count(stands);
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

    fn reply(&mut self, r: &Recipient<'_>) -> &mut u64 {
        general(r.text, &mut self.text);
        let reply = ReplyRef { code: r.code, enhanced: r.enhanced, text: r.text };
        let mut kind = (stands(r), r.code, r.enhanced, self.reasons.of(reply, r.phase, r.host));
        let known = self.replies.get(&kind).is_some_and(|texts| texts.contains_key(&self.text));
        if known || self.reply_kinds < REPLIES_MAX {
            self.reply_kinds += usize::from(!known);
        } else {
            (kind.1, kind.2) = (0, None);
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
                wide.entry(at >> 1).or_default().add(counts);
            }
            self.bins = wide;
        }
    }

    /// The `most` largest sites.
    #[must_use]
    pub fn top_sites(&self, most: usize) -> Vec<(&str, Counts)> {
        top(&self.sites, most)
    }

    /// The `most` largest domains of recipients.
    #[must_use]
    pub fn top_domains(&self, most: usize) -> Vec<(&str, Counts)> {
        top(&self.domains, most)
    }

    /// How many domains there are (those past the bound count as one).
    #[must_use]
    pub fn domains(&self) -> usize {
        self.domains.len()
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
        let whole = |(n, (stands, code, enhanced, reason), text): (u64, Kind, &str)| {
            (ReplyKind { stands, code, enhanced, text: text.into(), reason }, n)
        };
        kinds.into_iter().map(whole).collect()
    }

    /// What those who stand there were told last, by what it is about: the most frequent first. Whoever was told nothing is in
    /// none of them.
    #[must_use]
    pub fn reasons(&self, stands: Disposition) -> Vec<(Reason, u64)> {
        let mut sums: BTreeMap<Reason, u64> = BTreeMap::new();
        for ((_, _, _, reason), texts) in self.replies.iter().filter(|(kind, _)| kind.0 == stands) {
            *sums.entry(*reason).or_default() += texts.values().sum::<u64>();
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        sums
    }

    /// What tells where it stands as a whole.
    #[must_use]
    pub fn known(&self) -> Known<'_> {
        Known {
            damaged: self.damaged,
            run: self.about.run,
            held: self.held.as_ref(),
            loading: self.rows.loading,
            attempts: self.attempts,
            open: self.counts.waiting() + self.counts.get(Disposition::InFlight),
            uncertain: self.counts.get(Disposition::Uncertain),
        }
    }

    /// Where it stands as a whole.
    #[must_use]
    pub fn stage(&self) -> Stage {
        Stage::of(&self.known())
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
                sum.add(counts);
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
}

fn entry<'a>(of: &'a mut HashMap<String, Counts>, name: &str) -> &'a mut Counts {
    let known = of.len() < SITES_MAX || of.contains_key(name);
    of.entry_ref(if known { name } else { "other" }).or_default()
}

fn top(of: &HashMap<String, Counts>, most: usize) -> Vec<(&str, Counts)> {
    let mut all: Vec<_> = of.iter().map(|(name, counts)| (name.as_str(), *counts)).collect();
    all.sort_by(|a, b| b.1.all().cmp(&a.1.all()).then(a.0.cmp(b.0)));
    all.truncate(most);
    all
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

/// Extensions of SMTP that look like identifiers.
const EXTENSIONS: [&str; 2] = ["SMTPUTF8", "8BITMIME"];

/// Whether a word is an address, or an identifier: long, of letters, digits and a few marks, with a digit in it.
fn is_one_of_many(word: &str) -> bool {
    let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    word.contains('@')
        || !EXTENSIONS.contains(&core)
            && core.len() >= 6
            && core.bytes().any(|b| b.is_ascii_digit())
            && core.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=+/".contains(&b))
}
