//! The number formats of Excel (ECMA-376 part 1 §18.8.31): what a cell shows of its number, and what of that a list keeps.
//!
//! What everybody sees alike is kept as it is shown: a share (`12.5%`), zeros before a number and signs in it (`01067`,
//! `02110-1234`), words before it (`Nr. 7`), as many decimals as the format has (`19.90`). What each sheet shows in its own
//! language, or beside the number, is left out, so that a template computes with the number: thousands, currencies, units.
//! Guarantees: a format that is not understood changes nothing. Leaves to others: telling what is left out (`formatted`).

use super::formatted::Kind;

/// The longest code that is read.
const CODE_OCTETS_MAX: usize = 255;
/// A number of more digits is not written by a format.
const DIGITS_MAX: i32 = 40;
/// Words that are currencies, where a format has them as text.
const CURRENCIES: [&str; 16] =
    ["EUR", "USD", "GBP", "CHF", "PLN", "CZK", "HUF", "SEK", "NOK", "DKK", "kr", "zł", "Kč", "Ft", "Fr.", "Euro"];

/// A format.
#[derive(Clone, Debug, PartialEq)]
pub struct FormatCode {
    /// As it stands in the workbook.
    code: String,
    sections: Vec<Section>,
}

/// What a cell comes to by its format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What the list has.
    pub arrives: String,
    /// What the sheet shows, where that is something else, and how.
    pub shown: Option<(String, Kind)>,
}

/// How numbers of one kind (positive, negative, zero) are written.
#[derive(Clone, Debug, Default, PartialEq)]
struct Section {
    condition: Option<(Compares, f64)>,
    before: String,
    after: String,
    /// Places of digits before the point, and signs among them.
    whole: Vec<Place>,
    /// The fewest decimals, and the most.
    decimals: (usize, usize),
    percents: i32,
    is_grouped: bool,
    is_money: bool,
    is_exponential: bool,
    /// Of text, or as the sheet thinks best.
    is_general: bool,
    /// Fractions, thousands as units, and whatever is not understood.
    is_odd: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Compares {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// A digit, and whether it stands there as zero, too.
    Digit(bool),
    Sign(char),
}

impl FormatCode {
    /// Reads a code; `None` where it writes nothing otherwise.
    pub fn of(code: &str) -> Option<Self> {
        if code.len() > CODE_OCTETS_MAX || code.eq_ignore_ascii_case("general") || code == "@" {
            return None;
        }
        Some(Self { code: code.to_owned(), sections: sections_of(code).iter().map(|text| section(text)).collect() })
    }

    /// As it stands in the workbook.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// A number in it; `None` where it comes as a number by itself.
    pub fn write(&self, number: f64, by_itself: impl Fn() -> String) -> Option<Written> {
        let (section, has_own_sign) = self.section_for(number)?;
        if section.is_general || section.is_exponential {
            return None;
        }
        let told = |arrives: String| Written { shown: Some((self.code.clone(), Kind::Code)), arrives };
        if section.is_odd {
            return Some(told(by_itself()));
        }
        let scaled = number.abs() * 100f64.powi(section.percents);
        let (whole, fraction) = rounded(scaled, section.decimals.1)?;
        let fraction = without_zeros(&fraction, section.decimals.0);
        let is_nothing = whole.bytes().chain(fraction.bytes()).all(|digit| digit == b'0');
        let minus = if number < 0.0 && !is_nothing { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        let shown_minus = if has_own_sign { "" } else { minus };
        let Section { before, after, .. } = section;
        let shown = format!("{shown_minus}{before}{}{point}{fraction}{after}", section.written(&whole));
        let shown = shown.trim().to_owned();
        let arrives = match section.is_kept() {
            true => shown.clone(),
            false => format!("{minus}{whole}{point}{fraction}"),
        };
        let kind = match section {
            Section { is_money: true, .. } => Kind::Money(section.currency()),
            Section { is_grouped: true, after, .. } if after.trim().is_empty() => Kind::Grouped(fraction.len()),
            _ => Kind::Other,
        };
        let shown = (shown != arrives).then_some((shown, kind));
        Some(Written { arrives, shown })
    }

    /// The section of a number, and whether it is that of negative ones, which writes their sign itself.
    fn section_for(&self, number: f64) -> Option<(&Section, bool)> {
        let all = self.sections.get(..3).unwrap_or(&self.sections);
        if all.iter().any(|section| section.condition.is_some()) {
            return all.iter().find(|section| section.holds(number)).map(|section| (section, false));
        }
        let (place, has_own_sign) = match (all.len(), number) {
            (2.., number) if number < 0.0 => (1, true),
            (3, 0.0) => (2, false),
            _ => (0, false),
        };
        all.get(place).map(|section| (section, has_own_sign))
    }
}

impl Section {
    fn holds(&self, number: f64) -> bool {
        self.condition.is_none_or(|(compares, with)| match compares {
            Compares::Less => number < with,
            Compares::AtMost => number <= with,
            Compares::More => number > with,
            Compares::AtLeast => number >= with,
            Compares::Equal => number == with,
            Compares::Other => number != with,
        })
    }

