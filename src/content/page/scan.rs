//! HTML as a row of tokens that know where they stand, so that what is not changed stays as it was written, octet for
//! octet; a tree would lose that. Reads what browsers and mail readers read: unquoted values, comments, Outlook's
//! conditional comments, elements whose content is no markup.
//!
//! Guarantees: reads any text to its end; ranges are of the text, in order. Leaves to others: nesting.

use super::tags;
use std::ops::Range;

/// Elements whose content is text up to their end tag.
const RAW: [&str; 7] = ["style", "script", "title", "textarea", "xmp", "noembed", "mj-style"];
/// Elements without an end tag.
const VOID: [&str; 14] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"];

/// A start tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Start {
    /// From `<` to behind `>`.
    pub(super) range: Range<usize>,
    /// In lower case.
    pub(super) name: String,
    pub(super) attributes: Vec<Attribute>,
    /// Written as `<a/>`.
    pub(super) closes: bool,
    /// It stands in a conditional comment, which only Outlook reads.
    pub(super) conditional: bool,
}

impl Start {
    /// The attribute of this name, if it has one.
    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// The value of an attribute as it is written; empty where there is none.
    pub(super) fn value<'t>(&self, text: &'t str, name: &str) -> &'t str {
        let range = self.attribute(name).and_then(|attribute| attribute.value.clone());
        range.and_then(|range| text.get(range)).unwrap_or_default()
    }

    /// Whether no end tag belongs to it.
    pub(super) fn is_void(&self) -> bool {
        self.closes || VOID.contains(&self.name.as_str())
    }
}

/// An attribute of a start tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    /// In lower case.
    pub(super) name: String,
    /// All of it.
    pub(super) range: Range<usize>,
    /// Its value, without quotes.
    pub(super) value: Option<Range<usize>>,
    /// The quotes around its value.
    pub(super) quote: Option<char>,
}

/// A part of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Text(Range<usize>),
    /// Text in a conditional comment, which only Outlook reads.
    Outlook(Range<usize>),
    Start(Start),
    /// An end tag, with its name in lower case; whether it stands in a conditional comment.
    End(Range<usize>, String, bool),
    /// The content of a `style`, `script` or the like, with that name; whether it stands in a conditional comment.
    Raw(Range<usize>, String, bool),
    /// Comments, declarations, and the ends of conditional comments.
    Other(Range<usize>),
}

/// The tokens of a page.
pub(super) fn scan(text: &str) -> Vec<Token> {
    let mut scanner = Scanner { text, at: 0, conditional: 0, tokens: Vec::new() };
    while scanner.step() {}
    scanner.tokens
}

