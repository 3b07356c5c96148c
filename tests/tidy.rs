//! Reads the source text and holds the house rules: who may know whom, what each file must state, and where the few
//! dangerous things may stand.
//!
//! Guarantees: a breach names file and line and says which rule it breaks. Text is read after comments and string
//! literals are blanked out, so that prose cannot breach a rule. Leaves to others: what the compiler and clippy can tell.

use std::fmt;
use std::path::{Path, PathBuf};

/// The rooms and their floors.
const FLOORS: &[(&str, u8)] = &[
    ("base", 0),
    ("mail", 1),
    ("smtp", 2),
    ("tls", 2),
    ("content", 2),
    ("identity", 2),
    ("journal", 2),
    ("shape", 2),
    ("queue", 3),
    ("wire", 4),
    ("observe", 4),
    ("engine", 5),
    ("sink", 5),
    ("bench", 5),
    ("app", 6),
];

/// What only floor 4 and above may name: it touches the world, or is a runtime.
const WORLD: &[&str] = &[
    "io_uring",
    "tokio",
    "tokio_uring",
    "hickory_resolver",
    "metrics",
    "std::fs",
    "std::thread",
    "std::process",
    "std::env",
    "std::time::Instant",
    "std::time::SystemTime",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "Instant::now",
    "SystemTime::now",
    "thread::sleep",
];

/// Names of files and folders that say nothing.
const SAYS_NOTHING: &[&str] = &["util", "utils", "helper", "helpers", "manager", "common", "misc", "handler", "worker"];

/// Lines of a file, unless its header holds `Long:` and a reason.
const LINES_MAX: usize = 600;

#[derive(Debug, PartialEq, Eq)]
struct Breach {
    file: String,
    line: usize,
    rule: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.rule)
    }
}

#[test]
fn the_house_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut breaches = Vec::new();
    let mut files = 0;
    for folder in ["src", "tests", "benches"] {
        for file in rust_files(&root.join(folder)) {
            let text = std::fs::read_to_string(&file).expect("a source file is readable UTF-8");
            let name = file.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
            breaches.extend(check(&name, &text));
            files += 1;
        }
    }
    assert!(files > 10, "only {files} source files were found below {}", root.display());
    let list: Vec<String> = breaches.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "{} breaches of the house rules:\n{}", list.len(), list.join("\n"));
}

#[test]
fn each_room_has_a_floor() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in std::fs::read_dir(source).expect("src is there").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let known = FLOORS.iter().any(|(room, _)| *room == name);
        assert!(
            !entry.path().is_dir() || known,
            "src/{name} has no floor: give it one in tests/tidy.rs and src/lib.rs"
        );
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// All breaches of one file; `name` is its path below the root.
fn check(name: &str, text: &str) -> Vec<Breach> {
    let code = blank(text);
    let product = before_tests(name, &code);
    let mut rules = Rules { file: name, breaches: Vec::new() };
    rules.header(text);
    rules.length(text);
    rules.names();
    if let Some(room) = room_of(name) {
        rules.floors(room, &code);
        rules.dangerous(room, product);
        rules.unwraps(product);
        rules.classes(product);
    }
    rules.breaches
}

/// The room a file of `src` belongs to; the roof (`main.rs`) and the map (`lib.rs`) belong to none.
fn room_of(name: &str) -> Option<&str> {
    let (room, _) = name.strip_prefix("src/")?.split_once('/')?;
    Some(room)
}

fn floor_of(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|&(_, floor)| floor)
}

struct Rules<'a> {
    file: &'a str,
    breaches: Vec<Breach>,
}

