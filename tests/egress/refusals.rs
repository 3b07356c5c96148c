//! Refusals of us by a smarthost: nobody bounces, the mailing is held, and goes on once their cause is mended.

use super::servers::{Odd, Server};
use super::{Desk, dns_server, source, to};
use std::net::TcpListener;

/// A smarthost that answers this command so until it is mended.
pub(super) fn refusing(odd: Odd) -> Server {
    Server::smtp(TcpListener::bind("127.0.0.1:0").unwrap(), odd)
}

macro_rules! says {
    ($command:literal, $reply:literal) => {
        (|command: &str| command.starts_with($command).then_some($reply)) as Odd
    };
}

/// EHLO is refused, and so is what follows.
fn bad_name(command: &str) -> Option<&'static str> {
    (command.starts_with("EHLO") || command.starts_with("HELO")).then_some("504 5.5.2 bad EHLO name")
}

pub(super) fn figure(report: &str, key: &str) -> serde_json::Value {
    serde_json::from_str::<serde_json::Value>(report).unwrap()[key].clone()
}

#[test]
fn whatever_a_smarthost_refuses_of_us_bounces_nobody_and_holds_the_mailing() {
    let refusals: &[(Odd, &str, &str)] = &[
        (says!("MAIL", "530 5.7.0 Authentication required"), "530 5.7.0 Authentication required", "login"),
        (says!("MAIL", "530 5.7.0 Must issue a STARTTLS command first"), "Must issue a STARTTLS command first", "tls"),
        (says!("MAIL", "535 5.7.8 bad credentials"), "535 5.7.8 bad credentials", "login"),
        (says!("RCPT", "530 5.7.57 Client not authenticated"), "530 5.7.57", "login"),
        (says!("RCPT", "550 relay denied"), "550 relay denied", "relay"),
        (says!("RCPT", "554 5.7.1 <x@a.example>: Relay access denied"), "Relay access denied", "relay"),
        (says!("RCPT", "454 4.7.1 <x@a.example>: Relay access denied"), "454 4.7.1", "relay"),
        (bad_name, "504 5.5.2 bad EHLO name", "name"),
        (
            says!("RCPT", "504 5.5.2 <x>: Helo command rejected: need fully-qualified hostname"),
            "Helo command rejected",
            "name",
        ),
        (says!("MAIL", "553 5.7.1 sender not allowed"), "553 5.7.1 sender not allowed", "sender"),
        (says!("RCPT", "553 5.1.8 sender domain must exist"), "sender domain must exist", "sender"),
        (says!("RCPT", "550 account suspended"), "550 account suspended", "account"),
        (says!("MAIL", "550 5.7.1 your account has been suspended"), "your account has been suspended", "account"),
        (says!("RCPT", "550 5.4.5 Daily sending quota exceeded"), "550 5.4.5 Daily sending quota exceeded", "account"),
        (says!("MAIL", "554 5.7.1 blocked using zen.spamhaus.org"), "zen.spamhaus.org", "listed_address"),
        (says!("MAIL", "550 5.7.1 \x1b[2J not you"), "550 5.7.1 \\x1b[2J not you", "unwelcome"),
    ];
    for (odd, reply, reason) in refusals {
        let (smarthost, desk) = (refusing(*odd), Desk::new(60));
        let config = to(smarthost.address) + "sessions_per_site = 2\nretry = [\"1s\"]\n";
        let (code, said) = desk.send("w", &config);
        assert_eq!(code, Some(3), "{reply}: {said}");
        let told = said.lines().filter(|line| line.starts_with("error: held: ")).collect::<Vec<_>>();
        let [sentence] = told.as_slice() else { panic!("{reply}: {said}") };
        assert!(sentence.contains(reply) && sentence.contains(&smarthost.address.to_string()), "{reply}: {said}");
        assert!(said.contains("hint: ") && said.contains("60 recipients wait"), "{reply}: {said}");
        assert_eq!(smarthost.seen().messages, 0, "{reply}");
        let report = desk.report("w");
        let counts = ["bounced", "expired", "delivered"].map(|word| figure(&report, word).as_u64().unwrap());
        assert_eq!(counts, [0; 3], "{reply}: {report}");
        assert_eq!(figure(&report, "held")["reason"], *reason, "{reply}: {report}");
        // Not mended, it is held again, and not at the end of the list.
        let before = smarthost.seen().said("MAIL");
        assert_eq!(desk.send("w", &config).0, Some(3), "{reply}");
        assert!(smarthost.seen().said("MAIL") - before < 20, "{reply}: {:?}", smarthost.seen().commands);
        // Mended, everybody gets it, once.
        let mended = refusing(|_| None);
        let mail = to(mended.address) + "retry = [\"1s\"]\n";
        let (code, said) = desk.start_with("w", &mail, &["--move-destination"]).wait();
        assert_eq!((code, mended.seen().messages), (Some(0), 60), "{reply}: {said}");
        assert!(figure(&desk.report("w"), "held").is_null(), "{reply}");
    }
}

