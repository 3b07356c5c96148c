//! Files of a campaign that go while it is sent: nobody is mailed for long whose outcome is in no file.

use super::{PATIENCE, Sending, many, posthaste, wait_for};
use crate::Desk;
use std::fs::{self, File};
use std::path::Path;

/// More than is sent before anything is noticed, also on a slow machine.
const ROWS: usize = 6_000;

/// What it says, when this happens to its data directory while mail arrives.
#[track_caller]
fn meanwhile(title: &str, happens: impl Fn(&Path)) -> String {
    let desk = Desk::new();
    many(&desk, ROWS);
    desk.put("e.toml", "[delivery]\nsessions_per_site = 2\nchunking = false\n");
    let [heard, said] = ["heard", "said"].map(|name| desk.path().join(name));
    let mut command = posthaste(&desk, &["sink", "--listen", "127.0.0.1:0", "--rtt-ms", "10", "--keep", "kept"]);
    command.stderr(File::create(&heard).unwrap());
    let mut sink = Sending::start(command);
    let heard = sink.says(&heard, "\n");
    let at = &heard[heard.find("127.0.0.1:").unwrap_or_else(|| panic!("no address in {heard:?}"))..];
    let address: String = at.chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();

    let words = ["send", "w.toml", "--data", "data", "--config", "e.toml", "--smarthost", &address];
    let mut command = posthaste(&desk, &words);
    command.stderr(File::create(&said).unwrap());
    let mut sending = Sending::start(command);
    let got = || fs::read_dir(desk.path().join("kept")).map_or(0, Iterator::count);
    wait_for("mail", || got() >= 20);
    happens(&desk.path().join("data"));
    let status = sending.ends(PATIENCE);
    let said = fs::read_to_string(said).unwrap();
    assert_eq!(status.code(), Some(1), "{title}: {said}");
    assert!(got() < ROWS, "{title}: everybody was mailed: {said}");
    assert!(said.contains("error: cannot record outcomes in data/campaign/w/j/0001.jnl: "), "{title}: {said}");
    said
}

#[test]
fn a_journal_that_is_removed_while_it_is_written_ends_the_send() {
    type Happens = fn(&Path);
    let removed: [(&str, Happens); 5] = [
        ("the data directory", |data| drop(fs::remove_dir_all(data))),
        ("the campaign", |data| fs::remove_dir_all(data.join("campaign/w")).unwrap()),
        ("the journal", |data| fs::remove_dir_all(data.join("campaign/w/j")).unwrap()),
        ("the segment", |data| fs::remove_file(data.join("campaign/w/j/0001.jnl")).unwrap()),
        ("the segment, replaced", |data| {
            fs::write(data.join("new"), "other").unwrap();
            fs::rename(data.join("new"), data.join("campaign/w/j/0001.jnl")).unwrap();
        }),
    ];
    for (title, happens) in removed {
        let said = meanwhile(title, happens);
        for words in ["its outcomes, those since then included, are in no file\nhint: ", "event log"] {
            assert!(said.contains(words), "{title}: {words:?} is missing in\n{said}");
        }
        assert!(!said.contains("go on with: "), "{title}: it would mail again\n{said}");
    }
}

#[test]
fn a_journal_that_is_cut_while_it_is_written_ends_the_send() {
    let said = meanwhile("cut", |data| {
        File::options().write(true).open(data.join("campaign/w/j/0001.jnl")).unwrap().set_len(0).unwrap();
    });
    assert!(said.contains("it was cut from 4194304 octets to "), "{said}");
    assert!(said.contains("are in no file\nhint: "), "{said}");
}

#[test]
fn a_data_directory_that_is_moved_while_it_is_written_ends_the_send() {
    let said = meanwhile("moved", |data| fs::rename(data, data.with_file_name("elsewhere")).unwrap());
    assert!(said.contains("was moved away") && said.contains("hint: move it back"), "{said}");
}
