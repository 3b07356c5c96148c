//! Columns of a workbook that the letter prints as the list has them, while their sheet shows them otherwise.
//!
//! Guarantees: of each column one warning, with its first such cell; what a filter for dates, numbers or money writes is left
//! alone. Leaves to others: what a sheet shows (`engine::loader`).

use super::super::check::file_of;
use super::super::config::CampaignConfig;
use super::content::Columns;
use crate::content::{Composer, identifier, writes_date};
use crate::engine::loader::{Formatted, Look, Shows};
use crate::mail::finding::{Finding, Severity};

/// See the head of this file.
#[must_use]
pub fn findings(campaign: &CampaignConfig, looked: &Look, composer: &Composer, columns: &Columns) -> Vec<Finding> {
    let file = file_of(campaign);
    let printed = |heading: &str| {
        let index =
            composer.columns_printed().iter().find(|index| columns.sources.get(**index).is_some_and(|s| s == heading));
        index.and_then(|index| columns.names.get(*index)).map(|name| identifier(name).into_owned())
    };
    let told = |(heading, one): &(String, Formatted)| {
        let name = printed(heading)?;
        let place = format!("{file}:{}", one.at.0);
        Some(Finding::new(Severity::Warning, "cell-format", place, says(heading, one)).hint(hint(&name, one)))
    };
    looked.formatted.iter().filter_map(told).collect()
}

fn says(heading: &str, one: &Formatted) -> String {
    let Formatted { arrives, shown, kind, .. } = one;
    let shows = match kind {
        Shows::Code => format!("the sheet shows it in a format of its own ({shown})"),
        _ if shown.is_empty() => "the sheet shows nothing".to_owned(),
        Shows::Date(Some(_)) => format!("the sheet shows it as {shown}"),
        _ => format!("the sheet shows {shown}"),
    };
    let others = match &one.unlike {
        Some((row, other)) => format!(", and in row {row} {other}"),
        None => String::new(),
    };
    format!("of the column {heading:?} the letter prints {arrives}, where {shows}{others}")
}

fn hint(name: &str, one: &Formatted) -> String {
    const BY_HAND: &str = "write in the letter what the sheet adds to it, or enter it in cells of the format Text";
    if one.unlike.is_some() {
        return "enter them in cells of the format Text, with what the sheet adds to each".to_owned();
    }
    match &one.kind {
        Shows::Date(pattern) if !writes_date(&one.arrives, pattern.as_deref()) => BY_HAND.to_owned(),
        Shows::Money(Some(code)) => format!("{{{{ {name}|money({code:?}) }}}} writes it as locale says"),
        Shows::Money(None) => {
            format!("{{{{ {name}|money(\"EUR\") }}}} writes it as locale says, with the currency that is meant")
        }
        Shows::Grouped(0) => format!("{{{{ {name}|number }}}} writes it as locale says"),
        Shows::Grouped(decimals) => format!("{{{{ {name}|number({decimals}) }}}} writes it as locale says"),
        Shows::Date(Some(pattern)) => {
            format!("{{{{ {name}|date({pattern:?}) }}}} writes it so, with names as locale says")
        }
        Shows::Date(None) => {
            let by_pattern = if writes_date(&one.arrives, Some("%d.%m.%Y")) { "%d.%m.%Y" } else { "%H:%M" };
            format!("{{{{ {name}|date }}}} writes it as locale says, {{{{ {name}|date({by_pattern:?}) }}}} so")
        }
        Shows::Other | Shows::Code => BY_HAND.to_owned(),
    }
}
