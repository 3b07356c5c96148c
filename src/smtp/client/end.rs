//! How a session ends, and what that means for the transactions under way.
//!
//! One rule: a recipient whose content was given out whole is uncertain, for the kernel may have sent it; any other comes
//! back as not attempted. What was refused by name stays refused.

use crate::mail::ReplyRef;
use crate::smtp::client::{Core, End, Event, Phase, Sink, State, Verdict};

impl Core {
    /// Whether nothing is under way at the server.
    pub(super) fn is_idle(&self) -> bool {
        self.state == State::Ready && self.started == 0
    }

    /// The connection is gone.
    pub(super) fn lost(&mut self, on: &mut Sink<'_>) {
        let done = self.is_idle() || matches!(self.state, State::Quit { .. });
        let end = if done { End::Done } else { End::Lost(self.phase()) };
        self.end(end, None, on);
    }

    pub(super) fn timeout(&mut self, on: &mut Sink<'_>) {
        let done = matches!(self.state, State::Quit { .. });
        let end = if done { End::Done } else { End::Timeout(self.phase()) };
        self.end(end, None, on);
    }

    pub(super) fn protocol(&mut self, rule: &'static str, phase: Phase, on: &mut Sink<'_>) {
        let done = matches!(self.state, State::Quit { .. });
        let end = if done { End::Done } else { End::Protocol(rule, phase) };
        self.end(end, None, on);
    }

    /// Ends the session: each transaction gets its due, then the end is told, once. An earlier reason to wind up goes
    /// before the way it came to be over.
    pub(super) fn end(&mut self, end: End, reply: Option<ReplyRef<'_>>, on: &mut Sink<'_>) {
        if self.state == State::Ended {
            return;
        }
        while let Some(mut running) = self.running.pop_front() {
            if running.is_handed_out() {
                running.settle_open(Verdict::Uncertain, on);
            } else {
                running.give_back_open(reply, on);
            }
            on(Event::Finished { key: running.key });
        }
        self.state = State::Ended;
        self.started = 0;
        self.ledger.clear();
        let end = self.closing.take().unwrap_or(end);
        on(Event::Ended(end));
    }

    /// Returns the transactions that have not left: the session winds up.
    pub(super) fn return_unstarted(&mut self, reply: ReplyRef<'_>, on: &mut Sink<'_>) {
        for mut running in self.running.drain(self.started..) {
            self.octets_held = self.octets_held.saturating_sub(running.content.len());
            running.give_back_open(Some(reply), on);
            on(Event::Finished { key: running.key });
        }
    }
}
