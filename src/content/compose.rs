//! One row's message: the hot path. Working room is reused, so that a message costs few allocations.

use super::blank;
use super::compile;
use super::dkim::{self, Prepared};
use super::error::ComposeError;
use super::escape::Escape;
use super::field::{Address, Addressed, HeaderPart, Mailboxed, One};
use super::header;
use super::kinds;
use super::mime::Chunk;
use super::names::Name;
use super::page::Origin;
use super::qp;
use super::rehearse::Declared;
use super::straight::Straight;
use super::template::{Template, Templates, Values};
use super::token::{IdentityKey, id_of};
use super::uses::Wanted;
use crate::base::clock::UnixTime;
use bytes::Bytes;
use smallvec::SmallVec;

/// Longest reverse-path (RFC 5321 §4.5.3.1.3).
const PATH_MAX: usize = 254;
/// Longest URL in a header: its line stays under 990 octets.
pub(crate) const URL_MAX: usize = 900;
/// A Subject field in which nothing stands.
pub(crate) const EMPTY_SUBJECT: &[u8] = b"Subject: \r\n";

/// One recipient, as the table keeps it.
#[derive(Clone, Copy, Debug)]
pub struct RowRef<'a> {
    /// The row's number in its campaign.
    pub number: u32,
    /// Its canonical mailbox, `local-part@ascii-domain`.
    pub mailbox: &'a str,
    /// The values of [`Composer::columns_used`], in that order, unless [`Composer::reading`] says otherwise.
    pub fields: &'a [&'a [u8]],
}

/// Working room, one for each thread; any composer may use it.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) text: String,
    pub(crate) unsubscribe: String,
    /// The canonical form of the signed fields.
    pub(crate) signed: Vec<u8>,
    body: Vec<u8>,
    /// The composer and the values that the last body was made from, and its hash.
    hashed: Option<(u64, Vec<u8>, [u8; 32])>,
    hash_key: Vec<u8>,
    /// The last Date field, and what date that is.
    date: (UnixTime, Vec<u8>),
}

/// A message, ready to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Composed {
    /// The reverse-path without brackets; empty for `<>`.
    pub reverse_path: Vec<u8>,
    /// Headers and body: CRLF, lines of at most 990 octets, none of which begins with a dot; ends with CRLF.
    pub content: Vec<u8>,
    /// The end of the body, by [`Composer::compose_apart`]: the same octets in every message. Empty where the body is short.
    pub shared: Bytes,
    /// Whether the Subject came out empty.
    pub subject_is_empty: bool,
    /// Whether the letter came out empty: it shows its reader nothing.
    pub is_blank: bool,
    /// Whether there is an octet above 127: only when an address has a local-part beyond ASCII (SMTPUTF8).
    pub eight_bit: bool,
}

/// See [`Composer::octets_min`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OctetsMin {
    /// All of them.
    pub all: u64,
    /// Of these, what each message holds for itself.
    pub own: u64,
}

/// A compiled campaign: makes the message of each row. Shared by all threads.
#[derive(Debug)]
pub struct Composer {
    pub(crate) serial: u64,
    pub(crate) with: Templates,
    pub(crate) headers: Vec<HeaderPart>,
    pub(crate) body: Vec<Chunk>,
    /// What every body ends with, and its canonical form.
    pub(crate) shared: Bytes,
    pub(crate) shared_canonical: Bytes,
    pub(crate) programs: Vec<Template>,
    /// The texts that are no programs.
    pub(crate) straight: Vec<Straight>,
    /// The names that the body reads.
    pub(crate) in_body: Vec<Name>,
    /// There are rows that nothing may be shown to.
    pub(crate) may_be_blank: bool,
    pub(crate) unsubscribe: Option<Template>,
    pub(crate) reverse_path: ReversePath,
    pub(crate) used: Vec<usize>,
    /// How many values a row has.
    pub(crate) fields: usize,
    pub(crate) wanted: Wanted,
    pub(crate) declared: Vec<Declared>,
    /// For each column of the list which of them is its own.
    pub(crate) places: Vec<usize>,
    pub(crate) in_headers: Vec<usize>,
    pub(crate) shareable: bool,
    /// Where parts that were made from others came from.
    pub(crate) origins: Vec<Origin>,
    pub(crate) share_block: u32,
    pub(crate) campaign: String,
    pub(crate) campaign_number: u32,
    pub(crate) key: IdentityKey,
    pub(crate) message_id_domain: String,
    pub(crate) signers: Vec<Prepared>,
}

