//! Tags of other engines that were left in a letter: everybody would read them as they stand.
//!
//! Guarantees: what is told is the tag, whose it is as far as its form says, and what to write instead, where the list has
//! such a column. Leaves to others: what looks like ours and does not compile (`template`).

use super::Placing;
use crate::content::names;

/// Longest name inside a tag.
const NAME_MAX: usize = 48;
/// Names that tags of other engines have where the list may call the column otherwise.
const KNOWN: [(&str, &str); 22] = [
    ("fname", "first_name"),
    ("firstname", "first_name"),
    ("first_name", "first_name"),
    ("lname", "last_name"),
    ("lastname", "last_name"),
    ("last_name", "last_name"),
    ("name", "name"),
    ("fullname", "name"),
    ("full_name", "name"),
    ("email", "email"),
    ("emailaddr", "email"),
    ("emailaddress", "email"),
    ("email_address", "email"),
    ("unsub", "unsubscribe_url"),
    ("unsubscribe", "unsubscribe_url"),
    ("unsubscribe_url", "unsubscribe_url"),
    ("unsubscribe_link", "unsubscribe_url"),
    ("unsubscribelink", "unsubscribe_url"),
    ("company", "company"),
    ("city", "city"),
    ("vorname", "first_name"),
    ("nachname", "last_name"),
];

/// A form of tags: how it opens and closes, whose it is, and what stands inside.
struct Form {
    opens: &'static str,
    closes: &'static str,
    of: &'static str,
    inside: Inside,
}

/// What must stand inside of a tag for it to be taken for one.
#[derive(Clone, Copy, PartialEq)]
enum Inside {
    /// Whatever fits on the line.
    Anything,
    /// A name.
    Name,
    /// A name that people give to columns, or that the list has.
    KnownName,
}

const FORMS: [Form; 15] = [
    Form { opens: "*|", closes: "|*", of: "Mailchimp", inside: Inside::Anything },
    Form { opens: "%%", closes: "%%", of: "Salesforce Marketing Cloud and others", inside: Inside::Name },
    Form { opens: "[%", closes: "%]", of: "Brevo, or Template Toolkit", inside: Inside::Name },
    Form { opens: "[[", closes: "]]", of: "another engine", inside: Inside::Name },
    Form { opens: "%recipient.", closes: "%", of: "Mailgun", inside: Inside::Name },
    Form { opens: "<%", closes: "%>", of: "ERB, or ActiveCampaign", inside: Inside::Anything },
    Form { opens: "%7B%7B", closes: "%7D%7D", of: "ours, percent-encoded by a web editor", inside: Inside::Anything },
    Form { opens: "%7b%7b", closes: "%7d%7d", of: "ours, percent-encoded by a web editor", inside: Inside::Anything },
    Form {
        opens: "&#123;&#123;",
        closes: "&#125;&#125;",
        of: "ours, encoded as entities by a web editor",
        inside: Inside::Anything,
    },
    Form {
        opens: "&lbrace;&lbrace;",
        closes: "&rbrace;&rbrace;",
        of: "ours, encoded as entities by a web editor",
        inside: Inside::Anything,
    },
    Form { opens: "##", closes: "##", of: "another engine", inside: Inside::KnownName },
    Form { opens: "@@", closes: "@@", of: "another engine", inside: Inside::KnownName },
    Form { opens: "%", closes: "%", of: "another engine", inside: Inside::KnownName },
    Form { opens: "{", closes: "}", of: "another engine", inside: Inside::KnownName },
    Form { opens: "\u{ab}", closes: "\u{bb}", of: "a word processor's serial letter", inside: Inside::KnownName },
];

/// Looks at a text whose template code is masked.
pub(super) fn look(text: &str, found: &mut Placing<'_>) {
    let mut taken: Vec<(usize, usize)> = Vec::new();
    for form in &FORMS {
        let mut at = 0;
        while let Some(open) = text.get(at..).and_then(|rest| rest.find(form.opens)) {
            let start = at + open;
            at = start + form.opens.len();
            let Some(inside) = inside(text, at, form.closes) else { continue };
            let end = at + inside.len() + form.closes.len();
            let is_taken = taken.iter().any(|&(from, to)| start < to && from < end);
            if is_taken || !fits(inside, form.inside, found.columns) {
                continue;
            }
            taken.push((start, end));
            let tag = text.get(start..end).unwrap_or_default();
            let says = format!("`{}` is a tag of {}: everybody reads it as it stands", tag.trim(), form.of);
            found.warn("foreign-tag", start, says, instead(inside, found.columns));
            at = end;
        }
    }
}

/// What stands up to the close, on one line.
fn inside<'t>(text: &'t str, at: usize, close: &str) -> Option<&'t str> {
    let rest = text.get(at..)?;
    let inside = rest.get(..rest.find(close)?)?;
    (!inside.is_empty() && inside.len() <= NAME_MAX && !inside.contains(['\n', '\u{1}', '\u{2}'])).then_some(inside)
}

fn fits(inside: &str, wanted: Inside, columns: &[String]) -> bool {
    let is_name = |name: &str| {
        let name = name.trim();
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_. -".contains(&b))
    };
    match wanted {
        Inside::Anything => true,
        Inside::Name => is_name(inside),
        Inside::KnownName => {
            is_name(inside)
                && !inside.starts_with(' ')
                && (known(inside).is_some() || column(inside, columns).is_some())
        }
    }
}

/// The last word of a dotted name as we would write it.
fn plain(inside: &str) -> String {
    let last = inside.trim().rsplit(['.', ':']).next().unwrap_or_default();
    last.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

fn known(inside: &str) -> Option<&'static str> {
    let plain = plain(inside);
    KNOWN.iter().find(|(name, _)| *name == plain).map(|(_, ours)| *ours)
}

/// The name by which templates know the column that is probably meant.
fn column(inside: &str, columns: &[String]) -> Option<String> {
    let squeezed = |name: &str| name.replace('_', "").to_ascii_lowercase();
    let wanted = [Some(plain(inside)), known(inside).map(str::to_owned)];
    let names = columns.iter().map(|column| names::identifier(column).into_owned());
    names.into_iter().find(|name| wanted.iter().flatten().any(|wanted| squeezed(wanted) == squeezed(name)))
}

fn instead(inside: &str, columns: &[String]) -> String {
    match (column(inside, columns), known(inside)) {
        (Some(name), _) => format!("write {{{{ {name} }}}}"),
        (None, Some("unsubscribe_url")) => "write {{ unsubscribe_url }}".to_owned(),
        _ => "write {{ name }} with the name of a column of the list".to_owned(),
    }
}
