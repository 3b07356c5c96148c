//! The relaxed canonical forms (RFC 6376 §3.4.2, §3.4.4).

use aws_lc_rs::digest;
use bytes::Bytes;

/// Appends the relaxed form of one whole header field, `Name: value`, folded as it may be. Ends with CRLF when the field
/// does.
pub(crate) fn relaxed_header(field: &[u8], out: &mut Vec<u8>) {
    let colon = memchr::memchr(b':', field).unwrap_or(field.len());
    let (name, value) = field.split_at(colon);
    out.extend(name.trim_ascii_end().iter().map(u8::to_ascii_lowercase));
    out.push(b':');
    let ended = value.ends_with(b"\r\n");
    let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
    let mut blank = false;
    for &b in value {
        match b {
            b' ' | b'\t' | b'\r' | b'\n' => blank = true,
            b => {
                if std::mem::take(&mut blank) {
                    out.push(b' ');
                }
                out.push(b);
            }
        }
    }
    if ended {
        out.extend_from_slice(b"\r\n");
    }
}

/// The SHA-256 of the relaxed form of a body whose lines end with CRLF. `buffer` is working room.
pub(crate) fn body_hash(body: &[u8], buffer: &mut Vec<u8>) -> [u8; 32] {
    octets(digest::digest(&digest::SHA256, canonical(body, true, buffer)))
}

/// The same for a body of whole lines, `begin`, and of a rest whose relaxed form is `rest`; that is not empty.
pub(crate) fn body_hash_with(begin: &[u8], rest: &[u8], buffer: &mut Vec<u8>) -> [u8; 32] {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(canonical(begin, false, buffer));
    hash.update(rest);
    octets(hash.finish())
}

/// The relaxed form of a body whose lines end with CRLF.
pub(crate) fn whole_body(body: Bytes) -> Bytes {
    let mut buffer = Vec::new();
    let same = canonical(&body, true, &mut buffer).as_ptr() == body.as_ptr();
    if same { body } else { buffer.into() }
}

fn octets(hash: digest::Digest) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(hash.as_ref());
    out
}

/// The relaxed form: `body` itself where it has it already, else made in `buffer`. Empty lines at the end go only where it
/// `ends` the body.
fn canonical<'b>(body: &'b [u8], ends: bool, buffer: &'b mut Vec<u8>) -> &'b [u8] {
    let within = memchr::memchr(b'\t', body).is_some() || memchr::memmem::find(body, b" \r").is_some();
    let at_end = || body.ends_with(b"\r\n\r\n") || body == b"\r\n" || !body.ends_with(b"\r\n");
    buffer.clear();
    if within || (ends && at_end()) {
        let dropped = relaxed_body(body, buffer);
        (0..dropped).filter(|_| !ends).for_each(|_| buffer.extend_from_slice(b"\r\n"));
    } else if memchr::memmem::find(body, b"  ").is_none() {
        return body;
    } else {
        single_blanks(body, buffer);
    }
    buffer
}

/// Copies `body`, whose only blanks are spaces between words, with one space for each run.
fn single_blanks(body: &[u8], out: &mut Vec<u8>) {
    out.reserve(body.len());
    let mut from = 0;
    // One searcher for the whole body: making one costs as much as a short search.
    for at in memchr::memmem::find_iter(body, b"  ") {
        // A run of several matches was skipped whole by its first.
        if at < from {
            continue;
        }
        out.extend_from_slice(&body[from..=at]);
        from = at + 1 + body[at + 1..].iter().take_while(|&&b| b == b' ').count();
    }
    out.extend_from_slice(body.get(from..).unwrap_or_default());
}

/// The whole rule: blanks at the end of a line go, runs of them become one space, empty lines at the end go. How many these
/// were.
pub(super) fn relaxed_body(body: &[u8], out: &mut Vec<u8>) -> usize {
    let mut empty_lines = 0usize;
    let mut lines = body;
    while !lines.is_empty() {
        let end = memchr::memmem::find(lines, b"\r\n");
        let line = lines.get(..end.unwrap_or(lines.len())).unwrap_or_default();
        lines = end.and_then(|e| lines.get(e + 2..)).unwrap_or_default();
        let kept = line.iter().rposition(|b| !matches!(b, b' ' | b'\t')).map_or(0, |p| p + 1);
        if kept == 0 {
            empty_lines += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut empty_lines) {
            out.extend_from_slice(b"\r\n");
        }
        let mut blank = false;
        for &b in &line[..kept] {
            if matches!(b, b' ' | b'\t') {
                blank = true;
                continue;
            }
            if std::mem::take(&mut blank) {
                out.push(b' ');
            }
            out.push(b);
        }
        out.extend_from_slice(b"\r\n");
    }
    empty_lines
}
