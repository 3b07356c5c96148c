//! Columns of yes and no, and of amounts with zeros among them, that nobody has declared, where a template asks whether they
//! are true: as text each of them is.
//!
//! Guarantees: told before anything is sent, with the place in the template and the first cell that is taken for the wrong
//! one; only the front of a list is looked at, and only where a template asks. A column with other texts, or whose cells a
//! template compares with text, is left alone.

use super::super::check::{Refused, of_content};
use super::super::config::CampaignConfig;
use super::super::exit::Failure;
use super::content::Columns;
use super::types::is_json;
use crate::content::{Composer, ContentError, JSON_MARK, TruthUse, identifier, is_plainly_number, truth_of};
use crate::engine::loader::{List, Sampled, first_of};
use crate::mail::finding::{Finding, Severity};

/// The word for a column that may be meant so.
const AS_TEXT: &str = "yes-no-as-text";
/// Rows that are looked at.
const ROWS: usize = 10_000;
/// Characters of a cell that are shown.
const CHARACTERS: usize = 40;
/// Words that stand beside amounts of money.
const CURRENCIES: [&str; 18] = [
    "EUR", "USD", "GBP", "CHF", "PLN", "CZK", "HUF", "SEK", "NOK", "DKK", "RON", "kr", "kr.", "zł", "Kč", "Ft", "lei",
    "Fr.",
];

/// The line of a cell, and its front.
type Cell = Option<(u64, String)>;

/// What the cells of one column say.
#[derive(Default)]
struct Answers {
    first: Cell,
    first_no: Cell,
    has_yes: bool,
    /// Text that is neither yes nor no, lists and objects.
    has_other: bool,
    has_empty: bool,
    first_zero: Cell,
    /// Text that is no amount and no date, and an amount that is not plainly a number.
    has_words: bool,
    has_signs: bool,
}

impl Answers {
    fn take(&mut self, line: u64, cell: &[u8]) {
        match cell.strip_prefix(&[JSON_MARK]) {
            Some(b"null") => return self.has_empty = true,
            // These are what they are.
            Some(json) => return self.has_other |= json.starts_with(b"[") || json.starts_with(b"{"),
            None if cell.trim_ascii().is_empty() => return self.has_empty = true,
            None => {}
        }
        let text = String::from_utf8_lossy(cell);
        let shown = || Some((line, text.trim().chars().take(CHARACTERS).collect()));
        if self.first.is_none() {
            self.first = shown();
        }
        match truth_of(&text) {
            Some(true) => self.has_yes = true,
            Some(false) if self.first_no.is_none() => self.first_no = shown(),
            Some(false) => {}
            None => self.has_other = true,
        }
        match amount(text.trim()) {
            Some(is_zero) if is_zero && self.first_zero.is_none() => self.first_zero = shown(),
            Some(_) => {}
            None => self.has_words = true,
        }
        self.has_signs |= !is_plainly_number(text.trim().as_bytes());
    }

    /// The first cell that says no in a column that says yes or no. One of nothing but `NO` is that of a country.
    fn no(&self) -> Option<&(u64, String)> {
        self.first_no.as_ref().filter(|(_, text)| !self.has_other && (self.has_yes || text != "NO"))
    }

    /// The first zero in a column of amounts, or of dates.
    fn zero(&self) -> Option<&(u64, String)> {
        self.first_zero.as_ref().filter(|_| !self.has_words)
    }
}

