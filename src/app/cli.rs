//! The command line.
//!
//! Guarantees: a wrong command line ends with code 2 and says what is wrong; `--help` tells everything that the flags do.
//! Leaves to others: running the commands.

use super::config::EngineConfig;
use super::config::values::{HostPort, duration, percentage};
use super::exit::Exit;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  posthaste send config/campaign/welcome.toml --sink      send to a built-in receiver; nothing leaves the machine
  posthaste send news.toml --config engine.toml           send; the same command again goes on where it stopped
  posthaste report news --html news.html                  what became of it, as one page with plots
  posthaste probe acme.example                            how mail to a domain would go, and why; none is sent
  posthaste config > engine.toml                          every setting with its default and its meaning

Exit codes: 0 settled, 1 failed, 2 usage or bad input, 3 not finished (the same command goes on).";

const SEND_EXAMPLES: &str = "\
Examples:
  posthaste send news.toml --dry-run                      check templates against every row; send nothing
  posthaste send news.toml --test you@example.org         a sample to yourself, marked [Test]; the campaign is not begun by it
  posthaste send news.toml --limit 500                    the next 500 of the list; the rest goes on waiting
  posthaste send news.toml --sink                         send to a built-in receiver on loopback
  posthaste send news.toml --smarthost relay.example:25   hand everything to one server
  posthaste send news.toml --config engine.toml --json    ends with one JSON object on standard output

Where mail goes: --sink or --smarthost, else what [delivery] of the configuration says (smarthost, or route = \"mx\");
without any of these nothing is sent. A campaign that has begun stays with its destination. Ctrl-C finishes what is under way, keeps the state and leaves with code 3; the same command goes on. A
second Ctrl-C stops at once, and still loses nobody.";

const PREVIEW_EXAMPLES: &str = "\
Examples:
  posthaste preview news.toml --open                      a page with the letter as its readers see it, row by row
  posthaste preview news.toml --row ann@a.example         begin with this row
  posthaste preview news.toml --row 3 --write out/        news-3.eml, .html and .txt of the third recipient; no page

The page is on loopback, for whoever has its address only, and shows the files as they are: save one, and look. Pictures
from elsewhere are not fetched until you switch them on. Nothing is sent, and no campaign is begun. Ctrl-C ends it.";

const REPORT_EXAMPLES: &str = "\
Examples:
  posthaste report news                                   totals, sites, top replies
  posthaste report news --csv -                           a row for each recipient, on standard output
  posthaste report news --recipient ann@a.example         everything that happened to one recipient";

const SINK_EXAMPLES: &str = "\
Examples:
  posthaste sink --listen 127.0.0.1:2525                  receive until Ctrl-C, then one JSON object
  posthaste sink --rtt-ms 20 --defer 5 --reject 1         a slow and moody receiver
  posthaste sink --keep mail/ --for 60                    keep each message as a file, for a minute";

const PROBE_EXAMPLES: &str = "\
Examples:
  posthaste probe acme.example                            exchangers, TLS policy, certificates, what would be sent how
  posthaste probe ann@acme.example --config engine.toml   the same, as this engine would send
  posthaste probe relay.example:587                       one server, without a look at MX records (465: TLS first)
  posthaste probe acme.example --source 192.0.2.1 --json  from this address; one JSON object

Exit codes: 0 mail would be delivered, 1 it would not, 2 usage or bad input.";

/// A bulk mailing engine for Linux on io_uring.
#[derive(Debug, Parser)]
#[command(name = "posthaste", version, after_help = EXAMPLES, arg_required_else_help = true, max_term_width = 110)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

/// A command and its flags.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Command {
    /// Send a campaign; run again, it goes on where it stopped
    Send(SendArgs),
    /// Show the letter of each row, as its readers would see it, on a page of this machine
    Preview(PreviewArgs),
    /// Tell what became of a campaign, while it is sent and after
    Report(ReportArgs),
    /// Receive mail and count it: an MX for tests
    Sink(SinkArgs),
    /// Tell how mail to a domain, or by one server, would go; send none
    Probe(ProbeArgs),
    /// Write or mail reports of how TLS went, for the domains that it was counted for (RFC 8460)
    TlsReport(TlsReportArgs),
    /// Print the engine's configuration: every key, its default, its meaning
    Config,
}

