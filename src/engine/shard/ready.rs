//! A message in the stock of its site, and how it is split when a peer takes fewer recipients than it has.

use crate::base::clock::UnixTime;
use crate::engine::message::Message;
use crate::mail::Envelope;
use crate::queue::DomainId;

/// A message in stock: rendered, its attempts durable.
pub(super) struct Ready {
    pub(super) domain: DomainId,
    pub(super) attempts: u16,
    /// When the attempt was cleared.
    pub(super) cleared: UnixTime,
    pub(super) message: Message,
}

impl Ready {
    /// Cuts off the recipients beyond the first `most`: two messages of the same content.
    pub(super) fn split(mut self, most: usize) -> (Self, Option<Self>) {
        if self.message.rows.len() <= most.max(1) {
            return (self, None);
        }
        let envelope = &self.message.envelope;
        let (mut head, mut tail) = (Envelope::new(envelope.reverse_path()), Envelope::new(envelope.reverse_path()));
        for index in 0..envelope.recipients() {
            let part = if index < most { &mut head } else { &mut tail };
            part.push(envelope.forward_path(index));
        }
        let rows = self.message.rows.drain(most..).collect();
        let (content, eight_bit) = (self.message.content.clone(), self.message.eight_bit);
        self.message.envelope = head;
        let rest = Message { rows, envelope: tail, content, eight_bit };
        let rest = Self { message: rest, ..self };
        (self, Some(rest))
    }
}
