//! Addresses that rows have a part in, `{{ url }}` or `https://acme.example/x?e={{ email }}`: what a row makes of them, whole.
//!
//! Guarantees: a row is told of only for an address that stands in its letter: where a block of the template, or another file, has
//! a say in that, the letter is asked. Leaves to others: what is wrong in every row (`links`, `slips`), and cells that are empty.

mod reader;

use super::links::{address_in, is_local, is_relative, shown};
use super::{slips, texts_of, unit_of};
use crate::content::analysis::Prints;
use crate::content::cell::JSON_MARK;
use crate::content::escape::Escape;
use crate::content::names::Names;
use crate::content::spec::Spec;
use crate::content::syntax::Syntax;
use mail_parser::MessageParser;
use minijinja::syntax::SyntaxConfig;
use reader::Reader;
use std::borrow::Cow;

/// An address of a letter that rows have a part in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowAddress {
    kind: Kind,
    pieces: Vec<Piece>,
    /// Whether it is completed where a row makes a relative one of it.
    is_completed: bool,
    /// Whether it stands in every letter.
    is_always: bool,
    /// In a plain text: whether it is meant as an address, whatever a row makes of it.
    is_called: bool,
    syntax: Syntax,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Link,
    Picture,
    /// In a plain text.
    Text,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// As it stands in the template.
    Fixed(String),
    Column(usize, Named),
    Mailbox(Named),
    /// What is never wrong.
    BuiltIn,
}

/// A value of a row: how the column is called, and how the template writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    name: String,
    code: String,
    /// Whether the code is what a tag prints; else it stands in a longer one.
    is_slot: bool,
    is_encoded: bool,
}

/// The check, what is there, how to mend it, and the columns.
type Wrong = (&'static str, String, String, String);

/// What is wrong with an address by what a row has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// What was looked at, for programs.
    pub check: &'static str,
    /// The columns that have a part in it, as templates call them.
    pub columns: String,
    /// What is there: the end of a sentence.
    pub says: String,
    /// How to mend it.
    pub hint: String,
    /// The address as it stands in the letter, if the letter has it, or the front of it.
    written: String,
    is_whole: bool,
}

impl RowFault {
    /// Whether a letter has the address that is wrong.
    #[must_use]
    pub fn stands_in(&self, letter: &[u8]) -> bool {
        let Some(message) = MessageParser::default().parse(letter) else { return false };
        let bodies = message.html_body.iter().chain(&message.text_body);
        let mut texts = bodies.filter_map(|id| message.parts.get(*id as usize)?.text_contents());
        let has = |text: &str| text.match_indices(&self.written).any(|(at, _)| self.is_apart(text, at));
        texts.any(|text| has(text) || text.contains('&') && has(&unescaped(text)))
    }

    /// Whether it is no part of another address there.
    fn is_apart(&self, text: &str, at: usize) -> bool {
        let is_of_one = |c: char| c.is_alphanumeric() || "/:.-_".contains(c);
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let behind = text.get(at + self.written.len()..).unwrap_or_default();
        let goes_on = behind.trim_start_matches(['.', ':']).starts_with(is_of_one);
        !(before.is_some_and(is_of_one) || self.is_whole && goes_on)
    }
}

impl RowAddress {
    /// Those of a letter, for a list with these columns, of which one has the addresses.
    #[must_use]
    pub fn all_of(spec: &Spec, columns: &[String], email_column: &str) -> Vec<Self> {
        let (mut found, mut plain) = (Vec::new(), Vec::new());
        for (main, is_page) in [(&spec.html, true), (&spec.text, false)] {
            let Some(main) = main else { continue };
            let unit = unit_of(main, |name| spec.partials.get(name)?.as_ref().ok());
            let mut names = Names::new(columns, email_column);
            let prints = Prints::of(&texts_of(&unit), &SyntaxConfig::default(), &mut names);
            for (name, source) in &unit {
                let is_main = name.is_empty();
                let reader =
                    Reader { text: &source.text, name, columns, syntax: spec.syntax, is_main, prints: &prints };
                match if is_main { is_page } else { source.text.contains('<') } {
                    true => found.extend(reader.of_page()),
                    false => plain.extend(reader.of_text()),
                }
            }
        }
        let known: Vec<String> = found.iter().filter_map(Self::leads_with).map(str::to_owned).collect();
        for address in plain {
            let is_known = address.leads_with().is_some_and(|name| known.iter().any(|one| one == name));
            found.push(Self { is_called: address.is_called || is_known, ..address });
        }
        let mut each: Vec<Self> = Vec::new();
        for address in found {
            // A file may be read by both parts.
            if !each.contains(&address) {
                each.push(address);
            }
        }
        each
    }

