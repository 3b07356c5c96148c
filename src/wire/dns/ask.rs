//! Questions of whoever judges a sender (`identity`), in its own words.
//!
//! Guarantees: each is answered within a bound of time; what no server answered is [`Answer::Unknown`], with the reason, and so is an
//! answer of more than `RECORDS_MAX` records, for a part of them proves nothing; a text has at most `TEXT_OCTETS_MAX` octets.
//! Leaves to others: what the answers mean.

use super::lookup::{Missing, Resolver};
use super::name::host_name;
use crate::identity::{Answer, Kind, Question, Record};
use hickory_resolver::proto::rr::{Name, RData, RecordType};

/// An answer with more records is none.
const RECORDS_MAX: usize = 64;
/// No longer text is taken, in octets; what is beyond is cut off.
const TEXT_OCTETS_MAX: usize = 8192;

impl Resolver {
    /// What DNS says to a question.
    pub async fn answer(&self, question: &Question) -> Answer {
        let asked = self.records(&question.name, of(question.kind));
        let known = match tokio::time::timeout(self.budget(), asked).await {
            Ok(known) => known,
            Err(_) => return Answer::Unknown(format!("no answer within {:?}", self.budget())),
        };
        match known {
            Ok(answer) if answer.data.len() > RECORDS_MAX => {
                Answer::Unknown(format!("there are more than {RECORDS_MAX} records"))
            }
            Ok(answer) => {
                let mut records: Vec<Record> = answer.data.iter().filter_map(record).collect();
                if records.is_empty() {
                    return Answer::NoRecord;
                }
                records.extend(answer.alias_of.as_ref().map(|end| Record::Alias(shown(end))));
                Answer::Found(records)
            }
            Err(Missing::Name) => Answer::NoName,
            Err(Missing::Record { .. }) => Answer::NoRecord,
            Err(Missing::Unknown(reason)) => Answer::Unknown(reason.into()),
        }
    }
}

fn of(kind: Kind) -> RecordType {
    match kind {
        Kind::A => RecordType::A,
        Kind::Aaaa => RecordType::AAAA,
        Kind::Mx => RecordType::MX,
        Kind::Ptr => RecordType::PTR,
        Kind::Soa => RecordType::SOA,
        Kind::Txt => RecordType::TXT,
    }
}

fn record(data: &RData) -> Option<Record> {
    Some(match data {
        RData::A(a) => Record::Address(a.0.into()),
        RData::AAAA(aaaa) => Record::Address(aaaa.0.into()),
        RData::MX(mx) => Record::Exchanger { preference: mx.preference, host: shown(&mx.exchange) },
        RData::PTR(name) => Record::Name(shown(&name.0)),
        RData::SOA(_) => Record::Zone,
        RData::TXT(txt) => {
            let octets: Vec<u8> =
                txt.txt_data.iter().flat_map(|part| part.iter().copied()).take(TEXT_OCTETS_MAX).collect();
            Record::Text(String::from_utf8_lossy(&octets).into_owned())
        }
        _ => return None,
    })
}

/// A name as people write it; one that is no host name by DNS' own escapes. The root is empty.
fn shown(name: &Name) -> String {
    host_name(name).unwrap_or_else(|| name.to_ascii().trim_end_matches('.').to_ascii_lowercase())
}
