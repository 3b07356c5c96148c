//! Another letter under the name of a campaign: who still waits gets it, which is said; where nobody is left it went to nobody,
//! and no run calls that complete.

use super::*;

const NEXT: &str = "Dear {{ first }},\nthe next one.\n";
/// What is said where nobody is left.
const TO_NOBODY: &str = "this letter went to nobody";

/// A desk whose campaign is complete: ann and bob have their mail.
fn complete() -> (Desk, Receiver) {
    let (desk, mx) = (Desk::new(), Receiver::start(&[]));
    desk.put("w.csv", list(&["ann", "bob"]));
    desk.sends(&to(&mx), 0);
    (desk, mx)
}

#[test]
fn the_next_letter_under_a_complete_campaigns_name_is_said_to_have_gone_to_nobody_in_each_run() {
    let (desk, mx) = complete();
    let before = std::fs::read_to_string(desk.path().join("w.txt")).unwrap();
    desk.put("e.toml", "[log]\nlevel = \"error\"\n");
    let quiet = ["--config", "e.toml"];
    for change in ["text", "subject"] {
        match change {
            "text" => desk.put("w.txt", NEXT),
            _ => {
                desk.put("w.txt", &before);
                desk.put("w.toml", super::super::CAMPAIGN.replace("Hello", "Goodbye"));
            }
        }
        for more in [&[][..], &quiet, &["--add"], &["--cancel-removed"], &["--retry-held"], &["--cancel-held"], &[]] {
            let (said, json) = desk.sends(&to_with(&mx, more), 2);
            says(&said, &["campaign w is complete", TO_NOBODY, "hint: ", "name in ", "w.toml"]);
            assert!(json.is_null() && !said.contains("to come"), "{json} {said}");
        }
        says(&desk.sends(&["--sink"], 0).0, &["sink"]);
        // A rehearsal that is complete is of the letter that it was made with.
        desk.put("w.txt", format!("{change} once more\n"));
        says(&desk.sends(&["--sink"], 2).0, &[TO_NOBODY, "to rehearse it, remove "]);
        std::fs::remove_dir_all(desk.path().join("data/sink")).unwrap();
    }
    mx.delivered(&addresses(&["ann", "bob"]));
    // The old one is complete as it was, and the new one has a name of its own.
    desk.put("w.txt", &before);
    desk.put("w.toml", super::super::CAMPAIGN);
    says(&desk.sends(&to(&mx), 0).0, &["is complete"]);
    desk.put("w.txt", NEXT);
    desk.put("w.toml", super::super::CAMPAIGN.replace("\"w\"", "\"w2\""));
    desk.sends(&to(&mx), 0);
    mx.delivered(&addresses(&["ann", "ann", "bob", "bob"]));
}

#[test]
fn the_same_letter_is_the_same_wherever_its_files_lie_and_whatever_the_engine_is_told() {
    let (desk, mx) = complete();
    for more in ["recipients_per_transaction = 7", "sessions_per_site = 3"] {
        desk.put("e.toml", format!("[delivery]\n{more}\n"));
        says(&desk.sends(&to_with(&mx, &["--config", "e.toml"]), 0).0, &["is complete"]);
    }
    let [file, data] = ["w.toml", "data"].map(|name| desk.path().join(name).to_str().unwrap().to_owned());
    says(&told(desk.run(&["send", &file, "--data", &data, "--smarthost", &mx.address]), 0).0, &["is complete"]);
    std::fs::rename(desk.path().join("w.txt"), desk.path().join("x.txt")).unwrap();
    desk.put("w.toml", super::super::CAMPAIGN.replace("w.txt", "x.txt"));
    says(&desk.sends(&to(&mx), 0).0, &["is complete"]);
    mx.delivered(&addresses(&["ann", "bob"]));
}

#[test]
fn who_is_added_gets_the_letter_of_then_and_where_nobody_is_it_went_to_nobody() {
    let (desk, mx) = complete();
    desk.put("w.txt", NEXT);
    // A list on which nobody is new.
    desk.put("w.csv", list(&["bob"]));
    says(&desk.sends(&to(&mx), 2).0, &["has changed", "its content has changed", "another name"]);
    let (said, json) = desk.sends(&to_with(&mx, &["--add"]), 2);
    says(&said, &["0 new recipients are added", TO_NOBODY]);
    assert_eq!(json["delivered"], 2);
    says(&desk.sends(&to(&mx), 2).0, &[TO_NOBODY]);
    // Whoever is new is on the suppression list.
    desk.put("no.txt", "cyd@a.example\n");
    desk.put("e.toml", "[engine]\nsuppression = [\"no.txt\"]\n");
    desk.put("w.csv", list(&["bob", "cyd"]));
    let config = ["--config", "e.toml"];
    says(&desk.sends(&to_with(&mx, &[&config[..], &["--add"]].concat()), 2).0, &[TO_NOBODY]);
    says(&desk.sends(&to_with(&mx, &config), 2).0, &[TO_NOBODY]);
    // Somebody gets it: it is one of the campaign's from then on, and so is the one before.
    desk.put("w.csv", list(&["bob", "cyd", "dan"]));
    let (said, _) = desk.sends(&to_with(&mx, &[&config[..], &["--add"]].concat()), 0);
    says(&said, &["content has changed since", "2 recipients got an earlier one", "still to come get the new one"]);
    says(&desk.sends(&to_with(&mx, &config), 0).0, &["is complete"]);
    desk.put("w.txt", "Dear {{ first }},\nhello.\n");
    says(&desk.sends(&to_with(&mx, &config), 0).0, &["is complete"]);
    desk.put("w.txt", "Dear {{ first }},\nnobody gets this.\n");
    says(&desk.sends(&to_with(&mx, &config), 2).0, &[TO_NOBODY]);
    mx.delivered(&addresses(&["ann", "bob", "dan"]));
}

#[test]
fn that_the_content_has_changed_is_said_whatever_the_log_keeps_while_somebody_waits() {
    let (desk, busy, mx) = (Desk::new(), Receiver::start(&["--defer", "50", "--seed", "3"]), Receiver::start(&[]));
    let names: Vec<String> = (0..20).map(|n| format!("p{n}")).collect();
    desk.put("w.csv", list(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    let campaign =
        |wait| super::super::CAMPAIGN.replace("[recipients]", &format!("retry = [\"{wait}\"]\n[recipients]"));
    desk.put("w.toml", campaign("1h"));
    desk.put("e.toml", "[log]\nlevel = \"error\"\n");
    desk.interrupted_after(names.len(), &["deferred", "delivered"], &to(&busy));
    let first = busy.got().len();
    assert!((1..names.len()).contains(&first));
    desk.put("w.toml", campaign("1s"));
    desk.put("w.txt", NEXT);
    let (said, _) = desk.sends(&to_with(&mx, &["--move-destination", "--config", "e.toml"]), 0);
    says(&said, &["content has changed since", "recipients still to come get the new one"]);
    mx.delivered(&{
        let mut rest: Vec<String> = names.iter().map(|name| format!("{name}@a.example")).collect();
        rest.retain(|address| !busy.got().contains(address));
        rest.sort();
        rest
    });
    for text in [NEXT, "Dear {{ first }},\nhello.\n"] {
        desk.put("w.txt", text);
        says(&desk.sends(&to(&mx), 0).0, &["is complete"]);
    }
}
