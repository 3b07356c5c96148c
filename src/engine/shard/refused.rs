//! What a shard does when it is refused itself: another way is taken; where there is none, the site or the source rests, or the
//! mailing is held.
//!
//! Guarantees: what is refused of us bounces nobody, and keeps nobody waiting whom another address may take; whatever rests
//! for it ends, or is given up with the lifetime; a mailing that is held drains on every shard.
//! Leaves to others: which replies are refusals of us (`shape::classify`), whether a smarthost's are believed (`standing`),
//! when several sites are so many (`held`).

use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::Now;
use crate::engine::held::Held;
use crate::engine::message::ToShard;
use crate::engine::shard::Shard;
use crate::engine::shard::connection::Connection;
use crate::engine::shard::desk::{Asked, answered};
use crate::engine::shard::standing::{Standing, names_recipient};
use crate::engine::shard::ways::place;
use crate::engine::source::Source;
use crate::mail::event::Event;
use crate::mail::reply::Nameless;
use crate::mail::{Class, Reply, ReplyRef};
use crate::queue::SiteId;
use crate::shape::classify::{Cause, Judgement, classify};
use crate::shape::site::Trouble;
use crate::shape::{Consequence, Mailing, NextHop, Refusal, Rests};
use crate::smtp::client::Phase;
use crate::wire::io::Io;

/// A smarthost that does not want us for now has said so so often, with a rest between, before the mailing is held.
pub(super) const AGAIN_MAX: u32 = 3;
/// The same for a login that it cannot judge now, and for TLS that fails: the first rests are short, and a server that is
/// begun anew takes its time.
pub(super) const SHORT_AGAIN_MAX: u32 = 6;
/// A site that no way leads to rests for so long at least.
const REST_MIN: Duration = Duration::from_secs(1);
/// The other way on, from servers whose bounces are not believed.
const OR_BOUNCE: &str =
    "; or, if it is about these recipients or their letter, go on with --ignore-bounces: they bounce";
/// The other way on, from a smarthost that takes others.
const OR_ONE: &str = "; or, if it is about these recipients alone, go on with --ignore-bounces: they wait, and expire at \
     the end of their lifetime";

/// A refusal of us.
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    pub(super) follows: Consequence,
    pub(super) judgement: Judgement,
    pub(super) reply: String,
    pub(super) phase: Phase,
    /// It holds the mailing.
    pub(super) holds: bool,
    /// Recipients would bounce, if it were believed.
    pub(super) is_general: bool,
}

impl Refused {
    /// Servers that bounce everybody for a reason that they do not say.
    pub(super) fn general(judgement: Judgement, reply: ReplyRef<'_>, phase: Phase) -> Self {
        let refusal = Refusal::Unwelcome;
        let follows = refusal.consequence(Class::Permanent, NextHop::Smarthost);
        let reply = reply.to_string();
        Self { refusal, follows, judgement, reply, phase, holds: true, is_general: true }
    }

    /// What `judgement` says of us, if it says something.
    pub(super) fn of(judgement: Judgement, reply: ReplyRef<'_>, phase: Phase, holds: bool) -> Option<Self> {
        let (refusal, follows) = judgement.refusal?;
        Some(Self { refusal, follows, judgement, reply: reply.to_string(), phase, holds, is_general: false })
    }
}

/// Outcomes of a turn.
#[derive(Default)]
pub(super) struct Recent {
    delivered: u32,
    bounces: Vec<Box<str>>,
    /// Too many bounced, and it was too soon to say so.
    unjudged: bool,
}

impl<I: Io> Shard<I> {
    /// Whether nothing is left to be done in this run.
    pub(super) fn is_settled(&self) -> bool {
        self.ledger.is_settled() && self.queue.counts().waiting() == self.sites.waiting_held(&self.queue)
    }

