//! Links and pictures: what leads nowhere from a mailbox, and what mail readers do not show.

use super::page::{CODE, Page, Tag, VALUE, masked};
use super::{Placing, astray, slips, tags, way_out};
use crate::content::compile::percent_decoded;
use crate::content::meanings::served;
use crate::content::page::{says_something, urls};
use crate::content::spec::Source;
use crate::content::syntax::BRACE;
use std::collections::HashSet;

/// Schemes that links in mail have.
const SCHEMES: [&str; 12] =
    ["https", "http", "mailto", "tel", "sms", "cid", "data", "webcal", "geo", "whatsapp", "tg", "file"];
/// Services that shorten links: block lists have them all.
const SHORTENERS: [&str; 18] = [
    "bit.ly",
    "tinyurl.com",
    "t.co",
    "goo.gl",
    "ow.ly",
    "is.gd",
    "v.gd",
    "buff.ly",
    "rebrand.ly",
    "cutt.ly",
    "lnkd.in",
    "rb.gy",
    "t.ly",
    "tiny.cc",
    "shorturl.at",
    "dlvr.it",
    "hubs.ly",
    "amzn.to",
];
/// Hosts that web editors and tutorials write in the place of another.
const STAND_INS: [&str; 9] = [
    "example.com",
    "example.org",
    "example.net",
    "viewstripo.email",
    "your-domain.com",
    "yourdomain.com",
    "yoursite.com",
    "yourwebsite.com",
    "your-website.com",
];
/// What mail readers take out, and the sense with it.
const ACTIVE: [&str; 7] = ["script", "iframe", "object", "embed", "form", "video", "audio"];
/// What marks a page of AMP for Email.
const AMP: [&str; 2] = ["\u{26a1}4email", "amp4email"];
/// Attributes whose value is an address.
pub(super) const LEADING: [&str; 5] = ["href", "src", "srcset", "background", "poster"];
/// Elements that show a picture.
const PICTURES: [&str; 4] = ["img", "mj-image", "mj-carousel-image", "amp-img"];
/// What is in what readers get: addresses, and places that links of the page lead to.
#[derive(Debug, Default)]
pub(super) struct Kept<'p> {
    addresses: HashSet<&'p str>,
    anchors: HashSet<&'p str>,
    /// Whether there may be more of those.
    has_others: bool,
}

impl<'p> Kept<'p> {
    /// Of what was made of the pages, and of them as they are written.
    pub(super) fn of(made: &'p [Page], written: impl Iterator<Item = &'p Page>) -> Self {
        let attributes = || made.iter().flat_map(|page| &page.tags).flat_map(|tag| &tag.attributes);
        let leading = attributes().filter(|attribute| LEADING.contains(&attribute.name.as_str()));
        let sheets = made.iter().flat_map(Page::sheets).map(|(_, css)| css);
        let in_sheets = sheets.flat_map(|css| urls::in_css(css).into_iter().filter_map(|url| css.get(url.range)));
        let addresses = leading.map(|attribute| attribute.value.trim()).chain(in_sheets).collect();
        let written = written.flat_map(|page| &page.tags).flat_map(|tag| &tag.attributes);
        let named = attributes().chain(written).filter(|one| matches!(one.name.as_str(), "id" | "name"));
        let anchors: HashSet<&str> = named.map(|one| one.value.trim()).collect();
        let has_others = anchors.iter().any(|name| name.contains([char::from(VALUE), char::from(CODE)]));
        Self { addresses, anchors, has_others }
    }

    /// Whether a link to a place in the page leads to one.
    fn leads_to(&self, name: &str) -> bool {
        let plain = percent_decoded(name);
        self.has_others
            || name.eq_ignore_ascii_case("top")
            || name.contains([char::from(VALUE), char::from(CODE)])
            || self.anchors.contains(name)
            || plain.is_some_and(|plain| self.anchors.contains(plain.as_str()))
    }
}

