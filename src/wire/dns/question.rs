//! A question as it goes over the wire (RFC 1035 §4.1), with EDNS (RFC 6891).
//!
//! Guarantees: what is found in an answer is found without trust in it. Leaves to others: all that an answer says beside
//! its question (hickory).

use hickory_resolver::proto::rr::RecordType;

/// The header before the question.
const HEADER_OCTETS: usize = 12;
/// An OPT record without options, at the end of a question.
const OPT_OCTETS: usize = 11;
/// The longest answer over UDP that is asked for: one that no way cuts into pieces (RFC 9715).
const ANSWER_OCTETS: u16 = 1232;
/// The AD bit, in the second octet of flags.
const AUTHENTIC: u8 = 0x20;

/// A question for the records of `name`, a host name, with an id of zero; `None` if it is no name for DNS.
pub(super) fn encode(name: &str, kind: RecordType, authentic: bool) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(HEADER_OCTETS + name.len() + 6 + OPT_OCTETS);
    // Recursion is desired; one question, and one more record: OPT.
    octets.extend([0, 0, 1, if authentic { AUTHENTIC } else { 0 }, 0, 1, 0, 0, 0, 0, 0, 1]);
    for label in name.split('.') {
        octets.push(u8::try_from(label.len()).ok().filter(|len| (1..=63).contains(len))?);
        octets.extend(label.as_bytes());
    }
    octets.push(0);
    octets.extend(u16::from(kind).to_be_bytes());
    octets.extend([0, 1]);
    octets.extend([0, 0, 41]);
    octets.extend(ANSWER_OCTETS.to_be_bytes());
    octets.extend([0; 6]);
    (name.len() <= 253).then_some(octets)
}

/// The same question without EDNS, if it is one that [`encode`] made.
pub(super) fn without_edns(octets: &[u8]) -> Option<Vec<u8>> {
    let end = octets.len().checked_sub(OPT_OCTETS)?;
    let mut plain = octets.get(..end)?.to_vec();
    *plain.get_mut(11)? = 0;
    Some(plain)
}

/// The only question of a message: its name without compression, type and class.
pub(super) fn question(message: &[u8]) -> Option<&[u8]> {
    let (mut end, mut labels) = (HEADER_OCTETS, message.get(HEADER_OCTETS..)?);
    while let Some((&len, after)) = labels.split_first() {
        end += 1 + usize::from(len);
        match len {
            0 => return message.get(HEADER_OCTETS..end + 4),
            1..=63 => labels = after.get(usize::from(len)..)?,
            _ => return None,
        }
    }
    None
}

/// Whether an answer repeats the question, in whatever case.
pub(super) fn repeats(answer: &[u8], asked: &[u8]) -> bool {
    question(answer).is_some_and(|question| question.eq_ignore_ascii_case(asked))
}

/// Whether an answer is an error without a question: some servers say so to what they do not read (EDNS).
pub(super) fn refuses_unread(answer: &[u8]) -> bool {
    let code = answer.get(3).map_or(0, |flags| flags & 0x0f);
    code != 0 && answer.get(4..6) == Some(&[0, 0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::op::Message;

    const ASKED: &[u8] = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x04acme\x07example\0\0\x0f\0\x01";

    #[test]
    fn a_question_reads_as_it_was_meant() {
        let octets = encode("_25._tcp.mx.acme.example", RecordType::TLSA, true).unwrap();
        let message = Message::from_vec(&octets).unwrap();
        let query = &message.queries[0];
        assert_eq!(
            (query.name().to_ascii(), query.query_type()),
            ("_25._tcp.mx.acme.example.".to_owned(), RecordType::TLSA)
        );
        assert!(message.recursion_desired && message.authentic_data);
        assert_eq!(message.edns.unwrap().max_payload(), ANSWER_OCTETS);
        let plain = Message::from_vec(&without_edns(&octets).unwrap()).unwrap();
        assert_eq!((plain.queries.len(), plain.edns.is_some()), (1, false));
        let long = "a".repeat(64);
        for bad in ["", "a..example", &*long, &"a.".repeat(127)] {
            assert_eq!(encode(bad, RecordType::A, false), None, "{bad:?}");
        }
    }

    #[test]
    fn a_question_is_found_whole_and_only_without_compression() {
        assert_eq!(question(ASKED), Some(&b"\x04acme\x07example\0\0\x0f\0\x01"[..]));
        for len in 0..ASKED.len() {
            assert_eq!(question(&ASKED[..len]), None, "{len} octets");
        }
        let mut compressed = ASKED.to_vec();
        compressed[12] = 0xc0;
        assert_eq!(question(&compressed), None);
    }

    #[test]
    fn an_answer_repeats_the_question_or_is_an_error_without_one() {
        let asked = question(ASKED).unwrap();
        assert!(repeats(&ASKED.to_ascii_uppercase(), asked));
        let mut other = ASKED.to_vec();
        other[14] = b'x';
        assert!(!repeats(&other, asked));
        assert!(refuses_unread(b"\x12\x34\x81\x01\0\0\0\0\0\0\0\0"), "FORMERR");
        assert!(!refuses_unread(b"\x12\x34\x81\x00\0\0\0\0\0\0\0\0"), "no error without a question");
    }
}
