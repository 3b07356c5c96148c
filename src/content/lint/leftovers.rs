//! Names that people write where a value shall stand, in the forms of no engine or of few: `<First Name>`, `((first_name))`,
//! `%first_name`, `__FIRST_NAME__`.
//!
//! Guarantees: elements, addresses in angle brackets, shares (`50% first`), what programs call so (`__init__`, `%s`) and words in
//! addresses are let be. Leaves to others: the forms of engines (`tags`), brackets (`placeholders`).

use super::Placing;
use super::page::{Page, Tag};
use super::placeholders::warn_with;
use super::tags::{INSIDE_MAX, Inside, fits, inside, instead, near, stands_alone};
use crate::content::meanings::{column, known, served};
use crate::content::names::identifier;
use std::collections::HashSet;

/// Elements of HTML, and of MJML without its mark, by which lists may call columns.
const ELEMENTS: &str = "a abbr acronym address area article aside audio b base bdi bdo big blockquote body br button canvas caption center \
    cite code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form \
    frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe image img input ins kbd label legend li link main map mark \
    marquee math menu meta meter mjml nav nobr noframes noscript object ol optgroup option output p param picture plaintext pre \
    progress q rp rt ruby s samp script search section select slot small source span strike strong style sub summary sup svg table \
    tbody td template text textarea tfoot th thead time title tr track tt u ul use var video wbr xml xmp";
/// Elements of Campaign Monitor, which are told as what they are.
const THEIRS: [&str; 4] = ["unsubscribe", "preferences", "webversion", "forwardtoafriend"];
/// What a value behind `%` may stand behind.
const BEFORE: &str = ">([{\"',;:!=\u{a1}\u{bf}\u{201c}\u{201e}";

/// Looks at a page.
pub(super) fn look(page: &Page, found: &mut Placing<'_>) {
    let ends: HashSet<&str> = page.tags.iter().filter_map(|tag| tag.name.strip_prefix('/')).collect();
    for tag in &page.tags {
        element(page, tag, &ends, found);
    }
    enclosed(&page.bare, ("&lt;", "&gt;"), found);
    look_at_any(&page.bare, found);
}

/// Looks at a text whose template code is masked.
pub(super) fn look_at_text(text: &str, found: &mut Placing<'_>) {
    enclosed(text, ("<", ">"), found);
    look_at_any(text, found);
}

fn look_at_any(text: &str, found: &mut Placing<'_>) {
    for (at, tag, name) in between(text, ("((", "))")).into_iter().chain(between(text, ("__", "__"))) {
        let is_one = stands_alone(text, at, at + tag.len()) && fits(name, Inside::KnownName, found.columns);
        if is_one && (tag.starts_with('(') || is_shouted(text, at, tag, name, found.columns)) {
            foreign(at, tag, name, found);
        }
    }
    for (at, _) in text.match_indices('%') {
        if let Some(name) = behind_percent(text, at, found.columns) {
            let tag = text.get(at..=at + name.len()).unwrap_or_default();
            foreign(at, tag, name, found);
        }
    }
}

/// A tag of an element that there is none of, by the name of a column or of what lists have: mail readers show nothing of it.
fn element(page: &Page, tag: &Tag, ends: &HashSet<&str>, found: &mut Placing<'_>) {
    let is_shown = page.bare.as_bytes().get(tag.at) == Some(&b'<');
    let is_plain = tag.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let is_known = ELEMENTS.split_whitespace().chain(THEIRS).any(|known| known == tag.name);
    // What has an end is markup of some kind.
    if !is_shown || !is_plain || is_known || ends.contains(tag.name.as_str()) {
        return;
    }
    let rest = page.bare.get(tag.at + 1..).unwrap_or_default();
    let Some(name) = near(rest, ">").and_then(|end| rest.get(..end)) else { return };
    if name.len() <= INSIDE_MAX && fits(name, Inside::KnownName, found.columns) {
        left(tag.at, &format!("<{name}>"), name, found);
    }
}

/// Names between these marks.
fn enclosed(text: &str, marks: (&str, &str), found: &mut Placing<'_>) {
    for (at, tag, name) in between(text, marks) {
        let is_element = ELEMENTS.split_whitespace().any(|known| known.eq_ignore_ascii_case(name));
        if !is_element && fits(name, Inside::KnownName, found.columns) {
            left(at, tag, name, found);
        }
    }
}

/// What stands between two marks on one line: where, with the marks, and without.
fn between<'t>(text: &'t str, (opens, closes): (&str, &str)) -> Vec<(usize, &'t str, &'t str)> {
    let mut all = Vec::new();
    let mut from = 0;
    while let Some(open) = text.get(from..).and_then(|rest| rest.find(opens)) {
        let at = from + open;
        from = at + opens.len();
        let Some(name) = inside(text, from, closes) else { continue };
        if name.contains(opens) {
            continue;
        }
        let end = from + name.len() + closes.len();
        all.extend(text.get(at..end).map(|tag| (at, tag, name)));
        from = end;
    }
    all
}

