//! A campaign's directory that is not the one that was sent from: an older copy, what is left of it, or nothing.

use super::*;

const CONFIG: [&str; 2] = ["--config", "e.toml"];

fn shell(desk: &Desk, words: &str) {
    assert!(Command::new("sh").current_dir(desk.path()).args(["-ec", words]).status().unwrap().success(), "{words}");
}

fn desk() -> Desk {
    let desk = Desk::new();
    desk.put("w.csv", list(&["ann", "bob", "eve"]));
    desk.put("e.toml", "[engine]\nsuppression = [\"no.txt\"]\n");
    desk.put("no.txt", "");
    desk
}

#[test]
fn a_copy_from_before_it_began_anew_sends_nothing() {
    let (desk, mx) = (desk(), Receiver::start(&[]));
    desk.put("no.txt", "@a.example\n");
    desk.sends(&to_with(&mx, &CONFIG), 0);
    shell(&desk, "cp -a data/campaign/w old");
    desk.put("no.txt", "");
    says(&desk.sends(&to_with(&mx, &CONFIG), 0).0, &["it begins anew"]);
    shell(&desk, "mv data/campaign/w new; mv old data/campaign/w");
    let (said, _) = desk.sends(&to_with(&mx, &CONFIG), 1);
    says(&said, &["is not the campaign that had this name last", "nothing was sent", "hint: put the right one back"]);
    shell(&desk, "rm -r data/campaign/w; mv new data/campaign/w");
    says(&desk.sends(&to_with(&mx, &CONFIG), 0).0, &["is complete"]);
    mx.delivered(&addresses(&["ann", "bob", "eve"]));
}

#[test]
fn a_campaign_whose_directory_was_emptied_does_not_begin_again_until_somebody_says_so() {
    let ways = [
        "rm -rf data/campaign/w/*",
        "rm -rf data/campaign/w",
        "cd data/campaign/w; rm -rf manifest rows.dat rows.idx domains.dir j",
        "cd data/campaign/w; rm -rf manifest j; truncate -s 0 rows.dat rows.idx domains.dir",
        "printf x > data/marks/names/w.name; rm -rf data/campaign/w",
    ];
    for way in ways {
        let (desk, mx) = (desk(), Receiver::start(&[]));
        desk.sends(&to_with(&mx, &CONFIG), 0);
        shell(&desk, way);
        for _ in 0..2 {
            let (said, _) = desk.sends(&to_with(&mx, &CONFIG), 1);
            says(&said, &["nothing of the campaign is in ", "nothing was sent", "marks/names/w.name"]);
        }
        mx.delivered(&addresses(&["ann", "bob", "eve"]));
        shell(&desk, "rm data/marks/names/w.name");
        desk.sends(&to_with(&mx, &CONFIG), 0);
        assert_eq!(mx.got().len(), 6, "{way}");
    }
}

#[test]
fn a_mark_that_says_nothing_is_damage_and_nothing_is_sent() {
    for way in [": >", "echo garbage >", "rm -f \"$f\"; mkdir", "rm -f \"$f\"; mkfifo"] {
        let (desk, mx) = (desk(), Receiver::start(&[]));
        desk.sends(&to_with(&mx, &CONFIG), 0);
        desk.sends(&to_with(&mx, &CONFIG), 0);
        shell(&desk, "cp -a data/marks whole");
        shell(&desk, &format!("for f in data/marks/*; do [ -d \"$f\" ] || {{ {way} \"$f\"; }}; done"));
        let (said, _) = desk.sends(&to_with(&mx, &CONFIG), 1);
        says(&said, &["in the data directory is damaged", "nothing was sent", "hint: restore it"]);
        shell(&desk, "rm -r data/marks; mv whole data/marks");
        says(&desk.sends(&to_with(&mx, &CONFIG), 0).0, &["is complete"]);
    }
}

