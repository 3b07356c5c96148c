//! What people get to read when a source, a proxy, a login or a DSN key is wrong, and what they get when it is right.

use super::document::Document;
use super::engine::{ProxyKind, SmarthostTls};
use super::{CampaignConfig, EngineConfig};
use crate::engine::source::Family;
use crate::smtp::client::{Mechanism, Notify, Ret};
use std::path::Path;

fn engine(text: &str) -> Result<EngineConfig, String> {
    EngineConfig::from_document(&Document::new(Path::new("etc/e.toml"), text.to_owned())).map_err(|e| e.to_string())
}

fn campaign(more: &str) -> Result<CampaignConfig, String> {
    let text = format!(
        "name = \"w\"\nfrom = \"a@b.example\"\nsubject = \"s\"\ntext = \"t\"\n{more}\n[recipients]\nfile = \"l.csv\"\n"
    );
    CampaignConfig::from_document(&Document::new(Path::new("c/w.toml"), text)).map_err(|e| e.to_string())
}

#[test]
fn every_key_of_a_source_can_be_set() {
    let config = engine(
        r#"
        [delivery]
        pool = "bulk"
        [[source]]
        name = "a"
        address = ["2001:db8::10", "192.0.2.10"]
        pool = "bulk"
        weight = 3
        sessions_max = 500
        messages_per_hour = 20000
        family = "race"
        [[source]]
        name = "b"
        proxy = { kind = "socks5", address = "192.0.2.9:1080", user = "jo", password_env = "X" }
        family = "only-ipv4"
        [[source]]
        name = "c"
        address = "2001:db8::10"
        public_address = ["192.0.2.8", "2001:db8::9"]
        proxy = { kind = "haproxy", address = "192.0.2.9:2525" }
        "#,
    )
    .unwrap();
    let [a, b, c] = &config.sources[..] else { panic!("{:?}", config.sources) };
    assert_eq!(config.delivery.pool.as_ref().unwrap().text, "bulk");
    assert_eq!((a.ipv4, a.ipv6), (Some([192, 0, 2, 10].into()), Some("2001:db8::10".parse().unwrap())));
    assert_eq!((&*a.pool, a.weight, a.sessions_max, a.messages_per_hour), ("bulk", 3, Some(500), Some(20_000)));
    assert_eq!((a.family, b.family, c.family), (Family::Race, Family::OnlyIpv4, Family::Any));
    let proxy = b.proxy.as_ref().unwrap();
    assert_eq!((proxy.kind, proxy.address.port()), (ProxyKind::Socks5, 1080));
    assert_eq!(proxy.login.as_ref().unwrap().user.text, "jo");
    assert_eq!((b.weight, b.ipv4, &*b.pool), (1, None, ""));
    assert_eq!(c.proxy.as_ref().unwrap().kind, ProxyKind::Haproxy);
    let public: Vec<String> = c.public.iter().map(ToString::to_string).collect();
    assert_eq!((a.public.len(), public), (0, vec!["192.0.2.8".to_owned(), "2001:db8::9".to_owned()]));
}

