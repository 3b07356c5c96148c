//! From configuration to what the engine is told.

use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::super::cli::SendArgs;
use super::super::config::{Asks, CampaignConfig, EngineConfig, campaign};
use super::super::destination::Destination;
use super::super::exit::Failure;
use super::content::Content;
use super::sources;
use crate::engine::load::Load;
use crate::engine::loader::List;
use crate::engine::settings::{Delivery, OnUncertain};
use crate::engine::suppressions::Suppressions;
use crate::engine::table::Manifest;
use crate::journal::disk::Fault;
use crate::shape::retry::Schedule;
use crate::smtp::client::Timeouts;
use crate::wire::disk::room_for;
use crate::wire::dns::{Ourself, ResolverConfig};

/// The octets of content that a shard may render ahead.
const AHEAD_BYTES_MAX: usize = 64 << 20;
/// Octets of a list on standard input that are copied at once.
const COPIED_OCTETS: usize = 1 << 20;
/// Messages ahead where a crash would hold them.
const AHEAD_HELD_MAX: u32 = 64;
/// How long an idle session is kept for more.
const IDLE: Duration = Duration::from_secs(10);
/// How long Ctrl-C waits for what is under way.
const DRAIN: Duration = Duration::from_secs(30);
/// The first pause of a site that cannot be reached.
const BACKOFF_MIN: Duration = Duration::from_secs(30);
/// The same for a server of our own: it is expected back soon.
const BACKOFF_MIN_TRUSTED: Duration = Duration::from_secs(1);
/// A list that was written to so lately may not be written to its end.
pub const QUIET: Duration = Duration::from_millis(300);
/// RFC 5321 §4.5.3.2.
pub const TIMEOUTS: Timeouts = Timeouts {
    greeting: Duration::from_secs(300),
    hello: Duration::from_secs(300),
    mail: Duration::from_secs(300),
    rcpt: Duration::from_secs(300),
    data: Duration::from_secs(120),
    content: Duration::from_secs(180),
    end: Duration::from_secs(600),
    quit: Duration::from_secs(5),
};

/// How to deliver.
///
/// # Errors
/// Sources or a login that cannot be used.
pub fn delivery(
    args: &SendArgs,
    destination: &Destination,
    config: &EngineConfig,
    campaign: &CampaignConfig,
) -> Result<Delivery, Failure> {
    let trusted = !matches!(destination, Destination::Exchangers(_));
    let d = &config.delivery;
    Ok(Delivery {
        sources: sources::sources(destination, config, campaign)?,
        port: d.port,
        sessions_per_site: d.sessions_per_site,
        sessions_whole: d.sessions_per_site,
        trusted,
        max_bounced: (!args.ignore_bounces).then_some(campaign.max_bounced),
        smarthost: matches!(destination, Destination::Smarthost(..)),
        recipients_per_transaction: d.recipients_per_transaction,
        messages_per_session: d.messages_per_session,
        implicit_tls: sources::implicit_tls(destination, config),
        auth: sources::credentials(destination, config)?,
        options: (campaign.asks != Asks::default()).then(|| Arc::new(campaign.asks.clone())),
        pipelining: d.pipelining,
        chunking: d.chunking,
        connect_timeout: d.connect_timeout,
        timeouts: TIMEOUTS,
        retry: Schedule {
            steps: campaign.retry.clone().unwrap_or_else(|| d.retry.clone()),
            lifetime: campaign.lifetime.unwrap_or(d.lifetime),
        },
        on_uncertain: on_uncertain(campaign),
        // After a crash all that was ahead is uncertain: where the uncertain are held, that must be few.
        ahead_max: match campaign.on_uncertain {
            campaign::OnUncertain::Retry => config.engine.lookahead_messages,
            campaign::OnUncertain::Hold => config.engine.lookahead_messages.min(AHEAD_HELD_MAX),
        },
        ahead_bytes_max: AHEAD_BYTES_MAX,
        idle: IDLE,
        drain: DRAIN,
        backoff_min: if trusted { BACKOFF_MIN_TRUSTED } else { BACKOFF_MIN },
    })
}

/// What is done with recipients who may have got their mail.
#[must_use]
pub fn on_uncertain(campaign: &CampaignConfig) -> OnUncertain {
    match campaign.on_uncertain {
        campaign::OnUncertain::Retry => OnUncertain::Retry,
        campaign::OnUncertain::Hold => OnUncertain::Hold,
    }
}

