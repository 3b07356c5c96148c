//! A report for a terminal.

use super::digest::Digest;
use super::{After, Step, Timeline, time};
use crate::app::config::values::duration_text;
use crate::app::destination;
use crate::app::progress::count;
use crate::base::clock::UnixTime;
use crate::mail::reply::Printable;
use crate::mail::{Disposition, Mailbox};
use std::fmt::Write;
use std::time::Duration;

/// Sites that the table shows.
const SITES: usize = 20;
/// Replies that the table shows.
const REPLIES: usize = 10;

/// Totals, sites, replies, times.
pub(super) fn table(digest: &Digest) -> String {
    let mut text = format!("Campaign {}{}\n", digest.name, whither(digest));
    for damage in &digest.damage {
        let _ = writeln!(text, "  DAMAGED: {}", Printable(damage.as_bytes()));
    }
    if let Some(held) = &digest.held {
        let [says, hint] = [&held.says, &held.hint].map(|text| plain(text));
        let _ = writeln!(text, "  HELD since {}: {says}\n  hint: {hint}", time(UnixTime(held.since)));
    }
    let all = digest.counts.all();
    for disposition in Disposition::ALL {
        let n = digest.counts.get(disposition);
        if n > 0 {
            let _ = writeln!(text, "  {:<12}{:>14}{:>8.2} %", disposition.word(), count(n), share(n, all));
        }
    }
    let loading = if digest.rows.loading { " so far" } else { "" };
    let _ = writeln!(text, "  {:<12}{:>14}{loading}", "recipients", count(all));
    let rows = digest.rows;
    let _ = writeln!(text, "  rows rejected {}, duplicates {}", count(rows.rejected), count(rows.duplicates));
    if let (Some(first), Some(last)) = (digest.first_at, digest.last_at) {
        let span = duration_text(Duration::from_secs(digest.span_s().into()));
        let _ = writeln!(text, "  first attempt {}, last event {} ({span})", time(first), time(last));
        let _ = writeln!(text, "  {} attempts, {:.1} delivered/s", count(digest.attempts), digest.rate_per_s());
    }
    if let Some(told) = digest.told_cut_off() {
        let _ = writeln!(text, "  {told}");
    }
    if digest.possible_duplicates > 0 {
        let n = count(digest.possible_duplicates);
        let copy =
            if digest.cut_off > 0 { "may have got a copy that is not known of" } else { "may have got a second copy" };
        let _ = writeln!(text, "  {n} {copy}: --possible-duplicates FILE lists them");
    }
    sites(digest, &mut text);
    replies(digest, &mut text);
    text
}

/// Escaped already, but read from a file; a backslash is common in what is escaped.
fn plain(text: &str) -> String {
    Printable(text.as_bytes()).to_string().replace("\\\\", "\\")
}

/// Where its mail goes, as people read it.
fn whither(digest: &Digest) -> String {
    if digest.destination.is_empty() {
        return String::new();
    }
    let earlier = destination::words_of_earlier(&digest.moved_from);
    format!(", destination: {}{earlier}", destination::words(&digest.destination))
}

fn sites(digest: &Digest, text: &mut String) {
    let top = digest.top_sites(SITES);
    if top.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\n{:<40}{:>11}{:>11}{:>10}{:>10}{:>10}",
        format!("Sites ({} of {})", top.len(), count(digest.sites() as u64)),
        "recipients",
        "delivered",
        "deferred",
        "bounced",
        "other"
    );
    for (name, counts) in top {
        let [delivered, deferred, bounced] =
            [Disposition::Delivered, Disposition::Deferred, Disposition::Bounced].map(|d| counts.get(d));
        let other = counts.all() - delivered - deferred - bounced;
        let [all, delivered, deferred, bounced, other] = [counts.all(), delivered, deferred, bounced, other].map(count);
        let name = Printable(name.as_bytes()).to_string();
        let _ = writeln!(text, "  {name:<38}{all:>11}{delivered:>11}{deferred:>10}{bounced:>10}{other:>10}");
    }
}

fn replies(digest: &Digest, text: &mut String) {
    let top = digest.top_replies(REPLIES);
    if top.is_empty() {
        return;
    }
    let _ = writeln!(text, "\nLast replies, most frequent first");
    for (kind, n) in top {
        let code = if kind.code == 0 { String::new() } else { kind.code.to_string() };
        let enhanced = kind.enhanced.map(|e| e.to_string()).unwrap_or_default();
        let expired = if kind.expired { "expired; last: " } else { "" };
        let _ = writeln!(text, "{:>13}  {code:<3} {enhanced:<8} {expired}{}", count(n), kind.text);
    }
}

fn share(n: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { 100.0 * n as f64 / all as f64 }
}

/// Everything that happened to one recipient.
pub(super) fn timeline(recipient: &Mailbox, timeline: &Timeline) -> String {
    let mut text = format!("{}: {}\n", Printable(recipient.as_str().as_bytes()), timeline.disposition);
    if timeline.steps.is_empty() {
        text.push_str(match timeline.disposition {
            Disposition::Suppressed => "  is on the suppression list: never tried\n",
            _ => "  waits for its first attempt\n",
        });
    }
    for one in &timeline.steps {
        step(one, &mut text);
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn step(step: &Step, text: &mut String) {
    let attempt = if step.attempt == 0 { String::new() } else { format!("attempt {}", step.attempt) };
    let what = if step.what == "attempt" { "begins" } else { step.what };
    let _ = write!(text, "  {}  {attempt:<10} {what:<11}", time(step.at));
    if let Some(After { span_s, .. }) = step.after {
        let (attempts, span) = (step.attempt, duration_text(Duration::from_secs(span_s.into())));
        let s = if attempts == 1 { "" } else { "s" };
        let _ = write!(text, " after {attempts} attempt{s} in {span}; last:");
    }
    if step.code != 0 {
        let _ = write!(text, " {}", step.code);
    }
    if let Some(enhanced) = step.enhanced {
        let _ = write!(text, " {enhanced}");
    }
    if !step.text.is_empty() {
        let _ = write!(text, " {}", Printable(&step.text));
    }
    if !step.phase.is_empty() {
        let _ = write!(text, "  at {}", Printable(step.phase.as_bytes()));
    }
    let host = Printable(step.host.as_bytes()).to_string();
    let tried_at = step.after.map(|after| time(after.tried_at)).unwrap_or_default();
    if !host.is_empty() || !tried_at.is_empty() {
        let between = if host.is_empty() || tried_at.is_empty() { "" } else { ", " };
        let _ = write!(text, "  [{host}{between}{tried_at}]");
    }
}