#[test]
fn what_is_wrong_with_a_source_is_told_with_its_place() {
    let cases = [
        ("address = \"192.0.2\"", "etc/e.toml:3:11: source.address: is no IP address"),
        ("address = []", "etc/e.toml:3:11: source.address: must not be empty"),
        (
            "address = [\"192.0.2.1\", \"192.0.2.2\"]",
            "etc/e.toml:3:25: source.address: is the second address of its family\nhint: ",
        ),
        ("public_address = \"mail.acme.example\"", "etc/e.toml:3:18: source.public_address: is no IP address"),
        ("public_address = []", "etc/e.toml:3:18: source.public_address: must not be empty"),
        (
            "public_address = [\"10.0.0.1\"]",
            "etc/e.toml:3:19: source.public_address: is no address that others see\nhint: name the one",
        ),
        ("weight = 0", "etc/e.toml:3:10: source.weight: must be from 1 to 1000, is 0"),
        ("wieght = 1", "etc/e.toml:3:1: unknown key \"source.wieght\"\nhint: did you mean \"source.weight\"?"),
        ("sessions_max = 0", "etc/e.toml:3:16: source.sessions_max: must be from 1"),
        ("pool = \"a b\"", "etc/e.toml:3:8: source.pool: must be 1 to 64 letters"),
        ("family = \"ipv6\"", "etc/e.toml:3:10: source.family: must be \"any\" or \"prefer-ipv4\""),
        (
            "address = \"192.0.2.1\"\nfamily = \"only-ipv6\"",
            "etc/e.toml:4:10: source.family: the source has no IPv6 address\nhint: give it one of each family",
        ),
        (
            "address = \"192.0.2.1\"\nfamily = \"race\"",
            "etc/e.toml:4:10: source.family: the source has no IPv6 address\nhint: ",
        ),
        ("proxy = \"socks5\"", "etc/e.toml:3:9: source.proxy: must be a table, is of the type string"),
        ("proxy = { kind = \"socks5\" }", "etc/e.toml:3:9: the key \"source.proxy.address\" is missing"),
        (
            "proxy = { kind = \"socks5\", address = \"proxy.example:1080\" }",
            "etc/e.toml:3:38: source.proxy.address: is no address and port\nhint: write the proxy's IP address and port",
        ),
        (
            "proxy = { kind = \"http\", address = \"192.0.2.9:1\" }",
            "etc/e.toml:3:18: source.proxy.kind: must be \"haproxy\" or \"socks5\", is \"http\"",
        ),
        (
            "proxy = { kind = \"haproxy\", address = \"192.0.2.9:1\" }",
            "etc/e.toml:3:9: source.proxy: the source has no address\nhint: add address",
        ),
        (
            "address = \"192.0.2.1\"\nproxy = { kind = \"haproxy\", address = \"192.0.2.9:1\", user = \"u\", password_env = \"P\" }",
            "etc/e.toml:4:9: source.proxy: the PROXY protocol knows no login\nhint: ",
        ),
        (
            "address = \"2001:db8::1\"\nproxy = { kind = \"socks5\", address = \"192.0.2.9:1\" }",
            "etc/e.toml:4:9: source.proxy: the source has no address to reach 192.0.2.9:1 from\nhint: ",
        ),
        (
            "family = \"race\"\nproxy = { kind = \"socks5\", address = \"192.0.2.9:1\" }",
            "etc/e.toml:3:10: source.family: there is no race behind a proxy\nhint: ",
        ),
        (
            "proxy = { kind = \"socks5\", address = \"192.0.2.9:1\", user = \"u\" }",
            "etc/e.toml:3:60: source.proxy.user: there is no password for this user\nhint: add password_file",
        ),
        (
            "proxy = { kind = \"socks5\", address = \"192.0.2.9:1\", password = \"hunter2\" }",
            "etc/e.toml:3:53: unknown key \"source.proxy.password\"\nhint: did you mean",
        ),
    ];
    for (text, expected) in cases {
        let error = engine(&format!("[[source]]\nname = \"a\"\n{text}")).unwrap_err();
        assert!(error.starts_with(expected), "for {text:?}:\n{error}\nexpected:\n{expected}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let twice = engine("[[source]]\nname = \"a\"\n[[source]]\nname = \"a\"").unwrap_err();
    assert_eq!(twice, "etc/e.toml:4:8: source.name: \"a\" stands here twice");
}

#[test]
fn a_login_is_whole_or_told_of_and_its_password_is_elsewhere() {
    let smarthost = |text: &str| engine(&format!("[smarthost]\n{text}")).unwrap().smarthost;
    let whole = smarthost(
        "user = \"jo\"\npassword_file = \"p.secret\"\nmechanism = \"scram-sha-256\"\ntls = \"implicit\"\nauth_in_clear = true",
    );
    assert_eq!((whole.tls, whole.mechanism), (SmarthostTls::Implicit, Some(Mechanism::ScramSha256)));
    let login = whole.login().unwrap().unwrap();
    let error = login.password().unwrap_err().to_string();
    assert!(error.starts_with("etc/e.toml:3:17: smarthost.password_file: etc/p.secret cannot be read: "), "{error}");
    assert!(error.contains("hint: put the password alone"), "{error}");
    assert_eq!(smarthost("").login(), Ok(None));
    for (text, expected) in [
        ("user = \"jo\"", "etc/e.toml:2:8: smarthost.user: there is no password for this user\nhint: "),
        ("password_env = \"P\"", "etc/e.toml:2:16: smarthost.password_env: there is no user for this password\nhint: "),
        (
            "user = \"jo\"\npassword_env = \"P\"\npassword_file = \"p\"",
            "etc/e.toml:3:16: smarthost.password_env: stands beside a password_file\nhint: ",
        ),
    ] {
        let error = smarthost(text).login().unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let error = smarthost("user = \"jo\"\npassword_env = \"POSTHASTE_NEVER_SET\"").login().unwrap().unwrap();
    let error = error.password().unwrap_err().to_string();
    assert!(error.contains("\"POSTHASTE_NEVER_SET\" is not set") && error.contains("hint: "), "{error}");
    let error = engine("[smarthost]\nmechanism = \"cram-md5\"").unwrap_err();
    assert!(error.starts_with("etc/e.toml:2:13: smarthost.mechanism: must be \"auto\" or \"plain\""), "{error}");
}

#[test]
fn a_password_file_holds_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.secret");
    let config = |text: &[u8]| {
        std::fs::write(&file, text).unwrap();
        let text = "[smarthost]\nuser = \"jo\"\npassword_file = \"p.secret\"";
        let document = Document::new(&folder.path().join("e.toml"), text.to_owned());
        let login = EngineConfig::from_document(&document).unwrap().smarthost.login().unwrap().unwrap();
        login.password().map_err(|e| e.to_string())
    };
    assert_eq!(config(b"hunter2\n"), Ok("hunter2".to_owned()));
    assert_eq!(config(b" with blanks \r\n"), Ok(" with blanks ".to_owned()));
    for (text, said) in [
        (&b""[..], "is empty"),
        (b"\n\n", "is empty"),
        (b"hunter2\nhunter3", "more than one line"),
        (b"hunter2\xff", "cannot be read"),
        (&[b'x'; 5000], "is too long"),
    ] {
        let error = config(text).unwrap_err();
        assert!(error.contains(said) && error.contains("hint: ") && !error.contains("hunter"), "{error}");
    }
}

#[test]
fn what_a_campaign_asks_of_the_next_hops() {
    let plain = campaign("").unwrap();
    assert_eq!((plain.asks.dsn, plain.asks.require_tls, plain.pool), (None, false, None));
    let full = campaign(
        "pool = \"bulk\"\nrequire_tls = true\n[dsn]\nnotify = [\"failure\", \"delay\"]\nret = \"headers\"\nenvid = \"w 1\"",
    )
    .unwrap();
    let dsn = full.asks.dsn.unwrap();
    assert!(full.asks.require_tls && full.pool.unwrap().text == "bulk");
    assert_eq!(dsn.notify, Some(Notify { failure: true, delay: true, success: false }));
    assert_eq!((dsn.ret, dsn.envid.as_deref()), (Some(Ret::Headers), Some(&b"w 1"[..])));
    let never = campaign("[dsn]\nnotify = \"never\"").unwrap();
    assert_eq!(never.asks.dsn.unwrap().notify, Some(Notify::default()));
    for (text, expected) in [
        ("notify = \"always\"", "c/w.toml:6:10: dsn.notify: must be \"never\", or a list"),
        ("notify = []", "c/w.toml:6:10: dsn.notify: must be \"never\", or a list"),
        ("notify = [\"never\"]", "c/w.toml:6:11: dsn.notify: must be \"never\", or a list"),
        ("ret = \"hdrs\"", "c/w.toml:6:7: dsn.ret: must be \"full\" or \"headers\""),
        ("envid = \"\"", "c/w.toml:6:9: dsn.envid: must be 1 to 100 printable"),
        ("envid = \"\u{e9}\"", "c/w.toml:6:9: dsn.envid: must be 1 to 100 printable"),
        ("notfy = []", "c/w.toml:6:1: unknown key \"dsn.notfy\"\nhint: did you mean \"dsn.notify\"?"),
    ] {
        let error = campaign(&format!("[dsn]\n{text}")).unwrap_err();
        assert!(error.starts_with(expected), "for {text:?}:\n{error}");
    }
    let long = "=".repeat(34);
    assert!(campaign(&format!("[dsn]\nenvid = \"{long}\"")).unwrap_err().contains("is 102 as it is sent"));
    assert!(campaign("require_tls = 1").unwrap_err().starts_with("c/w.toml:5:15: require_tls: must be true or false"));
}
