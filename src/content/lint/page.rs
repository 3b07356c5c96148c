//! An HTML page as its author wrote it, with template code in it: tags and what stands between them.
//!
//! No document is built and nothing is mended: web editors' pages are full of what no parser agrees on, and only places are
//! asked for. Guarantees: offsets are those of the file; it ends on any text. Leaves to others: what to think of it.

use super::ends::{Open, runs_on};
use crate::content::ahead::Ahead;
use crate::content::stray::end_tag;

/// In the place of template code that writes something.
pub(super) const VALUE: u8 = 1;
/// In the place of template code that writes nothing.
pub(super) const CODE: u8 = 2;

/// Elements whose content is no markup: of these nothing is shown.
const UNSHOWN: [&str; 3] = ["style", "script", "mj-style"];
/// The same of which the content is text.
const TEXTS: [&str; 6] = ["title", "textarea", "xmp", "iframe", "noembed", "noframes"];
/// Elements that hold words of programs.
const QUOTED: [&str; 3] = ["code", "kbd", "samp"];

/// A page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) tags: Vec<Tag>,
    /// Texts between tags, and where they begin. Those of style, script and comments are none.
    pub(super) texts: Vec<(usize, String)>,
    /// What begins and does not end.
    pub(super) open: Vec<Open>,
    /// Style sheets, and where they begin.
    styles: Vec<(usize, String)>,
    /// The whole, with blanks where style, script, comments, template code and words of programs stand.
    pub(super) bare: String,
}

/// A tag.
#[derive(Debug)]
pub(super) struct Tag {
    /// Its name in lower case; that of an end begins with `/`.
    pub(super) name: String,
    pub(super) at: usize,
    pub(super) attributes: Vec<Attribute>,
}

/// An attribute of a tag.
#[derive(Debug)]
pub(super) struct Attribute {
    /// Its name in lower case.
    pub(super) name: String,
    pub(super) value: String,
    /// Where the value begins; where there is none, behind the name.
    pub(super) at: usize,
}

impl Attribute {
    /// Where the value begins, and it.
    pub(super) fn placed(&self) -> (usize, &str) {
        (self.at, &self.value)
    }
}

impl Tag {
    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}

/// The text with [`VALUE`] and [`CODE`] in the place of template code, octet for octet.
pub(super) fn masked(text: &str) -> String {
    let mut octets = text.as_bytes().to_vec();
    let of = |mark| Ahead::new(text, mark);
    let (mut slots, mut values, mut statements, mut comments) = (of("{{"), of("}}"), of("%}"), of("#}"));
    let mut at = 0;
    while let Some(open) = octets.get(at..).and_then(|rest| memchr::memchr(b'{', rest)) {
        let start = at + open;
        let (close, filler) = match octets.get(start + 1) {
            Some(b'{') => (values.from(start + 2), VALUE),
            Some(b'%') => (statements.from(start + 2), CODE),
            Some(b'#') => (comments.from(start + 2), CODE),
            _ => {
                at = start + 1;
                continue;
            }
        };
        let Some(close) = close else { break };
        if filler == VALUE && slots.from(start + 2).is_some_and(|next| next < close) {
            // It has no end of its own.
            at = start + 2;
            continue;
        }
        at = close + 2;
        octets.get_mut(start..at).into_iter().flatten().for_each(|octet| *octet = filler);
    }
    String::from_utf8(octets).unwrap_or_else(|_| text.to_owned())
}

impl Page {
    pub(super) fn read(text: &str) -> Self {
        let masked = masked(text);
        let mut page = Self::default();
        let mut bare = masked.clone().into_bytes();
        let mut at = 0;
        while let Some(open) = masked.get(at..).and_then(|rest| rest.find('<')) {
            let start = at + open;
            page.text(&masked, at, start);
            let rest = masked.get(start..).unwrap_or_default();
            let begins = rest.as_bytes().get(1).copied().unwrap_or_default();
            let is_comment = rest.starts_with("<!--");
            at = match begins {
                _ if is_comment => page.until(&masked, start, "-->", Open::Comment),
                b'!' | b'?' => page.until(&masked, start, ">", Open::Tag),
                b'/' | b'a'..=b'z' | b'A'..=b'Z' => page.element(&masked, start),
                _ => {
                    page.text(&masked, start, start + 1);
                    start + 1
                }
            };
            let is_new = |tag: &&Tag| tag.at == start;
            let name = page.tags.last().filter(is_new).map(|tag| tag.name.as_str()).unwrap_or_default();
            if is_comment || UNSHOWN.contains(&name) {
                blank(&mut bare, start, at);
            }
        }
        page.text(&masked, at, masked.len());
        for (from, to) in page.quoted() {
            blank(&mut bare, from, to);
        }
        page.bare = String::from_utf8(bare).unwrap_or_default();
        page
    }

    /// Where words of programs stand, which readers are to see as they are.
    fn quoted(&self) -> Vec<(usize, usize)> {
        let end = |(index, tag): (usize, &Tag)| {
            let mut behind = self.tags.iter().skip(index + 1);
            let end = behind.find(|other| other.name.trim_start_matches('/') == tag.name)?;
            (end.name.starts_with('/')).then_some((tag.at, end.at))
        };
        self.tags.iter().enumerate().filter(|(_, tag)| QUOTED.contains(&tag.name.as_str())).filter_map(end).collect()
    }

