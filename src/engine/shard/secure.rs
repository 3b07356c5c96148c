//! What a session does about TLS: it begins it as its target demands, and ends where it is not what is demanded.
//!
//! Guarantees: where TLS is demanded, no session ever goes on without it, or with a host that did not prove what it had
//! to; nothing that such a session finds out makes another one go without. Where TLS is only a wish, a host whose
//! handshake fails is remembered, and spoken to in clear text, until it says that it wants TLS; but never where a login needs
//! TLS. Where a smarthost's TLS fails again and again, and there is no way on without, the mailing is held: nobody expires for it.
//! Leaves to others: what is demanded (`engine::policy`), who proves what (`tls`).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::Now;
use crate::engine::held::{Held, NeedsTls};
use crate::engine::memory::Host;
use crate::engine::policy::Demand;
use crate::engine::policy::tally::{About, Outcome};
use crate::engine::shard::Shard;
use crate::engine::shard::connection::Connection;
use crate::engine::shard::ledger::Verdict;
use crate::engine::shard::refused::{AGAIN_MAX, SHORT_AGAIN_MAX};
use crate::engine::shard::ways::place;
use crate::journal::record::Kind;
use crate::mail::{Enhanced, Reply};
use crate::observe::Outcomes;
use crate::queue::{DomainId, SiteId};
use crate::shape::{self, NextHop, site::Trouble};
use crate::smtp::client::{Known, Lesson, Phase, Starttls};
use crate::tls::policy::Level;
use crate::tls::{Failure, TlsError, Verification};
use crate::wire::io::Io;

/// Of one session, how TLS went is told for no more domains.
const TOLD_MAX: usize = 64;

/// Why a site is held for want of TLS: what its recipients are told.
pub(super) struct Refusal {
    reply: Reply,
    host: Arc<str>,
    remote: IpAddr,
    demand: Arc<Demand>,
    failure: Failure,
    /// The domains for which it was told.
    told: Vec<DomainId>,
}

/// How a session comes into TLS, and what it may know of its host: nothing that was learnt in clear text may keep TLS
/// away where it is demanded.
pub(super) fn begins(demand: &Demand, mut known: Known) -> (Starttls, Known) {
    let starttls = match demand.security.level {
        Level::Never => Starttls::Never,
        Level::Opportunistic => Starttls::Offered,
        Level::Required | Level::Verified => Starttls::Required,
    };
    if !demand.security.level.allows_clear_text() {
        (known.early, known.starttls_broken) = (None, false);
    }
    (starttls, known)
}

