//! The flags of the commands that tell what became of mail.

use clap::Args;
use std::path::PathBuf;

const REPORT_EXAMPLES: &str = "\
Examples:
  Where it stands, totals, domains, most frequent replies:
    posthaste report news
  One page to pass on, with plots:
    posthaste report news --html news.html
  A row for each recipient, on standard output:
    posthaste report news --csv -
  Each attempt of each recipient, with its time, host and reply:
    posthaste report news --attempts attempts.csv
  Everything that happened to one recipient, in UTC:
    posthaste report news --recipient ann@a.example --utc

Times are those of the machine's time zone, and say by how much it differs from UTC. CSV and JSON have UTC. \
In CSV a ' stands in front of what a spreadsheet would take for a formula; --raw leaves it out.";

const TOKEN_EXAMPLES: &str = "\
Examples:
  Whose link it is:
    posthaste token 'https://acme.example/u/abab6aaa…'
  Whom a bounce or a complaint is about, from the whole of it:
    posthaste token - < bounce.eml

Exit codes: 0 found, 1 none of ours in it.";

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
    /// Write a row for each attempt: when, where, the reply; `-` for standard output
    #[arg(long, value_name = "FILE", group = "form")]
    pub attempts: Option<PathBuf>,
    /// Leave cells of --csv and --attempts as they are, also those that a spreadsheet takes for formulas: for programs
    #[arg(long, conflicts_with_all = ["json", "html", "recipient", "possible_duplicates"])]
    pub raw: bool,
    /// Write one self-contained page with plots
    #[arg(long, value_name = "FILE", group = "form")]
    pub html: Option<PathBuf>,
    /// Print the whole timeline of one recipient
    #[arg(long, value_name = "ADDR", group = "form")]
    pub recipient: Option<String>,
    /// Write the addresses that may have got a second copy, one a line; `-` for standard output
    #[arg(long, value_name = "FILE", group = "form")]
    pub possible_duplicates: Option<PathBuf>,
    /// Times in UTC instead of the machine's time zone
    #[arg(long)]
    pub utc: bool,
}

/// `posthaste token`
#[derive(Args, Clone, Debug, PartialEq)]
#[command(after_help = TOKEN_EXAMPLES)]
pub struct TokenArgs {
    /// What holds it: a token, a URL, a header, a return path, a Message-ID, a whole bounce; `-` reads standard input
    #[arg(value_name = "TEXT", allow_hyphen_values = true)]
    pub text: String,
    /// Where campaigns and journals live; goes before engine.data
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The engine's configuration, for engine.data
    #[arg(long, value_name = "engine.toml")]
    pub config: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Times in UTC instead of the machine's time zone
    #[arg(long)]
    pub utc: bool,
}
