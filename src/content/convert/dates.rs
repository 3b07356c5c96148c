//! Patterns of dates: those of PHP and of Moment.js as `strftime` has them, which the filter `date` reads.

/// PHP's `date`: one letter each; a backslash keeps the next one.
const PHP: [(char, &str); 23] = [
    ('d', "%d"),
    ('D', "%a"),
    ('j', "%-d"),
    ('l', "%A"),
    ('N', "%u"),
    ('w', "%w"),
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
    ('%', "%%"),
];

/// Letters of Ruby that are others here, or patterns.
const RUBY: [(char, &str); 13] = [
    ('e', "%_d"),
    ('l', "%_I"),
    ('k', "%_H"),
    ('h', "%b"),
    ('D', "%m/%d/%y"),
    ('x', "%m/%d/%y"),
    ('F', "%Y-%m-%d"),
    ('T', "%H:%M:%S"),
    ('X', "%H:%M:%S"),
    ('R', "%H:%M"),
    ('r', "%I:%M:%S %p"),
    ('c', "%a %b %_d %H:%M:%S %Y"),
    ('%', "%%"),
];

/// Those that are the same here: names, which take no flags, and numbers, which do.
const RUBY_NAMES: &str = "AaBbpPCUWVGguw";
const RUBY_NUMBERS: &str = "YmdHIMSyj";

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

/// A pattern of Ruby's `strftime`.
///
/// # Errors
/// What the filter `date` has not.
pub(crate) fn of_ruby(pattern: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, behind)) = rest.split_once('%') {
        out.push_str(before);
        let flags = behind.len() - behind.trim_start_matches(|c: char| c.is_ascii_digit() || "-_^#:".contains(c)).len();
        let (flag, behind) = behind.split_at(flags);
        let letter = behind.chars().next().ok_or("its pattern ends within a %")?;
        match (flag, letter) {
            ("", letter) => match RUBY.iter().find(|(theirs, _)| *theirs == letter) {
                Some((_, ours)) => out.push_str(ours),
                None if RUBY_NAMES.contains(letter) || RUBY_NUMBERS.contains(letter) => out.extend(['%', letter]),
                None => return Err(unknown_in(&format!("%{letter}"))),
            },
            ("-" | "_" | "0", letter) if RUBY_NUMBERS.contains(letter) => out.extend(["%", flag, &letter.to_string()]),
            ("-", 'e') => out.push_str("%-d"),
            ("-", 'l') => out.push_str("%-I"),
            ("-", 'k') => out.push_str("%-H"),
            _ => return Err(unknown_in(&format!("%{flag}{letter}"))),
        }
        rest = behind.get(letter.len_utf8()..).unwrap_or_default();
    }
    out.push_str(rest);
    match out.contains('%') {
        true => Ok(out),
        false => Err("its pattern has no `%`: write the text".to_owned()),
    }
}

fn unknown_in(part: &str) -> String {
    format!("its pattern has `{part}`, which `date` does not know, or means otherwise")
}

/// A pattern of Moment.js; `None` where it has what `strftime` has not. Text stands in square brackets, or in quotes.
pub(crate) fn of_moment(pattern: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = pattern;
    // With days as `d` and in quotes it is one of Java, or its like; in Moment.js `d` is a day of the week.
    let is_java = !pattern.contains(['D', 'Y']);
    while let Some(c) = rest.chars().next() {
        if !is_java && c == 'd' && !rest.starts_with("ddd") {
            return None;
        }
        if is_java && c == 'a' {
            out.push_str("%p");
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
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
            '\'' if is_java => Some('\''),
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
    fn patterns_of_ruby_mean_the_same_or_are_told() {
        for (theirs, ours) in [
            ("%d.%m.%Y", "%d.%m.%Y"),
            ("%B %-d, %y", "%B %-d, %y"),
            ("%e %b %-l:%M %P", "%_d %b %-I:%M %P"),
            ("%x %X", "%m/%d/%y %H:%M:%S"),
            ("100%% %F", "100%% %Y-%m-%d"),
        ] {
            assert_eq!(of_ruby(theirs).as_deref(), Ok(ours), "{theirs}");
        }
        for (wrong, part) in
            [("%^a", "%^a"), ("%d %Z", "%Z"), ("%s", "%s"), ("%10d", "%10d"), ("%", "%"), ("x", "%"), ("", "%")]
        {
            assert!(of_ruby(wrong).is_err_and(|why| why.contains(part)), "{wrong}");
        }
    }

    #[test]
    fn patterns_become_those_of_strftime() {
        assert_eq!(of_php("d/m/y").as_deref(), Some("%d/%m/%y"));
        assert_eq!(of_php("l, F j, Y \\a\\t g:i a").as_deref(), Some("%A, %B %-d, %Y at %-I:%M %P"));
        assert_eq!(of_php("jS"), None);
        assert_eq!(of_moment("MMMM DD, YYYY h:mm:ss A").as_deref(), Some("%B %d, %Y %-I:%M:%S %p"));
        assert_eq!(of_moment("D. MMM [at] HH:mm").as_deref(), Some("%-d. %b at %H:%M"));
        assert_eq!(of_moment("dd/MM/yyyy 'um' h a").as_deref(), Some("%d/%m/%Y um %-I %p"));
        for weekday in ["d/MM/YYYY", "dd D"] {
            assert_eq!(of_moment(weekday), None, "{weekday}");
        }
        assert_eq!(of_php("z"), None);
        assert_eq!(of_moment("Do MMMM"), None);
        assert_eq!(of_moment("z"), None);
    }
}
