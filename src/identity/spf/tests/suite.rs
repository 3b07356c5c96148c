//! The test suite of RFC 7208 (release 2014.04, by openspf.org; `tests/spf` has it as JSON, with its licence): what each of its senders
//! gets.

use super::super::{Qualifier, Sender, Verdict, check_host};
use crate::identity::{Answer, Facts, Kind, Lack, Question, Record};
use serde_json::Value;

const SUITE: &str = include_str!("../../../../tests/spf/rfc7208.json");

/// What DNS says in a scenario: as in the suite, a `TIMEOUT` is for whatever has no record beside it, and an `SPF` record stands
/// for a text where there is none.
fn answer(zone: &Value, name: &str, kind: Kind, depth: usize) -> Answer {
    let Some(records) = zone.get(name).and_then(Value::as_array) else { return Answer::NoName };
    let of =
        |word: &str| records.iter().filter(|record| record[0] == word).map(|record| &record[1]).collect::<Vec<_>>();
    let mut found = of(kind.word());
    if kind == Kind::Txt && found.is_empty() {
        found = of("SPF");
    }
    found.retain(|data| *data != "NONE");
    let alias = of("CNAME");
    if let (true, Some(target)) = (found.is_empty() && depth < 8, alias.first()) {
        return answer(zone, &target.as_str().unwrap().to_ascii_lowercase(), kind, depth + 1);
    }
    let text = |data: &Value| data.as_str().unwrap().to_owned();
    let record = |data: &&Value| match kind {
        Kind::A | Kind::Aaaa => Record::Address(text(data).parse().unwrap()),
        Kind::Mx => Record::Exchanger { preference: data[0].as_u64().unwrap() as u16, host: text(&data[1]) },
        Kind::Ptr => Record::Name(text(data).to_ascii_lowercase()),
        Kind::Soa => Record::Zone,
        Kind::Txt => Record::Text(text(data)),
    };
    match (found.is_empty(), of("TIMEOUT").is_empty()) {
        (false, _) => Answer::Found(found.iter().map(record).collect()),
        (true, false) => Answer::Unknown("no answer".to_owned()),
        (true, true) => Answer::NoRecord,
    }
}

fn result(zone: &Value, test: &Value) -> &'static str {
    let field = |key: &str| test[key].as_str().unwrap();
    let (ehlo, from) = (field("ehlo"), field("from"));
    let (local, domain) = from.rsplit_once('@').unwrap_or(("", if from.is_empty() { ehlo } else { from }));
    let local = if local.is_empty() { "postmaster" } else { local };
    let sender = Sender { address: field("address").parse().unwrap(), local, domain, ehlo };
    let mut facts = Facts::default();
    loop {
        let checked = check_host(&facts, &sender, domain);
        match checked.map(|checked| checked.verdict) {
            Ok(Verdict::None) => return "none",
            Ok(Verdict::PermError(_)) => return "permerror",
            Ok(Verdict::Matched(Qualifier::Pass)) => return "pass",
            Ok(Verdict::Matched(Qualifier::Fail)) => return "fail",
            Ok(Verdict::Matched(Qualifier::SoftFail)) => return "softfail",
            Ok(Verdict::Matched(Qualifier::Neutral)) => return "neutral",
            Err(Lack::Unknown(_)) => return "temperror",
            Err(Lack::Open) => {}
        }
        for Question { name, kind } in facts.take_open() {
            let answer = answer(zone, &name, kind, 0);
            facts.learn(Question { name, kind }, answer);
        }
    }
}

#[test]
fn each_sender_of_the_suite_gets_what_it_should() {
    let scenarios: Value = serde_json::from_str(SUITE).unwrap();
    let (mut count, mut missed) = (0, Vec::new());
    for scenario in scenarios.as_array().unwrap() {
        for test in scenario["tests"].as_array().unwrap() {
            let result = result(&scenario["zone"], test);
            count += 1;
            if !test["results"].as_array().unwrap().iter().any(|wanted| *wanted == result) {
                missed.push(format!("{}: {} wants {}, got {result}", scenario["about"], test["name"], test["results"]));
            }
        }
    }
    assert_eq!((count, missed.as_slice()), (203, [].as_slice()), "{}", missed.join("\n"));
}
