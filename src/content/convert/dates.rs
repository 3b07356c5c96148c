//! Patterns of dates: those of PHP and of Moment.js as `strftime` has them, which the filter `date` reads.

/// PHP's `date`: one letter each; a backslash keeps the next one.
const PHP: [(char, &str); 25] = [
    ('d', "%d"),
    ('D', "%a"),
    ('j', "%-d"),
    ('l', "%A"),
    ('N', "%u"),
    ('w', "%w"),
    ('z', "%-j"),
    ('W', "%V"),
    ('F', "%B"),
    ('m', "%m"),
    ('M', "%b"),
    ('n', "%-m"),
    ('o', "%G"),
    ('Y', "%Y"),
    ('y', "%y"),
    ('a', "%P"),
    ('A', "%p"),
    ('g', "%-I"),
    ('G', "%-H"),
    ('h', "%I"),
    ('H', "%H"),
    ('i', "%M"),
    ('s', "%S"),
    ('U', "%s"),
    ('%', "%%"),
];

/// Moment.js and its like, the longest first.
const MOMENT: [(&str, &str); 27] = [
    ("YYYY", "%Y"),
    ("yyyy", "%Y"),
    ("MMMM", "%B"),
    ("dddd", "%A"),
    ("EEEE", "%A"),
    ("MMM", "%b"),
    ("ddd", "%a"),
    ("DDD", "%-j"),
    ("YY", "%y"),
    ("yy", "%y"),
    ("MM", "%m"),
    ("DD", "%d"),
    ("dd", "%d"),
    ("HH", "%H"),
    ("hh", "%I"),
    ("mm", "%M"),
    ("ss", "%S"),
    ("M", "%-m"),
    ("D", "%-d"),
    ("d", "%-d"),
    ("H", "%-H"),
    ("h", "%-I"),
    ("m", "%-M"),
    ("s", "%-S"),
    ("A", "%p"),
    ("a", "%P"),
    ("%", "%%"),
];

/// A pattern of PHP; `None` where it has what `strftime` has not.
pub(crate) fn of_php(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match PHP.iter().find(|(theirs, _)| *theirs == c) {
            Some((_, ours)) => out.push_str(ours),
            None if c == '\\' => out.extend(chars.next()),
            // Ordinals, zones, leap years.
            None if c.is_ascii_alphabetic() => return None,
            None => out.push(c),
        }
    }
    Some(out)
}

/// A pattern of Moment.js; `None` where it has what `strftime` has not. Text stands in square brackets, or in quotes.
pub(crate) fn of_moment(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        if let Some((theirs, ours)) = MOMENT.iter().find(|(theirs, _)| rest.starts_with(theirs)) {
            out.push_str(ours);
            rest = rest.get(theirs.len()..).unwrap_or_default();
            // `Do` is an ordinal.
            if *theirs == "D" && rest.starts_with('o') {
                return None;
            }
            continue;
        }
        let behind = rest.get(c.len_utf8()..).unwrap_or_default();
        let close = match c {
            '[' => Some(']'),
            '\'' => Some('\''),
            _ => None,
        };
        match close.and_then(|close| behind.split_once(close)) {
            Some((text, behind)) => {
                out.push_str(&text.replace('%', "%%"));
                rest = behind;
            }
            None if c.is_ascii_alphabetic() => return None,
            None => {
                out.push(c);
                rest = behind;
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_those_of_strftime() {
        assert_eq!(of_php("d/m/y").as_deref(), Some("%d/%m/%y"));
        assert_eq!(of_php("l, F j, Y \\a\\t g:i a").as_deref(), Some("%A, %B %-d, %Y at %-I:%M %P"));
        assert_eq!(of_php("jS"), None);
        assert_eq!(of_moment("MMMM DD, YYYY h:mm:ss A").as_deref(), Some("%B %d, %Y %-I:%M:%S %p"));
        assert_eq!(of_moment("D. MMM [at] HH:mm").as_deref(), Some("%-d. %b at %H:%M"));
        assert_eq!(of_moment("Do MMMM"), None);
        assert_eq!(of_moment("z"), None);
    }
}
