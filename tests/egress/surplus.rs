//! Limits of a smarthost that it never announced and tells of in whatever words: nobody bounces, nobody waits, nothing is
//! held, and everybody has one copy.

use super::servers::{Memory, Server};
use super::{Desk, to};
use std::net::TcpListener;

/// One message serves everybody.
const TO_ALL: &str = "to = \"Friends <friends@acme.example>\"";

/// What a session has named, as far as a limit counts.
#[derive(Default)]
struct Named {
    messages: usize,
    taken: usize,
    unknown: usize,
    /// Too many recipients were named in this transaction.
    crowded: bool,
}

impl Named {
    fn hears(&mut self, command: &str) {
        match command.split(' ').next() {
            Some("MAIL" | "RSET") => (self.taken, self.crowded) = (0, false),
            Some(".") => self.messages += 1,
            _ => {}
        }
    }
}

/// So many recipients in a transaction, and what it says to the others.
fn takes(most: usize, reply: &'static str, at_data: Option<&'static str>) -> Memory {
    let mut named = Named::default();
    Box::new(move |command| {
        named.hears(command);
        if command.starts_with("RCPT") && named.taken == most {
            named.crowded = true;
            return Some(reply);
        }
        named.taken += usize::from(command.starts_with("RCPT"));
        at_data.filter(|_| command == "DATA" && named.crowded)
    })
}

/// So many messages in a session, and what it answers this command with behind them.
fn carries(most: usize, verb: &'static str, reply: &'static str) -> Memory {
    let mut named = Named::default();
    Box::new(move |command| {
        named.hears(command);
        (named.messages >= most && command.starts_with(verb)).then_some(reply)
    })
}

/// Every tenth is unknown, and so many of them make it say so of everybody.
fn bears(most: usize, reply: &'static str) -> Memory {
    let mut named = Named::default();
    Box::new(move |command| match command.strip_prefix("RCPT TO:<p") {
        Some(_) if named.unknown == most => Some(reply),
        Some(name) if name.split('@').next().is_some_and(|number| number.ends_with('7')) => {
            named.unknown += 1;
            Some("550 5.1.1 unknown user")
        }
        _ => None,
    })
}

fn figures(desk: &Desk) -> [u64; 4] {
    let report: serde_json::Value = serde_json::from_str(&desk.report("w")).unwrap();
    ["delivered", "bounced", "expired", "waiting"].map(|word| report[word].as_u64().unwrap())
}

/// Sends to so many, of whom so many are unknown.
fn sends(make: fn() -> Memory, shares: bool, recipients: usize, unknown: u64) {
    let smarthost = Server::minding(TcpListener::bind("127.0.0.1:0").unwrap(), make);
    let desk = Desk::new(recipients);
    if shares {
        desk.campaign("w", TO_ALL);
    }
    let said =
        desk.delivers(&(to(smarthost.address) + "sessions_per_site = 2\nretry = [\"1h\"]\nlifetime = \"10s\"\n"));
    let delivered = recipients as u64 - unknown;
    assert_eq!(figures(&desk), [delivered, unknown, 0, 0], "{said}{:?}", smarthost.seen().commands);
}

#[test]
fn recipients_beyond_what_a_transaction_takes_go_in_the_next_one_at_once() {
    let servers: [fn() -> Memory; 5] = [
        || takes(20, "550 Too many recipients", None),
        || takes(20, "552 too many recipients", None),
        || takes(20, "550 5.7.1 Too many recipients in one message, limit is 20", None),
        || takes(20, "550 Zu viele Empfaenger", None),
        || takes(20, "552 too many recipients", Some("554 too many recipients")),
    ];
    servers.into_iter().for_each(|make| sends(make, true, 110, 0));
}

#[test]
fn what_a_session_does_not_carry_goes_in_the_next_one_at_once() {
    let servers: [fn() -> Memory; 5] = [
        || carries(3, "MAIL", "450 4.7.0 Too many messages in this session"),
        || carries(3, "MAIL", "554 5.7.0 Too many messages in this connection"),
        || carries(3, "MAIL", "503 too many transactions"),
        || carries(3, "RCPT", "451 4.7.1 max messages per connection reached"),
        || carries(3, "RCPT", "550 too many messages for this session"),
    ];
    servers.into_iter().for_each(|make| sends(make, false, 60, 0));
}

#[test]
fn whoever_comes_behind_too_many_unknown_users_is_none_of_them() {
    let servers: [fn() -> Memory; 3] = [
        || bears(2, "550 Too many unknown users"),
        || bears(2, "550 Number of failed recipients exceeded.  Come back in a few hours."),
        || bears(2, "550 5.5.0 Too many invalid recipients"),
    ];
    for make in servers {
        sends(make, true, 80, 8);
        sends(make, false, 80, 8);
    }
}
