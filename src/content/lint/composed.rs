//! A letter as it would arrive: what its size and its structure do to it.
//!
//! Guarantees: it is read as receivers read it, by a parser that knows nothing of how it was made. Leaves to others: what
//! stands in it.

use super::Remark;
use crate::mail::finding::Severity;
use mail_parser::{MessageParser, PartType};

/// Gmail shows so much of an HTML part, and hides the rest behind a link.
const CLIPPED_OCTETS: usize = 102 * 1024;
/// Many servers take no more.
const OCTETS_MAX: usize = 10 << 20;
/// Fields that stand once in a message (RFC 5322 §3.6).
const SINGLE: [&str; 11] =
    ["Date", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Message-ID", "In-Reply-To", "References", "Subject"];

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
        PartType::Html(html) => Some(html.len()),
        _ => None,
    });
    let has_text = message.text_body.iter().filter_map(text).any(|body| matches!(body, PartType::Text(_)));
    if let Some(size) = html.filter(|size| *size > CLIPPED_OCTETS) {
        let says =
            format!("the HTML part has {} KB: Gmail cuts it off at 102, with the way to unsubscribe", size / 1024);
        say(Severity::Warning, "gmail-clips", "", says, "shorten it: style blocks and comments of web editors first");
    }
    if html.is_some() && !has_text {
        let says = "the letter has no plain text part: filters count that".to_owned();
        say(Severity::Warning, "no-text", "", says, "add text = \"FILE\"");
    }
    if octets.len() > OCTETS_MAX {
        let says = format!("the message has {} MB, and many servers take no more than 10", octets.len() >> 20);
        say(Severity::Warning, "message-size", "552 5.3.4", says, "link to large files instead of attaching them");
    }
    let names: Vec<&str> = message.headers().iter().map(|header| header.name()).collect();
    for single in SINGLE {
        if names.iter().filter(|name| name.eq_ignore_ascii_case(single)).count() > 1 {
            let says = format!("the message has {single} more than once");
            say(Severity::Error, "duplicate-header", "550 5.7.1", says, "leave one out");
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
