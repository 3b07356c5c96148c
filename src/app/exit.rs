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
        let mut text = String::new();
        for (n, line) in self.message.lines().enumerate() {
            text.push_str(if n > 0 { "  " } else { ERROR });
            // A backslash is common in what people write, and harmless.
            text.push_str(&Printable(line.as_bytes()).to_string().replace("\\\\", "\\"));
            text.push('\n');
        }
        let text: String =
            folded(&text, terminal::columns()).lines().map(|line| format!("{priority}{line}\n")).collect();
        let colored = text.strip_prefix(ERROR).filter(|_| terminal::is_colored());
        let colored = colored.map(|rest| format!("\x1b[1;31m{}\x1b[0m {rest}", ERROR.trim_end()));
        terminal::print(colored.unwrap_or(text).as_bytes());
    }
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
