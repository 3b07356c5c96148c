//! The way out of a mailing, as large receivers judge it: an error for who asks, a warning for who sends.

use super::{CAMPAIGN, Found, HTML, TEXT, check, spring};
use crate::folder::Folder;

const LINK: &str = "<a href=\"https://acme.example/u/{{ token }}\">Unsubscribe</a>";
const HEADER: &str = "[unsubscribe]\nurl = \"https://acme.example/u/{{ token }}\"\n";

/// A campaign that nobody can leave.
fn closed() -> Folder {
    let folder = spring();
    folder.put("w.toml", CAMPAIGN.replace(HEADER, ""));
    folder.put("letter.html", HTML.replace(LINK, "Bye"));
    folder.put("letter.txt", TEXT.replace("Unsubscribe: https://acme.example/u/{{ token }}", "Bye"));
    folder
}

fn words(found: &[Found]) -> Vec<(&str, &str)> {
    found.iter().map(|found| (found.severity.as_str(), found.check.as_str())).collect()
}

#[test]
fn a_letter_without_any_is_an_error_for_who_asks_and_a_warning_for_who_sends() {
    let folder = closed();
    let (ran, found) = check(&folder, "w.toml");
    assert_eq!((ran.code, words(&found)), (Some(2), vec![("error", "no-way-out")]), "{found:#?}");
    assert!(found[0].place == "w.toml" && found[0].hint.contains("transactional = true"), "{found:#?}");
    let ran = folder.run(&["send", "w.toml", "--data", "data", "--sink"]);
    assert!(ran.code == Some(0) && ran.err.contains("warning: w.toml: the letter has no way out"), "{ran:?}");
    // One way is one.
    let part = [("error", "list-unsubscribe"), ("warning", "list-unsubscribe"), ("warning", "unsubscribe-link")];
    folder.put("letter.txt", TEXT);
    let (ran, found) = check(&folder, "w.toml");
    assert_eq!((ran.code, words(&found)), (Some(0), part[1..].to_vec()), "{found:#?}");
    folder.put("letter.txt", TEXT.replace("Unsubscribe: https://acme.example/u/{{ token }}", "Bye"));
    folder.put("w.toml", CAMPAIGN);
    let (ran, found) = check(&folder, "w.toml");
    assert_eq!((ran.code, words(&found)), (Some(0), vec![part[2], part[2]]), "{found:#?}");
    // Nobody unsubscribes from an order.
    let folder = closed();
    folder.put("w.toml", format!("transactional = true\n{}", folder.read("w.toml")));
    let (ran, found) = check(&folder, "w.toml");
    assert!(ran.code == Some(0) && found.is_empty(), "{found:#?}");
}

#[test]
fn who_mails_thousands_at_large_providers_needs_the_one_click() {
    let folder = spring();
    folder.put("w.toml", CAMPAIGN.replace(HEADER, "[unsubscribe]\nmailto = \"leave@acme.example\"\n"));
    for (count, severity, code) in [(5000, "warning", 0), (5001, "error", 2)] {
        let rows: String = (0..count).map(|n| format!("p{n}@d{}.example,Ann,Oslo\n", n % 9)).collect();
        folder.put("list.csv", format!("email,first_name,city\n{rows}"));
        let (ran, found) = check(&folder, "w.toml");
        let told = words(&found);
        assert!(ran.code == Some(code) && told.contains(&(severity, "list-unsubscribe")), "{count}: {found:#?}");
    }
}

#[test]
fn the_signature_covers_it() {
    let folder = spring();
    let letters = folder.delivers(&["--config", "engine.toml"]);
    assert_eq!(letters.len(), 4);
    for letter in letters {
        let letter = String::from_utf8(letter).unwrap();
        let (head, _) = letter.split_once("\r\n\r\n").unwrap();
        let head = head.replace("\r\n ", "");
        let signature = head.lines().find_map(|line| line.strip_prefix("DKIM-Signature:")).unwrap();
        let names = signature.split(';').find_map(|tag| tag.trim().strip_prefix("h=")).unwrap();
        let names: Vec<String> = names.split(':').map(|name| name.trim().to_ascii_lowercase()).collect();
        for name in ["list-unsubscribe", "list-unsubscribe-post"] {
            assert!(head.lines().any(|line| line.to_ascii_lowercase().starts_with(&format!("{name}: "))), "{head}");
            assert!(names.iter().any(|signed| signed == name), "{name} (RFC 8058 §4): {names:?}");
        }
    }
}
