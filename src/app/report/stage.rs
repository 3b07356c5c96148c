//! Where a campaign stands as a whole: not begun, being sent, paused, held, stopped, undecided, complete, or damaged.
//!
//! Guarantees: exactly one of these, from what the report knows of its recipients, of the process that has it, and of the note that
//! it is held; where storage does not tell all of it, none but the last. Leaves to others: whether it is a rehearsal (its destination says so).

use super::look::Zone;
use crate::app::figures::counted;
use crate::app::held::Note;
use crate::base::clock::UnixTime;
use serde::Serialize;

const DAMAGED: &str = "here is what can still be read, which is not all: restore the campaign's directory from a copy";

/// What a process does with the campaign now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Run {
    /// None has it.
    #[default]
    Over,
    /// One sends it.
    Sending,
    /// One has it, and begins nothing until it is told to go on: since then.
    Paused(UnixTime),
}

/// See the head of this file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nobody was tried, and nobody sends.
    #[default]
    NotBegun,
    /// A process sends it.
    Sending,
    /// A process has it, and was told to pause.
    Paused,
    /// It was ended for a reason that somebody has to look at.
    Held,
    /// Recipients wait, and no process sends to them.
    Stopped,
    /// Nobody waits; some may have got it, and somebody has to say what becomes of them.
    Undecided,
    /// Everybody has an outcome.
    Complete,
    /// Storage is damaged: the rest is not known for certain.
    Damaged,
}

/// What it follows from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// Whether storage does not tell all of it.
    pub damaged: bool,
    /// What a process does.
    pub run: Run,
    /// Why it is held.
    pub held: Option<&'a Note>,
    /// Whether the list is not read to its end.
    pub loading: bool,
    /// Attempts of all recipients.
    pub attempts: u64,
    /// Recipients who wait, or are in flight.
    pub open: u64,
    /// Recipients who may have got it, and get no more.
    pub uncertain: u64,
}

impl Stage {
    /// The one that follows.
    #[must_use]
    pub fn of(known: &Known<'_>) -> Self {
        let is_open = known.open > 0 || known.loading;
        match known.run {
            _ if known.damaged => Self::Damaged,
            _ if known.held.is_some() && is_open => Self::Held,
            Run::Sending => Self::Sending,
            Run::Paused(_) => Self::Paused,
            Run::Over if is_open && known.attempts == 0 => Self::NotBegun,
            Run::Over if is_open => Self::Stopped,
            Run::Over if known.uncertain > 0 => Self::Undecided,
            Run::Over => Self::Complete,
        }
    }

    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NotBegun => "not begun",
            Self::Sending => "being sent",
            Self::Paused => "paused",
            Self::Held => "held",
            Self::Stopped => "stopped",
            Self::Undecided => "undecided",
            Self::Complete => "complete",
            Self::Damaged => "damaged",
        }
    }

    /// What it means, and what goes on; empty where the word says it all, or the note of what holds it does.
    #[must_use]
    pub fn says(self, known: &Known<'_>, zone: &Zone) -> String {
        let waiting = who_waits(known.open, known.loading);
        match (self, known.run) {
            (Self::Damaged, _) => DAMAGED.to_owned(),
            (Self::NotBegun, _) => format!("nobody was tried yet: {waiting}"),
            (Self::Paused, Run::Paused(since)) => format!("since {}: SIGUSR1 to its process goes on", zone.time(since)),
            (Self::Stopped, _) => format!("{waiting}: the same `posthaste send` goes on"),
            (Self::Undecided, _) => format!(
                "{} held: a copy may have reached them; `posthaste send` with --retry-held or --cancel-held decides",
                counted(known.uncertain, "recipient is", "recipients are")
            ),
            _ => String::new(),
        }
    }
}

/// How many wait, and whether more are to come; `loading`: the list is not read to its end.
#[must_use]
pub fn who_waits(waiting: u64, loading: bool) -> String {
    let who = counted(waiting, "recipient waits", "recipients wait");
    match (waiting, loading) {
        (0, true) => "the list is not read to its end".to_owned(),
        (_, true) => format!("{who}, and the list is not read to its end"),
        (_, false) => who,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_is_at_one_stage() {
        let note = Note::default();
        let idle = Known { open: 3, ..Known::default() };
        let tried = Known { attempts: 1, ..idle };
        let over = Known { open: 0, ..tried };
        for (known, stage, says) in [
            (idle, Stage::NotBegun, "nobody was tried yet: 3 recipients wait"),
            (Known { run: Run::Sending, ..idle }, Stage::Sending, ""),
            (
                Known { run: Run::Paused(UnixTime(1_800_000_000)), ..tried },
                Stage::Paused,
                "since 2027-01-15T08:00:00Z: SIGUSR1 to its process goes on",
            ),
            (Known { held: Some(&note), ..tried }, Stage::Held, ""),
            (tried, Stage::Stopped, "3 recipients wait: the same `posthaste send` goes on"),
            (
                Known { uncertain: 1, ..over },
                Stage::Undecided,
                "1 recipient is held: a copy may have reached them; \
                `posthaste send` with --retry-held or --cancel-held decides",
            ),
            (over, Stage::Complete, ""),
            // A note that nobody took away says nothing once nobody waits.
            (Known { held: Some(&note), ..over }, Stage::Complete, ""),
            // Neither who waits nor what a process does is certain then.
            (Known { damaged: true, ..idle }, Stage::Damaged, DAMAGED),
            (Known { damaged: true, run: Run::Sending, ..tried }, Stage::Damaged, DAMAGED),
            (Known { damaged: true, held: Some(&note), ..tried }, Stage::Damaged, DAMAGED),
            (Known { damaged: true, ..over }, Stage::Damaged, DAMAGED),
            (
                Known { loading: true, ..over },
                Stage::Stopped,
                "the list is not read to its end: the same `posthaste send` goes on",
            ),
            (
                Known { loading: true, ..tried },
                Stage::Stopped,
                "3 recipients wait, and the list is not read to its end: the same `posthaste send` goes on",
            ),
        ] {
            assert_eq!((Stage::of(&known), stage.says(&known, &Zone::default()).as_str()), (stage, says), "{known:?}");
        }
    }
}
