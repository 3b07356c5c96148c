//! One fault each: in the sender's zone, in the zones of its addresses, in the campaign's file or the engine's.

use super::{ADDRESSES, REVERSE, SPF, World, words};

/// What is changed where, from what to what; what is found then (`severity check place`, with commas between); and what the first of
/// it says, and how to mend it.
type Fault = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

const BOUNCE: &str = "bounce TXT \"v=spf1 ip4:192.0.2.10 include:_spf.acme.example -all\"";

const SPF_FAULTS: [Fault; 20] = [
    (
        "acme.example.",
        SPF,
        "v=spf1 ip4:0.0.0.0/0 ip6:2001:db8::10 -all",
        "warning spf-all bounce.acme.example",
        "(ip4:0.0.0.0/0), which filters count as +all",
        "name the addresses",
    ),
    (
        "acme.example.",
        SPF,
        "v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 ip6:2000::/3 -all",
        "warning spf-all bounce.acme.example",
        "(ip4:0.0.0.0/1, ip4:128.0.0.0/1, ip6:2000::/3)",
        "name the addresses",
    ),
    (
        "acme.example.",
        BOUNCE,
        "",
        "error spf-missing bounce.acme.example",
        "the domain of the reverse-path has no SPF record",
        "bounce.acme.example. TXT \"v=spf1 ip4:192.0.2.10 ip6:2001:db8::10 -all\"",
    ),
    (
        "acme.example.",
        "bounce TXT \"v=spf1",
        "bounce TXT \"\\226\\128\\156v=spf1",
        "error spf-missing bounce.acme.example",
        "one text is nearly one",
        "",
    ),
    (
        "acme.example.",
        BOUNCE,
        "bounce TXT \"v=spf1 mx -all\"\nbounce TXT \"v=spf1 ip4:192.0.2.10 ~all\"",
        "error spf-several bounce.acme.example",
        "there are 2 SPF records",
        "one record, with all of it: bounce.acme.example. TXT \"v=spf1 ",
    ),
    (
        "acme.example.",
        "ip4:192.0.2.10",
        "ipv4:192.0.2.10",
        "error spf-syntax bounce.acme.example",
        "`ipv4:192.0.2.10` is no mechanism of SPF",
        "mend",
    ),
    (
        "acme.example.",
        " include:_spf.acme.example",
        "",
        "error spf-source bounce.acme.example",
        "the SPF record does not let send: 2001:db8::10 (fail, by -all)",
        "bounce.acme.example. TXT \"v=spf1 ip6:2001:db8::10 ip4:192.0.2.10 -all\"",
    ),
    (
        "acme.example.",
        SPF,
        "v=spf1 mx:acme.example ~all",
        "error spf-source bounce.acme.example",
        "does not let send: 192.0.2.10 (softfail, by ~all), 2001:db8::10 (softfail, by ~all)",
        "\"v=spf1 ip4:192.0.2.10 ip6:2001:db8::10 mx:acme.example ~all\"",
    ),
    ("acme.example.", SPF, "v=spf1 -all", "error spf-source bounce.acme.example", "(fail, by -all)", "ip4:192.0.2.10"),
    (
        "acme.example.",
        SPF,
        "v=spf1 a:mx.acme.example mx mx mx mx mx mx mx mx mx mx ip4:192.0.2.10 ip6:2001:db8::10 -all",
        "error spf-error bounce.acme.example",
        "`mx` would be look-up 11, and receivers make 10; the whole record asks 11 times: a:mx.acme.example 1, mx 10",
        "name the addresses before what asks: bounce.acme.example. TXT \"v=spf1 ip4:192.0.2.10 ip6:2001:db8::10 a:mx.acme.example mx",
    ),
    (
        "acme.example.",
        SPF,
        "v=spf1 ip4:192.0.2.10 ip6:2001:db8::10 a:mx.acme.example mx mx mx mx mx mx mx mx mx mx -all",
        "warning spf-lookups bounce.acme.example",
        "asks 11 times",
        "leave out",
    ),
    (
        "acme.example.",
        SPF,
        "v=spf1 a:n1.acme.example a:n2.acme.example a:n3.acme.example ip4:192.0.2.10 ip6:2001:db8::10 -all",
        "error spf-error bounce.acme.example",
        "SPF ends in an error for 192.0.2.10, 2001:db8::10: `a:n3.acme.example` is the 3rd look-up in vain",
        "",
    ),
    (
        "acme.example.",
        "ip4:192.0.2.10",
        "a:n1.acme.example ip4:192.0.2.10",
        "warning spf-void bounce.acme.example",
        "a:n1.acme.example of bounce.acme.example",
        "leave out",
    ),
    (
        "acme.example.",
        SPF,
        "v=spf1 ip4:192.0.2.10 ip6:2001:db8::10 include:nothing.acme.example -all",
        "warning spf-include bounce.acme.example",
        "`include:nothing.acme.example` includes a domain without an SPF record",
        "leave it out",
    ),
    (
        "acme.example.",
        "a:mail.acme.example mx:acme.example",
        "a:mail.acme.example mx:",
        "error spf-error bounce.acme.example",
        "SPF ends in an error for 2001:db8::10",
        "",
    ),
    ("acme.example.", "example -all", "example +all", "warning spf-all bounce.acme.example", "(+all)", "-all or ~all"),
    (
        "acme.example.",
        "example -all",
        "example",
        "warning spf-all bounce.acme.example",
        "does not end with `all`",
        "include:_spf.acme.example ~all\"",
    ),
    (
        "acme.example.",
        " -all",
        " ip4=192.0.2.11 -all",
        "warning spf-syntax bounce.acme.example",
        "receivers pass over `ip4=192.0.2.11`",
        "ip4:192.0.2.11",
    ),
    (
        "acme.example.",
        " -all",
        " -all mx",
        "warning spf-syntax bounce.acme.example",
        "nobody reads what stands behind `all`: mx",
        "last",
    ),
    (
        "acme.example.",
        " -all",
        " ptr -all",
        "warning spf-ptr bounce.acme.example",
        "ptr of bounce.acme.example",
        "ip4:",
    ),
];