#[test]
fn a_copy_from_before_the_first_delivery_is_not_believed_because_the_mark_outside_was_emptied() {
    let (desk, mx) = (desk(), Receiver::start(&["--rtt-ms", "300"]));
    let mut sending = Command::new(env!("CARGO_BIN_EXE_posthaste"));
    sending.current_dir(desk.path()).args(["send", "w.toml", "--data", "data", "--config", "e.toml"]);
    sending.args(["--smarthost", &mx.address]).stderr(Stdio::null()).stdout(Stdio::null());
    let mut sending = sending.spawn().unwrap();
    // The greeting comes later than the journal, and the first delivery four round trips later.
    let began = Instant::now();
    while !desk.path().join("data/campaign/w/j/0001.jnl").exists() {
        assert!(began.elapsed() < PATIENCE, "no journal is made");
        std::thread::sleep(LOOK / 10);
    }
    shell(&desk, "cp -a data/campaign/w old");
    assert!(sending.wait().unwrap().success());
    shell(
        &desk,
        "rm -rf data/campaign/w; mv old data/campaign/w; cd data/marks; for f in *; do [ -d $f ] || : > $f; done",
    );
    let (said, _) = desk.sends(&to_with(&mx, &CONFIG), 1);
    says(&said, &["in the data directory is damaged", "nothing was sent", "hint: restore it"]);
    mx.delivered(&addresses(&["ann", "bob", "eve"]));
}

#[test]
fn an_older_copy_is_not_believed_because_its_mark_outside_was_removed() {
    let (desk, mx) = (desk(), Receiver::start(&[]));
    desk.put("no.txt", "bob@a.example\n");
    desk.sends(&to_with(&mx, &CONFIG), 0);
    shell(&desk, "cp -a data/campaign/w old");
    desk.put("w.csv", list(&["ann", "bob", "eve", "cyd"]));
    desk.sends(&to_with(&mx, &[&CONFIG[..], &["--add"]].concat()), 0);
    shell(&desk, "mv data/campaign/w new; cp -a old data/campaign/w");
    // Neither a copy nor the newest one tells which it is then.
    for whole in ["old", "new"] {
        shell(
            &desk,
            &format!(
                "for f in data/marks/*; do [ -d $f ] || rm $f; done; rm -rf data/campaign/w; cp -a {whole} data/campaign/w"
            ),
        );
        let (said, _) = desk.sends(&to_with(&mx, &CONFIG), 1);
        says(&said, &[" is gone: whether ", "is an older copy", "nothing was sent", "marks/names/w.name"]);
    }
    // Whoever knows says so, and the mark is kept again.
    shell(&desk, "rm data/marks/names/w.name");
    says(&desk.sends(&to_with(&mx, &CONFIG), 0).0, &["is complete"]);
    shell(&desk, "rm -r data/campaign/w; mv old data/campaign/w");
    desk.sends(&to_with(&mx, &CONFIG), 1);
    mx.delivered(&addresses(&["ann", "cyd", "eve"]));
}

#[test]
fn a_pipe_in_a_files_place_is_told_and_not_waited_for() {
    for name in ["manifest", "rows.dat", "rows.idx", "domains.dir", "j/mark", "j/0001.jnl"] {
        let (desk, mx) = (desk(), Receiver::start(&[]));
        desk.sends(&to_with(&mx, &CONFIG), 0);
        shell(&desk, &format!("rm data/campaign/w/{name}; mkfifo data/campaign/w/{name}"));
        let output = desk.run(&["send", "w.toml", "--data", "data", "--config", "e.toml", "--smarthost", &mx.address]);
        // What the mark says stands outside, too.
        let expected = if name == "j/mark" { 0 } else { 1 };
        assert_eq!(output.status.code(), Some(expected), "{name}: {output:?}");
        let output = desk.run(&["report", "w", "--data", "data"]);
        assert!(output.status.code().is_some(), "{name}");
    }
}

