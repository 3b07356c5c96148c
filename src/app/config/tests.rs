//! What people get to read when a file is wrong, and what they get when it is right.

use super::campaign::{ListFormat, ListSource, OnUncertain};
use super::document::Document;
use super::values::{HostPort, duration, duration_text, percentage};
use super::{CampaignConfig, EngineConfig};
use crate::observe::logs::Level;
use crate::wire::dns::{Dnssec, Ourself};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn engine(text: &str) -> Result<EngineConfig, String> {
    EngineConfig::from_document(&Document::new(Path::new("etc/engine.toml"), text.to_owned()))
        .map_err(|e| e.to_string())
}

fn campaign(text: &str) -> Result<CampaignConfig, String> {
    CampaignConfig::from_document(&Document::new(Path::new("c/w.toml"), text.to_owned())).map_err(|e| e.to_string())
}

const GOOD: &str = r#"
name = "welcome"
from = "Acme <news@acme.example>"
subject = "Hi"
html = "w.html"
[recipients]
file = "w.csv"
"#;

#[test]
fn the_shipped_file_is_what_the_definitions_say() {
    let shipped = include_str!("../../../config/engine.toml");
    assert_eq!(shipped, EngineConfig::template(), "run: posthaste config > config/engine.toml");
}

#[test]
fn the_shipped_file_states_the_defaults() {
    let defaults = EngineConfig::defaults().unwrap();
    assert_eq!(engine(&EngineConfig::template()).unwrap(), defaults);
    assert_eq!(defaults.delivery.sessions_per_site, 20);
    assert_eq!(defaults.delivery.retry.len(), 4);
    assert_eq!(defaults.journal.window, Duration::from_millis(5));
    assert!(!defaults.delivery.sink && defaults.delivery.route.is_none(), "nobody has said where mail goes");
}

#[test]
fn every_key_can_be_set() {
    let config = engine(
        r#"
        [engine]
        data = "/var/lib/posthaste"
        hostname = "mx1.acme.example"
        shards = 2
        suppression = ["never.txt", "/etc/never.txt"]
        [delivery]
        sink = false
        route = ""
        smarthost = "[::1]:2525"
        tls = "off"
        retry = ["90s", "1h30m"]
        [dns]
        servers = ["127.0.0.1:5300", "9.9.9.9"]
        dnssec = "validate"
        trust_anchor = "root.key"
        dane = false
        ourselves = ["MX1.acme.example.", "192.0.2.10"]
        allow_loopback = true
        [metrics]
        listen = "127.0.0.1:9464"
        [log]
        level = "debug"
        [[source]]
        name = "a"
        address = "192.0.2.10"
        [[dkim]]
        domain = "Acme.example"
        selector = "s1"
        key = "s1.pem"
        second = { selector = "s2", key = "/k/s2.pem" }
        "#,
    )
    .unwrap();
    assert_eq!(config.engine.suppression, [PathBuf::from("etc/never.txt"), PathBuf::from("/etc/never.txt")]);
    assert_eq!(config.delivery.smarthost, Some(HostPort { host: "::1".into(), port: Some(2525) }));
    assert_eq!(config.delivery.tls, crate::tls::policy::Level::Never);
    assert_eq!(config.delivery.retry, [Duration::from_secs(90), Duration::from_secs(5400)]);
    assert_eq!(config.dns.servers[1].to_string(), "9.9.9.9:53");
    assert_eq!(config.dns.dnssec, Dnssec::Validate);
    assert_eq!(config.dns.trust_anchor, Some(PathBuf::from("etc/root.key")));
    let ourselves = [Ourself::Name("mx1.acme.example".into()), Ourself::Address("192.0.2.10".parse().unwrap())];
    assert_eq!((config.dns.dane, config.dns.ourselves), (false, ourselves.to_vec()));
    assert!(config.dns.allow_loopback);
    assert_eq!(config.log.level, Level::Debug);
    assert_eq!(config.sources[0].ehlo, None);
    assert_eq!(config.dkim[0].domain, "acme.example");
    assert_eq!(config.dkim[0].key.file, PathBuf::from("etc/s1.pem"));
    assert_eq!(config.dkim[0].second.as_ref().unwrap().file, PathBuf::from("/k/s2.pem"));
}

