//! The ledger of a shard: every recipient that has left the queue, from the record that clears its attempt to the
//! durable record of its outcome.
//!
//! The way of a recipient: *cut* from the queue, its `Attempt` recorded → *cooking* while that record becomes durable
//! and its message is rendered → in *stock* at its site → *begun* in a session → its verdict recorded → *settled* once
//! that record is durable. Guarantees: a message reaches a session only after its `Attempt` is durable (G3); a
//! recipient leaves the in-flight count only after its outcome is durable (G1); the counts add up at every turn (G2).

mod expiry;
mod settle;
mod unmade;
mod unsent;

use slab::Slab;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::{Ahead, Instant, Now, UnixTime};
use crate::engine::board::{Board, Counters};
use crate::engine::held::Halt;
use crate::engine::message::{Append, Message, Rendered, Retry};
use crate::engine::settings::{Delivery, OnUncertain};
use crate::engine::shard::past::Pasts;
use crate::engine::shard::ready::Ready;
use crate::engine::shard::site::Sites;
use crate::journal::context::{Dictionary, Parts};
use crate::journal::record::{Kind, Record};
use crate::mail::event::{Event, Outcome, Spans, Tls, Told, Via};
use crate::mail::reply::Nameless;
use crate::mail::{Disposition, Enhanced, Reply, ReplyRef};
use crate::observe::ShardCounters;
use crate::observe::events::Lane;
use crate::queue::{Batch, DomainId, Queue, Rows, SiteId};
use crate::shape::retry::Schedule;
use unmade::Unmade;

/// An append is closed once it holds so much: the recorder takes 64 KiB, and one definition may still follow.
const APPEND_OCTETS: usize = 48 * 1024;

/// A batch between the queue and the stock of its site.
struct Job {
    site: SiteId,
    domain: DomainId,
    attempts: u16,
    /// When its attempt was cleared.
    cleared: UnixTime,
    rows: Rows,
    durable: bool,
    rendered: Option<Rendered>,
}

/// A message in a session.
struct Transaction {
    domain: DomainId,
    /// This attempt's number, from 1.
    attempts: u16,
    /// When it was cleared.
    cleared: UnixTime,
    rows: SmallVec<[u32; 2]>,
    octets: u32,
    began: Instant,
    accepted: bool,
    /// What the bounced were told, without addresses.
    bounces: Vec<Box<str>>,
}

/// What is done for a recipient once its record is durable.
struct Settle {
    ticket: u64,
    domain: DomainId,
    row: u32,
    attempts: u16,
    kind: Kind,
    /// Tried again after so long at most, whatever the schedule says, and not given up: the trouble was ours, or may be.
    rests: Option<Duration>,
}

/// What an event says of a verdict besides.
#[derive(Clone, Copy)]
pub(super) struct Detail<'a> {
    pub(super) via: &'a Via<'a>,
    pub(super) path: &'a [u8],
    pub(super) spans: Spans,
    /// What a refusal is about.
    pub(super) cause: &'static str,
}

/// See the head of this file.
pub(super) struct Ledger {
    pub(super) counters: Counters,
    /// What only metrics show: replies, latencies, octets.
    pub(super) seen: ShardCounters,
    /// The event log, if one is kept.
    pub(super) lane: Option<Lane>,
    shard: u16,
    on_uncertain: OnUncertain,
    /// Whether it is of interest what the bounced were told.
    brakes: bool,
    retry: Schedule,
    jobs: Slab<Job>,
    transactions: Slab<Transaction>,
    /// Transactions that are over, in this run.
    finished: u64,
    entries: Vec<u8>,
    /// Entries that filled a whole append before the turn was over.
    full: VecDeque<Append>,
    dictionary: Dictionary,
    /// The ticket that the entries being gathered will have.
    ticket: u64,
    durable: u64,
    /// When each append was handed over that is not durable yet, oldest first.
    handed: VecDeque<Instant>,
    /// How long the last ones took to become durable, smoothed.
    disk_takes: Duration,
    /// Jobs whose attempts are not durable yet, oldest first.
    clearing: VecDeque<(u64, u32)>,
    settling: VecDeque<Settle>,
    pasts: Pasts,
    unmade: Unmade,
    clock: Ahead,
    /// Since when this process sends, without a pause.
    awake: UnixTime,
    stock: u64,
    /// The edition of the suppression list that a message must have been rendered under.
    edition: u32,
    /// Who knows which recipients are counted as possible duplicates.
    board: Arc<Board>,
}

