//! The names a template may use: the columns of the list and a few built-ins; and where a template uses them.
//!
//! A column whose heading is no identifier ("First name") is also known by its lower-case form with underscores
//! (`first_name`). Guarantees: a name means one thing only; one that means two is an error when it is used.

use std::borrow::Cow;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Name {
    /// An index into the columns of the list.
    Column(usize),
    /// The recipient's mailbox.
    Email,
    /// The recipient's token.
    Token,
    /// The campaign's name.
    Campaign,
    /// The rendered unsubscription URL.
    UnsubscribeUrl,
}

const BUILT_IN: [(&str, Name); 4] = [
    ("email", Name::Email),
    ("token", Name::Token),
    ("campaign", Name::Campaign),
    ("unsubscribe_url", Name::UnsubscribeUrl),
];

/// Words of the template language.
const KEYWORDS: [&str; 17] = [
    "not", "and", "or", "in", "is", "if", "else", "elif", "for", "true", "false", "none", "True", "False", "None",
    "loop", "self",
];

/// Why a name stands for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoName {
    /// Nothing is called so; the nearest name, if one is near.
    Unknown(Option<String>),
    /// A column is called like a built-in.
    BuiltInToo,
    /// Two columns are called so.
    Twice,
}

/// The names of one campaign. Remembers which columns were asked for.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    columns: Vec<(Cow<'a, str>, usize)>,
    email_column: &'a str,
    used: Vec<usize>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(columns: &'a [String], email_column: &'a str) -> Self {
        let columns = columns.iter().enumerate().map(|(i, c)| (identifier(c), i)).collect();
        Self { columns, email_column, used: Vec::new() }
    }

    /// The columns asked for so far, in the order of the list.
    pub(crate) fn used(&self) -> Vec<usize> {
        let mut used = self.used.clone();
        used.sort_unstable();
        used.dedup();
        used
    }

    /// What `name` stands for.
    pub(crate) fn resolve(&mut self, name: &str) -> Result<Name, NoName> {
        let mut found = self.columns.iter().filter(|(n, _)| n == name && !KEYWORDS.contains(&name));
        let column = found.next().map(|&(_, index)| index);
        let twice = found.next().is_some();
        let built_in = BUILT_IN.iter().find(|(n, _)| *n == name).map(|&(_, meaning)| meaning);
        match (built_in, column) {
            (_, Some(_)) if twice => Err(NoName::Twice),
            (Some(Name::Email), Some(_)) if identifier(self.email_column) == name => Ok(Name::Email),
            (Some(_), Some(_)) => Err(NoName::BuiltInToo),
            (Some(meaning), None) => Ok(meaning),
            (None, Some(_)) if identifier(self.email_column) == name => Ok(Name::Email),
            (None, Some(index)) => Ok(self.column(index)),
            (None, None) => Err(NoName::Unknown(self.nearest(name))),
        }
    }

    /// What there is to choose from, for a hint.
    pub(crate) fn list(&self) -> String {
        const SHOWN: usize = 12;
        let mut names: Vec<&str> = self.columns.iter().map(|(n, _)| n.as_ref()).collect();
        let more = if names.len() > SHOWN { ", …" } else { "" };
        names.truncate(SHOWN);
        names.extend(BUILT_IN.iter().map(|(n, _)| *n).filter(|n| !self.columns.iter().any(|(c, _)| c == n)));
        format!("{}{more}", names.join(", "))
    }

    fn column(&mut self, index: usize) -> Name {
        self.used.push(index);
        Name::Column(index)
    }

    fn nearest(&self, name: &str) -> Option<String> {
        let names = self.columns.iter().map(|(n, _)| n.as_ref()).chain(BUILT_IN.iter().map(|(n, _)| *n));
        names
            .map(|n| (strsim::damerau_levenshtein(&n.to_lowercase(), &name.to_lowercase()), n))
            .filter(|(distance, n)| *distance <= 1 + n.len().max(name.len()) / 4)
            .min()
            .map(|(_, n)| n.to_owned())
    }
}

fn is_identifier(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The name under which templates know a column.
fn identifier(column: &str) -> Cow<'_, str> {
    if is_identifier(column) {
        return Cow::Borrowed(column);
    }
    let plain = column.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    let name: String = plain.collect();
    Cow::Owned(if is_identifier(&name) { name } else { format!("_{name}") })
}

/// Every name that the code inside `template` reads, with its offset. Attributes, filters, tests and strings are no
/// names; the few names that a template sets itself are among them.
pub(crate) fn in_template(template: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = memchr::memchr(b'{', template.as_bytes().get(at..).unwrap_or_default()) {
        let start = at + open;
        let rest = &template[start..];
        at = match rest.as_bytes().get(1) {
            Some(b'#') => start + rest.find("#}").map_or(rest.len(), |end| end + 2),
            Some(b'%') => match after_raw(rest) {
                Some(end) => start + end,
                None => code(template, start + 2, b"%}", &mut found),
            },
            Some(b'{') => code(template, start + 2, b"}}", &mut found),
            _ => start + 1,
        };
    }
    found
}

