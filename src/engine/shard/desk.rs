//! The desk: where the events of a session are written down, for the ledger, the memory and the connection's owner.
//!
//! Leaves to others: what follows from them for the site (`connection`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::Now;
use crate::engine::doubts::Doubted;
use crate::engine::memory::{Host, Memory};
use crate::engine::shard::course::{self, Course};
use crate::engine::shard::ledger::{self, Detail, Ledger, Verdict};
use crate::engine::shard::refused::Refused;
use crate::engine::shard::site::Sites;
use crate::engine::shard::standing::{DOUBT_REST, Doubt, Standing, names_recipient};
use crate::engine::shard::target::Whom;
use crate::engine::shard::ways::place;
use crate::journal::record::Kind;
use crate::mail::{Class, Disposition, ReplyRef, Scope};
use crate::observe::Outcomes;
use crate::observe::trace::Dialogue;
use crate::queue::{Queue, SiteId};
use crate::shape::classify::{self, Advice, Judgement, classify};
use crate::shape::{Mailing, NextHop, Rests};
use crate::smtp::client::{End, Event, Lesson, Marks, Phase, Verdict as Said};

/// What a session asked for while its input was handled.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) ready: bool,
    pub(super) starttls: bool,
    pub(super) ended: Option<End>,
    /// The first judgement that reaches further than its recipient.
    pub(super) judged: Option<(Judgement, String)>,
    /// The first refusal of us, or the first that holds the mailing.
    pub(super) refused: Option<Refused>,
    /// What the site's hosts have said of us, this input included.
    pub(super) standing: Standing,
    /// Another source's address is on no block list, as far as we know.
    pub(super) has_another_source: bool,
    /// Refusals of some recipients hold nothing.
    pub(super) insists: bool,
    /// The mailing is held already: what is under way ends, and what a smarthost says of nobody's mailbox is not believed.
    pub(super) is_held: bool,
    pub(super) finished: u64,
    /// Whether the peer said yes or no to any recipient.
    pub(super) answered: bool,
    /// Whether it came as far as that in a transaction, and did not put the whole of it off at MAIL.
    pub(super) served: bool,
    pub(super) delivered: u64,
    /// Whether any recipient had its verdict, and which.
    pub(super) told: bool,
    pub(super) outcomes: Outcomes,
    /// What the bounced of transactions that are over were told, without addresses.
    pub(super) bounces: Vec<Box<str>>,
    pub(super) deferrals: u64,
    /// The target took no message, and those that it was asked to take came back for another one.
    pub(super) moved_on: bool,
    /// It refuses us, and whoever it did so for came back for another way.
    pub(super) turned_away: Option<Refused>,
    /// The session has taken messages before.
    pub(super) worked: bool,
}

/// The phase as `shape` sees it.
pub(super) fn answered(phase: Phase) -> classify::Phase {
    match phase {
        Phase::Greeting | Phase::Hello | Phase::StartTls | Phase::Auth | Phase::Idle | Phase::Quit => {
            classify::Phase::Session
        }
        Phase::Mail => classify::Phase::Mail,
        Phase::Rcpt => classify::Phase::Rcpt,
        Phase::Data | Phase::Content | Phase::End => classify::Phase::Content,
    }
}

/// Where a session's events are written down.
pub(super) struct Desk<'a> {
    pub(super) ledger: &'a mut Ledger,
    pub(super) queue: &'a mut Queue,
    pub(super) now: Now,
    pub(super) asked: &'a mut Asked,
    pub(super) memory: &'a Memory,
    pub(super) sites: &'a Sites,
    pub(super) site: SiteId,
    pub(super) host: &'a Arc<str>,
    pub(super) remote: SocketAddr,
    pub(super) ehlo: &'a str,
    pub(super) hop: NextHop,
    /// The session is cut by ourselves.
    pub(super) cut: bool,
    pub(super) course: &'a Course,
    pub(super) trace: Option<&'a mut Dialogue>,
}

