//! What links lead to, as it stands behind their words.
//!
//! Guarantees: where only a row has an address, a row without it has nothing there, no brackets either. Leaves to others:
//! words.

use super::super::Work;
use super::super::live;
use super::super::references;
use super::super::scan::{Start, Token, scan};
use super::super::tags::{Kind, Tag};
use super::{is_blank, is_hidden, spoken_value};
use std::collections::{HashMap, HashSet};

/// The filter that writes an address that a row may not have, as templates name it.
const BESIDE: &str = "__beside";

/// Names that no row lacks.
const ALWAYS: [&str; 4] = ["campaign", "email", "token", "unsubscribe_url"];

/// What a link leads to.
#[derive(Clone, Debug, Default)]
pub(super) struct Address {
    /// As it is compared with the link's words; empty where there is nothing to tell.
    plain: String,
    /// Whether it is a telephone number: written with other signs it is the same.
    is_phone: bool,
    /// It as HTML, by itself and with a blank before it.
    alone: String,
    behind: String,
}

impl Address {
    /// Whether nothing is left to tell behind these words.
    pub(super) fn is_said_by(&self, words: &str) -> bool {
        let digits = |text: &str| text.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>();
        self.plain.is_empty() || words == self.plain || (self.is_phone && digits(words) == digits(&self.plain))
    }

    pub(super) fn alone(&self) -> String {
        self.alone.clone()
    }

    pub(super) fn behind_words(&self) -> String {
        self.behind.clone()
    }
}

/// The addresses of a page's links, by where their tags begin. Of a link without words, a picture mostly, nothing is told where
/// another one with words leads to the same.
pub(super) fn addresses(work: &mut Work, page: &str) -> HashMap<usize, Address> {
    let mut found: Vec<(usize, Address, bool)> = Vec::new();
    let mut is_open = false;
    for token in scan(page) {
        let says = match &token {
            Token::Start(start) if start.name == "a" && !start.conditional => {
                is_open = !is_hidden(page, start);
                found.push((start.range.start, address(work, page, start), false));
                false
            }
            Token::Start(start) => start.name == "img" && !is_blank(start.value(page, "alt")),
            Token::End(_, name, false) if name == "a" => {
                is_open = false;
                false
            }
            Token::Text(range) => !is_blank(page.get(range.clone()).unwrap_or_default()),
            _ => false,
        };
        if let Some((_, _, has_words)) = found.last_mut().filter(|_| says && is_open) {
            *has_words = true;
        }
    }
    let named: HashSet<String> =
        found.iter().filter(|(_, _, has_words)| *has_words).map(|(_, address, _)| address.plain.clone()).collect();
    let told = |address: Address, has_words: bool| match has_words || !named.contains(&address.plain) {
        true => address,
        false => Address::default(),
    };
    found.into_iter().map(|(at, address, has_words)| (at, told(address, has_words))).collect()
}

fn address(work: &mut Work, page: &str, start: &Start) -> Address {
    let shown = work.tags.without(&written(work, page, start), |tag| tag.kind == Kind::Comment);
    let shown = shown.trim();
    let lower = shown.to_ascii_lowercase();
    if shown.starts_with('#') || lower.starts_with("javascript:") {
        return Address::default();
    }
    let is_phone = lower.starts_with("tel:");
    let plain = match is_phone || lower.starts_with("mailto:") {
        true => shown.split_once(':').and_then(|(_, address)| address.split('?').next()).unwrap_or_default(),
        false => shown,
    };
    if is_blank(plain) {
        return Address::default();
    }
    let text = references::as_text(plain);
    let (alone, behind) = match is_of_row(work, plain) {
        true => (by_row(work, plain, &text, ""), by_row(work, plain, &text, " ")),
        false => (None, None),
    };
    let fixed = format!("&lt;{text}&gt;");
    let behind = behind.unwrap_or_else(|| format!(" {fixed}"));
    Address { plain: plain.to_owned(), is_phone, alone: alone.unwrap_or(fixed), behind }
}

/// What stands in `href`, with the branches that stand around the attributes.
fn written(work: &Work, page: &str, start: &Start) -> String {
    let mut written = String::new();
    for attribute in &start.attributes {
        if attribute.value.is_none() && work.tags.branches(&attribute.name) {
            written.push_str(&attribute.name);
        }
        let value = attribute.value.clone().filter(|_| attribute.name == "href");
        written.push_str(value.and_then(|range| page.get(range)).unwrap_or_default().trim());
    }
    written
}

/// Whether there are rows that may have nothing there: all of it comes from them.
fn is_of_row(work: &Work, address: &str) -> bool {
    let (mut at, mut depth) = (0, 0usize);
    for (range, tag) in work.tags.words(address) {
        let is_fixed = depth == 0 && !address.get(at..range.start).unwrap_or_default().trim().is_empty();
        let is_always = depth == 0 && tag.kind == Kind::Slot && ALWAYS.contains(&tag.inside());
        if is_fixed || is_always || tag.kind == Kind::Literal {
            return false;
        }
        match tag.word() {
            _ if tag.kind != Kind::Block => {}
            "if" | "for" => depth += 1,
            "endif" | "endfor" => depth = depth.saturating_sub(1),
            _ => {}
        }
        at = range.end;
    }
    at > 0 && address.get(at..).unwrap_or_default().trim().is_empty()
}

/// The address behind `joint`, where a row has it; `None` where a block of the template would be torn.
fn by_row(work: &mut Work, address: &str, text: &str, joint: &str) -> Option<String> {
    let tags: Vec<Tag> = work.tags.words(address).map(|(_, tag)| tag.clone()).collect();
    if let [slot] = tags.as_slice()
        && slot.kind == Kind::Slot
    {
        // A filter of one value takes one way for every row, and a block does not.
        let value = spoken_value(slot).unwrap_or_else(|| slot.inside().to_owned());
        let slot = slot.clone();
        return Some(work.tags.instead(&slot, format!("{{{{ ({value})|{BESIDE}({}) }}}}", live::quoted(joint))));
    }
    live::filtered(work, text, &format!("{BESIDE}({})", live::quoted(joint))).ok()
}
