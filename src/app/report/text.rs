//! A report for people: on a terminal nothing is wider than it is, elsewhere nothing is cut.

use super::digest::{Counts, Digest};
use super::{After, Look, Step, Timeline, Zone};
use crate::app::config::values::duration_text;
use crate::app::destination;
use crate::app::figures::{count, counted, rate, share, short, wrapped};
use crate::base::many::Many;
use crate::mail::Disposition;
use crate::mail::reply::Printable;
use std::fmt::Write;
use std::time::Duration;

/// Sites, and domains, that the table shows.
const PLACES: usize = 10;
/// Replies that the table shows.
const REPLIES: usize = 10;
/// Reasons that stand below the bounces.
const REASONS: usize = 6;

/// Where it stands, totals, domains, sites, replies, times.
pub(super) fn table(digest: &Digest, look: &Look) -> String {
    let mut text = format!("Campaign {}: {}\n", digest.name, digest.stage().word());
    let columns = look.columns.unwrap_or(usize::MAX);
    let mut say = |words: &str| text.push_str(&wrapped(words, columns, 2));
    head(digest, look, &mut say);
    totals(digest, &mut say);
    times(digest, look, &mut say);
    let named = ("Domains", digest.top_domains(PLACES), digest.domains());
    places(named, look.columns, &mut text);
    places(("Sites", digest.top_sites(PLACES), digest.sites()), look.columns, &mut text);
    replies(digest, look.columns, &mut text);
    text
}

fn head(digest: &Digest, look: &Look, say: &mut dyn FnMut(&str)) {
    let says = digest.stage().says(&digest.known(), &look.zone);
    if !says.is_empty() {
        say(&says);
    }
    if !digest.about.subject.is_empty() {
        say(&format!("subject: {}", Printable(digest.about.subject.as_bytes())));
    }
    if let Some(whither) = whither(digest) {
        say(&whither);
    }
    for damage in &digest.damage {
        say(&format!("DAMAGED: {}", Printable(damage.as_bytes())));
    }
    if let Some(held) = &digest.held {
        say(&format!("HELD since {}: {}", look.zone.time(held.since), plain(&held.says)));
        say(&format!("hint: {}", plain(&held.hint)));
    }
}

/// The words and numbers of the table that `send` ends with.
fn totals(digest: &Digest, say: &mut dyn FnMut(&str)) {
    use Disposition::{Bounced, Cancelled, Deferred, Delivered, Expired, InFlight, Suppressed, Uncertain, Waiting};
    let (all, deferred) = (digest.counts.all(), digest.counts.get(Deferred));
    for disposition in [Delivered, Bounced, Expired, Suppressed, Cancelled, Uncertain, Waiting, InFlight] {
        let n = if disposition == Waiting { digest.counts.waiting() } else { digest.counts.get(disposition) };
        if n == 0 && !matches!(disposition, Delivered | Bounced | Waiting) {
            continue;
        }
        let word = disposition.word().replace('_', " ");
        let again = match disposition {
            Waiting if deferred > 0 => format!("   {} of them deferred", count(deferred)),
            _ => String::new(),
        };
        say(&format!("{word:<12}{:>14}{:>10}{again}", count(n), share(n, all)));
        if disposition == Bounced {
            for (reason, n) in digest.reasons(Bounced).iter().take(REASONS) {
                say(&format!("{:>26}  {}", count(*n), reason.says));
            }
        }
    }
    let loading = if digest.rows.loading { " so far" } else { "" };
    say(&format!("{:<12}{:>14}{loading}", "recipients", count(all)));
    let rows = digest.rows;
    say(&format!("rows rejected {}, duplicates {}", count(rows.rejected), count(rows.duplicates)));
}

fn times(digest: &Digest, look: &Look, say: &mut dyn FnMut(&str)) {
    if let (Some(first), Some(last)) = (digest.first_at, digest.last_at) {
        say(&format!("first attempt {}", look.zone.time(first)));
        say(&format!("last event    {} ({})", look.zone.time(last), took(digest)));
        say(&format!("{}{}", counted(digest.attempts, "attempt", "attempts"), pace(digest)));
    }
    if let Some(told) = digest.told_cut_off() {
        say(&told);
    }
    if digest.possible_duplicates > 0 {
        let n = counted(digest.possible_duplicates, "recipient", "recipients");
        let copy =
            if digest.cut_off > 0 { "may have got a copy that is not known of" } else { "may have got a second copy" };
        say(&format!("{n} {copy}: --possible-duplicates FILE lists them"));
    }
}

/// How long it took; times are kept to the second.
pub(super) fn took(digest: &Digest) -> String {
    match digest.span_s() {
        0 => "within a second".to_owned(),
        span_s => duration_text(Duration::from_secs(span_s.into())),
    }
}

/// How many a second; nothing where that would be a guess.
pub(super) fn pace(digest: &Digest) -> String {
    if digest.span_s() == 0 { String::new() } else { format!(", {} delivered", rate(digest.rate_per_s())) }
}

/// Escaped already, but read from a file; a backslash is common in what is escaped.
fn plain(text: &str) -> String {
    Printable(text.as_bytes()).to_string().replace("\\\\", "\\")
}

