//! What DNS shows of a sender: zones that NSD serves, as they should be and with one fault each.

mod elsewhere;
mod faults;
mod page;

use super::{CAMPAIGN, ENGINE, Found, KEY, check_with, spring};
use crate::folder::{Folder, Ran};
use crate::nsd::{self, Nsd};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use posthaste::content::dkim::Signer;
use serde_json::Value;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The zone of the sender. `KEY` stands for what is published of its key.
const ACME: &str = "\
@ MX 10 mx
@ A 192.0.2.30
@ TXT \"some-verification=1\"
mx A 192.0.2.20
bounce MX 10 mx
bounce TXT \"v=spf1 ip4:192.0.2.10 include:_spf.acme.example -all\"
_spf TXT \"v=spf1 ip6:2001:db8::10 a:mail.acme.example mx:acme.example ~all\"
mail A 192.0.2.10
mail AAAA 2001:db8::10
s1._domainkey TXT KEY
_dmarc TXT \"v=DMARC1; p=reject; rua=mailto:dmarc@acme.example\"
";
/// The zone above it: the recipients' domains, too.
const EXAMPLE: &str = "\
a MX 10 mx.a
mx.a A 192.0.2.41
b MX 10 mx.b
mx.b A 192.0.2.42
c MX 10 mx.c
mx.c AAAA 2001:db8::43
d A 192.0.2.44
";
const REVERSE: &str = "10 PTR mail.acme.example.\n";
const REVERSE6: &str = "0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 PTR mail.acme.example.\n";

/// What is sent from.
const ADDRESSES: &str = "192.0.2.10,2001:db8::10";
const DMARC: &str = "v=DMARC1; p=reject; rua=mailto:dmarc@acme.example";
const SPF: &str = "v=spf1 ip4:192.0.2.10 include:_spf.acme.example -all";

/// A key of RSA, and the record of its public half.
fn key() -> &'static (String, String) {
    static MADE: OnceLock<(String, String)> = OnceLock::new();
    MADE.get_or_init(|| made(KeySize::Rsa2048))
}

fn made(size: KeySize) -> (String, String) {
    let der: Pkcs8V1Der<'_> = KeyPair::generate(size).unwrap().as_der().unwrap();
    let pem = pem_of(der.as_ref());
    let record = Signer::from_pem("acme.example", "s1", &pem, "s1.pem").unwrap().record();
    (pem, record)
}

fn pem_of(der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in der.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(group.get(at).copied().unwrap_or(0)));
        let digits = [18, 12, 6, 0].map(|shift| char::from(DIGITS[(bits >> shift & 63) as usize]));
        text.extend(&digits[..=group.len()]);
        text.push_str(&"=".repeat(3 - group.len()));
    }
    let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..(at + 64).min(text.len())]).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

/// A text as a TXT record of a zone file has it, in pieces.
fn quoted(text: &str) -> String {
    let pieces = (0..text.len()).step_by(200).map(|at| format!("\"{}\"", &text[at..(at + 200).min(text.len())]));
    pieces.collect::<Vec<_>>().join(" ")
}

/// A campaign whose sender is as it should be, and the zones that say so.
struct World {
    folder: Folder,
    zones: Vec<(&'static str, String)>,
    nsd: Option<Nsd>,
}

impl World {
    fn new() -> Self {
        let (folder, (pem, record)) = (spring(), key());
        folder.put("s1.pem", pem);
        let zones = [
            (".", String::new()),
            ("example.", EXAMPLE.to_owned()),
            ("acme.example.", ACME.replace("KEY", &quoted(record))),
            ("2.0.192.in-addr.arpa.", REVERSE.to_owned()),
            ("8.b.d.0.1.0.0.2.ip6.arpa.", REVERSE6.to_owned()),
        ];
        Self { folder, zones: zones.into(), nsd: None }
    }

    /// Replaces something in a file, or in the zone of this name.
    fn change(&mut self, place: &str, from: &str, to: &str) {
        let zone = self.zones.iter_mut().find(|(apex, _)| *apex == place);
        let old = zone.as_ref().map_or_else(|| self.folder.read(place), |(_, text)| text.clone());
        assert!(old.contains(from), "{place}: {from}");
        let new = old.replacen(from, to, 1);
        match zone {
            Some((_, text)) => *text = new,
            None => self.folder.put(place, new),
        }
    }

