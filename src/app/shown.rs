//! A letter as its reader sees it: headers and parts decoded, whatever they are encoded with for the way.
//!
//! Guarantees: what is shown is what was read back from the octets that would be sent, by a parser that knows nothing of how
//! they were made. Leaves to others: making them (`content`), and where they are shown.

use html2text::config;
use mail_parser::{HeaderValue, MessageParser, MimeHeaders as _, PartType};
use std::fmt::Write as _;

/// How wide the text is that is made from HTML, where the terminal is not narrower.
pub const TEXT_COLUMNS: usize = 78;
/// The headers that a reader is shown, in this order.
const READ: [&str; 6] = ["From", "To", "Cc", "Reply-To", "Subject", "List-Unsubscribe"];

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Shown {
    /// Every header in its order, with the value as a reader sees it.
    pub headers: Vec<(String, String)>,
    /// The text part.
    pub text: Option<String>,
    /// The HTML part.
    pub html: Option<String>,
    /// Everything else that is in it.
    pub files: Vec<Enclosed>,
    /// How many octets the letter has.
    pub octets: usize,
}

/// A file that is sent along, or a picture that the HTML shows.
#[derive(Debug)]
pub struct Enclosed {
    /// What it is called.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// What the HTML calls it, if it does (`cid:`).
    pub inline_id: Option<String>,
    /// What is in it.
    pub octets: Vec<u8>,
}

impl Shown {
    /// Reads a letter; one that is none has nothing in it.
    #[must_use]
    pub fn read(content: &[u8]) -> Self {
        let parser = MessageParser::new().with_mime_headers().default_header_text();
        let Some(message) = parser.parse(content) else { return Self { octets: content.len(), ..Self::default() } };
        let header = |header: &mail_parser::Header<'_>| {
            let value = match &header.value {
                HeaderValue::Text(text) => text.to_string(),
                _ => {
                    let raw = content.get(header.offset_start as usize..header.offset_end as usize);
                    String::from_utf8_lossy(raw.unwrap_or_default()).into_owned()
                }
            };
            (header.name().to_owned(), value.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        let mut shown =
            Self { headers: message.headers().iter().map(header).collect(), octets: content.len(), ..Self::default() };
        for part in &message.parts {
            let is_file = part.content_disposition().is_some_and(mail_parser::ContentType::is_attachment);
            match &part.body {
                PartType::Multipart(_) => continue,
                PartType::Text(text) if shown.text.is_none() && !is_file => {
                    shown.text = Some(text.replace("\r\n", "\n"));
                    continue;
                }
                PartType::Html(html) if shown.html.is_none() && !is_file => {
                    shown.html = Some(html.replace("\r\n", "\n"));
                    continue;
                }
                _ => {}
            }
            let media_type = part.content_type().map_or_else(
                || "application/octet-stream".to_owned(),
                |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()).to_ascii_lowercase(),
            );
            shown.files.push(Enclosed {
                name: part.attachment_name().unwrap_or_default().to_owned(),
                media_type,
                inline_id: part.content_id().map(str::to_owned),
                octets: part.contents().to_vec(),
            });
        }
        shown
    }

    /// The value of the first header of this name; empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    /// The HTML part as text of so many columns, if there is one.
    #[must_use]
    pub fn html_as_text(&self, columns: usize) -> Option<String> {
        let html = self.html.as_ref()?;
        let text = config::plain().string_from_read(html.as_bytes(), columns).ok()?;
        Some(text.lines().map(|line| format!("{}\n", line.trim_end())).collect())
    }

    /// All of it as text of so many columns, for a terminal that escapes what is no text.
    #[must_use]
    pub fn as_text(&self, columns: usize) -> String {
        let mut text = String::new();
        let read =
            READ.iter().filter_map(|name| Some((*name, self.header(name))).filter(|(_, value)| !value.is_empty()));
        for (name, value) in read {
            let _ = writeln!(text, "{name}: {value}");
        }
        if let Some(part) = &self.text {
            let _ = writeln!(text, "\n{}", part.trim_end());
        }
        if let Some(part) = self.html_as_text(columns) {
            let _ = writeln!(text, "\n[HTML part, as text]\n{}", part.trim_end());
        }
        if !self.files.is_empty() {
            text.push('\n');
        }
        for file in &self.files {
            let Enclosed { name, media_type, inline_id, octets } = file;
            let shown_as = inline_id.as_ref().map_or(String::new(), |id| format!(", shown as cid:{id}"));
            let _ = writeln!(text, "[{name}, {media_type}, {} octets{shown_as}]", octets.len());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_read_back_as_a_reader_sees_it() {
        let content = b"From: =?utf-8?Q?B=C3=BCro?= <b@a.example>\r\nSubject: =?utf-8?B?R3LDvMOfZQ==?=\r\n\
            MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\
            Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe=\r\n!\r\n\
            --x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hallo <b>du</b></p>\r\n--x\r\n\
            Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\nabc\r\n--x--\r\n";
        let shown = Shown::read(content);
        assert_eq!(shown.header("from"), "B\u{fc}ro <b@a.example>");
        assert_eq!(shown.header("Subject"), "Gr\u{fc}\u{df}e");
        assert_eq!(shown.text.as_deref().map(str::trim_end), Some("Gr\u{fc}\u{df}e!"));
        assert!(shown.html_as_text(TEXT_COLUMNS).unwrap().contains("Hallo"));
        assert_eq!((shown.files.len(), shown.files[0].name.as_str()), (1, "a.pdf"));
        let text = shown.as_text(TEXT_COLUMNS);
        assert!(text.contains("Gr\u{fc}\u{df}e!") && text.contains("[a.pdf, application/pdf, 3 octets]"), "{text}");
    }

    #[test]
    fn what_is_no_letter_is_shown_as_nothing() {
        assert_eq!(Shown::read(b"").headers.len(), 0);
    }
}
