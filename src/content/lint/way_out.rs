//! The way out of a mailing: List-Unsubscribe for mailbox providers, and a link for readers.
//!
//! Guarantees: a letter that has none of them is told once, as what it is; else each part and the header are looked at by
//! themselves. Leaves to others: whether the URL works, and how much of this keeps mail from being accepted.

use super::page::{Page, Tag};
use super::{Found, Letter};
use crate::content::error::Place;
use crate::content::spec::Source;
use crate::mail::finding::Severity;

/// Words by which readers know the way out.
const WAYS_OUT: [&str; 22] = [
    "unsubscribe",
    "opt out",
    "opt-out",
    "abmelden",
    "abbestellen",
    "austragen",
    "désabonner",
    "desabonner",
    "désinscri",
    "se désinscrire",
    "darse de baja",
    "cancelar la suscripci",
    "cancelar suscripci",
    "disiscri",
    "cancella l'iscrizione",
    "afmelden",
    "uitschrijven",
    "avregistrera",
    "afmeld",
    "wypisz",
    "отписаться",
    "配信停止",
];
const URL: &str = "[unsubscribe] url = \"https://…/{{ token }}\", a page that takes a POST";

/// Looks at the files of both parts, and at the header.
pub(super) fn look(letter: &Letter<'_>, pages: &[(&Source, Page)], texts: &[&Source], found: &mut Found<'_>) {
    if letter.is_transactional {
        return;
    }
    let of_page = pages.iter().any(|(source, page)| page_leads_out(source, page));
    let of_text = texts.iter().any(|text| text_leads_out(&text.text));
    let has_header = letter.spec.unsubscribe_url.is_some() || letter.spec.unsubscribe_mailto.is_some();
    if !has_header && !of_page && !of_text {
        return none(found);
    }
    header(letter, found);
    for (main, leads_out) in [(pages.first().map(|(source, _)| *source), of_page), (texts.first().copied(), of_text)] {
        if let Some(main) = main.filter(|_| !leads_out) {
            let says = "there is no link to unsubscribe by: who does not find one reports the letter as spam";
            let hint = "write one, like: Unsubscribe: {{ unsubscribe_url }}";
            found.at(&Place::File(main.file.clone()), "").warn_of_all("unsubscribe-link", says, hint);
        }
    }
}

/// There is no way out at all.
fn none(found: &mut Found<'_>) {
    let says = "the letter has no way out, neither List-Unsubscribe (RFC 8058) nor a link to unsubscribe by: large providers \
                refuse such bulk mail, and readers report it as spam";
    let hint = format!(
        "{URL}, and a link to {{{{ unsubscribe_url }}}}; for an answer to what each recipient did (an order, a password) say \
         transactional = true"
    );
    found.whole(Severity::Warning, "no-way-out", says, hint);
}

fn header(letter: &Letter<'_>, found: &mut Found<'_>) {
    let says = match (&letter.spec.unsubscribe_url, &letter.spec.unsubscribe_mailto) {
        (Some(_), _) => return,
        (None, Some(_)) => "List-Unsubscribe has an address only: Google and Yahoo want a URL for one click (RFC 8058)",
        (None, None) => "the letter has no List-Unsubscribe, which Google and Yahoo want of all bulk mail (RFC 8058)",
    };
    found.whole(Severity::Warning, "list-unsubscribe", says, URL);
}

fn page_leads_out(source: &Source, page: &Page) -> bool {
    page.tags.iter().any(|tag| leads_out(tag, &source.text)) || page.texts.iter().any(|(_, text)| is_way_out(text))
}

fn text_leads_out(text: &str) -> bool {
    is_way_out(text) || text.contains("unsubscribe_url")
}

fn is_way_out(text: &str) -> bool {
    let text = text.to_lowercase();
    WAYS_OUT.iter().any(|word| text.contains(word))
}

/// So far before an address on a line the words are looked for that tell what it is.
const NEAR_OCTETS: usize = 200;

/// Whether readers leave the list by the link that is the tag of this number, as its address or its words say.
pub(super) fn is_left_by(page: &Page, index: usize, source: &str) -> bool {
    page.tags.get(index).is_some_and(|tag| leads_out(tag, source) || is_way_out(&words(page, index, tag)))
}

/// The words of a link.
pub(super) fn words(page: &Page, index: usize, tag: &Tag) -> String {
    let ends = |other: &&Tag| other.name.trim_start_matches('/') == tag.name;
    let end = page.tags.iter().skip(index + 1).find(ends).map_or(tag.at, |end| end.at);
    let first = page.texts.partition_point(|(at, _)| *at < tag.at);
    let texts = page.texts.iter().skip(first).take_while(|(at, _)| *at < end);
    texts.map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" ")
}

/// Whether readers of a text leave the list by the address at `at`, as it says itself, or the words before it.
pub(super) fn leaves_by_line(text: &str, at: usize, url: &str) -> bool {
    let from = (at.saturating_sub(NEAR_OCTETS)..=at).find(|from| text.is_char_boundary(*from)).unwrap_or(at);
    let before =
        text.get(from..at).unwrap_or_default().trim_end_matches(|c: char| c.is_whitespace() || "<(".contains(c));
    let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
    // Behind another address it is what stands behind that.
    let behind = line.rsplit_once("://").map(|(_, rest)| rest.split_once(' ').map_or("", |(_, words)| words));
    says_out(url) || is_way_out(behind.unwrap_or(line))
}

/// Whether the link is one to unsubscribe by, as its address says.
fn leads_out(tag: &Tag, source: &str) -> bool {
    let Some(href) = tag.attribute("href") else { return false };
    says_out(source.get(href.at..href.at + href.value.len()).unwrap_or_default())
}

fn says_out(address: &str) -> bool {
    let lower = address.to_ascii_lowercase();
    // A place in the page is none.
    !lower.starts_with('#') && ["unsubscribe", "optout", "opt-out", "abmeld"].iter().any(|word| lower.contains(word))
}