impl Rules<'_> {
    fn breach(&mut self, line: usize, rule: impl Into<String>) {
        self.breaches.push(Breach { file: self.file.to_owned(), line, rule: rule.into() });
    }

    fn header(&mut self, text: &str) {
        if !text.starts_with("//! ") {
            self.breach(1, "a file opens with `//!`: what it is, what it guarantees, what it leaves to others");
        }
    }

    fn length(&mut self, text: &str) {
        let lines = text.lines().count();
        let reason = text.lines().take_while(|line| line.starts_with("//!")).any(|line| line.contains("Long:"));
        if lines > LINES_MAX && !reason {
            self.breach(
                lines,
                format!("{lines} lines, more than {LINES_MAX}, and no `Long:` with a reason in the header"),
            );
        }
    }

    fn names(&mut self) {
        for part in self.file.split(['/', '_', '.']) {
            if SAYS_NOTHING.contains(&part) {
                self.breach(1, format!("the name `{part}` says nothing: name what it is"));
            }
        }
    }

    /// A room imports lower floors only, and is blind to its own.
    fn floors(&mut self, room: &str, code: &str) {
        let Some(floor) = floor_of(room) else { return self.breach(1, format!("the room `{room}` has no floor")) };
        for (line, named) in rooms_named(code) {
            let Some(other) = floor_of(&named) else { continue };
            if named != room && other >= floor {
                self.breach(line, format!("`{room}` (floor {floor}) must not know `{named}` (floor {other})"));
            }
        }
    }

    fn dangerous(&mut self, room: &str, code: &str) {
        let world = floor_of(room).is_some_and(|floor| floor >= 4);
        for (n, line) in code.lines().enumerate() {
            for name in WORLD.iter().filter(|name| !world && names(line, name)) {
                self.breach(n + 1, format!("`{name}` touches the world: only floor 4 and above may name it"));
            }
            if room != "tls" && names(line, "rustls") {
                self.breach(n + 1, "only `tls` names rustls");
            }
            if line.contains("println!(") {
                self.breach(
                    n + 1,
                    "`println!` waits for whoever reads: say it by `observe::terminal` or `app::print_out`",
                );
            }
            if room != "wire" && names(line, "unsafe") {
                self.breach(n + 1, "`unsafe` stands in `wire` only");
            }
        }
    }

    /// RFC 3463 §2: the class of an enhanced code is that of the reply's code, in our own replies too.
    fn classes(&mut self, code: &str) {
        for (at, _) in code.match_indices("Enhanced::new(") {
            let (before, behind) = code.split_at(at);
            let before = before.trim_end_matches("crate::mail::").trim_end();
            let digits = before.strip_suffix(',').and_then(|before| before.get(before.len().checked_sub(3)?..));
            let reply = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
            let class = behind.strip_prefix("Enhanced::new(").and_then(|behind| behind.get(..1));
            if let Some(reply) = reply
                && class.is_some_and(|class| class.bytes().all(|b| b.is_ascii_digit()) && !reply.starts_with(class))
            {
                let line = before.lines().count();
                self.breach(line, format!("a {reply} has an enhanced code of another class (RFC 3463 §2)"));
            }
        }
    }

    fn unwraps(&mut self, code: &str) {
        for (n, line) in code.lines().enumerate() {
            if line.contains(".unwrap()") {
                self.breach(n + 1, "no `.unwrap()` outside tests: return an error, or say why it cannot be");
            }
        }
    }
}

/// The part of a file that is product: what stands before its tests; nothing of a file of tests.
fn before_tests<'a>(name: &str, code: &'a str) -> &'a str {
    if name.ends_with("tests.rs") || name.contains("/tests/") {
        return "";
    }
    // A module of tests stands last in its file; `mod tests;` names a sibling and ends nothing.
    let mut at = 0;
    while let Some(found) = code.get(at..).and_then(|rest| rest.find("#[cfg(test)]")) {
        let behind = code.get(at + found..).unwrap_or_default();
        let item = behind.trim_start_matches("#[cfg(test)]").trim_start();
        if item.starts_with("mod ") && item.find('{').unwrap_or(usize::MAX) < item.find(';').unwrap_or(usize::MAX) {
            return code.get(..at + found).unwrap_or(code);
        }
        at += found + 1;
    }
    code
}

/// The rooms that code names: `crate::room`, `posthaste::room`, and the members of `use crate::{…}`.
fn rooms_named(code: &str) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    for (at, _) in code.match_indices("crate::").chain(code.match_indices("posthaste::")) {
        let line = code.get(..at).unwrap_or_default().matches('\n').count() + 1;
        let rest = code.get(at..).and_then(|c| c.split_once("::")).map_or("", |(_, rest)| rest);
        match rest.strip_prefix('{') {
            None => named.push((line, word(rest))),
            Some(group) => named.extend(members(group).into_iter().map(|member| (line, member))),
        }
    }
    named
}

