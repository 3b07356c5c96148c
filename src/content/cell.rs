//! A cell of the list: as text, as it stands there, and as the kind of value that its column holds.
//!
//! A field that begins with [`JSON_MARK`] is a value of a JSON list that is no string, as JSON, or a number of a workbook,
//! which is no text of anybody and has a decimal point in every locale; every other field is text.
//! Guarantees: what a template prints of a cell is what stands in the list; a cell that is not what its column is declared
//! to be is an error of its row, never another value.

use super::locale::Locality;
use super::nested::of_json;
use super::template::one_kind_of_line_break;
use minijinja::value::Value;
use std::borrow::Cow;

/// No text of a list holds this octet, so that a field which begins with it is JSON.
pub const JSON_MARK: u8 = 0;

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Text, whatever it looks like.
    Text,
    /// A number: `120`, `-3.5`, and with a locale as people write it there.
    Number,
    /// A number without a fraction.
    Integer,
    /// `true` `yes` `on` `1`, `false` `no` `off` `0`, and what other languages say for them: see [`truth_of`].
    Boolean,
    /// A day, perhaps with a time.
    Date,
}

impl ColumnType {
    const WORDS: [(&str, Self); 5] = [
        ("text", Self::Text),
        ("number", Self::Number),
        ("integer", Self::Integer),
        ("boolean", Self::Boolean),
        ("date", Self::Date),
    ];

    /// The type of this name.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|&(_, kind)| kind)
    }

    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, kind)| *kind == self).map_or("", |&(word, _)| word)
    }

    /// Whether its values are numbers.
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Number | Self::Integer)
    }
}

/// A number of a workbook as a field: with the mark, where a locale might read its text as another number.
#[must_use]
pub fn field_of_number(text: &str) -> Option<Vec<u8>> {
    let is_told = text.contains('.') && is_plainly_number(text.as_bytes());
    is_told.then(|| [&[JSON_MARK], text.as_bytes()].concat())
}

/// A field of a list whose cells are text, without the mark of a number.
#[must_use]
pub fn bare(field: &[u8]) -> &[u8] {
    json(field).filter(|number| is_plainly_number(number)).unwrap_or(field)
}

/// The text of a field that is a number, where another number might be read from it: `1.125`, with a mark as thousands have.
pub(crate) fn misread_number(field: &[u8]) -> Option<&str> {
    json(field).and_then(|json| std::str::from_utf8(json).ok()).filter(|text| is_misread(text))
}

/// Whether one point stands in a number where a mark of thousands might.
pub(crate) fn is_misread(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    unsigned
        .split_once('.')
        .is_some_and(|(whole, three)| whole.len() <= 3 && three.len() == 3 && are_digits(whole) && are_digits(three))
}

/// Whether a field is a number by itself, whatever a locale makes of its text.
pub(crate) fn is_number_by_itself(field: &[u8]) -> bool {
    json(field).is_some_and(|json| json.starts_with(b"-") || json.first().is_some_and(u8::is_ascii_digit))
}

/// The JSON of a field that is no text.
fn json(field: &[u8]) -> Option<&[u8]> {
    field.split_first().filter(|(mark, _)| **mark == JSON_MARK).map(|(_, json)| json)
}

/// A field as a template prints it: text is itself, a number is as it was written, `null` is nothing; lists and objects are
/// as Python prints them. What is not UTF-8 becomes U+FFFD, and line breaks become LF.
pub(crate) fn as_written(field: &[u8]) -> Cow<'_, str> {
    match json(field) {
        None => clean(field),
        Some(b"null") => Cow::Borrowed(""),
        Some(number @ [b'0'..=b'9' | b'-', ..]) => clean(number),
        Some(json) => Cow::Owned(of_json(json).to_string()),
    }
}

fn clean(field: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(field) {
        Cow::Borrowed(text) => one_kind_of_line_break(text),
        Cow::Owned(text) => Cow::Owned(one_kind_of_line_break(&text).into_owned()),
    }
}

