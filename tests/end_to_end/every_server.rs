//! Ten thousand short letters to each server that the shipped campaign does not go to, and groups of many recipients:
//! everybody gets one letter, octet for octet what was rendered, and the server lives.

use crate::campaign::{Campaign, adds_up};
use crate::letters::{Letter, kept_in, one_each};
use crate::mta::{OpenSmtpd, Script, Server, SmtpSink};
use crate::program::{SinkProcess, number, run};
use std::collections::BTreeMap;
use std::sync::OnceLock;

const ALL: usize = 10_000;
/// Recipients of the one letter that is the same for all.
const MANY: usize = 5_000;

/// Personal, and nothing in it that a server could not spoil: stuffed dots, white space, long lines, more than ASCII.
const TEXT: &str = "Dear number {{ number }},\n\n.\n..\n.{{ number }} after a dot\n  before and after  \n\t\n\
    Größe: {{ number }} Äpfel, 日本語, 👍\nFrom the start of a line\n\
    {% for n in range(60) %}{{ number }} is a long line, {% endfor %}\n\n\nThe end.\n";

/// The same for all, so that many recipients share a transaction.
const SAME: &str = "Dear all,\n\n.\nthis is for everybody.\n";

#[test]
fn ten_thousand_to_opensmtpd() {
    // It takes 100 messages a session, and says so only by refusing the next one: no site rests for that.
    letters_to(&mut OpenSmtpd::start(), "");
}

#[test]
fn ten_thousand_to_smtp_sink() {
    letters_to(&mut SmtpSink::start(), "");
}

#[test]
fn ten_thousand_to_aiosmtpd() {
    letters_to(&mut Script::aiosmtpd(), "");
}

#[test]
fn ten_thousand_to_smtp_server() {
    letters_to(&mut Script::smtp_server(), "");
}

#[test]
fn ten_thousand_to_haraka() {
    letters_to(&mut Script::haraka(), "");
}

#[test]
fn groups_of_recipients_do_not_overwhelm_smtp_server() {
    groups_to(&mut Script::smtp_server(), 1);
}

#[test]
fn groups_of_recipients_do_not_overwhelm_haraka() {
    groups_to(&mut Script::haraka(), 1);
}

#[test]
fn groups_of_recipients_do_not_overwhelm_aiosmtpd() {
    groups_to(&mut Script::aiosmtpd(), 1);
}

#[test]
fn more_recipients_than_opensmtpd_takes_at_once_all_get_their_letter() {
    // It refuses the 1,001st of a transaction; and makes a file for each recipient.
    groups_to(&mut OpenSmtpd::start(), MANY);
}

/// A letter of their own to each of ten thousand.
fn letters_to(server: &mut dyn Server, delivery: &str) {
    let campaign = Campaign::made_up(ALL, "");
    campaign.scratch.write("made-up.txt", TEXT);
    let letters = sent_to(server, &campaign, delivery, ALL);
    for (recipient, rendered) in reference() {
        assert_eq!(rendered, &letters[recipient].lasting(), "the letter of {recipient}");
    }
}

/// The same letter to many, in as few transactions as the engine knows how to; they make at least so many files.
fn groups_to(server: &mut dyn Server, files: usize) {
    let campaign = Campaign::made_up(MANY, "to = \"All <all@acme.example>\"\nreturn_path = \"bounce@acme.example\"");
    campaign.scratch.write("made-up.txt", SAME);
    let text = std::fs::read_to_string(&campaign.file).expect("the campaign");
    campaign.scratch.write("made-up.toml", text.replace("To {{ number }}", "To all"));
    let delivery = "recipients_per_transaction = 2000\nsessions_per_site = 2\nretry = [\"1s\"]";
    let letters = sent_to(server, &campaign, delivery, files);
    let first = letters.values().next().expect("a letter").lasting();
    assert!(first.ends_with("this is for everybody.\r\n"), "{first}");
    for (recipient, letter) in &letters {
        assert_eq!(letter.lasting(), first, "the letter of {recipient}");
    }
}

/// Sends a campaign to a server that keeps at least so many files of it, and checks what must be true of any.
fn sent_to(server: &mut dyn Server, campaign: &Campaign, delivery: &str, files: usize) -> BTreeMap<String, Letter> {
    let engine = format!("[engine]\nhostname = \"mx1.acme.example\"\n[delivery]\n{delivery}\n");
    let engine = campaign.engine("engine", &engine);
    let sent = run(&campaign.scratch, "send", campaign.send(&engine, &server.address()));
    assert!(server.runs(), "the server has ended: {}", server.log());
    let summary = sent.expect_code(0).json();
    adds_up(&summary);
    let all = campaign.recipients.len();
    assert_eq!((number(&summary, "loaded"), number(&summary, "delivered")), (all as u64, all as u64), "{summary}");
    let letters = one_each(server.letters(files));
    assert_eq!(letters.len(), all, "letters that the server keeps");
    assert!(letters.keys().eq(&campaign.recipients), "the letters are not for the people on the list");
    letters
}

/// What the sink keeps of the ten thousand letters, by recipient, without what differs from send to send.
fn reference() -> &'static BTreeMap<String, String> {
    static REFERENCE: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    REFERENCE.get_or_init(|| {
        let campaign = Campaign::made_up(ALL, "");
        campaign.scratch.write("made-up.txt", TEXT);
        let kept = campaign.scratch.at("kept");
        let sink = SinkProcess::start(&campaign.scratch, &["--keep", &kept.display().to_string()]);
        let engine = campaign.engine("engine", "[engine]\nhostname = \"mx1.acme.example\"\n");
        run(&campaign.scratch, "send", campaign.send(&engine, &sink.address)).expect_code(0);
        sink.stop();
        let letters = one_each(kept_in(&kept).into_values().flatten());
        assert!(letters.keys().eq(&campaign.recipients), "the reference is not for the people on the list");
        letters.into_iter().map(|(recipient, letter)| (recipient, letter.lasting())).collect()
    })
}