    /// Serves the zones, and has the configuration name who serves them.
    fn serve(&mut self) {
        let below = |name: &str| self.folder.path().join("zones").join(name);
        let mut files = Vec::new();
        for (number, (apex, records)) in self.zones.iter().enumerate() {
            let name = format!("zones/{number}");
            self.folder.put(&name, nsd::zone(apex, records));
            files.push(((*apex).to_owned(), below(&number.to_string())));
        }
        let served = Nsd::start(&self.folder.path().join("zones"), &files);
        let dns = format!("[dns]\nservers = [{:?}]\ntimeout = \"5s\"\n", served.address());
        let engine = self.folder.read("engine.toml");
        self.folder.put("engine.toml", engine.replace("[delivery]", &format!("{dns}[delivery]")));
        self.nsd = Some(served);
    }

    fn check(&mut self, more: &[&str]) -> (Ran, Vec<Found>) {
        if self.nsd.is_none() {
            self.serve();
        }
        check_with(&self.folder, "w.toml", more)
    }
}

/// What is found, each as `severity check place`.
fn words(found: &[Found]) -> Vec<String> {
    let mut words: Vec<String> = found
        .iter()
        .map(|found| format!("{} {} {}", found.severity, found.check, found.place).trim_end().to_owned())
        .collect();
    words.sort();
    words
}

#[test]
fn nothing_is_found_where_everything_is_as_it_should_be() {
    let mut world = World::new();
    let (ran, found) = world.check(&["--public-address", ADDRESSES]);
    assert!(found.is_empty() && ran.code == Some(0), "{found:#?}");
    let dns = &serde_json::from_str::<Value>(&ran.out).unwrap()["dns"];
    assert_eq!((&dns["looked_at"], &dns["unanswered"]), (&Value::Bool(true), &Value::from(0)), "{ran:?}");
    let counts = ["domains", "domains_looked_at", "recipients_looked_at"].map(|key| dns[key].as_u64().unwrap());
    assert_eq!(counts, [4, 4, 4], "{ran:?}");
    let ran = world.folder.run(&["check", "w.toml", "--config", "engine.toml", "--public-address", ADDRESSES]);
    let resolver = format!("to the resolver {}; all 4 domains of the list\n", world.nsd.as_ref().unwrap().address());
    assert!(ran.out.contains("\nDNS: ") && ran.out.contains(&resolver), "{ran:?}");
}

#[test]
fn nothing_is_found_in_other_ways_to_say_the_same() {
    for changes in [
        // The subdomain's policy is the organisation's; somebody else takes the reports, and has said so.
        vec![
            ("w.toml", "news@acme.example", "news@mail.acme.example"),
            ("acme.example.", "mail A", "mail MX 10 mx\nmail A"),
            ("acme.example.", "dmarc@acme.example", "acme@reports.example"),
            ("example.", "a MX", "*._report._dmarc.reports TXT \"v = DMARC1;\"\na MX"),
        ],
        // A key behind an alias, and one without a version and with more tags.
        vec![
            ("acme.example.", "s1._domainkey TXT", "s1._domainkey CNAME s1.keys.example.\nother._domainkey TXT"),
            ("example.", "a MX", "s1.keys TXT KEY\na MX"),
        ],
        // SPF by redirect, by the name of the address, by a list of addresses in names.
        vec![("acme.example.", SPF, "v=spf1 redirect=_spf.acme.example")],
        vec![
            ("acme.example.", SPF, "v=spf1 exists:%{ir}.%{v}.ok.%{d2} ip6:2001:db8::/64 ?mx -all"),
            ("acme.example.", "mx A", "10.2.0.192.in-addr.ok A 127.0.0.2\nmx A"),
        ],
        // A way out by mail, with a subject.
        vec![("w.toml", "[unsubscribe]", "[unsubscribe]\nmailto = \"mailto:leave@acme.example?subject=leave\"")],
        // Two names, one of which is the provider's.
        vec![
            ("2.0.192.in-addr.arpa.", "10 PTR", "10 PTR host-192-0-2-10.provider.example.\n10 PTR"),
            ("example.", "a MX", "host-192-0-2-10.provider A 192.0.2.10\na MX"),
        ],
    ] {
        let mut world = World::new();
        for (place, from, to) in &changes {
            world.change(place, from, &to.replace("KEY", &quoted(&key().1.replace("v=DKIM1; ", "t=s; h=sha256; "))));
        }
        let (_, found) = world.check(&["--public-address", ADDRESSES]);
        assert!(found.is_empty(), "{changes:?}: {found:#?}");
    }
}

#[test]
fn a_key_that_is_another_one_or_that_not_all_verify_is_found() {
    let mut world = World::new();
    world.folder.put("s1.pem", &made(KeySize::Rsa3072).0);
    let (_, found) = world.check(&["--public-address", ADDRESSES]);
    assert_eq!(words(&found), ["error dkim-mismatch s1._domainkey.acme.example"]);
    assert!(found[0].says.contains("is another one (RSA, 2048 bits) than the one that signs (3072 bits)"), "{found:?}");

    let record = Signer::from_pem("acme.example", "s1", KEY, "s1.pem").unwrap().record();
    let mut world = World::new();
    world.folder.put("s1.pem", KEY);
    world.change("acme.example.", &quoted(&key().1), &quoted(&record));
    let (_, found) = world.check(&["--public-address", ADDRESSES]);
    assert_eq!(words(&found), ["warning dkim-algorithm acme.example"]);
}

#[test]
fn mail_that_nothing_speaks_for_is_an_error() {
    let mut world = World::new();
    world.change("engine.toml", "domain = \"acme.example\"", "domain = \"other.example\"");
    world.change("acme.example.", "p=reject", "p=reject; aspf=s");
    let (_, found) = world.check(&["--public-address", ADDRESSES]);
    let unsigned = found.iter().position(|found| found.check == "dkim-unsigned").unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    let other = &found[1 - unsigned];
    assert_eq!((other.severity.as_str(), other.check.as_str()), ("error", "alignment"), "{found:?}");
}

#[test]
fn a_name_that_a_provider_gave_to_a_range_is_found() {
    let mut world = World::new();
    world.change("2.0.192.in-addr.arpa.", "mail.acme.example.", "dsl-192-0-2-10.provider.example.");
    world.change("example.", "a MX", "dsl-192-0-2-10.provider A 192.0.2.10\na MX");
    let (_, found) = world.check(&["--public-address", ADDRESSES]);
    assert_eq!(words(&found), ["warning ehlo-ptr 192.0.2.10", "warning ptr-generic 192.0.2.10"], "{found:?}");
}

#[test]
fn what_nobody_answers_is_not_looked_at_and_never_missing() {
    let mut world = World::new();
    // Nobody has this zone: NSD refuses to speak of it.
    world.zones.remove(0);
    world.change("acme.example.", DMARC, "v=DMARC1; p=reject; rua=mailto:acme@reports.test");
    let (ran, found) = world.check(&["--public-address", ADDRESSES]);
    assert_eq!((words(&found), ran.code), (vec!["warning dns-unanswered".to_owned()], Some(0)), "{found:?}");
    let says = &found[0].says;
    assert!(
        says.contains("did not tell: DMARC of acme.example (TXT acme.example._report._dmarc.reports.test: "),
        "{says}"
    );
    assert_eq!(world.check(&["--public-address", ADDRESSES, "--strict"]).0.code, Some(2));

    // More than anybody looks at: the record may be among the rest.
    let mut many = World::new();
    let texts: String = (0..70).map(|n| format!("bounce TXT \"site-verification={n}\"\n")).collect();
    many.change("acme.example.", "bounce TXT", &format!("{texts}bounce TXT"));
    let (_, found) = many.check(&["--public-address", ADDRESSES]);
    assert_eq!(words(&found), ["warning dns-unanswered"], "{found:?}");
    assert!(found[0].says.contains("TXT bounce.acme.example: there are more than 64 records"), "{found:?}");

    // Nobody answers at all.
    let mut silent = World::new();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let dns = format!("[dns]\nservers = [\"{}\"]\ntimeout = \"100ms\"\n[delivery]", socket.local_addr().unwrap());
    silent.change("engine.toml", "[delivery]", &dns);
    let (_, found) = check_with(&silent.folder, "w.toml", &["--public-address", ADDRESSES]);
    assert_eq!(words(&found), ["warning dns-unanswered"], "{found:?}");
    let says = &found[0].says;
    assert!(says.contains("SPF of bounce.acme.example; ") && says.contains(" more ("), "{says}");
}

#[test]
fn ctrl_c_ends_a_look_that_waits_for_answers() {
    let mut world = World::new();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let dns = format!("[dns]\nservers = [\"{}\"]\ntimeout = \"60s\"\n[delivery]", socket.local_addr().unwrap());
    world.change("engine.toml", "[delivery]", &dns);
    let mut command = world.folder.command(&["check", "w.toml", "--config", "engine.toml", "--data", "data"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    socket.recv(&mut [0; 512]).unwrap();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let ran = child.wait_with_output().unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(said.contains("interrupted: ") && ran.stdout.is_empty(), "{said}");
    assert!(!world.folder.path().join("data").exists(), "nothing is left");
}

#[test]
fn a_resolver_that_denies_every_domain_is_the_suspect() {
    let mut world = World::new();
    world.change("example.", EXAMPLE, "");
    let (_, found) = world.check(&["--public-address", ADDRESSES]);
    assert_eq!(words(&found), ["warning dead-domain"], "{found:?}");
    assert!(found[0].says.contains("denies all 4 domains of the list"), "{found:?}");
}

#[test]
fn addresses_that_are_not_known_are_not_guessed() {
    let mut world = World::new();
    let engine = world.folder.read("engine.toml");
    world.folder.put("engine.toml", format!("{engine}[[source]]\nname = \"a\"\naddress = \"127.0.0.1\"\n"));
    let (ran, found) = world.check(&[]);
    assert_eq!((words(&found), ran.code), (vec!["note public-address".to_owned()], Some(0)), "{found:?}");
    assert!(found[0].says.contains("127.0.0.1 of the source \"a\" is not seen from outside"), "{found:?}");
    assert!(found[0].hint.contains("--public-address ADDR"), "{found:?}");
    // Of one behind NAT the configuration says it.
    let source =
        "[[source]]\nname = \"a\"\naddress = \"127.0.0.1\"\npublic_address = [\"192.0.2.10\", \"2001:db8::10\"]\n";
    let mut behind = World::new();
    behind.folder.put("engine.toml", format!("{engine}{source}"));
    let (_, found) = behind.check(&[]);
    assert!(found.is_empty(), "{found:?}");
    let mut other = World::new();
    other.folder.put("engine.toml", format!("{engine}{}", source.replace("192.0.2.10", "192.0.2.99")));
    let (_, found) = other.check(&[]);
    assert_eq!(
        words(&found),
        ["error ptr-missing 192.0.2.99", "error spf-source bounce.acme.example", "warning ehlo-address 192.0.2.99"],
        "{found:?}"
    );

    // A smarthost's are its own; that its customers' records are in order is looked at all the same.
    let mut relayed = World::new();
    relayed.change("engine.toml", "route = \"mx\"", "smarthost = \"relay.acme.example\"");
    assert_eq!(words(&relayed.check(&[]).1), ["note public-address"]);
    let (_, found) = World::new().check(&["--smarthost", "relay.acme.example"]);
    assert_eq!(words(&found), ["note public-address"], "what is said on the command line goes before: {found:?}");
    let (_, found) = relayed.check(&["--public-address", "192.0.2.10"]);
    assert!(found.is_empty(), "nobody knows what it says in EHLO: {found:?}");
    let (_, found) = relayed.check(&["--public-address", "192.0.2.99"]);
    assert_eq!(words(&found), ["error ptr-missing 192.0.2.99", "error spf-source bounce.acme.example"], "{found:?}");
}

#[test]
fn it_says_why_dns_was_not_asked() {
    let folder = spring();
    let why = |folder: &Folder, more: &[&str]| {
        let (ran, found) = check_with(folder, "w.toml", more);
        assert!(found.is_empty() && ran.code == Some(0), "{found:?}");
        let dns = serde_json::from_str::<Value>(&ran.out).unwrap()["dns"].clone();
        assert_eq!(dns["looked_at"], false);
        dns["why_not"].as_str().unwrap().to_owned()
    };
    assert_eq!(why(&folder, &["--offline"]), "--offline was given");
    assert_eq!(why(&folder, &["--sink"]), "the built-in receiver asks nobody");
    folder.put("engine.toml", ENGINE.replace("route = \"mx\"", "sink = true"));
    assert_eq!(why(&folder, &[]), "the built-in receiver asks nobody");
    folder.put("engine.toml", ENGINE.replace("route = \"mx\"", ""));
    assert!(why(&folder, &[]).starts_with("no destination is chosen"));
    let ran = folder.run(&["check", "w.toml", "--config", "engine.toml"]);
    assert!(ran.out.contains("\nDNS was not looked at: no destination is chosen"), "{ran:?}");
    for flags in
        [&["--offline", "--public-address", "192.0.2.1"][..], &["--offline", "--post-unsubscribe", "a@b.example"]]
    {
        let ran = folder.run(&[&["check", "w.toml"], flags].concat());
        assert_eq!(ran.code, Some(2), "{ran:?}");
    }
}

#[test]
fn a_campaign_that_is_much_larger_than_those_before_is_told() {
    let folder = spring();
    let list = |rows: usize| -> String {
        let row = |n: usize| format!("p{n}@a.example,Ann,Oslo\n");
        format!("email,first_name,city\n{}", (0..rows).map(row).collect::<String>())
    };
    folder.put("list.csv", list(5001));
    let look = || check_with(&folder, "w.toml", &["--offline", "--data", "data"]).1;
    let found = look();
    assert_eq!(words(&found), ["note volume-jump"], "{found:?}");
    assert!(found[0].says.contains("no campaign of the last 90 days is in data"), "{found:?}");
    folder.put("w.toml", CAMPAIGN.replace("name = \"spring\"", "name = \"winter\""));
    folder.put("list.csv", list(2));
    let (ran, letters) = folder.send(&[]);
    assert_eq!((ran.code, letters.len()), (Some(0), 2), "{ran:?}");
    folder.put("w.toml", CAMPAIGN);
    folder.put("list.csv", list(5001));
    let found = look();
    assert_eq!(words(&found), ["warning volume-jump"], "{found:?}");
    assert!(
        found[0].says.ends_with("5,001 recipients, and the largest campaign of the last 90 days here had 2 (winter)"),
        "{found:?}"
    );
    folder.put("list.csv", list(5000));
    assert!(look().is_empty());
}

#[test]
fn marketing_beside_transactional_mail_of_the_same_domain_or_addresses_is_told() {
    let folder = spring();
    let receipt = CAMPAIGN.replacen("name = \"spring\"", "name = \"receipt\"\ntransactional = true", 1);
    let look = || check_with(&folder, "w.toml", &["--offline"]).1;
    assert!(look().is_empty());
    folder.put("receipt.toml", &receipt);
    folder.put("other.toml", "nonsense = [");
    let found = look();
    assert_eq!(words(&found), ["warning mixed-streams w.toml:2:8"], "{found:?}");
    let says = "receipt.toml beside it is transactional, and this is marketing: both are from acme.example, and leave from the same";
    assert!(found[0].says.starts_with(says), "{found:?}");
    // Another domain, and the same addresses.
    folder.put("receipt.toml", receipt.replace("acme.example", "acme-orders.example"));
    let found = look();
    assert_eq!(words(&found), ["note mixed-streams w.toml:2:8"], "{found:?}");
    assert!(found[0].says.contains(": both leave from the same addresses,"), "{found:?}");
    // And other addresses.
    let sources = "\n[[source]]\nname = \"a\"\naddress = \"127.0.0.1\"\npool = \"a\"\n[[source]]\nname = \"b\"\naddress = \"127.0.0.2\"\npool = \"b\"\n";
    folder.put("engine.toml", ENGINE.to_owned() + sources);
    let pooled = |text: &str, pool: &str| text.replacen("\nsubject", &format!("\npool = \"{pool}\"\nsubject"), 1);
    folder.put("receipt.toml", pooled(&receipt.replace("acme.example", "acme-orders.example"), "a"));
    folder.put("w.toml", pooled(CAMPAIGN, "b"));
    assert_eq!(words(&look()), [""; 0]);
}