/// A smarthost that offers AUTH and cannot judge a login now.
fn no_login_now(command: &str) -> Option<&'static str> {
    match command.split(' ').next() {
        Some("EHLO") => Some("250-mx.test\r\n250 AUTH PLAIN"),
        Some("AUTH") => Some("454 4.7.0 Temporary authentication failure"),
        _ => None,
    }
}

#[test]
fn what_a_smarthost_refuses_of_us_for_now_rests_it_and_everybody_waits() {
    let login = "[smarthost]\nuser = \"jo\"\npassword_env = \"EGRESS_PASSWORD\"\nauth_in_clear = true\n";
    let refusals: &[(Odd, &str, &str, &str)] = &[
        (says!("MAIL", "450 4.1.8 sender domain not found"), "450 4.1.8 sender domain not found", "paused for", ""),
        (says!("RCPT", "451 4.7.26 unauthenticated"), "451 4.7.26 unauthenticated", "paused for", ""),
        (no_login_now, "454 4.7.0 Temporary authentication failure", "backing off for", login),
    ];
    for (odd, reply, rests, keys) in refusals {
        let (smarthost, desk) = (refusing(*odd), Desk::new(60));
        let config = to(smarthost.address) + "sessions_per_site = 2\n" + keys;
        let mut sending = desk.start("w", &config);
        let said = sending.says("the site rests");
        let (code, more) = sending.interrupt();
        assert_eq!(code, Some(3), "{reply}: {said}{more}");
        assert!(said.contains(reply) && said.contains(rests), "{said}");
        assert!(more.contains("60 recipients wait") && !more.contains("error: held"), "{more}");
        let report = desk.report("w");
        let counts = ["bounced", "expired", "delivered", "waiting"].map(|word| figure(&report, word).as_u64().unwrap());
        assert_eq!(counts, [0, 0, 0, 60], "{reply}: {report}");
        // The attempt counts where it may have been about the recipient, and not where nobody was named.
        assert_eq!(figure(&report, "deferred") == 0, !keys.is_empty(), "{report}");
        assert!(figure(&report, "held").is_null(), "{reply}: {report}");
    }
}

#[test]
fn a_held_mailing_expires_nobody_however_little_is_left_of_the_lifetime_and_whoever_waits_is_not_deferred() {
    let (smarthost, mended) = (refusing(says!("RCPT", "550 account suspended")), refusing(|_| None));
    let desk = Desk::new(60);
    // The next step leads far beyond the lifetime.
    let config = |server: &Server| to(server.address) + "retry = [\"1h\"]\nlifetime = \"1m\"\n";
    let (code, said) = desk.send("w", &config(&smarthost));
    assert!(code == Some(3) && said.contains("60 recipients wait"), "{said}");
    let report = desk.report("w");
    assert_eq!(
        ["expired", "bounced", "waiting"].map(|word| figure(&report, word).as_u64()),
        [0, 0, 60].map(Some),
        "{report}"
    );
    desk.put("e.toml", &config(&mended));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_posthaste"));
    command.current_dir(desk.path()).args(["send", "w.toml", "--data", "data", "--config", "e.toml"]);
    let output = command.args(["--move-destination", "--json"]).output().unwrap();
    let summary = String::from_utf8(output.stdout).unwrap();
    let counts = ["delivered", "deferred", "expired"].map(|word| figure(&summary, word).as_u64());
    assert_eq!(counts, [60, 0, 0].map(Some), "{summary}");
}

