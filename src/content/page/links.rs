//! Links and pictures: made absolute, and marked for whoever counts visits (`utm_source` and the like).
//!
//! Guarantees: only links of http and https are marked, once, before their fragment; what stands in a link as a slot of the
//! template stays one; the link to unsubscribe stays as it is. What only a row tells of an address is asked of the row, and
//! where that cannot be, it is told. Leaves to others: pictures that are sent along (`images`).

use super::super::meanings;
use super::Work;
use super::live;
use super::scan::{Attribute, Edits, Start, Token, scan};
use super::tags::{Kind, Tag, Tags};
use super::urls::{candidates, each_candidate, each_url};
use std::collections::HashSet;

/// Values that are no links, or none that is marked.
const BUILT_IN: [&str; 4] = ["campaign", "email", "token", "unsubscribe_url"];
/// So far around a value it is looked whether it stands alone.
const NEAR_OCTETS: usize = 1000;
/// What columns of links are called.
pub(crate) const CALLED: [&str; 6] = ["url", "link", "href", "website", "webseite", "homepage"];

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
                if let Some(new) = bases.pictures.and_then(|base| each_url(css, |url| completed(work, base, url))) {
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
    match attribute.name.as_str() {
        "style" => bases.pictures.and_then(|base| each_url(value, |url| completed(work, base, url))),
        "srcset" => bases.pictures.and_then(|base| completed_set(work, base, value)),
        "href" if is_link(start) => {
            let absolute = bases.links.and_then(|base| completed(work, base, value));
            let link = absolute.as_deref().unwrap_or(value);
            if marks.is_empty() || work.is_unsubscribe(link) {
                return absolute;
            }
            marked(work, link, marks, "&amp;").or(absolute)
        }
        "href" if start.name == "link" => bases.links.and_then(|base| completed(work, base, value)),
        _ if is_picture(start, &attribute.name) => bases.pictures.and_then(|base| completed(work, base, value)),
        "action" => bases.links.and_then(|base| completed(work, base, value)),
        _ => None,
    }
}

/// An address made absolute, now or by the row; `None` where it is left as it is.
fn completed(work: &mut Work, base: &Base, value: &str) -> Option<String> {
    let value = value.trim();
    if !begins_live(work, value) {
        return if is_relative(work, value) || value.starts_with("//") { base.join(value) } else { None };
    }
    if work.is_unsubscribe(value) {
        return None;
    }
    by_row(work, value, &format!("{}({})", live::ABSOLUTE, live::quoted(&base.text())), "relative-link", "is completed")
}

/// The same of the addresses of a `srcset`.
fn completed_set(work: &mut Work, base: &Base, value: &str) -> Option<String> {
    let is_live =
        candidates(value).into_iter().any(|(url, _)| value.get(url).is_some_and(|url| begins_live(work, url)));
    if is_live {
        let filter = format!("{}({})", live::ABSOLUTE_SET, live::quoted(&base.text()));
        return by_row(work, value, &filter, "relative-link", "is completed");
    }
    let joined = |url: &str| base.join(url).filter(|_| is_relative(work, url) || url.starts_with("//"));
    each_candidate(value, joined)
}

/// Whether a tag of the template stands at the front of an address: nothing is known of it without a row.
fn begins_live(work: &Work, value: &str) -> bool {
    let first = work.tags.words(value).next();
    first.is_some_and(|(range, tag)| range.start == 0 && matches!(tag.kind, Kind::Slot | Kind::Block))
}

/// The value behind a filter that reads what a row makes of it; where a block of the template would be torn, it is told.
fn by_row(work: &mut Work, value: &str, filter: &str, check: &'static str, done: &str) -> Option<String> {
    let made = live::filtered(work, value, filter);
    let first = work.tags.words(value).next().map(|(_, tag)| tag.clone());
    if let Some(tag) = first.filter(|_| made.is_err()) {
        let shown = work.tags.shown(value);
        let says = format!("the address `{shown}` is left as it is: a block of the template begins or ends within it");
        let hint =
            format!("write {{% if … %}} and {{% endif %}} both within the quotes of the address: then it {done}");
        let warning = super::Remark::warning(check, tag.error(says, &hint));
        if !work.treated.notes.contains(&warning) {
            work.treated.notes.push(warning);
        }
    }
    made.ok()
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
    let lower = trimmed.get(..8).unwrap_or(trimmed).to_ascii_lowercase();
    let is_http = lower.starts_with("http://") || lower.starts_with("https://");
    if !(is_http || begins_live(work, trimmed)) || trimmed.to_ascii_lowercase().contains("utm_") {
        return None;
    }
    // The `#` of `&#38;` begins no fragment.
    let front = trimmed.get(..live::fragment(trimmed, and != "&").unwrap_or(trimmed.len())).unwrap_or_default();
    if work.tags.words(front).all(|(range, tag)| range.start > 0 && is_inert(tag)) {
        return live::with_query(trimmed, &marks.query.replace('&', and), and);
    }
    let filter = format!("{}({})", live::MARKED, marks.expression);
    by_row(work, trimmed, &filter, "unmarked-link", "gets its utm parameters")
}

/// Whether what a tag writes has neither `?` nor `#` in it.
fn is_inert(tag: &Tag) -> bool {
    let inside = tag.inside();
    match tag.kind {
        Kind::Slot => {
            let last = inside.rsplit_once('|').map(|(_, filter)| filter.trim());
            last == Some("urlencode") || matches!(inside, "token" | "campaign")
        }
        Kind::Block => false,
        Kind::Comment | Kind::Literal => true,
    }
}

