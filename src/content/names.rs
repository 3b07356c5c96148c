//! The names a template may use: the columns of the list and a few built-ins.
//!
//! A column whose heading is no identifier ("First name"), or is a word of the template language, is also known by its
//! lower-case form with underscores (`first_name`, `_if`), and each by its heading: `row["First name"]`. Guarantees: a name
//! means one thing only; one that means two is an error when it is used.

use super::cell::ColumnType;
use super::meanings;
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

/// What is known of the cells of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cells {
    /// They are text: built-in values are.
    Text,
    /// The campaign says what they are.
    Declared(ColumnType),
    /// Each row of a JSON list says it for itself.
    Json,
    /// They stand in a list of text, and nobody has said more.
    Unsaid,
}

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
    headings: &'a [String],
    email_column: &'a str,
    used: Vec<usize>,
    types: Vec<(String, ColumnType)>,
    /// Whether rows say themselves what their values are.
    is_json: bool,
}

impl<'a> Names<'a> {
    pub(crate) fn new(columns: &'a [String], email_column: &'a str) -> Self {
        let headings = columns;
        let columns = columns.iter().enumerate().map(|(i, c)| (identifier(c), i)).collect();
        Self { columns, headings, email_column, used: Vec::new(), types: Vec::new(), is_json: false }
    }

    /// The same, where the campaign and the list say what columns hold.
    pub(crate) fn typed(self, types: Vec<(String, ColumnType)>, is_json: bool) -> Self {
        Self { types, is_json, ..self }
    }

    /// The list's columns, as they are headed.
    pub(crate) fn headings(&self) -> &'a [String] {
        self.headings
    }

    /// Whether the list is of JSON: its values are of kinds of their own.
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// What is known of the cells of a column.
    pub(crate) fn cells(&self, name: Name) -> Cells {
        match (name, self.declared(name)) {
            (Name::Column(_), Some(kind)) => Cells::Declared(kind),
            (Name::Column(_), None) if self.is_json => Cells::Json,
            (Name::Column(_), None) => Cells::Unsaid,
            _ => Cells::Text,
        }
    }

    /// What the campaign says of a column.
    pub(crate) fn declared(&self, name: Name) -> Option<ColumnType> {
        let Name::Column(column) = name else { return None };
        let names = [self.headings.get(column)?.as_str(), self.columns.get(column)?.0.as_ref()];
        self.types.iter().find(|(known, _)| names.contains(&known.as_str())).map(|&(_, kind)| kind)
    }

    /// What people call it.
    pub(crate) fn label(&self, name: Name) -> String {
        match name {
            Name::Column(column) => self.headings.get(column).cloned().unwrap_or_default(),
            other => BUILT_IN.iter().find(|(_, known)| *known == other).map_or("", |(text, _)| *text).to_owned(),
        }
    }

    /// What a heading stands for, as `row["…"]` has it; the name of a template will do, too.
    pub(crate) fn of_heading(&mut self, heading: &str) -> Result<Name, NoName> {
        match self.headings.iter().position(|known| known == heading) {
            Some(_) if self.email_column == heading => Ok(Name::Email),
            Some(column) => Ok(self.column(column)),
            None => self.resolve(heading),
        }
    }

    /// Where `text` begins with a heading that is no name: that, and how it is written.
    pub(crate) fn heading_at(&self, text: &str) -> Option<(String, String)> {
        let odd = |heading: &&String| !is_identifier(heading) || KEYWORDS.contains(&heading.as_str());
        let fits =
            |heading: &&String| text.get(..heading.len()).is_some_and(|front| front.eq_ignore_ascii_case(heading));
        let heading = self.headings.iter().filter(odd).filter(fits).max_by_key(|heading| heading.len())?;
        let name = identifier(heading);
        let shown = heading.escape_debug();
        Some((
            format!("the column `{shown}` is no name that a template can use as it is"),
            format!("write {name} or row[\"{shown}\"]"),
        ))
    }

    /// What is wrong with a name, and what to do.
    pub(crate) fn describe(&self, name: &str, no: &NoName) -> (String, String) {
        match no {
            NoName::Unknown(nearest) => {
                let hint = match nearest {
                    Some(nearest) => format!("did you mean `{nearest}`? There are: {}", self.list()),
                    None => match meanings::served(name) {
                        Some(advice) => format!("it is another service's: {advice}"),
                        None => format!("there are: {}", self.list()),
                    },
                };
                (format!("no column of the list is called `{name}`"), hint)
            }
            NoName::BuiltInToo => (
                format!("`{name}` is a column of the list and also the name of a built-in value"),
                format!(
                    "write row[\"{name}\"] for the column, or give it another name: [recipients] columns = {{ my_{name} = \"…\" }}, \
                     or another heading"
                ),
            ),
            NoName::Twice => (format!("the list has two columns called `{name}`"), self.apart(name)),
        }
    }

    /// How columns are told apart that templates know by one name.
    fn apart(&self, name: &str) -> String {
        let alike: Vec<&String> = self.headings.iter().filter(|heading| identifier(heading) == name).collect();
        let first = alike.first().map_or("", |heading| heading.as_str());
        if alike.iter().all(|heading| *heading == first) {
            return format!("each of them is headed {first:?}: give them headings of their own in the list");
        }
        let written: Vec<String> = alike.iter().map(|heading| format!("row[\"{}\"]", heading.escape_debug())).collect();
        format!("write {}", written.join(" or "))
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
        // What other engines call it is nearer than any word that looks like it.
        if let Some(meant) = meanings::column(name, self.headings) {
            return Some(meant);
        }
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
pub(crate) fn identifier(column: &str) -> Cow<'_, str> {
    if is_identifier(column) && !KEYWORDS.contains(&column) {
        return Cow::Borrowed(column);
    }
    let plain = column.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    let name: String = plain.collect();
    Cow::Owned(if is_identifier(&name) && !KEYWORDS.contains(&name.as_str()) { name } else { format!("_{name}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Vec<String> {
        names.iter().map(|&n| n.to_owned()).collect()
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
    fn a_column_is_reachable_by_its_heading_whatever_that_is() {
        let columns = columns(&["mail", "First Name", "if", "address.city", "email"]);
        let mut names = Names::new(&columns, "mail");
        assert_eq!(names.of_heading("First Name"), Ok(Name::Column(1)));
        assert_eq!(names.of_heading("if"), Ok(Name::Column(2)));
        assert_eq!(names.resolve("_if"), Ok(Name::Column(2)));
        assert_eq!(names.of_heading("email"), Ok(Name::Column(4)));
        assert_eq!(names.of_heading("mail"), Ok(Name::Email));
        assert_eq!(names.of_heading("token"), Ok(Name::Token));
        assert_eq!(names.of_heading("lost"), Err(NoName::Unknown(None)));
        let told = |text| names.heading_at(text).map(|(_, hint)| hint);
        assert_eq!(told("first name }}"), Some("write first_name or row[\"First Name\"]".to_owned()));
        assert_eq!(told("address.city }}"), Some("write address_city or row[\"address.city\"]".to_owned()));
        assert_eq!(told("mail }}"), None);
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
