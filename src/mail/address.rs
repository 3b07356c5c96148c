//! Mailboxes: parsed at the door, so that whatever holds a [`Mailbox`] may be written into a command or a header.
//!
//! Guarantees: no control character, no blank outside quotes, no `<`, `>`, NUL, CR or LF (not inside quotes either);
//! the domain is in lower case and ASCII (IDNA A-labels), so equal domains are equal bytes; at most 64 octets of
//! local-part and 254 in all. Else the local-part stays as it was given: its case and its quotes are the receiver's affair.
//!
//! Stricter than RFC 5321 on purpose: address literals (`a@[192.0.2.1]`), comments, and domains without a dot are
//! refused (lists hold them only by mistake; `localhost` is let through for tests). More lenient on purpose: dots in
//! odd places of the local-part (`a..b`, `.a`, `a.`) are read, since providers have handed such mailboxes out; they come in
//! quotes, which RFC 5321 wants around them.
//! Leaves to others: whether the mailbox exists.

use crate::base::letters::is_invisible;
use icu_normalizer::ComposingNormalizerBorrowed as ComposingNormalizer;
use std::fmt;

pub mod clean;
#[cfg(test)]
mod tests;

/// The most octets that a mailbox may have: a path is at most 256 with its angle brackets (RFC 5321 §4.5.3.1.3).
pub const MAILBOX_OCTETS_MAX: usize = 254;
/// The most octets of a local-part (RFC 5321 §4.5.3.1.1).
pub const LOCAL_OCTETS_MAX: usize = 64;
/// The most octets of a label (RFC 1035 §2.3.4).
const LABEL_OCTETS_MAX: usize = 63;
/// Longer texts are refused unseen: 64 octets, an `@`, and a domain whose Unicode form is longer than its A-labels.
const TEXT_OCTETS_MAX: usize = 1024;

/// `local-part@domain` (RFC 5321 §4.1.2), without angle brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mailbox {
    text: Box<str>,
    at: u16,
}

/// Why a text is no mailbox: the first rule that it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing there.
    #[error("the address is empty")]
    Empty,
    /// No `@`.
    #[error("the address has no @")]
    NoAt,
    /// Far longer than any mailbox.
    #[error("the address is longer than 254 octets")]
    TooLong,
    /// Not UTF-8.
    #[error("the address is not valid UTF-8")]
    NotUtf8,
    /// CR, LF, NUL, another control character, or an invisible one.
    #[error("the address has a control or invisible character in it")]
    Control,
    /// A blank outside quotes.
    #[error("the address has a blank in it")]
    Blank,
    /// `<` or `>`.
    #[error("the address has < or > in it; only the mailbox itself belongs here")]
    AngleBracket,
    /// `(` or `)` outside quotes.
    #[error("the address has a comment in parentheses in it")]
    Comment,
    /// `@example.org`.
    #[error("there is nothing before the @")]
    LocalEmpty,
    /// More than 64 octets before the `@`.
    #[error("the part before the @ is longer than 64 octets")]
    LocalTooLong,
    /// A character that only quotes would allow.
    #[error("the character {0:?} is not allowed before the @ without quotes")]
    LocalCharacter(char),
    /// A quoted local-part that does not end before the `@`, or has a bare quote inside.
    #[error("the quotes before the @ do not match")]
    Quotes,
    /// `a@`.
    #[error("there is nothing behind the @")]
    DomainEmpty,
    /// A leading, trailing or doubled dot.
    #[error("the domain has a dot at its start or end, or two in a row")]
    DomainDots,
    /// A character that no host name has.
    #[error("the character {0:?} is not allowed in a domain")]
    DomainCharacter(char),
    /// A label that begins or ends with a hyphen.
    #[error("a part of the domain begins or ends with a hyphen")]
    LabelHyphen,
    /// A label over 63 octets.
    #[error("a part of the domain is longer than 63 octets")]
    LabelTooLong,
    /// One label.
    #[error("the domain has no dot")]
    NoDot,
    /// A top-level label of digits: an IP address, or a slip.
    #[error("the domain ends in a number")]
    NumericTop,
    /// `[192.0.2.1]`.
    #[error("the domain is an address literal, which lists may not hold")]
    Literal,
    /// Not convertible to A-labels (RFC 5891).
    #[error("the domain is not a valid internationalised name")]
    Idna,
}

impl Mailbox {
    /// Parses one mailbox; blanks and tabs around it are allowed.
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn parse(text: &[u8]) -> Result<Self, AddressError> {
        let mut out = Vec::with_capacity(text.len().min(TEXT_OCTETS_MAX));
        let at = parse_into(text, &mut out)?;
        let text = String::from_utf8(out).map_err(|_| AddressError::NotUtf8)?;
        Ok(Self { text: text.into(), at: at as u16 })
    }

