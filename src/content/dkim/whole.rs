//! Signing a message that is whole already: one that no template made.
//!
//! Guarantees: the message itself is left as it is; the signatures stand before it. Leaves to others: its form, which must
//! be that of a message (CRLF line ends, an empty line after the fields).

use super::super::error::ComposeError;
use super::signature::Prepared;
use super::{Signer, body_hash, is_signed, relaxed_header};
use crate::base::clock::UnixTime;

/// Fields beside the usual ones: what a TLS report is told by (RFC 8460 §5.3), and how it may travel (RFC 8689 §5).
const MORE: [&str; 3] = ["TLS-Report-Domain", "TLS-Report-Submitter", "TLS-Required"];

/// The message with a signature of each signer before it, made at `date`.
///
/// # Errors
/// A key that cannot sign.
pub fn sign(message: &[u8], signers: Vec<Signer>, date: UnixTime) -> Result<Vec<u8>, ComposeError> {
    let fields_end = memchr::memmem::find(message, b"\r\n\r\n").map_or(message.len(), |at| at + 2);
    let (fields, rest) = message.split_at_checked(fields_end).unwrap_or((message, b""));
    let body = rest.strip_prefix(b"\r\n").unwrap_or(rest);
    let (mut names, mut canonical) = (Vec::new(), Vec::new());
    for field in split(fields) {
        let name = field.split(|&octet| octet == b':').next().unwrap_or_default().trim_ascii_end();
        let name = String::from_utf8_lossy(name).into_owned();
        if is_signed(&name) || MORE.iter().any(|more| more.eq_ignore_ascii_case(&name)) {
            relaxed_header(field, &mut canonical);
            names.push(name);
        }
    }
    let (mut signed, mut text) = (Vec::with_capacity(message.len() + 1024), Vec::new());
    let hash = body_hash(body, &mut text);
    for signer in signers {
        let prepared = Prepared::new(signer, &names);
        let room = prepared.write(date, &mut signed);
        prepared.fill(room, &hash, &mut canonical, &mut text, &mut signed)?;
    }
    signed.extend_from_slice(message);
    Ok(signed)
}

/// Each field with its folds and its CRLF.
pub(super) fn split(fields: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    let mut rest = fields;
    while !rest.is_empty() {
        let end = memchr::memmem::find_iter(rest, b"\r\n")
            .map(|at| at + 2)
            .find(|&end| !matches!(rest.get(end), Some(b' ' | b'\t')))
            .unwrap_or(rest.len());
        let (field, more) = rest.split_at_checked(end).unwrap_or((rest, b""));
        all.push(field);
        rest = more;
    }
    all
}
