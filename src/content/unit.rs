//! A number and what stands beside it in a cell: the sign of a currency, `%`, `kg`; and how a template reads such a column as
//! numbers.
//!
//! Guarantees: two units are told apart only where both are known as such; a way to read a column reads each of its cells.
//! Leaves to others: which cells those are.

use super::cell::number;
use super::filters::numbers::currency_of;
use super::locale::Locality;

/// Units that stand behind numbers.
const UNITS: [&str; 36] = [
    "%", "‰", "°C", "°F", "kg", "g", "mg", "t", "lb", "lbs", "oz", "l", "ml", "cl", "dl", "m", "km", "cm", "mm", "mi",
    "ft", "yd", "m²", "h", "min", "s", "ms", "kWh", "MWh", "Wh", "kW", "W", "kB", "MB", "GB", "TB",
];
/// Places whose numbers are tried, where a campaign names none.
const LOCALES: [&str; 4] = ["de_DE", "en_US", "fr_FR", "de_CH"];

/// What stands beside the number of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    /// It, as it stands there, with the blank towards the number.
    pub text: String,
    /// The unit that it is, where that is known: of a currency its code.
    pub unit: Option<String>,
}

/// The number of a cell, and what stands beside it; `None` where that is not one number with something on one side.
#[must_use]
pub fn beside(cell: &str) -> Option<(&str, Beside)> {
    let text = cell.trim();
    let is_digit = |c: char| c.is_ascii_digit();
    let (first, last) = (text.find(is_digit)?, text.rfind(is_digit)?);
    let (before, rest) = text.split_at_checked(first)?;
    let (digits, after) = rest.split_at_checked(last + 1 - first)?;
    let is_number = |c: char| c.is_ascii_digit() || ".,'’ \u{a0}\u{202f}".contains(c);
    let bare = before.trim_end_matches(['-', '+', '\u{2212}']);
    let front = text.get(bare.len()..)?;
    if !digits.chars().all(is_number) || !(bare.is_empty() || after.is_empty()) {
        return None;
    }
    let (number, text) = match bare.is_empty() {
        true => (front.get(..front.len() - after.len())?, after),
        false => (front, bare),
    };
    let name = text.trim();
    let unit = || UNITS.iter().find(|unit| unit.eq_ignore_ascii_case(name)).map(|unit| (*unit).to_owned());
    let unit = if name.is_empty() { Some(String::new()) } else { currency_of(name).map(str::to_owned).or_else(unit) };
    Some((number, Beside { text: text.to_owned(), unit }))
}

/// The cells of a column, as far as it matters how they are read as numbers.
#[derive(Clone, Debug, Default)]
pub struct Amounts {
    /// The first cell of each unit that is known, and its line: two at most.
    units: Vec<(String, u64, String)>,
    /// What stands beside the numbers: the same everywhere, or not.
    text: Option<String>,
    is_mixed: bool,
    ways: Vec<Way>,
    evidence: Evidence,
    /// Whether a cell without any digit is there, and one with some that is no number by itself.
    has_words: bool,
    has_odd: bool,
    /// The campaign's.
    locale: Option<Locality>,
}

/// A way in which all cells so far are read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    /// As the campaign's locale writes numbers, or without one.
    Declared,
    Locale(&'static str, Locality),
    /// Without what stands beside them, and without marks for thousands.
    Stripped(Marks),
}

/// Which marks are taken for which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marks {
    Point,
    Comma,
    CommaAndPoints,
    PointAndCommas,
}

/// What the marks in the numbers show.
#[derive(Clone, Debug, Default)]
struct Evidence {
    has_points: bool,
    has_commas: bool,
    /// One mark, and three digits behind it: thousands, or decimals.
    is_unclear: bool,
}

impl Amounts {
    /// Of no cell yet, in a campaign that names this locale.
    #[must_use]
    pub fn new(locale: Option<&str>) -> Self {
        use Marks::{Comma, CommaAndPoints, Point, PointAndCommas};
        let stripped = [Point, Comma, CommaAndPoints, PointAndCommas].map(Way::Stripped);
        let locales = LOCALES.into_iter().filter_map(|name| Some(Way::Locale(name, Locality::of(name)?)));
        let ways = [Way::Declared].into_iter().chain(locales).chain(stripped).collect();
        Self { ways, locale: locale.and_then(Locality::of), ..Self::default() }
    }

