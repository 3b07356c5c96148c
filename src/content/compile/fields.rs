//! The header fields and paths of a campaign: told apart by kind, compiled, and judged.

use super::super::compose::{ReversePath, URL_MAX, address};
use super::super::error::{ContentError, Place};
use super::super::escape::Escape;
use super::super::field::{Address, Addressed, HeaderPart, Mailboxed, One};
use super::super::header;
use super::super::kinds::{self, Kind, kind_of};
use super::super::mailboxes::{self, Entry, Mistake, Span};
use super::super::names::Name;
use super::super::spec::Spec;
use super::super::syntax::BRACE;
use super::super::tags::{self, Part};
use super::super::template::{Excerpt, Form, Piece, Template};
use super::super::token::Token;
use super::{Work, fixed, parse};
use crate::mail::Mailbox;
use crate::mail::address::parse_domain_into;
use std::ops::Range;

/// Longest name of a header.
const NAME_MAX: usize = 64;

/// Fields that the composer writes itself, and the key that sets them; and those that a sender may not set.
const RESERVED: [(&str, &str); 15] = [
    ("Date", ""),
    ("Message-ID", "message_id_domain"),
    ("From", "from"),
    ("To", "to"),
    ("Bcc", ""),
    ("Reply-To", "reply_to"),
    ("Subject", "subject"),
    ("MIME-Version", ""),
    ("List-Unsubscribe", "unsubscribe.url"),
    ("List-Unsubscribe-Post", "unsubscribe.url"),
    ("DKIM-Signature", ""),
    ("Return-Path", "return_path"),
    ("Received", ""),
    ("List-Id", "list_id"),
    ("Feedback-ID", "feedback_id"),
];

