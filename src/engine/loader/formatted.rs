//! What a sheet shows of its cells otherwise than a list has it: of each column the first such cell.
//!
//! Guarantees: bounded by the columns that are told. Leaves to others: what a format makes of a number (`format_code`,
//! `opendocument`), and whether a letter prints the column.

use crate::content::beside;
use std::collections::BTreeMap;

/// Columns that are told.
const COLUMNS_MAX: usize = 64;
/// Characters that are shown of a cell.
const CHARACTERS: usize = 40;

/// A cell that its sheet shows otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formatted {
    /// Its row and column, from 1.
    pub at: (u32, u32),
    /// What the list has.
    pub arrives: String,
    /// What the sheet shows; the format, where that is not known.
    pub shown: String,
    /// How it differs.
    pub kind: Kind,
    /// The first cell of its column that the sheet shows with another currency or unit: its row, from 1, and that.
    pub unlike: Option<(u32, String)>,
}

impl Formatted {
    /// The currency or unit that a sheet shows beside a number.
    fn unit(shown: &str, kind: &Kind) -> Option<String> {
        match kind {
            Kind::Money(Some(code)) => Some((*code).to_owned()),
            Kind::Money(None) | Kind::Other => beside(shown)?.1.unit.filter(|unit| !unit.is_empty()),
            _ => None,
        }
    }
}

/// How what a sheet shows differs from what a list has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is money, of this currency where that is known by its code.
    Money(Option<&'static str>),
    /// Thousands are set off; so many decimals.
    Grouped(usize),
    /// A date, in a pattern of strftime where it can be written in one.
    Date(Option<String>),
    /// In signs, units, or not at all.
    Other,
    /// By a format that is not understood here.
    Code,
}

/// Those of a sheet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told(BTreeMap<u32, Formatted>);

impl Told {
    /// Notes a cell, by row and column from 0, unless one of its column is known that is shown alike.
    pub fn note(&mut self, (row, column): (u32, u32), arrives: &str, shown: &str, kind: Kind) {
        let cut = |text: &str| text.chars().take(CHARACTERS).collect();
        let at = (row.saturating_add(1), column.saturating_add(1));
        if let Some(known) = self.0.get_mut(&column) {
            let units = || Formatted::unit(&known.shown, &known.kind).zip(Formatted::unit(shown, &kind));
            if known.unlike.is_none() && units().is_some_and(|(one, other)| one != other) {
                known.unlike = Some((at.0, cut(shown)));
            }
        } else if self.0.len() < COLUMNS_MAX {
            self.0.insert(column, Formatted { at, arrives: cut(arrives), shown: cut(shown), kind, unlike: None });
        }
    }

    /// Whether one of the column, from 0, is known.
    pub fn knows(&self, column: u32) -> bool {
        self.0.contains_key(&column)
    }

    /// All of them, by column.
    pub fn into_all(self) -> Vec<Formatted> {
        self.0.into_values().collect()
    }
}

/// The pattern of strftime for a date as Excel's format has it; `None` where it cannot be written in one.
pub fn strftime(code: &str) -> Option<String> {
    let (mut pattern, mut rest) = (String::new(), code.chars().peekable());
    let is_half = code.to_ascii_lowercase().contains("am/pm");
    let mut was_hour = false;
    while let Some(c) = rest.next() {
        let mut literal = |text: &str| pattern.push_str(&text.replace('%', "%%"));
        match c {
            ';' => break,
            '"' => literal(&rest.by_ref().take_while(|c| *c != '"').collect::<String>()),
            '\\' => literal(&rest.next().map(String::from)?),
            '[' => {
                let inside: String = rest.by_ref().take_while(|c| *c != ']').collect();
                // Hours that go on behind 24 are no time of a day.
                if !inside.starts_with('$') && !inside.chars().all(char::is_alphabetic)
                    || inside.starts_with(['h', 'm', 's'])
                {
                    return None;
                }
            }
            '_' | '*' => _ = rest.next(),
            'a' | 'A' if is_half => {
                while rest.next_if(|c| "aAmMpP/".contains(*c)).is_some() {}
                pattern.push_str("%p");
            }
            c if c.is_ascii_alphabetic() => {
                let mut count = 1;
                while rest.next_if(|next| next.eq_ignore_ascii_case(&c)).is_some() {
                    count += 1;
                }
                let ahead: String = rest.clone().filter(char::is_ascii_alphabetic).take(1).collect();
                let is_minutes = was_hour || ahead.eq_ignore_ascii_case("s");
                pattern.push_str(match (c.to_ascii_lowercase(), count) {
                    ('y', 1 | 2) => "%y",
                    ('y', _) => "%Y",
                    ('m', 1 | 2) if is_minutes => "%M",
                    ('m', 1) => "%-m",
                    ('m', 2) => "%m",
                    ('m', 3) => "%b",
                    ('m', 4) => "%B",
                    ('d', 1) => "%-d",
                    ('d', 2) => "%d",
                    ('d', 3) => "%a",
                    ('d', 4) => "%A",
                    ('h', 1) if is_half => "%-I",
                    ('h', _) if is_half => "%I",
                    ('h', 1) => "%-H",
                    ('h', _) => "%H",
                    ('s', _) => "%S",
                    _ => return None,
                });
                was_hour = c.eq_ignore_ascii_case(&'h');
            }
            '@' => return None,
            c => literal(&c.to_string()),
        }
    }
    Some(pattern).filter(|pattern| pattern.contains('%'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_s_format_is_written_as_strftime_has_it() {
        for (code, pattern) in [
            ("dd.mm.yyyy", Some("%d.%m.%Y")),
            ("d\\.\\ mmmm\\ yyyy;@", Some("%-d. %B %Y")),
            ("[$-407]d. mmm yy", Some("%-d. %b %y")),
            ("m/d/yy h:mm", Some("%-m/%-d/%y %-H:%M")),
            ("hh:mm:ss AM/PM", Some("%I:%M:%S %p")),
            ("mm:ss", Some("%M:%S")),
            ("yyyy\\-mm\\-dd", Some("%Y-%m-%d")),
            ("dddd, \"den\" dd", Some("%A, den %d")),
            ("[h]:mm", None),
            ("General", None),
            ("", None),
        ] {
            assert_eq!(strftime(code).as_deref(), pattern, "{code}");
        }
    }

    #[test]
    fn of_each_column_the_first_cell_is_told() {
        let mut told = Told::default();
        told.note((1, 2), "1", "1 kg", Kind::Other);
        told.note((2, 2), "2", "2 kg", Kind::Other);
        told.note((2, 0), &"9".repeat(99), "", Kind::Other);
        told.note((3, 2), "300", "300 g", Kind::Other);
        told.note((4, 2), "7", "7 l", Kind::Other);
        let all = told.into_all();
        let places: Vec<_> = all.iter().map(|one| (one.at, one.arrives.len())).collect();
        assert_eq!(places, [((3, 1), CHARACTERS), ((2, 3), 1)]);
        assert_eq!(all.iter().map(|one| one.unlike.clone()).collect::<Vec<_>>(), [None, Some((4, "300 g".to_owned()))]);
    }
}
