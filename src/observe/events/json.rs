//! Events as lines of JSON. One object a line, fields in a fixed order, absent ones left out.
//!
//! Guarantees: a line is valid JSON and valid UTF-8 whatever a peer said; control and format characters are escaped, so
//! that a line shown on a terminal lies to nobody; octets that are no UTF-8 become `\xNN`; a text is cut after
//! [`TEXT_MAX`] octets. Writing a line allocates nothing but room in its buffer.

use crate::base::clock::Now;
use crate::mail::event::{Event, Last, SessionSpans, Spans, Tls, Told, Via};
use crate::mail::{Enhanced, ReplyRef};
use std::io::Write;
use std::time::Duration;

/// Octets of a peer's text in one line.
pub const TEXT_MAX: usize = 512;

/// An address that is to be put into a line: it has to be read from its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Where in the buffer.
    pub at: usize,
    /// The row.
    pub row: u32,
}

/// The wall clock in milliseconds: a driver's monotonic time, anchored to the system's clock.
#[derive(Clone, Debug)]
pub struct Clock {
    /// What is added to monotonic milliseconds.
    offset_ms: i64,
    /// The second whose text is kept.
    second: u64,
    text: [u8; 19],
}

impl Clock {
    /// A clock that shows `unix_ms` at `now`.
    #[must_use]
    pub fn new(now: Now, unix_ms: u64) -> Self {
        let offset_ms = unix_ms as i64 - (now.mono.0 / 1000) as i64;
        Self { offset_ms, second: u64::MAX, text: [b'0'; 19] }
    }

    /// Milliseconds since 1970. Follows the driver's wall clock where the two have drifted apart.
    fn ms(&mut self, now: Now) -> u64 {
        let ms = ((now.mono.0 / 1000) as i64).saturating_add(self.offset_ms).max(0) as u64;
        let says = u64::from(now.unix.0);
        if (ms / 1000).abs_diff(says) <= 1 {
            return ms;
        }
        self.offset_ms = says as i64 * 1000 - (now.mono.0 / 1000) as i64;
        says * 1000
    }

    /// RFC 3339, in UTC, with milliseconds.
    fn write(&mut self, now: Now, out: &mut Vec<u8>) {
        let ms = self.ms(now);
        if ms / 1000 != self.second {
            self.second = ms / 1000;
            self.text = civil(self.second);
        }
        out.extend_from_slice(&self.text);
        let rest = (ms % 1000) as u16;
        let digit = |n: u16| b'0' + (n % 10) as u8;
        out.extend_from_slice(&[b'.', digit(rest / 100), digit(rest / 10), digit(rest), b'Z']);
    }
}

/// `2026-01-31T23:59:59` of a second since 1970.
#[must_use]
pub fn civil(unix_s: u64) -> [u8; 19] {
    // Days since 0000-03-01, in eras of 400 years.
    let days = unix_s / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    let second = unix_s % 86_400;
    let mut text = *b"0000-00-00T00:00:00";
    let parts = [
        (0, 4, year),
        (5, 2, month),
        (8, 2, day),
        (11, 2, second / 3600),
        (14, 2, second / 60 % 60),
        (17, 2, second % 60),
    ];
    for (at, width, mut n) in parts {
        for digit in text.iter_mut().skip(at).take(width).rev() {
            *digit = b'0' + (n % 10) as u8;
            n /= 10;
        }
    }
    text
}

/// Writes one event as a line. Addresses that are not known are left to be filled in: `gaps`.
pub fn line(event: &Event<'_>, campaign: &str, now: Now, clock: &mut Clock, out: &mut Vec<u8>, gaps: &mut Vec<Gap>) {
    out.extend_from_slice(b"{\"time\":\"");
    clock.write(now, out);
    out.extend_from_slice(b"\",\"event\":");
    let mut to = Object(out);
    match event {
        Event::Recipient(told) => to.recipient(told, campaign, gaps),
        Event::SessionOpened { via, spans } => {
            to.value(b"session_opened", campaign);
            to.via(via);
            to.opening(spans);
        }
        Event::SessionEnded { via, end, phase, reply, why, transactions, delivered, lasted } => {
            to.value(b"session_ended", campaign);
            to.via(via);
            to.text("end", end.as_bytes());
            to.text("phase", phase.as_bytes());
            match reply {
                Some(reply) => to.reply(*reply),
                None if why.is_empty() => {}
                None => to.text("text", why.as_bytes()),
            }
            to.number("transactions", *transactions);
            to.number("recipients_delivered", *delivered);
            to.millis("lasted_ms", Some(*lasted));
        }
        Event::SitePaused { site, pause, why } => {
            to.value(b"site_paused", campaign);
            to.text("site", site.as_bytes());
            to.millis("pause_ms", Some(*pause));
            to.text("text", why.as_bytes());
        }
        Event::MailingHeld { reason, host, reply, says } => {
            to.value(b"mailing_held", campaign);
            to.text("reason", reason.as_bytes());
            to.text("host", host.as_bytes());
            to.text("reply", reply.as_bytes());
            to.text("text", says.as_bytes());
        }
        Event::SiteResumed { site } => {
            to.value(b"site_resumed", campaign);
            to.text("site", site.as_bytes());
        }
    }
    out.extend_from_slice(b"}\n");
}

