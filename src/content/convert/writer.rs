//! A translation as it grows: text, tags, and notes.
//!
//! Guarantees: text of the original that would begin one of our tags does not; a tag that follows a brace does not run into
//! it. Leaves to others: what is written.

use super::{Converted, LEFT, Note};
use crate::content::error::position;
use crate::content::syntax::Syntax;

/// Longest piece of the original that a note quotes.
const QUOTED_MAX: usize = 60;

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

/// See the head of this file.
pub(super) struct Writer<'s> {
    source: &'s str,
    syntax: Syntax,
    pieces: Vec<Piece>,
    notes: Vec<Note>,
    /// What is read is one tag: others close what it opens.
    is_one_tag: bool,
}

impl<'s> Writer<'s> {
    pub(super) fn new(source: &'s str, syntax: Syntax) -> Self {
        Self { source, syntax, pieces: Vec::new(), notes: Vec::new(), is_one_tag: false }
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
        self.note(at, false, says.into());
    }

    fn note(&mut self, at: usize, is_left: bool, says: String) {
        if !self.notes.iter().any(|known| known.says == says && !is_left) {
            self.notes.push(Note { position: position(self.source, at), is_left, says });
        }
    }

    /// The translation.
    pub(super) fn finish(mut self) -> Converted {
        let mut text = String::with_capacity(self.source.len());
        for (number, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Tag(tag) => text.push_str(tag),
                Piece::Text(fixed) => {
                    let next = self.pieces.get(number + 1);
                    let is_tag = |piece: &Piece| matches!(piece, Piece::Tag(_));
                    self.push_fixed(fixed, next.is_some_and(is_tag), &mut text);
                }
            }
        }
        self.notes.sort_by_key(|note| note.position);
        Converted { text, notes: self.notes }
    }

    /// Appends text in which nothing begins a tag.
    fn push_fixed(&self, fixed: &str, before_tag: bool, out: &mut String) {
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
            } else if in_style_sheet(out) {
                // A blank changes nothing there.
                out.push(c);
                out.push(' ');
            } else {
                out.push_str(written);
            }
        }
    }
}

/// Whether a style sheet has begun in a page and not ended.
fn in_style_sheet(page: &str) -> bool {
    let lower = page.to_ascii_lowercase();
    let begins = lower.rfind("<style").max(lower.rfind("<mj-style"));
    let ends = lower.rfind("</style").max(lower.rfind("</mj-style"));
    begins.is_some() && begins > ends
}

/// A piece of the original for a note.
pub(super) fn quoted(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(QUOTED_MAX).collect();
    if text.chars().count() > QUOTED_MAX { format!("{line}…") } else { line }
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
