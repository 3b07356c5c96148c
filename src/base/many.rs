//! So many of something, in words: "1 site waits", "2 sites wait".
//!
//! Leaves to others: numbers whose thousands are set off.

use std::fmt;

/// A number, and what it counts: of one, and of any other number.
#[derive(Clone, Copy, Debug)]
pub struct Many(pub u64, pub &'static str, pub &'static str);

impl Many {
    /// What it counts.
    #[must_use]
    pub fn words(self) -> &'static str {
        if self.0 == 1 { self.1 } else { self.2 }
    }
}

impl fmt::Display for Many {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        let said = [0, 1, 2].map(|n| Many(n, "site waits", "sites wait").to_string());
        assert_eq!(said, ["0 sites wait", "1 site waits", "2 sites wait"]);
    }
}
