//! Tags of other engines that were left in a letter: everybody would read them as they stand.
//!
//! Guarantees: what is told is the tag, whose it is as far as its form says, and what to write instead, where the list has
//! such a column. Leaves to others: what looks like ours and does not compile (`template`).

use super::Placing;
use super::placeholders::is_placeholder;
use crate::content::convert::{self, Engine, LEFT};
use crate::content::meanings::{column, heading, known, served};
use crate::content::syntax::{Syntax, shown};

/// Longest text inside a tag.
pub(super) const INSIDE_MAX: usize = 80;
/// So far ahead the end of a tag is looked for.
const NEAR_OCTETS: usize = 400;

/// A form of tags: how it opens and closes, whose it is, and what stands inside.
struct Form {
    opens: &'static str,
    closes: &'static str,
    of: &'static str,
    inside: Inside,
}

/// What must stand inside of a tag for it to be taken for one.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Inside {
    /// Whatever fits on the line.
    Anything,
    /// A name.
    Name,
    /// A name that people give to columns, or that the list has.
    KnownName,
    /// A name that the list has, with blanks around it.
    Apart,
    /// A name that the list has, as it has it.
    ListedName,
    /// What begins with a name that people give to columns, or that the list has: `FIRSTNAME OR "friend"`.
    FirstWord,
    /// The same with `fallback=`.
    Fallback,
    /// A name of the way out.
    WayOut,
    /// What begins as a statement.
    Statement,
}

const FORMS: [Form; 38] = [
    form("*|", "|*", "Mailchimp", Inside::Anything),
    form("%%=", "=%%", "Salesforce Marketing Cloud (AMPscript)", Inside::Anything),
    form("%%", "%%", "Salesforce Marketing Cloud and others", Inside::Name),
    form("[%", "%]", "Template Toolkit, or ours in brackets", Inside::Statement),
    form("[%", "%]", "SendGrid, or Template Toolkit", Inside::Name),
    form("[[var:", "]]", "Mailjet", Inside::Name),
    form("[[data:", "]]", "Mailjet", Inside::Name),
    form("[[", "]]", "another engine", Inside::Name),
    form("[[", "]]", "another engine", Inside::FirstWord),
    form("{$", "}", "MailerLite", Inside::Name),
    form("{!", "}", "AWeber, or Salesforce", Inside::Name),
    form("$[", "]$", "Zoho Campaigns", Inside::Anything),
    // In a template whose tags are in brackets.
    form("\u{fdd0}{", "}}", "Jinja, and this campaign's are in brackets", Inside::Anything),
    form("\u{fdd0}%", "%}", "Jinja, and this campaign's are in brackets", Inside::Anything),
    form("${", "}", "another engine", Inside::Name),
    form("[", "]", "another engine", Inside::KnownName),
    form("[link:", "]", "MailPoet", Inside::Name),
    form("||", "||", "another engine", Inside::WayOut),
    form("|", "|", "another engine", Inside::WayOut),
    form("~", "~", "Keap, or another engine", Inside::WayOut),
    form("[", "]", "Campaign Monitor", Inside::Fallback),
    form("%recipient.", "%", "Mailgun", Inside::Name),
    form("<%", "%>", "ERB, or ActiveCampaign", Inside::Anything),
    form("%7B%7B", "%7D%7D", "ours, percent-encoded by a web editor", Inside::Anything),
    form("%7b%7b", "%7d%7d", "ours, percent-encoded by a web editor", Inside::Anything),
    form("&#123;&#123;", "&#125;&#125;", "ours, encoded as entities by a web editor", Inside::Anything),
    form("&lbrace;&lbrace;", "&rbrace;&rbrace;", "ours, encoded as entities by a web editor", Inside::Anything),
    form("##", "##", "another engine", Inside::KnownName),
    form("@", "@", "Dotdigital", Inside::KnownName),
    form("@@", "@@", "another engine", Inside::KnownName),
    form("%", "%", "another engine", Inside::KnownName),
    form("$", "$", "Dotdigital, or another engine", Inside::KnownName),
    form("#", "#", "another engine", Inside::KnownName),
    form("{", "}", "another engine", Inside::KnownName),
    form("{", "}", "another engine", Inside::Apart),
    form("[", "]", "another engine", Inside::Apart),
    form("-", "-", "SendGrid", Inside::ListedName),
    form("\u{ab}", "\u{bb}", "a word processor's serial letter", Inside::KnownName),
];

