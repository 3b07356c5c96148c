//! `kill -9`, again and again, at seeded moments: nobody is lost, every second copy is announced by name, and the books
//! add up after each kill (G2, G3).

use crate::campaign::{Campaign, adds_up};
use crate::letters::kept_in;
use crate::program::{PATIENCE, Running, SinkProcess, number, run, wait_for};
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many letters each recipient has got.
type Copies = BTreeMap<String, usize>;

/// A campaign under fire: its sink lives through all kills and keeps every letter.
struct Siege {
    campaign: Campaign,
    sink: SinkProcess,
    kept: PathBuf,
    rng: Rng,
    delivered: u64,
}

impl Siege {
    fn lay(recipients: usize, seed: u64, more: &str) -> Self {
        // Who is uncertain after a kill waits for the retry schedule; its default begins with five minutes.
        let campaign = Campaign::made_up(recipients, &format!("retry = [\"1s\"]\n{more}"));
        let kept = campaign.scratch.at("kept");
        let sink = SinkProcess::start(&campaign.scratch, &["--rtt-ms", "5", "--keep", &kept.display().to_string()]);
        eprintln!("kills: seed {seed}");
        Self { campaign, sink, kept, rng: Rng::with_seed(seed), delivered: 0 }
    }

    /// Starts to send and kills it after `after`; then looks at the books. False: it had ended by itself.
    fn kill(&mut self, engine: &Path, after: Duration) -> bool {
        let sending = Running::start(&self.campaign.scratch, "send", self.campaign.send(engine, &self.sink.address));
        std::thread::sleep(after);
        let killed = sending.kill9();
        self.look_at_the_books();
        killed
    }

    /// The same, counted from its first letter: on whatever machine, something is under way then.
    fn kill_amid(&mut self, engine: &Path, after: Duration) -> bool {
        let letters = || fs::read_dir(&self.kept).map_or(0, Iterator::count);
        let before = letters();
        let sending = Running::start(&self.campaign.scratch, "send", self.campaign.send(engine, &self.sink.address));
        wait_for("a letter", PATIENCE, || (letters() > before).then_some(()));
        std::thread::sleep(after);
        let killed = sending.kill9();
        self.look_at_the_books();
        killed
    }

    /// After any kill the report adds up, and what was once delivered stays so.
    fn look_at_the_books(&mut self) {
        let report = self.campaign.report(&["--json"]);
        if self.delivered == 0 && report.status.code() == Some(2) {
            return; // Killed before there was a campaign at all.
        }
        let books = report.expect_code(0).json();
        adds_up(&books);
        let delivered = number(&books, "delivered");
        assert!(delivered >= self.delivered, "{} were delivered before the kill; after it {books}", self.delivered);
        self.delivered = delivered;
    }

    /// Lets it run to its end, ends the sink, and counts the letters.
    fn lift(mut self, engine: &Path) -> (Campaign, Copies) {
        let sent = run(&self.campaign.scratch, "last", self.campaign.send(engine, &self.sink.address));
        let summary = sent.json();
        // Somebody has to look at those who are held.
        sent.expect_code(if number(&summary, "uncertain") == 0 { 0 } else { 3 });
        adds_up(&summary);
        self.look_at_the_books();
        self.sink.stop();
        let copies = kept_in(&self.kept).into_iter().map(|(recipient, letters)| (recipient, letters.len()));
        (self.campaign, copies.collect())
    }
}

#[test]
fn fifty_kills_lose_nobody_and_every_second_copy_is_announced() {
    const RECIPIENTS: usize = 100_000;
    const KILLS: u32 = 50;
    let mut siege = Siege::lay(RECIPIENTS, 9, "");
    // One message a round trip and session keeps it busy for long; whole windows of chunks are what a kill tears best.
    let slow = siege.campaign.engine("slow", "[delivery]\nchunking = false\nsessions_per_site = 20\n");
    let fast = siege.campaign.engine("fast", "[delivery]\nsessions_per_site = 2\n");
    for n in 0..KILLS {
        let (engine, millis) = match n % 5 {
            0 => (&slow, siege.rng.u64(0..30)),
            1 => (&slow, siege.rng.u64(20..150)),
            2 => (&fast, siege.rng.u64(20..250)),
            _ => (&slow, siege.rng.u64(100..500)),
        };
        assert!(siege.kill(engine, Duration::from_millis(millis)), "complete before kill {n}: the test is too slow");
    }
    let (campaign, copies) = siege.lift(&fast);
    let summary = campaign.report(&["--json"]).expect_code(0).json();
    assert_eq!(number(&summary, "delivered"), RECIPIENTS as u64, "{summary}");
    assert!(copies.keys().eq(&campaign.recipients), "somebody was lost, or is not on the list");
    let announced = campaign.possible_duplicates();
    let twice: BTreeSet<String> = copies.into_iter().filter(|(_, n)| *n > 1).map(|(recipient, _)| recipient).collect();
    let silent: Vec<&String> = twice.difference(&announced).collect();
    assert!(silent.is_empty(), "{} got a second copy that nobody announced: {silent:?}", silent.len());
    eprintln!("kills: {} second copies, {} announced as possible", twice.len(), announced.len());
    assert_eq!(number(&summary, "possible_duplicates"), announced.len() as u64, "{summary}");
}

#[test]
fn held_when_uncertain_nobody_gets_a_second_copy() {
    const RECIPIENTS: usize = 20_000;
    const KILLS: u32 = 12;
    let mut siege = Siege::lay(RECIPIENTS, 10, "on_uncertain = \"hold\"");
    let slow = siege.campaign.engine("slow", "[delivery]\nchunking = false\nsessions_per_site = 8\n");
    let fast = siege.campaign.engine("fast", "[delivery]\nsessions_per_site = 2\n");
    for n in 0..KILLS {
        let after = Duration::from_millis(siege.rng.u64(20..300));
        let killed = if n % 4 == 3 { siege.kill(&fast, after) } else { siege.kill_amid(&slow, after) };
        assert!(killed, "complete before kill {n}: the test is too slow");
    }
    let (campaign, copies) = siege.lift(&fast);
    let (delivered, uncertain) = (campaign.with_disposition("delivered"), campaign.with_disposition("uncertain"));
    let arrived = uncertain.iter().filter(|recipient| copies.contains_key(*recipient)).count();
    eprintln!("kills: {} delivered, {} held as uncertain, {arrived} of them arrived", delivered.len(), uncertain.len());
    assert_eq!(delivered.len() + uncertain.len(), RECIPIENTS);
    assert!(!uncertain.is_empty(), "{KILLS} kills and nothing was uncertain: the test does not test");
    let twice: Vec<_> = copies.iter().filter(|(_, n)| **n > 1).collect();
    assert!(twice.is_empty(), "second copies although uncertain ones are held: {twice:?}");
    let got: BTreeSet<String> = copies.into_keys().collect();
    let without: Vec<_> = delivered.difference(&got).collect();
    assert!(without.is_empty(), "called delivered, but the sink knows nothing of {without:?}");
}
