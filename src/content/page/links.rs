//! Links and pictures: made absolute, and marked for whoever counts visits (`utm_source` and the like).
//!
//! Guarantees: only links of http and https are marked, once, before their fragment; what stands in a link as a slot of the
//! template stays one; the link to unsubscribe stays as it is. Leaves to others: pictures that are sent along (`images`).

use super::Work;
use super::scan::{Attribute, Edits, Start, Token, scan};
use super::tags::Kind;
use minijinja::value::Value;

/// What is added to links.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    /// `utm_source=a&utm_medium=`, and between them the words of hidden slots.
    query: String,
    /// The same as an expression of the template language.
    expression: String,
}

impl Marks {
    /// The marks of these parameters, whose values are texts with hidden slots.
    pub(super) fn new(work: &mut Work, parameters: &[(String, String)]) -> Self {
        let mut marks = Self::default();
        for (name, value) in parameters {
            if !marks.query.is_empty() {
                marks.literal("&");
            }
            marks.literal(&format!("utm_{name}="));
            let words: Vec<_> = work.tags.words(value).map(|(range, tag)| (range, tag.clone())).collect();
            let mut at = 0;
            for (range, tag) in words {
                marks.literal(&encoded(value.get(at..range.start).unwrap_or_default()));
                at = range.end;
                if tag.kind == Kind::Slot {
                    let expression = format!("({})|urlencode", tag.inside());
                    marks.query.push_str(&work.tags.instead(&tag, format!("{{{{ {expression} }}}}")));
                    marks.expression.push_str(&format!(" ~ ({expression})"));
                }
            }
            marks.literal(&encoded(value.get(at..).unwrap_or_default()));
        }
        marks
    }

    fn literal(&mut self, text: &str) {
        self.query.push_str(text);
        if text.is_empty() {
            return;
        }
        match self.expression.pop() {
            Some('"') => self.expression.push_str(&format!("{text}\"")),
            None => self.expression.push_str(&format!("\"{text}\"")),
            Some(last) => self.expression.push_str(&format!("{last} ~ \"{text}\"")),
        }
    }

    fn is_empty(&self) -> bool {
        self.query.is_empty()
    }
}

/// All but the unreserved characters as `%XX` (RFC 3986 §2.3).
fn encoded(text: &str) -> String {
    let mut out = String::new();
    super::super::escape::Escape::Url.write(text, &mut out);
    out
}

/// What links and pictures are completed with, where they are.
#[derive(Clone, Copy)]
pub(super) struct Bases<'a> {
    pub(super) links: Option<&'a Base>,
    pub(super) pictures: Option<&'a Base>,
}

/// The page with absolute links and pictures, and marked links.
pub(super) fn rewrite(work: &mut Work, page: &str, bases: Bases, marks: &Marks) -> String {
    let mut edits = Edits::default();
    for token in scan(page) {
        match token {
            Token::Start(start) => {
                for attribute in &start.attributes {
                    let Some(range) = attribute.value.clone() else { continue };
                    let value = page.get(range.clone()).unwrap_or_default();
                    if let Some(new) = changed(work, &start, attribute, value, bases, marks) {
                        match attribute.quote {
                            Some(_) => edits.set(range, new),
                            None => edits.set(range, format!("\"{new}\"")),
                        }
                    }
                }
            }
            Token::Raw(range, name, _) if name == "style" => {
                let css = page.get(range.clone()).unwrap_or_default();
                if let Some(new) = bases.pictures.and_then(|base| each_url(css, |url| base.join(work, url))) {
                    edits.set(range, new);
                }
            }
            _ => {}
        }
    }
    edits.apply(page)
}

