//! Handlebars, and Mustache, as a row of texts and tags.
//!
//! Guarantees: reads any text to its end. As in Handlebars, a line on which nothing but one tag stands that prints nothing
//! (a block's beginning or end, a comment, a partial) is no line of the text.

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
    let mut tokens = Vec::new();
    let (mut at, mut from) = (0, 0);
    while let Some(open) = text.get(from..).and_then(|rest| rest.find("{{")) {
        let start = from + open;
        // `\{{` stands for the braces themselves.
        if text.get(..start).is_some_and(|before| before.ends_with('\\')) {
            tokens.push(Token::Text(at, text.get(at..start - 1).unwrap_or_default()));
            let length = text.get(start..).and_then(|rest| rest.find("}}")).map_or(2, |end| end + 2);
            tokens.push(Token::Text(start, text.get(start..start + length).unwrap_or_default()));
            (at, from) = (start + length, start + length);
            continue;
        }
        let Some(tag) = tag(text, start) else {
            from = start + 2;
            continue;
        };
        tokens.push(Token::Text(at, text.get(at..start).unwrap_or_default()));
        (at, from) = (start + tag.whole.len(), start + tag.whole.len());
        tokens.push(Token::Tag(tag));
    }
    tokens.push(Token::Text(at, text.get(at..).unwrap_or_default()));
    trimmed(tokens)
}

/// The tag that begins at `start`.
fn tag(text: &str, start: usize) -> Option<Tag<'_>> {
    let rest = text.get(start..)?;
    let front = rest.get(2..)?;
    let front = front.strip_prefix('~').unwrap_or(front);
    let (length, kind) = if front.starts_with("!--") {
        (rest.find("--}}").map(|end| end + 4).or_else(|| rest.find("--~}}").map(|end| end + 5))?, Kind::Comment)
    } else if front.starts_with('!') {
        (rest.find("}}")? + 2, Kind::Comment)
    } else if front.starts_with('{') {
        (rest.find("}}}")? + 3, Kind::Raw)
    } else {
        (code_end(rest)?, Kind::Slot)
    };
    let whole = rest.get(..length)?;
    let inside = whole.get(2..whole.len() - 2)?;
    let (trims_before, trims_behind) = (inside.starts_with('~'), inside.ends_with('~'));
    let inside = inside.trim_start_matches('~').trim_end_matches('~').trim();
    let mut signs = inside.chars();
    let (kind, code) = match (kind, signs.next()) {
        (Kind::Comment, _) => (kind, inside.trim_start_matches('!').trim_start_matches('-').trim_end_matches('-')),
        (Kind::Raw, _) => (kind, inside.trim_start_matches('{').trim_end_matches('}')),
        (_, Some('&')) => (Kind::Raw, signs.as_str()),
        (_, Some('#')) => (Kind::Open, signs.as_str()),
        (_, Some('/')) => (Kind::Close, signs.as_str()),
        (_, Some('>')) => (Kind::Partial, signs.as_str()),
        (_, Some('^')) if signs.as_str().trim().is_empty() => (Kind::Else, ""),
        (_, Some('^')) => (Kind::Inverse, signs.as_str()),
        _ => match inside.strip_prefix("else") {
            Some(behind) if behind.is_empty() || behind.starts_with(char::is_whitespace) => (Kind::Else, behind),
            _ => (Kind::Slot, inside),
        },
    };
    Some(Tag { kind, whole, at: start, code: code.trim(), trims_before, trims_behind })
}

/// Where a tag ends: not in a text in quotes.
fn code_end(rest: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in rest.char_indices().skip(2) {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if rest.get(at..).is_some_and(|rest| rest.starts_with("}}")) => return Some(at + 2),
            None if rest.get(at..).is_some_and(|rest| rest.starts_with("{{")) => return None,
            None => {}
        }
    }
    // A quote that nothing closes is one of the text.
    rest.find("}}").map(|end| end + 2)
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