#[test]
fn a_source_whose_address_is_listed_rests_and_the_others_go_on_and_the_last_one_holds_the_mailing() {
    let smarthost = refusing(|command| {
        let listed = command.starts_with("EHLO a.test") || command.starts_with("HELO a.test");
        listed.then_some("554 5.7.1 a.test blocked using zen.spamhaus.org")
    });
    let (a, b) = (source("a", "address = \"127.0.0.2\""), source("b", "address = \"127.0.0.3\""));
    let desk = Desk::new(60);
    let (code, said) = desk.send("w", &(to(smarthost.address) + &a));
    assert_eq!((code, smarthost.seen().messages), (Some(3), 0), "{said}");
    assert_eq!(figure(&desk.report("w"), "held")["reason"], "listed_address", "{said}");
    let said = desk.delivers(&(to(smarthost.address) + &a + &b));
    assert!(
        said.contains("the source rests: its address is on a block list") && said.contains("others=true"),
        "{said}"
    );
    assert_eq!(smarthost.seen().messages, 60);
}

#[test]
fn a_refusal_of_us_names_the_source_that_was_refused() {
    let smarthost = refusing(|command| {
        let greets = command.starts_with("EHLO") || command.starts_with("HELO");
        greets.then_some("504 5.5.2 Helo command rejected: need fully-qualified hostname")
    });
    let (a, b) = (source("a", "address = \"127.0.0.2\""), source("b", "address = \"127.0.0.3\""));
    let (code, said) = Desk::new(60).send("w", &(to(smarthost.address) + &a + &b));
    assert_eq!(code, Some(3), "{said}");
    let named = ["a", "b"].iter().any(|name| said.contains(&format!("hostname\", from the source {name}\n")));
    assert!(named, "{said}");
    let (_, said) = Desk::new(60).send("w", &(to(smarthost.address) + &a));
    assert!(
        said.contains("need fully-qualified hostname\"\n"),
        "with one source there is nothing to tell apart: {said}"
    );
}

#[test]
fn one_recipient_that_a_smarthost_will_not_relay_for_keeps_nobody_from_the_mail() {
    let smarthost = refusing(says!("RCPT TO:<p3@", "550 5.7.1 relaying denied"));
    let desk = Desk::new(60);
    let config = to(smarthost.address) + "sessions_per_site = 1\nretry = [\"1s\"]\nlifetime = \"3s\"\n";
    let (code, said) = desk.send("w", &config);
    assert_eq!((code, smarthost.seen().messages), (Some(0), 59), "{said}");
    let report = desk.report("w");
    assert_eq!((figure(&report, "bounced"), figure(&report, "expired")), (0.into(), 1.into()), "{report}");
}

#[test]
fn the_first_recipient_of_such_a_kind_is_no_loop_without_a_way_out() {
    let smarthost = refusing(says!("RCPT TO:<p0@", "550 5.7.1 relaying denied"));
    let desk = Desk::new(60);
    let config = to(smarthost.address) + "sessions_per_site = 1\nretry = [\"1s\"]\nlifetime = \"4s\"\n";
    let ends: Vec<_> = (0..4).map(|_| desk.send("w", &config).0).collect();
    assert_eq!((ends.last(), smarthost.seen().messages), (Some(&Some(0)), 59), "{ends:?}");
}

/// Bounced, waiting and delivered.
fn stands(desk: &Desk) -> [u64; 3] {
    let report = desk.report("w");
    ["bounced", "waiting", "delivered"].map(|word| figure(&report, word).as_u64().unwrap())
}

const SMALL: Odd = |command| command.starts_with("EHLO").then_some("250-mx.test\r\n250 SIZE 100");

