//! A smarthost that lets in only who shows a certificate: a real Postfix. Who has it delivers, and who has not loses
//! nobody, and is told what is wanted.

use crate::campaign::{Campaign, adds_up};
use crate::letters::one_each;
use crate::mta::{Postfix, Server, certificate};
use crate::program::{PATIENCE, Running, number, run, wait_for};

const RECIPIENTS: usize = 300;
const SHOWN: &str = "[tls]\ncertificate = \"client.pem\"\nkey = \"client-key.pem\"\n";

/// What Postfix says to all others, inside TLS.
const REFUSED: &str = "421 4.7.1 postfix.test Error: No client certificate presented";

/// A Postfix that trusts the client's certificate alone, and a campaign for it with that certificate beside it.
fn smarthost() -> (Campaign, Postfix) {
    let campaign = Campaign::made_up(RECIPIENTS, "");
    let trusted = campaign.scratch.at("client.pem");
    certificate("mx1.acme.example", &trusted, &campaign.scratch.at("client-key.pem"));
    (campaign, Postfix::for_clients_with(&trusted))
}

#[test]
fn whoever_shows_the_certificate_delivers() {
    for minimum in ["1.2", "1.3"] {
        let (campaign, server) = smarthost();
        let keys = format!("[delivery]\ntls = \"required\"\ntls_minimum = \"{minimum}\"\n{SHOWN}");
        let send = campaign.send(&campaign.engine("engine", &keys), &server.address());
        let summary = run(&campaign.scratch, "send", send).expect_code(0).json();
        adds_up(&summary);
        assert_eq!(number(&summary, "delivered"), RECIPIENTS as u64, "{minimum}: {summary}");
        for letter in one_each(server.letters(RECIPIENTS)).values() {
            assert!(letter.trace.contains("(Client CN \"mx1.acme.example\", "), "{}", letter.trace);
            assert!(letter.trace.contains("(verified OK)"), "{}", letter.trace);
        }
    }
}

#[test]
fn whoever_shows_none_bounces_nobody() {
    let (campaign, server) = smarthost();
    for tls in ["required", "opportunistic"] {
        let engine = campaign.engine("engine", &format!("[delivery]\ntls = \"{tls}\"\n"));
        let send = campaign.send_with_data(&campaign.scratch.at(tls), &engine, &server.address());
        let sending = Running::start(&campaign.scratch, "send", send);
        wait_for("the reason in the log", PATIENCE, || sending.said().contains(REFUSED).then_some(()));
        sending.signal("INT");
        let summary = sending.wait(PATIENCE).expect_code(3).json();
        adds_up(&summary);
        let counts = ["delivered", "bounced", "waiting"].map(|name| number(&summary, name));
        assert_eq!(counts, [0, 0, RECIPIENTS as u64], "{tls}: {summary}");
    }
    assert_eq!(server.log().matches("from=<").count(), 0, "{}", server.log());
}
