//! What the columns of a list hold: as the campaign says it, or, where a template computes with a column of which nothing was
//! said, as the whole list shows.
//!
//! Guarantees: no cell prints otherwise for it; a list is looked through only where a template needs that, and what was made
//! out is told, with the line of the first cell that does not fit.

use super::super::check::{Refused, of_content};
use super::super::config::CampaignConfig;
use super::super::config::campaign::{EmptyCells, ListFormat};
use super::super::exit::Failure;
use super::content::Columns;
use super::truths::key;
use crate::base::many::figure;
use crate::content::{ColumnType, Composer, ContentError, NumberUse, identifier};
use crate::engine::loader::{Figures, Format, List, figures};
use crate::engine::table::manifest::hex;
use crate::mail::finding::{Finding, Severity};
use aws_lc_rs::digest::{SHA256, digest};
use std::path::Path;

/// The word for what was made out about a column.
pub const READ_AS: &str = "column-type";

/// What the campaign says of columns, under each of their names.
pub fn of(campaign: &CampaignConfig, columns: &Columns) -> Vec<(String, ColumnType)> {
    let mut types = Vec::new();
    for (column, kind) in &campaign.recipients.types {
        types.push((column.clone(), kind.value));
        let mapped =
            campaign.recipients.columns.iter().find(|(name, _)| name == column).map(|(_, source)| &source.value);
        let source = mapped.unwrap_or(column);
        for (name, _) in
            columns.names.iter().zip(&columns.sources).filter(|(name, known)| known == &source && name != &column)
        {
            types.push((name.clone(), kind.value));
        }
    }
    types
}

/// The fingerprint of content whose values come from other columns, or are read otherwise, than their names say: what
/// [recipients] says of the columns that it uses decides what a recipient sees, too.
#[must_use]
pub fn read_as(fingerprint: String, campaign: &CampaignConfig, composer: &Composer, columns: &Columns) -> String {
    let types = of(campaign, columns);
    let mut read: Vec<_> = composer
        .columns_used()
        .iter()
        .filter_map(|&index| {
            let (name, source) = (columns.names.get(index)?, columns.sources.get(index)?);
            let kind = types.iter().find(|(column, _)| column == name).map(|(_, kind)| kind);
            (name != source || kind.is_some()).then_some((name, source, kind))
        })
        .collect();
    read.sort_by_key(|(name, ..)| *name);
    let empty = Some(campaign.recipients.empty_cells).filter(|empty| *empty != EmptyCells::default());
    if read.is_empty() && empty.is_none() {
        return fingerprint;
    }
    hex(digest(&SHA256, format!("{fingerprint}{read:?}{empty:?}").as_bytes()).as_ref())
}

/// Whether the rows of the list say themselves what their values are.
pub fn is_json(campaign: &CampaignConfig) -> bool {
    use super::super::config::campaign::ListSource;
    match (campaign.recipients.format, &campaign.recipients.from) {
        (Some(format), _) => format == ListFormat::Jsonl,
        (None, ListSource::File(path)) => Format::of(path) == Format::Jsonl,
        (None, ListSource::Stdin) => Format::of(Path::new("-")) == Format::Jsonl,
    }
}

/// The columns of the list that are read as numbers though nobody says so, each once.
pub fn read_as_numbers(composer: &Composer, columns: &Columns) -> Vec<String> {
    let source = |wanted: &NumberUse| columns.sources.get(wanted.column).cloned().unwrap_or_default();
    let mut sources: Vec<String> = composer.numbers_wanted().iter().map(source).collect();
    sources.sort();
    sources.dedup();
    sources
}

