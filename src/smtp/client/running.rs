//! A transaction inside a session: what stands of each recipient.
//!
//! Guarantees: each recipient is told of exactly once, as a verdict or as returned. Costs no allocation up to 32
//! recipients, and one above; what is kept until it is sure whom it was said of (`step`) costs one each.

use crate::mail::{Class, Content, Enhanced, Envelope, Reply, ReplyRef};
use crate::smtp::client::step::{self, Mark};
use crate::smtp::client::{Event, Marks, Options, Phase, Sink, Transaction, Verdict};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;

/// Where one recipient stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// RCPT is not answered, or not even sent.
    Pending,
    /// RCPT was answered with 2yz; the content decides.
    Accepted,
    /// Refused or returned by name; to be told of once it is sure whom the reply was for.
    Noted,
    /// Told of.
    Settled,
    /// Cannot be said to this server; to be told of.
    Unsendable,
    /// The same, told of. (RCPT is not sent for it.)
    Skipped,
}

/// What the sender does next for a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Say MAIL (in lockstep alone, else with all that may follow).
    Mail,
    /// Lockstep: the next RCPT.
    Rcpt,
    /// Lockstep: DATA.
    Data,
    /// Nothing before the 354.
    GoAhead,
    /// The content, from `offset`.
    Content,
    /// Nothing: the last octet was given out.
    End,
}

/// What RCPT was answered for one recipient, until it is told.
#[derive(Debug)]
struct Note {
    index: usize,
    reply: Reply,
    /// It comes back untried.
    returned: bool,
}

/// What becomes of all those that have no verdict of their own, until it is told.
#[derive(Debug)]
pub(super) enum Conclusion {
    Accepted(Reply),
    Refused(Reply, Phase),
    Returned(Reply),
}

/// Why the whole of a transaction cannot be said to this server.
pub(super) type Obstacle = ReplyRef<'static>;

#[derive(Debug)]
pub(super) struct Running {
    pub(super) key: u64,
    pub(super) envelope: Envelope,
    pub(super) content: Content,
    pub(super) eight_bit: bool,
    pub(super) options: Option<Arc<Options>>,
    /// A path holds octets above 127.
    pub(super) utf8: bool,
    pub(super) stage: Stage,
    /// Octets of content given out.
    pub(super) offset: usize,
    /// Octets that the session had given out when the last one of the content was; 0: it was not.
    pub(super) end_at: u64,
    /// Recipients whose RCPT was answered with 2yz.
    pub(super) accepted: usize,
    /// Somebody came back because the server had taken all that it takes in one transaction.
    pub(super) surplus: bool,
    /// Replies to RCPT that were 2yz, whoever had been told of by then.
    pub(super) taken: usize,
    /// MAIL was answered.
    pub(super) answered: bool,
    pub(super) mail_accepted: bool,
    pub(super) marks: Marks,
    /// Every 2yz to MAIL and RCPT had an enhanced code about addresses (X.1.X), and one did not and had a number in its
    /// text: see [`step`].
    pub(super) addressing: bool,
    pub(super) numbered: bool,
    /// Its content was answered in words that have this, and the reply behind it has not come.
    pub(super) mark: Option<Mark>,
    /// Its content was answered in such words, and nothing behind it has made them doubtful.
    pub(super) worded: bool,
    /// Its content, behind a 354, was answered when nothing else was awaited.
    pub(super) alone: bool,
    standings: SmallVec<[Standing; 32]>,
    /// About those that are [`Standing::Noted`].
    notes: Vec<Note>,
    conclusion: Option<Conclusion>,
    /// The recipient that the next reply to RCPT is for.
    cursor: usize,
    /// Recipients that are pending or accepted.
    open: usize,
    /// Some recipient is [`Standing::Unsendable`].
    unsaid: bool,
}

impl Running {
    pub(super) fn new(transaction: Transaction, utf8_offered: bool) -> Self {
        let Transaction { key, envelope, content, eight_bit, options } = transaction;
        let recipients = envelope.recipients();
        let mut running = Self {
            key,
            content,
            eight_bit,
            options,
            utf8: !envelope.reverse_path().is_ascii(),
            stage: Stage::Mail,
            offset: 0,
            end_at: 0,
            accepted: 0,
            surplus: false,
            taken: 0,
            answered: false,
            mail_accepted: false,
            marks: Marks::default(),
            standings: smallvec![Standing::Pending; recipients],
            addressing: true,
            numbered: false,
            mark: None,
            worded: false,
            alone: false,
            notes: Vec::new(),
            conclusion: None,
            cursor: 0,
            open: recipients,
            unsaid: false,
            envelope,
        };
        running.judge_paths(utf8_offered);
        running
    }