/// A plain text with marked links: those that are written there, and values of the row that are meant as links. `known`: values
/// that links of the HTML begin with.
pub(super) fn rewrite_text(work: &mut Work, text: &str, marks: &Marks, known: &HashSet<String>) -> String {
    if marks.is_empty() {
        return text.to_owned();
    }
    let values = values(work, text, known);
    let mut values = values.into_iter().peekable();
    let mut edits = Edits::default();
    let mut at = 0;
    loop {
        while values.next_if(|value| *value < at).is_some() {}
        let Some(start) = next_link(text, at).into_iter().chain(values.peek().copied()).min() else { break };
        let link = link_at(work, text.get(start..).unwrap_or_default());
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

/// Values that links of a page begin with.
pub(super) fn leading_values(tags: &Tags, page: &str) -> HashSet<String> {
    let mut found = HashSet::new();
    for token in scan(page) {
        let Token::Start(start) = token else { continue };
        let href = start.value(page, "href").trim();
        let words = tags.words(href).filter(|_| is_link(&start));
        let mut at = 0;
        for (_, tag) in words.take_while(|(range, _)| std::mem::replace(&mut at, range.end) == range.start) {
            found.extend(Some(name(tag)).filter(|_| tag.kind == Kind::Slot).map(str::to_owned));
        }
    }
    found
}

/// Where values begin that are meant as links: which the HTML links to, which are called so, or which stand alone on a line or
/// within angle brackets.
fn values(work: &Work, text: &str, known: &HashSet<String>) -> Vec<usize> {
    let plain = |text: &str| work.tags.without(text, |tag| tag.kind != Kind::Slot);
    let mut found = Vec::new();
    for (range, tag) in work.tags.words(text) {
        let name = name(tag);
        if tag.kind != Kind::Slot || BUILT_IN.contains(&name) {
            continue;
        }
        let before = plain(line_before(text, range.start));
        if !before.is_empty() && !before.ends_with(|c: char| c.is_whitespace() || "<([".contains(c)) {
            continue;
        }
        let rest = line_behind(text, range.start);
        let link = link_at(work, rest);
        let behind = plain(rest.get(link.len()..).unwrap_or_default());
        // A name that stands alone begins a letter, or ends it.
        let is_alone = before.trim().is_empty() && behind.trim().is_empty();
        let is_alone = is_alone && !link.ends_with([',', '!', ':']) && meanings::known(name).is_none();
        let lower = name.to_lowercase();
        if is_alone
            || (before.ends_with('<') && behind.starts_with('>'))
            || known.contains(name)
            || CALLED.iter().any(|part| lower.contains(part))
        {
            found.push(range.start);
        }
    }
    found
}

/// What stands on the line before `at`, as far as it is near.
fn line_before(text: &str, at: usize) -> &str {
    let from = (at.saturating_sub(NEAR_OCTETS)..=at).find(|from| text.is_char_boundary(*from)).unwrap_or(at);
    let near = text.get(from..at).unwrap_or_default();
    near.rsplit_once('\n').map_or(near, |(_, line)| line)
}

/// What stands on the line from `at` on, as far as it is near.
fn line_behind(text: &str, at: usize) -> &str {
    let most = text.len().min(at.saturating_add(NEAR_OCTETS));
    let to = (at..=most).rfind(|to| text.is_char_boundary(*to)).unwrap_or(at);
    let near = text.get(at..to).unwrap_or_default();
    near.split_once('\n').map_or(near, |(line, _)| line)
}

/// The name that a slot begins with.
fn name(tag: &Tag) -> &str {
    let inside = tag.inside();
    let end = inside.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').unwrap_or(inside.len());
    inside.get(..end).unwrap_or_default()
}

/// The link that a text begins with: as far as the blocks of the template go that begin in it.
fn link_at<'t>(work: &Work, text: &'t str) -> &'t str {
    let ends = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '\'' | ')' | ']');
    let link = text.get(..text.find(ends).unwrap_or(text.len())).unwrap_or_default();
    let (mut depth, mut closed) = (0, link.len());
    for (range, tag) in work.tags.words(link) {
        let Some(now) = live::deeper(depth, tag) else {
            // It is of a block around the link.
            return link.get(..if depth == 0 { range.start } else { closed }).unwrap_or_default();
        };
        if depth == 0 && now > 0 {
            closed = range.start;
        }
        depth = now;
    }
    if depth == 0 { link } else { link.get(..closed).unwrap_or_default() }
}

fn next_link(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let found = ["http://", "https://"].iter().filter_map(|scheme| rest.find(scheme)).min()?;
    Some(at + found)
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

    /// It, as it is written.
    fn text(&self) -> String {
        format!("{}{}", self.origin, self.folder)
    }

    /// A relative address made absolute; `None` for any other.
    pub(super) fn join(&self, value: &str) -> Option<String> {
        let value = value.trim();
        if !has_no_scheme(value) {
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
    has_no_scheme(value) && work.tags.words(value).next().is_none_or(|(range, _)| range.start > 0)
}

fn has_no_scheme(value: &str) -> bool {
    if value.is_empty() || value.starts_with(['#', '?']) || value.starts_with("//") {
        return false;
    }
    let scheme = value.get(..value.find(':').unwrap_or(0)).unwrap_or_default();
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    !is_scheme
}
