//! Who is held because a copy may have reached them: an order to cancel who is gone from the list settles them, and what is
//! said of the held acts on who was cut off, too.

use super::*;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A server that takes every message, and says so only once it speaks.
#[derive(Default)]
struct Mute {
    speaks: AtomicBool,
    was_given: AtomicBool,
    got: Mutex<Vec<String>>,
}

impl Mute {
    /// It ends with the process of the tests.
    fn start() -> (Arc<Self>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (mute, address) = (Arc::new(Self::default()), listener.local_addr().unwrap().to_string());
        let answering = mute.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mute = answering.clone();
                std::thread::spawn(move || mute.answer(&stream));
            }
        });
        (mute, address)
    }

    fn answer(&self, stream: &TcpStream) {
        let (mut to, mut rcpts, mut in_content) = (stream, Vec::new(), false);
        let _ = to.write_all(b"220 mute.example ESMTP\r\n");
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut reply = "250 mute.example";
            if in_content {
                if line != "." {
                    continue;
                }
                self.was_given.store(true, Ordering::SeqCst);
                if !self.speaks.load(Ordering::SeqCst) {
                    continue;
                }
                self.got.lock().unwrap().append(&mut rcpts);
                in_content = false;
            } else if line == "DATA" {
                (in_content, reply) = (true, "354 go on");
            } else if let Some(address) = line.strip_prefix("RCPT TO:<") {
                rcpts.push(address.split('>').next().unwrap().to_owned());
            }
            if to.write_all(format!("{reply}\r\n").as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// A desk whose sender was killed when all of these people were cleared for an attempt. From then on the server speaks.
struct Doubt {
    desk: Desk,
    mute: Arc<Mute>,
    address: String,
}

const ALL: [&str; 5] = ["ann", "bob", "cyd", "dan", "eve"];

impl Doubt {
    fn new() -> Self {
        let (desk, (mute, address)) = (Desk::new(), Mute::start());
        let hold = "on_uncertain = \"hold\"\nretry = [\"1s\"]\n[recipients]";
        desk.put("w.toml", super::super::CAMPAIGN.replace("[recipients]", hold));
        desk.put("w.csv", list(&ALL));
        let mut child = Command::new(env!("CARGO_BIN_EXE_posthaste"))
            .current_dir(desk.path())
            .args(["send", "w.toml", "--data", "data", "--smarthost", &address])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while !mute.was_given.load(Ordering::SeqCst) {
            assert!(began.elapsed() < PATIENCE && child.try_wait().unwrap().is_none(), "it is given nothing");
            std::thread::sleep(LOOK);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        mute.speaks.store(true, Ordering::SeqCst);
        Self { desk, mute, address }
    }

    #[track_caller]
    fn sends(&self, more: &[&str], code: i32) -> (String, Value) {
        self.desk.sends(&[&["--smarthost", &self.address][..], more].concat(), code)
    }

    /// Who got it once the server spoke, with second copies.
    #[track_caller]
    fn delivered(&self, names: &[&str]) {
        let mut got = self.mute.got.lock().unwrap().clone();
        got.sort();
        assert_eq!(got, addresses(names));
    }

    #[track_caller]
    fn counts(&self, cancelled: u64, uncertain: u64, delivered: u64) {
        let report = self.desk.report(&[]);
        let found = ["cancelled", "uncertain", "delivered", "waiting"].map(|word| report[word].as_u64());
        assert_eq!(found, [cancelled, uncertain, delivered, 0].map(Some));
    }
}

/// Ways to the order, and whether they are held by then, or only cut off.
const ORDERS: [(&[&str], bool); 3] =
    [(&["--cancel-removed"], true), (&["--add", "--cancel-removed"], true), (&["--cancel-removed"], false)];

#[test]
fn an_order_to_cancel_who_is_gone_settles_who_is_held_and_whatever_is_said_later_mails_them_not() {
    for (order, held) in ORDERS {
        let doubt = Doubt::new();
        if held {
            says(&doubt.sends(&[], 3).0, &["5 recipients are held"]);
        }
        doubt.desk.put("w.csv", list(&["ann", "bob"]));
        let waits = if held { "0 of these still wait, 3 are held" } else { "3 of these still wait" };
        says(&doubt.sends(&["--retry-held"], 2).0, &["3 of the campaign are no longer on it", waits]);
        let (said, json) = doubt.sends(order, 3);
        says(
            &said,
            &[
                "3 are no longer on it, and 0 that still wait are cancelled, and so are 3 who are held",
                "they may have got it",
                "2 recipients are held",
            ],
        );
        assert_eq!((&json["cancelled"], &json["uncertain"]), (&3.into(), &2.into()));
        doubt.counts(3, 2, 0);
        let (_, json) = doubt.sends(&["--retry-held"], 0);
        assert_eq!((&json["cancelled"], &json["delivered"]), (&3.into(), &2.into()));
        doubt.delivered(&["ann", "bob"]);
        // They are not taken in again: they may have got it.
        doubt.desk.put("w.csv", list(&ALL));
        for more in [&["--add"][..], &["--retry-held"]] {
            says(&doubt.sends(more, 0).0, &["3 on the list were cancelled before, may have got it"]);
        }
        doubt.counts(3, 0, 2);
        doubt.delivered(&["ann", "bob"]);
    }
}

#[test]
fn an_order_to_cancel_and_one_to_retry_are_carried_out_together() {
    let doubt = Doubt::new();
    doubt.desk.put("w.csv", list(&["ann", "bob"]));
    let (said, _) = doubt.sends(&["--cancel-removed", "--retry-held"], 0);
    says(&said, &["so are 3 who are held"]);
    doubt.counts(3, 0, 2);
    doubt.delivered(&["ann", "bob"]);
}

#[test]
fn what_is_said_of_the_held_is_about_those_too_who_are_just_found_cut_off() {
    let doubt = Doubt::new();
    doubt.sends(&["--cancel-held"], 0);
    doubt.counts(5, 0, 0);
    doubt.delivered(&[]);
    let doubt = Doubt::new();
    doubt.sends(&["--retry-held"], 0);
    doubt.counts(0, 0, 5);
    doubt.delivered(&ALL);
}

#[test]
fn a_run_that_is_refused_releases_nobody_who_is_held() {
    let doubt = Doubt::new();
    doubt.sends(&[], 3);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    doubt.sends(&["--retry-held", "--metrics", &taken.local_addr().unwrap().to_string()], 1);
    doubt.counts(0, 5, 0);
    doubt.sends(&["--cancel-held"], 0);
    doubt.counts(5, 0, 0);
    doubt.delivered(&[]);
}

#[test]
fn who_is_held_can_be_sent_to_elsewhere_and_a_refusal_says_how_with_what_was_asked_for() {
    let (doubt, mx) = (Doubt::new(), Receiver::start(&[]));
    doubt.sends(&[], 3);
    let moves = format!("--smarthost {} --json --move-destination --retry-held", mx.address);
    for more in [&[][..], &["--move-destination"]] {
        let (said, _) = doubt.desk.sends(&to_with(&mx, more), 2);
        says(&said, &["was begun to smarthost", "5 recipients are held", &moves, "--add"]);
        assert!(!said.contains("nothing could move") && !said.contains("from the beginning"), "{said}");
    }
    let as_it_began = format!("--smarthost {} --json --retry-held", doubt.address);
    for flag in ["--retry-held", "--cancel-held"] {
        let (said, _) = doubt.desk.sends(&to_with(&mx, &[flag]), 2);
        says(&said, &["was begun to smarthost", &as_it_began.replace("--retry-held", flag), &moves]);
        // Nor is it forgotten where no destination is said at all.
        says(&doubt.desk.sends(&[flag], 2).0, &[&as_it_began.replace("--retry-held", flag)]);
    }
    // Of a list that is another one, what was asked for besides is not forgotten.
    doubt.desk.put("w.csv", list(&["ann", "bob", "cyd", "dan", "eve", "fay"]));
    says(&doubt.sends(&["--retry-held"], 2).0, &["--retry-held --add"]);
    doubt.desk.put("w.csv", list(&ALL));
    doubt.desk.sends(&to_with(&mx, &["--retry-held", "--move-destination"]), 0);
    mx.delivered(&addresses(&ALL));
}
