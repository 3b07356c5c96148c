//! Cancelling who is gone from a list: whom it concerns, when it is done, and what becomes of them who are back.

use super::*;

/// A desk whose list was sent to `sent`; then `wait` came to it, and were told to come again.
struct Half {
    desk: Desk,
    mx: Receiver,
    busy: Receiver,
}

const SLOW: &str = "retry = [\"1h\"]\n[recipients]";
const FAST: &str = "retry = [\"1s\"]\n[recipients]";

impl Half {
    fn new(sent: &[&str], wait: &[&str]) -> Self {
        let half = Self { desk: Desk::new(), mx: Receiver::start(&[]), busy: Receiver::start(&["--defer", "100"]) };
        half.campaign(FAST);
        half.desk.put("w.csv", list(sent));
        half.desk.sends(&to(&half.mx), 0);
        half.list(&[sent, wait].concat());
        half.campaign(SLOW);
        let busy = to_with(&half.busy, &["--add", "--move-destination"]);
        half.interrupted(&busy, "\"deferred\"", wait.len(), "INT");
        half.campaign(FAST);
        half
    }

    fn campaign(&self, retry: &str) {
        self.desk.put("w.toml", super::super::CAMPAIGN.replace("[recipients]", retry));
    }

    fn list(&self, names: &[&str]) {
        self.desk.put("w.csv", list(names));
    }

    /// Sends, until its events hold this word so many times; then it gets the signal.
    fn interrupted(&self, more: &[&str], word: &str, times: usize, signal: &str) {
        let events = self.desk.path().join("events.jsonl");
        let _ = std::fs::remove_file(&events);
        let mut child = Command::new(env!("CARGO_BIN_EXE_posthaste"))
            .current_dir(self.desk.path())
            .args(["send", "w.toml", "--data", "data", "--events", "events.jsonl"])
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while std::fs::read_to_string(&events).unwrap_or_default().matches(word).count() < times {
            assert!(began.elapsed() < PATIENCE && child.try_wait().unwrap().is_none(), "no {word}");
            std::thread::sleep(LOOK);
        }
        let signal = format!("-{signal}");
        assert!(Command::new("kill").args([&signal, &child.id().to_string()]).status().unwrap().success());
        child.wait().unwrap();
    }

    /// Sends, and is killed at once when it says these words.
    fn killed_at(&self, more: &[&str], words: &str) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_posthaste"))
            .current_dir(self.desk.path())
            .args(["send", "w.toml", "--data", "data"])
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(said.any(|line| line.contains(words)), "it never said {words:?}");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// To the receiver that takes everything.
    #[track_caller]
    fn sends(&self, more: &[&str], code: i32) -> (String, Value) {
        self.desk.sends(&[&to_with(&self.mx, &["--move-destination"])[..], more].concat(), code)
    }

    #[track_caller]
    fn waits_or_cancelled(&self, waiting: u64, cancelled: u64) {
        let report = self.desk.report(&[]);
        assert_eq!((&report["waiting"], &report["cancelled"]), (&waiting.into(), &cancelled.into()));
    }
}

#[test]
fn an_order_to_cancel_is_about_the_list_that_it_was_given_for() {
    let half = Half::new(&["ann"], &["bob", "cyd", "dan"]);
    half.list(&["ann", "bob", "cyd"]);
    half.campaign(SLOW);
    let busy = to_with(&half.busy, &["--cancel-removed"]);
    half.interrupted(&busy, "\"cancelled\"", 1, "INT");
    half.campaign(FAST);
    half.list(&["ann", "bob"]);
    let (said, _) = half.sends(&[], 2);
    says(&said, &["2 of the campaign are no longer on it", "1 of these still wait", "to send to them all the same"]);
    let (said, json) = half.sends(&["--add"], 0);
    says(&said, &["1 that still wait get it all the same"]);
    assert_eq!((&json["cancelled"], &json["delivered"], &json["loaded"]), (&1.into(), &3.into(), &4.into()));
    half.mx.delivered(&addresses(&["ann", "bob", "cyd"]));
}

