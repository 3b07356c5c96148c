//! Numbers and money as a locale writes them, and the plural of a word.
//!
//! Rounding is by decimals, half away from zero: of the digits as they are written, not of the nearest binary fraction.

use super::{invalid, is_empty, is_number_of_row, locale_in, parted, shown};
use crate::content::cell;
use crate::content::locale::{Figures, Locality};
use minijinja::value::{Kwargs, Rest, Value, ValueKind, ValueOrKwargs};
use minijinja::{Error, State};
use std::borrow::Cow;

/// Decimals that a number can be asked for.
const DECIMALS_MAX: usize = 20;

/// Currencies and their signs; those of a locale's own currency are the locale's.
const SIGNS: [(&str, &str); 12] = [
    ("EUR", "€"),
    ("USD", "$"),
    ("GBP", "£"),
    ("JPY", "¥"),
    ("INR", "₹"),
    ("KRW", "₩"),
    ("PLN", "zł"),
    ("CZK", "Kč"),
    ("UAH", "₴"),
    ("ILS", "₪"),
    ("TRY", "₺"),
    ("VND", "₫"),
];
/// More currencies that stand beside amounts as their code.
const CODES: [&str; 8] = ["CHF", "SEK", "NOK", "DKK", "HUF", "RON", "CAD", "AUD"];
/// What dollars and their kin are called where there are several.
const DOLLARS: [(&str, &str); 9] = [
    ("USD", "US$"),
    ("CAD", "CA$"),
    ("CAD", "C$"),
    ("AUD", "AU$"),
    ("AUD", "A$"),
    ("NZD", "NZ$"),
    ("HKD", "HK$"),
    ("SGD", "S$"),
    ("BRL", "R$"),
];
/// Currencies without a smaller unit.
const WHOLE: [&str; 6] = ["JPY", "KRW", "VND", "CLP", "ISK", "HUF"];

/// The code of the currency that a sign or a code stands for.
pub(crate) fn currency_of(text: &str) -> Option<&'static str> {
    let by_sign = SIGNS.iter().chain(&DOLLARS).find(|(code, sign)| text == *sign || text.eq_ignore_ascii_case(code));
    by_sign.map(|(code, _)| *code).or_else(|| CODES.into_iter().find(|code| text.eq_ignore_ascii_case(code)))
}

/// A number by its decimal digits.
struct Decimal {
    is_negative: bool,
    whole: String,
    fraction: String,
}

impl Decimal {
    /// The same in a row, of which a number stays the number that it is.
    fn in_row(state: &State, value: &Value, locale: Locality) -> Result<Self, Error> {
        match value.as_str().map(str::trim).filter(|text| is_number_of_row(state, text)) {
            Some(text) => Self::of(&cell::number(text, None).unwrap_or_default(), locale),
            None => Self::of(value, locale),
        }
    }