/// `posthaste send`
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = SEND_EXAMPLES)]
pub struct SendArgs {
    /// The campaign's file
    #[arg(value_name = "CAMPAIGN.toml")]
    pub campaign: PathBuf,
    /// The engine's configuration; without it, the defaults
    #[arg(long, value_name = "engine.toml")]
    pub config: Option<PathBuf>,
    /// Where campaigns and journals live; goes before engine.data
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Wait while another send uses the data directory, instead of ending at once
    #[arg(long)]
    pub wait: bool,
    /// Hand all mail to this server
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "sink")]
    pub smarthost: Option<HostPort>,
    /// Rehearse with a built-in receiver on loopback: nothing leaves the machine, and it never counts as the campaign
    #[arg(long)]
    pub sink: bool,
    /// Go on however many recipients bounce, have no message, or are refused beside others: max_bounced holds nothing
    #[arg(long)]
    pub ignore_bounces: bool,
    /// Go on to another destination than the one that the campaign began with
    #[arg(long)]
    pub move_destination: bool,
    /// The list has changed since the campaign was begun: send to who is new on it, too, and to
    /// who was cancelled and is on it again
    #[arg(long)]
    pub add: bool,
    /// The list has changed since the campaign was begun: cancel who is no longer on it and still waits,
    /// or is held
    #[arg(long)]
    pub cancel_removed: bool,
    /// Go on without suppression files that the campaign was begun with: who stands on them gets mail
    #[arg(long)]
    pub drop_suppression: bool,
    /// Serve Prometheus metrics on this address
    #[arg(long, value_name = "ADDR:PORT")]
    pub metrics: Option<SocketAddr>,
    /// Write every attempt, session and pause as a line of JSON; `-` for standard output
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
    /// Show the dialogue of sessions with this host or site, or that have such recipients; may stand several times
    #[arg(long, value_name = "DOMAIN|ADDR|SITE|HOST")]
    pub trace: Vec<String>,
    /// Write the trace there instead of standard error; `-` for standard output
    #[arg(long, value_name = "FILE", requires = "trace")]
    pub trace_file: Option<PathBuf>,
    /// End with one JSON object on standard output
    #[arg(long)]
    pub json: bool,
    /// Go on although the journal is damaged: whoever may have got mail becomes a possible duplicate first
    #[arg(long, conflicts_with = "dry_run")]
    pub accept_damage: bool,
    /// Send to those who are held because a copy may have reached them: they may get a second one
    #[arg(long, conflicts_with_all = ["dry_run", "accept_damage", "cancel_held"])]
    pub retry_held: bool,
    /// Cancel those who are held because a copy may have reached them: nothing more goes to them
    #[arg(long, conflicts_with_all = ["dry_run", "accept_damage"])]
    pub cancel_held: bool,
    /// Check the list, the templates against every row, and the routes; show three messages; send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Send a sample to these addresses, by the campaign's own way, marked [Test]: it never counts as the campaign, whose
    /// recipients get nothing
    #[arg(long, value_name = "ADDR[,ADDR…]", value_delimiter = ',', conflicts_with_all = [
        "dry_run", "limit", "only", "add", "cancel_removed", "accept_damage", "retry_held", "cancel_held",
        "move_destination", "metrics", "events",
    ])]
    pub test: Vec<String>,
    /// The recipient that the sample is made for: an address, or a number (1 is the first of the list)
    #[arg(long, value_name = "ADDR|N", requires = "test")]
    pub row: Option<String>,
    /// Send to so many only in this run, the first of the list who still wait; the rest goes on waiting
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "dry_run")]
    pub limit: Option<u64>,
    /// Send to these of the list only in this run: addresses, or files of them; may stand several times
    #[arg(long, value_name = "ADDR|FILE", value_delimiter = ',', conflicts_with = "dry_run")]
    pub only: Vec<String>,
}

impl SendArgs {
    /// Where campaigns and journals live.
    #[must_use]
    pub fn data(&self, config: &EngineConfig) -> PathBuf {
        self.data.clone().unwrap_or_else(|| config.engine.data.clone())
    }

    /// The same command with the place of the data in so many words: a configuration that is forgotten, or another working
    /// directory, would be another place.
    #[must_use]
    pub fn at(&self, data: &Path) -> Self {
        Self { data: Some(from_anywhere(data)), ..self.clone() }
    }

