//! Columns that a template computes with, or writes by `money`, while their cells are in several currencies or units: of a workbook,
//! which shows them beside the numbers, and of text that is an amount.
//!
//! Guarantees: told before anything is sent, with both cells; an error where each row comes there, or is compared with others.
//! Leaves to others: text that is computed with (`types`).

use super::super::check::Refused;
use super::super::config::CampaignConfig;
use super::content::Columns;
use super::gathered::Gathered;
use super::{decimals, sums};
use crate::content::{AmountUse, Amounts, Composer, ContentError};
use crate::engine::loader::{Formatted, List, first_of};
use crate::mail::finding::Finding;

/// The word for it.
const UNLIKE: &str = "unlike-amounts";
/// Rows that are looked at.
const ROWS: usize = 10_000;

/// A cell, and its line or row.
type Cell = (u64, String);

/// See the head of this file; `formatted`: what a workbook shows otherwise than it is read.
///
/// # Errors
/// Each place where that is wrong whatever is meant.
pub fn findings(
    campaign: &CampaignConfig,
    (list, formatted): (&List, &[(String, Formatted)]),
    composer: &Composer,
    columns: &Columns,
) -> Result<Vec<Finding>, Refused> {
    let source = |wanted: &AmountUse| columns.sources.get(wanted.column).cloned().unwrap_or_default();
    // What is computed with is looked through whole, and rows of which some are written otherwise tell of themselves.
    let is_text = |wanted: &&AmountUse| wanted.is_written && wanted.is_certain;
    let mut sources: Vec<String> = composer.amounts_wanted().iter().filter(is_text).map(source).collect();
    sources.sort();
    sources.dedup();
    let written = if sources.is_empty() { Vec::new() } else { unlike_in(campaign, list, &sources) };
    let mut gathered = Gathered::default();
    for wanted in composer.amounts_wanted() {
        let column = source(wanted);
        let by_format = formatted.iter().find(|(heading, _)| *heading == column).and_then(|(_, one)| {
            let (row, other) = one.unlike.clone()?;
            Some([(u64::from(one.at.0), one.shown.clone()), (u64::from(row), other)])
        });
        let by_text =
            || written.iter().find(|(known, _)| *known == column && is_text(&wanted)).map(|(_, cells)| cells.clone());
        let Some(cells) = by_format.or_else(by_text) else { continue };
        let error = told(wanted, &column, &cells, &list.path.display().to_string());
        match wanted.is_written && !wanted.is_certain {
            true => gathered.warn(campaign, &error, UNLIKE),
            false => gathered.refuse(campaign, &error),
        }
    }
    decimals::gather(campaign, list, composer, columns, &mut gathered);
    sums::gather(campaign, list, composer, columns, &mut gathered);
    gathered.end()
}

/// The columns of these whose first cells are in several currencies or units.
fn unlike_in(campaign: &CampaignConfig, list: &List, sources: &[String]) -> Vec<(String, [Cell; 2])> {
    // A list that cannot be read is told by whoever reads it next.
    let rows = first_of(list, &campaign.recipients.email.value, sources, ROWS).unwrap_or_default();
    let of = |(place, column): (usize, &String)| {
        let mut amounts = Amounts::new(None);
        for row in &rows {
            let cell = row.fields.get(place).map_or(&[][..], Vec::as_slice);
            if !cell.trim_ascii().is_empty() {
                amounts.take_field(row.line, cell);
            }
        }
        let cells = amounts.unlike()?.map(|(line, text)| (line, text.to_owned()));
        Some((column.clone(), cells))
    };
    sources.iter().enumerate().filter_map(of).collect()
}

fn told(
    wanted: &AmountUse,
    column: &str,
    [(line, first), (other_line, second)]: &[Cell; 2],
    path: &str,
) -> ContentError {
    let problem = format!(
        "`{column}` holds amounts of different kinds, which are no numbers of one: {path}, line {line}, has {first:?}, and line \
         {other_line} has {second:?}"
    );
    let hint =
        "put those of one currency or unit into a column of their own, or write all of them in the same one".to_owned();
    let (place, position) = (wanted.place.clone(), Some(wanted.position));
    ContentError { place, position, problem, excerpt: String::new(), hint }
}