/// The fields that name a recipient: what fills a [`Gap`].
pub fn address(path: &[u8], out: &mut Vec<u8>) {
    let mut to = Object(out);
    to.text("recipient", path);
    let domain = memchr::memrchr(b'@', path).and_then(|at| path.get(at + 1..)).unwrap_or_default();
    to.text("domain", domain);
}

struct Object<'a>(&'a mut Vec<u8>);

impl Object<'_> {
    fn recipient(&mut self, told: &Told<'_>, campaign: &str, gaps: &mut Vec<Gap>) {
        self.value(told.outcome.word().as_bytes(), campaign);
        self.flag("final", told.outcome.is_final());
        match told.path {
            Some(path) => address(path, self.0),
            None => gaps.push(Gap { at: self.0.len(), row: told.row }),
        }
        self.number("table_row", told.row.into());
        self.number("attempt", told.attempt.into());
        if let Some(via) = told.via {
            self.via(via);
        }
        if let Some(Last { site, host, tried }) = told.last {
            for (key, name) in [("site", site), ("host", host)] {
                if !name.is_empty() {
                    self.text(key, name.as_bytes());
                }
            }
            self.key("tried_at");
            self.0.push(b'"');
            self.0.extend_from_slice(&civil(tried.0.into()));
            self.0.extend_from_slice(b"Z\"");
        }
        if !told.phase.is_empty() {
            self.text("phase", told.phase.as_bytes());
        }
        if !told.cause.is_empty() {
            self.text("cause", told.cause.as_bytes());
        }
        self.reply(told.reply);
        if told.octets > 0 {
            self.number("octets", told.octets.into());
        }
        self.transaction(&told.spans);
    }

    fn via(&mut self, via: &Via<'_>) {
        self.number("session", via.session);
        self.text("site", via.site.as_bytes());
        self.text("host", via.host.as_bytes());
        self.key("address");
        // An address and a port need no escaping, and a vector takes whatever is written.
        let _ = write!(self.0, "\"{}\"", via.remote);
        if !via.source.is_empty() {
            self.text("source", via.source.as_bytes());
        }
        if let Some(local) = via.local {
            self.key("source_address");
            let _ = write!(self.0, "\"{local}\"");
        }
        self.text("ehlo", via.ehlo.as_bytes());
        if let Some(Tls { version, cipher, resumed, verified }) = via.tls {
            self.text("tls", version.as_bytes());
            self.text("cipher", cipher.as_bytes());
            self.flag("resumed", resumed);
            self.text("verified", verified.as_bytes());
        }
    }

    fn reply(&mut self, reply: ReplyRef<'_>) {
        if reply.code > 0 {
            self.number("code", reply.code.into());
        }
        if let Some(Enhanced { class, subject, detail }) = reply.enhanced {
            self.key("enhanced");
            self.0.push(b'"');
            decimal(class.into(), self.0);
            self.0.push(b'.');
            decimal(subject.into(), self.0);
            self.0.push(b'.');
            decimal(detail.into(), self.0);
            self.0.push(b'"');
        }
        if !reply.text.is_empty() {
            self.text("text", reply.text);
        }
    }

    fn opening(&mut self, spans: &SessionSpans) {
        let SessionSpans { connect, greeting, tls, hello } = *spans;
        self.millis("connect_ms", connect);
        self.millis("greeting_ms", greeting);
        self.millis("tls_ms", tls);
        self.millis("hello_ms", hello);
    }

    fn transaction(&mut self, spans: &Spans) {
        let Spans { mail, rcpt, data, content, end, total } = *spans;
        self.millis("mail_ms", mail);
        self.millis("rcpt_ms", rcpt);
        self.millis("data_ms", data);
        self.millis("content_ms", content);
        self.millis("end_ms", end);
        self.millis("latency_ms", total);
    }

    /// The event's name, whose key stands already, and its campaign.
    fn value(&mut self, name: &[u8], campaign: &str) {
        self.0.push(b'"');
        self.0.extend_from_slice(name);
        self.0.push(b'"');
        self.text("campaign", campaign.as_bytes());
    }

    fn key(&mut self, key: &str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    fn number(&mut self, key: &str, n: u64) {
        self.key(key);
        decimal(n, self.0);
    }

    fn flag(&mut self, key: &str, is: bool) {
        self.key(key);
        self.0.extend_from_slice(if is { b"true" } else { b"false" });
    }

    /// Milliseconds, to the microsecond.
    fn millis(&mut self, key: &str, span: Option<Duration>) {
        let Some(span) = span else { return };
        let us = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        self.number(key, us / 1000);
        let rest = us % 1000;
        if rest > 0 {
            let digit = |n: u64| b'0' + (n % 10) as u8;
            self.0.extend_from_slice(&[b'.', digit(rest / 100), digit(rest / 10), digit(rest)]);
        }
    }

    fn text(&mut self, key: &str, text: &[u8]) {
        self.key(key);
        self.0.push(b'"');
        let cut = text.get(..TEXT_MAX).unwrap_or(text);
        if cut.iter().all(|&b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\') {
            self.0.extend_from_slice(cut);
        } else {
            self.escaped(cut, cut.len() < text.len());
        }
        if cut.len() < text.len() {
            self.0.extend_from_slice("…".as_bytes());
        }
        self.0.push(b'"');
    }

    fn escaped(&mut self, text: &[u8], is_cut: bool) {
        let mut left = text.len();
        for chunk in text.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '"' => self.0.extend_from_slice(b"\\\""),
                    '\\' => self.0.extend_from_slice(b"\\\\"),
                    '\n' => self.0.extend_from_slice(b"\\n"),
                    c if c.is_control() || is_format(c) => {
                        let _ = write!(self.0, "\\u{:04x}", u32::from(c));
                    }
                    c => self.0.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                }
            }
            left = left.saturating_sub(chunk.valid().len() + chunk.invalid().len());
            // A character that the cut went through is no foreign octet.
            if is_cut && left == 0 && chunk.invalid().len() < 4 {
                return;
            }
            for b in chunk.invalid() {
                let _ = write!(self.0, "\\\\x{b:02x}");
            }
        }
    }
}

