//! Liquid as a row of texts and tags, and what stands in a tag as a row of words.
//!
//! Guarantees: reads any text to its end; what stands between `raw` and `endraw`, or in a comment, is read as no tag.

use super::super::ends;
use super::super::writer::Trim;

/// What a tag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{{ … }}`
    Slot,
    /// `{% … %}`
    Statement,
    /// What stands between `{% comment %}` and its end.
    Comment,
    /// What stands between `{% raw %}` and its end.
    Raw,
}

/// A tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag<'t> {
    pub(super) kind: Kind,
    /// It, with its braces.
    pub(super) whole: &'t str,
    pub(super) at: usize,
    /// What stands in it.
    pub(super) code: &'t str,
    pub(super) trim: Trim,
}

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    Text(&'t str),
    Tag(Tag<'t>),
}

/// The tokens of a template.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut endless = Endless::default();
    let mut tokens = Vec::new();
    let (mut plain, mut at) = (0, 0);
    while let Some(open) = text.get(at..).and_then(|rest| memchr::memchr(b'{', rest.as_bytes())) {
        let start = at + open;
        let Some(tag) = tag(text, start, &mut endless) else {
            at = start + 1;
            continue;
        };
        tokens.push(Token::Text(text.get(plain..start).unwrap_or_default()));
        at = start + tag.whole.len();
        plain = at;
        tokens.push(Token::Tag(tag));
    }
    tokens.push(Token::Text(text.get(plain..).unwrap_or_default()));
    tokens
}

/// Which of `raw` and `comment` have no end from here on: it is searched once.
#[derive(Default)]
struct Endless {
    raw: bool,
    comment: bool,
}

/// The tag that begins at `start`.
fn tag<'t>(text: &'t str, start: usize, endless: &mut Endless) -> Option<Tag<'t>> {
    let rest = text.get(start..)?;
    let (kind, close) = match rest.as_bytes().get(1)? {
        b'{' => (Kind::Slot, "}}"),
        b'%' => (Kind::Statement, "%}"),
        _ => return None,
    };
    let length = 2 + ends::length(rest.get(2..)?, close)?;
    let whole = rest.get(..length)?;
    let inside = whole.get(2..length - 2)?;
    let trim = Trim { before: inside.starts_with('-'), behind: inside.ends_with('-') };
    let code = inside.strip_prefix('-').unwrap_or(inside);
    let code = code.strip_suffix('-').unwrap_or(code).trim();
    let one = Tag { kind, whole, at: start, code, trim };
    Some(match (kind, code) {
        (Kind::Statement, "raw") => verbatim(rest, one, Kind::Raw, "endraw", &mut endless.raw),
        (Kind::Statement, "comment") => verbatim(rest, one, Kind::Comment, "endcomment", &mut endless.comment),
        _ => one,
    })
}

/// What stands up to a tag that ends it, as one tag; without that, the tag alone.
fn verbatim<'t>(rest: &'t str, begin: Tag<'t>, kind: Kind, word: &str, is_endless: &mut bool) -> Tag<'t> {
    let from = begin.whole.len();
    let all = || rest.match_indices("{%").map(|(at, _)| at).filter(|at| *at >= from);
    let end = if *is_endless { None } else { all().find_map(|at| Some((at, end_of(rest.get(at..)?, word)?))) };
    let Some((at, (length, behind))) = end else {
        *is_endless = true;
        return begin;
    };
    let (whole, code) = (rest.get(..at + length).unwrap_or_default(), rest.get(from..at).unwrap_or_default());
    Tag { kind, whole, code, trim: Trim { behind, ..begin.trim }, ..begin }
}

/// The octets of the tag `{% word %}` that a text begins with, and whether blanks behind it go.
fn end_of(text: &str, word: &str) -> Option<(usize, bool)> {
    let inside = text.strip_prefix("{%")?;
    let behind = inside.strip_prefix('-').unwrap_or(inside).trim_start().strip_prefix(word)?.trim_start();
    let (behind, trims) = behind.strip_prefix('-').map_or((behind, false), |behind| (behind, true));
    Some((text.len() - behind.strip_prefix("%}")?.len(), trims))
}

/// A word of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// A name; Liquid's may have hyphens and end with `?`.
    Name(String),
    Number(String),
    Text(String),
    /// `== != <> < > <= >= . .. | : , ( ) [ ] =`
    Sign(&'static str),
}

const SIGNS: [&str; 17] = ["==", "!=", "<>", "<=", ">=", "..", "<", ">", ".", "|", ":", ",", "(", ")", "[", "]", "="];

/// The words of a tag.
///
/// # Errors
/// What cannot be read.
pub(super) fn words(code: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '"' | '\'' => {
                let inside = rest.get(1..).unwrap_or_default();
                let text = inside.get(..inside.find(first).ok_or("a text in quotes does not end")?).unwrap_or_default();
                words.push(Word::Text(text.to_owned()));
                text.len() + 2
            }
            '$' if rest.starts_with("${") => {
                let inside = rest.get(2..).unwrap_or_default();
                let name = inside.get(..inside.find('}').ok_or("`${` is not closed")?).unwrap_or_default();
                words.push(Word::Name(name.trim().to_owned()));
                name.len() + 3
            }
            c if c.is_alphabetic() || c == '_' => {
                let length = rest.find(|c: char| !(c.is_alphanumeric() || "_-?".contains(c))).unwrap_or(rest.len());
                let name = rest.get(..length).unwrap_or_default();
                words.push(Word::Name(name.to_owned()));
                length
            }
            c if c.is_ascii_digit()
                || (c == '-' && rest.get(1..).is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit()))) =>
            {
                let length = number_length(rest);
                words.push(Word::Number(rest.get(..length).unwrap_or_default().to_owned()));
                length
            }
            c => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                let sign = sign.ok_or_else(|| format!("`{c}` cannot be read"))?;
                words.push(Word::Sign(sign));
                sign.len()
            }
        };
        rest = rest.get(taken..).unwrap_or_default().trim_start();
    }
    Ok(words)
}

/// The octets of the number that a text begins with; the dots of a range are none of it.
fn number_length(text: &str) -> usize {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let sign = usize::from(text.starts_with('-'));
    let whole = sign + digits(text.get(sign..).unwrap_or_default());
    let fraction = text.get(whole..).and_then(|rest| rest.strip_prefix('.')).map_or(0, digits);
    if fraction > 0 { whole + 1 + fraction } else { whole }
}
