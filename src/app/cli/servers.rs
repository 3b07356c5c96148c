//! The commands that are a server, or look at one: `sink`, `probe`, `tls-report`.

use super::super::config::values::{duration, percentage};
use clap::Args;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

const SINK_EXAMPLES: &str = "\
Examples:
  Receive until Ctrl-C, then print one JSON object:
    posthaste sink --listen 127.0.0.1:2525
  A slow and moody receiver:
    posthaste sink --rtt-ms 20 --defer 5 --reject 1
  Keep each message as a file, for a minute:
    posthaste sink --keep mail/ --for 60";

const PROBE_EXAMPLES: &str = "\
Examples:
  Exchangers, TLS policy, certificates, what would be sent how:
    posthaste probe acme.example
  The same, as this engine would send:
    posthaste probe ann@acme.example --config engine.toml
  One server, without a look at MX records (465: TLS first):
    posthaste probe relay.example:587
  From this address of the machine; one JSON object:
    posthaste probe acme.example --source 192.0.2.1 --json

Exit codes: 0 mail would be delivered, 1 it would not, 2 usage or bad input.";

const TLS_REPORT_EXAMPLES: &str = "\
Examples:
  The reports of the days that are over, a file for each domain:
    posthaste tls-report --write reports/ --config engine.toml
  Mail them to where the domains want them:
    posthaste tls-report --mail --contact tls@acme.example";

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
    /// The engine's configuration; without it, POSTHASTE_CONFIG or /etc/posthaste/engine.toml
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
#[command(after_help = TLS_REPORT_EXAMPLES)]
pub struct TlsReportArgs {
    /// The engine's configuration; without it, POSTHASTE_CONFIG or /etc/posthaste/engine.toml
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
