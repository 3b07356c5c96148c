//! Template tags out of the way: each `{{ … }}`, `{% … %}` and `{# … #}` becomes a word of ASCII letters and digits that no
//! parser of HTML, CSS or MJML takes for anything else, and comes back as it was.
//!
//! Guarantees: what is hidden is restored octet for octet, wherever the word was carried to; where a template is wrong is
//! told with its place in the file that people wrote. Leaves to others: what a tag means (`template`).

use super::super::error::{ContentError, Place, excerpt, position};
use super::super::syntax::{self, BRACE};
use super::super::tags;
use std::ops::Range;
use std::sync::Arc;

/// What a word begins with. A text that has it by itself loses nothing: it is hidden, too.
const MARK: &str = "jqzx";
/// What a word ends with, behind its number.
const END: char = 'z';

/// What a tag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{{ … }}`
    Slot,
    /// `{% … %}`
    Block,
    /// `{# … #}`
    Comment,
    /// Text that looks like one of our words.
    Literal,
}

/// A tag that is hidden.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    pub(super) kind: Kind,
    /// It, with its braces.
    pub(super) text: String,
    source: Arc<Written>,
    /// Where in its source it begins, and how many octets it has there.
    at: usize,
    len: usize,
}

impl Tag {
    /// What stands between the braces, without the marks of whitespace control.
    pub(super) fn inside(&self) -> &str {
        let inside = self.text.get(2..self.text.len().saturating_sub(2)).unwrap_or_default();
        inside.trim_start_matches(['-', '+']).trim_end_matches(['-', '+']).trim()
    }

    /// An error where it stands in what people wrote.
    pub(super) fn error(&self, problem: impl Into<String>, hint: &str) -> ContentError {
        ContentError::new(&self.source.place, problem, hint).at(&self.source.text, self.at)
    }

    /// The first word of it: `if`, `endfor`.
    pub(super) fn word(&self) -> &str {
        let inside = self.inside();
        inside.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
    }
}

/// A text as people wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) place: Place,
    pub(super) text: String,
}

impl Written {
    pub(super) fn new(place: Place, text: &str) -> Arc<Self> {
        Arc::new(Self { place, text: text.to_owned() })
    }
}

/// A text whose tags are hidden.
#[derive(Clone, Debug)]
pub(super) struct Hidden {
    pub(super) text: String,
    pub(super) source: Arc<Written>,
    /// Where words begin in `text`, how long they are, and where and how long in the source the tags are.
    moved: Vec<(usize, usize, usize, usize)>,
}

impl Hidden {
    /// The place in the source of an octet of [`Self::text`].
    pub(super) fn back(&self, at: usize) -> usize {
        let behind = self.moved.partition_point(|&(start, ..)| start <= at);
        let Some(&(start, len, source, source_len)) = behind.checked_sub(1).and_then(|i| self.moved.get(i)) else {
            return at;
        };
        if at < start + len { source } else { source + source_len + (at - start - len) }
    }
}

/// Every tag that is hidden for now.
#[derive(Debug, Default)]
pub(super) struct Tags {
    tags: Vec<Tag>,
    /// Braces of the text are told from those of tags: the original has tags in brackets.
    marks_braces: bool,
}

impl Tags {
    /// Hides the tags of a text; `None` when one of them does not end, which is for the template's compiler to tell.
    pub(super) fn hide(&mut self, source: &Arc<Written>) -> Option<Hidden> {
        let text = source.text.as_str();
        let mut hidden = Hidden { text: String::with_capacity(text.len()), source: source.clone(), moved: Vec::new() };
        let mut at = 0;
        let mut raw = false;
        while let Some((start, kind)) = next(text, at, raw) {
            let end = match kind {
                Kind::Literal => start + MARK.len(),
                _ => tag_end(text, start, kind)?,
            };
            self.fixed(text, at..start, &mut hidden)?;
            let tag = Tag {
                kind,
                text: text.get(start..end)?.to_owned(),
                source: source.clone(),
                at: start,
                len: end - start,
            };
            if kind == Kind::Block {
                raw = tag.word() == "raw";
            }
            let word = self.add(tag);
            hidden.moved.push((hidden.text.len(), word.len(), start, end - start));
            hidden.text.push_str(&word);
            at = end;
        }
        self.fixed(text, at..text.len(), &mut hidden)?;
        // `raw` without its end is for the compiler, too.
        (!raw).then_some(hidden)
    }

    /// Text between tags, with its braces as parsers of CSS and HTML read them.
    fn fixed(&mut self, text: &str, range: Range<usize>, hidden: &mut Hidden) -> Option<()> {
        let mut at = range.start;
        for (found, _) in text.get(range.clone())?.match_indices(BRACE) {
            let start = range.start + found;
            self.marks_braces = true;
            hidden.text.push_str(text.get(at..start)?);
            hidden.moved.push((hidden.text.len(), 1, start, BRACE.len_utf8()));
            hidden.text.push('{');
            at = start + BRACE.len_utf8();
        }
        hidden.text.push_str(text.get(at..range.end)?);
        Some(())
    }

