//! Dialling: from the choice of a source and an address to a connection that stands, by a proxy where there is one.
//!
//! A race (RFC 8305) is two connections of one session: the second is begun when the first does not stand at once, the
//! first to stand is the session's, and the other one is cut and counts as no failure.
//!
//! Guarantees: what a proxy or a source is to blame for is held against the source, not against the site.
//! Leaves to others: which source is free (`egress`), which address is good (`site`), and the session (`connection`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::base::clock::Now;
use crate::base::out::Out;
use crate::engine::memory::Host;
use crate::engine::shard::connection::Connection;
use crate::engine::shard::course::Course;
use crate::engine::shard::sealed::Sealed;
use crate::engine::shard::secure;
use crate::engine::shard::shortage;
use crate::engine::shard::target::{Picked, Whom};
use crate::engine::shard::{Shard, Stage};
use crate::engine::source::{Family, Proxy, Source};
use crate::queue::SiteId;
use crate::shape::NextHop;
use crate::shape::site::Trouble;
use crate::smtp::client::Session;
use crate::wire::io::{Buffer, ConnectSpec, ConnectionId, Io};
use crate::wire::proxy::{self, Socks5, SocksError};

/// How long the first connection of a race is alone (RFC 8305 §5).
const HEAD_START: Duration = Duration::from_millis(250);
/// How long an idle session is kept while sites wait for one.
const IDLE_SCARCE: Duration = Duration::from_secs(1);

impl<I: Io> Shard<I> {
    /// Opens one more session at the site; `false` if none can be opened now.
    pub(super) fn open_session(&mut self, site: SiteId, now: Now) -> bool {
        if self.sites.is_out_of_reach(site) {
            let why = "no source sends to addresses of the families that the site has";
            self.trouble(site, Trouble::Refused, why, now);
            return false;
        }
        if !self.sites.has_open_way(site, now.mono) {
            self.rest_till_open(site, false, now);
            return false;
        }
        let suits = |source: &Source| self.sites.has_target(site, source, now.mono);
        let Some(index) = self.egress.pick(now.mono, suits) else {
            self.egress.wait(site, now.mono, suits);
            if let Some(why) = self.egress.failing(now.mono, suits) {
                self.no_way_to(site, &why, now);
            }
            return false;
        };
        let source = self.egress.source(index);
        let picked = source.and_then(|source| self.sites.pick_target(site, self.delivery.port, source, now.mono));
        let races = source.is_some_and(|source| source.family == Family::Race && source.proxy.is_none());
        let Some(picked) = picked else {
            self.egress.leave(index, now.mono);
            return false;
        };
        let Some(id) = self.dial(site, index, picked, None, now) else {
            self.wait_if_short(site, now);
            return false;
        };
        self.sites.session_opened(site, now);
        if races {
            self.io.set_deadline(id, Some(now.mono.after(HEAD_START)));
        }
        true
    }

    /// The machine is short of sockets: the site waits as for a source.
    fn wait_if_short(&mut self, site: SiteId, now: Now) {
        if self.egress.is_short(now.mono) {
            self.egress.wait(site, now.mono, |_| true);
        }
    }

