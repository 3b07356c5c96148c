//! Limits of the process that leave it too little: it says so before anything is done, or does with less.

use super::super::denied::Receiver;
use super::{Desk, NOBODY, after};
use std::process::Stdio;

/// The code, and what was said.
fn limited(desk: &Desk, limit: &str, words: &[&str]) -> (Option<i32>, String) {
    let output = after(desk, limit, words).stderr(Stdio::piped()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// Below that many no command begins: the three that stand open at its start, what it was handed besides, and 40.
fn needed(desk: &Desk) -> u32 {
    let (_, said) = limited(desk, "ulimit -n 40", &["probe", NOBODY]);
    let needed =
        said.split("needs at least ").nth(1).and_then(|rest| rest.split(':').next()).and_then(|n| n.parse().ok());
    let needed = needed.unwrap_or_else(|| panic!("{said}"));
    assert!((43..60).contains(&needed), "{said}");
    needed
}

#[test]
fn whoever_may_open_too_few_files_is_told_so_by_every_command_before_anything_is_done() {
    let desk = Desk::new();
    assert_eq!(desk.send(&[]).0, Some(0));
    let commands: [&[&str]; 6] = [
        &["send", "w.toml", "--data", "none", "--sink"],
        &["send", "w.toml", "--data", "none", "--smarthost", NOBODY],
        &["check", "w.toml", "--data", "none"],
        &["report", "w", "--data", "data"],
        &["probe", NOBODY],
        &["sink", "--listen", "127.0.0.1:0", "--for", "1"],
    ];
    let needed = needed(&desk);
    // With one less the program is not even loaded.
    for limit in needed - 39..needed {
        for words in commands {
            let (code, said) = limited(&desk, &format!("ulimit -n {limit}"), words);
            assert_eq!(code, Some(1), "{limit} {words:?}: {said}");
            // What stands open beyond the limit counts only below a higher one, and so the number may be smaller.
            let told = format!("the limit on open files is {limit}, and posthaste needs at least 4");
            assert!(said.contains(&told) && said.contains(": nothing was done"), "{limit} {words:?}: {said}");
            assert!(said.contains("ulimit -n ") && said.contains("LimitNOFILE"), "{limit} {words:?}: {said}");
            assert!(!desk.path().join("none").exists(), "{limit} {words:?}");
        }
    }
}

#[test]
fn with_as_many_files_as_it_asks_for_every_command_does_what_it_is_for() {
    let needed = needed(&Desk::new());
    for limit in [needed, needed + 5, 64] {
        let desk = Desk::new();
        let receiver = Receiver::start(&desk);
        let commands: [(&[&str], i32); 6] = [
            (&["send", "w.toml", "--data", "data", "--sink"], 0),
            (&["send", "w.toml", "--data", "data", "--smarthost", receiver.address()], 0),
            // It finds what this campaign lacks.
            (&["check", "w.toml", "--data", "data"], 2),
            (&["report", "w", "--data", "data"], 0),
            (&["probe", receiver.address()], 0),
            (&["sink", "--listen", "127.0.0.1:0", "--for", "1"], 0),
        ];
        for (words, right) in commands {
            let (code, said) = limited(&desk, &format!("ulimit -n {limit}"), words);
            assert!(code == Some(right) && !said.contains("open files"), "{limit} {words:?}: {code:?} {said}");
        }
    }
}

#[test]
fn a_small_stack_is_enough() {
    let desk = Desk::new();
    for (words, right) in [
        (&["send", "w.toml", "--data", "data", "--sink"][..], 0),
        (&["check", "w.toml", "--data", "data"], 2),
        (&["report", "w", "--data", "data"], 0),
    ] {
        let (code, said) = limited(&desk, "ulimit -s 64", words);
        assert_eq!(code, Some(right), "{words:?}: {said}");
    }
}
