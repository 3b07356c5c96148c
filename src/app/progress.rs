//! What a send says while it runs and when it ends: pure text from plain numbers.
//!
//! Guarantees: the same numbers give the same text; live lines fit the terminal, and so does the table at the end from 60
//! columns on, but for commands, which are never broken. Leaves to others: where the numbers come from, when to draw, and
//! on what (`observe::terminal`).

use super::check::Told;
use super::config::values::duration_text;
use super::destination::{self, Left};
use super::figures::{counted, rate, share, short, size, span};
use super::held::Note;
use crate::mail::reply::Printable;
use serde::Serialize;
use std::fmt::Write;
use std::time::Duration;

pub use super::figures::count;

/// How often a terminal is redrawn.
pub const REDRAW: Duration = Duration::from_millis(250);
/// How often a line is written where there is no terminal.
pub const LINE_EVERY: Duration = Duration::from_secs(5);

/// How wide a rate and an estimate mostly are.
const RATE: usize = 9;
const LEFT: usize = 11;
/// On fewer columns what binds the rate stands on a line of its own.
const APART: usize = 99;
/// Of a list of columns so many characters are shown.
const COLUMNS_SHOWN: usize = 38;

/// Where a campaign stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// Recipients of the list so far, suppressed ones included.
    pub loaded: u64,
    /// Whether the list is still being read.
    pub loading: bool,
    /// Records on which the letter was rehearsed so far, while that is done before any of the list is loaded; else 0.
    pub rehearsed: u64,
    /// Rows without a usable recipient.
    pub rejected: u64,
    /// Rows whose recipient had come before.
    pub duplicates: u64,
    /// Recipients, by where they stand.
    pub delivered: u64,
    /// Tried, to be tried again; also counted in `waiting`.
    pub deferred: u64,
    /// Refused for good.
    pub bounced: u64,
    /// Not deliverable within their lifetime.
    pub expired: u64,
    /// On the suppression list.
    pub suppressed: u64,
    /// Withdrawn.
    pub cancelled: u64,
    /// Perhaps delivered.
    pub uncertain: u64,
    /// In the queue, the deferred ones included.
    pub waiting: u64,
    /// Being tried.
    pub in_flight: u64,
    /// Messages accepted in this run.
    pub messages: u64,
    /// Transactions of this run.
    pub transactions: u64,
    /// Sessions opened in this run.
    pub sessions: u64,
    /// Sessions open now.
    pub open_sessions: u64,
    /// Time since this run began.
    pub elapsed: Duration,
    /// Recipients delivered a second, lately.
    pub rate_per_s: f64,
    /// What binds the rate, in one clause: "the sites' windows", "rendering".
    pub binding: String,
}

impl Snapshot {
    /// Recipients whose outcome is final.
    #[must_use]
    pub fn settled(&self) -> u64 {
        [self.delivered, self.bounced, self.expired, self.suppressed, self.cancelled, self.uncertain].iter().sum()
    }

    /// Time until the rest is settled at the present rate; `None` while that cannot be told.
    #[must_use]
    pub fn eta(&self) -> Option<Duration> {
        let rest = self.loaded.saturating_sub(self.settled());
        let seconds = rest as f64 / self.rate_per_s;
        (!self.loading && self.rate_per_s > 0.0 && seconds < 1e9).then(|| Duration::from_secs(seconds.ceil() as u64))
    }
}