const OTHER_FAULTS: [Fault; 42] = [
    (
        "w.toml",
        "[unsubscribe]",
        "[unsubscribe]\nmailto = \"leave@gone.example\"",
        "warning domain-missing gone.example",
        "the domain of the mailto: of [unsubscribe] does not exist",
        "",
    ),
    (
        "acme.example.",
        "s1._domainkey",
        "s2._domainkey",
        "error dkim-missing s1._domainkey.acme.example",
        "there is no key",
        "s1._domainkey.acme.example. TXT \"v=DKIM1; k=rsa; p=",
    ),
    (
        "acme.example.",
        "s1._domainkey",
        "s1._domainkey.acme.example",
        "error dkim-missing s1._domainkey.acme.example",
        "but one at s1._domainkey.acme.example.acme.example: what published it put the domain behind the name once more",
        "s1._domainkey",
    ),
    (
        "acme.example.",
        "p=MII",
        "p=MI",
        "error dkim-record s1._domainkey.acme.example",
        "the record is no key: its p= is no RSA key",
        "",
    ),
    ("acme.example.", "k=rsa", "k=ed25519", "error dkim-record s1._domainkey.acme.example", "no Ed25519 key", "k=rsa"),
    ("acme.example.", "k=rsa", "k=rsa; h=sha1", "error dkim-record s1._domainkey.acme.example", "its h= is `sha1`", ""),
    (
        "acme.example.",
        "k=rsa; p=",
        "k=rsa; p=\" \"; n=",
        "error dkim-revoked s1._domainkey.acme.example",
        "the key is revoked",
        "another selector",
    ),
    ("acme.example.", "k=rsa", "k=rsa; t=y", "warning dkim-testing s1._domainkey.acme.example", "t=y", "TXT"),
    (
        "acme.example.",
        "_dmarc TXT",
        "s1._domainkey TXT \"v=DKIM1; p=\"\n_dmarc TXT",
        "error dkim-several s1._domainkey.acme.example",
        "2 TXT records stand there",
        "leave one",
    ),
    (
        "acme.example.",
        "_dmarc",
        "_dmrac",
        "error dmarc-missing _dmarc.acme.example",
        "there is no DMARC record for acme.example",
        "_dmarc.acme.example. TXT \"v=DMARC1; p=none; rua=mailto:dmarc@acme.example\"",
    ),
    (
        "acme.example.",
        "_dmarc TXT",
        "@ TXT",
        "error dmarc-missing _dmarc.acme.example",
        "one stands at acme.example, where nobody looks",
        "_dmarc.acme.example. TXT",
    ),
    (
        "acme.example.",
        "_dmarc TXT",
        "_dmarc.acme.example TXT",
        "error dmarc-missing _dmarc.acme.example",
        "one stands at _dmarc.acme.example.acme.example",
        "",
    ),
    (
        "acme.example.",
        "\"v=DMARC1;",
        "\"V=DMARC1;",
        "error dmarc-missing _dmarc.acme.example",
        "one text is nearly one",
        "",
    ),
    (
        "acme.example.",
        "_dmarc TXT",
        "_dmarc TXT \"v=DMARC1; p=none\"\n_dmarc TXT",
        "error dmarc-several _dmarc.acme.example",
        "there are 2 DMARC records",
        "leave one",
    ),
    ("acme.example.", "p=reject", "sp=reject", "warning dmarc-syntax _dmarc.acme.example", "it has no p=", "p=none"),
    ("acme.example.", "p=reject", "p=block", "warning dmarc-syntax _dmarc.acme.example", "its p= is `block`", ""),
    ("acme.example.", "p=reject;", "p=reject", "error dmarc-syntax _dmarc.acme.example", "its p= is `reject rua=", ""),
    (
        "acme.example.",
        "; rua=mailto:dmarc@acme.example",
        "",
        "warning dmarc-rua _dmarc.acme.example",
        "nobody gets reports",
        "\"v=DMARC1; p=reject; rua=mailto:dmarc@acme.example\"",
    ),
    (
        "acme.example.",
        "mailto:dmarc@acme.example",
        "dmarc@acme.example",
        "warning dmarc-rua _dmarc.acme.example",
        "reports cannot go to `dmarc@acme.example`",
        "mailto:",
    ),
    (
        "acme.example.",
        "mailto:dmarc@acme.example",
        "mailto:acme@reports.example",
        "warning dmarc-rua _dmarc.acme.example",
        "reports.example has not said that it takes reports about acme.example",
        "acme.example._report._dmarc.reports.example. TXT \"v=DMARC1\"",
    ),
    (
        "acme.example.",
        "p=reject",
        "p=reject; sp=none",
        "warning dmarc-subdomains _dmarc.acme.example",
        "(sp=none), while the domain asks for reject",
        "",
    ),
    ("acme.example.", "p=reject", "p=none", "note dmarc-policy _dmarc.acme.example", "is none", "p=quarantine"),
    ("acme.example.", "p=reject", "p=reject; adkm=s", "warning dmarc-syntax _dmarc.acme.example", "adkm=", "adkim"),
    (
        "acme.example.",
        "p=reject",
        "p=reject; aspf=s",
        "warning alignment acme.example",
        "the reverse-path's domain bounce.acme.example is not that of From, acme.example (the DMARC record asks for the very domain): \
         DKIM alone speaks for it",
        "return_path = \"b+{token}@acme.example\"",
    ),
    (
        "2.0.192.in-addr.arpa.",
        REVERSE,
        "",
        "error ptr-missing 192.0.2.10",
        "the address has no name (PTR)",
        "10.2.0.192.in-addr.arpa. PTR mail.acme.example.",
    ),
    (
        "acme.example.",
        "mail A 192.0.2.10",
        "mail A 192.0.2.11",
        "error ptr-forward 192.0.2.10,warning ehlo-address 192.0.2.10",
        "its name mail.acme.example does not lead back to it",
        "mail.acme.example. A 192.0.2.10",
    ),
    (
        "2.0.192.in-addr.arpa.",
        "mail.acme.example.",
        "gone.acme.example.",
        "error ptr-forward 192.0.2.10,warning ehlo-ptr 192.0.2.10",
        "its name gone.acme.example does not lead back to it",
        "PTR mail.acme.example.",
    ),
    (
        "engine.toml",
        "hostname = \"mail.acme.example\"",
        "hostname = \"out.acme.example\"",
        "warning ehlo-address 192.0.2.10,warning ehlo-address 2001:db8::10",
        "the EHLO name out.acme.example has no address",
        "out.acme.example. A 192.0.2.10",
    ),
    (
        "engine.toml",
        "hostname = \"mail.acme.example\"",
        "hostname = \"mx.acme.example\"",
        "warning ehlo-address 192.0.2.10,warning ehlo-address 2001:db8::10",
        "the EHLO name mx.acme.example leads to 192.0.2.20, and not to this address",
        "",
    ),
    (
        "acme.example.",
        "bounce MX 10 mx",
        "bounce MX 0 .",
        "error null-mx bounce.acme.example",
        "the domain of the reverse-path takes no mail (null MX): bounces cannot come back",
        "bounce.acme.example. MX 10 HOST.",
    ),
    (
        "acme.example.",
        "bounce MX 10 mx\n",
        "",
        "error no-mx bounce.acme.example",
        "has neither an MX nor an address record",
        "MX",
    ),
    (
        "acme.example.",
        "bounce MX 10 mx",
        "bounce MX 10 gone",
        "error mx-host bounce.acme.example",
        "gone.acme.example has no address",
        "",
    ),
    (
        "acme.example.",
        "bounce MX 10 mx",
        "bounce MX 10 mx\nbounce MX 20 gone",
        "warning mx-host bounce.acme.example",
        "of the 2 MX of the reverse-path, 1 cannot be reached",
        "",
    ),
    (
        "acme.example.",
        "bounce MX 10 mx",
        "bounce MX 10 192.0.2.20.",
        "error mx-host bounce.acme.example",
        "192.0.2.20 is no host name",
        "never an address",
    ),
    (
        "acme.example.",
        "bounce MX 10 mx",
        "bounce MX 10 alias\nalias CNAME mx",
        "warning mx-alias bounce.acme.example",
        "of the 1 MX of the reverse-path, 1 is an alias (CNAME: alias.acme.example for mx.acme.example)",
        "bounce.acme.example. MX 10 mx.acme.example.",
    ),
    (
        "w.toml",
        "help@acme.example",
        "help@gone.example",
        "warning domain-missing gone.example",
        "the domain of Reply-To does not exist",
        "",
    ),
    (
        "w.toml",
        "bounce.acme.example",
        "bounces.acme.example",
        "error domain-missing bounces.acme.example,error spf-missing bounces.acme.example",
        "the domain of the reverse-path does not exist",
        "",
    ),
    (
        "w.toml",
        "https://acme.example/u",
        "https://go.acme.example/u",
        "error unsubscribe-host go.acme.example",
        "the host of the unsubscribe URL, go.acme.example, has no address",
        "",
    ),
    (
        "acme.example.",
        "@ A 192.0.2.30",
        "@ A 10.0.0.30",
        "error unsubscribe-host acme.example",
        "nobody outside reaches",
        "",
    ),
    (
        "example.",
        "b MX 10 mx.b\nmx.b A 192.0.2.42\n",
        "",
        "warning dead-domain b.example",
        "no mail can go to 1 recipient: the domain b.example does not exist",
        "take them off",
    ),
    (
        "example.",
        "b MX 10 mx.b",
        "b MX 0 .",
        "warning dead-domain b.example",
        "accepts no mail (null MX)",
        "take them off",
    ),
    (
        "engine.toml",
        "route = \"mx\"",
        "route = \"mx\"\ntls = \"off\"",
        "error tls-off",
        "in clear text",
        "opportunistic",
    ),
];

