//! Columns of yes and no, and of amounts with zeros among them, that nobody has declared, where a template asks what they say
//! or prints them: as text each of them is true, and `0` is not `0,00 €`.
//!
//! Guarantees: told before anything is sent, with the place in the template and the first cell that is taken for the wrong
//! one; only the front of a list is looked at, and only where a template asks. A column in which other texts are more than a
//! few is left alone, and so is a place that is reached only once the cell was compared with what it may be.

mod answers;
mod asked;
mod printed;

use super::super::check::Refused;
use super::super::config::CampaignConfig;
use super::content::Columns;
use super::gathered::Gathered;
use super::types::is_json;
use crate::content::{Asks, Composer, bare};
use crate::engine::loader::{List, Sampled, first_of};
use crate::mail::finding::{Finding, Severity};
use answers::Answers;
use asked::Asked;
pub use printed::findings as printed;

/// The word for a column that may be meant so.
const AS_TEXT: &str = "yes-no-as-text";
/// Rows that are looked at.
const ROWS: usize = 10_000;

/// What templates take for true though it says no, what they compare with `true` though it is text, and with one word for what
/// the list says in several.
///
/// # Errors
/// Each place that is wrong whatever is meant.
pub fn findings(
    campaign: &CampaignConfig,
    list: &List,
    composer: &Composer,
    columns: &Columns,
) -> Result<Vec<Finding>, Refused> {
    let is_asked = |wanted: &&crate::content::TruthUse| match &wanted.asks {
        Asks::Prints => false,
        Asks::IsWord(word, _) => asked::says_something(&word.text),
        Asks::Holds | Asks::IsTruth => true,
    };
    let wanted = composer.truths_wanted().iter().filter(is_asked);
    let asked: Vec<Asked> = wanted.filter_map(|wanted| Asked::of(wanted, composer, columns, campaign.syntax)).collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let mut sources: Vec<String> = asked.iter().map(|asked| asked.column.to_owned()).collect();
    sources.sort();
    sources.dedup();
    // A list that cannot be read is told by whoever reads it next.
    let rows = first_of(list, &campaign.recipients.email.value, &sources, ROWS).unwrap_or_default();
    let is_json = is_json(campaign);
    let answers: Vec<Answers> = (0..sources.len()).map(|place| answers(&rows, place, is_json)).collect();
    let of =
        |asked: &Asked| sources.iter().position(|source| source == asked.column).and_then(|place| answers.get(place));
    let path = list.path.display().to_string();
    let mut gathered = Gathered::default();
    for one in &asked {
        // What is asked of several columns at one place is mended for all of them.
        let beside: Vec<&Answers> = asked.iter().filter(|other| other.is_beside(one)).filter_map(of).collect();
        let Some((error, severity)) = of(one).and_then(|answers| one.wrong(answers, &beside, &path, is_json)) else {
            continue;
        };
        match severity {
            Severity::Warning => gathered.warn(campaign, &error, AS_TEXT),
            _ => gathered.refuse(campaign, &error),
        }
    }
    gathered.end()
}

fn answers(rows: &[Sampled], place: usize, is_json: bool) -> Answers {
    let mut answers = Answers::default();
    for row in rows {
        let Some(cell) = row.fields.get(place) else { continue };
        // A number of a workbook is text here, as one of CSV is.
        answers.take(row.line, if is_json { cell } else { bare(cell) });
    }
    answers
}

/// A text in quotes, as templates and TOML have it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() || (c.is_whitespace() && c != ' ') => out += &format!("\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out + "\""
}

/// A column as a key of TOML.
pub fn key(column: &str) -> String {
    let is_bare = !column.is_empty() && column.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if is_bare { column.to_owned() } else { quoted(column) }
}