#[test]
fn a_smarthost_that_takes_nobody_for_a_reason_that_no_rule_knows_burns_no_list_however_small() {
    let refusals: &[(Odd, &str, &str)] = &[
        (says!("RCPT", "550 Zugriff verweigert"), "550 Zugriff verweigert", "unwelcome"),
        (says!("RCPT", "554 5.7.1 Acc\u{e8}s refus\u{e9}"), "554 5.7.1 Acc\u{e8}s refus\u{e9}", "unwelcome"),
        (
            says!("RCPT", "550 \u{434}\u{43e}\u{441}\u{442}\u{443}\u{43f} \u{437}\u{430}\u{43f}\u{440}"),
            "550 ",
            "unwelcome",
        ),
        (says!("RCPT", "550 Denied"), "550 Denied", "unwelcome"),
        (says!("RCPT", "550 5.3.0 no"), "550 5.3.0 no", "unwelcome"),
        (says!(".", "554 5.4.6 Mail loop detected"), "554 5.4.6 Mail loop", "unwelcome"),
        (says!("RCPT", "550 5.4.1 All recipient addresses rejected : Access denied"), "550 5.4.1 All", "unwelcome"),
        (says!("DATA", "554 no"), "answered DATA with \"554 no", "unwelcome"),
        (says!(".", "554 Transaction failed"), "554 Transaction failed", "unwelcome"),
        (says!(".", "550 5.7.1 this message looks like spam"), "looks like spam", "content"),
        (SMALL, "larger than the SIZE", "content"),
    ];
    for (odd, reply, reason) in refusals {
        for recipients in [60, 2, 1] {
            let (smarthost, desk) = (refusing(*odd), Desk::new(recipients));
            let config = to(smarthost.address) + "sessions_per_site = 2\nretry = [\"1s\"]\n";
            let (code, said) = desk.send("w", &config);
            assert_eq!((code, stands(&desk)), (Some(3), [0, recipients as u64, 0]), "{reply}: {said}");
            assert!(said.contains(reply) && said.contains("go on with --ignore-bounces"), "{reply}: {said}");
            assert_eq!(figure(&desk.report("w"), "held")["reason"], *reason, "{reply}");
        }
        let (smarthost, desk) = (refusing(*odd), Desk::new(5));
        let (code, said) = desk.start_with("w", &to(smarthost.address), &["--ignore-bounces"]).wait();
        assert_eq!((code, stands(&desk)), (Some(0), [5, 0, 0]), "{reply}: {said}");
    }
}

#[test]
fn whoever_a_smarthost_refuses_before_it_takes_others_bounces_once_it_has() {
    let refusals: &[Odd] = &[says!("RCPT TO:<p0@", "550 5.3.0 no"), says!("RCPT TO:<p0@", "550 5.1.1 no such user")];
    for odd in refusals {
        let (smarthost, desk) = (refusing(*odd), Desk::new(60));
        let (code, said) =
            desk.send("w", &(to(smarthost.address) + "sessions_per_site = 1\nretry = [\"1s\", \"1h\"]\n"));
        assert_eq!((code, stands(&desk)), (Some(0), [1, 0, 59]), "{said}");
    }
    // Mailboxes that are not there are so, whoever else is: nobody doubts that.
    for unknown in [says!("RCPT", "550 5.1.1 no such user") as Odd, says!("RCPT", "550 unknown recipient")] {
        let (smarthost, desk) = (refusing(unknown), Desk::new(60));
        let (code, said) = desk.send("w", &to(smarthost.address));
        assert_eq!((code, stands(&desk)), (Some(0), [60, 0, 0]), "{said}");
    }
}

