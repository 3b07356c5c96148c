//! What the sink decides and counts: the [`Receiver`] of its sessions.

use super::keep::Keep;
use super::message_id::{self, Search};
use super::seen::Seen;
use super::{Counters, Options, Refusal, Step};
use crate::smtp::server::{Answer, Receiver};
use siphasher::sip::SipHasher13;
use std::collections::HashSet;
use std::io;

/// A header longer than this is taken to have no Message-ID.
const HEADER_MAX: usize = 64 * 1024;

/// How many duplicated recipients are listed.
const LIST_MAX: usize = 1_000_000;

/// What all sessions share.
pub(super) struct Books {
    pub(super) counters: Counters,
    pub(super) duplicated: Vec<String>,
    seen: Seen,
    /// Recipients that were deferred once, by hash.
    deferred: HashSet<u64>,
    keep: Option<Keep>,
    /// What is refused of every client now, and how often something was.
    pub(super) refusal: Option<Refusal>,
    pub(super) refused: u64,
    /// Remember the recipients' names in a transaction: they are listed or kept.
    names: bool,
    list: bool,
    reject: f64,
    defer: f64,
    hasher: SipHasher13,
    rejecter: SipHasher13,
    deferrer: SipHasher13,
}

impl Books {
    pub(super) fn new(options: &Options) -> io::Result<Self> {
        let keep = options.keep.as_deref().map(Keep::new).transpose()?;
        Ok(Self {
            counters: Counters::default(),
            duplicated: Vec::new(),
            seen: Seen::new(),
            deferred: HashSet::new(),
            refusal: None,
            refused: 0,
            names: keep.is_some() || options.list_duplicates,
            keep,
            list: options.list_duplicates,
            reject: options.reject_percent,
            defer: options.defer_percent,
            hasher: SipHasher13::new_with_keys(1, 2),
            rejecter: SipHasher13::new_with_keys(options.seed, 3),
            deferrer: SipHasher13::new_with_keys(options.seed, 4),
        })
    }

    /// What every client is answered at this step.
    fn answer(&mut self, step: Step) -> Answer {
        let Some(refusal) = self.refusal.filter(|refusal| refusal.at == step) else { return Answer::Accept };
        self.refused += 1;
        Answer::Refuse(refusal.reply)
    }

    /// Waits for what is kept, and gives the books' sums.
    pub(super) fn close(self) -> io::Result<(Counters, Vec<String>)> {
        self.keep.map_or(Ok(()), Keep::finish)?;
        Ok((self.counters, self.duplicated))
    }
}

/// Whether a share of `percent` takes in this hash.
fn drawn(hash: u64, percent: f64) -> bool {
    percent > 0.0 && (hash >> 11) as f64 / (1u64 << 53) as f64 * 100.0 < percent
}

/// What one session has of its transaction.
#[derive(Default)]
pub(super) struct Visit {
    /// Accepted recipients, by hash.
    recipients: Vec<u64>,
    /// The reverse-path and the accepted recipients, a line each, when names are wanted.
    names: Vec<u8>,
    /// The header, when it comes in pieces.
    header: Vec<u8>,
    searched: usize,
    looking: bool,
    message: Option<u64>,
    octets: u64,
    kept: Vec<u8>,
}

/// The books, opened for one session.
pub(super) struct Desk<'a> {
    pub(super) books: &'a mut Books,
    pub(super) visit: &'a mut Visit,
}

