//! The words of what was recorded: nobody bounces by any that are not a recipient's own, and a refusal that holds the
//! mailing counts as nobody's attempt.

use posthaste::journal::record::{Entry, Kind, entries};
use posthaste::journal::state::State;
use std::collections::HashMap;

/// All that anybody in a town bounces by.
const BOUNCES: [&str; 2] = ["No such mailbox", "no such domain"];

/// See the head of this file.
#[derive(Debug, Default)]
pub struct Words {
    /// Recipients that servers took, and those that they bounced.
    pub judged: (u64, u64),
    /// Words that somebody bounced by and should not have.
    pub wrong: Option<String>,
    /// Attempts that met the refusal that holds the mailing and count, and those who expired of it.
    pub counted: u64,
    /// The last attempt of each row, by its number.
    attempts: HashMap<u32, u16>,
    /// What that says, where no such attempt may count.
    pub holds: Option<&'static str>,
}

impl Words {
    /// Nobody has said anything. `holds` is the refusal that holds the mailing whenever it is said.
    pub fn new(holds: Option<&'static str>) -> Self {
        Self { holds, ..Self::default() }
    }

    /// Notes entries that are folded into `state`.
    pub fn note(&mut self, octets: &[u8], state: &State) {
        for entry in entries(octets) {
            let Ok(Entry::Record(record)) = entry else { continue };
            let text =
                || state.words().get(record.extra).map(|define| String::from_utf8_lossy(define.text).into_owned());
            match record.kind {
                Kind::Delivered => self.judged.0 += 1,
                Kind::Bounced => {
                    let text = text().unwrap_or_default();
                    self.judged.1 += u64::from(text.contains(BOUNCES[0]));
                    if !BOUNCES.iter().any(|own| text.contains(own)) {
                        self.wrong
                            .get_or_insert(format!("row {} bounced by {} {text:?}", record.recipient, record.code));
                    }
                }
                Kind::Attempt if self.holds.is_some() => drop(self.attempts.insert(record.recipient, record.attempts)),
                Kind::Expired | Kind::Deferred => {
                    let said = self
                        .holds
                        .is_some_and(|holds| text().is_some_and(|text| !text.is_empty() && holds.ends_with(&text)));
                    let last = self.attempts.get(&record.recipient).copied();
                    let counts = record.kind == Kind::Expired || last.is_none_or(|last| record.attempts >= last);
                    self.counted += u64::from(said && counts);
                }
                _ => {}
            }
        }
    }
}

/// The same entries without attempts.
pub fn without_attempts(octets: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    for entry in entries(octets) {
        match entry {
            Ok(Entry::Record(record)) if record.kind != Kind::Attempt => record.encode_into(&mut kept),
            Ok(Entry::Define(define)) => define.encode_into(&mut kept),
            Ok(Entry::Hold(hold)) => hold.encode_into(&mut kept),
            _ => {}
        }
    }
    kept
}