/// What the large receivers answer to an error.
fn drawn_by(check: &str) -> &'static str {
    match check.split('-').next() {
        Some("spf") => "5.7.27",
        Some("dkim") => "5.7.30",
        Some("dmarc") => "5.7.40",
        Some("ptr") => "5.7.25",
        Some("tls") => "5.7.29",
        Some("domain" | "no") => "5.1.8",
        Some("null") => "5.7.27",
        _ => "",
    }
}

/// Puts one fault in; what is wrong with what is found.
fn miss(fault: &Fault) -> Option<String> {
    let (place, from, to, wanted, says, hint) = *fault;
    let mut world = World::new();
    world.change(place, from, to);
    let (ran, found) = world.check(&["--public-address", ADDRESSES]);
    let mut wanted: Vec<&str> = wanted.split(',').collect();
    let first = wanted[0];
    wanted.sort_unstable();
    let is_told = found.iter().any(|found| {
        words(std::slice::from_ref(found)) == [first] && found.says.contains(says) && found.hint.contains(hint)
    });
    let stops = found.iter().any(|found| found.severity == "error");
    let is_drawn = found.iter().all(|found| found.severity != "error" || found.draws.contains(drawn_by(&found.check)));
    let is_right = words(&found) == wanted && is_told && is_drawn && ran.code == Some(if stops { 2 } else { 0 });
    (!is_right).then(|| format!("{fault:?}\n  got {:?}: {found:#?}", ran.code))
}

fn all_found(faults: &[Fault]) {
    let missed: Vec<String> = faults.iter().filter_map(miss).collect();
    assert!(missed.is_empty(), "{} of {}:\n{}", missed.len(), faults.len(), missed.join("\n"));
}

#[test]
fn each_fault_of_spf_is_found_with_the_record_to_write() {
    all_found(&SPF_FAULTS);
}

#[test]
fn each_fault_of_keys_policies_names_and_domains_is_found() {
    all_found(&OTHER_FAULTS);
}
