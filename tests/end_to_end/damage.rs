//! A campaign's files, damaged between two runs: who is not the one that was loaded is never sent to.

use crate::campaign::{Campaign, adds_up};
use crate::letters::{kept_in, one_each};
use crate::program::{PATIENCE, Running, SinkProcess, number, run, wait_for};
use std::fs;

#[test]
fn a_row_that_is_not_the_one_that_was_loaded_stops_the_send_and_mails_nobody() {
    let campaign = Campaign::made_up(4_000, "");
    let kept = campaign.scratch.at("kept");
    let folder = kept.display().to_string();
    let sink = SinkProcess::start(&campaign.scratch, &["--rtt-ms", "5", "--keep", &folder]);
    let engine = campaign.engine("engine", "[delivery]\nchunking = false\nsessions_per_site = 8\n");
    let sending = Running::start(&campaign.scratch, "send", campaign.send(&engine, &sink.address));
    wait_for("the first letters", PATIENCE, || kept.read_dir().ok()?.nth(5).map(|_| ()));
    sending.signal("INT");
    let begun = sending.wait(PATIENCE).expect_code(3).json();
    assert!(number(&begun, "waiting") > 0, "nobody is left to send to: {begun}");

    // One letter of the last row's local-part: still a good address, of somebody who never asked for this.
    let rows = campaign.data().join("campaign/made-up/rows.dat");
    let good = fs::read(&rows).unwrap();
    let place = memchr::memmem::rfind(&good, b"person").unwrap();
    let mut bad = good.clone();
    bad[place] ^= 1;
    fs::write(&rows, &bad).unwrap();
    let stopped = run(&campaign.scratch, "stopped", campaign.send(&engine, &sink.address)).expect_code(1);
    assert!(stopped.stderr.contains("rows.dat is damaged at octet "), "{}", stopped.stderr);
    adds_up(&stopped.json());
    assert_eq!(number(&stopped.json(), "in_flight"), 0, "it stopped in order");

    fs::write(&rows, &good).unwrap();
    let whole = run(&campaign.scratch, "whole", campaign.send(&engine, &sink.address)).expect_code(0).json();
    assert_eq!(number(&whole, "delivered"), 4_000, "{whole}");
    assert_eq!(number(&whole, "possible_duplicates"), 0, "{whole}");
    sink.stop();
    let letters = one_each(kept_in(&kept).into_values().flatten());
    assert!(letters.keys().eq(&campaign.recipients), "the letters are not for the people on the list");
}