    /// The command line that goes on with this campaign, from whatever directory.
    #[must_use]
    pub fn resume_command(&self) -> String {
        let path = |path: &PathBuf| from_anywhere(path).display().to_string();
        let mut words = vec!["posthaste send".to_owned(), shell(&path(&self.campaign))];
        let mut flag = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                words.push(format!("--{name} {}", shell(&value)));
            }
        };
        flag("config", self.config.as_ref().map(path));
        flag("data", self.data.as_ref().map(path));
        flag("smarthost", self.smarthost.as_ref().map(ToString::to_string));
        flag("metrics", self.metrics.map(|a| a.to_string()));
        flag("events", self.events.as_ref().map(path));
        flag("limit", self.limit.map(|n| n.to_string()));
        self.trace.iter().for_each(|value| words.push(format!("--trace {}", shell(value))));
        words.extend(self.trace_file.as_ref().map(|p| format!("--trace-file {}", shell(&path(p)))));
        // A file means the same in any working directory; an address does anyway.
        let named = |text: &String| if Path::new(text).is_file() { path(&text.into()) } else { text.clone() };
        self.only.iter().for_each(|value| words.push(format!("--only {}", shell(&named(value)))));
        words.extend(self.sink.then(|| "--sink".to_owned()));
        words.extend(self.wait.then(|| "--wait".to_owned()));
        words.extend(self.ignore_bounces.then(|| "--ignore-bounces".to_owned()));
        words.extend(self.drop_suppression.then(|| "--drop-suppression".to_owned()));
        words.extend(self.json.then(|| "--json".to_owned()));
        words.join(" ")
    }

    /// The command line of this very run: with what is done once, where it is not done yet.
    #[must_use]
    pub fn same_command(&self) -> String {
        let mut command = self.resume_command();
        for (flag, is_given) in [
            ("accept-damage", self.accept_damage),
            ("move-destination", self.move_destination),
            ("add", self.add),
            ("cancel-removed", self.cancel_removed),
            ("retry-held", self.retry_held),
            ("cancel-held", self.cancel_held),
        ] {
            if is_given {
                command.push_str(" --");
                command.push_str(flag);
            }
        }
        command
    }

    /// The command line that lists who of the campaign `name` may have got a second copy.
    #[must_use]
    pub fn list_command(&self, name: &str) -> String {
        let mut words = vec![format!("posthaste report {}", shell(name))];
        for (flag, value) in [("config", &self.config), ("data", &self.data)] {
            words.extend(
                value.as_ref().map(|path| format!("--{flag} {}", shell(&from_anywhere(path).display().to_string()))),
            );
        }
        words.extend(self.sink.then(|| "--sink".to_owned()));
        words.push("--possible-duplicates -".to_owned());
        words.join(" ")
    }
}

/// A path that means the same in any working directory. `-` is none.
fn from_anywhere(path: &Path) -> PathBuf {
    if path == Path::new("-") {
        return path.to_owned();
    }
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// A word as a shell reads it back.
fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:[]@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// `posthaste preview`
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = PREVIEW_EXAMPLES)]
pub struct PreviewArgs {
    /// The campaign's file
    #[arg(value_name = "CAMPAIGN.toml")]
    pub campaign: PathBuf,
    /// The engine's configuration; without it, the defaults
    #[arg(long, value_name = "engine.toml")]
    pub config: Option<PathBuf>,
    /// The recipient to begin with: an address, or a number (1 is the first of the list)
    #[arg(long, value_name = "ADDR|N")]
    pub row: Option<String>,
    /// Open the page in the browser
    #[arg(long, conflicts_with = "write")]
    pub open: bool,
    /// Where to listen, on loopback; port 0: one is chosen
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0", conflicts_with = "write")]
    pub listen: SocketAddr,
    /// Write the letter there, as .eml, .html and .txt, and leave
    #[arg(long, value_name = "DIR")]
    pub write: Option<PathBuf>,
}

/// `posthaste report`
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = REPORT_EXAMPLES)]
pub struct ReportArgs {
    /// The campaign's name
    pub name: String,
    /// Where campaigns and journals live; goes before engine.data
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The engine's configuration, for engine.data
    #[arg(long, value_name = "engine.toml")]
    pub config: Option<PathBuf>,
    /// Tell of the rehearsal (send --sink), also where there is the campaign
    #[arg(long)]
    pub sink: bool,
    /// Print one JSON object
    #[arg(long, group = "form")]
    pub json: bool,
    /// Write a row for each recipient; `-` for standard output
    #[arg(long, value_name = "FILE", group = "form")]
    pub csv: Option<PathBuf>,
    /// Write one self-contained page with plots
    #[arg(long, value_name = "FILE", group = "form")]
    pub html: Option<PathBuf>,
    /// Print the whole timeline of one recipient
    #[arg(long, value_name = "ADDR", group = "form")]
    pub recipient: Option<String>,
    /// Write the addresses that may have got a second copy, one a line; `-` for standard output
    #[arg(long, value_name = "FILE", group = "form")]
    pub possible_duplicates: Option<PathBuf>,
}

