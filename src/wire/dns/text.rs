//! TXT records: the strings of a name, bounded in number and length.
//!
//! Guarantees: at most [`STRINGS_MAX`] strings, none longer than [`STRING_OCTETS_MAX`], each of printable ASCII: what
//! is longer or holds other octets is left out, for no record that this program reads may be so.
//! Leaves to others: what the strings mean (MTA-STS, TLS reports).

use super::lookup::{Missing, Resolver};
use super::name::is_host_name;
use super::route::{VALID_MAX, VALID_MIN};
use hickory_resolver::proto::rr::{RData, RecordType};
use std::time::{Duration, Instant};

/// No more strings are taken from an answer.
const STRINGS_MAX: usize = 64;
/// No longer string is taken, in octets.
const STRING_OCTETS_MAX: usize = 4096;

/// The TXT records of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Txt {
    /// One for each record: its character-strings joined without anything between (RFC 7208 §3.3, RFC 8461 §3.1).
    pub strings: Vec<Box<str>>,
    /// For how long, from now.
    pub valid_for: Duration,
}

/// Why there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TxtMissing {
    /// The name does not exist, or has no TXT record.
    Absent,
    /// Nobody could say, with the reason; may be better later.
    Unknown(String),
}

impl Resolver {
    /// The TXT records of `name` (lower case, ASCII).
    ///
    /// # Errors
    /// [`TxtMissing`]; within a bound of time, as all look-ups.
    pub async fn txt(&self, name: &str) -> Result<Txt, TxtMissing> {
        if !is_host_name(name) {
            return Err(TxtMissing::Absent);
        }
        let answer = match tokio::time::timeout(self.budget(), self.records(name, RecordType::TXT)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(Missing::Name | Missing::Record { .. })) => return Err(TxtMissing::Absent),
            Ok(Err(Missing::Unknown(reason))) => return Err(TxtMissing::Unknown(reason.into())),
            Err(_) => return Err(TxtMissing::Unknown(format!("no answer within {:?}", self.budget()))),
        };
        let strings: Vec<_> = answer.data.iter().filter_map(string).take(STRINGS_MAX).collect();
        let valid_for = answer.valid_until.saturating_duration_since(Instant::now()).clamp(VALID_MIN, VALID_MAX);
        if strings.is_empty() { Err(TxtMissing::Absent) } else { Ok(Txt { strings, valid_for }) }
    }
}

fn string(data: &RData) -> Option<Box<str>> {
    let RData::TXT(txt) = data else { return None };
    let octets: Vec<u8> =
        txt.txt_data.iter().flat_map(|part| part.iter().copied()).take(STRING_OCTETS_MAX + 1).collect();
    let printable = octets.iter().all(|&octet| octet == b' ' || octet.is_ascii_graphic());
    let text = String::from_utf8(octets).ok().filter(|text| printable && text.len() <= STRING_OCTETS_MAX)?;
    Some(text.into())
}