#[test]
fn a_smarthost_that_takes_nobody_any_more_burns_a_few_at_most() {
    const LATER: Odd = |command| {
        let number = command.strip_prefix("RCPT TO:<p")?.split('@').next()?.parse::<u32>().ok()?;
        (number >= 10).then_some("550 Denied")
    };
    let (smarthost, desk) = (refusing(LATER), Desk::new(90));
    let config = to(smarthost.address) + "sessions_per_site = 1\nretry = [\"1s\"]\n[engine]\nshards = 1\n";
    let (code, said) = desk.send("w", &config);
    let [bounced, waiting, delivered] = stands(&desk);
    assert!(code == Some(3) && said.contains("550 Denied"), "{said}");
    assert_eq!((bounced, waiting, delivered), (19, 61, 10), "{said}");
    // In the next run it is not believed at all, until it takes somebody.
    assert_eq!((desk.send("w", &config).0, stands(&desk)), (Some(3), [19, 61, 10]));
    let mended = refusing(|_| None);
    let mail = to(mended.address) + "retry = [\"1s\"]\n";
    let (code, said) = desk.start_with("w", &mail, &["--move-destination"]).wait();
    assert_eq!((code, stands(&desk)), (Some(0), [19, 0, 71]), "{said}");
}

#[test]
fn one_content_that_is_refused_for_everybody_burns_no_more_than_many_do() {
    // Taken once, and then never again.
    static TAKEN: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    const LATER: Odd = |command| {
        let is_end = command == ".";
        (is_end && TAKEN.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0).then_some("550 Konto gesperrt")
    };
    let (smarthost, desk) = (refusing(LATER), Desk::new(1000));
    desk.campaign("w", TO_ALL);
    let config = to(smarthost.address) + "sessions_per_site = 4\n[engine]\nshards = 1\n";
    let (code, said) = desk.send("w", &config);
    let [bounced, waiting, delivered] = stands(&desk);
    assert!(code == Some(3) && said.contains("Konto gesperrt"), "{said}");
    assert!(bounced <= 19 && (1..=100).contains(&delivered), "{bounced} {waiting} {delivered}: {said}");
}

/// One message serves everybody.
const TO_ALL: &str = "to = \"Friends <friends@acme.example>\"";

#[test]
fn recipients_that_are_refused_beside_others_in_one_transaction_keep_nobody_from_the_mail() {
    const REFUSED: Odd = |command| {
        let refused = ["RCPT TO:<p0@", "RCPT TO:<p1@", "RCPT TO:<p2@", "RCPT TO:<p3@"];
        refused.iter().any(|said| command.starts_with(said)).then_some("550 account disabled")
    };
    let (smarthost, desk) = (refusing(REFUSED), Desk::new(40));
    let config = to(smarthost.address) + "retry = [\"1s\"]\nlifetime = \"3s\"\n";
    desk.campaign("w", TO_ALL);
    let (code, said) = desk.send("w", &config);
    let report = desk.report("w");
    // Who was refused beside others is refused alone at last, and three of those in a row are no more about them.
    assert_eq!(figure(&report, "delivered"), 36, "{said}{report}");
    assert!(code == Some(0) || said.contains("--ignore-bounces"), "{said}");
    let (code, said) = desk.start_with("w", &config, &["--ignore-bounces"]).wait();
    assert!(code == Some(0) || said.contains("is complete"), "{said}");
    let report = desk.report("w");
    assert_eq!((figure(&report, "bounced"), figure(&report, "expired")), (0.into(), 4.into()), "{report}");
}

#[test]
fn the_last_recipients_that_a_smarthost_refuses_are_no_loop_without_a_way_out() {
    // The first ones hold the mailing; what is left in the end is only they.
    let smarthost = refusing(|command| {
        ["RCPT TO:<p0@", "RCPT TO:<p1@"].iter().any(|said| command.starts_with(said)).then_some("550 relaying denied")
    });
    let desk = Desk::new(12);
    let config = to(smarthost.address) + "retry = [\"1s\"]\nlifetime = \"3s\"\n";
    let ends: Vec<_> = (0..3).map(|_| desk.send("w", &config).0).collect();
    assert_eq!((ends.last(), smarthost.seen().messages), (Some(&Some(0)), 10), "{ends:?}");
    assert_eq!(figure(&desk.report("w"), "expired"), 2, "{ends:?}");
}

