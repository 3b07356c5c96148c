//! What we say in a session, cut into lines, with content and credentials left out.
//!
//! Follows our own side of SMTP: BDAT counts its octets, DATA's content runs from the 354 to the lone dot, and what
//! follows AUTH is credentials until its last reply. Leaves to others: the peer's side, but for what it changes here.

use std::borrow::Cow;

/// A command longer than this is cut.
const COMMAND_MAX: usize = 1024;

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Speech {
    state: State,
    line: Vec<u8>,
    /// DATA was said, its reply did not come yet.
    asked: bool,
    /// AUTH was said, its last reply did not come yet.
    auth: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Command,
    /// Inside a chunk: octets left, and octets in all.
    Chunk(u64, u64),
    /// Inside content that ends with a dot: octets so far, and how much of `CR LF . CR LF` was seen.
    Text(u64, u8),
}

impl Speech {
    /// Takes octets that we send, and tells each line of them.
    pub(super) fn say(&mut self, mut octets: &[u8], mut tell: impl FnMut(&[u8])) {
        while let [first, rest @ ..] = octets {
            match &mut self.state {
                State::Command => {
                    let end = memchr::memchr(b'\n', octets).map_or(octets.len(), |at| at + 1);
                    let (part, behind) = octets.split_at(end);
                    let room = COMMAND_MAX.saturating_sub(self.line.len());
                    self.line.extend_from_slice(part.get(..room.min(part.len())).unwrap_or_default());
                    octets = behind;
                    if part.ends_with(b"\n") {
                        self.command(&mut tell);
                    }
                }
                State::Chunk(left, all) => {
                    let part = (*left).min(octets.len() as u64);
                    octets = octets.get(part as usize..).unwrap_or_default();
                    *left -= part;
                    if *left == 0 {
                        tell(&elided(*all));
                        self.state = State::Command;
                    }
                }
                State::Text(count, seen) => {
                    *count += 1;
                    *seen = match (*seen, first) {
                        (0 | 2, b'\r') => 1,
                        (1, b'\n') => 2,
                        (2, b'.') => 3,
                        (3, b'\r') => 4,
                        (4, b'\n') => 5,
                        (_, b'\r') => 1,
                        _ => 0,
                    };
                    octets = rest;
                    if *seen == 5 {
                        if *count > 3 {
                            tell(&elided(*count - 3));
                        }
                        tell(b".");
                        self.state = State::Command;
                    }
                }
            }
        }
    }

    /// What was begun and did not end: for the end of a session.
    pub(super) fn unfinished(&self) -> Option<String> {
        match self.state {
            State::Command => None,
            State::Chunk(left, all) => {
                Some(format!("{} of {} octets of content were handed out", grouped(all - left), grouped(all)))
            }
            State::Text(count, _) => {
                Some(format!("{} octets of content were handed out, not to their end", grouped(count)))
            }
        }
    }

    fn command(&mut self, tell: &mut impl FnMut(&[u8])) {
        let line = self.line.trim_ascii_end();
        let verb = line.get(..5.min(line.len())).unwrap_or_default().to_ascii_uppercase();
        let mut shown = Cow::Borrowed(line);
        if self.auth {
            shown = Cow::Borrowed(b"<credentials>");
        } else if verb == *b"AUTH " {
            self.auth = true;
            let mut words = line.split(|b| *b == b' ');
            let named: Vec<&[u8]> = words.by_ref().take(2).collect();
            if words.next().is_some() {
                shown = Cow::Owned([&named.join(&b' '), &b" <credentials>"[..]].concat());
            }
        } else if verb == *b"BDAT " {
            let digits = line.get(5..).unwrap_or_default().split(|b| *b == b' ').next().unwrap_or_default();
            let octets = std::str::from_utf8(digits).ok().and_then(|n| n.parse().ok()).unwrap_or(0);
            self.state = if octets > 0 { State::Chunk(octets, octets) } else { State::Command };
        } else if line.eq_ignore_ascii_case(b"DATA") {
            self.asked = true;
        }
        tell(&shown);
        self.line.clear();
    }

    /// A line of a reply came; what of it may be shown.
    pub(super) fn hear<'l>(&mut self, line: &'l [u8]) -> &'l [u8] {
        // Between DATA and its reply come only replies to earlier commands: none of these is a 3yz.
        if self.asked && line.first() == Some(&b'3') {
            (self.state, self.asked) = (State::Text(0, 2), false);
        }
        if !self.auth {
            return line;
        }
        if line.starts_with(b"334") {
            return line.get(..3).unwrap_or(line);
        }
        self.auth = line.get(3) == Some(&b'-');
        line
    }
}

fn elided(octets: u64) -> Vec<u8> {
    format!("<{} octets of content>", grouped(octets)).into_bytes()
}

/// `10,240`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