/// What an attribute's value becomes, if it changes.
fn changed(
    work: &mut Work,
    start: &Start,
    attribute: &Attribute,
    value: &str,
    bases: Bases,
    marks: &Marks,
) -> Option<String> {
    let absolute = |work: &Work| bases.links.and_then(|base| base.join(work, value));
    match attribute.name.as_str() {
        "style" => bases.pictures.and_then(|base| each_url(value, |url| base.join(work, url))),
        "srcset" => bases.links.map(|base| each_candidate(work, value, base)).filter(|new| new != value),
        "href" if is_link(start) => {
            let absolute = absolute(work);
            let link = absolute.as_deref().unwrap_or(value);
            if marks.is_empty() || work.is_unsubscribe(link) {
                return absolute;
            }
            marked(work, link, marks, "&amp;").or(absolute)
        }
        "href" if start.name == "link" => absolute(work),
        _ if is_picture(start, &attribute.name) => bases.pictures.and_then(|base| base.join(work, value)),
        "action" => absolute(work),
        _ => None,
    }
}

/// Whether the element's `href` is something to click at.
fn is_link(start: &Start) -> bool {
    matches!(start.name.as_str(), "a" | "area") || start.name.starts_with("v:")
}

/// Whether an attribute names a picture.
pub(super) fn is_picture(start: &Start, attribute: &str) -> bool {
    match attribute {
        "src" => {
            matches!(start.name.as_str(), "img" | "input" | "source" | "video" | "audio")
                || start.name.starts_with("v:")
        }
        "background" | "poster" => true,
        _ => false,
    }
}

/// The link with its marks; `None` where it gets none.
fn marked(work: &mut Work, link: &str, marks: &Marks, and: &str) -> Option<String> {
    let trimmed = link.trim();
    let has_some = trimmed.to_ascii_lowercase().contains("utm_");
    let words: Vec<_> = work.tags.words(trimmed).map(|(range, tag)| (range, tag.clone())).collect();
    if let [(range, tag)] = words.as_slice()
        && *range == (0..trimmed.len())
        && tag.kind == Kind::Slot
    {
        let text = format!("{{{{ ({})|add_query({}) }}}}", tag.inside(), marks.expression);
        return Some(work.tags.instead(tag, text));
    }
    let is_http = trimmed.get(..8).unwrap_or(trimmed).to_ascii_lowercase();
    let from_slot = words.first().is_some_and(|(range, _)| {
        range.start == 0 && trimmed.get(range.end..).is_some_and(|rest| rest.starts_with('/'))
    });
    if has_some || !(is_http.starts_with("http://") || is_http.starts_with("https://") || from_slot) {
        return None;
    }
    // The `#` of `&#38;` begins no fragment.
    let fragment = trimmed
        .match_indices('#')
        .map(|(at, _)| at)
        .find(|&at| trimmed.get(..at).is_some_and(|before| !before.ends_with('&')));
    let (address, fragment) = trimmed.split_at(fragment.unwrap_or(trimmed.len()));
    let joint = match address.contains('?') {
        true if address.ends_with(['?', '&']) || address.ends_with("&amp;") => "",
        true => and,
        false => "?",
    };
    Some(format!("{address}{joint}{}{fragment}", marks.query.replace('&', and)))
}

/// A plain text with marked links.
pub(super) fn rewrite_text(work: &mut Work, text: &str, marks: &Marks) -> String {
    if marks.is_empty() {
        return text.to_owned();
    }
    let mut edits = Edits::default();
    let mut at = 0;
    while let Some(start) = next_link(text, at) {
        let rest = text.get(start..).unwrap_or_default();
        let ends = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '\'' | ')' | ']');
        let link = rest.get(..rest.find(ends).unwrap_or(rest.len())).unwrap_or_default();
        let link = link.trim_end_matches(['.', ',', ';', ':', '!', '?']);
        at = start + link.len().max(1);
        if !work.is_unsubscribe(link)
            && let Some(new) = marked(work, link, marks, "&")
        {
            edits.set(start..start + link.len(), new);
        }
    }
    edits.apply(text)
}

fn next_link(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let found = ["http://", "https://"].iter().filter_map(|scheme| rest.find(scheme)).min()?;
    Some(at + found)
}

