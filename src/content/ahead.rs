//! Where a mark comes next in a text that is read from its front.
//!
//! Guarantees: however often it is asked, each octet is searched once for each mark; so a text of nothing but beginnings
//! without an end costs no more than its length. Leaves to others: what stands between.

/// One mark in one text.
#[derive(Clone, Debug)]
pub(crate) struct Ahead<'t> {
    text: &'t str,
    mark: &'static str,
    /// Where it was found last; `None` behind the last one.
    next: Option<usize>,
    is_known: bool,
}

impl<'t> Ahead<'t> {
    pub(crate) fn new(text: &'t str, mark: &'static str) -> Self {
        Self { text, mark, next: None, is_known: false }
    }

    /// Where the mark stands next, from octet `at` on. Places are asked for in their order.
    pub(crate) fn from(&mut self, at: usize) -> Option<usize> {
        let is_past = self.next.is_some_and(|next| next < at);
        if !self.is_known || is_past {
            self.is_known = true;
            self.next = self.text.get(at..).and_then(|rest| rest.find(self.mark)).map(|found| at + found);
        }
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mark_is_found_from_where_one_stands() {
        let mut ahead = Ahead::new("a}}b}}c", "}}");
        let found: Vec<Option<usize>> = [0, 1, 2, 4, 5, 7, 9].map(|at| ahead.from(at)).to_vec();
        assert_eq!(found, [Some(1), Some(1), Some(4), Some(4), None, None, None]);
        assert_eq!(Ahead::new("", "}}").from(0), None);
    }
}
