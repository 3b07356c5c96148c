//! The driver's face: completion-shaped, no futures. Two drivers stand behind it: `ring` (io_uring) and `sim` (in
//! memory, seeded, virtual time). The sending engine and the sink run on either.
//!
//! How it is used: call [`Io::poll`], walk the events; for [`Event::Data`] look at [`Io::bytes`], then
//! [`Io::release`] the buffer; append what is to be sent to [`Io::out`]: it leaves at the next `poll`.
//!
//! Guarantees: after [`Event::Closed`] (or [`Event::ConnectFailed`]) a [`ConnectionId`] is never used for another
//! connection, and operations on a dead id do nothing; events of one connection come in order.

use crate::base::clock::{Instant, Now};
use crate::base::out::Out;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Names one connection for good: a slot and the slot's generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    /// The slot: small, reused, good as an index into a `Vec`.
    pub index: u32,
    /// How often the slot had been used before.
    pub generation: u32,
}

/// Names a listener of this driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListenerId(pub u32);

/// Names a received buffer between [`Event::Data`] and [`Io::release`].
#[derive(Debug, PartialEq, Eq)]
pub struct Buffer {
    /// The driver's number for it.
    pub id: u32,
    /// How many octets it holds.
    pub len: u32,
}

/// Where to connect, and from where.
#[derive(Clone, Copy, Debug)]
pub struct ConnectSpec {
    /// The peer.
    pub remote: SocketAddr,
    /// The local address to bind first, if it matters.
    pub local: Option<IpAddr>,
    /// How long the connection may take to stand.
    pub timeout: Duration,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The peer closed its side in order (FIN).
    Eof,
    /// It broke: the `errno` (`ECONNRESET`, `EPIPE`, `ETIMEDOUT`…).
    Error(i32),
    /// We closed it, and all that was queued has been sent and the socket is gone.
    Local,
}

/// What happened since the last poll.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A connection that was asked for stands.
    Connected(ConnectionId),
    /// It does not: `errno` (`ECONNREFUSED`, `ETIMEDOUT`, `ENETUNREACH`…).
    ConnectFailed(ConnectionId, i32),
    /// A listener took a connection.
    Accepted(ListenerId, ConnectionId, SocketAddr),
    /// Octets came. The buffer must be given back with [`Io::release`].
    Data(ConnectionId, Buffer),
    /// All that had been appended to [`Io::out`] has been handed to the kernel.
    Drained(ConnectionId),
    /// The connection ended; the id is dead.
    Closed(ConnectionId, Closed),
    /// The deadline set for the connection passed; it is cleared.
    Deadline(ConnectionId),
    /// A [`Waker`] was used: look at your channels.
    Inbox,
}

/// What a driver has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Calls into the kernel that submitted or waited.
    pub enters: u64,
    /// Operations that completed.
    pub completions: u64,
}

/// Wakes a driver that waits in [`Io::poll`], from another thread.
pub trait Wake: Send + Sync {
    /// Makes the poll return with [`Event::Inbox`]. Cheap when a wake-up is already under way.
    fn wake(&self);
}

/// A shared handle that wakes one driver.
pub type Waker = std::sync::Arc<dyn Wake>;

/// A driver.
pub trait Io {
    /// Both clocks, read at most once a poll.
    fn now(&self) -> Now;

    /// Starts to connect; [`Event::Connected`] or [`Event::ConnectFailed`] follows.
    ///
    /// # Errors
    /// No socket could be made (descriptors, bind address).
    fn connect(&mut self, spec: &ConnectSpec) -> io::Result<ConnectionId>;

    /// Listens; [`Event::Accepted`] follows for each connection. Returns the bound address (port 0 is chosen here).
    ///
    /// # Errors
    /// The address is taken, or not ours.
    fn listen(&mut self, address: SocketAddr) -> io::Result<(ListenerId, SocketAddr)>;

    /// The output of a connection; what is appended leaves at the next poll. For a dead id: a sink that is thrown away.
    fn out(&mut self, id: ConnectionId) -> &mut Out;

    /// Octets appended and not yet handed to the kernel.
    fn unsent(&self, id: ConnectionId) -> usize;

    /// Of the octets appended, the last so many were not handed to the kernel, not even in part of a send that is under way,
    /// or, once the connection broke, are known never to have left it. Told of a connection that has ended too, until its place is used again; less may be told, never more.
    fn untouched(&self, id: ConnectionId) -> usize;

    /// Of the octets appended, the last so many had not reached the peer's machine when it sent what was received so far: they
    /// were not handed to the kernel, or not acknowledged by now, as they are by each segment that answers them. Less may be
    /// told, never more.
    fn unheard(&self, id: ConnectionId) -> usize {
        self.untouched(id)
    }

    /// The octets of a received buffer.
    fn bytes(&self, buffer: &Buffer) -> &[u8];

    /// Gives a received buffer back.
    fn release(&mut self, buffer: Buffer);

    /// Asks for an immediate acknowledgement of what was received (`TCP_QUICKACK`); kept until the next data. A server
    /// that writes replies one by one under Nagle's algorithm waits for it.
    fn quick_ack(&mut self, id: ConnectionId);

    /// Sends what is queued, then closes; [`Event::Closed`] follows. No [`Event::Data`] comes for it any more.
    fn close(&mut self, id: ConnectionId);

    /// Closes at once (RST), throwing away what is queued; [`Event::Closed`] follows.
    fn abort(&mut self, id: ConnectionId);

    /// Sets, moves or clears the one deadline of a connection; precision about a millisecond, never early.
    fn set_deadline(&mut self, id: ConnectionId, at: Option<Instant>);

    /// What it has done so far.
    fn work(&self) -> Work {
        Work::default()
    }

    /// A handle that wakes this driver from another thread.
    fn waker(&self) -> Waker;

    /// Sends what was appended, waits until something happens or `until` passes, and appends what happened to `events`.
    /// `until` in the past: does not wait. `None`: waits for as long as it takes.
    ///
    /// # Errors
    /// The driver itself is broken (never a connection's trouble).
    fn poll(&mut self, until: Option<Instant>, events: &mut Vec<Event>) -> io::Result<()>;
}