    /// Every style sheet and `style` attribute, with where it begins.
    pub(super) fn sheets(&self) -> impl Iterator<Item = (usize, &str)> {
        let own = self.tags.iter().filter_map(|tag| tag.attribute("style")).map(Attribute::placed);
        self.styles.iter().map(|(at, css)| (*at, css.as_str())).chain(own)
    }

    fn text(&mut self, masked: &str, from: usize, to: usize) {
        let text = masked.get(from..to).unwrap_or_default();
        if !text.trim().is_empty() {
            self.texts.push((from, text.to_owned()));
        }
    }

    /// What begins at `start` and ends with `mark`; where it ends.
    fn until(&mut self, masked: &str, start: usize, mark: &str, open: impl FnOnce(usize) -> Open) -> usize {
        match masked.get(start..).and_then(|rest| rest.find(mark)) {
            Some(length) => start + length + mark.len(),
            None => {
                self.open.push(open(start));
                masked.len()
            }
        }
    }

    /// Reads the tag at `start`, and what behind it is no markup; where that ends.
    fn element(&mut self, masked: &str, start: usize) -> usize {
        let from = self.tag(masked, start);
        let name = self.tags.last().map(|tag| tag.name.clone()).unwrap_or_default();
        let (is_text, is_sheet) = (TEXTS.contains(&name.as_str()), matches!(name.as_str(), "style" | "mj-style"));
        if from == masked.len() || masked.get(..from).is_some_and(|front| front.ends_with("/>")) {
            return from;
        }
        if !is_text && !UNSHOWN.contains(&name.as_str()) {
            return from;
        }
        let end = end_tag(masked.get(from..).unwrap_or_default(), &name).map(|length| from + length);
        if end.is_none() {
            self.open.push(Open::Element(start, name));
        }
        let end = end.unwrap_or(masked.len());
        if is_text {
            self.text(masked, from, end);
        } else if is_sheet {
            self.styles.push((from, masked.get(from..end).unwrap_or_default().to_owned()));
        }
        end
    }

    /// Reads the tag at `start`; where it ends.
    fn tag(&mut self, masked: &str, start: usize) -> usize {
        let octets = masked.as_bytes();
        let from = start + 1;
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"-_:/.".contains(b);
        let mut at = from + octets.iter().skip(from).take_while(|b| is_name(b)).count();
        let name = masked.get(from..at).unwrap_or_default().to_ascii_lowercase();
        let (mut attributes, mut open) = (Vec::new(), Some(Open::Tag(start)));
        while let Some(&b) = octets.get(at) {
            match b {
                b'>' => {
                    at += 1;
                    open = open.filter(|open| !matches!(open, Open::Tag(_)));
                    break;
                }
                b if b.is_ascii_whitespace() || b == b'/' || b == CODE || b == VALUE => at += 1,
                _ => {
                    at = read_attribute(masked, at, &mut attributes);
                    open = attributes.last().and_then(|last| unquoted(masked, last)).or(open);
                }
            }
        }
        self.open.extend(open);
        self.tags.push(Tag { name, at: start, attributes });
        at
    }
}

/// The quotation mark of a value that has no second one where the value ends.
fn unquoted(masked: &str, attribute: &Attribute) -> Option<Open> {
    let quote = attribute.at.checked_sub(1)?;
    let is_quoted = masked.as_bytes().get(quote).is_some_and(|b| matches!(b, b'"' | b'\''));
    let goes_on = attribute.at + attribute.value.len() == masked.len() || runs_on(attribute);
    (is_quoted && goes_on).then(|| Open::Quote(quote, attribute.name.clone()))
}

/// Reads the attribute at `from`; where it ends.
fn read_attribute(masked: &str, from: usize, attributes: &mut Vec<Attribute>) -> usize {
    let octets = masked.as_bytes();
    let ends = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'=' | b'>');
    let length = octets.iter().skip(from).take_while(|b| !ends(b)).count().max(1);
    let name = masked.get(from..from + length).unwrap_or_default().to_ascii_lowercase();
    let blanks = |at: usize| at + octets.iter().skip(at).take_while(|b| b.is_ascii_whitespace()).count();
    let mut at = blanks(from + length);
    if octets.get(at) != Some(&b'=') {
        attributes.push(Attribute { name, value: String::new(), at: from + length });
        return at;
    }
    at = blanks(at + 1);
    let (start, end, behind) = match octets.get(at) {
        Some(&quote @ (b'"' | b'\'')) => {
            let length = octets.iter().skip(at + 1).take_while(|b| **b != quote).count();
            (at + 1, at + 1 + length, at + 2 + length)
        }
        _ => {
            let length = octets.iter().skip(at).take_while(|b| !b.is_ascii_whitespace() && **b != b'>').count();
            (at, at + length, at + length)
        }
    };
    let value = masked.get(start..end).unwrap_or_default().to_owned();
    attributes.push(Attribute { name, value, at: start });
    behind.min(octets.len())
}

fn blank(octets: &mut [u8], from: usize, to: usize) {
    octets.get_mut(from..to).into_iter().flatten().filter(|b| **b != b'\n').for_each(|octet| *octet = b' ');
}
