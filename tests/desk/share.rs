//! `send --limit` and `--only`: a run for some of the list, after which the others still wait.

use crate::folder::{Folder, Ran};

const LIST: &str =
    "email,first\nann@a.example,Ann\nbob@b.example,Bob\ncid@a.example,Cid\ndan@d.example,Dan\neve@b.example,Eve\n";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.put("w.csv", LIST);
    folder
}

/// Sends to the built-in receiver, which is one destination for all runs.
fn send(folder: &Folder, more: &[&str]) -> Ran {
    let mut arguments = vec!["send", "w.toml", "--data", "data", "--sink", "--json"];
    arguments.extend(more);
    folder.run(&arguments)
}

/// Who has what outcome, in the order of the list.
fn outcomes(folder: &Folder) -> Vec<String> {
    let ran = folder.run(&["report", "w", "--data", "data", "--sink", "--csv", "-"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let who = ["ann", "bob", "cid", "dan", "eve"];
    let of = |name: &str| {
        let line = ran.out.lines().find(|line| line.contains(&format!("{name}@"))).unwrap_or_default();
        if line.contains("delivered") { format!("{name} has it") } else { format!("{name} waits") }
    };
    who.iter().map(|name| of(name)).collect()
}

fn last_line(ran: &Ran) -> &str {
    ran.err.trim_end().lines().last().unwrap_or_default()
}

#[test]
fn a_limited_run_takes_the_first_of_the_list_and_the_next_one_goes_on() {
    let folder = folder();
    let ran = send(&folder, &["--limit", "2"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(last_line(&ran).contains("3 recipients wait"), "{}", ran.err);
    assert!(ran.out.contains("\"waiting\":3") && ran.out.contains("\"loaded\":5"), "{}", ran.out);
    assert_eq!(outcomes(&folder), ["ann has it", "bob has it", "cid waits", "dan waits", "eve waits"]);
    let ran = send(&folder, &["--limit", "2"]);
    assert!(ran.code == Some(3) && last_line(&ran).contains("1 recipient waits"), "{ran:?}");
    assert_eq!(outcomes(&folder), ["ann has it", "bob has it", "cid has it", "dan has it", "eve waits"]);
    let ran = send(&folder, &["--limit", "2"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("\"delivered\":5"), "{}", ran.out);
}

#[test]
fn a_run_for_some_leaves_the_others_waiting_and_a_whole_one_takes_them() {
    let folder = folder();
    folder.put("some.txt", "# ours\nCID@a.example\n\neve@b.example\n");
    let ran = send(&folder, &["--only", "some.txt", "--only", "dan@d.example"]);
    assert!(ran.code == Some(3) && last_line(&ran).contains("2 recipients wait"), "{ran:?}");
    assert_eq!(outcomes(&folder), ["ann waits", "bob waits", "cid has it", "dan has it", "eve has it"]);
    let ran = send(&folder, &["--only", "dan@d.example", "--quiet"]);
    assert!(
        ran.code == Some(3)
            && last_line(&ran).contains("2 recipients wait")
            && ran.err.contains("nobody whom this run is for waits"),
        "{ran:?}"
    );
    assert!(ran.out.contains("\"delivered\":3"), "{}", ran.out);
    let ran = send(&folder, &[]);
    assert!(ran.code == Some(0) && ran.out.contains("\"delivered\":5"), "{ran:?}");
}

#[test]
fn who_is_not_on_the_list_stops_the_run_before_anything_is_sent() {
    let folder = folder();
    folder.put("some.txt", "ann@a.example\nzoe@z.example\n");
    folder.put("bad.txt", "ann@a.example\nzoe@\n");
    folder.put("some.csv", "email,note\nann@a.example,x\nyan@y.example,y\n");
    for (only, said) in [
        ("some.txt", "zoe@z.example (some.txt:2)"),
        ("some.csv", "yan@y.example (some.csv:3)"),
        ("zoe@z.example", "zoe@z.example"),
        ("bad.txt", "bad.txt:2: "),
        ("nowhere.txt", "there is no such file"),
    ] {
        let ran = send(&folder, &["--only", only]);
        assert!(ran.code == Some(2) && ran.err.contains(said), "{only}: {ran:?}");
    }
    // The name is free: nobody has got anything, and the list may change.
    folder.put("w.csv", "email,first\nann@a.example,Ann\n");
    let ran = send(&folder, &[]);
    assert!(ran.code == Some(0) && ran.out.contains("\"loaded\":1"), "{ran:?}");
}

#[test]
fn a_limit_counts_those_who_are_named() {
    let folder = folder();
    let ran = send(&folder, &["--only", "eve@b.example,dan@d.example", "--limit", "1"]);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert_eq!(outcomes(&folder), ["ann waits", "bob waits", "cid waits", "dan has it", "eve waits"]);
}
