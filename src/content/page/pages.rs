//! The pages of a letter: its HTML, and the files that its template reads by `include`, `extends` and `import`. What is
//! made of the one is made of the others.
//!
//! Guarantees: a file that is read by the HTML and by a text of its own is changed for neither without the other knowing:
//! what the text part reads has a name of its own. Leaves to others: which names may be read (`partials`).

use super::super::partials::plain_name;
use super::super::spec::{Source, Spec};
use super::tags::{Kind, Tag, Tags, Written};
use super::{Place, Work};

/// Where the text of a file that the HTML reads is found by the text part.
const AS_TEXT: &str = "as-text/";

/// A page whose tags are hidden.
#[derive(Debug)]
pub(super) struct Page {
    /// Its name as a file that a template reads; `None`: the letter's HTML.
    pub(super) name: Option<String>,
    /// The file as people know it.
    pub(super) file: String,
    pub(super) text: String,
}

/// The files that a tag reads, by their plain names, of those that there are.
fn read_by<'t>(tag: &'t Tag, spec: &'t Spec) -> impl Iterator<Item = (&'t str, String)> {
    let reads = tag.kind == Kind::Block && matches!(tag.word(), "include" | "extends" | "import" | "from");
    let quoted = quoted(tag.inside()).into_iter().filter(move |_| reads);
    quoted.filter_map(|name| {
        let plain = plain_name(name)?;
        matches!(spec.partials.get(&plain), Some(Ok(_))).then_some((name, plain))
    })
}

/// The texts in quotes.
fn quoted(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(open) = rest.find(['"', '\'']) {
        let quote = rest.get(open..=open).unwrap_or("\"");
        let inside = rest.get(open + 1..).unwrap_or_default();
        let Some(end) = inside.find(quote) else { break };
        found.push(inside.get(..end).unwrap_or_default());
        rest = inside.get(end + 1..).unwrap_or_default();
    }
    found
}

/// The files that a page reads, and those that these read.
pub(super) fn read_by_page(work: &mut Work, spec: &Spec, main: &str) -> Vec<Page> {
    let mut pages: Vec<Page> = Vec::new();
    let mut names = names_in(&work.tags, spec, main);
    while let Some(name) = names.pop() {
        if pages.iter().any(|page| page.name.as_ref() == Some(&name)) {
            continue;
        }
        let Some(Ok(source)) = spec.partials.get(&name) else { continue };
        let text = super::super::template::one_kind_of_line_break(&source.text);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let written = Written::new(Place::File(source.file.clone()), text);
        let Some(hidden) = work.tags.hide(&written) else { continue };
        work.pieces.push(written);
        names.extend(names_in(&work.tags, spec, &hidden.text));
        pages.push(Page { name: Some(name), file: source.file.clone(), text: hidden.text });
    }
    pages
}

fn names_in(tags: &Tags, spec: &Spec, page: &str) -> Vec<String> {
    tags.words(page).flat_map(|(_, tag)| read_by(tag, spec).map(|(_, plain)| plain)).collect()
}

/// Where the body of the letter is: the page that the others extend.
pub(super) fn with_body(tags: &Tags, spec: &Spec, pages: &[Page]) -> usize {
    let mut at = 0;
    // Each step leads to another page, and none twice.
    for _ in pages {
        let extends = pages.get(at).and_then(|page| {
            let tag = tags.words(&page.text).map(|(_, tag)| tag).find(|tag| tag.word() == "extends")?;
            read_by(tag, spec).map(|(_, plain)| plain).next()
        });
        match extends.and_then(|name| pages.iter().position(|page| page.name.as_ref() == Some(&name))) {
            Some(next) => at = next,
            None => break,
        }
    }
    at
}

/// The text with the names of files that it reads as they are called for the text part.
pub(super) fn reading_texts(tags: &mut Tags, spec: &Spec, text: &str) -> String {
    let mut made: Vec<(String, String)> = Vec::new();
    let found: Vec<Tag> = tags.words(text).map(|(_, tag)| tag.clone()).collect();
    for tag in found {
        let mut code = tag.text.clone();
        let names: Vec<(String, String)> = read_by(&tag, spec).map(|(name, plain)| (name.to_owned(), plain)).collect();
        for (name, plain) in names {
            for quote in ['"', '\''] {
                code = code.replace(&format!("{quote}{name}{quote}"), &format!("{quote}{AS_TEXT}{plain}{quote}"));
            }
        }
        if code != tag.text && !made.iter().any(|(text, _)| *text == tag.text) {
            made.push((tag.text.clone(), tags.instead(&tag, code)));
        }
    }
    tags.replaced(text, |tag| made.iter().find(|(text, _)| *text == tag.text).map(|(_, word)| word.clone()))
}

/// The text of a file that the HTML reads, for the text part.
pub(super) fn put_text(spec: &mut Spec, name: &str, text: Source) {
    spec.partials.insert(format!("{AS_TEXT}{name}"), Ok(text));
}
