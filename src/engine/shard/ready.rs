//! A message in the stock of its site, and how it is split when a peer takes fewer recipients, or recipients of fewer
//! domains, than it has.

use crate::base::clock::UnixTime;
use crate::engine::message::Message;
use crate::mail::Envelope;
use crate::queue::DomainId;
use smallvec::SmallVec;

/// A message in stock: rendered, its attempts durable.
pub(super) struct Ready {
    pub(super) domain: DomainId,
    pub(super) attempts: u16,
    /// When the attempt was cleared.
    pub(super) cleared: UnixTime,
    pub(super) message: Message,
}

impl Ready {
    /// Whether a peer that takes so many recipients, of so many domains, takes it as it is.
    pub(super) fn fits(&self, most: usize, domains_most: usize) -> bool {
        let count = self.message.rows.len();
        count <= most.max(1) && count <= domains_most.max(1)
    }

    /// Cuts off the recipients beyond the first `most`, and those of other domains than the first `domains_most`: two messages
    /// of the same content.
    pub(super) fn split(mut self, most: usize, domains_most: usize) -> (Self, Option<Self>) {
        let envelope = &self.message.envelope;
        let mut within = envelope.within(most, domains_most).into_iter().peekable();
        let (mut head, mut tail) = (Envelope::new(envelope.reverse_path()), Envelope::new(envelope.reverse_path()));
        let (mut rows, mut rest) = (SmallVec::new(), SmallVec::new());
        for (index, &row) in self.message.rows.iter().enumerate() {
            let fits = within.next_if_eq(&index).is_some();
            let (part, rows) = if fits { (&mut head, &mut rows) } else { (&mut tail, &mut rest) };
            part.push(envelope.forward_path(index));
            rows.push(row);
        }
        if rest.is_empty() {
            return (self, None);
        }
        let (content, eight_bit) = (self.message.content.clone(), self.message.eight_bit);
        (self.message.envelope, self.message.rows) = (head, rows);
        let rest = Message { rows: rest, envelope: tail, content, eight_bit };
        let rest = Self { message: rest, ..self };
        (self, Some(rest))
    }
}