    /// The number that `value` is, or that stands in it as text.
    fn of(value: &Value, locale: Locality) -> Result<Self, Error> {
        let number = match value.as_str() {
            Some(text) => read(text, locale),
            None => Some(value.clone()).filter(|value| value.kind() == ValueKind::Number),
        };
        let Some(number) = number else {
            let way_on = value.as_str().and_then(cell::locale_of_number);
            let way_on = way_on.map(|locale| format!("; locale = {locale:?} reads it")).unwrap_or_default();
            return Err(invalid(format!("{:?} is no number{way_on}", shown(value))));
        };
        let text = number.to_string();
        let (is_negative, digits) = text.strip_prefix('-').map_or((false, text.as_str()), |digits| (true, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(invalid(format!("{text} cannot be written with digits")));
        }
        // A whole number that is kept as a fraction has none to show.
        let fraction = if fraction == "0" { "" } else { fraction };
        Ok(Self { is_negative, whole: whole.to_owned(), fraction: fraction.to_owned() })
    }

    fn rounded(mut self, decimals: usize) -> Self {
        let up = self.fraction.as_bytes().get(decimals).is_some_and(|digit| *digit >= b'5');
        self.fraction.truncate(decimals);
        while self.fraction.len() < decimals {
            self.fraction.push('0');
        }
        if up {
            let mut digits: Vec<u8> = self.whole.bytes().chain(self.fraction.bytes()).collect();
            let carried = digits.iter_mut().rev().all(|digit| {
                *digit = if *digit == b'9' { b'0' } else { *digit + 1 };
                *digit == b'0'
            });
            if carried {
                digits.insert(0, b'1');
            }
            let point = digits.len() - decimals;
            let text: String = digits.into_iter().map(char::from).collect();
            let (whole, fraction) = text.split_at(point);
            (self.whole, self.fraction) = (whole.to_owned(), fraction.to_owned());
        }
        let is_zero = self.whole.bytes().chain(self.fraction.bytes()).all(|b| b == b'0');
        self.is_negative &= !is_zero;
        self
    }

    fn written(&self, figures: Figures) -> String {
        let mut out = String::new();
        let mut rest = self.whole.as_str();
        let mut groups = Vec::new();
        let mut sizes = figures.sizes.iter().map(|size| usize::try_from(*size).unwrap_or(0));
        let mut size = sizes.next().unwrap_or(0);
        while size > 0 && rest.len() > size && !figures.group.is_empty() {
            let (front, group) = rest.split_at(rest.len() - size);
            groups.push(group);
            rest = front;
            size = sizes.next().unwrap_or(size);
        }
        out.push_str(rest);
        for group in groups.iter().rev() {
            out.push_str(figures.group);
            out.push_str(group);
        }
        if !self.fraction.is_empty() {
            out.push_str(if figures.point.is_empty() { "." } else { figures.point });
            out.push_str(&self.fraction);
        }
        out
    }
}

/// A number as the locale writes it, or so that everybody reads it alike: `1.234,50` and `1,234.50` have a mark for thousands
/// and one for decimals. In parentheses it is negative, as in books.
fn read(text: &str, locale: Locality) -> Option<Value> {
    let text = text.trim();
    if let Some(inside) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        let is_bare = inside.trim().starts_with(|c: char| c.is_ascii_digit());
        return if is_bare { read(&format!("-{}", inside.trim()), locale) } else { None };
    }
    cell::number(text, Some(locale)).or_else(|| cell::number(&with_point(text)?, None))
}

/// A number with marks for thousands and for decimals, as Rust writes it; `None` where which is which is not certain.
fn with_point(text: &str) -> Option<String> {
    let (point, group) = match (text.rfind('.')?, text.rfind(',')?) {
        (point, comma) if point > comma => (point, ','),
        (_, comma) => (comma, '.'),
    };
    let (whole, fraction) = text.split_at_checked(point)?;
    let fraction = fraction.get(1..)?;
    let mut groups = whole.split(group);
    let first = groups.next()?.trim_start_matches('-');
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_one = first.len() <= 3 && are_digits(first) && groups.all(|three| three.len() == 3 && are_digits(three));
    (is_one && are_digits(fraction)).then(|| format!("{}.{fraction}", whole.replace(group, "")))
}

/// An amount without the sign or the code of its currency, and that.
fn without_currency<'t>(text: &'t str, symbol: &str) -> (&'t str, Option<&'t str>) {
    let text = text.trim();
    let known = SIGNS.iter().chain(&DOLLARS).flat_map(|(code, sign)| [*sign, *code]).chain(CODES).chain([symbol]);
    let mut known: Vec<&str> = known.filter(|known| !known.is_empty()).collect();
    known.sort_by_key(|known| std::cmp::Reverse(known.len()));
    for sign in known {
        let rest = text.strip_prefix(sign).or_else(|| text.strip_suffix(sign));
        if let Some(rest) = rest {
            let found = if text.starts_with(sign) { text.get(..sign.len()) } else { text.get(rest.len()..) };
            return (rest.trim(), found);
        }
    }
    (text, None)
}

/// The same of an amount that is negative, in front of its sign or in parentheses: `-$5.00`, `($5.00)`.
fn parted_amount<'t>(text: &'t str, symbol: &str) -> (Cow<'t, str>, Option<&'t str>) {
    let text = text.trim();
    let in_brackets = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    if let Some(inside) = in_brackets.or_else(|| text.strip_prefix(['-', '\u{2212}'])) {
        let (bare, sign) = without_currency(inside, symbol);
        if sign.is_some() && bare.starts_with(|c: char| c.is_ascii_digit()) {
            return (format!("-{bare}").into(), sign);
        }
    }
    let (bare, sign) = without_currency(text, symbol);
    (bare.into(), sign)
}

fn decimals_in(kwargs: &Kwargs, positional: Option<usize>) -> Result<Option<usize>, Error> {
    let decimals = match positional {
        Some(decimals) => Some(decimals),
        None => kwargs.get::<Option<usize>>("decimals")?,
    };
    match decimals {
        Some(decimals) if decimals > DECIMALS_MAX => Err(invalid(format!("more than {DECIMALS_MAX} decimals"))),
        decimals => Ok(decimals),
    }
}