    /// The same for rows that keep only some columns, of which `place` says where; `None` where one is not kept.
    #[must_use]
    pub fn kept(mut self, place: impl Fn(usize) -> Option<usize>) -> Option<Self> {
        for piece in &mut self.pieces {
            if let Piece::Column(index, _) = piece {
                *index = place(*index)?;
            }
        }
        Some(self)
    }

    /// Whether it stands in the letter of every row.
    #[must_use]
    pub fn is_always(&self) -> bool {
        self.is_always
    }

    /// What is wrong with it in a row.
    #[must_use]
    pub fn fault(&self, mailbox: &str, fields: &[&[u8]]) -> Option<RowFault> {
        let values: Vec<Cow<'_, str>> =
            self.pieces.iter().map(|piece| piece.value(mailbox, fields)).collect::<Option<_>>()?;
        if self.is_plain(&values) {
            return None;
        }
        let whole: String = values.iter().map(AsRef::as_ref).collect();
        let url = match self.kind {
            // There a reader's program finds the address.
            Kind::Text => match (address_in(&whole), self.is_called) {
                (Some(at), true) => whole.get(at..)?.trim(),
                (Some(at), false) => whole.get(at..)?.split_whitespace().next()?,
                (None, true) => whole.trim(),
                (None, false) => return None,
            },
            Kind::Link | Kind::Picture => whole.trim(),
        };
        let (check, says, hint, columns) = self.wrong(url, &values)?;
        let (written, is_whole) = self.written(mailbox, fields);
        Some(RowFault { check, columns, says, hint, written, is_whole })
    }

