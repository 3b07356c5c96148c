//! Findings: made of what the rooms below say, and told on standard error at the start of a send.
//!
//! Guarantees: what a campaign is refused for says the same as a failure and as findings. Leaves to others: the page and the
//! object that `check` prints (`print`).

use super::super::config::{CampaignConfig, ConfigError};
use super::super::exit::Failure;
use super::super::figures::{folded, short};
use super::super::send::places::place_of;
use super::super::send::signing;
use crate::base::many::Many;
use crate::content::{ContentError, Place, Remark, lint};
use crate::mail::finding::{Finding, Severity};
use crate::mail::reply::Printable;
use crate::observe::terminal;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Warnings that a send tells before it begins, and, in a line each, before it goes on.
const TOLD: usize = 5;
const TOLD_AGAIN: usize = 10;
/// How long such a line is where no terminal says it, and what of a sentence stands on it at least.
const LINE_COLUMNS: usize = 160;
const SAID_COLUMNS: usize = 20;

/// Why a campaign cannot be sent, as it is told by a command that stops at it, and each of its reasons.
#[derive(Debug)]
pub struct Refused {
    /// The failure.
    pub failure: Failure,
    /// Its reasons.
    pub findings: Vec<Finding>,
    /// The files that were read, or looked for, until then, beside those that the campaign names.
    pub files: Vec<PathBuf>,
}

impl Refused {
    /// For one reason.
    #[must_use]
    pub fn of(check: &'static str, failure: Failure) -> Self {
        Self { findings: of_failure(check, &failure), failure, files: Vec::new() }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::of("content", failure)
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        refused.failure
    }
}

/// An error of a configuration file.
pub(super) fn of_config(check: &'static str, error: ConfigError) -> Finding {
    let place = match error.place {
        Some((line, column)) => format!("{}:{line}:{column}", error.file.display()),
        None => error.file.display().to_string(),
    };
    Finding::new(Severity::Error, check, place, error.message).hint(error.hint.unwrap_or_default())
}

/// A failure, whose message may tell of several things: each line that begins with its place begins another one.
#[must_use]
pub fn of_failure(check: &'static str, failure: &Failure) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    for line in failure.message.lines() {
        let (place, says) = split_place(line);
        match (line.strip_prefix("hint: "), found.last_mut()) {
            (Some(hint), Some(last)) if last.hint.is_empty() => last.hint = hint.to_owned(),
            (Some(hint), Some(last)) => last.hint = format!("{}; {hint}", last.hint),
            (None, Some(last)) if place.is_empty() => last.says = format!("{}; {line}", last.says),
            _ => found.push(Finding::new(Severity::Error, check, place, says)),
        }
    }
    found
}

/// `file:line:column` or `file:line` in front of a text.
fn split_place(text: &str) -> (&str, &str) {
    let Some((place, rest)) = text.split_once(": ") else { return ("", text) };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match place.rsplit_once(':') {
        Some((_, number)) if is_number(number) => (place, rest),
        _ => ("", text),
    }
}

/// An error of the content.
#[must_use]
pub fn of_content(campaign: &CampaignConfig, error: &ContentError) -> Finding {
    let says = match &error.place {
        Place::Key(key) => format!("`{key}`: {}", error.problem),
        Place::File(_) => error.problem.clone(),
    };
    let place = place(campaign, Some(&error.place), error.position);
    let finding = Finding::new(Severity::Error, word_of(&error.place), place, says);
    finding.excerpt(error.excerpt.clone()).hint(error.hint.clone())
}

/// Something that a look at the letter has found.
#[must_use]
pub fn of_remark(campaign: &CampaignConfig, remark: Remark) -> Finding {
    let place = place(campaign, remark.place.as_ref(), remark.position);
    Finding::new(remark.severity, remark.check, place, remark.says).hint(remark.hint).draws(remark.draws)
}

fn place(campaign: &CampaignConfig, place: Option<&Place>, position: Option<(usize, usize)>) -> String {
    match (place, position) {
        (None, _) => campaign.file.display().to_string(),
        (Some(Place::File(file)), None) => file.clone(),
        (Some(Place::File(file)), Some((line, column))) => format!("{file}:{line}:{column}"),
        (Some(Place::Key(key)), position) => match place_of(campaign, key).filter(|(line, _)| *line > 0) {
            // The value's own quote stands before its first character.
            Some((line, column)) => {
                let column = column + position.filter(|(line, _)| *line == 1).map_or(0, |(_, column)| column);
                format!("{}:{line}:{column}", campaign.file.display())
            }
            None => campaign.file.display().to_string(),
        },
    }
}

