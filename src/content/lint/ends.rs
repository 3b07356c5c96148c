//! Tags, comments and elements that begin and do not end: mail readers swallow what is behind them, often down to the end of
//! the letter.
//!
//! Guarantees: what is told begins in this file, and nothing ends it there. Leaves to others: elements whose content is markup.

use super::Placing;
use super::page::{Attribute, Page};

/// What does not end, where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Open {
    Comment(usize),
    /// A tag, or a declaration.
    Tag(usize),
    /// The value of an attribute of this name.
    Quote(usize, String),
    /// An element of this name, whose content is no markup.
    Element(usize, String),
}

/// Attributes in whose values no markup stands.
const PLAIN: [&str; 15] = [
    "align",
    "background",
    "bgcolor",
    "border",
    "class",
    "color",
    "height",
    "href",
    "id",
    "rel",
    "src",
    "style",
    "target",
    "valign",
    "width",
];

/// Whether a value goes on over the end of its tag: markup stands in it.
pub(super) fn runs_on(attribute: &Attribute) -> bool {
    let value = attribute.value.as_str();
    let end = value.find('>').filter(|_| PLAIN.contains(&attribute.name.as_str()));
    let behind = end.and_then(|end| value.get(end..)).unwrap_or_default();
    let is_tag = |at: usize| behind.as_bytes().get(at + 1).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'/');
    behind.match_indices('<').any(|(at, _)| is_tag(at))
}

/// Looks at a page.
pub(super) fn look(page: &Page, found: &mut Placing<'_>) {
    for open in &page.open {
        match open {
            Open::Comment(at) => {
                let says = "the comment that begins here has no end: nothing behind it is shown";
                found.warn("open-comment", *at, says, "write --> where it ends");
            }
            Open::Tag(at) => {
                let says = "the tag that begins here has no end: neither it nor anything behind it is shown";
                found.warn(
                    "open-tag",
                    *at,
                    says,
                    "write > where it ends, and what is missing behind it: the file may be cut off",
                );
            }
            Open::Quote(at, name) => {
                let says = format!(
                    "the value of {name} that begins here has no quotation mark at its end: what stands up to the next one, or to \
                     the end of the letter, is taken for a part of it and not shown"
                );
                found.warn("open-tag", *at, says, "write the second quotation mark where the value ends");
            }
            Open::Element(at, name) => {
                let says = format!(
                    "<{name}> has no end: all that is behind it is taken for its content and not shown as the letter"
                );
                found.warn("open-element", *at, says, format!("write </{name}> where it ends"));
            }
        }
    }
}
