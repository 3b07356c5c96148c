//! Columns of `TRUE` and `FALSE` that a letter prints as they stand: words of a program, and none for readers.
//!
//! Leaves to others: whether a place is one that people read (`content`).

use super::super::super::check::of_content;
use super::super::super::config::CampaignConfig;
use super::super::content::Columns;
use super::answers::{Answers, front};
use super::{key, quoted};
use crate::content::{Asks, Composer, ContentError, JSON_MARK, TruthUse, identifier};
use crate::engine::loader::Sampled;
use crate::mail::finding::{Finding, Severity};

/// The word for it.
const PRINTED: &str = "boolean-printed";
/// What programs call yes and no, in the languages that sheets are written in.
const OF_PROGRAMS: [&str; 30] = [
    "true",
    "false",
    "wahr",
    "falsch",
    "vrai",
    "faux",
    "verdadero",
    "falso",
    "vero",
    "verdadeiro",
    "waar",
    "onwaar",
    "sant",
    "sann",
    "sand",
    "usann",
    "falskt",
    "falsk",
    "tosi",
    "epätosi",
    "prawda",
    "fałsz",
    "pravda",
    "nepravda",
    "igaz",
    "hamis",
    "doğru",
    "yanlış",
    "истина",
    "ложь",
];

/// What one column holds.
#[derive(Default)]
struct Printed {
    /// The first cell that is one of those words, and its line.
    first: Option<(u64, String)>,
    words: u64,
    others: u64,
    is_text: bool,
}

impl Printed {
    fn of<'r>(rows: impl Iterator<Item = (u64, &'r [u8])>) -> Self {
        let mut printed = Self::default();
        for (line, cell) in rows {
            let is_text = cell.first() != Some(&JSON_MARK);
            let text = String::from_utf8_lossy(cell.strip_prefix(&[JSON_MARK]).unwrap_or(cell));
            if text.trim().is_empty() || (!is_text && text == "null") {
                continue;
            }
            if !OF_PROGRAMS.contains(&text.trim().to_lowercase().as_str()) {
                printed.others += 1;
                continue;
            }
            printed.words += 1;
            printed.is_text |= is_text;
            let shown = if is_text { front(&text) } else { text.into_owned() };
            printed.first.get_or_insert((line, shown));
        }
        printed
    }

    /// The first, where nearly all cells are such words.
    fn told(&self) -> Option<&(u64, String)> {
        self.first.as_ref().filter(|_| self.others * 10 <= self.words)
    }
}

/// A warning for each such column, at the first place that prints it; `rows` are of `columns`.
#[must_use]
pub fn findings(
    campaign: &CampaignConfig,
    (composer, columns): (&Composer, &Columns),
    (rows, stored): (&[Sampled], &[String]),
    file: &str,
) -> Vec<Finding> {
    let (mut findings, mut known) = (Vec::new(), Vec::new());
    for wanted in composer.truths_wanted().iter().filter(|wanted| wanted.asks == Asks::Prints) {
        let Some((source, name)) = columns.sources.get(wanted.spot.column).zip(columns.names.get(wanted.spot.column))
        else {
            continue;
        };
        let Some(place) = stored.iter().position(|column| column == source) else { continue };
        if known.contains(&wanted.spot.column) {
            continue;
        }
        known.push(wanted.spot.column);
        let cells = || rows.iter().filter_map(|row| Some((row.line, row.fields.get(place)?.as_slice())));
        let printed = Printed::of(cells());
        let Some((line, text)) = printed.told() else { continue };
        let problem = format!(
            "`{source}` is printed as it stands in the list, and {text:?} is no word for readers: {file}, line {line}"
        );
        let hint = mend(campaign, wanted, (&printed, cells()), (source, name));
        let (position, excerpt) = (Some(wanted.position), String::new());
        let error = ContentError { place: wanted.place.clone(), position, problem, excerpt, hint };
        findings.push(Finding { severity: Severity::Warning, check: PRINTED, ..of_content(campaign, &error) });
    }
    findings
}

/// How it is printed in words.
fn mend<'r>(
    campaign: &CampaignConfig,
    wanted: &TruthUse,
    (printed, cells): (&Printed, impl Iterator<Item = (u64, &'r [u8])>),
    (source, name): (&str, &str),
) -> String {
    let name = wanted.called.clone().unwrap_or_else(|| identifier(name).into_owned());
    let slot = |condition: &str| campaign.syntax.slot(&format!("\"yes\" if {condition} else \"no\""));
    let is_declared = campaign.recipients.types.iter().any(|(column, _)| column == source || *column == name);
    if is_declared || !printed.is_text {
        return format!("write {}, in words of the letter", slot(&name));
    }
    if printed.others == 0 {
        let key = key(source);
        return format!(
            "say under [recipients.types]: {key} = \"boolean\", and write {}, in words of the letter",
            slot(&name)
        );
    }
    let mut answers = Answers::default();
    cells.for_each(|(line, cell)| answers.take(line, cell));
    let yes: Vec<String> = answers.yes.all().map(quoted).collect();
    format!("write {}, in words of the letter", slot(&format!("{name} in [{}]", yes.join(", "))))
}