    fn judge_paths(&mut self, utf8_offered: bool) {
        for (index, standing) in self.standings.iter_mut().enumerate() {
            let path = self.envelope.forward_path(index);
            let ascii = path.is_ascii();
            if (ascii || utf8_offered) && is_speakable(path) && !path.is_empty() {
                self.utf8 |= !ascii;
            } else {
                *standing = Standing::Unsendable;
                self.open -= 1;
                self.unsaid = true;
            }
        }
        self.skip();
    }

    /// Whether nothing of it can be sent.
    pub(super) fn is_unsendable(&self) -> bool {
        self.open == 0
    }

    pub(super) fn has_unsaid(&self) -> bool {
        self.unsaid
    }

    /// Tells of the recipients that cannot be said to this server.
    pub(super) fn say_unsendable(&mut self, on: &mut Sink<'_>) {
        if !std::mem::take(&mut self.unsaid) {
            return;
        }
        for (index, standing) in self.standings.iter_mut().enumerate() {
            if *standing == Standing::Unsendable {
                *standing = Standing::Skipped;
                let path = self.envelope.forward_path(index);
                let reply = if is_speakable(path) && !path.is_empty() { NEEDS_UTF8 } else { BAD_PATH };
                let (verdict, takes) = (Verdict::Refused(reply, Phase::Rcpt), self.accepted > 0);
                on(Event::Recipient { key: self.key, index, verdict, path, marks: self.marks, takes });
            }
        }
    }