/// Looks at a page; `made` is what readers get.
pub(super) fn look(page: &Page, made: &Kept<'_>, found: &mut Placing<'_>) {
    for (index, tag) in page.tags.iter().enumerate() {
        match tag.name.as_str() {
            "html" if AMP.iter().any(|mark| tag.attribute(mark).is_some()) => found.warn(
                "amp-as-html",
                tag.at,
                "the page is one of AMP for Email: as the HTML of a letter most readers show nothing of it",
                "write the letter as HTML: pages of AMP stand beside it in letters of senders whom Google has admitted, and are not sent from here",
            ),
            name @ ("unsubscribe" | "preferences" | "webversion" | "forwardtoafriend") => {
                let hint = match (name, served(name)) {
                    (_, Some(advice)) => advice.to_owned(),
                    _ => format!("write <a href=\"{}\">…</a> in its place", found.syntax.slot("unsubscribe_url")),
                };
                let says = format!("<{name}> is an element of Campaign Monitor: for everybody else it leads nowhere");
                found.warn("foreign-tag", tag.at, says, hint);
            }
            "a" | "area" | "mj-button" => link(page, index, made, found),
            // They are pictures first.
            "mj-image" | "mj-navbar-link" | "mj-social-element" if tag.attribute("href").is_some() => {
                link(page, index, made, found);
            }
            name if ACTIVE.contains(&name) => found.warn(
                "active-content",
                tag.at,
                format!("<{name}> does nothing in a mailbox: mail readers take it out"),
                "link to a page that has it",
            ),
            _ => {}
        }
        if PICTURES.contains(&tag.name.as_str()) {
            image(tag, made, found);
        }
        beside(tag, made, found);
    }
    for (at, css) in page.sheets() {
        backgrounds(at, css, made, found);
    }
}

/// Looks at the pages of a letter together, of which `made` is what readers get; what is found is told of the first.
pub(super) fn look_at_all(files: &[(&Source, Page)], made: &[&Source], found: &mut Placing<'_>) {
    let says = |source: &&Source| says_something(&masked(&source.text), char::from(VALUE));
    let shows = |page: &Page| page.tags.iter().any(|tag| PICTURES.contains(&tag.name.as_str()));
    if files.iter().any(|(_, page)| shows(page)) && !made.iter().any(says) {
        let says = "the HTML part says nothing beside its pictures and links: who does not load pictures sees no letter, and \
                    filters count that";
        found.warn_of_all("image-only", says, "write what matters as text: one sentence is enough");
    }
}

/// Whether an address is relative to something.
pub(super) fn is_relative(address: &str) -> bool {
    let scheme = address.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| !scheme.is_empty());
    let has_scheme =
        scheme.is_some_and(|scheme| scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-".contains(&b)));
    !address.is_empty() && !address.starts_with('#') && !has_scheme
}

/// Looks at the plain text.
pub(super) fn look_at_text(masked: &str, found: &mut Placing<'_>) {
    let is_end = |c: char| c.is_whitespace() || "<>\"')".contains(c);
    let mut end = 0;
    for word in masked.split_inclusive(is_end) {
        let start = end;
        end += word.len();
        let word = word.trim_end_matches(is_end).trim_end_matches(['.', ',', ';', ':', '!']);
        let Some(front) = address_in(word) else { continue };
        let (at, url) = (start + front, word.get(front..).unwrap_or_default());
        if let Some((check, says, hint)) = slips::of("link", url, url) {
            found.warn(check, at, says, hint);
            continue;
        }
        if url.starts_with("http://") && !is_local(url) {
            plain_http(at, url, found);
        }
        host(at, url, way_out::leaves_by_line(masked, at, url), found);
    }
}

/// Where an address begins in a word, whole or torn.
pub(super) fn address_in(word: &str) -> Option<usize> {
    let Some(at) = word.find("://") else {
        return ["http:/", "https:/", "http//", "https//"].iter().filter_map(|torn| word.find(torn)).min();
    };
    let before = word.get(..at).unwrap_or_default();
    let apart = before.char_indices().rev().find(|(_, c)| !c.is_ascii_alphanumeric());
    Some(apart.map_or(0, |(at, c)| at + c.len_utf8()))
}

fn link(page: &Page, index: usize, made: &Kept<'_>, found: &mut Placing<'_>) {
    let Some(tag) = page.tags.get(index) else { return };
    let is_anchor = tag.name == "a" && (tag.attribute("name").is_some() || tag.attribute("id").is_some());
    let Some(href) = tag.attribute("href") else {
        if !is_anchor {
            found.warn("empty-link", tag.at, "a link without an address leads nowhere", "write its href");
        }
        return;
    };
    let url: String = href.value.chars().filter(|&c| c != char::from(CODE)).collect();
    let url = url.trim();
    if url.is_empty() && found.text.get(href.at..).is_some_and(tags::is_left) {
        // It is told as what a translation has left.
        return;
    }
    if url.is_empty() || url == "#" {
        let says = if url.is_empty() { "the link is empty: it leads nowhere" } else { "the link # leads nowhere" };
        return found.warn("empty-link", href.at, says, "write where it leads, or take it out");
    }
    if url.to_ascii_lowercase().starts_with("javascript:") {
        let says = "a link that runs a script does nothing in a mailbox";
        return found.warn("active-content", href.at, says, "link to a page");
    }
    if let Some(name) = url.strip_prefix('#') {
        if !made.leads_to(name) && !tags::begins(url, found.columns) {
            anchor(href.at, name, way_out::is_left_by(page, index, found.text), found);
        }
    } else {
        let what = if way_out::is_left_by(page, index, found.text) { Leads::Out } else { Leads::On };
        address(what, href.placed(), url, made, found);
        let words = way_out::words(page, index, tag);
        if let Some(host) = slips::said_otherwise(&words, url) {
            let says = format!(
                "{} leads to `{host}`, another domain than readers see: filters take that for a deceit",
                shown(words.trim())
            );
            found.warn("link-text", href.at, says, "write in words what is there, or the address itself");
        }
    }
}

