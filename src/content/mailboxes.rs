//! The address lists of a campaign's keys (RFC 5322 §3.4): told apart while they are templates still, so that no value can
//! move their parts.
//!
//! Guarantees: names are what stands before `<address>`, with or without quotes, commas and brackets; a comment, which would
//! be lost or taken for a part of an address, is refused with the way to write it. Leaves to others: the addresses
//! themselves (`mail::address`), and compiling the parts.

use super::tags::{self, Part};
use std::ops::Range;

/// What a tag, and what quotes become in the copy that is looked through: nothing in them parts anything.
const TAG: u8 = 1;
const QUOTED: u8 = 2;

/// `Name <address>` or `address`, as octets of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Empty: no name.
    pub(crate) display: Range<usize>,
    pub(crate) address: Range<usize>,
}

/// One of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    One(Span),
    /// `Name: a@b.example, c@d.example;`
    Group(Range<usize>, Vec<Span>),
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) at: usize,
    pub(crate) problem: String,
    pub(crate) hint: &'static str,
}

/// How an address is written.
pub(crate) const WAYS: &str = "write it as name@domain, or Name <name@domain>";

/// The entries of a list. What stands in a block (`{% if … %}`) is not told apart.
///
/// # Errors
/// The first mistake.
pub(crate) fn entries(text: &str) -> Result<Vec<Entry>, Mistake> {
    let reader = Reader { text, mask: mask(text) };
    let mut all = Vec::new();
    let mut elements = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < text.len() {
        at = match reader.mask.get(at) {
            Some(b'<') => reader.find(b'>', at..text.len()).unwrap_or(at) + 1,
            Some(b':') if reader.is_name(start..at) => match reader.find(b';', at..text.len()) {
                Some(end) => {
                    all.extend(reader.ones(&std::mem::take(&mut elements))?.into_iter().map(Entry::One));
                    let members = reader.ones(&reader.split(at + 1..end))?;
                    all.push(Entry::Group(reader.trimmed(start..at), members));
                    start = end + 1;
                    start
                }
                None => at + 1,
            },
            Some(b',' | b';') => {
                elements.push(start..at);
                start = at + 1;
                start
            }
            _ => at + 1,
        };
    }
    elements.push(start..text.len());
    all.extend(reader.ones(&elements)?.into_iter().map(Entry::One));
    Ok(all)
}

/// A name without the quotes around all of it, where it has such; tags stay as they are.
pub(crate) fn without_quotes(name: &str) -> Option<String> {
    let masked = tag_mask(name);
    if masked.first() != Some(&b'"') || quote_end(&masked, 0) != Some(name.len() - 1) {
        return None;
    }
    let mut octets = Vec::with_capacity(name.len());
    let mut at = 1;
    while at + 1 < name.len() {
        at += usize::from(masked.get(at) == Some(&b'\\'));
        octets.extend(name.as_bytes().get(at));
        at += 1;
    }
    String::from_utf8(octets).ok()
}

/// Whether tags may stand across parts of the list, so that it must be rendered before it is told apart.
pub(crate) fn is_one_block(text: &str) -> bool {
    let parts = tags::parts(text);
    text.bytes().zip(parts).any(|(octet, part)| part == Part::Block && matches!(octet, b'<' | b'>' | b'@' | b','))
}

fn tag_mask(text: &str) -> Vec<u8> {
    let parts = tags::parts(text);
    text.bytes().zip(parts).map(|(octet, part)| if part == Part::Fixed { octet } else { TAG }).collect()
}

fn mask(text: &str) -> Vec<u8> {
    let mut mask = tag_mask(text);
    let mut at = 0;
    while let Some(open) = mask.iter().skip(at).position(|&b| b == b'"').map(|p| p + at) {
        let end = quote_end(&mask, open).unwrap_or(open);
        mask.iter_mut().take(end + 1).skip(open).filter(|b| **b != TAG).for_each(|b| *b = QUOTED);
        at = end + 1;
    }
    mask
}

/// Where the quotes end that begin at `open`.
fn quote_end(mask: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        match mask.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// A text and its mask.
struct Reader<'t> {
    text: &'t str,
    mask: Vec<u8>,
}