/// A run that ended: the object of `--json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The campaign's name.
    pub campaign: String,
    /// Where its mail went.
    pub destination: String,
    /// Where it went before that.
    pub moved_from: Vec<Left>,
    /// Recipients of the list, suppressed ones included.
    pub loaded: u64,
    /// Rows without a usable recipient.
    pub rejected: u64,
    /// The file that lists these; null where there are none.
    pub rejects_file: Option<String>,
    /// What was found of the campaign before this run sent anything, and still holds.
    pub warnings: Vec<Told>,
    /// Rows whose address had something around it that was taken away (blanks, `mailto:`, brackets).
    pub cleaned: u64,
    /// Columns of the list that are read as numbers, where templates compute with them and nobody says what they hold.
    pub read_as_numbers: Vec<String>,
    /// Rows whose recipient had come before.
    pub duplicates: u64,
    /// Accepted by the next hop.
    pub delivered: u64,
    /// Tried, to be tried again: people, who are also counted in `waiting`.
    pub deferred: u64,
    /// Refused for good.
    pub bounced: u64,
    /// Not deliverable within their lifetime.
    pub expired: u64,
    /// On the suppression list.
    pub suppressed: u64,
    /// Withdrawn.
    pub cancelled: u64,
    /// Recipients on the list who had been cancelled before this run, and get nothing.
    pub cancelled_on_list: u64,
    /// Recipients on the list who had been cancelled, and whom this run takes in again: each as a new one.
    pub readmitted: u64,
    /// Perhaps delivered.
    pub uncertain: u64,
    /// In the queue, the deferred ones included.
    pub waiting: u64,
    /// Being tried.
    pub in_flight: u64,
    /// Attempts of this run that ended in a deferral: one recipient may have several.
    pub deferrals: u64,
    /// Messages accepted in this run.
    pub messages: u64,
    /// Transactions of this run.
    pub transactions: u64,
    /// Sessions opened in this run.
    pub sessions: u64,
    /// TLS handshakes finished in this run.
    pub tls_handshakes: u64,
    /// Of these, those that resumed an earlier session.
    pub tls_resumed: u64,
    /// Time that the run took.
    pub elapsed_s: f64,
    /// Time from its start to its first delivery; null without one.
    pub first_delivery_s: Option<f64>,
    /// Recipients delivered in this run, a second.
    pub rate_per_s: f64,
    /// Processor time of the process.
    pub cpu_s: f64,
    /// The most memory it had.
    pub peak_rss_bytes: u64,
    /// Of those in flight: whose attempt the end of this run cut off.
    pub cut_off: u64,
    /// Recipients that may have got a second copy, those cut off included.
    pub possible_duplicates: u64,
    /// Why the mailing is held; null if it is not.
    pub held: Option<Note>,
    /// Sites whose mail alone is held, the first of them.
    pub held_sites: Vec<Note>,
}

impl Summary {
    /// The object, on one line.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether every recipient has its final outcome.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.waiting == 0 && self.in_flight == 0
    }
}

/// The live lines of a terminal `columns` wide.
#[must_use]
pub fn live(name: &str, now: &Snapshot, columns: usize) -> String {
    // The last column stays free: some terminals break the line once it is taken.
    let columns = columns.saturating_sub(1).clamp(1, 200);
    if now.rehearsed > 0 {
        return short(&rehearsing(now.rehearsed), columns);
    }
    let name = short(name, 20.min(columns / 3));
    let of = if now.loading { "read so far" } else { "recipients" };
    let all = count(now.loaded);
    // Figures grow, and what stands beside them stays where it is.
    let wide = all.len();
    let numbers = format!("{:>3}%  {:>wide$} of {all} {of}", percent(now), count(now.settled()));
    let room = columns.saturating_sub(name.chars().count() + numbers.chars().count() + 2);
    // A bar of a few columns shows nothing.
    let first = match room {
        0..5 => format!("{name} {}", numbers.trim_start()),
        room => format!("{name} {} {numbers}", bar(now, room.min(30))),
    };
    let outcomes = [("delivered", now.delivered), ("deferred", now.deferred), ("bounced", now.bounced)];
    let rare = rare(now);
    let words = outcomes.iter().map(|(word, _)| word.len() + 3).sum::<usize>() + rare.chars().count();
    // All may come to be delivered; of the others rather few.
    let few = (columns.saturating_sub(words + wide) / 2).min(wide);
    let padded =
        outcomes.iter().zip([wide, few, few]).map(|((word, n), wide)| format!("  {word} {:>wide$}", count(*n)));
    let outcomes = padded.collect::<String>();
    let sessions = counted(now.open_sessions, "session", "sessions");
    let pace = format!("  {:>RATE$}  {:<LEFT$}  {sessions}", rate(now.rate_per_s), eta(now));
    let bound = format!("  {}", bound_by(now));
    // Why it is not faster is worth a line of its own, where there is no room behind the rate: always, where there seldom is.
    let is_apart = columns < APART || pace.chars().count() + bound.chars().count() > columns;
    let between = if is_apart { "\n" } else { "" };
    let lines = format!("{first}\n{outcomes}{rare}\n{pace}{between}{bound}");
    lines.lines().map(|line| short(line, columns)).collect::<Vec<_>>().join("\n")
}

fn bar(now: &Snapshot, width: usize) -> String {
    let part = if now.loaded == 0 { 0.0 } else { now.settled() as f64 / now.loaded as f64 };
    let filled = ((part * width as f64) as usize).min(width);
    format!("{}{}", "█".repeat(filled), "░".repeat(width - filled))
}

/// How far the letter is rehearsed on a list of which nothing is loaded yet.
#[must_use]
pub fn rehearsing(records: u64) -> String {
    format!("Rehearsing the letter on the list: {}", counted(records, "row", "rows"))
}