impl Desk<'_> {
    pub(super) fn handle(&mut self, event: Event<'_>) {
        match event {
            Event::Ready => self.asked.ready = true,
            Event::StartTls => self.asked.starttls = true,
            Event::Learnt(lesson) => self.learnt(lesson),
            Event::Ended(end) => self.asked.ended = Some(end),
            Event::Finished { key } => {
                self.asked.finished += 1;
                if let Some(trace) = &mut self.trace {
                    trace.finished(key);
                }
                self.asked.bounces.append(&mut self.ledger.finish(key, self.now));
            }
            Event::Returned { key, recipients, .. } => {
                let via = self.course.via(self.sites.name(self.site), self.host, self.ehlo);
                self.ledger.give_back(key, recipients, Some(&via), self.queue, self.now);
            }
            Event::Recipient { key, index, verdict, path, marks, takes } => {
                self.verdict((key, index), verdict, path, &marks, takes);
            }
        }
    }

    fn learnt(&mut self, lesson: Lesson) {
        // A connection that is lost while others are encrypted must not send the next ones out in clear text.
        if self.cut || lesson == Lesson::StarttlsBroken && self.sites.is_encrypted(self.site, self.whom()) {
            return;
        }
        let server = Host { name: self.host.clone(), port: self.remote.port() };
        if self.memory.learn(&server, lesson, self.now.unix) && lesson.is_trouble() {
            tracing::info!(host = %self.host, ?lesson, "the host is remembered for this");
        }
    }

    fn whom(&self) -> Whom<'_> {
        Whom { host: self.host, remote: self.remote.ip(), source: self.course.source() }
    }

    /// Whether the recipient is to be tried elsewhere at once, unspent: this target puts the whole message off before anybody
    /// was named, or it refuses us (RFC 5321 §5.1).
    #[inline(never)]
    fn goes_elsewhere(&mut self, of: (u64, usize), reply: ReplyRef<'_>, phase: Phase, takes: bool) -> bool {
        let judgement = classify(reply, answered(phase), self.hop);
        if judgement.refusal.is_some() {
            return self.turned_away(judgement, (reply, phase), takes, self.ledger.row(of.0, of.1));
        }
        let put_off = phase == Phase::Mail
            && reply.class() == Class::Transient
            && !matches!(judgement.advice, Advice::Pause(_))
            && self.sites.moves_on(self.site, self.whom(), self.now.mono);
        self.asked.moved_on |= put_off;
        put_off
    }

    /// Whether we are refused by this way, and another one is left.
    fn turned_away(
        &mut self,
        judgement: Judgement,
        (reply, phase): (ReplyRef<'_>, Phase),
        takes: bool,
        row: Option<u32>,
    ) -> bool {
        let Some((_, follows)) = judgement.refusal else { return false };
        if self.is_about_one(phase, takes) || !self.sites.has_way(self.site, self.whom(), self.now.mono) {
            return false;
        }
        // A smarthost that took others in this session may mean this one, up to a row of them.
        let took = self.asked.worked || self.asked.delivered > 0;
        let of_one =
            self.hop == NextHop::Smarthost && follows.rests == Rests::Nothing && took && names_recipient(phase);
        if of_one && !self.holds(follows.mailing, phase, row) {
            return false;
        }
        if self.asked.turned_away.is_none() {
            self.asked.turned_away = Refused::of(judgement, reply, phase, false);
        }
        true
    }

    /// Whether a smarthost takes others in this very transaction: what it says is about this one.
    fn is_about_one(&self, phase: Phase, takes: bool) -> bool {
        phase == Phase::Rcpt && takes && self.hop == NextHop::Smarthost
    }

    /// Whether such a refusal of this recipient holds the mailing.
    fn holds(&mut self, mailing: Mailing, phase: Phase, row: Option<u32>) -> bool {
        let others = (self.asked.has_another_source, self.asked.insists);
        self.asked.standing.refused(mailing, phase, row, others)
    }

    fn verdict(&mut self, of: (u64, usize), said: Said<'_>, path: &[u8], marks: &Marks, takes: bool) {
        let ruling = match said {
            Said::Accepted(reply) => self.accepted(reply),
            Said::Refused(reply, phase) if self.goes_elsewhere(of, reply, phase, takes) => {
                let via = self.course.via(self.sites.name(self.site), self.host, self.ehlo);
                return self.ledger.give_back(of.0, &[of.1], Some(&via), self.queue, self.now);
            }
            Said::Refused(reply, phase) => self.refused(of, reply, phase, takes),
            Said::Cut(reply, phase) => Ruling::of(Kind::Deferred, phase, reply),
            Said::Uncertain => Ruling::of(self.ledger.uncertain(), Phase::End, LOST),
        };
        if ruling.reply.code >= 400 {
            tell_refusal(&ruling);
        }
        match ruling.kind {
            Kind::Delivered => self.asked.outcomes.count(Disposition::Delivered),
            Kind::Bounced => self.asked.outcomes.count(Disposition::Bounced),
            Kind::UncertainHeld => self.asked.outcomes.count(Disposition::Uncertain),
            _ => self.asked.deferrals += 1,
        }
        self.write(of, &ruling, path, marks);
    }

    fn accepted<'r>(&mut self, reply: ReplyRef<'r>) -> Ruling<'r> {
        self.asked.answered = true;
        self.asked.served = true;
        self.asked.delivered += 1;
        self.asked.standing.accepted();
        Ruling::of(Kind::Delivered, Phase::End, reply)
    }

    /// Out of the way of what is accepted.
    #[inline(never)]
    fn refused<'r>(&mut self, of: (u64, usize), reply: ReplyRef<'r>, phase: Phase, takes: bool) -> Ruling<'r> {
        self.asked.answered = true;
        let judgement = classify(reply, answered(phase), self.hop);
        let of_us = judgement.refusal.is_some();
        self.asked.served |= phase != Phase::Mail && !of_us;
        let is_one = self.is_about_one(phase, takes);
        let mut taken_back = false;
        if is_one && (judgement.refusal.is_some() || judgement.is_general()) {
            // It takes others in this very transaction: it is about this one.
            self.asked.standing.judged();
        } else {
            taken_back = self.judged(judgement, reply, phase, self.ledger.row(of.0, of.1));
        }
        let is_believed = is_one || !judgement.is_general();
        let doubt = if is_believed { Doubt::Bounces } else { self.doubt(judgement, reply, phase, of) };
        let kind = if doubt == Doubt::Bounces { ledger::kind_of(judgement.disposition) } else { Kind::Deferred };
        Ruling {
            // Whoever waits so briefly was tried for the smarthost's sake.
            taken_back: taken_back | matches!(doubt, Doubt::Holds | Doubt::WaitsBriefly),
            rests: (doubt == Doubt::WaitsBriefly).then_some(DOUBT_REST),
            cause: judgement.cause.word(),
            of_us,
            ..Ruling::of(kind, phase, reply)
        }
    }

    fn write(&mut self, (key, index): (u64, usize), ruling: &Ruling<'_>, path: &[u8], marks: &Marks) {
        self.asked.told = true;
        let Ruling { kind, phase, reply, taken_back, rests, cause, of_us } = *ruling;
        // Another address of the host may take what this one refuses.
        let address = (of_us && self.sites.has_addresses(self.site)).then(|| place(self.host, self.remote.ip()));
        let (site, host) = (self.sites.name(self.site), address.as_deref().unwrap_or(self.host));
        let via = self.ledger.lane.is_some().then(|| self.course.via(site, self.host, self.ehlo));
        let spans = |via| Detail { via, path, spans: course::spans(marks, self.now.mono), cause };
        let detail = via.as_ref().map(spans);
        let verdict = Verdict { kind, taken_back, rests, site, host, phase: phase.word(), reply, detail };
        self.ledger.verdict(key, index, &verdict, self.now);
    }

    /// A bounce that says nothing of a mailbox: whether it is believed.
    fn doubt(&mut self, judgement: Judgement, reply: ReplyRef<'_>, phase: Phase, (key, index): (u64, usize)) -> Doubt {
        if self.asked.insists {
            return Doubt::Bounces;
        }
        let row = self.ledger.row(key, index);
        let doubt = if self.hop == NextHop::Smarthost {
            if self.asked.is_held {
                return Doubt::Holds;
            }
            self.asked.standing.general(row)
        } else {
            self.doubt_exchanger(row)
        };
        self.asked.is_held |= doubt == Doubt::Holds;
        if doubt == Doubt::Holds && self.asked.refused.as_ref().is_none_or(|first| !first.holds) {
            self.asked.refused = Some(Refused::general(judgement, reply, phase));
        }
        doubt
    }

    fn doubt_exchanger(&self, row: Option<u32>) -> Doubt {
        let takes = self.asked.standing.takes;
        match row.filter(|_| !takes).map(|row| self.ledger.halt().doubt(row)) {
            None | Some(Doubted::Bounces) => Doubt::Bounces,
            Some(Doubted::Waits) if !self.asked.is_held => Doubt::WaitsBriefly,
            Some(Doubted::Waits | Doubted::Holds) => Doubt::Holds,
        }
    }

    /// Notes what reaches further than the recipient. Whether that holds the mailing, so that the attempt does not count.
    fn judged(&mut self, judgement: Judgement, reply: ReplyRef<'_>, phase: Phase, row: Option<u32>) -> bool {
        let Some((_, follows)) = judgement.refusal else {
            let is_doubted = self.hop == NextHop::Smarthost && judgement.is_general();
            if judgement.scope == Scope::Recipient && !is_doubted {
                self.asked.standing.judged();
            }
            if judgement.advice != Advice::Keep && self.asked.judged.is_none() {
                self.asked.judged = Some((judgement, reply.to_string()));
            }
            return false;
        };
        let holds = self.holds(follows.mailing, phase, row);
        if self.asked.refused.as_ref().is_none_or(|first| holds && !first.holds) {
            self.asked.refused = Refused::of(judgement, reply, phase, holds);
        }
        holds
    }
}

