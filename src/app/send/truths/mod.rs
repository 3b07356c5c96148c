//! Columns of yes and no, and of amounts with zeros among them, that nobody has declared, where a template asks what they say
//! or prints them: as text each of them is true, and `0` is not `0,00 €`.
//!
//! Guarantees: told before anything is sent, with the place in the template and the first cell that is taken for the wrong
//! one; only the front of a list is looked at, and only where a template asks. A column in which other texts are more than a
//! few is left alone, and so is a place that is reached only once the cell was compared with what it may be.

mod answers;
mod asked;
mod printed;
mod spelling;

use super::super::check::Refused;
use super::super::config::CampaignConfig;
use super::content::Columns;
use super::gathered::Gathered;
use super::types::is_json;
use crate::content::{Asks, Composer, JSON_MARK, Spot, Step, bare};
use crate::engine::loader::{List, Sampled, first_of};
use crate::mail::finding::Finding;
use answers::Answers;
use asked::Asked;
pub use printed::findings as printed;
use serde_json::Value;

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
        Asks::IsWord(..) | Asks::Holds | Asks::IsTruth => true,
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
    let place = |asked: &Asked| sources.iter().position(|source| source == asked.column);
    let mut answers: Vec<(&Spot, Answers)> = Vec::new();
    for one in &asked {
        let spot = &one.wanted.spot;
        if answers.iter().all(|(known, _)| *known != spot) {
            let at = |place| answers_at(Answers::of(one.column), &rows, (place, &spot.path), is_json);
            answers.extend(place(one).map(|place| (spot, at(place))));
        }
    }
    let of = |asked: &Asked| answers.iter().find(|(known, _)| **known == asked.wanted.spot).map(|(_, answers)| answers);
    let path = list.path.display().to_string();
    let mut gathered = Gathered::default();
    for one in &asked {
        // What is asked of several columns at one place is mended for all of them.
        let beside: Vec<&Answers> = asked.iter().filter(|other| other.is_beside(one)).filter_map(of).collect();
        let wrong = of(one).and_then(|answers| one.wrong(answers, &beside, &path, is_json));
        match wrong.or_else(|| one.spelt_otherwise(&rows, place(one)?, &path)) {
            Some((error, Some(check))) => gathered.warn(campaign, &error, check),
            Some((error, None)) => gathered.refuse(campaign, &error),
            None => {}
        }
    }
    gathered.end()
}

fn answers_at(mut answers: Answers, rows: &[Sampled], (place, path): (usize, &[Step]), is_json: bool) -> Answers {
    for row in rows {
        let Some(cell) = row.fields.get(place) else { continue };
        match (path, cell.strip_prefix(&[JSON_MARK])) {
            // A number of a workbook is text here, as one of CSV is.
            ([], _) => answers.take(row.line, if is_json { cell } else { bare(cell) }),
            (path, Some(json)) => {
                let value = serde_json::from_slice(json).unwrap_or(Value::Null);
                each_at(&value, path, &mut |value| answers.take(row.line, &cell_of(value)));
            }
            // A text has no parts.
            (_, None) => {}
        }
    }
    answers
}

/// Comes by what stands at the end of a path.
fn each_at(value: &Value, path: &[Step], seen: &mut impl FnMut(&Value)) {
    let Some((step, path)) = path.split_first() else { return seen(value) };
    match step {
        Step::Key(key) => value.get(key).into_iter().for_each(|value| each_at(value, path, seen)),
        Step::Place(place) => value.get(place).into_iter().for_each(|value| each_at(value, path, seen)),
        Step::Each => value.as_array().into_iter().flatten().for_each(|value| each_at(value, path, seen)),
    }
}

/// A value as a cell has it.
fn cell_of(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.clone().into_bytes(),
        other => [&[JSON_MARK], other.to_string().as_bytes()].concat(),
    }
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