/// Gives each `url(…)` of a style sheet to `change`; `None` where nothing changes.
pub(super) fn each_url(css: &str, mut change: impl FnMut(&str) -> Option<String>) -> Option<String> {
    let mut edits = Edits::default();
    let mut some = false;
    for (at, _) in css.match_indices("url(") {
        let start = at + "url(".len();
        let rest = css.get(start..).unwrap_or_default();
        let inside = rest.get(..rest.find(')').unwrap_or(0)).unwrap_or_default();
        let quotes = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
        let lead = inside.len() - inside.trim_start_matches(quotes).len();
        let url = inside.trim_matches(quotes).trim_start_matches("&quot;").trim_end_matches("&quot;");
        let lead = lead + if inside.trim_start_matches(quotes).starts_with("&quot;") { "&quot;".len() } else { 0 };
        if let Some(new) = change(url) {
            edits.set(start + lead..start + lead + url.len(), new);
            some = true;
        }
    }
    some.then(|| edits.apply(css))
}

fn each_candidate(work: &Work, srcset: &str, base: &Base) -> String {
    let candidate = |text: &str| {
        let trimmed = text.trim();
        let (url, rest) = trimmed.split_at(trimmed.find(char::is_whitespace).unwrap_or(trimmed.len()));
        format!("{}{rest}", base.join(work, url).unwrap_or_else(|| url.to_owned()))
    };
    srcset.split(", ").map(candidate).collect::<Vec<_>>().join(", ")
}

/// What relative links are relative to.
#[derive(Clone, Debug)]
pub(super) struct Base {
    /// `https:`
    scheme: String,
    /// `https://acme.example`
    origin: String,
    /// `/news/`
    folder: String,
}

impl Base {
    /// Reads an address of http or https; its path is a folder.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let lower = text.to_ascii_lowercase();
        let scheme = ["https:", "http:"].into_iter().find(|scheme| lower.starts_with(&format!("{scheme}//")));
        let scheme = scheme.ok_or("it does not begin with https://")?;
        let rest = text.get(scheme.len() + 2..).unwrap_or_default();
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if host.is_empty()
            || text.contains(['?', '#', '{', '}', '"', '\'', '<', '>'])
            || !text.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err("a host and a path are all that it may have");
        }
        let origin = format!("{scheme}//{host}");
        Ok(Self { scheme: scheme.to_owned(), origin, folder: format!("{}/", path.trim_end_matches('/')) })
    }

    /// A relative address made absolute; `None` for any other.
    pub(super) fn join(&self, work: &Work, value: &str) -> Option<String> {
        let value = value.trim();
        if !is_relative(work, value) {
            return value.strip_prefix("//").map(|rest| format!("{}//{rest}", self.scheme));
        }
        if let Some(path) = value.strip_prefix('/') {
            return Some(format!("{}/{path}", self.origin));
        }
        let mut folder: Vec<&str> = self.folder.split('/').filter(|part| !part.is_empty()).collect();
        let mut rest = value;
        loop {
            rest = match rest {
                "." | ".." => "",
                rest => match (rest.strip_prefix("./"), rest.strip_prefix("../")) {
                    (Some(rest), _) => rest,
                    (None, Some(rest)) => {
                        folder.pop();
                        rest
                    }
                    (None, None) => break,
                },
            }
        }
        let folder: String = folder.iter().map(|part| format!("{part}/")).collect();
        Some(format!("{}/{folder}{rest}", self.origin))
    }
}

/// Whether an address is relative to something: it has no scheme, no host, and does not begin with a slot, of which
/// nothing is known.
pub(super) fn is_relative(work: &Work, value: &str) -> bool {
    if value.is_empty() || value.starts_with(['#', '?']) || value.starts_with("//") {
        return false;
    }
    if work.tags.words(value).next().is_some_and(|(range, _)| range.start == 0) {
        return false;
    }
    let scheme = value.get(..value.find(':').unwrap_or(0)).unwrap_or_default();
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    !is_scheme
}

/// `add_query` of templates: a link of http or https with more parameters, where it has no `utm_` yet.
pub(crate) fn add_query(link: Value, query: String) -> Value {
    let text = link.to_string();
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    if !(lower.starts_with("http://") || lower.starts_with("https://")) || lower.contains("utm_") {
        return link;
    }
    let (address, fragment) = text.split_at(text.find('#').unwrap_or(text.len()));
    let joint = match address.contains('?') {
        true if address.ends_with(['?', '&']) => "",
        true => "&",
        false => "?",
    };
    Value::from(format!("{address}{joint}{query}{fragment}"))
}