/// What an outcome record says besides the recipient.
pub(super) struct Verdict<'a> {
    pub(super) kind: Kind,
    /// The attempt does not count: it was not about the recipient.
    pub(super) taken_back: bool,
    /// The next attempt comes after so long at most.
    pub(super) rests: Option<Duration>,
    pub(super) site: &'a str,
    pub(super) host: &'a str,
    pub(super) phase: &'static str,
    pub(super) reply: ReplyRef<'a>,
    /// What only watchers want to know; `None` where nobody watches, or there is no session.
    pub(super) detail: Option<Detail<'a>>,
}

impl Ledger {
    pub(super) fn new(
        (shard, last_context, clock): (u16, u32, Ahead),
        settled: Counters,
        delivery: &Delivery,
        lane: Option<Lane>,
        board: Arc<Board>,
    ) -> Self {
        if delivery.smarthost && settled.delivered > 0 {
            // It took mail in an earlier run.
            board.halt().site_accepts();
        }
        Self {
            counters: settled,
            seen: ShardCounters::default(),
            lane,
            shard,
            on_uncertain: delivery.on_uncertain,
            brakes: delivery.max_bounced.is_some(),
            retry: delivery.retry.clone(),
            jobs: Slab::new(),
            transactions: Slab::new(),
            finished: 0,
            entries: Vec::with_capacity(16 * 1024),
            full: VecDeque::new(),
            dictionary: Dictionary::new(shard as u8, last_context),
            ticket: 1,
            durable: 0,
            handed: VecDeque::new(),
            disk_takes: Duration::ZERO,
            clearing: VecDeque::new(),
            settling: VecDeque::new(),
            pasts: Pasts::new(),
            unmade: Unmade::default(),
            clock,
            awake: UnixTime(0),
            stock: 0,
            edition: 0,
            board,
        }
    }

    pub(super) fn shard(&self) -> u16 {
        self.shard
    }

    /// Shows the counts, where another shard's depend on them.
    pub(super) fn show(&self) {
        self.board.note(self.shard, &self.counters);
    }

    /// A TLS handshake is done.
    pub(super) fn count_tls(&mut self, tls: Tls) {
        self.counters.tls_sessions += 1;
        self.counters.tls_resumed += u64::from(tls.resumed);
        self.seen.tls.count(tls.version, tls.resumed);
    }

    /// What holds the mailing.
    pub(super) fn halt(&self) -> &Halt {
        self.board.halt()
    }

    /// Whether every recipient that left the queue has settled.
    pub(super) fn is_settled(&self) -> bool {
        self.jobs.is_empty() && self.transactions.is_empty() && self.stock == 0 && self.is_quiet()
    }

    /// Whether the journal has confirmed all that it was given.
    pub(super) fn is_quiet(&self) -> bool {
        let written = self.entries.is_empty() && self.full.is_empty() && self.durable + 1 == self.ticket;
        written && self.settling.is_empty() && self.clearing.is_empty()
    }

    /// Records the attempts of a batch and makes a job of it; its name.
    pub(super) fn clear(&mut self, site: SiteId, batch: Batch, now: Now) -> u32 {
        let attempts = batch.attempts.saturating_add(1);
        for row in batch.rows.iter() {
            self.record(row, Kind::Attempt, attempts, 0, 0, now);
        }
        let count = batch.rows.len() as u64;
        self.counters.leave_queue(count, batch.attempts > 0);
        self.counters.in_flight += count;
        let (domain, cleared, rows) = (batch.domain, self.time(now), batch.rows);
        let job = Job { site, domain, attempts, cleared, rows, durable: false, rendered: None };
        let name = self.jobs.insert(job) as u32;
        self.clearing.push_back((self.ticket, name));
        name
    }

