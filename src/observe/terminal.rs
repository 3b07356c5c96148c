//! Standard error as people see it: lines that stay, and a few live lines below them that are redrawn.
//!
//! Guarantees: a log line never lands inside the live lines; when there is no terminal nothing is redrawn.
//! Leaves to others: what the lines say.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

/// How many live lines stand at the bottom of the terminal now.
static LIVE: Mutex<usize> = Mutex::new(0);

/// Whether standard error is a terminal that understands redrawing.
#[must_use]
pub fn is_terminal() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Replaces the live lines; an empty text takes them away.
pub fn draw(text: &str) {
    let mut live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut frame = erase(*live);
    frame.push_str(text);
    if !text.is_empty() && !text.ends_with('\n') {
        frame.push('\n');
    }
    *live = text.lines().count();
    // Nothing can be done about a terminal that went away, and mail must go on.
    let _ = io::stderr().write_all(frame.as_bytes());
}

/// Writes lines that stay; the live lines are gone until they are drawn again.
pub fn print(text: &[u8]) -> io::Result<()> {
    let mut live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut frame = erase(*live).into_bytes();
    *live = 0;
    frame.extend_from_slice(text);
    io::stderr().write_all(&frame)
}

fn erase(lines: usize) -> String {
    if lines == 0 { String::new() } else { format!("\x1b[{lines}A\x1b[J") }
}
