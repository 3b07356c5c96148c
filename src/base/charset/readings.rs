//! How words would be read in the likelier encodings, where it is not certain which one it is.
//!
//! An encoding is likely where one language that uses it has every letter that the words would get. Guarantees: what is shown
//! is bounded, and of a few words. Leaves to others: whether it is certain.

use super::Charset;
use super::western::{is_odd, octet_words};
use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GBK, ISO_8859_2, KOI8_R, MACINTOSH, SHIFT_JIS, WINDOWS_1250, WINDOWS_1251,
    WINDOWS_1253, WINDOWS_1254, WINDOWS_1257,
};

/// Words that are shown, encodings beside Windows-1252, words that are looked at, and characters of one.
const SHOWN: usize = 3;
const OTHERS: usize = 3;
const WORDS: usize = 60;
const CHARACTERS: usize = 24;

/// Encodings, the likelier first, and the letters beyond ASCII that languages which use them have.
const LANGUAGES: [(&Encoding, &[&str]); 13] = [
    (EUC_JP, &[]),
    (SHIFT_JIS, &[]),
    (GBK, &[]),
    (EUC_KR, &[]),
    (BIG5, &[]),
    (WINDOWS_1250, &["ąćęłńóśźż", "áčďéěíňóřšťúůýžäľĺŕô", "áéíóöőúüű", "ăâîşţ", "čćđšž"]),
    (WINDOWS_1254, &["çğıiöşüâîû\u{307}"]),
    (WINDOWS_1257, &["āčēģīķļņšūž", "ąčęėįšųūž"]),
    (WINDOWS_1251, &["абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґ"]),
    (KOI8_R, &["абвгдежзийклмнопрстуфхцчшщъыьэюяё"]),
    (WINDOWS_1253, &["αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ"]),
    (ISO_8859_2, &["ąćęłńóśźż", "áčďéěíňóřšťúůýžäľĺŕô", "áéíóöőúüű", "ăâîşţ", "čćđšž"]),
    (MACINTOSH, &["äöüß", "àâæçéèêëîïôœùûü", "áéíñóúü", "åäöæøé"]),
];

/// A word, and what it would be in some encodings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Its line, from 1.
    pub line: u64,
    /// The encodings, and what they make of it.
    pub words: Vec<(Charset, String)>,
}

/// Some words of a text.
pub fn of(text: &[u8]) -> Vec<Reading> {
    let words = telling(text);
    let likely = likely(&words);
    let differing = words.iter().filter(|word| {
        let read: Vec<String> = likely.iter().map(|charset| read(*charset, word)).collect();
        read.iter().any(|other| read.first() != Some(other))
    });
    differing.take(SHOWN).map(|word| reading(text, word, &likely)).collect()
}

/// Whether all words are words of an encoding whose characters are of two octets each.
pub fn is_of_two_each(text: &[u8]) -> bool {
    let words = telling(text);
    LANGUAGES.iter().filter(|(_, languages)| languages.is_empty()).any(|(encoding, _)| score(encoding, &[], &words) > 0)
}

/// Words that tell most: those that Windows-1252 can hardly have, and then the first others.
fn telling(text: &[u8]) -> Vec<&[u8]> {
    let (mut odd, mut others): (Vec<&[u8]>, Vec<&[u8]>) = (Vec::new(), Vec::new());
    for word in octet_words(text) {
        let words = if odd.len() < WORDS && is_odd(word) { &mut odd } else { &mut others };
        if words.len() < WORDS && !words.contains(&word) {
            words.push(word);
        }
    }
    odd.extend(others);
    odd.truncate(WORDS);
    odd
}

fn reading(text: &[u8], word: &[u8], likely: &[Charset]) -> Reading {
    let before = text.get(..memchr::memmem::find(text, word).unwrap_or(0)).unwrap_or_default();
    let line = memchr::memchr_iter(b'\n', before).count() as u64 + 1;
    Reading { line, words: likely.iter().map(|charset| (*charset, read(*charset, word))).collect() }
}