    /// The whole mailbox.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the last `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.text.get(..usize::from(self.at)).unwrap_or_default()
    }

    /// What stands behind it: lower case, ASCII.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.text.get(usize::from(self.at) + 1..).unwrap_or_default()
    }

    /// Whether the local-part needs SMTPUTF8.
    #[must_use]
    pub fn needs_utf8(&self) -> bool {
        !self.text.is_ascii()
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Parses one mailbox and appends its canonical form to `out`: the local-part as given, in quotes where its dots need them,
/// the domain in lower case and A-labels. Blanks and tabs around it are allowed. Returns where the `@` stands, from the start of what was appended.
/// Allocates nothing for ASCII (but what `out` needs); on an error `out` is as it was.
///
/// # Errors
/// The first rule that the text breaks.
pub fn parse_into(text: &[u8], out: &mut Vec<u8>) -> Result<usize, AddressError> {
    let text = trim(text);
    let start = out.len();
    if let Some(at) = plain(text, out) {
        return Ok(at);
    }
    out.truncate(start);
    let parsed = general(text, out);
    if parsed.is_err() {
        out.truncate(start);
    }
    parsed
}

/// Appends the form by which mailboxes are compared, and returns where its `@` stands: the local-part in lower case and in
/// normal form C (RFC 6532 §3.1), and without quotes where it means the same without them (RFC 5321 §4.1.2: `"a.b"@x` is
/// `a.b@x`). `mailbox` is canonical, with its `@` at `at`. By RFC 5321 case could tell two people apart; in practice they
/// are one. Allocates nothing for ASCII.
pub fn fold_into(mailbox: &[u8], at: usize, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    let (local, domain) = mailbox.split_at_checked(at).unwrap_or((mailbox, &[]));
    match local.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) {
        None => out.extend_from_slice(local),
        Some(quoted) => unquote(quoted, out),
    }
    let local = out.get_mut(start..).unwrap_or_default();
    local.make_ascii_lowercase();
    if !local.is_ascii() {
        fold_beyond_ascii(start, out);
    }
    let folded = out.len() - start;
    out.extend_from_slice(domain);
    folded
}

/// Whether a canonical mailbox with its `@` at `at` is as [`fold_into`] would write it, as far as that can be told at a glance.
#[must_use]
pub fn is_folded(mailbox: &[u8], at: usize) -> bool {
    let local = mailbox.get(..at).unwrap_or(mailbox);
    local.iter().all(|octet| octet.is_ascii() && !octet.is_ascii_uppercase() && *octet != b'"')
}

/// Appends one form for all spellings of a mailbox that programs make of one another: folded, and besides each letter as its
/// capital is in lower case (`ß` is `ss`, as in Unicode's full case folding), and wide letters, ligatures and the like as plain ones
/// (normal form KC; RFC 8265 §3.3 maps widths, too). Mailboxes of several people may share such a form: it is for who must get
/// nothing, never for who is whom. `folded` is as [`fold_into`] writes it, with its `@` at `at`; the domain is appended as it is.
pub fn fold_widely_into(folded: &[u8], at: usize, out: &mut Vec<u8>) {
    let (local, domain) = folded.split_at_checked(at).unwrap_or((folded, &[]));
    match std::str::from_utf8(local).ok().filter(|local| !local.is_ascii()) {
        Some(local) => {
            let plain = ComposingNormalizer::new_nfkc();
            let widest: String = plain.normalize_iter(local.chars()).collect();
            let capitals = widest.chars().flat_map(char::to_lowercase).flat_map(char::to_uppercase);
            let lower: String = capitals.flat_map(char::to_lowercase).collect();
            out.extend(plain.normalize_iter(lower.chars()).collect::<String>().into_bytes());
        }
        None => out.extend_from_slice(local),
    }
    out.extend_from_slice(domain);
}

/// Letters of any script in lower case, and each in its shortest spelling, from `start` on.
fn fold_beyond_ascii(start: usize, out: &mut Vec<u8>) {
    let Some(text) = out.get(start..).and_then(|local| std::str::from_utf8(local).ok()) else { return };
    // The sigma at a word's end is in lower case what its capital is.
    let lower = text.chars().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c });
    let folded: String = ComposingNormalizer::new_nfc().normalize_iter(lower).collect();
    out.truncate(start);
    out.extend_from_slice(folded.as_bytes());
}

