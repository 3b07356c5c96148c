//! Cells of the letter's columns that hardly say what they should: blanks around them, entities of HTML, UTF-8 that somebody
//! took for Windows-1252, words for nothing, numbers that a sheet has shortened.
//!
//! Guarantees: of each kind one warning, with how many and the first; only the front of a list is looked at. Leaves to others:
//! cells that no row may hold (`engine::loader`).

use super::super::check::file_of;
use super::super::config::CampaignConfig;
use crate::base::many::Many;
use crate::content::{Composer, JSON_MARK, lint};
use crate::engine::loader::{List, Sampled, Tidied, Tidy, tidied_front_of};
use crate::mail::finding::{Finding, Severity};

/// Rows that are looked at.
const ROWS: usize = 10_000;
/// Characters of a cell that are shown.
const CHARACTERS: usize = 40;
/// What exports write where nothing is.
const NOTHING: [&str; 10] = ["null", "(null)", "n/a", "n.a.", "nan", "none", "undefined", "nil", "#n/a", "\\n"];

/// What Mac Roman has in the place of the second octets of Latin letters; `√` is in that of the first.
const MAC_ROMAN: &str = "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø";

/// What is odd of a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Odd {
    Apostrophe,
    Blanks,
    Entity,
    Mojibake,
    Nothing,
    Replaced,
    Shortened,
}

impl Odd {
    const ALL: [Self; 7] =
        [Self::Mojibake, Self::Replaced, Self::Entity, Self::Nothing, Self::Shortened, Self::Apostrophe, Self::Blanks];

    /// What the warning is called, what it says, and what helps.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Apostrophe => (
                "cell-apostrophe",
                "an apostrophe before a number, by which Excel is told that it is text, and readers see it",
                "take it out of the list: give the column the format Text in the sheet instead, and export it again",
            ),
            Self::Blanks => (
                "cell-blanks",
                "blanks at its ends, and readers see them before a comma",
                "{{ name|trim }} takes them away; or mend the list",
            ),
            Self::Entity => (
                "cell-entity",
                "an entity of HTML, which readers see as it stands",
                "export the list again as plain text",
            ),
            Self::Mojibake => (
                "cell-mojibake",
                "UTF-8 that some program took for Windows-1252 or Mac Roman",
                "export the list again, as UTF-8, from where it was right",
            ),
            Self::Nothing => (
                "cell-nothing",
                "a word for nothing, which readers see as it stands",
                "leave the cell empty, so that default(\"…\") acts",
            ),
            Self::Replaced => (
                "cell-mojibake",
                "U+FFFD, which some program wrote where it could not read a character: what stood there is not in the list",
                "export the list again, as UTF-8, from where it was right",
            ),
            Self::Shortened => (
                "cell-shortened",
                "a long number as a sheet shows it in a narrow cell: its last digits are not in the list",
                "give the column the format Text or 0 in the sheet, and export the list again",
            ),
        }
    }
}

/// The first rows of a list, and what was done to their cells.
#[must_use]
pub fn front(campaign: &CampaignConfig, list: &List, columns: &[String]) -> (Vec<Sampled>, Tidied) {
    let front = tidied_front_of(list, &campaign.recipients.email.value, columns, ROWS);
    let (rows, _, tidied) = front.unwrap_or_default();
    (rows, tidied)
}