    fn add(&mut self, tag: Tag) -> String {
        self.tags.push(tag);
        format!("{MARK}{}{END}", self.tags.len() - 1)
    }

    /// The word for a tag of ours that is made from `tag`, whose errors are those of `tag`.
    pub(super) fn instead(&mut self, tag: &Tag, text: String) -> String {
        self.add(Tag { text, ..tag.clone() })
    }

    /// The word for a tag that nobody wrote.
    pub(super) fn literal(&mut self, text: &str) -> String {
        let source = Written::new(Place::File(String::new()), text);
        self.add(Tag { kind: Kind::Literal, text: text.to_owned(), source, at: 0, len: 0 })
    }

    /// The words in a text: where they stand, and what they hide.
    pub(super) fn words<'t>(&'t self, text: &'t str) -> impl Iterator<Item = (Range<usize>, &'t Tag)> {
        text.match_indices(MARK).filter_map(move |(start, _)| {
            let end = start + word_len(text.get(start..)?)?;
            let number = text.get(start + MARK.len()..end - END.len_utf8())?;
            Some((start..end, self.tags.get(number.parse::<usize>().ok()?)?))
        })
    }

    /// Whether a text holds a tag that is no comment.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.words(text).any(|(_, tag)| matches!(tag.kind, Kind::Slot | Kind::Block))
    }

    /// Whether a text holds `{% … %}`.
    pub(super) fn branches(&self, text: &str) -> bool {
        self.words(text).any(|(_, tag)| tag.kind == Kind::Block)
    }

    /// A text with the words that `gone` names taken out.
    pub(super) fn without(&self, text: &str, gone: impl Fn(&Tag) -> bool) -> String {
        self.replaced(text, |tag| if gone(tag) { Some(String::new()) } else { None })
    }

    /// A text with other words, or any text, for those that `other` gives something for.
    pub(super) fn replaced(&self, text: &str, mut other: impl FnMut(&Tag) -> Option<String>) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for (range, tag) in self.words(text) {
            if let Some(other) = other(tag) {
                out.push_str(text.get(at..range.start).unwrap_or_default());
                out.push_str(&other);
                at = range.end;
            }
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }

    /// A text with its tags as they were, for errors.
    pub(super) fn shown(&self, text: &str) -> String {
        self.replaced(text, |tag| Some(tag.text.clone()))
    }

    /// The text with its tags as they were, and where each of them came from.
    pub(super) fn restore(&self, file: &str, hidden: &str) -> (String, Origin) {
        let mut text = String::with_capacity(hidden.len());
        let mut spans = Vec::new();
        let mut at = 0;
        for (range, tag) in self.words(hidden) {
            self.push_fixed(hidden.get(at..range.start).unwrap_or_default(), tag.text.chars().next(), &mut text);
            let start = text.len();
            text.push_str(&tag.text);
            if tag.kind != Kind::Literal {
                spans.push(Span { start, end: text.len(), source: tag.source.clone(), at: tag.at, len: tag.len });
            }
            at = range.end;
        }
        self.push_fixed(hidden.get(at..).unwrap_or_default(), None, &mut text);
        let origin = Origin { file: file.to_owned(), text: text.clone(), spans };
        (text, origin)
    }

    fn push_fixed(&self, fixed: &str, next: Option<char>, out: &mut String) {
        match self.marks_braces {
            true => syntax::push_fixed(fixed, next, out),
            false => out.push_str(fixed),
        }
    }
}

/// The octets of the word that a text begins with.
pub(super) fn word_len(text: &str) -> Option<usize> {
    let rest = text.strip_prefix(MARK)?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0 && rest.get(digits..)?.starts_with(END)).then_some(MARK.len() + digits + END.len_utf8())
}

/// Where the next tag begins, from `at`.
fn next(text: &str, at: usize, raw: bool) -> Option<(usize, Kind)> {
    let mut from = at;
    loop {
        let rest = text.get(from..)?;
        let found = memchr::memchr2(b'{', b'j', rest.as_bytes())?;
        let start = from + found;
        let here = text.get(start..)?;
        let kind = match here.as_bytes().get(1) {
            Some(b'%') if raw && !ends_raw(here) => None,
            Some(b'{' | b'#') if raw => None,
            Some(b'{') if here.starts_with('{') => Some(Kind::Slot),
            Some(b'%') if here.starts_with('{') => Some(Kind::Block),
            Some(b'#') if here.starts_with('{') => Some(Kind::Comment),
            _ if here.starts_with(MARK) => Some(Kind::Literal),
            _ => None,
        };
        match kind {
            Some(kind) => return Some((start, kind)),
            None => from = start + 1,
        }
    }
}

/// Whether `text` begins with `{% endraw %}`.
fn ends_raw(text: &str) -> bool {
    let inside = text.strip_prefix("{%").map(|rest| rest.trim_start_matches(['-', '+']).trim_start());
    inside.is_some_and(|inside| inside.starts_with("endraw"))
}

