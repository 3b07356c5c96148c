//! What tags make of an address, as far as the template says it: `{% set base = "www.acme.example" %}` and then
//! `<a href="{{ base }}/x">`, or an argument of a macro.
//!
//! Guarantees: what a row has a part in is none. Leaves to others: what rows make of addresses (`by_row`), what is wrong with one
//! (`links`).

use super::links::LEADING;
use super::page::{CODE, Page, VALUE};
use super::{Letter, texts_of, unit_of};
use crate::content::analysis::{Part, Prints, Way, product};
use crate::content::names::{Name, Names};
use crate::content::spec::Source;
use minijinja::syntax::SyntaxConfig;
use std::collections::BTreeMap;

/// So many tags an address may have.
const SLOTS: usize = 40;

/// The addresses of a page that tags write, whole, by where they begin.
pub(super) fn fixed(letter: &Letter<'_>, source: &Source, page: &Page) -> BTreeMap<usize, Vec<String>> {
    let attributes = page.tags.iter().flat_map(|tag| &tag.attributes);
    let of_tags = |value: &str| value.contains(char::from(VALUE)) && !value.contains(char::from(CODE));
    let leading: Vec<_> = attributes.filter(|one| LEADING.contains(&&*one.name) && of_tags(&one.value)).collect();
    if leading.is_empty() {
        return BTreeMap::new();
    }
    let main = letter.written.html_files().next().unwrap_or(source);
    let mut unit = unit_of(main, |name| letter.written.partial(name));
    let place = match unit.iter().find(|(_, known)| known.file == source.file) {
        Some((name, _)) => name.clone(),
        // What became a part of the page is read by itself.
        None => {
            unit = unit_of(source, |name| letter.written.partial(name));
            String::new()
        }
    };
    let mut names = Names::new(letter.columns, "email");
    let prints = Prints::of(&texts_of(&unit), &SyntaxConfig::default(), &mut names);
    let whole = |one: &super::page::Attribute| {
        let value = source.text.get(one.at..one.at + one.value.len()).unwrap_or_default();
        let ways = ways(&prints, &place, value, one.at).unwrap_or_default();
        let out = letter.spec.unsubscribe_url.as_deref();
        (one.at, ways.iter().filter_map(|way| text_of(way, out)).collect::<Vec<String>>())
    };
    leading.into_iter().map(whole).filter(|(_, all)| !all.is_empty()).collect()
}

/// All that a text with tags in it may be, which begins at an octet of a file; `None` where a tag does what nobody follows.
pub(super) fn ways(prints: &Prints, file: &str, text: &str, at: usize) -> Option<Vec<Way>> {
    // No address is of more parts.
    if text.matches("{{").nth(SLOTS).is_some() {
        return None;
    }
    let mut ways: Vec<Way> = vec![Vec::new()];
    let (mut rest, mut from) = (text, at);
    while let Some((before, behind)) = rest.split_once("{{") {
        let (inside, behind) = behind.split_once("}}")?;
        if !before.is_empty() {
            ways = product(&ways, &[vec![Part::Text(before.replace("&amp;", "&"))]]);
        }
        let open = from + before.len();
        ways = product(&ways, prints.at(file, open, open + 2 + inside.len()));
        rest = behind;
        from = open + inside.len() + 4;
    }
    if !rest.is_empty() {
        ways = product(&ways, &[vec![Part::Text(rest.replace("&amp;", "&"))]]);
    }
    Some(ways)
}

/// The text, if no row has a part in it. `out`: the way out, which has a form of its own.
fn text_of(way: &Way, out: Option<&str>) -> Option<String> {
    if let [Part::Of(of), Part::Text(behind)] = way.as_slice()
        && of.name == Name::UnsubscribeUrl
        && behind.starts_with(['&', '?'])
    {
        // A token is of letters and digits.
        let mut whole = String::new();
        let mut rest = out?;
        while let Some((before, (_, after))) = rest.split_once("{{").and_then(|(b, r)| Some((b, r.split_once("}}")?))) {
            whole = whole + before + "x";
            rest = after;
        }
        return Some(whole + rest + behind);
    }
    way.iter().map(|part| if let Part::Text(text) = part { Some(text.as_str()) } else { None }).collect()
}
