//! So many of something, in words: "1 site waits", "2,000 sites wait".
//!
//! Guarantees: a number that people read has one form, wherever the program says one.

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
        write!(f, "{} {}", figure(self.0), self.words())
    }
}

/// A number with its thousands set off: `1,234,567`.
#[must_use]
pub fn figure(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Octets: `999 B`, `1.5 kB`, `52 MB`.
#[must_use]
pub fn size(octets: u64) -> String {
    let mut n = octets as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        // What would be rounded to a thousand is one of the next unit.
        if n < 999.5 {
            return if n < 9.95 && unit != "B" { format!("{n:.1} {unit}") } else { format!("{n:.0} {unit}") };
        }
        n /= 1000.0;
    }
    format!("{n:.1} TB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        let said = [0, 1, 2, 1000].map(|n| Many(n, "site waits", "sites wait").to_string());
        assert_eq!(said, ["0 sites wait", "1 site waits", "2 sites wait", "1,000 sites wait"]);
    }

    #[test]
    fn thousands_are_set_off() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(figure(n), text);
        }
    }
}
