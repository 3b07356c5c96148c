//! `send --test`: a sample to oneself, which never counts; and what `--dry-run` shows of a letter.

use crate::folder::{CAMPAIGN, Folder, Ran, Receiver};
use std::fs;
use std::process::Command;

/// Sends with these flags; what the run said, and the letters that arrived.
fn sample(folder: &Folder, more: &[&str]) -> (Ran, Vec<String>) {
    let (ran, letters) = folder.send(more);
    (ran, letters.into_iter().map(|letter| String::from_utf8(letter).unwrap()).collect())
}

/// The text of a letter, as its reader sees it.
fn text(letter: &str) -> String {
    let read = mail_parser::MessageParser::default().parse(letter.as_bytes()).unwrap();
    read.body_text(0).unwrap().into_owned()
}

fn folder() -> Folder {
    let folder = Folder::new();
    let unsubscribe = "[unsubscribe]\nurl = \"https://a.example/u?t={{ token }}&m={{ email }}\"\n";
    folder.put("w.toml", CAMPAIGN.replace("[recipients]", &format!("{unsubscribe}[recipients]")));
    folder.put("w.txt", "Dear {{ first }},\nleave: {{ unsubscribe_url }}\n");
    folder.put("w.csv", "email,first\nann@a.example,Ann\nbob@b.example,Bob\n");
    folder
}

#[test]
fn a_sample_is_the_real_letter_marked_and_for_its_reader() {
    let folder = folder();
    let (ran, letters) = sample(&folder, &["--test", "me@x.example,you@y.example", "--row", "bob@b.example"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(letters.len(), 2);
    let letter = letters.iter().find(|letter| letter.contains("To: me@x.example")).unwrap();
    assert!(letter.contains("Subject: [Test] Hello Bob\r\n") && letter.contains("X-Posthaste-Test: w\r\n"), "{letter}");
    let read = text(letter);
    assert!(letter.contains("From: Acme <news@acme.example>") && read.starts_with("Dear Bob,"), "{letter}");
    assert!(letter.contains("List-Unsubscribe-Post: ") && read.contains("&m=me%40x.example"), "{letter}");
    for letter in &letters {
        assert!(!letter.contains("bob@b.example") && !text(letter).contains("bob%40b.example"), "{letter}");
    }
    for who in ["me@x.example: delivered", "you@y.example: delivered"] {
        assert!(ran.out.contains(who), "{}", ran.out);
    }
}

#[test]
fn a_sample_is_signed_as_the_campaign_is_and_its_links_that_are_not_its_own_are_told() {
    let folder = folder();
    let key = folder.path().join("s1.pem");
    let made = Command::new("openssl").args(["genpkey", "-algorithm", "ed25519", "-out"]).arg(&key).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    folder.put("e.toml", "[[dkim]]\ndomain = \"acme.example\"\nselector = \"s1\"\nkey = \"s1.pem\"\n");
    folder.put("w.toml", folder.read("w.toml").replace("{{ token }}", "{{ id }}"));
    folder.put("w.csv", "email,first,id\nann@a.example,Ann,17\n");
    let (ran, letters) = sample(&folder, &["--config", "e.toml", "--test", "me@x.example"]);
    assert!(ran.code == Some(0) && letters[0].contains("DKIM-Signature: "), "{ran:?}");
    assert!(
        letters[0].contains("d=acme.example") && ran.err.contains("what unsubscribes in it is made from id"),
        "{ran:?}"
    );
}

#[test]
fn a_sample_never_counts_neither_before_nor_after() {
    let folder = folder();
    assert_eq!(sample(&folder, &["--test", "me@x.example"]).0.code, Some(0));
    assert!(!folder.path().join("data/campaign/w").exists() && !folder.path().join("data/marks").exists());
    let left: Vec<_> =
        fs::read_dir(folder.path().join("data")).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("dry-run")), "{left:?}");
    let (ran, letters) = sample(&folder, &[]);
    assert!(ran.code == Some(0) && letters.len() == 2, "{ran:?}");
    assert!(letters.iter().all(|letter| !letter.contains("[Test]") && !letter.contains("X-Posthaste-Test")));
    // To another destination than the campaign's, which is complete.
    let (ran, letters) = sample(&folder, &["--test", "me@x.example"]);
    assert!(ran.code == Some(0) && letters.len() == 1 && text(&letters[0]).contains("Dear Ann,"), "{ran:?}");
    let report = folder.run(&["report", "w", "--data", "data", "--json"]);
    assert!(report.out.contains("\"delivered\":2") || report.out.contains("\"delivered\": 2"), "{}", report.out);
    assert!(!report.out.contains("me@x.example"));
}