#[test]
fn a_held_mailing_says_so_in_its_summary_and_in_the_event_log() {
    let smarthost = refusing(says!("RCPT", "554 5.7.1 <x@a.example>: Relay access denied"));
    let desk = Desk::new(5);
    desk.put("e.toml", &(to(smarthost.address) + "[events]\nfile = \"e.log\"\n"));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_posthaste"));
    command.current_dir(desk.path()).args(["send", "w.toml", "--data", "data", "--config", "e.toml", "--json"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let held = &summary["held"];
    assert_eq!((&held["reason"], &held["host"]), (&"relay".into(), &smarthost.address.to_string().into()), "{summary}");
    assert!(held["says"].as_str().unwrap().contains("does not relay for us"), "{summary}");
    let since = held["since"].as_str().unwrap();
    assert!(since.len() == "2026-11-29T08:00:00Z".len() && since.ends_with('Z'), "{summary}");
    let log = std::fs::read_to_string(desk.path().join("e.log")).unwrap();
    assert!(
        log.lines().any(|line| line.contains("\"event\":\"mailing_held\"") && line.contains("\"reason\":\"relay\"")),
        "{log}"
    );
    let mut report = std::process::Command::new(env!("CARGO_BIN_EXE_posthaste"));
    report.current_dir(desk.path()).args(["report", "w", "--data", "data"]);
    let said = String::from_utf8(report.output().unwrap().stdout).unwrap();
    assert!(said.contains("HELD since") && said.contains("does not relay for us"), "{said}");
}

/// Recipients of which so many in a hundred bounce, in a way that no rule knows.
pub(super) fn rotten(smarthost: &Server, recipients: usize, more: &str) -> (Desk, String) {
    let desk = Desk::new(recipients);
    desk.campaign("w", more);
    (desk, to(smarthost.address) + "sessions_per_site = 1\n")
}

/// Every recipient whose number ends in 1 to 4.
pub(super) fn two_of_five(command: &str) -> Option<&'static str> {
    let number = command.strip_prefix("RCPT TO:<p")?.split('@').next()?;
    if number.ends_with('4') {
        return Some("550 5.3.0 never");
    }
    number.ends_with(['1', '2', '3']).then_some("550 5.3.0 no")
}

#[test]
fn too_many_bounces_hold_the_mailing_with_the_most_frequent_reply_and_the_ways_on() {
    let mx = refusing(two_of_five);
    let (desk, config) = rotten(&mx, 2000, "");
    let (code, said) = desk.send("w", &config);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("recipients bounced, ") && said.contains("\"550 5.3.0 no\""), "{said}");
    assert!(said.contains("--ignore-bounces") && said.contains("max_bounced"), "{said}");
    let report = desk.report("w");
    let bounced = figure(&report, "bounced").as_u64().unwrap();
    assert!((21..300).contains(&bounced), "{report}");
    assert_eq!(figure(&report, "held")["reason"], "bounces", "{report}");
    // Whoever knows better goes on.
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_posthaste"));
    command.current_dir(desk.path()).args([
        "send",
        "w.toml",
        "--data",
        "data",
        "--config",
        "e.toml",
        "--ignore-bounces",
    ]);
    assert!(command.output().unwrap().status.success());
    let report = desk.report("w");
    assert_eq!((figure(&report, "bounced"), figure(&report, "delivered")), (800.into(), 1200.into()), "{report}");
}

#[test]
fn a_small_list_or_one_with_few_bounces_or_a_higher_bound_is_not_held() {
    for (recipients, more) in [(90, ""), (400, "max_bounced = \"60%\""), (400, "max_bounced = \"100%\"")] {
        let mx = refusing(two_of_five);
        let (desk, config) = rotten(&mx, recipients, more);
        let (code, said) = desk.send("w", &config);
        assert_eq!(code, Some(0), "{recipients} {more}: {said}");
    }
    let mx = refusing(|command| command.starts_with("RCPT TO:<p9").then_some("550 5.3.0 no"));
    let (desk, config) = rotten(&mx, 900, "");
    assert_eq!(desk.send("w", &config).0, Some(0), "11 of 900");
}