    /// Whether nothing can be wrong with it: its host is fixed, and no value has a character that has a sense in an address.
    fn is_plain(&self, values: &[Cow<'_, str>]) -> bool {
        let Some(Piece::Fixed(front)) = self.pieces.first() else { return false };
        let is_host = front.split_once("://").is_some_and(|(_, behind)| behind.contains(['/', '?', '#']));
        let mut of_rows = self.pieces.iter().zip(values).filter(|(piece, _)| !matches!(piece, Piece::Fixed(_)));
        is_host && of_rows.all(|(_, value)| Escape::Url.leaves(value))
    }

    /// The check, what is there, how to mend it, and the columns.
    fn wrong(&self, url: &str, values: &[Cow<'_, str>]) -> Option<Wrong> {
        let what = if self.kind == Kind::Picture { "picture" } else { "link" };
        self.by_value(what, url, values).or_else(|| self.as_whole(what, url, values))
    }

    /// What a value does to the address that it comes into.
    fn by_value(&self, what: &str, url: &str, values: &[Cow<'_, str>]) -> Option<Wrong> {
        let mut before = String::new();
        for (piece, value) in self.pieces.iter().zip(values) {
            if let Some(named) = piece.named().filter(|named| !named.is_encoded) {
                if begins_anew(&before, value) {
                    let says = format!("the {what} {} leads nowhere: an address begins in it once more", shown(url));
                    let slot = if named.is_slot { self.syntax.slot(&named.code) } else { named.code.clone() };
                    let hint = format!("write {slot} alone, and whole addresses (https://…) in all rows of the list");
                    return Some(("link-scheme", says, hint, named.name.clone()));
                }
                if let Some(character) = breaking(&before, value) {
                    let says = format!("{character} in a value changes the {what} {}", shown(url));
                    return Some(("unencoded-value", says, self.encoded(named), named.name.clone()));
                }
            }
            if matches!(piece, Piece::Fixed(_)) && begins_anew(&before, value) {
                let says = format!("the {what} {} leads nowhere: an address begins in it once more", shown(url));
                let names = self.pieces.iter().filter_map(Piece::name).collect::<Vec<_>>().join(", ");
                let hint = "write the tag alone: what it prints is a whole address, and begins with https://";
                return Some(("link-scheme", says, hint.to_owned(), names));
            }
            before += value;
        }
        None
    }

    /// What is wrong with the whole.
    fn as_whole(&self, what: &str, url: &str, values: &[Cow<'_, str>]) -> Option<Wrong> {
        let names = || self.pieces.iter().filter_map(Piece::name).collect::<Vec<_>>().join(", ");
        if let Some((check, says, _)) = slips::unopened(what, url)
            && let Some(hint) = self.added()
        {
            return Some((check, says, hint, self.leads_with().unwrap_or_default().to_owned()));
        }
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        if ["javascript", "vbscript"].iter().any(|script| scheme.eq_ignore_ascii_case(script)) {
            let says = format!("a {what} that runs a script does nothing in a mailbox");
            let hint = "write whole addresses in the list, as a browser shows them (https://…)";
            return Some(("active-content", says, hint.to_owned(), names()));
        }
        if let Some((check, says, hint)) = self.slip(what, url) {
            if let Some(named) = self.blank_within(values).filter(|_| check == "broken-link" && url.contains(' ')) {
                return Some((check, says, self.encoded(named), named.name.clone()));
            }
            let first = values.first().and_then(|value| slips::of(what, value.trim(), value));
            let (name, hint) = match (self.leads_with(), first) {
                (Some(name), _) if self.pieces.len() == 1 => (name.to_owned(), hint),
                (Some(name), Some((.., hint))) => (name.to_owned(), hint),
                _ => (names(), "write what makes a whole address of it, as a browser shows one".to_owned()),
            };
            return Some((check, says, format!("in the list: {hint}"), name));
        }
        let name = || self.leads_with().map_or_else(names, str::to_owned);
        if self.kind != Kind::Text && !self.is_completed && is_relative(url) {
            let says = format!("the {what} {} leads nowhere: a letter lies on no web server", shown(url));
            let hint = "write whole addresses in the list, as a browser shows them (https://…), or set base_url = \"https://…\"";
            return Some(("relative-link", says, hint.to_owned(), name()));
        }
        let is_near = url.starts_with("http") && is_local(url);
        let says = || format!("the {what} {} leads to a machine that only you reach", shown(url));
        let hint = "in the list: write an address that everybody reaches";
        is_near.then(|| ("local-link", says(), hint.to_owned(), name()))
    }

    /// How to write a column so that it stays one value.
    fn encoded(&self, named: &Named) -> String {
        let code = format!("{}|urlencode", named.code);
        match named.is_slot {
            true => format!("write {}", self.syntax.slot(&code)),
            false => format!("in the tag that puts {} into the link, write {code}", named.code),
        }
    }

    /// The column that brings a blank into an address that has begun.
    fn blank_within(&self, values: &[Cow<'_, str>]) -> Option<&Named> {
        let mut of_rows = self.pieces.iter().zip(values).skip(1);
        of_rows.find_map(|(piece, value)| piece.named().filter(|_| value.contains(' ')))
    }

    fn slip(&self, what: &str, url: &str) -> Option<slips::Slip> {
        slips::of(what, url, url).filter(|(check, ..)| self.kind != Kind::Text || *check != "relative-link")
    }

    /// The column that it begins with.
    fn leads_with(&self) -> Option<&str> {
        self.pieces.first().and_then(Piece::name)
    }

    /// What adds the parameters that stand behind a link of a row, whether that has others or not.
    fn added(&self) -> Option<String> {
        let (first, rest) = self.pieces.split_first()?;
        let (link, Piece::Fixed(front)) = (first.named()?, rest.first()?) else { return None };
        let mut parts = Vec::new();
        for (place, piece) in rest.iter().enumerate() {
            parts.push(match piece {
                Piece::Fixed(text) if text.contains(['"', '\\']) => return None,
                Piece::Fixed(text) if place == 0 => format!("\"{}\"", text.strip_prefix('&')?),
                Piece::Fixed(text) => format!("\"{text}\""),
                piece => format!("{}|urlencode", piece.named()?.code),
            });
        }
        let code = format!("{}|add_query({})", link.code, parts.join(" ~ "));
        let instead = format!("in the place of {}{front}…", link.code);
        Some(match link.is_slot {
            true => format!("write {} for the link and what stands behind it", self.syntax.slot(&code)),
            false => format!("write {code} {instead}"),
        })
    }

    /// It as it stands in a letter, and whether that is all of it.
    fn written(&self, mailbox: &str, fields: &[&[u8]]) -> (String, bool) {
        let mut written = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::BuiltIn => return (written, false),
                piece if piece.is_encoded() => return (written, false),
                piece => written += &piece.value(mailbox, fields).unwrap_or_default(),
            }
        }
        (written, true)
    }
}

impl Piece {
    fn named(&self) -> Option<&Named> {
        match self {
            Self::Column(_, named) | Self::Mailbox(named) => Some(named),
            Self::Fixed(_) | Self::BuiltIn => None,
        }
    }

    fn name(&self) -> Option<&str> {
        self.named().map(|named| named.name.as_str())
    }

    fn is_encoded(&self) -> bool {
        self.named().is_some_and(|named| named.is_encoded)
    }

    /// What a row puts in its place; `None` for nothing, and for what is no text.
    fn value<'v>(&'v self, mailbox: &'v str, fields: &[&'v [u8]]) -> Option<Cow<'v, str>> {
        let value = match self {
            Self::Fixed(text) => return Some(text.into()),
            Self::BuiltIn => return Some("x".into()),
            Self::Mailbox(_) => mailbox,
            Self::Column(index, _) => {
                let field = fields.get(*index)?;
                let text = std::str::from_utf8(field.strip_prefix(&[JSON_MARK]).unwrap_or(field)).ok()?.trim();
                let is_none = field.first() == Some(&JSON_MARK) && (text.starts_with(['[', '{']) || text == "null");
                Some(text).filter(|text| !text.is_empty() && !is_none)?
            }
        };
        match self.is_encoded() {
            true => {
                let mut encoded = String::new();
                Escape::Url.write(value, &mut encoded);
                Some(encoded.into())
            }
            false => Some(value.into()),
        }
    }
}

