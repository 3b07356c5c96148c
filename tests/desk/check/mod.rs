//! `posthaste check`: campaigns with one fault each, which is found by its word and in its place, and nothing else with it;
//! and campaigns that are as they should be, in which nothing is found.

mod by_row;
mod clean;
mod dns;
mod empty;
mod faults;
mod mends;
mod rehearsal;
mod told;
mod way_out;

use super::folder::{Folder, Ran};
use serde_json::Value;
use std::fmt;

/// A campaign as it should be.
const CAMPAIGN: &str = "\
name = \"spring\"
from = \"Acme Garden <news@acme.example>\"
reply_to = \"help@acme.example\"
return_path = \"b+{token}@bounce.acme.example\"
subject = \"Spring is here, {{ first_name }}\"
html = \"letter.html\"
text = \"letter.txt\"
list_id = \"Acme news <news.acme.example>\"

[headers]
X-Campaign = \"spring\"

[unsubscribe]
url = \"https://acme.example/u/{{ token }}\"

[recipients]
file = \"list.csv\"
email = \"email\"
max_rejected = \"30%\"
";
const HTML: &str = "\
<!doctype html>
<html lang=\"en\">
<head><meta charset=\"utf-8\"><title>Spring at Acme</title>
<style>
  a { color: #2a6; }
</style></head>
<body>
<!--[if mso]><p>Outlook</p><![endif]-->
<p>Dear {{ first_name }},</p>
<p>the beds are ready, and so are we: <a href=\"https://acme.example/spring\">see what is new</a>.</p>
<img src=\"https://acme.example/tulips.jpg\" alt=\"Tulips in a row\" width=\"600\">
<p>Write to <a href=\"mailto:help@acme.example\">help@acme.example</a> or call <a href=\"tel:+15550100\">us</a>.</p>
{% if city == \"Oslo\" %}<p>Our shop in Oslo opens at ten.</p>{% endif %}
<p><a href=\"https://acme.example/u/{{ token }}\">Unsubscribe</a> - Acme Garden, 1 Example Street</p>
</body>
</html>
";
const TEXT: &str = "\
Dear {{ first_name }},

the beds are ready, and so are we: https://acme.example/spring

Unsubscribe: https://acme.example/u/{{ token }}
Acme Garden, 1 Example Street
";
const LIST: &str = "\
email,first_name,city
ann@a.example,Ann,Oslo
bob@b.example,Bob,Bergen
cem@c.example,Cem,Oslo
dan@d.example,Dan,Bergen
";
const ENGINE: &str = "\
[engine]
hostname = \"mail.acme.example\"
suppression = [\"suppressed.txt\"]
[delivery]
route = \"mx\"
[[dkim]]
domain = \"acme.example\"
selector = \"s1\"
key = \"s1.pem\"
";
/// A key of Ed25519 that signs for nobody else.
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEICCi43KxyiaaVxAQpoDAjT/cWBZMHiVp876I1V/Pr+cF
-----END PRIVATE KEY-----
";

/// The files of a campaign as it should be.
const FILES: [(&str, &str); 7] = [
    ("w.toml", CAMPAIGN),
    ("letter.html", HTML),
    ("letter.txt", TEXT),
    ("list.csv", LIST),
    ("engine.toml", ENGINE),
    ("s1.pem", KEY),
    ("suppressed.txt", "nobody@z.example\n"),
];

/// What a look has found.
pub struct Found {
    pub severity: String,
    pub check: String,
    pub place: String,
    pub says: String,
    pub hint: String,
    pub draws: String,
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, check, place, says, hint, draws } = self;
        write!(f, "{severity} {check} at {place:?}: {says} ({hint}) {draws}")
    }
}

/// Of what is on this machine.
pub fn check(folder: &Folder, campaign: &str) -> (Ran, Vec<Found>) {
    check_with(folder, campaign, &["--offline"])
}

fn check_with(folder: &Folder, campaign: &str, more: &[&str]) -> (Ran, Vec<Found>) {
    let mut arguments = vec!["check", campaign, "--json"];
    if folder.path().join("engine.toml").exists() {
        arguments.extend(["--config", "engine.toml"]);
    }
    arguments.extend(more);
    let ran = folder.run(&arguments);
    let object: Value = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let found = object["findings"].as_array().unwrap().iter().map(|finding| Found {
        severity: text(finding, "severity"),
        check: text(finding, "check"),
        place: text(finding, "place"),
        says: text(finding, "says"),
        hint: text(finding, "hint"),
        draws: text(finding, "draws"),
    });
    let found = found.collect();
    (ran, found)
}

fn spring() -> Folder {
    let folder = Folder::new();
    for (name, text) in FILES {
        folder.put(name, text);
    }
    folder
}

/// Line and column of the first `what` in `text`.
fn place_of(text: &str, what: &str) -> String {
    let at = text.find(what).unwrap_or_else(|| panic!("{what:?} is not in it"));
    let before = &text[..at];
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    format!("{}:{}", before.matches('\n').count() + 1, before[line..].chars().count() + 1)
}

#[test]
fn errors_and_warnings_have_their_codes_and_leave_nothing_behind() {
    let folder = spring();
    let run =
        |more: &[&str]| folder.run(&[&["check", "w.toml", "--config", "engine.toml", "--offline"], more].concat());
    let ran = run(&["--strict"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.starts_with("w.toml: nothing is found wrong\n4 recipients at 4 domains"), "{ran:?}");
    folder.put("letter.txt", TEXT.replace("https://acme.example/spring", "http://acme.example/spring"));
    assert_eq!((run(&[]).code, run(&["--strict"]).code), (Some(0), Some(2)));
    let ran = run(&[]);
    let line = "warning: letter.txt:3:36: `http://acme.example/spring` is not encrypted: ";
    assert!(
        ran.out.contains(line) && ran.out.contains("[http-link]\n  hint: write `https://acme.example/spring`"),
        "{ran:?}"
    );
    folder.put("letter.txt", TEXT.replace("{{ first_name }}", "{{ frist_name }}"));
    let ran = run(&[]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.out.contains("error: letter.txt:1:9: ") && ran.out.contains("did you mean `first_name`?"), "{ran:?}");
    assert!(!folder.path().join("data").exists(), "nothing is left");
    // No word on the campaign: the look itself failed.
    folder.put("letter.txt", TEXT);
    folder.put("file", "no folder");
    let ran = run(&["--data", "file/below"]);
    assert!(ran.code == Some(1) && ran.out.is_empty() && ran.err.starts_with("error: "), "{ran:?}");
    assert_eq!(folder.run(&["check", "gone.toml"]).code, Some(2));
}

#[test]
fn one_fault_does_not_hide_another() {
    let folder = spring();
    folder.put("engine.toml", ENGINE.replace("route", "rout"));
    folder.put(
        "letter.html",
        HTML.replace("{{ first_name }}", "{{ frist_name }}").replace("\"https://acme.example/spring\"", "\"#\""),
    );
    folder.put("letter.txt", TEXT.replace("{{ token }}", "{{ tokn }}"));
    folder.put("list.csv", LIST.replace("cem@c.example", "cem"));
    let (ran, found) = check(&folder, "w.toml");
    let mut checks: Vec<&str> = found.iter().map(|found| found.check.as_str()).collect();
    checks.sort_unstable();
    assert_eq!(
        (ran.code, checks),
        (Some(2), vec!["configuration", "empty-link", "rejected-row", "template", "template"]),
        "{found:?}"
    );
}

#[test]
fn what_errors_are_found_stops_a_send_and_warnings_are_told_within_bounds() {
    let folder = spring();
    let bad = "[x](http://a.example) {first_name} Lorem ipsum %%city%% [[city]] *|CITY|*";
    folder.put("letter.txt", format!("{TEXT}{bad}\n"));
    let ran = folder.run(&["send", "w.toml", "--data", "data", "--sink"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.err.matches("warning: letter.txt:7:").count(), 5, "{ran:?}");
    assert!(ran.err.contains("1 more warning: see posthaste check ") && ran.err.contains("w.toml"), "{ran:?}");
    folder.put("letter.txt", TEXT.replace("{{ first_name }}", "{{ frist_name }}"));
    folder.put("w.toml", CAMPAIGN.replace("spring\"\nfrom", "summer\"\nfrom"));
    let ran = folder.run(&["send", "w.toml", "--data", "data", "--sink"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(!folder.path().join("data/sink/summer/manifest").exists(), "its name is free");
}
