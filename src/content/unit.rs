//! A number and what stands beside it in a cell: the sign of a currency, `%`, `kg`; and how a template reads such a column as
//! numbers.
//!
//! Guarantees: two units are told apart only where both are known as such; a way to read a column reads each of its cells.
//! Leaves to others: which cells those are.

use super::cell::{bare, is_number_by_itself, number};
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
    let name = text.trim().trim_start_matches(['-', '+', '\u{2212}']).trim();
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

/// A cell as it is shown, and its line.
type Cell = (u64, String);

/// A cell that a locale reads otherwise than the rest of its column is written, and one that shows how that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread {
    /// The mark that is for decimals.
    pub mark: char,
    /// The cell that is read otherwise: its line and its text.
    pub misread: (u64, String),
    /// What it would be read as.
    pub read: String,
    /// The cell that shows what the mark is for.
    pub shows: (u64, String),
}

/// What the marks in the numbers show.
#[derive(Clone, Debug, Default)]
struct Evidence {
    has_points: bool,
    has_commas: bool,
    /// The first cells of text in which one is a mark for decimals, or must be, for the other one is for thousands.
    decimal_point: Option<Cell>,
    decimal_comma: Option<Cell>,
    /// The first with one mark, and three digits behind it: thousands, or decimals.
    unclear_point: Option<Cell>,
    unclear_comma: Option<Cell>,
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

    /// One more cell, as the table keeps it, with something in it. Of a number that is no text the marks show nothing.
    pub fn take_field(&mut self, line: u64, field: &[u8]) {
        let text = String::from_utf8_lossy(bare(field));
        if !is_number_by_itself(field) {
            return self.take(line, &text);
        }
        self.note_unit(line, &text, Some(String::new()));
        self.evidence.has_points = true;
        self.ways.retain(|way| match way {
            Way::Stripped(marks) => marks.read(&text),
            Way::Declared | Way::Locale(..) => true,
        });
    }