    /// Whether what it shows is what the list has.
    fn is_kept(&self) -> bool {
        let zeros = self.whole.iter().filter(|place| **place == Place::Digit(true)).count();
        let is_a_name = self.before.contains(|c: char| c.is_alphanumeric() || c == '#' || c == '№');
        self.percents > 0 || (!self.is_money && !self.is_grouped && (zeros > 1 || self.has_signs() || is_a_name))
    }

    fn has_signs(&self) -> bool {
        self.whole.iter().any(|place| matches!(place, Place::Sign(_)))
    }

    /// The digits before the point as they are shown.
    fn written(&self, digits: &str) -> String {
        if self.whole.is_empty() && self.decimals.1 == 0 {
            return String::new();
        }
        let digits = if digits == "0" { "" } else { digits };
        let mut rest = digits.bytes().rev().map(char::from);
        let (mut written, mut count) = (Vec::new(), 0);
        let group = |written: &mut Vec<char>, count: &mut usize| {
            if self.is_grouped && *count > 0 && count.is_multiple_of(3) {
                written.push(',');
            }
            *count += 1;
        };
        for place in self.whole.iter().rev() {
            match place {
                Place::Sign(sign) => written.push(*sign),
                Place::Digit(is_zero) => {
                    if let Some(digit) = rest.next().or_else(|| is_zero.then_some('0')) {
                        group(&mut written, &mut count);
                        written.push(digit);
                    }
                }
            }
        }
        // What is longer than its format stands before it.
        for digit in rest {
            group(&mut written, &mut count);
            written.push(digit);
        }
        written.iter().rev().collect()
    }

    /// Which currency it is, by its code where that is known.
    fn currency(&self) -> Option<&'static str> {
        currency_in(&format!("{}{}", self.before, self.after))
    }
}

/// The currency whose sign or word stands in a text, by its code.
pub(super) fn currency_in(text: &str) -> Option<&'static str> {
    const SIGNS: [(&str, &[&str]); 7] = [
        ("EUR", &["€", "EUR", "Euro"]),
        ("USD", &["$", "USD"]),
        ("GBP", &["£", "GBP"]),
        ("CHF", &["CHF", "Fr."]),
        ("PLN", &["zł", "PLN"]),
        ("CZK", &["Kč", "CZK"]),
        ("INR", &["₹", "INR"]),
    ];
    SIGNS.iter().find(|(_, signs)| signs.iter().any(|sign| text.contains(sign))).map(|(code, _)| *code)
}

/// The sections of a code.
fn sections_of(code: &str) -> Vec<String> {
    let (mut sections, mut is_quoted, mut is_escaped) = (vec![String::new()], false, false);
    for c in code.chars() {
        let is_end = c == ';' && !is_quoted && !is_escaped;
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped && !is_quoted;
        if is_end {
            sections.push(String::new());
        } else if let Some(section) = sections.last_mut() {
            section.push(c);
        }
    }
    sections
}

/// Where in a section one is.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Before,
    Whole,
    Fraction,
    After,
}

