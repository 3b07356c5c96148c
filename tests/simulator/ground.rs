//! What all processes of a run share, and what one leaves to the next.

use crate::scenario::{Mutation, Scenario};
use crate::seen::{Ability, Seen};
use crate::town::Town;
use crate::trace::Trace;
use crate::words::Words;
use posthaste::base::clock::Instant;
use posthaste::content::Composer;
use posthaste::engine::board::Counters;
use posthaste::engine::held::Held;
use posthaste::engine::memory::Memory;
use posthaste::engine::settings::Delivery;
use posthaste::engine::suppression::Suppression;
use posthaste::journal::record::Record;
use posthaste::journal::sim::SimDisk;
use posthaste::journal::state::State;
use posthaste::tls;
use posthaste::wire::sim::{Network, SimIo};
use std::path::Path;
use std::sync::Arc;

/// What all processes of a run share.
pub struct Ground<'a> {
    pub scenario: &'a Scenario,
    pub mutation: Mutation,
    pub network: Network,
    pub town: Town,
    pub disk: SimDisk,
    pub home: &'a Path,
    pub list: &'a Path,
    pub composer: Arc<Composer>,
    pub suppression: Suppression,
    /// Outlives its processes, as the file does.
    pub memory: Arc<Memory>,
    pub tls: tls::ClientConfig,
    pub rng: fastrand::Rng,
    /// Wakes the network when something of ours is due.
    pub clock: SimIo,
    pub trace: Trace,
    /// What was recorded of recipients, and when in truth.
    pub told: Vec<(Instant, Record)>,
    /// The brake has held it, and whoever sends goes on all the same.
    pub ignores_bounces: bool,
    /// Processes that refusals of us held.
    pub held: u32,
    /// When somebody mended what we were refused for.
    pub mended_at: Option<Instant>,
    pub seen: Seen,
    pub words: Words,
}

impl Ground<'_> {
    /// How the next process delivers.
    pub fn delivery(&self) -> Delivery {
        let mut delivery = self.scenario.delivery();
        if self.ignores_bounces {
            delivery.max_bounced = None;
        }
        let lifetime = &mut delivery.retry.lifetime;
        match self.mutation {
            Mutation::Lifetimes(times) => *lifetime *= times,
            Mutation::HalfLifetimes => *lifetime /= 2,
            _ => {}
        }
        delivery
    }

    /// Somebody sets the wall clock.
    pub fn set_wall(&mut self, ahead_s: i64) {
        self.seen.note(Ability::ClockJump);
        self.network.set_wall(ahead_s);
        if self.mutation == Mutation::ClocksFollow {
            self.network.follow_wall();
        }
    }
}

/// What a process leaves behind.
pub struct Left {
    /// The counts of all its shards.
    pub counters: Counters,
    /// Where each recipient stands by the entries that were said to be durable.
    pub acknowledged: State,
    /// Whether it ended in order: nothing was under way, and its journal is closed.
    pub in_order: bool,
    /// Whether its counts are to be those of the journal: all of it was written.
    pub exact: bool,
    /// Whether it was to send everything, and did end.
    pub through: bool,
    /// Octets of entries that it appended.
    pub appended: usize,
    /// What held the mailing, and the sites whose mail alone was held.
    pub held: Option<Held>,
    pub held_sites: Vec<Held>,
}
