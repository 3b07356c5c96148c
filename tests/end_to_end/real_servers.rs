//! The shipped campaign, handed to a real Postfix and a real Exim: everybody gets one letter, and each letter is, octet
//! for octet, what was rendered and signed.

use crate::campaign::{Campaign, adds_up};
use crate::dkim::{Keys, SIGNING};
use crate::letters::{Letter, kept_in, one_each};
use crate::mta::{Exim, Postfix, Server};
use crate::program::{PATIENCE, SinkProcess, number, run, wait_for};
use std::collections::BTreeMap;

/// Recipients of the shipped list.
const ALL: usize = 10_000;
/// Recipients where the whole list would tell nothing more.
const SOME: usize = 500;
/// Letters that dkimpy looks at.
const SAMPLE: usize = 200;

#[test]
fn the_shipped_campaign_to_postfix() {
    let server = Postfix::start();
    let letters = sent_to(&server, ALL, "");
    wait_for("Postfix to have logged the end of each session", PATIENCE, || (bdat(&server) >= ALL).then_some(()));
    let used_tls = letters.values().filter(|letter| letter.trace.contains("using TLSv1.3")).count();
    assert_eq!(used_tls, ALL, "letters that came by STARTTLS");
}

#[test]
fn the_shipped_campaign_to_exim() {
    let server = Exim::start();
    let letters = sent_to(&server, ALL, "");
    // Exim marks what came by CHUNKING with a K.
    assert_eq!(server.log().lines().filter(|line| line.contains(" K S=")).count(), ALL, "letters that came by BDAT");
    let used_tls = letters.values().filter(|letter| letter.trace.contains("esmtps") && letter.trace.contains("TLS1.3"));
    assert_eq!(used_tls.count(), ALL, "letters that came by STARTTLS");
}

#[test]
fn postfix_is_spoken_to_in_every_mode() {
    for mode in ["chunking = false", "pipelining = false"] {
        let server = Postfix::start();
        sent_to(&server, SOME, mode);
        assert_eq!(bdat(&server), 0, "chunks although {mode}");
    }
}

#[test]
fn exim_is_spoken_to_in_every_mode() {
    sent_to(&Exim::start(), SOME, "chunking = false");
    sent_to(&Exim::start(), SOME, "pipelining = false");
}

/// Chunks that Postfix counts in its log, session by session: `… mail=3 rcpt=3 bdat=3 quit=1 …`.
fn bdat(server: &Postfix) -> usize {
    let log = server.log();
    let counts = log.split_whitespace().filter_map(|word| word.strip_prefix("bdat="));
    counts.map(|count| count.parse::<usize>().unwrap_or(0)).sum()
}

/// Sends the first `count` of the shipped list to a fresh server and checks all that must be true of any server.
fn sent_to(server: &dyn Server, count: usize, delivery: &str) -> BTreeMap<String, Letter> {
    let keys = Keys::make();
    let campaign = Campaign::shipped(count, &keys);
    let engine = format!("[engine]\nhostname = \"mx1.acme.example\"\n[delivery]\n{delivery}\n{SIGNING}");
    let sent = run(&campaign.scratch, "send", campaign.send(&campaign.engine("engine", &engine), &server.address()));
    let summary = sent.expect_code(0).json();
    adds_up(&summary);
    assert_eq!((number(&summary, "loaded"), number(&summary, "delivered")), (count as u64, count as u64), "{summary}");
    let letters = one_each(server.letters(count));
    assert!(letters.keys().eq(&campaign.recipients), "the letters are not for the people on the list");
    keys.verify(letters.values().step_by((count / SAMPLE).max(1)));
    as_rendered(&campaign, &letters, &engine);
    letters
}

/// Compares each letter with what the sink keeps of the same campaign.
fn as_rendered(campaign: &Campaign, letters: &BTreeMap<String, Letter>, engine: &str) {
    let rendered = campaign.scratch.at("rendered");
    let sink = SinkProcess::start(&campaign.scratch, &["--keep", &rendered.display().to_string()]);
    let engine = campaign.engine("reference", engine);
    let send = campaign.send_with_data(&campaign.scratch.at("reference"), &engine, &sink.address);
    run(&campaign.scratch, "reference", send).expect_code(0);
    sink.stop();
    let reference = kept_in(&rendered);
    assert!(reference.keys().eq(letters.keys()), "the reference is not for the same people");
    for (recipient, kept) in reference {
        assert_eq!(letters[&recipient].lasting(), kept[0].lasting(), "the letter of {recipient}");
    }
}
