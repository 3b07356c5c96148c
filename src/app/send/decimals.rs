//! Columns of text whose cells show that a mark is for decimals (`12.5`), and that have it where the locale takes it for one of
//! thousands (`1.125` under de_DE): such a cell would be read as a thousand times what it is.
//!
//! Guarantees: told before anything is sent, with both cells; a cell of which nothing shows what it is, is by the locale; at most
//! [`ROWS`] rows are looked at. Leaves to others: numbers of workbooks and of JSON, which no locale reads otherwise.

use super::super::config::CampaignConfig;
use super::content::Columns;
use super::gathered::Gathered;
use super::truths::key;
use super::types::is_json;
use crate::content::{Amounts, Composer, ContentError, Misread, Place, bare, identifier};
use crate::engine::loader::{List, each_of};
use std::collections::BTreeMap;

/// The word for it.
const MISREAD: &str = "decimal-mark";
/// Rows that are looked at.
const ROWS: u64 = 1_000_000;
/// Locales of rows that are told apart.
const LOCALES_MAX: usize = 32;

/// A place where a column is read as numbers by a locale.
struct Use {
    column: usize,
    place: Place,
    position: Option<(usize, usize)>,
    /// The locale that it names for itself.
    locale: Option<String>,
    /// Whether a filter reads it, which has a locale where nobody names one.
    is_written: bool,
    /// Whether it may be meant so: other rows may take another way.
    is_doubtful: bool,
    is_declared: bool,
}

/// What the cells of the columns are: by the place of the column, and the locale of the row.
struct Seen {
    sources: Vec<String>,
    amounts: BTreeMap<(usize, Option<String>), Amounts>,
    has_empty: Vec<bool>,
}

/// Tells each such place; see the head of this file.
pub fn gather(campaign: &CampaignConfig, list: &List, composer: &Composer, columns: &Columns, gathered: &mut Gathered) {
    if is_json(campaign) {
        return;
    }
    let uses = uses(campaign, composer);
    let source = |one: &Use| columns.sources.get(one.column).cloned().unwrap_or_default();
    let mut sources: Vec<String> = uses.iter().map(source).collect();
    sources.sort();
    sources.dedup();
    let Some(seen) = Seen::of(campaign, list, columns, sources) else { return };
    let path = list.path.display().to_string();
    for one in &uses {
        let column = source(one);
        let Some((locale, misread, code)) = seen.misread(one, &column, columns) else { continue };
        let error = told(one, &column, (locale.as_deref(), &misread), (code, &path));
        match one.is_doubtful {
            true => gathered.warn(campaign, &error, MISREAD),
            false => gathered.refuse(campaign, &error),
        }
    }
}

/// The places where text is read by a locale.
fn uses(campaign: &CampaignConfig, composer: &Composer) -> Vec<Use> {
    let declared = || composer.declared().iter().filter(|declared| declared.is_number());
    let mut uses: Vec<Use> = Vec::new();
    for wanted in composer.amounts_wanted() {
        uses.push(Use {
            column: wanted.column,
            place: wanted.place.clone(),
            position: Some(wanted.position),
            locale: wanted.locale.clone(),
            is_written: wanted.is_written,
            is_doubtful: wanted.is_written && !wanted.is_certain,
            is_declared: declared().any(|declared| declared.index() == wanted.column),
        });
    }
    for declared in
        declared().filter(|declared| uses.iter().all(|one| one.column != declared.index())).collect::<Vec<_>>()
    {
        uses.push(Use {
            column: declared.index(),
            place: Place::Key(format!("recipients.types.{}", declared.column)),
            position: None,
            locale: None,
            is_written: false,
            is_doubtful: false,
            is_declared: true,
        });
    }
    // Without a locale what is computed with has a decimal point.
    uses.retain(|one| one.is_written || campaign.locale.is_some());
    uses
}