    /// A job came back from a render thread.
    pub(super) fn handle_rendered(&mut self, rendered: Rendered, sites: &mut Sites, queue: &mut Queue, now: Now) {
        let name = rendered.job;
        let Some(job) = self.jobs.get_mut(name as usize) else { return };
        job.rendered = Some(rendered);
        if job.durable {
            self.stock_job(name, sites, queue, now);
        }
    }

    /// The journal says that everything up to `ticket` is on stable storage.
    pub(super) fn handle_durable(
        &mut self,
        ticket: u64,
        queue: &mut Queue,
        sites: &mut Sites,
        now: Now,
        rng: &mut fastrand::Rng,
    ) {
        for _ in self.durable..ticket {
            if let Some(at) = self.handed.pop_front() {
                self.disk_takes = (self.disk_takes * 7 + now.mono.since(at)) / 8;
            }
        }
        self.durable = self.durable.max(ticket);
        while let Some(&(needs, name)) = self.clearing.front()
            && needs <= ticket
        {
            self.clearing.pop_front();
            let Some(job) = self.jobs.get_mut(name as usize) else { continue };
            job.durable = true;
            if job.rendered.is_some() {
                self.stock_job(name, sites, queue, now);
            }
        }
        while let Some(settle) = self.settling.front()
            && settle.ticket <= ticket
        {
            let Some(settle) = self.settling.pop_front() else { return };
            self.settle(settle, queue, now, rng);
        }
    }

    /// Durable and rendered: the messages go into the stock of their site, unless they were rendered under a suppression
    /// list that is not in force any more.
    fn stock_job(&mut self, name: u32, sites: &mut Sites, queue: &mut Queue, now: Now) {
        let job = self.jobs.remove(name as usize);
        let Some(rendered) = job.rendered else { return };
        sites.cooked(job.site, job.rows.len());
        if rendered.edition < self.edition {
            self.release(job.domain, job.rows.iter().collect(), job.attempts, None, queue, now);
            return sites.touch(job.site);
        }
        let failed = rendered.refused.len();
        self.unmade.note_made(job.rows.len().saturating_sub(failed + rendered.suppressed.len()), &self.board);
        for row in rendered.suppressed {
            self.suppress(job.domain, row, job.attempts.saturating_sub(1), now);
        }
        for (row, why) in rendered.refused {
            self.note_unmade((job.domain, row, job.attempts, why), now);
        }
        self.counters.messages_rendered += rendered.messages.len() as u64;
        for message in rendered.messages {
            self.stock += 1;
            let Job { domain, attempts, cleared, .. } = job;
            sites.stock(job.site, Ready { domain, attempts, cleared, message });
        }
    }

    /// A message in stock was split: it counts as more.
    pub(super) fn add_stock(&mut self, added: u64) {
        self.stock += added;
    }

    /// Takes a message out of stock into a session: the transaction's key and its message.
    pub(super) fn begin(&mut self, ready: Ready, now: Now) -> (u64, Message) {
        self.stock = self.stock.saturating_sub(1);
        let Ready { domain, attempts, cleared, mut message } = ready;
        let rows = std::mem::take(&mut message.rows);
        let octets = message.content.len() as u32;
        self.counters.transactions += 1;
        let (began, bounces) = (now.mono, Vec::new());
        let transaction = Transaction { domain, attempts, cleared, rows, octets, began, accepted: false, bounces };
        (self.transactions.insert(transaction) as u64, message)
    }

    /// The row of a transaction's recipient.
    pub(super) fn row(&self, key: u64, index: usize) -> Option<u32> {
        self.transactions.get(key as usize)?.rows.get(index).copied()
    }