/// The first words of the members of a `{…}` group, whose opening brace is gone.
fn members(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut words = vec![word(group.trim_start())];
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => words.push(word(group.get(at + 1..).unwrap_or_default().trim_start())),
            _ => {}
        }
    }
    words
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

/// Whether a line names `name` as a whole word (path), not as a part of another one.
fn names(line: &str, name: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    line.match_indices(name).any(|(at, _)| {
        let before = line.get(..at).and_then(|l| l.chars().next_back());
        let after = line.get(at + name.len()..).and_then(|l| l.chars().next());
        // A field or a module of our own may be called `metrics`: only the crate is meant.
        let ours =
            before == Some('.') || line.get(..at).is_some_and(|l| l.ends_with("self::") || l.ends_with("super::"));
        let path = name.contains("::") || name.starts_with(char::is_uppercase) || name == "unsafe";
        let crate_path = path || line.get(at + name.len()..).is_some_and(|l| l.starts_with("::"));
        !before.is_some_and(part) && !after.is_some_and(part) && !ours && crate_path
    })
}

/// The code with comments and the insides of literals turned to blanks; lines stay where they were.
fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at);
        let inside = chars.get(at..end).unwrap_or_default();
        if end == at + 1 {
            out.extend(inside);
        } else {
            out.extend(inside.iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
        }
        at = end;
    }
    out
}

/// Where the comment or literal that begins at `at` ends; `at + 1` when none does.
fn literal_end(chars: &[char], at: usize) -> usize {
    let is = |offset: usize, c: char| chars.get(at + offset) == Some(&c);
    let until = |from: usize, end: &dyn Fn(usize) -> bool| (from..chars.len()).find(|&i| end(i)).unwrap_or(chars.len());
    let in_word = at > 0 && chars.get(at - 1).is_some_and(|c| c.is_alphanumeric() || *c == '_');
    if is(0, '/') && is(1, '/') {
        return until(at, &|i| chars.get(i) == Some(&'\n'));
    }
    if is(0, '/') && is(1, '*') {
        return until(at + 2, &|i| chars.get(i) == Some(&'*') && chars.get(i + 1) == Some(&'/'))
            .saturating_add(2)
            .min(chars.len());
    }
    if is(0, 'r') && !in_word || is(0, 'b') && is(1, 'r') && !in_word {
        let hashes_at = at + if is(0, 'b') { 2 } else { 1 };
        let hashes = chars.iter().skip(hashes_at).take_while(|c| **c == '#').count();
        if chars.get(hashes_at + hashes) == Some(&'"') {
            let closes = |i: usize| {
                chars.get(i) == Some(&'"')
                    && chars.iter().skip(i + 1).take(hashes).filter(|c| **c == '#').count() == hashes
            };
            return (until(hashes_at + hashes + 1, &closes) + 1 + hashes).min(chars.len());
        }
    }
    if is(0, '"') {
        let mut i = at + 1;
        while i < chars.len() && chars.get(i) != Some(&'"') {
            i += if chars.get(i) == Some(&'\\') { 2 } else { 1 };
        }
        return (i + 1).min(chars.len());
    }
    // A character, not a lifetime: a quote two places on, or a backslash.
    if is(0, '\'') && is(1, '\\') {
        return (until(at + 3, &|i| chars.get(i) == Some(&'\'')) + 1).min(chars.len());
    }
    if is(0, '\'') && is(2, '\'') {
        return at + 3;
    }
    at + 1
}

mod can_fail {
    //! Each rule on a small bad sample: a check that cannot fail checks nothing.
    use super::*;

    fn rules(name: &str, text: &str) -> Vec<String> {
        check(name, text).into_iter().map(|breach| format!("{}: {}", breach.line, breach.rule)).collect()
    }

    fn breaks(name: &str, text: &str, expected: &str) {
        let found = rules(name, text);
        assert!(found.len() == 1 && found.iter().all(|rule| rule.contains(expected)), "{name}\n{text}\n{found:#?}");
    }

    #[test]
    fn a_reply_with_a_code_of_another_class() {
        let text = "//! x.\nfn f() {\n    own(550, Enhanced::new(4, 4, 1), why);\n    own(451, Enhanced::new(4, 4, 3), why);\n}\n";
        breaks("src/engine/feed.rs", text, "a 550 has an enhanced code of another class");
    }

