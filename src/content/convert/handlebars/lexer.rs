//! Handlebars, and Mustache, as a row of texts and tags.
//!
//! Guarantees: reads any text to its end. As in Handlebars, a line on which nothing but one tag stands that prints nothing
//! (a block's beginning or end, a comment, a partial) is no line of the text.

use super::super::ends;
use crate::content::ahead::Ahead;

/// What a tag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{{name}}`
    Slot,
    /// `{{{name}}}`, `{{&name}}`
    Raw,
    /// `{{#name}}`
    Open,
    /// `{{/name}}`
    Close,
    /// `{{^name}}`, and `{{^}}`, which is `{{else}}`
    Inverse,
    /// `{{else}}`, `{{else if name}}`
    Else,
    /// `{{> name}}`
    Partial,
    /// `{{! note }}`, `{{!-- note --}}`
    Comment,
}

impl Kind {
    /// Whether it prints nothing where it stands.
    fn is_silent(self) -> bool {
        !matches!(self, Self::Slot | Self::Raw)
    }
}

/// A tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag<'t> {
    pub(super) kind: Kind,
    /// It, with its braces.
    pub(super) whole: &'t str,
    pub(super) at: usize,
    /// What stands in it behind its sign.
    pub(super) code: &'t str,
    /// `{{~`
    trims_before: bool,
    /// `~}}`
    trims_behind: bool,
}

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// Text, and where it begins.
    Text(usize, &'t str),
    Tag(Tag<'t>),
}

/// The tokens of a template.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer::new(text);
    let mut tokens = Vec::new();
    let (mut at, mut from) = (0, 0);
    while let Some(start) = lexer.opens.from(from) {
        let before = text.get(at..start).unwrap_or_default();
        // `\{{` stands for the braces themselves, `\\{{` for a backslash before a tag.
        let (before, is_text) = match (before.strip_suffix("\\\\"), before.strip_suffix('\\')) {
            (Some(_), Some(one)) => (one, false),
            (None, Some(none)) => (none, true),
            _ => (before, false),
        };
        if is_text {
            tokens.push(Token::Text(at, before));
            let length = lexer.closes.from(start).map_or(2, |end| end + 2 - start);
            tokens.push(Token::Text(start, text.get(start..start + length).unwrap_or_default()));
            (at, from) = (start + length, start + length);
            continue;
        }
        let Some(tag) = lexer.tag(start) else {
            from = start + 2;
            continue;
        };
        tokens.push(Token::Text(at, before));
        (at, from) = (start + tag.whole.len(), start + tag.whole.len());
        tokens.push(Token::Tag(tag));
    }
    tokens.push(Token::Text(at, text.get(at..).unwrap_or_default()));
    trimmed(tokens)
}

/// A template that is read from its front.
struct Lexer<'t> {
    text: &'t str,
    opens: Ahead<'t>,
    closes: Ahead<'t>,
    raw_closes: Ahead<'t>,
    comment_closes: Ahead<'t>,
    trimming_comment_closes: Ahead<'t>,
}

impl<'t> Lexer<'t> {
    fn new(text: &'t str) -> Self {
        let of = |mark| Ahead::new(text, mark);
        let (opens, closes, raw_closes) = (of("{{"), of("}}"), of("}}}"));
        let (comment_closes, trimming_comment_closes) = (of("--}}"), of("--~}}"));
        Self { text, opens, closes, raw_closes, comment_closes, trimming_comment_closes }
    }

