//! The io_uring driver: one ring, one thread, any number of TCP connections.
//!
//! Multishot receives into provided buffers, multishot accepts, one send in flight a connection while the next one is
//! filled, linked timeouts for connects, an eventfd for wake-ups.
//!
//! Guarantees: [`Event::Closed`] or [`Event::ConnectFailed`] comes exactly once for each connection, after which its
//! descriptor is gone and the kernel holds nothing of it; octets of a peer are not lost when receive buffers run out
//! (they wait in the socket); octets that arrived before a connection broke are delivered first. A peer that does not
//! take what is queued within [`FLUSH_MAX`] of a close is cut off.
//!
//! Leaves to others: bounding what is appended ([`Io::unsent`] tells), and reply timeouts (one deadline a connection).

mod bufring;
mod complete;
mod deadlines;
mod face;
mod setup;
mod slot;
mod socket;
#[cfg(test)]
mod tests;
mod unsent;
mod wake;

pub use setup::{SetupError, check};
pub use socket::raise_descriptor_limit;

use crate::base::clock::{Instant, Now};
use crate::base::out::Out;
use crate::wire::clock;
#[cfg(doc)]
use crate::wire::io::Io;
use crate::wire::io::{Closed, ConnectionId, Event, Work};
use bufring::BufRing;
use deadlines::Deadlines;
use io_uring::types::{CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};
use slot::{Leave, Slot, State};
use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;
use wake::Bell;

/// How long a closing connection may take to send what is queued.
pub const FLUSH_MAX: Duration = Duration::from_secs(30);

/// How long a closed connection waits for the peer's FIN. Closing with unread octets of the peer would reset the
/// connection and could destroy what we sent last.
pub const LINGER_MAX: Duration = Duration::from_secs(1);

/// So many queued octets leave without waiting for the next poll: they are still in the cache.
const EARLY_BYTES: usize = 64 * 1024;

/// How long a listener rests after an accept that failed for want of descriptors or memory.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// A busy ring waits so long for [`GATHER_WANT`] completions, instead of waking for each.
const GATHER_US: u32 = 100;
const GATHER_WANT: usize = 32;
/// Gathering must promise so many completions, or it would only add latency.
const GATHER_MIN: u64 = 8;

/// The sizes of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Receive buffers: a power of two, at most 32768.
    pub receive_buffers: u16,
    /// Octets in each.
    pub receive_buffer_bytes: u32,
    /// Entries of the submission queue; the completion queue has eight times as many.
    pub submissions: u32,
}

impl Options {
    /// For a sender: what comes in are replies.
    pub const SENDER: Self = Self { receive_buffers: 512, receive_buffer_bytes: 4096, submissions: 2048 };
    /// For a receiver: what comes in is content.
    pub const RECEIVER: Self = Self { receive_buffers: 128, receive_buffer_bytes: 64 * 1024, submissions: 2048 };
}

/// What an operation is, in the upper octet of its user data.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Receive = 1,
    Send = 2,
    Connect = 3,
    ConnectTimeout = 4,
    Cancel = 5,
    Accept = 6,
    Bell = 7,
}

/// User data: kind, 24 bits of the generation, index. The generation only asserts what [`slot`] guarantees.
fn token(kind: Kind, index: u32, generation: u32) -> u64 {
    u64::from(kind as u8) << 56 | u64::from(generation & 0xff_ffff) << 32 | u64::from(index)
}

struct Listener {
    socket: TcpListener,
    armed: bool,
    /// Not armed again before this.
    rest_until: Instant,
}

/// Completions per poll and time per poll, smoothed: whether gathering pays.
#[derive(Default)]
struct Pace {
    completions_x16: u64,
    span_us_x16: u64,
}

impl Pace {
    fn note(&mut self, completions: usize, span: Duration) {
        self.completions_x16 += completions as u64;
        self.completions_x16 -= self.completions_x16 / 16;
        self.span_us_x16 += u64::try_from(span.as_micros()).unwrap_or(u64::MAX).min(1_000_000);
        self.span_us_x16 -= self.span_us_x16 / 16;
    }

    /// Busy, with small batches.
    fn wants_to_gather(&self) -> bool {
        let small = self.completions_x16 < 16 * GATHER_WANT as u64 / 2;
        small && self.completions_x16 * u64::from(GATHER_US) >= GATHER_MIN * self.span_us_x16.max(1)
    }
}

