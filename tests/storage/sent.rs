//! Campaigns that the real program sent to a receiver that keeps every letter.

use posthaste::base::clock::UnixTime;
use posthaste::engine::campaign::{Campaign, Opening, journal_of};
use posthaste::wire::disk::Files;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const RECIPIENTS: usize = 400;
const PATIENCE: Duration = Duration::from_secs(120);
/// Longer than a mark may lag behind the journal.
const AT_REST: Duration = Duration::from_millis(1200);

/// A campaign, and what became of it.
pub struct Sent {
    scratch: TempDir,
    _sink: Killed,
    address: String,
    pub name: &'static str,
    pub data: PathBuf,
    /// A copy of its directory from an earlier time.
    pub older: PathBuf,
    /// The recipient of each row.
    pub rows: Vec<String>,
    /// How many letters each recipient got.
    pub letters: BTreeMap<String, usize>,
}

/// A process that does not outlive the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Sent {
    /// Killed, gone on with behind a snapshot, and ended in order.
    pub fn in_order() -> Self {
        let mut sent = Self::begin("in order", "on_uncertain = \"hold\"");
        let mut first = sent.start(&sent.data, &[]);
        sent.wait_for_letters(40);
        copy(&sent.data, &sent.scratch.path().join("earlier"));
        sent.wait_for_letters(80);
        first.0.kill().unwrap();
        drop(first);
        let mut files = Files::open(&journal_of(&sent.home())).unwrap();
        let how = Opening { snapshot_after_octets: 1, ..Opening::at(UnixTime(1_900_000_000)) };
        drop(Campaign::open(&sent.home(), &mut files, &how).unwrap());
        drop(files);
        let second = sent.start(&sent.data, &[]);
        sent.wait_until_it_rests();
        let code = interrupt(second);
        assert_eq!(code, Some(3), "some are deferred");
        sent.older = sent.scratch.path().join("earlier/campaign/made-up");
        sent.look();
        sent
    }

    /// Killed when nothing was under way.
    pub fn killed() -> Self {
        let mut sent = Self::begin("killed", "");
        let only = sent.start(&sent.data, &[]);
        sent.wait_for_letters(40);
        copy(&sent.data, &sent.scratch.path().join("earlier"));
        sent.wait_until_it_rests();
        drop(only);
        sent.older = sent.scratch.path().join("earlier/campaign/made-up");
        sent.look();
        sent
    }

    fn begin(name: &'static str, more: &str) -> Self {
        let scratch = folder();
        let at = |file: &str| scratch.path().join(file);
        let mut list = "email,number\n".to_owned();
        (0..RECIPIENTS).for_each(|n| writeln!(list, "person{n}@domain{}.test,{n}", n % 7).unwrap());
        fs::write(at("list.csv"), list).unwrap();
        fs::write(at("made-up.txt"), "Number {{ number }},\n\nthis is short.\n").unwrap();
        let campaign = format!(
            "name = \"made-up\"\nfrom = \"news@acme.example\"\nsubject = \"To {{{{ number }}}}\"\ntext = \"made-up.txt\"\n\
             retry = [\"1h\"]\n{more}\n[recipients]\nfile = \"list.csv\"\n"
        );
        fs::write(at("made-up.toml"), campaign).unwrap();
        // One message a round trip: it is slow enough to be killed in the midst.
        fs::write(at("engine.toml"), "[delivery]\nchunking = false\nsessions_per_site = 4\n").unwrap();
        let keep = at("kept").display().to_string();
        let arguments =
            ["sink", "--listen", "127.0.0.1:0", "--rtt-ms", "5", "--defer", "20", "--json", "--keep", &keep];
        let sink = Command::new(env!("CARGO_BIN_EXE_posthaste"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(File::create(at("sink.stderr")).unwrap())
            .spawn()
            .unwrap();
        let address = wait_for("the sink's address", || {
            let said = fs::read_to_string(at("sink.stderr")).ok()?;
            let (lines, _) = said.rsplit_once('\n')?;
            let (_, after) = lines.split_once("127.0.0.1:")?;
            let port: String = after.chars().take_while(char::is_ascii_digit).collect();
            Some(format!("127.0.0.1:{port}"))
        });
        let data = at("data");
        let (rows, letters) = (Vec::new(), BTreeMap::new());
        Self { _sink: Killed(sink), address, name, data, older: PathBuf::new(), rows, letters, scratch }
    }

    /// The campaign's directory.
    pub fn home(&self) -> PathBuf {
        self.data.join("campaign/made-up")
    }

    fn start(&self, data: &Path, more: &[&str]) -> Killed {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
        command.current_dir(self.scratch.path()).args(["send", "made-up.toml", "--config", "engine.toml"]);
        command.args(["--smarthost", &self.address, "--data"]).arg(data).args(more);
        let stderr = File::create(self.scratch.path().join("send.stderr")).unwrap();
        Killed(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().unwrap())
    }

    /// Starts the campaign in `data`; its code and what it said.
    pub fn start_again(&self, data: &Path) -> (Option<i32>, String) {
        self.start_with(data, &[])
    }

    /// As [`Sent::start_again`], with more flags.
    pub fn start_with(&self, data: &Path, more: &[&str]) -> (Option<i32>, String) {
        let mut sending = self.start(data, more);
        let code = wait_for("the end of a start", || sending.0.try_wait().unwrap()).code();
        (code, fs::read_to_string(self.scratch.path().join("send.stderr")).unwrap())
    }

    /// Goes on with more flags until nothing is under way, and is interrupted.
    pub fn go_on(&mut self, more: &[&str]) {
        let before = self.kept();
        let sending = self.start(&self.data, more);
        self.wait_for_letters(before + 1);
        self.wait_until_it_rests();
        let code = interrupt(sending);
        assert_eq!(code, Some(3), "some are deferred");
        self.rows.clear();
        self.look();
    }

    /// What `report --possible-duplicates` lists.
    pub fn possible_duplicates(&self) -> BTreeSet<String> {
        self.report(&["--possible-duplicates", "-"]).lines().map(str::to_owned).collect()
    }

    /// Whom the report says to have got the letter.
    pub fn delivered(&self) -> BTreeSet<String> {
        let table = self.report(&["--csv", "-"]);
        table.lines().filter_map(|l| l.split_once(",delivered,")).map(|(name, _)| name.to_owned()).collect()
    }

    fn report(&self, form: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posthaste"));
        let ended = command.args(["report", "made-up"]).args(form).arg("--data").arg(&self.data).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).unwrap()
    }

    /// The receiver has no more letters than when the campaign was sent.
    pub fn nobody_got_anything_since(&self) {
        assert_eq!(self.count_letters(), self.letters, "the {} campaign sent something", self.name);
    }

    fn count_letters(&self) -> BTreeMap<String, usize> {
        let mut letters = BTreeMap::new();
        for file in fs::read_dir(self.scratch.path().join("kept")).unwrap() {
            let letter = fs::read_to_string(file.unwrap().path()).unwrap();
            for line in letter.lines().take_while(|l| !l.is_empty()) {
                if let Some(name) = line.strip_prefix("Delivered-To: ") {
                    *letters.entry(name.trim_matches(['<', '>', ' ']).to_owned()).or_default() += 1;
                }
            }
        }
        letters
    }

    fn kept(&self) -> usize {
        fs::read_dir(self.scratch.path().join("kept")).map_or(0, Iterator::count)
    }

    fn wait_for_letters(&self, letters: usize) {
        wait_for("letters", || (self.kept() >= letters).then_some(()));
    }

    fn wait_until_it_rests(&self) {
        let mut last = (self.kept(), Instant::now());
        wait_for("the end of the first attempts", || {
            let now = self.kept();
            if now != last.0 {
                last = (now, Instant::now());
            }
            (now > RECIPIENTS / 2 && last.1.elapsed() > AT_REST).then_some(())
        });
    }

    fn look(&mut self) {
        self.letters = self.count_letters();
        let table = posthaste::engine::table::Table::open(&self.home()).unwrap();
        let walked = table.walk(|row| {
            self.rows.push(row.mailbox.to_owned());
            ControlFlow::Continue(())
        });
        walked.unwrap();
        assert_eq!(self.rows.len(), RECIPIENTS);
    }
}

fn interrupt(mut sending: Killed) -> Option<i32> {
    let pid = sending.0.id().to_string();
    assert!(Command::new("sh").args(["-c", "kill -s INT \"$0\"", &pid]).status().unwrap().success());
    wait_for("the end of a send", || sending.0.try_wait().unwrap()).code()
}

fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ready() {
            return found;
        }
        assert!(Instant::now() < end, "waited {PATIENCE:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A scratch folder: in memory, if there is such a place, for each start makes and syncs files.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.or_else(|_| tempfile::tempdir()).unwrap()
}

/// Copies a directory with all that is in it; what vanishes meanwhile is left out.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            let _ = fs::copy(&path, &target);
        }
    }
}