    #[test]
    fn a_good_file_breaks_nothing() {
        let good = "//! A craft.\nuse crate::base::clock;\nuse crate::{mail::Reply, base};\nuse crate::smtp::reader;\n\
                    use std::net::{IpAddr, SocketAddr};\n// tokio::spawn in a comment\nconst A: &str = \"unsafe { }\";\n\
                    /* std::fs */ const B: &str = r#\"tokio::x \" .unwrap()\"#; const C: char = '\"';\n\
                    fn f<'a>(x: &'a self::metrics::M) { self.metrics.add(metrics_seen) }\n\
                    #[cfg(test)]\nmod tests {\n fn t() { x().unwrap(); std::fs::read(y); }\n}\n";
        assert_eq!(rules("src/smtp/client.rs", good), Vec::<String>::new());
    }

    #[test]
    fn imports_go_down() {
        breaks(
            "src/smtp/a.rs",
            "//! A.\nuse crate::engine::x;\n",
            "2: `smtp` (floor 2) must not know `engine` (floor 5)",
        );
        breaks("src/smtp/a.rs", "//! A.\nuse crate::tls::x;\n", "must not know `tls`");
        breaks("src/base/a.rs", "//! A.\nfn f() -> crate::mail::Reply {}\n", "must not know `mail`");
        breaks(
            "src/sink/a.rs",
            "//! A.\nuse crate::{\n base::{clock, out},\n engine::x,\n};\n",
            "must not know `engine`",
        );
        breaks("src/wire/a.rs", "//! A.\npub(in crate::observe) fn f() {}\n", "must not know `observe`");
        breaks("src/attic/a.rs", "//! A.\n", "the room `attic` has no floor");
    }

    #[test]
    fn tests_obey_the_floors_too() {
        let text = "//! A.\n#[cfg(test)]\nmod tests {\n use crate::engine::x;\n}\n";
        breaks("src/queue/a.rs", text, "4: `queue` (floor 3) must not know `engine`");
    }

    #[test]
    fn the_world_begins_on_floor_four() {
        for code in
            ["use tokio::net;", "use std::fs;", "std::fs::read(x);", "let s: TcpStream;", "metrics::counter!(x);"]
        {
            breaks("src/queue/a.rs", &format!("//! A.\n{code}\n"), "touches the world");
            assert_eq!(rules("src/wire/a.rs", &format!("//! A.\n{code}\n")), Vec::<String>::new());
        }
        let found = rules("src/shape/a.rs", "//! A.\nlet t = std::time::Instant::now();\n");
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn dangerous_things_have_one_place() {
        breaks("src/engine/a.rs", "//! A.\nlet x = unsafe { y() };\n", "`unsafe` stands in `wire` only");
        breaks("src/app/a.rs", "//! A.\neprintln!(\"x\");\n", "`println!` waits");
        breaks("src/wire/a.rs", "//! A.\nuse rustls::Stream;\n", "only `tls` names rustls");
        breaks("src/app/a.rs", "//! A.\nx.unwrap();\n", "no `.unwrap()`");
        breaks("src/app/a.rs", "//! A.\n#[cfg(test)]\nmod tests;\nfn f() { x.unwrap() }\n", "4: no `.unwrap()`");
        assert_eq!(rules("src/app/tests.rs", "//! A.\nx.unwrap();\n"), Vec::<String>::new());
        assert_eq!(rules("src/app/a.rs", "//! A.\nlet unsafe_octets = 1;\n"), Vec::<String>::new());
    }

    #[test]
    fn files_say_what_they_are() {
        breaks("src/app/a.rs", "use std::io;\n", "opens with `//!`");
        breaks("tests/a.rs", "fn f() {}\n", "opens with `//!`");
        breaks("src/mail/utils.rs", "//! A.\n", "`utils` says nothing");
        breaks("src/engine/render_worker.rs", "//! A.\n", "`worker` says nothing");
        let long = "let x = 1;\n".repeat(LINES_MAX);
        breaks("src/app/a.rs", &format!("//! A.\n{long}"), "and no `Long:`");
        assert_eq!(rules("src/app/a.rs", &format!("//! A. Long: one table.\n{long}")), Vec::<String>::new());
    }
}
