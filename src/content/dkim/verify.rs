//! A signature of our own, looked at as a receiver does (RFC 6376 §6.1): with the key that DNS has.
//!
//! Guarantees: the message is read anew, field by field, with nothing of what it was composed from. Leaves to others: signatures
//! that are made otherwise than here (other canonical forms, `l=`); looking keys up.

use super::whole::split;
use super::{Published, body_hash, relaxed_header};
use crate::base::base64;
use crate::mail::tag_list::{TagError, Tags};
use aws_lc_rs::digest::{SHA256, digest};

/// Why a signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The message has no signature of this domain and selector.
    #[error("the message has no signature of this key")]
    Unsigned,
    /// The field cannot be read.
    #[error("the DKIM-Signature field is no list of tags: {0}")]
    Tags(#[from] TagError),
    /// A tag is missing, or is not what is made here.
    #[error("the DKIM-Signature field's {0}= is missing, or is none that is made here")]
    Tag(&'static str),
    /// The body is another one.
    #[error("the hash of the body is another one")]
    Body,
    /// The fields are others, or the key is.
    #[error("the signature is not one of these fields by this key")]
    Signature,
}

/// Whether the signature of `domain` and `selector` in a whole message holds.
///
/// # Errors
/// [`VerifyError`].
pub fn verify(message: &[u8], domain: &str, selector: &str, key: &Published) -> Result<(), VerifyError> {
    let end = memchr::memmem::find(message, b"\r\n\r\n").map_or(message.len(), |at| at + 2);
    let (fields, rest) = message.split_at_checked(end).unwrap_or((message, b""));
    let body = rest.strip_prefix(b"\r\n").unwrap_or(rest);
    let fields: Vec<Field<'_>> = split(fields).into_iter().map(Field::read).collect();
    let mut signatures = fields.iter().filter(|field| field.is("DKIM-Signature"));
    let of_this_key = |field: &&Field<'_>| {
        let value = field.value();
        Tags::read(&value).is_ok_and(|tags| {
            tags.get("d").is_some_and(|d| d.eq_ignore_ascii_case(domain)) && tags.get("s") == Some(selector)
        })
    };
    let signature = signatures.find(of_this_key).ok_or(VerifyError::Unsigned)?;
    let value = signature.value();
    let tags = Tags::read(&value)?;
    if tags.get("c") != Some("relaxed/relaxed") {
        return Err(VerifyError::Tag("c"));
    }
    let octets = |tag: &'static str| tags.get(tag).and_then(base64::decode).ok_or(VerifyError::Tag(tag));
    if octets("bh")? != body_hash(body, &mut Vec::new()) {
        return Err(VerifyError::Body);
    }
    let named = tags.get("h").ok_or(VerifyError::Tag("h"))?;
    let mut signed = Vec::new();
    fields_named(&fields, named).for_each(|field| relaxed_header(field.octets, &mut signed));
    signature.without_its_value(&mut signed);
    let hash = digest(&SHA256, &signed);
    if key.verifies(&signed, hash.as_ref(), &octets("b")?) { Ok(()) } else { Err(VerifyError::Signature) }
}

/// One field, with its folds and its line end.
struct Field<'m> {
    octets: &'m [u8],
    name: &'m [u8],
}

impl<'m> Field<'m> {
    fn read(octets: &'m [u8]) -> Self {
        let name = octets.split(|&b| b == b':').next().unwrap_or_default().trim_ascii_end();
        Self { octets, name }
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// What stands behind the colon, unfolded.
    fn value(&self) -> String {
        let at = memchr::memchr(b':', self.octets).map_or(self.octets.len(), |at| at + 1);
        String::from_utf8_lossy(self.octets.get(at..).unwrap_or_default()).replace(['\r', '\n'], "")
    }

    /// RFC 6376 §3.7: the field itself comes last, with an empty `b=` and without its CRLF.
    fn without_its_value(&self, out: &mut Vec<u8>) {
        let field = self.octets.strip_suffix(b"\r\n").unwrap_or(self.octets);
        let mut emptied = Vec::with_capacity(field.len());
        for (number, part) in field.split(|&b| b == b';').enumerate() {
            if number > 0 {
                emptied.push(b';');
            }
            let equals = memchr::memchr(b'=', part).unwrap_or(part.len());
            let (name, _) = part.split_at_checked(equals).unwrap_or((part, b""));
            if name.trim_ascii() == b"b" {
                emptied.extend_from_slice(name);
                emptied.push(b'=');
            } else {
                emptied.extend_from_slice(part);
            }
        }
        relaxed_header(&emptied, out);
    }
}

/// The fields that `h=` names, from the last of each name up; a name more often than it is there stands for nothing (RFC 6376
/// §5.4.2).
fn fields_named<'f, 'm>(fields: &'f [Field<'m>], named: &str) -> impl Iterator<Item = &'f Field<'m>> {
    let mut left: Vec<&Field<'m>> = fields.iter().collect();
    let take = |name: &str| {
        let at = left.iter().rposition(|field| field.is(name.trim()))?;
        Some(left.remove(at))
    };
    named.split(':').filter_map(take).collect::<Vec<_>>().into_iter()
}