    /// One more cell, which is not empty.
    pub fn take(&mut self, line: u64, cell: &str) {
        let locale = self.locale;
        let Some((digits, beside)) = beside(cell) else {
            let has_digits = cell.contains(|c: char| c.is_ascii_digit());
            *(if has_digits { &mut self.has_odd } else { &mut self.has_words }) = true;
            return self.ways.retain(|way| match way {
                Way::Declared => number(cell.trim(), locale).is_some(),
                _ => false,
            });
        };
        if let Some(unit) = &beside.unit {
            let shown = cell.trim().chars().take(40).collect();
            if self.units.len() < 2 && self.units.iter().all(|(known, ..)| known != unit) {
                self.units.push((unit.clone(), line, shown));
            }
        }
        self.has_odd |= number(cell.trim(), None).is_none();
        if !beside.text.is_empty() {
            self.is_mixed |= self.text.as_ref().is_some_and(|known| *known != beside.text);
            self.text = Some(beside.text);
        }
        self.evidence.take(digits);
        self.ways.retain(|way| match way {
            Way::Declared => number(cell.trim(), locale).is_some(),
            Way::Locale(_, locale) => number(cell.trim(), Some(*locale)).is_some(),
            Way::Stripped(marks) => marks.read(digits),
        });
    }

    /// The first two cells whose units differ: amounts in two currencies; shares, weights and lengths in two units, or with one
    /// and without.
    #[must_use]
    pub fn unlike(&self) -> Option<[(u64, &str); 2]> {
        let [(one, line, first), (other, other_line, second)] = self.units.as_slice() else { return None };
        let is_bare_money = (one.is_empty() && is_currency(other)) || (other.is_empty() && is_currency(one));
        (!is_bare_money).then_some([(*line, first.as_str()), (*other_line, second.as_str())])
    }

    /// Whether each cell is a number once the column is declared one.
    #[must_use]
    pub fn are_declared(&self) -> bool {
        self.ways.contains(&Way::Declared)
    }

    /// The place whose way of writing numbers reads each cell.
    #[must_use]
    pub fn locale(&self) -> Option<&'static str> {
        self.ways.iter().find_map(|way| if let Way::Locale(name, _) = way { Some(*name) } else { None })
    }

    /// What a template writes for `name` to have each cell as a number.
    #[must_use]
    pub fn code(&self, name: &str, has_empty: bool) -> Option<String> {
        let default = if has_empty { "|default(\"0\", true)" } else { "" };
        let Evidence { has_points, has_commas, is_unclear } = self.evidence;
        let fits = |marks: Marks| {
            self.ways.contains(&Way::Stripped(marks))
                && match marks {
                    Marks::Point | Marks::Comma => !is_unclear,
                    Marks::CommaAndPoints => has_commas && !has_points,
                    Marks::PointAndCommas => has_points && !has_commas,
                }
        };
        use Marks::{Comma, CommaAndPoints, Point, PointAndCommas};
        let marks = [Point, Comma, CommaAndPoints, PointAndCommas].into_iter().find(|marks| fits(*marks));
        match (marks, &self.text) {
            (Some(marks), Some(text)) if !self.is_mixed => {
                let text = text.replace('\\', "\\\\").replace('"', "\\\"");
                // A blank that is no common one is not seen as such.
                let text = text.replace('\u{a0}', "\\u00a0").replace('\u{202f}', "\\u202f");
                Some(format!("{name}{default}|replace(\"{text}\", \"\"){}|float", marks.code()))
            }
            (Some(marks), None) => Some(format!("{name}{default}{}|float", marks.code())),
            // A word counts as nothing; a number that is not read as one must not.
            _ if self.has_words && !self.has_odd => Some(format!("{name}{}|float(0)", default)),
            _ => None,
        }
    }
}

impl Marks {
    /// Whether digits are a number so.
    fn read(self, digits: &str) -> bool {
        let plain = |text: &str| number(text, None).is_some();
        let by = |name: &str| Locality::of(name).is_some_and(|locale| number(digits, Some(locale)).is_some());
        match self {
            Self::Point => plain(digits),
            Self::Comma => plain(&digits.replace(',', ".")),
            Self::CommaAndPoints => by("de_DE") && plain(&digits.replace('.', "").replace(',', ".")),
            Self::PointAndCommas => by("en_US") && plain(&digits.replace(',', "")),
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Point => "",
            Self::Comma => "|replace(\",\", \".\")",
            Self::CommaAndPoints => "|replace(\".\", \"\")|replace(\",\", \".\")",
            Self::PointAndCommas => "|replace(\",\", \"\")",
        }
    }
}

