//! What the engine's threads say to each other. Each message is owned data; nothing is shared but the tables.

use crossbeam_channel::Sender;
use smallvec::SmallVec;
use std::sync::Arc;

use crate::base::clock::UnixTime;
use crate::engine::router::RouteAnswer;
use crate::mail::{Content, Envelope};
use crate::queue::{Rows, Taken};
use crate::wire::io::Waker;

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
    /// Records rejected so far, in the whole list.
    pub rejected: u64,
    /// Duplicates dropped so far, in the whole list.
    pub duplicates: u64,
    /// Records with something around their mailbox so far, in the whole list.
    pub cleaned: u64,
    /// Its last `suppressed` rows are on the suppression list; they are in no run.
    pub suppressed: u32,
    /// Domains seen for the first time, numbered on from those of earlier chunks.
    pub new_domains: Vec<Arc<str>>,
    /// The rows to send, by domain; adjacent and in order of rows.
    pub runs: Vec<Run>,
}

impl Chunk {
    /// The rows that are on the suppression list.
    #[must_use]
    pub fn suppressed_rows(&self) -> std::ops::Range<u32> {
        let end = self.first.saturating_add(self.rows);
        end.saturating_sub(self.suppressed)..end
    }
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
    /// There is no room for much more: what is under way will become durable, and nothing new should begin. The reason,
    /// for people.
    Short(Arc<str>),
    /// A write failed: nothing more will become durable. The reason, for people.
    Failed(Arc<str>),
}

/// What is kept of a recipient that was tried and is to be tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// When its first attempt began: its lifetime counts from there.
    pub first: UnixTime,
    /// When its last attempt had its outcome.
    pub tried: UnixTime,
    /// The journal's context of that outcome; 0: there is none.
    pub context: u32,
}

/// A recipient that was tried before and is to be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The domain's number.
    pub domain: u32,
    /// The row.
    pub row: u32,
    /// Attempts so far.
    pub attempts: u16,
    /// How long from now it rests.
    pub rests_s: u32,
    /// What is kept of it.
    pub past: Past,
}

/// What goes with rows to the shard that takes them over.
#[derive(Debug, Default)]
pub struct Baggage {
    /// Of the rows that were tried.
    pub pasts: Vec<(u32, Past)>,
    /// The definitions of their contexts, as the journal writes them.
    pub words: Vec<u8>,
}

/// A recipient that is withdrawn while it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withdrawn {
    /// The domain's number.
    pub domain: u32,
    /// The row.
    pub row: u32,
    /// Attempts so far.
    pub attempts: u16,
}

/// Rows to render: the shard's order to a render thread.
#[derive(Debug)]
pub struct RenderJob {
    /// The shard that asks.
    pub shard: u16,
    /// Its name for the job.
    pub job: u32,
    /// What to render.
    pub rows: Rows,
    /// The domain that all of them must be of, where each domain goes its own way.
    pub domain: Option<Arc<str>>,
    /// The time that the `Date` field will say.
    pub date: UnixTime,
}

/// One message, ready to be handed to a session.
#[derive(Debug)]
pub struct Message {
    /// The rows that receive it, in the order of the envelope's recipients.
    pub rows: SmallVec<[u32; 2]>,
    /// Reverse-path and recipients.
    pub envelope: Envelope,
    /// The content, canonical.
    pub content: Content,
    /// Whether the content needs 8BITMIME.
    pub eight_bit: bool,
}

/// A finished [`RenderJob`].
#[derive(Debug, Default)]
pub struct Rendered {
    /// The job.
    pub job: u32,
    /// Its messages; rows with equal bytes share one.
    pub messages: Vec<Message>,
    /// How many rows' messages have an empty Subject.
    pub subjects_empty: u64,
    /// How many rows' letters are empty.
    pub letters_empty: u64,
    /// Rows that cannot be rendered, and why.
    pub refused: Vec<(u32, String)>,
    /// Rows that are on the suppression list now.
    pub suppressed: Vec<u32>,
    /// The edition of the suppression list that was asked.
    pub edition: u32,
    /// Nothing was rendered: why, for people.
    pub failed: Option<String>,
}

/// What an earlier process left to do, as a replayed journal tells.
#[derive(Debug, Default)]
pub struct Resumed {
    /// Every domain, by its number; empty where domains do not matter.
    pub domains: Vec<Arc<str>>,
    /// Rows that were never tried.
    pub runs: Vec<Run>,
    /// Rows that were tried and are due again.
    pub retries: Vec<Retry>,
    /// Rows whose attempt was under way.
    pub reopened: Vec<Retry>,
    /// The definitions of the contexts of all of them, as the journal writes them.
    pub words: Arc<[u8]>,
    /// Rows that are withdrawn.
    pub withdrawn: Vec<Withdrawn>,
}

/// What arrives in a shard's inbox.
#[derive(Debug)]
pub enum ToShard {
    /// More recipients, durable in the table.
    Chunk(Chunk),
    /// What an earlier process left to do.
    Resumed(Box<Resumed>),
    /// A domain whose site belongs to this shard, with all its waiting rows.
    Adopted(u32, Vec<Taken>, Baggage),
    /// The whole list has been loaded.
    LoadEnded,
    /// A render job is done.
    Rendered(Rendered),
    /// The journal moved on.
    Recorded(Recorded),
    /// A domain's route.
    Routed(RouteAnswer),
    /// The last shard with work has none left: look whether this is the end.
    Done,
    /// Stop cutting batches (`true`), or go on.
    Pause(bool),
    /// Finish what is under way, begin nothing, then end.
    Drain,
    /// End at once.
    Stop,
}

/// The way into a shard's inbox.
#[derive(Clone)]
pub struct Line {
    /// Its inbox.
    pub inbox: Sender<ToShard>,
    /// What wakes it.
    pub waker: Waker,
}

impl Line {
    /// Puts a message into the inbox, and wakes the shard.
    pub fn tell(&self, message: ToShard) {
        // The inbox outlives the shard's thread: only when all is over nobody needs the message.
        if self.inbox.send(message).is_ok() {
            self.waker.wake();
        }
    }
}