fn section(text: &str) -> Section {
    let mut section = Section::default();
    // A colour may stand before it.
    let bare = text.split(']').next_back().unwrap_or(text).trim();
    if bare.eq_ignore_ascii_case("general") || text.contains('@') {
        section.is_general = true;
        return section;
    }
    let (mut at, mut comma, mut rest) = (At::Before, false, text.chars());
    while let Some(c) = rest.next() {
        let mut literal = None;
        match c {
            '0' | '#' | '?' => {
                digit(&mut section, &mut at, c);
                section.is_grouped |= std::mem::take(&mut comma);
                continue;
            }
            ',' if at == At::Whole => {
                comma = true;
                continue;
            }
            '.' if matches!(at, At::Before | At::Whole) => at = At::Fraction,
            '"' => literal = Some(rest.by_ref().take_while(|c| *c != '"').collect::<String>()),
            '\\' => literal = rest.next().map(String::from),
            // A blank as wide as a sign, and a sign that fills the cell.
            '_' | '*' => _ = rest.next(),
            '[' => literal = bracket(&rest.by_ref().take_while(|c| *c != ']').collect::<String>(), &mut section),
            '%' => {
                section.percents += 1;
                literal = Some("%".to_owned());
            }
            'E' | 'e' if at != At::Before => {
                section.is_exponential = true;
                return section;
            }
            '/' | ',' => section.is_odd = true,
            c if c.is_ascii_alphabetic() => section.is_odd = true,
            c => {
                section.is_money |= "$€£¥₹₽₺".contains(c);
                literal = Some(c.to_string());
            }
        }
        // Behind the digits it stands for a thousand of them.
        section.is_odd |= std::mem::take(&mut comma);
        let Some(literal) = literal else { continue };
        section.is_money |=
            CURRENCIES.contains(&literal.trim()) || literal.contains(['€', '$', '£', '¥', '₹', '₽', '₺']);
        match at {
            At::Before => section.before.push_str(&literal),
            _ => {
                // More decimals may follow only where none have been.
                at = At::After;
                section.after.push_str(&literal);
            }
        }
    }
    section.is_odd |= comma || section.percents > 2;
    section
}

/// A place of a digit.
fn digit(section: &mut Section, at: &mut At, c: char) {
    let is_zero = c == '0';
    match *at {
        At::Fraction => {
            section.decimals.1 += 1;
            if is_zero {
                section.decimals.0 = section.decimals.1;
            }
        }
        // Digits behind signs: the signs stand among them.
        At::After if section.decimals.1 == 0 => {
            section.whole.extend(std::mem::take(&mut section.after).chars().map(Place::Sign));
            section.whole.push(Place::Digit(is_zero));
            *at = At::Whole;
        }
        At::After => section.is_odd = true,
        At::Before | At::Whole => {
            section.whole.push(Place::Digit(is_zero));
            *at = At::Whole;
        }
    }
}

/// What stands in brackets: a currency with its language, a condition, or a colour. What of it is shown.
fn bracket(inside: &str, section: &mut Section) -> Option<String> {
    if let Some(money) = inside.strip_prefix('$') {
        let sign = money.split('-').next().unwrap_or_default();
        section.is_money |= !sign.is_empty();
        return Some(sign.to_owned()).filter(|sign| !sign.is_empty());
    }
    let known = [
        ("<=", Compares::AtMost),
        (">=", Compares::AtLeast),
        ("<>", Compares::Other),
        ("<", Compares::Less),
        (">", Compares::More),
        ("=", Compares::Equal),
    ];
    let found = known.into_iter().find_map(|(sign, compares)| Some((compares, inside.strip_prefix(sign)?)));
    match found.map(|(compares, with)| (compares, with.trim().parse::<f64>())) {
        Some((compares, Ok(with))) => section.condition = Some((compares, with)),
        Some((_, Err(_))) => section.is_odd = true,
        None => {}
    }
    None
}

/// A number's digits before and behind the point, half away from zero, of the 15 digits that a sheet keeps.
pub(super) fn rounded(number: f64, decimals: usize) -> Option<(String, String)> {
    let text = format!("{number:.14e}");
    let (mantissa, power) = text.split_once('e')?;
    let power: i32 = power.parse().ok()?;
    if !number.is_finite() || power.abs() > DIGITS_MAX || decimals > DIGITS_MAX as usize {
        return None;
    }
    let mut digits: Vec<u8> = vec![b'0'; usize::try_from(-power).unwrap_or(0)];
    digits.extend(mantissa.bytes().filter(u8::is_ascii_digit));
    let point = usize::try_from(power).unwrap_or(0) + 1;
    let wanted = point + decimals;
    let is_up = digits.get(wanted).is_some_and(|digit| *digit >= b'5');
    digits.resize(wanted, b'0');
    if is_up {
        let carried = digits.iter_mut().rev().all(|digit| {
            *digit = if *digit == b'9' { b'0' } else { *digit + 1 };
            *digit == b'0'
        });
        if carried {
            digits.insert(0, b'1');
        }
    }
    let text = String::from_utf8(digits).ok()?;
    let (whole, fraction) = text.split_at_checked(text.len().checked_sub(decimals)?)?;
    let whole = whole.trim_start_matches('0');
    Some((if whole.is_empty() { "0".to_owned() } else { whole.to_owned() }, fraction.to_owned()))
}

