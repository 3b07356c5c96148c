//! How a session ended, and what follows from it for its target, its site, its source and the mailing.
//!
//! Leaves to others: the recipients' verdicts (`ledger`), TLS that did not come about (`secure`), and what a refusal of us
//! means (`shape::classify`, `refused`).

use crate::base::clock::Now;
use crate::engine::shard::Shard;
use crate::engine::shard::connection::Connection;
use crate::engine::shard::desk::answered;
use crate::engine::shard::refused::Refused;
use crate::mail::Reply;
use crate::mail::reply::Nameless;
use crate::shape::classify::{Advice, classify};
use crate::shape::site::Trouble;
use crate::shape::{Mailing, Rests};
use crate::smtp::client::{End, Phase};
use crate::tls::Failure;
use crate::wire::io::Io;

impl<I: Io> Shard<I> {
    /// What follows for the site, the source and the mailing from how a session ended.
    pub(super) fn session_ended(&mut self, connection: &Connection, end: &End, now: Now) {
        let (site, worked) = (connection.site, connection.delivered > 0);
        let host = &connection.host;
        match end {
            _ if connection.cut => {}
            End::Done => {}
            End::Refused(reply, phase) => self.session_refused(connection, reply, *phase, now),
            End::NoTls(why) => self.no_tls(connection, why, now),
            // A lost connection says nothing of the host's TLS while others are encrypted.
            End::Lost(Phase::StartTls) | End::Timeout(Phase::StartTls)
                if self.sites.is_encrypted(site, connection.whom()) =>
            {
                tracing::info!(%host, phase = Phase::StartTls.word(), "the session failed, others are encrypted");
                self.ledger.counters.sessions_lost += 1;
                self.broke(connection, Trouble::Lost, "the connection was lost in the handshake", now);
            }
            End::Lost(Phase::StartTls) => {
                let why = "the connection was lost in the handshake";
                self.no_handshake(connection, Phase::StartTls, (Failure::ValidationFailure, why), now);
            }
            End::Timeout(Phase::StartTls) => {
                let why = "the handshake timed out";
                self.no_handshake(connection, Phase::StartTls, (Failure::ValidationFailure, why), now);
            }
            End::Unauthenticated(reply) => {
                let said = reply.to_string();
                tracing::warn!(%host, phase = "AUTH", reply = %Nameless(&said), "the server does not take our credentials");
                self.ledger.counters.sessions_refused += 1;
                self.unauthenticated(connection, reply, now);
            }
            End::LoginWithheld(reply) => {
                tracing::warn!(%host, %reply, "the login is not said");
                self.ledger.counters.sessions_refused += 1;
                self.login_withheld(connection, reply, now);
            }
            // A server that closes after some messages is in its right; the next session goes on.
            End::Lost(Phase::Idle | Phase::Mail) if worked => {}
            End::Lost(Phase::Greeting) if self.crowds(connection, now) => {
                tracing::info!(%host, phase = Phase::Greeting.word(), "the connection was lost: no more are taken");
                self.ledger.counters.sessions_lost += 1;
            }
            End::Timeout(phase) | End::Lost(phase) | End::Protocol(_, phase) => {
                let what = match end {
                    End::Timeout(_) => "timed out",
                    End::Lost(_) => "the connection was lost",
                    End::Protocol(rule, _) => rule,
                    _ => "",
                };
                tracing::info!(%host, phase = phase.word(), what, "the session failed");
                self.ledger.counters.sessions_lost += 1;
                let trouble = if matches!(end, End::Timeout(_)) { Trouble::Timeout } else { Trouble::Lost };
                self.broke(connection, trouble, what, now);
            }
        }
    }

    fn session_refused(&mut self, connection: &Connection, reply: &Reply, phase: Phase, now: Now) {
        let (site, worked) = (connection.site, connection.delivered > 0);
        let host = &connection.host;
        let said = reply.to_string();
        tracing::info!(%host, phase = phase.word(), reply = %Nameless(&said), "the session was refused");
        self.ledger.counters.sessions_refused += 1;
        let judgement = classify(reply.by_ref(), answered(phase), connection.hop);
        if self.takes_up_tls(connection, judgement.refusal.map(|(refusal, _)| refusal), &said, now) {
            return;
        }
        let holds = judgement.refusal.is_some_and(|(_, follows)| match follows.mailing {
            Mailing::Held => true,
            Mailing::HeldWithoutSource => !self.egress.has_another(connection.source, now.mono),
            _ => false,
        });
        let refused = Refused::of(judgement, reply.by_ref(), phase, holds);
        if let Some(refused) = &refused
            && self.sites.has_way(site, connection.whom(), now.mono)
        {
            return self.turned_away(connection, refused, now);
        }
        let others_work = self.sites.sessions_ready(site) > u32::from(connection.ready);
        match (judgement.advice, refused) {
            // A quota that is used up is so at all hosts of the site.
            (Advice::Pause(_), None) => self.judged(site, &judgement, &said, now),
            // What is said of the source's address is no crowd.
            (_, Some(refused)) if refused.follows.rests == Rests::Source => {
                self.refused(connection, &refused, now);
            }
            _ if self.crowds(connection, now) => {}
            (_, Some(refused)) => self.refused(connection, &refused, now),
            // A host that turns sessions away leaves its place to another of the site.
            _ if !worked && self.sites.pass_over(site, connection.whom(), now.mono) => {}
            // Without a pause the next session would be opened at once, and fare no better.
            (Advice::Keep | Advice::SlowDown, None) if !worked && !others_work => {
                self.trouble(site, Trouble::TurnedAway, &said, now);
            }
            _ => self.judged(site, &judgement, &said, now),
        }
    }

    /// A session broke. Where others work, fewer are kept; where its target did not serve, another one is tried; only when
    /// none is left the site rests.
    fn broke(&mut self, connection: &Connection, trouble: Trouble, what: &str, now: Now) {
        let (site, whom) = (connection.site, connection.whom());
        if connection.delivered > 0 || self.sites.is_one_loss(site, whom, connection.ready, now.mono) {
            self.sites.lost_one(site, now);
        } else if !self.sites.pass_over(site, whom, now.mono) && !self.crowds(connection, now) {
            self.trouble(site, trouble, what, now);
        }
    }

    /// Whether a session was not let in where others are: they are as many as the host takes. Where there is no other
    /// target, those of sites with the same hosts count too.
    fn crowds(&mut self, connection: &Connection, now: Now) -> bool {
        let (site, whom) = (connection.site, connection.whom());
        !connection.ready
            && (self.sites.target_sessions(site, whom) > 0 || !self.sites.has_other(site, whom, now.mono))
            && self.sites.crowded(site, now)
    }

    /// The target takes no message now, and another one is asked instead.
    pub(super) fn move_on(&mut self, connection: &mut Connection, now: Now) {
        let (host, left) = (&connection.host, self.sites.pass_over(connection.site, connection.whom(), now.mono));
        tracing::info!(%host, phase = Phase::Mail.word(), left, "the host takes no message now: the next one is asked");
        connection.session.quit();
    }
}