    fn note_unit(&mut self, line: u64, cell: &str, unit: Option<String>) {
        let Some(unit) = unit else { return };
        if self.units.len() < 2 && self.units.iter().all(|(known, ..)| *known != unit) {
            self.units.push((unit, line, shown(cell)));
        }
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
        self.note_unit(line, cell, beside.unit);
        self.has_odd |= number(cell.trim(), None).is_none();
        if !beside.text.is_empty() {
            // A minus in front of a sign must not go with it.
            let has_minus = beside.text.contains(['-', '\u{2212}']);
            self.is_mixed |= has_minus || self.text.as_ref().is_some_and(|known| *known != beside.text);
            self.text = Some(beside.text);
        }
        self.evidence.take(digits, || (line, shown(cell)));
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

    /// The first two cells of which one shows that a mark is for decimals, and the other has that mark where the locale that is
    /// named, or the usual one, takes it for one of thousands: it would be read as a thousand times what it is. Or it has the
    /// other mark, which then is for thousands, where the locale takes it for decimals.
    #[must_use]
    pub fn misread(&self, locale: Option<&str>) -> Option<Misread> {
        let figures = locale.map_or(Some(Locality::usual()), Locality::of)?.figures();
        let Evidence { unclear_point, unclear_comma, decimal_point, decimal_comma, .. } = &self.evidence;
        let larger = |mark: char, unclear: &Option<Cell>, decimal: &Option<Cell>| {
            let (misread, shows) = (unclear.clone()?, decimal.clone()?);
            let read = misread.1.replace(mark, "");
            figures.group.contains(mark).then_some(Misread { mark, misread, read, shows })
        };
        let smaller =
            |mark: char, (other, unclear): (char, &Option<Cell>), decimal: &Option<Cell>, clear: &Option<Cell>| {
                let (misread, shows) = (unclear.clone()?, decimal.clone().filter(|_| clear.is_none())?);
                let read = misread.1.replace(other, ".");
                figures.point.contains(other).then_some(Misread { mark, misread, read, shows })
            };
        larger('.', unclear_point, decimal_point)
            .or_else(|| larger(',', unclear_comma, decimal_comma))
            .or_else(|| smaller('.', (',', unclear_comma), decimal_point, decimal_comma))
            .or_else(|| smaller(',', ('.', unclear_point), decimal_comma, decimal_point))
    }

    /// What a template writes for `name` to have each cell as a number.
    #[must_use]
    pub fn code(&self, name: &str, has_empty: bool) -> Option<String> {
        let default = if has_empty { "|default(\"0\", true)" } else { "" };
        let Evidence { has_points, has_commas, unclear_point, unclear_comma, .. } = &self.evidence;
        let (has_points, has_commas) = (*has_points, *has_commas);
        let fits = |marks: Marks| {
            self.ways.contains(&Way::Stripped(marks))
                && match marks {
                    Marks::Point => unclear_point.is_none() || (has_points && !has_commas),
                    Marks::Comma => unclear_point.is_none() && (unclear_comma.is_none() || (has_commas && !has_points)),
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
    fn take(&mut self, digits: &str, cell: impl FnOnce() -> Cell) {
        let Some(at) = digits.rfind(['.', ',']) else { return };
        let behind = digits.len() - at - 1;
        let is_one = digits.find(['.', ',']) == Some(at);
        let is_point = digits.as_bytes().get(at) == Some(&b'.');
        let whole = digits.get(..at).unwrap_or_default().trim_start_matches(['-', '+']);
        match is_one && behind == 3 && whole != "0" {
            true => {
                let unclear = if is_point { &mut self.unclear_point } else { &mut self.unclear_comma };
                unclear.get_or_insert_with(cell);
            }
            // Marks of thousands alone: the other one is for decimals.
            false if !is_one && digits.matches(['.', ',']).all(|mark| mark == if is_point { "." } else { "," }) => {
                self.note(!is_point, cell);
            }
            false => self.note(is_point, cell),
        }
    }

    fn note(&mut self, is_point: bool, cell: impl FnOnce() -> Cell) {
        let (has, first) = match is_point {
            true => (&mut self.has_points, &mut self.decimal_point),
            false => (&mut self.has_commas, &mut self.decimal_comma),
        };
        *has = true;
        first.get_or_insert_with(cell);
    }
}

/// The front of a cell, as it is shown.
fn shown(cell: &str) -> String {
    cell.trim().chars().take(40).collect()
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
            ("-$5.00", "5.00", "-$", Some("USD")),
            ("US$5", "5", "US$", Some("USD")),
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
    fn a_mark_that_is_for_decimals_in_one_cell_is_none_for_thousands_in_another() {
        let told = |cells: &[&str], locale| {
            let misread = of(cells).misread(locale)?;
            Some((misread.mark, misread.misread.1, misread.shows.1))
        };
        for (cells, locale, misread) in [
            (&["1.125", "12.5"][..], Some("de_DE"), Some(('.', "1.125", "12.5"))),
            (&["12.50 €", "1.125 €"], Some("es_ES"), Some(('.', "1.125 €", "12.50 €"))),
            (&["0.125", "1.125"], Some("de_DE"), Some(('.', "1.125", "0.125"))),
            (&["1,125", "12,5"], Some("en_US"), Some((',', "1,125", "12,5"))),
            (&["1,125", "12,5"], None, Some((',', "1,125", "12,5"))),
            (&["1,125", "1.234.567"], Some("en_US"), Some((',', "1,125", "1.234.567"))),
            (&["1,234", "350.50"], Some("de_DE"), Some(('.', "1,234", "350.50"))),
            (&["1,234.50", "1,234"], Some("de_DE"), Some(('.', "1,234", "1,234.50"))),
            (&["1.234", "350,50"], Some("en_US"), Some((',', "1.234", "350,50"))),
            // Each of these is what it is in its place.
            (&["1.125", "12,5"], Some("de_DE"), None),
            (&["1.125", "7"], Some("de_DE"), None),
            (&["1.125", "12.5"], Some("fr_FR"), None),
            (&["1.125", "12.5"], None, None),
            (&["1.125.000", "12.5"], Some("de_DE"), None),
            (&["1,125.50", "1,125"], Some("en_US"), None),
        ] {
            let misread =
                misread.map(|(mark, one, other): (char, &str, &str)| (mark, one.to_owned(), other.to_owned()));
            assert_eq!(told(cells, locale), misread, "{cells:?}");
        }
        let mut amounts = Amounts::new(Some("de_DE"));
        [&b"\x001.125"[..], b"\x0012.5", b"1.125"]
            .iter()
            .zip(2..)
            .for_each(|(cell, line)| amounts.take_field(line, cell));
        assert_eq!(amounts.misread(Some("de_DE")), None, "numbers show nothing of text");
        assert!(amounts.are_declared());
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
            (&["-$5", "-$7"], None),
        ] {
            assert_eq!(of(cells).code("c", false).as_deref(), code, "{cells:?}");
        }
        assert_eq!(of(&["1,5", "1.234,5"]).locale(), Some("de_DE"));
        assert_eq!(of(&["1,5", "n/a"]).locale(), None);
        assert_eq!(of(&["1.125", "12.5", "7"]).code("c", false).as_deref(), Some("c|float"));
        assert_eq!(of(&["1,125", "12,5"]).code("c", false).as_deref(), Some("c|replace(\",\", \".\")|float"));
        assert_eq!(
            of(&["1.125", "12,5"]).code("c", false).as_deref(),
            Some("c|replace(\".\", \"\")|replace(\",\", \".\")|float")
        );
        assert!(of(&["007", "5"]).are_declared() && !of(&["5 €"]).are_declared());
    }
}
