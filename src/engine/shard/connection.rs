//! A connection of a shard: the driver's events carried into its session, and the session's events into the ledger.
//!
//! Leaves to others: what SMTP requires (`smtp::client`), what a verdict means for the recipient (`ledger`) and for the
//! site (`site`).

use std::net::SocketAddr;
use std::sync::Arc;

use crate::base::clock::{Instant, Now};
use crate::engine::policy::Demand;
use crate::engine::shard::course::Course;
use crate::engine::shard::desk::{Asked, Desk};
use crate::engine::shard::sealed::Sealed;
use crate::engine::shard::secure::{self, failure_of};
use crate::engine::shard::target::Whom;
use crate::engine::shard::{Shard, Stage, trace};
use crate::observe::trace::Dialogue;
use crate::queue::{DomainId, SiteId};
use crate::shape::classify::Judgement;
use crate::shape::site::Trouble;
use crate::shape::{NextHop, Rests};
use crate::smtp::client::{Config, End, Event, Known, OUT_MAX, Session};
use crate::tls::TlsError;
use crate::wire::io::{Buffer, ConnectionId, Io};
use crate::wire::proxy::Socks5;

/// One connection and its session.
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) site: SiteId,
    pub(super) session: Session,
    pub(super) config: Arc<Config>,
    pub(super) known: Known,
    pub(super) source: usize,
    pub(super) host: Arc<str>,
    /// Whose refusals of us its replies may be.
    pub(super) hop: NextHop,
    pub(super) remote: SocketAddr,
    pub(super) demand: Arc<Demand>,
    /// The other connection of a race, until one of the two stands.
    pub(super) rival: Option<ConnectionId>,
    /// The conversation with the proxy, until it has connected us.
    pub(super) socks: Option<Box<Socks5>>,
    pub(super) tls: Option<Box<crate::tls::Client>>,
    pub(super) tls_hands: bool,
    /// What was sealed last.
    pub(super) sealed: Sealed,
    /// The domains for which it was told how TLS went.
    pub(super) told: Vec<DomainId>,
    pub(super) connected: bool,
    /// The peer let the session in.
    pub(super) ready: bool,
    /// Held by its source's rate.
    pub(super) held: bool,
    /// In the site's list of sessions that wait for stock.
    pub(super) hungry: bool,
    pub(super) dirty: bool,
    /// The deadline that the driver was told.
    pub(super) armed: Option<Instant>,
    pub(super) idle_since: Option<Instant>,
    pub(super) delivered: u64,
    pub(super) ended: bool,
    /// It is cut because this process ends: that says nothing of the host.
    pub(super) cut: bool,
    pub(super) course: Course,
    /// What a tracer sees of it, if one may want it.
    pub(super) trace: Option<Box<Dialogue>>,
}

impl Connection {
    /// The target that it is with, and by which way.
    pub(super) fn whom(&self) -> Whom<'_> {
        Whom { host: &self.host, remote: self.remote.ip(), source: self.course.source() }
    }
}

impl<I: Io> Shard<I> {
    pub(super) fn take(&mut self, id: ConnectionId) -> Option<Box<Connection>> {
        let slot = self.connections.get_mut(id.index as usize)?;
        if slot.as_ref().is_some_and(|c| c.id == id) { slot.take() } else { None }
    }

    pub(super) fn put(&mut self, connection: Box<Connection>) {
        let index = connection.id.index as usize;
        if let Some(slot) = self.connections.get_mut(index) {
            *slot = Some(connection);
        }
    }

    /// Tells the site's pace of a trouble, and people of a new pause.
    pub(super) fn trouble(&mut self, site: SiteId, trouble: Trouble, why: &str, now: Now) {
        if self.delivery.smarthost {
            self.sites.open_ways(site, now.mono);
        }
        if let Some(binding) = self.sites.troubled(site, trouble, why, now, &mut self.rng) {
            self.tell_rest(site, why, &binding, now);
        }
    }

    /// Tells the site's pace what a reply means for it, and people of a new pause.
    pub(super) fn judged(&mut self, site: SiteId, judgement: &Judgement, why: &str, now: Now) {
        if let Some(binding) = self.sites.judged(site, judgement, why, now, &mut self.rng) {
            self.tell_rest(site, why, &binding, now);
        }
    }