/// What is odd in the cells of the columns that are stored, in these rows; words for nothing where `composer` prints a column, and
/// does not ask for the word itself.
#[must_use]
pub fn findings(
    campaign: &CampaignConfig,
    (rows, tidied): &(Vec<Sampled>, Tidied),
    columns: &[String],
    composer: &Composer,
) -> Vec<Finding> {
    let file = file_of(campaign);
    let mut found: Vec<(Odd, u64, u64, String)> = Vec::new();
    for row in rows {
        for (place, (column, cell)) in columns.iter().zip(&row.fields).enumerate() {
            let is_meant = || composer.compares_at(place, &String::from_utf8_lossy(cell));
            let is_told = |odd: &Odd| *odd != Odd::Nothing || (composer.prints_at(place) && !is_meant());
            let is_name = *column != campaign.recipients.email.value;
            let Some(odd) = odd(cell).filter(|odd| is_name && is_told(odd)) else { continue };
            if let Some((_, count, ..)) = found.iter_mut().find(|(known, ..)| *known == odd) {
                *count += 1;
            } else {
                let shown: String = String::from_utf8_lossy(cell).chars().take(CHARACTERS).collect();
                found.push((
                    odd,
                    1,
                    row.line,
                    format!("{column:?}: `{}`", shown.escape_debug().to_string().replace("\\\"", "\"")),
                ));
            }
        }
    }
    let told = |odd: Odd| {
        let (_, count, line, first) = found.iter().find(|(known, ..)| *known == odd)?;
        let (check, what, hint) = odd.words();
        let says = format!("{} {what} (the first in {first})", Many(*count, "cell holds", "cells hold"));
        Some(Finding::new(Severity::Warning, check, format!("{file}:{line}"), says).hint(hint))
    };
    Odd::ALL.into_iter().filter_map(told).chain(of_tidied(tidied, &file)).collect()
}

/// What was done to cells before the letter has them.
fn of_tidied(tidied: &Tidied, file: &str) -> Vec<Finding> {
    let found = |tidy: &Option<Tidy>, severity, check, (one, many), did| {
        let Tidy { count, line, column, cell } = tidy.as_ref()?;
        let cell = cell.escape_debug();
        let says = format!("{} {did} (the first in {column:?}: `{cell}`)", Many(*count, one, many));
        Some(Finding::new(severity, check, format!("{file}:{line}"), says))
    };
    let shorter = found(
        &tidied.shorter,
        Severity::Warning,
        "cell-invisible",
        ("cell holds", "cells hold"),
        "characters that show nothing, and that are taken out",
    );
    let composed = found(
        &tidied.composed,
        Severity::Note,
        "cell-invisible",
        ("cell has", "cells have"),
        "letters in pieces (a letter, and its accent apart), which are put together",
    );
    let hint = "the letter is right; to mend the list, too, type such cells anew";
    shorter.map(|found| found.hint(hint)).into_iter().chain(composed).collect()
}

/// Whether a text is a word that exports write where nothing is, and that means nothing else.
#[must_use]
pub fn is_for_nothing(text: &str) -> bool {
    NOTHING.iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn odd(cell: &[u8]) -> Option<Odd> {
    if cell.first() == Some(&JSON_MARK) {
        return None;
    }
    let text = std::str::from_utf8(cell).ok()?;
    let bare = text.trim();
    if bare.is_empty() {
        return None;
    }
    if is_for_nothing(bare) {
        return Some(Odd::Nothing);
    }
    if is_shortened(bare) {
        return Some(Odd::Shortened);
    }
    if is_marked(bare) {
        return Some(Odd::Apostrophe);
    }
    if lint::entity(bare).is_some() {
        return Some(Odd::Entity);
    }
    if bare.contains('\u{fffd}') {
        return Some(Odd::Replaced);
    }
    if is_mojibake(bare) {
        return Some(Odd::Mojibake);
    }
    (bare.len() < text.len()).then_some(Odd::Blanks)
}

/// Whether an apostrophe stands before what a sheet would have taken for a number, a date or a formula. `'90s` and `'68` are years.
fn is_marked(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('\'').filter(|rest| !rest.contains('\'')) else { return false };
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    let first = rest.bytes().take_while(u8::is_ascii_digit).count();
    let is_number = rest.bytes().all(|b| b.is_ascii_digit() || b" .,:/+-()%".contains(&b));
    let is_formula = rest.starts_with(['=', '+', '-', '@'])
        && rest.get(1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric()));
    is_formula || is_number && (first >= 3 || digits >= 5 || digits >= 2 && rest.starts_with('0'))
}

/// Whether a text is what sheets show of a long number, such as `4.91701E+11`.
fn is_shortened(text: &str) -> bool {
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.split_once("E+").is_some_and(|(front, power)| {
        let (one, more) = front.split_once(['.', ',']).unwrap_or((front, "0"));
        one.len() == 1 && are_digits(one) && are_digits(more) && power.len() == 2 && are_digits(power)
    })
}