/// `posthaste sink`
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = SINK_EXAMPLES)]
pub struct SinkArgs {
    /// Where to listen; port 0: one is chosen and printed
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:2525")]
    pub listen: SocketAddr,
    /// Answer as if round trips took so long
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=60_000))]
    pub rtt_ms: u32,
    /// Keep each message as a file in this folder
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Do not offer CHUNKING
    #[arg(long)]
    pub no_chunking: bool,
    /// Do not offer PIPELINING (nor CHUNKING)
    #[arg(long)]
    pub no_pipelining: bool,
    /// Offer STARTTLS with this certificate chain (PEM, leaf first)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Offer AUTH PLAIN and LOGIN, and take mail from this user only
    #[arg(long, value_name = "USER:PASSWORD", value_parser = user_and_password)]
    pub login: Option<(Box<str>, Box<str>)>,
    /// Refuse this share of the recipients for good
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = share)]
    pub reject: f64,
    /// Refuse this share of the recipients for now
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = share)]
    pub defer: f64,
    /// Makes --reject and --defer repeatable
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Write the recipients that got a message again, one a line; `-` for standard error
    #[arg(long, value_name = "FILE")]
    pub duplicates: Option<PathBuf>,
    /// End by itself after so many seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    pub duration: Option<Duration>,
    /// End with the JSON object only, without the table on standard error
    #[arg(long)]
    pub json: bool,
}

/// A name, a colon, and a password, which may hold more colons.
fn user_and_password(text: &str) -> Result<(Box<str>, Box<str>), String> {
    let (user, password) = text.split_once(':').ok_or("a user and a password are separated by a colon")?;
    Ok((user.into(), password.into()))
}

/// `posthaste probe`
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = PROBE_EXAMPLES)]
pub struct ProbeArgs {
    /// A domain (or an address of someone there), or one server
    #[arg(value_name = "DOMAIN|HOST:PORT")]
    pub target: String,
    /// The engine's configuration; without it, the defaults
    #[arg(long, value_name = "engine.toml")]
    pub config: Option<PathBuf>,
    /// The port of the domain's servers; goes before delivery.port
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Connect from this address of the machine
    #[arg(long, value_name = "ADDR")]
    pub source: Option<IpAddr>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `posthaste tls-report`
#[derive(Args, Clone, Debug, PartialEq)]
pub struct TlsReportArgs {
    /// The engine's configuration; without it, the defaults
    #[arg(long, value_name = "engine.toml")]
    pub config: Option<PathBuf>,
    /// Where it was counted; goes before engine.data
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Write each report as a JSON file in this folder; what is written is no longer counted
    #[arg(long, value_name = "DIR", required_unless_present = "mail")]
    pub write: Option<PathBuf>,
    /// Mail each report to where its domain wants it; what is mailed, or wanted by nobody, is no longer counted
    #[arg(long, conflicts_with = "write")]
    pub mail: bool,
    /// Report the days before this one (UTC); without it, those before today
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub until: Option<u32>,
    /// Who reports: an organisation's name; without it, the domain of --contact
    #[arg(long, value_name = "NAME")]
    pub organization: Option<String>,
    /// Where questions go, and whom --mail is from; without it, postmaster of this host
    #[arg(long, value_name = "ADDRESS")]
    pub contact: Option<String>,
}

/// A day, as the number of days since 1970-01-01.
fn day(text: &str) -> Result<u32, String> {
    let date: jiff::civil::Date = text.parse().map_err(|_| "is no day: write it like 2026-11-25".to_owned())?;
    let second = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|e| e.to_string())?.timestamp().as_second();
    u32::try_from(second / 86_400).map_err(|_| "lies before 1970".to_owned())
}

/// A percentage, with or without its sign, as a share from 0 to 1.
fn share(text: &str) -> Result<f64, String> {
    percentage(&format!("{}%", text.trim_end_matches('%')))
}

/// Seconds, or a duration with its unit.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u32>() {
        Ok(n) => Ok(Duration::from_secs(n.into())),
        Err(_) => duration(text),
    }
}

/// Reads the command line. What clap has to say (help, version, errors) is said here; `Err` is how to leave then.
///
/// # Errors
/// The code to leave with: [`Exit::Settled`] after help, [`Exit::Usage`] after an error.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, Exit> {
    CommandLine::try_parse_from(arguments).map(|line| line.command).map_err(|e| {
        // Standard output or error may be closed; there is nobody to tell then.
        let _ = e.print();
        if e.exit_code() == 0 { Exit::Settled } else { Exit::Usage }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

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
             --limit 5 --only a@a.example --only b@b.example",
        );
        assert_eq!((send(&args.resume_command()), send(&args.same_command())), (args.clone(), args.clone()));
        for orders in ["--move-destination --add --cancel-removed --retry-held", "--cancel-held", "--accept-damage"] {
            let ordered = send(&format!("{} {orders}", args.resume_command()));
            assert_eq!((send(&ordered.resume_command()), send(&ordered.same_command())), (args.clone(), ordered));
        }
        let Ok(Command::Report(list)) = read(&args.list_command("news")) else {
            panic!("{}", args.list_command("news"))
        };
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
}