/// What stands between the quotes: bare, where that is a local-part, else in quotes with the fewest backslashes.
fn unquote(quoted: &[u8], out: &mut Vec<u8>) {
    let mut plain = Vec::with_capacity(quoted.len());
    let mut octets = quoted.iter();
    while let Some(octet) = octets.next() {
        plain.push(if *octet == b'\\' { octets.next().copied().unwrap_or(*octet) } else { *octet });
    }
    let bare = std::str::from_utf8(&plain).is_ok_and(|text| !text.starts_with('"') && local_part(text).is_ok());
    if bare {
        return out.extend_from_slice(&plain);
    }
    out.push(b'"');
    for octet in plain {
        if matches!(octet, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(octet);
    }
    out.push(b'"');
}

/// Parses a domain alone (what may stand behind an `@`) and appends it in lower case and A-labels. On an error `out`
/// is as it was.
///
/// # Errors
/// The first rule that the text breaks.
pub fn parse_domain_into(text: &[u8], out: &mut Vec<u8>) -> Result<(), AddressError> {
    let text = trim(text);
    let start = out.len();
    let parsed = std::str::from_utf8(text).map_err(|_| AddressError::NotUtf8).and_then(|text| domain(text, out));
    if parsed.is_err() {
        out.truncate(start);
    }
    parsed
}

/// Parses a domain that others are below, for which one label is enough (`ru`), and appends it in lower case and A-labels. On an
/// error `out` is as it was.
///
/// # Errors
/// The first rule that the text breaks.
pub fn parse_zone_into(text: &[u8], out: &mut Vec<u8>) -> Result<(), AddressError> {
    // Whatever is below it is as good as another.
    const BELOW: &[u8] = b"x.";
    if trim(text).is_empty() {
        return Err(AddressError::DomainEmpty);
    }
    let mut domain = Vec::with_capacity(MAILBOX_OCTETS_MAX);
    parse_domain_into(&[BELOW, trim(text)].concat(), &mut domain)?;
    out.extend_from_slice(domain.get(BELOW.len()..).unwrap_or_default());
    Ok(())
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

const ATEXT: u8 = 1;
const LABEL: u8 = 2;

/// What each octet may be part of; everything that is in no class sends the text the general way.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut b = 0;
    while b < 128 {
        let c = b as u8;
        if c.is_ascii_alphanumeric() {
            class[b] = ATEXT | LABEL;
        }
        // atext of RFC 5322 §3.2.3, and the dot of a Dot-string.
        if matches!(c, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'/' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~' | b'.') {
            class[b] = ATEXT;
        }
        if c == b'-' {
            class[b] = ATEXT | LABEL;
        }
        b += 1;
    }
    class
};

fn is(class: u8, b: u8) -> bool {
    CLASS[usize::from(b)] & class != 0
}

/// The fast path: ASCII, no quotes, no mistakes. `None` says only that it did not apply.
fn plain(text: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    if text.len() > MAILBOX_OCTETS_MAX {
        return None;
    }
    let at = text.iter().position(|&b| !is(ATEXT, b))?;
    if at == 0 || at > LOCAL_OCTETS_MAX || text.get(at) != Some(&b'@') || has_odd_dots(text.get(..at)?) {
        return None;
    }
    let start = out.len();
    out.extend_from_slice(text);
    let domain = out.get_mut(start + at + 1..)?;
    domain.make_ascii_lowercase();
    labels(domain).ok()?;
    Some(at)
}

/// Whether a local-part without quotes has a dot at its start or end, or two in a row: no `Dot-string` of RFC 5321.
fn has_odd_dots(local: &[u8]) -> bool {
    memchr::memchr_iter(b'.', local).any(|at| at == 0 || local.get(at + 1).is_none_or(|next| *next == b'.'))
}

/// Checks the labels of a domain in lower case ASCII.
fn labels(domain: &[u8]) -> Result<(), AddressError> {
    let mut label = 0;
    let mut before = b'.';
    let mut digits_only = true;
    let mut dots = 0;
    for &b in domain {
        if is(LABEL, b) {
            if b == b'-' && before == b'.' {
                return Err(AddressError::LabelHyphen);
            }
            digits_only &= b.is_ascii_digit();
            label += 1;
        } else if b == b'.' {
            end_of_label(label, before)?;
            (label, digits_only) = (0, true);
            dots += 1;
        } else {
            return Err(AddressError::DomainCharacter(char::from(b)));
        }
        before = b;
    }
    end_of_label(label, before)?;
    if dots == 0 && domain != b"localhost" {
        return Err(AddressError::NoDot);
    }
    if digits_only {
        return Err(AddressError::NumericTop);
    }
    Ok(())
}

fn end_of_label(octets: usize, last: u8) -> Result<(), AddressError> {
    match octets {
        0 => Err(AddressError::DomainDots),
        1..=LABEL_OCTETS_MAX if last == b'-' => Err(AddressError::LabelHyphen),
        1..=LABEL_OCTETS_MAX => Ok(()),
        _ => Err(AddressError::LabelTooLong),
    }
}

/// The general way: every rule, and the error of the first one broken.
fn general(text: &[u8], out: &mut Vec<u8>) -> Result<usize, AddressError> {
    if text.is_empty() {
        return Err(AddressError::Empty);
    }
    if text.len() > TEXT_OCTETS_MAX {
        return Err(AddressError::TooLong);
    }
    let text = std::str::from_utf8(text).map_err(|_| AddressError::NotUtf8)?;
    if text.chars().any(|c| c.is_control() || is_invisible(c)) {
        return Err(AddressError::Control);
    }
    if text.contains(['<', '>']) {
        return Err(AddressError::AngleBracket);
    }
    // No domain holds an @, so the last one divides; a quoted local-part may hold more.
    let (local, behind) = text.rsplit_once('@').ok_or(AddressError::NoAt)?;
    local_part(local)?;
    let start = out.len();
    if local.starts_with('"') || !has_odd_dots(local.as_bytes()) {
        out.extend_from_slice(local.as_bytes());
    } else if local.len() + 2 > LOCAL_OCTETS_MAX {
        return Err(AddressError::LocalTooLong);
    } else {
        out.extend([b"\"", local.as_bytes(), b"\""].concat());
    }
    let at = out.len() - start;
    out.push(b'@');
    domain(behind, out)?;
    if out.len() - start > MAILBOX_OCTETS_MAX {
        return Err(AddressError::TooLong);
    }
    Ok(at)
}

fn local_part(local: &str) -> Result<(), AddressError> {
    match local.len() {
        0 => return Err(AddressError::LocalEmpty),
        1..=LOCAL_OCTETS_MAX => {}
        _ => return Err(AddressError::LocalTooLong),
    }
    if let Some(quoted) = local.strip_prefix('"') {
        return quoted_string(quoted);
    }
    for c in local.chars() {
        match c {
            '(' | ')' => return Err(AddressError::Comment),
            '"' => return Err(AddressError::Quotes),
            c if c.is_whitespace() => return Err(AddressError::Blank),
            c if c.is_ascii() && !is(ATEXT, c as u8) => return Err(AddressError::LocalCharacter(c)),
            _ => {}
        }
    }
    Ok(())
}

/// What follows the opening quote: `*QcontentSMTP DQUOTE` (RFC 5321 §4.1.2, RFC 6531 §3.3).
fn quoted_string(rest: &str) -> Result<(), AddressError> {
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' if chars.as_str().is_empty() => return Ok(()),
            '"' => return Err(AddressError::Quotes),
            // quoted-pairSMTP: a backslash and one printable ASCII character.
            '\\' if !chars.next().is_some_and(|c| matches!(c, ' '..='~')) => return Err(AddressError::Quotes),
            // RFC 5321 knows the space alone; another blank would be folded away in a header.
            c if c.is_whitespace() && c != ' ' => return Err(AddressError::Blank),
            _ => {}
        }
    }
    Err(AddressError::Quotes)
}

fn domain(text: &str, out: &mut Vec<u8>) -> Result<(), AddressError> {
    if text.is_empty() {
        return Err(AddressError::DomainEmpty);
    }
    if text.starts_with('[') {
        return Err(AddressError::Literal);
    }
    if text.contains(['(', ')']) {
        return Err(AddressError::Comment);
    }
    if text.contains(char::is_whitespace) {
        return Err(AddressError::Blank);
    }
    let start = out.len();
    if text.is_ascii() {
        out.extend_from_slice(text.as_bytes());
    } else {
        let ascii = idna::uts46::Uts46::new()
            .to_ascii(
                text.as_bytes(),
                idna::AsciiDenyList::STD3,
                idna::uts46::Hyphens::CheckFirstLast,
                idna::uts46::DnsLength::Verify,
            )
            .map_err(|_| AddressError::Idna)?;
        out.extend_from_slice(ascii.as_bytes());
    }
    let domain = out.get_mut(start..).unwrap_or_default();
    domain.make_ascii_lowercase();
    if domain.len() > MAILBOX_OCTETS_MAX {
        return Err(AddressError::TooLong);
    }
    labels(domain)
}