/// A field as what it is: JSON as its own kind, text as `kind` says.
///
/// # Errors
/// The text is not of that kind.
pub(crate) fn as_kind(field: &[u8], kind: Option<ColumnType>, locale: Option<Locality>) -> Result<Value, &'static str> {
    let locale = locale.filter(|_| !is_number_by_itself(field));
    match (json(field), kind) {
        (Some(json), None) => Ok(of_json(json)),
        (Some(json), Some(kind)) => match (kind, of_json(json)) {
            (_, value) if value.is_none() => Ok(value),
            (ColumnType::Number, value) if value.is_number() => Ok(value),
            (ColumnType::Integer, value) if value.is_integer() => Ok(value),
            (ColumnType::Boolean, value) if value.kind() == minijinja::value::ValueKind::Bool => Ok(value),
            (kind, _) => of_text(&as_written(field), kind, locale),
        },
        (None, None) => Ok(Value::from(as_written(field))),
        (None, Some(kind)) => of_text(&as_written(field), kind, locale),
    }
}

fn of_text(text: &str, kind: ColumnType, locale: Option<Locality>) -> Result<Value, &'static str> {
    let trimmed = text.trim();
    match kind {
        ColumnType::Text => Ok(Value::from(text)),
        ColumnType::Number => number(trimmed, locale).ok_or("no number"),
        ColumnType::Integer => number(trimmed, locale).filter(Value::is_integer).ok_or("no whole number"),
        ColumnType::Boolean => {
            truth_of(trimmed).map(Value::from).ok_or("neither true nor false (yes/no, on/off, 1/0, ja/nein, oui/non)")
        }
        ColumnType::Date => {
            super::filters::dates::read(trimmed, None).map(|date| Value::from(date.text())).ok_or("no date")
        }
    }
}

/// What says yes. No word of these says no in another language, so that no locale is needed to tell them.
const YES: [&str; 62] = [
    "1",
    "true",
    "yes",
    "y",
    "on",
    "wahr",
    "ja",
    "j",
    "vrai",
    "oui",
    "verdadero",
    "vero",
    "verdadeiro",
    "sí",
    "si",
    "sì",
    "sim",
    "waar",
    "sant",
    "sann",
    "sand",
    "tosi",
    "kyllä",
    "prawda",
    "tak",
    "pravda",
    "ano",
    "igaz",
    "igen",
    "da",
    "doğru",
    "evet",
    "да",
    "истина",
    "ναι",
    "o",
    "s",
    "t",
    "v",
    "x",
    "д",
    "áno",
    "já",
    "jah",
    "jā",
    "taip",
    "bai",
    "ya",
    "так",
    "はい",
    "是",
    "예",
    "네",
    "نعم",
    "כן",
    "हाँ",
    "✓",
    "✔",
    "✅",
    "☑",
    "checked",
    "ticked",
];
/// What says no; of Turkish also as its capitals are without its own dotless i.
const NO: [&str; 57] = [
    "0",
    "false",
    "no",
    "n",
    "off",
    "falsch",
    "nein",
    "faux",
    "non",
    "falso",
    "não",
    "nao",
    "onwaar",
    "nee",
    "falskt",
    "nej",
    "falsk",
    "usann",
    "nei",
    "epätosi",
    "ei",
    "fałsz",
    "nie",
    "nepravda",
    "ne",
    "hamis",
    "nem",
    "nu",
    "yanlış",
    "yanliş",
    "hayır",
    "hayir",
    "нет",
    "ложь",
    "όχι",
    "f",
    "н",
    "nē",
    "ez",
    "tidak",
    "не",
    "ні",
    "οχι",
    "いいえ",
    "否",
    "아니요",
    "아니오",
    "لا",
    "לא",
    "नहीं",
    "✗",
    "✘",
    "✖",
    "❌",
    "☐",
    "unchecked",
    "unticked",
];

