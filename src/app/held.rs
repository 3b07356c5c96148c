//! The note that a mailing is held, or paused, beside the campaign: reports tell of it while it stands.
//!
//! Guarantees: written whole or not at all, gone once the campaign goes on, or nobody waits. It is for people; whether a run holds is
//! never read from it. Leaves to others: finding the reason (`engine::held`).

use crate::base::clock::UnixTime;
use crate::engine::held::Held;
use crate::wire::clock::unix_now;
use crate::wire::disk;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Octets of a note that are read.
const OCTETS_MAX: usize = 64 << 10;

/// What is noted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Why, in a word.
    pub reason: String,
    /// The host, or the site, that it is about; empty if it is about none.
    pub host: String,
    /// What it said; empty if it said nothing.
    pub reply: String,
    /// All of it in one sentence.
    pub says: String,
    /// What to do.
    pub hint: String,
    /// Since when.
    #[serde(with = "rfc3339")]
    pub since: UnixTime,
}

/// The reason of who asked for it: it is no trouble.
const PAUSE: &str = "paused";

impl Note {
    /// The note that somebody has paused it.
    #[must_use]
    pub fn of_pause() -> Self {
        let (says, hint) = ("paused".to_owned(), "SIGUSR1 to its process goes on".to_owned());
        Self { reason: PAUSE.to_owned(), says, hint, since: unix_now(), ..Self::default() }
    }

    /// Whether it says so. Without a process it means nothing.
    #[must_use]
    pub fn is_pause(&self) -> bool {
        self.reason == PAUSE
    }

    /// The note of a reason that holds from now on.
    #[must_use]
    pub fn of(held: &Held) -> Self {
        let Held { reason, host, reply, says, hint } = held.clone();
        Self { reason: reason.to_owned(), host, reply, says, hint, since: unix_now() }
    }

    /// The note of the campaign in `home`, if it has one that can be read.
    #[must_use]
    pub fn read(home: &Path) -> Option<Self> {
        let octets = disk::access::refuse_pipe(&file(home))
            .and_then(|()| std::fs::read(file(home)))
            .ok()
            .filter(|octets| octets.len() <= OCTETS_MAX)?;
        serde_json::from_slice(&octets).ok()
    }

    /// Notes it.
    ///
    /// # Errors
    /// It cannot be written: why.
    pub fn write(&self, home: &Path) -> Result<(), String> {
        let text = serde_json::to_vec(self).map_err(|e| e.to_string())?;
        disk::replace(&file(home), |out| out.write_all(&text)).map_err(|fault| fault.to_string())
    }

    /// The campaign goes on.
    pub fn clear(home: &Path) {
        // Most campaigns have none.
        let _ = std::fs::remove_file(file(home));
    }
}

fn file(home: &Path) -> PathBuf {
    home.join("held.json")
}

/// A time as all JSON of ours has it: RFC 3339, in UTC. Notes of earlier versions have Unix seconds.
mod rfc3339 {
    use crate::base::clock::UnixTime;
    use jiff::Timestamp;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Written {
        Seconds(u32),
        Text(String),
    }

    pub fn serialize<S: Serializer>(at: &UnixTime, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&Timestamp::from_second(at.0.into()).unwrap_or_default())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<UnixTime, D::Error> {
        match Written::deserialize(from)? {
            Written::Seconds(seconds) => Ok(UnixTime(seconds)),
            Written::Text(text) => {
                let at: Timestamp = text.parse().map_err(D::Error::custom)?;
                u32::try_from(at.as_second()).map(UnixTime).map_err(D::Error::custom)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_has_its_time_as_other_json_has_and_one_of_an_earlier_version_is_read() {
        let home = tempfile::tempdir().unwrap();
        let note = Note { reason: "relay".to_owned(), since: UnixTime(1_800_000_000), ..Note::default() };
        note.write(home.path()).unwrap();
        let text = std::fs::read_to_string(file(home.path())).unwrap();
        assert!(text.contains("\"since\":\"2027-01-15T08:00:00Z\""), "{text}");
        assert_eq!(Note::read(home.path()), Some(note.clone()));
        std::fs::write(file(home.path()), text.replace("\"2027-01-15T08:00:00Z\"", "1800000000")).unwrap();
        assert_eq!(Note::read(home.path()), Some(note));
        std::fs::write(file(home.path()), text.replace("2027-", "1927-")).unwrap();
        assert_eq!(Note::read(home.path()), None, "no time of ours");
    }
}