/// What a failed handshake is reported as.
pub(super) fn failure_of(error: &TlsError) -> Failure {
    error.failure().unwrap_or(Failure::ValidationFailure)
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
                self.no_handshake(connection, Phase::StartTls, (failure_of(&error), &error.to_string()), now);
                connection.session.quit();
            }
        }
    }

    /// The handshake did not come about.
    pub(super) fn no_handshake(
        &mut self,
        connection: &Connection,
        phase: Phase,
        (failure, what): (Failure, &str),
        now: Now,
    ) {
        let (host, phase) = (&connection.host, phase.word());
        if !connection.demand.security.level.allows_clear_text() {
            return self.insecure(connection, Enhanced::new(4, 7, 5), (failure, what), now);
        }
        self.tell_failure(connection, failure, what);
        self.sites.tls_failed(connection.site, what);
        if self.delivery.implicit_tls {
            return self.tls_is_the_only_way(connection, &NeedsTls::FromTheStart, now);
        }
        if connection.config.login_needs_tls() {
            tracing::info!(%host, phase, what, "TLS failed, which the login needs");
            return self.tls_is_the_only_way(connection, &NeedsTls::Login, now);
        }
        if connection.hop == NextHop::Smarthost && self.sites.leaves(connection.site, connection.whom(), now.mono) {
            tracing::info!(%host, address = %connection.remote.ip(), phase, what, "TLS failed; another address is asked");
            return;
        }
        tracing::info!(%host, phase, what, "TLS failed; the next session goes without");
        let server = Host { name: connection.host.clone(), port: connection.remote.port() };
        self.memory.learn(&server, Lesson::StarttlsBroken, now.unix);
    }

    /// A session is let in; where that is inside of TLS, STARTTLS is broken no longer.
    pub(super) fn tls_stands(&self, connection: &Connection) {
        if connection.tls.is_some() {
            let server = Host { name: connection.host.clone(), port: connection.remote.port() };
            self.memory.forget(&server, |lesson| *lesson == Lesson::StarttlsBroken);
        }
    }

    /// There is no other way in, but perhaps another address.
    fn tls_is_the_only_way(&mut self, connection: &Connection, needs: &NeedsTls<'_>, now: Now) {
        let (site, whom, is_ours) = (connection.site, connection.whom(), connection.hop == NextHop::Smarthost);
        // That another address fails, too, is no reason to go to and fro between them.
        let has_way = !is_ours || self.sites.has_way(site, whom, now.mono);
        if self.sites.pass_over(site, whom, now.mono) && has_way {
            return;
        }
        let why = match needs {
            NeedsTls::FromTheStart => "TLS failed, which [smarthost] wants",
            NeedsTls::Login => "TLS failed, which the login needs",
            NeedsTls::Host(said) | NeedsTls::Demand(said) => said,
        };
        self.trouble(site, Trouble::TurnedAway, why, now);
        if is_ours {
            self.hold_if_tls_fails_on(connection, needs, now);
        }
    }

    /// Holds the mailing once a smarthost has rested for it so often that its TLS will not come about by itself; whether it does.
    fn hold_if_tls_fails_on(&mut self, connection: &Connection, needs: &NeedsTls<'_>, now: Now) -> bool {
        let site = connection.site;
        // Sessions that fail together, and during the rest, are one failure.
        let rest = self.sites.rests_until(site).map_or(Duration::ZERO, |until| until.since(now.mono));
        let again = self.sites.standing_mut(site).map_or(0, |standing| standing.again(rest, now.mono));
        // Where TLS is demanded the recipients wait by their schedule between.
        let most = if matches!(needs, NeedsTls::Demand(_)) { AGAIN_MAX } else { SHORT_AGAIN_MAX };
        if again < most {
            return false;
        }
        let host = if self.sites.has_addresses(site) {
            place(&connection.host, connection.remote.ip())
        } else {
            self.sites.name(site).to_owned()
        };
        let held = Held::tls_fails(&host, needs, self.sites.tls_failure(site));
        self.hold_mailing(held, now);
        true
    }

    /// A host refuses us, as `said`: whether it does so because the session left out TLS that it might have had. Then what
    /// kept TLS away is forgotten, and the next session asks for it. One that wants a login may take it inside of TLS alone:
    /// that is forgotten for the next run, for in this one TLS did fail.
    pub(super) fn takes_up_tls(
        &mut self,
        connection: &Connection,
        refusal: Option<shape::Refusal>,
        said: &str,
        now: Now,
    ) -> bool {
        let left_out = connection.tls.is_none()
            && connection.demand.security.level == Level::Opportunistic
            && (connection.known.keeps_tls_away() || connection.session.capabilities().starttls);
        if !left_out || !matches!(refusal, Some(shape::Refusal::Tls | shape::Refusal::Login)) {
            return false;
        }
        let server = Host { name: connection.host.clone(), port: connection.remote.port() };
        self.memory.forget(&server, Lesson::keeps_tls_away);
        if refusal != Some(shape::Refusal::Tls) {
            return false;
        }
        tracing::info!(host = %connection.host, "the host wants TLS: the next session asks for it again");
        self.tls_is_the_only_way(connection, &NeedsTls::Host(said), now);
        true
    }

    /// The session ended because the host has no TLS.
    pub(super) fn no_tls(&mut self, connection: &Connection, why: &str, now: Now) {
        if connection.demand.security.level.allows_clear_text() {
            return self.no_handshake(connection, Phase::StartTls, (Failure::StartTlsNotSupported, why), now);
        }
        self.insecure(connection, Enhanced::new(4, 7, 10), (Failure::StartTlsNotSupported, why), now);
    }

    /// Mail of the domain goes out with TLS as it is: told once for each session and domain.
    pub(super) fn tell_tls(&mut self, connection: &mut Connection, domain: DomainId, now: Now) {
        let (told, demand) = (&mut connection.told, &connection.demand);
        if demand.security.level == Level::Never || told.len() >= TOLD_MAX || told.contains(&domain) {
            return;
        }
        told.push(domain);
        let failure = self.audit(connection, now);
        self.tell_outcome(connection, domain, failure);
    }

    /// TLS failed with the host: told for the domains whose mail waits for it.
    fn tell_failure(&self, connection: &Connection, failure: Failure, why: &str) {
        if self.teller.is_none() {
            return;
        }
        for domain in self.sites.stock_domains(connection.site, TOLD_MAX) {
            self.tell_outcome(connection, domain, Some((failure, why.into())));
        }
    }

    /// A refusal is told for each domain whose mail it kept back.
    fn tell_refusal(&self, site: SiteId, refusal: &mut Refusal) {
        if self.teller.is_none() {
            return;
        }
        for domain in self.sites.stock_domains(site, TOLD_MAX) {
            if refusal.told.len() < TOLD_MAX && !refusal.told.contains(&domain) {
                refusal.told.push(domain);
                let failure = (refusal.failure, String::from_utf8_lossy(&refusal.reply.text).into());
                self.tell_of(domain, &refusal.demand, (refusal.host.clone(), refusal.remote), Some(failure));
            }
        }
    }

    fn tell_outcome(&self, connection: &Connection, domain: DomainId, failure: Option<(Failure, Box<str>)>) {
        self.tell_of(domain, &connection.demand, (connection.host.clone(), connection.remote.ip()), failure);
    }

    fn tell_of(
        &self,
        domain: DomainId,
        demand: &Arc<Demand>,
        host: (Arc<str>, IpAddr),
        failure: Option<(Failure, Box<str>)>,
    ) {
        let Some((teller, domain)) = self.teller.as_ref().zip(self.domains.get(domain.0 as usize)) else { return };
        let about = About::Session(demand.clone());
        teller.tell(Outcome { domain: domain.clone(), about, host: Some(host), failure });
    }

    /// What is wrong with a session that goes on all the same: it is in clear text, or enforcing the domain's policy,
    /// which is only tested, would have ended it.
    fn audit(&self, connection: &Connection, now: Now) -> Option<(Failure, Box<str>)> {
        let Some(tls) = &connection.tls else {
            return Some((Failure::StartTlsNotSupported, "the mail went out in clear text".into()));
        };
        let audit = connection.demand.audit.as_ref()?;
        if !audit.listed {
            return Some((Failure::ValidationFailure, "the exchanger is no mx of the policy".into()));
        }
        let judged = self.tls.judge(&audit.verification, &tls.chain(), now.unix.0.into());
        judged.err().map(|error| (failure_of(&error), error.to_string().into()))
    }

    /// The target did not give the TLS that is demanded of it: another one is tried; when there is none, what is in stock
    /// is deferred, and the site rests. Other sites with the same exchangers are not touched by this.
    fn insecure(&mut self, connection: &Connection, code: Enhanced, (failure, what): (Failure, &str), now: Now) {
        let (site, host, security) = (connection.site, &connection.host, connection.demand.security);
        let source = security.source.word();
        tracing::info!(%host, source, level = security.level.word(), what, "TLS is not what is demanded: nothing is sent");
        self.ledger.counters.sessions_refused += 1;
        let is_ours = connection.hop == NextHop::Smarthost;
        let has_way = !is_ours || self.sites.has_way(site, connection.whom(), now.mono);
        if self.sites.pass_over(site, connection.whom(), now.mono) && has_way {
            return self.tell_failure(connection, failure, what);
        }
        self.sites.tls_failed(site, what);
        if let Some(binding) = self.sites.insecure(site, now, &mut self.rng) {
            self.tell_rest(site, what, &binding, now);
        }
        let demanded = match security.level {
            Level::Verified => "a proof of who the host is",
            Level::Required | Level::Opportunistic | Level::Never => "TLS",
        };
        let needs = format!("{source} demands {demanded}");
        if is_ours && self.hold_if_tls_fails_on(connection, &NeedsTls::Demand(&needs), now) {
            return;
        }
        // What to do about it is for whoever reads the log.
        let (what, _hint) = what.split_once(". hint: ").unwrap_or((what, ""));
        let reply = Reply::own(450, code, &format!("{host}: {what} ({needs})"));
        let refusal = Refusal {
            reply,
            host: host.clone(),
            remote: connection.remote.ip(),
            demand: connection.demand.clone(),
            failure,
            told: Vec::new(),
        };
        self.sites.refuse(site, refusal);
        self.defer_refused(site, now);
    }

    /// Defers what the site has in stock while it is held for want of TLS; `false` if that is not why it is held.
    pub(super) fn defer_refused(&mut self, site: SiteId, now: Now) -> bool {
        let Some(mut refusal) = self.sites.take_refusal(site, now) else { return false };
        self.tell_refusal(site, &mut refusal);
        let name = self.sites.name(site).to_owned();
        let verdict = Verdict {
            kind: Kind::Deferred,
            taken_back: false,
            rests: None,
            site: &name,
            host: &refusal.host,
            phase: Phase::StartTls.word(),
            reply: refusal.reply.by_ref(),
            detail: None,
        };
        let deferrals = self.ledger.defer_stock(site, &verdict, &refusal.reply, &mut self.sites, now);
        self.sites.count(site, &Outcomes::default(), deferrals);
        self.sites.refuse(site, refusal);
        true
    }
}