/// The word of an error that keeps a letter from being composed.
fn word_of(place: &Place) -> &'static str {
    let Place::Key(key) = place else { return "template" };
    match key.split(['.', ',']).next().unwrap_or_default() {
        "from" => "from",
        "to" => "to",
        "reply_to" => "reply-to",
        "return_path" => "return-path",
        "subject" => "subject",
        "list_id" => "list-id",
        "feedback_id" => "feedback-id",
        "headers" => "header",
        "attachments" => "attachment",
        "unsubscribe" => "unsubscribe",
        _ => "content",
    }
}

/// A finding as people read it: `severity: place: says`, and below it how to mend it.
#[must_use]
pub(super) fn lines(finding: &Finding) -> String {
    let mut text = format!("{}: ", finding.severity.word());
    if !finding.place.is_empty() {
        text += &format!("{}: ", finding.place);
    }
    text += &format!("{} [{}]\n", finding.says, finding.check);
    if !finding.excerpt.is_empty() {
        text += &format!("{}\n", finding.excerpt);
    }
    if !finding.hint.is_empty() {
        text += &format!("  hint: {}\n", finding.hint);
    }
    if !finding.draws.is_empty() {
        text += &format!("  receivers answer: {}\n", finding.draws);
    }
    text.lines().map(|line| Printable(line.as_bytes()).to_string().replace("\\\\", "\\") + "\n").collect()
}

/// Checks of the From address after which a key for its domain would help nobody.
const FROM_ELSEWHERE: [&str; 3] = ["from", "sender-domain", "free-mail-sender"];

/// Of what was found of a letter what is worth telling: who signs it is nobody's question where it does not leave this machine,
/// where nobody has said yet how it does, or where it needs another From first.
#[must_use]
pub fn of_letter(findings: &[Finding], leaves: bool) -> Vec<Finding> {
    let stays = |finding: &Finding| FROM_ELSEWHERE.contains(&finding.check);
    let is_asked = leaves && !findings.iter().any(stays);
    findings.iter().filter(|finding| is_asked || finding.check != signing::UNSIGNED).cloned().collect()
}

/// Of what was found of a letter what is worth telling a send: the sample that `posthaste new` writes is there to be sent to the
/// built-in receiver.
#[must_use]
pub fn of_sent(findings: &[Finding], leaves: bool) -> Vec<Finding> {
    let is_sample = |finding: &Finding| finding.check == "placeholder" && finding.says.contains(lint::SAMPLE);
    let mut told = of_letter(findings, leaves);
    told.retain(|finding| leaves || !is_sample(finding));
    told
}

/// What large receivers refuse, for nobody can leave: a warning for who sends all the same, an error for who asks.
const REFUSED: [&str; 2] = ["no-way-out", "way-out-of-one"];

/// What was found of a letter, for who asks whether it can be sent.
pub fn judge(findings: &mut [Finding]) {
    let refused = findings.iter_mut().filter(|finding| REFUSED.contains(&finding.check));
    refused.for_each(|finding| finding.severity = Severity::Error);
}

/// Has the hints of these write tags as the campaign does.
pub fn in_its_tags(campaign: &CampaignConfig, findings: &mut [Finding]) {
    for finding in findings {
        finding.hint = campaign.syntax.hinted(&finding.hint).into_owned();
    }
}

/// Checks of who gets mail without having asked for it.
const UNASKED: [&str; 4] = ["status-unused", "empty-suppression", "hidden-rows", "cc-gets-nothing"];

/// The warnings: what receivers refuse first, then who would get what was not meant for them, then what some receivers answer to.
fn by_harm(findings: &[Finding]) -> Vec<&Finding> {
    let mut warnings: Vec<&Finding> = findings.iter().filter(|finding| finding.severity == Severity::Warning).collect();
    warnings.sort_by_key(|finding| match finding.check {
        check if REFUSED.contains(&check) => 0,
        check if UNASKED.contains(&check) => 1,
        _ if !finding.draws.is_empty() => 2,
        _ => 3,
    });
    warnings
}

/// Tells the first warnings, and how to see all of them; also whoever wants quiet.
pub fn tell(findings: &[Finding], campaign: &Path) {
    let warnings = by_harm(findings);
    let mut text: String = warnings.iter().take(TOLD).map(|finding| lines(finding)).collect();
    let more = warnings.len().saturating_sub(TOLD);
    if more > 0 {
        let more = Many(more as u64, "more warning", "more warnings");
        text += &format!("{more}: see posthaste check {}\n", campaign.display());
    }
    terminal::warn(&folded(&text, terminal::columns()));
}

