//! SIZE ahead of rendering: a site whose every host is known to take less than the smallest message of the campaign gets
//! none rendered; its recipients are refused by a reply of our own, as the session would refuse them (RFC 1870 §6.1). They
//! count for the brake. Not so a smarthost: nobody would get anything, which holds the mailing (`refused`), and what it takes
//! today it is asked today.
//!
//! Leaves to others: messages whose size is known once they are rendered (`smtp::client`).

use crate::base::clock::Now;
use crate::engine::memory::Host;
use crate::engine::shard::Shard;
use crate::engine::shard::connection::Connection;
use crate::mail::{Enhanced, Reply};
use crate::queue::{Batch, SiteId};
use crate::wire::io::Io;

impl<I: Io> Shard<I> {
    /// The session is ready: remembers what its host takes, where that is too little for this campaign.
    pub(super) fn note_size(&self, connection: &Connection, now: Now) {
        let max = connection.session.content_max();
        if let Some(max) = max.filter(|&max| max < self.octets_min) {
            let server = Host { name: connection.host.clone(), port: connection.remote.port() };
            self.memory.learn_size(&server, max, now.unix);
        }
    }

    /// Refuses the batch if nothing of the campaign fits at the site; else gives it back.
    pub(super) fn refuse_too_large(&mut self, site: SiteId, batch: Batch, now: Now) -> Option<Batch> {
        let asks_again = self.delivery.smarthost && self.delivery.max_bounced.is_some();
        if asks_again || !self.memory.has_sizes() {
            return Some(batch);
        }
        let sizes = self.sites.servers(site, self.delivery.port).map(|server| self.memory.size(&server, now.unix));
        // One host that may take it is enough.
        let most = sizes.reduce(|a, b| Some(a?.max(b?))).flatten().filter(|&most| most < self.octets_min);
        let Some(most) = most else { return Some(batch) };
        let least = self.octets_min;
        let text = format!("each message has {least} octets or more, and the site takes at most {most}");
        let reply = Reply::own(552, Enhanced::new(5, 3, 4), &text);
        let said = reply.to_string();
        for row in batch.rows.iter() {
            self.ledger.refuse_locally(batch.domain, row, batch.attempts, &reply, now);
        }
        self.note_refused(&said, batch.rows.len());
        None
    }
}
