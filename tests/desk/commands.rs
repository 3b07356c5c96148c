//! The commands that people look for before they send: a new campaign, configurations, completions, manual pages, versions.

use crate::folder::{Folder, Ran};
use crate::lists::workbook;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

fn says(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    for word in words {
        assert!(ran.out.contains(word) || ran.err.contains(word), "{word:?} is missing in\n{}\n{}", ran.out, ran.err);
    }
}

/// Runs the line that a new campaign tells to run.
fn as_told(folder: &Folder, told: &Ran) -> Ran {
    let line = told.out.lines().last().unwrap().trim();
    assert!(line.starts_with("cd ") && line.ends_with(" && posthaste send campaign.toml --sink"), "{line}");
    let program = env!("CARGO_BIN_EXE_posthaste");
    let line = line.replace("&& posthaste ", &format!("&& '{program}' ")) + " --json";
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).current_dir(folder.path()).stdin(Stdio::null()).env("POSTHASTE_CONFIG", "");
    let output = shell.output().unwrap();
    let text = |octets| String::from_utf8(octets).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Sends a campaign's file and gives the letters that arrive.
fn letters(folder: &Folder, campaign: &str) -> String {
    let kept = folder.path().join("kept");
    let receiver = crate::folder::Receiver::start(&kept);
    let ran = folder.run(&["send", campaign, "--data", "data", "--smarthost", &receiver.address]);
    receiver.end();
    says(&ran, 0, &[]);
    let mut letters: Vec<Vec<u8>> =
        fs::read_dir(kept).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    letters.sort();
    String::from_utf8(letters.concat()).unwrap()
}

