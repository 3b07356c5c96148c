//! The smarthost of one's own: logging in, TLS before the greeting, and what a campaign asks of the next hop.

use super::dns_server::{DnsServer, Zone};
use super::servers::{Odd, Server};
use super::{Desk, mx, to};
use std::net::TcpListener;

fn offers(odd: Odd) -> Server {
    Server::smtp(TcpListener::bind("127.0.0.1:0").unwrap(), odd)
}

const LOGIN: &str = "[smarthost]\nuser = \"jo\"\npassword_env = \"EGRESS_PASSWORD\"\n";

#[test]
fn the_smarthost_is_logged_in_to_and_the_password_is_not_shown() {
    let mx = offers(|command| match command.split(' ').next() {
        Some("EHLO") => Some("250-mx.test\r\n250 AUTH PLAIN LOGIN\r\n"),
        // base64 of NUL jo NUL hunter2
        Some("AUTH") if command == "AUTH PLAIN AGpvAGh1bnRlcjI=" => Some("235 2.7.0 welcome\r\n"),
        Some("AUTH") => Some("535 5.7.8 no\r\n"),
        _ => None,
    });
    let desk = Desk::new(12);
    let said = desk.delivers(&format!("{}{LOGIN}auth_in_clear = true\n", to(mx.address)));
    let seen = mx.seen();
    assert_eq!((seen.messages, seen.said("AUTH")), (12, seen.sessions.len()));
    assert!(!said.contains("hunter2") && !said.contains("AGpv"), "{said}");
}

