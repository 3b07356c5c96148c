//! Numbers, rates, sizes and spans as people read them: one form for each, wherever the program says one.
//!
//! Guarantees: pure text from plain numbers. Leaves to others: objects for programs, which keep plain numbers.

use super::config::values::duration_text;
use crate::base::many::Many;
pub use crate::base::many::{figure as count, size};
use std::time::Duration;

/// So many of something.
#[must_use]
pub fn counted(n: u64, one: &'static str, several: &'static str) -> String {
    Many(n, one, several).to_string()
}

/// So many a second: `8,015/s`, `0.6/s`.
#[must_use]
pub fn rate(per_s: f64) -> String {
    if per_s < 10.0 { format!("{per_s:.1}/s") } else { format!("{}/s", count(per_s.round() as u64)) }
}

/// A span of time that was measured: `0.06s`, `41.5s`, `2m3s`.
#[must_use]
pub fn span(span: Duration) -> String {
    match span.as_secs_f64() {
        s if s < 9.995 => format!("{s:.2}s"),
        s if s < 59.95 => format!("{s:.1}s"),
        s => duration_text(Duration::from_secs(s.round() as u64)),
    }
}

/// A part of a whole: `98.90 %`.
#[must_use]
pub fn share(n: u64, all: u64) -> String {
    format!("{:.2} %", if all == 0 { 0.0 } else { 100.0 * n as f64 / all as f64 })
}

/// The text, cut to so many columns.
#[must_use]
pub fn short(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    text.chars().take(columns.saturating_sub(1)).chain(['…']).collect()
}

/// A sentence on lines of at most `columns`, each behind `indent` blanks; a word is never cut.
#[must_use]
pub fn wrapped(text: &str, columns: usize, indent: usize) -> String {
    let (blanks, mut lines) = (" ".repeat(indent), String::new());
    let mut used = 0;
    for word in text.split(' ') {
        let wide = word.chars().count();
        if used > 0 && used + 1 + wide > columns {
            lines.push('\n');
            used = 0;
        }
        lines.push_str(if used == 0 { &blanks } else { " " });
        lines.push_str(word);
        used = if used == 0 { indent + wide } else { used + 1 + wide };
    }
    lines + "\n"
}

/// What stands before the lines of an excerpt: a line of a file, and the caret below it.
const EXCERPT: &str = "  | ";

/// Whether a text is a command, to be copied as it stands.
fn is_command(words: &str) -> bool {
    words.starts_with("posthaste ") || (words.starts_with("cd ") && words.contains(" && posthaste "))
}

/// Text for a terminal of so many columns, without a number for none: longer lines are folded at words, each behind the blanks that
/// it begins with; of the lines of excerpts the rest is left out, so that carets stay where they are. Commands stay whole, to be
/// copied, on a line of their own.
#[must_use]
pub fn folded(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else { return text.to_owned() };
    let fold = |line: &str| {
        let words = line.trim_start_matches(' ');
        let indent = (line.len() - words.len()).min(columns / 2);
        match line.chars().count() > columns {
            true if line.starts_with(EXCERPT) => short(line, columns) + "\n",
            true if is_command(words) => format!("{line}\n"),
            true => match words.match_indices(": ").find(|(at, _)| words.get(at + 2..).is_some_and(is_command)) {
                Some((at, _)) => {
                    let (said, command) = words.split_at_checked(at + 1).unwrap_or((words, ""));
                    format!("{}{}{}\n", wrapped(said, columns, indent), " ".repeat(indent + 2), command.trim_start())
                }
                None => wrapped(words, columns, indent),
            },
            false => format!("{line}\n"),
        }
    };
    text.lines().map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_one_form() {
        assert_eq!([0.0, 9.94, 10.0, 12_345.6].map(rate), ["0.0/s", "9.9/s", "10/s", "12,346/s"]);
        let sizes = [0, 999, 1_500, 52_000_000, 999_600_000, 3_000_000_000_000].map(size);
        assert_eq!(sizes, ["0 B", "999 B", "1.5 kB", "52 MB", "1.0 GB", "3.0 TB"]);
        let spans = [0, 56, 9_994, 41_500, 59_949, 59_960, 123_400].map(|ms| span(Duration::from_millis(ms)));
        assert_eq!(spans, ["0.00s", "0.06s", "9.99s", "41.5s", "59.9s", "1m", "2m3s"]);
        assert_eq!([share(989, 1000), share(1, 0)], ["98.90 %", "0.00 %"]);
    }

    #[test]
    fn sentences_fit_their_lines() {
        assert_eq!(wrapped("one two three", 9, 2), "  one two\n  three\n");
        assert_eq!(wrapped("averylongword b", 5, 1), " averylongword\n b\n");
    }

    #[test]
    fn what_is_wider_than_a_terminal_is_folded_at_words_and_nothing_else_is() {
        let text = "short\n\n  one two three four\n  | abcdefghijklmnop\n  |        ^\naverylongwordindeed b\n";
        assert_eq!(folded(text, None), text);
        let narrow = "short\n\n  one two\n  three four\n  | abcdefg…\n  |        ^\naverylongwordindeed\nb\n";
        assert_eq!(folded(text, Some(12)), narrow);
        let command = "  cd spring && posthaste send campaign.toml\n  posthaste report spring\n";
        assert_eq!(folded(command, Some(12)), command);
        let hint = "  hint: to go on: posthaste send campaign.toml --add";
        assert_eq!(folded(hint, Some(14)), "  hint: to go\n  on:\n    posthaste send campaign.toml --add\n");
        assert_eq!(folded(hint, Some(80)), format!("{hint}\n"));
    }
}