/// Where its mail goes, as people read it.
fn whither(digest: &Digest) -> Option<String> {
    let earlier = destination::words_of_earlier(&digest.moved_from);
    (!digest.destination.is_empty())
        .then(|| format!("destination: {}{earlier}", destination::words(&digest.destination)))
}

/// A column of the table of domains or sites: what stands above, the same where there is little room, and the number below.
type OfPlaces = (&'static str, &'static str, fn(&Counts) -> u64);
const OF_PLACES: [OfPlaces; 5] = [
    ("recipients", "all", Counts::all),
    ("delivered", "deliv.", |counts| counts.get(Disposition::Delivered)),
    ("bounced", "bounced", |counts| counts.get(Disposition::Bounced)),
    ("waiting", "waiting", Counts::waiting),
    ("other", "other", |counts| {
        counts.all() - counts.get(Disposition::Delivered) - counts.get(Disposition::Bounced) - counts.waiting()
    }),
];
/// A name is cut to no less than so many characters: rather a column is left out.
const NAME_MIN: usize = 18;

/// A table of domains or sites: what they are called, the largest of them, how many there are.
fn places((what, top, all): (&str, Vec<(&str, Counts)>, usize), columns: Option<usize>, text: &mut String) {
    if top.is_empty() {
        return;
    }
    let title = format!("{what} ({} of {})", top.len(), count(all as u64));
    let rows: Vec<(String, [String; 5])> = top
        .iter()
        .map(|(name, counts)| (Printable(name.as_bytes()).to_string(), OF_PLACES.map(|(.., n)| count(n(counts)))))
        .collect();
    let widths = |heads: &[&str; 5]| -> Vec<usize> {
        let wide = |(at, head): (usize, &&str)| {
            let numbers = rows.iter().filter_map(|(_, numbers)| numbers.get(at)).map(String::len);
            numbers.chain([head.len()]).max().unwrap_or(0) + 2
        };
        heads.iter().enumerate().map(wide).collect()
    };
    let name = rows.iter().map(|(name, _)| name.chars().count() + 2).max().unwrap_or(0).max(title.len());
    let room = columns.unwrap_or(usize::MAX).saturating_sub(1);
    let [long, narrow] = [OF_PLACES.map(|(head, ..)| head), OF_PLACES.map(|(_, head, _)| head)];
    let has_room = widths(&long).iter().sum::<usize>() + name.min(NAME_MIN) <= room;
    let heads = if has_room { long } else { narrow };
    let widths = widths(&heads);
    let taken = |shown: usize| widths.iter().take(shown).sum::<usize>();
    let shown = (1..=widths.len()).rev().find(|&n| taken(n) + name.min(NAME_MIN) <= room).unwrap_or(1);
    let name = name.min(room.saturating_sub(taken(shown)).max(NAME_MIN));
    text.push('\n');
    let mut line = |head: &str, numbers: &[&str]| {
        let numbers = numbers.iter().zip(&widths).take(shown).map(|(n, wide)| format!("{n:>wide$}"));
        let _ = writeln!(text, "{:<name$}{}", short(head, name), numbers.collect::<String>());
    };
    line(&title, &heads);
    for (place, numbers) in &rows {
        line(&format!("  {place}"), &numbers.each_ref().map(String::as_str));
    }
}

fn replies(digest: &Digest, columns: Option<usize>, text: &mut String) {
    let top = digest.top_replies(REPLIES);
    if top.is_empty() {
        return;
    }
    let _ = writeln!(text, "\nLast replies, most frequent first");
    for (kind, n) in top {
        let code = if kind.code == 0 { String::new() } else { kind.code.to_string() };
        let enhanced = kind.enhanced.map(|e| e.to_string()).unwrap_or_default();
        let line = format!("{:>13}  {code:<3} {enhanced:<8} {}{}", count(n), kind.before(), kind.text);
        let _ = writeln!(text, "{}", short(&line, columns.unwrap_or(usize::MAX).saturating_sub(1)));
    }
}

/// Everything that happened to one recipient.
pub(super) fn timeline(recipient: &str, timeline: &Timeline, zone: &Zone) -> String {
    let mut text = format!("{}: {}\n", Printable(recipient.as_bytes()), timeline.disposition);
    if timeline.steps.is_empty() {
        text.push_str(match timeline.disposition {
            Disposition::Suppressed => "  is on the suppression list: never tried\n",
            _ => "  waits for its first attempt\n",
        });
    }
    for one in &timeline.steps {
        step(one, zone, &mut text);
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn step(step: &Step, zone: &Zone, text: &mut String) {
    let attempt = if step.attempt == 0 { String::new() } else { format!("attempt {}", step.attempt) };
    let what = if step.what == "attempt" { "begins" } else { step.what };
    let _ = write!(text, "  {}  {attempt:<10} {what:<11}", zone.time(step.at));
    if let Some(After { span_s, .. }) = step.after {
        let (attempts, span) = (Many(step.attempt.into(), "attempt", "attempts"), Duration::from_secs(span_s.into()));
        let _ = write!(text, " after {attempts} in {}; last:", duration_text(span));
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
    let tried_at = step.after.map(|after| zone.time(after.tried_at)).unwrap_or_default();
    if !host.is_empty() || !tried_at.is_empty() {
        let between = if host.is_empty() || tried_at.is_empty() { "" } else { ", " };
        let _ = write!(text, "  [{host}{between}{tried_at}]");
    }
}