#[test]
fn a_run_that_is_refused_cancels_nobody_then_or_later() {
    let half = Half::new(&["ann"], &["bob", "cyd", "dan"]);
    let refused = |more: &[&str], code: i32, words: &[&str]| {
        let (said, _) = half.sends(&[&["--cancel-removed"], more].concat(), code);
        says(&said, words);
        assert!(!said.contains("are cancelled"), "{said}");
        half.waits_or_cancelled(3, 0);
    };
    // Too many rows are bad; then one alone, which is allowed, and may be dan's or cyd's.
    half.desk.put("w.csv", list(&["ann", "bob"]) + "cyd at a.example,C\ndan at a.example,D\n");
    refused(&[], 2, &["2 of 4 records rejected", "line 4: "]);
    let tolerant = FAST.replace("[recipients]", "[recipients]\nmax_rejected = \"90%\"");
    half.campaign(&tolerant);
    refused(
        &[],
        2,
        &["2 rows whose address cannot be read", "line 4: ", "2 who would be cancelled", "nobody is cancelled"],
    );
    refused(&["--add"], 2, &["2 rows whose address cannot be read"]);
    half.desk.put("w.csv", list(&["ann", "bob"]) + "cyd@a.example,C\0\n");
    half.campaign(FAST);
    refused(&[], 2, &["1 of 3 records rejected"]);
    half.desk.put("w.csv", list(&["ann", "bob"]).replace("first", "frist"));
    refused(&[], 2, &["no column \"first\"", "frist"]);
    half.list(&["ann", "bob"]);
    half.desk.put("w.txt", "Dear {{ nobody }}\n");
    refused(&[], 2, &["nobody"]);
    half.desk.put("w.txt", "Dear {{ first }},\nhello.\n");
    half.desk.put("e.toml", "[engine]\nsuppression = [\"none.txt\"]\n");
    refused(&["--config", "e.toml"], 2, &["none.txt"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    refused(&["--metrics", &taken.local_addr().unwrap().to_string()], 1, &["in use"]);
    // A dry run changes nothing either.
    let manifest = || std::fs::read(half.desk.path().join("data/campaign/w/manifest")).unwrap();
    let before = manifest();
    half.sends(&["--cancel-removed", "--add", "--dry-run"], 0);
    assert_eq!(manifest(), before);
    half.waits_or_cancelled(3, 0);
    // Another list of which nobody is cancelled, and then all get it once.
    half.list(&["ann", "bob", "cyd"]);
    let (said, json) = half.sends(&["--add"], 0);
    says(&said, &["1 that still wait get it all the same"]);
    assert_eq!((&json["cancelled"], &json["delivered"]), (&0.into(), &4.into()));
    half.mx.delivered(&addresses(&["ann", "bob", "cyd", "dan"]));
}

#[test]
fn a_list_that_was_put_back_after_a_refusal_goes_on_without_a_word() {
    let half = Half::new(&["ann"], &["bob"]);
    half.desk.put("w.csv", list(&["ann", "bob"]) + "cyd at a.example,C\n");
    says(&half.sends(&["--add"], 2).0, &["1 of 3 records rejected", "nothing was changed"]);
    half.list(&["ann", "bob"]);
    let (said, json) = half.sends(&[], 0);
    assert!(!said.contains("has changed"), "{said}");
    assert_eq!((&json["delivered"], &json["loaded"]), (&2.into(), &2.into()));
    half.mx.delivered(&addresses(&["ann", "bob"]));
}

#[test]
fn who_was_cancelled_and_is_back_on_the_list_is_told_and_taken_in_on_request() {
    let half = Half::new(&["ann"], &["bob", "cyd", "dan"]);
    half.list(&["ann", "bob"]);
    let (_, json) = half.sends(&["--cancel-removed"], 0);
    assert_eq!((&json["cancelled"], &json["delivered"], &json["cancelled_on_list"]), (&2.into(), &2.into(), &0.into()));
    let all = list(&["ann", "bob", "cyd", "dan", "cyd"]);
    half.desk.put("w.csv", &all);
    let (said, _) = half.sends(&[], 2);
    says(&said, &["0 recipients on it are new", "2 on it were cancelled before", "and who was cancelled,", "--add"]);
    // Only to cancel is no wish to mail them: they are told, each time.
    for words in [&["--cancel-removed"][..], &[]] {
        let (said, json) = half.sends(words, 0);
        says(&said, &["2 on the list were cancelled before, and get nothing", "take them in again", "--add"]);
        assert_eq!(
            (&json["cancelled"], &json["cancelled_on_list"], &json["loaded"]),
            (&2.into(), &2.into(), &4.into())
        );
    }
    half.mx.delivered(&addresses(&["ann", "bob"]));
    let (said, json) = half.sends(&["--add"], 0);
    says(&said, &["2 on the list were cancelled before: they are taken in again"]);
    assert_eq!((&json["readmitted"], &json["cancelled_on_list"]), (&2.into(), &0.into()));
    assert_eq!((&json["loaded"], &json["cancelled"], &json["delivered"]), (&6.into(), &2.into(), &4.into()));
    half.mx.delivered(&addresses(&["ann", "bob", "cyd", "dan"]));
    let timeline = half.desk.run(&["report", "w", "--data", "data", "--recipient", "cyd@a.example"]);
    let timeline = String::from_utf8(timeline.stdout).unwrap();
    assert!(timeline.starts_with("cyd@a.example: delivered\n") && timeline.contains("cancelled"), "{timeline}");
    for words in [&[][..], &["--add"], &["--cancel-removed"]] {
        let (said, json) = half.sends(words, 0);
        assert!(said.contains("is complete") && !said.contains("on the list were"), "{said}");
        assert_eq!((&json["readmitted"], &json["cancelled_on_list"]), (&0.into(), &0.into()));
    }
    half.mx.delivered(&addresses(&["ann", "bob", "cyd", "dan"]));
}

#[test]
fn one_list_adds_cancels_and_takes_back_whatever_kills_it_between() {
    // It takes connections and never says a word: no attempt begins there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap().to_string();
    let there = ["--smarthost", &silent, "--move-destination", "--cancel-removed"];
    let half = Half::new(&["ann"], &["bob", "cyd", "dan"]);
    half.list(&["ann", "bob", "dan"]);
    half.killed_at(&there, "1 that still wait are cancelled");
    // The order was given for this list: it holds, whether or not it was carried out.
    let (_, json) = half.sends(&[], 0);
    assert_eq!((&json["loaded"], &json["cancelled"], &json["delivered"]), (&4.into(), &1.into(), &3.into()));
    half.mx.delivered(&addresses(&["ann", "bob", "dan"]));

    let half = Half::new(&["ann"], &["bob", "cyd", "dan"]);
    half.list(&["ann", "bob", "dan"]);
    half.interrupted(&there, "\"cancelled\"", 1, "INT");
    half.list(&["eve", "cyd", "ann", "bob", "ann", "cyd"]);
    half.killed_at(&[&there[..], &["--add"]].concat(), "1 on the list were cancelled before: they are taken in again");
    let (_, json) = half.sends(&[], 0);
    assert_eq!((&json["loaded"], &json["cancelled"], &json["delivered"]), (&6.into(), &2.into(), &4.into()));
    half.mx.delivered(&addresses(&["ann", "bob", "cyd", "eve"]));
}

mod by_pipe {
    use super::*;

    fn desk() -> Desk {
        let desk = Desk::new();
        desk.put("w.toml", super::super::super::CAMPAIGN.replace("w.csv", "-"));
        desk
    }

    /// Begins a campaign of which nobody gets anything.
    fn begun(desk: &Desk, names: &[&str]) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_posthaste"))
            .current_dir(desk.path())
            .args(["send", "w.toml", "--data", "data", "--smarthost", crate::nobody::NOBODY])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(list(names).as_bytes()).unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(said.any(|line| line.contains("the site rests")), "it never tried");
        // It takes back what it had begun.
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        said.for_each(drop);
        assert_eq!(child.wait().unwrap().code(), Some(3));
    }

    #[test]
    fn a_list_that_was_kept_outlives_beginning_anew() {
        let (desk, mx) = (desk(), Receiver::start(&[]));
        begun(&desk, &["ann", "bob"]);
        let words = to_with(&mx, &["--move-destination"]);
        // What is refused leaves it, and all else, as it was.
        desk.put("w.txt", "Dear {{ frist }}\n");
        says(&desk.sends(&words, 2).0, &["frist"]);
        says(&desk.pipes("mail,first\nann@a.example,Ann\n", &words, 2).0, &["mail, first"]);
        desk.put("w.txt", "Dear {{ first }}, again\n");
        // As a run leaves it that was killed while it threw the campaign away.
        desk.put("data/campaign/w/discarded", "");
        let (said, json) = desk.sends(&words, 0);
        says(&said, &["the list that was kept"]);
        assert_eq!((&json["loaded"], &json["delivered"]), (&2.into(), &2.into()));
        mx.delivered(&addresses(&["ann", "bob"]));
    }

    #[test]
    fn with_other_content_it_begins_anew_with_the_list_that_was_kept_or_another() {
        for (given, names) in [(None, ["ann", "bob"]), (Some(list(&["cyd", "dan"])), ["cyd", "dan"])] {
            let (desk, mx) = (desk(), Receiver::start(&[]));
            begun(&desk, &["ann", "bob"]);
            desk.put("w.txt", "Dear {{ first }}, again\n");
            let words = to_with(&mx, &["--move-destination"]);
            let (said, json) = match given {
                None => desk.sends(&words, 0),
                Some(given) => desk.pipes(&given, &words, 0),
            };
            says(&said, &["begins anew"]);
            assert_eq!((&json["loaded"], &json["delivered"]), (&2.into(), &2.into()));
            mx.delivered(&addresses(&names));
            assert_eq!(std::fs::read_to_string(desk.path().join("data/campaign/w/list")).unwrap(), list(&names));
        }
    }

    #[test]
    fn a_pipe_that_is_refused_leaves_the_list_that_was_kept() {
        let (desk, mx) = (desk(), Receiver::start(&[]));
        desk.pipes(&list(&["ann", "bob"]), &to(&mx), 0);
        let bad = list(&["ann"]) + "bob at a.example,B\n";
        for words in [&[][..], &["--add"], &["--cancel-removed"], &["--add", "--cancel-removed"]] {
            desk.pipes(&bad, &to_with(&mx, words), 2);
            says(&desk.sends(&to(&mx), 0).0, &["is complete"]);
        }
        says(&desk.sends(&to_with(&mx, &["--add"]), 2).0, &["pipe it in again"]);
        mx.delivered(&addresses(&["ann", "bob"]));
    }
}

#[test]
fn a_list_of_which_rows_cannot_be_read_is_said_to_be_so_and_no_way_is_offered_that_is_refused() {
    let half = Half::new(&["ann", "bob"], &["cyd"]);
    half.desk.put("w.csv", "email,first\nann at a.example,A\nbob at a.example,B\n");
    for more in [&[][..], &["--add"]] {
        says(&half.desk.sends(&to_with(&half.busy, more), 2).0, &["2 of 2 records rejected", "line 2: "]);
    }
    half.desk.put("w.csv", list(&["ann", "bob"]) + "cyd at a.example,C\n");
    let (said, _) = half.desk.sends(&to(&half.busy), 2);
    says(&said, &["1 rows of it cannot be read", "to cancel", "first mend these rows, or take them out"]);
}
