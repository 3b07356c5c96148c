//! What DNS says of a sender: SPF (RFC 7208), DMARC (RFC 7489), DKIM keys (RFC 6376). Each line is a name, a type and what stands
//! there: `a.example TXT v=spf1 -all`; what has no line is not there. Each text is also read for itself.

use posthaste::content::dkim::Published;
use posthaste::identity::spf::{LOOKUPS_MAX, Record as Spf, Sender, Verdict, check_host, is_record, survey};
use posthaste::identity::{
    Answer, Dmarc, Facts, Kind, Lack, Question, Record, are_aligned, discover, generic_part, reads_as_policy,
};
use std::collections::BTreeMap;

const KINDS: [Kind; 6] = [Kind::A, Kind::Aaaa, Kind::Mx, Kind::Ptr, Kind::Soa, Kind::Txt];
/// Nothing asks for longer than that: each round tells what stands behind one more name.
const ROUNDS_MAX: usize = 200;

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut known: BTreeMap<(String, Kind), Vec<Record>> = BTreeMap::new();
    for line in text.lines().take(200) {
        let mut words = line.splitn(3, ' ');
        let (name, word, data) = (words.next(), words.next(), words.next().unwrap_or_default());
        read_alone(data);
        let Some(kind) = KINDS.into_iter().find(|kind| word == Some(kind.word())) else { continue };
        let name = name.unwrap_or_default().to_ascii_lowercase();
        known.entry((name, kind)).or_default().extend(record(kind, data));
    }
    for address in ["192.0.2.1", "2001:db8::1"] {
        let sender = Sender {
            address: address.parse().expect("an address"),
            local: "news",
            domain: "a.example",
            ehlo: "mx.a.example",
        };
        let checked = settle(&known, |facts| check_host(facts, &sender, "a.example"));
        if let Verdict::PermError(fault) = &checked.verdict {
            assert!(!fault.to_string().is_empty());
        }
    }
    let found = settle(&known, |facts| survey(facts, "a.example"));
    assert!(found.parts.iter().map(|(_, cost)| cost).sum::<usize>() == found.lookups, "{found:?}");
    settle(&known, |facts| discover(facts, "news.a.example"));
    settle(&known, |facts| facts.addresses("a.example"));
}

/// Judges until nothing is open.
fn settle<T>(known: &BTreeMap<(String, Kind), Vec<Record>>, judge: impl Fn(&Facts) -> Result<T, Lack>) -> T {
    let mut facts = Facts::default();
    for _ in 0..ROUNDS_MAX {
        match judge(&facts) {
            Ok(done) => return done,
            Err(Lack::Unknown(why)) => panic!("everything is answered: {why}"),
            Err(Lack::Open) => {}
        }
        let open = facts.take_open();
        assert!(!open.is_empty(), "something is open, and nothing is asked");
        for Question { name, kind } in open {
            let answer = match known.get(&(name.clone(), kind)) {
                Some(records) if !records.is_empty() => Answer::Found(records.clone()),
                Some(_) => Answer::NoRecord,
                None => Answer::NoName,
            };
            facts.learn(Question { name, kind }, answer);
        }
    }
    panic!("it asks without end, and receivers make {LOOKUPS_MAX} look-ups");
}

fn record(kind: Kind, data: &str) -> Option<Record> {
    Some(match kind {
        Kind::A | Kind::Aaaa => Record::Address(data.parse().ok()?),
        Kind::Mx => {
            let (preference, host) = data.split_once(' ')?;
            Record::Exchanger { preference: preference.parse().ok()?, host: host.to_owned() }
        }
        Kind::Ptr => Record::Name(data.to_owned()),
        Kind::Soa => Record::Zone,
        Kind::Txt => Record::Text(data.to_owned()),
    })
}

fn read_alone(text: &str) {
    if let Ok(record) = Spf::read(text) {
        assert!(is_record(text), "{text:?}");
        assert!(record.directives.iter().all(|directive| text.contains(&directive.text)), "{record:?}");
    }
    if let Ok(policy) = Dmarc::read(text) {
        assert!(policy.percent <= 100 && !reads_as_policy(text), "{policy:?} {text:?}");
    }
    if let Err(error) = Published::read(text) {
        assert!(!error.to_string().is_empty());
    }
    let _ = generic_part(text, "192.0.2.1".parse().expect("an address"));
    let _ = generic_part(text, "2001:db8::1".parse().expect("an address"));
    assert!(are_aligned(text, text, true));
}
