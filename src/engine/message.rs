//! What the engine's threads say to each other. Each message is owned data; nothing is shared but the tables.

use std::sync::Arc;

/// A run of rows of one domain that lie together in the recipient table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The domain's number in the table's domain directory.
    pub domain: u32,
    /// The first row.
    pub first: u32,
    /// How many rows; at least 1.
    pub count: u32,
}

/// A part of the recipient table that has become durable: its recipients may now be sent to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// The first row of the chunk.
    pub first: u32,
    /// How many rows it has, the suppressed ones included.
    pub rows: u32,
    /// Its last `suppressed` rows are on the suppression list; they are in no run.
    pub suppressed: u32,
    /// Domains seen for the first time, numbered on from those of earlier chunks.
    pub new_domains: Vec<Arc<str>>,
    /// The rows to send, by domain; adjacent and in order of rows.
    pub runs: Vec<Run>,
}

/// Octets for the journal, from one shard.
#[derive(Debug, Default)]
pub struct Append {
    /// The shard that asks.
    pub shard: u16,
    /// Its ticket: comes back when these octets are durable. Rises by one with each append of a shard.
    pub ticket: u64,
    /// Whole encoded entries (`journal::record`), at most 64 KiB: they become durable together.
    pub entries: Vec<u8>,
}

/// What the recorder answers a shard.
#[derive(Clone, Debug)]
pub enum Recorded {
    /// Everything up to and including this ticket is on stable storage.
    Durable(u64),
    /// A write failed: nothing more will become durable. The reason, for people.
    Failed(Arc<str>),
}