/// Whether an amount or a date is nothing: `0`, `0,00 €`, `0000-00-00`. `None` where it is no amount and no date.
fn amount(text: &str) -> Option<bool> {
    let word = CURRENCIES.iter().find(|word| text.starts_with(**word) || text.ends_with(**word));
    let text = word.map_or(text, |word| text.trim_start_matches(word).trim_end_matches(word)).trim();
    let is_sign = |c: char| " \u{a0}\u{202f}.,:'’+-−–/()%€$£¥₹₽₺TZ".contains(c);
    if text.len() > CHARACTERS || !text.chars().all(|c| c.is_ascii_digit() || is_sign(c)) {
        return None;
    }
    let first = text.find(|c: char| c.is_ascii_digit())?;
    let whole = text.get(first..)?.bytes().take_while(u8::is_ascii_digit).count();
    let is_nothing = text.bytes().all(|b| !b.is_ascii_digit() || b == b'0');
    // `007` is a number of something, and so may be `000`.
    Some(is_nothing && (whole == 1 || text.starts_with("0000-00-00") || text.starts_with("00.00.0000")))
}

/// What templates take for true though it says no, and what they compare with `true` though it is text.
///
/// # Errors
/// Each place that is wrong whatever is meant.
pub fn findings(
    campaign: &CampaignConfig,
    list: &List,
    composer: &Composer,
    columns: &Columns,
) -> Result<Vec<Finding>, Refused> {
    let asked: Vec<Asked> =
        composer.truths_wanted().iter().filter_map(|wanted| Asked::of(wanted, composer, columns)).collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let sources: Vec<String> = asked.iter().map(|asked| asked.column.to_owned()).collect();
    // A list that cannot be read is told by whoever reads it next.
    let rows = first_of(list, &campaign.recipients.email.value, &sources, ROWS).unwrap_or_default();
    let (path, is_json) = (list.path.display().to_string(), is_json(campaign));
    let (mut faults, mut errors, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    for (place, asked) in asked.iter().enumerate() {
        let Some((error, severity)) = asked.wrong(&answers(&rows, place), &path, is_json) else { continue };
        let finding = of_content(campaign, &error);
        if severity == Severity::Warning {
            let finding = Finding { severity, check: AS_TEXT, ..finding };
            // Two parts may be made from one file.
            if !warnings.contains(&finding) {
                warnings.push(finding);
            }
            continue;
        }
        let fault = super::places::placed(campaign, &error);
        if !faults.contains(&fault) {
            faults.push(fault);
            errors.push(finding);
        }
    }
    if faults.is_empty() {
        return Ok(warnings);
    }
    errors.append(&mut warnings);
    Err(Refused { failure: Failure::usage(faults.join("\n")), findings: errors, files: Vec::new() })
}

fn answers(rows: &[Sampled], place: usize) -> Answers {
    let mut answers = Answers::default();
    for row in rows {
        row.fields.get(place).into_iter().for_each(|cell| answers.take(row.line, cell));
    }
    answers
}

/// A place that asks, and what it is about.
struct Asked<'a> {
    wanted: &'a TruthUse,
    /// The column's heading.
    column: &'a str,
    /// What the template calls it there.
    name: String,
    /// Whether it is computed with elsewhere, and read as a number there.
    is_number: bool,
}

impl<'a> Asked<'a> {
    fn of(wanted: &'a TruthUse, composer: &Composer, columns: &'a Columns) -> Option<Self> {
        let (column, name) = (columns.sources.get(wanted.column)?, columns.names.get(wanted.column)?);
        let name = wanted.called.clone().unwrap_or_else(|| identifier(name).into_owned());
        let is_number = composer.numbers_wanted().iter().any(|other| other.column == wanted.column);
        Some(Self { wanted, column, name, is_number })
    }

    /// What is wrong with the place, if anything is.
    fn wrong(&self, answers: &Answers, path: &str, is_json: bool) -> Option<(ContentError, Severity)> {
        let declared = format!("say so under [recipients.types]: {} = \"boolean\"", key(self.column));
        if self.wanted.compared {
            // Of a list of JSON other rows may hold what they are compared with.
            let (line, text) = answers.first.as_ref().filter(|_| !is_json || !answers.has_other)?;
            let hint = match answers.has_other {
                false => format!("if each cell says yes or no, {declared}"),
                true => "compare it with text in quotes; {% if … %} alone asks whether there is something".to_owned(),
            };
            let called = self.called();
            let problem =
                format!("{called} is text, which is neither true nor false: {path}, line {line}, has {text:?}");
            return Some((self.placed(problem, hint), Severity::Error));
        }
        let Some(no) = answers.no().filter(|_| !self.is_number) else {
            let zero = answers.zero()?;
            return Some((self.placed(self.holds(zero, path), self.instead_of(zero, answers)), Severity::Error));
        };
        let hint = format!("if each cell says yes or no, {declared}; if any text is to count: `is defined` behind it");
        // "No" may be an answer that is printed where there is one.
        let is_doubtful = self.wanted.printed && answers.has_empty;
        let severity = if is_doubtful { Severity::Warning } else { Severity::Error };
        Some((self.placed(self.holds(no, path), hint), severity))
    }

