//! How much room the rest of a campaign takes, for whoever has to make it.
//!
//! Guarantees: of a list that is not loaded to its end the rest counts, too, or the words say that it does not. Leaves to others:
//! keeping a reserve, and stopping before it is used (`wire::disk`).

use super::super::figures::{count, counted};
use crate::engine::table::ROWS_FILE;
use crate::wire::disk::RESERVE_OCTETS;
use std::path::Path;

/// What a recipient leaves in the journal: an attempt, an outcome, their share of frames and replies.
const JOURNAL_OCTETS_EACH: u64 = 80;
/// A journal's first segment.
const JOURNAL_OCTETS_MIN: u64 = 4 << 20;
/// What a row takes in the table beside itself: where it ends.
const INDEX_OCTETS_EACH: u64 = 8;

/// Recipients who are to come: those whom the list has and the table has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToCome {
    /// About so many.
    About(u64),
    /// Nobody can tell.
    Unknown,
}

/// The hint for a campaign in `home` of which so many wait, of so many who are loaded.
pub fn wanted(home: &Path, waiting: u64, loaded: u64, to_come: ToCome) -> String {
    let row = std::fs::metadata(home.join(ROWS_FILE)).map_or(0, |rows| rows.len() / loaded.max(1));
    let each = JOURNAL_OCTETS_EACH + INDEX_OCTETS_EACH + row;
    let (more, besides) = match to_come {
        ToCome::About(more) => (more, ""),
        ToCome::Unknown => (0, "; what of the list is not loaded yet comes on top"),
    };
    let octets = waiting
        .saturating_mul(JOURNAL_OCTETS_EACH)
        .saturating_add(more.saturating_mul(each))
        .saturating_add(RESERVE_OCTETS + JOURNAL_OCTETS_MIN);
    let [mib, reserve] = [octets, RESERVE_OCTETS].map(|octets| octets.div_ceil(1 << 20));
    let who = match (waiting, more) {
        (0, 0) => "what is still to be written takes".to_owned(),
        (_, 0) => format!("the {}", counted(waiting, "recipient who waits takes", "recipients who wait take")),
        (0, more) => format!("about {} of the list, not loaded yet, take", counted(more, "recipient", "recipients")),
        (_, more) => format!(
            "the {}, and about {} more of the list that are not loaded yet, take",
            counted(waiting, "recipient who waits", "recipients who wait"),
            count(more)
        ),
    };
    format!("\nhint: {who} about {mib} MiB of free space, of which {reserve} MiB are kept free{besides}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_list_takes_room_too() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join(ROWS_FILE), vec![0; 72_000]).unwrap();
        let told = |waiting, to_come| wanted(home.path(), waiting, 1000, to_come);
        // 12 MiB whatever waits, and 1000 × 80 octets.
        let loaded =
            "\nhint: the 1,000 recipients who wait take about 13 MiB of free space, of which 8 MiB are kept free";
        assert_eq!(told(1000, ToCome::About(0)), loaded);
        // 1,000,000 × (80 + 8 + 72) octets are 153 MiB.
        assert_eq!(
            told(1000, ToCome::About(1_000_000)),
            "\nhint: the 1,000 recipients who wait, and about 1,000,000 more of the list that are not loaded yet, take about 165 MiB \
             of free space, of which 8 MiB are kept free"
        );
        // Nobody waits.
        let kept = "about 12 MiB of free space, of which 8 MiB are kept free";
        assert_eq!(told(0, ToCome::About(0)), format!("\nhint: what is still to be written takes {kept}"));
        let later =
            format!("\nhint: about 1,000 recipients of the list, not loaded yet, take {}", kept.replace("12", "13"));
        assert_eq!(told(0, ToCome::About(1000)), later);
        let unknown = format!("{loaded}; what of the list is not loaded yet comes on top");
        assert_eq!(told(1000, ToCome::Unknown), unknown);
    }
}
