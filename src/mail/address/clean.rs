//! What people and programs put around an address, and fields that hold more than one.
//!
//! Guarantees: only what cannot be a part of the mailbox is taken away: blanks of every kind, marks that show nothing,
//! `mailto:`, quotes and angle brackets with a name before them, and punctuation at the ends; what is left is as it was.
//! Leaves to others: whether it is a mailbox ([`super::parse_into`]), which is asked first.

use super::Mailbox;
use crate::base::letters::{is_invisible, is_nothing};
use std::borrow::Cow;

/// Longer fields are no address with something around it.
const FIELD_OCTETS_MAX: usize = 64 * 1024;
/// Quotes that enclose a whole address.
const QUOTES: &[(char, char)] = &[('"', '"'), ('\'', '\''), ('‘', '’'), ('“', '”'), ('„', '“'), ('«', '»'), ('`', '`')];

/// The field without what stands around the address in it. The same field, where nothing does.
#[must_use]
pub fn bare(field: &[u8]) -> Cow<'_, [u8]> {
    let Some(text) = Some(field).filter(|f| f.len() <= FIELD_OCTETS_MAX).and_then(|f| std::str::from_utf8(f).ok())
    else {
        return Cow::Borrowed(field);
    };
    if !text.contains(is_nothing) {
        return Cow::Borrowed(stripped(text).as_bytes());
    }
    let seen: String = text.chars().filter(|c| !is_nothing(*c)).collect();
    Cow::Owned(stripped(&seen).as_bytes().to_vec())
}

/// The mailboxes in a field that holds nothing else but names, in order and each once; none where something with an `@` in
/// it is no mailbox.
#[must_use]
pub fn each(field: &[u8]) -> Vec<Mailbox> {
    let text = Some(field).filter(|f| f.len() <= FIELD_OCTETS_MAX).and_then(|f| std::str::from_utf8(f).ok());
    let mut found: Vec<Mailbox> = Vec::new();
    let between = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '|' | '/' | '、' | '，' | '；');
    for part in text.unwrap_or_default().split(between).filter(|part| part.contains('@')) {
        match Mailbox::parse(&bare(part.as_bytes())) {
            Ok(mailbox) if found.contains(&mailbox) => {}
            Ok(mailbox) => found.push(mailbox),
            Err(_) => return Vec::new(),
        }
    }
    found
}

fn stripped(mut text: &str) -> &str {
    loop {
        let before = text;
        text = text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c));
        text = text.trim_start_matches([',', ';', ':']).trim_end_matches(['.', ',', ';', ':']);
        text = without_scheme(text);
        text = in_brackets(text).or_else(|| in_quotes(text)).unwrap_or(text);
        if text == before {
            return text;
        }
    }
}

/// RFC 6068: `mailto:` has fields of a letter behind a question mark.
fn without_scheme(text: &str) -> &str {
    const SCHEME: &str = "mailto:";
    match text.split_at_checked(SCHEME.len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest.split('?').next().unwrap_or(rest),
        _ => text,
    }
}

/// What the brackets of `Ann <ann@a.example>` hold; a name that is another address, without quotes, is not passed over.
fn in_brackets(text: &str) -> Option<&str> {
    let (name, inside) = text.strip_suffix('>')?.rsplit_once('<')?;
    let name = name.trim();
    let is_quoted = name.len() > 1 && name.starts_with('"') && name.ends_with('"');
    let is_other = name.contains('@') && !is_quoted && !name.eq_ignore_ascii_case(inside.trim());
    (!is_other && !name.contains(['<', '>']) && !inside.contains('>')).then_some(inside)
}

fn in_quotes(text: &str) -> Option<&str> {
    let inside = |(open, close): &(char, char)| text.strip_prefix(*open)?.strip_suffix(*close);
    QUOTES.iter().find_map(inside).filter(|inside| inside.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bared(text: &str) -> String {
        String::from_utf8(bare(text.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn what_stands_around_an_address_is_taken_away() {
        for text in [
            "ann@a.example",
            "  ann@a.example\t",
            "\u{a0}ann@a.example\u{a0}",
            "\u{3000}ann@a.example\r\n",
            "\u{feff}ann@a.example",
            "\u{200b}ann@a.example\u{200d}",
            "ann\u{200b}@a.exam\u{ad}ple",
            "\u{202a}ann@a.example\u{202c}",
            "mailto:ann@a.example",
            "MAILTO:ann@a.example?subject=Hello",
            "<ann@a.example>",
            "<mailto:ann@a.example>",
            "Ann <ann@a.example>",
            "\"Lee, Ann\" <ann@a.example>",
            "\"ann@home.example\" <ann@a.example>",
            "ann@a.example <ann@a.example>",
            "ann@a.example.",
            "ann@a.example,",
            "; ann@a.example ;",
            "'ann@a.example'",
            "\"ann@a.example\"",
            "“ann@a.example”",
            "Ann <ann@a.example>;",
        ] {
            assert_eq!(bared(text), "ann@a.example", "{text:?}");
        }
    }

    #[test]
    fn what_may_belong_to_it_stays() {
        for text in [
            "o'neil@a.example",
            "'ann@a.example",
            ".ann@a.example",
            "\"a b\"@a.example",
            "ann@a.example (work)",
            "bob@b.example <ann@a.example>",
            "a@b.example, c@d.example",
            "nobody",
            "a\u{200d}b@a.example",
            "<a@b.example> <c@d.example>",
        ] {
            assert_eq!(bared(text), text);
        }
        assert_eq!(bare(b"\xff@a.example").as_ref(), b"\xff@a.example");
        assert_eq!(bare(b"").as_ref(), b"");
    }

    #[test]
    fn several_addresses_are_told_apart() {
        let all = |text: &str| each(text.as_bytes()).iter().map(ToString::to_string).collect::<Vec<_>>();
        for text in [
            "ann@a.example,bob@b.example",
            "ann@a.example; bob@b.example",
            "ann@a.example bob@b.example",
            "ann@a.example\nbob@b.example",
            "ann@a.example / bob@b.example",
            "Ann Lee <ann@a.example>, \"B\" <bob@b.example>",
            "ann@a.example and mailto:bob@b.example.",
            "ann@a.example, bob@b.example, ann@a.example",
        ] {
            assert_eq!(all(text), ["ann@a.example", "bob@b.example"], "{text:?}");
        }
        for text in ["ann@a.example, bob@", "ann@a.example@b.example", "nobody", ""] {
            assert!(all(text).is_empty(), "{text:?}");
        }
        assert_eq!(all("ann@a.example (work)"), ["ann@a.example"]);
    }
}
