//! Markup where only text is read: `&amp;` and `<b>` in a subject stand there for readers as they were written.

use super::Placing;

/// Elements that people carry over from a page.
const ELEMENTS: [&str; 22] = [
    "a", "b", "big", "br", "center", "div", "em", "font", "h1", "h2", "h3", "i", "img", "p", "small", "span", "strong",
    "sub", "sup", "table", "td", "u",
];

/// Looks at the value of a key of which readers see the text; template code in it is masked.
pub(super) fn look(masked: &str, found: &mut Placing<'_>) {
    let hint = "write the character itself, and no markup: it is text";
    if let Some((at, entity)) = entity(masked) {
        let says = format!("`{entity}` is an entity of HTML, which readers see as it stands");
        found.warn("markup-in-text", at, says, hint);
    }
    if let Some((at, element)) = element(masked) {
        let says = format!("`{element}` is an element of HTML, which readers see as it stands");
        found.warn("markup-in-text", at, says, hint);
    }
}

/// The first entity of HTML in a text, and where it begins: `&euml;`, `&#235;`, `&#xEB;`.
#[must_use]
pub fn entity(text: &str) -> Option<(usize, &str)> {
    text.match_indices('&').find_map(|(at, _)| {
        let whole = text.get(at..)?.split_inclusive(';').next()?;
        let name = whole.strip_prefix('&')?.strip_suffix(';')?;
        let is_one = match name.strip_prefix('#').map(|digits| digits.trim_start_matches(['x', 'X'])) {
            Some(digits) => (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit()),
            None => (2..=8).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric()),
        };
        is_one.then_some((at, whole))
    })
}

/// The first tag of an element in a text, and where it begins. `<b@a.example>` is an address.
fn element(text: &str) -> Option<(usize, &str)> {
    text.match_indices('<').find_map(|(at, _)| {
        let whole = text.get(at..)?.split_inclusive('>').next()?;
        let inside = whole.strip_prefix('<')?.strip_suffix('>')?.trim_start_matches('/');
        let name = inside.split([' ', '/']).next()?.to_ascii_lowercase();
        ELEMENTS.contains(&name.as_str()).then_some((at, whole))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_and_elements_are_known_from_what_looks_like_them() {
        for (text, at) in [("a &amp; b", 2), ("&#39;", 0), ("& Zo&#xEB;", 4)] {
            assert_eq!(entity(text).map(|(at, _)| at), Some(at), "{text}");
        }
        for text in ["AT&T; so", "Smith & Co; Ltd", "a &", "&;", "&verylongname;"] {
            assert_eq!(entity(text), None, "{text}");
        }
        for (text, shown) in [("Hi <b>you</b>", "<b>"), ("a<br/>b", "<br/>"), ("x</EM>", "</EM>")] {
            assert_eq!(element(text).map(|(_, element)| element), Some(shown), "{text}");
        }
        for text in ["B <b@a.example>", "I <3 you", "a < b > c", "<news@a.example>", "<b"] {
            assert_eq!(element(text), None, "{text}");
        }
    }
}