/// The driver. It stays on the thread that made it.
pub struct Ring {
    // Dropped first: the kernel must let go of the memory in the fields below.
    ring: IoUring,
    buffers: BufRing,
    slots: Vec<Slot>,
    free: Vec<u32>,
    listeners: Vec<Listener>,
    /// Slots with output to send.
    dirty: Vec<u32>,
    /// Slots whose receive is to be armed, oldest first.
    unarmed: VecDeque<(u32, u32)>,
    deadlines: Deadlines,
    /// What happened outside of a poll.
    happened: Vec<Event>,
    completions: Vec<cqueue::Entry>,
    bell: Arc<Bell>,
    bell_word: Box<[u8; 8]>,
    bell_armed: bool,
    /// The slot whose output was asked for last, and how long that was.
    touched: Option<(u32, usize)>,
    /// Octets appended since sends were last submitted.
    queued: usize,
    /// A failure outside of a poll, for the next one to return.
    failed: Option<io::Error>,
    refuse: Out,
    work: Work,
    now: Now,
    pace: Pace,
    can_gather: bool,
}

impl Ring {
    /// A ring for the calling thread.
    ///
    /// # Errors
    /// The system refused it; the error says what mends that.
    pub fn new(options: Options) -> Result<Self, SetupError> {
        let ring = setup::build(options.submissions)?;
        let buffers = BufRing::new(&ring, options.receive_buffers, options.receive_buffer_bytes)
            .map_err(|e| SetupError::new("io_uring_register (buffer ring)", e))?;
        let bell = Bell::new().map_err(|e| SetupError::new("eventfd", e))?;
        let can_gather = ring.params().is_feature_min_timeout();
        let mut ring = Self {
            ring,
            buffers,
            slots: Vec::new(),
            free: Vec::new(),
            listeners: Vec::new(),
            dirty: Vec::new(),
            unarmed: VecDeque::new(),
            deadlines: Deadlines::default(),
            happened: Vec::new(),
            completions: Vec::new(),
            bell: Arc::new(bell),
            bell_word: Box::new([0; 8]),
            bell_armed: false,
            touched: None,
            queued: 0,
            failed: None,
            refuse: Out::new(),
            work: Work::default(),
            now: Now::default(),
            pace: Pace::default(),
            can_gather,
        };
        ring.read_clocks();
        Ok(ring)
    }

    fn read_clocks(&mut self) {
        self.now = clock::now();
    }

    fn slot(&self, id: ConnectionId) -> Option<&Slot> {
        self.slots.get(id.index as usize).filter(|s| s.generation == id.generation && s.state != State::Free)
    }

    /// The same, and one that has ended, until its place is used again.
    fn latest(&self, id: ConnectionId) -> Option<&Slot> {
        let ended = |slot: &&Slot| slot.state == State::Free && slot.generation == id.generation.wrapping_add(1);
        self.slot(id).or_else(|| self.slots.get(id.index as usize).filter(ended))
    }

    fn slot_mut(&mut self, id: ConnectionId) -> Option<&mut Slot> {
        self.slots.get_mut(id.index as usize).filter(|s| s.generation == id.generation && s.state != State::Free)
    }

    /// Queues an operation, submitting first if the queue has no room for it.
    #[expect(unsafe_code, reason = "the kernel reads and writes what operations point to")]
    fn push(&mut self, entries: &[squeue::Entry]) -> io::Result<()> {
        loop {
            // SAFETY: receives use the buffer ring; sends point into a slot's flight and message, connects into its
            // target, the bell into its word: boxed or on the heap, and all kept until the operation's completion
            // (`Slot::vacate`), or until the ring is gone (order of the fields).
            if unsafe { self.ring.submission().push_multiple(entries) }.is_ok() {
                return Ok(());
            }
            self.submit()?;
        }
    }

    fn submit(&mut self) -> io::Result<()> {
        match self.ring.submit() {
            Ok(_) => Ok(()),
            // The completion queue overflows or a signal came: the poll that follows reaps and submits again.
            Err(e) if busy(&e) => self.reap(),
            Err(e) => Err(e),
        }
    }

    /// Moves completions out of the ring's own queue.
    fn reap(&mut self) -> io::Result<()> {
        self.completions.extend(self.ring.completion());
        Ok(())
    }

