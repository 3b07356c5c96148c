//! What a transaction asks for beyond delivery, and how addresses are said where something is not offered.

use super::play::{config, open, play, play_transactions, proven, transaction};
use crate::mail::Envelope;
use crate::smtp::client::{Config, Dsn, Notify, Options, Ret, Starttls, Transaction};
use std::sync::Arc;

fn asking(options: Options) -> Vec<Transaction> {
    let transaction = transaction(1, &["a+b=c@x", "d@x"], "one\r\n");
    vec![Transaction { options: Some(Arc::new(options)), ..transaction }]
}

fn notify_failure() -> Options {
    let notify = Notify { failure: true, delay: true, success: false };
    let dsn = Dsn { ret: Some(Ret::Headers), envid: Some((*b"job 7").into()), notify: Some(notify) };
    Options { dsn: Some(dsn), require_tls: false }
}

#[test]
fn dsn_is_said_where_it_is_offered() {
    let script = open(&["PIPELINING", "DSN", "SIZE"])
        + "N
           C: MAIL FROM:<b1@us> SIZE=5 RET=HDRS ENVID=job+207
           C: RCPT TO:<a+b=c@x> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a+2Bb+3Dc@x
           C: RCPT TO:<d@x> NOTIFY=FAILURE,DELAY ORCPT=rfc822;d@x
           C: DATA";
    play_transactions(&config(), proven(), &script, &|| asking(notify_failure()));
    let script = open(&["PIPELINING"])
        + "N
           C: MAIL FROM:<b1@us>
           C: RCPT TO:<a+b=c@x>
           C: RCPT TO:<d@x>
           C: DATA";
    play_transactions(&config(), proven(), &script, &|| asking(notify_failure()));
    // In lockstep too.
    let script = open(&["DSN"])
        + "N
           C: MAIL FROM:<b1@us> RET=HDRS ENVID=job+207
           S: 250 ok
           C: RCPT TO:<a+b=c@x> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a+2Bb+3Dc@x
           S: 250 ok
           C: RCPT TO:<d@x> NOTIFY=FAILURE,DELAY ORCPT=rfc822;d@x";
    play_transactions(&config(), proven(), &script, &|| asking(notify_failure()));
}

#[test]
fn requiretls_is_said_inside_tls_only_and_else_nothing_is_sent() {
    let require = || asking(Options { dsn: None, require_tls: true });
    let inside = Config { starttls: Starttls::Implicit, ..config() };
    let script = open(&["PIPELINING", "REQUIRETLS"])
        + "N
           C: MAIL FROM:<b1@us> REQUIRETLS
           C: RCPT TO:<a+b=c@x>
           C: RCPT TO:<d@x>
           C: DATA";
    play_transactions(&inside, proven(), &script, &require);
    let why = "the message needs REQUIRETLS, which the server does not offer inside TLS; it was not sent";
    let refused = format!(
        "N
         T: 0
         E: 1.0 refused at mail: 550 5.7.30 {why}
         E: 1.1 refused at mail: 550 5.7.30 {why}
         E: 1 finished"
    );
    play_transactions(&inside, proven(), &(open(&["PIPELINING"]) + &refused), &require);
    play_transactions(&config(), proven(), &(open(&["REQUIRETLS"]) + &refused), &require);
}

fn unicode(reverse_path: &str, to: &[&str]) -> Vec<Transaction> {
    let mut envelope = Envelope::new(reverse_path.as_bytes());
    to.iter().for_each(|to| envelope.push(to.as_bytes()));
    vec![Transaction { envelope, ..transaction(1, &[], "one\r\n") }]
}

#[test]
fn a_domain_is_said_as_a_labels_where_smtputf8_is_not_offered() {
    let all = || unicode("news@b\u{fc}cher.example", &["jo@m\u{fc}ller.example", "d\u{f6}ra@m\u{fc}ller.example"]);
    let needs = "553 5.6.7 the address needs SMTPUTF8, which the server does not offer; it was not sent";
    let script = open(&["PIPELINING"])
        + &format!(
            "N
             C: MAIL FROM:<news@xn--bcher-kva.example>
             C: RCPT TO:<jo@xn--mller-kva.example>
             C: DATA
             S: 250 ok
             E: 1.1 refused at rcpt: {needs}
             S: 250 ok
             S: 354 go
             C: one
             C: .
             S: 250 ok 7
             E: 1.0 accepted: 250 ok 7
             E: 1 finished"
        );
    play_transactions(&config(), proven(), &script, &all);
    let script = open(&["PIPELINING", "SMTPUTF8"])
        + "N
           C: MAIL FROM:<news@b\u{fc}cher.example> SMTPUTF8
           C: RCPT TO:<jo@m\u{fc}ller.example>
           C: RCPT TO:<d\u{f6}ra@m\u{fc}ller.example>
           C: DATA";
    play_transactions(&config(), proven(), &script, &all);
    let why = "the reverse-path needs SMTPUTF8, which the server does not offer; the message was not sent";
    let script = open(&["PIPELINING"]) + &format!("N\nT: 0\nE: 1.0 refused at mail: 553 5.6.7 {why}\nE: 1 finished");
    play_transactions(&config(), proven(), &script, &|| unicode("n\u{e9}ws@b.example", &["jo@c.example"]));
}

#[test]
fn where_smtputf8_is_spoken_orcpt_is_in_unicode_too() {
    let options = Options { dsn: Some(Dsn::default()), require_tls: false };
    let asked = move || {
        let options = Some(Arc::new(options.clone()));
        unicode("b1@us", &["d\u{f6}r+a@m.example"])
            .into_iter()
            .map(|t| Transaction { options: options.clone(), ..t })
            .collect()
    };
    let script = open(&["PIPELINING", "SMTPUTF8", "DSN"])
        + "N
           C: MAIL FROM:<b1@us> SMTPUTF8
           C: RCPT TO:<d\u{f6}r+a@m.example> ORCPT=utf-8;d\u{f6}r\\x{2B}a@m.example
           C: DATA";
    play_transactions(&config(), proven(), &script, &asked);
    play(&config(), &(open(&["DSN"]) + "B: 1 a@x | one\nC: MAIL FROM:<b1@us>"));
}