impl Reader<'_> {
    fn masked(&self, range: &Range<usize>) -> &[u8] {
        self.mask.get(range.clone()).unwrap_or_default()
    }

    fn has(&self, octet: u8, range: &Range<usize>) -> bool {
        self.masked(range).contains(&octet)
    }

    fn find(&self, octet: u8, range: Range<usize>) -> Option<usize> {
        self.masked(&range).iter().position(|&b| b == octet).map(|at| range.start + at)
    }

    /// Without blanks around it.
    fn trimmed(&self, range: Range<usize>) -> Range<usize> {
        let masked = self.masked(&range);
        let is_blank = |b: &u8| matches!(b, b' ' | b'\t');
        let lead = masked.iter().take_while(|b| is_blank(b)).count();
        let tail = masked.iter().skip(lead).rev().take_while(|b| is_blank(b)).count();
        range.start + lead..range.end - tail
    }

    /// Whether it may name a group: something, and no address.
    fn is_name(&self, range: Range<usize>) -> bool {
        !self.has(b'@', &range) && !self.has(b'<', &range) && !self.trimmed(range).is_empty()
    }

    /// The elements between commas (and semicolons, which Outlook's users write).
    fn split(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let mut elements = Vec::new();
        let (mut start, mut at) = (range.start, range.start);
        while at < range.end {
            match self.mask.get(at) {
                Some(b'<') => at = self.find(b'>', at..range.end).unwrap_or(at),
                Some(b',' | b';') => {
                    elements.push(start..at);
                    start = at + 1;
                }
                _ => {}
            }
            at += 1;
        }
        elements.push(start..range.end);
        elements
    }

    /// The mailboxes of elements. One without an address before one with a name is a part of that name: `Acme, Inc. <a@b>`.
    fn ones(&self, elements: &[Range<usize>]) -> Result<Vec<Span>, Mistake> {
        let mut ones = Vec::new();
        let mut start = None;
        for (index, element) in elements.iter().enumerate() {
            let from = start.take().unwrap_or(element.start);
            let range = self.trimmed(from..element.end);
            if range.is_empty() {
                continue;
            }
            if self.is_name(element.clone()) && self.goes_on(elements.get(index + 1..).unwrap_or_default()) {
                start = Some(from);
                continue;
            }
            ones.push(self.one(range)?);
        }
        Ok(ones)
    }

    /// Whether the next element that has an address has it in brackets, behind a name.
    fn goes_on(&self, behind: &[Range<usize>]) -> bool {
        let next = behind.iter().find(|element| !self.is_name((*element).clone()));
        next.and_then(|next| self.find(b'<', next.clone()).map(|open| next.start..open))
            .is_some_and(|name| !self.trimmed(name).is_empty())
    }

    fn one(&self, range: Range<usize>) -> Result<Span, Mistake> {
        let mistake = |at: usize, problem: &str, hint| Err(Mistake { at, problem: problem.to_owned(), hint });
        let masked = self.masked(&range);
        if masked.last() != Some(&b'>') {
            if let Some(close) = self.find(b'>', range.clone()) {
                return mistake(close + 1, "something stands behind the address", WAYS);
            }
            if let Some(open) = self.find(b'<', range.clone()) {
                return mistake(open, "the < of an address has no >", WAYS);
            }
            if let Some(open) = self.find(b'(', range.clone()) {
                return mistake(open, "a comment in parentheses stands beside an address", WAYS);
            }
            return Ok(Span { display: range.start..range.start, address: range });
        }
        let Some(open) = masked.iter().rposition(|&b| b == b'<').map(|at| range.start + at) else {
            return mistake(range.end - 1, "the > of an address has no <", WAYS);
        };
        let display = self.trimmed(range.start..open);
        if self.has(b'<', &display) && self.has(b'@', &display) {
            return mistake(display.start, "there is more than one address without a comma between them", WAYS);
        }
        let address = self.trimmed(open + 1..range.end - 1);
        if address.is_empty() {
            let name = self.text.get(display).unwrap_or_default();
            let problem = format!("`{}` has no address between < and >", name.escape_debug());
            return mistake(open, &problem, WAYS);
        }
        Ok(Span { display, address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and addresses as they stand in the text.
    fn read(text: &str) -> Vec<String> {
        let at = |range: &Range<usize>| text[range.clone()].to_owned();
        let one = |span: &Span| format!("{}|{}", at(&span.display), at(&span.address));
        let told = entries(text).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}"));
        told.iter()
            .map(|entry| match entry {
                Entry::One(span) => one(span),
                Entry::Group(name, members) => {
                    format!("{}:{}", at(name), members.iter().map(one).collect::<Vec<_>>().join("+"))
                }
            })
            .collect()
    }

    #[test]
    fn names_and_addresses_are_told_apart() {
        for (text, expected) in [
            ("a@b.example", vec!["|a@b.example"]),
            (" Ann Lee <a@b.example> ", vec!["Ann Lee|a@b.example"]),
            ("\"Lee, Ann\" <a@b.example>", vec!["\"Lee, Ann\"|a@b.example"]),
            ("Acme, Inc. <a@b.example>", vec!["Acme, Inc.|a@b.example"]),
            ("a@b.example, Acme, Inc. <c@d.example>", vec!["|a@b.example", "Acme, Inc.|c@d.example"]),
            ("A <a@b.example>; c@d.example,", vec!["A|a@b.example", "|c@d.example"]),
            ("Acme (News) <a@b.example>", vec!["Acme (News)|a@b.example"]),
            ("News: Acme <a@b.example>", vec!["News: Acme|a@b.example"]),
            ("\"a@x\" <a@b.example>", vec!["\"a@x\"|a@b.example"]),
            ("\"a b\"@b.example", vec!["|\"a b\"@b.example"]),
            ("5\" pipes <a@b.example>", vec!["5\" pipes|a@b.example"]),
            ("Dwayne \"The Rock, Man\" J <a@b.example>", vec!["Dwayne \"The Rock, Man\" J|a@b.example"]),
            ("{{ last }}, {{ first }} <{{ email }}>", vec!["{{ last }}, {{ first }}|{{ email }}"]),
            ("{{ a | default(\"x, <y>\") }} <{{ email }}>", vec!["{{ a | default(\"x, <y>\") }}|{{ email }}"]),
            ("{{ email }}, {{ boss }}", vec!["|{{ email }}", "|{{ boss }}"]),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn groups_hold_their_members() {
        assert_eq!(read("undisclosed-recipients:;"), ["undisclosed-recipients:"]);
        assert_eq!(
            read("Team: a@b.example, B <c@d.example>; e@f.example"),
            ["Team:|a@b.example+B|c@d.example", "|e@f.example"]
        );
        assert_eq!(read("a@b.example, Team: c@d.example;"), ["|a@b.example", "Team:|c@d.example"]);
    }

    #[test]
    fn mistakes_have_their_place() {
        for (text, at, problem) in [
            ("a@b.example (Ann)", 12, "a comment in parentheses"),
            ("Ann <a@b.example> (work)", 17, "something stands behind the address"),
            ("A <a@b.example> B <c@d.example>", 0, "more than one address without a comma"),
            ("A <a@b.example", 2, "the < of an address has no >"),
            ("x, A <>", 5, "has no address between < and >"),
            ("a@b.example>", 11, "the > of an address has no <"),
        ] {
            let mistake = entries(text).unwrap_err();
            assert!(mistake.problem.contains(problem), "{text}: {mistake:?}");
            assert_eq!(mistake.at, at, "{text}: {mistake:?}");
        }
    }

    #[test]
    fn only_quotes_around_the_whole_name_go() {
        assert_eq!(without_quotes("\"Lee, \\\"A\\\"\"").as_deref(), Some("Lee, \"A\""));
        assert_eq!(
            without_quotes("\"{{ a | default(\"x\\\"y\") }}\"").as_deref(),
            Some("{{ a | default(\"x\\\"y\") }}")
        );
        for name in ["A \"B\" C", "\"A\" B \"C\"", "A", "\"A", ""] {
            assert_eq!(without_quotes(name), None, "{name}");
        }
    }
}