#[test]
fn engine_errors_name_place_key_and_way_out() {
    let cases = [
        (
            "[delivery]\nsesions_per_site = 3",
            "etc/engine.toml:2:1: unknown key \"delivery.sesions_per_site\"\nhint: did you mean \"delivery.sessions_per_site\"?",
        ),
        ("shards = 2", "etc/engine.toml:1:1: unknown key \"shards\"\nhint: did you mean \"engine.shards\"?"),
        ("[delivry]\nport = 25", "etc/engine.toml:1:2: unknown key \"delivry\"\nhint: did you mean \"delivery\"?"),
        (
            "[dns]\nzebra = 1",
            "etc/engine.toml:2:1: unknown key \"dns.zebra\"\nhint: known here: servers, timeout, dnssec, trust_anchor, dane, ourselves, allow_loopback",
        ),
        ("[delivery]\nport = 0", "etc/engine.toml:2:8: delivery.port: must be from 1 to 65535, is 0"),
        ("[delivery]\nport = 70000", "etc/engine.toml:2:8: delivery.port: must be from 1 to 65535, is 70000"),
        ("[delivery]\nport = -1", "etc/engine.toml:2:8: delivery.port: must be from 1 to 65535, is -1"),
        (
            "[delivery]\nport = \"25\"",
            "etc/engine.toml:2:8: delivery.port: must be a whole number, is of the type string",
        ),
        (
            "[delivery]\nlifetime = \"4 days\"",
            "etc/engine.toml:2:12: delivery.lifetime: \"4 days\" is no duration: write a number and a unit (ms, s, m, h, d), like \"90s\" or \"1h30m\"",
        ),
        ("[journal]\nwindow = \"2s\"", "etc/engine.toml:2:10: journal.window: must be from 0s to 1s, is 2s"),
        ("[delivery]\nretry = []", "etc/engine.toml:2:9: delivery.retry: must hold 1 to 100 durations"),
        (
            "[delivery]\ntls = \"maybe\"",
            "etc/engine.toml:2:7: delivery.tls: must be \"opportunistic\" or \"off\" or \"required\" or \"verified\", is \"maybe\"",
        ),
        (
            "[engine]\nhostname = \"a b\"",
            "etc/engine.toml:2:12: engine.hostname: \"a b\" is no name of a host or domain",
        ),
        ("[[dkim]]\ndomain = \"a.example\"", "etc/engine.toml:1:1: the key \"dkim.key\" is missing"),
        (
            "[[dkim]]\ndomian = \"a.example\"",
            "etc/engine.toml:2:1: unknown key \"dkim.domian\"\nhint: did you mean \"dkim.domain\"?",
        ),
        ("[[source]]\nname = \"a\"\naddress = \"192.0.2\"", "etc/engine.toml:3:11: source.address: is no IP address"),
        (
            "[metrics]\nlisten = \"9464\"",
            "etc/engine.toml:2:10: metrics.listen: \"9464\" is no address and port\nhint: write it like \"127.0.0.1:9464\" or \"[::1]:9464\"",
        ),
        (
            "[delivery]\nsmarthost = \"a:b:c\"",
            "etc/engine.toml:2:13: delivery.smarthost: \"a:b:c\" is no host and port: write HOST:PORT, like \"relay.example:25\" or \"[::1]:25\"",
        ),
        ("engine = 3", "etc/engine.toml:1:10: engine: must be a table, is of the type integer"),
    ];
    for (text, expected) in cases {
        assert_eq!(engine(text).unwrap_err(), expected, "for {text:?}");
    }
}

#[test]
fn what_is_no_toml_is_told_with_its_place() {
    let error = engine("[engine]\ndata = \"x").unwrap_err();
    assert!(error.starts_with("etc/engine.toml:2:"), "{error}");
    let error = engine("[engine]\n[engine]\n").unwrap_err();
    assert!(error.starts_with("etc/engine.toml:2:"), "{error}");
}