/// Characters that change how others are shown; all are in the basic plane.
fn is_format(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn decimal(mut n: u64, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (n % 10) as u8;
        n /= 10;
        first = at;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::{Instant, UnixTime};
    use crate::mail::Disposition;
    use crate::mail::event::Outcome;

    const NOW: Now = Now { mono: Instant(5_000_000), unix: UnixTime(1_767_225_599) };

    fn via() -> Via<'static> {
        Via {
            session: 7,
            site: "mx.a.example",
            host: "mx1.a.example",
            remote: "192.0.2.1:25".parse().unwrap(),
            source: "a",
            local: Some("192.0.2.9".parse().unwrap()),
            ehlo: "mail.acme.example",
            tls: Some(Tls { version: "TLSv1_3", cipher: "TLS13_AES_256_GCM_SHA384", resumed: true, verified: "names" }),
        }
    }

    fn told<'a>(via: &'a Via<'a>, text: &'a [u8]) -> Told<'a> {
        Told {
            outcome: Outcome::Stands(Disposition::Bounced),
            row: 12,
            path: Some(b"ann@a.example"),
            attempt: 2,
            via: Some(via),
            last: None,
            phase: "RCPT",
            cause: "address",
            reply: ReplyRef { code: 550, enhanced: Some(Enhanced::new(5, 1, 100)), text },
            octets: 10_240,
            spans: Spans {
                mail: Some(Duration::from_micros(1_234)),
                total: Some(Duration::from_millis(90)),
                ..Spans::default()
            },
        }
    }

    fn written(event: &Event<'_>) -> (String, Vec<Gap>) {
        let (mut out, mut gaps) = (Vec::new(), Vec::new());
        let mut clock = Clock::new(NOW, 1_767_225_599_042);
        line(event, "ne\"ws", NOW, &mut clock, &mut out, &mut gaps);
        (String::from_utf8(out).unwrap(), gaps)
    }

    #[test]
    fn the_fields_of_an_attempt() {
        let via = via();
        let (text, gaps) = written(&Event::Recipient(told(&via, b"no such user")));
        assert!(gaps.is_empty());
        assert_eq!(
            text,
            "{\"time\":\"2025-12-31T23:59:59.042Z\",\"event\":\"bounced\",\"campaign\":\"ne\\\"ws\",\"final\":true,\
             \"recipient\":\"ann@a.example\",\"domain\":\"a.example\",\"table_row\":12,\"attempt\":2,\"session\":7,\
             \"site\":\"mx.a.example\",\"host\":\"mx1.a.example\",\"address\":\"192.0.2.1:25\",\"source\":\"a\",\"source_address\":\"192.0.2.9\",\
             \"ehlo\":\"mail.acme.example\",\"tls\":\"TLSv1_3\",\"cipher\":\"TLS13_AES_256_GCM_SHA384\",\"resumed\":true,\
             \"verified\":\"names\",\"phase\":\"RCPT\",\"cause\":\"address\",\"code\":550,\"enhanced\":\"5.1.100\",\"text\":\"no such user\",\
             \"octets\":10240,\"mail_ms\":1.234,\"latency_ms\":90}\n"
        );
    }

    #[test]
    fn an_unknown_address_is_a_gap() {
        let via = via();
        let (text, gaps) = written(&Event::Recipient(Told { path: None, ..told(&via, b"x") }));
        let [gap] = gaps[..] else { panic!("{gaps:?}") };
        let mut filled = text.as_bytes()[..gap.at].to_vec();
        address(b"bob@b.example", &mut filled);
        filled.extend_from_slice(&text.as_bytes()[gap.at..]);
        let value: serde_json::Value = serde_json::from_slice(&filled).unwrap();
        assert_eq!(
            (gap.row, &value["recipient"], &value["domain"]),
            (12, &"bob@b.example".into(), &"b.example".into())
        );
    }

    #[test]
    fn whatever_a_peer_says_is_one_line_of_json() {
        let via = via();
        let long = "é".repeat(TEXT_MAX);
        let mut bad = vec![b'x'; TEXT_MAX - 2];
        bad.extend_from_slice(&[0xff, 0xfe, 0xff]);
        for (said, expected) in [
            (&b"two\nlines\r\"quoted\" \\ \x1b[2J\0"[..], Some("two\nlines\r\"quoted\" \\ \x1b[2J\0")),
            (b"\xff\xfe latin \xe9", Some("\\xff\\xfe latin \\xe9")),
            ("\u{202e}evil".as_bytes(), Some("\u{202e}evil")),
            (long.as_bytes(), None),
            (&bad, None),
            (&[0xc3; 600], None),
        ] {
            let (text, _) = written(&Event::Recipient(told(&via, said)));
            assert_eq!(text.lines().count(), 1);
            assert!(!text.trim_end().chars().any(|c| c.is_control() || is_format(c)), "{text:?}");
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            let text = value["text"].as_str().unwrap();
            assert!(expected.is_none_or(|e| e == text), "{text:?}");
            assert!(expected.is_some() || text.ends_with('…'), "{text:?}");
        }
    }

    #[test]
    fn dates_are_right() {
        for (unix_s, text) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_709_251_199, "2024-02-29T23:59:59"),
            (4_102_444_800, "2100-01-01T00:00:00"),
            (4_107_542_400, "2100-03-01T00:00:00"),
        ] {
            assert_eq!(std::str::from_utf8(&civil(unix_s)).unwrap(), text);
        }
    }

    #[test]
    fn a_clock_that_drifted_follows_the_wall() {
        let mut clock = Clock::new(NOW, 1_767_225_599_042);
        let after =
            |s: u64, wall: u32| Now { mono: Instant(NOW.mono.0 + s * 1_000_000), unix: UnixTime(NOW.unix.0 + wall) };
        assert_eq!(clock.ms(after(3, 3)), 1_767_225_602_042);
        assert_eq!(clock.ms(after(4, 100)), 1_767_225_699_000);
        assert_eq!(clock.ms(after(5, 101)), 1_767_225_700_000);
    }

    #[test]
    fn every_other_event_is_json_too() {
        let via = via();
        let spans = SessionSpans { connect: Some(Duration::from_millis(2)), ..SessionSpans::default() };
        let reply = ReplyRef { code: 421, enhanced: None, text: b"slow\n\"down\"" };
        for (event, name) in [
            (Event::SessionOpened { via: &via, spans }, "session_opened"),
            (
                Event::SessionEnded {
                    via: &via,
                    end: "refused",
                    phase: "MAIL",
                    reply: Some(reply),
                    why: "",
                    transactions: 3,
                    delivered: 2,
                    lasted: Duration::from_secs(3),
                },
                "session_ended",
            ),
            (Event::SitePaused { site: "s", pause: Duration::from_secs(60), why: "421 \"slow\"" }, "site_paused"),
            (Event::SiteResumed { site: "s" }, "site_resumed"),
        ] {
            let value: serde_json::Value = serde_json::from_str(&written(&event).0).unwrap();
            assert_eq!(value["event"], name);
        }
    }
}