#[test]
fn bounces_count_with_the_deliveries_of_their_transaction() {
    // All of them are told before the content is taken of.
    let mx = refusing(|command| {
        let number = command.strip_prefix("RCPT TO:<p")?.split('@').next()?;
        (number.ends_with('7')).then_some("550 5.3.0 no")
    });
    let desk = Desk::new(2000);
    desk.campaign("w", TO_ALL);
    let config = to(mx.address) + "sessions_per_site = 1\nrecipients_per_transaction = 2000\n";
    let (code, said) = desk.send("w", &config);
    assert_eq!(code, Some(0), "{said}");
    let report = desk.report("w");
    assert_eq!((figure(&report, "bounced"), figure(&report, "delivered")), (200.into(), 1800.into()), "{report}");
}

#[test]
fn an_ehlo_name_that_servers_refuse_is_warned_of_before_the_first_session() {
    let (mx, desk) = (super::mx(), Desk::new(1));
    let config = |name: &str| format!("[engine]\nhostname = \"{name}\"\n{}", to(mx.address));
    let (code, said) = desk.send("w", &config("box"));
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("warning: the EHLO name \"box\" is not full") && said.contains("hint: set engine.hostname"),
        "{said}"
    );
    for arguments in [vec!["send", "w.toml", "--dry-run", "--data", "data"], vec!["probe", &mx.address.to_string()]] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_posthaste"));
        let output = command.current_dir(desk.path()).args(&arguments).args(["--config", "e.toml"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("warning: the EHLO name \"box\""), "{arguments:?}: {said}");
    }
    let good = Desk::new(1);
    assert!(!good.delivers(&config("mail.acme.example")).contains("EHLO name"));
}

/// Exchangers on one port, each of a domain of its own: `mx0.test` of `d0.example`, and so on; their configuration.
fn exchangers(odds: &[Odd]) -> (Vec<Server>, dns_server::DnsServer, String) {
    let listeners = loop {
        let first = TcpListener::bind("127.0.0.10:0").unwrap();
        let port = first.local_addr().unwrap().port();
        let others = (1..odds.len()).map(|n| TcpListener::bind(format!("127.0.0.{}:{port}", 10 + n)));
        if let Ok(others) = others.collect::<Result<Vec<_>, _>>() {
            break std::iter::once(first).chain(others).collect::<Vec<_>>();
        }
    };
    let port = listeners[0].local_addr().unwrap().port();
    let zone = (0..odds.len()).fold(dns_server::Zone::new(), |zone, n| {
        let host = format!("mx{n}.test");
        zone.mx(&format!("d{n}.example"), &[(10, &host)]).address(&host, &format!("127.0.0.{}", 10 + n))
    });
    let dns = dns_server::DnsServer::start(zone);
    let servers = listeners.into_iter().zip(odds).map(|(listener, odd)| Server::smtp(listener, *odd)).collect();
    let config = format!("[delivery]\nroute = \"mx\"\nport = {port}\nretry = [\"1s\"]\nlifetime = \"4s\"\n");
    (servers, dns, config)
}

/// Recipients at each of so many domains.
fn spread(domains: usize, each: usize) -> Desk {
    let desk = Desk::new(1);
    let row = |n: usize| format!("p{n}@d{}.example,Ann\n", n % domains);
    desk.put("w.csv", &format!("email,first\n{}", (0..domains * each).map(row).collect::<String>()));
    desk
}

const UNKNOWN_SENDER: Odd = says!("MAIL", "553 5.1.8 sender domain must exist");

/// Their configuration with a long lifetime.
fn in_an_hour(config: &str, dns: &dns_server::DnsServer) -> String {
    let config = config.replace("lifetime = \"4s\"", "lifetime = \"1h\"");
    format!("{config}[dns]\nallow_loopback = true\nservers = [\"{}\"]\n", dns.address())
}

#[test]
fn whoever_exchangers_refuse_bounces_once_a_site_took_others_or_where_they_are_few() {
    let fine: Odd = |_| None;
    for (odds, each, bounced) in [(vec![says!("RCPT", "550 Denied"), fine], 5, 5), (vec![says!(".", "550 spam")], 2, 2)]
    {
        let (servers, dns, config) = exchangers(&odds);
        let desk = spread(odds.len(), each);
        let (code, said) = desk.send("w", &in_an_hour(&config, &dns));
        assert_eq!(code, Some(0), "{said}");
        let report = desk.report("w");
        assert_eq!(figure(&report, "bounced"), bounced, "{report}");
        assert_eq!(figure(&report, "delivered"), (odds.len() - 1) * each, "{report}");
        drop(servers);
    }
}