    /// Notes outcomes for the brake, and holds the mail of a site where too many bounce.
    pub(super) fn note_outcomes(&mut self, site: SiteId, asked: &mut Asked, now: Now) {
        let Some(max) = self.delivery.max_bounced else { return };
        let delivered = u32::try_from(asked.delivered).unwrap_or(u32::MAX);
        self.recent.delivered = self.recent.delivered.saturating_add(delivered);
        // Where everything goes to one place, its share is the mailing's.
        let own = self.by_domain && !self.delivery.smarthost;
        let excess = if own { self.sites.brake(site, delivered, &asked.bounces, max) } else { None };
        self.recent.bounces.append(&mut asked.bounces);
        if let Some(excess) = excess {
            let held = Held::bounced_at(self.sites.name(site), &excess);
            tracing::error!(site = held.host, reason = held.reason, "the mail of the site is held");
            self.tell_held(&held, now);
            // Whatever it did is over, and says nothing of the others.
            self.recent = Recent::default();
            self.ports.board.halt().hold_site(held);
        }
    }

    /// Notes for the brake that so many were refused by a reply of our own.
    pub(super) fn note_refused(&mut self, said: &str, count: usize) {
        if self.delivery.max_bounced.is_some() {
            self.recent.bounces.extend(std::iter::repeat_n(Box::from(said), count));
        }
    }

    /// Holds the mailing where no message can be made, or at its end: where some could not.
    pub(super) fn judge_unmade(&mut self, last: bool, now: Now) {
        if let Some((count, any_made, why)) = self.ledger.judge_unmade(last) {
            self.hold_mailing(Held::unmade(count, any_made, &why), now);
        }
        if last {
            // The turn has written its records by now.
            self.write_journal(now);
        }
    }

    /// Has the turn's outcomes counted.
    pub(super) fn brake(&mut self, now: Now) {
        if self.ledger.has_unmade() {
            self.judge_unmade(false, now);
        }
        if let Some((made, said)) = self.ledger.take_unmade()
            && let Some(max) = self.delivery.max_bounced
            && let Some(excess) = self.ports.board.halt().count_made(made, &said, max)
            && self.ports.board.halt().held().is_none()
        {
            self.hold_mailing(Held::seldom_made(&excess), now);
        }
        let Recent { delivered, bounces, unjudged } = &mut self.recent;
        let is_due = *delivered > 0 || !bounces.is_empty() || *unjudged;
        let Some(max) = self.delivery.max_bounced.filter(|_| is_due) else { return };
        let excess = self.ports.board.halt().count(*delivered, bounces, max);
        *delivered = 0;
        bounces.clear();
        // Who is under way may be delivered yet; as many are taken for that as have ended, at most.
        let judges = excess.as_ref().is_some_and(|excess| {
            let of = excess.of.saturating_add(self.ledger.under_way().min(excess.of));
            self.ledger.is_under_steam() && f64::from(excess.bounced) > max * f64::from(of)
        });
        *unjudged = excess.is_some() && !judges;
        if let Some(excess) = excess.filter(|_| judges && self.ports.board.halt().held().is_none()) {
            self.hold_mailing(Held::bounced(&excess), now);
        }
    }

    /// Does what follows when we are refused, and no other way is left.
    pub(super) fn refused(&mut self, connection: &Connection, refused: &Refused, now: Now) {
        let others = if refused.holds { Some(0) } else { self.others_agree(connection, refused, now) };
        if let Some(others) = others {
            return self.hold_for(connection, refused, others, now);
        }
        let rests = refused.follows.rests;
        if rests == Rests::Nothing {
            return;
        }
        let (site, rest) = (connection.site, refused.follows.rest);
        self.sites.close_way(site, connection.whom(), rest, &refused.reply, now.mono);
        if rests == Rests::Source && connection.hop == NextHop::Smarthost {
            self.list_source(connection.source, refused, now);
        }
        self.rest_till_open(site, true, now);
    }