/// What translates a whole letter of an engine.
pub(super) fn whole(engine: Engine) -> String {
    format!("`posthaste convert FILE --from {} --list LIST` translates a whole letter", engine.word())
}

/// The engine whose tag a warning is about, if its letters can be read.
pub(super) fn engine_of(says: &str) -> Option<Engine> {
    let of = says.split_once("` is a tag of ").map_or("", |(_, of)| of);
    [Engine::Mailchimp, Engine::SendGrid].into_iter().find(|engine| of.starts_with(engine.called()))
}

const fn form(opens: &'static str, closes: &'static str, of: &'static str, inside: Inside) -> Form {
    Form { opens, closes, of, inside }
}

/// Octets of a text that were told of as parts of a tag.
struct Taken(Vec<bool>);

impl Taken {
    fn has_any(&self, from: usize, to: usize) -> bool {
        self.0.get(from..to).is_some_and(|octets| octets.contains(&true))
    }

    fn take(&mut self, from: usize, to: usize) {
        self.0.get_mut(from..to).into_iter().flatten().for_each(|octet| *octet = true);
    }
}

/// Looks at a text whose template code is masked.
pub(super) fn look(text: &str, found: &mut Placing<'_>) {
    let mut taken = Taken(vec![false; text.len()]);
    parted(text, &mut taken, found);
    for form in &FORMS {
        let mut at = 0;
        while let Some(open) = text.get(at..).and_then(|rest| rest.find(form.opens)) {
            let start = at + open;
            at = start + form.opens.len();
            let Some(inside) = inside(text, at, form.closes) else { continue };
            let end = at + inside.len() + form.closes.len();
            let is_taken = taken.has_any(start, end);
            let is_text = match form.opens {
                "-" | "@" => !stands_alone(text, start, end),
                // A link of Markdown, and what is told as a placeholder.
                "[" => {
                    is_placeholder(inside)
                        || is_said(inside, found.columns)
                        || text.get(end..).is_some_and(|behind| behind.starts_with(['(', '[']))
                }
                _ => false,
            };
            if is_taken || is_text || !fits(inside, form.inside, found.columns) {
                continue;
            }
            taken.take(start, end);
            let tag = shown(text.get(start..end).unwrap_or_default());
            let says = format!("`{}` is a tag of {}: everybody reads it as it stands", tag.trim(), form.of);
            let hint = match form.opens {
                "%7B%7B" | "%7b%7b" | "&#123;&#123;" | "&lbrace;&lbrace;" => decoded(inside, found.syntax),
                "[%" if form.inside == Inside::Statement => {
                    "set syntax = \"brackets\" under [content] of the campaign's file, or write it in braces".to_owned()
                }
                "\u{fdd0}{" => format!("write {}", found.syntax.slot(inside.trim())),
                "*|" => translated(&tag, found).unwrap_or_else(|| of_mailchimp(inside, &tag, found)),
                "$[" => instead(first_word(inside), found),
                "{$" if inside == "url" && column(inside, found.columns).is_none() => {
                    "there is no page of the letter on the web: take the link out".to_owned()
                }
                _ => translated(&tag, found).unwrap_or_else(|| match form.inside {
                    Inside::FirstWord | Inside::Fallback => instead(first_word(inside), found),
                    Inside::Apart => instead(&name_apart(inside), found),
                    _ => instead(inside, found),
                }),
            };
            found.warn("foreign-tag", start, says, hint);
            at = end;
        }
    }
}

/// Whether a text begins with a comment in which a translation has left something.
pub(super) fn is_left(text: &str) -> bool {
    text.trim_start().strip_prefix("{# ").is_some_and(|inside| inside.starts_with(LEFT))
}