/// Where the tag that begins at `start` ends.
fn tag_end(text: &str, start: usize, kind: Kind) -> Option<usize> {
    let rest = text.get(start..)?;
    let length = match kind {
        Kind::Comment => rest.find("#}").map(|end| end + 2),
        Kind::Slot => tags::length(rest.as_bytes(), b"}}"),
        _ => tags::length(rest.as_bytes(), b"%}"),
    };
    Some(start + length?)
}

/// Where one tag of a text came from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Span {
    start: usize,
    end: usize,
    source: Arc<Written>,
    at: usize,
    len: usize,
}

/// Where the template tags of a text that was made from others came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// What the text is called.
    file: String,
    text: String,
    spans: Vec<Span>,
}

impl Origin {
    /// Whether this is about the text that is called so.
    pub(crate) fn is_of(&self, place: &Place) -> bool {
        matches!(place, Place::File(file) if *file == self.file)
    }

    /// The error, which is of this text, as it is about what people wrote.
    pub(crate) fn told(&self, error: ContentError) -> ContentError {
        let Some((line, column)) = error.position else { return error };
        let starts: usize = self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let in_line = self.text.get(starts..).unwrap_or_default();
        let at = starts + in_line.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum::<usize>();
        match self.span(at) {
            Some((source, at)) => {
                let place = source.place.clone();
                let excerpt = if error.excerpt.is_empty() { String::new() } else { excerpt(&source.text, at) };
                ContentError { place, position: Some(position(&source.text, at)), excerpt, ..error }
            }
            None => error,
        }
    }

    /// The line of what people wrote that a line of `file` came from, with its place.
    pub(crate) fn line(&self, file: &str, line: usize) -> Option<(String, usize)> {
        if file != self.file {
            return None;
        }
        let starts = self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        self.span(starts).map(|(source, at)| (source.place.to_string(), position(&source.text, at).0))
    }

    /// The tag at `at`, or the nearest behind it, or the last.
    fn span(&self, at: usize) -> Option<(&Written, usize)> {
        let span = self.spans.iter().find(|span| at < span.end).or(self.spans.last())?;
        let into = at.saturating_sub(span.start);
        let written = span.source.text.get(span.at..span.at + span.len).unwrap_or_default();
        let into = match self.text.get(span.start..span.end) {
            Some(text) if text == written => into,
            // A tag that was changed has its names all the same.
            text => {
                let rest = text.and_then(|text| text.get(into..)).unwrap_or_default();
                let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                written.find(name).unwrap_or_default()
            }
        };
        Some((span.source.as_ref(), span.at + into))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Arc<Written> {
        Written::new(Place::File("w.html".to_owned()), text)
    }

    #[test]
    fn every_tag_is_hidden_and_comes_back() {
        for (text, words) in [
            ("a {{ b }} c", 1),
            ("{{ x|default(\"}}\") }}{% if y == '%}' %}{# z }} #}{% endif %}", 4),
            ("<td {% if a %}class=\"b\"{% endif %} style=\"color:{{ c }}\">", 3),
            ("{% raw %}#a{#b{c:{{d}}}{% if %}{%- endraw -%}{{ e }}", 3),
            ("{{ {'k': {'l': c}} }}", 1),
            ("@media x{#a{b:c}}", 0),
            ("jqzx0z jqzx {{ a }} jqzjqzx9", 4),
            ("\u{e9}{{ \u{e9} }}", 1),
            ("", 0),
        ] {
            let mut tags = Tags::default();
            let hidden = tags.hide(&written(text));
            if text.contains("{#a{b") {
                assert!(hidden.is_none(), "a comment that does not end");
                continue;
            }
            let hidden = hidden.unwrap_or_else(|| panic!("{text}"));
            assert_eq!(tags.words(&hidden.text).count(), words, "{text}: {}", hidden.text);
            assert_eq!(tags.restore("w.html", &hidden.text).0, text);
            for (range, tag) in tags.words(&hidden.text) {
                assert_eq!(hidden.back(range.start), tag.at, "{text}");
            }
            assert_eq!(hidden.back(hidden.text.len()), text.len(), "{text}");
        }
        for open in ["{{ a", "{% if", "{# a", "{{ 'a }}", "{% raw %} {{ a }}"] {
            assert!(Tags::default().hide(&written(open)).is_none(), "{open}");
        }
    }

    #[test]
    fn errors_are_told_where_people_wrote() {
        let mut tags = Tags::default();
        let hidden = tags.hide(&written("a\nb {{ c }}\n{{ d }}")).map(|h| h.text).unwrap_or_default();
        let moved = format!("more\nand more {hidden}");
        let (text, origin) = tags.restore("w.html", &moved);
        let place = Place::File("w.html".to_owned());
        let error = ContentError::new(&place, "x", "").at(&text, text.find("d }}").unwrap_or(0));
        assert_eq!(origin.told(error).position, Some((3, 4)));
        assert_eq!(origin.line("w.html", 3), Some(("w.html".to_owned(), 2)));
        assert!(origin.is_of(&place) && !origin.is_of(&Place::File("v.html".to_owned())));
    }
}
