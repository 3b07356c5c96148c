//! A digest of all that happened in a run, to see that the same seed gives the same run.

use posthaste::base::clock::Instant;
use posthaste::engine::board::Counters;
use siphasher::sip::SipHasher13;
use std::hash::Hasher as _;

/// See the head of this file.
#[derive(Clone, Default)]
pub struct Trace {
    hasher: SipHasher13,
    /// Turns so far.
    pub turns: u64,
}

impl Trace {
    /// Notes octets.
    pub fn note(&mut self, octets: &[u8]) {
        self.hasher.write(octets);
    }

    /// Notes a turn.
    pub fn note_counters(&mut self, now: Instant, counters: &Counters) {
        self.turns += 1;
        self.hasher.write_u64(now.0);
        for count in [counters.in_flight, counters.waiting, counters.delivered, counters.sessions_tried] {
            self.hasher.write_u64(count);
        }
    }

    /// The digest so far.
    pub fn digest(&self) -> u64 {
        self.hasher.finish()
    }
}
