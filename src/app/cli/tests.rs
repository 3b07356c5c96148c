//! The command line as people write it, and as the program writes it for them.

use super::*;
use std::time::Duration;

fn read(line: &str) -> Result<Command, String> {
    CommandLine::try_parse_from(line.split_whitespace()).map(|l| l.command).map_err(|e| e.to_string())
}

fn send(line: &str) -> SendArgs {
    match read(line) {
        Ok(Command::Send(args)) => args,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn the_definitions_are_sound() {
    CommandLine::command().debug_assert();
}

#[test]
fn the_command_that_resumes_is_the_same_command() {
    let mut args = send(
        "posthaste send /c.toml --config /e.toml --data /d --smarthost a.example:25 --metrics 127.0.0.1:9 --json \
         --events - --trace a.example --trace b@b.example --trace-file /t.txt --ignore-bounces --drop-suppression \
         --limit 5 --only a@a.example --only b@b.example --quiet --progress plain --wait",
    );
    assert_eq!((send(&args.resume_command()), send(&args.same_command())), (args.clone(), args.clone()));
    for orders in ["--move-destination --add --cancel-removed --retry-held", "--cancel-held", "--accept-damage"] {
        let ordered = send(&format!("{} {orders}", args.resume_command()));
        assert_eq!((send(&ordered.resume_command()), send(&ordered.same_command())), (args.clone(), ordered));
    }
    let Ok(Command::Report(list)) = read(&args.list_command("news")) else { panic!("{}", args.list_command("news")) };
    assert_eq!((&list.data, &list.config, list.name), (&args.data, &args.config, "news".to_owned()));
    assert_eq!(list.possible_duplicates, Some("-".into()));
    args.campaign = "/it's a \"test\".toml".into();
    assert!(args.resume_command().contains(r#"'/it'\''s a "test".toml'"#));
}

#[test]
fn the_command_that_resumes_means_the_same_from_anywhere() {
    let args = send("posthaste send c.toml --config e.toml --events e.jsonl --trace a.example --trace-file t.txt");
    let here = std::env::current_dir().unwrap();
    let again = send(&args.at(Path::new("d")).resume_command());
    let paths = [Some(again.campaign), again.config, again.data, again.events, again.trace_file];
    assert_eq!(paths, ["c.toml", "e.toml", "d", "e.jsonl", "t.txt"].map(|name| Some(here.join(name))));
}

#[test]
fn wrong_lines_say_what_is_wrong() {
    for (line, expected) in [
        ("posthaste send", "CAMPAIGN.toml"),
        ("posthaste send c.toml --sink --smarthost a:25", "cannot be used with"),
        ("posthaste send c.toml --smarthost a:b", "is no host and port"),
        ("posthaste send c.toml --sinc", "--sink"),
        ("posthaste report x --json --csv -", "cannot be used with"),
        ("posthaste send c.toml --test a@b.example --limit 5", "cannot be used with"),
        ("posthaste send c.toml --row 3", "--test"),
        ("posthaste send c.toml --limit 0", "--limit"),
        ("posthaste sink --reject 101", "is no percentage"),
        ("posthaste sink --for 5y", "is no duration"),
        ("posthaste sned c.toml", "send"),
    ] {
        let error = read(line).unwrap_err();
        assert!(error.contains(expected), "{line}:\n{error}");
    }
}

#[test]
fn a_sink_can_be_told_everything() {
    let line = "posthaste sink --listen 127.0.0.1:0 --rtt-ms 20 --reject 1.5 --defer 5% --seed 7 --for 90 --json \
                --duplicates again.txt";
    let Ok(Command::Sink(args)) = read(line) else { panic!() };
    assert_eq!(args.duplicates, Some("again.txt".into()));
    assert_eq!((args.rtt_ms, args.seed, args.json), (20, 7, true));
    assert!((args.reject - 0.015).abs() < 1e-12 && (args.defer - 0.05).abs() < 1e-12);
    assert_eq!(args.duration, Some(Duration::from_secs(90)));
}
