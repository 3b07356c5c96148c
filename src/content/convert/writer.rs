//! A translation as it grows: text, tags, and notes.
//!
//! Guarantees: text of the original that would begin one of our tags does not; a tag that follows a brace does not run into
//! it. Leaves to others: what is written.

use super::{Converted, LEFT, Note};
use crate::content::error::Positions;
use crate::content::syntax::Syntax;
use std::collections::BTreeSet;

/// Longest piece of the original that a note quotes.
const QUOTED_MAX: usize = 60;

/// What is said of the first column that is read where no list is named.
pub(super) const UNSURE: &str = "what the columns hold is not known: texts and numbers come out as they did there, but true, false, 0 in a \
                      condition, lists and objects of a JSON list may not: name the list with --list";

/// On which sides of a tag blanks are taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Trim {
    pub(super) before: bool,
    pub(super) behind: bool,
}

/// A part of the translation.
enum Piece {
    Text(String),
    /// A tag, whole.
    Tag(String),
}

/// A note, and the octet of the original that it is about.
struct Said {
    at: usize,
    is_left: bool,
    says: String,
}

/// See the head of this file.
pub(super) struct Writer<'s> {
    source: &'s str,
    syntax: Syntax,
    pieces: Vec<Piece>,
    notes: Vec<Said>,
    /// What is worth knowing is told once.
    told: BTreeSet<String>,
    /// What is read is one tag: others close what it opens.
    is_one_tag: bool,
}

impl<'s> Writer<'s> {
    pub(super) fn new(source: &'s str, syntax: Syntax) -> Self {
        let (pieces, notes, told) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self { source, syntax, pieces, notes, told, is_one_tag: false }
    }

    pub(super) fn of_one_tag(self) -> Self {
        Self { is_one_tag: true, ..self }
    }

    pub(super) fn is_one_tag(&self) -> bool {
        self.is_one_tag
    }

    /// Text of the original.
    pub(super) fn text(&mut self, text: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Text(before)) => before.push_str(text),
            _ => self.pieces.push(Piece::Text(text.to_owned())),
        }
    }

    /// `{{ code }}`
    pub(super) fn slot(&mut self, code: &str, trim: Trim) {
        self.tag(("{{", "}}"), ("[[", "]]"), code, trim);
    }

    /// `{% code %}`
    pub(super) fn statement(&mut self, code: &str, trim: Trim) {
        self.tag(("{%", "%}"), ("[%", "%]"), code, trim);
    }

    /// `{# text #}`
    pub(super) fn comment(&mut self, text: &str, trim: Trim) {
        let text = text.trim().replace("#}", "# }").replace("#]", "# ]");
        self.tag(("{#", "#}"), ("[#", "#]"), &text, trim);
    }

    fn tag(&mut self, braces: (&str, &str), brackets: (&str, &str), code: &str, trim: Trim) {
        let (open, close) = match self.syntax {
            Syntax::Jinja => braces,
            Syntax::Brackets => brackets,
        };
        let dash = |is: bool| if is { "-" } else { "" };
        self.pieces.push(Piece::Tag(format!("{open}{} {code} {}{close}", dash(trim.before), dash(trim.behind))));
    }

    /// A tag of the original, at `at`, has no translation.
    pub(super) fn left(&mut self, at: usize, tag: &str, why: &str) {
        self.comment(&format!("{LEFT}{tag}"), Trim::default());
        self.note(at, true, format!("`{}` is not translated: {why}", quoted(tag)));
    }

    /// Something about `at` that people have to look at.
    pub(super) fn open(&mut self, at: usize, says: impl Into<String>) {
        self.note(at, true, says.into());
    }

    /// Something about `at` that is worth knowing.
    pub(super) fn told(&mut self, at: usize, says: impl Into<String>) {
        let says = says.into();
        if self.told.insert(says.clone()) {
            self.note(at, false, says);
        }
    }

    /// Something about `at` that is worth knowing of a letter; of one tag, whose translation is a hint, it is not said.
    pub(super) fn told_of_letter(&mut self, at: usize, says: impl Into<String>) {
        if !self.is_one_tag {
            self.told(at, says);
        }
    }

    fn note(&mut self, at: usize, is_left: bool, says: String) {
        self.notes.push(Said { at, is_left, says });
    }

    /// The translation.
    pub(super) fn finish(mut self) -> Converted {
        let mut text = String::with_capacity(self.source.len());
        let mut sheets = Sheets::default();
        for (number, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Tag(tag) => text.push_str(tag),
                Piece::Text(fixed) => {
                    let next = self.pieces.get(number + 1);
                    let is_tag = |piece: &Piece| matches!(piece, Piece::Tag(_));
                    self.push_fixed(fixed, next.is_some_and(is_tag), &mut sheets, &mut text);
                }
            }
        }
        self.notes.sort_by_key(|note| note.at);
        Converted { text, notes: placed(self.source, self.notes) }
    }

    /// Appends text in which nothing begins a tag.
    fn push_fixed(&self, fixed: &str, before_tag: bool, sheets: &mut Sheets, out: &mut String) {
        let (open, seconds, written) = match self.syntax {
            Syntax::Jinja => ('{', ['{', '%', '#'], "{{ \"{\" }}"),
            Syntax::Brackets => ('[', ['[', '%', '#'], "[[ \"[\" ]]"),
        };
        let next = before_tag.then_some(open);
        let mut chars = fixed.chars().peekable();
        while let Some(c) = chars.next() {
            let follows = chars.peek().copied().or(next);
            if c != open || !follows.is_some_and(|c| seconds.contains(&c)) {
                out.push(c);
            } else if sheets.is_one_open(out) {
                // A blank changes nothing there.
                out.push(c);
                out.push(' ');
            } else {
                out.push_str(written);
            }
        }
    }
}