    /// The recipients that RCPT is said for, by index.
    pub(super) fn sendable(&self) -> impl Iterator<Item = usize> + '_ {
        self.standings
            .iter()
            .enumerate()
            .filter(|(_, s)| !matches!(s, Standing::Unsendable | Standing::Skipped))
            .map(|(index, _)| index)
    }

    /// The recipient that RCPT is for next; `None` behind the last.
    pub(super) fn at(&self) -> Option<usize> {
        (self.cursor < self.standings.len()).then_some(self.cursor)
    }

    /// A reply to RCPT came: whom it is for, unless that has been decided already.
    pub(super) fn answer_rcpt(&mut self, positive: bool) -> Option<usize> {
        let index = self.at()?;
        self.taken += usize::from(positive);
        self.cursor += 1;
        self.skip();
        (self.conclusion.is_none() && self.standings.get(index) == Some(&Standing::Pending)).then_some(index)
    }

    /// Notes what the replies to MAIL and RCPT look like here, to know them from the reply to a content.
    pub(super) fn look_at(&mut self, reply: ReplyRef<'_>) {
        if reply.class() == Class::Positive && !step::is_about_addresses(reply) {
            self.addressing = false;
            self.numbered |= step::has_number(reply.text);
        }
    }

    fn skip(&mut self) {
        while let Some(Standing::Unsendable | Standing::Skipped) = self.standings.get(self.cursor) {
            self.cursor += 1;
        }
    }

    pub(super) fn accept(&mut self, index: usize) {
        if let Some(standing) = self.standings.get_mut(index) {
            *standing = Standing::Accepted;
            self.accepted += 1;
        }
    }

    /// Tells one recipient's verdict.
    pub(super) fn settle(&mut self, index: usize, verdict: Verdict<'_>, on: &mut Sink<'_>) {
        self.close(index);
        let (path, takes) = (self.envelope.forward_path(index), self.accepted > 0);
        on(Event::Recipient { key: self.key, index, verdict, path, marks: self.marks, takes });
    }

    /// RCPT was refused. A peer that says a reply too many makes each one behind it another command's, so this is told only
    /// with [`Running::tell_notes`].
    pub(super) fn refuse(&mut self, index: usize, reply: ReplyRef<'_>) {
        self.note(index, reply, false);
    }

    /// The same for one who comes back untried.
    pub(super) fn note_return(&mut self, index: usize, reply: ReplyRef<'_>) {
        self.note(index, reply, true);
    }

    fn note(&mut self, index: usize, reply: ReplyRef<'_>, returned: bool) {
        self.close(index);
        if let Some(standing) = self.standings.get_mut(index) {
            *standing = Standing::Noted;
            self.notes.push(Note { index, reply: reply.to_owned(), returned });
        }
    }

    pub(super) fn has_notes(&self) -> bool {
        !self.notes.is_empty()
    }

    /// Whether what is to be told does no harm if it was said of others: all are tried again, and the content was not given
    /// out.
    pub(super) fn is_harmless(&self) -> bool {
        let later = |reply: &Reply| reply.by_ref().class() == Class::Transient;
        let concluded = match &self.conclusion {
            // Of those who were told of one by one nobody is left for it.
            Some(Conclusion::Refused(reply, _)) => later(reply) || !self.is_open(),
            Some(Conclusion::Accepted(_)) => false,
            Some(Conclusion::Returned(_)) | None => true,
        };
        concluded && !self.is_handed_out() && self.notes.iter().all(|note| note.returned || later(&note.reply))
    }

    /// Whether its content was accepted.
    pub(super) fn is_taken(&self) -> bool {
        matches!(self.conclusion, Some(Conclusion::Accepted(_)))
    }

    /// Whether its content counts as accepted by a reply that may be another command's: in words that are no answer to a content
    /// here, where others were answered in such, or to no content anywhere.
    pub(super) fn is_doubtful(&self, others_are_worded: bool) -> bool {
        match &self.conclusion {
            Some(Conclusion::Accepted(reply)) if !self.worded => {
                others_are_worded || step::is_about_addresses(reply.by_ref())
            }
            _ => false,
        }
    }

    /// Decides about all that have no verdict of their own; the first decision counts. Told with [`Running::tell`].
    pub(super) fn conclude(&mut self, conclusion: Conclusion) {
        self.conclusion.get_or_insert(conclusion);
    }

    /// Whether it was decided.
    pub(super) fn is_decided(&self) -> bool {
        self.conclusion.is_some()
    }

    /// Tells of those that RCPT was answered for: the replies are in step with the commands, or no more of them come.
    pub(super) fn tell_notes(&mut self, on: &mut Sink<'_>) {
        for Note { index, reply, returned } in std::mem::take(&mut self.notes) {
            if let Some(standing) = self.standings.get_mut(index) {
                *standing = Standing::Settled;
            }
            let reply = reply.by_ref();
            if returned {
                on(Event::Returned { key: self.key, recipients: &[index], reply: Some(reply) });
                continue;
            }
            let (path, marks, takes) = (self.envelope.forward_path(index), self.marks, self.accepted > 0);
            let verdict = Verdict::Refused(reply, Phase::Rcpt);
            on(Event::Recipient { key: self.key, index, verdict, path, marks, takes });
        }
    }

    /// Tells all that is known.
    pub(super) fn tell(&mut self, on: &mut Sink<'_>) {
        self.tell_notes(on);
        match self.conclusion.take() {
            Some(Conclusion::Accepted(reply)) => {
                let _ = self.settle_open(Verdict::Accepted(reply.by_ref()), on);
            }
            Some(Conclusion::Refused(reply, phase)) => {
                let _ = self.settle_open(Verdict::Refused(reply.by_ref(), phase), on);
            }
            Some(Conclusion::Returned(reply)) => self.give_back_open(Some(reply.by_ref()), on),
            None => {}
        }
    }

    /// The peer has broken the protocol: whom its words were about is not known.
    pub(super) fn forget(&mut self) {
        self.conclusion = None;
        for note in std::mem::take(&mut self.notes) {
            if let Some(standing) = self.standings.get_mut(note.index) {
                *standing = Standing::Pending;
                self.open += 1;
            }
        }
    }

    /// Returns one recipient.
    pub(super) fn give_back(&mut self, index: usize, reply: Option<ReplyRef<'_>>, on: &mut Sink<'_>) {
        self.close(index);
        on(Event::Returned { key: self.key, recipients: &[index], reply });
    }

    fn close(&mut self, index: usize) {
        if let Some(standing) = self.standings.get_mut(index) {
            *standing = Standing::Settled;
            self.open = self.open.saturating_sub(1);
        }
    }

    /// Tells the same verdict to all that have none. Says how many these were.
    pub(super) fn settle_open(&mut self, verdict: Verdict<'_>, on: &mut Sink<'_>) -> usize {
        let open = std::mem::take(&mut self.open);
        if open > 0 {
            for (index, standing) in self.standings.iter_mut().enumerate() {
                if matches!(standing, Standing::Pending | Standing::Accepted) {
                    *standing = Standing::Settled;
                    let (path, takes) = (self.envelope.forward_path(index), self.accepted > 0);
                    on(Event::Recipient { key: self.key, index, verdict, path, marks: self.marks, takes });
                }
            }
        }
        open
    }

    /// Returns all that have no verdict.
    pub(super) fn give_back_open(&mut self, reply: Option<ReplyRef<'_>>, on: &mut Sink<'_>) {
        if std::mem::take(&mut self.open) == 0 {
            return;
        }
        let mut recipients: SmallVec<[usize; 32]> = SmallVec::new();
        for (index, standing) in self.standings.iter_mut().enumerate() {
            if matches!(standing, Standing::Pending | Standing::Accepted) {
                *standing = Standing::Settled;
                recipients.push(index);
            }
        }
        on(Event::Returned { key: self.key, recipients: &recipients, reply });
    }

    /// Whether the server took MAIL and somebody who still waits for the content.
    pub(super) fn is_wanted(&self) -> bool {
        self.mail_accepted && self.accepted > 0 && self.open > 0
    }

    /// Whether anybody waits for a verdict.
    pub(super) fn is_open(&self) -> bool {
        self.open > 0
    }

    /// Whether the last octet of the content was given out.
    pub(super) fn is_handed_out(&self) -> bool {
        self.stage == Stage::End
    }

    /// Whether the server could have taken the message over, having seen no more than so many octets of the session. RFC
    /// 3030 §2: a BDAT whose octets did not all come is not acted on; and a content without its dot is none.
    pub(super) fn may_be_taken(&self, seen: u64) -> bool {
        self.is_handed_out() && self.end_at <= seen
    }
}

