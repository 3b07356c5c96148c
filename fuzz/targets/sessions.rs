//! A whole client session against a server that says anything: each recipient gets exactly one verdict, none of them a
//! claim that cannot be true, in bounded memory and with an end.
//!
//! The first four octets are settings, the rest is what happens: octets that the server says, except those from `WAIT`
//! on, which are events. What was said is handed over at each event and every so many octets.

use super::octet;
use bytes::Bytes;
use posthaste::base::clock::Instant;
use posthaste::base::out::Out;
use posthaste::mail::Envelope;
use posthaste::smtp::capabilities::Capabilities;
use posthaste::smtp::client::{
    Config, Credentials, Event, Known, OUT_MAX, Session, Starttls, Timeouts, Transaction, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The time allowed for what is awaited runs out.
const WAIT: u8 = 0xf8;
/// The connection is closed.
const CLOSE: u8 = 0xf9;
/// What was given out has been sent.
const DRAINED: u8 = 0xfa;
/// The TLS handshake is done.
const TLS: u8 = 0xfb;
/// The owner wants no more.
const QUIT: u8 = 0xfc;
/// What was said so far arrives.
const ARRIVE: u8 = 0xfd;

/// Transactions that the owner has.
const TRANSACTIONS: u64 = 8;
/// Rounds of polling after which a session that still sends would never stop.
const POLLS_MAX: usize = 1000;

pub fn run(data: &[u8]) {
    let mut rest = data;
    let settings = [(); 4].map(|()| octet(&mut rest));
    let mut owner = Owner::new(settings);
    let piece = usize::from(settings[3]).max(1);
    let mut heard = Vec::new();
    for &event in rest {
        if event < WAIT {
            heard.push(event);
        }
        if event >= WAIT || heard.len() >= piece {
            owner.hear(&heard);
            heard.clear();
        }
        match event {
            WAIT => owner.wait(),
            CLOSE => owner.close(),
            DRAINED => owner.session.handle_drained(owner.now),
            TLS => owner.session.handle_tls(owner.now),
            QUIT => owner.session.quit(),
            ARRIVE..=u8::MAX | ..WAIT => {}
        }
        owner.poll();
    }
    owner.hear(&heard);
    owner.close();
    owner.check();
}

/// Who has the session, and the books of what it said.
struct Owner {
    session: Session,
    now: Instant,
    out: Out,
    recipients: usize,
    begun: u64,
    /// How many recipients each transaction has.
    counts: Vec<usize>,
    /// Everything that was given out. The content of a transaction is known by its marker.
    said: Vec<u8>,
    told: BTreeMap<(u64, usize), Told>,
    finished: BTreeSet<u64>,
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Accepted,
    Refused,
    Cut,
    Uncertain,
    Returned,
}

impl Owner {
    fn new([flags, transactions, recipients, _]: [u8; 4]) -> Self {
        let on = |bit: u8| flags & (1 << bit) != 0;
        let starttls = match flags >> 6 {
            0 => Starttls::Offered,
            1 => Starttls::Required,
            2 => Starttls::Implicit,
            _ => Starttls::Never,
        };
        let span = Duration::from_secs(30);
        let config = Config {
            ehlo: "me.example".into(),
            pipelining: !on(0),
            chunking: !on(1),
            starttls,
            auth: on(2).then(|| Arc::new(Credentials::new("jo", "secret", None, on(3), [7; 32]))),
            refused_max: if on(4) { 3 } else { 1000 },
            transactions_max: u32::from(transactions).max(1),
            window_transactions_max: 4,
            window_bytes_max: 1 << 16,
            timeouts: Timeouts {
                greeting: span,
                hello: span,
                mail: span,
                rcpt: span,
                data: span,
                content: span,
                end: span,
                quit: span,
            },
        };
        let early = Capabilities { pipelining: true, eight_bit_mime: true, ..Capabilities::default() };
        let known = if on(5) {
            Known { ehlo_refused: transactions & 64 != 0, ..Known::default() }
        } else {
            let early = (transactions & 128 != 0).then_some(early);
            Known { pipelining_works: true, chunking_works: true, early, ..Known::default() }
        };
        let now = Instant(1);
        Self {
            session: Session::new(Arc::new(config), known, now),
            now,
            out: Out::new(),
            recipients: usize::from(recipients % 8) + 1,
            begun: 0,
            counts: Vec::new(),
            said: Vec::new(),
            told: BTreeMap::new(),
            finished: BTreeSet::new(),
            ended: false,
        }
    }

    fn hear(&mut self, input: &[u8]) {
        let mut notes = Notes::new(self);
        self.session.handle_input(self.now, input, &mut |e| notes.note(&e));
        notes.enter(self);
    }

    fn wait(&mut self) {
        self.now = self.session.deadline().map_or(self.now, |at| self.now.max(at));
        let mut notes = Notes::new(self);
        self.session.handle_deadline(self.now, &mut |e| notes.note(&e));
        notes.enter(self);
    }

    fn close(&mut self) {
        let mut notes = Notes::new(self);
        self.session.handle_closed(self.now, &mut |e| notes.note(&e));
        notes.enter(self);
    }

    /// Gives the session work, and takes what it wants to say.
    fn poll(&mut self) {
        while self.session.room() > 0 && self.begun < TRANSACTIONS {
            let key = self.begun;
            let count = self.recipients.min(self.session.recipients_max());
            let mut envelope = Envelope::new(format!("b{key}@us.example").as_bytes());
            (0..count).for_each(|n| envelope.push(format!("{key}.{n}@them.example").as_bytes()));
            let content = Bytes::from(format!("Subject: {key}\r\n\r\nthe whole of number {key}.\r\n"));
            let transaction =
                Transaction { key, envelope, content: content.into(), eight_bit: key % 3 == 2, options: None };
            if self.session.begin(transaction).is_err() {
                // Only a limit on domains can be in the way: there is one domain.
                panic!("there was room for transaction {key} of {count} recipients");
            }
            self.counts.push(count);
            self.begun += 1;
        }
        for polls in 0.. {
            assert!(polls < POLLS_MAX, "the session never stops sending");
            self.session.poll_transmit(self.now, &mut self.out);
            if self.out.is_empty() {
                break;
            }
            assert!(self.out.len() <= OUT_MAX + (1 << 16), "{} octets to send at once", self.out.len());
            while let Some(piece) = self.out.take() {
                self.said.extend_from_slice(piece.as_slice());
            }
        }
        assert!(self.session.under_way() as u64 <= TRANSACTIONS);
    }

    fn check(&self) {
        assert!(self.ended && self.session.is_ended(), "the connection is closed, and the session goes on");
        assert_eq!((self.session.under_way(), self.session.room(), self.session.deadline()), (0, 0, None));
        assert_eq!(self.finished.len() as u64, self.begun, "transactions that were finished");
    }

    fn was_said(&self, key: u64) -> bool {
        let marker = format!("the whole of number {key}.\r\n");
        self.said.windows(marker.len()).any(|octets| octets == marker.as_bytes())
    }
}

/// What the session says while it is borrowed.
struct Notes {
    ended: bool,
    told: Vec<(u64, usize, Told)>,
    finished: Vec<(u64, usize)>,
}

impl Notes {
    fn new(owner: &Owner) -> Self {
        Self { ended: owner.ended, told: Vec::new(), finished: Vec::new() }
    }

    fn note(&mut self, event: &Event<'_>) {
        assert!(!self.ended, "{event:?} came after the end");
        match event {
            Event::Recipient { key, index, verdict, path, .. } => {
                assert_eq!(*path, format!("{key}.{index}@them.example").as_bytes(), "whose verdict is this?");
                let told = match verdict {
                    Verdict::Accepted(reply) => {
                        assert_eq!(reply.code / 100, 2, "accepted by {reply:?}");
                        Told::Accepted
                    }
                    Verdict::Refused(reply, _) => {
                        assert!(reply.code >= 300, "refused by {reply:?}");
                        Told::Refused
                    }
                    Verdict::Cut(..) => Told::Cut,
                    Verdict::Uncertain => Told::Uncertain,
                };
                self.told.push((*key, *index, told));
            }
            Event::Returned { key, recipients, .. } => {
                assert!(!recipients.is_empty());
                self.told.extend(recipients.iter().map(|&index| (*key, index, Told::Returned)));
            }
            Event::Finished { key } => self.finished.push((*key, self.told.len())),
            Event::Ended(_) => self.ended = true,
            Event::Ready | Event::StartTls | Event::Learnt(_) => {}
        }
    }

    fn enter(self, owner: &mut Owner) {
        let mut finished = self.finished.into_iter().peekable();
        for (at, (key, index, told)) in self.told.into_iter().enumerate() {
            while let Some((done, _)) = finished.next_if(|(_, before)| *before <= at) {
                owner.finish(done);
            }
            assert!(!owner.finished.contains(&key), "{key}.{index} is {told:?} after its transaction finished");
            assert_eq!(owner.told.insert((key, index), told), None, "{key}.{index} was told of before");
            if matches!(told, Told::Accepted | Told::Uncertain) {
                assert!(owner.was_said(key), "{key}.{index} is {told:?}, but its content was not sent whole");
            }
        }
        finished.for_each(|(done, _)| owner.finish(done));
        owner.ended = self.ended;
    }
}

impl Owner {
    fn finish(&mut self, key: u64) {
        assert!(self.finished.insert(key), "{key} finished twice");
        let told = self.told.range((key, 0)..=(key, usize::MAX)).count();
        assert_eq!(told, self.counts[key as usize], "verdicts for the recipients of {key}");
    }
}