/// Looks at a text as it is written: comments in which a translation has left something.
pub(super) fn look_at_written(text: &str, found: &mut Placing<'_>) {
    let mark = format!("{{# {LEFT}");
    for (at, _) in text.match_indices(&mark) {
        let inside = text.get(at + mark.len()..).unwrap_or_default();
        let tag = near(inside, " #}").and_then(|end| inside.get(..end)).unwrap_or(inside);
        let tag: String = tag.chars().take(INSIDE_MAX).collect();
        let says = format!("`{}` was left by `posthaste convert`: nothing stands there now", tag.trim());
        found.warn("untranslated", at, says, "write what is meant, or take the comment out");
    }
    let mut at = 0;
    while let Some(open) = text.get(at..).and_then(|rest| rest.find("{#")) {
        let start = at + open;
        let inside = text.get(start + 2..).unwrap_or_default();
        let inside = inside.get(..inside.find("#}").unwrap_or(inside.len())).unwrap_or_default();
        at = start + 2 + inside.len();
        if inside.contains("{#") {
            let says = "the comment that begins here has the beginning of another in it: what stands up to the end of that is left out";
            found.warn(
                "comment-in-comment",
                start,
                says,
                "write #} where it ends, or a blank between { and # where it is text",
            );
        }
    }
}

/// Braces that a web editor has parted: `{<b>{name}</b>}`.
fn parted(text: &str, taken: &mut Taken, found: &mut Placing<'_>) {
    for (at, _) in text.match_indices("{<") {
        let mut rest = text.get(at + 1..).unwrap_or_default();
        while let Some(end) = rest.strip_prefix('<').and_then(|tag| near(tag, ">")) {
            rest = rest.get(end + 2..).unwrap_or_default();
        }
        if rest.starts_with('{') {
            let says = "HTML stands between the two braces of a tag: everybody reads it as it stands";
            let hint = format!("put the HTML around the whole tag, such as <b>{}</b>", found.syntax.slot("name"));
            found.warn("foreign-tag", at, says, hint);
            let end = text.len() - rest.len();
            taken.take(at, end + near(rest, "}").map_or(1, |close| close + 1));
        }
    }
}

/// Where a mark stands, if it stands near.
pub(super) fn near(text: &str, mark: &str) -> Option<usize> {
    let front = text.as_bytes().get(..NEAR_OCTETS).unwrap_or(text.as_bytes());
    memchr::memmem::find(front, mark.as_bytes())
}

/// What stands up to the close, on one line.
pub(super) fn inside<'t>(text: &'t str, at: usize, close: &str) -> Option<&'t str> {
    let rest = text.get(at..)?;
    let inside = rest.get(..near(rest, close)?)?;
    (!inside.is_empty() && inside.len() <= INSIDE_MAX && !inside.contains(['\n', '\u{1}', '\u{2}'])).then_some(inside)
}

pub(super) fn fits(inside: &str, wanted: Inside, columns: &[String]) -> bool {
    let is_name = |name: &str| {
        let name = name.trim();
        name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_alphanumeric() || "_. -".contains(c))
    };
    let is_column = |name: &str| match name.is_ascii() {
        true => column(name, columns).is_some(),
        // Of other letters identifiers have none.
        false => heading(name, columns).is_some(),
    };
    match wanted {
        Inside::Anything => true,
        Inside::Name => is_name(inside),
        Inside::KnownName => {
            is_name(inside)
                && !inside.starts_with(' ')
                && ((inside.is_ascii() && (known(inside).is_some() || served(inside).is_some())) || is_column(inside))
        }
        Inside::Apart => {
            let name = name_apart(inside);
            // One letter within brackets is a box to tick.
            name.len() > 1 && name.len() < inside.len() && is_name(&name) && is_column(&name)
        }
        Inside::WayOut => is_name(inside) && !inside.starts_with(' ') && known(inside) == Some("unsubscribe_url"),
        Inside::FirstWord => fits(first_word(inside), Inside::KnownName, columns),
        Inside::Fallback => inside.contains("fallback=") && fits(first_word(inside), Inside::KnownName, columns),
        Inside::ListedName => columns.iter().any(|column| column == inside),
        Inside::Statement => {
            let word = inside.trim_start_matches('-').trim_start();
            ["if ", "for ", "set ", "else", "endif", "endfor"].iter().any(|begin| word.starts_with(begin))
        }
    }
}

