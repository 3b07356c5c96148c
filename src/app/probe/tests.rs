//! Targets as people write them.

use super::*;

#[test]
fn a_domain_is_a_domain_and_a_port_makes_a_server() {
    for (text, domain) in [
        ("acme.example", "acme.example"),
        (" ACME.Example. ", "acme.example"),
        ("ann@acme.example", "acme.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
    ] {
        assert!(matches!(target(text, None), Ok(Target::Domain(found)) if *found == *domain), "{text}");
    }
    for (text, host) in [
        ("relay.example:587", "relay.example:587"),
        ("192.0.2.1:2525", "192.0.2.1:2525"),
        ("192.0.2.1", "192.0.2.1:25"),
        ("[2001:db8::1]:26", "[2001:db8::1]:26"),
        ("2001:db8::1", "[2001:db8::1]:25"),
    ] {
        assert!(matches!(target(text, None), Ok(Target::Host(found)) if found.to_string() == host), "{text}");
    }
    assert!(matches!(target("192.0.2.1", Some(2525)), Ok(Target::Host(h)) if h.to_string() == "192.0.2.1:2525"));
    for bad in ["", "a b.example", "a.example:x", "a.example:0", "a..example", "\u{7}", "-a.example", "a@", "[::1]:"] {
        let failure = target(bad, None).err().unwrap_or_else(|| panic!("{bad}"));
        assert!(failure.exit == Exit::Usage && failure.message.contains("hint: "), "{bad}: {}", failure.message);
    }
}