#[test]
fn a_pipe_in_the_place_of_a_file_of_the_data_directory_is_not_waited_for() {
    // Those that only help are set aside or left; what is needed is an error.
    let cases = [("hosts.jsonl", 0), ("tls-rpt.json", 0), ("campaign/w/lock", 1), ("marks/names/w.name", 1)];
    for (name, expected) in cases {
        let (desk, mx) = (desk(), Receiver::start(&[]));
        desk.sends(&to_with(&mx, &CONFIG), 0);
        shell(&desk, &format!("rm -f data/{name}; mkfifo data/{name}"));
        let output = desk.run(&["send", "w.toml", "--data", "data", "--config", "e.toml", "--smarthost", &mx.address]);
        assert_eq!(output.status.code(), Some(expected), "{name}: {output:?}");
        let output = desk.run(&["report", "w", "--data", "data"]);
        assert!(output.status.code().is_some(), "{name}");
        mx.delivered(&addresses(&["ann", "bob", "eve"]));
    }
}

#[test]
fn a_renamed_directory_is_a_campaign_of_its_new_name_to_send_and_report_alike() {
    let (desk, mx) = (Desk::new(), Receiver::start(&[]));
    desk.put("w.csv", list(&["ann", "bob"]));
    desk.sends(&to(&mx), 0);
    std::fs::rename(desk.path().join("data/campaign/w"), desk.path().join("data/campaign/v")).unwrap();
    desk.put("w.toml", super::super::CAMPAIGN.replace("\"w\"", "\"v\""));
    let report = |name: &str| {
        let (said, json) = told(desk.run(&["report", name, "--data", "data", "--json"]), 0);
        assert_eq!((json["campaign"].as_str(), json["delivered"].as_u64()), (Some("v"), Some(2)), "{said}");
    };
    report("v");
    says(&desk.sends(&to(&mx), 0).0, &["Campaign v is complete"]);
    report("v");
    // By the name that it was begun with as well, until another campaign has that.
    report("w");
    let (said, _) = desk.sends(&["--smarthost", "127.0.0.1:9"], 2);
    says(&said, &["the campaign v was begun to"]);
    desk.put("w.txt", "another letter\n");
    says(&desk.sends(&to(&mx), 2).0, &["the campaign v is complete"]);
    mx.delivered(&addresses(&["ann", "bob"]));
}

#[test]
fn the_commands_of_a_hint_at_damage_do_what_they_say() {
    let (desk, mx) = (Desk::new(), Receiver::start(&[]));
    desk.put("w.csv", list(&["ann", "bob"]));
    desk.sends(&to(&mx), 0);
    std::fs::remove_file(desk.path().join("data/campaign/w/j/0001.jnl")).unwrap();
    let (said, _) = desk.sends(&to_with(&mx, &["--add"]), 1);
    says(&said, &["is damaged", "--json --accept-damage --add"]);
    let run = |command: &str| {
        let at = said.find(command).unwrap_or_else(|| panic!("no {command} in {said}"));
        let line = said[at..].lines().next().unwrap();
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        told(Command::new(env!("CARGO_BIN_EXE_posthaste")).current_dir("/").args(words).output().unwrap(), 0)
    };
    run("posthaste send");
    let output = {
        let at = said.find("posthaste report").unwrap();
        let words: Vec<&str> = said[at..].lines().next().unwrap().split_whitespace().skip(1).collect();
        Command::new(env!("CARGO_BIN_EXE_posthaste")).current_dir("/").args(words).output().unwrap()
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ann@a.example\nbob@a.example\n", "{output:?}");
    // So does the one in the table for people.
    let table = desk.run(&["send", "w.toml", "--data", "data", "--smarthost", &mx.address]);
    let report = format!("posthaste report w --data {}/data --possible-duplicates -", desk.path().display());
    says(&String::from_utf8_lossy(&table.stdout), &[&report]);
}