/// Whether words in brackets are what readers may click at, though a service has a page of that name: `[View in browser]`.
fn is_said(inside: &str, columns: &[String]) -> bool {
    let is_name = inside.contains('_') || inside.eq_ignore_ascii_case("weblink");
    served(inside).is_some() && !is_name && known(inside).is_none() && column(inside, columns).is_none()
}

/// The name inside of a tag, without what stands around it.
pub(super) fn name_apart(inside: &str) -> String {
    inside.replace("&nbsp;", " ").trim().to_owned()
}

/// The name that the inside of a tag begins with.
pub(super) fn first_word(inside: &str) -> &str {
    inside.split(|c: char| c.is_whitespace() || ",|=".contains(c)).next().unwrap_or_default()
}

/// Whether no word goes on before the tag or behind it.
pub(super) fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let before = text.get(..start).and_then(|text| text.chars().next_back());
    let behind = text.get(end..).and_then(|text| text.chars().next());
    !before.is_some_and(is_word) && !behind.is_some_and(is_word)
}

/// The tag in our words, where its engine is known.
fn translated(tag: &str, found: &Placing<'_>) -> Option<String> {
    let engine = match tag {
        tag if tag.starts_with("*|") => Engine::Mailchimp,
        tag if tag.starts_with("<%") || tag.starts_with("[%") || tag.starts_with('-') => Engine::SendGrid,
        _ => return None,
    };
    let ours = convert::tag(tag, engine, found.columns, found.syntax)?;
    // A name that no column has is better asked for.
    let is_slot = ours == found.syntax.slot(ours.trim_matches(['{', '}', '[', ']', ' ']));
    let name = ours.trim_matches(['{', '}', '[', ']', ' ']);
    let is_known = column(name, found.columns).is_some_and(|column| column == name);
    match is_slot {
        true => is_known.then(|| format!("write {ours}")),
        false => {
            Some(format!("write {ours}; `posthaste convert FILE --from {}` translates a whole letter", engine.word()))
        }
    }
}

/// What to do about a tag of Mailchimp that has no translation.
fn of_mailchimp(inside: &str, tag: &str, found: &Placing<'_>) -> String {
    match convert::advice(tag) {
        Some(advice) => advice.to_owned(),
        None if inside.contains(':') => whole(Engine::Mailchimp),
        None => instead(inside, found),
    }
}

/// Whether an address begins with a tag of another engine, which is told as that.
pub(super) fn begins(address: &str, columns: &[String]) -> bool {
    let is_it = |form: &&Form| {
        let behind = address.strip_prefix(form.opens).filter(|_| !["-", "@"].contains(&form.opens));
        behind.is_some()
            && inside(address, form.opens.len(), form.closes).is_some_and(|text| fits(text, form.inside, columns))
    };
    FORMS.iter().any(|form| is_it(&form))
}

