//! A report as one JSON object.
//!
//! Guarantees: what has a key that `send --json` has, too, means the same; times are UTC.

use super::Step;
use super::digest::{Counts, Digest, ReplyKind};
use super::look::utc;
use super::stage::Stage;
use crate::app::destination::Left;
use crate::app::held::Note;
use crate::base::clock::UnixTime;
use crate::mail::Disposition;
use crate::mail::reply::Printable;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Sites, domains and replies that are listed.
const LISTED: usize = 100;

#[derive(Serialize)]
struct Whole<'a> {
    campaign: &'a str,
    state: Stage,
    rehearsal: bool,
    subject: &'a str,
    list: &'a str,
    destination: &'a str,
    moved_from: &'a [Left],
    begun_at: Option<String>,
    loaded: u64,
    loading: bool,
    rejected: u64,
    duplicates: u64,
    #[serde(flatten)]
    counts: Map<String, Value>,
    cut_off: u64,
    tried: u64,
    attempts: u64,
    possible_duplicates: u64,
    first_at: Option<String>,
    last_at: Option<String>,
    mean_rate_per_s: f64,
    damage: &'a [String],
    held: Option<&'a Note>,
    reasons: Vec<Value>,
    sites: Vec<Value>,
    domains: Vec<Value>,
    replies: Vec<Value>,
}

/// The object, on one line.
pub(super) fn object(digest: &Digest) -> String {
    let time = |at: Option<UnixTime>| at.map(utc);
    let whole = Whole {
        campaign: &digest.name,
        state: digest.stage(),
        rehearsal: digest.destination == "sink",
        subject: &digest.about.subject,
        list: &digest.about.list,
        destination: &digest.destination,
        moved_from: &digest.moved_from,
        begun_at: time(digest.about.begun_at),
        loaded: digest.counts.all(),
        loading: digest.rows.loading,
        rejected: digest.rows.rejected,
        duplicates: digest.rows.duplicates,
        counts: words(&digest.counts),
        cut_off: digest.cut_off,
        tried: digest.tried,
        attempts: digest.attempts,
        possible_duplicates: digest.possible_duplicates,
        first_at: time(digest.first_at),
        last_at: time(digest.last_at),
        mean_rate_per_s: digest.rate_per_s(),
        damage: &digest.damage,
        held: digest.held.as_ref(),
        reasons: reasons(digest),
        sites: digest.top_sites(LISTED).into_iter().map(|(name, counts)| place("site", name, &counts)).collect(),
        domains: digest.top_domains(LISTED).into_iter().map(|(name, counts)| place("domain", name, &counts)).collect(),
        replies: digest.top_replies(LISTED).iter().map(|(kind, n)| reply(kind, *n)).collect(),
    };
    serde_json::to_string(&whole).unwrap_or_default()
}

/// Recipients by disposition; as everywhere that programs look, who is deferred waits.
fn words(counts: &Counts) -> Map<String, Value> {
    let people = |disposition| match disposition {
        Disposition::Waiting => counts.waiting(),
        other => counts.get(other),
    };
    Disposition::ALL.iter().map(|d| (d.word().to_owned(), people(*d).into())).collect()
}

fn place(what: &str, name: &str, counts: &Counts) -> Value {
    let mut object = words(counts);
    object.insert(what.into(), name.into());
    object.insert("recipients".into(), counts.all().into());
    object.into()
}

fn reasons(digest: &Digest) -> Vec<Value> {
    let of = |stands: Disposition| {
        let each = digest.reasons(stands).into_iter();
        each.map(move |(reason, n)| json!({ "outcome": stands.word(), "cause": reason.word, "recipients": n }))
    };
    [Disposition::Bounced, Disposition::Expired, Disposition::Deferred].into_iter().flat_map(of).collect()
}

fn reply(kind: &ReplyKind, n: u64) -> Value {
    let ReplyKind { stands, code, enhanced, text, reason } = kind;
    let enhanced = enhanced.map(|e| e.to_string());
    let cause = (*code / 100 != 2).then_some(reason.word);
    let expired = *stands == Disposition::Expired;
    json!({
        "code": code, "enhanced": enhanced, "text": text, "recipients": n, "expired": expired,
        "outcome": stands.word(), "cause": cause,
    })
}

/// One thing that happened to a recipient.
pub(super) fn step(step: &Step) -> Value {
    let text = |bytes: &[u8]| Printable(bytes).to_string();
    json!({
        "at": utc(step.at), "attempt": step.attempt, "what": step.what, "code": step.code,
        "enhanced": step.enhanced.map(|e| e.to_string()), "text": text(&step.text),
        "phase": step.phase, "site": step.site, "host": step.host,
    })
}