    pub(super) fn handle_data(&mut self, id: ConnectionId, buffer: Buffer, now: Now) {
        let Some(connection) = self.take(id) else { return self.io.release(buffer) };
        let Some((mut connection, used)) = self.pass_proxy(connection, &buffer, now) else {
            return self.io.release(buffer);
        };
        let mut asked = self.asked(&connection, now);
        self.note_unheard(&mut connection, self.io.bytes(&buffer).get(used..).unwrap_or_default());
        let Connection { session, demand, tls, tls_hands, host, hop, remote, site, config, cut, course, trace, .. } =
            &mut *connection;
        course.heard(now.mono);
        let bytes = self.io.bytes(&buffer).get(used..).unwrap_or_default();
        let (input, broken) = match tls {
            None => (bytes, None),
            Some(tls) => {
                self.plain.clear();
                let read = tls.read(bytes, &mut self.plain);
                if *tls_hands && !tls.is_handshaking() {
                    *tls_hands = false;
                    let agreed = course.tls_done(tls, secure::verified(demand), now.mono);
                    self.ledger.count_tls(agreed);
                    trace::encrypted(trace.as_deref_mut(), tls, &agreed, now);
                    session.handle_tls(now.mono);
                }
                (&*self.plain, read.err())
            }
        };
        if let Some(trace) = trace {
            trace.heard(now.mono, input);
        }
        let mut desk = Desk {
            ledger: &mut self.ledger,
            queue: &mut self.queue,
            now,
            asked: &mut asked,
            memory: &self.memory,
            sites: &self.sites,
            site: *site,
            host,
            remote: *remote,
            ehlo: &config.ehlo,
            hop: *hop,
            cut: *cut,
            course,
            trace: trace.as_deref_mut(),
        };
        if !input.is_empty() {
            session.handle_input(now.mono, input, &mut |event| desk.handle(event));
        }
        self.io.release(buffer);
        if let Some(error) = broken {
            return self.tls_failed(connection, &error, now);
        }
        self.after(connection, asked, now);
    }

    /// TLS broke: what was under way is run again.
    fn tls_failed(&mut self, mut connection: Box<Connection>, error: &TlsError, now: Now) {
        let phase = connection.session.phase();
        connection.course.tls_trouble = Some(error.to_string().into());
        self.ledger.seen.tls_failures += u64::from(connection.tls_hands);
        let mut asked = self.asked(&connection, now);
        self.note_unsent(&mut connection);
        self.tell(&mut connection, now, &mut asked, |session, on| session.handle_closed(now.mono, on));
        // Once mail went through, it is a connection that was lost, whatever broke it.
        if connection.delivered == 0 {
            self.no_handshake(&connection, phase, (failure_of(error), &error.to_string()), now);
            asked.ended = Some(End::Done);
        }
        self.after(connection, asked, now);
    }

    pub(super) fn handle_drained(&mut self, id: ConnectionId, now: Now) {
        let Some(mut connection) = self.take(id) else { return };
        connection.session.handle_drained(now.mono);
        self.mark(&mut connection);
        self.put(connection);
    }

    pub(super) fn handle_closed(&mut self, id: ConnectionId, now: Now) {
        let Some(mut connection) = self.take(id) else { return };
        if !connection.connected {
            return self.dial_closed(connection, now);
        }
        let mut asked = self.asked(&connection, now);
        if !connection.ended {
            self.note_unsent(&mut connection);
            self.tell(&mut connection, now, &mut asked, |session, on| session.handle_closed(now.mono, on));
            self.react(&mut connection, &mut asked, now);
        }
        self.hang_up(&mut connection);
    }

    pub(super) fn handle_deadline(&mut self, id: ConnectionId, now: Now) {
        let Some(mut connection) = self.take(id) else { return };
        connection.armed = None;
        if !connection.connected {
            return self.dial_deadline(connection, now);
        }
        let mut asked = self.asked(&connection, now);
        if connection.session.deadline().is_some_and(|at| at <= now.mono) {
            self.note_unsent(&mut connection);
            self.tell(&mut connection, now, &mut asked, |session, on| session.handle_deadline(now.mono, on));
        } else if connection.idle_since.is_some_and(|since| now.mono >= since.after(self.idle())) {
            connection.session.quit();
        } else if self.waits_until(&connection, now).is_some_and(|at| at <= now.mono) {
            let (host, phase) = (&connection.host, connection.session.phase().word());
            tracing::info!(%host, phase, "the host is silent: another one is asked instead");
            self.io.abort(connection.id);
        }
        self.after(connection, asked, now);
    }

