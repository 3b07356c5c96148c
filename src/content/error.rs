//! What can be wrong with a campaign's content: before anything is sent ([`ContentError`]), and with one row
//! ([`ComposeError`]). Each says where, and what to do.

use super::syntax::BRACE;
use std::fmt;

/// Where in the campaign a text stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A template file.
    File(String),
    /// The value of a key of the campaign.
    Key(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name) => f.write_str(name),
            Self::Key(key) => write!(f, "campaign key `{key}`"),
        }
    }
}

/// What is wrong with the content of a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentError {
    /// The file or the key.
    pub place: Place,
    /// Line and column, from 1, columns in characters; `None` when the whole place is meant.
    pub position: Option<(usize, usize)>,
    /// What is wrong.
    pub problem: String,
    /// The line, and a caret below the place in it; may be empty.
    pub excerpt: String,
    /// What to do about it; may be empty.
    pub hint: String,
}

impl ContentError {
    pub(crate) fn new(place: &Place, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        let (problem, hint) = (problem.into(), hint.into());
        Self { place: place.clone(), position: None, problem, excerpt: String::new(), hint }
    }

    pub(crate) fn key(key: &str, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(&Place::Key(key.to_owned()), problem, hint)
    }

    /// The same at octet `offset` of `text`.
    pub(crate) fn at(mut self, text: &str, offset: usize) -> Self {
        self.position = Some(position(text, offset));
        self
    }

    /// The same at a place that is known.
    pub(crate) fn placed(mut self, position: (usize, usize)) -> Self {
        self.position = Some(position);
        self
    }

    /// The same, with what stands there.
    pub(crate) fn pointing(mut self, text: &str, offset: usize) -> Self {
        self.excerpt = excerpt(text, offset);
        self.at(text, offset)
    }
}

impl fmt::Display for ContentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        match (&self.place, self.position) {
            (Place::File(_), Some((line, column))) => write!(f, ":{line}:{column}")?,
            (Place::Key(_), Some((1, column))) => write!(f, ", column {column}")?,
            (Place::Key(_), Some((line, column))) => write!(f, ", line {line}, column {column}")?,
            (_, None) => {}
        }
        write!(f, ": {}", self.problem)?;
        if !self.excerpt.is_empty() {
            write!(f, "\n{}", self.excerpt)?;
        }
        if !self.hint.is_empty() {
            write!(f, "\nhint: {}", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for ContentError {}

/// The line of octet `offset` of `text`, and a caret below that octet: of a long line what stands around it.
pub(crate) fn excerpt(text: &str, offset: usize) -> String {
    const BEFORE: usize = 30;
    const BEHIND: usize = 40;
    let (line, column) = position(text, offset);
    let whole = text.lines().nth(line - 1).unwrap_or_default();
    let first = (column - 1).saturating_sub(BEFORE);
    // One column for each character, so that the caret stands below its own.
    let plain = |c: char| match c {
        BRACE => '{',
        c if c.is_control() => ' ',
        c => c,
    };
    let shown: String = whole.chars().skip(first).take(BEFORE + BEHIND).map(plain).collect();
    let has_more = whole.chars().count() > first + BEFORE + BEHIND;
    let (lead, tail) = (if first > 0 { "…" } else { "" }, if has_more { "…" } else { "" });
    let blanks = " ".repeat(column - 1 - first + lead.chars().count());
    format!("  | {lead}{shown}{tail}\n  | {blanks}^")
}

/// Line and column, from 1, of octet `offset` of `text`; columns count characters.
pub(crate) fn position(text: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |p| p + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The places of many octets of one text: asked for in their order, each octet is come by once.
pub(crate) struct Positions<'t> {
    text: &'t str,
    from: usize,
    line: usize,
    column: usize,
}

impl<'t> Positions<'t> {
    pub(crate) fn of(text: &'t str) -> Self {
        Self { text, from: 0, line: 1, column: 1 }
    }

    /// As [`position`].
    pub(crate) fn at(&mut self, offset: usize) -> (usize, usize) {
        if offset < self.from {
            *self = Self::of(self.text);
        }
        for c in self.text.get(self.from..).unwrap_or_default().chars() {
            let next = self.from + c.len_utf8();
            if next > offset {
                break;
            }
            (self.line, self.column) = if c == '\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
            self.from = next;
        }
        (self.line, self.column)
    }
}

/// Why one row's message could not be made. The row is at fault, not the campaign: other rows may well do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// A control character would have reached a header or the envelope.
    #[error("a control character (U+{code:04X}) in the {field}\nhint: correct the merge fields of this row")]
    Control {
        /// The header or path.
        field: String,
        /// The character.
        code: u32,
    },
    /// What was rendered is no address.
    #[error("the {field} is no valid address: {reason}\nhint: correct the merge fields of this row")]
    Address {
        /// The header or path.
        field: String,
        /// The rule that it breaks.
        reason: String,
    },
    /// A field came out as something that it may not hold.
    #[error("the {field} header: {reason}\nhint: correct the merge fields of this row")]
    Field {
        /// The header.
        field: String,
        /// The rule that it breaks.
        reason: String,
    },
    /// A part came out longer than its bound.
    #[error("the {field} is longer than {max} octets\nhint: shorten the merge fields of this row")]
    TooLong {
        /// The header or part.
        field: String,
        /// The bound.
        max: usize,
    },
    /// A template failed on this row's values.
    #[error(
        "{place}, line {line}{}: {reason}\nhint: the template must cope with every row; see `default` and `is defined`",
        if *column == 0 { String::new() } else { format!(", column {column}") }
    )]
    Template {
        /// The template.
        place: String,
        /// The line, from 1; 0 when unknown.
        line: usize,
        /// The column, from 1; 0 when unknown.
        column: usize,
        /// What went wrong.
        reason: String,
    },
    /// The caller's row does not fit the composer.
    #[error(
        "the row has {got} fields, and the templates use {want}\nhint: the recipient table was made for other templates; start a new campaign"
    )]
    Fields {
        /// Fields of the row.
        got: usize,
        /// Fields that the composer needs.
        want: usize,
    },
    /// The cryptographic library refused to sign.
    #[error("signing with the key of {selector}._domainkey.{domain} failed\nhint: check the key file")]
    Sign {
        /// The signing domain.
        domain: String,
        /// The key's selector.
        selector: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_many_octets_are_those_of_each() {
        let text = "a\n\u{e9}b\n\nc";
        let mut positions = Positions::of(text);
        for offset in (0..12).chain([0, 5, 3, 9]) {
            assert_eq!(positions.at(offset), position(text, offset), "{offset}");
        }
    }
}