/// Windows-1252, and the encodings by which most of the words are words of one language.
fn likely(words: &[&[u8]]) -> Vec<Charset> {
    let mut scored: Vec<(usize, Charset)> = LANGUAGES
        .iter()
        .map(|(encoding, languages)| (score(encoding, languages, words), Charset(encoding)))
        .filter(|(score, _)| *score > 0)
        .collect();
    // The likelier stands first among equals.
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    let best = scored.first().map_or(0, |(score, _)| *score);
    scored.retain(|(score, _)| score.saturating_mul(10) >= best.saturating_mul(9));
    let mut likely = vec![Charset::WINDOWS_1252];
    for (_, charset) in scored {
        let says = |charset: Charset| words.iter().map(|word| read(charset, word)).collect::<Vec<_>>();
        if likely.len() <= OTHERS && likely.iter().all(|known| says(*known) != says(charset)) {
            likely.push(charset);
        }
    }
    likely
}

/// What a word counts: one thing that tells more decides between equals.
const UNIT: usize = 10;

/// How many words would be words of the language that has most of them.
fn score(encoding: &'static Encoding, languages: &[&str], words: &[&[u8]]) -> usize {
    let read: Vec<String> = words
        .iter()
        .filter_map(|word| encoding.decode_without_bom_handling_and_without_replacement(word))
        .map(|word| word.into_owned())
        .collect();
    if languages.is_empty() {
        let is_ideograph = |c: char| {
            (c.is_ascii() && !c.is_ascii_alphabetic())
                || matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{3005}')
        };
        // One octet that is none in all of them says more than all that are.
        let all = read.len() == words.len() && read.iter().all(|word| word.chars().all(is_ideograph));
        // Kana are Japanese, and a text of Hangul alone is Korean; what is neither may be any of them.
        let kana = |c: char| matches!(c, '\u{3040}'..='\u{30ff}');
        let hangul = |c: char| c.is_ascii() || matches!(c, '\u{ac00}'..='\u{d7a3}');
        let is_telling = read.iter().any(|word| word.contains(kana))
            || (encoding == EUC_KR && read.iter().all(|word| word.chars().all(hangul)));
        return if all { read.len() * UNIT + usize::from(is_telling) } else { 0 };
    }
    let fits = |word: &&String, letters: &str| {
        let small = word.to_lowercase();
        is_of_one_script(&small) && is_cased(word) && small.chars().all(|c| c.is_ascii() || letters.contains(c))
    };
    languages.iter().map(|letters| read.iter().filter(|word| fits(word, letters)).count() * UNIT).max().unwrap_or(0)
}

/// Whether no letters of ASCII stand beside Cyrillic or Greek ones.
fn is_of_one_script(word: &str) -> bool {
    !word.chars().any(|c| matches!(c, '\u{370}'..='\u{52f}')) || !word.chars().any(|c| c.is_ascii_alphabetic())
}

/// Whether capitals stand where words have them: first, or throughout.
fn is_cased(word: &str) -> bool {
    let letters = || word.chars().filter(|c| c.is_alphabetic());
    letters().skip(1).all(|c| !c.is_uppercase()) || letters().all(|c| !c.is_lowercase())
}

fn read(charset: Charset, word: &[u8]) -> String {
    let (text, _) = charset.0.decode_without_bom_handling(word);
    text.chars().filter(|c| !c.is_control()).take(CHARACTERS).collect()
}

/// The same for people, on lines of their own.
pub fn told(readings: &[Reading]) -> String {
    let one = |(charset, word): &(Charset, String)| format!("\"{word}\" in {}", charset.name().to_lowercase());
    let line = |reading: &Reading| {
        let words: Vec<String> = reading.words.iter().map(one).collect();
        format!("\n  line {}: {}", reading.line, words.join(", "))
    };
    readings.iter().map(line).collect()
}
