//! `posthaste probe`: how mail to a domain, or to one server, would go; no mail is sent.
//!
//! Guarantees: it ends with 0 if mail would be delivered now, else with 1. Leaves to others: finding it out
//! (`engine::probe`).

mod json;
#[cfg(test)]
mod tests;
mod text;

use super::cli::ProbeArgs;
use super::config::EngineConfig;
use super::config::engine::SmarthostTls;
use super::config::values::{HostPort, is_host};
use super::exit::{Exit, Failure};
use super::send::{names, prepare, sources, tls};
use crate::engine::probe::{Found, Means, Target, probe};
use crate::engine::smarthost::{Smarthost, parse_smarthost};
use crate::engine::source::Source;
use crate::mail::reply::Printable;
use crate::smtp::client::{Config, Starttls, Timeouts};
use crate::wire::dns::{Dnssec, Resolver, ResolverConfig};
use std::net::IpAddr;
use std::time::Duration;

/// A call takes no longer; a server that lets us wait for its greeting shows it by then.
const CALL_MAX: Duration = Duration::from_secs(60);
/// And each of its phases no longer than this.
const PHASE_MAX: Duration = Duration::from_secs(40);

/// The port on which TLS stands before the greeting (RFC 8314 §7.3).
const SUBMISSIONS: u16 = 465;

/// What the outputs are made of.
struct Probed<'p> {
    target: &'p Target,
    /// As it was asked for.
    name: String,
    means: &'p Means,
    found: &'p Found,
    /// Whether answers are proven by DNSSEC.
    dnssec: bool,
    now_s: i64,
}

/// Runs the command.
///
/// # Errors
/// A wrong target or configuration, or a machine without a resolver.
pub(super) fn run(args: &ProbeArgs) -> Result<Exit, Failure> {
    let config = super::configured(args.config.as_deref())?;
    let target = target(&args.target, args.port)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::failed(format!("the look-ups cannot start: {e}")))?;
    let (means, found) = runtime.block_on(async {
        let means = means(&config, &target, args.port, args.source)?;
        let found = probe(&target, &means).await;
        Ok::<_, Failure>((means, found))
    })?;
    names::warn_of([&means.source]);
    let now_s = i64::from(crate::wire::clock::unix_now().0);
    let probed = Probed {
        target: &target,
        name: args.target.clone(),
        means: &means,
        found: &found,
        dnssec: config.dns.dnssec != Dnssec::Off,
        now_s,
    };
    let said = if args.json { json::object(&probed) } else { text::page(&probed) };
    super::print_out(&said)?;
    Ok(if found.taker().is_some() { Exit::Settled } else { Exit::Failed })
}

/// A domain; or, with a port, a host.
fn target(text: &str, port: Option<u16>) -> Result<Target, Failure> {
    let text = text.trim();
    // An address literal is a domain (RFC 5321 §4.1.3); with a port behind it, it is a server.
    if text.starts_with('[') && text.ends_with(']') {
        return Ok(Target::Domain(text.into()));
    }
    let wrong = || {
        let shown = Printable(text.as_bytes());
        Failure::usage(format!(
            "{shown} is neither a domain nor HOST:PORT\nhint: write \"acme.example\" or \"mx.acme.example:25\""
        ))
    };
    // What people have at hand is often an address of someone.
    let domain = text.rsplit_once('@').map_or(text, |(_, domain)| domain);
    if !domain.contains(':') && domain.parse::<IpAddr>().is_err() {
        let ascii = idna::domain_to_ascii(domain).map_err(|_| wrong())?;
        let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
        return if is_host(ascii) { Ok(Target::Domain(ascii.to_ascii_lowercase().into())) } else { Err(wrong()) };
    }
    let host: HostPort = text.parse().map_err(|_: String| wrong())?;
    let with_port = HostPort { port: Some(host.port.or(port).unwrap_or(25)), ..host };
    let smarthost = parse_smarthost(&with_port.to_string()).map_err(|e| Failure::usage(e.to_string()))?;
    Ok(Target::Host(smarthost))
}

/// What a call needs, by the configuration; `port` and `source` go before it.
///
/// # Errors
/// What is configured cannot be used.
pub(super) fn means(
    config: &EngineConfig,
    target: &Target,
    port: Option<u16>,
    source: Option<IpAddr>,
) -> Result<Means, Failure> {
    let port = match target {
        Target::Domain(_) => port.unwrap_or(config.delivery.port),
        Target::Host(Smarthost::Host(_, port)) => *port,
        Target::Host(Smarthost::Address(address)) => address.port(),
    };
    let hosts_file = matches!(target, Target::Host(_));
    let resolver = ResolverConfig { tlsa_port: port, hosts_file, ..prepare::resolver(config) };
    let source = self::source(source, config)?;
    let d = &config.delivery;
    Ok(Means {
        resolver: Resolver::new(&resolver).map_err(|e| Failure::usage(e.to_string()))?,
        policies: tls::policies(config, tls::rules(config), &config.engine.data)?,
        tls: tls::client(config)?,
        session: Config {
            ehlo: (*source.ehlo).into(),
            pipelining: d.pipelining,
            chunking: d.chunking,
            starttls: Starttls::Offered,
            auth: None,
            refused_max: 1,
            transactions_max: d.messages_per_session,
            window_transactions_max: 1,
            window_bytes_max: 1,
            timeouts: Timeouts {
                greeting: PHASE_MAX,
                hello: PHASE_MAX,
                mail: PHASE_MAX,
                rcpt: PHASE_MAX,
                data: PHASE_MAX,
                content: PHASE_MAX,
                end: PHASE_MAX,
                quit: Duration::from_secs(2),
            },
        },
        source,
        implicit_tls: implicit(config, target, port),
        port,
        connect_timeout: d.connect_timeout,
        limit: CALL_MAX,
    })
}

/// The configured source with the address of `--source`, or one for it alone; without, the first.
fn source(wanted: Option<IpAddr>, config: &EngineConfig) -> Result<Source, Failure> {
    let sources = sources::usual(config)?;
    let unbound = || Source::unbound(prepare::hostname(config));
    let Some(address) = wanted else { return Ok(sources.into_iter().next().unwrap_or_else(unbound)) };
    let has = |source: &Source| source.address_for(address) == Some(address);
    let mut source = sources.into_iter().find(has).unwrap_or_else(unbound);
    match address {
        IpAddr::V4(ip) => (source.ipv4, source.ipv6) = (Some(ip), None),
        IpAddr::V6(ip) => (source.ipv4, source.ipv6) = (None, Some(ip)),
    }
    let hint = "hint: `ip address` lists this machine's";
    source.check().map_err(|error| Failure::usage(format!("--source: {error}\n{hint}")))?;
    Ok(source)
}

/// Whether TLS stands before the greeting: on the port that is for it, and at the configured smarthost if that is so.
fn implicit(config: &EngineConfig, target: &Target, port: u16) -> bool {
    let Target::Host(host) = target else { return false };
    let configured = config.delivery.smarthost.as_ref().is_some_and(|smarthost| {
        let whole = HostPort { port: smarthost.port.or(Some(config.delivery.port)), ..smarthost.clone() };
        parse_smarthost(&whole.to_string()).as_ref() == Ok(host)
    });
    port == SUBMISSIONS || (configured && config.smarthost.tls == SmarthostTls::Implicit)
}
