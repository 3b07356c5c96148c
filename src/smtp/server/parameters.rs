//! Parameters of MAIL and RCPT (RFC 5321 §4.1.2): read, checked, and then forgotten, for nothing here notifies anybody.
//!
//! Guarantees: one that is not offered is refused with 555, one that is garbled with 501. Leaves to others: the paths.

use super::{Config, SYNTAX, TOO_BIG, number};
use memchr::memchr;

const UNKNOWN: &str = "555 5.5.4 Parameter not implemented";

/// Checks the parameters of MAIL.
///
/// # Errors
/// The refusal.
pub(super) fn mail(parameters: &[u8], config: &Config, tls: bool) -> Result<(), &'static str> {
    for (name, value) in split(parameters) {
        let known = match name.to_ascii_uppercase().as_slice() {
            b"SIZE" => match number(value) {
                Some(size) if size > config.size_max => return Err(TOO_BIG),
                size => size.is_some(),
            },
            b"BODY" => value.eq_ignore_ascii_case(b"7BIT") || value.eq_ignore_ascii_case(b"8BITMIME"),
            b"SMTPUTF8" => value.is_empty(),
            b"RET" => value.eq_ignore_ascii_case(b"FULL") || value.eq_ignore_ascii_case(b"HDRS"),
            b"ENVID" => (1..=100).contains(&value.len()) && is_xtext(value),
            b"REQUIRETLS" if tls => value.is_empty(),
            _ => return Err(UNKNOWN),
        };
        if !known {
            return Err(SYNTAX);
        }
    }
    Ok(())
}

/// Checks the parameters of RCPT.
///
/// # Errors
/// The refusal.
pub(super) fn rcpt(parameters: &[u8]) -> Result<(), &'static str> {
    for (name, value) in split(parameters) {
        let known = match name.to_ascii_uppercase().as_slice() {
            b"NOTIFY" => is_notify(value),
            b"ORCPT" => is_orcpt(value),
            _ => return Err(UNKNOWN),
        };
        if !known {
            return Err(SYNTAX);
        }
    }
    Ok(())
}

fn split(parameters: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    parameters.split(|&b| b == b' ').filter(|p| !p.is_empty()).map(|parameter| {
        let (name, value) = parameter.split_at(memchr(b'=', parameter).unwrap_or(parameter.len()));
        (name, value.strip_prefix(b"=").unwrap_or_default())
    })
}

/// RFC 3461 §4.1: NEVER alone, or a list of the others.
fn is_notify(value: &[u8]) -> bool {
    let is = |word: &[u8], name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    is(value, "NEVER")
        || value.split(|&b| b == b',').all(|word| is(word, "SUCCESS") || is(word, "FAILURE") || is(word, "DELAY"))
}

/// RFC 3461 §4.2, RFC 6533 §3: a type, and the address in its encoding.
fn is_orcpt(value: &[u8]) -> bool {
    let (kind, address) = value.split_at(memchr(b';', value).unwrap_or(value.len()));
    let address = address.strip_prefix(b";").unwrap_or_default();
    if kind.eq_ignore_ascii_case(b"utf-8") {
        return !address.is_empty() && std::str::from_utf8(address).is_ok();
    }
    !kind.is_empty() && !address.is_empty() && is_xtext(address)
}

/// RFC 3461 §4.
fn is_xtext(text: &[u8]) -> bool {
    let mut rest = text;
    while let [first, behind @ ..] = rest {
        rest = match (first, behind) {
            (b'+', [a, b, behind @ ..]) if is_hex(*a) && is_hex(*b) => behind,
            (b'+' | b'=', _) => return false,
            (first, behind) if first.is_ascii_graphic() => behind,
            _ => return false,
        };
    }
    true
}

fn is_hex(b: u8) -> bool {
    matches!(b, b'0'..=b'9' | b'A'..=b'F')
}