/// Tells the warnings that still hold of a campaign that goes on: what they are, without how to mend it.
pub fn tell_again(findings: &[Finding], campaign: &Path) {
    let warnings = by_harm(findings);
    let columns = terminal::columns().unwrap_or(LINE_COLUMNS);
    let mut text: String = warnings.iter().take(TOLD_AGAIN).map(|finding| line(finding, columns)).collect();
    let more = warnings.len().saturating_sub(TOLD_AGAIN);
    if more > 0 {
        let more = Many(more as u64, "more warning still holds", "more warnings still hold");
        text += &format!("{more}: see posthaste check {}\n", campaign.display());
    }
    terminal::warn(&text);
}

/// A warning on one line of so many columns.
fn line(finding: &Finding, columns: usize) -> String {
    let bare = Finding { excerpt: String::new(), hint: String::new(), draws: "", ..finding.clone() };
    let whole = lines(&bare);
    let whole = whole.trim_end();
    let wide = whole.chars().count();
    let end = format!(" [{}]", finding.check);
    match wide > columns {
        true => {
            let room = columns.saturating_sub(end.chars().count()).max(SAID_COLUMNS);
            format!("{}{end}\n", short(whole.strip_suffix(&end).unwrap_or(whole), room))
        }
        false => format!("{whole}\n"),
    }
}

/// A warning in the summary of a send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Told {
    /// What was looked at.
    pub check: &'static str,
    /// Where; empty if it is about the whole campaign.
    pub place: String,
    /// What is there.
    pub says: String,
}

/// The warnings among these, for a summary.
#[must_use]
pub fn told(findings: &[Finding]) -> Vec<Told> {
    let warnings = findings.iter().filter(|finding| finding.severity == Severity::Warning);
    let told = |Finding { check, place, says, .. }: &Finding| Told { check, place: place.clone(), says: says.clone() };
    warnings.map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_gives_its_place_and_its_hints_back() {
        let told = |message: &str| {
            let told = |found: Finding| [found.place, found.says, found.hint];
            of_failure("list", &Failure::usage(message)).into_iter().map(told).collect::<Vec<_>>()
        };
        assert_eq!(
            told("w.csv:1: no column \"x\"\nhint: there are: a, b\nhint: or c"),
            [["w.csv:1", "no column \"x\"", "there are: a, b; or c"]]
        );
        let empty = "the list w.csv is empty: it has no recipient";
        assert_eq!(told(empty), [["", empty, ""]]);
        assert_eq!(
            told("a.txt:2:3: one\nhint: h\nb.txt:4:5: two\nand more"),
            [["a.txt:2:3", "one", "h"], ["b.txt:4:5", "two; and more", ""]]
        );
    }

    #[test]
    fn what_does_most_harm_is_told_first() {
        let warning = |check, draws| Finding::new(Severity::Warning, check, "", "").draws(draws);
        let found = [
            warning("http-link", ""),
            warning("short-link", "554 5.7.1"),
            Finding::new(Severity::Note, "jinja", "", ""),
            warning("status-unused", ""),
            warning("image-alt", ""),
            warning("no-way-out", "421 4.7.0"),
        ];
        let told: Vec<_> = by_harm(&found).into_iter().map(|finding| finding.check).collect();
        assert_eq!(told, ["no-way-out", "status-unused", "short-link", "http-link", "image-alt"]);
    }

    #[test]
    fn a_warning_that_still_holds_is_one_line_that_names_its_check() {
        let finding =
            Finding::new(Severity::Warning, "http-link", "w.txt:1:18", "`http://x.example/` is not encrypted");
        let finding = finding.hint("write https").draws("554 5.7.1");
        assert_eq!(line(&finding, 80), "warning: w.txt:1:18: `http://x.example/` is not encrypted [http-link]\n");
        assert_eq!(line(&finding, 50), "warning: w.txt:1:18: `http://x.exampl… [http-link]\n");
        assert_eq!(line(&finding, 50).chars().count(), 51);
    }

    #[test]
    fn what_is_told_cannot_steer_a_terminal() {
        let finding = Finding::new(Severity::Warning, "x", "a\x1b[2J", "b\rc").draws("550 5.7.1").hint("d");
        assert_eq!(lines(&finding), "warning: a\\x1b[2J: b\\x0dc [x]\n  hint: d\n  receivers answer: 550 5.7.1\n");
    }
}