    /// Begins a connection; `None` if none can be begun. One of the source's sessions is taken for it.
    fn dial(
        &mut self,
        site: SiteId,
        index: usize,
        picked: Picked,
        rival: Option<ConnectionId>,
        now: Now,
    ) -> Option<ConnectionId> {
        let Picked { host, remote, demand } = picked;
        let server = Host { name: host.clone(), port: remote.port() };
        let (starttls, known) = secure::begins(&demand, self.memory.known(&server, now.unix));
        let config = self.egress.config(index, starttls)?;
        let source = self.egress.source(index)?;
        let (name, (to, local)) = (source.name.clone(), source.way_to(remote));
        let spec = ConnectSpec { remote: to, local, timeout: self.delivery.connect_timeout };
        let id = match self.io.connect(&spec) {
            Ok(id) => id,
            Err(error) => {
                self.egress.leave(index, now.mono);
                let bound = local.is_some() || to != remote;
                self.not_begun(site, index, (&host, remote, &name), (bound, &error), now);
                return None;
            }
        };
        let number = self.number_session();
        let hop = if self.delivery.smarthost { NextHop::Smarthost } else { NextHop::exchanger(&host) };
        let mut connection = Connection {
            id,
            site,
            // Made anew when the connection stands: the greeting is awaited from then on.
            session: Session::new(config.clone(), known, now.mono),
            config,
            known,
            source: index,
            host,
            hop,
            remote,
            demand,
            rival,
            socks: None,
            tls: None,
            tls_hands: false,
            sealed: Sealed::default(),
            told: Vec::new(),
            connected: false,
            ready: false,
            held: false,
            hungry: false,
            dirty: false,
            armed: None,
            idle_since: None,
            delivered: 0,
            ended: false,
            cut: false,
            course: Course::new(number, remote, (name, local), now.mono),
            trace: None,
        };
        connection.trace = self.begin_trace(&connection, now);
        let place = id.index as usize;
        if self.connections.len() <= place {
            self.connections.resize_with(place + 1, || None);
        }
        self.put(Box::new(connection));
        self.open += 1;
        self.ledger.counters.sessions_tried += 1;
        Some(id)
    }

    /// No socket could be made: for want of descriptors or memory, or the address is not ours (any more), or the machine
    /// has no such family.
    fn not_begun(
        &mut self,
        site: SiteId,
        source: usize,
        (host, remote, name): (&Arc<str>, SocketAddr, &str),
        (bound, error): (bool, &std::io::Error),
        now: Now,
    ) {
        // An address that cannot be bound is not ours (any more): its port is chosen later, so none can be missing.
        let errno = error.raw_os_error().filter(|errno| *errno != libc::EADDRNOTAVAIL);
        if let Some(errno) = errno.filter(|errno| shortage::is_ours(*errno, true)) {
            return self.egress.short(errno, now.mono);
        }
        if bound {
            self.egress.failed(source, &error.to_string(), now.mono);
            return self.sites.touch(site);
        }
        // A machine without IPv6 has no socket for such an address; the site may have others.
        if self.sites.pass_over(site, Whom { host, remote: remote.ip(), source: name }, now.mono) {
            return self.sites.touch(site);
        }
        tracing::warn!(%host, %remote, phase = "connect", %error, "no connection could be started");
        self.trouble(site, Trouble::Refused, "no connection could be started", now);
    }

    pub(super) fn handle_connected(&mut self, id: ConnectionId, now: Now) {
        let Some(mut connection) = self.take(id) else { return };
        if let Some(rival) = connection.rival.take() {
            self.drop_rival(rival, connection.remote, now);
        }
        match self.egress.source(connection.source).map(|source| (source, source.proxy.clone())) {
            Some((_, Some(Proxy::Socks5(_, login)))) => {
                let socks = Socks5::new(connection.remote, login, self.io.out(id));
                connection.socks = Some(Box::new(socks));
                self.io.set_deadline(id, Some(now.mono.after(self.delivery.connect_timeout)));
            }
            Some((source, Some(Proxy::Haproxy(_)))) => {
                let from = source.address_for(connection.remote.ip());
                // A source reaches only what it has an address for.
                let header = from.and_then(|from| proxy::header(SocketAddr::new(from, 0), connection.remote));
                self.io.out(id).append(&header.unwrap_or_default());
                self.stands(&mut connection, now);
            }
            _ => self.stands(&mut connection, now),
        }
        self.put(connection);
    }

    /// The way to the exchanger is open: the session begins.
    fn stands(&mut self, connection: &mut Connection, now: Now) {
        self.begins(connection, now);
        if self.delivery.implicit_tls {
            self.start_tls(connection, now);
            if connection.tls.is_none() {
                self.io.abort(connection.id);
            }
        }
        self.mark(connection);
    }

    fn begins(&mut self, connection: &mut Connection, now: Now) {
        connection.connected = true;
        connection.course.connected(now.mono);
        if let Some(trace) = &mut connection.trace {
            trace.remark(now.mono, "connected");
        }
        connection.session = Session::new(connection.config.clone(), connection.known, now.mono);
        connection.session.expect_more(self.more_comes);
        self.egress.stood(connection.source, connection.remote);
        self.sites.session_connected(connection.site);
        self.ledger.counters.sessions += 1;
    }