impl Evidence {
    fn take(&mut self, digits: &str) {
        let Some(at) = digits.rfind(['.', ',']) else { return };
        let behind = digits.len() - at - 1;
        let is_one = digits.find(['.', ',']) == Some(at);
        let is_point = digits.as_bytes().get(at) == Some(&b'.');
        let whole = digits.get(..at).unwrap_or_default().trim_start_matches(['-', '+']);
        match is_one && behind == 3 && whole != "0" {
            true => self.is_unclear = true,
            // Marks of thousands alone: the other one is for decimals.
            false if !is_one && digits.matches(['.', ',']).all(|mark| mark == if is_point { "." } else { "," }) => {
                *(if is_point { &mut self.has_commas } else { &mut self.has_points }) = true;
            }
            false if is_point => self.has_points = true,
            false => self.has_commas = true,
        }
    }
}

fn is_currency(unit: &str) -> bool {
    currency_of(unit).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cells: &[&str]) -> Amounts {
        let mut amounts = Amounts::new(None);
        for (line, cell) in (2..).zip(cells) {
            amounts.take(line, cell);
        }
        amounts
    }

    #[test]
    fn a_number_is_told_from_what_stands_beside_it() {
        for (cell, number, text, unit) in [
            ("5 €", "5", " €", Some("EUR")),
            ("$5", "5", "$", Some("USD")),
            ("-5 EUR", "-5", " EUR", Some("EUR")),
            ("1.234,50\u{a0}€", "1.234,50", "\u{a0}€", Some("EUR")),
            ("5 %", "5", " %", Some("%")),
            ("300 G", "300", " G", Some("g")),
            ("7", "7", "", Some("")),
            ("3 items", "3", " items", None),
            ("Nr. 7", "7", "Nr. ", None),
        ] {
            let beside = beside(cell).map(|(number, beside)| (number, beside.text, beside.unit));
            assert_eq!(beside, Some((number, text.to_owned(), unit.map(str::to_owned))), "{cell}");
        }
        for cell in ["", "n/a", "a 5 b", "2026-01-02", "5x5"] {
            assert_eq!(beside(cell), None, "{cell}");
        }
    }

    #[test]
    fn unlike_units_are_told_and_one_currency_is_none() {
        for (cells, unlike) in [
            (&["5 €", "7 €", "$5"][..], Some([(2, "5 €"), (4, "$5")])),
            (&["5 kg", "300 g"], Some([(2, "5 kg"), (3, "300 g")])),
            (&["0.05", "5 %"], Some([(2, "0.05"), (3, "5 %")])),
            (&["5 €", "5", "6 EUR"], None),
            (&["1 item", "2 items"], None),
        ] {
            assert_eq!(of(cells).unlike(), unlike, "{cells:?}");
        }
    }

    #[test]
    fn what_is_written_for_a_column_reads_each_of_its_cells() {
        for (cells, code) in [
            (&["5 €", "12.50 €"][..], Some("c|replace(\" €\", \"\")|float")),
            (&["5 €", "12,50 €"], Some("c|replace(\" €\", \"\")|replace(\",\", \".\")|float")),
            (
                &["1.234,50 €", "7,00 €"],
                Some("c|replace(\" €\", \"\")|replace(\".\", \"\")|replace(\",\", \".\")|float"),
            ),
            (&["$1,234.50", "$7"], Some("c|replace(\"$\", \"\")|replace(\",\", \"\")|float")),
            (&["1.234 €", "5 €"], None),
            (&["5 €", "5€"], None),
            (&["5", "n/a"], Some("c|float(0)")),
            (&["5", "about 1,5 or so"], None),
        ] {
            assert_eq!(of(cells).code("c", false).as_deref(), code, "{cells:?}");
        }
        assert_eq!(of(&["1,5", "1.234,5"]).locale(), Some("de_DE"));
        assert_eq!(of(&["1,5", "n/a"]).locale(), None);
        assert!(of(&["007", "5"]).are_declared() && !of(&["5 €"]).are_declared());
    }
}