/// What to write in the place of an address that is a name between signs, as tags of many engines are: `{some_link}`, `[x:link]`. `leaves`:
/// readers leave the list by it.
pub(super) fn of_address(address: &str, leaves: bool, found: &Placing<'_>) -> Option<String> {
    const OPENS: &str = "{[|<(~!%$#@*\u{ab}";
    const CLOSES: &str = "}]|>)~!%$#@*\u{bb}";
    let bare = address.trim_start_matches(|c| OPENS.contains(c));
    let name = bare.trim_end_matches(|c| CLOSES.contains(c)).trim();
    let is_name = !name.is_empty()
        && name.len() <= INSIDE_MAX
        && name.chars().all(|c| c.is_alphanumeric() || "_-.: ".contains(c))
        && name.starts_with(char::is_alphabetic);
    // `[` is of an address as well.
    if bare.len() == address.len() || !is_name || !address.ends_with(|c| CLOSES.contains(c)) {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let is_out = leaves || ["unsub", "optout", "opt-out", "opt_out", "abmeld"].iter().any(|word| lower.contains(word));
    let is_ours = column(name, found.columns).is_some() || served(name).is_some();
    Some(match is_out && !is_ours {
        true => format!("write {}", found.syntax.slot("unsubscribe_url")),
        false => instead(name, found),
    })
}

/// A tag of ours that was encoded, as it was meant.
fn decoded(inside: &str, syntax: Syntax) -> String {
    let mut text = inside.to_owned();
    for (theirs, ours) in [
        ("%20", " "),
        ("+", " "),
        ("%7C", "|"),
        ("%7c", "|"),
        ("%22", "\""),
        ("%27", "'"),
        ("%28", "("),
        ("%29", ")"),
        ("%5F", "_"),
        ("%2E", "."),
        ("&nbsp;", " "),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#124;", "|"),
    ] {
        text = text.replace(theirs, ours);
    }
    format!("write {}", syntax.slot(text.trim()))
}

/// A tag of ours for a name of theirs.
pub(super) fn instead(inside: &str, found: &Placing<'_>) -> String {
    let slot = |name: &str| format!("write {}", found.syntax.slot(name));
    match (column(inside, found.columns), known(inside)) {
        (Some(name), _) => slot(&name),
        (None, Some("unsubscribe_url")) => slot("unsubscribe_url"),
        (None, None) if matches!(inside.trim(), "token" | "campaign") => slot(inside.trim()),
        _ if served(inside).is_some() => served(inside).unwrap_or_default().to_owned(),
        _ => format!("{} with the name of a column of the list", slot("name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::error::Place;
    use crate::content::lint::Found;
    use crate::content::lint::page::Page;

    fn told(page: &str) -> Vec<((usize, usize), String)> {
        let columns = ["email", "First Name", "color", "x", "Gr\u{f6}\u{df}e", "\u{59d3}\u{540d}"].map(str::to_owned);
        let mut found = Found { columns: &columns, syntax: Syntax::Jinja, remarks: Vec::new() };
        look(&Page::read(page).bare, &mut found.at(&Place::File("t".into()), page));
        found.remarks.iter().map(|remark| (remark.position.unwrap(), remark.hint.clone())).collect()
    }

    #[test]
    fn a_name_of_the_list_within_single_braces_is_a_tag_of_another_engine() {
        for (tag, ours) in [
            ("{ first_name }", "write {{ first_name }}"),
            ("{ First Name }", "write {{ first_name }}"),
            ("{ FNAME }", "write {{ first_name }}"),
            ("{&nbsp;first_name&nbsp;}", "write {{ first_name }}"),
            ("{\u{a0}first_name }", "write {{ first_name }}"),
            ("{ first_name}", "write {{ first_name }}"),
            ("{first_name }", "write {{ first_name }}"),
            ("{ color }", "write {{ color }}"),
            ("{ Gr\u{f6}\u{df}e }", "write {{ gr__e }}"),
            ("{gr\u{f6}\u{df}e}", "write {{ gr__e }}"),
            ("{ email }", "write {{ email }}"),
            ("[ color ]", "write {{ color }}"),
        ] {
            assert_eq!(told(&format!("<p>Hi\n  {tag}, you")), [((2, 3), ours.to_owned())], "{tag}");
        }
    }

    #[test]
    fn braces_of_style_sheets_scripts_and_prose_are_none() {
        for text in [
            "<style>a { color } p{ color: red }</style><script>let { color } = x; f({ first_name })</script>",
            "{ \"color\": \"red\" } { color: red } {\n color\n} { color, x } {} { } { x } [ x ]",
            "{ no column } { a b c } [ note ] { 2 } {\u{4f60}\u{597d}} [ \u{4f60}\u{597d} ] {{ color }}{% if color %}{% endif %}",
            "Use <code>${HOME}</code>, <kbd>{color}</kbd> and <samp>%%x%%</samp>",
            "<a style=\"color:red\" data-x='{ \"color\": 1 }'>x</a>{# { color } #}",
        ] {
            assert_eq!(told(text), [], "{text}");
        }
    }
}