/// One line where nothing is redrawn.
#[must_use]
pub fn line(name: &str, now: &Snapshot) -> String {
    if now.rehearsed > 0 {
        return rehearsing(now.rehearsed);
    }
    format!(
        "{name}: {}%, {} of {}{}: delivered {}, deferred {}, bounced {}; {}, {}; {}",
        percent(now),
        count(now.settled()),
        count(now.loaded),
        if now.loading { " so far" } else { "" },
        count(now.delivered),
        count(now.deferred),
        count(now.bounced),
        rate(now.rate_per_s),
        eta(now),
        bound_by(now),
    )
}

/// The table of outcomes at the end; `list` is the command that lists who may have got a second copy.
#[must_use]
pub fn table(summary: &Summary, list: &str) -> String {
    let outcomes = [
        ("delivered", summary.delivered),
        ("bounced", summary.bounced),
        ("expired", summary.expired),
        ("suppressed", summary.suppressed),
        ("cancelled", summary.cancelled),
        ("uncertain", summary.uncertain),
        ("waiting", summary.waiting),
        ("in flight", summary.in_flight),
    ];
    let mut text = format!("Campaign {}\n", summary.campaign);
    for (word, n) in outcomes {
        // Those three are always worth a line; the others only when they happened.
        if n > 0 || matches!(word, "delivered" | "bounced" | "waiting") {
            let part = share(n, summary.loaded);
            let again = if word == "waiting" && summary.deferred > 0 {
                format!("   {} of them deferred", count(summary.deferred))
            } else {
                String::new()
            };
            let _ = writeln!(text, "  {word:<12}{:>14}{part:>10}{again}", count(n));
        }
    }
    let _ = writeln!(text, "  {:<12}{:>14}", "recipients", count(summary.loaded));
    let _ = writeln!(text, "  rows rejected {}, duplicates {}", count(summary.rejected), count(summary.duplicates));
    if summary.cleaned > 0 {
        let cleaned = counted(summary.cleaned, "address was", "addresses were");
        let _ = writeln!(text, "  {cleaned} cleaned of blanks, names, mailto:");
    }
    if !summary.read_as_numbers.is_empty() {
        let columns = Printable(summary.read_as_numbers.join(", ").as_bytes()).to_string();
        let _ = writeln!(text, "  read as numbers: {}", short(&columns, COLUMNS_SHOWN));
    }
    if let Some(file) = &summary.rejects_file {
        let _ = writeln!(text, "  rejected rows, with the reason for each:\n    {file}");
    }
    for (n, what) in [
        (summary.cancelled_on_list, "cancelled before, and get nothing"),
        (summary.readmitted, "cancelled before, and are taken in again"),
    ] {
        if n > 0 {
            let _ = writeln!(text, "  {} on the list were {what}", count(n));
        }
    }
    pace(summary, &mut text);
    doubtful(summary, list, &mut text);
    let earlier = destination::words_of_earlier(&summary.moved_from);
    let _ = writeln!(text, "  destination: {}{earlier}", destination::words(&summary.destination));
    text
}

fn pace(summary: &Summary, text: &mut String) {
    let _ = writeln!(
        text,
        "  {} in {} over {}",
        counted(summary.messages, "message", "messages"),
        counted(summary.transactions, "transaction", "transactions"),
        counted(summary.sessions, "session", "sessions")
    );
    let measured = |s: f64| span(Duration::try_from_secs_f64(s).unwrap_or_default());
    let first = summary.first_delivery_s.map(|s| format!("; first delivery after {}", measured(s))).unwrap_or_default();
    let _ = writeln!(text, "  {}, {} delivered{first}", measured(summary.elapsed_s), rate(summary.rate_per_s));
    let (processor, memory) = (measured(summary.cpu_s), size(summary.peak_rss_bytes));
    let _ = writeln!(text, "  processor {processor}; memory at most {memory}");
}

/// Who may have got none, or two. The command that lists them stands on a line of its own, to be copied.
fn doubtful(summary: &Summary, list: &str, text: &mut String) {
    // Those who are held, or cut off, are possible duplicates too, and have lines of their own.
    let again = summary.possible_duplicates.saturating_sub(summary.uncertain + summary.cut_off);
    let lines = [
        (again, counted(again, "recipient", "recipients"), "may have got a second copy"),
        (summary.cut_off, counted(summary.cut_off, "attempt was", "attempts were"), "cut off, and may have delivered"),
        (
            summary.uncertain,
            counted(summary.uncertain, "recipient is", "recipients are"),
            "held; none goes to them now",
        ),
    ];
    for (n, who, what) in &lines {
        if *n > 0 {
            let _ = writeln!(text, "  {who} {what}");
        }
    }
    if lines.iter().any(|(n, ..)| *n > 0) {
        let _ = writeln!(text, "  they are listed by:\n    {list}");
    }
}

