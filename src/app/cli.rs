//! The command line.
//!
//! Guarantees: a wrong command line ends with code 2 and says what is wrong; `--help` tells everything that the flags do.
//! Leaves to others: running the commands.

mod reports;
mod servers;
mod setup;
#[cfg(test)]
mod tests;

pub use reports::{ReportArgs, TokenArgs};
pub use servers::{ProbeArgs, SinkArgs, TlsReportArgs};
pub use setup::{CompletionsArgs, ConfigArgs, ConvertArgs, ManArgs, NewArgs};

use super::config::EngineConfig;
use super::config::values::HostPort;
use super::exit::Exit;
use crate::mail::Mailbox;
use clap::{Args, ColorChoice, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::{Component, Path, PathBuf};

/// The version, with the commit where that is known.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), env!("POSTHASTE_COMMIT_SHOWN"));

const VERSION_LONG: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    env!("POSTHASTE_COMMIT_SHOWN"),
    "\nbuilt for: ",
    env!("POSTHASTE_BUILD"),
    "\nfeatures: io_uring, TLS 1.2 and 1.3 (rustls, aws-lc-rs), DNSSEC, DANE, MTA-STS,\n  DKIM (rsa-sha256, ed25519-sha256), \
     SCRAM-SHA-256, gzip, zstd, Prometheus"
);

const EXAMPLES: &str = "\
Examples:
  Make a campaign's folder, and rehearse it; nothing leaves the machine:
    posthaste new spring && cd spring
    posthaste send campaign.toml --sink
  Everything that is wrong with it, before it is sent:
    posthaste check news.toml
  Send; the same command again goes on where it stopped:
    posthaste send news.toml --config engine.toml
  What became of it, as one page with plots:
    posthaste report news --html news.html
  Whom a bounce or a link is about:
    posthaste token - < bounce.eml
  How mail to a domain would go, and why; none is sent:
    posthaste probe acme.example
  Every setting with its default and its meaning:
    posthaste config > engine.toml

Exit codes: 0 settled, 1 failed, 2 usage or bad input, 3 not finished (the same command goes on).";

const SEND_EXAMPLES: &str = "\
Examples:
  Check templates against every row; send nothing:
    posthaste send news.toml --dry-run
  A sample to yourself, marked [Test]; the campaign is not begun by it:
    posthaste send news.toml --test you@example.org
  The next 500 of the list; the rest goes on waiting:
    posthaste send news.toml --limit 500
  Send to a built-in receiver on loopback:
    posthaste send news.toml --sink
  Hand everything to one server:
    posthaste send news.toml --smarthost relay.example:25
  From a timer: warnings and errors, and one JSON object at the end:
    posthaste send news.toml --quiet --json

Where mail goes: --sink or --smarthost, else what [delivery] of the configuration says (smarthost, or route = \"mx\"); \
without any of these nothing is sent. A campaign that has begun stays with its destination.

Ctrl-C finishes what is under way, keeps the state and leaves with code 3; the same command goes on. A second Ctrl-C \
stops at once, and still loses nobody.";

const PREVIEW_EXAMPLES: &str = "\
Examples:
  A page with the letter as its readers see it, row by row:
    posthaste preview news.toml --open
  Begin with this row:
    posthaste preview news.toml --row ann@a.example
  The third recipient's as files (news-3.eml, .html, .txt); no page:
    posthaste preview news.toml --row 3 --write out/

The page is on loopback, for whoever has its address only, and shows the files as they are: save one, and look. Pictures \
from elsewhere are not fetched until you switch them on. Nothing is sent, and no campaign is begun. Ctrl-C ends it.";

const CHECK_EXAMPLES: &str = "\
Examples:
  Templates on the rows, the list, the letter; nothing is sent:
    posthaste check news.toml
  With keys, suppression, destination, and the sender as DNS shows it:
    posthaste check news.toml --config engine.toml
  For one server, as with send --smarthost:
    posthaste check news.toml --config engine.toml --smarthost relay.example
  Behind NAT, or a smarthost: with the address that receivers see:
    posthaste check news.toml --config engine.toml --public-address 192.0.2.10
  For scripts: one JSON object; warnings end with code 2, too:
    posthaste check news.toml --strict --json

Where mail goes by MX or to a smarthost, DNS is asked what receivers ask: SPF,
DKIM, DMARC, PTR, the EHLO name, the senders' and the recipients' domains.

Exit codes: 0 it can be sent (there may be warnings and notes), 1 the look
failed, 2 errors, with which send or the large receivers refuse.";

/// A bulk mailing engine for Linux on io_uring.
#[derive(Debug, Parser)]
#[command(name = "posthaste", version = VERSION, long_version = VERSION_LONG)]
#[command(after_help = EXAMPLES, arg_required_else_help = true, max_term_width = 100)]
pub struct CommandLine {
    /// When to colour: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    #[arg(hide_default_value = true)]
    pub color: ColorChoice,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// A command and its flags.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Command {
    /// Send a campaign; run again, it goes on where it stopped
    Send(SendArgs),
    /// Show the letter of each row, as its readers would see it, on a page of this machine
    Preview(PreviewArgs),
    /// Tell everything that is wrong with a campaign before it is sent
    Check(CheckArgs),
    /// Tell what became of a campaign, while it is sent and after
    Report(ReportArgs),
    /// Tell whom a link, a return path or a bounce is about: whose token stands in a text
    Token(TokenArgs),
    /// Receive mail and count it: an MX for tests
    Sink(SinkArgs),
    /// Tell how mail to a domain, or by one server, would go; send none
    Probe(ProbeArgs),
    /// Write or mail reports of how TLS went, for the domains that it was counted for (RFC 8460)
    TlsReport(TlsReportArgs),
    /// Make the folder of a campaign that can be sent at once
    New(NewArgs),
    /// Translate a template of another engine: Mailchimp, Handlebars, Liquid, SendGrid
    Convert(ConvertArgs),
    /// Print the engine's configuration, every key with default and meaning; or check one
    Config(ConfigArgs),
    /// Print what completes commands and flags in a shell
    Completions(CompletionsArgs),
    /// Print or write manual pages
    Man(ManArgs),
}

/// How the progress of a send is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Progress {
    /// A line every few seconds.
    Plain,
    /// A bar that is redrawn.
    Bar,
    /// Not at all.
    None,
}