    fn holds(&self, (line, text): &(u64, String), path: &str) -> String {
        format!("{} is text, and any text counts as true here: {path}, line {line}, has {text:?}", self.called())
    }

    /// How it is asked whether there is more than a zero.
    fn instead_of(&self, (_, zero): &(u64, String), answers: &Answers) -> String {
        let (name, column) = (&self.name, key(self.column));
        let written = match answers.has_signs {
            true => format!("write {{% if {name} and {name} != {zero:?} %}}"),
            false => format!(
                "say under [recipients.types]: {column} = \"number\", by which 0 is false; or write {{% if {name}|float > 0 %}}"
            ),
        };
        format!("{written}; if any text is to count: `is defined` behind it")
    }

    fn placed(&self, problem: String, hint: String) -> ContentError {
        let (place, position) = (self.wanted.place.clone(), Some(self.wanted.position));
        ContentError { place, position, problem, excerpt: String::new(), hint }
    }

    /// The column, and what the template calls it.
    fn called(&self) -> String {
        match &self.wanted.called {
            Some(name) if name != self.column => format!("`{name}` is `{}`, which", self.column),
            _ => format!("`{}`", self.column),
        }
    }
}

/// A column as a key of TOML.
fn key(column: &str) -> String {
    let is_bare = !column.is_empty() && column.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if is_bare { column.to_owned() } else { format!("{column:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no(cells: &[&str]) -> Option<String> {
        let mut answers = Answers::default();
        for (line, cell) in (2..).zip(cells) {
            answers.take(line, cell.as_bytes());
        }
        answers.no().map(|(line, text)| format!("{line} {text}"))
    }

    #[test]
    fn amounts_and_dates_that_are_nothing_are_told_from_others() {
        for nothing in
            ["0", "0.00", "-0", "0,00 €", "€0.00", "EUR 0,00", "0 %", "0000-00-00", "0000-00-00 00:00:00", "0:00"]
        {
            assert_eq!(amount(nothing), Some(true), "{nothing}");
        }
        for some in ["1", "0.05", "1.000,00 €", "2026-01-01T00:00:00Z", "007", "000", "+49 351 1", "10"] {
            assert_eq!(amount(some), Some(false), "{some}");
        }
        for word in ["", "n/a", "zero", "0 items", "-", "EUR"] {
            assert_eq!(amount(word), None, "{word}");
        }
    }

    #[test]
    fn a_column_says_no_where_each_of_its_words_is_one_of_yes_or_no() {
        for (cells, told) in [
            (&["TRUE", "FALSE"][..], "3 FALSE"),
            (&["", "wahr", " Falsch "], "4 Falsch"),
            (&["0", "0"], "2 0"),
            (&["\0true", "\0null", "false"], "4 false"),
            (&["no"], "2 no"),
            (&["SI", "NO"], "3 NO"),
        ] {
            assert_eq!(no(cells).as_deref(), Some(told), "{cells:?}");
        }
        for cells in [
            &["yes", "yes"][..],
            &["yes", "no", "perhaps"],
            &["0", "1", "2"],
            &["NO", "NO"],
            &["\0false"],
            &["no", "\0[]"],
            &[],
        ] {
            assert_eq!(no(cells), None, "{cells:?}");
        }
    }
}