#[test]
fn who_is_suppressed_is_said_and_the_sample_goes_all_the_same() {
    let folder = folder();
    folder.put("stop.txt", "me@x.example\nann@a.example\n");
    folder.put("e.toml", "[engine]\nsuppression = [\"stop.txt\"]\n");
    let (ran, letters) = sample(&folder, &["--config", "e.toml", "--test", "me@x.example"]);
    assert!(ran.code == Some(0) && letters.len() == 1, "{ran:?}");
    for who in ["me@x.example is on the suppression list", "ann@a.example is on the suppression list"] {
        assert!(ran.err.contains(who), "{}", ran.err);
    }
}

#[test]
fn a_sample_that_does_not_arrive_says_so_and_why() {
    let folder = folder();
    let send = |receiver: &str, more: &[&str]| {
        let mut arguments = vec!["send", "w.toml", "--data", "data", "--smarthost", receiver, "--test", "me@x.example"];
        arguments.extend(more);
        folder.run(&arguments)
    };
    for (flag, code, said) in [("--reject", 1, "refused"), ("--defer", 3, "not delivered yet")] {
        let receiver = Receiver::start_with(&folder.path().join("kept"), &[flag, "100"]);
        let ran = send(&receiver.address, &[]);
        receiver.end();
        assert_eq!(ran.code, Some(code), "{flag}: {ran:?}");
        assert!(ran.out.contains(&format!("me@x.example: {said}: ")), "{flag}: {ran:?}");
    }
    for (arguments, said) in [
        (&["--test", "me"][..], "--test me:"),
        (&["--test", ","], "names nobody"),
        (&["--test", "me@x.example", "--row", "9"], "rows 1 to 2"),
        (&["--test", "me@x.example", "--row", "zoe@a.example"], "nobody on the list"),
    ] {
        let mut line = vec!["send", "w.toml", "--data", "data", "--sink"];
        line.extend(arguments);
        let ran = folder.run(&line);
        assert!(ran.code == Some(2) && ran.err.contains(said), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn a_dry_run_shows_letters_as_readers_see_them_and_names_rows_by_line_and_address() {
    let folder = Folder::new();
    folder.put("w.toml", CAMPAIGN.replace("text = \"w.txt\"", "text = \"w.txt\"\nhtml = \"w.html\""));
    folder.put("w.txt", "Liebe {{ first }}, schöne Grüße = alles Gute.\n");
    folder.put("w.html", "<p>Liebe <b>{{ first }}</b>, schöne Grüße</p>\n");
    folder.put("w.csv", "email,first\nnobody,X\nann@a.example,Änne\n");
    folder.put("w.toml", folder.read("w.toml") + "max_rejected = \"50%\"\n");
    let ran = folder.run(&["send", "w.toml", "--data", "data", "--dry-run"]);
    for text in [
        "--- line 3, ann@a.example",
        "Subject: Hello Änne",
        "Liebe Änne, schöne Grüße = alles Gute.",
        "[HTML part, as text]",
    ] {
        assert!(ran.out.contains(text), "{text}: {ran:?}");
    }
    for code in ["=C3", "=3D", "=?utf-8", "quoted-printable"] {
        assert!(!ran.out.contains(code), "{code}: {}", ran.out);
    }
}