    pub(super) fn handle_connect_failed(&mut self, id: ConnectionId, errno: i32, now: Now) {
        let Some(mut connection) = self.take(id) else { return };
        let why = std::io::Error::from_raw_os_error(errno).to_string();
        if shortage::is_ours(errno, self.egress.has_stood(connection.source, connection.remote)) {
            return self.no_socket(connection, errno, now);
        }
        let proxy = self.egress.source(connection.source).and_then(|source| source.proxy.as_ref());
        if let Some(proxy) = proxy {
            let why = format!("{proxy} cannot be reached: {why}");
            return self.not_through(connection, Some(&why), now);
        }
        // Who refuses a connection says so (ECONNREFUSED). This one stood, and was reset before we came to see it: what a
        // busy sender is told must not differ from what another one is. The other one of a race is still to be waited for.
        if errno == libc::ECONNRESET && connection.rival.is_none() {
            self.begins(&mut connection, now);
            self.put(connection);
            return self.handle_closed(id, now);
        }
        let trouble = if errno == libc::ETIMEDOUT { Trouble::Timeout } else { Trouble::Refused };
        self.not_reached(connection, trouble, &why, now);
    }

    /// This machine had no port for the connection, or no memory: nobody else is to blame.
    fn no_socket(&mut self, mut connection: Box<Connection>, errno: i32, now: Now) {
        let site = connection.site;
        if let Some(trace) = &mut connection.trace {
            trace.ended(now.mono, "this machine has no socket left for it");
        }
        self.hang_up(&mut connection);
        self.egress.short(errno, now.mono);
        self.wait_if_short(site, now);
    }

    /// The source, or its proxy, failed the connection, which is gone.
    fn not_through(&mut self, mut connection: Box<Connection>, why: Option<&str>, now: Now) {
        self.hang_up(&mut connection);
        self.ledger.counters.sessions_failed += 1;
        if let Some(why) = why {
            self.tell_unreachable(&mut connection, why, now);
            self.egress.failed(connection.source, why, now.mono);
        }
        self.sites.touch(connection.site);
    }

    /// The exchanger's address failed the connection, which is gone.
    fn not_reached(&mut self, mut connection: Box<Connection>, trouble: Trouble, why: &str, now: Now) {
        let races = connection.rival.is_some();
        self.tell_unreachable(&mut connection, why, now);
        self.hang_up(&mut connection);
        let others = self.sites.pass_over(connection.site, connection.whom(), now.mono);
        if races {
            // The other one is still on its way.
            return;
        }
        self.ledger.counters.sessions_failed += 1;
        if !others && !self.sites.crowded(connection.site, now) {
            self.trouble(connection.site, trouble, why, now);
        }
    }

    /// A connection is gone: gives back what was taken for it.
    pub(super) fn hang_up(&mut self, connection: &mut Connection) {
        self.open -= 1;
        self.egress.leave(connection.source, self.io.now().mono);
        if connection.ready {
            self.sites.target_ready(connection.site, connection.whom(), false, connection.tls.is_some());
            self.sites.session_unready(connection.site);
        }
        let rival = connection.rival.take().and_then(|rival| self.take(rival));
        match rival {
            // The session is the other connection's now.
            Some(mut rival) => {
                rival.rival = None;
                self.put(rival);
            }
            None => self.sites.session_closed(connection.site, connection.connected, connection.ready),
        }
    }

    /// The other connection of a race, to `winner`, stands: this one is cut.
    fn drop_rival(&mut self, id: ConnectionId, winner: SocketAddr, now: Now) {
        let Some(loser) = self.take(id) else { return };
        self.io.abort(id);
        self.open -= 1;
        self.egress.leave(loser.source, now.mono);
        let rank = |remote: SocketAddr| self.egress.source(loser.source).map(|source| source.rank(remote.ip()));
        if rank(loser.remote) < rank(winner) {
            // The next sessions need not wait for it again.
            self.sites.pass_over(loser.site, loser.whom(), now.mono);
        }
    }

