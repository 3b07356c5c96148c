//! What may be a token or a Message-ID of ours, in a text of any kind: a URL, a header, a return path, a bounce with the letter in
//! it.
//!
//! Guarantees: time and memory grow with the text alone; encodings of mail are undone (soft line breaks, base64, parts within
//! parts), and lines that were wrapped or quoted are joined. Leaves to others: whose they are.

use crate::content::{MESSAGE_ID_LEN, Token};
use mail_parser::{MessageParser, PartType};
use std::borrow::Cow;

/// Messages within messages that are looked into.
const DEPTH_MAX: usize = 4;

/// The texts in which something may stand: the text itself, and what it is when encodings and line breaks are undone.
pub fn readings(text: &[u8]) -> Vec<Cow<'_, [u8]>> {
    let mut all = vec![Cow::Borrowed(text)];
    if memchr::memchr(b'\n', text).is_some() {
        all.push(Cow::Owned(joined(text, true)));
        all.push(Cow::Owned(joined(text, false)));
    }
    if let Some(message) = MessageParser::default().parse(text) {
        parts(&message, DEPTH_MAX, &mut all);
    }
    all
}

fn parts(message: &mail_parser::Message<'_>, depth: usize, all: &mut Vec<Cow<'_, [u8]>>) {
    for part in &message.parts {
        match &part.body {
            PartType::Text(text) | PartType::Html(text) => all.push(Cow::Owned(text.as_bytes().to_vec())),
            PartType::Binary(octets) | PartType::InlineBinary(octets) => all.push(Cow::Owned(octets.to_vec())),
            PartType::Message(inner) if depth > 0 => parts(inner, depth - 1, all),
            PartType::Message(_) | PartType::Multipart(_) => {}
        }
    }
}

/// The text without soft line breaks (RFC 2045 §6.7), or without line breaks, and the marks of quoting behind them.
fn joined(text: &[u8], soft: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for (n, line) in text.split(|b| *b == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let bare = line
            .iter()
            .position(|b| !matches!(b, b' ' | b'\t' | b'>'))
            .map_or(&b""[..], |at| line.get(at..).unwrap_or_default());
        match (soft, n) {
            (false, 0) => out.extend_from_slice(line),
            (false, _) => out.extend_from_slice(bare.trim_ascii_end()),
            (true, _) => match line.strip_suffix(b"=") {
                Some(line) => out.extend_from_slice(line),
                None => out.extend_from_slice(&[line, b"\n"].concat()),
            },
        }
    }
    out
}

/// What may be a token, in lower case; `true`: nothing else stands beside it that could belong to it.
pub fn tokens(text: &[u8]) -> impl Iterator<Item = (String, bool)> + '_ {
    let is_of_token = |b: &u8| b.is_ascii_alphabetic() || matches!(b, b'2'..=b'7');
    text.split(move |b| !is_of_token(b)).filter(|run| run.len() >= Token::LEN).flat_map(|run| {
        let is_whole = run.len() == Token::LEN;
        run.windows(Token::LEN).map(move |window| (String::from_utf8_lossy(window).to_ascii_lowercase(), is_whole))
    })
}

/// What may be the local-part of a Message-ID.
pub fn message_ids(text: &[u8]) -> impl Iterator<Item = [u8; MESSAGE_ID_LEN]> + '_ {
    text.split(|b| !b.is_ascii_alphanumeric()).filter_map(|run| {
        let digits = std::str::from_utf8(run).ok().filter(|digits| digits.len() == 2 * MESSAGE_ID_LEN)?;
        let number = digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u128::from_str_radix(digits, 16).ok())??;
        Some(number.to_be_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::IdentityKey;

    fn token() -> String {
        Token::make(&IdentityKey::new(&[7; 32]), 3, 5).as_str().to_owned()
    }

    fn finds(text: &str) -> bool {
        readings(text.as_bytes()).iter().any(|reading| tokens(reading).any(|(found, _)| found == token()))
    }

    #[test]
    fn a_token_is_found_wherever_it_stands() {
        let token = token();
        let (front, back) = token.split_at(11);
        let encoded = {
            let mut out = Vec::new();
            crate::base::base64::encode_lines(
                format!("Leave: https://acme.example/u/{token}\r\n").as_bytes(),
                &mut out,
            );
            String::from_utf8(out).unwrap()
        };
        for text in [
            token.clone(),
            token.to_uppercase(),
            format!("https://acme.example/u/{token}?x=1"),
            format!("https://acme.example/?t=3D{token}&a"),
            format!("List-Unsubscribe: <https://acme.example/u?t={token}>,\r\n <mailto:leave+{token}@acme.example>"),
            format!("b+{token}@bounce.acme.example"),
            format!("prefix{token}suffix"),
            format!("Final-Recipient: rfc822; x\n\n<a href=3D\"https://acme.example/u/{front}=\r\n{back}\">"),
            format!("> https://acme.example/u/{front}\n> {back} was the link"),
            format!(
                "From: x@y.example\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}"
            ),
            format!(
                "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\
                 Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n--b--\r\n"
            ),
        ] {
            assert!(finds(&text), "{text}");
        }
        assert!(!finds(front) && !finds("") && !finds(&token.replace('a', "8")));
    }

    #[test]
    fn a_message_id_is_32_digits_and_nothing_beside_them() {
        let id = "00112233445566778899aabbccddeeff";
        let found: Vec<_> = message_ids(format!("Message-ID: <{id}@acme.example>").as_bytes()).collect();
        assert_eq!(
            found,
            [[0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff]]
        );
        assert_eq!(message_ids(format!("x{id}").as_bytes()).count() + message_ids(&id.as_bytes()[1..]).count(), 0);
    }
}
