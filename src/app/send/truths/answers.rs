//! What the cells of a column say: yes or no, amounts, and which of them are neither.
//!
//! Guarantees: bounded by the spellings that are kept. Leaves to others: what follows for a template that asks (`asked`).

use super::super::cells::is_for_nothing;
use crate::content::{JSON_MARK, is_plainly_number, truth_of};

/// Characters of a cell that are shown.
const CHARACTERS: usize = 40;
/// Spellings that are kept of one thing, and odd cells that are told.
const SPELLINGS_MAX: usize = 24;
const ODD_MAX: usize = 3;
/// Words that stand beside amounts of money.
const CURRENCIES: [&str; 18] = [
    "EUR", "USD", "GBP", "CHF", "PLN", "CZK", "HUF", "SEK", "NOK", "DKK", "RON", "kr", "kr.", "zł", "Kč", "Ft", "lei",
    "Fr.",
];
/// What stands in cells of which nothing is known, beside words for nothing and signs without a letter or a digit.
const UNKNOWN: [&str; 5] = ["na", "k.a.", "k. a.", "unknown", "tbd"];

/// What columns of languages and countries are called.
const CODED: [&str; 21] = [
    "lang",
    "language",
    "languages",
    "locale",
    "sprache",
    "langue",
    "idioma",
    "lingua",
    "taal",
    "sprog",
    "språk",
    "język",
    "country",
    "land",
    "pays",
    "país",
    "pais",
    "paese",
    "kraj",
    "nation",
    "nationality",
];
/// What stands where nothing is meant.
const DASHES: [char; 5] = ['-', '‐', '–', '—', '−'];

/// A cell as it stands in the list, and its line.
pub(super) type Cell = (u64, String);

/// Different cells that say one thing, each with the line of its first.
#[derive(Default)]
pub(super) struct Spellings(pub(super) Vec<Cell>);

impl Spellings {
    fn note(&mut self, line: u64, cell: &str) {
        if self.0.len() < SPELLINGS_MAX && self.0.iter().all(|(_, known)| known != cell) {
            self.0.push((line, cell.to_owned()));
        }
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, text)| text.as_str())
    }
}

/// Cells that do not fit among the others.
#[derive(Default)]
pub(super) struct Odd {
    words: u64,
    /// Signs and words of which nothing is known.
    marks: u64,
    has_amounts: bool,
    pub(super) first: Spellings,
    pub(super) spelt_marks: Spellings,
}

impl Odd {
    fn note(&mut self, line: u64, cell: &str, is_amount: bool) {
        let text = cell.trim();
        let is_unknown = || is_for_nothing(text) || UNKNOWN.contains(&text.to_lowercase().as_str());
        let is_mark = !text.contains(char::is_alphanumeric) || is_unknown();
        *(if is_mark { &mut self.marks } else { &mut self.words }) += 1;
        self.has_amounts |= is_amount;
        if self.first.0.len() < ODD_MAX {
            self.first.note(line, cell);
        }
        if is_mark {
            self.spelt_marks.note(line, cell);
        }
    }

    /// Whether there are none.
    pub(super) fn is_none(&self) -> bool {
        self.words + self.marks == 0
    }

    /// Whether they are few beside this many that fit: one word in ten, or one at all, and no more signs than those.
    fn are_few(&self, fit: u64) -> bool {
        const FEWEST_BESIDE_SIGNS: u64 = 2;
        const FEWEST_BESIDE_A_WORD: u64 = 3;
        let few_words = match self.words {
            0 => true,
            1 => fit >= FEWEST_BESIDE_A_WORD,
            words => words * 10 <= fit + words,
        };
        self.is_none() || (few_words && fit >= FEWEST_BESIDE_SIGNS && self.marks <= fit)
    }

    /// The first of them, with their lines.
    pub(super) fn told(&self) -> String {
        let told: Vec<String> =
            self.first.0.iter().map(|(line, text)| format!("{:?} (line {line})", front(text))).collect();
        told.join(", ")
    }
}

/// What the cells of one column say.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) first: Option<Cell>,
    pub(super) yes: Spellings,
    pub(super) no: Spellings,
    pub(super) zeros: Spellings,
    /// How many say yes or no, whether any of them in letters, and what does neither: text, lists and objects.
    answers: u64,
    has_words: bool,
    pub(super) no_answers: Odd,
    /// How many are amounts or dates; and what is none.
    amounts: u64,
    pub(super) no_amounts: Odd,
    /// Cells that show nothing but a dash, blanks, or a word for nothing; and whether others are of signs alone.
    pub(super) dashes: Spellings,
    pub(super) has_other_signs: bool,
    pub(super) has_empty: bool,
    /// By its name the column is of languages or countries.
    may_be_codes: bool,
    /// Text that is not plainly a number.
    pub(super) has_signs: bool,
}

