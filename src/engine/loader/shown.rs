//! What an OpenDocument sheet shows of a number, which stands in the file beside the number itself.
//!
//! What of it a list has is as `format_code` says of Excel's: `12,5 %`, `01067` and `Nr. 7` as they are shown; of an amount the
//! number, with the decimals that are shown. Guarantees: a number comes as itself where what is shown is not understood. Leaves
//! to others: reading cells.

use super::format_code::{currency_in, rounded};
use super::formatted::Kind;

/// The longest text of a number that is looked at, and the largest number that a sheet keeps whole.
pub const SHOWN_OCTETS_MAX: usize = 64;
const NUMBER_MAX: f64 = 1e15;
/// Currencies that are known by their code.
const CURRENCIES: [&str; 16] =
    ["EUR", "USD", "GBP", "CHF", "PLN", "CZK", "HUF", "SEK", "NOK", "DKK", "RON", "INR", "JPY", "TRY", "CAD", "AUD"];

/// What kind of number it is, as the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Number,
    Share,
    /// An amount, with the code of its currency.
    Money(String),
}

/// What a list has of a number that is shown so, and how the sheet differs; `None` where it has the number itself, and the
/// sheet shows no more.
pub fn read(text: &str, number: f64, said: &Said, by_itself: &str) -> Option<(String, Option<Kind>)> {
    if text == by_itself || text.len() > SHOWN_OCTETS_MAX {
        return None;
    }
    if is_padded(text, number) || (*said == Said::Share && text.contains('%')) {
        return Some((text.to_owned(), None));
    }
    let (Some(first), Some(last)) = (text.find(is_digit), text.rfind(is_digit)) else {
        return Some((by_itself.to_owned(), Some(Kind::Code)));
    };
    let (before, core) = text.split_at_checked(first)?;
    let (core, after) = core.split_at_checked(last + 1 - first)?;
    if core.contains(['E', 'e']) {
        return None;
    }
    let Some((plain, decimals)) = plain(core, number) else {
        return Some((by_itself.to_owned(), Some(Kind::Code)));
    };
    let is_name = *said == Said::Number && before.contains(char::is_alphanumeric);
    if is_name && !core.contains(|c| !is_digit(c)) {
        return Some((text.to_owned(), None));
    }
    let kind = match said {
        Said::Money(code) => {
            Kind::Money(CURRENCIES.into_iter().find(|known| known == code).or_else(|| currency_in(text)))
        }
        _ if core.contains(|c| !is_digit(c)) && after.trim().is_empty() && !is_name => Kind::Grouped(decimals),
        _ => Kind::Other,
    };
    let is_other = text != plain;
    Some((plain, is_other.then_some(kind)))
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// The number with the decimals that are shown, and how many; `None` where other digits are shown than it has.
fn plain(core: &str, number: f64) -> Option<(String, usize)> {
    let shown: String = core.chars().filter(char::is_ascii_digit).collect();
    let last = core.rfind(|c| !is_digit(c)).map_or(0, |at| core.get(at..).unwrap_or_default().chars().count() - 1);
    let (whole, fraction) = [last, 0].into_iter().find_map(|decimals| {
        let (whole, fraction) = rounded(number.abs(), decimals)?;
        let digits = format!("{whole}{fraction}");
        (digits.trim_start_matches('0') == shown.trim_start_matches('0')).then_some((whole, fraction))
    })?;
    let is_nothing = whole.bytes().chain(fraction.bytes()).all(|digit| digit == b'0');
    let minus = if number < 0.0 && !is_nothing { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    Some((format!("{minus}{whole}{point}{fraction}"), fraction.len()))
}

/// Whether a number is shown with zeros before it, or with signs between its digits that set off no thousands.
fn is_padded(text: &str, number: f64) -> bool {
    let are_ends = text.starts_with(is_digit) && text.ends_with(is_digit);
    let is_plain = text.chars().all(|c| is_digit(c) || matches!(c, '-' | ' ' | '/'));
    if !are_ends || !is_plain || !(0.0..NUMBER_MAX).contains(&number) || number.fract() != 0.0 {
        return false;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let is_longer = digits.len() > number.to_string().len();
    digits.parse() == Ok(number) && (is_longer || text.contains(['-', '/']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sheet_shows_is_told_from_a_number_as_others_write_it() {
        for (text, number, is_so) in [
            ("01067", 1067.0, true),
            ("02110-1234", 21_101_234.0, true),
            ("94105-1234", 941_051_234.0, true),
            ("007 12", 712.0, true),
            ("00", 0.0, true),
            ("1067", 1067.0, false),
            ("1 067", 1067.0, false),
            ("1.067", 1067.0, false),
            ("01067", 1068.0, false),
            ("-5", -5.0, false),
            ("0,5", 0.5, false),
            ("05", 5.5, false),
            ("", 0.0, false),
            ("4.9E+10", 49_170_123_456.0, false),
        ] {
            assert_eq!(is_padded(text, number), is_so, "{text}");
        }
    }

    #[test]
    fn of_an_amount_the_number_is_read_with_the_decimals_that_are_shown() {
        let money = Said::Money("EUR".to_owned());
        for (text, number, said, read_as) in [
            ("12,50 %", 0.125, &Said::Share, ("12,50 %", None)),
            ("1.234,50 €", 1234.5, &money, ("1234.50", Some(Kind::Money(Some("EUR"))))),
            ("7,00 €", 7.0, &Said::Money(String::new()), ("7.00", Some(Kind::Money(Some("EUR"))))),
            ("-1.234,50 €", -1234.5, &money, ("-1234.50", Some(Kind::Money(Some("EUR"))))),
            ("1.200", 1200.0, &Said::Number, ("1200", Some(Kind::Grouped(0)))),
            ("1 234 567,5", 1_234_567.5, &Said::Number, ("1234567.5", Some(Kind::Grouped(1)))),
            ("19,90", 19.9, &Said::Number, ("19.90", Some(Kind::Grouped(2)))),
            ("19.90", 19.9, &Said::Number, ("19.90", None)),
            ("Nr. 7", 7.0, &Said::Number, ("Nr. 7", None)),
            ("5 kg", 5.0, &Said::Number, ("5", Some(Kind::Other))),
            ("+5", 5.0, &Said::Number, ("5", Some(Kind::Other))),
            ("1/2", 0.5, &Said::Number, ("0.5", Some(Kind::Code))),
            ("", 5.0, &Said::Number, ("5", Some(Kind::Code))),
        ] {
            let (arrives, kind) = read(text, number, said, &number.to_string()).unwrap();
            assert_eq!((arrives.as_str(), kind), read_as, "{text}");
        }
        for (text, number) in [("5", 5.0), ("4.9E+10", 49_170_123_456.0)] {
            assert_eq!(read(text, number, &Said::Number, "5"), None, "{text}");
        }
    }
}