/// Mailboxes are checked where they are made; a second look here keeps a line break out of a command line for certain.
/// Looks at every octet, so that the loop has no branch and is done many octets at a time.
pub(super) fn is_speakable(path: &[u8]) -> bool {
    !path.iter().fold(false, |bad, &b| bad | (b < b' ') | (b == 0x7f) | (b == b'<') | (b == b'>'))
}

pub(super) const fn own(code: u16, enhanced: Enhanced, text: &'static [u8]) -> Obstacle {
    debug_assert!(code / 100 == enhanced.class as u16, "RFC 3463 §2: the class is the code's");
    ReplyRef { code, enhanced: Some(enhanced), text }
}

/// RFC 1870 §6.1: what the server would have said.
pub(super) const TOO_BIG: Obstacle =
    own(552, Enhanced::new(5, 3, 4), b"the message is larger than the SIZE that the server announced; it was not sent");
/// RFC 6152 §3: a message with octets above 127 may not go where 8BITMIME is not offered.
pub(super) const NEEDS_8BIT: Obstacle =
    own(554, Enhanced::new(5, 6, 3), b"the message needs 8BITMIME, which the server does not offer; it was not sent");
/// RFC 6531 §3.2.
pub(super) const NEEDS_UTF8: Obstacle =
    own(553, Enhanced::new(5, 6, 7), b"the address needs SMTPUTF8, which the server does not offer; it was not sent");
/// The same for the sender.
pub(super) const REVERSE_PATH_NEEDS_UTF8: Obstacle = own(
    553,
    Enhanced::new(5, 6, 7),
    b"the reverse-path needs SMTPUTF8, which the server does not offer; the message was not sent",
);
/// No address at all.
pub(super) const BAD_PATH: Obstacle =
    own(553, Enhanced::new(5, 1, 3), b"the address cannot be written into a command; it was not sent");
/// RFC 8689 §4.2.1.
pub(super) const NEEDS_REQUIRETLS: Obstacle = own(
    550,
    Enhanced::new(5, 7, 30),
    b"the message needs REQUIRETLS, which the server does not offer inside TLS; it was not sent",
);
/// A server that says yes to a user without proof that it knows the user's password.
pub(super) const UNPROVEN: Obstacle =
    own(535, Enhanced::new(5, 7, 8), b"AUTH: the server did not prove that it knows the password");