/// Whether a name between underscores stands for a value. Programs call things so, and addresses have such words.
fn is_shouted(text: &str, at: usize, tag: &str, name: &str, columns: &[String]) -> bool {
    let is_of_path = |c: char| "/.:\\".contains(c);
    let before = text.get(..at).and_then(|front| front.chars().next_back());
    let behind = text.get(at + tag.len()..).and_then(|rest| rest.chars().next());
    let is_listed = || columns.iter().any(|column| identifier(column) == name) && name != "name";
    let is_name = !name.contains(|c: char| c.is_lowercase()) || name.contains('_') || is_listed();
    is_name && !before.is_some_and(is_of_path) && !behind.is_some_and(|c| c == '/' || c == '(')
}

/// The name behind a `%` that has no second one.
fn behind_percent<'t>(text: &'t str, at: usize, columns: &[String]) -> Option<&'t str> {
    const NAME_MIN: usize = 3;
    let rest = text.get(at + 1..)?;
    let name = rest.get(..rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len()))?;
    let front = text.get(..at)?;
    let before = front.chars().next_back();
    let is_apart = before.is_none_or(|c| c.is_whitespace() || BEFORE.contains(c));
    let is_share = front.trim_end().ends_with(|c: char| c.is_numeric());
    // In an address two such digits are one octet.
    let is_octet = before == Some('=') && name.bytes().take(2).all(|b| b.is_ascii_hexdigit());
    let closed = rest.get(name.len()..).is_some_and(|behind| behind.starts_with(['%', '(']));
    let is_name = name.len() >= NAME_MIN && name.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_one = is_apart && is_name && !is_share && !is_octet && !closed;
    let is_known =
        || column(name, columns).is_some() || name.contains('_') && (known(name).is_some() || served(name).is_some());
    (is_one && is_known()).then_some(name)
}

fn foreign(at: usize, tag: &str, name: &str, found: &mut Placing<'_>) {
    let says = format!("`{tag}` is a tag of another engine: everybody reads it as it stands");
    let hint = instead(name, found);
    found.warn("foreign-tag", at, says, hint);
}

fn left(at: usize, tag: &str, name: &str, found: &mut Placing<'_>) {
    let hint = instead(name, found);
    warn_with(at, tag, hint, found);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::error::Place;
    use crate::content::lint::Found;
    use crate::content::lint::page::masked;
    use crate::content::syntax::Syntax;

    fn told(text: &str, is_page: bool) -> Vec<((usize, usize), String)> {
        let columns = ["email", "First Name", "city", "address", "id"].map(str::to_owned);
        let mut found = Found { columns: &columns, syntax: Syntax::Jinja, remarks: Vec::new() };
        {
            let place = Place::File("t".into());
            let mut placing = found.at(&place, text);
            match is_page {
                true => look(&Page::read(text), &mut placing),
                false => look_at_text(&masked(text), &mut placing),
            }
        }
        found.remarks.iter().map(|remark| (remark.position.unwrap(), remark.hint.clone())).collect()
    }

    #[test]
    fn names_that_stand_where_a_value_shall_are_told_with_the_tag_of_their_column() {
        let first = "write {{ first_name }}";
        for (tag, ours) in [
            ("<First Name>", first),
            ("<first_name>", first),
            ("<FirstName>", first),
            ("<FNAME>", first),
            ("<City>", "write {{ city }}"),
            ("((first_name))", first),
            ("((First Name))", first),
            ("%first_name", first),
            ("%FNAME", first),
            ("%city", "write {{ city }}"),
            ("__FIRST_NAME__", first),
            ("__first_name__", first),
            ("__FNAME__", first),
            ("__city__", "write {{ city }}"),
        ] {
            let page = told(&format!("<p>Hi\n  {tag}, you"), true);
            assert_eq!(page, [((2, 3), ours.to_owned())], "{tag}");
            assert_eq!(told(&format!("Hi\n  {tag}, you"), false), page, "{tag}");
        }
        assert_eq!(told("<p>&lt;First Name&gt;", true), [((1, 4), first.to_owned())]);
        assert_eq!(told("<a href=\"https://acme.example/?n=__FNAME__\">x</a>", true), [((1, 34), first.to_owned())]);
        assert_eq!(told("<a href=\"https://acme.example/?n=%first_name\">x</a>", true), [((1, 34), first.to_owned())]);
    }

    #[test]
    fn what_only_looks_like_them_is_let_be() {
        for page in [
            "<address>x</address><city>x</city><o:p></o:p><mj-name>x<?xml name?><!-- <First Name> ((city)) __CITY__ %city -->",
            "<!--[if mso]><xml><o:Name/></xml><name><![endif]--><style>a{width:50%}@media((city)){}</style>",
            "<code><name> ((city)) __CITY__ %first_name</code><kbd>%city</kbd>",
            "<p>50% first, 20 %city, 100%first_name, a%city, %s %d %i, %%city, (city), f((city)), (((x)))</p>",
            "<p>__init__, __name__, __City__, __main__, a__CITY__b, https://acme.example/__CITY__/x /__city__.py</p>",
            "<a href=\"https://acme.example/?d=%adress&amp;c=%20city&amp;e=%email\">x</a>",
            "<p title=\"%\">&lt;news@acme.example&gt; &lt; city &gt; &lt;b&gt; &lt;3&gt;</p><div city>x</div>",
        ] {
            assert_eq!(told(page, true).len(), usize::from(page.contains("=%email")), "{page}");
        }
        for text in
            ["Ann <ann@acme.example>, <https://acme.example>, <b>, a < city > b, <{{ city }}>, <address>", "20% city"]
        {
            assert_eq!(told(text, false), [], "{text}");
        }
    }
}
