//! Another letter than the campaign's, before the rows that still wait for one.
//!
//! The loader rehearses the letter on rows that it takes in; those that are in the table were rehearsed for another. Guarantees:
//! where more of them than `max_rejected` allows can have no message nothing is sent, and nothing was changed; fewer are told.
//! Leaves to others: what becomes of these (they wait for a letter that copes with them: `engine`).

use super::super::exit::Failure;
use super::content::Content;
use crate::base::many::{Many, figure};
use crate::content::Need;
use crate::engine::campaign::Campaign;
use crate::engine::loader::{Onlooker, Player};
use crate::mail::Disposition;
use crate::observe::terminal;
use std::fmt::Write as _;
use std::ops::ControlFlow;

/// Rows that are quoted.
const QUOTED: usize = 3;
/// Whoever looks on is told each time that so many more rows were rehearsed.
const TOLD_EVERY: u64 = 1024;

/// Rehearses the letter on who still waits.
///
/// # Errors
/// Too many of them can have no message; the table.
pub fn check(opened: &Campaign, content: &Content, max_rejected: f64, onlooker: &dyn Onlooker) -> Result<(), Failure> {
    let is_known = opened.table.manifest().content == content.fingerprint;
    if is_known || content.composer.rehearsal() == Need::Long {
        return Ok(());
    }
    let failed = |error: std::io::Error| Failure::failed(error.to_string());
    let standings = opened.state.standings();
    let waits = |row: u32| {
        standings.get(row as usize).is_none_or(|standing| {
            matches!(standing.disposition, Disposition::Waiting | Disposition::Deferred | Disposition::InFlight)
        })
    };
    let mut player = Player::of(&content.composer);
    let (mut waiting, mut unmade, mut quoted) = (0u64, 0u64, String::new());
    let table = opened.table.reader().map_err(failed)?;
    let walked = table.walk(|row| {
        if waits(row.number) {
            waiting += 1;
            if waiting.is_multiple_of(TOLD_EVERY) {
                onlooker.read(waiting, true);
            }
            if let Some(why) = player.fault_of(&row) {
                unmade += 1;
                if unmade <= QUOTED as u64 {
                    let _ = write!(quoted, "; {}: {}", row.mailbox, why.lines().next().unwrap_or_default());
                }
            }
        }
        ControlFlow::Continue(())
    });
    walked.map_err(failed)?;
    let told = format!(
        "{} of {} who wait can have no message with this letter{quoted}",
        Many(unmade, "recipient", "recipients"),
        figure(waiting)
    );
    let hint = "hint: the template must cope with every row; see `default` and `is defined`";
    if unmade as f64 > max_rejected * waiting as f64 {
        return Err(Failure::usage(format!(
            "{told}, more than max_rejected allows; nothing is sent, and they still wait\n{hint}"
        )));
    }
    if unmade > 0 {
        terminal::warn(&format!("warning: {told}; they wait for one that copes with them\n"));
    }
    Ok(())
}
