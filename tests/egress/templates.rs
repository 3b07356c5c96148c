//! A letter that takes the place of another one while recipients wait, and fails on some of them, or on all, as the real
//! program meets it. Letters that fail from the start are refused with their rows: see the tests of the sender's desk.

use std::net::TcpListener;

use super::refusals::figure;
use super::servers::{Memory, Server};
use super::{Desk, to};

/// Takes one of the letters from `first@`: what it says to the next one holds the mailing.
fn picky() -> Memory {
    let mut taken = 0;
    Box::new(move |command| {
        taken += usize::from(command.starts_with("MAIL") && command.contains("<first@"));
        (command.starts_with("MAIL") && taken > 1).then_some("530 5.7.0 Authentication required")
    })
}

/// A campaign that has begun, of which all but `p0` wait for another letter.
fn begun(rows: usize, is_bad: impl Fn(usize) -> bool, max_rejected: &str) -> (Server, Desk) {
    let server = Server::minding(TcpListener::bind("127.0.0.1:0").unwrap(), picky);
    let desk = Desk::new(1);
    let row = |n: usize| format!("p{n}@a.example,{}\n", if is_bad(n) { "x" } else { "1" });
    desk.put("w.csv", &format!("email,first\n{}", (0..rows).map(row).collect::<String>()));
    desk.campaign("w", "return_path = \"first@acme.example\"");
    let (code, said) = desk.send("w", &(to(server.address) + "sessions_per_site = 1\n"));
    assert_eq!((code, server.seen().messages), (Some(3), 1), "{said}");
    desk.campaign("w", "");
    let toml = std::fs::read_to_string(desk.path().join("w.toml")).unwrap();
    desk.put("w.toml", &format!("{toml}max_rejected = \"{max_rejected}\"\n"));
    (server, desk)
}

#[test]
fn a_letter_that_fails_on_more_than_may_be_rejected_is_refused_and_everybody_still_waits() {
    let (server, desk) = begun(60, |n| n % 10 == 9, "5%");
    desk.put("w.txt", "{{ first|int }} hello.\n");
    for _ in 0..2 {
        let (code, said) = desk.send("w", &to(server.address));
        assert_eq!((code, server.seen().messages), (Some(2), 1), "{said}");
        assert!(
            said.contains("6 recipients of 59 who wait can have no message with this letter; p9@a.example: w.txt"),
            "{said}"
        );
        assert_eq!(figure(&desk.report("w"), "waiting"), 59);
    }
    desk.put("w.txt", "{{ first }} hello.\n");
    desk.delivers(&to(server.address));
    assert_eq!(server.seen().messages, 60);
}

#[test]
fn a_letter_that_fails_on_everybody_holds_the_mailing_and_burns_nobody() {
    for recipients in [1000, 5] {
        let (server, desk) = begun(recipients, |n| n > 0, "100%");
        desk.put("w.txt", "Dear {{ first }},\n{{ first|int }}.\n");
        let (code, said) = desk.send("w", &to(server.address));
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("error: held: no message can be made: ") && said.contains("w.txt, line 2"), "{said}");
        assert!(said.contains("--ignore-bounces"), "{said}");
        let report = desk.report("w");
        let waiting = recipients - 1;
        assert_eq!((figure(&report, "bounced"), figure(&report, "waiting")), (0.into(), waiting.into()), "{report}");
        assert_eq!(figure(&report, "held")["reason"], "rendering", "{report}");
        assert_eq!(server.seen().messages, 1, "nobody was asked");
        desk.put("w.txt", "Dear {{ first }},\nhello.\n");
        desk.delivers(&to(server.address));
        assert_eq!(server.seen().messages, recipients);
    }
}

#[test]
fn rows_that_a_letter_fails_on_wait_for_a_mended_one_and_the_others_get_their_mail() {
    type IsBad = fn(usize) -> bool;
    let cases: [(usize, IsBad); 4] =
        [(900, |n| n % 10 == 9), (99, |n| n > 1), (60, |n| n >= 2), (60, |n| !n.is_multiple_of(2))];
    for (rows, is_bad) in cases {
        let (server, desk) = begun(rows, is_bad, "100%");
        let bad = (0..rows).filter(|n| is_bad(*n)).count();
        desk.put("w.txt", "{{ first|int }} hello.\n");
        // The same letter fails again, and bounces nobody.
        for _ in 0..2 {
            let (code, said) = desk.send("w", &to(server.address));
            assert_eq!(code, Some(3), "{said}");
            assert!(said.contains("error: held: ") && said.contains("w.txt, line 1"), "{said}");
            assert!(said.contains("the template must cope") && said.contains("--ignore-bounces"), "{said}");
            let report = desk.report("w");
            assert_eq!((figure(&report, "bounced"), figure(&report, "expired")), (0.into(), 0.into()), "{report}");
            assert_eq!(figure(&report, "waiting"), bad, "{report}");
            assert_eq!(server.seen().messages, rows - bad);
        }
        desk.put("w.txt", "{{ first }} hello.\n");
        let (code, said) = desk.send("w", &to(server.address));
        assert_eq!((code, server.seen().messages), (Some(0), rows), "{said}");
    }
}

#[test]
fn a_letter_that_fails_on_too_many_rows_stops_the_mailing_before_its_end() {
    let (server, desk) = begun(900, |n| n % 3 == 2, "100%");
    desk.put("w.txt", "{{ first|int }} hello.\n");
    let (code, said) = desk.send("w", &to(server.address));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("error: held: no message could be made for ") && said.contains("w.txt, line 1"), "{said}");
    assert_eq!(figure(&desk.report("w"), "bounced"), 0);
    let (code, said) = desk.start_with("w", &to(server.address), &["--ignore-bounces"]).wait();
    assert_eq!(code, Some(0), "{said}");
    let report = desk.report("w");
    assert_eq!((figure(&report, "bounced"), figure(&report, "delivered")), (300.into(), 600.into()), "{report}");
}
