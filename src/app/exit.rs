//! How the program ends: four codes that scripts and systemd can tell apart.

use super::config::{ConfigError, Faults};
use super::figures::folded;
use crate::mail::reply::Printable;
use crate::observe::terminal;
use std::process::ExitCode;

/// What a message begins with.
const ERROR: &str = "error: ";

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Every recipient has its final outcome; or the command did what it was asked.
    Settled = 0,
    /// Something failed: the disk, the ring, the network of this machine.
    Failed = 1,
    /// The command line, a configuration file or a list is wrong.
    Usage = 2,
    /// Recipients still wait, or somebody has to look at those who are held: the message names the command that goes on.
    Unfinished = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The code to leave with.
    pub exit: Exit,
    /// What happened, and where; further lines may begin with `hint:`.
    pub message: String,
}

impl Failure {
    /// A failure of the machine or the engine.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into() }
    }

    /// Bad input.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }

    /// Not done yet.
    pub fn unfinished(message: impl Into<String>) -> Self {
        Self { exit: Exit::Unfinished, message: message.into() }
    }

    /// Says it on standard error, escaped: messages quote files and peers.
    pub fn print(&self) {
        // The journal's priority of an error, for each line (sd-daemon(3)).
        let priority = if terminal::is_journal() { "<3>" } else { "" };
        let text = told(&self.message);
        let is_colored = terminal::is_colored();
        let shown = |line: &str| match line.strip_prefix(ERROR).filter(|_| is_colored) {
            Some(rest) => format!("{priority}\x1b[1;31m{}\x1b[0m {rest}\n", ERROR.trim_end()),
            None => format!("{priority}{line}\n"),
        };
        let text: String = folded(&text, terminal::columns()).lines().map(shown).collect();
        terminal::print(text.as_bytes());
    }
}

/// A message, escaped. Where it begins with a place, each line that does so is an error of its own.
fn told(message: &str) -> String {
    let are_several = message.lines().next().is_some_and(has_place);
    let mut text = String::new();
    for (n, line) in message.lines().enumerate() {
        text.push_str(if n > 0 && !(are_several && has_place(line)) { "  " } else { ERROR });
        // A backslash is common in what people write, and harmless.
        text.push_str(&Printable(line.as_bytes()).to_string().replace("\\\\", "\\"));
        text.push('\n');
    }
    text
}

/// Whether a line of a message begins with its place, `file:line:column: ` or `file:line: `.
fn has_place(line: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let place = line.split_once(": ").map_or("", |(place, _)| place);
    !line.starts_with("hint: ") && place.rsplit_once(':').is_some_and(|(_, number)| is_number(number))
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<Faults> for Failure {
    fn from(faults: Faults) -> Self {
        Self::usage(faults.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_several_errors_says_that_it_is_one() {
        assert_eq!(
            told("e.toml:2:1: one\nhint: a\ne.toml:4:7: two: 3\nhint: b:1: c"),
            "error: e.toml:2:1: one\n  hint: a\nerror: e.toml:4:7: two: 3\n  hint: b:1: c\n"
        );
        // What is listed below an error is part of it.
        let rows = told("2 rows are rejected\nlist.csv:3: no @\nhint: mend them");
        assert_eq!(rows, "error: 2 rows are rejected\n  list.csv:3: no @\n  hint: mend them\n");
    }
}