    /// We are refused at the session's address, and there is another way: this one is closed for a while.
    pub(super) fn turned_away(&mut self, connection: &Connection, refused: &Refused, now: Now) {
        let (site, whom, rest) = (connection.site, connection.whom(), refused.follows.rest);
        if self.sites.close_way(site, whom, rest, &refused.reply, now.mono) {
            self.tell_turned_away(connection, refused);
        }
        // A block list names the source's address: the site has no other one for it.
        if refused.follows.rests == Rests::Source && !self.sites.has_address(site, whom, now.mono) {
            match self.others_agree(connection, refused, now) {
                Some(others) => return self.hold_for(connection, refused, others, now),
                None if connection.hop == NextHop::Smarthost => self.list_source(connection.source, refused, now),
                None => {}
            }
        }
        if !self.sites.has_open_way(site, now.mono) {
            self.rest_till_open(site, false, now);
        }
        self.sites.touch_group(site);
    }

    fn tell_turned_away(&self, connection: &Connection, refused: &Refused) {
        let (host, address, phase) = (&connection.host, connection.remote.ip(), refused.phase.word());
        let source = self.egress.source(connection.source).map_or("", Source::title);
        let (reply, rest_s) = (Nameless(&refused.reply), refused.follows.rest.as_secs());
        let what = "we are refused at this address: another way is taken";
        if connection.hop == NextHop::Smarthost {
            tracing::warn!(%host, %address, source, phase, %reply, rest_s, "{what}");
        } else {
            tracing::info!(%host, %address, source, phase, %reply, rest_s, "{what}");
        }
    }

    /// No way to the site is open: it rests until the first one is.
    pub(super) fn rest_till_open(&mut self, site: SiteId, careful: bool, now: Now) {
        let Some(rest) = self.sites.opens_in(site, now.mono) else { return };
        let why = self.sites.refusals(site, now.mono).unwrap_or_default();
        if let Some(binding) = self.sites.rest_refused(site, (rest.max(REST_MIN), careful), &why, now) {
            self.tell_rest(site, &why, &binding, now);
        }
    }

    /// The source's address is on a block list: it is used nowhere for a while.
    fn list_source(&mut self, index: usize, refused: &Refused, now: Now) {
        let rest = refused.follows.rest;
        if let Some(source) = self.egress.source(index) {
            self.sites.list(source.name.clone(), now.mono.after(rest));
        }
        self.egress.list(index, &refused.reply, rest, now.mono);
    }

    /// Keeps what the site's hosts said of us.
    pub(super) fn note_standing(&mut self, site: SiteId, standing: Standing) {
        let Some(known) = self.sites.standing_mut(site) else { return };
        if standing.accepts && !known.accepts {
            self.ports.board.halt().site_accepts();
        }
        if standing.takes && !known.takes {
            self.ports.board.halt().note_taken();
        }
        *known = standing;
    }

    /// How many others say the same, where they are so many that the mailing is held for it.
    fn others_agree(&mut self, connection: &Connection, refused: &Refused, now: Now) -> Option<usize> {
        match refused.follows.mailing {
            Mailing::HeldBySeveral => {
                let by_source = refused.follows.rests == Rests::Source;
                let source =
                    self.egress.source(connection.source).map(|source| source.name.clone()).filter(|_| by_source);
                let group: Arc<str> = self.sites.name(connection.site).into();
                let others = self.ports.board.halt().site_refuses(refused.refusal, source, &group)?;
                if by_source {
                    self.list_source(connection.source, refused, now);
                    return (!self.egress.has_unlisted(now.mono)).then_some(others);
                }
                Some(others)
            }
            Mailing::HeldIfItLasts => {
                let standing = self.sites.standing_mut(connection.site)?;
                (standing.again(refused.follows.rest, now.mono) >= AGAIN_MAX).then_some(0)
            }
            Mailing::GoesOn | Mailing::Held | Mailing::HeldWithoutSource | Mailing::HeldByAll => None,
        }
    }

