//! What a session takes: how many transactions, and which it must refuse itself because the server could not take them.

use crate::mail::{Envelope, Mailbox};
use crate::smtp::capabilities::Size;
use crate::smtp::client::running::{
    self, NEEDS_8BIT, NEEDS_REQUIRETLS, Obstacle, REVERSE_PATH_NEEDS_UTF8, Running, TOO_BIG,
};
use crate::smtp::client::{Core, Event, Mode, Phase, Sink, State, Transaction, Verdict};

impl Core {
    pub(super) fn room(&self) -> usize {
        if self.state != State::Ready || self.quit || self.closing.is_some() {
            return 0;
        }
        let held = self.running.len() + self.unsendable.len();
        let most = match self.mode {
            Mode::Lockstep => 2,
            Mode::Pipelined => 1,
            Mode::Overlapped => 4,
            Mode::Chunked if self.started < held && self.octets_held >= self.octets_allowed() => held,
            Mode::Chunked => 2 * self.window.size(),
        };
        most.saturating_sub(held).min(self.left as usize)
    }

    /// A window on its way, and as much ahead of it.
    fn octets_allowed(&self) -> usize {
        self.config.window_bytes_max.saturating_mul(2)
    }

    pub(super) fn begin(&mut self, transaction: Transaction) -> Result<(), Transaction> {
        let recipients = transaction.envelope.recipients();
        if self.room() == 0 || !(1..=self.recipients_max).contains(&recipients) || !self.domains_fit(&transaction) {
            return Err(transaction);
        }
        let mut transaction = transaction;
        if !self.capabilities.smtp_utf8 && !transaction.envelope.is_ascii() {
            transaction.envelope = with_ascii_domains(&transaction.envelope);
        }
        let obstacle = self.obstacle(&transaction);
        let running = Running::new(transaction, self.capabilities.smtp_utf8);
        self.unsaid |= obstacle.is_some() || running.has_unsaid();
        if obstacle.is_some() || running.is_unsendable() {
            self.unsendable.push((running, obstacle));
        } else {
            self.left -= 1;
            self.octets_held = self.octets_held.saturating_add(running.content.len());
            self.running.push_back(Box::new(running));
        }
        Ok(())
    }

    /// What forbids the whole of a transaction here.
    fn obstacle(&self, transaction: &Transaction) -> Option<Obstacle> {
        let reverse_path = transaction.envelope.reverse_path();
        match self.capabilities.size {
            Size::Max(max) if transaction.content.len() as u64 > max => Some(TOO_BIG),
            _ if transaction.eight_bit && !self.capabilities.eight_bit_mime => Some(NEEDS_8BIT),
            _ if !running::is_speakable(reverse_path) => Some(running::BAD_PATH),
            _ if !reverse_path.is_ascii() && !self.capabilities.smtp_utf8 => Some(REVERSE_PATH_NEEDS_UTF8),
            _ if transaction.options.as_ref().is_some_and(|o| o.require_tls) && !self.keeps_tls() => {
                Some(NEEDS_REQUIRETLS)
            }
            _ => None,
        }
    }

    /// Whether REQUIRETLS may be said (RFC 8689 §4.2.1): inside TLS only.
    fn keeps_tls(&self) -> bool {
        self.tls && self.capabilities.require_tls
    }

    fn domains_fit(&self, transaction: &Transaction) -> bool {
        let Some(max) = self.capabilities.limits.rcpt_domain_max else { return true };
        let envelope = &transaction.envelope;
        envelope.within(usize::MAX, max as usize).len() == envelope.recipients()
    }

    /// Tells of what cannot be said to this server; the first thing that each `handle_*` does.
    pub(super) fn say_unsendable(&mut self, on: &mut Sink<'_>) {
        if !std::mem::take(&mut self.unsaid) {
            return;
        }
        for (mut running, obstacle) in self.unsendable.drain(..) {
            running.say_unsendable(on);
            if let Some(reply) = obstacle {
                running.settle_open(Verdict::Refused(reply, Phase::Mail), on);
            }
            on(Event::Finished { key: running.key });
        }
        for running in &mut self.running {
            running.say_unsendable(on);
        }
    }
}

/// The envelope for a server without SMTPUTF8: domains as A-labels (RFC 5891). A path whose local-part needs SMTPUTF8
/// stays as it is.
fn with_ascii_domains(envelope: &Envelope) -> Envelope {
    let convert = |path: &[u8]| {
        let mailbox = if path.is_ascii() { None } else { Mailbox::parse(path).ok() };
        mailbox.map_or_else(|| path.to_vec(), |mailbox| mailbox.as_str().as_bytes().to_vec())
    };
    let mut converted = Envelope::new(&convert(envelope.reverse_path()));
    (0..envelope.recipients()).for_each(|index| converted.push(&convert(envelope.forward_path(index))));
    converted
}
