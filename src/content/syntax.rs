//! How tags of templates are written: in braces as Jinja2 has them, or in brackets where a page is full of braces of its own.
//!
//! Everything else in this room reads braces. A text in brackets is turned into one in braces once, when it comes in: each
//! tag keeps its characters but for its ends, and each brace of the text that would begin a tag then becomes [`BRACE`], so
//! that a place in the one is the same line and column in the other. Guarantees: what stands outside of tags comes out as
//! it went in. Leaves to others: what tags mean (`template`).

use super::tags;
use std::borrow::Cow;

/// A `{` of the text that begins no tag: a character that no text has (Unicode, noncharacters).
pub(crate) const BRACE: char = '\u{fdd0}';
/// The same as a template writes it.
const BRACE_WRITTEN: &str = "{{ \"{\" }}";

/// How tags of templates are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Syntax {
    /// `{{ name }}`, `{% if name %}`, `{# note #}`.
    #[default]
    Jinja,
    /// `[[ name ]]`, `[% if name %]`, `[# note #]`.
    Brackets,
}

impl Syntax {
    /// Every one, by its word.
    pub const WORDS: [(&'static str, Self); 2] = [("jinja", Self::Jinja), ("brackets", Self::Brackets)];

    /// The one of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|&(_, syntax)| syntax)
    }

    /// What templates look like, in a hint.
    pub(crate) const fn shape(self) -> &'static str {
        match self {
            Self::Jinja => "templates are minijinja: {{ name }}, {% if name %}…{% endif %}",
            Self::Brackets => "templates are minijinja in brackets: [[ name ]], [% if name %]…[% endif %]",
        }
    }

    /// A tag that prints.
    #[must_use]
    pub fn slot(self, code: &str) -> String {
        match self {
            Self::Jinja => format!("{{{{ {code} }}}}"),
            Self::Brackets => format!("[[ {code} ]]"),
        }
    }

    /// A tag that does something.
    #[must_use]
    pub fn statement(self, code: &str) -> String {
        match self {
            Self::Jinja => format!("{{% {code} %}}"),
            Self::Brackets => format!("[% {code} %]"),
        }
    }

    /// A hint whose tags are in braces, with its tags written so.
    #[must_use]
    pub fn hinted(self, hint: &str) -> Cow<'_, str> {
        const ENDS: [(&str, &str); 4] = [("{{ ", "[[ "), (" }}", " ]]"), ("{% ", "[% "), (" %}", " %]")];
        match self {
            Self::Jinja => Cow::Borrowed(hint),
            Self::Brackets => {
                Cow::Owned(ENDS.iter().fold(hint.to_owned(), |text, (braces, brackets)| text.replace(braces, brackets)))
            }
        }
    }

    /// A text whose tags are written so, with its tags in braces.
    #[must_use]
    pub fn in_braces(self, text: &str) -> Cow<'_, str> {
        match self {
            // The character means nothing in a text, and something here.
            Self::Jinja if text.contains(BRACE) => Cow::Owned(text.replace(BRACE, "\u{fffd}")),
            Self::Jinja => Cow::Borrowed(text),
            Self::Brackets => Cow::Owned(bracketed(&text.replace(BRACE, "\u{fffd}"))),
        }
    }
}

/// The text with its braces as people wrote them.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    match text.contains(BRACE) {
        false => Cow::Borrowed(text),
        true => Cow::Owned(text.replace(BRACE, "{")),
    }
}

/// The template with its braces as the engine below reads them.
pub(crate) fn written(template: String) -> String {
    match template.contains(BRACE) {
        false => template,
        true => template.replace(BRACE, BRACE_WRITTEN),
    }
}

/// Appends a part of the text itself; what comes behind it begins with `next`.
pub(crate) fn push_fixed(text: &str, next: Option<char>, out: &mut String) {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let follows = chars.peek().copied().or(next);
        let begins_tag = c == '{' && follows.is_some_and(|c| matches!(c, '{' | '%' | '#'));
        out.push(if begins_tag { BRACE } else { c });
    }
}

