//! What a session does about TLS: it begins it as its target demands, and ends where it is not what is demanded.
//!
//! Guarantees: where TLS is demanded, no session ever goes on without it, or with a host that did not prove what it had
//! to; nothing that such a session finds out makes another one go without. Where TLS is only a wish, a host whose
//! handshake fails is remembered, and spoken to in clear text.
//! Leaves to others: what is demanded (`engine::policy`), who proves what (`tls`).

use std::sync::Arc;

use crate::base::clock::Now;
use crate::engine::memory::Host;
use crate::engine::policy::Demand;
use crate::engine::shard::Shard;
use crate::engine::shard::connection::Connection;
use crate::engine::shard::ledger::Verdict;
use crate::journal::record::Kind;
use crate::mail::{Enhanced, Reply};
use crate::observe::Outcomes;
use crate::queue::SiteId;
use crate::shape::site::Trouble;
use crate::smtp::client::{Known, Lesson, Phase, Starttls};
use crate::tls::Verification;
use crate::tls::policy::Level;
use crate::wire::io::Io;

/// Why a site is held for want of TLS: what its recipients are told.
pub(super) struct Refusal {
    reply: Reply,
    host: Arc<str>,
}

/// How a session comes into TLS, and what it may know of its host: nothing that was learnt in clear text may keep TLS
/// away where it is demanded.
pub(super) fn begins(demand: &Demand, mut known: Known) -> (Starttls, Known) {
    let starttls = match demand.security.level {
        Level::Never => Starttls::Never,
        Level::Opportunistic if known.starttls_broken => Starttls::Never,
        Level::Opportunistic => Starttls::Offered,
        Level::Required | Level::Verified => Starttls::Required,
    };
    if !demand.security.level.allows_clear_text() {
        (known.early, known.starttls_broken) = (None, false);
    }
    (starttls, known)
}

/// What the certificate has to fulfil, in a word.
pub(super) fn verified(demand: &Demand) -> &'static str {
    match demand.verification {
        Verification::Opportunistic => "opportunistic",
        Verification::Names(_) => "names",
        Verification::Dane(_) => "dane",
    }
}

impl<I: Io> Shard<I> {
    pub(super) fn start_tls(&mut self, connection: &mut Connection, now: Now) {
        match crate::tls::Client::new(&self.tls, &connection.host, &connection.demand.verification) {
            Ok(client) => {
                connection.tls = Some(Box::new(client));
                connection.tls_hands = true;
                connection.course.tls_began(now.mono);
                self.ledger.counters.tls_handshakes += 1;
            }
            Err(error) => {
                self.ledger.seen.tls_failures += 1;
                self.no_handshake(connection, Phase::StartTls, &error.to_string(), now);
                connection.session.quit();
            }
        }
    }

    /// The handshake did not come about.
    pub(super) fn no_handshake(&mut self, connection: &Connection, phase: Phase, what: &str, now: Now) {
        let (host, phase) = (&connection.host, phase.word());
        if !connection.demand.security.level.allows_clear_text() {
            return self.insecure(connection, Enhanced::new(4, 7, 5), what, now);
        }
        if self.delivery.implicit_tls {
            // It is asked for by name: there is no other way in.
            return self.trouble(connection.site, Trouble::TurnedAway, "TLS failed, which [smarthost] wants", now);
        }
        tracing::info!(%host, phase, what, "TLS failed; the next session goes without");
        let server = Host { name: connection.host.clone(), port: connection.remote.port() };
        self.memory.learn(&server, Lesson::StarttlsBroken, now.unix);
    }

    /// The session ended because the host has no TLS.
    pub(super) fn no_tls(&mut self, connection: &Connection, why: &str, now: Now) {
        self.insecure(connection, Enhanced::new(4, 7, 10), why, now);
    }

    /// The target did not give the TLS that is demanded of it: another one is tried; when there is none, what is in stock
    /// is deferred, and the site rests. Other sites with the same exchangers are not touched by this.
    fn insecure(&mut self, connection: &Connection, code: Enhanced, what: &str, now: Now) {
        let (site, host, security) = (connection.site, &connection.host, connection.demand.security);
        let source = security.source.word();
        tracing::info!(%host, source, level = security.level.word(), what, "TLS is not what is demanded: nothing is sent");
        self.ledger.counters.sessions_refused += 1;
        if self.sites.rest_target(site, connection.target, now.mono) {
            return;
        }
        if let Some(binding) = self.sites.insecure(site, now, &mut self.rng) {
            self.tell_rest(site, what, &binding, now);
        }
        let demanded = match security.level {
            Level::Verified => "a proof of who the host is",
            Level::Required | Level::Opportunistic | Level::Never => "TLS",
        };
        // What to do about it is for whoever reads the log.
        let (what, _hint) = what.split_once(". hint: ").unwrap_or((what, ""));
        let reply = Reply::own(450, code, &format!("{host}: {what} ({source} demands {demanded})"));
        self.sites.refuse(site, Refusal { reply, host: host.clone() });
        self.defer_refused(site, now);
    }

    /// Defers what the site has in stock while it is held for want of TLS; `false` if that is not why it is held.
    pub(super) fn defer_refused(&mut self, site: SiteId, now: Now) -> bool {
        let Some(refusal) = self.sites.refusal(site, now) else { return false };
        let name = self.sites.name(site).to_owned();
        let verdict = Verdict {
            kind: Kind::Deferred,
            site: &name,
            host: &refusal.host,
            phase: Phase::StartTls.word(),
            reply: refusal.reply.by_ref(),
            detail: None,
        };
        let deferrals = self.ledger.defer_stock(site, &verdict, &refusal.reply, &mut self.sites, now);
        self.sites.count(site, &Outcomes::default(), deferrals);
        true
    }
}