    /// Records the verdict over one recipient of a transaction.
    pub(super) fn verdict(&mut self, key: u64, index: usize, verdict: &Verdict<'_>, now: Now) {
        let Some(transaction) = self.transactions.get_mut(key as usize) else { return };
        let Some(&row) = transaction.rows.get(index) else { return };
        transaction.accepted |= verdict.kind == Kind::Delivered;
        if verdict.kind == Kind::Bounced && self.brakes {
            transaction.bounces.push(Nameless(&verdict.reply.to_string()).to_string().into());
        }
        self.seen.replies.count(verdict.reply);
        let Transaction { domain, attempts, cleared, octets, .. } = *transaction;
        let attempts = attempts.saturating_sub(u16::from(verdict.taken_back));
        if let (Some(lane), Some(Detail { via, path, spans, cause })) = (&mut self.lane, verdict.detail) {
            let told = Told {
                path: Some(path),
                via: Some(via),
                phase: verdict.phase,
                cause,
                octets,
                spans,
                ..own(verdict.kind, row, attempts, verdict.reply)
            };
            lane.write(now, &Event::Recipient(told));
        }
        let context = self.context(verdict);
        if attempts > 0 {
            self.note_attempt(verdict.kind, row, cleared, context, now);
        }
        self.outcome(domain, row, attempts, verdict.kind, verdict.reply.code, context, now);
        if let Some(settle) = self.settling.back_mut() {
            settle.rests = verdict.rests.or(verdict.taken_back.then_some(Duration::ZERO));
        }
    }

    /// A transaction has no recipient left without a verdict: what its bounced were told, where that is of interest. Of
    /// those that were delivered nothing is known before: a bounce that counted at once would count without them.
    pub(super) fn finish(&mut self, key: u64, now: Now) -> Vec<Box<str>> {
        let Some(transaction) = self.transactions.try_remove(key as usize) else { return Vec::new() };
        self.finished += 1;
        if transaction.accepted {
            self.counters.messages += 1;
            self.seen.content_octets += u64::from(transaction.octets);
            self.seen.delivery.record(now.mono.since(transaction.began));
        }
        transaction.bounces
    }

    /// Whether what has ended says something of what has begun: a recipient is refused sooner than another one's content is
    /// taken, so that the first ends of many sessions are refusals.
    pub(super) fn is_under_steam(&self) -> bool {
        self.finished >= self.transactions.len() as u64
    }

    /// Recipients of a transaction come back untried: their attempt is taken back, and they go to the queue's front.
    pub(super) fn give_back(
        &mut self,
        key: u64,
        indices: &[usize],
        via: Option<&Via<'_>>,
        queue: &mut Queue,
        now: Now,
    ) {
        let Some(transaction) = self.transactions.get(key as usize) else { return };
        let rows: Vec<u32> = indices.iter().filter_map(|&i| transaction.rows.get(i).copied()).collect();
        let (domain, attempts) = (transaction.domain, transaction.attempts);
        self.release(domain, rows, attempts, via, queue, now);
    }

    /// Takes back the attempts of messages that no session has begun.
    pub(super) fn release_stock(&mut self, site: SiteId, sites: &mut Sites, queue: &mut Queue, now: Now) {
        while let Some(ready) = sites.take_stock(site) {
            self.stock = self.stock.saturating_sub(1);
            self.release(ready.domain, ready.message.rows.to_vec(), ready.attempts, None, queue, now);
        }
    }

    /// Defers every message in the stock of the site: each recipient's attempt counts. How many recipients that were.
    pub(super) fn defer_stock(
        &mut self,
        site: SiteId,
        verdict: &Verdict<'_>,
        reply: &Reply,
        sites: &mut Sites,
        now: Now,
    ) -> u64 {
        let mut deferred = 0;
        while let Some(ready) = sites.take_stock(site) {
            self.stock = self.stock.saturating_sub(1);
            let context = self.context(verdict);
            for &row in &ready.message.rows {
                self.tell(verdict.kind, row, ready.attempts, reply, now);
                self.note_attempt(verdict.kind, row, ready.cleared, context, now);
                self.outcome(ready.domain, row, ready.attempts, verdict.kind, verdict.reply.code, context, now);
                deferred += 1;
            }
        }
        deferred
    }