impl Answers {
    /// Of no cell yet of this column.
    pub(super) fn of(column: &str) -> Self {
        Self { may_be_codes: holds_codes(column), ..Self::default() }
    }

    pub(super) fn take(&mut self, line: u64, cell: &[u8]) {
        match cell.strip_prefix(&[JSON_MARK]) {
            Some(b"null") => return self.has_empty = true,
            Some(json) if json.starts_with(b"[") || json.starts_with(b"{") => {
                return self.no_answers.note(line, &String::from_utf8_lossy(json), false);
            }
            // These are what they are.
            Some(_) => return,
            None if cell.is_empty() => return self.has_empty = true,
            None => {}
        }
        let text = String::from_utf8_lossy(cell);
        match text.trim() {
            dash if dash.chars().all(|c| DASHES.contains(&c)) => self.dashes.note(line, &text),
            word if is_for_nothing(word) => self.dashes.note(line, &text),
            other => self.has_other_signs |= !other.contains(char::is_alphanumeric),
        }
        if text.trim().is_empty() {
            return self.has_empty = true;
        }
        if self.first.is_none() {
            self.first = Some((line, text.clone().into_owned()));
        }
        let amount = amount(text.trim());
        let answer = truth_of(&text);
        match answer {
            Some(true) => self.yes.note(line, &text),
            Some(false) => self.no.note(line, &text),
            None => self.no_answers.note(line, &text, amount.is_some()),
        }
        self.answers += u64::from(answer.is_some());
        self.has_words |= answer.is_some() && amount.is_none();
        match amount {
            Some(true) => self.zeros.note(line, &text),
            Some(false) => {}
            None => self.no_amounts.note(line, &text, false),
        }
        self.amounts += u64::from(amount.is_some());
        self.has_signs |= !is_plainly_number(text.trim().as_bytes());
    }

    /// Whether nearly all of them say yes or no.
    pub(super) fn are_answers(&self) -> bool {
        // `0` and `1` beside other numbers are numbers.
        let are_numbers = self.no_answers.has_amounts && !self.has_words;
        self.answers > 0 && !are_numbers && !self.are_codes() && self.no_answers.are_few(self.answers)
    }

    /// Whether what says yes or no in a column of languages or countries has two letters, as their codes have.
    fn are_codes(&self) -> bool {
        let is_letter = |c: char| c.is_ascii_alphabetic();
        let is_code = |text: &str| text.trim().len() == 2 && text.trim().chars().all(is_letter);
        self.may_be_codes && self.yes.all().chain(self.no.all()).all(is_code)
    }

    /// Whether this letter, which the letter compares them with, and they may as well be those of something else: of sizes, of
    /// days, of a mark beside digits. All of them say the same then. `y`, `j` and `n` are hardly that.
    pub(super) fn are_letters(&self, word: &str) -> bool {
        let is_initial = |text: &str| ["y", "j", "n"].iter().any(|initial| text.trim().eq_ignore_ascii_case(initial));
        let is_code = |text: &str| text.trim().chars().count() == 1 && text.contains(char::is_alphanumeric);
        let all = || self.yes.all().chain(self.no.all());
        let any = |kind: fn(char) -> bool| all().any(|text| text.contains(kind));
        (self.yes.0.is_empty() || self.no.0.is_empty())
            && is_code(word)
            && !is_initial(word)
            && all().all(is_code)
            && any(char::is_alphabetic)
            && !(any(char::is_numeric) && all().any(is_initial))
    }

    /// Whether nearly all of them are amounts, or dates.
    pub(super) fn are_amounts(&self) -> bool {
        self.amounts > 0 && self.no_amounts.are_few(self.amounts)
    }

    /// The first cell that says no in a column that says yes or no. One of nothing but `NO` is that of a country, one of `F` says
    /// of what sex people are, and one of `no` beside other words is that of a language.
    pub(super) fn no(&self) -> Option<&Cell> {
        let has_yes = !self.yes.0.is_empty();
        let is_no =
            |(_, text): &&Cell| has_yes || (!matches!(text.trim(), "NO" | "F" | "f") && self.no_answers.words == 0);
        self.no.0.first().filter(is_no).filter(|_| self.are_answers())
    }
}

/// Whether a column is of languages or countries by its name, where `no`, `da`, `si` and `ne` are codes of some.
fn holds_codes(column: &str) -> bool {
    let words = column.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    words.into_iter().any(|word| CODED.contains(&word.strip_suffix("code").unwrap_or(&word)))
}

