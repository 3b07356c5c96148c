//! The dialogue of one session: which of its lines are shown, and how they look.
//!
//! A session is shown whole when its host or site is wanted; for the sake of its recipients it is shown from its
//! beginning to its readiness, and then while one of their transactions runs.

use super::speech::Speech;
use super::{Outlet, Tracer};
use crate::base::clock::{Instant, Now};
use crate::base::many::Many;
use crate::mail::event::{Tls, Via};
use crate::mail::reply::Printable;
use crate::observe::events::json::civil;
use smallvec::SmallVec;
use std::io::Write;
use std::sync::Arc;

/// Lines of one session that are shown at most.
pub const LINES_MAX: u32 = 5_000;
/// A peer's line is cut after so many octets.
const LINE_OCTETS_MAX: usize = 512;
/// Octets of a session's beginning that are kept until it is known whether it is shown.
const PRELUDE_OCTETS_MAX: usize = 16 << 10;
/// Width of the column of hosts, at least.
const HOST_WIDTH: usize = 14;

/// What a dialogue begins with.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// The session.
    pub via: &'a Via<'a>,
    /// Whether mail to wanted recipients goes to this site: should it fail before it is ready, it is shown.
    pub likely: bool,
}

/// See the head of this file.
#[derive(Debug)]
pub struct Dialogue {
    tracer: Tracer,
    prefix: Vec<u8>,
    began: Instant,
    /// Shown whole.
    whole: bool,
    likely: bool,
    /// Wanted transactions under way.
    wanted: SmallVec<[u64; 2]>,
    /// Lines of the beginning, until they are shown or of no more use.
    prelude: Option<Vec<u8>>,
    /// Lines that were not shown since the last that was.
    hidden: u64,
    left: u32,
    speech: Speech,
    heard: Vec<u8>,
    /// A line of the peer is being skipped: its beginning was shown.
    overlong: bool,
    ready: bool,
    /// When the last line was, while lines still belong to it.
    moment: Option<Instant>,
    lines: Vec<u8>,
}

impl Dialogue {
    /// The dialogue of a session that begins, unless nothing could make it wanted.
    #[must_use]
    pub fn begin(tracer: &Tracer, opening: &Opening<'_>, now: Now) -> Option<Box<Self>> {
        let Opening { via, likely } = opening;
        let whole = tracer.filter.wants_host(via.site, via.host, via.remote.ip());
        if !whole && !tracer.filter.wants_recipients() {
            return None;
        }
        let mut prefix = Vec::new();
        let _ = write!(prefix, "#{} {:HOST_WIDTH$} ", via.session, Printable(via.host.as_bytes()).to_string());
        let mut dialogue = Self {
            tracer: tracer.clone(),
            prefix,
            began: now.mono,
            whole,
            likely: *likely,
            wanted: SmallVec::new(),
            prelude: (!whole).then(Vec::new),
            hidden: 0,
            left: LINES_MAX,
            speech: Speech::default(),
            heard: Vec::new(),
            overlong: false,
            ready: false,
            moment: None,
            lines: Vec::new(),
        };
        let mut text = Vec::new();
        text.extend_from_slice(&civil(now.unix.0.into()));
        let _ = write!(text, "Z connecting to {}, site {}", via.remote, via.site);
        if let Some(local) = via.local {
            let _ = write!(text, ", from {local}");
        }
        if !via.source.is_empty() {
            let _ = write!(text, " (source {})", via.source);
        }
        dialogue.remark(now.mono, &String::from_utf8_lossy(&text));
        Some(Box::new(dialogue))
    }

    /// A remark of our own.
    pub fn remark(&mut self, now: Instant, text: &str) {
        self.moment = None;
        self.line(now, b'*', text.as_bytes());
        self.moment = None;
        self.flush();
    }

    /// The handshake is done; the certificate's subject and issuer, where the peer showed one.
    pub fn encrypted(&mut self, now: Instant, tls: &Tls, certificate: Option<(&str, &str)>) {
        let how = if tls.resumed { "resumed" } else { "full handshake" };
        let mut text = format!("{}, {}, {how}", tls.version, tls.cipher);
        if let Some((subject, issuer)) = certificate {
            text.push_str(&format!("; certificate of {subject}, issued by {issuer}"));
        }
        text.push_str(&match tls.verified {
            "opportunistic" => "; not verified".to_owned(),
            verified => format!("; verified: {verified}"),
        });
        self.remark(now, &text);
    }