    /// A slot for a new connection.
    fn seat(&mut self, socket: TcpStream, state: State) -> ConnectionId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::new());
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        slot.settle(socket, state);
        ConnectionId { index, generation: slot.generation }
    }

    fn mark_dirty(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        if !slot.dirty {
            slot.dirty = true;
            self.dirty.push(index);
        }
    }

    /// Starts the sends of all slots that have output.
    fn start_sends(&mut self) -> io::Result<()> {
        let mut dirty = std::mem::take(&mut self.dirty);
        for index in dirty.drain(..) {
            let slot = &mut self.slots[index as usize];
            slot.dirty = false;
            if slot.broken.is_some() {
                slot.drop_output();
            } else if slot.may_send() {
                slot.load(socket::PARTS);
                self.send(index)?;
            }
        }
        self.dirty = dirty;
        (self.queued, self.touched) = (0, None);
        Ok(())
    }

    /// Sends what is left of a slot's flight.
    fn send(&mut self, index: u32) -> io::Result<()> {
        let slot = &mut self.slots[index as usize];
        let Some(socket) = &slot.socket else { return Ok(()) };
        let (fd, flags) = (Fd(socket.as_raw_fd()), libc::MSG_WAITALL | libc::MSG_NOSIGNAL);
        let entry = if let [piece] = slot.flight.as_slice() {
            let (start, len) = socket::span(piece.as_slice(), slot.flight_sent);
            opcode::Send::new(fd, start, len).flags(flags).build()
        } else {
            let message = slot.message.get_or_insert_with(socket::Message::new);
            opcode::SendMsg::new(fd, message.set(&slot.flight, slot.flight_sent)).flags(flags as u32).build()
        };
        slot.sending = true;
        slot.operations += 1;
        let token = token(Kind::Send, index, slot.generation);
        self.push(&[entry.user_data(token)])
    }

    fn arm_receive(&mut self, index: u32) -> io::Result<()> {
        let slot = &mut self.slots[index as usize];
        let Some(socket) = &slot.socket else { return Ok(()) };
        slot.receiving = true;
        slot.operations += 1;
        let token = token(Kind::Receive, index, slot.generation);
        let entry = opcode::RecvMulti::new(Fd(socket.as_raw_fd()), bufring::GROUP).build();
        self.push(&[entry.user_data(token)])
    }

    /// Arms receives that lack, no more than there are buffers: the others would only fail again.
    fn arm_receives(&mut self) -> io::Result<()> {
        for _ in 0..self.unarmed.len().min(self.buffers.available()) {
            let Some((index, generation)) = self.unarmed.pop_front() else { break };
            let slot = &self.slots[index as usize];
            let live = matches!(slot.state, State::Open | State::Flushing | State::Lingering);
            if live && slot.generation == generation && !slot.receiving && !slot.eof {
                self.arm_receive(index)?;
            }
        }
        Ok(())
    }

    fn arm_listeners(&mut self) -> io::Result<()> {
        for index in 0..self.listeners.len() {
            let listener = &mut self.listeners[index];
            if listener.armed || listener.rest_until > self.now.mono {
                continue;
            }
            listener.armed = true;
            let entry = opcode::AcceptMulti::new(Fd(listener.socket.as_raw_fd())).flags(libc::SOCK_CLOEXEC).build();
            self.push(&[entry.user_data(token(Kind::Accept, index as u32, 0))])?;
        }
        Ok(())
    }

    fn arm_bell(&mut self) -> io::Result<()> {
        if self.bell_armed {
            return Ok(());
        }
        self.bell_armed = true;
        let entry = opcode::Read::new(Fd(self.bell.fd()), self.bell_word.as_mut_ptr(), 8).build();
        self.push(&[entry.user_data(token(Kind::Bell, 0, 0))])
    }

    /// Ends a connection: cancels what the kernel still does for it; the event follows with the last completion.
    fn leave(&mut self, index: u32, leave: Leave) -> io::Result<()> {
        let slot = &mut self.slots[index as usize];
        if matches!(slot.state, State::Leaving(_) | State::Free) {
            return Ok(());
        }
        // What was received before may still have to be read.
        slot.unacknowledged = slot.unacknowledged();
        slot.state = State::Leaving(leave);
        slot.drop_output();
        let done = slot.operations == 0;
        self.deadlines.set(index, None);
        if done {
            self.vacate(index);
            return Ok(());
        }
        self.cancel(index)
    }

    /// Cancels all that the kernel still does for a connection.
    fn cancel(&mut self, index: u32) -> io::Result<()> {
        let slot = &mut self.slots[index as usize];
        let Some(socket) = &slot.socket else { return Ok(()) };
        slot.operations += 1;
        let token = token(Kind::Cancel, index, slot.generation);
        let entry = opcode::AsyncCancel2::new(CancelBuilder::fd(Fd(socket.as_raw_fd())).all()).build();
        self.push(&[entry.user_data(token)])
    }

    /// The last completion has come: closes the descriptor, says so, frees the slot.
    fn vacate(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        let id = ConnectionId { index, generation: slot.generation };
        let State::Leaving(leave) = slot.state else { return };
        // A reset that a send has met looks like an end to the receive.
        if let (Leave::Closed(Closed::Error(_) | Closed::Eof), Some(socket)) = (leave, &slot.socket) {
            slot.never_left = unsent::never_left(socket);
        }
        slot.vacate();
        self.free.push(index);
        self.happened.push(match leave {
            Leave::Failed(errno) => Event::ConnectFailed(id, errno),
            Leave::Closed(how) => Event::Closed(id, how),
        });
    }

    /// Everything queued has left: says FIN and waits for the peer's.
    fn linger(&mut self, index: u32) -> io::Result<()> {
        let slot = &mut self.slots[index as usize];
        let shut = slot.socket.as_ref().map(|s| s.shutdown(Shutdown::Write));
        if slot.eof || !matches!(shut, Some(Ok(()))) {
            return self.leave(index, Leave::Closed(Closed::Local));
        }
        slot.state = State::Lingering;
        self.deadlines.set(index, Some(self.now.mono.after(LINGER_MAX)));
        Ok(())
    }

    fn expire_deadlines(&mut self) -> io::Result<()> {
        while let Some(index) = self.deadlines.expired(self.now.mono) {
            let slot = &self.slots[index as usize];
            match slot.state {
                State::Connecting | State::Open => {
                    self.happened.push(Event::Deadline(ConnectionId { index, generation: slot.generation }));
                }
                State::Flushing => self.leave(index, Leave::Closed(Closed::Error(libc::ETIMEDOUT)))?,
                State::Lingering => self.leave(index, Leave::Closed(Closed::Local))?,
                State::Leaving(_) | State::Free => {}
            }
        }
        Ok(())
    }

    /// How long a poll may wait.
    fn patience(&self, until: Option<Instant>) -> Duration {
        let idle = self.happened.is_empty() && self.completions.is_empty();
        if !idle || (!self.unarmed.is_empty() && self.buffers.available() > 0) {
            return Duration::ZERO;
        }
        let rests = self.listeners.iter().filter(|l| !l.armed).map(|l| l.rest_until);
        let wake = rests.chain(until).chain(self.deadlines.next()).min();
        // The clock is the last poll's: what the owner did since is time that has passed already.
        wake.map_or(Duration::MAX, |at| at.since(clock::mono_now()))
    }

    /// Submits, and waits for completions for at most `patience`.
    fn enter(&mut self, patience: Duration) -> io::Result<()> {
        let result = if patience.is_zero() {
            self.ring.submit()
        } else {
            let gather = self.can_gather && self.pace.wants_to_gather();
            let timeout = Timespec::from(patience.min(Duration::from_secs(3600)));
            let mut args = SubmitArgs::new().timespec(&timeout);
            if gather {
                args = args.min_wait_usec(GATHER_US);
            }
            self.ring.submitter().submit_with_args(if gather { GATHER_WANT } else { 1 }, &args)
        };
        match result {
            Ok(_) => Ok(()),
            Err(e) if busy(&e) || e.raw_os_error() == Some(libc::ETIME) => Ok(()),
            Err(e) => Err(e),
        }
    }
}

/// Whether the kernel only asks to come again.
fn busy(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EBUSY | libc::EAGAIN | libc::EINTR))
}

impl Drop for Ring {
    fn drop(&mut self) {
        // Armed receives keep sockets alive until the kernel gets round to them: the peers need not wait for that.
        for socket in self.slots.iter().filter_map(|s| s.socket.as_ref()) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}
