//! Whose turn it is: a site's domains with something ready go round, each with a quantum of rows.

use super::domain::NIL;
use super::site::QUANTUM;
use super::{Batch, Queue, SiteId};

impl Queue {
    /// Takes the next batch for a site: at most `rows_max` rows of one domain with equally many attempts behind them. With
    /// `block`, all rows lie within one multiple of it. `None` when nothing is ready (or `rows_max` is 0).
    ///
    /// The batch is the caller's from here: each of its rows is settled, scheduled or given back.
    pub fn cut(&mut self, site: SiteId, rows_max: u32, block: Option<u32>) -> Option<Batch> {
        let index = self.sites.find(site)?;
        let slot = self.sites.at(index).head;
        if slot == NIL || rows_max == 0 {
            return None;
        }
        let domain = &mut self.domains[slot as usize];
        let (attempts, rows) = domain.cut(&mut self.arena, rows_max, block.filter(|b| *b > 0))?;
        let batch = Batch { domain: domain.id, attempts, rows };
        let count = batch.rows.len() as u32;
        self.sub_ready(slot, u64::from(count));
        self.turn(index, slot, count);
        Some(batch)
    }

    /// The domain in `slot` used `count` rows of its quantum: the next one follows when nothing of it is left.
    fn turn(&mut self, index: u32, slot: u32, count: u32) {
        let site = self.sites.at_mut(index);
        if site.head != slot {
            // It is drained and out of the list; its successor has the turn.
            site.credit = QUANTUM;
            return;
        }
        site.credit = site.credit.saturating_sub(count);
        if site.credit == 0 {
            self.sites.rotate(&mut self.domains, index);
        }
    }
}