/// The notes with their lines and columns.
fn placed(source: &str, notes: Vec<Said>) -> Vec<Note> {
    let mut positions = Positions::of(source);
    let place = |Said { at, is_left, says }| Note { position: positions.at(at), is_left, says };
    notes.into_iter().map(place).collect()
}

/// Whether a style sheet has begun and not ended, in a page that grows.
#[derive(Default)]
struct Sheets {
    /// Octets that were looked at.
    seen: usize,
    is_open: bool,
}

impl Sheets {
    fn is_one_open(&mut self, page: &str) -> bool {
        let octets = page.as_bytes();
        for at in memchr::memchr_iter(b'<', octets.get(self.seen..).unwrap_or_default()) {
            let tag = octets.get(self.seen + at + 1..).unwrap_or_default();
            let (is_end, name) = tag.strip_prefix(b"/").map_or((false, tag), |name| (true, name));
            let is_sheet = |known: &[u8]| name.get(..known.len()).is_some_and(|name| name.eq_ignore_ascii_case(known));
            if is_sheet(b"style") || is_sheet(b"mj-style") {
                self.is_open = !is_end;
            }
        }
        self.seen = page.len();
        self.is_open
    }
}

/// A piece of the original for a note.
pub(super) fn quoted(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(QUOTED_MAX).collect();
    if text.chars().count() > QUOTED_MAX { format!("{line}…") } else { line }
}

/// Digits of a number: more than these none of ours keeps.
const DIGITS_MAX: usize = 15;

/// A number as ours is written; `None` where it is none, or has too many digits.
pub(super) fn number(text: &str) -> Option<String> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, behind)| (whole, Some(behind)));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits.len() > DIGITS_MAX || !are_digits(whole) || !fraction.is_none_or(are_digits) {
        return None;
    }
    let whole = Some(whole.trim_start_matches('0')).filter(|whole| !whole.is_empty()).unwrap_or("0");
    Some(match fraction {
        Some(fraction) => format!("{sign}{whole}.{fraction}"),
        None => format!("{sign}{whole}"),
    })
}

/// Whether `0 sign number` holds: then what is not there cannot count as 0 in such a comparison.
pub(super) fn holds_for_zero(sign: &str, number: &str) -> bool {
    let number: f64 = number.parse().unwrap_or_default();
    match sign {
        "<" => 0.0 < number,
        "<=" => 0.0 <= number,
        ">" => 0.0 > number,
        _ => 0.0 >= number,
    }
}

/// A text as ours writes it.
pub(super) fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
