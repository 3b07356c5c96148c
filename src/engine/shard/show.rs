//! What a shard shows: its counts, and why it is not faster, in one clause.
//!
//! Guarantees: what is named as binding has something to do: a site without work never is. Leaves to others: which shard
//! is heard (`board`).

use std::time::Duration;

use crate::base::clock::{Instant, Now};
use crate::base::many::Many;
use crate::base::span::Span;
use crate::engine::board::Shown;
use crate::engine::shard::connection::Connection;
use crate::engine::shard::{Shard, Stage};
use crate::observe::ShardCounters;
use crate::smtp::client::Phase;
use crate::wire::io::Io;

/// An opening that takes longer is what binds, where nobody was let in.
const SLOW_OPENING: Duration = Duration::from_secs(3);
/// A word that takes longer is what binds, where most sessions wait for one.
const SILENCE: Duration = Duration::from_secs(5);
/// The port of SMTP with TLS from the first octet on (RFC 8314).
const SUBMISSIONS: u16 = 465;
/// Who has something ready to send is heard before who waits for a route, and that one before who waits for a retry.
const READY: u64 = 1 << 62;
/// See above.
const UNROUTED: u64 = 1 << 61;

impl<I: Io> Shard<I> {
    pub(super) fn publish(&mut self, now: Now) {
        self.published = now.mono;
        self.unshown = false;
        self.ledger.counters.open_sessions = self.open as u64;
        let (bound, binding) = self.binding(now);
        let shown = Shown { counters: self.ledger.counters.clone(), seen: self.seen(), binding, bound };
        self.sites.publish(now.mono, &self.queue);
        self.ports.board.show(self.ledger.shard(), shown, now.mono);
    }

    /// What metrics show of this shard, besides where its recipients stand: the board knows that.
    fn seen(&self) -> ShardCounters {
        let counters = &self.ledger.counters;
        let work = self.io.work();
        ShardCounters {
            deferrals: counters.deferrals,
            messages: counters.messages,
            transactions: counters.transactions,
            sessions_opened: counters.sessions,
            sessions_failed: counters.sessions_failed + counters.sessions_refused + counters.sessions_lost,
            session_reuses: counters.transactions.saturating_sub(counters.sessions),
            sessions_open: counters.open_sessions,
            scheduled: self.queue.counts().scheduled,
            ring_enters: work.enters,
            ring_completions: work.completions,
            ..self.ledger.seen.clone()
        }
    }

    /// How many recipients wait for it, and what binds.
    pub(super) fn binding(&self, now: Now) -> (u64, String) {
        let counts = self.queue.counts();
        if self.paused {
            return (u64::MAX, "paused".to_owned());
        }
        if self.crowded.is_some() {
            return (u64::MAX, "the event log: its lines are written more slowly than they come".to_owned());
        }
        if self.stage == Stage::Running && self.blind.is_some() && counts.waiting() + self.ledger.counters.in_flight > 0
        {
            return (u64::MAX, self.ports.board.sight().binding(now));
        }
        if self.stage != Stage::Running && self.open > 0 && counts.waiting() + self.ledger.counters.in_flight > 0 {
            let open = Many(self.open as u64, "session finishes", "sessions finish");
            return (u64::MAX, format!("the end of this run: {open} what is under way"));
        }
        let busy = counts.ready + self.ledger.counters.in_flight;
        if busy > 0 {
            return (READY + busy, self.what_binds(now));
        }
        if counts.unrouted > 0 {
            return (UNROUTED + counts.unrouted, self.what_hides_routes(counts.unrouted));
        }
        if counts.scheduled > 0 {
            let first = Span(self.queue.next_due().unwrap_or(now.mono).since(now.mono)).rough();
            let waiting = Many(counts.scheduled, "recipient waits", "recipients wait");
            return (counts.scheduled, format!("the retry schedule: {waiting}, the first for {first}"));
        }
        (0, if self.load_ended { String::new() } else { "reading the list".to_owned() })
    }

