//! A letter as it would arrive: what its size and its structure do to it.
//!
//! Guarantees: it is read as receivers read it, by a parser that knows nothing of how it was made. Leaves to others: what
//! stands in it.

use super::Remark;
use super::links::shown;
use crate::base::many::size;
use crate::mail::finding::Severity;
use mail_parser::{MessageParser, PartType};

/// Gmail shows so much of an HTML part, and hides the rest behind a link.
const CLIPPED_OCTETS: usize = 102 * 1024;
/// Many servers take no more.
const OCTETS_MAX: usize = 10 << 20;
/// Fields that stand once in a message (RFC 5322 §3.6).
const SINGLE: [&str; 11] =
    ["Date", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To", "References", "Subject"];

/// Fields that hold addresses; whom a letter goes to is the list's business.
const ADDRESSES: [&str; 4] = ["From", "Sender", "Reply-To", "Cc"];

/// Looks at the octets of a message.
#[must_use]
pub fn look_at(octets: &[u8]) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut say = |severity, check, draws, says: String, hint: &str| {
        let hint = hint.to_owned();
        remarks.push(Remark { severity, check, place: None, position: None, says, hint, draws });
    };
    let Some(message) = MessageParser::default().parse(octets) else {
        say(Severity::Error, "message", "554 5.6.0", "no parser reads the message".to_owned(), "");
        return remarks;
    };
    let text = |id: &u32| message.parts.get(*id as usize).map(|part| &part.body);
    let html = message.html_body.iter().filter_map(text).find_map(|body| match body {
        PartType::Html(html) => Some(html.as_ref()),
        _ => None,
    });
    if let Some(url) = html.and_then(doubled) {
        let says =
            format!("a link of the letter begins twice, {}: the column has the whole address already", shown(url));
        say(Severity::Warning, "link-scheme", "", says, "write the column alone: href=\"{{ url }}\"");
    }
    let has_text = message.text_body.iter().filter_map(text).any(|body| matches!(body, PartType::Text(_)));
    if let Some(long) = html.map(str::len).filter(|octets| *octets > CLIPPED_OCTETS) {
        let (has, most) = (size(long as u64), size(CLIPPED_OCTETS as u64));
        let says = format!("the HTML part has {has}: Gmail cuts it off at {most}, with the way to unsubscribe");
        say(Severity::Warning, "gmail-clips", "", says, "shorten it: style blocks and comments of web editors first");
    }
    if html.is_some() && !has_text {
        let says = "the letter has no plain text part: filters count that".to_owned();
        say(Severity::Warning, "no-text", "", says, "add text = \"FILE\"");
    }
    if octets.len() > OCTETS_MAX {
        let (has, most) = (size(octets.len() as u64), size(OCTETS_MAX as u64));
        let says = format!("the message has {has}, and many servers take no more than {most}");
        say(Severity::Warning, "message-size", "552 5.3.4", says, "link to large files instead of attaching them");
    }
    let names: Vec<&str> = message.headers().iter().map(|header| header.name()).collect();
    for single in SINGLE {
        if names.iter().filter(|name| name.eq_ignore_ascii_case(single)).count() > 1 {
            let says = format!("the message has {single} more than once");
            say(Severity::Error, "duplicate-header", "550 5.7.1", says, "leave one out");
        }
    }
    for (name, value) in fields(octets) {
        if !value.is_ascii() && !name.eq_ignore_ascii_case(b"To") {
            let name = String::from_utf8_lossy(name);
            let says = format!("the field {name} holds letters beyond ASCII as they are, for its address has some");
            let hint = "write an address in ASCII: few servers take others (SMTPUTF8)";
            say(Severity::Warning, "raw-8-bit", "550 5.7.1", says, hint);
        }
        if ADDRESSES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes())) && has_encoded_address(value) {
            let name = String::from_utf8_lossy(name);
            let says = format!("an address in the field {name} is an encoded word (RFC 2047), which no address may be");
            say(Severity::Warning, "encoded-word", "550 5.7.1", says, "write the address itself");
        }
    }
    if message.from().is_none_or(|from| from.iter().count() != 1) {
        let says = "the message is not from exactly one address".to_owned();
        say(Severity::Error, "from", "550 5.7.1", says, "from = \"Name <name@domain>\"");
    }
    if message.message_id().is_none_or(|id| !id.contains('@')) {
        let says = "the message has no Message-ID that identifies it".to_owned();
        say(Severity::Error, "message-id", "550 5.7.1", says, "");
    }
    if message.subject().is_none_or(|subject| subject.trim().is_empty()) {
        say(Severity::Warning, "empty-subject", "", "the subject comes out empty".to_owned(), "give it a default");
    }
    remarks
}