/// Whether `Ã«` or `â€™` stands in a text: what Windows-1252 makes of two or three octets of UTF-8; or what Mac Roman does.
fn is_mojibake(text: &str) -> bool {
    let octet = |c: char| encoded(c).filter(|octet| *octet >= 0x80);
    let (mut lead, mut of_cyrillic) = (None, 0);
    for c in text.chars() {
        let octet = octet(c);
        // One such pair may be a word's (`Nº`, `Ñ"`), and no word of Cyrillic letters is so short.
        of_cyrillic += usize::from(matches!((lead, octet), (Some(0xd0 | 0xd1), Some(0x80..=0xbf))));
        if of_cyrillic > 1 {
            return true;
        }
        if let (Some(lead @ (0xc3 | 0xc4 | 0xc5 | 0xe2)), Some(0x80..=0xbf)) = (lead, octet) {
            // Those letters stand before signs that no word has there.
            return lead != 0xe2 || c == '€' || c == '\u{80}';
        }
        lead = octet;
    }
    text.split('√').skip(1).any(|rest| rest.starts_with(|c| MAC_ROMAN.contains(c)))
}

/// The octet of a character in Windows-1252.
fn encoded(c: char) -> Option<u8> {
    const HIGH: [char; 27] = [
        '€', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 'Ž', '‘', '’', '“', '”', '•', '–', '—', '˜', '™',
        'š', '›', 'œ', 'ž', 'Ÿ',
    ];
    match u32::from(c) {
        code @ 0..=0xff => u8::try_from(code).ok(),
        _ => HIGH.contains(&c).then_some(0x80),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_hardly_say_what_they_should_are_told_from_those_that_do() {
        let name = |cell: &str| odd(cell.as_bytes()).map(|odd| odd.words().0);
        for (cell, check) in [
            (" Ann", "cell-blanks"),
            ("Ann\u{a0}", "cell-blanks"),
            ("Zo&euml;", "cell-entity"),
            ("Zo&#235;", "cell-entity"),
            ("Zo&#xEB;", "cell-entity"),
            ("Zo\u{c3}\u{ab}", "cell-mojibake"),
            ("\u{c5}\u{81}ukasz", "cell-mojibake"),
            ("D\u{e2}€™Arcy", "cell-mojibake"),
            ("J√∂rg", "cell-mojibake"),
            ("Fran√ßois", "cell-mojibake"),
            ("\u{d0}\u{9f}\u{d1}€", "cell-mojibake"),
            ("Z\u{fffd}rich", "cell-mojibake"),
            ("null", "cell-nothing"),
            ("N/A", "cell-nothing"),
            ("4.91701E+11", "cell-shortened"),
            ("4,9E+10", "cell-shortened"),
            ("1E+15", "cell-shortened"),
            ("'0123", "cell-apostrophe"),
            ("'01067", "cell-apostrophe"),
            ("'+49 351 123", "cell-apostrophe"),
            ("'2026-12-24", "cell-apostrophe"),
            ("'24.12.2026", "cell-apostrophe"),
            ("'=1+2", "cell-apostrophe"),
            ("'@acme", "cell-apostrophe"),
        ] {
            assert_eq!(name(cell), Some(check), "{cell}");
        }
        for cell in [
            "",
            "Ann",
            "Smith & Co; Ltd",
            "AT&T",
            "João",
            "SÃO PAULO",
            "Z?rich",
            "√2 and √x",
            "ESPAÑ’A",
            "Ðor\u{f0}ur",
            "Ångström",
            "Nulla",
            "\u{0}null",
            "Nan Ny",
            "1e5",
            "4.9E+1",
            "E+10",
            "GRADE+10",
            "12.5E+10",
            "  ",
            "'90s",
            "'68",
            "'68/69",
            "'90-'95",
            "'s-Hertogenbosch",
            "'t Hooft",
            "'0123'",
            "O'Neil",
            "'",
            "'-",
        ] {
            assert_eq!(name(cell), None, "{cell}");
        }
    }
}
