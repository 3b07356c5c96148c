//! The driver's face: what [`Io`] asks of a ring.

use super::slot::{Leave, Slot, State, Target};
use super::{EARLY_BYTES, FLUSH_MAX, Kind, Listener, Ring, socket, token};
use crate::base::clock::{Instant, Now};
use crate::base::out::Out;
use crate::wire::io::{Buffer, Closed, ConnectSpec, ConnectionId, Event, Io, ListenerId, Waker, Work};
use io_uring::types::{Fd, Timespec};
use io_uring::{opcode, squeue};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;

impl Io for Ring {
    fn now(&self) -> Now {
        self.now
    }

    fn connect(&mut self, spec: &ConnectSpec) -> io::Result<ConnectionId> {
        let socket = socket::open(spec.remote, spec.local)?;
        let fd = Fd(socket.as_raw_fd());
        let id = self.seat(socket, State::Connecting);
        let target =
            Box::new(Target { address: socket::Address::new(spec.remote), timeout: Timespec::from(spec.timeout) });
        let connect = opcode::Connect::new(fd, target.address.as_ptr(), target.address.len()).build();
        let timeout = opcode::LinkTimeout::new(&raw const target.timeout).build();
        let slot = &mut self.slots[id.index as usize];
        slot.target = Some(target);
        slot.operations = 2;
        let connect = connect.flags(squeue::Flags::IO_LINK).user_data(token(Kind::Connect, id.index, id.generation));
        self.push(&[connect, timeout.user_data(token(Kind::ConnectTimeout, id.index, id.generation))])?;
        Ok(id)
    }

    fn listen(&mut self, address: SocketAddr) -> io::Result<(ListenerId, SocketAddr)> {
        let (socket, bound) = socket::listen(address)?;
        self.listeners.push(Listener { socket, armed: false, rest_until: Instant(0) });
        Ok((ListenerId((self.listeners.len() - 1) as u32), bound))
    }

    fn out(&mut self, id: ConnectionId) -> &mut Out {
        if let Some((index, before)) = self.touched.take() {
            self.queued += self.slots[index as usize].out.len().saturating_sub(before);
        }
        if self.queued >= EARLY_BYTES
            && let Err(e) = self.start_sends().and_then(|()| self.submit())
        {
            self.failed = Some(e);
        }
        let index = id.index as usize;
        let open = self.slot(id).is_some_and(|s| matches!(s.state, State::Connecting | State::Open));
        if !open {
            self.refuse = Out::new();
            return &mut self.refuse;
        }
        self.mark_dirty(id.index);
        let slot = &mut self.slots[index];
        self.touched = Some((id.index, slot.out.len()));
        &mut slot.out
    }

    fn unsent(&self, id: ConnectionId) -> usize {
        self.slot(id).map_or(0, |s| s.out.len() + s.flight_len - s.flight_sent)
    }

    fn untouched(&self, id: ConnectionId) -> usize {
        self.latest(id).map_or(0, |slot| slot.left_behind + slot.out.len() + slot.never_left)
    }

    fn unheard(&self, id: ConnectionId) -> usize {
        // Of a send that is under way nobody knows how much the kernel has taken.
        self.latest(id).map_or(0, |slot| slot.left_behind + slot.out.len() + slot.unacknowledged())
    }

    fn bytes(&self, buffer: &Buffer) -> &[u8] {
        self.buffers.slice(buffer.id, buffer.len)
    }

    fn release(&mut self, buffer: Buffer) {
        if let Ok(id) = u16::try_from(buffer.id) {
            self.buffers.give(id);
        }
    }

    fn quick_ack(&mut self, id: ConnectionId) {
        if let Some(Slot { state: State::Open, socket: Some(socket), .. }) = self.slot(id) {
            socket::quick_ack(socket);
        }
    }

    fn close(&mut self, id: ConnectionId) {
        let Some(slot) = self.slot_mut(id) else { return };
        let result = match slot.state {
            State::Connecting => self.leave(id.index, Leave::Closed(Closed::Local)),
            State::Open if slot.broken.is_some() => {
                let errno = slot.broken.unwrap_or(libc::EPIPE);
                self.leave(id.index, Leave::Closed(Closed::Error(errno)))
            }
            State::Open => {
                slot.state = State::Flushing;
                let flushed = !slot.sending && slot.out.is_empty();
                self.deadlines.set(id.index, Some(self.now.mono.after(FLUSH_MAX)));
                if flushed { self.linger(id.index) } else { Ok(()) }
            }
            _ => Ok(()),
        };
        self.failed = result.err().or(self.failed.take());
    }

    fn abort(&mut self, id: ConnectionId) {
        let Some(slot) = self.slot_mut(id) else { return };
        if let Some(socket) = &slot.socket {
            socket::reset_on_close(socket);
        }
        let result = self.leave(id.index, Leave::Closed(Closed::Local));
        self.failed = result.err().or(self.failed.take());
    }

    fn set_deadline(&mut self, id: ConnectionId, at: Option<Instant>) {
        if self.slot(id).is_some_and(|s| matches!(s.state, State::Connecting | State::Open)) {
            self.deadlines.set(id.index, at);
        }
    }

    fn work(&self) -> Work {
        self.work
    }

    fn waker(&self) -> Waker {
        Arc::clone(&self.bell) as Waker
    }

    fn poll(&mut self, until: Option<Instant>, events: &mut Vec<Event>) -> io::Result<()> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        self.arm_bell()?;
        self.arm_listeners()?;
        self.buffers.publish();
        self.arm_receives()?;
        self.start_sends()?;
        let patience = self.patience(until);
        self.enter(patience)?;
        let before = self.now.mono;
        self.read_clocks();
        self.reap()?;
        if self.deadlines.next().is_some_and(|at| at <= self.now.mono) {
            // The process may have been stopped: what came meanwhile is heard before anything is late.
            self.submit()?;
            self.reap()?;
        }
        self.work.enters += 1;
        self.work.completions += self.completions.len() as u64;
        self.pace.note(self.completions.len(), self.now.mono.since(before));
        self.complete()?;
        self.expire_deadlines()?;
        events.append(&mut self.happened);
        Ok(())
    }
}