impl Seen {
    fn of(campaign: &CampaignConfig, list: &List, columns: &Columns, sources: Vec<String>) -> Option<Self> {
        if sources.is_empty() {
            return None;
        }
        let said = campaign.locale.as_ref().map(|locale| locale.value.trim());
        let of_row = said.and_then(|locale| locale.strip_prefix("{{")?.strip_suffix("}}")).map(str::trim);
        let of_row = of_row.and_then(|name| {
            let is_it = |known: &String| known == name || identifier(known) == name;
            columns.sources.get(columns.names.iter().position(is_it)?)
        });
        let mut seen = Self { has_empty: vec![false; sources.len()], sources, amounts: BTreeMap::new() };
        let asked: Vec<String> = seen.sources.iter().chain(of_row).cloned().collect();
        // A list that cannot be read is told by whoever reads it next.
        let read = each_of(list, &asked, ROWS, |line, fields| {
            let locale = match of_row {
                Some(_) => fields.last().map(|cell| String::from_utf8_lossy(bare(cell)).trim().to_owned()),
                None => said.map(str::to_owned),
            };
            seen.take(line, fields, locale.filter(|name| !name.is_empty()));
        });
        read.ok().map(|()| seen)
    }

    fn take(&mut self, line: u64, fields: &[&[u8]], locale: Option<String>) {
        for (place, (cell, has_empty)) in fields.iter().zip(&mut self.has_empty).enumerate() {
            let cell = cell.trim_ascii();
            if cell.is_empty() {
                *has_empty = true;
                continue;
            }
            let is_known = self.amounts.contains_key(&(place, locale.clone()));
            if is_known || self.amounts.len() < LOCALES_MAX * self.sources.len() {
                let amounts = self.amounts.entry((place, locale.clone()));
                amounts.or_insert_with(|| Amounts::new(locale.as_deref())).take_field(line, cell);
            }
        }
    }

    /// The cells that are read otherwise at this place, by which locale, and what reads each cell as it is.
    fn misread(&self, one: &Use, column: &str, columns: &Columns) -> Option<(Option<String>, Misread, Option<String>)> {
        let place = self.sources.iter().position(|known| known == column)?;
        let name = columns.names.get(one.column).map(|name| identifier(name).into_owned()).unwrap_or_default();
        let of_column = self.amounts.iter().filter(|((known, _), _)| *known == place);
        of_column.into_iter().find_map(|((_, of_row), amounts)| {
            let locale = one.locale.clone().or_else(|| of_row.clone());
            let misread = amounts.misread(locale.as_deref()).filter(|_| locale.is_some() || one.is_written)?;
            let code = amounts.code(&name, false).map(|code| match self.has_empty.get(place) {
                Some(true) => format!("{code} in its place (where the cell may be empty with `if {name}` behind it)"),
                _ => format!("{code} in its place"),
            });
            Some((locale, misread, code))
        })
    }
}

fn told(
    one: &Use,
    column: &str,
    (locale, Misread { mark, misread: (line, text), read, shows: (other_line, other) }): (Option<&str>, &Misread),
    (code, path): (Option<String>, &str),
) -> ContentError {
    let word = if *mark == '.' { "point" } else { "comma" };
    let by = match locale {
        Some(locale) => format!("locale = {locale:?}"),
        None => "the usual locale (en_US)".to_owned(),
    };
    let problem = format!(
        "`{column}` has {other:?} ({path}, line {other_line}), so that its {word} is for decimals, and {by} would read {text:?} \
         (line {line}) as {read}"
    );
    let left_out = match one.is_declared {
        true => format!("leave {} out of [recipients.types], and ", key(column)),
        false => String::new(),
    };
    let in_list = "write all of it in the list with the marks of that locale";
    let hint = match code {
        Some(code) => format!("{left_out}write {code}, which takes the {word} for decimals; or {in_list}"),
        None => in_list.to_owned(),
    };
    ContentError { place: one.place.clone(), position: one.position, problem, excerpt: String::new(), hint }
}
