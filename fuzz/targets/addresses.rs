//! Mailboxes and domains: what is taken is canonical, and can stand in a command.

use posthaste::mail::address::{LOCAL_OCTETS_MAX, MAILBOX_OCTETS_MAX, Mailbox, parse_domain_into, parse_into};

pub fn run(data: &[u8]) {
    let mut domain = b"before".to_vec();
    match parse_domain_into(data, &mut domain) {
        Err(_) => assert_eq!(domain, b"before", "a refused domain left something behind"),
        Ok(()) => canonical_domain(&domain[6..]),
    }
    let mut out = b"before".to_vec();
    let parsed = parse_into(data, &mut out);
    match Mailbox::parse(data) {
        Err(error) => {
            assert_eq!(parsed, Err(error));
            assert_eq!(out, b"before", "a refused mailbox left something behind");
        }
        Ok(mailbox) => {
            let text = mailbox.as_str();
            assert_eq!(&out[6..], text.as_bytes());
            assert_eq!(parsed, Ok(mailbox.local_part().len()));
            assert_eq!(format!("{}@{}", mailbox.local_part(), mailbox.domain()), text);
            assert!(text.len() <= MAILBOX_OCTETS_MAX && (1..=LOCAL_OCTETS_MAX).contains(&mailbox.local_part().len()));
            assert!(!text.chars().any(char::is_control), "{text:?} holds a control character");
            if !mailbox.local_part().starts_with('"') {
                assert!(!text.contains([' ', '<', '>', ',']), "{text:?} cannot stand in a command");
            }
            canonical_domain(mailbox.domain().as_bytes());
            assert_eq!(Mailbox::parse(text.as_bytes()).as_ref(), Ok(&mailbox), "{text:?} is not canonical");
        }
    }
}

fn canonical_domain(domain: &[u8]) {
    let shown = String::from_utf8_lossy(domain);
    assert!(domain.is_ascii() && !domain.is_empty() && domain.len() <= 255, "{shown:?}");
    assert!(!domain.iter().any(|o| o.is_ascii_control() || b" <>,@\"\\".contains(o)), "{shown:?}");
    let mut again = Vec::new();
    assert_eq!(parse_domain_into(domain, &mut again), Ok(()), "{shown:?}");
    assert_eq!(again, domain, "{shown:?} is not canonical");
}
