//! One connection's place in the ring: its state, and what the kernel still holds of it.
//!
//! Guarantees: a slot is free only after the terminal completion of each of its operations, so a completion can never
//! meet another connection, and no memory that an operation points to is let go early.

use super::socket::{Address, Message};
use super::unsent;
use crate::base::out::{Out, Piece};
use crate::wire::io::Closed;
use io_uring::types::Timespec;
use std::net::TcpStream;

/// How a connection left, for the event that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// It never stood.
    Failed(i32),
    /// It ended.
    Closed(Closed),
}

/// What a slot expects next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing: no connection.
    Free,
    /// The connection to stand.
    Connecting,
    /// Octets, both ways.
    Open,
    /// What is queued to leave; then the close.
    Flushing,
    /// The peer to close, after our FIN.
    Lingering,
    /// The last completions.
    Leaving(Leave),
}

/// What a connect operation points to.
pub(super) struct Target {
    pub(super) address: Address,
    pub(super) timeout: Timespec,
}

/// One connection's place.
pub(super) struct Slot {
    pub(super) generation: u32,
    pub(super) state: State,
    pub(super) socket: Option<TcpStream>,
    /// Operations whose terminal completion has not come.
    pub(super) operations: u8,
    /// A multishot receive is armed.
    pub(super) receiving: bool,
    /// A send is in flight.
    pub(super) sending: bool,
    /// In the list of slots with output.
    pub(super) dirty: bool,
    /// The peer has said FIN.
    pub(super) eof: bool,
    /// Output failed with this `errno`: what is appended is thrown away.
    pub(super) broken: Option<i32>,
    pub(super) out: Out,
    /// The pieces that the kernel reads from, in order.
    pub(super) flight: Vec<Piece>,
    pub(super) flight_len: usize,
    /// Octets of the flight that have left.
    pub(super) flight_sent: usize,
    /// Octets at the end of what was appended that the kernel did not take…
    pub(super) left_behind: usize,
    /// …and those before them that it took, and will never send, or had no acknowledgement of, once the connection has ended.
    pub(super) never_left: usize,
    pub(super) unacknowledged: usize,
    pub(super) message: Option<Box<Message>>,
    pub(super) target: Option<Box<Target>>,
}

impl Slot {
    pub(super) fn new() -> Self {
        Self {
            generation: 0,
            state: State::Free,
            socket: None,
            operations: 0,
            receiving: false,
            sending: false,
            dirty: false,
            eof: false,
            broken: None,
            out: Out::new(),
            flight: Vec::new(),
            flight_len: 0,
            flight_sent: 0,
            left_behind: 0,
            never_left: 0,
            unacknowledged: 0,
            message: None,
            target: None,
        }
    }

    /// Gives the slot to a connection.
    pub(super) fn settle(&mut self, socket: TcpStream, state: State) {
        self.state = state;
        self.socket = Some(socket);
        self.eof = false;
        self.broken = None;
        (self.left_behind, self.never_left, self.unacknowledged) = (0, 0, 0);
    }

    /// Ends the connection's use of the slot. Only after its last completion.
    pub(super) fn vacate(&mut self) {
        debug_assert_eq!(self.operations, 0);
        self.state = State::Free;
        self.socket = None;
        self.drop_output();
        self.target = None;
        self.generation = self.generation.wrapping_add(1);
    }

    /// Octets that the kernel took and the peer's has not acknowledged: by now, or when the connection ended.
    pub(super) fn unacknowledged(&self) -> usize {
        match (self.state, &self.socket) {
            // A FIN that follows a failed send is none of them, and has a number in the sequence.
            (State::Open, Some(socket)) => {
                unsent::unacknowledged(socket).saturating_sub(usize::from(self.broken.is_some()))
            }
            _ => self.unacknowledged.max(self.never_left),
        }
    }

    /// Whether there is something to send and nothing in the way of sending it.
    pub(super) fn may_send(&self) -> bool {
        !self.sending && !self.out.is_empty() && matches!(self.state, State::Open | State::Flushing)
    }

    /// Takes the next pieces to send.
    pub(super) fn load(&mut self, parts: usize) {
        while self.flight.len() < parts
            && let Some(piece) = self.out.take()
        {
            self.flight_len += piece.as_slice().len();
            self.flight.push(piece);
        }
    }

    /// `octets` of the flight have left; whether that was all of it.
    pub(super) fn advance(&mut self, octets: usize) -> bool {
        self.flight_sent += octets;
        if self.flight_sent < self.flight_len {
            return false;
        }
        self.unload();
        true
    }

    /// Throws away what is queued. Not what the kernel reads from: that goes with its completion.
    pub(super) fn drop_output(&mut self) {
        self.left_behind += self.out.len();
        self.out = Out::new();
        if !self.sending {
            // The kernel told how much of it it took.
            self.left_behind += self.flight_len - self.flight_sent;
            self.unload();
        }
    }

    /// Lets go of the flight.
    pub(super) fn unload(&mut self) {
        self.flight.drain(..).for_each(|piece| self.out.recycle(piece));
        (self.flight_len, self.flight_sent) = (0, 0);
    }
}
