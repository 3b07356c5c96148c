//! What completions mean: each moves its slot's state and may become an event.

use super::slot::{Leave, State};
use super::{ACCEPT_REST, Kind, Ring, socket};
use crate::wire::io::{Buffer, Closed, ConnectionId, Event, ListenerId};
use io_uring::cqueue;
use std::io;
use std::net::{Shutdown, SocketAddr};

impl Ring {
    /// Walks the completions that were taken off the ring.
    pub(super) fn complete(&mut self) -> io::Result<()> {
        // By turns: taking one may reap more (a full submission queue). The bound is what the kernel has done.
        while !self.completions.is_empty() {
            let mut completions = std::mem::take(&mut self.completions);
            for entry in completions.drain(..) {
                self.complete_one(&entry)?;
            }
            if self.completions.is_empty() {
                self.completions = completions;
            }
        }
        Ok(())
    }

    fn complete_one(&mut self, entry: &cqueue::Entry) -> io::Result<()> {
        let (token, result, flags) = (entry.user_data(), entry.result(), entry.flags());
        let index = token as u32;
        match (token >> 56) as u8 {
            k if k < Kind::Accept as u8 && !self.is_current(token) => {
                debug_assert!(false, "a completion met a stranger")
            }
            k if k == Kind::Receive as u8 => self.received(index, result, flags)?,
            k if k == Kind::Send as u8 => self.sent(index, result)?,
            k if k == Kind::Connect as u8 => self.connected(index, result)?,
            k if k == Kind::Accept as u8 => return self.accepted(index, result, flags),
            k if k == Kind::Bell as u8 => {
                self.bell_armed = false;
                self.bell.heard();
                self.happened.push(Event::Inbox);
                return Ok(());
            }
            k if k == Kind::Cancel as u8 => self.cancelled(index)?,
            // ConnectTimeout: its completion is all there is to it.
            _ => self.slots[index as usize].operations -= 1,
        }
        let slot = &self.slots[index as usize];
        if slot.operations == 0 && matches!(slot.state, State::Leaving(_)) {
            self.vacate(index);
        }
        Ok(())
    }

    /// Whether the slot still belongs to the connection that the operation was for.
    fn is_current(&self, token: u64) -> bool {
        let slot = self.slots.get((token as u32) as usize);
        slot.is_some_and(|s| (s.generation ^ (token >> 32) as u32).trailing_zeros() >= 24 && s.state != State::Free)
    }

    /// A cancel misses an operation that is just being retried (a send whose socket woke up): it is told again.
    fn cancelled(&mut self, index: u32) -> io::Result<()> {
        let slot = &mut self.slots[index as usize];
        slot.operations -= 1;
        let pending = slot.receiving || slot.sending || slot.target.is_some();
        if pending { self.cancel(index) } else { Ok(()) }
    }

    fn received(&mut self, index: u32, result: i32, flags: u32) -> io::Result<()> {
        let slot = &mut self.slots[index as usize];
        let id = ConnectionId { index, generation: slot.generation };
        if !cqueue::more(flags) {
            slot.receiving = false;
            slot.operations -= 1;
        }
        let state = slot.state;
        if let Some(buffer) = cqueue::buffer_select(flags) {
            self.buffers.hold(buffer);
            if result > 0 && state == State::Open {
                let buffer = Buffer { id: u32::from(buffer), len: result as u32 };
                self.happened.push(Event::Data(id, buffer));
            } else {
                self.buffers.give(buffer);
            }
        }
        match result {
            0 => self.ended(index, Closed::Eof),
            // Taken, or no buffer was left: the octets wait in the socket until the receive is armed again.
            n if n > 0 || n == -libc::ENOBUFS => {
                let slot = &self.slots[index as usize];
                if !slot.receiving && !matches!(slot.state, State::Leaving(_)) {
                    self.unarmed.push_back((index, id.generation));
                }
                Ok(())
            }
            errno => self.ended(index, Closed::Error(-errno)),
        }
    }

