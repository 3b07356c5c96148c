//! Where in a TOML file a character of a text stands: behind its quotes and escapes.
//!
//! Guarantees: the place is that of the character as an editor shows it, or none. Leaves to others: whether the text is TOML
//! at all; it was read before.

/// The line and column, from 1, of the character number `wanted` (from 0) of the text that begins at `place`.
#[must_use]
pub fn place_in(file: &str, place: (usize, usize), wanted: usize) -> Option<(usize, usize)> {
    let line = file.split('\n').nth(place.0.checked_sub(1)?)?;
    let before: usize = file.split_inclusive('\n').take(place.0 - 1).map(str::len).sum();
    let column = line.char_indices().nth(place.1.checked_sub(1)?)?.0;
    let literal = file.get(before + column..)?;
    let offset = offset_of(literal, wanted)?;
    let passed = literal.get(..offset)?;
    Some(match passed.rsplit_once('\n') {
        None => (place.0, place.1 + passed.chars().count()),
        Some((above, last)) => (place.0 + above.matches('\n').count() + 1, last.chars().count() + 1),
    })
}

/// The octet of a literal at which the character number `wanted` of its text stands.
fn offset_of(literal: &str, wanted: usize) -> Option<usize> {
    let (quotes, escapes) = match literal {
        text if text.starts_with("\"\"\"") => ("\"\"\"", true),
        text if text.starts_with("'''") => ("'''", false),
        text if text.starts_with('"') => ("\"", true),
        text if text.starts_with('\'') => ("'", false),
        _ => return None,
    };
    let mut rest = literal.get(quotes.len()..)?;
    if quotes.len() == 3 {
        // A line break right behind the quotes is not of the text.
        rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).unwrap_or(rest);
    }
    let mut passed = 0;
    loop {
        let octets = match rest.strip_prefix('\\').filter(|_| escapes) {
            None => rest.chars().next().map(char::len_utf8)?,
            Some(behind) => match behind.chars().next()? {
                'x' => 4,
                'u' => 6,
                'U' => 10,
                c if c.is_whitespace() => {
                    // It joins the lines: nothing of it is of the text.
                    rest = behind.trim_start();
                    continue;
                }
                c => 1 + c.len_utf8(),
            },
        };
        if passed == wanted {
            return Some(literal.len() - rest.len());
        }
        passed += 1;
        rest = rest.get(octets..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_found_behind_quotes_and_escapes() {
        for (file, place, wanted, expected) in [
            ("a = \"xy\"", (1, 5), 0, (1, 6)),
            ("b = 1\na = 'xy'", (2, 5), 1, (2, 7)),
            ("a = \"\\u00e9\\\"\\tx\"", (1, 5), 3, (1, 16)),
            ("a = '\\u00e9'", (1, 5), 3, (1, 9)),
            ("a = \"\"\"\nx \\\n   y\"\"\"", (1, 5), 2, (3, 4)),
            ("\u{e9} = \"\u{e9}x\"", (1, 5), 1, (1, 7)),
        ] {
            assert_eq!(place_in(file, place, wanted), Some(expected), "{file}");
        }
        assert_eq!(place_in("a = 1", (1, 5), 0), None);
        assert_eq!(place_in("a = \"x\"", (3, 1), 0), None);
    }
}
