//! Templates of other engines in our words: Mailchimp's merge tags, Handlebars, Liquid, SendGrid.
//!
//! Each engine's tags are read as that engine reads them, and written as ours; the text between them stays as it is.
//! Guarantees: what is written compiles, but for names that the list does not have; what has no translation is put into a
//! comment and told with its place. Leaves to others: files, and what becomes of the letter.

pub(crate) mod dates;
mod ends;
mod handlebars;
mod holds;
mod liquid;
mod mailchimp;
mod partial;
mod sendgrid;
mod vocabulary;
mod writer;

use super::syntax::Syntax;
pub use holds::{Cells, Holds};
use vocabulary::Vocabulary;
use writer::Writer;

/// Blocks within blocks: deeper ones no template of ours may have.
const BLOCKS_MAX: usize = 60;

/// What a comment begins with that stands for what has no translation.
pub(crate) const LEFT: &str = "not translated: ";

/// An engine whose templates can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Merge tags: `*|FNAME|*`, `*|IF:FNAME|*`.
    Mailchimp,
    /// `{{name}}`, `{{#if name}}`; Mustache is read as well.
    Handlebars,
    /// `{{ name | default: "x" }}`, `{% assign … %}`.
    Liquid,
    /// Handlebars with SendGrid's helpers, and its substitution tags: `-name-`, `%name%`, `<%asm…%>`.
    SendGrid,
}

impl Engine {
    /// Every one, by its word.
    pub const WORDS: [(&'static str, Self); 4] = [
        ("mailchimp", Self::Mailchimp),
        ("handlebars", Self::Handlebars),
        ("liquid", Self::Liquid),
        ("sendgrid", Self::SendGrid),
    ];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, engine)| *engine == self).map_or("", |(word, _)| word)
    }

    /// Its name.
    #[must_use]
    pub fn called(self) -> &'static str {
        match self {
            Self::Mailchimp => "Mailchimp",
            Self::Handlebars => "Handlebars",
            Self::Liquid => "Liquid",
            Self::SendGrid => "SendGrid",
        }
    }
}

/// Something to know of a translation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Line and column in the original, from 1.
    pub position: (usize, usize),
    /// Whether something of the original is left, for people to translate.
    pub is_left: bool,
    /// What is the case: one sentence without its full stop.
    pub says: String,
}

/// A translation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Converted {
    /// The template in our words.
    pub text: String,
    /// What is worth knowing, in the order of the original.
    pub notes: Vec<Note>,
}

/// Translates a template. `columns`: those of the list, as far as it is known; its names are written as the list has them.
#[must_use]
pub fn convert(text: &str, engine: Engine, columns: &[String], cells: Cells<'_>, syntax: Syntax) -> Converted {
    let text = super::template::one_kind_of_line_break(text.trim_start_matches('\u{feff}'));
    let mut out = Writer::new(&text, syntax);
    run(&text, engine, &Vocabulary::new(columns, cells), &mut out);
    out.finish()
}

fn run(text: &str, engine: Engine, names: &Vocabulary<'_>, out: &mut Writer<'_>) {
    match engine {
        Engine::Mailchimp => mailchimp::convert(text, names, out),
        Engine::Handlebars => handlebars::convert(text, names, None, out),
        Engine::Liquid => liquid::convert(text, names, out),
        Engine::SendGrid => handlebars::convert(text, names, Some(sendgrid::text), out),
    }
}

/// Whether a text has elements of HTML.
fn is_page(text: &str) -> bool {
    let begins = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!'));
    text.match_indices('<').any(|(at, _)| text.get(at + 1..).is_some_and(begins))
}

/// Translates one tag; `None` where that cannot be done without the others, or not at all.
pub(crate) fn tag(tag: &str, engine: Engine, columns: &[String], syntax: Syntax) -> Option<String> {
    let mut out = Writer::new(tag, syntax).of_one_tag();
    run(tag, engine, &Vocabulary::new(columns, Cells::Unknown).without_complaint(), &mut out);
    let made = out.finish();
    (made.notes.is_empty() && !made.text.is_empty() && made.text != tag).then_some(made.text)
}

/// What to do about a tag that only its own engine fills, where that is known.
pub(crate) fn advice(tag: &str) -> Option<&'static str> {
    mailchimp::advice(tag)
}

#[cfg(test)]
mod tests;