/// Gives `see` the tokens of a page one after the other, as long as it wants more.
pub(super) fn each(text: &str, mut see: impl FnMut(&Token) -> bool) {
    let mut scanner = Scanner { text, at: 0, conditional: 0, tokens: Vec::new() };
    while scanner.step() {
        if !scanner.tokens.drain(..).all(|token| see(&token)) {
            return;
        }
    }
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
    /// Where the conditional comment that was begun ends.
    conditional: usize,
    tokens: Vec<Token>,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn octet(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn is_conditional(&self) -> bool {
        self.at < self.conditional
    }

    /// The next token; false at the end.
    fn step(&mut self) -> bool {
        let rest = self.rest();
        if rest.is_empty() {
            return false;
        }
        let named = |at: usize| self.octet(at).is_some_and(|b| b.is_ascii_alphabetic());
        match rest.as_bytes() {
            [b'<', b'!', b'-', b'-', ..] => self.comment(),
            [b'<', b'!' | b'?', ..] => self.until('>', Token::Other),
            [b'<', b'/', ..] if named(self.at + 2) => self.end_tag(),
            [b'<', ..] if named(self.at + 1) => self.start_tag(),
            _ => self.run(),
        }
        true
    }

    /// Text up to whatever is markup.
    fn run(&mut self) {
        let octets = self.rest().as_bytes();
        let is_markup =
            |at: &usize| octets.get(at + 1).is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'!' | b'?' | b'/'));
        let len = memchr::memchr_iter(b'<', octets).filter(|&at| at > 0).find(is_markup).unwrap_or(octets.len());
        match self.conditional.checked_sub(self.at).filter(|left| *left > 0) {
            Some(left) => self.push(len.min(left), Token::Outlook),
            None => self.push(len, Token::Text),
        }
    }

    fn push(&mut self, len: usize, token: impl FnOnce(Range<usize>) -> Token) {
        let range = self.at..self.at + len;
        self.at = range.end;
        self.tokens.push(token(range));
    }

    fn until(&mut self, end: char, token: impl FnOnce(Range<usize>) -> Token) {
        let rest = self.rest();
        let len = rest.find(end).map_or(rest.len(), |at| at + end.len_utf8());
        self.push(len, token);
    }

    fn comment(&mut self) {
        let rest = self.rest();
        let Some(end) = rest.get(4..).and_then(|inside| inside.find("-->")).map(|at| at + 4) else {
            return self.push(rest.len(), Token::Other);
        };
        let all = end + 3;
        let opens = rest.get(4..).is_some_and(|inside| inside.trim_start().starts_with("[if"));
        let head = rest.find("]>").map(|at| at + 2).filter(|&head| opens && head < all);
        let Some(head) = head else { return self.push(all, Token::Other) };
        let inside = rest.get(head..end).unwrap_or_default();
        // What everybody but Outlook reads stands between two whole comments.
        if matches!(inside.trim(), "" | "<!" | "<!--") {
            return self.push(all, Token::Other);
        }
        self.conditional = self.at + all;
        self.push(head, Token::Other);
    }

    fn end_tag(&mut self) {
        let name = name_of(self.rest().get(2..).unwrap_or_default());
        let conditional = self.is_conditional();
        self.until('>', |range| Token::End(range, name, conditional));
    }

    fn start_tag(&mut self) {
        let start = self.at;
        let conditional = self.is_conditional();
        let name = name_of(self.rest().get(1..).unwrap_or_default());
        self.at += 1 + name.len();
        let mut attributes = Vec::new();
        let mut closes = false;
        loop {
            self.blanks();
            match self.octet(self.at) {
                None => break,
                Some(b'>') => {
                    self.at += 1;
                    break;
                }
                Some(b'/') => {
                    closes = self.octet(self.at + 1) == Some(b'>');
                    self.at += 1;
                }
                Some(_) => attributes.push(self.attribute()),
            }
        }
        let range = start..self.at;
        let raw = RAW.contains(&name.as_str()) && !closes;
        self.tokens.push(Token::Start(Start { range, name: name.clone(), attributes, closes, conditional }));
        if raw {
            let rest = self.rest();
            let len = end_of(rest, &name).unwrap_or(rest.len());
            self.push(len, |range| Token::Raw(range, name, conditional));
        }
    }

    fn blanks(&mut self) {
        while self.octet(self.at).is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn attribute(&mut self) -> Attribute {
        let start = self.at;
        // A name has one octet at least, whatever that is.
        let ends = |b: u8| b.is_ascii_whitespace() || matches!(b, b'=' | b'>' | b'/');
        self.at += 1;
        while self.octet(self.at).is_some_and(|b| !ends(b)) {
            self.at += 1;
        }
        // A tag of the template before a name is no part of it.
        let word = self.text.get(start..self.at).and_then(tags::word_len).unwrap_or_default();
        if word > 0 && start + word < self.at {
            self.at = start + word;
            let name = self.text.get(start..self.at).unwrap_or_default().to_owned();
            return Attribute { name, range: start..self.at, value: None, quote: None };
        }
        let name_end = self.at;
        let name = self.text.get(start..name_end).unwrap_or_default().to_ascii_lowercase();
        self.blanks();
        if self.octet(self.at) != Some(b'=') {
            self.at = name_end;
            return Attribute { name, range: start..name_end, value: None, quote: None };
        }
        self.at += 1;
        self.blanks();
        let quote = self.octet(self.at).filter(|b| matches!(b, b'"' | b'\'')).map(char::from);
        let value = match quote {
            Some(quote) => {
                let from = self.at + 1;
                let rest = self.text.get(from..).unwrap_or_default();
                let len = rest.find(quote).unwrap_or(rest.len());
                self.at = (from + len + 1).min(self.text.len());
                from..from + len
            }
            None => {
                let from = self.at;
                while self.octet(self.at).is_some_and(|b| !b.is_ascii_whitespace() && b != b'>') {
                    self.at += 1;
                }
                from..self.at
            }
        };
        Attribute { name, range: start..self.at, value: Some(value), quote }
    }
}

/// The name that a tag begins with, in lower case.
fn name_of(text: &str) -> String {
    let len = text.bytes().take_while(|b| !b.is_ascii_whitespace() && !matches!(b, b'>' | b'/' | b'<')).count();
    text.get(..len).unwrap_or_default().to_ascii_lowercase()
}