#[test]
fn a_new_campaign_is_delivered_by_the_command_that_it_tells() {
    let folder = Folder::new();
    let made = folder.run(&["new", "spring"]);
    says(&made, 0, &["spring/campaign.toml", "spring/letter.html", "spring/letter.txt", "spring/recipients.csv"]);
    let sent = as_told(&folder, &made);
    says(&sent, 0, &["\"delivered\":4", "\"rejected\":0", "\"bounced\":0"]);
    assert!(!sent.err.contains("warning") && !sent.err.contains("WARN"), "{}", sent.err);
    let letters = letters(&folder, "spring/campaign.toml");
    for greeting in ["Hello Ann,", "Hello Chioma,", "Hello there,"] {
        // Once in the text and once in the HTML.
        assert_eq!(letters.matches(greeting).count(), 2, "{greeting}\n{letters}");
    }
    assert!(letters.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{letters}");
}

#[test]
fn the_sample_in_a_new_letter_is_told_unless_the_receiver_is_the_built_in_one() {
    let folder = Folder::new();
    says(&folder.run(&["new", "spring"]), 0, &[]);
    let told = "`write here what is new` was left in";
    for (command, tells) in [
        (&["check", "spring/campaign.toml", "--offline"][..], true),
        (&["send", "spring/campaign.toml", "--dry-run", "--smarthost", "127.0.0.1:9"], true),
        (&["send", "spring/campaign.toml", "--dry-run", "--sink"], false),
    ] {
        let ran = folder.run(command);
        let all = format!("{}{}", ran.out, ran.err).split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(all.contains(told), tells, "{command:?}: {all}");
    }
}

#[test]
fn nothing_that_is_there_is_written_over() {
    let folder = Folder::new();
    folder.put("spring/notes.txt", "mine");
    folder.put("summer", "a file");
    for name in ["spring", "summer", "spring/notes.txt"] {
        let ran = folder.run(&["new", name]);
        assert_ne!(ran.code, Some(0), "{name}: {ran:?}");
        assert!(ran.err.contains("is there already") || ran.err.contains("cannot name a campaign"), "{}", ran.err);
    }
    assert_eq!(fs::read_dir(folder.path().join("spring")).unwrap().count(), 1);
    assert_eq!((folder.read("spring/notes.txt").as_str(), folder.read("summer").as_str()), ("mine", "a file"));
    // What was refused can be mended in place: an empty folder is nobody's.
    fs::create_dir(folder.path().join("autumn")).unwrap();
    says(&folder.run(&["new", "autumn"]), 0, &[]);
    says(&folder.run(&["new", "autumn"]), 2, &["is there already"]);
    says(&folder.run(&["new", "Spring Sale!"]), 2, &["posthaste new spring-sale"]);
    says(&folder.run(&["new", ".."]), 2, &["cannot name a campaign"]);
}

#[test]
fn a_new_campaign_for_a_list_finds_its_columns() {
    let western = |text: &str| crate::lists::western(text);
    let plain = |text: &str| text.as_bytes().to_vec();
    for (file, text, email, greetings) in [
        (
            "Kunden.csv",
            western(
                "E-Mail;Vorname;Stra\u{df}e\r\nann@a.example;Zo\u{eb};Hauptstra\u{df}e 5\r\nbob@a.example;J\u{fc}rgen;Am Bach\r\n",
            ),
            "E-Mail",
            ["Zo=C3=AB", "J=C3=BCrgen"],
        ),
        (
            "export.txt",
            "\u{feff}Email\tFirst Name\r\nann@a.example\tAnn\r\nbob@a.example\tBob\r\n"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect(),
            "Email",
            ["Ann", "Bob"],
        ),
        ("people.xlsx", workbook::people_of_excel(), "Email", ["Ann", "Bob"]),
        ("people.ods", workbook::people_of_libreoffice(), "Email", ["Ann", "Bob"]),
        (
            "people.csv",
            plain("Email Address,First Name,City\nann@a.example,Ann,Rome\nbob@a.example,,Oslo\n"),
            "Email Address",
            ["Ann", "there"],
        ),
        (
            "leute.csv",
            plain("Vorname,Nachname,E-Mail\nAnn,Lee,ann@a.example\nBob,Ott,bob@a.example\n"),
            "E-Mail",
            ["Ann", "Bob"],
        ),
        (
            "gens.tsv",
            plain("Prénom\tCourriel\nZoé\tann@a.example\nRené\tbob@a.example\n"),
            "Courriel",
            ["Zo=C3=A9", "Ren=C3=A9"],
        ),
        (
            "p.jsonl",
            plain(
                "{\"contact\":\"ann@a.example\",\"name\":\"Ann\"}\n{\"contact\":\"bob@a.example\",\"name\":\"Bob\"}\n",
            ),
            "contact",
            ["Ann", "Bob"],
        ),
    ] {
        let folder = Folder::new();
        folder.put(&format!("lists/{file}"), text);
        let before = fs::metadata(folder.path().join("lists").join(file)).unwrap().modified().unwrap();
        let made = folder.run(&["new", "spring", "--from", &format!("lists/{file}")]);
        says(&made, 0, &[&format!("addresses: {email}"), "stays where it is"]);
        let sent = as_told(&folder, &made);
        says(&sent, 0, &["\"delivered\":2", "\"rejected\":0"]);
        let letters = letters(&folder, "spring/campaign.toml");
        for name in greetings {
            assert_eq!(letters.matches(&format!("Hello {name},")).count(), 2, "{file}: {name}\n{letters}");
        }
        assert!(!folder.path().join("spring/recipients.csv").exists(), "the list is copied");
        assert_eq!(fs::metadata(folder.path().join("lists").join(file)).unwrap().modified().unwrap(), before);
    }
}

#[test]
fn a_list_without_addresses_or_that_is_not_there_makes_no_folder() {
    let folder = Folder::new();
    folder.put("x.csv", "name,city\nAnn,Rome\n");
    says(
        &folder.run(&["new", "spring", "--from", "x.csv"]),
        2,
        &["no column of it holds addresses", "name, city", "hint:"],
    );
    says(&folder.run(&["new", "spring", "--from", "gone.csv"]), 2, &["gone.csv"]);
    says(&folder.run(&["new", "spring", "--from", "-"]), 2, &["--from names a file"]);
    assert!(!folder.path().join("spring").exists());
}

#[test]
fn a_configuration_is_checked_with_all_that_is_wrong_at_once() {
    let folder = Folder::new();
    folder.put(
        "e.toml",
        "[engine]\nshards = 99\nhostnam = \"x\"\n[delivery]\nretry = []\ntls = \"maybe\"\n[dns]\ntimeout = 5\n",
    );
    let ran = folder.run(&["config", "e.toml"]);
    let faults = [
        "e.toml:2:10: engine.shards",
        "e.toml:3:1: unknown key",
        "e.toml:5:9: delivery.retry",
        "e.toml:6:7: delivery.tls",
        "e.toml:8:11: dns.timeout",
    ];
    says(&ran, 2, &faults);
    let places: Vec<usize> = faults.iter().map(|fault| ran.err.find(fault).unwrap()).collect();
    assert!(places.is_sorted(), "not in the order of the file:\n{}", ran.err);
    // The other commands say the same.
    says(&folder.run(&["send", "w.toml", "--config", "e.toml", "--sink"]), 2, &faults);
    folder.put("e.toml", "[tls]\nroots = \"no.pem\"\n[engine]\nsuppression = [\"no.txt\"]\n[[dkim]]\ndomain = \"a.example\"\nselector = \"s\"\nkey = \"no.key\"\n");
    says(&folder.run(&["config", "e.toml"]), 2, &["no.pem", "no.txt", "no.key"]);
}

#[test]
fn a_configuration_shows_what_it_changes() {
    let folder = Folder::new();
    folder.put("e.toml", "[engine]\nshards = 0\nhostname = \"mx.acme.example\"\n[delivery]\nretry = [\n  \"1m\",\n  \"5m\",\n]\nport = 25\n[[source]]\nname = \"a\"\naddress = \"192.0.2.1\"\n");
    let ran = folder.run(&["config", "e.toml"]);
    says(
        &ran,
        0,
        &[
            "engine.hostname = \"mx.acme.example\"   (default: \"\")",
            "delivery.retry = [ \"1m\", \"5m\", ]   (default: ",
            "[[source]] a",
        ],
    );
    assert!(!ran.out.contains("shards") && !ran.out.contains("port"), "{}", ran.out);
    folder.put("e.toml", "[delivery]\nport = 25\n");
    says(&folder.run(&["config", "e.toml"]), 0, &["every setting is the default"]);
    says(&folder.run(&["config", "gone.toml"]), 2, &["gone.toml: cannot be read"]);
    says(&folder.run(&["config", "e.toml", "--campaign"]), 2, &[]);
}

#[test]
fn the_reference_of_a_campaign_is_a_campaign() {
    let folder = Folder::new();
    let ran = folder.run(&["config", "--campaign"]);
    says(&ran, 0, &["name = \"spring\"", "# max_bounced = \"20%\"", "[recipients]", "# [unsubscribe]"]);
    folder.put("c.toml", &ran.out);
    folder.put("letter.txt", "Hello.\n");
    folder.put("letter.html", "<p>Hello.</p>\n");
    folder.put("people.csv", "email\nann@a.example\n");
    says(&folder.run(&["send", "c.toml", "--data", "d", "--sink", "--json"]), 0, &["\"delivered\":1"]);
}

#[test]
fn the_configuration_that_is_used_is_told_and_the_command_that_goes_on_names_it() {
    let folder = Folder::new();
    folder.put("flag.toml", "[engine]\ndata = \"by-flag\"\n");
    folder.put("variable.toml", "[engine]\ndata = \"by-variable\"\n");
    let with = |value: &str, more: &[&str]| {
        let mut command = folder.command(&[&["send", "w.toml", "--sink"], more].concat());
        let output = command.env("POSTHASTE_CONFIG", value).output().unwrap();
        (String::from_utf8(output.stderr).unwrap(), output.status.code())
    };
    let (said, code) = with("variable.toml", &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.lines().take(3).any(|line| line == "Configuration: variable.toml (by POSTHASTE_CONFIG)"), "{said}");
    assert!(folder.path().join("by-variable").is_dir());
    let (said, _) = with("variable.toml", &["--config", "flag.toml"]);
    assert!(said.contains("Configuration: flag.toml\n") && folder.path().join("by-flag").is_dir(), "{said}");
    let (said, _) = with("", &[]);
    assert!(said.contains("Configuration: the defaults (POSTHASTE_CONFIG is empty)\n"), "{said}");
    let (said, code) = with("gone.toml", &[]);
    assert!(
        code == Some(2) && said.contains("gone.toml: cannot be read") && said.contains("POSTHASTE_CONFIG names it"),
        "{said}"
    );
    // Without the variable, the command that goes on would mean another configuration.
    folder.put("w.csv", "email,first\nann@a.example,Ann\nbob@a.example,Bob\n");
    let (said, code) = with("variable.toml", &[]);
    let named = format!("--config {}", folder.path().join("variable.toml").display());
    assert!(code == Some(2) && said.contains("--add") && said.contains(&named), "{said}");
    // A report says it as well, where nobody named it.
    let report = folder.command(&["report", "w", "--sink"]).env("POSTHASTE_CONFIG", "flag.toml").output().unwrap();
    let said = String::from_utf8(report.stderr).unwrap();
    assert!(said.starts_with("Configuration: flag.toml (by POSTHASTE_CONFIG)\n"), "{said}");
}

#[test]
fn every_help_has_examples_and_fits_a_terminal() {
    let folder = Folder::new();
    let whole = folder.run(&["--help"]).out;
    let (_, list) = whole.split_once("Commands:\n").unwrap();
    let named = |line: &'_ str| line.strip_prefix("  ").filter(|name| !name.starts_with(' ')).map(str::to_owned);
    let lines = list.lines().take_while(|line| !line.is_empty()).filter_map(named);
    let commands: Vec<String> = lines.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect();
    assert!(commands.len() >= 9 && commands.iter().any(|name| name == "new"), "{commands:?}");
    for command in
        [None].into_iter().chain(commands.iter().filter(|name| *name != "help").map(|name| Some(name.as_str())))
    {
        for columns in [60, 80, 120] {
            let words: Vec<&str> = command.into_iter().chain(["--help"]).collect();
            let output = folder.command(&words).env("COLUMNS", columns.to_string()).output().unwrap();
            let help = String::from_utf8(output.stdout).unwrap();
            assert!(help.contains("Examples:\n"), "{command:?} has no examples");
            let wide = help.lines().max_by_key(|line| line.chars().count()).unwrap_or_default();
            // A flag with the word behind it is not broken.
            assert!(wide.chars().count() <= columns, "{command:?} at {columns}: {wide}");
        }
    }
}

#[test]
fn versions_manual_pages_and_completions() {
    let folder = Folder::new();
    let short = folder.run(&["-V"]);
    says(&short, 0, &[&format!("posthaste {}", env!("CARGO_PKG_VERSION"))]);
    assert_eq!(short.out.lines().count(), 1);
    says(&folder.run(&["--version"]), 0, &["built for: ", "features: io_uring", "DKIM"]);
    let pages = folder.run(&["man", "pages/man1"]);
    says(&pages, 0, &["pages/man1/posthaste.1", "pages/man1/posthaste-send.1", "pages/man1/posthaste-tls-report.1"]);
    assert!(folder.read("pages/man1/posthaste-send.1").contains(".SH EXAMPLES\n"));
    says(&folder.run(&["man"]), 0, &[".TH posthaste 1", ".SH \"EXIT STATUS\""]);
    let script = folder.run(&["completions", "bash"]);
    folder.put("c.bash", &script.out);
    let typed = "source c.bash; COMP_WORDS=(posthaste send c.toml --progress ''); COMP_CWORD=4; _posthaste posthaste '' --progress; echo ${COMPREPLY[*]}";
    let bash = Command::new("bash").args(["-c", typed]).current_dir(folder.path()).output().unwrap();
    assert_eq!(
        String::from_utf8(bash.stdout).unwrap().trim(),
        "plain bar none",
        "{}",
        String::from_utf8_lossy(&bash.stderr)
    );
    says(&folder.run(&["completions", "tcsh"]), 2, &["bash"]);
}

/// Compiles and runs the program that tells the commit, in a folder.
fn told_of(program: &Path, folder: &Path, set: &[(&str, &str)]) -> String {
    let mut command = Command::new(program);
    command.current_dir(folder).env("CARGO_MANIFEST_DIR", folder).env("PROFILE", "release").env("TARGET", "t");
    let output = command.env_remove("POSTHASTE_COMMIT").envs(set.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    let line = said.lines().find_map(|line| line.strip_prefix("cargo:rustc-env=POSTHASTE_COMMIT_SHOWN="));
    line.unwrap_or_else(|| panic!("{said}")).to_owned()
}

#[test]
fn the_commit_is_that_of_the_folder_or_what_the_packager_says_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("told");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs");
    let compiled = Command::new("rustc").args(["--edition", "2024", "-o"]).arg(&program).arg(source).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let tree = folder.path().join("tree");
    fs::create_dir_all(tree.join("below")).unwrap();
    assert_eq!(told_of(&program, &tree, &[]), "", "no repository");
    assert_eq!(told_of(&program, &tree, &[("POSTHASTE_COMMIT", "v1-3-gabc")]), " (commit v1-3-gabc)");
    assert_eq!(told_of(&program, &tree, &[("PATH", "/nonexistent")]), "", "no git");
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(&tree).args(["-c", "user.name=t", "-c", "user.email=t@t.example"]).args(words);
        let output = git.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    git(&["init", "-q"]);
    git(&["commit", "-q", "--allow-empty", "-m", "one"]);
    let commit = git(&["rev-parse", "--short=10", "HEAD"]);
    assert_eq!(told_of(&program, &tree, &[]), format!(" (commit {})", commit.trim()));
    assert_eq!(told_of(&program, &tree.join("below"), &[]), "", "the repository around it is another one's");
}

#[test]
fn the_recipe_of_the_image_copies_all_that_a_build_reads() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let recipe = fs::read_to_string(root.join("config/package/Containerfile")).unwrap();
    let (build, image) = recipe.split_once("\nFROM docker.io/library/debian").unwrap();
    assert!(build.contains("RUN cargo build --release --locked --bin posthaste\n"), "{build}");
    let built = "COPY --from=build /src/target/release/posthaste /usr/bin/posthaste\n";
    assert!(image.contains(built) && image.contains("ENTRYPOINT [\"/usr/bin/posthaste\"]"), "{image}");
    let folder = tempfile::tempdir().unwrap();
    for line in build.lines().filter_map(|line| line.strip_prefix("COPY ")) {
        let mut names: Vec<&str> = line.split_whitespace().collect();
        let to = folder.path().join(names.pop().unwrap());
        let from = names.iter().map(|name| root.join(name));
        let copied = Command::new("cp").arg("-r").args(from).arg(&to).output().unwrap();
        assert!(copied.status.success(), "{line}: {}", String::from_utf8_lossy(&copied.stderr));
    }
    // The files that the manifest names: cargo builds nothing without them.
    let manifest: toml::Table = toml::from_str(&fs::read_to_string(folder.path().join("Cargo.toml")).unwrap()).unwrap();
    let benches = manifest["bench"].as_array().unwrap().iter().map(|bench| bench["name"].as_str().unwrap());
    for file in ["Cargo.lock", "build.rs", "src/lib.rs", "src/main.rs", ".cargo/config.toml"].map(str::to_owned) {
        assert!(folder.path().join(&file).is_file(), "{file} is not copied");
    }
    for bench in benches {
        assert!(
            folder.path().join("benches").join(bench).with_extension("rs").is_file(),
            "benches/{bench}.rs is not copied"
        );
    }
    // And what the program itself takes in while it is compiled.
    let is_test = |file: &Path| file.iter().any(|part| part == "tests" || part == "tests.rs");
    for file in sources(&folder.path().join("src")).iter().filter(|file| !is_test(file)) {
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for taken in code.split("include_str!(\"").skip(1).chain(code.split("include_bytes!(\"").skip(1)) {
            let name = taken.split('"').next().unwrap();
            assert!(file.parent().unwrap().join(name).exists(), "{}: {name} is not copied", file.display());
        }
    }
}

/// The source files below a folder.
fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let of = |path: std::path::PathBuf| match path.is_dir() {
        true => sources(&path),
        false => vec![path],
    };
    entries.flat_map(of).filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}