/// A link to a place in the page that there is none of.
fn anchor(at: usize, name: &str, is_way_out: bool, found: &mut Placing<'_>) {
    let says = format!("the link {} leads nowhere: nothing in the letter has that name", shown(&format!("#{name}")));
    let hint = match is_way_out {
        true => format!("write {} in its place", found.syntax.slot("unsubscribe_url")),
        false => format!("write id=\"{name}\" into the tag that it leads to, or the address of a page in its place"),
    };
    found.warn("broken-link", at, says, hint);
}

fn image(tag: &Tag, made: &Kept<'_>, found: &mut Placing<'_>) {
    let is_pixel =
        ["width", "height"].iter().any(|side| tag.attribute(side).is_some_and(|a| matches!(a.value.trim(), "0" | "1")));
    if tag.attribute("alt").is_none() && !is_pixel {
        let says = "the picture has no alt text: nothing is read where pictures are off";
        found.warn("image-alt", tag.at, says, "write alt=\"what it says\", or alt=\"\" where it is only decoration");
    }
    let Some(src) = tag.attribute("src") else { return };
    let url = src.value.trim();
    if url.to_ascii_lowercase().starts_with("data:") {
        let says = "the picture stands in the page itself (data:): Gmail and Outlook do not show it";
        return found.warn("image-data", src.at, says, "attach it with inline_id and write cid:…, or link to it");
    }
    if url.is_empty() {
        return found.warn("empty-link", src.at, "the picture has no address", "write its src, or take it out");
    }
    address(Leads::Picture, src.placed(), url, made, found);
}

/// Pictures and fonts that a style sheet names.
fn backgrounds(at: usize, css: &str, made: &Kept<'_>, found: &mut Placing<'_>) {
    for one in urls::in_css(css) {
        let url = css.get(one.range.clone()).unwrap_or_default().trim();
        let what = if one.is_other { Leads::File } else { Leads::Picture };
        if !url.is_empty() && !url.starts_with('#') && !url.to_ascii_lowercase().starts_with("data:") {
            address(what, (at + one.range.start, url), url, made, found);
        }
    }
}

/// Pictures that an element brings beside its own: behind it, or for other screens.
fn beside(tag: &Tag, made: &Kept<'_>, found: &mut Placing<'_>) {
    for attribute in &tag.attributes {
        let url = attribute.value.trim();
        match attribute.name.as_str() {
            _ if url.is_empty() => {}
            "background" | "poster" | "background-url" => address(Leads::Picture, attribute.placed(), url, made, found),
            "srcset" if !url.contains([char::from(VALUE), char::from(CODE)]) => {
                let candidates = urls::candidates(url).into_iter();
                let mut addresses = candidates.filter_map(|(candidate, _)| url.get(candidate));
                if let Some(relative) = addresses.find(|url| is_relative(url)) {
                    address(Leads::Picture, attribute.placed(), relative, made, found);
                }
            }
            _ => {}
        }
    }
}

/// What an address is that of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leads {
    /// A link.
    On,
    /// A link by which readers leave the list.
    Out,
    Picture,
    /// A font, or a style sheet.
    File,
}

impl Leads {
    fn word(self) -> &'static str {
        match self {
            Self::On | Self::Out => "link",
            Self::Picture => "picture",
            Self::File => "file",
        }
    }
}

