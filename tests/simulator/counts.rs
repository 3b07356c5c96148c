//! Whether the counts of a process and the state that the journal knows say the same.

use posthaste::engine::board::Counters;
use posthaste::journal::state::State;
use posthaste::mail::Disposition;

/// Whether the counts say of everybody what the state says.
pub fn same_as(counters: &Counters, state: &State) -> Result<(), String> {
    let count = |disposition| state.count(disposition);
    let waits = [Disposition::Waiting, Disposition::Deferred];
    let tried = state.standings().iter().filter(|s| waits.contains(&s.disposition) && s.attempts > 0).count();
    let counted = [
        ("loaded", counters.loaded, state.len() as u64),
        ("delivered", counters.delivered, count(Disposition::Delivered)),
        ("bounced", counters.bounced, count(Disposition::Bounced)),
        ("expired", counters.expired, count(Disposition::Expired)),
        ("suppressed", counters.suppressed, count(Disposition::Suppressed)),
        ("cancelled", counters.cancelled, count(Disposition::Cancelled)),
        ("uncertain", counters.uncertain, count(Disposition::Uncertain)),
        ("in flight", counters.in_flight, count(Disposition::InFlight)),
        ("waiting", counters.waiting, count(Disposition::Waiting) + count(Disposition::Deferred)),
        ("deferred", counters.deferred, tried as u64),
        ("possible duplicates", counters.possible_duplicates, state.possible_duplicates().count() as u64),
    ];
    let wrong: Vec<_> = counted.iter().filter(|(_, counted, known)| counted != known).collect();
    if wrong.is_empty() { Ok(()) } else { Err(format!("counted, and in the journal: {wrong:?}")) }
}

/// Whether no more recipients are counted as settled than the state knows of.
pub fn settled_within(counters: &Counters, state: &State) -> Result<(), String> {
    let counted = [
        (Disposition::Delivered, counters.delivered),
        (Disposition::Bounced, counters.bounced),
        (Disposition::Expired, counters.expired),
        (Disposition::Uncertain, counters.uncertain),
        (Disposition::Cancelled, counters.cancelled),
    ];
    for (disposition, count) in counted {
        let known = state.count(disposition);
        if count > known {
            return Err(format!("{count} are counted as {disposition:?}, the journal knows {known}"));
        }
    }
    Ok(())
}