/// `{{ points | number }}`, `{{ share | number(1) }}`.
pub(crate) fn number(state: &State, value: &Value, decimals: Option<usize>, kwargs: Kwargs) -> Result<String, Error> {
    let decimals = decimals_in(&kwargs, decimals)?;
    let locale = locale_in(state, &kwargs)?;
    if is_empty(value) {
        return Ok(String::new());
    }
    let mut number = Decimal::in_row(state, value, locale)?;
    if let Some(decimals) = decimals {
        number = number.rounded(decimals);
    }
    let sign = if number.is_negative { "-" } else { "" };
    Ok(format!("{sign}{}", number.written(locale.figures())))
}

/// Jinja2's `round`; and with the method `away` half away from zero, of the digits as they are written: `2.675|round(2, "away")`
/// is 2.68. A whole number stays one.
///
/// # Errors
/// What is no number, a method that is not known, a number of more digits than are computed with.
pub(crate) fn round(
    value: Value,
    precision: Option<i32>,
    method: Option<&str>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let by_name = kwargs.get::<Option<String>>("method")?;
    if method.or(by_name.as_deref()) != Some("away") {
        return minijinja::filters::round(value, precision, method, kwargs);
    }
    let precision = match precision {
        Some(precision) => precision,
        None => kwargs.get::<Option<i32>>("precision")?.unwrap_or(0),
    };
    kwargs.assert_all_used()?;
    let value = match value.as_str() {
        Some(text) => cell::number(text.trim(), None).unwrap_or(value),
        None => value,
    };
    let Ok(decimals) = usize::try_from(precision) else { return rounded_whole(&value, precision) };
    if value.is_integer() {
        return Ok(value);
    }
    // What is written with an exponent has no digits where it is cut, or none behind the point.
    let Ok(number) = Decimal::of(&value, Locality::usual()) else {
        return minijinja::filters::round(value, Some(precision), None, kwargs);
    };
    let number = number.rounded(decimals.min(DECIMALS_MAX));
    let sign = if number.is_negative { "-" } else { "" };
    let text = format!("{sign}{}.{}", number.whole, if number.fraction.is_empty() { "0" } else { &number.fraction });
    text.parse::<f64>().map(Value::from).map_err(|_| invalid(format!("{text} is no number")))
}

/// A number to tens, hundreds and so on, half away from zero.
fn rounded_whole(value: &Value, precision: i32) -> Result<Value, Error> {
    let too_large = || invalid("the number is too large to be rounded so");
    let Decimal { is_negative, whole, .. } = Decimal::of(value, Locality::usual())?;
    let whole = whole.parse::<i128>().map_err(|_| too_large())?;
    let whole = if is_negative { -whole } else { whole };
    let factor = 10i128.checked_pow(precision.unsigned_abs()).ok_or_else(too_large)?;
    let half = whole.signum().checked_mul(factor / 2).ok_or_else(too_large)?;
    let steps = whole.checked_add(half).ok_or_else(too_large)? / factor;
    steps.checked_mul(factor).map(Value::from).ok_or_else(too_large)
}

/// `{{ total | money("EUR") }}`; without a currency that of the locale.
pub(crate) fn money(state: &State, value: &Value, currency: Option<&str>, kwargs: Kwargs) -> Result<String, Error> {
    let decimals = decimals_in(&kwargs, None)?;
    let locale = locale_in(state, &kwargs)?;
    if is_empty(value) {
        return Ok(String::new());
    }
    let habits = locale.money();
    let code = currency.unwrap_or(habits.code).to_ascii_uppercase();
    let sign = match SIGNS.iter().find(|(known, _)| *known == code) {
        _ if code == habits.code => habits.symbol,
        Some((_, sign)) => sign,
        None => code.as_str(),
    };
    let decimals = decimals.unwrap_or(if WHOLE.contains(&code.as_str()) { 0 } else { 2 });
    let bare = value.as_str().map(|text| parted_amount(text, habits.symbol));
    let is_it = |other: &str| other == sign || other == code || DOLLARS.contains(&(code.as_str(), other));
    let value = match bare {
        Some((_, Some(other))) if !is_it(other) => {
            return Err(invalid(format!("{:?} is an amount in {other}, and not in {code}", shown(value))));
        }
        Some((bare, Some(_))) => Value::from(bare),
        _ => value.clone(),
    };
    let number = Decimal::in_row(state, &value, locale)?.rounded(decimals);
    let figures = if habits.figures.point.is_empty() { locale.figures() } else { habits.figures };
    let minus = if number.is_negative { "-" } else { "" };
    let amount = number.written(figures);
    // A code of letters is never written onto the number.
    let blank = if habits.apart || sign.chars().all(|c| c.is_ascii_uppercase()) { "\u{a0}" } else { "" };
    Ok(match habits.leads {
        true => format!("{minus}{sign}{blank}{amount}"),
        false => format!("{minus}{amount}{blank}{sign}"),
    })
}