/// Whether a word of a list says yes or no, in upper case or lower: the words of English and of other languages that sheets
/// and forms are written in, the letters that stand for them, and what ticks a box. `None` for any other text.
#[must_use]
pub fn truth_of(text: &str) -> Option<bool> {
    /// Octets of the longest word, and some for letters that are longer in upper case.
    const OCTETS_MAX: usize = 24;
    // A sign may come with what says in which form it is shown.
    let text = text.trim().trim_end_matches(['\u{fe0e}', '\u{fe0f}']);
    if text.len() > OCTETS_MAX {
        return None;
    }
    let word = text.to_lowercase();
    let word = word.as_str();
    if YES.contains(&word) { Some(true) } else { NO.contains(&word).then_some(false) }
}

/// A number as people write it; with a locale its decimal point and its groups of digits count.
pub(crate) fn number(text: &str, locale: Option<Locality>) -> Option<Value> {
    let plain = |text: &str| {
        let shape = text.bytes().any(|b| b.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
        if !shape {
            return None;
        }
        let whole = text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<i128>().map(Value::from)).ok();
        whole.or_else(|| text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from))
    };
    match locale {
        None => plain(text),
        Some(locale) => locale.plain_number(text).and_then(|text| plain(&text)).or_else(|| plain(text)),
    }
}

/// Where people write a number so that is none by itself (`1,5`, `1.234,50`): the name of a locale, for a hint.
#[must_use]
pub fn locale_of_number(text: &str) -> Option<&'static str> {
    let text = text.trim();
    let is_one = |name: &&str| Locality::of(name).is_some_and(|locale| number(text, Some(locale)).is_some());
    ["de_DE", "en_US", "fr_FR", "de_CH"].into_iter().find(is_one).filter(|_| number(text, None).is_none())
}

