//! Addresses that only a row makes whole: what is added to them, or completes them, is put in when they are rendered.
//!
//! Around such a value stands a block of the template, `{% filter … %}`, so that the whole text which a row gives it is read:
//! where its question mark is, where its fragment begins, whether it is relative at all. Guarantees: what is no address of
//! the web stays as it is; in HTML the text stays HTML. Leaves to others: addresses that are the same for all rows (`links`).

use super::Work;
use super::links::Base;
use super::tags::{Kind, Tag};
use minijinja::value::Value;
use minijinja::{AutoEscape, State};

/// The filters, as templates name them.
pub(super) const MARKED: &str = "__marked";
pub(super) const ABSOLUTE: &str = "__absolute";
pub(super) const ABSOLUTE_SET: &str = "__absolute_set";

/// What is put around a value whose blocks do not end in it: nothing, for it would tear them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Torn;

/// The value with a filter around it that sees its whole text.
pub(super) fn filtered(work: &mut Work, value: &str, filter: &str) -> Result<String, Torn> {
    let tags: Vec<Tag> = work.tags.words(value).map(|(_, tag)| tag.clone()).collect();
    let Some(first) = tags.first().filter(|_| whole(&tags)) else { return Err(Torn) };
    let mut block = first.clone();
    block.kind = Kind::Block;
    let open = work.tags.instead(&block, format!("{{% filter {filter} %}}"));
    let close = work.tags.instead(&block, "{% endfilter %}".to_owned());
    Ok(format!("{open}{value}{close}"))
}

/// Whether every block that begins in these tags ends in them, and none ends that does not begin.
pub(super) fn whole<'t>(tags: impl IntoIterator<Item = &'t Tag>) -> bool {
    let mut depth = Some(0usize);
    for tag in tags {
        depth = depth.and_then(|depth| deeper(depth, tag));
    }
    depth == Some(0)
}

/// How many blocks are open behind a tag; `None` where it belongs to one that is not.
pub(super) fn deeper(depth: usize, tag: &Tag) -> Option<usize> {
    match tag.word() {
        _ if tag.kind != Kind::Block => Some(depth),
        "if" | "for" | "with" | "filter" | "macro" | "call" | "block" | "autoescape" | "raw" => Some(depth + 1),
        "set" if !tag.inside().contains('=') => Some(depth + 1),
        "else" | "elif" => Some(depth).filter(|depth| *depth > 0),
        word if word.starts_with("end") => depth.checked_sub(1),
        _ => Some(depth),
    }
}

/// How a template writes a text.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// `__marked` of templates: a link of http or https with more parameters, where it has no `utm_` yet.
pub(crate) fn marked(state: &State, link: Value, query: String) -> Value {
    let is_html = is_html(state);
    let and = if is_html { "&amp;" } else { "&" };
    // In a plain text a value may be more than a link.
    let is_link = |text: &str| is_html || !text.trim().contains(char::is_whitespace);
    told(link, |text| with_query(text, &query.replace('&', and), and).filter(|_| is_link(text)))
}

/// `__absolute` of templates: a relative address completed.
pub(crate) fn absolute(link: Value, base: String) -> Value {
    let Ok(base) = Base::parse(&base) else { return link };
    told(link, |text| base.join(text))
}

/// `__absolute_set` of templates: the same of each address of a `srcset`.
pub(crate) fn absolute_set(link: Value, base: String) -> Value {
    let Ok(base) = Base::parse(&base) else { return link };
    told(link, |text| super::urls::each_candidate(text, |url| base.join(url)))
}

fn is_html(state: &State) -> bool {
    matches!(state.auto_escape(), AutoEscape::Html)
}

/// What `change` makes of a text, which is as safe as it was.
fn told(value: Value, change: impl FnOnce(&str) -> Option<String>) -> Value {
    let text = value.to_string();
    match change(&text) {
        None => value,
        Some(new) if value.is_safe() => Value::from_safe_string(new),
        Some(new) => Value::from(new),
    }
}

/// A link with these parameters before its fragment; `None` where it gets none.
pub(super) fn with_query(link: &str, query: &str, and: &str) -> Option<String> {
    let link = link.trim();
    let lower = link.to_ascii_lowercase();
    if !(lower.starts_with("http://") || lower.starts_with("https://")) || lower.contains("utm_") {
        return None;
    }
    let (address, fragment) = link.split_at(fragment(link, and != "&").unwrap_or(link.len()));
    let joint = match address.contains('?') {
        true if address.ends_with(['?', '&']) || address.ends_with(and) => "",
        true => and,
        false => "?",
    };
    Some(format!("{address}{joint}{query}{fragment}"))
}

/// Where the fragment of a link begins. In HTML the `#` of `&#38;` begins none.
pub(super) fn fragment(link: &str, is_html: bool) -> Option<usize> {
    let is_reference = |at: usize| {
        let behind = link.as_bytes().get(at + 1);
        is_html
            && link.get(..at).is_some_and(|before| before.ends_with('&'))
            && behind.is_some_and(|b| b.is_ascii_digit() || matches!(b, b'x' | b'X'))
    };
    link.match_indices('#').map(|(at, _)| at).find(|at| !is_reference(*at))
}

/// `__beside` of templates: an address in angle brackets behind `joint`; nothing where there is no address.
pub(crate) fn beside(address: Value, joint: String) -> String {
    let text = address.to_string();
    match text.trim() {
        "" => String::new(),
        address => format!("{joint}<{address}>"),
    }
}

/// `add_query` of templates: a link of http or https with more parameters, where it has no `utm_` yet.
pub(crate) fn add_query(link: Value, query: String) -> Value {
    match with_query(&link.to_string(), &query, "&") {
        Some(new) => Value::from(new),
        None => link,
    }
}