#[test]
fn a_letter_that_no_exchanger_takes_burns_no_list_however_small() {
    let cases: [(usize, [Odd; 3]); 2] = [
        (
            30,
            [says!("RCPT", "554 5.7.1 Zugriff verweigert"), says!("RCPT", "550 Denied"), says!("RCPT", "571 blocked")],
        ),
        (1, [says!(".", "550 5.7.0 Local Policy Violation"), says!(".", "550 spam"), says!("RCPT", "550 5.7.1 no")]),
    ];
    for (each, odds) in cases {
        let (servers, dns, config) = exchangers(&odds);
        let desk = spread(odds.len(), each);
        let config = in_an_hour(&config, &dns);
        let (code, said) = desk.send("w", &config);
        assert_eq!(code, Some(3), "{said}");
        assert!(
            said.contains("error: held: no server takes the letter") && said.contains("--ignore-bounces"),
            "{said}"
        );
        let report = desk.report("w");
        assert_eq!(
            (figure(&report, "bounced"), figure(&report, "waiting")),
            (0.into(), (odds.len() * each).into()),
            "{report}"
        );
        drop(servers);
    }
}

#[test]
fn one_site_that_refuses_us_waits_alone_and_bounces_nobody() {
    let fine: Odd = |_| None;
    let (servers, dns, config) = exchangers(&[UNKNOWN_SENDER, fine, fine, fine]);
    let desk = spread(4, 5);
    let config = format!("{config}[dns]\nallow_loopback = true\nservers = [\"{}\"]\n", dns.address());
    let mut sending = desk.start("w", &config);
    let mut said = sending.says("the site rests");
    servers[1..].iter().for_each(|server| server.wait_for(|seen| seen.messages == 5));
    let (code, more) = sending.interrupt();
    said.push_str(&more);
    assert_eq!(code, Some(3), "{said}");
    let report = desk.report("w");
    let counts = ["delivered", "bounced", "expired", "waiting"].map(|word| figure(&report, word).as_u64().unwrap());
    assert_eq!(counts, [15, 0, 0, 5], "{report}");
    assert!(
        said.contains("mx0.test") && said.contains("paused for ") && servers[0].seen().said("MAIL") <= 20,
        "{said}"
    );
}

#[test]
fn what_several_sites_refuse_of_us_holds_the_mailing() {
    for odd in [UNKNOWN_SENDER, says!("MAIL", "521 5.7.1 Service refused")] {
        let (servers, dns, config) = exchangers(&[odd; 4]);
        let desk = spread(4, 20);
        let (code, said) =
            desk.send("w", &format!("{config}[dns]\nallow_loopback = true\nservers = [\"{}\"]\n", dns.address()));
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("error: held: mx") && said.contains("and 2 other sites say so too"), "{said}");
        let report = desk.report("w");
        assert_eq!((figure(&report, "bounced"), figure(&report, "delivered")), (0.into(), 0.into()), "{report}");
        assert!(servers.iter().all(|server| server.seen().messages == 0));
    }
}

#[test]
fn a_site_where_too_many_bounce_is_held_alone_and_the_others_are_settled() {
    let fine: Odd = |_| None;
    let (_servers, dns, config) = exchangers(&[two_of_five, fine, fine]);
    let desk = spread(3, 150);
    let (code, said) =
        desk.send("w", &format!("{config}[dns]\nallow_loopback = true\nservers = [\"{}\"]\n", dns.address()));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("at mx0.test bounced, ") && said.contains(" of them with \"550 5.3.0 no\""), "{said}");
    assert!(said.contains("--ignore-bounces"), "{said}");
    let report = desk.report("w");
    let delivered = figure(&report, "delivered").as_u64().unwrap();
    let bounced = figure(&report, "bounced").as_u64().unwrap();
    assert!((300..420).contains(&delivered) && (11..60).contains(&bounced), "{report}");
}
