//! Logging in at a smarthost, and what a campaign asks of it: who is let in delivers, and who is not loses nobody.

use crate::campaign::{Campaign, adds_up};
use crate::program::{PATIENCE, Running, SinkProcess, number, run, wait_for};

/// A smarthost that wants a login, a campaign of `recipients` for it, and the engine's configuration.
fn smarthost(recipients: usize, password: &str, more: &str) -> (Campaign, SinkProcess, std::path::PathBuf) {
    let campaign = Campaign::made_up(recipients, "[dsn]\nnotify = [\"failure\"]\nret = \"headers\"\n");
    let sink = SinkProcess::start(&campaign.scratch, &["--login", "tim:tan:staaf"]);
    campaign.scratch.write("password", password);
    let keys = format!("[smarthost]\nuser = \"tim\"\npassword_file = \"password\"\n{more}");
    let engine = campaign.engine("engine", &keys);
    (campaign, sink, engine)
}

#[test]
fn whoever_is_let_in_delivers() {
    for mechanism in ["auto", "plain", "login"] {
        let more = format!("auth_in_clear = true\nmechanism = \"{mechanism}\"\n");
        let (campaign, sink, engine) = smarthost(300, "tan:staaf\n", &more);
        let sent = run(&campaign.scratch, "send", campaign.send(&engine, &sink.address)).expect_code(0);
        assert!(!(sent.stdout.clone() + &sent.stderr).contains("tan:staaf"), "the password was told:\n{}", sent.stderr);
        let summary = sent.json();
        adds_up(&summary);
        assert_eq!(number(&summary, "delivered"), 300, "{mechanism}: {summary}");
        assert_eq!(number(&sink.stop(), "recipients"), 300);
    }
}

#[test]
fn whoever_is_not_let_in_bounces_nobody() {
    for (password, more, why) in [
        ("wrong", "auth_in_clear = true\n", "535 5.7.8"),
        ("tan:staaf", "", "538 5.7.11"),
        ("tan:staaf", "auth_in_clear = true\nmechanism = \"scram-sha-256\"\n", "504 5.5.4"),
    ] {
        let (campaign, sink, engine) = smarthost(300, password, more);
        let sending = Running::start(&campaign.scratch, "send", campaign.send(&engine, &sink.address));
        wait_for("the refusal in the log", PATIENCE, || sending.said().contains(why).then_some(()));
        sending.signal("INT");
        let summary = sending.wait(PATIENCE).expect_code(3).json();
        adds_up(&summary);
        assert_eq!((number(&summary, "waiting"), number(&summary, "bounced")), (300, 0), "{why}: {summary}");
        assert_eq!(number(&sink.stop(), "recipients"), 0, "{why}");
    }
}