/// Whole per cent, rounded down: 100 means everything.
fn percent(now: &Snapshot) -> u64 {
    (u128::from(now.settled()) * 100).checked_div(u128::from(now.loaded)).unwrap_or(0) as u64
}

fn rare(now: &Snapshot) -> String {
    let words = [
        ("expired", now.expired),
        ("suppressed", now.suppressed),
        ("cancelled", now.cancelled),
        ("uncertain", now.uncertain),
        ("rejected", now.rejected),
    ];
    words.iter().filter(|(_, n)| *n > 0).map(|(word, n)| format!("  {word} {}", count(*n))).collect()
}

fn eta(now: &Snapshot) -> String {
    match now.eta() {
        Some(Duration::ZERO) => "done".to_owned(),
        Some(eta) => format!("{} left", duration_text(coarse(eta))),
        None if now.loading => "reading the list".to_owned(),
        None => "no estimate".to_owned(),
    }
}

/// An estimate is not exact to the second when it is hours long.
fn coarse(span: Duration) -> Duration {
    let grain = match span.as_secs() {
        0..600 => 1,
        600..86_400 => 60,
        _ => 3_600,
    };
    Duration::from_secs(span.as_secs() / grain * grain)
}

fn bound_by(now: &Snapshot) -> String {
    if now.binding.is_empty() {
        format!("{} in flight", count(now.in_flight))
    } else {
        format!("bound by {}", now.binding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "posthaste report welcome --possible-duplicates -";

    fn half() -> Snapshot {
        Snapshot {
            loaded: 1_000_000,
            delivered: 480_000,
            deferred: 1_234,
            bounced: 20_000,
            waiting: 499_000,
            in_flight: 1_000,
            open_sessions: 100,
            rate_per_s: 12_345.6,
            binding: "rendering (2 threads busy)".into(),
            ..Default::default()
        }
    }

    #[test]
    fn live_lines() {
        assert_eq!(
            live("welcome", &half(), 100),
            "welcome ███████████████░░░░░░░░░░░░░░░  50%    500,000 of 1,000,000 recipients\n  \
             delivered   480,000  deferred     1,234  bounced    20,000\n   \
             12,346/s  41s left     100 sessions  bound by rendering (2 threads busy)"
        );
        for columns in [2, 20, 40, 60, 80, 1000] {
            for name in ["a-name-that-is-longer-than-usual", "w"] {
                let lines = live(name, &half(), columns);
                assert!((3..=4).contains(&lines.lines().count()), "{lines}");
                assert!(lines.lines().all(|line| line.chars().count() < columns), "{columns}:\n{lines}");
            }
        }
        assert!(live("w", &half(), 60).contains('█'), "60 columns have a bar");
        // What stands beside a figure stays where it is while the figure grows.
        let rejected = live(
            "w",
            &Snapshot { loaded: 8_001, delivered: 7_420, deferred: 262, bounced: 319, rejected: 1, ..half() },
            60,
        );
        assert!(rejected.contains("  rejected 1\n"), "{rejected}");
        for columns in [60, 80, 120] {
            let shape = |delivered: u64, rate_per_s: f64| {
                let now =
                    Snapshot { delivered, rate_per_s, bounced: delivered / 99, deferred: delivered / 50, ..half() };
                let lines = live("welcome", &now, columns);
                let places = [" of ", "deferred", "bounced", "100 sessions", "bound by"].map(|word| {
                    let line = lines.lines().position(|line| line.contains(word)).unwrap();
                    let at = lines.lines().nth(line).and_then(|line| line.find(word)).unwrap();
                    (line, lines.lines().nth(line).unwrap()[..at].chars().count())
                });
                (places, lines.matches(['\u{2588}', '\u{2591}']).count())
            };
            assert_eq!(shape(7, 31.4), shape(900_000, 23_456.0), "{columns}");
        }
        assert!(live("w", &half(), 60).ends_with("\n  bound by rendering (2 threads busy)"));
    }

    #[test]
    fn a_list_that_is_rehearsed_before_it_is_loaded_is_told_as_such() {
        let now = Snapshot { loading: true, rehearsed: 12_345, ..Default::default() };
        let told = "Rehearsing the letter on the list: 12,345 rows";
        assert_eq!((line("w", &now).as_str(), live("w", &now, 80).as_str()), (told, told));
        assert!(live("w", &now, 20).chars().count() < 20);
    }

    #[test]
    fn a_plain_line() {
        let now = Snapshot { loading: true, uncertain: 5, ..half() };
        assert_eq!(
            line("welcome", &now),
            "welcome: 50%, 500,005 of 1,000,000 so far: delivered 480,000, deferred 1,234, bounced 20,000; 12,346/s, \
             reading the list; bound by rendering (2 threads busy)"
        );
        assert!(live("w", &now, 100).contains("uncertain 5"));
    }

    #[test]
    fn estimates_are_honest() {
        let stuck = Snapshot { rate_per_s: 0.0, ..half() };
        assert_eq!(stuck.eta(), None);
        let slow = Snapshot { rate_per_s: 1.0, ..half() };
        assert_eq!(eta(&slow), "5d18h left");
        assert_eq!(percent(&Snapshot { loaded: 1000, delivered: 999, ..Default::default() }), 99);
        assert_eq!(percent(&Snapshot::default()), 0);
        let done = Snapshot { loaded: 5, delivered: 5, rate_per_s: 3.0, ..Default::default() };
        assert_eq!(eta(&done), "done");
    }

    #[test]
    fn the_table_of_outcomes() {
        let summary = Summary {
            campaign: "welcome".into(),
            destination: "mx".into(),
            loaded: 10_000,
            rejected: 3,
            delivered: 9_890,
            deferred: 8,
            bounced: 100,
            waiting: 10,
            messages: 9_890,
            transactions: 10_000,
            sessions: 512,
            elapsed_s: 1.234,
            first_delivery_s: Some(0.056),
            rate_per_s: 8_014.6,
            cpu_s: 0.91,
            peak_rss_bytes: 52_000_000,
            possible_duplicates: 2,
            ..Default::default()
        };
        assert_eq!(
            table(&summary, LIST),
            "Campaign welcome\n  delivered            9,890   98.90 %\n  bounced                100    1.00 %\n  \
             waiting                 10    0.10 %   8 of them deferred\n  recipients          10,000\n  \
             rows rejected 3, duplicates 0\n  9,890 messages in 10,000 transactions over 512 sessions\n  \
             1.23s, 8,015/s delivered; first delivery after 0.06s\n  processor 0.91s; memory at most 52 MB\n  \
             2 recipients may have got a second copy\n  they are listed by:\n    \
             posthaste report welcome --possible-duplicates -\n  destination: mx\n"
        );
        assert!(!summary.is_settled());
        let rejects_file = Some("data/campaign/welcome/rejects.csv".to_owned());
        let read_as_numbers = vec!["points".to_owned(), "age".to_owned()];
        let rows = table(&Summary { cleaned: 1234, rejects_file, read_as_numbers, ..summary.clone() }, LIST);
        for words in [
            "  read as numbers: points, age\n",
            "  1,234 addresses were cleaned ",
            "for each:\n    data/campaign/welcome/rejects.csv\n",
        ] {
            assert!(rows.contains(words), "{rows}");
        }
        let held = table(&Summary { uncertain: 7, possible_duplicates: 9, ..summary }, LIST);
        assert!(
            held.contains(
                "  2 recipients may have got a second copy\n  7 recipients are held; none goes to them now\n"
            ),
            "{held}"
        );
        assert!(held.lines().all(|line| line.chars().count() < 60), "{held}");
    }

    #[test]
    fn one_is_not_several() {
        let one = Summary {
            messages: 1,
            transactions: 1,
            sessions: 1,
            possible_duplicates: 2,
            uncertain: 1,
            ..Default::default()
        };
        let said = table(&one, LIST);
        for words in
            ["  1 message in 1 transaction over 1 session\n", "  1 recipient may have", "  1 recipient is held"]
        {
            assert!(said.contains(words), "{said}");
        }
        let now = Snapshot { open_sessions: 1, ..half() };
        assert!(live("w", &now, 100).contains("  1 session  "));
    }

    #[test]
    fn the_object_has_the_promised_keys() {
        let value: serde_json::Value = serde_json::from_str(&Summary::default().json()).unwrap();
        let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected: Vec<&str> =
            "campaign destination moved_from loaded rejected rejects_file warnings cleaned read_as_numbers duplicates delivered deferred bounced expired suppressed \
             cancelled cancelled_on_list readmitted uncertain waiting in_flight deferrals messages transactions sessions \
             tls_handshakes tls_resumed elapsed_s first_delivery_s rate_per_s cpu_s peak_rss_bytes possible_duplicates held cut_off \
             held_sites"
                .split_whitespace()
                .collect();
        keys.sort_unstable();
        expected.sort_unstable();
        assert_eq!(keys, expected);
    }
}