#[derive(Debug)]
pub(crate) enum ReversePath {
    Fixed(String),
    /// The token between two texts: each token makes an address of it, or none does.
    Token(Template, [String; 2]),
    Rendered(Template),
}

impl ReversePath {
    pub(crate) fn template(&self) -> Option<&Template> {
        match self {
            Self::Fixed(_) => None,
            Self::Token(template, _) | Self::Rendered(template) => Some(template),
        }
    }
}

impl Composer {
    /// The same composer for rows of `fields` values, of which `places` says for each column of the list which is its own.
    #[must_use]
    pub fn reading(self, fields: usize, places: Vec<usize>) -> Self {
        Self { fields, places, ..self }
    }

    /// The columns that the templates read, as indices into the list's columns: what a table needs to keep of a row.
    #[must_use]
    pub fn columns_used(&self) -> &[usize] {
        &self.used
    }

    /// Those of [`columns_used`](Self::columns_used) whose values reach a header or the envelope, also as indices into
    /// the list's columns: a row with a control character in one of them can have no message.
    #[must_use]
    pub fn columns_in_headers(&self) -> &[usize] {
        &self.in_headers
    }

    /// Octets that every message has at least: what of the body does not depend on the row, attachments above all.
    #[must_use]
    pub fn octets_min(&self) -> OctetsMin {
        let octets = |chunk: &Chunk| if let Chunk::Const(octets, _) = chunk { octets.len() as u64 } else { 0 };
        let own = self.body.iter().map(octets).sum();
        OctetsMin { all: own + self.shared.len() as u64, own }
    }

    /// Whether two rows can have the same message at all: nothing in it is made from the mailbox or the token.
    #[must_use]
    pub fn is_shareable(&self) -> bool {
        self.shareable
    }

    /// Whether the two rows have the same message, octet for octet, so that one transaction serves both.
    #[must_use]
    pub fn same_bytes(&self, a: &RowRef, b: &RowRef) -> bool {
        self.shareable && a.number / self.share_block == b.number / self.share_block && a.fields == b.fields
    }

    /// Makes the message of `row`, with `date` as its Date and as the time of its signatures.
    ///
    /// # Errors
    /// Why this row can have no message; `out` then holds nothing of use.
    pub fn compose(
        &self,
        scratch: &mut Scratch,
        row: &RowRef,
        date: UnixTime,
        out: &mut Composed,
    ) -> Result<(), ComposeError> {
        self.compose_apart(scratch, row, date, out)?;
        out.content.extend_from_slice(&std::mem::take(&mut out.shared));
        Ok(())
    }

    /// The same with a long end that all messages have left in [`Composed::shared`], not copied.
    ///
    /// # Errors
    /// As [`compose`](Self::compose).
    pub fn compose_apart(
        &self,
        scratch: &mut Scratch,
        row: &RowRef,
        date: UnixTime,
        out: &mut Composed,
    ) -> Result<(), ComposeError> {
        let tag = self.tag(row);
        self.with_values(scratch, row, &tag, out, |scratch, values, out| self.write(scratch, values, &tag, date, out))
    }

    /// The error as it is about what people wrote.
    pub(crate) fn told(&self, error: ComposeError) -> ComposeError {
        match error {
            ComposeError::Template { place, line, column, reason } => {
                match self.origins.iter().find_map(|origin| origin.line(&place, line)) {
                    // Of a text that was made from another one columns say nothing.
                    Some((place, line)) => ComposeError::Template { place, line, column: 0, reason },
                    None => ComposeError::Template { place, line, column, reason },
                }
            }
            error => error,
        }
    }

    fn write(
        &self,
        scratch: &mut Scratch,
        values: &Values,
        tag: &[u8; 32],
        date: UnixTime,
        out: &mut Composed,
    ) -> Result<(), ComposeError> {
        self.write_reverse_path(scratch, values, out)?;
        let content = &mut out.content;
        let rooms: SmallVec<[_; 2]> = self.signers.iter().map(|s| s.write(date, content)).collect();
        scratch.signed.clear();
        for part in &self.headers {
            let start = content.len();
            self.write_header(part, scratch, values, tag, date, content)?;
            out.subject_is_empty |= content.len() - start == EMPTY_SUBJECT.len() && content.ends_with(EMPTY_SUBJECT);
        }
        out.eight_bit = !content.is_ascii();
        out.shared = self.shared.clone();
        content.extend_from_slice(b"\r\n");
        let body_start = content.len();
        out.is_blank = self.write_body(scratch, values, content)?;
        if self.signers.is_empty() {
            return Ok(());
        }
        let hash = self.body_hash(scratch, values, content.get(body_start..).unwrap_or_default());
        for (signer, room) in self.signers.iter().zip(rooms) {
            signer.fill(room, &hash, &mut scratch.signed, &mut scratch.body, content)?;
        }
        Ok(())
    }