/// `{{ n }} {{ n | plural("item", "items") }}`; languages with more forms take as many, in the order of CLDR.
pub(crate) fn plural(state: &State, value: &Value, given: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let (forms, kwargs) = parted(given);
    let kwargs = kwargs.unwrap_or_else(|| Kwargs::from_iter(Vec::<(String, Value)>::new()));
    let locale = locale_in(state, &kwargs)?;
    let Some(last) = forms.len().checked_sub(1).filter(|last| *last > 0) else {
        return Err(invalid("it needs the forms of the word: plural(\"item\", \"items\")"));
    };
    if is_empty(value) {
        return Ok(forms.get(last).cloned().unwrap_or_default());
    }
    let count = match value.len().filter(|_| value.as_str().is_none()) {
        Some(items) => Decimal { is_negative: false, whole: items.to_string(), fraction: String::new() },
        None => Decimal::in_row(state, value, locale)?,
    };
    let form = form_of(&locale.language(), &count).min(last);
    Ok(forms.get(form).cloned().unwrap_or_default())
}

/// `{{ n }} item{{ n | pluralize }}`, as Django has it. The text of a cell counts as the number that it is.
pub(crate) fn pluralize(
    state: &State,
    value: &Value,
    singular: Option<Value>,
    plural: Option<Value>,
) -> Result<Value, Error> {
    let count = match value.as_str() {
        _ if is_empty(value) => Value::from(0),
        Some(_) => {
            let locale = locale_in(state, &Kwargs::from_iter(Vec::<(String, Value)>::new()))?;
            let Decimal { is_negative, whole, fraction } = Decimal::in_row(state, value, locale)?;
            let is_one = !is_negative && whole == "1" && fraction.bytes().all(|b| b == b'0');
            Value::from(if is_one { 1 } else { 2 })
        }
        None => value.clone(),
    };
    minijinja_contrib::filters::pluralize(&count, singular, plural)
}

/// Which form of a word goes with a number (CLDR's rules for cardinals).
fn form_of(language: &str, count: &Decimal) -> usize {
    let is_whole = count.fraction.bytes().all(|b| b == b'0');
    let ends = |digits: usize| {
        let from = count.whole.len().saturating_sub(digits);
        count.whole.get(from..).and_then(|end| end.parse::<u32>().ok()).unwrap_or(0)
    };
    let (ten, hundred) = (ends(1), ends(2));
    let is = |number: u32| count.whole == number.to_string();
    let teens = (11..=14).contains(&hundred);
    match language {
        "ja" | "zh" | "ko" | "vi" | "th" | "id" | "ms" | "lo" | "my" => 0,
        "fr" | "pt" => usize::from(!(is(0) || is(1))),
        "ru" | "uk" | "be" | "sr" | "hr" | "bs" if is_whole => match ten {
            1 if !teens => 0,
            2..=4 if !teens => 1,
            _ => 2,
        },
        "pl" if is_whole => match ten {
            _ if is(1) => 0,
            2..=4 if !teens => 1,
            _ => 2,
        },
        "cs" | "sk" if is_whole => match count.whole.as_str() {
            "1" => 0,
            "2" | "3" | "4" => 1,
            _ => 2,
        },
        "ro" if is_whole => match hundred {
            _ if is(1) => 0,
            _ if is(0) => 1,
            1..=19 => 1,
            _ => 2,
        },
        "lt" if is_whole => match ten {
            _ if (11..=19).contains(&hundred) => 2,
            1 => 0,
            2..=9 => 1,
            _ => 2,
        },
        "sl" if is_whole => match hundred {
            1 => 0,
            2 => 1,
            3 | 4 => 2,
            _ => 3,
        },
        "ru" | "uk" | "be" | "sr" | "hr" | "bs" | "pl" | "cs" | "sk" | "ro" | "lt" | "sl" => 1,
        _ => usize::from(!(is(1) && is_whole)),
    }
}