#[test]
fn unreadable_files_are_named() {
    let error = EngineConfig::read(Path::new("/nonexistent/x.toml")).unwrap_err().to_string();
    assert!(error.starts_with("/nonexistent/x.toml: cannot be read: No such file"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("koi8.toml");
    std::fs::write(&file, b"[engine]\ndata = \"\xd0\xcf\xc3\xa4\"\n").unwrap();
    let error = EngineConfig::read(&file).unwrap_err();
    assert_eq!(error.place, Some((2, 9)));
    assert!(error.message.contains("encoding"), "{error}");
    assert!(EngineConfig::read(folder.path()).unwrap_err().to_string().contains("cannot be read"));
}

#[test]
fn a_whole_campaign_is_read() {
    let text = r#"
name = "welcome"
from = "Acme <news@acme.example>"
to = "{{ first_name }} <{{ email }}>"
reply_to = "help@acme.example"
return_path = "b+{token}@bounce.acme.example"
subject = "Welcome, {{ first_name }}"
html = "welcome.html"
text = "/abs/welcome.txt"
on_uncertain = "hold"
retry = ["1m"]
lifetime = "1d"
attachments = [{ file = "a.pdf" }, { file = "l.png", type = "image/png", inline_id = "logo" }]
[headers]
X-Campaign = "welcome"
[unsubscribe]
url = "https://acme.example/u/{{ token }}"
[recipients]
file = "welcome.tsv.gz"
format = "tsv"
email = "mail"
max_rejected = "0.5%"
columns = { first_name = "Vorname" }
"#;
    let c = campaign(text).unwrap();
    assert_eq!((c.subject.value.as_str(), c.subject.line, c.subject.column), ("Welcome, {{ first_name }}", 7, 11));
    assert_eq!(c.html, Some(PathBuf::from("c/welcome.html")));
    assert_eq!(c.text, Some(PathBuf::from("/abs/welcome.txt")));
    assert_eq!(c.on_uncertain, OnUncertain::Hold);
    assert_eq!(c.attachments[1].inline_id.as_deref(), Some("logo"));
    assert_eq!(c.headers[0].1.value, "welcome");
    assert_eq!(c.recipients.from, ListSource::File("c/welcome.tsv.gz".into()));
    assert_eq!(c.recipients.format, Some(ListFormat::Tsv));
    assert_eq!(c.recipients.email.value, "mail");
    assert!((c.recipients.max_rejected - 0.005).abs() < 1e-12);
    let columns = c.recipients.columns.iter().map(|(name, column)| (name.as_str(), column.value.as_str()));
    assert_eq!(columns.collect::<Vec<_>>(), [("first_name", "Vorname")]);
}

#[test]
fn a_small_campaign_gets_defaults() {
    let c = campaign(GOOD).unwrap();
    assert_eq!((c.to.value.as_str(), c.to.line), ("{{ email }}", 0));
    assert_eq!(c.on_uncertain, OnUncertain::Retry);
    assert_eq!(c.recipients.email.value, "email");
    assert!((c.recipients.max_rejected - 0.05).abs() < 1e-12);
    let stdin = campaign(&GOOD.replace("w.csv", "-")).unwrap();
    assert_eq!(stdin.recipients.from, ListSource::Stdin);
}

#[test]
fn campaign_errors_name_place_key_and_way_out() {
    let cases = [
        ("name = \"welcome\"", "name = \"../etc\"", "c/w.toml:2:8: name: \"../etc\" cannot name a campaign"),
        ("name = \"welcome\"", "nam = \"welcome\"", "c/w.toml:2:1: unknown key \"nam\"\nhint: did you mean \"name\"?"),
        ("name = \"welcome\"", "", "c/w.toml:1:1: the key \"name\" is missing"),
        ("subject = \"Hi\"", "subject = \"a\\r\\nBcc: x\"", "c/w.toml:4:11: subject: must be one line"),
        ("subject = \"Hi\"", "subject = \" \"", "c/w.toml:4:11: subject: must not be empty"),
        ("html = \"w.html\"", "", "the campaign has no content"),
        ("file = \"w.csv\"", "fille = \"w.csv\"", "did you mean \"recipients.file\"?"),
        ("file = \"w.csv\"", "", "c/w.toml:6:1: the key \"recipients.file\" is missing"),
        ("file = \"w.csv\"", "file = \"w.csv\"\nmax_rejected = 5", "recipients.max_rejected: must be a text in quotes"),
        ("file = \"w.csv\"", "file = \"w.csv\"\nmax_rejected = \"105%\"", "\"105%\" is no percentage"),
        ("[recipients]", "[headers]\nbcc = \"x\"\n[recipients]", "c/w.toml:7:7: headers.bcc: is written by the engine"),
        (
            "[recipients]",
            "[headers]\nX-Who = \"a\"\nx-who = \"b\"\n[recipients]",
            "c/w.toml:8:9: headers.x-who: stands here twice",
        ),
        ("[recipients]", "[headers]\n\"X Y\" = \"x\"\n[recipients]", "headers.X Y: is no name of a header"),
        ("[recipients]", "[headers]\nX-A = \"a\\nb\"\n[recipients]", "headers.X-A: must be one line"),
        ("[recipients]", "[unsubscribe]\nurl = \"http://x\"\n[recipients]", "must begin with https://"),
        ("[recipients]", "[unsubscribe]\n[recipients]", "needs a url, a mailto, or both"),
        ("[recipients]", "[engine]\n[recipients]", "unknown key \"engine\""),
    ];
    for (from, to, expected) in cases {
        let error = campaign(&GOOD.replace(from, to)).unwrap_err();
        assert!(error.contains(expected), "for {to:?}:\n{error}");
    }
}

#[test]
fn durations_go_both_ways() {
    for (text, ms) in [("100ms", 100), ("90s", 90_000), ("5m", 300_000), ("1h30m", 5_400_000), ("4d", 345_600_000)] {
        assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
    }
    assert_eq!(duration_text(Duration::from_secs(90)), "1m30s");
    assert_eq!(duration_text(Duration::from_millis(345_600_100)), "4d100ms");
    assert_eq!(duration_text(Duration::ZERO), "0s");
    for bad in ["", "5", "m", "5 m", "-5m", "5y", "1.5h", "99999999999999999999s", "18446744073709551615d"] {
        assert!(duration(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn percentages_and_hosts() {
    assert_eq!(percentage("5%"), Ok(0.05));
    for bad in ["5", "%", "-1%", "NaN%", "inf%", "1e1%", "100.1%"] {
        assert!(percentage(bad).is_err(), "{bad:?}");
    }
    for good in ["relay.example", "relay.example:25", "192.0.2.1:25", "[2001:db8::1]:25", "[2001:db8::1]"] {
        assert_eq!(good.parse::<HostPort>().unwrap().to_string(), good);
    }
    for bad in ["", ":25", "a b:25", "a:0", "a:99999", "[::1", "[::1]25", "[a]:25", "-a.example"] {
        assert!(bad.parse::<HostPort>().is_err(), "{bad:?}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
        let _ = engine(&text);
        let _ = campaign(&text);
        let _ = duration(&text);
        let _ = percentage(&text);
        let _ = text.parse::<HostPort>();
    }
}

#[test]
fn the_shipped_campaign_is_read_and_its_files_are_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/campaign");
    let campaign = CampaignConfig::read(&folder.join("welcome.toml")).unwrap();
    assert_eq!(campaign.name, "welcome");
    for file in [campaign.html, campaign.text].into_iter().flatten() {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains("https://acme.example/u/{{ token }}"), "{} shows no way out", file.display());
    }
    assert_eq!(campaign.recipients.from, ListSource::File(folder.join("welcome.csv")));
    let mut list = csv::Reader::from_path(folder.join("welcome.csv")).unwrap();
    assert_eq!(list.headers().unwrap(), &["email", "first_name", "city", "plan"][..]);
    let mut addresses = std::collections::HashSet::new();
    let mut domains = std::collections::HashSet::new();
    for row in list.records() {
        let row = row.unwrap();
        let mailbox = crate::mail::Mailbox::parse(row[0].as_bytes()).unwrap();
        // Reserved names (RFC 2606): nobody is written to by accident.
        assert!(mailbox.domain().ends_with(".example") || mailbox.domain().ends_with(".test"), "{mailbox}");
        domains.insert(mailbox.domain().to_owned());
        assert!(addresses.insert(mailbox));
    }
    assert_eq!((addresses.len(), domains.len()), (10_000, 500));
}
