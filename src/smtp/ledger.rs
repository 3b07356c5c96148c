//! Commands sent and not yet answered, in order: what each reply of the peer will answer.
//!
//! Guarantees: bounded ([`ENTRIES_MAX`]); a run of RCPT is one entry, so a batch costs no more than a single recipient.
//! Leaves to others: which transaction an answer belongs to (the session: it is always its oldest).

use std::collections::VecDeque;

/// The most entries. A transaction takes at most four: RSET, MAIL, its RCPTs, and DATA or BDAT.
pub const ENTRIES_MAX: usize = 4 * 1024 + 8;

/// What a reply answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expected {
    /// The connection itself: the greeting.
    Greeting,
    /// EHLO.
    Ehlo,
    /// HELO.
    Helo,
    /// STARTTLS.
    StartTls,
    /// AUTH, or a response to its challenge.
    Auth,
    /// RSET.
    Reset,
    /// MAIL.
    Mail,
    /// One RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The content after DATA, up to its dot.
    Content,
    /// BDAT … LAST and its octets.
    Chunk,
    /// The lone dot that answers a 354 when no recipient was accepted.
    LoneDot,
    /// QUIT.
    Quit,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    expected: Expected,
    count: u32,
}

/// The queue of what is to be answered.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: VecDeque<Entry>,
}

impl Ledger {
    /// Notes that `count` commands of a kind were sent; none if `count` is 0.
    pub fn push(&mut self, expected: Expected, count: u32) {
        debug_assert!(self.entries.len() < ENTRIES_MAX, "the sender asks has_room first");
        if count > 0 {
            self.entries.push_back(Entry { expected, count });
        }
    }

    /// What the next reply answers.
    #[must_use]
    pub fn head(&self) -> Option<Expected> {
        self.entries.front().map(|e| e.expected)
    }

    /// A reply came: takes what it answers. `None`: nothing was asked.
    pub fn pop(&mut self) -> Option<Expected> {
        let entry = self.entries.front_mut()?;
        let expected = entry.expected;
        entry.count -= 1;
        if entry.count == 0 {
            self.entries.pop_front();
        }
        Some(expected)
    }

    /// Whether the next reply is about a content, and DATA was said behind it.
    #[must_use]
    pub fn is_content_before_data(&self) -> bool {
        let mut entries = self.entries.iter().map(|entry| entry.expected);
        entries.next() == Some(Expected::Content) && entries.any(|expected| expected == Expected::Data)
    }

    /// Whether one more transaction can be noted.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.entries.len() + 8 <= ENTRIES_MAX
    }

    /// Whether nothing is to be answered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_the_order_of_the_commands() {
        let mut ledger = Ledger::default();
        ledger.push(Expected::Mail, 1);
        ledger.push(Expected::Rcpt, 2);
        ledger.push(Expected::Rcpt, 0);
        ledger.push(Expected::Data, 1);
        assert_eq!(ledger.head(), Some(Expected::Mail));
        assert!(!ledger.is_content_before_data());
        let all: Vec<_> = std::iter::from_fn(|| ledger.pop()).collect();
        assert_eq!(all, [Expected::Mail, Expected::Rcpt, Expected::Rcpt, Expected::Data]);
        ledger.push(Expected::Content, 1);
        ledger.push(Expected::Mail, 1);
        assert!(!ledger.is_content_before_data());
        ledger.push(Expected::Data, 1);
        assert!(ledger.is_content_before_data());
        ledger.clear();
        assert!(ledger.is_empty() && ledger.pop().is_none());
    }

    #[test]
    fn room_ends_before_the_bound() {
        let mut ledger = Ledger::default();
        while ledger.has_room() {
            (0..4).for_each(|_| ledger.push(Expected::Mail, 1));
        }
        assert!(ledger.entries.len() <= ENTRIES_MAX);
        ledger.clear();
        assert!(ledger.has_room());
    }
}
