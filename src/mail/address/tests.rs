//! Addresses that are mailboxes, and those that are not.

use super::*;
use proptest::prelude::*;

fn canonical(text: &str) -> Result<String, AddressError> {
    Mailbox::parse(text.as_bytes()).map(|m| m.to_string())
}

#[test]
fn the_domain_becomes_lower_case_and_the_local_part_stays() {
    for (given, wanted) in [
        ("Ada.Lovelace@Example.ORG", "Ada.Lovelace@example.org"),
        ("  ada@example.org\t", "ada@example.org"),
        ("o'neil+tag=1@a-b.example", "o'neil+tag=1@a-b.example"),
        ("ada@Bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@例え.テスト", "ada@xn--r8jz45g.xn--zckzah"),
        ("ada@bücher。example", "ada@xn--bcher-kva.example"),
        ("\"a b\"@example.org", "\"a b\"@example.org"),
        ("\"a@b\\\"c\"@Example.org", "\"a@b\\\"c\"@example.org"),
        ("zoë@example.org", "zoë@example.org"),
        ("root@localhost", "root@localhost"),
        ("a@1.2.3.example", "a@1.2.3.example"),
    ] {
        assert_eq!(canonical(given).as_deref(), Ok(wanted), "{given:?}");
    }
}

#[test]
fn each_broken_rule_has_its_own_error() {
    use AddressError as E;
    let long_local = format!("{}@example.org", "a".repeat(65));
    let long_label = format!("a@{}.org", "b".repeat(64));
    let long = format!("a@{}org", "bcdefgh.".repeat(32));
    let endless = "a".repeat(100_000);
    for (given, wanted) in [
        ("", E::Empty),
        (" \t ", E::Empty),
        ("ada", E::NoAt),
        ("@example.org", E::LocalEmpty),
        ("ada@", E::DomainEmpty),
        ("a b@example.org", E::Blank),
        ("a@exam ple.org", E::Blank),
        ("a\u{a0}b@example.org", E::Blank),
        ("a@example.org\r\nRCPT TO:<x@y.example>", E::Control),
        ("a\0@example.org", E::Control),
        ("ada@example.org\n", E::Control),
        ("a\u{202e}b@example.org", E::Control),
        ("a@b\u{200b}.example", E::Control),
        ("\"a\tb\"@example.org", E::Control),
        ("<ada@example.org>", E::AngleBracket),
        ("\"a>b\"@example.org", E::AngleBracket),
        ("ada(work)@example.org", E::Comment),
        ("ada@example.org(work)", E::Comment),
        ("a,b@example.org", E::LocalCharacter(',')),
        ("a@b@example.org", E::LocalCharacter('@')),
        ("a\\b@example.org", E::LocalCharacter('\\')),
        ("\"ada@example.org", E::Quotes),
        ("\"a\"b@example.org", E::Quotes),
        ("a\"b\"@example.org", E::Quotes),
        ("\"a\\\"@example.org", E::Quotes),
        ("\"@example.org", E::Quotes),
        ("ada@.example.org", E::DomainDots),
        ("ada@example.org.", E::DomainDots),
        ("ada@example..org", E::DomainDots),
        ("ada@exa_mple.org", E::DomainCharacter('_')),
        ("ada@example.org;", E::DomainCharacter(';')),
        ("ada@-example.org", E::LabelHyphen),
        ("ada@example-.org", E::LabelHyphen),
        ("ada@example.org-", E::LabelHyphen),
        ("ada@example", E::NoDot),
        ("ada@192.0.2.1", E::NumericTop),
        ("ada@[192.0.2.1]", E::Literal),
        ("ada@\u{fffd}.example", E::Idna),
        (&long_local, E::LocalTooLong),
        (&long_label, E::LabelTooLong),
        (&long, E::TooLong),
        (&endless, E::TooLong),
    ] {
        assert_eq!(canonical(given), Err(wanted), "{given:?}");
    }
    assert_eq!(Mailbox::parse(b"\xff@example.org"), Err(E::NotUtf8));
}

#[test]
fn the_longest_mailbox_passes_and_one_octet_more_does_not() {
    let local = "a".repeat(LOCAL_OCTETS_MAX);
    let domain = format!("{0}.{0}.{1}.example", "b".repeat(63), "c".repeat(53));
    let longest = format!("{local}@{domain}");
    assert_eq!(longest.len(), MAILBOX_OCTETS_MAX);
    assert_eq!(canonical(&longest).as_deref(), Ok(longest.as_str()));
    assert_eq!(canonical(&format!("{local}@c{domain}")), Err(AddressError::LabelTooLong));
    assert_eq!(canonical(&format!("{local}@c.{domain}")), Err(AddressError::TooLong));
}