/// Decimals without the zeros at their end, but for the fewest that there are.
fn without_zeros(fraction: &str, fewest: usize) -> String {
    let mut fraction = fraction.to_owned();
    while fraction.len() > fewest && fraction.ends_with('0') {
        fraction.pop();
    }
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(code: &str, number: f64) -> Option<Written> {
        FormatCode::of(code)?.write(number, || number.to_string())
    }

    #[test]
    fn what_everybody_sees_alike_is_kept_as_it_is_shown() {
        for (code, number, text) in [
            ("0%", 0.125, "13%"),
            ("0.0%", 0.125, "12.5%"),
            ("0.0\\ %", 0.125, "12.5 %"),
            ("0.00%", -0.0512, "-5.12%"),
            ("0%", 1.0, "100%"),
            ("00000", 1067.0, "01067"),
            ("00000", 123_456.0, "123456"),
            ("00000\\-0000", 21_101_234.0, "02110-1234"),
            ("000\"-\"00;@", 7.0, "000-07"),
            ("[<=99999]00000;00000\\-0000", 1067.0, "01067"),
            ("[<=99999]00000;00000\\-0000", 21_101_234.0, "02110-1234"),
            ("\"Nr. \"0", 7.0, "Nr. 7"),
            ("\"KD-\"00000", 12.0, "KD-00012"),
            ("0.00", 19.9, "19.90"),
            ("0.00", 2.675, "2.68"),
            ("0.00", 1e-9, "0.00"),
            ("0", 2.5, "3"),
            ("0.0#", 2.0, "2.0"),
            ("0.00;[Red]\\-0.00", -2.0, "-2.00"),
            ("#,##0.00", 999.5, "999.50"),
        ] {
            let written = write(code, number).unwrap();
            assert_eq!(written, Written { arrives: text.to_owned(), shown: None }, "{code} {number}");
        }
    }

    #[test]
    fn what_a_sheet_adds_to_a_number_is_left_out_and_told() {
        for (code, number, arrives, shown, kind) in [
            ("#,##0.00\\ \"€\"", 1234.5, "1234.50", "1,234.50 €", Kind::Money(Some("EUR"))),
            ("#,##0.00\\ [$€-407]", 7.0, "7.00", "7.00 €", Kind::Money(Some("EUR"))),
            ("\"$\"#,##0.00_);(\"$\"#,##0.00)", -5.0, "-5.00", "($5.00)", Kind::Money(Some("USD"))),
            ("\"EUR \"0.00", 5.0, "5.00", "EUR 5.00", Kind::Money(Some("EUR"))),
            (
                "_-* #,##0.00\\ \"€\"_-;\\-* #,##0.00\\ \"€\"_-;_-* \"-\"??\\ \"€\"_-;_-@_-",
                0.0,
                "0",
                "- €",
                Kind::Money(Some("EUR")),
            ),
            ("#,##0", 1_234_567.0, "1234567", "1,234,567", Kind::Grouped(0)),
            ("#,##0.00", 1234.5, "1234.50", "1,234.50", Kind::Grouped(2)),
            ("+0;-0;0", 5.0, "5", "+5", Kind::Other),
            ("0.00;[Red]0.00", -2.0, "-2.00", "2.00", Kind::Other),
            ("0\" kg\"", 5.0, "5", "5 kg", Kind::Other),
            (";;;", 5.0, "5", "", Kind::Other),
            ("# ?/?", 0.5, "0.5", "# ?/?", Kind::Code),
            ("0,", 12_000.0, "12000", "0,", Kind::Code),
        ] {
            let written = write(code, number).unwrap();
            assert_eq!(written.arrives, arrives, "{code}");
            assert_eq!(written.shown, Some((shown.to_owned(), kind)), "{code}");
        }
    }

    #[test]
    fn a_format_that_says_nothing_of_a_number_leaves_it_alone() {
        for code in ["General", "@", "0.00E+00", "General;[Red]General"] {
            assert_eq!(write(code, 1234.5), None, "{code}");
        }
        assert_eq!(write("0.00", f64::NAN), None);
        assert_eq!(write("0.00", 1e300), None);
    }
}