    /// A connection that did not stand yet was closed: by a proxy, or by ourselves.
    pub(super) fn dial_closed(&mut self, connection: Box<Connection>, now: Now) {
        let error = connection.socks.is_some().then(|| self.blame(&connection, SocksError::Closed));
        self.not_through(connection, error.as_deref().filter(|_| self.stage == Stage::Running), now);
    }

    fn blame(&self, connection: &Connection, error: SocksError) -> String {
        let proxy = self.egress.source(connection.source).and_then(|source| source.proxy.as_ref());
        proxy.map_or_else(String::new, |proxy| format!("{proxy}: {error}"))
    }

    /// A connection that does not stand yet has waited long enough: for its proxy, or alone in a race.
    pub(super) fn dial_deadline(&mut self, mut connection: Box<Connection>, now: Now) {
        if let Some(socks) = connection.socks.take() {
            self.io.abort(connection.id);
            return self.proxy_failed(connection, socks.silence(), now);
        }
        if self.stage == Stage::Running && connection.rival.is_none() {
            self.start_rival(&mut connection, now);
        }
        self.put(connection);
    }

    fn start_rival(&mut self, connection: &mut Connection, now: Now) {
        let suits = |source: &Source| source.family == Family::Race && source.proxy.is_none();
        if !self.egress.source(connection.source).is_some_and(suits) {
            return;
        }
        let port = connection.remote.port();
        let picked = self.sites.pick_rival(connection.site, connection.whom(), port, now.mono);
        if let Some(picked) = picked
            && self.egress.enter(connection.source)
        {
            connection.rival = self.dial(connection.site, connection.source, picked, Some(connection.id), now);
        }
    }

    fn proxy_failed(&mut self, connection: Box<Connection>, error: SocksError, now: Now) {
        let why = self.blame(&connection, error);
        if error.is_of_remote() {
            let trouble = if error == SocksError::Pending { Trouble::Timeout } else { Trouble::Refused };
            self.not_reached(connection, trouble, &why, now);
        } else {
            self.not_through(connection, Some(&why), now);
        }
    }

    /// Takes the proxy's part of octets that came: how many were the proxy's, and the connection again. `None`: its
    /// session does not begin with them.
    pub(super) fn pass_proxy(
        &mut self,
        mut connection: Box<Connection>,
        buffer: &Buffer,
        now: Now,
    ) -> Option<(Box<Connection>, usize)> {
        let Some(mut socks) = connection.socks.take() else { return Some((connection, 0)) };
        let mut said = Out::new();
        let read = socks.read(self.io.bytes(buffer), &mut said);
        let out = self.io.out(connection.id);
        while let Some(piece) = said.take() {
            out.append(piece.as_slice());
        }
        match read {
            Ok(Some(used)) => {
                self.io.set_deadline(connection.id, None);
                self.stands(&mut connection, now);
                return Some((connection, used));
            }
            Ok(None) => {
                connection.socks = Some(socks);
                self.put(connection);
            }
            Err(error) => {
                self.io.abort(connection.id);
                self.proxy_failed(connection, error, now);
            }
        }
        None
    }

    /// The session waits until its source may send again.
    pub(super) fn hold(&mut self, connection: &mut Connection) {
        if !connection.held {
            connection.held = true;
            self.egress.hold(connection.source, connection.id);
        }
    }

    /// How long an idle session is kept.
    pub(super) fn idle(&self) -> Duration {
        if self.egress.is_scarce() { self.delivery.idle.min(IDLE_SCARCE) } else { self.delivery.idle }
    }

    /// Goes on with what waited for a source.
    pub(super) fn use_sources(&mut self, now: Now) {
        if self.stage != Stage::Running || self.paused || self.crowded.is_some() {
            return;
        }
        while let Some(id) = self.egress.next_released(now.mono) {
            self.feed_hungry(id, now);
        }
        if self.egress.wants_idle(now.mono) {
            self.give_up_idle(now);
        }
        for site in self.egress.next_waiting(now.mono) {
            self.sites.touch(site);
        }
    }
}