#[test]
fn odd_dots_come_in_quotes_and_are_compared_without() {
    for (odd, quoted) in [
        (".a@example.org", "\".a\"@example.org"),
        ("a.@Example.org", "\"a.\"@example.org"),
        (" a..b@example.org", "\"a..b\"@example.org"),
        ("zoë..x@example.org", "\"zoë..x\"@example.org"),
        ("\"a..b\"@example.org", "\"a..b\"@example.org"),
        ("a.b@example.org", "a.b@example.org"),
    ] {
        let mailbox = Mailbox::parse(odd.as_bytes()).unwrap();
        assert_eq!(mailbox.as_str(), quoted);
        assert_eq!(format!("{}@{}", mailbox.local_part(), mailbox.domain()), quoted);
    }
    let folded = |text: &str| {
        let (mut canonical, mut out) = (Vec::new(), Vec::new());
        let at = parse_into(text.as_bytes(), &mut canonical).unwrap();
        let at = fold_into(&canonical, at, &mut out);
        (String::from_utf8(out).unwrap(), at)
    };
    assert_eq!(folded("A..b@example.org"), ("a..b@example.org".to_owned(), 4));
    assert_eq!(folded("\"a..b\"@example.org"), folded("a..b@example.org"));
    let long = format!("{}..@example.org", "a".repeat(LOCAL_OCTETS_MAX - 3));
    assert_eq!(canonical(&long), Err(AddressError::LocalTooLong));
}

#[test]
fn parts_are_divided_at_the_last_at_and_utf8_is_told() {
    let m = Mailbox::parse("\"zoë@home\"@example.org".as_bytes()).unwrap();
    assert_eq!((m.local_part(), m.domain(), m.needs_utf8()), ("\"zoë@home\"", "example.org", true));
    assert!(!Mailbox::parse("a@bücher.example".as_bytes()).unwrap().needs_utf8());
}

#[test]
fn what_was_in_the_buffer_stays_there() {
    let mut out = b"before ".to_vec();
    assert_eq!(parse_into(b"a b@example.org", &mut out), Err(AddressError::Blank));
    assert_eq!(parse_into("a@b\u{fc}.example b".as_bytes(), &mut out), Err(AddressError::Blank));
    assert_eq!(parse_into(b"ada@Example.org", &mut out), Ok(3));
    parse_domain_into("B\u{fc}cher.example".as_bytes(), &mut out).unwrap();
    assert_eq!(parse_domain_into(b"a@b.example", &mut out), Err(AddressError::DomainCharacter('@')));
    assert_eq!(out, b"before ada@example.orgxn--bcher-kva.example");
}

/// Octets and characters that break naive parsers, among ordinary ones.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z0-9.@_-]{0,6}",
        r#"["\\<>() ,;:\[\]\t\r\n]"#,
        Just("@example.org".to_owned()),
        "\\PC",
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn whatever_parses_is_safe_between_angle_brackets(text in texts()) {
        let Ok(m) = Mailbox::parse(text.as_bytes()) else { return Ok(()) };
        let s = m.as_str();
        prop_assert!(s.len() <= MAILBOX_OCTETS_MAX && m.local_part().len() <= LOCAL_OCTETS_MAX);
        prop_assert!(!s.contains(['<', '>', '\r', '\n', '\0']) && !s.chars().any(char::is_control));
        prop_assert!(m.local_part().starts_with('"') || !s.contains(char::is_whitespace));
        prop_assert!(m.domain().bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.')));
        prop_assert_eq!(Mailbox::parse(s.as_bytes()), Ok(m.clone()), "canonical is a fixed point");
    }

    #[test]
    fn the_fast_path_agrees_with_the_general_way(text in "[a-zA-Z0-9.+@-]{1,30}") {
        let (mut fast, mut slow) = (Vec::new(), Vec::new());
        if let Some(at) = plain(text.as_bytes(), &mut fast) {
            prop_assert_eq!(general(text.as_bytes(), &mut slow), Ok(at));
            prop_assert_eq!(fast, slow);
        } else if general(text.as_bytes(), &mut slow).is_ok() {
            prop_assert!(slow.starts_with(b"\""), "only what must be quoted is left to the general way");
        }
    }

    #[test]
    fn no_octets_panic(text in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = Mailbox::parse(&text);
    }
}