    /// What the Message-ID and the token are cut from. A shared message has an identity of its own, made from what its
    /// rows have in common.
    fn tag(&self, row: &RowRef) -> [u8; 32] {
        if !self.shareable {
            return self.key.recipient_tag(self.campaign_number, row.number);
        }
        self.key.shared_tag(self.campaign_number, row.number / self.share_block, row.fields.iter().copied())
    }

    pub(crate) fn write_reverse_path(
        &self,
        scratch: &mut Scratch,
        values: &Values,
        out: &mut Composed,
    ) -> Result<(), ComposeError> {
        match &self.reverse_path {
            ReversePath::Fixed(path) => out.reverse_path.extend_from_slice(path.as_bytes()),
            ReversePath::Token(_, [before, after]) => {
                [before, values.token, after]
                    .iter()
                    .for_each(|part| out.reverse_path.extend_from_slice(part.as_bytes()));
            }
            ReversePath::Rendered(template) => {
                scratch.text.clear();
                template.render(&self.with, values, &mut scratch.text)?;
                let path = address("return path", &scratch.text)?;
                out.reverse_path.extend_from_slice(path.as_bytes());
            }
        }
        Ok(())
    }

    pub(crate) fn write_header(
        &self,
        part: &HeaderPart,
        scratch: &mut Scratch,
        values: &Values,
        tag: &[u8; 32],
        date: UnixTime,
        out: &mut Vec<u8>,
    ) -> Result<(), ComposeError> {
        let start = out.len();
        let text = &mut scratch.text;
        text.clear();
        let signs = !self.signers.is_empty();
        let mut is_signed = signs;
        match part {
            HeaderPart::Fixed { raw, signed, .. } => {
                out.extend_from_slice(raw);
                if signs {
                    scratch.signed.extend_from_slice(signed);
                }
                return Ok(());
            }
            HeaderPart::Date => {
                let (written, field) = &mut scratch.date;
                if field.is_empty() || *written != date {
                    field.clear();
                    header::date(date, field);
                    *written = date;
                }
                out.extend_from_slice(field);
            }
            HeaderPart::MessageId => self.write_message_id(tag, out),
            HeaderPart::Text(name, template) => {
                template.render(&self.with, values, text)?;
                header::text(name, text, out)?;
                is_signed = signs && dkim::is_signed(name);
            }
            HeaderPart::Other(kind, name, template) => {
                template.render(&self.with, values, text)?;
                kinds::write(*kind, name, text, out)?;
                is_signed = signs && dkim::is_signed(name);
            }
            HeaderPart::Mailbox(Mailboxed { name, one }) => {
                is_signed = signs && dkim::is_signed(name);
                match &one.address {
                    Address::Fixed(mailbox) => {
                        one.display.render(&self.with, values, text)?;
                        header::mailbox(name, text, mailbox.as_str(), out)?;
                    }
                    Address::Rendered(template) if template.is_email() => {
                        one.display.render(&self.with, values, text)?;
                        check_path(values.email).map_err(|reason| no_address(name, reason))?;
                        header::mailbox(name, text, values.email, out)?;
                    }
                    Address::Rendered(_) => match one.render(name, &self.with, values)? {
                        // Without an address there is no field; only nobody is no recipient.
                        (_, none) if none.is_empty() && name != "To" => return Ok(()),
                        (display, address) if !address.is_empty() => header::mailbox(name, &display, &address, out)?,
                        _ => return Err(no_address(name, "it is empty")),
                    },
                }
            }
            HeaderPart::Addresses(name, all) => {
                is_signed = signs && dkim::is_signed(name);
                self.write_addresses(name, all, values, out)?;
            }
            HeaderPart::Unsubscribe { url, mailto } => {
                if let Some(template) = mailto {
                    text.push_str("mailto:");
                    template.render(&self.with, values, text)?;
                    check_url("List-Unsubscribe", text)?;
                }
                let https = url.then_some(values.unsubscribe_url);
                let mail = mailto.is_some().then_some(text.as_str());
                header::bracketed("List-Unsubscribe", https.into_iter().chain(mail), out);
            }
        }
        if is_signed && out.len() > start {
            dkim::relaxed_header(out.get(start..).unwrap_or_default(), &mut scratch.signed);
        }
        Ok(())
    }

