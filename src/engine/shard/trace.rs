//! Where in a session the tracer listens.
//!
//! Costs one look at an `Option` where nothing is traced. Leaves to others: which lines are shown, and how (`observe`).

use crate::base::clock::Now;
use crate::base::out::Out;
use crate::engine::shard::Shard;
use crate::engine::shard::connection::Connection;
use crate::mail::Envelope;
use crate::mail::event::Tls;
use crate::observe::trace::{Dialogue, Opening};
use crate::queue::{DomainId, SiteId};
use crate::smtp::client::Session;
use crate::tls::Client;
use crate::tls::certificate::Description;
use crate::wire::io::Io;

impl<I: Io> Shard<I> {
    /// The dialogue of a connection that begins, if it may be wanted.
    pub(super) fn begin_trace(&self, connection: &Connection, now: Now) -> Option<Box<Dialogue>> {
        let tracer = self.tracer.as_ref()?;
        let via = connection.course.via(self.sites.name(connection.site), &connection.host, &connection.config.ehlo);
        // Where everything goes to one place, so do the wanted recipients.
        let likely = !self.by_domain || self.traced_sites.contains(&connection.site);
        Dialogue::begin(tracer, &Opening { via: &via, likely }, now)
    }

    /// A domain's mail goes to this site.
    pub(super) fn trace_route(&mut self, domain: DomainId, site: SiteId) {
        let name = self.domains.get(domain.0 as usize).map_or("", |name| name);
        tracing::debug!(domain = name, site = self.sites.name(site), "mail for the domain goes to the site");
        let Some(tracer) = &self.tracer else { return };
        if tracer.filter().wants_domain(name) {
            self.traced_sites.insert(site);
        }
    }
}

/// A handshake is done.
pub(super) fn encrypted(trace: Option<&mut Dialogue>, client: &Client, tls: &Tls, now: Now) {
    let Some(trace) = trace else { return };
    // A session that was resumed shows the certificate of its first one.
    let certificate = client.chain().first().and_then(|der| Description::of(der));
    let certificate = certificate.as_ref().map(|c| (c.subject.as_str(), c.issuer.as_str()));
    trace.encrypted(now.mono, tls, certificate);
}

/// A transaction goes into a session.
pub(super) fn begun(trace: Option<&mut Dialogue>, key: u64, envelope: &Envelope) {
    if let Some(trace) = trace {
        trace.begun(key, (0..envelope.recipients()).map(|index| envelope.forward_path(index)));
    }
}

/// Collects a session's output, and lets the tracer see it.
pub(super) fn transmit(session: &mut Session, trace: Option<&mut Dialogue>, now: Now, out: &mut Out) {
    let Some(trace) = trace else { return session.poll_transmit(now.mono, out) };
    let mut said = Out::new();
    session.poll_transmit(now.mono, &mut said);
    if !said.is_empty() {
        trace.said(now.mono, said.pieces());
        out.take_all(&mut said);
    }
}