/// The configured name of this host, or the system's.
#[must_use]
pub fn hostname(config: &EngineConfig) -> Arc<str> {
    let name = &config.engine.hostname.0;
    if !name.is_empty() {
        return name.as_str().into();
    }
    let system = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let system = system.trim();
    if system.is_empty() { "localhost".into() } else { system.into() }
}

/// Shards: one for every 8 cores, unless said otherwise.
#[must_use]
pub fn shards(config: &EngineConfig) -> u16 {
    match config.engine.shards {
        0 => u16::try_from(cores().div_ceil(8)).unwrap_or(1),
        shards => shards,
    }
}

/// Render threads: one for every core, unless said otherwise.
#[must_use]
pub fn render_threads(config: &EngineConfig) -> usize {
    match config.engine.render_threads {
        0 => cores(),
        threads => usize::from(threads),
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How domains are looked up.
#[must_use]
pub fn resolver(config: &EngineConfig) -> ResolverConfig {
    ResolverConfig {
        servers: config.dns.servers.iter().map(ToString::to_string).collect(),
        timeout: config.dns.timeout,
        seed: fastrand::u64(..),
        dnssec: config.dns.dnssec,
        trust_anchor: config.dns.trust_anchor.clone(),
        dane: config.dns.dane,
        tlsa_port: config.delivery.smarthost.as_ref().and_then(|host| host.port).unwrap_or(config.delivery.port),
        ourselves: ourselves(config),
        interfaces: true,
        allow_loopback: config.dns.allow_loopback,
        ..ResolverConfig::default()
    }
}

/// What is named, and the addresses that we send from: mail to them would come back.
fn ourselves(config: &EngineConfig) -> Vec<Ourself> {
    let sources = config.sources.iter().flat_map(|source| [source.ipv4.map(IpAddr::V4), source.ipv6.map(IpAddr::V6)]);
    let sources = sources.flatten().filter(|_| !config.dns.allow_loopback).map(Ourself::Address);
    config.dns.ourselves.iter().cloned().chain(sources).collect()
}

/// Copies to the end. A list may be of any length, and the disk's reserve is not for it.
///
/// # Errors
/// The disk, or what it is copied from.
pub fn copy_within_room(from: &mut dyn Read, to: &mut dyn Write, home: &Path) -> io::Result<u64> {
    let mut copied = 0;
    let mut piece = vec![0; COPIED_OCTETS];
    loop {
        let full = |fault: Fault| io::Error::new(io::ErrorKind::StorageFull, fault.to_string());
        room_for("keep the list in", home, COPIED_OCTETS as u64).map_err(full)?;
        match from.read(&mut piece) {
            Ok(0) => return Ok(copied),
            Ok(octets) => {
                to.write_all(piece.get(..octets).unwrap_or_default())?;
                copied += octets as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// What the loader is told.
///
/// # Errors
/// A suppression file that cannot be read.
pub fn load(
    config: &EngineConfig,
    campaign: &CampaignConfig,
    list: List,
    content: Option<&Content>,
    manifest: &Manifest,
) -> Result<Load, Failure> {
    let suppressions = suppressions(config, &manifest.identity_key)?;
    Ok(Load {
        list,
        email: campaign.recipients.email.value.clone(),
        header_columns: content.map(|content| content.header_columns.clone()).unwrap_or_default(),
        max_rejected: campaign.recipients.max_rejected,
        suppressions,
        readmitted: Vec::new(),
        quiet: QUIET,
    })
}

/// Who gets no mail, as the files say now.
///
/// # Errors
/// A file that cannot be read.
pub fn suppressions(config: &EngineConfig, key: &[u8; 32]) -> Result<Suppressions, Failure> {
    let secret = key.first_chunk::<16>().copied().unwrap_or_default();
    Suppressions::read(secret, &config.engine.suppression).map_err(|e| Failure::usage(e.to_string()))
}

/// 32 random octets.
///
/// # Errors
/// The system has none.
pub fn random_key() -> Result<[u8; 32], Failure> {
    let mut key = [0; 32];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| Failure::failed("the system gives no random numbers"))?;
    Ok(key)
}