impl Desk<'_> {
    /// Looks for the Message-ID in content that comes.
    fn look(&mut self, content: &[u8]) {
        let visit = &mut *self.visit;
        let joined = !visit.header.is_empty();
        if joined {
            let room = HEADER_MAX.saturating_sub(visit.header.len());
            visit.header.extend_from_slice(content.get(..room).unwrap_or(content));
        }
        let header = if joined { visit.header.as_slice() } else { content };
        match message_id::search(header, visit.searched) {
            Search::More(_) if header.len() >= HEADER_MAX => visit.looking = false,
            Search::More(place) => {
                visit.searched = place;
                if !joined {
                    visit.header.extend_from_slice(content);
                }
            }
            Search::Missing => visit.looking = false,
            Search::Found(id) => {
                visit.message = Some(self.books.hasher.hash(id));
                visit.looking = false;
            }
        }
    }

    fn note_message(&mut self) {
        let (books, visit) = (&mut *self.books, &mut *self.visit);
        // Without a Message-ID nothing says that two messages are the same.
        let Some(message) = visit.message else {
            books.counters.unique_messages += 1;
            return;
        };
        let Books { counters, duplicated, seen, list, .. } = books;
        let names = &visit.names;
        let new = seen.note(message, &visit.recipients, |place| {
            counters.duplicates += 1;
            if *list && duplicated.len() < LIST_MAX {
                let name = names.split(|&b| b == b'\n').nth(place + 1).unwrap_or_default();
                duplicated.push(String::from_utf8_lossy(name).into_owned());
            }
        });
        counters.unique_messages += u64::from(new);
    }
}

impl Receiver for Desk<'_> {
    fn greet(&mut self) -> Answer {
        self.books.counters.sessions += 1;
        self.books.answer(Step::Greeting)
    }

    fn hello(&mut self, _name: &[u8]) -> Answer {
        self.books.answer(Step::Hello)
    }

    fn mail(&mut self, reverse_path: &[u8]) -> Answer {
        let answer = self.books.answer(Step::Mail);
        if answer != Answer::Accept {
            return answer;
        }
        self.books.counters.transactions += 1;
        if self.books.names {
            self.visit.names.extend_from_slice(reverse_path);
        }
        Answer::Accept
    }

    fn rcpt(&mut self, forward_path: &[u8]) -> Answer {
        let books = &mut *self.books;
        if drawn(books.rejecter.hash(forward_path), books.reject) {
            books.counters.rejected += 1;
            return Answer::Refuse("550 5.1.1 No such mailbox");
        }
        let answer = books.answer(Step::Recipient);
        if answer != Answer::Accept {
            return answer;
        }
        let hash = books.hasher.hash(forward_path);
        if drawn(books.deferrer.hash(forward_path), books.defer) && books.deferred.insert(hash) {
            books.counters.deferred += 1;
            return Answer::Refuse("450 4.2.0 Try again later");
        }
        self.visit.recipients.push(hash);
        if books.names {
            self.visit.names.push(b'\n');
            self.visit.names.extend_from_slice(forward_path);
        }
        Answer::Accept
    }

    fn begin(&mut self) -> Answer {
        let answer = self.books.answer(Step::Data);
        if answer != Answer::Accept {
            return answer;
        }
        let visit = &mut *self.visit;
        visit.looking = true;
        if self.books.keep.is_some() {
            for (place, name) in visit.names.split(|&b| b == b'\n').enumerate() {
                let field: (&[u8], &[u8]) =
                    if place == 0 { (b"Return-Path: <", b">\r\n") } else { (b"Delivered-To: ", b"\r\n") };
                [field.0, name, field.1].iter().for_each(|part| visit.kept.extend_from_slice(part));
            }
        }
        Answer::Accept
    }

    fn bytes(&mut self, content: &[u8]) {
        self.visit.octets += content.len() as u64;
        if self.visit.looking {
            self.look(content);
        }
        if self.books.keep.is_some() {
            self.visit.kept.extend_from_slice(content);
        }
    }

    fn end(&mut self) -> Answer {
        let answer = self.books.answer(Step::Content);
        if answer != Answer::Accept {
            return answer;
        }
        self.note_message();
        let counters = &mut self.books.counters;
        counters.messages += 1;
        counters.recipients += self.visit.recipients.len() as u64;
        counters.bytes += self.visit.octets;
        if let Some(keep) = &mut self.books.keep {
            keep.put(std::mem::take(&mut self.visit.kept));
        }
        Answer::Accept
    }

    fn reset(&mut self) {
        let visit = &mut *self.visit;
        visit.recipients.clear();
        visit.names.clear();
        visit.header.clear();
        visit.kept.clear();
        (visit.searched, visit.octets, visit.message, visit.looking) = (0, 0, None, false);
    }
}
