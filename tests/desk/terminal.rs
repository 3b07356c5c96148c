//! What a send looks like: on terminals of several widths, in logs and journals, when keys are pressed; and its reports.

use crate::folder::{Folder, Receiver};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything here may take; what is promised is far less.
const PATIENCE: Duration = Duration::from_secs(90);

/// A terminal that remembers what stands on it, and every line that it had to break.
struct Screen {
    columns: usize,
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
    broken: Vec<String>,
}

impl Screen {
    fn of(columns: usize, octets: &[u8]) -> Self {
        let mut screen = Self { columns, rows: vec![Vec::new()], row: 0, column: 0, broken: Vec::new() };
        let text = String::from_utf8_lossy(octets).into_owned();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            match c {
                '\u{1b}' => {
                    assert_eq!(rest.next(), Some('['), "an escape that no test knows");
                    let mut number = String::new();
                    let order = rest.by_ref().find(|c| {
                        number.extend(c.is_ascii_digit().then_some(*c));
                        c.is_ascii_alphabetic()
                    });
                    screen.obey(order.unwrap(), number.parse().unwrap_or(1));
                }
                '\r' => screen.column = 0,
                '\n' => screen.go_to(screen.row + 1),
                '\u{8}' => screen.column = screen.column.saturating_sub(1),
                c => screen.put(c),
            }
        }
        screen
    }

    fn go_to(&mut self, row: usize) {
        self.row = row;
        while self.rows.len() <= row {
            self.rows.push(Vec::new());
        }
    }

    fn put(&mut self, c: char) {
        if self.column >= self.columns {
            self.broken.push(self.rows[self.row].iter().collect());
            self.go_to(self.row + 1);
            self.column = 0;
        }
        let row = &mut self.rows[self.row];
        while row.len() <= self.column {
            row.push(' ');
        }
        row[self.column] = c;
        self.column += 1;
    }

    fn obey(&mut self, order: char, number: usize) {
        match order {
            'A' => self.row = self.row.saturating_sub(number),
            'J' => {
                self.rows.truncate(self.row + 1);
                self.rows[self.row].truncate(self.column);
            }
            'K' => self.rows[self.row].truncate(self.column),
            'm' => {}
            order => panic!("{order}: an order that no test knows"),
        }
    }

    fn lines(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned()).collect()
    }
}

/// The program on a terminal of its own.
struct Seen {
    child: Child,
    shown: Vec<u8>,
    columns: usize,
}

impl Seen {
    fn start(folder: &Folder, columns: usize, set: &str, words: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_posthaste");
        let line = format!("stty cols {columns} rows 24; exec env TERM=xterm {set} '{program}' {words}");
        let mut command = Command::new("script");
        command.args(["-q", "-e", "-c", &line, "/dev/null"]).current_dir(folder.path());
        command.env("POSTHASTE_CONFIG", "").env_remove("NO_COLOR");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        Self { child: command.spawn().unwrap(), shown: Vec::new(), columns }
    }

    /// Reads until the screen shows this; whatever was shown meanwhile is remembered.
    fn until(&mut self, there: impl Fn(&Screen) -> bool) {
        let start = Instant::now();
        let mut piece = [0; 4096];
        while !there(&self.screen()) {
            let read = self.child.stdout.as_mut().unwrap().read(&mut piece).unwrap();
            assert!(read > 0 && start.elapsed() < PATIENCE, "never shown:\n{}", self.screen().lines().join("\n"));
            self.shown.extend_from_slice(&piece[..read]);
        }
    }

    fn press(&mut self, key: u8) {
        let keys = self.child.stdin.as_mut().unwrap();
        keys.write_all(&[key]).unwrap();
        keys.flush().unwrap();
    }

    fn screen(&self) -> Screen {
        Screen::of(self.columns, &self.shown)
    }