/// A text in brackets, in braces.
fn bracketed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut raw = false;
    while let Some(at) = next(rest, raw) {
        push_fixed(rest.get(..at).unwrap_or_default(), Some('{'), &mut out);
        let tag = rest.get(at..).unwrap_or_default();
        let kind = tag.as_bytes().get(1).copied().unwrap_or_default();
        let Some(end) = end(tag, kind) else {
            // Its end is missed by whoever compiles it.
            out.push('{');
            out.push(if kind == b'[' { '{' } else { char::from(kind) });
            out.push_str(tag.get(2..).unwrap_or_default());
            return out;
        };
        let inside = tag.get(2..end - 2).unwrap_or_default();
        match (kind, word(inside)) {
            (b'[', _) => push_tag("{{", inside, "}}", &mut out),
            // What is raw stands there as text anyway, once all other tags are known.
            (b'%', "raw" | "endraw") => {
                raw = word(inside) == "raw";
                push_tag("{#", inside, "#}", &mut out);
            }
            (b'%', _) => push_tag("{%", inside, "%}", &mut out),
            _ => push_tag("{#", &inside.replace("#}", "#)"), "#}", &mut out),
        }
        rest = tag.get(end..).unwrap_or_default();
    }
    push_fixed(rest, None, &mut out);
    out
}

fn push_tag(open: &str, inside: &str, close: &str, out: &mut String) {
    out.push_str(open);
    out.push_str(inside);
    out.push_str(close);
}

/// The first word of a tag.
fn word(inside: &str) -> &str {
    let inside = inside.trim_start_matches(['-', '+']).trim_start();
    inside.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// Where the next tag begins; in a raw text only its end is one.
fn next(text: &str, raw: bool) -> Option<usize> {
    let mut all = memchr::memchr_iter(b'[', text.as_bytes());
    all.find(|&at| match text.as_bytes().get(at + 1) {
        Some(b'%') if raw => word(text.get(at + 2..).unwrap_or_default()) == "endraw",
        Some(b'[' | b'%' | b'#') => !raw,
        _ => false,
    })
}

/// Where the tag that a text begins with ends.
fn end(tag: &str, kind: u8) -> Option<usize> {
    match kind {
        b'[' => tags::length(tag.as_bytes(), b"]]"),
        b'%' => tags::length(tag.as_bytes(), b"%]"),
        _ => tag.find("#]").map(|at| at + 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_become_braces_at_the_same_places() {
        for (written, ours) in [
            ("Hi [[ first|default(\"]]\") ]]!", "Hi {{ first|default(\"]]\") }}!"),
            ("[%- if a[b[0]] -%]x[% endif %]", "{%- if a[b[0]] -%}x{% endif %}"),
            ("[[ a[b[0]] ]]]", "{{ a[b[0]] }}]"),
            ("[# a #} b #]", "{# a #) b #}"),
            ("a{#b{c:d}}", "a\u{fdd0}#b{c:d}}"),
            ("0%{%x", "0%\u{fdd0}%x"),
            ("{{ x }}", "\u{fdd0}{ x }}"),
            ("{{{", "\u{fdd0}\u{fdd0}{"),
            ("{[[ x ]]}", "\u{fdd0}{{ x }}}"),
            ("[% raw %][[ x ]][% if %][# {{[% endraw %]", "{# raw #}[[ x ]][% if %][# \u{fdd0}\u{fdd0}{# endraw #}"),
            ("[1] a[href] <!--[if mso]> [ [", "[1] a[href] <!--[if mso]> [ ["),
            ("[[ x", "{{ x"),
            ("[% if 'x ]]", "{% if 'x ]]"),
            ("\u{e9}[[ \u{e9} ]]\u{fdd0}", "\u{e9}{{ \u{e9} }}\u{fffd}"),
            ("", ""),
        ] {
            let made = Syntax::Brackets.in_braces(written);
            assert_eq!(made, ours, "{written}");
            assert_eq!(made.chars().count(), written.chars().count(), "{written}");
        }
    }

    #[test]
    fn braces_stay_braces() {
        assert_eq!(Syntax::Jinja.in_braces("{{ x }}[[ y ]]{# z #}"), "{{ x }}[[ y ]]{# z #}");
        assert_eq!(Syntax::Jinja.in_braces("a\u{fdd0}"), "a\u{fffd}");
        assert_eq!(Syntax::of("brackets"), Some(Syntax::Brackets));
        assert_eq!(Syntax::of("erb"), None);
    }
}
