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
    credit: usize,
}

impl Window {
    pub(super) fn new(max: usize) -> Self {
        let max = max.clamp(1, WINDOW_MAX);
        Self { size: START.min(max), max, trouble_seen: false, credit: 0 }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn grow(&mut self) {
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
        let mut window = Window::new(16);
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
        assert_eq!(Window::new(0).size(), 1);
    }
}
