//! How many transactions a chunked session keeps unanswered: grows with each good end, halves with each trouble.

/// The most transactions in a window, whatever the configuration says: bounds the ledger.
pub const WINDOW_MAX: usize = 1024;

/// A new session's window.
const START: usize = 4;

/// The window now, and how it moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    size: usize,
    max: usize,
    /// Until the first trouble each good end adds one, so that the window doubles with each round trip; later each full
    /// window of good ends does.
    trouble_seen: bool,
    proven: bool,
    credit: usize,
}

impl Window {
    /// `proven`: the peer is known to take chunks. One that is not gets a single transaction first, so that no other is
    /// in doubt should its advert be a lie.
    pub(super) fn new(max: usize, proven: bool) -> Self {
        let max = max.clamp(1, WINDOW_MAX);
        Self { size: if proven { START.min(max) } else { 1 }, max, proven, trouble_seen: false, credit: 0 }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn grow(&mut self) {
        if !self.proven {
            self.proven = true;
            self.size = START.min(self.max);
        }
        self.credit += 1;
        if !self.trouble_seen || self.credit >= self.size {
            self.credit = 0;
            self.size = (self.size + 1).min(self.max);
        }
    }

    pub(super) fn shrink(&mut self) {
        self.size = (self.size / 2).max(1);
        self.trouble_seen = true;
        self.credit = 0;
    }

    /// The peer cannot keep transactions apart: one at a time from here on.
    pub(super) fn close(&mut self) {
        self.max = 1;
        self.size = 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_then_halves_then_creeps() {
        let mut window = Window::new(16, true);
        assert_eq!(window.size(), 4);
        (0..4).for_each(|_| window.grow());
        assert_eq!(window.size(), 8);
        (0..100).for_each(|_| window.grow());
        assert_eq!(window.size(), 16);
        window.shrink();
        assert_eq!(window.size(), 8);
        (0..8).for_each(|_| window.grow());
        assert_eq!(window.size(), 9);
        (0..10).for_each(|_| window.shrink());
        assert_eq!(window.size(), 1);
        window.close();
        (0..100).for_each(|_| window.grow());
        assert_eq!(window.size(), 1);
        assert_eq!(Window::new(0, true).size(), 1);
        let mut careful = Window::new(16, false);
        assert_eq!(careful.size(), 1);
        careful.grow();
        assert_eq!(careful.size(), 5);
    }
}