    /// Until when a session that is not let in is waited for while another target is left: a connection that stands and
    /// says nothing is worth no more patience than one that does not stand. The last target has all of RFC 5321 §4.5.3.2.
    fn waits_until(&self, connection: &Connection, now: Now) -> Option<Instant> {
        let waits = connection.connected && !connection.ready && !connection.ended;
        (waits && self.sites.has_other(connection.site, connection.whom(), now.mono))
            .then(|| connection.course.silent_since().after(self.delivery.connect_timeout))
    }

    /// What an event is written down in.
    fn asked(&self, connection: &Connection, now: Now) -> Asked {
        let mut standing = self.sites.standing(connection.site);
        if connection.hop == NextHop::Smarthost {
            standing.accepts |= self.ports.board.halt().is_accepted();
            standing.takes |= self.ports.board.halt().has_taken();
        }
        Asked {
            standing,
            has_another_source: self.egress.has_another(connection.source, now.mono),
            insists: self.delivery.max_bounced.is_none(),
            is_held: self.ports.board.halt().held().is_some(),
            worked: connection.delivered > 0,
            ..Asked::default()
        }
    }

    /// Tells the session what of its octets has not left, and cannot any more should it end now.
    fn note_unsent(&self, connection: &mut Connection) {
        let untouched = self.io.untouched(connection.id) as u64;
        let unsent = match &connection.tls {
            None => untouched,
            Some(_) => connection.sealed.unsent(untouched, connection.session.octets_given()),
        };
        connection.session.handle_unsent(unsent);
    }

    /// Tells the session what of its octets the peer had not got when it said what is read next, where that does not show there.
    fn note_unheard(&self, connection: &mut Connection, bytes: &[u8]) {
        let shown = if connection.tls.is_some() { &[] } else { bytes };
        if !connection.session.awaits_verdict(shown) {
            return;
        }
        self.note_unsent(connection);
        let unheard = self.io.unheard(connection.id) as u64;
        let unheard = match &connection.tls {
            None => unheard,
            Some(_) => connection.sealed.unsent(unheard, connection.session.octets_given()),
        };
        connection.session.handle_unheard(unheard);
    }