    /// Takes back every attempt that no session has begun, cooking or in stock.
    pub(super) fn release_all(&mut self, sites: &mut Sites, queue: &mut Queue, now: Now) {
        for site in sites.ids() {
            self.release_stock(site, sites, queue, now);
        }
        let jobs: Vec<Job> = std::mem::take(&mut self.jobs).into_iter().map(|(_, job)| job).collect();
        for job in jobs {
            sites.cooked(job.site, job.rows.len());
            self.release(job.domain, job.rows.iter().collect(), job.attempts, None, queue, now);
        }
        self.clearing.clear();
    }

    fn release(
        &mut self,
        domain: DomainId,
        rows: Vec<u32>,
        attempts: u16,
        via: Option<&Via<'_>>,
        queue: &mut Queue,
        now: Now,
    ) {
        if rows.is_empty() {
            return;
        }
        for &row in &rows {
            if let Some(lane) = &mut self.lane {
                let told = own(Kind::Released, row, attempts, NOTHING_SAID);
                lane.write(now, &Event::Recipient(Told { via, ..told }));
            }
        }
        self.take_back(&rows, attempts, now);
        queue.give_back(Batch { domain, attempts: attempts.saturating_sub(1), rows: Rows::List(rows) });
    }

    /// Their attempt does not count, and they wait.
    fn take_back(&mut self, rows: &[u32], attempts: u16, now: Now) {
        for row in rows {
            self.record(*row, Kind::Released, attempts.saturating_sub(1), 0, 0, now);
        }
        let count = rows.len() as u64;
        self.counters.released += count;
        self.counters.in_flight -= count.min(self.counters.in_flight);
        self.counters.waiting += count;
        self.counters.deferred += if attempts > 1 { count } else { 0 };
    }

    /// Bounces a waiting recipient by a reply of our own: nothing was attempted.
    pub(super) fn refuse_locally(&mut self, domain: DomainId, row: u32, attempts: u16, reply: &Reply, now: Now) {
        self.leave_queue(attempts);
        self.pasts.take(row);
        self.refuse_locally_attempted(domain, row, attempts, reply, now);
    }

    fn leave_queue(&mut self, attempts: u16) {
        self.counters.leave_queue(1, attempts > 0);
        self.counters.in_flight += 1;
    }

    fn refuse_locally_attempted(&mut self, domain: DomainId, row: u32, attempts: u16, reply: &Reply, now: Now) {
        self.tell(Kind::Bounced, row, attempts, reply, now);
        let context = self.own_context(reply);
        self.outcome(domain, row, attempts, Kind::Bounced, reply.code, context, now);
    }

    /// An attempt that an earlier process left open: its content may have been sent.
    pub(super) fn reopen(&mut self, domain: DomainId, open: &Retry, now: Now) {
        let Retry { row, attempts, past, .. } = *open;
        self.counters.in_flight += 1;
        let reply = Reply::own(450, Enhanced::new(4, 4, 2), "the engine was stopped during the attempt");
        self.tell(self.uncertain(), row, attempts, &reply, now);
        let context = self.own_context(&Reply { code: 0, ..reply });
        self.note_attempt(self.uncertain(), row, past.first, context, now);
        self.outcome(domain, row, attempts, self.uncertain(), 0, context, now);
        if let Some(settle) = self.settling.back_mut() {
            settle.rests = Some(Duration::ZERO);
        }
    }