/// Looks at an address that is not empty. `whole`: where the value begins that it stands in, and that value.
fn address(leads: Leads, (at, whole): (usize, &str), url: &str, made: &Kept<'_>, found: &mut Placing<'_>) {
    // What tags make of it is known where no row has a part in it.
    if let Some(all) = found.fixed.remove(&at) {
        return all.iter().for_each(|one| address(leads, (at, whole), one.trim(), made, found));
    }
    if url.as_bytes().first() == Some(&VALUE) || tags::begins(url, found.columns) {
        return;
    }
    let (what, shown) = (leads.word(), shown(url));
    if let Some(hint) = tags::of_address(url, leads == Leads::Out, found) {
        let says = format!("the {what} {shown} is a tag of another engine: it leads nowhere");
        return found.warn("foreign-tag", at, says, hint);
    }
    // Whatever was made of it, this was not meant. A tag in braces where ours are in brackets is told as that.
    if let Some((check, says, hint)) = slips::of(what, url, whole).filter(|_| !url.contains(BRACE)) {
        return found.warn(check, at, says, hint);
    }
    let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    let scheme =
        scheme.filter(|s| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)));
    // A colon further on is part of a relative address, or begins a port.
    let scheme = scheme.filter(|scheme| !scheme.contains('.') && scheme != "localhost");
    match scheme.as_deref() {
        // Something was made of it.
        None if !made.addresses.contains(whole.trim()) => {}
        None => found.warn(
            "relative-link",
            at,
            format!("the {what} {shown} leads nowhere: a letter lies on no web server"),
            match url.chars().count() > SHOWN_CHARACTERS {
                true => "write it whole: https://, the name of the server, and this behind it".to_owned(),
                false => {
                    format!("write it whole: https://…/{}", shown.trim_matches('`').trim_start_matches(['/', '.']))
                }
            },
        ),
        Some("http" | "https") => {
            if scheme.as_deref() == Some("http") && !is_local(url) {
                plain_http(at, url, found);
            }
            host(at, url, leads == Leads::Out, found);
        }
        Some(scheme) if !SCHEMES.contains(&scheme) && near(scheme) => found.warn(
            "link-scheme",
            at,
            format!("the {what} {shown} begins with `{scheme}:`, which no reader knows"),
            "write https:",
        ),
        Some(_) => {}
    }
}

/// Whether a scheme is likely a slip of the pen.
fn near(scheme: &str) -> bool {
    ["https", "http", "mailto"].iter().any(|known| strsim::damerau_levenshtein(known, scheme) <= 2)
}

fn plain_http(at: usize, url: &str, found: &mut Placing<'_>) {
    let secure = url.replacen("http://", "https://", 1);
    found.warn(
        "http-link",
        at,
        format!("{} is not encrypted: readers warn of it, and filters count it", shown(url)),
        match secure.chars().count() > SHOWN_CHARACTERS {
            true => "write https:// in the place of http://".to_owned(),
            false => format!("write {}", shown(&secure)),
        },
    );
}

pub(super) fn host_of(url: &str) -> &str {
    let behind = url.split_once("://").map_or("", |(_, behind)| behind);
    behind.split(['/', '?', '#', ':']).next().unwrap_or_default()
}

pub(super) fn is_local(url: &str) -> bool {
    let host = host_of(url).to_ascii_lowercase();
    let named = ["localhost", "127.0.0.1", "[", "0.0.0.0"].iter().any(|name| host == *name);
    let private = ["10.", "192.168.", "169.254."]
        .iter()
        .any(|net| host.starts_with(net) && host.ends_with(|c: char| c.is_ascii_digit()));
    named || private || [".local", ".localhost", ".internal", ".lan"].iter().any(|end| host.ends_with(end))
}

/// Whether a domain, or one that it is below, stands in for another.
pub(super) fn is_stand_in(domain: &str) -> bool {
    let is_below =
        |known: &str| domain.strip_suffix(known).is_some_and(|front| front.is_empty() || front.ends_with('.'));
    STAND_INS.iter().any(|known| is_below(known))
}

/// What is to be said of the host of an address that a key has.
pub(super) fn look_at_key(masked: &str, found: &mut Placing<'_>) {
    if masked.starts_with("https://") {
        host(0, masked, true, found);
    }
}

/// `leaves`: by this address readers leave the list.
fn host(at: usize, url: &str, leaves: bool, found: &mut Placing<'_>) {
    let host = host_of(url).to_ascii_lowercase();
    if is_stand_in(&host) {
        let says = format!("{} stands in for another address: an editor or an example has left it", shown(url));
        found.warn("placeholder", at, says, "write where it leads, or take it out");
    } else if is_local(url) {
        let says = format!("{} leads to a machine that only you reach", shown(url));
        found.warn("local-link", at, says, "write an address that everybody reaches");
    } else if SHORTENERS.contains(&host.as_str()) {
        let says = format!("{} hides where it leads: block lists have such addresses", shown(url));
        found.warn_drawing("short-link", "554 5.7.1", at, says, "write the address that it leads to");
    } else {
        astray::look(at, url, leaves, found);
    }
}

/// Of a longer address no more is shown.
pub(super) const SHOWN_CHARACTERS: usize = 60;

/// An address for people, its template code as dots, and what is left out of it.
pub(super) fn shown(url: &str) -> String {
    let mut text = String::from("`");
    for c in url.chars().take(SHOWN_CHARACTERS) {
        match c {
            c if u32::from(c) == u32::from(VALUE) => {
                if !text.ends_with('…') {
                    text.push('…');
                }
            }
            BRACE => text.push('{'),
            c => text.push(c),
        }
    }
    if url.chars().count() > SHOWN_CHARACTERS && !text.ends_with('…') {
        text.push('…');
    }
    text.push('`');
    text
}
