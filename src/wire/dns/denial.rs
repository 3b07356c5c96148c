//! Whether an answer is one. RFC 2308 §2.2: an empty answer may be a denial, or a referral by a server that did not ask on
//! our behalf; only the first says anything about the name.
//!
//! Guarantees: what is taken for a denial comes from a server that asks for others or speaks for the zone itself, and
//! where it names a zone, from the one that the name is in.
//! Leaves to others: what a denial is about (`lookup`), proofs (hickory).

use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

/// Aliases of one answer that are followed.
const ALIASES_MAX: usize = 8;

/// Whether the message answers its question: with records, with an alias, or with a denial that can be believed.
///
/// # Errors
/// Why it does not; another server may.
pub(super) fn answers(message: &Message) -> Result<(), NetError> {
    // RFC 1035 §4.1.1: a reply to another kind of request, or to several questions, denies nobody's name.
    if message.metadata.op_code != OpCode::Query || message.queries.len() > 1 {
        return Err(NetError::Message("the server answered another request"));
    }
    // With EDNS the code has more bits than the header shows (RFC 6891 §6.1.3).
    if !matches!(message.response_code, ResponseCode::NoError | ResponseCode::NXDomain) {
        return Err(DnsError::ResponseCode(message.response_code).into());
    }
    let Some(query) = message.queries.first() else { return Err(NetError::Message("the answer is to no question")) };
    let (end, found) = end_of(query.name(), query.query_type(), &message.answers);
    // An alias alone leads on: the next question is about its target.
    let leads_on = message.response_code == ResponseCode::NoError && end != query.name() && soa(message).is_none();
    if found || leads_on { Ok(()) } else { denies(message, end) }
}

/// Whether the message, which has no records of `name`, may be believed that there are none.
///
/// # Errors
/// Why not.
fn denies(message: &Message, name: &Name) -> Result<(), NetError> {
    if !message.recursion_available && !message.authoritative {
        return Err(NetError::Message("the server does not look names up for others (no recursion)"));
    }
    match soa(message) {
        Some(soa) if soa.name.zone_of(name) => Ok(()),
        Some(_) => Err(NetError::Message("the server denied a name of another zone")),
        // RFC 2308 §2.2: "a referral response […] with no SOA record" and with NS records.
        None if message.authorities.iter().any(|record| record.record_type() == RecordType::NS) => {
            Err(NetError::Message("the server named other servers instead of an answer (a referral)"))
        }
        // RFC 2308 §3: who speaks for a zone names its SOA record in a denial.
        None if !message.recursion_available => {
            Err(NetError::Message("the server's denial names no zone, and it looks nothing up for others"))
        }
        None => Ok(()),
    }
}

/// The end of the aliases that begin at `name`, and whether there are records of this type.
fn end_of<'a>(name: &'a Name, kind: RecordType, records: &'a [Record]) -> (&'a Name, bool) {
    let mut end = name;
    for _ in 0..ALIASES_MAX {
        let target = records.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if record.name == *end => Some(&target.0),
            _ => None,
        });
        let Some(target) = target else { break };
        end = target;
    }
    (end, records.iter().any(|record| record.record_type() == kind && record.name == *end))
}

fn soa(message: &Message) -> Option<&Record> {
    message.authorities.iter().find(|record| record.record_type() == RecordType::SOA)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::op::Query;
    use hickory_resolver::proto::rr::rdata::SOA;

    fn denial(code: OpCode, questions: usize) -> Message {
        let (mut message, name) = (Message::response(7, code), Name::from_ascii("gone.example.").unwrap());
        (message.metadata.response_code, message.metadata.recursion_available) = (ResponseCode::NXDomain, true);
        message.add_queries(vec![Query::query(name, RecordType::MX); questions]);
        let zone = Name::from_ascii("example.").unwrap();
        let soa = SOA::new(zone.clone(), zone.clone(), 1, 60, 60, 60, 60);
        message.add_authority(Record::from_rdata(zone, 60, RData::SOA(soa)));
        message
    }

    #[test]
    fn only_the_answer_to_one_query_denies_a_name() {
        assert!(answers(&denial(OpCode::Query, 1)).is_ok());
        for code in [OpCode::Status, OpCode::Notify, OpCode::Update, OpCode::Unknown(1), OpCode::Unknown(15)] {
            assert!(answers(&denial(code, 1)).is_err(), "{code:?}");
        }
        assert!(answers(&denial(OpCode::Query, 2)).is_err() && answers(&denial(OpCode::Query, 0)).is_err());
    }
}
