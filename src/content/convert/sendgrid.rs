//! SendGrid's tags that are none of Handlebars: substitutions (`-name-`, `%name%`, `[%name%]`) and links of its own
//! (`<%asm_group_unsubscribe_raw_url%>`, `[unsubscribe]`).
//!
//! Guarantees: a word between hyphens or percent signs is taken for a tag only where the list, or most lists, have such a
//! column: `e-mail-address` and `10% off, 20%` stay.

use super::vocabulary::Vocabulary;
use super::writer::{Trim, Writer, literal};
use crate::content::meanings;

/// Octets of a tag.
const TAG_MAX: usize = 100;

/// What is said of the first substitution in a page.
const ESCAPED: &str = "substitutions are escaped in an HTML part here, and are not in SendGrid: where a column holds HTML, write \
                       |safe behind it";

/// Tags in `<% … %>`, and words in brackets, that lead to pages of SendGrid.
const LINKS: [(&str, Link); 9] = [
    ("asm_group_unsubscribe_raw_url", Link::Unsubscribe),
    ("asm_global_unsubscribe_raw_url", Link::Unsubscribe),
    ("asm_group_unsubscribe_url", Link::UnsubscribeWords),
    ("asm_global_unsubscribe_url", Link::UnsubscribeWords),
    ("asm_preferences_raw_url", Link::Preferences),
    ("asm_preferences_url", Link::Preferences),
    ("unsubscribe", Link::Unsubscribe),
    ("unsubscribe_preferences", Link::Preferences),
    ("weblink", Link::Preferences),
];

/// Where a link of SendGrid leads.
#[derive(Clone, Copy, PartialEq)]
enum Link {
    Unsubscribe,
    /// The same, with its words.
    UnsubscribeWords,
    /// A page that only SendGrid has.
    Preferences,
}

/// What a tag is.
enum Tag {
    Slot(String),
    /// A link, with its words.
    Words,
    /// Why there is none.
    Left(&'static str),
}

/// Writes text between the tags of Handlebars; it begins at `at`.
pub(super) fn text(text: &str, at: usize, names: &Vocabulary<'_>, out: &mut Writer<'_>) {
    let mut from = 0;
    let mut plain = 0;
    let is_page = text.contains("</") || text.contains("/>");
    while let Some(found) = text.get(from..).and_then(|rest| rest.find(['<', '[', '%', '-'])) {
        let start = from + found;
        let Some((length, tag)) = tag(text, start, names) else {
            from = start + 1;
            continue;
        };
        let whole = text.get(start..start + length).unwrap_or_default();
        out.text(text.get(plain..start).unwrap_or_default());
        match tag {
            Tag::Slot(code) => {
                if is_page && code != "unsubscribe_url" {
                    out.told_of_letter(at + start, ESCAPED);
                }
                out.slot(&code, Trim::default());
            }
            Tag::Words => {
                out.text("<a href=\"");
                out.slot("unsubscribe_url", Trim::default());
                out.text("\">Unsubscribe</a>");
            }
            Tag::Left(why) => out.left(at + start, whole, why),
        }
        (from, plain) = (start + length, start + length);
    }
    out.text(text.get(plain..).unwrap_or_default());
}

/// The tag that begins at `start`: its octets, and what it is.
fn tag(text: &str, start: usize, names: &Vocabulary<'_>) -> Option<(usize, Tag)> {
    let rest = text.get(start..)?;
    let (open, close) = [("<%", "%>"), ("[%", "%]"), ("[", "]"), ("%", "%"), ("-", "-")]
        .into_iter()
        .find(|(open, _)| rest.starts_with(open))?;
    let inside = rest.get(open.len()..)?;
    let front = inside.as_bytes().get(..TAG_MAX + close.len()).unwrap_or(inside.as_bytes());
    let inside = inside.get(..memchr::memmem::find(front, close.as_bytes())?)?;
    let length = open.len() + inside.len() + close.len();
    let name = inside.trim();
    let link = LINKS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, link)| *link);
    let tag = match (open, link) {
        ("<%" | "[", Some(Link::Unsubscribe)) => Tag::Slot("unsubscribe_url".to_owned()),
        ("<%", Some(Link::UnsubscribeWords)) => Tag::Words,
        ("<%" | "[", Some(_)) => Tag::Left("SendGrid has that page: link to one of your own"),
        ("<%", None) if is_name(name) => Tag::Left("SendGrid alone knows it"),
        ("[%", _) => merge(name, names)?,
        ("%" | "-", _) if is_name(inside) && stands_alone(text, start, length) => Tag::Slot(column(inside, names)?),
        _ => return None,
    };
    Some((length, tag))
}

/// `name`, or `name | "default"`.
fn merge(inside: &str, names: &Vocabulary<'_>) -> Option<Tag> {
    let (name, default) = inside.split_once('|').map_or((inside, None), |(name, default)| (name, Some(default)));
    let name = name.trim();
    if !is_name(name) {
        return None;
    }
    let named = names.named(name);
    if named.is_missing {
        return Some(Tag::Left("the list has no such column"));
    }
    let default = default.map(|default| default.trim().trim_matches(['"', '\'']));
    Some(Tag::Slot(match default {
        Some(default) => format!("{}|default({})", named.name, literal(default)),
        None => named.name,
    }))
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether no word goes on before the tag or behind it.
fn stands_alone(text: &str, start: usize, length: usize) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_' || c == '%';
    let before = text.get(..start).and_then(|text| text.chars().next_back());
    let behind = text.get(start + length..).and_then(|text| text.chars().next());
    !before.is_some_and(is_word) && !behind.is_some_and(is_word)
}

/// A column that the list has, or most lists.
fn column(name: &str, names: &Vocabulary<'_>) -> Option<String> {
    let known = names.known(name);
    known.or_else(|| meanings::known(name).map(|_| names.named(name)).filter(|n| !n.is_missing).map(|n| n.name))
}