/// See [`fold_into`].
fn folded(text: &str) -> String {
    let mut mailbox = Vec::new();
    let at = parse_into(text.as_bytes(), &mut mailbox).unwrap();
    let mut out = b"before".to_vec();
    let at = fold_into(&mailbox, at, &mut out);
    let text = String::from_utf8(out.split_off(6)).unwrap();
    assert_eq!(text.as_bytes()[at], b'@', "{text}");
    text
}

#[test]
fn spellings_of_one_mailbox_are_compared_as_one() {
    for (text, wanted) in [
        ("Ada@Example.ORG", "ada@example.org"),
        (r#""a.B"@x.example"#, "a.b@x.example"),
        (r#""a\.\b"@x.example"#, "a.b@x.example"),
        (r#""a b"@x.example"#, r#""a b"@x.example"#),
        (r#""a\ b"@x.example"#, r#""a b"@x.example"#),
        (r#""a@b"@x.example"#, r#""a@b"@x.example"#),
        (r#""a\"b"@x.example"#, r#""a\"b"@x.example"#),
        ("\"zo\u{eb}\"@x.example", "zo\u{eb}@x.example"),
        ("ZO\u{cb}@x.example", "zo\u{eb}@x.example"),
        ("Zoe\u{308}@x.example", "zo\u{eb}@x.example"),
        ("ZOE\u{308}@x.example", "zo\u{eb}@x.example"),
        ("\"\u{419}\"@x.example", "\u{439}@x.example"),
        ("\u{39d}\u{399}\u{39a}\u{39f}\u{3a3}@x.example", "\u{3bd}\u{3b9}\u{3ba}\u{3bf}\u{3c3}@x.example"),
        ("\u{3bd}\u{3b9}\u{3ba}\u{3bf}\u{3c2}@x.example", "\u{3bd}\u{3b9}\u{3ba}\u{3bf}\u{3c3}@x.example"),
    ] {
        assert_eq!(folded(text), wanted, "{text}");
    }
}

#[test]
fn spellings_that_capitals_or_wide_letters_make_of_one_mailbox_have_one_wide_form_and_others_have_not() {
    let wide = |text: &str| {
        let folded = folded(text);
        let mut out = b"before".to_vec();
        fold_widely_into(folded.as_bytes(), folded.rfind('@').unwrap(), &mut out);
        String::from_utf8(out.split_off(6)).unwrap()
    };
    for (text, wanted) in [
        ("stra\u{df}e@x.example", "strasse@x.example"),
        ("STRA\u{1e9e}E@x.example", "strasse@x.example"),
        ("STRASSE@x.example", "strasse@x.example"),
        // A dotless i, whose capital is the plain one.
        ("\u{131}\u{15f}\u{131}k@x.example", "i\u{15f}ik@x.example"),
        ("I\u{15e}IK@x.example", "i\u{15f}ik@x.example"),
        ("\u{fb01}nn@x.example", "finn@x.example"),
        ("\u{ff41}nn@x.example", "ann@x.example"),
        ("Zoe\u{308}@x.example", "zo\u{eb}@x.example"),
        ("\u{3c3}\u{3bf}\u{3c2}@x.example", "\u{3c3}\u{3bf}\u{3c3}@x.example"),
        ("zoe@x.example", "zoe@x.example"),
    ] {
        assert_eq!(wide(text), wanted, "{text}");
    }
}

#[test]
fn a_zone_may_have_one_label() {
    let zone = |text: &str| {
        let mut out = b"before".to_vec();
        let parsed = parse_zone_into(text.as_bytes(), &mut out);
        parsed.map(|()| String::from_utf8(out.split_off(6)).unwrap())
    };
    for (text, wanted) in [("RU", "ru"), ("\u{440}\u{444}", "xn--p1ai"), ("Example.org", "example.org")] {
        assert_eq!(zone(text).as_deref(), Ok(wanted), "{text}");
    }
    for (text, wanted) in [
        ("", AddressError::DomainEmpty),
        (".ru", AddressError::DomainDots),
        ("ru.", AddressError::DomainDots),
        ("7", AddressError::NumericTop),
        ("r u", AddressError::Blank),
    ] {
        assert_eq!(zone(text), Err(wanted), "{text}");
    }
}