    /// What holds up those who are ready.
    fn what_binds(&self, now: Now) -> String {
        (self.silence(now.mono))
            .or_else(|| self.egress.binding(now.mono))
            .or_else(|| self.slow_opening(now.mono))
            .or_else(|| self.ledger.binding(now.mono))
            .unwrap_or_else(|| self.sites.binding(&self.queue, now.mono))
    }

    fn what_hides_routes(&self, waiting: u64) -> String {
        match &self.no_smarthost {
            Some(why) => format!("the smarthost, which cannot be found: {why}"),
            None => {
                let waiting = Many(waiting, "recipient waits", "recipients wait");
                format!("the look-up of domains: {waiting} for a route")
            }
        }
    }

    /// The session that has waited for its peer's word for longest, where most of those do that have something to do.
    fn silence(&self, now: Instant) -> Option<String> {
        let working = || self.connections.iter().flatten().filter(|c| c.ready && !c.ended);
        let waits = |c: &Connection| c.session.waits_since().map_or(Duration::ZERO, |since| now.since(since));
        if !working().any(|c| waits(c) >= SILENCE) {
            return None;
        }
        let busiest = self.sites.busiest(&self.queue);
        let (mut all, mut silent, mut longest) = (0, 0, None::<&Connection>);
        for c in working().filter(|c| busiest.is_none_or(|site| self.sites.share_hosts(c.site, site))) {
            // Those for whom nothing is left do not count.
            all += u64::from(busiest.is_some() || c.session.waits_since().is_some());
            if waits(c) >= SILENCE {
                silent += 1;
                longest = longest.filter(|longest| waits(longest) >= waits(c)).or(Some(c));
            }
        }
        let longest = longest.filter(|_| silent * 2 > all)?;
        let (what, does) = match longest.session.phase() {
            Phase::Content => ("the content's way to", "has taken nothing"),
            Phase::End => ("the answer to the content from", "has not come"),
            Phase::Mail => ("an answer to MAIL from", "has not come"),
            Phase::Rcpt => ("an answer to RCPT from", "has not come"),
            Phase::Data => ("an answer to DATA from", "has not come"),
            _ => ("an answer from", "has not come"),
        };
        let (host, port) = (&longest.host, longest.remote.port());
        let lasted = Span(Duration::from_secs(waits(longest).as_secs()));
        let sessions = Many(silent, "session waits", "sessions wait");
        Some(format!("{what} {host}:{port}, which {does} for {lasted}: {sessions}"))
    }

    /// The session that has been opening for longest, at a site that let nobody in.
    fn slow_opening(&self, now: Instant) -> Option<String> {
        let opening = self.connections.iter().flatten().filter(|c| !c.ready && !c.ended);
        let lost = opening.filter(|c| self.sites.sessions_ready(c.site) == 0 && !self.sites.is_bare(c.site));
        let slow = lost.max_by_key(|c| c.course.lasted(now))?;
        let lasted = slow.course.lasted(now);
        if lasted < SLOW_OPENING {
            return None;
        }
        let (host, port, phase) = (&slow.host, slow.remote.port(), slow.session.phase());
        let what = match phase {
            _ if !slow.connected => "the connection to",
            _ if slow.tls_hands => "the TLS handshake with",
            Phase::Greeting => "the greeting of",
            Phase::Auth => "the login at",
            _ => "an answer to EHLO from",
        };
        let hint = if slow.connected && phase == Phase::Greeting && port == SUBMISSIONS && slow.tls.is_none() {
            "; hint: port 465 speaks TLS first: [smarthost] tls = \"implicit\""
        } else {
            ""
        };
        Some(format!(
            "{what} {host}:{port}, which has not come for {}{hint}",
            Span(Duration::from_secs(lasted.as_secs()))
        ))
    }
}
