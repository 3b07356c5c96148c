//! How much more this campaign is than those before it: Google, Yahoo and Apple slow down whoever doubles at once.
//!
//! Guarantees: what is compared are the campaigns of the data directory, of the last [`DAYS`] days and without rehearsals; what other
//! machines sent is not known, and where one of them cannot be read nothing is said. Leaves to others: sending in parts (`--limit`).

use super::super::figures::count;
use super::super::send::CAMPAIGNS;
use crate::engine::campaign::name_of;
use crate::engine::table::Manifest;
use crate::mail::finding::{Finding, Severity};
use std::io;
use std::path::Path;

/// So far back campaigns are looked at.
const DAYS: u32 = 90;
/// Who sends less in a day is no bulk sender (Google's guidelines).
const BULK: u64 = 5000;
/// So many times as much is a jump.
const JUMP: u64 = 2;
/// No more directories are looked at.
const CAMPAIGNS_MAX: usize = 10_000;

/// What receivers want of bulk senders, and of nobody else (RFC 8058: Google, Yahoo).
const OF_BULK: [&str; 1] = ["list-unsubscribe"];

/// Takes what bulk senders must have for an error, where so many recipients' own servers get it.
pub(super) fn judge(findings: &mut [Finding], recipients: u64) {
    let wanted = findings.iter_mut().filter(|finding| recipients > BULK && OF_BULK.contains(&finding.check));
    wanted.for_each(|finding| finding.severity = Severity::Error);
}

/// What is worth knowing of a campaign `name` to so many recipients' own servers.
pub(super) fn look(data: &Path, name: &str, recipients: u64, now_unix_s: u32) -> Option<Finding> {
    if recipients <= BULK {
        return None;
    }
    let is_none =
        |kind| matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidData);
    let since = now_unix_s.saturating_sub(DAYS * 86_400);
    let homes = match std::fs::read_dir(data.join(CAMPAIGNS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        homes => homes.ok()?.take(CAMPAIGNS_MAX).flatten().map(|entry| entry.path()).collect(),
    };
    let mut earlier: Vec<(u64, String)> = Vec::new();
    for home in homes {
        let manifest = match Manifest::read(&home) {
            Ok(manifest) => manifest,
            // It was never begun, or is none that this version knows.
            Err(error) if is_none(error.kind()) => continue,
            // It may be the largest of all.
            Err(_) => return None,
        };
        let rows = manifest.loaded.map_or(0, |totals| totals.rows);
        if rows > 0 && manifest.destination.is_some() && manifest.created_unix_s >= since {
            earlier.push((rows, name_of(&home)));
        }
    }
    if earlier.iter().any(|(_, known)| known == name) {
        // It goes on.
        return None;
    }
    let hint = "warm up: send it in parts (--limit N), each day at most twice what the day before had";
    let Some((rows, largest)) = earlier.into_iter().max() else {
        let says = format!(
            "{} recipients, and no campaign of the last {DAYS} days is in {}: an address that has sent nothing is slowed down on \
             its first day",
            count(recipients),
            data.display()
        );
        return Some(Finding::new(Severity::Note, "volume-jump", "", says).hint(hint));
    };
    let is_jump = recipients > rows.saturating_mul(JUMP);
    let says = format!(
        "{} recipients, and the largest campaign of the last {DAYS} days here had {} ({largest})",
        count(recipients),
        count(rows)
    );
    is_jump.then(|| Finding::new(Severity::Warning, "volume-jump", "", says).hint(hint).draws("421 4.7.28"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_looked_at_is_not_taken_for_nothing() {
        let data = tempfile::tempdir().unwrap();
        assert!(look(data.path(), "w", BULK + 1, 0).unwrap().says.contains("no campaign of the last 90 days"));
        std::fs::write(data.path().join(CAMPAIGNS), "no folder").unwrap();
        assert_eq!(look(data.path(), "w", BULK + 1, 0), None);
    }
}