/// Whether a cell is a number that everybody reads as the same one, and no name of a place or of a telephone: no leading
/// zero, no sign but a minus, no exponent, no comma, and not more digits than a number keeps.
#[must_use]
pub fn is_plainly_number(cell: &[u8]) -> bool {
    const DIGITS: usize = 15;
    let unsigned = cell.strip_prefix(b"-").unwrap_or(cell);
    let point = memchr::memchr(b'.', unsigned);
    let (whole, fraction) = match point {
        Some(at) => (unsigned.get(..at).unwrap_or_default(), unsigned.get(at + 1..)),
        None => (unsigned, None),
    };
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    digits(whole)
        && (whole.len() == 1 || !whole.starts_with(b"0"))
        && fraction.is_none_or(digits)
        && whole.len() + fraction.map_or(0, <[u8]>::len) <= DIGITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_prints_as_it_stands_in_the_list() {
        let cases: [(&[u8], &str); 12] = [
            (b"007", "007"),
            (b"a\r\nb", "a\nb"),
            (b"\xff", "\u{fffd}"),
            (b"\x0019.90", "19.90"),
            (b"\x001e5", "1e5"),
            (b"\0null", ""),
            (b"\0true", "True"),
            (b"\0[1, \"a\"]", "[1, 'a']"),
            (b"\0{\"b\": null, \"a\": 2.50}", "{'b': None, 'a': 2.5}"),
            (b"\0[12345678901234567890, -98765432109876543210]", "[12345678901234567890, -98765432109876543210]"),
            (
                b"\0{\"a\": 1234567890123456789012345678901234567890123, \"0\": 1}",
                "{'a': 1234567890123456789012345678901234567890123, '0': 1}",
            ),
            (b"", ""),
        ];
        for (field, text) in cases {
            assert_eq!(as_written(field), text, "{field:?}");
        }
    }

    #[test]
    fn a_cell_is_what_its_column_is_declared_to_be_or_an_error() {
        use ColumnType::{Boolean, Date, Integer, Number, Text};
        let read = |cell: &str, kind| as_kind(cell.as_bytes(), Some(kind), None).map(|v| v.to_string());
        assert_eq!(read("007", Number), Ok("7".into()));
        assert_eq!(read("-3.50", Number), Ok("-3.5".into()));
        assert_eq!(read("1e3", Number), Ok("1000.0".into()));
        assert_eq!(read("7", Integer), Ok("7".into()));
        assert_eq!(read("7.5", Integer), Err("no whole number"));
        for cell in ["1,5", "n/a", "inf", "nan", "0x10", "", "12 000"] {
            assert_eq!(read(cell, Number), Err("no number"), "{cell}");
        }
        let german = Locality::of("de_DE");
        let number = as_kind(b"1.234,5", Some(Number), german).map(|v| v.to_string());
        assert_eq!(number, Ok("1234.5".into()));
        assert_eq!(read("Yes", Boolean), Ok("True".into()));
        for (yes, no) in [
            ("TRUE", "False"),
            ("WAHR", "Falsch"),
            ("ja", "NEIN"),
            ("Oui", "non"),
            ("SÍ", "no"),
            ("Да", "НЕТ"),
            ("1", "0"),
            ("はい", "いいえ"),
            ("是", "否"),
            ("T", "F"),
            ("✔\u{fe0f}", "✗"),
            ("☑", "☐"),
            ("Checked", "unchecked"),
            ("x", "οχι"),
        ] {
            assert_eq!((read(yes, Boolean), read(no, Boolean)), (Ok("True".into()), Ok("False".into())), "{yes} {no}");
        }
        for neither in ["maybe", "2", "", "yes, please"] {
            assert!(read(neither, Boolean).is_err(), "{neither}");
        }
        assert!(
            YES.iter().all(|word| truth_of(word) == Some(true)) && NO.iter().all(|word| truth_of(word) == Some(false))
        );
        assert!(YES.iter().all(|word| NO.iter().all(|other| other != word)));
        assert_eq!(read("24.12.2026", Date), Ok("2026-12-24".into()));
        assert_eq!(read("soon", Date), Err("no date"));
        assert_eq!(read("007", Text), Ok("007".into()));
        assert_eq!(as_kind(b"\x005", Some(Text), None).map(|v| v.is_number()), Ok(false));
    }

    #[test]
    fn a_number_that_is_no_text_is_the_same_in_each_locale() {
        use ColumnType::{Integer, Number};
        let german = Locality::of("de_DE");
        let read = |field: &[u8], kind| as_kind(field, Some(kind), german).map(|v| v.to_string());
        assert_eq!(read(b"1.799", Number), Ok("1799".into()));
        assert_eq!(read(b"\x001.799", Number), Ok("1.799".into()));
        assert_eq!(read(b"\x001.250", Integer), Err("no whole number"));
        assert_eq!(field_of_number("1.799").as_deref(), Some(&b"\x001.799"[..]));
        for text in ["1799", "12.5%", "01.5", "2026-01-02", "1.2.3"] {
            assert_eq!(field_of_number(text), None, "{text}");
        }
        assert_eq!((bare(b"\x001.5"), bare(b"1.5"), bare(b"\0[1]")), (&b"1.5"[..], &b"1.5"[..], &b"\0[1]"[..]));
        assert_eq!((misread_number(b"\x001.250"), misread_number(b"\x0012.5")), (Some("1.250"), None));
    }

    #[test]
    fn what_might_be_a_name_of_something_is_no_number_by_itself() {
        for number in ["0", "7", "120", "-3", "19.90", "0.5", "123456789012345"] {
            assert!(is_plainly_number(number.as_bytes()), "{number}");
        }
        for text in
            ["", "007", "01067", "+49", "1e5", "1,5", "1.", ".5", "1.2.3", "--1", " 1", "1234567890123456", "0x1"]
        {
            assert!(!is_plainly_number(text.as_bytes()), "{text}");
        }
    }
}