/// Looks whether the columns that templates compute with are numbers, where nobody has said so.
///
/// # Errors
/// The list cannot be read, or some cells are none: each place of the templates is told with the first of them.
pub fn numbers(
    campaign: &CampaignConfig,
    list: &List,
    composer: &Composer,
    columns: &Columns,
) -> Result<Vec<Finding>, Refused> {
    let uses = composer.numbers_wanted();
    let source = |wanted: &NumberUse| columns.sources.get(wanted.column).cloned().unwrap_or_default();
    let sources = read_as_numbers(composer, columns);
    if sources.is_empty() {
        return Ok(Vec::new());
    }
    let locale = campaign.locale.as_ref().map(|locale| locale.value.as_str());
    let all = figures(list, &sources, locale).map_err(|e| Refused::of("list", Failure::usage(e.to_string())))?;
    let path = list.path.display().to_string();
    let (mut faults, mut findings) = (Vec::new(), Vec::new());
    for wanted in uses {
        let column = source(wanted);
        let Some(figures) = sources.iter().position(|known| *known == column).and_then(|i| all.get(i)) else {
            continue;
        };
        let name = columns.names.get(wanted.column).map(|name| identifier(name).into_owned()).unwrap_or_default();
        if let Some((problem, hint)) = misfit(figures, (&column, &name), wanted, (&path, locale)) {
            let (place, position, excerpt) = (wanted.place.clone(), Some(wanted.position), String::new());
            let error = ContentError { place, position, problem, excerpt, hint };
            let fault = super::places::placed(campaign, &error);
            // Two parts may be made from one file.
            if !faults.contains(&fault) {
                faults.push(fault);
                findings.push(of_content(campaign, &error));
            }
        }
    }
    if !faults.is_empty() {
        return Err(Refused { failure: Failure::usage(faults.join("\n")), findings, files: Vec::new() });
    }
    let note = |(column, figures): (&String, &Figures)| {
        let says =
            format!("`{column}` is read as a number: so are all {} cells that are not empty", figure(figures.filled));
        let hint = format!("[recipients.types] {} = \"number\" (or \"text\") says it for certain", key(column));
        Finding::new(Severity::Note, READ_AS, path.clone(), says).hint(hint)
    };
    Ok(sources.iter().zip(&all).map(note).collect())
}

/// Why a column cannot be computed with, and what to do. `name`: what templates call it.
fn misfit(
    figures: &Figures,
    (column, name): (&str, &str),
    wanted: &NumberUse,
    (path, locale): (&str, Option<&str>),
) -> Option<(String, String)> {
    if let Some((line, text)) = &figures.other {
        if let Some([(line, first), (other_line, second)]) = figures.amounts.unlike() {
            let problem = format!(
                "`{column}` holds amounts of different kinds, which cannot be computed with as one: {path}, line {line}, has \
                 {first:?}, and line {other_line} has {second:?}"
            );
            let hint =
                "put those of one currency or unit into a column of their own, or write all of them in the same one";
            return Some((problem, hint.to_owned()));
        }
        let problem = format!("a number is needed here, and `{column}` is text: {path}, line {line}, has {text:?}");
        return Some((problem, as_numbers(figures, (column, name), wanted, locale)));
    }
    let line = figures.first_empty.filter(|_| !wanted.copes_with_empty)?;
    Some((
        format!(
            "a number is needed here, and `{column}` is empty in {} of {} rows, first in line {line} of {path}",
            figure(figures.empty),
            figure(figures.empty + figures.filled)
        ),
        format!("say what an empty cell counts as: {name}|default(0)"),
    ))
}

/// How each cell of a column is read as a number.
fn as_numbers(figures: &Figures, (column, name): (&str, &str), wanted: &NumberUse, locale: Option<&str>) -> String {
    let declared = format!("if each cell is a number, say so under [recipients.types]: {} = \"number\"", key(column));
    let with_empty = match figures.empty > 0 && !wanted.copes_with_empty {
        true => format!("; and what an empty cell counts as: {name}|default(0, true)"),
        false => String::new(),
    };
    let amounts = &figures.amounts;
    if amounts.are_declared() {
        return declared + &with_empty;
    }
    if let Some(other) = amounts.locale().filter(|_| locale.is_none()) {
        return format!("{declared}, and how it is written, above all tables: locale = {other:?}{with_empty}");
    }
    match amounts.code(name, figures.empty > 0) {
        Some(code) if code.ends_with("(0)") => {
            format!("write {code} in its place, by which a word counts as 0; or mend the list")
        }
        Some(code) => format!("write {code} in its place, which reads each cell as a number; or mend the list"),
        None => "write each cell of it as a number in the list, without what stands beside it".to_owned(),
    }
}