impl Work<'_> {
    /// Compiles a field that holds one mailbox. The parts are told apart in the template, so no value can move them.
    pub(super) fn mailbox(&mut self, name: &str, key: &str, value: &str) -> Option<Mailboxed> {
        let mut entries = self.entries(key, value)?;
        let hint = "exactly one address: name@domain, or Name <name@domain>";
        let problem = match entries.pop() {
            Some(Addressed::One(one)) if entries.is_empty() => return Some(Mailboxed { name: name.to_owned(), one }),
            Some(Addressed::Group(..)) => "a group stands where an address belongs",
            _ => "there is more than one address",
        };
        self.error(ContentError::key(key, problem, hint));
        None
    }

    /// Compiles a list of addresses.
    fn entries(&mut self, key: &str, value: &str) -> Option<Vec<Addressed>> {
        let place = Place::Key(key.to_owned());
        let whole = || vec![Entry::One(Span { display: 0..0, address: 0..value.len() })];
        let told = if mailboxes::is_one_block(value) { Ok(whole()) } else { mailboxes::entries(value) };
        let entries = match told {
            Ok(entries) if !entries.is_empty() => entries,
            Ok(_) => {
                self.error(ContentError::key(key, "there is no address", mailboxes::WAYS));
                return None;
            }
            Err(Mistake { at, problem, hint }) => {
                self.error(ContentError::new(&place, problem, hint).at(value, at));
                return None;
            }
        };
        let (wanted, before) = (entries.len(), self.to.errors.len());
        let mut compiled = Vec::new();
        for entry in entries {
            compiled.extend(match entry {
                Entry::One(span) => self.one(&place, value, &span).map(Addressed::One),
                Entry::Group(name, members) => {
                    let members = members.iter().map(|span| self.one(&place, value, span)).collect::<Vec<_>>();
                    let name = self.display(&place, value, name);
                    name.zip(members.into_iter().collect()).map(|(name, members)| Addressed::Group(name, members))
                }
            });
        }
        (compiled.len() == wanted && before == self.to.errors.len()).then_some(compiled)
    }

    fn one(&mut self, place: &Place, value: &str, span: &Span) -> Option<One> {
        let display = self.display(place, value, span.display.clone());
        let source = Excerpt { place, whole: value, start: span.address.start, end: span.address.end };
        let template = self.part(source, Escape::Plain)?;
        let wrong = |why: String| {
            let problem = format!("`{}` is no address: {why}", source.text().escape_debug());
            ContentError::new(place, problem, mailboxes::WAYS).at(value, source.start)
        };
        let address = match template.constant() {
            Some(text) => match parse(text) {
                Ok(mailbox) => Address::Fixed(mailbox),
                Err(why) => {
                    self.error(wrong(why));
                    return None;
                }
            },
            None => {
                if let Some(why) = fixed::fault_of_address(source.text(), &self.campaign) {
                    self.error(wrong(why));
                }
                Address::Rendered(template)
            }
        };
        Some(One { display: display?, address })
    }

    /// Compiles a name. Quotes around all of it are those of its syntax; others are its own.
    fn display(&mut self, place: &Place, value: &str, range: Range<usize>) -> Option<Template> {
        let source = Excerpt { place, whole: value, start: range.start, end: range.end };
        let Some(plain) = mailboxes::without_quotes(source.text()) else { return self.part(source, Escape::Plain) };
        let inner = Excerpt { start: source.start + 1, end: source.end - 1, ..source };
        match plain == inner.text() {
            true => self.part(inner, Escape::Plain),
            false => self.part(Excerpt::whole(place, &plain), Escape::Plain),
        }
    }

    pub(super) fn fixed_address(&mut self, from: &Mailboxed) -> Option<Mailbox> {
        match &from.one.address {
            Address::Fixed(mailbox) => Some(mailbox.clone()),
            Address::Rendered(_) => {
                let problem = "the address depends on the row, and the sender must be the same for all";
                self.error(ContentError::key("from", problem, "only the name in front of <address> may be a template"));
                None
            }
        }
    }

    /// Compiles a field of the kind that its name tells, and judges what of it is the same for every row.
    pub(super) fn header(&mut self, name: &str, key: &str, value: &str) {
        let kind = kind_of(name, value);
        let part = match kind {
            Kind::Addresses { one: true } => self.mailbox(name, key, value).map(HeaderPart::Mailbox),
            Kind::Addresses { one: false } => self.entries(key, value).map(|mut entries| match entries.pop() {
                Some(Addressed::One(one)) if entries.is_empty() => {
                    HeaderPart::Mailbox(Mailboxed { name: name.to_owned(), one })
                }
                last => HeaderPart::Addresses(name.to_owned(), entries.into_iter().chain(last).collect()),
            }),
            Kind::Text => self.key(key, value, Escape::Plain).map(|text| HeaderPart::Text(name.to_owned(), text)),
            kind => {
                let escape = if kind == Kind::Json { Escape::Json } else { Escape::Plain };
                self.key(key, value, escape).map(|text| HeaderPart::Other(kind, name.to_owned(), text))
            }
        };
        if let Some(HeaderPart::Text(_, template) | HeaderPart::Other(_, _, template)) = &part {
            self.judge(kind, name, key, value, template.constant());
        }
        self.headers.extend(part);
    }

    /// Says why a value can stand in no message.
    fn judge(&mut self, kind: Kind, name: &str, key: &str, value: &str, constant: Option<&str>) {
        let place = Place::Key(key.to_owned());
        if let Some(constant) = constant {
            if let Err(error) = kinds::write(kind, name, constant, &mut Vec::new()) {
                let problem = error.to_string().split_once('\n').map_or_else(String::new, |(why, _)| why.to_owned());
                self.error(ContentError::new(&place, problem, kind.hint()));
            }
            return;
        }
        let parts = tags::parts(value);
        let fixed = |at: usize| parts.get(at).is_some_and(|part| *part != Part::Tag);
        if let Some((at, c)) =
            value.char_indices().find(|&(at, c)| !c.is_ascii() && fixed(at)).filter(|_| kind.is_ascii())
        {
            let problem = format!("`{}` is not ASCII, and this header is for programs", c.escape_debug());
            self.error(ContentError::new(&place, problem, kind.hint()).at(value, at));
        }
        if let Some(why) = fixed::fault_of_json(value).filter(|_| kind == Kind::Json) {
            self.error(ContentError::new(&place, why, kind.hint()));
        }
        if parts.iter().filter(|part| **part == Part::Fixed).count() > header::VALUE_MAX {
            let problem = format!("it is longer than {} octets", header::VALUE_MAX);
            self.error(ContentError::new(&place, problem, "shorten it"));
        }
    }

    pub(super) fn extra_headers(&mut self, headers: &[(String, String)]) {
        for (i, (name, value)) in headers.iter().enumerate() {
            let key = format!("headers.{name}");
            let earlier = || headers.iter().take(i).any(|(n, _)| n.eq_ignore_ascii_case(name));
            let reserved = RESERVED.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
            let key_name: String = key.escape_debug().collect();
            if !is_header_name(name) {
                let hint = format!("a letter, then letters, digits and hyphens; at most {NAME_MAX} characters");
                self.error(ContentError::key(&key_name, "this is no valid header name", hint));
            } else if let Some((_, own)) = reserved {
                let hint = match *own {
                    "" => "leave it out".to_owned(),
                    own => format!("use the key `{own}`"),
                };
                self.error(ContentError::key(&key, "this header is not the campaign's to set here", hint));
            } else if name.get(..8).is_some_and(|p| p.eq_ignore_ascii_case("Content-")) {
                self.error(ContentError::key(
                    &key,
                    "this header describes the body, which is built here",
                    "leave it out",
                ));
            } else if earlier() && is_single(name) {
                self.error(ContentError::key(&key, "a message has at most one of these", "leave one out"));
            } else {
                self.header(name, &key, value);
            }
        }
    }

    pub(super) fn list_headers(&mut self, spec: &Spec) {
        if let Some(id) = &spec.list_id {
            let (name, id) = match id.trim().strip_suffix('>').and_then(|t| t.rsplit_once('<')) {
                Some((name, id)) => (name.trim(), id),
                None => ("", id.trim()),
            };
            let mut ascii = Vec::new();
            // RFC 2919 §3: it is like the name of a host, which one with letters beyond ASCII has in A-labels.
            let id = match id.is_ascii() {
                true => Some(id.to_owned()),
                false => parse_domain_into(id.as_bytes(), &mut ascii).ok().and_then(|()| String::from_utf8(ascii).ok()),
            };
            let is_id = |id: &String| {
                let is_plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
                is_plain && (1..=255).contains(&id.len()) && !id.starts_with('.')
            };
            let Some(id) = id.filter(|id| is_id(id) && header::first_control(name).is_none()) else {
                let hint = "such as: Acme news <news.acme.example>";
                self.error(ContentError::key("list_id", "this is no list identifier (RFC 2919)", hint));
                return;
            };
            let mut field = Vec::new();
            // With a name or without, the identifier stands in angle brackets.
            let done = match name {
                "" => header::text("List-Id", &format!("<{id}>"), &mut field),
                name => {
                    let name = mailboxes::without_quotes(name).unwrap_or_else(|| name.to_owned());
                    header::mailbox("List-Id", &name, &id, &mut field)
                }
            };
            if done.is_ok() {
                self.headers.push(HeaderPart::ready("List-Id", field));
            }
        }
        if let Some(id) = &spec.feedback_id {
            self.header("Feedback-ID", "feedback_id", id);
        }
    }

    pub(super) fn unsubscribe_url(&mut self, spec: &Spec) -> Option<Template> {
        let url = spec.unsubscribe_url.as_deref()?;
        let key = "unsubscribe.url";
        if !url.starts_with("https://") {
            let problem = "the URL does not begin with https://, which one-click unsubscription needs (RFC 8058)";
            self.error(ContentError::key(key, problem, "such as: https://acme.example/u/{{ token }}").at(url, 0));
            return None;
        }
        let before = self.to.errors.len();
        let template = self.no_loop(key, url, url);
        if let Some(why) = fixed::fault_of_host(url).filter(|_| before == self.to.errors.len()) {
            let hint = "such as: https://acme.example/u/{{ token }}";
            self.error(ContentError::key(key, format!("the URL leads nowhere: {why}"), hint).at(url, "https://".len()));
        }
        template
    }

    pub(super) fn unsubscribe_mailto(&mut self, spec: &Spec) -> Option<Template> {
        let given = spec.unsubscribe_mailto.as_deref()?;
        let scheme = given.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
        let mailto = given.get(if scheme { 7 } else { 0 }..).unwrap_or_default();
        let key = "unsubscribe.mailto";
        let before = self.to.errors.len();
        let template = self.no_loop(key, mailto, given)?;
        let is_url = before == self.to.errors.len();
        if let Some(why) = fixed::fault_of_mailto(mailto, &self.campaign).filter(|_| is_url) {
            let hint = "such as: out+{{ token }}@acme.example?subject=unsubscribe";
            self.error(ContentError::key(key, why, hint).at(given, given.len() - mailto.len()));
        }
        Some(template)
    }

    /// A URL template, the end of what was `given`; it may not use the URL that it makes.
    fn no_loop(&mut self, key: &str, url: &str, given: &str) -> Option<Template> {
        let place = Place::Key(key.to_owned());
        let lead = given.len() - url.len();
        let template =
            self.part(Excerpt { place: &place, whole: given, start: lead, end: given.len() }, Escape::Url)?;
        if template.names().any(|n| n == Name::UnsubscribeUrl) {
            self.error(ContentError::key(key, "the URL is made from itself", "leave `unsubscribe_url` out of it"));
            return None;
        }
        if let Some((at, bad)) = fixed::unfit_for_url(url) {
            let problem = format!("`{}` may not stand in a URL", bad.escape_debug());
            let hint = match (bad, url.get(at..)) {
                (_, Some(rest)) if rest.starts_with(BRACE) => "tags are in brackets in this campaign: [[ token ]]",
                ('{', _) => "a tag has two braces: {{ token }}",
                _ if url.get(..at).is_some_and(|front| front.ends_with("[[")) => {
                    "tags are in braces in this campaign: {{ token }}"
                }
                _ => "write it as %XX",
            };
            self.error(ContentError::new(&place, problem, hint).at(given, lead + at));
        }
        let fixed = tags::parts(url).iter().filter(|part| **part == Part::Fixed).count();
        if fixed > URL_MAX {
            let problem = format!("the URL is longer than {URL_MAX} octets");
            self.error(ContentError::key(key, problem, "shorten it"));
        }
        Some(template)
    }

    pub(super) fn reverse_path(&mut self, spec: &Spec, from: Option<&Mailbox>) -> Option<ReversePath> {
        const HINT: &str = "such as: b+{token}@bounce.acme.example";
        let key = "return_path";
        let Some(path) = spec.return_path.as_deref() else {
            return Some(ReversePath::Fixed(from?.as_str().to_owned()));
        };
        if path.trim().is_empty() {
            return Some(ReversePath::Fixed(String::new()));
        }
        // "{token}" is the short form; "{{token}}" stays as it is.
        let long = path.replace("{{token}}", "{{ token }}").replace("{token}", "{{ token }}");
        let template = self.key(key, long.trim(), Escape::Plain)?;
        let Some(text) = template.constant() else {
            if let Some(why) = fixed::fault_of_address(long.trim(), &self.campaign) {
                let problem = format!("`{}` is no address: {why}", path.escape_debug());
                self.error(ContentError::key(key, problem, HINT).at(path, 0));
            }
            return Some(match around_token(&template) {
                Some(ends) => ReversePath::Token(template, ends),
                None => ReversePath::Rendered(template),
            });
        };
        match parse(text) {
            Ok(mailbox) => Some(ReversePath::Fixed(mailbox.as_str().to_owned())),
            Err(reason) => {
                let problem = format!("`{}` is no address: {reason}", text.escape_debug());
                self.error(ContentError::key(key, problem, HINT).at(path, 0));
                None
            }
        }
    }

    pub(super) fn message_id_domain(&mut self, spec: &Spec, from: Option<&Mailbox>) -> Option<String> {
        let Some(domain) = spec.message_id_domain.as_deref() else {
            return Some(from?.domain().to_owned());
        };
        match parse(&format!("a@{domain}")) {
            Ok(mailbox) if mailbox.domain().is_ascii() => Some(mailbox.domain().to_owned()),
            _ => {
                let problem = format!("`{}` is no domain", domain.escape_debug());
                self.error(ContentError::key("message_id_domain", problem, "such as: mail.acme.example"));
                None
            }
        }
    }
}

/// Whether a message has at most one of these (RFC 5322 §3.6).
fn is_single(name: &str) -> bool {
    ["In-Reply-To", "References", "Sender", "Cc"].iter().any(|single| single.eq_ignore_ascii_case(name))
}

fn is_header_name(name: &str) -> bool {
    name.len() <= NAME_MAX
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// What stands before and after the token, in an address whose local-part has it once and of which nothing else depends on
/// the row: tokens are alike in length and in what they are made of (RFC 5321 §4.1.2, `Atom`), so one speaks for all.
fn around_token(template: &Template) -> Option<[String; 2]> {
    let Form::Pieces(pieces) = &template.form else { return None };
    let (before, after) = match pieces.as_slice() {
        [Piece::Slot(Name::Token), Piece::Literal(after)] => ("", after),
        [Piece::Literal(before), Piece::Slot(Name::Token), Piece::Literal(after)] => (before.as_str(), after),
        _ => return None,
    };
    let token = "a".repeat(Token::LEN);
    let mailbox = address("return path", &format!("{before}{token}{after}")).ok()?;
    let (start, end) = mailbox.split_once(&token)?;
    (start.len() + token.len() < mailbox.rfind('@')? + 1).then(|| [start.to_owned(), end.to_owned()])
}
