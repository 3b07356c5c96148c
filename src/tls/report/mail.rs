//! The mail that carries a report (RFC 8460 §5.3), and the name of its file (§5.1).

use super::tally::time;
use super::{Report, Submitter};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt::Write as _;
use std::io::Write as _;

/// What makes one mail different from all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailIds {
    /// The report's id, unique over all reports of the submitter: letters, digits, `-`, `.`.
    pub report: Box<str>,
    /// When the mail is written, in seconds since 1970.
    pub written_s: i64,
}

/// A report, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The report's file: `sender.example!receiver.example!1470009600!1470095999!id.json.gz`.
    pub file: String,
    /// The report, compressed by gzip: what is POSTed to an `https:` address as `application/tlsrpt+gzip`.
    pub gzip: Vec<u8>,
    /// The message: CRLF line ends, ASCII, no line longer than 998 octets, none begins with a dot.
    pub message: Vec<u8>,
}

impl Report {
    /// The report to `to`, from `from`. Both must be addresses without display names; whatever is not printable ASCII in
    /// any argument is left out of the headers.
    #[must_use]
    pub fn mail(&self, submitter: &Submitter, from: &str, to: &str, ids: &MailIds) -> Mail {
        let (begin, end) = self.seconds();
        let id = plain(&ids.report);
        let (domain, sender) = (plain(&self.domain), plain(&submitter.domain));
        let file = format!("{sender}!{domain}!{begin}!{end}!{id}.json.gz");
        let gzip = compressed(self.json(submitter, &id).as_bytes());
        let boundary = format!("=_tlsrpt_{}", id.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
        let date = jiff::Timestamp::from_second(ids.written_s).unwrap_or_default();
        let (good, bad) = self.sessions();
        let mut text = String::with_capacity(gzip.len() * 3 / 2 + 2048);
        for (name, value) in [
            ("From", plain(from)),
            ("To", plain(to)),
            ("Date", date.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()),
            ("Message-ID", format!("<{id}@{sender}>")),
            ("Subject", format!("Report Domain: {domain}\r\n Submitter: {sender}\r\n Report-ID: <{id}>")),
            ("TLS-Report-Domain", domain.clone()),
            ("TLS-Report-Submitter", sender.clone()),
            // RFC 8460 §3: the report is to arrive "despite any TLS-related failures"; RFC 8689 §5 is how that is said.
            ("TLS-Required", "No".to_owned()),
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("MIME-Version", "1.0".to_owned()),
            ("Content-Type", format!("multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"{boundary}\"")),
        ] {
            let _infallible = write!(text, "{name}: {value}\r\n");
        }
        let _infallible = write!(
            text,
            "\r\n--{boundary}\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
             This is a TLS report (RFC 8460) about mail from {sender}\r\nto {domain}\r\n\
             from {} to {}:\r\n{good} sessions succeeded, {bad} failed.\r\n\r\n\
             --{boundary}\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment;\r\n filename=\"{file}\"\r\n\r\n",
            time(begin),
            time(end),
        );
        base64_lines(&gzip, &mut text);
        let _infallible = write!(text, "--{boundary}--\r\n");
        Mail { file, gzip, message: text.into_bytes() }
    }
}

/// What may stand in a header and in a file's name.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '/' | '!' | '<' | '>'))
        .take(320)
        .collect()
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail; should it, an empty report says so at its reader's.
    let written = encoder.write_all(bytes);
    written.and_then(|()| encoder.finish()).unwrap_or_default()
}

/// RFC 4648 §4, in lines of 76.
fn base64_lines(bytes: &[u8], out: &mut String) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for line in bytes.chunks(57) {
        for group in line.chunks(3) {
            let octet = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
            let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
            for place in 0..4 {
                let letter = LETTERS.get((bits >> (18 - 6 * place) & 63) as usize).copied().unwrap_or(b'=');
                out.push(if place <= group.len() { char::from(letter) } else { '=' });
            }
        }
        out.push_str("\r\n");
    }
}