    /// What is shown at its end, and its code.
    fn end(mut self) -> (Screen, Option<i32>) {
        self.child.stdout.as_mut().unwrap().read_to_end(&mut self.shown).unwrap();
        let code = self.child.wait().unwrap().code();
        (self.screen(), code)
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A campaign that takes its time: one session, and round trips for each message.
fn slow(rows: usize) -> (Folder, Receiver) {
    let folder = Folder::new();
    folder.put("e.toml", "[engine]\nhostname = \"me.example\"\n[delivery]\nsessions_per_site = 1\npipelining = false\nchunking = false\n");
    let list: String = (0..rows).map(|n| format!("person{n}@d{}.example,Ann\n", n % 7)).collect();
    folder.put("w.csv", format!("email,first\n{list}"));
    let receiver = Receiver::start_with(&folder.path().join("kept"), &["--rtt-ms", "30"]);
    (folder, receiver)
}

fn sending(receiver: &Receiver, more: &str) -> String {
    format!("send w.toml --config e.toml --data data --smarthost {} {more}", receiver.address)
}

#[test]
fn progress_fits_the_terminal_and_an_interrupt_stands_alone() {
    for columns in [60, 80, 120] {
        let (folder, receiver) = slow(5000);
        let mut seen = Seen::start(&folder, columns, "", &sending(&receiver, ""));
        // What is read may end within a repaint.
        let has = |screen: &Screen, is: fn(&String) -> bool| screen.lines().iter().any(is);
        seen.until(|screen| {
            has(screen, |line| line.contains(" delivered ") && !line.contains(" delivered 0 "))
                && has(screen, |line| line.contains('░') && line.contains("of 5,000 recipients"))
        });
        seen.press(3);
        seen.until(|screen| screen.lines().iter().any(|line| line.contains("Finishing")));
        let (screen, code) = seen.end();
        let lines = screen.lines();
        assert_eq!(code, Some(3), "{}", lines.join("\n"));
        let finishing: Vec<&String> =
            lines.iter().filter(|line| line.contains("Finishing what is under way")).collect();
        assert_eq!(finishing.len(), 1, "{}", lines.join("\n"));
        assert!(finishing[0].starts_with("Finishing"), "{}", lines.join("\n"));
        assert!(!lines.iter().any(|line| line.contains("^C")), "{}", lines.join("\n"));
        assert!(!lines.iter().any(|line| line.contains('░')), "live lines are left:\n{}", lines.join("\n"));
        // Commands, and sentences with paths, are longer than any terminal.
        let broken: Vec<&String> = screen
            .broken
            .iter()
            .filter(|line| {
                line.contains('█') || line.contains('░') || line.starts_with("  ") && !line.contains("posthaste ")
            })
            .collect();
        assert!(broken.is_empty(), "{columns}: {broken:?}");
        receiver.end();
    }
}

#[test]
fn a_long_list_that_is_looked_at_shows_how_far_it_is_and_leaves_no_trace() {
    let folder = Folder::new();
    // It is shown from one second on: each row takes so long that no machine is done with all of them by then.
    let long = "{% if first == \"x\" %}a{% endif %}{% for n in range(500) %}{% endfor %}";
    folder.put("w.txt", format!("{long} Dear {{{{ first }}}}, unsubscribe here.\n"));
    let list: String = (0..60_000).map(|n| format!("person{n}@d{}.example,Ann\n", n % 7)).collect();
    folder.put("w.csv", format!("email,first\n{list}"));
    for (columns, words, ends) in [
        (40, "check w.toml", 0),
        (80, "send w.toml --dry-run --data data", 0),
        (80, "send w.toml --sink --data data", 0),
        (80, "send w.toml --sink --data some --limit 10", 3),
    ] {
        let mut seen = Seen::start(&folder, columns, "", words);
        seen.until(|screen| screen.lines().iter().any(|line| line.starts_with("Rehearsing the letter on the list")));
        let (screen, code) = seen.end();
        let lines = screen.lines();
        assert_eq!(code, Some(ends), "{}", lines.join("\n"));
        assert!(lines.iter().any(|line| line.replace(',', "").contains("60000")), "{}", lines.join("\n"));
        let is_left = |line: &&String| line.starts_with("Rehearsing") || line.starts_with("Reading the list");
        assert!(!lines.iter().any(|line| is_left(&line)), "{}", lines.join("\n"));
    }
    let ran = folder.run(&["check", "w.toml"]);
    assert!(ran.code == Some(0) && ran.err.is_empty(), "{ran:?}");
}

#[test]
fn plain_progress_has_no_empty_lines_and_quiet_says_nothing() {
    let (folder, receiver) = slow(5000);
    let words = sending(&receiver, "--progress plain");
    let mut child = folder
        .command(&words.split(' ').collect::<Vec<_>>())
        .stdout(Stdio::piped())
        .stderr(File::create(folder.path().join("err")).unwrap())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !folder.read("err").contains("w: ") {
        assert!(start.elapsed() < PATIENCE && child.try_wait().unwrap().is_none(), "{}", folder.read("err"));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    for text in [folder.read("err"), String::from_utf8(output.stdout).unwrap()] {
        assert!(!text.is_empty() && text.lines().all(|line| !line.trim().is_empty()), "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
    receiver.end();

    let folder = Folder::new();
    folder.put("e.toml", "[engine]\nhostname = \"me.example\"\n");
    let (ran, letters) = folder.send(&["--config", "e.toml", "--quiet"]);
    let is_warning = |line: &str| line.starts_with("warning: ") || line.starts_with("  ");
    let only_warns = |err: &str| !err.is_empty() && err.lines().all(is_warning);
    assert_eq!((ran.code, ran.out.as_str(), only_warns(&ran.err), letters.len()), (Some(0), "", true, 1), "{ran:?}");
    let ran = folder.run(&["send", "w.toml", "--data", "data", "--sink", "--quiet", "--json"]);
    assert!(ran.out.starts_with('{') && ran.out.lines().count() == 1 && only_warns(&ran.err), "{ran:?}");
    folder.put("w.txt", "Dear {{ nobody }}\n");
    let ran = folder.run(&["send", "w.toml", "--data", "other", "--sink", "--quiet"]);
    assert!(ran.code == Some(2) && ran.err.starts_with("error: "), "{ran:?}");
}

#[test]
fn a_bar_can_be_had_or_left_out() {
    let folder = Folder::new();
    let seen = Seen::start(&folder, 80, "", "send w.toml --data data --sink --progress none");
    let (screen, code) = seen.end();
    let lines = screen.lines();
    assert_eq!(code, Some(0), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("recipients")) && !lines.iter().any(|line| line.contains('█')));
    // Where there is no terminal, for whoever makes one of it.
    let (folder, receiver) = slow(12);
    let ran = folder.run(&sending(&receiver, "--progress bar").split_whitespace().collect::<Vec<_>>());
    receiver.end();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains('░') && ran.err.contains("of 12 recipients"), "{ran:?}");
    let (folder, receiver) = slow(12);
    let ran = folder.run(&sending(&receiver, "").split_whitespace().collect::<Vec<_>>());
    receiver.end();
    assert!(ran.code == Some(0) && !ran.err.contains(['░', '█']), "{ran:?}");
}

/// What says as much as this, and can be copied.
fn is_command(line: &str) -> bool {
    line.trim_start().starts_with("posthaste ") || line.contains("&& posthaste ")
}

#[test]
fn what_a_send_says_of_rejected_rows_and_of_its_end_is_folded_too() {
    let folder = Folder::new();
    let rows: String = (0..9).map(|n| format!("p{n}@a.example,Ann\n")).collect();
    folder.put("w.csv", format!("email,first\n{rows}nobody,N\n"));
    folder.put("w.toml", folder.read("w.toml").replace("[recipients]", "[recipients]\nmax_rejected = \"30%\""));
    folder.put("m.html", "<p>*|FNAME|* {{ first_name }}</p>\n");
    for (columns, line, says) in [
        (60, "send w.toml --sink --data data --progress none", "1 row of w.csv is rejected"),
        (60, "send w.toml --sink --data data --progress none", "1 row of w.csv was rejected"),
        (80, "send w.toml --sink --data data --progress none", "nothing is left to send."),
        (60, "convert m.html --from mailchimp", "a tag of ours in a template"),
    ] {
        let (screen, _) = Seen::start(&folder, columns, "", line).end();
        let broken: Vec<&String> = screen.broken.iter().filter(|line| !is_command(line)).collect();
        assert!(broken.is_empty(), "{line} at {columns}: {broken:?}");
        let said = screen.lines().join(" ");
        assert!(said.split_whitespace().collect::<Vec<_>>().join(" ").contains(says), "{says}: {said}");
    }
}

#[test]
fn what_commands_say_is_folded_at_words_on_a_terminal_and_nowhere_else() {
    let folder = Folder::new();
    folder.put("w.txt", "Dear {{ first }}, *|CITY|* and [Company]: http://acme.example/spring is where the beds are ready, and so are we.\n");
    folder.put(
        "e.toml",
        "[delivery]\nretry = [\"1m\", \"5m\", \"10m\", \"15m\", \"20m\", \"30m\", \"45m\", \"1h\", \"2h\"]\n",
    );
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for (columns, line) in [
        (40, "check w.toml"),
        (80, "check w.toml"),
        (60, "send w.toml --dry-run --data data"),
        (80, "send w.toml --dry-run --sink --data data"),
        (60, "config e.toml"),
        (40, "new spring"),
        (40, "token nothing-of-ours --data ."),
    ] {
        let (screen, _) = Seen::start(&folder, columns, "", line).end();
        let broken: Vec<&String> = screen.broken.iter().filter(|line| !is_command(line)).collect();
        assert!(broken.is_empty(), "{line} at {columns}: {broken:?}");
        let _ = fs::remove_dir_all(folder.path().join("spring"));
        let ran = folder.run(&line.split(' ').collect::<Vec<_>>());
        assert!(ran.out.lines().any(|line| line.chars().count() > columns), "{line}: {ran:?}");
        if line.starts_with("check") {
            assert_eq!(words(&screen.lines().join(" ")), words(&ran.out), "{line} at {columns}");
        }
    }
}

#[test]
fn numbers_have_one_form_in_all_that_people_read() {
    let folder = Folder::new();
    let list: String = (0..1234).map(|n| format!("person{n}@d{}.example,Ann\n", n % 7)).collect();
    folder.put("w.csv", format!("email,first\n{list}{list}"));
    let big = "A sentence of a long letter. ".repeat(100);
    folder.put("w.txt", format!("Dear {{{{ first }}}},\n{big}\nunsubscribe\n"));
    for (words, has) in [
        ("check w.toml", &["1,234 recipients at 7 domains", "1,234 duplicates"][..]),
        (
            "send w.toml --dry-run --sink --data data",
            &["  recipients    1,234\n", "  size          3.3 kB to 3.3 kB, 3.3 kB on"],
        ),
        ("send w.toml --sink --data data", &["  recipients           1,234\n", "1,234 messages", " MB\n"]),
        ("report w --sink --data data", &["1,234"]),
    ] {
        let ran = folder.run(&words.split(' ').collect::<Vec<_>>());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        for has in has {
            assert!(ran.out.contains(has), "{words}: {has:?} is not in\n{}", ran.out);
        }
        // What check finds is told in sentences.
        assert!(words.starts_with("check") || !ran.out.contains("1234"), "{words}: {}", ran.out);
    }
}

#[test]
fn colours_are_those_that_were_asked_for() {
    let folder = Folder::new();
    let words = "send w.toml --sink --metrics 127.0.0.1:0 --data";
    let runs = std::cell::Cell::new(0);
    // A rehearsal that is complete says nothing of metrics.
    let data = || {
        runs.set(runs.get() + 1);
        format!("data{}", runs.get())
    };
    let on_terminal = |set: &str, more: &str| {
        let mut seen = Seen::start(&folder, 80, set, &format!("{words} {} {more}", data()));
        seen.child.stdout.as_mut().unwrap().read_to_end(&mut seen.shown).unwrap();
        let shown = String::from_utf8_lossy(&seen.shown).into_owned();
        assert!(shown.contains("metrics on http"), "{shown}");
        shown.contains("\u{1b}[32m") || shown.contains("\u{1b}[2m")
    };
    assert!(on_terminal("", ""));
    assert!(!on_terminal("NO_COLOR=1", ""));
    assert!(!on_terminal("", "--color never"));
    assert!(on_terminal("NO_COLOR=1", "--color always"));
    let piped = |more: &[&str]| folder.run(&[&words.split(' ').collect::<Vec<_>>()[..], &[&data()], more].concat()).err;
    assert!(!piped(&[]).contains('\u{1b}'));
    assert!(piped(&["--color", "always"]).contains("\u{1b}["));
    // Help and errors of the command line, too.
    assert!(folder.run(&["--color=always", "--help"]).out.contains('\u{1b}'));
    assert!(folder.run(&["--color", "always", "sned"]).err.contains('\u{1b}'));
    assert!(!folder.run(&["sned"]).err.contains('\u{1b}'));
}

#[test]
fn the_journal_gets_priorities_and_no_second_time() {
    let folder = Folder::new();
    let journal = folder.path().join("journal");
    let sent = |stream: Option<String>, words: &[&str]| {
        let file = File::create(&journal).unwrap();
        let at = file.metadata().unwrap();
        let mut command = folder.command(words);
        command.env("JOURNAL_STREAM", stream.unwrap_or(format!("{}:{}", at.dev(), at.ino())));
        command.stdout(Stdio::null()).stderr(file).status().unwrap();
        fs::read_to_string(&journal).unwrap()
    };
    let words = ["send", "w.toml", "--sink", "--metrics", "127.0.0.1:0", "--data"];
    let said = sent(None, &[&words[..], &["one"]].concat());
    assert!(said.lines().any(|line| line.starts_with("<6>metrics on http://127.0.0.1:")), "{said}");
    // Inherited by somebody whose output goes elsewhere.
    let said = sent(Some("1:2".into()), &[&words[..], &["two"]].concat());
    assert!(said.lines().any(|line| line.starts_with("20") && line.contains("Z  INFO metrics on ")), "{said}");
    let said = sent(None, &["send", "gone.toml", "--sink"]);
    assert!(said.lines().all(|line| line.starts_with("<3>")) && said.contains("<3>error: gone.toml"), "{said}");
}

#[test]
fn reports_have_the_zone_of_their_times() {
    let folder = Folder::new();
    folder.delivers(&[]);
    let report = |more: &[&str]| {
        let words = [&["report", "w", "--data", "data"], more].concat();
        let output = folder.command(&words).env("TZ", "ABC-5:30").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let attempt = |text: &str| text.lines().find(|line| line.contains("first attempt")).unwrap().to_owned();
    assert!(attempt(&report(&[])).ends_with("+05:30"), "{}", report(&[]));
    assert!(attempt(&report(&["--utc"])).ends_with('Z'), "{}", report(&["--utc"]));
    assert!(report(&["--recipient", "ann@a.example"]).contains("+05:30  attempt 1"));
    let csv = report(&["--csv", "-"]);
    assert!(!csv.contains("+05:30") && csv.contains("Z,"), "programs read UTC: {csv}");
}

#[test]
fn debug_names_routes_and_recipients_and_trace_has_the_dialogue() {
    let folder = Folder::new();
    let said = |level: &str| {
        folder.put("e.toml", format!("[log]\nlevel = \"{level}\"\n"));
        let ran = folder.run(&["send", "w.toml", "--data", level, "--config", "e.toml", "--sink"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.err
    };
    let info = said("info");
    assert!(!info.contains("ann@a.example") && !info.contains("DEBUG"), "{info}");
    let debug = said("debug");
    let delivered = debug.lines().find(|line| line.contains("DEBUG delivered ")).unwrap_or_else(|| panic!("{debug}"));
    for field in ["final=true", "recipient=ann@a.example", "host=", "code=250"] {
        assert!(delivered.contains(field), "{field} is missing in {delivered}");
    }
    let route = debug.lines().find(|line| line.contains("DEBUG mail for the domain goes to the site")).unwrap();
    assert!(route.contains("site=\"sink\""), "{route}");
    assert!(debug.contains("DEBUG session opened ") && debug.contains("DEBUG session ended "), "{debug}");
    assert!(!delivered.contains("time=") && !debug.contains("MAIL FROM"), "{debug}");
    let trace = said("trace");
    assert!(trace.contains("> RCPT TO:<ann@a.example>") && trace.contains("DEBUG delivered "), "{trace}");
    assert!(!trace.contains("Dear Ann"), "content stands in the log:\n{trace}");
}

#[test]
fn a_thousand_equal_refusals_name_nobody_and_are_not_a_thousand_lines() {
    let folder = Folder::new();
    let list: String = (0..1000).map(|n| format!("person{n}@a.example,Ann\n")).collect();
    folder.put("w.csv", format!("email,first\n{list}nobody,Ann\nperson at a.example,Ann\n"));
    folder.put("w.toml", folder.read("w.toml").replace("[recipients]", "max_bounced = \"100%\"\n[recipients]"));
    for (how, word) in [("--reject", "bounced"), ("--defer", "deferred")] {
        let said = |level: &str| {
            // Whom it has put off once, it takes.
            let receiver = Receiver::start_with(&folder.path().join("kept"), &[how, "100"]);
            let retry = "[delivery]\nretry = [\"1s\"]\nlifetime = \"2s\"\n";
            folder.put("e.toml", format!("{retry}[log]\nlevel = \"{level}\"\n"));
            let data = format!("{word}-{level}");
            let words = ["send", "w.toml", "--config", "e.toml", "--smarthost", &receiver.address, "--data", &data];
            let ran = folder.run(&words);
            receiver.end();
            ran
        };
        let info = said("info");
        // Rows that are no recipients are told by what stands in them.
        let log = info.err.split("warning: 2 rows of w.csv are rejected").next().unwrap_or_default();
        assert!(!log.contains("person") && !log.contains("nobody"), "{word}: {}", info.err);
        assert!(info.err.lines().count() < 60, "{word}: {}", info.err);
        let debug = said("debug");
        for n in [0, 999] {
            let named = format!("recipient=person{n}@a.example");
            let has = |line: &str| line.contains("DEBUG ") && line.contains(&named) && line.contains(word);
            assert!(debug.err.lines().any(has), "{word}: {named}: {}", debug.err.lines().last().unwrap_or_default());
        }
    }
}
