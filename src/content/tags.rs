//! Which octets of a template's text are its own, and which belong to tags: `{{ … }}`, `{% … %}` and `{# … #}`.
//!
//! Guarantees: a quoted text within a tag does not end it, nor do brackets. Leaves to others: what the tags say (`template`).

/// What an octet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The text itself: the same in every message.
    Fixed,
    /// A tag.
    Tag,
    /// The text within a block, `{% if … %}` to `{% endif %}`: in some messages, or in several copies.
    Block,
}

/// The part of each octet of `text`.
pub(crate) fn parts(text: &str) -> Vec<Part> {
    let octets = text.as_bytes();
    let mut parts = Vec::with_capacity(octets.len());
    let mut depth = 0usize;
    while parts.len() < octets.len() {
        let at = parts.len();
        let rest = octets.get(at..).unwrap_or_default();
        if !begins(rest) {
            parts.push(if depth == 0 { Part::Fixed } else { Part::Block });
            continue;
        }
        let end = whole(rest).unwrap_or(rest.len());
        if rest.get(1) == Some(&b'%') {
            let inside = text.get(at + 2..at + end).unwrap_or_default();
            let inside = inside.trim_start_matches(|c: char| c.is_whitespace() || "+-".contains(c));
            depth = match inside {
                inside if inside.starts_with("end") => depth.saturating_sub(1),
                inside if opens(inside) => depth + 1,
                _ => depth,
            };
        }
        parts.resize(at + end, Part::Tag);
    }
    parts
}

/// Whether a text begins with a tag.
pub(crate) fn begins(text: &[u8]) -> bool {
    matches!(text, [b'{', b'{' | b'%' | b'#', ..])
}

/// The octets of the tag that a text begins with; `None` where it is not closed, or none.
pub(crate) fn whole(text: &[u8]) -> Option<usize> {
    match text {
        [b'{', b'{', ..] => length(text, b"}}"),
        [b'{', b'%', ..] => length(text, b"%}"),
        [b'{', b'#', ..] => memchr::memmem::find(text, b"#}").map(|end| end + 2),
        _ => None,
    }
}

/// Whether there is a tag at all.
pub(crate) fn has_tags(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|opens| text.contains(opens))
}

/// Whether a statement has an end of its own.
pub(crate) fn opens(statement: &str) -> bool {
    let word = statement.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    match word {
        "if" | "for" | "with" | "filter" | "macro" | "call" | "block" | "autoescape" | "raw" => true,
        "set" => !statement.contains('='),
        _ => false,
    }
}

/// The octets of the tag that a text begins with, up to behind its `close`: not one in a text in quotes, nor in brackets.
pub(crate) fn length(text: &[u8], close: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (2, 0usize);
    while let Some(&octet) = text.get(at) {
        match octet {
            b'"' | b'\'' => {
                at += 1;
                while *text.get(at)? != octet {
                    at += if *text.get(at)? == b'\\' { 2 } else { 1 };
                }
            }
            _ if depth == 0 && text.get(at..)?.starts_with(close) => return Some(at + close.len()),
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_blocks_are_told_from_the_text() {
        let shown = |text: &str| -> String {
            parts(text)
                .iter()
                .map(|part| match part {
                    Part::Fixed => '.',
                    Part::Tag => 't',
                    Part::Block => 'b',
                })
                .collect()
        };
        assert_eq!(shown("a {{ b }}c"), "..ttttttt.");
        assert_eq!(shown("{{ '}}' }}x{"), "tttttttttt..");
        assert_eq!(shown("{{ {'a': {'b': 1}}.a }}x"), format!("{}.", "t".repeat(23)));
        assert_eq!(shown("{% if a %}b{% endif %}c"), "ttttttttttbttttttttttt.");
        assert_eq!(shown("{% set a = 1 %}b"), "ttttttttttttttt.");
        assert_eq!(shown("{# \" #}b{{"), "ttttttt.tt");
        assert_eq!(shown("\u{e9}{%"), "..tt");
    }
}