    /// Runs one of the session's handlers with the ledger behind it.
    fn tell(
        &mut self,
        connection: &mut Connection,
        now: Now,
        asked: &mut Asked,
        run: impl FnOnce(&mut Session, &mut dyn FnMut(Event<'_>)),
    ) {
        let mut desk = Desk {
            ledger: &mut self.ledger,
            queue: &mut self.queue,
            now,
            asked,
            memory: &self.memory,
            sites: &self.sites,
            site: connection.site,
            host: &connection.host,
            remote: connection.remote,
            ehlo: &connection.config.ehlo,
            hop: connection.hop,
            cut: connection.cut,
            course: &connection.course,
            trace: connection.trace.as_deref_mut(),
        };
        run(&mut connection.session, &mut |event| desk.handle(event));
    }

    /// What follows any event of a session: TLS, the site's pace, more work, or the end.
    fn after(&mut self, mut connection: Box<Connection>, mut asked: Asked, now: Now) {
        self.react(&mut connection, &mut asked, now);
        if connection.ended && self.io.unsent(connection.id) > 0 {
            // The rest of a content, or commands that nobody will answer: a peer that does not read them would keep the
            // session's place from the next one.
            self.io.abort(connection.id);
        } else if connection.ended {
            // What the session still had to say (QUIT) goes first; the driver closes behind it.
            self.transmit_one(&mut connection, now);
            self.io.close(connection.id);
        } else {
            self.feed_session(&mut connection, now);
            self.mark(&mut connection);
        }
        self.put(connection);
    }

    fn react(&mut self, connection: &mut Connection, asked: &mut Asked, now: Now) {
        let site = connection.site;
        connection.delivered += asked.delivered;
        if asked.told {
            self.sites.count(site, &asked.outcomes, asked.deferrals);
            self.note_standing(site, asked.standing);
        }
        if asked.delivered > 0 || !asked.bounces.is_empty() {
            self.note_outcomes(site, asked, now);
        }
        let refused = asked.refused.take();
        if asked.delivered > 0 && (refused.is_some() || asked.judged.is_some()) {
            // Whatever was said besides: the site is reached.
            self.sites.no_longer_held(site, now);
        }
        if let Some(refused) = &refused {
            let takes_up_tls = self.takes_up_tls(connection, Some(refused.refusal), &refused.reply, now);
            if !takes_up_tls {
                self.refused(connection, refused, now);
            }
            if takes_up_tls || refused.follows.rests == Rests::Source {
                // Another session, or another source, goes on.
                connection.session.quit();
            }
        }
        if let Some(turned) = asked.turned_away.take() {
            if !self.takes_up_tls(connection, Some(turned.refusal), &turned.reply, now) {
                self.turned_away(connection, &turned, now);
            }
            connection.session.quit();
        }
        match asked.judged.take() {
            _ if refused.is_some() => {}
            Some((judgement, why)) => self.judged(site, &judgement, &why, now),
            // A transaction that came back untried is finished too, and says nothing good of the site.
            None if asked.finished > 0 && asked.answered => self.sites.succeeded(site, asked.finished, now),
            None => {}
        }
        if asked.served {
            self.sites.served(site, connection.whom(), asked.delivered > 0, now.mono);
        }
        if asked.moved_on {
            self.move_on(connection, now);
        }
        if asked.starttls {
            self.start_tls(connection, now);
        }
        if asked.ready {
            connection.ready = true;
            self.told_of_ours = false;
            self.note_size(connection, now);
            self.sites.target_ready(site, connection.whom(), true, connection.tls.is_some());
            self.sites.session_ready(site);
            self.tls_stands(connection);
            self.tell_opened(connection, now);
        }
        if let Some(end) = asked.ended.take() {
            connection.ended = true;
            self.tell_ended(connection, &end, now);
            self.session_ended(connection, &end, now);
        }
        self.sites.touch(site);
    }

    /// Puts the connection on the list of those whose output is collected at the end of the turn.
    pub(super) fn mark(&mut self, connection: &mut Connection) {
        if !connection.dirty {
            connection.dirty = true;
            self.dirty.push(connection.id);
        }
    }

    /// Collects the output of every session that had something happen to it.
    pub(super) fn transmit(&mut self, now: Now) {
        let mut dirty = std::mem::take(&mut self.dirty);
        for id in dirty.drain(..) {
            let Some(mut connection) = self.take(id) else { continue };
            connection.dirty = false;
            if !connection.ended && connection.connected {
                self.transmit_one(&mut connection, now);
                self.arm(&mut connection, now);
            }
            self.put(connection);
        }
        self.dirty = dirty;
    }

    fn transmit_one(&mut self, connection: &mut Connection, now: Now) {
        if !connection.connected {
            return;
        }
        let out = self.io.out(connection.id);
        let sent = match &mut connection.tls {
            None => {
                trace::transmit(&mut connection.session, connection.trace.as_deref_mut(), now, out);
                Ok(())
            }
            // The handshake's own octets; the session has nothing to say until it is done.
            Some(tls) if connection.tls_hands => tls.write(&[], out),
            Some(tls) => {
                // The session sees what it says now, not what still waits to leave: a peer that does not read would be
                // sealed all of its content, a slice with each look.
                let before = out.len();
                if before < OUT_MAX {
                    trace::transmit(&mut connection.session, connection.trace.as_deref_mut(), now, &mut self.unsealed);
                }
                let sent = tls.send(&mut self.unsealed, out);
                if connection.ended {
                    // Behind what was said last (QUIT): a peer throws away what follows it.
                    tls.close();
                }
                let sent = sent.and_then(|()| tls.write(&[], out));
                connection.sealed.note(connection.session.octets_given(), out.len().saturating_sub(before));
                sent
            }
        };
        if let Err(error) = sent {
            let phase = connection.session.phase().word();
            tracing::info!(host = %connection.host, phase, %error, "TLS broke; the connection is cut");
            return self.io.abort(connection.id);
        }
        if out.is_empty() && connection.session.awaits_reply() {
            self.io.quick_ack(connection.id);
        }
    }

    /// Tells the driver of a deadline that is earlier than the one it has; a later one is found when that one fires.
    fn arm(&mut self, connection: &mut Connection, now: Now) {
        let idle = connection.session.under_way() == 0 && connection.session.room() > 0;
        connection.idle_since = if idle { connection.idle_since.or(Some(now.mono)) } else { None };
        let idles = connection.idle_since.map(|since| since.after(self.idle()));
        let waits = self.waits_until(connection, now);
        let Some(wanted) = [connection.session.deadline(), idles, waits].into_iter().flatten().min() else { return };
        if connection.armed.is_none_or(|armed| wanted < armed) {
            connection.armed = Some(wanted);
            self.io.set_deadline(connection.id, Some(wanted));
        }
    }

    /// Runs `change` on every session and has its output collected.
    pub(super) fn for_each_connection(&mut self, change: impl Fn(&mut Connection)) {
        for index in 0..self.connections.len() {
            let Some(mut connection) = self.connections.get_mut(index).and_then(Option::take) else { continue };
            change(&mut connection);
            self.mark(&mut connection);
            self.put(connection);
        }
    }

    /// Has one session of the site end in good order, an idle one if there is one.
    pub(super) fn give_up_session(&mut self, site: SiteId) {
        let open = self.connections.iter().flatten().filter(|c| c.site == site && !c.ended);
        let Some(id) = open.max_by_key(|c| c.session.under_way() == 0).map(|c| c.id) else { return };
        if let Some(mut connection) = self.take(id) {
            connection.session.quit();
            self.mark(&mut connection);
            self.put(connection);
        }
    }

    /// Sites wait for sessions: has those end in good order that nothing is left for, or that are idle for long.
    pub(super) fn give_up_idle(&mut self, now: Now) {
        let most = self.idle();
        let given_up: Vec<ConnectionId> = (self.connections.iter().flatten())
            .filter(|c| c.connected && !c.ended && !c.held)
            .filter(|c| {
                let idle = c.idle_since.is_some_and(|since| now.mono >= since.after(most));
                idle || c.idle_since.is_some() && !self.queue.ready(c.site) && self.sites.is_bare(c.site)
            })
            .map(|c| c.id)
            .collect();
        for id in given_up {
            let Some(mut connection) = self.take(id) else { continue };
            connection.session.quit();
            self.mark(&mut connection);
            self.put(connection);
        }
    }

    /// This process ends before these do: what is under way in them becomes uncertain or comes back.
    pub(super) fn cut_connections(&mut self, which: impl Fn(&Connection) -> bool) {
        for connection in self.connections.iter_mut().flatten().filter(|connection| which(connection)) {
            connection.cut = true;
            self.io.abort(connection.id);
        }
    }

    /// Hands the session what it has room for.
    pub(super) fn feed_session(&mut self, connection: &mut Connection, now: Now) {
        if self.stage != Stage::Running {
            return;
        }
        if self.is_held_up() {
            return self.hunger(connection);
        }
        while connection.session.room() > 0 {
            if self.sites.has_stock(connection.site) && !self.egress.send(connection.source, now.mono) {
                return self.hold(connection);
            }
            let most = connection.session.recipients_max();
            let domains_most = connection.session.recipient_domains_max();
            let Some((ready, added)) = self.sites.take_stock_within(connection.site, most, domains_most) else {
                return self.hunger(connection);
            };
            self.ledger.add_stock(added);
            connection.course.transactions += 1;
            if self.teller.is_some() {
                self.tell_tls(connection, ready.domain, now);
            }
            let (key, message) = self.ledger.begin(ready, now);
            let transaction = crate::smtp::client::Transaction {
                key,
                envelope: message.envelope,
                content: message.content,
                eight_bit: message.eight_bit,
                options: self.delivery.options.clone(),
            };
            trace::begun(connection.trace.as_deref_mut(), key, &transaction.envelope);
            if let Err(refused) = connection.session.begin(transaction) {
                // `room` and the limits were asked; should they ever disagree, nothing is lost.
                let all: Vec<usize> = (0..refused.envelope.recipients()).collect();
                self.ledger.give_back(refused.key, &all, None, &mut self.queue, now);
                self.ledger.finish(refused.key, now);
                return;
            }
        }
    }

    /// What sessions were given ahead and have said no word of yet comes back to the queue.
    pub(super) fn take_back_planned(&mut self, now: Now) {
        for index in 0..self.connections.len() {
            let slot = self.connections.get_mut(index);
            let Some(mut connection) = slot.and_then(|slot| slot.take_if(|c| c.ready && !c.ended)) else { continue };
            let mut asked = self.asked(&connection, now);
            self.tell(&mut connection, now, &mut asked, Session::take_back);
            self.after(connection, asked, now);
        }
    }

    /// The session waits for stock, or until work goes on.
    fn hunger(&mut self, connection: &mut Connection) {
        if !connection.hungry && connection.session.room() > 0 {
            connection.hungry = true;
            self.sites.hunger(connection.site, connection.id);
        }
    }

    /// Feeds a session that waited for stock; `false` if it is gone.
    pub(super) fn feed_hungry(&mut self, id: ConnectionId, now: Now) -> bool {
        let Some(mut connection) = self.take(id) else { return false };
        connection.hungry = false;
        connection.held = false;
        if !connection.ended {
            self.feed_session(&mut connection, now);
            self.mark(&mut connection);
        }
        self.put(connection);
        true
    }
}