impl Progress {
    fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Bar => "bar",
            Self::None => "none",
        }
    }
}

/// `posthaste send`
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = SEND_EXAMPLES)]
pub struct SendArgs {
    /// The campaign's file
    #[arg(value_name = "CAMPAIGN.toml")]
    pub campaign: PathBuf,
    /// The engine's configuration; without it, POSTHASTE_CONFIG or /etc/posthaste/engine.toml
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
    /// Say nothing but warnings and errors: no progress, no notices, no table at the end
    #[arg(long, short)]
    pub quiet: bool,
    /// How progress is shown: plain (a line every few seconds), bar or none; without it, a bar on a terminal
    #[arg(long, value_name = "HOW", hide_possible_values = true)]
    pub progress: Option<Progress>,
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
    /// Send a sample to these addresses, by the campaign's own way, marked "Test": it never counts as the campaign, whose
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
        words.extend(self.quiet.then(|| "--quiet".to_owned()));
        words.extend(self.progress.map(|how| format!("--progress {}", how.word())));
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
    // Where links lead is left as it is written, but behind `..` nobody reads it.
    let is_roundabout = path.components().any(|part| part == Component::ParentDir);
    let straight = is_roundabout.then(|| std::fs::canonicalize(path).ok()).flatten();
    straight.or_else(|| std::path::absolute(path).ok()).unwrap_or_else(|| path.to_owned())
}

/// A word as a shell reads it back.
#[must_use]
pub fn shell(word: &str) -> String {
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
    /// The engine's configuration; without it, the one that POSTHASTE_CONFIG names, /etc/posthaste/engine.toml, or the defaults
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

/// `posthaste check`
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = CHECK_EXAMPLES)]
pub struct CheckArgs {
    /// The campaign's file
    #[arg(value_name = "CAMPAIGN.toml")]
    pub campaign: PathBuf,
    /// The engine's configuration; without it, the one that POSTHASTE_CONFIG names, /etc/posthaste/engine.toml, or the defaults
    #[arg(long, value_name = "engine.toml")]
    pub config: Option<PathBuf>,
    /// Where the list is loaded for the look, and removed again; goes before engine.data
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// As if this server got all mail; goes before what the configuration says
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "sink")]
    pub smarthost: Option<HostPort>,
    /// As for a rehearsal with the built-in receiver: nobody is asked about the sender
    #[arg(long, conflicts_with_all = ["public_address", "post_unsubscribe"])]
    pub sink: bool,
    /// Ask nobody: no DNS
    #[arg(long)]
    pub offline: bool,
    /// The addresses that receivers see the mail come from, where those of the sources are not (NAT, a smarthost)
    #[arg(long, value_name = "ADDR[,ADDR…]", value_delimiter = ',', conflicts_with = "offline")]
    pub public_address: Vec<IpAddr>,
    /// Make the POST that mailbox providers make when somebody unsubscribes, as if for this address: it may be unsubscribed
    #[arg(long, value_name = "ADDR", conflicts_with = "offline", value_parser = mailbox)]
    pub post_unsubscribe: Option<Mailbox>,
    /// Leave with code 2 for warnings, too
    #[arg(long)]
    pub strict: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// An address on the command line.
fn mailbox(text: &str) -> Result<Mailbox, String> {
    Mailbox::parse(text.trim().as_bytes()).map_err(|error| error.to_string())
}

/// Reads the command line. What clap has to say (help, version, errors) is said here; `Err` is how to leave then.
///
/// # Errors
/// The code to leave with: [`Exit::Settled`] after help, [`Exit::Usage`] after an error.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<CommandLine, Exit> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let mut definition = CommandLine::command().color(asked_color(&arguments));
    let matches = definition.try_get_matches_from_mut(arguments);
    matches.and_then(|matches| CommandLine::from_arg_matches(&matches)).map_err(|e| {
        // Standard output or error may be closed; there is nobody to tell then.
        let _ = e.print();
        if e.exit_code() == 0 { Exit::Settled } else { Exit::Usage }
    })
}

/// What `--color` says: it is to hold for help and for errors of the command line, too.
fn asked_color(arguments: &[OsString]) -> ColorChoice {
    let words = || arguments.iter().filter_map(|word| word.to_str());
    let behind = words().zip(words().skip(1)).find_map(|(flag, value)| (flag == "--color").then_some(value));
    let value = words().find_map(|word| word.strip_prefix("--color=")).or(behind);
    value.and_then(|value| ColorChoice::from_str(value, false).ok()).unwrap_or_default()
}