    /// Writes those of the addresses that the row has.
    fn write_addresses(
        &self,
        name: &str,
        all: &[Addressed],
        values: &Values,
        out: &mut Vec<u8>,
    ) -> Result<(), ComposeError> {
        let mut list = header::AddressList::begin(name, out);
        let write = |list: &mut header::AddressList, one: &One| match one.render(name, &self.with, values)? {
            (_, address) if address.is_empty() => Ok(()),
            (display, address) => list.mailbox(&display, &address),
        };
        for addressed in all {
            match addressed {
                Addressed::One(one) => write(&mut list, one)?,
                Addressed::Group(group, members) => {
                    let mut text = String::new();
                    group.render(&self.with, values, &mut text)?;
                    list.open(&text)?;
                    members.iter().try_for_each(|one| write(&mut list, one))?;
                    list.close();
                }
            }
        }
        list.end();
        Ok(())
    }

    fn write_message_id(&self, tag: &[u8; 32], out: &mut Vec<u8>) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        out.extend_from_slice(b"Message-ID: <");
        for b in id_of(tag) {
            out.extend_from_slice(&[HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]);
        }
        out.push(b'@');
        out.extend_from_slice(self.message_id_domain.as_bytes());
        out.extend_from_slice(b">\r\n");
    }

    /// Writes the body; whether it shows nothing.
    pub(crate) fn write_body(
        &self,
        scratch: &mut Scratch,
        values: &Values,
        out: &mut Vec<u8>,
    ) -> Result<bool, ComposeError> {
        self.straight.iter().try_for_each(|text| text.count(values))?;
        let (mut col, mut is_blank) = (0, self.may_be_blank);
        for chunk in &self.body {
            match chunk {
                Chunk::Const(octets, end) => {
                    out.extend_from_slice(octets);
                    col = *end;
                }
                Chunk::Slot(name, escape) => {
                    is_blank = is_blank && values.get(*name).trim().is_empty();
                    write_slot(values.get(*name), *escape, scratch, out, &mut col);
                }
                Chunk::Program(index) => {
                    scratch.text.clear();
                    if let Some(template) = self.programs.get(*index) {
                        template.render(&self.with, values, &mut scratch.text)?;
                        is_blank = is_blank && !blank::shows(&scratch.text, template.escape);
                    }
                    qp::encode(scratch.text.as_bytes(), out, &mut col);
                    out.extend_from_slice(b"\r\n");
                    col = 0;
                }
            }
        }
        Ok(is_blank)
    }

    /// The hash of the body; that of the last message when the body was made from the same values.
    fn body_hash(&self, scratch: &mut Scratch, values: &Values, body: &[u8]) -> [u8; 32] {
        scratch.hash_key.clear();
        for name in &self.in_body {
            let value = values.octets(*name);
            scratch.hash_key.extend_from_slice(&(value.len() as u64).to_be_bytes());
            scratch.hash_key.extend_from_slice(value);
        }
        match &mut scratch.hashed {
            Some((serial, key, hash)) if *serial == self.serial && *key == scratch.hash_key => *hash,
            last => {
                let hash = match self.shared_canonical.is_empty() {
                    true => dkim::body_hash(body, &mut scratch.body),
                    false => dkim::body_hash_with(body, &self.shared_canonical, &mut scratch.body),
                };
                *last = Some((self.serial, scratch.hash_key.clone(), hash));
                hash
            }
        }
    }
}

fn write_slot(value: &str, escape: Escape, scratch: &mut Scratch, out: &mut Vec<u8>, col: &mut usize) {
    if escape.leaves(value) {
        return qp::encode(value.as_bytes(), out, col);
    }
    scratch.text.clear();
    escape.write(value, &mut scratch.text);
    qp::encode(scratch.text.as_bytes(), out, col);
}

