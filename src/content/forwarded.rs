//! A whole message as a part of another one (message/rfc822, RFC 2046 §5.2.1). RFC 2045 §6.4 lets nobody encode it, so what in
//! it may not stand on the wire as it is, is encoded further in.
//!
//! Guarantees: what comes out is 7-bit, with CRLF and lines of at most 990 octets, none of which begins with a dot; readers
//! see the same text. Leaves to others: signatures of the inner message, which do not survive where a part is encoded.

use super::qp;
use crate::base::base64;
use mail_parser::{Encoding, MessageParser, PartType};

/// Longest line.
const LINE_MAX: usize = 990;
/// Messages within messages.
const DEPTH_MAX: usize = 8;

/// The message as it may stand in a part.
///
/// # Errors
/// Why it can not.
pub(crate) fn as_part(message: &[u8]) -> Result<Vec<u8>, &'static str> {
    let message = with_crlf(message);
    if fits(&message) { Ok(message) } else { encoded(&message, 0) }
}

/// Whether it can stand as it is.
fn fits(text: &[u8]) -> bool {
    text.is_ascii()
        && memchr::memchr(0, text).is_none()
        && text.split(|&b| b == b'\n').all(|line| line.len() <= LINE_MAX + 1 && !line.starts_with(b"."))
}

/// With each part that does not fit encoded.
fn encoded(message: &[u8], depth: usize) -> Result<Vec<u8>, &'static str> {
    let parsed = MessageParser::default().parse(message).ok_or("it is no message")?;
    let slice = |from: u32, to: u32| message.get(from as usize..to as usize).unwrap_or_default();
    let mut leaves: Vec<_> = parsed.parts.iter().filter(|part| !matches!(part.body, PartType::Multipart(_))).collect();
    leaves.sort_by_key(|part| part.offset_header);
    let mut out = Vec::with_capacity(message.len() + message.len() / 8);
    let mut done = 0;
    for part in leaves {
        let body = slice(part.offset_body, part.offset_end);
        if part.offset_header < done || fits(body) {
            continue;
        }
        out.extend_from_slice(slice(done, part.offset_header));
        let head = slice(part.offset_header, part.offset_body);
        match (&part.body, part.encoding) {
            // RFC 2046 §5.2.1: nobody may encode it as a whole.
            (PartType::Message(_), _) if depth == DEPTH_MAX => {
                return Err("messages stand in each other more than eight deep in it");
            }
            (PartType::Message(_), Encoding::None) => {
                out.extend_from_slice(head);
                out.extend(encoded(body, depth + 1)?);
            }
            (_, Encoding::QuotedPrintable) => {
                out.extend_from_slice(head);
                out.extend(without_dots(body));
            }
            (PartType::Binary(_) | PartType::InlineBinary(_), Encoding::None) => {
                declared(head, "base64", &mut out);
                base64::encode_lines(body, &mut out);
            }
            (_, Encoding::None) => {
                declared(head, "quoted-printable", &mut out);
                qp::encode(body, &mut out, &mut 0);
            }
            (_, Encoding::Base64) => return Err("a part in base 64 has lines that no message may have"),
        }
        done = part.offset_end;
    }
    out.extend_from_slice(message.get(done as usize..).unwrap_or_default());
    match fits(&out) {
        true => Ok(out),
        false => Err(
            "its header fields, or a part that is encoded already, have octets beyond ASCII, a line of more than 990 octets, or one that begins with a dot",
        ),
    }
}

/// The header of a part, with another encoding declared.
fn declared(head: &[u8], encoding: &str, out: &mut Vec<u8>) {
    const NAME: &[u8] = b"content-transfer-encoding:";
    let mut is_old = false;
    out.extend_from_slice(format!("Content-Transfer-Encoding: {encoding}\r\n").as_bytes());
    for line in head.split_inclusive(|&b| b == b'\n') {
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            is_old = line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME));
        }
        if !is_old {
            out.extend_from_slice(line);
        }
    }
}

/// Quoted-printable in which no line begins with a dot.
fn without_dots(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 64);
    for line in body.split_inclusive(|&b| b == b'\n') {
        match line.strip_prefix(b".") {
            Some(rest) => {
                out.extend_from_slice(b"=2E");
                out.extend_from_slice(rest);
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}

/// With CRLF at the end of each line, the last one too.
fn with_crlf(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 32);
    let mut rest = text;
    while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
        let (line, behind) = rest.split_at(end);
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
        rest = behind.strip_prefix(b"\r\n").or_else(|| behind.get(1..)).unwrap_or_default();
    }
    if !rest.is_empty() {
        out.extend_from_slice(rest);
        out.extend_from_slice(b"\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(message: &[u8]) -> String {
        let parsed = MessageParser::default().parse(message).unwrap();
        (0..parsed.text_body_count()).filter_map(|n| parsed.body_text(n)).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn a_plain_message_stays_as_it_is() {
        let message = b"From: a@b.example\nSubject: x\n\nHello.\nBye.\n";
        assert_eq!(as_part(message).unwrap(), b"From: a@b.example\r\nSubject: x\r\n\r\nHello.\r\nBye.\r\n");
    }

    #[test]
    fn what_may_not_stand_on_the_wire_is_encoded_further_in_and_reads_the_same() {
        let eight = "From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
                     Content-Transfer-Encoding: 8bit\r\nSubject: x\r\n\r\nGr\u{fc}\u{df}e\r\n.dot\r\n";
        let many = "From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
                    --b\r\n\r\n.one\r\n--b\r\nContent-Type: text/plain\r\n\
                    Content-Transfer-Encoding: quoted-printable\r\n\r\n..two=20x\r\n--b--\r\n";
        let long = format!("Subject: x\r\n\r\n{}\r\n", "word ".repeat(300));
        for message in [eight, many, &long] {
            let part = as_part(message.as_bytes()).unwrap();
            assert!(fits(&part) && part.ends_with(b"\r\n"), "{}", String::from_utf8_lossy(&part));
            assert_eq!(text_of(&part).trim_end(), text_of(message.as_bytes()).trim_end());
        }
        let part = String::from_utf8(as_part(eight.as_bytes()).unwrap()).unwrap();
        assert_eq!(part.matches("Content-Transfer-Encoding").count(), 1, "{part}");
    }

    #[test]
    fn a_message_within_is_mended_too() {
        let inner = "Subject: in\r\n\r\n.dotted\r\n";
        let message = format!("Subject: out\r\nMIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n{inner}");
        let part = as_part(message.as_bytes()).unwrap();
        assert!(fits(&part), "{}", String::from_utf8_lossy(&part));
        assert!(String::from_utf8(part).unwrap().contains("\r\n=2Edotted"));
    }

    #[test]
    fn messages_within_messages_are_never_encoded_as_a_whole() {
        let nested = |depth: usize| {
            let head = "MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n";
            format!("{}Subject: in\r\n\r\n.dotted\r\n", head.repeat(depth))
        };
        let part = String::from_utf8(as_part(nested(DEPTH_MAX).as_bytes()).unwrap()).unwrap();
        assert_eq!(part.matches("Content-Transfer-Encoding").count(), 1, "{part}");
        assert!(part.contains("Content-Transfer-Encoding: quoted-printable\r\nSubject: in"), "{part}");
        assert!(as_part(nested(DEPTH_MAX + 1).as_bytes()).unwrap_err().contains("more than eight deep"));
    }

    #[test]
    fn what_cannot_be_mended_is_refused() {
        assert!(as_part("Subject: \u{fc}\r\n\r\nx\r\n".as_bytes()).is_err());
    }
}