/// What a verdict comes to for its recipient.
struct Ruling<'r> {
    kind: Kind,
    phase: Phase,
    reply: ReplyRef<'r>,
    /// The attempt does not count.
    taken_back: bool,
    /// The next attempt comes after so long at most.
    rests: Option<Duration>,
    /// What a refusal is about.
    cause: &'static str,
    /// It refuses us.
    of_us: bool,
}

impl<'r> Ruling<'r> {
    fn of(kind: Kind, phase: Phase, reply: ReplyRef<'r>) -> Self {
        Self { kind, phase, reply, taken_back: false, rests: None, cause: "", of_us: false }
    }
}

/// There was none.
const LOST: ReplyRef<'static> =
    ReplyRef { code: 0, enhanced: None, text: b"the connection was lost before the reply to the content" };

/// Tells the log what a recipient was refused by: not whose server it was, nor its words, which name people, so that thousands of
/// refusals are as many lines as there are kinds of them.
fn tell_refusal(ruling: &Ruling<'_>) {
    let Ruling { kind, phase, reply, cause, .. } = *ruling;
    let (code, phase) = (reply.code, phase.word());
    if !tracing::enabled!(tracing::Level::INFO) {
        return;
    }
    let enhanced = reply.enhanced.map(|enhanced| enhanced.to_string()).unwrap_or_default();
    match kind {
        Kind::Bounced => tracing::info!(code, enhanced, phase, cause, "a recipient bounced"),
        Kind::Deferred => tracing::info!(code, enhanced, phase, cause, "a recipient was deferred"),
        _ => {}
    }
}