#[test]
fn a_login_that_is_refused_holds_the_mailing_and_bounces_nobody() {
    const UNKNOWN: &str = "535 5.7.8 who are you?\r\n";
    const MECHANISM: &str = "504 5.5.4 Unrecognized authentication type\r\n";
    const OFFER: &str = "250-mx.test\r\n250 AUTH PLAIN\r\n";
    fn answer(command: &str, to_auth: &'static str) -> Option<&'static str> {
        match command.split(' ').next() {
            Some("EHLO") => Some(OFFER),
            Some("AUTH") => Some(to_auth),
            _ => None,
        }
    }
    let refuses: [(&str, Odd); 2] =
        [(UNKNOWN, |command| answer(command, UNKNOWN)), (MECHANISM, |command| answer(command, MECHANISM))];
    for (refusal, refuses) in refuses {
        let mx = offers(refuses);
        let desk = Desk::new(12);
        let (code, said) = desk.send("w", &format!("{}{LOGIN}auth_in_clear = true\n", to(mx.address)));
        assert_eq!(code, Some(3), "{said}");
        let quoted = format!("\"{}\"", refusal.trim_end());
        assert!(said.contains("does not take our login") && said.contains(&quoted), "{said}");
        assert!(said.contains("12 recipients wait"), "{said}");
        assert_eq!(said.matches("the mailing is held").count(), 1, "{said}");
        assert_eq!((mx.seen().messages, mx.seen().said("MAIL")), (0, 0));
    }
}

#[test]
fn a_password_does_not_leave_in_clear_text_unless_that_is_wanted() {
    let mx = offers(|command| command.starts_with("EHLO").then_some("250-mx.test\r\n250 AUTH PLAIN LOGIN\r\n"));
    let desk = Desk::new(3);
    let (code, said) = desk.send("w", &format!("{}{LOGIN}", to(mx.address)));
    assert_eq!(code, Some(3), "{said}");
    let why = "was not told the login: the session has no encryption (TLS), and the password is not said outside of it";
    assert!(said.contains(why) && said.contains("hint: have the server offer STARTTLS"), "{said}");
    assert!(said.contains("auth_in_clear = true") && !said.contains("it answered AUTH"), "{said}");
    assert_eq!((mx.seen().messages, mx.seen().said("AUTH")), (0, 0));
}

#[test]
fn starttls_that_failed_is_tried_again_where_clear_text_is_no_way_on() {
    for (login, sessions) in [("", 1), ("", 4), (LOGIN, 1)] {
        let mx = Server::starttls();
        let desk = Desk::new(12);
        let said = desk.delivers(&format!("{}sessions_per_site = {sessions}\n{login}", to(mx.address)));
        let seen = mx.seen();
        assert_eq!(seen.messages, 12, "{said}");
        assert!(seen.said("STARTTLS") > 2 && (seen.said("AUTH") > 0) != login.is_empty(), "{seen:?}");
        let hosts = std::fs::read_to_string(desk.path().join("data/hosts.jsonl")).unwrap_or_default();
        assert!(!hosts.contains("StarttlsBroken"), "{hosts}");
    }
}

#[test]
fn starttls_that_fails_on_holds_the_mailing_and_says_who_wants_it() {
    let broken: Odd = |command| match command.split(' ').next() {
        Some("EHLO") => Some("250-mx.test\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n"),
        Some("STARTTLS") => Some("220 go ahead\r\n"),
        Some("MAIL") => Some("530 5.7.0 Must issue a STARTTLS command first\r\n"),
        _ => None,
    };
    let wants = "it takes no mail without: it says \"530 5.7.0 Must issue a STARTTLS command first\"";
    let cases = [
        ("", wants),
        (LOGIN, "the login is not said without"),
        ("tls = \"required\"\nretry = [\"1s\"]\n", "configuration demands TLS"),
    ];
    let sendings = cases.map(|(more, wants)| {
        let (mx, desk) = (offers(broken), Desk::new(12));
        let sending = desk.start("w", &format!("{}{more}", to(mx.address)));
        (mx, desk, sending, wants)
    });
    for (mx, desk, sending, wants) in sendings {
        let (code, said) = sending.wait();
        assert_eq!(code, Some(3), "{said}");
        let start = format!("error: held: TLS with the smarthost {} fails each time (", mx.address);
        assert!(said.contains(&start) && said.contains(&format!("), and {wants}")), "{said}");
        assert!(said.contains("  hint: have STARTTLS of that server mended"), "{said}");
        let report = desk.report("w");
        let counts = ["waiting", "bounced", "expired"].map(|word| super::refusals::figure(&report, word).as_u64());
        assert_eq!(counts, [12, 0, 0].map(Some), "{report}");
        assert!(mx.seen().said("STARTTLS") >= 3 && mx.seen().messages == 0, "{said}");
    }
}

#[test]
fn a_login_that_is_not_whole_is_told_of_before_anything_is_sent() {
    let desk = Desk::new(1);
    let mx = mx();
    let half = format!("{}[smarthost]\nuser = \"jo\"\n", to(mx.address));
    for (config, said) in [
        (half.clone(), "e.toml:5:8: smarthost.user: there is no password for this user"),
        (
            half.clone() + "password_file = \"none.secret\"\n",
            "e.toml:6:17: smarthost.password_file: none.secret cannot be read",
        ),
        (
            half + "password_env = \"EGRESS_UNSET\"\n",
            "e.toml:6:16: smarthost.password_env: the environment variable \"EGRESS_UNSET\" is not set",
        ),
    ] {
        let (code, message) = desk.send("w", &config);
        assert_eq!(code, Some(2), "{message}");
        assert!(message.contains(said) && message.contains("hint: "), "{message}");
    }
    assert!(mx.seen().sessions.is_empty());
}

#[test]
fn tls_before_the_greeting_is_spoken_where_it_is_wanted() {
    let (mx, desk) = (Server::smtps(), Desk::new(12));
    desk.delivers(&format!("{}[smarthost]\ntls = \"implicit\"\n", to(mx.address)));
    let seen = mx.seen();
    assert_eq!((seen.messages, seen.said("STARTTLS")), (12, 0));
}

#[test]
fn without_tls_before_the_greeting_nothing_is_said_to_who_should_have_it() {
    let (mx, desk) = (mx(), Desk::new(3));
    let mut sending = desk.start("w", &format!("{}[smarthost]\ntls = \"implicit\"\n", to(mx.address)));
    sending.says("the site rests");
    assert_eq!(sending.interrupt().0, Some(3));
    assert_eq!((mx.seen().messages, mx.seen().sessions.len()), (0, 0));
}

#[test]
fn notifications_are_asked_for_where_they_are_offered() {
    let mx = offers(|command| command.starts_with("EHLO").then_some("250-mx.test\r\n250 DSN\r\n"));
    let (desk, plain) = (Desk::new(2), super::mx());
    let asks = "[dsn]\nnotify = [\"failure\", \"delay\"]\nret = \"headers\"\nenvid = \"w 1\"";
    desk.campaign("w", asks);
    desk.delivers(&to(mx.address));
    let seen = mx.seen();
    let mail = seen.commands.iter().find(|c| c.starts_with("MAIL")).unwrap();
    assert!(mail.contains(" RET=HDRS") && mail.contains(" ENVID=w+201"), "{mail}");
    let rcpt = seen.commands.iter().find(|c| c.starts_with("RCPT")).unwrap();
    assert!(rcpt.contains(" NOTIFY=FAILURE,DELAY") && rcpt.contains(" ORCPT=rfc822;p"), "{rcpt}");
    // Where DSN is not offered nothing is asked for.
    desk.campaign("second", asks);
    assert_eq!(desk.send("second", &to(plain.address)).0, Some(0));
    assert!(!plain.seen().commands.iter().any(|c| c.contains("NOTIFY") || c.contains("RET=")));
}

#[test]
fn a_message_that_may_only_travel_under_tls_does_not_travel_without() {
    let (mx, desk) = (mx(), Desk::new(2));
    desk.campaign("w", "require_tls = true");
    // Before the third failure, which would hold the mailing.
    let (code, said) = desk.send("w", &format!("{}retry = [\"1s\"]\nlifetime = \"1s\"\n", to(mx.address)));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!((mx.seen().messages, mx.seen().said("RCPT")), (0, 0), "{said}");
}

#[test]
fn what_cannot_fit_holds_the_mailing_and_whoever_insists_has_it_refused_before_it_is_rendered() {
    let mx = offers(|command| command.starts_with("EHLO").then_some("250-mx.test\r\n250 SIZE 20000\r\n"));
    let desk = Desk::new(2000);
    desk.put("big.txt", &"0123456789abcdef\n".repeat(4000));
    desk.campaign("w", "attachments = [{ file = \"big.txt\" }]");
    let (code, said) = desk.send("w", &to(mx.address));
    assert!(
        code == Some(3) && said.contains("does not take the letter") && said.contains("2,000 recipients wait"),
        "{said}"
    );
    let (code, said) = desk.start_with("w", &to(mx.address), &["--ignore-bounces"]).wait();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!((mx.seen().messages, mx.seen().said("MAIL")), (0, 0));
    let report = desk.report("w");
    assert!(report.contains("\"bounced\": 2000") || report.contains("\"bounced\":2000"), "{report}");
    assert!(report.contains("the site takes at most 20000"), "{report}");
}

#[test]
fn a_smarthost_that_does_not_exist_is_told_of_before_anything_is_begun() {
    let (desk, dns) = (Desk::new(3), DnsServer::start(Zone::new()));
    let config =
        format!("[dns]\nservers = [\"{}\"]\n[delivery]\nsmarthost = \"relay.nowhere.example:25\"\n", dns.address());
    let (code, said) = desk.send("w", &config);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("the smarthost cannot be found: relay.nowhere.example"), "{said}");
    assert!(said.contains("hint: check the name") && !desk.path().join("data/campaign/w/rows.dat").exists(), "{said}");
}

#[test]
fn a_greeting_that_does_not_come_is_what_binds() {
    let (desk, mx) = (Desk::new(3), Server::smtps());
    let mut sending = desk.start("w", &to(mx.address));
    let said = sending.says("bound by the greeting of ");
    assert!(said.contains("127.0.0.1") && said.contains("which has not come for"), "{said}");
    let (code, said) = sending.interrupt();
    assert_eq!(code, Some(3), "{said}");
    let last = said.split("error: not finished: 3 recipients wait").nth(1).unwrap_or_else(|| panic!("{said}"));
    assert!(last.contains("it was bound by the greeting of ") && last.contains("hint: go on with: "), "{said}");
    // It is not waited for, and we are who ended it.
    assert!(!said.contains("the session failed") && !said.contains("the site rests"), "{said}");
}