/// The front of a cell, as it is shown.
pub(super) fn front(text: &str) -> String {
    text.trim().chars().take(CHARACTERS).collect()
}

/// Whether an amount or a date is nothing: `0`, `0,00 €`, `0000-00-00`. `None` where it is no amount and no date.
pub(super) fn amount(text: &str) -> Option<bool> {
    let word = CURRENCIES.iter().find(|word| text.starts_with(**word) || text.ends_with(**word));
    let text = word.map_or(text, |word| text.trim_start_matches(word).trim_end_matches(word)).trim();
    let is_sign = |c: char| " \u{a0}\u{202f}.,:'’+-−–/()%€$£¥₹₽₺TZ".contains(c);
    if text.len() > CHARACTERS || !text.chars().all(|c| c.is_ascii_digit() || is_sign(c)) {
        return None;
    }
    let first = text.find(|c: char| c.is_ascii_digit())?;
    let whole = text.get(first..)?.bytes().take_while(u8::is_ascii_digit).count();
    let is_nothing = text.bytes().all(|b| !b.is_ascii_digit() || b == b'0');
    // `007` is a number of something, and so may be `000`.
    Some(is_nothing && (whole == 1 || text.starts_with("0000-00-00") || text.starts_with("00.00.0000")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no(cells: &[&str]) -> Option<String> {
        let mut answers = Answers::default();
        for (line, cell) in (2..).zip(cells) {
            answers.take(line, cell.as_bytes());
        }
        answers.no().map(|(line, text)| format!("{line} {}", front(text)))
    }

    #[test]
    fn amounts_and_dates_that_are_nothing_are_told_from_others() {
        for nothing in
            ["0", "0.00", "-0", "0,00 €", "€0.00", "EUR 0,00", "0 %", "0000-00-00", "0000-00-00 00:00:00", "0:00"]
        {
            assert_eq!(amount(nothing), Some(true), "{nothing}");
        }
        for some in ["1", "0.05", "1.000,00 €", "2026-01-01T00:00:00Z", "007", "000", "+49 351 1", "10"] {
            assert_eq!(amount(some), Some(false), "{some}");
        }
        for word in ["", "n/a", "zero", "0 items", "-", "EUR"] {
            assert_eq!(amount(word), None, "{word}");
        }
    }

    #[test]
    fn a_column_says_no_where_each_of_its_words_is_one_of_yes_or_no() {
        for (cells, told) in [
            (&["TRUE", "FALSE"][..], "3 FALSE"),
            (&["", "wahr", " Falsch "], "4 Falsch"),
            (&["0", "0"], "2 0"),
            (&["\0true", "\0null", "false"], "4 false"),
            (&["no"], "2 no"),
            (&["SI", "NO"], "3 NO"),
            (&["yes", "?", "no"], "4 no"),
            (&["yes", "no", "yes", "perhaps"], "3 no"),
            (&["はい", "いいえ"], "3 いいえ"),
            (&["✓", "✗"], "3 ✗"),
            (&["T", "F"], "3 F"),
            (&["x", "", "☐"], "4 ☐"),
        ] {
            assert_eq!(no(cells).as_deref(), Some(told), "{cells:?}");
        }
        for cells in [
            &["yes", "yes"][..],
            &["yes", "no", "perhaps"],
            &["0", "1", "2"],
            &["NO", "NO"],
            &["F", "F"],
            &["F", "M", "F"],
            &["\0false"],
            &["no", "\0[]"],
            &["no", "yes", "perhaps", "later"],
            &["0", "1", "0", "1", "2"],
            &["no", "?"],
            &["no", "no", "no", "de"],
            &[],
        ] {
            assert_eq!(no(cells), None, "{cells:?}");
        }
    }

    #[test]
    fn letters_that_may_as_well_be_something_else_are_no_other_word_for_yes() {
        let are_letters = |word: &str, cells: &[&str]| {
            let mut answers = Answers::default();
            cells.iter().for_each(|cell| answers.take(2, cell.as_bytes()));
            answers.are_letters(word)
        };
        for (word, cells) in [
            ("S", &["S", "T", "X"][..]),
            ("x", &["1", "x"]),
            ("F", &["F", "N"]),
            ("T", &["V", "S"]),
            ("1", &["1", "x"]),
        ] {
            assert!(are_letters(word, cells), "{word} {cells:?}");
        }
        for (word, cells) in [
            ("yes", &["Y", ""][..]),
            ("y", &["Y"]),
            ("Y", &["Y", "1"]),
            ("yes", &["1"]),
            ("x", &["1"]),
            ("x", &["x", "yes"]),
            ("x", &["x", "0"]),
        ] {
            assert!(!are_letters(word, cells), "{word} {cells:?}");
        }
    }
}