    /// Octets that we send, in clear.
    pub fn said<'o>(&mut self, now: Instant, pieces: impl Iterator<Item = &'o [u8]>) {
        self.moment = None;
        let mut speech = std::mem::take(&mut self.speech);
        for piece in pieces {
            speech.say(piece, |line| self.line(now, b'>', line));
        }
        self.speech = speech;
        self.flush();
    }

    /// Octets that came, in clear.
    pub fn heard(&mut self, now: Instant, octets: &[u8]) {
        self.moment = None;
        let mut rest = octets;
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let (part, behind) = rest.split_at(end);
            rest = behind;
            if !self.overlong {
                let room = (LINE_OCTETS_MAX + 2).saturating_sub(self.heard.len());
                self.heard.extend_from_slice(part.get(..room.min(part.len())).unwrap_or_default());
                self.overlong = part.len() > room;
            }
            if part.ends_with(b"\n") {
                self.hear_line(now);
            }
        }
        self.flush();
    }

    fn hear_line(&mut self, now: Instant) {
        let line = std::mem::take(&mut self.heard);
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let shown = self.speech.hear(text);
        if std::mem::take(&mut self.overlong) {
            let cut = [shown, "… (a longer line)".as_bytes()].concat();
            self.line(now, b'<', &cut);
        } else {
            self.line(now, b'<', shown);
        }
        self.heard = line;
        self.heard.clear();
    }

    /// The session is ready for transactions.
    pub fn ready(&mut self) {
        self.ready = true;
    }

    /// A transaction with these recipients was handed to the session.
    pub fn begun<'p>(&mut self, key: u64, mut paths: impl Iterator<Item = &'p [u8]>) {
        if !self.whole && paths.any(|path| self.tracer.filter.wants_path(path)) {
            self.wanted.push(key);
            self.show_prelude();
        }
    }

    /// A transaction has ended.
    pub fn finished(&mut self, key: u64) {
        self.wanted.retain(|wanted| *wanted != key);
    }

    /// The session is over.
    pub fn ended(&mut self, now: Instant, how: &str) {
        if self.likely && !self.ready {
            self.show_prelude();
            self.whole = true;
        }
        let rest = std::mem::take(&mut self.heard);
        if !rest.is_empty() {
            self.moment = None;
            self.line(now, b'<', &[&rest, "… (the line did not end)".as_bytes()].concat());
        }
        if let Some(unfinished) = self.speech.unfinished() {
            self.remark(now, &unfinished);
        }
        // Who saw a part of it is told of its end.
        self.whole |= self.left < LINES_MAX;
        self.remark(now, how);
    }

    fn show_prelude(&mut self) {
        if let Some(prelude) = self.prelude.take() {
            self.left = self.left.saturating_sub(memchr::memchr_iter(b'\n', &prelude).count() as u32);
            self.lines.extend_from_slice(&prelude);
        }
    }

    fn line(&mut self, now: Instant, mark: u8, text: &[u8]) {
        let shown = self.whole || !self.wanted.is_empty();
        if !shown {
            match &mut self.prelude {
                Some(prelude) if !self.ready && prelude.len() < PRELUDE_OCTETS_MAX => {
                    let moment = self.moment.replace(now);
                    write_line(prelude, &self.prefix, (self.began, now, moment), mark, text);
                }
                _ => self.hidden += 1,
            }
            return;
        }
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        if self.left == 0 {
            let text = b"this session has more lines than a trace shows; the rest is left out";
            return write_line(&mut self.lines, &self.prefix, (self.began, now, None), b'*', text);
        }
        let hidden = std::mem::take(&mut self.hidden);
        if hidden > 0 {
            let text = format!("{} left out", Many(hidden, "line is", "lines are"));
            write_line(&mut self.lines, &self.prefix, (self.began, now, None), b'*', text.as_bytes());
            self.moment = None;
        }
        let moment = self.moment.replace(now);
        write_line(&mut self.lines, &self.prefix, (self.began, now, moment), mark, text);
    }

    fn flush(&mut self) {
        if !self.lines.is_empty() {
            let outlet: &Arc<Outlet> = &self.tracer.outlet;
            outlet.send(std::mem::take(&mut self.lines));
        }
    }
}

/// One line; its time is left out where the line above has it.
fn write_line(
    to: &mut Vec<u8>,
    prefix: &[u8],
    (began, now, moment): (Instant, Instant, Option<Instant>),
    mark: u8,
    text: &[u8],
) {
    to.extend_from_slice(prefix);
    if moment == Some(now) {
        to.extend_from_slice(b"         ");
    } else {
        let us = now.since(began).as_micros();
        let _ = write!(to, "{:>4}.{:04}", us / 1_000_000, us % 1_000_000 / 100);
    }
    to.extend_from_slice(&[b' ', mark, b' ']);
    // A backslash in what a peer says is no escape of ours, and is doubled.
    let _ = writeln!(to, "{}", Printable(text));
}
