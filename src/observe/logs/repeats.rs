//! Lines that came again and again: which is written, and what is told of the others.
//!
//! Guarantees: the first of equal lines is written at once; those of the next ten seconds are counted, and told together;
//! bounded memory. What differs from one reply to the next (identifiers of a queue) makes no other line.
//! Leaves to others: the clock, and writing.

use hashbrown::HashMap;
use std::time::{Duration, Instant};

/// For so long an equal line is only counted.
const TOGETHER: Duration = Duration::from_secs(10);
/// Lines that are told apart.
const LINES_MAX: usize = 256;
/// A word of so many letters and digits is an identifier.
const IDENTIFIER_MIN: usize = 8;

/// See the head of this file.
#[derive(Default)]
pub struct Repeats(HashMap<Vec<u8>, Seen>);

struct Seen {
    level: tracing::Level,
    text: Vec<u8>,
    since: Instant,
    again: u64,
}

/// A line that tells of others.
pub struct Told {
    /// Their level.
    pub level: tracing::Level,
    /// The line.
    pub text: Vec<u8>,
}

impl Repeats {
    /// Whether a line is to be written; else it is counted.
    pub fn is_new(&mut self, level: tracing::Level, text: &[u8], now: Instant) -> bool {
        let key = general(text);
        if let Some(seen) = self.0.get_mut(&key) {
            seen.again += 1;
            return false;
        }
        if self.0.len() < LINES_MAX {
            self.0.insert(key, Seen { level, text: text.to_vec(), since: now, again: 0 });
        }
        true
    }

    /// Forgets the lines whose time is over, all of them without `now`: what there is to tell of those that came again.
    pub fn take_told(&mut self, now: Option<Instant>) -> Vec<Told> {
        let is_over = |seen: &Seen| now.is_none_or(|now| now.duration_since(seen.since) >= TOGETHER);
        let mut told = Vec::new();
        self.0.retain(|_, seen| {
            if !is_over(seen) {
                return true;
            }
            if seen.again > 0 {
                let line = seen.text.trim_ascii_end();
                let times = if seen.again == 1 { "once more" } else { "times more" };
                let count = if seen.again == 1 { String::new() } else { format!("{} ", seen.again) };
                let text = [line, format!(" ({count}{times})\n").as_bytes()].concat();
                told.push(Told { level: seen.level, text });
            }
            false
        });
        told
    }
}

/// The line without what differs from one reply to the next.
fn general(text: &[u8]) -> Vec<u8> {
    let is_identifier = |word: &[u8]| {
        let core = word.trim_ascii();
        core.len() >= IDENTIFIER_MIN
            && core.iter().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b))
            && core.iter().any(u8::is_ascii_digit)
    };
    let words = text.split(|&b| b == b' ').map(|word| if is_identifier(word) { &b"*"[..] } else { word });
    words.collect::<Vec<_>>().join(&b' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    fn told(repeats: &mut Repeats, now: Option<Instant>) -> Vec<String> {
        repeats.take_told(now).into_iter().map(|told| String::from_utf8(told.text).unwrap()).collect()
    }

    #[test]
    fn a_thousand_equal_refusals_are_two_lines() {
        let (mut repeats, t0) = (Repeats::default(), Instant::now());
        let line = |n: u32| format!("refused host=mx1.example reply=451 4.7.1 later (4F{n:08}A77B12C )\n");
        let mut written = 0;
        for n in 0..1000 {
            assert!(told(&mut repeats, Some(t0)).is_empty());
            written += u32::from(repeats.is_new(Level::INFO, line(n).replace('(', "").as_bytes(), t0));
        }
        assert_eq!(written, 1);
        assert!(repeats.is_new(Level::INFO, b"refused host=mx2.example reply=451 4.7.1 later\n", t0), "another host");
        let later = t0 + TOGETHER;
        let lines = told(&mut repeats, Some(later));
        assert_eq!(lines.len(), 1);
        assert!(lines[0].ends_with(" (999 times more)\n"), "{lines:?}");
        assert!(repeats.is_new(Level::INFO, line(7).as_bytes(), later), "its time is over");
    }

    #[test]
    fn what_is_counted_at_the_end_is_told_then_and_memory_is_bounded() {
        let (mut repeats, t0) = (Repeats::default(), Instant::now());
        repeats.is_new(Level::WARN, b"a\n", t0);
        repeats.is_new(Level::WARN, b"a\n", t0);
        assert_eq!(told(&mut repeats, None), ["a (once more)\n"]);
        for n in 0..10 * LINES_MAX {
            assert!(repeats.is_new(Level::WARN, format!("{n}\n").as_bytes(), t0));
        }
        assert!(repeats.0.len() <= LINES_MAX);
    }
}