    /// No more octets will come.
    fn ended(&mut self, index: u32, how: Closed) -> io::Result<()> {
        let slot = &mut self.slots[index as usize];
        slot.eof = true;
        match slot.state {
            State::Open => {
                let how = slot.broken.map_or(how, Closed::Error);
                self.leave(index, Leave::Closed(how))
            }
            // The peer's FIN does not keep what is queued from leaving.
            State::Flushing if how == Closed::Eof => Ok(()),
            State::Flushing => self.leave(index, Leave::Closed(how)),
            State::Lingering => self.leave(index, Leave::Closed(Closed::Local)),
            State::Connecting | State::Leaving(_) | State::Free => Ok(()),
        }
    }

    fn sent(&mut self, index: u32, result: i32) -> io::Result<()> {
        let slot = &mut self.slots[index as usize];
        let id = ConnectionId { index, generation: slot.generation };
        slot.operations -= 1;
        slot.sending = false;
        if result < 0 {
            return self.send_failed(index, -result);
        }
        if matches!(slot.state, State::Leaving(_)) {
            slot.flight_sent += result as usize;
            slot.drop_output();
            return Ok(());
        }
        if !slot.advance(result as usize) {
            return self.send(index);
        }
        if !slot.out.is_empty() {
            self.mark_dirty(index);
            return Ok(());
        }
        match slot.state {
            State::Open => self.happened.push(Event::Drained(id)),
            State::Flushing => self.linger(index)?,
            _ => {}
        }
        Ok(())
    }

    /// Output is over. What the peer said before may still lie in the socket (a 421 and a reset, say): it is read to
    /// its end, which the shutdown brings about, before the connection is called closed.
    fn send_failed(&mut self, index: u32, errno: i32) -> io::Result<()> {
        let slot = &mut self.slots[index as usize];
        slot.drop_output();
        match slot.state {
            State::Open => {
                slot.broken = Some(errno);
                if let Some(socket) = &slot.socket {
                    let _ = socket.shutdown(Shutdown::Both);
                }
                Ok(())
            }
            State::Flushing => self.leave(index, Leave::Closed(Closed::Error(errno))),
            _ => Ok(()),
        }
    }

    fn connected(&mut self, index: u32, result: i32) -> io::Result<()> {
        let slot = &mut self.slots[index as usize];
        let id = ConnectionId { index, generation: slot.generation };
        slot.operations -= 1;
        slot.target = None;
        if slot.state != State::Connecting {
            return Ok(());
        }
        match result {
            0 => {
                slot.state = State::Open;
                self.mark_dirty(index);
                self.happened.push(Event::Connected(id));
                self.arm_receive(index)
            }
            // Only the linked timeout cancels a connect that we did not give up ourselves.
            errno if errno == -libc::ECANCELED => self.leave(index, Leave::Failed(libc::ETIMEDOUT)),
            errno => self.leave(index, Leave::Failed(-errno)),
        }
    }

    fn accepted(&mut self, index: u32, result: i32, flags: u32) -> io::Result<()> {
        let now = self.now.mono;
        let listener = &mut self.listeners[index as usize];
        if !cqueue::more(flags) {
            listener.armed = false;
        }
        if result < 0 {
            // ECONNABORTED is the peer's; anything else (descriptors, memory) will not be better at once.
            if result != -libc::ECONNABORTED {
                listener.rest_until = now.after(ACCEPT_REST);
            }
            return Ok(());
        }
        let socket = socket::accepted(result);
        // A connection that is gone already has no peer address; its receive will tell.
        let peer = socket.peer_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
        let _ = socket.set_nodelay(true);
        let id = self.seat(socket, State::Open);
        self.happened.push(Event::Accepted(ListenerId(index), id, peer));
        self.arm_receive(id.index)
    }
}
