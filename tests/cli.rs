//! The program as scripts see it: what it prints where, and the code it leaves with.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::process::{Command, Output};

fn posthaste(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_posthaste")).args(arguments).output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

#[test]
fn config_prints_the_shipped_file() {
    let shipped = include_str!("../config/engine.toml");
    let output = posthaste(&["config"]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), shipped));
    assert!(output.stderr.is_empty());
}

#[test]
fn help_is_no_error() {
    for arguments in [&["--help"][..], &["help", "send"], &["report", "--help"], &["sink", "-h"], &["--version"]] {
        let output = posthaste(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{arguments:?}");
    }
    assert!(text(&posthaste(&["--help"]).stdout).contains("Exit codes: 0 settled, 1 failed, 2 usage or bad input"));
}

#[test]
fn a_wrong_command_line_leaves_with_2() {
    for arguments in [&[][..], &["sned"], &["send"], &["send", "c.toml", "--sink", "--smarthost", "a:25"], &["report"]]
    {
        let output = posthaste(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
}