    /// The record that an uncertain recipient gets, as the campaign asks.
    pub(super) fn uncertain(&self) -> Kind {
        match self.on_uncertain {
            OnUncertain::Retry => Kind::UncertainRetry,
            OnUncertain::Hold => Kind::UncertainHeld,
        }
    }

    /// Tells watchers of an outcome that no session gave.
    fn tell(&mut self, kind: Kind, row: u32, attempts: u16, reply: &Reply, now: Now) {
        if let Some(lane) = &mut self.lane {
            lane.write(now, &Event::Recipient(own(kind, row, attempts, reply.by_ref())));
        }
    }

    fn own_context(&mut self, reply: &Reply) -> u32 {
        self.context(&Verdict {
            kind: Kind::Bounced,
            taken_back: false,
            rests: None,
            site: "",
            host: "",
            phase: "",
            reply: reply.by_ref(),
            detail: None,
        })
    }

    fn context(&mut self, verdict: &Verdict<'_>) -> u32 {
        let Verdict { site, host, phase, reply, .. } = *verdict;
        let ReplyRef { code, enhanced, text } = reply;
        self.dictionary.intern(&Parts { site, host, code, enhanced, phase, text }, &mut self.entries)
    }

    fn outcome(&mut self, domain: DomainId, row: u32, attempts: u16, kind: Kind, code: u16, context: u32, now: Now) {
        self.record(row, kind, attempts, code, context, now);
        self.settling.push_back(Settle { ticket: self.ticket, domain, row, attempts, kind, rests: None });
    }

    fn record(&mut self, recipient: u32, kind: Kind, attempts: u16, code: u16, extra: u32, now: Now) {
        if self.entries.len() >= APPEND_OCTETS {
            self.seal();
        }
        Record { recipient, at: self.clock.at(now.unix), code, kind, attempts, extra }.encode_into(&mut self.entries);
    }

    /// The next append of the entries gathered, for the recorder.
    pub(super) fn take_append(&mut self, now: Now) -> Option<Append> {
        if self.full.is_empty() && !self.entries.is_empty() {
            self.seal();
        }
        let append = self.full.pop_front()?;
        self.handed.push_back(now.mono);
        Some(append)
    }

    /// Closes the append that is being gathered: what is recorded from here on has the next ticket.
    fn seal(&mut self) {
        // Mostly short, and freed by another thread: a copy as long as it is costs less than room for the next ones.
        let entries = self.entries.clone();
        self.entries.clear();
        self.full.push_back(Append { shard: self.shard, ticket: self.ticket, entries });
        self.ticket += 1;
    }
}

/// No reply.
const NOTHING_SAID: ReplyRef<'static> = ReplyRef { code: 0, enhanced: None, text: b"" };

/// What watchers are told of a recipient when no session is known.
fn own(kind: Kind, row: u32, attempt: u16, reply: ReplyRef<'_>) -> Told<'_> {
    let outcome = match kind {
        Kind::Attempt | Kind::Released => Outcome::Released,
        Kind::UncertainRetry => Outcome::UncertainRetried,
        Kind::UncertainHeld => Outcome::Stands(Disposition::Uncertain),
        Kind::Delivered => Outcome::Stands(Disposition::Delivered),
        Kind::Deferred => Outcome::Stands(Disposition::Deferred),
        Kind::Bounced => Outcome::Stands(Disposition::Bounced),
        Kind::Expired => Outcome::Stands(Disposition::Expired),
        Kind::Cancelled => Outcome::Stands(Disposition::Cancelled),
        Kind::Suppressed => Outcome::Stands(Disposition::Suppressed),
    };
    let spans = Spans::default();
    Told { outcome, row, path: None, attempt, via: None, last: None, phase: "", cause: "", reply, octets: 0, spans }
}

/// The record of a recipient that a peer's reply put there.
pub(super) fn kind_of(disposition: Disposition) -> Kind {
    match disposition {
        Disposition::Delivered => Kind::Delivered,
        Disposition::Bounced => Kind::Bounced,
        _ => Kind::Deferred,
    }
}