    /// The tag that begins at `start`.
    fn tag(&mut self, start: usize) -> Option<Tag<'t>> {
        let (end, kind) = self.end(start)?;
        let whole = self.text.get(start..end)?;
        let inside = whole.get(2..whole.len() - 2)?;
        let (trims_before, trims_behind) = (inside.starts_with('~'), inside.ends_with('~'));
        let inside = inside.strip_prefix('~').unwrap_or(inside);
        let inside = inside.strip_suffix('~').unwrap_or(inside).trim();
        let (kind, code) = match kind {
            Kind::Comment => (kind, inside.trim_start_matches('!').trim_start_matches('-').trim_end_matches('-')),
            Kind::Raw => (kind, inside.strip_prefix('{').and_then(|code| code.strip_suffix('}')).unwrap_or(inside)),
            _ => by_sign(inside),
        };
        Some(Tag { kind, whole, at: start, code: code.trim(), trims_before, trims_behind })
    }

    /// Where the tag ends that begins at `start`, and what its braces say of it.
    fn end(&mut self, start: usize) -> Option<(usize, Kind)> {
        let front = self.text.get(start + 2..)?;
        let bare = front.strip_prefix('~').unwrap_or(front);
        let short = |end: usize| (end + 2, Kind::Comment);
        match bare.as_bytes() {
            [b'!', b'-', b'-', ..] => match self.comment_closes.from(start) {
                Some(end) => Some((end + 4, Kind::Comment)),
                None => self.trimming_comment_closes.from(start).map(|end| (end + 5, Kind::Comment)),
            },
            [b'!', ..] => self.closes.from(start).map(short),
            [b'{', ..] => self.raw_closes.from(start).map(|end| (end + 3, Kind::Raw)),
            _ => ends::length(front, "}}").map(|length| (start + 2 + length, Kind::Slot)),
        }
    }
}

/// What the first sign in a tag says of it, and what stands behind that.
fn by_sign(inside: &str) -> (Kind, &str) {
    let mut signs = inside.chars();
    let sign = signs.next();
    let behind = signs.as_str();
    match sign {
        Some('&') => (Kind::Raw, behind),
        Some('#') => (Kind::Open, behind),
        Some('/') => (Kind::Close, behind),
        Some('>') => (Kind::Partial, behind),
        Some('^') if behind.trim().is_empty() => (Kind::Else, ""),
        Some('^') => (Kind::Inverse, behind),
        _ => match inside.strip_prefix("else") {
            Some(behind) if behind.is_empty() || behind.starts_with(char::is_whitespace) => (Kind::Else, behind),
            _ => (Kind::Slot, inside),
        },
    }
}

/// The tokens with the blanks taken away that tags take away.
fn trimmed<'t>(tokens: Vec<Token<'t>>) -> Vec<Token<'t>> {
    let tag_at = |index: Option<usize>| match index.and_then(|index| tokens.get(index)) {
        Some(Token::Tag(tag)) => Some(tag),
        _ => None,
    };
    let text_at = |index: Option<usize>| match index.map(|index| tokens.get(index)) {
        Some(Some(Token::Text(_, text))) => Some(*text),
        // At either end of the template.
        _ => None,
    };
    // A tag alone on its line: by the texts on both sides.
    let alone = |index: usize| {
        let is_silent = tag_at(Some(index)).is_some_and(|tag| tag.kind.is_silent());
        let before = text_at(index.checked_sub(1)).unwrap_or_default();
        let behind = text_at(index.checked_add(1)).unwrap_or_default();
        let line = before.rsplit_once('\n').map(|(_, line)| line);
        let is_first = index == 1;
        let begins = line.or(is_first.then_some(before)).is_some_and(|line| line.trim().is_empty());
        let line = behind.split_once('\n').map(|(line, _)| line);
        let is_last = index + 2 == tokens.len();
        let ends = line.or(is_last.then_some(behind)).is_some_and(|line| line.trim().is_empty());
        is_silent && begins && ends
    };
    let one = |(index, token): (usize, &Token<'_>)| -> (usize, usize) {
        let Token::Text(_, text) = token else { return (0, 0) };
        let (before, behind) = (index.checked_sub(1), index.checked_add(1));
        let (mut from, mut to) = (0, text.len());
        if tag_at(before).is_some_and(|tag| tag.trims_behind) {
            from = text.len() - text.trim_start().len();
        } else if before.is_some_and(alone) {
            from = text.find('\n').map_or(text.len(), |at| at + 1);
        }
        if tag_at(behind).is_some_and(|tag| tag.trims_before) {
            to = text.trim_end().len();
        } else if behind.is_some_and(alone) {
            to = text.rfind('\n').map_or(0, |at| at + 1);
        }
        (from.min(text.len()), to.max(from.min(text.len())))
    };
    let cuts: Vec<(usize, usize)> = tokens.iter().enumerate().map(one).collect();
    let cut = |(token, (from, to)): (&Token<'t>, (usize, usize))| match *token {
        Token::Text(at, text) => Token::Text(at + from, text.get(from..to).unwrap_or_default()),
        tag => tag,
    };
    tokens.iter().zip(cuts).map(cut).collect()
}