/// Parses a rendered address.
pub(crate) fn address(field: &str, text: &str) -> Result<String, ComposeError> {
    let text = text.trim_matches(|c: char| c == ' ' || header::folds(c));
    if let Some(c) = header::first_control(text) {
        return Err(ComposeError::Control { field: field.to_owned(), code: u32::from(c) });
    }
    let mailbox = compile::parse(text).map_err(|reason| no_address(field, &reason))?;
    Ok(mailbox.as_str().to_owned())
}

fn no_address(field: &str, reason: &str) -> ComposeError {
    ComposeError::Address { field: field.to_owned(), reason: reason.to_owned() }
}

/// Checks that a mailbox can be written into a command and a header, whatever parsed it.
pub(crate) fn check_path(text: &str) -> Result<(), &'static str> {
    let (local, domain) = text.rsplit_once('@').ok_or("it has no @")?;
    let is_plain = |part: &str| !part.is_empty() && part.bytes().all(is_plain_in_path);
    if text.len() <= PATH_MAX && is_plain(local) && is_plain(domain) {
        return Ok(());
    }
    let quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
    if text.len() > PATH_MAX {
        return Err("it is longer than 254 octets");
    }
    if local.is_empty() || domain.is_empty() {
        return Err("a part is missing beside the @");
    }
    if header::first_control(text).is_some() {
        return Err("it has a control character");
    }
    if !quoted && local.contains(['@', ',', ';', ':', '"', '(', ')', '[', ']', '\\']) {
        return Err("its local-part has a character that must be quoted");
    }
    if text.contains(['<', '>']) || domain.contains([' ', ',', ';', '"', '(', ')']) || (!quoted && local.contains(' '))
    {
        return Err("it has a blank or a bracket");
    }
    Ok(())
}

/// Whether an octet may stand anywhere in a path: nearly all have only such.
fn is_plain_in_path(octet: u8) -> bool {
    octet.is_ascii_graphic()
        && !matches!(octet, b'@' | b',' | b';' | b':' | b'"' | b'(' | b')' | b'[' | b']' | b'\\' | b'<' | b'>')
}

/// Whether a character may stand in a URL inside angle brackets.
pub(crate) fn fits_url(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '\\' | '^' | '`' | '{' | '|' | '}' | ',')
}

pub(crate) fn check_url(field: &str, url: &str) -> Result<(), ComposeError> {
    if url.len() > URL_MAX {
        return Err(ComposeError::TooLong { field: format!("{field} header"), max: URL_MAX });
    }
    // Octets are looked at faster than characters.
    let fits = url.bytes().all(|b| fits_url(char::from(b)));
    match Some(url).filter(|_| !fits).and_then(|url| url.chars().find(|&c| !fits_url(c))) {
        None => Ok(()),
        Some(c) if c.is_control() => Err(ComposeError::Control { field: field.to_owned(), code: u32::from(c) }),
        Some(c) => Err(no_address(field, &format!("`{}` may not stand in a URL", c.escape_debug()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_stand_in_a_path_is_the_same_for_each_character_in_each_part() {
        let never = |c: char| c.is_control() || matches!(c, '<' | '>' | '\u{2028}' | '\u{2029}');
        for c in (0..0x300u32).chain(0x2020..0x2030).filter_map(char::from_u32) {
            let quoted_only = matches!(c, '@' | ',' | ';' | ':' | '"' | '(' | ')' | '[' | ']' | '\\' | ' ');
            let in_domain = never(c) || matches!(c, ' ' | ',' | ';' | '"' | '(' | ')');
            assert_eq!(check_path(&format!("a{c}b@x.example")).is_ok(), !never(c) && !quoted_only, "{c:?}");
            assert_eq!(check_path(&format!("\"a{c}b\"@x.example")).is_ok(), !never(c), "{c:?}");
            // An @ there makes what is before it the local-part.
            assert_eq!(check_path(&format!("a@x{c}y.example")).is_ok(), !in_domain && c != '@', "{c:?}");
        }
        for path in ["", "a", "@x.example", "a@", &format!("{}@x.example", "a".repeat(250))] {
            assert!(check_path(path).is_err(), "{path}");
        }
    }

    #[test]
    fn what_may_not_stand_in_a_url_is_named() {
        for c in (0..0x300u32).filter_map(char::from_u32) {
            let said = check_url("List-Unsubscribe", &format!("https://a.example/{c}u"));
            assert_eq!(said.is_ok(), fits_url(c), "{c:?}");
            assert_eq!(matches!(said, Err(ComposeError::Control { .. })), c.is_control(), "{c:?}");
        }
    }
}
