//! Sums of columns that are text: `points + bonus` joins 9 and 10 to 910.
//!
//! Guarantees: told before anything is sent, where all cells of each column are numbers; only the front of a list is looked at.
//! Leaves to others: names and other words, which are joined so.

use super::super::config::CampaignConfig;
use super::content::Columns;
use super::gathered::Gathered;
use super::truths::key;
use crate::content::{Amounts, Composer, ContentError, SumUse, bare, is_plainly_number};
use crate::engine::loader::{List, Sampled, first_of};

/// Rows that are looked at.
const ROWS: usize = 10_000;
/// Characters of a cell that are shown.
const CHARACTERS: usize = 40;

/// The cells of a column.
struct Cells {
    column: String,
    filled: u64,
    has_empty: bool,
    /// Whether some are no number to everybody, or no whole one.
    has_others: bool,
    has_points: bool,
    /// Whether some are digits of a name: `007`, `+49`.
    has_names: bool,
    amounts: Amounts,
}

/// Tells each such place; see the head of this file.
pub fn gather(campaign: &CampaignConfig, list: &List, composer: &Composer, columns: &Columns, gathered: &mut Gathered) {
    let source = |index: &usize| columns.sources.get(*index).cloned();
    let all = composer.sums_wanted().iter().flat_map(|sum| &sum.terms).flat_map(|(_, indices)| indices);
    let mut sources: Vec<String> = all.filter_map(source).collect();
    sources.sort();
    sources.dedup();
    if sources.is_empty() {
        return;
    }
    // A list that cannot be read is told by whoever reads it next.
    let rows = first_of(list, &campaign.recipients.email.value, &sources, ROWS).unwrap_or_default();
    let locale = campaign.locale.as_ref().map(|locale| locale.value.as_str());
    let seen: Vec<Cells> =
        sources.iter().enumerate().map(|(place, column)| Cells::of(column, &rows, place, locale)).collect();
    for sum in composer.sums_wanted() {
        let of = |index: &usize| seen.iter().position(|cells| Some(&cells.column) == columns.sources.get(*index));
        let places: Vec<Vec<usize>> = sum.terms.iter().map(|(_, all)| all.iter().filter_map(of).collect()).collect();
        let are_numbers = places.iter().flatten().all(|place| seen.get(*place).is_some_and(Cells::are_numbers));
        if are_numbers {
            let error = told(sum, (&seen, &places), &rows, &list.path.display().to_string());
            gathered.refuse(campaign, &error);
        }
    }
}

impl Cells {
    fn of(column: &str, rows: &[Sampled], place: usize, locale: Option<&str>) -> Self {
        let (column, amounts) = (column.to_owned(), Amounts::new(locale));
        let (has_empty, has_others, has_points, has_names) = (false, false, false, false);
        let mut cells = Self { column, filled: 0, has_empty, has_others, has_points, has_names, amounts };
        for row in rows {
            cells.take(row.line, row.fields.get(place).map_or(&[][..], Vec::as_slice).trim_ascii());
        }
        cells
    }

    fn take(&mut self, line: u64, field: &[u8]) {
        let cell = bare(field);
        if cell.is_empty() {
            self.has_empty = true;
            return;
        }
        self.filled += 1;
        self.has_others |= !is_plainly_number(cell);
        self.has_points |= cell.contains(&b'.');
        self.has_names |= matches!(cell, [b'+', ..] | [b'0', b'0'..=b'9', ..]);
        self.amounts.take_field(line, field);
    }

    /// Whether all of them are numbers, or amounts of one kind.
    fn are_numbers(&self) -> bool {
        let are_read = || self.amounts.are_declared() || self.amounts.locale().is_some() || self.code("c").is_some();
        self.filled > 0 && !self.has_names && (!self.has_others || are_read())
    }

    /// How a term is written that each cell is read by as a number; a word is none.
    fn code(&self, name: &str) -> Option<String> {
        match (self.has_others, self.has_points) {
            (false, false) => Some(format!("{name}|int")),
            (false, true) => Some(format!("{name}|float")),
            (true, _) => self.amounts.code(name, self.has_empty).filter(|code| !code.ends_with("(0)")),
        }
    }
}

/// `terms`: for each, which of the columns it stands for.
fn told(sum: &SumUse, (seen, terms): (&[Cells], &[Vec<usize>]), rows: &[Sampled], path: &str) -> ContentError {
    let firsts: Vec<usize> = terms.iter().filter_map(|places| places.first().copied()).collect();
    let cell = |row: &Sampled, place: &usize| {
        let text = row.fields.get(*place).map(|field| String::from_utf8_lossy(bare(field)).trim().to_owned());
        text.filter(|text| !text.is_empty()).map(|text| text.chars().take(CHARACTERS).collect::<String>())
    };
    let filled = |row: &Sampled| firsts.iter().map(|place| cell(row, place)).collect::<Option<Vec<String>>>();
    let names: Vec<&str> = sum.terms.iter().map(|(name, _)| name.as_str()).collect();
    let shown = rows.iter().find_map(|row| Some((row.line, filled(row)?)));
    let example =
        shown.map(|(line, cells)| format!(": {} is {:?} in {path}, line {line}", cells.join(" + "), cells.concat()));
    let problem =
        format!("`{}` joins text, and these columns hold numbers{}", names.join(" + "), example.unwrap_or_default());
    let hint = hint(&names, seen, terms);
    let (place, position) = (sum.place.clone(), Some(sum.position));
    ContentError { place, position, problem, excerpt: String::new(), hint }
}

fn hint(names: &[&str], seen: &[Cells], terms: &[Vec<usize>]) -> String {
    let of = |places: &Vec<usize>| places.iter().filter_map(|place| seen.get(*place)).collect::<Vec<&Cells>>();
    let mut all: Vec<&Cells> = terms.iter().flat_map(of).collect();
    all.dedup_by(|a, b| a.column == b.column);
    let mut ways = Vec::new();
    if all.iter().all(|cells| !cells.has_empty && (!cells.has_others || cells.amounts.are_declared())) {
        let said: Vec<String> = all.iter().map(|cells| format!("{} = \"number\"", key(&cells.column))).collect();
        ways.push(format!("say that they are numbers under [recipients.types]: {}", said.join(", and ")));
    }
    // What one term stands for by turns is written in one way only if all of it can be.
    let code = |(name, places): (&&str, &Vec<usize>)| {
        let mut codes: Vec<String> = of(places).iter().map(|cells| cells.code(name)).collect::<Option<_>>()?;
        codes.sort();
        let are_whole = codes.iter().all(|code| code.ends_with("|int"));
        codes.retain(|code| are_whole || !code.ends_with("|int"));
        codes.dedup();
        codes.pop().filter(|_| codes.is_empty())
    };
    if let Some(codes) = names.iter().zip(terms).map(code).collect::<Option<Vec<String>>>() {
        ways.push(format!("write {}", codes.join(" + ")));
    }
    if ways.is_empty() {
        ways.push("write the cells as numbers in the list".to_owned());
    }
    format!("{}; to join them as text, write {}", ways.join(", or "), names.join(" ~ "))
}