/// Where a `{% raw %}` block that `text` begins with ends.
fn after_raw(text: &str) -> Option<usize> {
    let tag = text.strip_prefix("{%")?.trim_start_matches(['-', '+']).trim_start();
    let inside = tag.strip_prefix("raw")?.trim_start().trim_start_matches(['-', '+']).strip_prefix("%}")?;
    let end = inside.find("endraw").map_or(inside.len(), |p| p + "endraw".len());
    Some(text.len() - inside.len() + end)
}

/// Collects the names from `at` up to `close`; returns the offset behind it.
fn code<'t>(template: &'t str, mut at: usize, close: &[u8], found: &mut Vec<(usize, &'t str)>) -> usize {
    let bytes = template.as_bytes();
    let mut depth = 0usize;
    let mut before = "";
    while let Some(&b) = bytes.get(at) {
        let end = match b {
            b'"' | b'\'' => string_end(bytes, at),
            b if b.is_ascii_alphanumeric() || b == b'_' => {
                let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
                let end = at + bytes[at..].iter().take_while(|b| word(b)).count();
                let text = &template[at..end];
                let is_name = !b.is_ascii_digit() && !matches!(before, "." | "|" | "is") && !KEYWORDS.contains(&text);
                if is_name {
                    found.push((at, text));
                }
                // "is not defined": what follows is a test all the same.
                if !(before == "is" && text == "not") {
                    before = text;
                }
                at = end;
                continue;
            }
            _ if depth == 0 && bytes[at..].starts_with(close) => return at + close.len(),
            b'{' | b'[' | b'(' => {
                depth += 1;
                at + 1
            }
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                at + 1
            }
            b if b.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            _ => at + 1,
        };
        before = template.get(at..end).unwrap_or("");
        at = end;
    }
    at
}

fn string_end(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let mut at = start + 1;
    while let Some(&b) = bytes.get(at) {
        match b {
            b'\\' => at += 2,
            b if b == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Vec<String> {
        names.iter().map(|&n| n.to_owned()).collect()
    }

    #[test]
    fn names_are_found_and_what_is_not_one_is_not() {
        let found = |t| in_template(t).into_iter().map(|(_, n)| n).collect::<Vec<_>>();
        assert_eq!(found("Hi {{ a }} and {{b|upper}}{{ c.d }}"), ["a", "b", "c"]);
        assert_eq!(
            found("{% if x is not defined and y is string %}{{ 'q' ~ \"r\\\"s\" ~ 12 }}{% endif %}"),
            ["x", "y", "endif"]
        );
        assert_eq!(found("{# a #}{% raw %}{{ b }}{% endraw %}{{ {'k': {'l': c}} }}{ d }"), ["c"]);
        assert_eq!(found("{{ unclosed"), ["unclosed"]);
        assert_eq!(in_template("\u{e9}{{ x }}"), [(5, "x")]);
    }

    #[test]
    fn a_heading_with_blanks_is_known_by_its_identifier() {
        let columns = columns(&["E-Mail", "First Name", "2nd"]);
        let mut names = Names::new(&columns, "E-Mail");
        assert_eq!(names.resolve("first_name"), Ok(Name::Column(1)));
        assert_eq!(names.resolve("_2nd"), Ok(Name::Column(2)));
        assert_eq!(names.resolve("e_mail"), Ok(Name::Email));
        assert_eq!(names.resolve("email"), Ok(Name::Email));
        assert_eq!(names.used(), [1, 2]);
    }

    #[test]
    fn a_name_that_means_two_things_is_an_error_only_when_used() {
        let columns = columns(&["address", "email", "Token", "token", "a b", "a-b"]);
        let mut names = Names::new(&columns, "address");
        assert_eq!(names.resolve("email"), Err(NoName::BuiltInToo));
        assert_eq!(names.resolve("token"), Err(NoName::BuiltInToo));
        assert_eq!(names.resolve("a_b"), Err(NoName::Twice));
        assert_eq!(names.resolve("campaign"), Ok(Name::Campaign));
    }

    #[test]
    fn the_nearest_name_is_offered() {
        let columns = columns(&["email", "first_name"]);
        let mut names = Names::new(&columns, "email");
        assert_eq!(names.resolve("frist_name"), Err(NoName::Unknown(Some("first_name".into()))));
        assert_eq!(names.resolve("First_Name"), Err(NoName::Unknown(Some("first_name".into()))));
        assert_eq!(names.resolve("colour"), Err(NoName::Unknown(None)));
    }
}
