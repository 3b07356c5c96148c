//! Columns of yes and no that nobody has declared, where a template asks whether they are true: as text each of them is.
//!
//! Guarantees: told before anything is sent, with the place in the template and the first cell that is taken for the wrong
//! one; only the front of a list is looked at, and only where a template asks. A column with other texts, or whose cells a
//! template compares with text, is left alone.

use super::super::check::{Refused, of_content};
use super::super::config::CampaignConfig;
use super::super::exit::Failure;
use super::content::Columns;
use super::types::is_json;
use crate::content::{Composer, ContentError, JSON_MARK, TruthUse, truth_of};
use crate::engine::loader::{List, Sampled, first_of};
use crate::mail::finding::{Finding, Severity};

/// The word for a column that may be meant so.
const AS_TEXT: &str = "yes-no-as-text";
/// Rows that are looked at.
const ROWS: usize = 10_000;
/// Characters of a cell that are shown.
const CHARACTERS: usize = 40;

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
    }

    /// The first cell that says no in a column that says yes or no. One of nothing but `NO` is that of a country.
    fn no(&self) -> Option<&(u64, String)> {
        self.first_no.as_ref().filter(|(_, text)| !self.has_other && (self.has_yes || text != "NO"))
    }
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
    let is_number = |column| composer.numbers_wanted().iter().any(|wanted| wanted.column == column);
    let asked: Vec<_> = composer
        .truths_wanted()
        .iter()
        .filter(|wanted| wanted.compared || !is_number(wanted.column))
        .filter_map(|wanted| Some((wanted, columns.sources.get(wanted.column)?.clone())))
        .collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let sources: Vec<String> = asked.iter().map(|(_, source)| source.clone()).collect();
    // A list that cannot be read is told by whoever reads it next.
    let rows = first_of(list, &campaign.recipients.email.value, &sources, ROWS).unwrap_or_default();
    let (path, is_json) = (list.path.display().to_string(), is_json(campaign));
    let (mut faults, mut errors, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    for (place, (wanted, source)) in asked.iter().enumerate() {
        let Some((error, severity)) = wrong(wanted, source, &answers(&rows, place), &path, is_json) else { continue };
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

/// What is wrong with a place, if anything is.
fn wrong(
    wanted: &TruthUse,
    column: &str,
    answers: &Answers,
    path: &str,
    is_json: bool,
) -> Option<(ContentError, Severity)> {
    let declared = format!("say so under [recipients.types]: {} = \"boolean\"", key(column));
    let (problem, hint, severity) = if wanted.compared {
        // Of a list of JSON other rows may hold what they are compared with.
        let (line, text) = answers.first.as_ref().filter(|_| !is_json || !answers.has_other)?;
        let hint = match answers.has_other {
            false => format!("if each cell says yes or no, {declared}"),
            true => "compare it with text in quotes; {% if … %} alone asks whether there is something".to_owned(),
        };
        let problem = format!("`{column}` is text, which is neither true nor false: {path}, line {line}, has {text:?}");
        (problem, hint, Severity::Error)
    } else {
        let (line, text) = answers.no()?;
        let hint = format!("if each cell says yes or no, {declared}; if any text is to count: `is defined` behind it");
        let problem =
            format!("`{column}` is text, and any text counts as true here: {path}, line {line}, has {text:?}");
        // "No" may be an answer that is printed where there is one.
        let is_doubtful = wanted.printed && answers.has_empty;
        (problem, hint, if is_doubtful { Severity::Warning } else { Severity::Error })
    };
    let (place, position) = (wanted.place.clone(), Some(wanted.position));
    Some((ContentError { place, position, problem, excerpt: String::new(), hint }, severity))
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