    fn hold_for(&mut self, connection: &Connection, refused: &Refused, others: usize, now: Now) {
        // One of several addresses may be the only one that refuses us, while the others do not serve.
        let address = place(&connection.host, connection.remote.ip());
        let name: &str = match connection.hop {
            _ if self.sites.has_addresses(connection.site) => &address,
            NextHop::Smarthost => self.sites.name(connection.site),
            NextHop::Exchanger | NextHop::Provider => &connection.host,
        };
        let (reply, phase) = (&*refused.reply, refused.phase.word());
        let mut held = match refused.judgement.cause {
            _ if refused.is_general && connection.hop != NextHop::Smarthost => {
                Held::taken_by_nobody(name, reply, phase)
            }
            Cause::Content if refused.is_general => Held::letter(name, reply, phase),
            _ => Held::refused(refused.refusal, name, connection.hop, reply, phase, others),
        };
        // What is refused may be one source's name or address: its owner has to know which one it is.
        if let Some(source) = self.egress.source(connection.source).filter(|_| self.egress.sources().count() > 1) {
            held.says.push_str(&format!(", from the source {}", source.title()));
        }
        if refused.is_general {
            held.hint.push_str(OR_BOUNCE);
        } else if refused.follows.mailing == Mailing::Held
            && connection.hop == NextHop::Smarthost
            && names_recipient(refused.phase)
            && self.ports.board.halt().is_accepted()
        {
            held.hint.push_str(OR_ONE);
        }
        self.hold_mailing(held, now);
    }

    /// Holds the mailing: every shard drains.
    pub(super) fn hold_mailing(&mut self, held: Held, now: Now) {
        // Several sessions may find it at once: it is held, and told of, once.
        if self.ports.board.halt().hold(held.clone()) {
            tracing::error!(reason = held.reason, host = held.host, "the mailing is held");
            self.tell_held(&held, now);
            self.ports.peers.iter().for_each(|peer| peer.tell(ToShard::Drain));
        }
    }

    fn tell_held(&mut self, held: &Held, now: Now) {
        if let Some(lane) = &mut self.ledger.lane {
            let Held { reason, host, reply, says, .. } = held;
            lane.write(now, &Event::MailingHeld { reason, host, reply, says });
        }
    }

    /// Our credentials were not said: outside of TLS, or where no mechanism fits, which may be one that is offered inside of
    /// TLS alone.
    pub(super) fn login_withheld(&mut self, connection: &Connection, reply: &Reply, now: Now) {
        if !self.takes_up_tls(connection, Some(Refusal::Tls), &reply.to_string(), now)
            && !self.sites.leaves(connection.site, connection.whom(), now.mono)
        {
            self.hold_mailing(Held::login_withheld(self.sites.name(connection.site), reply), now);
        }
    }

    /// The server does not take our credentials, or cannot say now whether it does.
    pub(super) fn unauthenticated(&mut self, connection: &Connection, reply: &Reply, now: Now) {
        let judgement = classify(reply.by_ref(), answered(Phase::Auth), connection.hop);
        if self.takes_up_tls(connection, judgement.refusal.map(|(refusal, _)| refusal), &reply.to_string(), now) {
            return;
        }
        let lasts = reply.by_ref().class() == Class::Permanent;
        let said = Refused::of(judgement, reply.by_ref(), Phase::Auth, lasts || reply.code == 432);
        // EHLO was taken: a 504 is about the mechanism (RFC 4954 §4).
        let refused = said.filter(|said| said.refusal != Refusal::Name).unwrap_or_else(|| {
            let (refusal, class) = (Refusal::Login, reply.by_ref().class());
            let follows = refusal.consequence(class, connection.hop);
            Refused {
                refusal,
                follows,
                judgement,
                reply: reply.to_string(),
                phase: Phase::Auth,
                holds: lasts,
                is_general: false,
            }
        });
        if !refused.holds && self.sites.leaves(connection.site, connection.whom(), now.mono) {
            return;
        }
        let rest = Duration::ZERO;
        let again = self.sites.standing_mut(connection.site).map_or(0, |standing| standing.again(rest, now.mono));
        if refused.holds || again >= SHORT_AGAIN_MAX {
            return self.hold_for(connection, &refused, 0, now);
        }
        self.trouble(connection.site, Trouble::TurnedAway, &refused.reply, now);
    }
}