/// A page with the characters that values have there as entities.
fn unescaped(page: &str) -> String {
    const ENTITIES: [(&str, &str); 5] = [("&lt;", "<"), ("&gt;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    ENTITIES.iter().fold(page.to_owned(), |page, (entity, character)| page.replace(entity, character))
}

/// What stands behind the scheme of an address of http or https.
fn behind_scheme(text: &str) -> Option<&str> {
    let (scheme, behind) = text.split_once("://")?;
    (scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http")).then_some(behind)
}

/// Whether a whole address stands behind what has a host already, or is about to have one.
fn begins_anew(before: &str, value: &str) -> bool {
    let is_root = |host: &str| !host.trim_end_matches('/').contains(['/', '?', '#']);
    behind_scheme(value).is_some() && behind_scheme(before.trim_start()).is_some_and(is_root)
}

/// The character of a value behind `before` that ends or changes it in the path or in the query of an address.
fn breaking(before: &str, value: &str) -> Option<&'static str> {
    let before = before.trim_start();
    let is_path = |behind: &str| behind.ends_with('/') && !behind.contains(['?', '#']);
    if behind_scheme(before).is_some_and(is_path) && value.starts_with('#') {
        return Some("`#`");
    }
    let is_http = before.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"));
    let (_, query) = before.split_once('?').filter(|_| is_http && !before.contains('#'))?;
    // What stands there by itself may be parameters with their names.
    query.rsplit('&').next().filter(|parameter| parameter.contains('='))?;
    let octets = value.as_bytes();
    let is_escape = |at: usize| octets.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    let mut percents = memchr::memchr_iter(b'%', octets).peekable();
    let is_encoded = percents.peek().is_some();
    let is_torn = percents.any(|at| !is_escape(at));
    // `spring+sale` may be encoded already; an address or a number of a telephone is not.
    let is_plus = value.contains('+') && !is_encoded && (value.contains('@') || value.starts_with('+'));
    match value {
        value if value.contains('&') => Some("`&`"),
        value if value.contains('#') => Some("`#`"),
        _ if is_plus => Some("`+`"),
        _ if is_torn => Some("`%`"),
        value if value.contains(' ') => Some("a blank"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::spec::Source;

    fn source(text: &str) -> Source {
        Source { file: "f".into(), text: text.into() }
    }

    /// What is wrong in a row of `url`, `id`, `base` and a mailbox.
    fn told(html: Option<&str>, text: Option<&str>, row: (&str, &str, &str, &str)) -> Vec<(&'static str, String)> {
        let columns = ["url", "id", "Base"].map(str::to_owned);
        let spec = Spec { html: html.map(source), text: text.map(source), ..Spec::default() };
        let (mailbox, fields) = (row.3, [row.0.as_bytes(), row.1.as_bytes(), row.2.as_bytes()]);
        let all = RowAddress::all_of(&spec, &columns, "email");
        let faults = all.iter().filter_map(|address| address.fault(mailbox, &fields));
        faults.map(|fault| (fault.check, fault.columns)).collect()
    }

    fn of_link(href: &str, url: &str, id: &str, base: &str) -> Vec<(&'static str, String)> {
        told(Some(&format!("<a href=\"{href}\">x</a>")), None, (url, id, base, "ann+x@acme.example"))
    }

    #[test]
    fn an_address_is_judged_by_what_a_row_makes_of_it() {
        for (cell, check) in [
            ("/x", "relative-link"),
            ("www.acme.example/x", "relative-link"),
            ("C:\\b.pdf", "local-link"),
            ("file:///x", "local-link"),
            ("http:/acme.example", "link-scheme"),
            ("https://acme", "local-link"),
            ("http://localhost/b", "local-link"),
            ("https://acme.example/a b", "broken-link"),
            ("https://acme.example/?x=1?y=2", "broken-link"),
            ("https://https://acme.example", "link-scheme"),
            ("ann@acme.example", "relative-link"),
            ("javascript:alert(1)", "active-content"),
        ] {
            assert_eq!(of_link("{{ url }}", cell, "", ""), [(check, "url".to_owned())], "{cell}");
            assert_eq!(of_link("{{ url|trim }}", cell, "", "").len(), 1, "{cell}");
        }
        for cell in
            ["", "https://acme.example/x?y=1", " https://acme.example ", "mailto:ann@acme.example", "tel:+49351"]
        {
            assert_eq!(of_link("{{ url }}", cell, "", ""), [], "{cell}");
        }
        let both = |check| [(check, "Base".to_owned())];
        assert_eq!(of_link("{{ Base }}/x?u={{ id }}", "", "7", "acme"), both("relative-link"));
        assert_eq!(of_link("{{ Base }}/x?u={{ id }}", "", "7", "http:/acme.example"), both("link-scheme"));
        assert_eq!(of_link("{{ Base }}/x?u={{ id }}", "", "7", "https://acme.example"), []);
        assert_eq!(of_link("{{ Base }}/x?u={{ id }}", "", "7", ""), [], "a gap is told as one");
        let picture = told(Some("<img src=\"{{ url }}\">"), None, ("a.png", "", "", "a@b.example"));
        assert_eq!(picture, [("relative-link", "url".to_owned())]);
    }

    #[test]
    fn an_address_that_begins_in_another_one_is_told_and_one_that_is_handed_on_is_not() {
        for front in ["https://acme.example/", "https://", "http://", "https://acme.example", "{{ Base }}/"] {
            let found = of_link(&format!("{front}{{{{ url }}}}"), "https://shop.example/x", "", "https://acme.example");
            assert_eq!(found, [("link-scheme", "url".to_owned())], "{front}");
            assert_eq!(
                of_link(&format!("{front}{{{{ url }}}}"), "x.example/y", "", "https://acme.example"),
                [],
                "{front}"
            );
        }
        for front in ["https://acme.example/to/", "https://acme.example/?u=", "https://web.archive.org/web/2026/"] {
            assert_eq!(of_link(&format!("{front}{{{{ url }}}}"), "https://shop.example/x", "", ""), [], "{front}");
        }
    }

    #[test]
    fn a_value_that_changes_the_query_that_it_stands_in_is_told() {
        let of = |id: &str| of_link("https://acme.example/x?n={{ id }}&amp;m=1", "", id, "");
        for cell in ["A & B", "a#b", "100%", "Ann Lee", "a+b@acme.example", "+4935112345"] {
            assert_eq!(of(cell), [("unencoded-value", "id".to_owned())], "{cell}");
        }
        for cell in [
            "Ann",
            "a=b",
            "spring+sale",
            "ann%2Bx%40acme.example",
            "a@b.example",
            "https://acme.example/x",
            "M\u{fc}ller",
        ] {
            assert_eq!(of(cell), [], "{cell}");
        }
        let email = |slot: &str| of_link(&format!("https://acme.example/?e={slot}"), "", "", "");
        assert_eq!(email("{{ email }}"), [("unencoded-value", "email".to_owned())]);
        assert_eq!(email("{{ email|urlencode }}"), []);
        assert_eq!(of_link("https://acme.example/?{{ id }}", "", "a=1&b=2", ""), [], "parameters with their names");
        assert_eq!(of_link("https://acme.example/#{{ id }}", "", "a&b", ""), []);
        let of_order = of_link("https://acme.example/orders/{{ id }}", "", "#1001", "");
        assert_eq!(of_order, [("unencoded-value", "id".to_owned())]);
        assert_eq!(of_link("https://acme.example/orders{{ id }}", "", "#top", ""), []);
        let in_path = of_link("https://acme.example/{{ id }}", "", "New York", "");
        assert_eq!(in_path, [("broken-link", "id".to_owned())]);
        assert_eq!(of_link("https://acme.example/{{ id|urlencode }}", "", "New York", ""), []);
    }

    #[test]
    fn addresses_of_a_plain_text_are_judged_as_readers_programs_find_them() {
        let of = |text: &str, url: &str| told(None, Some(text), (url, "A B", "", "ann@acme.example"));
        assert_eq!(of("See {{ url }}.\n", "http:/acme.example"), [("link-scheme", "url".to_owned())]);
        assert_eq!(of("<{{ url }}>\n", "C:\\x"), [("local-link", "url".to_owned())]);
        assert_eq!(of("https://acme.example/?i={{ id }}, so", ""), [("unencoded-value", "id".to_owned())]);
        for (text, url) in [
            ("See {{ url }}", "www.acme.example"),
            ("{{ id }}", ""),
            ("{{ id }}/{{ Base }}", ""),
            ("{{ url }}, {{ id }}", "see"),
            ("", "x"),
        ] {
            assert_eq!(of(text, url), [], "{text}");
        }
    }

    #[test]
    fn what_may_not_stand_in_each_letter_is_known() {
        let always = |html: &str| {
            let spec = Spec { html: Some(source(html)), ..Spec::default() };
            let all = RowAddress::all_of(&spec, &["url".to_owned()], "email");
            all.iter().map(RowAddress::is_always).collect::<Vec<_>>()
        };
        assert_eq!(always("{% if x %}y{% endif %}<a href=\"{{ url }}\">"), [true]);
        assert_eq!(always("{% if x %}<a href=\"{{ url }}\">{% endif %}"), [false]);
        assert_eq!(always("<a href=\"{% if url %}{{ url }}{% endif %}\">"), [false]);
        assert_eq!(always("{% set url = 'https://a.example' %}<a href=\"{{ url }}\">"), [false]);
        assert_eq!(always("<a href=\"{% filter __marked('a=b') %}{{ url }}{% endfilter %}\">"), [true]);
        let other = "<a href=\"{{ url|upper }}{{ nothing }}\"><a href=\"https://acme.example/{{ token }}\">";
        assert!(always(other).is_empty());
    }
}