/// Where in `text` the end tag of `name` begins.
fn end_of(text: &str, name: &str) -> Option<usize> {
    text.match_indices("</").map(|(at, _)| at).find(|at| {
        let behind = text.get(at + 2..at + 2 + name.len()).unwrap_or_default();
        behind.eq_ignore_ascii_case(name)
    })
}

/// Changes to a text, each for a range of it.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<(Range<usize>, String)>);

impl Edits {
    pub(super) fn set(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.0.push((range, text.into()));
    }

    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.set(at..at, text);
    }

    /// The text with the changes made; of two that meet the first counts.
    pub(super) fn apply(mut self, text: &str) -> String {
        self.0.sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for (range, new) in &self.0 {
            if range.start < at {
                continue;
            }
            out.push_str(text.get(at..range.start).unwrap_or_default());
            out.push_str(new);
            at = range.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let at = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default().to_owned();
        let one = |token: &Token| match token {
            Token::Text(range) => format!("text {}", at(range)),
            Token::Outlook(range) => format!("mso text {}", at(range)),
            Token::Start(start) => {
                let attributes: Vec<String> = start
                    .attributes
                    .iter()
                    .map(|a| format!(" {}={}", a.name, a.value.as_ref().map(at).unwrap_or_default()))
                    .collect();
                let mso = if start.conditional { "mso " } else { "" };
                format!("{mso}start {}{}", start.name, attributes.concat())
            }
            Token::End(_, name, mso) => format!("{}end {name}", if *mso { "mso " } else { "" }),
            Token::Raw(range, name, _) => format!("{name} {}", at(range)),
            Token::Other(range) => format!("other {}", at(range)),
        };
        scan(text).iter().map(one).collect()
    }

    #[test]
    fn what_people_write_is_read() {
        assert_eq!(
            told("<!DOCTYPE html><P Class=\"a b\" id=x data-y>1 < 2</p >"),
            ["other <!DOCTYPE html>", "start p class=a b id=x data-y=", "text 1 < 2", "end p"]
        );
        assert_eq!(told("<img src='a>b'/><br/>"), ["start img src=a>b", "start br"]);
        assert_eq!(told("<a href=http://x/y?a=1>t"), ["start a href=http://x/y?a=1", "text t"]);
        assert_eq!(told("<style>a > b{}</STYLE>"), ["start style", "style a > b{}", "end style"]);
        assert_eq!(told("a<b"), ["text a", "start b"]);
        assert_eq!(told("<"), ["text <"]);
        assert_eq!(told("<a"), ["start a"]);
        assert_eq!(told("<a ='"), ["start a ='="]);
    }

    #[test]
    fn conditional_comments_are_outlooks() {
        assert_eq!(
            told("<!--[if mso]><td width=\"9\"></td><![endif]--><b>"),
            ["other <!--[if mso]>", "mso start td width=9", "mso end td", "other <![endif]-->", "start b"]
        );
        assert_eq!(
            told("<!--[if !mso]><!--><a><!--<![endif]-->"),
            ["other <!--[if !mso]><!-->", "start a", "other <!--<![endif]-->"]
        );
        for begins in ["<!--[if !mso]>-->", "<!--[if !mso]> -->", "<!--[if !mso]><!-- -->"] {
            let page = format!("{begins}a<!-- <![endif]-->b");
            assert_eq!(told(&page), [&format!("other {begins}"), "text a", "other <!-- <![endif]-->", "text b"]);
        }
        assert_eq!(
            told("<!-- [if mso]>a<![endif]-->b"),
            ["other <!-- [if mso]>", "mso text a", "other <![endif]-->", "text b"]
        );
        assert_eq!(told("<![if !mso]>a<a><![endif]>"), ["other <![if !mso]>", "text a", "start a", "other <![endif]>"]);
        assert_eq!(told("<!-- a <b> --><!--"), ["other <!-- a <b> -->", "other <!--"]);
    }

    #[test]
    fn ranges_cover_all_of_any_text() {
        for text in ["<a b='", "<a b=\"c", "</", "</a", "<!--[if mso]>", "\u{e9}<\u{e9} a='\u{e9}'>", "<a\u{a0}b=c/ d>"]
        {
            let mut at = 0;
            for token in scan(text) {
                let range = match token {
                    Token::Text(range) | Token::Outlook(range) | Token::Other(range) => range,
                    Token::End(range, ..) | Token::Raw(range, ..) => range,
                    Token::Start(start) => start.range,
                };
                assert_eq!(range.start, at, "{text}");
                at = range.end;
            }
            assert_eq!(at, text.len(), "{text}");
        }
    }
}