/// The first address in a page that another one begins in at once: what was written before a value that has it all.
fn doubled(html: &str) -> Option<&str> {
    let marks = ["https://https://", "https://http://", "http://https://", "http://http://"];
    let all = marks.iter().flat_map(|mark| html.match_indices(mark)).map(|(at, _)| at);
    let is_value = |at: &usize| html.get(..*at).is_some_and(|before| before.ends_with(['"', '\'', '=']));
    let rest = html.get(all.filter(is_value).min()?..)?;
    rest.split(['"', '\'', ' ', '>']).next()
}

/// The fields of a message's head: their names, and their values as they stand there.
fn fields(octets: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let head = memchr::memmem::find(octets, b"\r\n\r\n").and_then(|end| octets.get(..end)).unwrap_or(octets);
    let ends = memchr::memmem::find_iter(head, b"\r\n")
        .filter(move |end| !head.get(end + 2).is_some_and(|b| matches!(b, b' ' | b'\t')))
        .chain([head.len()]);
    let mut from = 0;
    ends.filter_map(move |end| {
        let field = head.get(from..end)?;
        from = end + 2;
        let colon = memchr::memchr(b':', field)?;
        Some((field.get(..colon)?, field.get(colon + 1..)?))
    })
}

/// Whether an encoded word is, or is a part of, an address; in the names beside them they belong.
fn has_encoded_address(value: &[u8]) -> bool {
    memchr::memmem::find_iter(value, b"=?").any(|at| {
        let word = value.get(at..).unwrap_or_default();
        let end = word.iter().position(|b| b.is_ascii_whitespace() || b",>".contains(b)).unwrap_or(word.len());
        word.get(..end).is_some_and(|word| word.contains(&b'@') && memchr::memmem::find(word, b"?=").is_some())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(head: &str) -> Vec<(&'static str, String)> {
        let whole = format!("{head}Message-ID: <a@b.example>\r\nSubject: s\r\n\r\n=?utf-8?Q?a?=@b.example \u{e9}\r\n");
        look_at(whole.as_bytes()).into_iter().map(|remark| (remark.check, remark.says)).collect()
    }

    #[test]
    fn letters_beyond_ascii_and_encoded_words_are_found_where_they_may_not_stand() {
        assert_eq!(found("From: =?UTF-8?Q?J=C3=B6rg_=40?=\r\n <news@a.example>\r\nTo: j\u{f6}rg@a.example\r\n"), []);
        for (head, check, field) in [
            ("From: J <j\u{f6}rg@a.example>\r\n", "raw-8-bit", "From"),
            ("From: a@a.example\r\nReply-To: A\r\n <=?utf-8?Q?j=C3=B6?=@a.example>\r\n", "encoded-word", "Reply-To"),
            ("Sender: =?utf-8?B?YQ==?=@a.example\r\nFrom: a@a.example\r\n", "encoded-word", "Sender"),
        ] {
            let told = found(head);
            assert!(told.len() == 1 && told[0].0 == check && told[0].1.contains(field), "{head}: {told:?}");
        }
    }

    #[test]
    fn an_address_that_a_row_begins_anew_is_told() {
        let told = |html: &str| {
            let whole = format!(
                "From: a@acme.example\r\nMessage-ID: <a@b.example>\r\nSubject: s\r\nContent-Type: text/html\r\n\r\n{html}\r\n"
            );
            let found = look_at(whole.as_bytes()).into_iter().find(|remark| remark.check == "link-scheme");
            found.map(|remark| remark.says)
        };
        let says = told("<p>x</p><a href=\"https://http://acme.example/a\">y</a>").unwrap();
        assert!(says.contains("`https://http://acme.example/a`"), "{says}");
        for html in ["<a href=\"https://web.example/http://acme.example\">x</a>", "<p>https://https:// is none</p>"] {
            assert_eq!(told(html), None, "{html}");
        }
    }

    #[test]
    fn fields_that_stand_once_in_a_message_and_what_identifies_it_are_looked_at() {
        let from = "From: a@acme.example\r\n";
        let checks = |head: &str| -> Vec<&'static str> { found(head).into_iter().map(|(check, _)| check).collect() };
        assert_eq!(checks(from), Vec::<&str>::new());
        for twice in ["Reply-To: b@acme.example\r\n", "DATE: x\r\n", "Sender: b@acme.example\r\n"] {
            assert_eq!(checks(&format!("{from}{twice}{twice}")), ["duplicate-header"], "{twice}");
        }
        assert_eq!(checks(&format!("{from}X-A: b\r\nX-A: c\r\n")), Vec::<&str>::new());
        let message = |head: &str| look_at(format!("{from}{head}Subject: s\r\n\r\nx\r\n").as_bytes());
        for head in ["", "Message-ID: <a>\r\n"] {
            assert!(message(head).iter().any(|remark| remark.check == "message-id"), "{head}");
        }
        assert!(message("Message-ID: <a@b.example>\r\n").is_empty());
    }
}
